//! Which registers may still be read: a backward data flow over each function, so that two paths that differ in a
//! register nobody reads again count as the same. And which of them hold numbers that may matter.

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
    backward(program, |_, insn, after| {
        let (reads, writes) = uses(insn);
        after & !writes | reads
    })
}

/// The registers whose number may matter after each slot is reached: those that end up in an address, a comparison,
/// a call, or memory. A number that is only computed with and returned is not among them.
pub(crate) fn relevant_before(program: &Program) -> Vec<u16> {
    // What other functions return may matter to their callers.
    let entry_end = program.functions.first().map_or(0, |f| f.end);
    backward(program, |at, insn, after| {
        let (reads, writes) = uses(insn);
        match insn.op() {
            Op::Alu { .. } | Op::Neg { .. } | Op::MovSx { .. } | Op::End { .. } => {
                let result = 1 << insn.dst.index();
                after & !writes | if after & result != 0 { reads } else { 0 }
            }
            Op::Exit if at < entry_end => 0,
            _ => after & !writes | reads,
        }
    })
}

/// A backward data flow over each function: what `before` makes of the union over all successors. It must only add
/// bits when given more, so that each slot changes a few times at most.
fn backward(program: &Program, before: impl Fn(usize, &Insn, u16) -> u16) -> Vec<u16> {
    let mut sets = vec![0u16; program.insns.len()];
    let sources = jump_sources(program);
    let mut work: Vec<usize> = (0..program.insns.len()).collect();
    let mut queued = vec![true; program.insns.len()];
    while let Some(at) = work.pop() {
        queued[at] = false;
        let insn = &program.insns[at];
        if insn.op() == Op::Tail {
            continue;
        }
        let after = successors(insn, at)
            .into_iter()
            .flatten()
            .fold(0, |bits, next| bits | sets.get(next).copied().unwrap_or_default());
        let now = before(at, insn, after);
        if now == sets[at] {
            continue;
        }
        sets[at] = now;
        let above = match at.checked_sub(1) {
            Some(above) if program.insns[above].op() == Op::Tail => above.checked_sub(1),
            above => above,
        };
        let first = sources.partition_point(|(target, _)| *target < at);
        let jumps =
            sources[first..].iter().take_while(|(target, _)| *target == at).map(|(_, source)| *source);
        for earlier in jumps.chain(above) {
            if !std::mem::replace(&mut queued[earlier], true) {
                work.push(earlier);
            }
        }
    }
    sets
}

/// Targets of jumps with the jumps to them, ascending.
fn jump_sources(program: &Program) -> Vec<(usize, usize)> {
    let mut sources = Vec::new();
    for (at, insn) in program.insns.iter().enumerate() {
        if matches!(insn.op(), Op::Ja { .. } | Op::Jump { .. } | Op::MayGoto)
            && let Some(distance) = insn.target()
        {
            sources.push(((at as i64 + 1 + distance) as usize, at));
        }
    }
    sources.sort_unstable();
    sources
}
