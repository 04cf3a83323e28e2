//! Arenas: memory that a program shares with user space. A pointer into one may be any number at all: whatever it leads
//! to, an access outside of the arena's pages does no harm, so that nothing is proved of it.
//!
//! Source: `BPF_ADDR_SPACE_CAST` in `check_alu_op`, `adjust_reg_min_max_vals`, `PTR_TO_ARENA` in `check_mem_access` of
//! kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::MapType;
use skep_isa::{Insn, Op, Wide};
use skep_obj::Program;

use crate::error::Reason;
use crate::explore::Explorer;
use crate::state::State;
use crate::value::{Kind, Value};

/// The immediate of a cast from the arena's addresses, as user space has them, to the kernel's.
const TO_KERNEL: i64 = 1;

/// The same for the way back.
const TO_USER: i64 = 1 << 16;

/// Whether the program loads an arena.
pub(crate) fn has_arena(program: &Program) -> bool {
    program.insns.iter().any(|insn| {
        let loads = matches!(insn.op(), Op::Wide(Wide::MapIdx | Wide::MapIdxValue));
        loads && is_arena(program, insn.wide_halves().0 as u32)
    })
}

/// Whether a map is an arena.
pub(crate) fn is_arena(program: &Program, map: u32) -> bool {
    program.maps.get(map as usize).is_some_and(|spec| spec.def.map_type == MapType::Arena)
}

impl Explorer<'_> {
    /// A cast between the address spaces: one way gives a pointer into the arena, the other a number.
    pub(crate) fn cast_address(&self, insn: &Insn, state: &mut State) -> Result<(), Reason> {
        let refuse = |why: &str| Err(Reason::BadOperand { why: why.to_owned() });
        if insn.imm != TO_KERNEL && insn.imm != TO_USER {
            return refuse("addr_space_cast insn can only convert between address space 1 and 0");
        }
        if !self.has_arena {
            return refuse("addr_space_cast insn can only be used in a program that has an associated arena");
        }
        state.read(insn.src)?;
        let pointer = if insn.imm == TO_KERNEL { Value::pointer(Kind::Arena) } else { Value::UNKNOWN };
        state.set(insn.dst, pointer);
        Ok(())
    }
}

/// What arithmetic with a pointer into an arena gives, whatever it computes: another one.
pub(crate) fn moved(left: &Value, right: &Value) -> Option<Value> {
    let either = [left, right].map(|value| value.kind == Kind::Arena);
    either.contains(&true).then_some(Value::pointer(Kind::Arena))
}
