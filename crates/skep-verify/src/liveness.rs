//! Which registers may still be read: a backward data flow over each function, so that two paths that differ in a
//! register nobody reads again count as the same.

use skep_abi::Function;
use skep_isa::{AtomicOp, Callee, Insn, Op, Reg};
use skep_obj::Program;

use crate::flow::successors;

const R0: u16 = 1;
const ARGUMENTS: u16 = 0b11_1110;

/// The registers an instruction reads and those it overwrites, by bit.
pub(crate) fn uses(insn: &Insn) -> (u16, u16) {
    let (mut reads, mut writes) = (0, 0);
    if let Some(row) = insn.row() {
        for (role, reg) in [(row.dst, insn.dst), (row.src, insn.src)] {
            let bit = 1 << reg.index();
            if role.reads() {
                reads |= bit;
            }
            if role.writes() {
                writes |= bit;
            }
        }
    }
    match insn.op() {
        Op::Call(Callee::Helper) => {
            let arguments = match Function::by_id(insn.imm as u32) {
                Some(function) => ((2u16 << function.args.len()) - 1) & ARGUMENTS,
                None => ARGUMENTS,
            };
            reads |= arguments;
            writes |= R0 | ARGUMENTS;
        }
        Op::Call(_) | Op::CallX => {
            reads |= ARGUMENTS;
            writes |= R0 | ARGUMENTS;
        }
        Op::Exit => reads |= R0,
        Op::LoadPacket { .. } => {
            reads |= 1 << Reg::R6.index();
            writes |= R0 | ARGUMENTS;
        }
        Op::Atomic { op: AtomicOp::CmpXchg, .. } => {
            reads |= R0;
            writes |= R0;
        }
        _ => {}
    }
    (reads, writes)
}

/// The registers that may be read after each slot is reached, before they are overwritten.
pub(crate) fn live_before(program: &Program) -> Vec<u16> {
    let mut live = vec![0u16; program.insns.len()];
    for function in &program.functions {
        // Loops need another round; each round only adds bits, so it ends.
        let mut changed = true;
        while changed {
            changed = false;
            for at in (function.start..function.end).rev() {
                let insn = &program.insns[at];
                if insn.op() == Op::Tail {
                    continue;
                }
                let after = successors(insn, at)
                    .into_iter()
                    .flatten()
                    .fold(0, |bits, next| bits | live.get(next).copied().unwrap_or_default());
                let (reads, writes) = uses(insn);
                let before = after & !writes | reads;
                changed |= before != live[at];
                live[at] = before;
            }
        }
    }
    live
}
