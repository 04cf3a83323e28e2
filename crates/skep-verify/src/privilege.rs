//! What programs may not do whose loader lacks `CAP_PERFMON`: learn addresses of the kernel, or what old stacks held.
//! A pointer stays a pointer for them, or the program is refused.
//!
//! What mispredicted branches could reveal is in `speculation`. Programs that any user may load are judged by neither:
//! their loaders have `CAP_BPF`.
//! Source: the uses of `allow_ptr_leaks` and `allow_uninit_stack` in kernel/bpf/verifier.c, and
//! `is_perfmon_prog_type` of kernel/bpf/syscall.c, Linux 6.18.

use skep_abi::{Effect, Function, ProgType};
use skep_isa::{AluOp, Callee, Insn, Op, Reg, Width};

use crate::error::Reason;
use crate::explore::{CallMap, Explorer};
use crate::options::Privileges;
use crate::pointer::Span;
use crate::stack::{Byte, STACK_BYTES, place};
use crate::state::State;
use crate::value::{Kind, Value};

/// Kinds of program that see what the kernel does, or take part in it.
const OBSERVERS: &[ProgType] = &[
    ProgType::Kprobe,
    ProgType::Tracepoint,
    ProgType::PerfEvent,
    ProgType::RawTracepoint,
    ProgType::RawTracepointWritable,
    ProgType::Tracing,
    ProgType::Lsm,
    ProgType::StructOps,
    ProgType::Ext,
];

fn needs_perfmon(what: String) -> Reason {
    Reason::NeedsPerfmon { what }
}

/// A pointer would become a number that the program can look at.
fn leak(register: Reg, how: &'static str) -> Reason {
    Reason::Leak { register: register.0, how }
}

/// Checks that a program is of a kind that its loader may load.
pub(crate) fn kind_allowed(kind: ProgType, privileges: Privileges) -> Result<(), Reason> {
    if privileges == Privileges::BpfOnly && OBSERVERS.contains(&kind) {
        return Err(needs_perfmon(format!("a program of kind {kind}")));
    }
    Ok(())
}

impl Explorer<'_> {
    /// Whether the program may turn pointers into numbers and read stack that it did not write.
    pub(crate) fn may_leak(&self) -> bool {
        self.options.privileges == Privileges::All
    }

    /// Refuses a pointer where it would leak; `how` says it in Linux's words.
    pub(crate) fn no_leak(&self, register: Reg, value: &Value, how: &'static str) -> Result<(), Reason> {
        if value.is_pointer() && !self.may_leak() { Err(leak(register, how)) } else { Ok(()) }
    }

    /// Refuses to store a pointer where it would leak: anywhere but on the stack.
    pub(crate) fn no_leak_into(&self, register: Reg, value: &Value, memory: Kind) -> Result<(), Reason> {
        let how = match memory {
            Kind::Stack { .. } => return Ok(()),
            Kind::Context => "leaks addr into ctx",
            Kind::Packet { .. } | Kind::PacketMeta { .. } => "leaks addr into packet",
            Kind::MapValue { .. } => "leaks addr into map",
            _ => "leaks addr into mem",
        };
        self.no_leak(register, value, how)
    }

    /// Checks that the program may call the function.
    pub(crate) fn function_allowed(&self, function: &Function) -> Result<(), Reason> {
        if !self.may_leak() && function.has(Effect::Perfmon) {
            return Err(needs_perfmon(format!("cannot use helper {}: it", function.name)));
        }
        Ok(())
    }

    /// Checks that the memory is none of which the kernel's own types tell: programs read addresses there.
    pub(crate) fn memory_allowed(&self, pointer: &Value) -> Result<(), Reason> {
        if !self.may_leak() && matches!(pointer.kind, Kind::Object { .. } | Kind::Map(_)) {
            return Err(needs_perfmon(format!("access to a {}", self.describe(pointer))));
        }
        Ok(())
    }

    /// Refuses arithmetic that makes a number of a pointer.
    pub(crate) fn arithmetic_allowed(
        &self,
        register: Reg,
        op: AluOp,
        width: Width,
        (left, right): (&Value, &Value),
    ) -> Result<(), Reason> {
        let pointers = usize::from(left.is_pointer()) + usize::from(right.is_pointer());
        if self.may_leak() || pointers == 0 {
            return Ok(());
        }
        if pointers == 2 {
            return Err(leak(register, "pointer -= pointer prohibited"));
        }
        if width == Width::W32 && op == AluOp::Sub {
            return Err(leak(register, "32-bit pointer arithmetic prohibited"));
        }
        Ok(())
    }

    /// Refuses a comparison by which a program could find out a pointer's bits. Comparisons with null, and of a packet's
    /// pointers with its end, tell only what they are for.
    pub(crate) fn comparison_allowed(
        &self,
        insn: &Insn,
        (left, right): (&Value, &Value),
        purposeful: bool,
    ) -> Result<(), Reason> {
        if purposeful {
            return Ok(());
        }
        // Linux looks at the right operand first.
        self.no_leak(insn.src, right, "pointer comparison prohibited")?;
        self.no_leak(insn.dst, left, "pointer comparison prohibited")
    }

    /// Checks that an access to the stack is at a place that is known.
    pub(crate) fn stack_place_known(&self, register: Reg, pointer: &Value) -> Result<(), Reason> {
        if self.may_leak() || pointer.num.as_constant().is_some() {
            return Ok(());
        }
        Err(variable_stack(register, pointer))
    }

    /// Checks that bytes of the stack that are read hold something that the program put there; `register` is the pointer.
    pub(crate) fn stack_bytes_written(&self, register: Reg, uninit: bool, span: Span) -> Result<(), Reason> {
        if uninit && !self.may_leak() {
            return Err(Reason::UnwrittenStack { register: register.0, min: span.min, max: span.max });
        }
        Ok(())
    }

    /// Checks that a function may be given these bytes of the stack to read: that they were written, and are not
    /// pointers.
    pub(crate) fn stack_lent(
        &self,
        register: Reg,
        frame: u8,
        span: Span,
        state: &State,
    ) -> Result<(), Reason> {
        if self.may_leak() {
            return Ok(());
        }
        for at in span.min..span.max {
            let (index, byte) = place(at);
            let slot = state.frames[frame as usize].stack.slot(index);
            match slot.bytes[byte] {
                Byte::Uninit => return self.stack_bytes_written(register, true, span),
                Byte::Spill if !slot.value.is_scalar() => {
                    return Err(leak(register, "leads to a spilled pointer, which leaks from the stack"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that a store does not leave a part of a spilled pointer, to be read as a number.
    pub(crate) fn spill_kept(
        &self,
        register: Reg,
        frame: u8,
        span: Span,
        state: &State,
    ) -> Result<(), Reason> {
        if self.may_leak() {
            return Ok(());
        }
        let stack = &state.frames[frame as usize].stack;
        let broken = (span.min..span.max)
            .map(|at| stack.slot(place(at).0))
            .any(|slot| slot.bytes[0] == Byte::Spill && !slot.value.is_scalar());
        if broken { Err(leak(register, "attempt to corrupt spilled pointer on stack")) } else { Ok(()) }
    }

    /// Checks calls that are only safe with one map, however they were reached: the bounds that hold back speculation
    /// are those of one.
    pub(crate) fn tail_calls_allowed(&self) -> Result<(), (usize, Reason)> {
        if self.may_leak() {
            return Ok(());
        }
        let mixed = self.call_maps.iter().filter(|(_, map)| **map == CallMap::Several).map(|(at, _)| *at);
        let tail_call = |at: &usize| {
            let insn = &self.program.insns[*at];
            matches!(insn.op(), Op::Call(Callee::Helper))
                && Function::by_id(insn.imm as u32).is_some_and(|f| f.has(Effect::TailCall))
        };
        match mixed.filter(tail_call).min() {
            Some(at) => {
                let why = "tail_call abusing map_ptr: one map on this path and another on an earlier one"
                    .to_owned();
                Err((at, Reason::Speculation { register: 2, why }))
            }
            None => Ok(()),
        }
    }

    /// The size of a map's values.
    pub(crate) fn value_bytes(&self, map: u32) -> i64 {
        self.map(map).map_or(0, |def| i64::from(def.value_size))
    }
}

/// Checks that a stack pointer that was moved still points into its frame, at a place that is known.
pub(crate) fn moved_in_stack(register: Reg, pointer: &Value) -> Result<(), Reason> {
    let Some(by) = pointer.num.as_constant() else {
        return Err(variable_stack(register, pointer));
    };
    let off = i64::from(pointer.off).wrapping_add(by as i64);
    if (-STACK_BYTES..0).contains(&off) {
        return Ok(());
    }
    let why = format!("stack pointer arithmetic goes out of range, prohibited for !root; off={off}");
    Err(Reason::Speculation { register: register.0, why })
}

fn variable_stack(register: Reg, pointer: &Value) -> Reason {
    let why =
        format!("variable stack access prohibited for !root, off={} and a number that varies", pointer.off);
    Reason::Speculation { register: register.0, why }
}
