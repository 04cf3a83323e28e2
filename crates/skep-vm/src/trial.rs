//! A refused program, tried: with an input that may break it, in the checked interpreter, to see whether it does.
//!
//! Only a verified program may run, because everything else that runs programs trusts what was proved of them. A trial
//! trusts nothing:
//!
//! - it is made of a [`Suspect`], which is not a [`Verified`](skep_verify::Verified) and never becomes an
//!   [`Executable`](crate::Executable): it has no native code, no id, and nothing can be attached to it;
//! - the interpreter finds each access in the memory model first, as it always does; frames are as large as a frame may
//!   be and start as zeroes, registers start as zeroes, so that nothing is read that is not the run's own;
//! - functions are called only if the interpreter checks all that they take ([`is_checked`]); maps whose values have
//!   parts with rules of their own are refused;
//! - a run ends after [`MAX_TRIAL_JUMPS`] jumps and calls;
//! - what was seen of an instruction is used to find fields of the context, and each such access is compared with where
//!   the field is; what was not seen is not run.

use std::sync::Arc;

use skep_abi::{Arg, Function, ProgType};
use skep_map::Map;
use skep_obj::Program;
use skep_verify::{Fact, Suspect};

use crate::MAX_STACK;
use crate::context::{KINDS, RunContext};
use crate::error::{CompileError, Trap, TrapKind};
use crate::executable::bind;
use crate::function::Functions;
use crate::interp::Image;
use crate::lower::{Proof, lower};
use crate::runtime::{Runtime, World};

/// Most jumps and calls of a trial.
pub const MAX_TRIAL_JUMPS: u32 = 1 << 16;

/// How far from a map's value an address is still told by it, in bytes.
const NEAR: u64 = 1 << 16;

/// A refused program, ready to be tried.
pub struct Trial<W: World> {
    prog_type: ProgType,
    maps: Box<[Arc<Map>]>,
    image: Image<W>,
}

/// How a trial ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the interpreter stopped it for.
    pub trap: Trap,
    /// Where the packet (or given memory) was, and how many bytes it had.
    packet: (u64, u64),
    /// The end of the frame that was in use: what r10 held.
    frame: u64,
    /// The map, by index, with a value near the address, and where the address is by the value's end.
    value: Option<(usize, i64)>,
    /// Whether it is in the run-time context.
    in_context: bool,
}

impl<W: World> Trial<W> {
    /// Makes a refused program ready to be tried, with these maps and functions.
    pub fn new(
        suspect: &Suspect,
        maps: &[Arc<Map>],
        functions: &Functions<W>,
    ) -> Result<Trial<W>, CompileError> {
        let program = suspect.program();
        if !KINDS.contains(&program.prog_type) {
            return Err(CompileError::NoContext { prog_type: program.prog_type });
        }
        for map in 0..program.maps.len() {
            if let Some(field) = suspect.special_field(map) {
                return Err(CompileError::SpecialField { map, field });
            }
        }
        let specs = program.maps.iter().zip(maps).enumerate();
        let maps =
            specs.map(|(index, (spec, map))| bind(index, spec, map)).collect::<Result<Box<[_]>, _>>()?;
        let lowered = lower(suspect, &maps, functions)?;
        if let Some(site) = lowered.calls.iter().find(|site| !is_checked(site.function)) {
            return Err(CompileError::Untrusted { name: site.function.name });
        }
        Ok(Trial { prog_type: program.prog_type, maps, image: Image::new(lowered) })
    }

    /// Runs it: what it left in r0, or how it ended early.
    pub fn run(&self, world: &mut W, context: &mut RunContext) -> Result<u64, Fault> {
        if self.prog_type != context.prog_type() {
            let what = TrapKind::Context { expected: self.prog_type, found: context.prog_type() };
            return Err(Fault {
                trap: Trap { insn: 0, what },
                packet: (0, 0),
                frame: 0,
                value: None,
                in_context: false,
            });
        }
        let mut run = Runtime::new(world, context, &self.maps, self.prog_type);
        let result = self.image.run::<true>(&mut run);
        let (trap, frame) = match (result, run.trap) {
            (Ok(result), None) => return Ok(result),
            (Err(trap), _) | (Ok(_), Some(trap)) => (trap, run.trapped_in.end),
        };
        let (start, len) = (run.fields, context.layout().map_or(0, skep_abi::Context::run_time_size));
        let packet = context.spans().0;
        let addr = trap.what.address();
        Err(Fault {
            trap,
            packet: (packet.start, packet.end - packet.start),
            frame,
            value: addr.and_then(|addr| self.value_near(addr)),
            in_context: addr.is_some_and(|addr| (start..start + u64::from(len)).contains(&addr)),
        })
    }

    /// The map with a value whose end is nearest to an address, and where the address is by that end.
    fn value_near(&self, addr: u64) -> Option<(usize, i64)> {
        let holds = |map: &Map, distance: u64| map.value_memory(addr.wrapping_sub(distance) as usize, 1);
        let maps = || self.maps.iter().map(|map| &**map).enumerate();
        if let Some((index, map)) = maps().find(|(_, map)| holds(map, 0)) {
            let room = (1..NEAR).take_while(|len| map.value_memory(addr as usize, *len as usize)).last();
            return Some((index, -(room.unwrap_or(1) as i64)));
        }
        let near = maps().filter_map(|(index, map)| {
            Some((index, (1..NEAR).find(|distance| holds(map, *distance))? as i64 - 1))
        });
        near.min_by_key(|(_, distance)| *distance)
    }
}

/// Whether the interpreter checks all that a function takes, or it may be any number.
fn is_checked(function: &Function) -> bool {
    function.args.iter().all(|arg| {
        matches!(
            arg,
            Arg::Context
                | Arg::Map(_)
                | Arg::MapKey(_)
                | Arg::MapValue(_)
                | Arg::MapValueOut(_)
                | Arg::Memory { .. }
                | Arg::Fixed { .. }
                | Arg::Size { .. }
                | Arg::ConstSize
                | Arg::Record
                | Arg::Anything
                | Arg::Scalar
        )
    })
}

impl TrapKind {
    /// The address that was accessed, or given to a call.
    fn address(self) -> Option<u64> {
        match self {
            TrapKind::Read { addr, .. } | TrapKind::Write { addr, .. } => Some(addr),
            TrapKind::Argument { value, .. } => Some(value),
            _ => None,
        }
    }
}

impl Fault {
    /// The address that was accessed, or given to a call.
    pub fn address(&self) -> Option<u64> {
        self.trap.what.address()
    }

    /// Where the address is by the packet's start, and how many bytes the packet has.
    pub fn in_packet(&self) -> Option<(i64, u64)> {
        Some((self.address()?.wrapping_sub(self.packet.0) as i64, self.packet.1))
    }

    /// Where the address is by the frame pointer r10.
    pub fn in_frame(&self) -> Option<i64> {
        Some(self.address()?.wrapping_sub(self.frame) as i64)
    }

    /// The map, by index, with a value near the address, and where the address is by the value's end: negative inside.
    pub fn by_value_end(&self) -> Option<(usize, i64)> {
        self.value
    }

    /// Whether the access broke the rules of memory, rather than only what this interpreter can follow: it was of memory
    /// that is not the program's, or a call was given such.
    pub fn is_real(&self) -> bool {
        let is_memory = matches!(
            self.trap.what,
            TrapKind::Read { .. } | TrapKind::Write { .. } | TrapKind::Argument { .. }
        );
        is_memory && !self.in_context
    }
}

impl Proof for Suspect {
    fn program(&self) -> &Program {
        Suspect::program(self)
    }

    fn fact(&self, insn: usize) -> Fact {
        Suspect::fact(self, insn)
    }

    fn callee(&self, insn: usize) -> Option<u32> {
        Suspect::callee(self, insn)
    }

    fn named(&self, symbol: i64) -> Option<&'static Function> {
        Suspect::named(self, symbol)
    }

    fn stack_bytes(&self, _function: usize) -> u32 {
        MAX_STACK as u32
    }

    fn reads_uninit(&self, _function: usize) -> bool {
        true
    }

    fn zero_registers(&self) -> u16 {
        u16::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_whose_arguments_only_a_proof_covers_are_not_called() {
        let checked = |name| is_checked(Function::by_name(name).expect("a function"));
        assert!(
            checked("bpf_map_lookup_elem") && checked("bpf_ringbuf_submit") && checked("bpf_skb_load_bytes")
        );
        assert!(!checked("bpf_spin_lock") && !checked("bpf_timer_init") && !checked("bpf_loop"));
        assert!(!checked("bpf_sk_release") && !checked("bpf_dynptr_read") && !checked("bpf_snprintf"));
    }
}
