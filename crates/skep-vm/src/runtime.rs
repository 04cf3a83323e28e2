//! One run: what native code, the interpreter and the functions they call know of it.

use std::mem::offset_of;
use std::sync::Arc;

use skep_abi::ProgType;
use skep_map::Map;

use crate::context::RunContext;
use crate::error::Trap;
use crate::executable::Executable;
use crate::memory::Span;
use crate::trial::MAX_TRIAL_JUMPS;

/// The place that programs run in, as this crate sees it.
pub trait World: Sized + 'static {
    /// The program with this id, as stored in program arrays: the target of a tail call.
    fn program(&self, id: u32) -> Option<Arc<Executable<Self>>>;

    /// The CPU that the run is on.
    fn cpu(&self) -> u32;
}

/// Most tail calls of a run (`MAX_TAIL_CALL_CNT`).
pub const MAX_TAIL_CALLS: u32 = 33;

/// How often `may_goto` lets a run go on (`BPF_MAX_LOOPS`). Linux counts by frame and watches the clock; here all
/// loops of a run share the count, and a run ends the same way on every machine.
pub const MAX_MAY_GOTO: u32 = 8 << 20;

/// What a run is made of. Native code holds its address in a register and uses the first fields by their offsets.
#[repr(C)]
pub(crate) struct Runtime<W> {
    /// What the last taken tail call returned.
    pub(crate) tail_result: u64,
    /// How often `may_goto` will still go on.
    pub(crate) may_goto: u32,
    pub(crate) tail_calls: u32,
    /// Where the context's fields are.
    pub(crate) fields: u64,
    pub(crate) world: *mut W,
    pub(crate) context: *mut RunContext,
    /// The maps of the program that runs now.
    pub(crate) maps: *const [Arc<Map>],
    /// The kind of the program that the run began with.
    pub(crate) prog_type: ProgType,
    /// Why a program that was tail-called ended early.
    pub(crate) trap: Option<Trap>,
    /// How many jumps and calls a program that nobody verified may still make.
    pub(crate) jumps_left: u32,
    /// The frame of the function that a trap ended.
    pub(crate) trapped_in: Span,
}

/// Offsets for native code.
pub(crate) const TAIL_RESULT: i32 = offset_of!(Runtime<()>, tail_result) as i32;
pub(crate) const MAY_GOTO: i32 = offset_of!(Runtime<()>, may_goto) as i32;

/// A function as native code calls it: r1 to r5, and the run.
pub(crate) type Shim<W> = extern "C" fn(u64, u64, u64, u64, u64, *mut Runtime<W>) -> u64;

impl<W: World> Runtime<W> {
    pub(crate) fn new(
        world: &mut W,
        context: &mut RunContext,
        maps: &[Arc<Map>],
        prog_type: ProgType,
    ) -> Runtime<W> {
        context.settle();
        Runtime {
            tail_result: 0,
            may_goto: MAX_MAY_GOTO,
            tail_calls: 0,
            fields: context.address(),
            world,
            context,
            maps,
            prog_type,
            trap: None,
            jumps_left: MAX_TRIAL_JUMPS,
            trapped_in: Span::default(),
        }
    }

    pub(crate) fn world(&mut self) -> &mut W {
        // SAFETY: made from the exclusive reference that `run` holds for as long as this value lives, and every
        // reference made from it is bound to a borrow of `self`.
        unsafe { &mut *self.world }
    }

    pub(crate) fn context(&mut self) -> &mut RunContext {
        // SAFETY: as for the world.
        unsafe { &mut *self.context }
    }

    /// The maps of the program that runs now.
    pub(crate) fn maps<'r>(&self) -> &'r [Arc<Map>] {
        // SAFETY: they belong to the executable that runs, which is borrowed by `run` or held by `tail_call` until its
        // run is over; nothing that uses them outlives that, as what is made from them is bound to a call or a run.
        unsafe { &*self.maps }
    }

    /// Runs the program at an index of a program array in place of the caller: its result, or `None` if there is no
    /// such program, it is of another kind, or there were [`MAX_TAIL_CALLS`].
    pub(crate) fn tail_call(&mut self, array: &Map, index: u32) -> Option<u64> {
        if self.tail_calls >= MAX_TAIL_CALLS {
            return None;
        }
        let target = self.world().program(array.prog_at(index)?)?;
        if target.prog_type() != self.prog_type || target.admits(self.context()).is_err() {
            return None;
        }
        self.tail_calls += 1;
        let maps = std::mem::replace(&mut self.maps, target.maps());
        let result = target.run_in(self);
        self.maps = maps;
        Some(result.unwrap_or_else(|trap| {
            self.trap = Some(trap);
            0
        }))
    }
}

/// `bpf_tail_call` as native code calls it: 1 if it was taken, with the result left in the run.
pub(crate) extern "C" fn tail_call<W: World>(
    _context: u64,
    array: u64,
    index: u64,
    _: u64,
    _: u64,
    run: *mut Runtime<W>,
) -> u64 {
    // SAFETY: only engines call this, with the run they are in, which nothing else uses meanwhile, and an array that
    // the verifier, or the interpreter before the call, found to be one of the program's maps.
    let (run, array) = unsafe { (&mut *run, &*std::ptr::with_exposed_provenance::<Map>(array as usize)) };
    match run.tail_call(array, index as u32) {
        Some(result) => {
            run.tail_result = result;
            1
        }
        None => 0,
    }
}

/// What [`load_packet`] returns for a load out of bounds: no load gives so much.
pub(crate) const NO_PACKET: u64 = u64::MAX;

/// A packet load: `N` bytes at an offset, in host order.
pub(crate) extern "C" fn load_packet<W: World, const N: usize>(run: *mut Runtime<W>, offset: u64) -> u64 {
    // SAFETY: only engines call this, with the run they are in, which nothing else uses meanwhile.
    let run = unsafe { &mut *run };
    match run.context().packet().load::<N>(offset as i32) {
        Some(bytes) => bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
        None => NO_PACKET,
    }
}
