//! The checked interpreter: the reference for what a program does.
//!
//! Every access to memory is first found in the [memory model](crate::memory), every argument of a call held against
//! the function's description; what is not as it must be ends the run with a trap that names the instruction. Proofs of
//! the verifier are used for nothing but to know which instructions touch the context.
//! Semantics: RFC 9669 sections 4 and 5; `___bpf_prog_run` of kernel/bpf/core.c, Linux 6.18.

pub(crate) mod alu;
mod code;

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use skep_abi::{Arg, MapType};
use skep_isa::{AluOp, AtomicOp, Cond, Width};
use skep_map::Map;

use crate::call::memory_len;
use crate::error::{Trap, TrapKind};
use crate::lower::{CallSite, LowFunction, Lowered, map_address};
use crate::memory::{Number, Regions, Sharing, Span};
use crate::runtime::{NO_PACKET, Runtime, World, load_packet};
use crate::{MAX_FRAMES, MAX_STACK};
use code::{Code, Step, atomic_imm, with_forms};

/// A program as the interpreter runs it.
pub(crate) struct Image<W: World> {
    /// One a slot, and a dead one after the last.
    steps: Box<[Step]>,
    functions: Box<[LowFunction]>,
    calls: Box<[CallSite<W>]>,
    /// Whether r1 points to fields, rather than to memory.
    has_fields: bool,
}

/// Words of the stack of a run, all frames together.
const STACK_WORDS: usize = MAX_FRAMES * MAX_STACK / 8;

/// What a local call leaves behind.
#[derive(Clone, Copy)]
struct Caller {
    /// The step to go on with.
    pc: *const Step,
    /// r6 to r9.
    saved: [u64; 4],
}

impl<W: World> Image<W> {
    pub(crate) fn new(lowered: Lowered<W>) -> Image<W> {
        let steps = lowered.insns.iter().enumerate().map(|(at, low)| Step::new(at, low));
        Image {
            steps: steps.chain([Step::DEAD]).collect(),
            functions: lowered.functions.into(),
            calls: lowered.calls.into(),
            has_fields: lowered.context_bytes > 0,
        }
    }

    /// Runs the program; `LIMITED` if nobody proved that it ends: then a run ends after so many jumps and calls.
    // Not inlined, so that its stack lies below the `Runtime` in its caller's frame, where a call's memory is taken for
    // private to this thread.
    #[inline(never)]
    pub(crate) fn run<const LIMITED: bool>(&self, run: &mut Runtime<W>) -> Result<u64, Trap> {
        let mut stack = [MaybeUninit::<u64>::uninit(); STACK_WORDS];
        let stack_start = stack.as_mut_ptr().expose_provenance() as u64;
        let mut free = stack_start + size_of_val(&stack) as u64;
        let (packet, meta) = run.context().spans();
        let fields = run.fields;
        let frame = Span { start: free, end: free };
        let maps = run.maps();
        let mut regions = Regions { frame, callers: [frame; MAX_FRAMES], depth: 0, packet, meta, maps };
        let mut callers = [Caller { pc: std::ptr::null(), saved: [0; 4] }; MAX_FRAMES];
        let mut regs = [0_u64; 11];
        (regs[1], regs[2]) =
            if self.has_fields { (fields, 0) } else { (packet.start, packet.end - packet.start) };

        let first = self.steps.as_ptr();
        // SAFETY: functions start at slots, of which there are as many as steps.
        let mut pc = unsafe { first.add(self.functions[0].start) };

        macro_rules! reg {
            ($index:expr) => {
                // SAFETY: lowering admits r0 to r10 only.
                *unsafe { regs.get_unchecked_mut($index as usize) }
            };
        }
        macro_rules! trap {
            ($what:expr) => {{
                // SAFETY: both point into the steps, `pc` behind the one that runs.
                let insn = unsafe { pc.offset_from(first) } as usize - 1;
                run.trapped_in = regions.frame;
                return Err(Trap { insn, what: $what });
            }};
        }
        // A new frame for the function with this index.
        macro_rules! enter {
            ($function:expr) => {{
                let function: &LowFunction = $function;
                let Some(start) = free.checked_sub(function.stack.into()).filter(|s| *s >= stack_start)
                else {
                    trap!(TrapKind::Frames)
                };
                // SAFETY: inside the stack, and no reference is made into it.
                unsafe {
                    let at = std::ptr::with_exposed_provenance_mut::<u8>(start as usize);
                    at.write_bytes(0, function.stack as usize);
                }
                regions.frame = Span { start, end: free };
                regs[10] = free;
                free = start;
                // SAFETY: as for the entry.
                pc = unsafe { first.add(function.start) };
            }};
        }
        macro_rules! spend {
            () => {
                if LIMITED {
                    let Some(left) = run.jumps_left.checked_sub(1) else { trap!(TrapKind::Endless) };
                    run.jumps_left = left;
                }
            };
        }
        macro_rules! jump {
            ($step:ident) => {{
                spend!();
                // SAFETY: lowering found the target inside the function.
                pc = unsafe { pc.offset($step.off as isize) }
            }};
        }
        macro_rules! leave {
            () => {{
                if regions.depth == 0 {
                    return Ok(regs[0]);
                }
                free = regions.frame.end;
                regions.depth -= 1;
                regions.frame = regions.callers[regions.depth];
                let caller = &callers[regions.depth];
                regs[6..10].copy_from_slice(&caller.saved);
                regs[10] = regions.frame.end;
                pc = caller.pc;
            }};
        }
        macro_rules! load {
            ($int:ty, $step:ident) => {{
                let addr = reg!($step.src).wrapping_add($step.off as i64 as u64);
                match load::<$int>(&regions, addr) {
                    Some(value) => value,
                    None => trap!(TrapKind::Read { addr, len: size_of::<$int>() as u64 }),
                }
            }};
        }
        macro_rules! store {
            ($int:ty, $step:ident, $value:expr) => {{
                let addr = reg!($step.dst).wrapping_add($step.off as i64 as u64);
                if !store::<$int>(&regions, addr, $value as $int) {
                    trap!(TrapKind::Write { addr, len: size_of::<$int>() as u64 });
                }
            }};
        }
        // The address of a field, if the register really has the context in it.
        macro_rules! field {
            ($pointer:expr, $step:ident, $place:expr) => {{
                let (pointer, addr) = ($pointer, fields + $place as u64);
                if pointer.wrapping_add($step.off as i64 as u64) != addr {
                    trap!(TrapKind::NotContext { addr: pointer });
                }
                addr
            }};
        }
        macro_rules! load_field {
            ($int:ty, $step:ident) => {{
                let addr = field!(reg!($step.src), $step, $step.imm);
                // SAFETY: the place of a field, in the context of this run.
                unsafe { <$int>::load(addr, Sharing::Private) }
            }};
        }
        macro_rules! store_field {
            ($int:ty, $step:ident, $place:expr, $value:expr) => {{
                let (addr, value) = (field!(reg!($step.dst), $step, $place), $value as $int);
                // SAFETY: the place of a field, in the context of this run.
                unsafe { <$int>::store(addr, value, Sharing::Private) }
            }};
        }
        // The atomic at an address, if the program may write there and it is aligned.
        macro_rules! atomic {
            ($atomic:ident, $int:ty, $addr:expr, $write:expr) => {{
                let (addr, len) = ($addr, size_of::<$int>() as u64);
                if regions.find(addr, len, $write).is_none() {
                    trap!(if $write { TrapKind::Write { addr, len } } else { TrapKind::Read { addr, len } });
                }
                if !addr.is_multiple_of(len) {
                    trap!(TrapKind::Misaligned { addr });
                }
                // SAFETY: found in the memory model and aligned; private memory is behind no reference while the
                // program runs, and shared memory is accessed by atomics and machine code only.
                unsafe { $atomic::from_ptr(std::ptr::with_exposed_provenance_mut(addr as usize)) }
            }};
        }
        macro_rules! acquire {
            ($atomic:ident, $int:ty, $step:ident) => {{
                let addr = reg!($step.src).wrapping_add($step.off as i64 as u64);
                reg!($step.dst) = atomic!($atomic, $int, addr, false).load(Ordering::Acquire).into();
            }};
        }
        macro_rules! release {
            ($atomic:ident, $int:ty, $step:ident) => {{
                let addr = reg!($step.dst).wrapping_add($step.off as i64 as u64);
                atomic!($atomic, $int, addr, true).store(reg!($step.src) as $int, Ordering::Release);
            }};
        }
        macro_rules! read_modify_write {
            ($atomic:ident, $int:ty, $step:ident) => {{
                let addr = reg!($step.dst).wrapping_add($step.off as i64 as u64);
                let value = reg!($step.src) as $int;
                let place = atomic!($atomic, $int, addr, true);
                let op = $step.imm;
                const SEQ: Ordering = Ordering::SeqCst;
                let old = match op >> 1 {
                    ADD => place.fetch_add(value, SEQ),
                    OR => place.fetch_or(value, SEQ),
                    AND => place.fetch_and(value, SEQ),
                    XOR => place.fetch_xor(value, SEQ),
                    XCHG => place.swap(value, SEQ),
                    _ => {
                        let expected = regs[0] as $int;
                        let (Ok(old) | Err(old)) = place.compare_exchange(expected, value, SEQ, SEQ);
                        regs[0] = old.into();
                        continue;
                    }
                };
                if op & 1 == 1 {
                    reg!($step.src) = old.into();
                }
            }};
        }
        macro_rules! packet {
            ($size:literal, $step:ident) => {{
                if regs[6] != fields {
                    trap!(TrapKind::NotContext { addr: regs[6] });
                }
                let base = if $step.dst == 1 { reg!($step.src) } else { 0 };
                match load_packet::<W, $size>(run, base.wrapping_add($step.imm as u64)) {
                    NO_PACKET => {
                        regs[0] = 0;
                        leave!();
                    }
                    value => regs[0] = value,
                }
            }};
        }

        // Only the frame of a called function can fail to fit, so a trap has a call to name.
        pc = pc.wrapping_add(1);
        enter!(&self.functions[0]);
        loop {
            // SAFETY: `pc` starts at a function's first step and only moves to the next one or to a jump's target, and
            // the last step of all is dead.
            let step = unsafe { &*pc };
            pc = pc.wrapping_add(1);
            macro_rules! dispatch {
                (
                    { $($alu:ident: $ai64:ident $ar64:ident $ai32:ident $ar32:ident;)* }
                    { $($cond:ident: $ji64:ident $jr64:ident $ji32:ident $jr32:ident;)* }
                    { $($rest:tt)* }
                ) => {
                    match step.code {
                        $(
                            Code::$ai64 => {
                                let value = alu::alu(AluOp::$alu, Width::W64, reg!(step.dst), step.imm as u64);
                                reg!(step.dst) = value;
                            }
                            Code::$ar64 => {
                                let value = alu::alu(AluOp::$alu, Width::W64, reg!(step.dst), reg!(step.src));
                                reg!(step.dst) = value;
                            }
                            Code::$ai32 => {
                                let value = alu::alu(AluOp::$alu, Width::W32, reg!(step.dst), step.imm as u64);
                                reg!(step.dst) = value;
                            }
                            Code::$ar32 => {
                                let value = alu::alu(AluOp::$alu, Width::W32, reg!(step.dst), reg!(step.src));
                                reg!(step.dst) = value;
                            }
                        )*
                        $(
                            Code::$ji64 => {
                                if alu::holds(Cond::$cond, Width::W64, reg!(step.dst), step.imm as u64) {
                                    jump!(step);
                                }
                            }
                            Code::$jr64 => {
                                if alu::holds(Cond::$cond, Width::W64, reg!(step.dst), reg!(step.src)) {
                                    jump!(step);
                                }
                            }
                            Code::$ji32 => {
                                if alu::holds(Cond::$cond, Width::W32, reg!(step.dst), step.imm as u64) {
                                    jump!(step);
                                }
                            }
                            Code::$jr32 => {
                                if alu::holds(Cond::$cond, Width::W32, reg!(step.dst), reg!(step.src)) {
                                    jump!(step);
                                }
                            }
                        )*
                        $($rest)*
                    }
                };
            }
            with_forms! { dispatch {
                Code::Dead => trap!(TrapKind::Unreachable),
                Code::Const => {
                    reg!(step.dst) = step.imm as u64;
                    pc = pc.wrapping_add(1);
                }
                Code::Neg64 => reg!(step.dst) = reg!(step.dst).wrapping_neg(),
                Code::Neg32 => reg!(step.dst) = (reg!(step.dst) as u32).wrapping_neg().into(),
                Code::Sx8To64 => reg!(step.dst) = reg!(step.src) as i8 as u64,
                Code::Sx16To64 => reg!(step.dst) = reg!(step.src) as i16 as u64,
                Code::Sx32To64 => reg!(step.dst) = reg!(step.src) as i32 as u64,
                Code::Sx8To32 => reg!(step.dst) = (reg!(step.src) as i8 as u32).into(),
                Code::Sx16To32 => reg!(step.dst) = (reg!(step.src) as i16 as u32).into(),
                Code::Zx16 => reg!(step.dst) &= 0xffff,
                Code::Zx32 => reg!(step.dst) &= 0xffff_ffff,
                Code::Swap16 => reg!(step.dst) = (reg!(step.dst) as u16).swap_bytes().into(),
                Code::Swap32 => reg!(step.dst) = (reg!(step.dst) as u32).swap_bytes().into(),
                Code::Swap64 => reg!(step.dst) = reg!(step.dst).swap_bytes(),
                Code::Nop => {}
                Code::Ja => jump!(step),
                Code::MayGoto => match run.may_goto.checked_sub(1) {
                    Some(left) => run.may_goto = left,
                    None => jump!(step),
                },
                Code::CallLocal => {
                    spend!();
                    if regions.depth + 1 == MAX_FRAMES {
                        trap!(TrapKind::Frames);
                    }
                    let saved = [regs[6], regs[7], regs[8], regs[9]];
                    callers[regions.depth] = Caller { pc, saved };
                    regions.callers[regions.depth] = regions.frame;
                    regions.depth += 1;
                    enter!(&self.functions[step.imm as usize]);
                }
                Code::Call => {
                    let site = &self.calls[step.imm as usize];
                    let args = [regs[1], regs[2], regs[3], regs[4], regs[5]];
                    if let Err(what) = check_call(site, &args, &regions, fields) {
                        trap!(what);
                    }
                    regs[0] = (site.shim)(args[0], args[1], args[2], args[3], args[4], run);
                    (regions.packet, regions.meta) = run.context().spans();
                }
                Code::TailCall => {
                    let Some(array) = map_at(&regions, regs[2], &[MapType::ProgArray]) else {
                        trap!(TrapKind::Argument { arg: 1, value: regs[2] })
                    };
                    if regs[1] != fields {
                        trap!(TrapKind::NotContext { addr: regs[1] });
                    }
                    if let Some(result) = run.tail_call(array, regs[3] as u32) {
                        if let Some(trap) = run.trap {
                            return Err(trap);
                        }
                        regs[0] = result;
                        (regions.packet, regions.meta) = run.context().spans();
                        leave!();
                    }
                }
                Code::Exit => leave!(),
                Code::Load8 => reg!(step.dst) = load!(u8, step).into(),
                Code::Load16 => reg!(step.dst) = load!(u16, step).into(),
                Code::Load32 => reg!(step.dst) = load!(u32, step).into(),
                Code::Load64 => reg!(step.dst) = load!(u64, step),
                Code::LoadS8 => reg!(step.dst) = load!(u8, step) as i8 as u64,
                Code::LoadS16 => reg!(step.dst) = load!(u16, step) as i16 as u64,
                Code::LoadS32 => reg!(step.dst) = load!(u32, step) as i32 as u64,
                Code::StoreR8 => store!(u8, step, reg!(step.src)),
                Code::StoreR16 => store!(u16, step, reg!(step.src)),
                Code::StoreR32 => store!(u32, step, reg!(step.src)),
                Code::StoreR64 => store!(u64, step, reg!(step.src)),
                Code::StoreI8 => store!(u8, step, step.imm),
                Code::StoreI16 => store!(u16, step, step.imm),
                Code::StoreI32 => store!(u32, step, step.imm),
                Code::StoreI64 => store!(u64, step, step.imm),
                Code::Field8 => reg!(step.dst) = load_field!(u8, step).into(),
                Code::Field16 => reg!(step.dst) = load_field!(u16, step).into(),
                Code::Field32 => reg!(step.dst) = load_field!(u32, step).into(),
                Code::Field64 => reg!(step.dst) = load_field!(u64, step),
                Code::FieldS8 => reg!(step.dst) = load_field!(u8, step) as i8 as u64,
                Code::FieldS16 => reg!(step.dst) = load_field!(u16, step) as i16 as u64,
                Code::FieldS32 => reg!(step.dst) = load_field!(u32, step) as i32 as u64,
                Code::FieldR8 => store_field!(u8, step, step.imm, reg!(step.src)),
                Code::FieldR16 => store_field!(u16, step, step.imm, reg!(step.src)),
                Code::FieldR32 => store_field!(u32, step, step.imm, reg!(step.src)),
                Code::FieldR64 => store_field!(u64, step, step.imm, reg!(step.src)),
                Code::FieldI8 => store_field!(u8, step, step.imm >> 32, step.imm),
                Code::FieldI16 => store_field!(u16, step, step.imm >> 32, step.imm),
                Code::FieldI32 => store_field!(u32, step, step.imm >> 32, step.imm),
                Code::FieldI64 => store_field!(u64, step, step.imm >> 32, i64::from(step.imm as i32)),
                Code::Packet8 => packet!(1, step),
                Code::Packet16 => packet!(2, step),
                Code::Packet32 => packet!(4, step),
                Code::Atomic32 => read_modify_write!(AtomicU32, u32, step),
                Code::Atomic64 => read_modify_write!(AtomicU64, u64, step),
                Code::Acquire8 => acquire!(AtomicU8, u8, step),
                Code::Acquire16 => acquire!(AtomicU16, u16, step),
                Code::Acquire32 => acquire!(AtomicU32, u32, step),
                Code::Acquire64 => acquire!(AtomicU64, u64, step),
                Code::Release8 => release!(AtomicU8, u8, step),
                Code::Release16 => release!(AtomicU16, u16, step),
                Code::Release32 => release!(AtomicU32, u32, step),
                Code::Release64 => release!(AtomicU64, u64, step),
            } }
        }
    }
}

const ADD: i64 = atomic_imm(AtomicOp::Add, false) >> 1;
const OR: i64 = atomic_imm(AtomicOp::Or, false) >> 1;
const AND: i64 = atomic_imm(AtomicOp::And, false) >> 1;
const XOR: i64 = atomic_imm(AtomicOp::Xor, false) >> 1;
const XCHG: i64 = atomic_imm(AtomicOp::Xchg, false) >> 1;

#[inline(always)]
fn load<T: Number>(regions: &Regions<'_>, addr: u64) -> Option<T> {
    let sharing = regions.find(addr, size_of::<T>() as u64, false)?;
    // SAFETY: found in the memory model.
    Some(unsafe { T::load(addr, sharing) })
}

#[inline(always)]
fn store<T: Number>(regions: &Regions<'_>, addr: u64, value: T) -> bool {
    let Some(sharing) = regions.find(addr, size_of::<T>() as u64, true) else { return false };
    // SAFETY: found in the memory model; private memory is behind no reference while the program runs.
    unsafe { T::store(addr, value, sharing) };
    true
}

/// The map of one of these kinds (of any, if there are none) whose address this is.
fn map_at<'r>(regions: &Regions<'r>, addr: u64, kinds: &[MapType]) -> Option<&'r Map> {
    let map = regions.maps.iter().find(|map| map_address(map) == addr)?;
    (kinds.is_empty() || kinds.contains(&map.def().map_type)).then_some(map)
}

/// Holds a call against the function's description: what it does with memory must be allowed to the program.
fn check_call<W>(
    site: &CallSite<W>,
    args: &[u64; 5],
    regions: &Regions<'_>,
    fields: u64,
) -> Result<(), TrapKind> {
    let map = |index: usize| match site.function.args.get(index) {
        Some(Arg::Map(kinds)) => map_at(regions, args[index], kinds),
        _ => None,
    };
    for (index, arg) in site.function.args.iter().enumerate() {
        let value = args[index];
        let right = match *arg {
            Arg::Context => value == fields,
            Arg::Map(_) => map(index).is_some(),
            Arg::MapKey(of) | Arg::MapValue(of) | Arg::MapValueOut(of) => {
                let write = matches!(arg, Arg::MapValueOut(_));
                map(of as usize).is_some()
                    && memory_len(site.function, index, args, |of| map(of).expect("looked at before"))
                        .is_some_and(|len| regions.find(value, len, write).is_some())
            }
            Arg::Memory { access, size, nullable } => {
                let len = args[size as usize];
                let write = access != skep_abi::Access::Read;
                value == 0 && nullable || len == 0 || regions.find(value, len, write).is_some()
            }
            Arg::Fixed { access, size, .. } => {
                regions.find(value, size.into(), access != skep_abi::Access::Read).is_some()
            }
            Arg::Record => regions
                .maps
                .iter()
                .any(|map| map.def().map_type == MapType::Ringbuf && map.value_memory(value as usize, 0)),
            _ => true,
        };
        if !right {
            return Err(TrapKind::Argument { arg: index, value });
        }
    }
    Ok(())
}
