//! Precision: which numbers mattered. A path that arrives at a kept state with another number in a register is the
//! same path, unless what was proved after that state relied on the number: as an offset, a size, or because it
//! decided a branch. So when a number matters, the way back is gone to where it came from, and each kept state on
//! it notes that its register or slot does.
//! Source of the idea: `mark_chain_precision` of kernel/bpf/verifier.c, Linux 6.18.

use skep_isa::{AluOp, AtomicOp, Callee, Insn, Op, Reg, Src};

use crate::explore::{Explorer, Passed, Way};
use crate::liveness::uses;
use crate::state::{MAX_FRAMES, State};

/// Registers and stack slots of each frame, by bit.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) regs: [u16; MAX_FRAMES],
    pub(crate) slots: [u64; MAX_FRAMES],
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.regs.iter().all(|r| *r == 0) && self.slots.iter().all(|s| *s == 0)
    }
}

impl Explorer<'_> {
    /// The number in a register matters, before the present instruction.
    pub(crate) fn need_precise(&mut self, state: &State, reg: Reg) {
        if !state.reg(reg).is_scalar() {
            return;
        }
        let mut wanted = Wanted::default();
        wanted.regs[state.depth()] = 1 << reg.index();
        // The present instruction is the last of the history.
        self.go_back(wanted, state.depth(), self.history.len() - 1);
    }

    /// The number in a stack slot matters, before the present instruction.
    pub(crate) fn need_precise_slot(&mut self, state: &State, frame: u8, slot: usize) {
        let mut wanted = Wanted::default();
        wanted.slots[frame as usize] = 1 << slot;
        self.go_back(wanted, state.depth(), self.history.len() - 1);
    }

    /// Goes back from a point of the history, and notes what is wanted in each kept state.
    pub(crate) fn go_back(&mut self, mut wanted: Wanted, mut depth: usize, from: usize) {
        let mut kept = self.path.len();
        let mut index = from;
        while !wanted.is_empty() {
            while kept > 0 && self.path[kept - 1].passed >= index {
                kept -= 1;
                self.nodes[self.path[kept].node].note_precise(&mut wanted);
            }
            if kept == 0 || index == 0 {
                // No kept state is left to note anything in.
                return;
            }
            index -= 1;
            let passed = self.history[index];
            let insn = self.program.insns[passed.insn as usize];
            self.before(&insn, passed, &mut wanted, &mut depth);
        }
    }

    /// What is wanted before an instruction, of what is wanted after it.
    fn before(&self, insn: &Insn, passed: Passed, wanted: &mut Wanted, depth: &mut usize) {
        if passed.links != 0 {
            self.spread_links(passed.links, wanted);
        }
        let (dst, src) = (1u16 << insn.dst.index(), 1u16 << insn.src.index());
        let frame = *depth;
        match passed.way {
            Way::Plain | Way::Returned => {}
            Way::IntoCallback => {
                // What the callback is given comes from the call, not from its arguments.
                wanted.regs[frame] = 0;
                wanted.slots[frame] = 0;
                *depth -= 1;
                return;
            }
            Way::OutOfCallback => {
                *depth += 1;
                wanted.regs[*depth] = 0;
                wanted.slots[*depth] = 0;
                return;
            }
        }
        let regs = &mut wanted.regs[frame];
        match insn.op() {
            Op::Alu { op: AluOp::Mov, src: Src::Reg, .. } if *regs & dst != 0 => *regs = *regs & !dst | src,
            Op::Alu { op: AluOp::Mov, .. } => *regs &= !dst,
            Op::Alu { src: Src::Reg, .. } if *regs & dst != 0 => *regs |= src,
            Op::MovSx { .. } if *regs & dst != 0 => *regs = *regs & !dst | src,
            Op::Load { .. } | Op::LoadAcquire { .. } if *regs & dst != 0 => {
                *regs &= !dst;
                if let Some((frame, slot)) = passed.slot {
                    wanted.slots[frame as usize] |= 1 << slot;
                }
            }
            Op::Store { .. } | Op::StoreRelease { .. } => {
                let Some((owner, slot)) = passed.slot else { return };
                let slot = 1u64 << slot;
                if wanted.slots[owner as usize] & slot != 0 {
                    wanted.slots[owner as usize] &= !slot;
                    if !matches!(insn.op(), Op::Store { src: Src::Imm, .. }) {
                        wanted.regs[frame] |= src;
                    }
                }
            }
            Op::Atomic { op, fetch: true, .. } => {
                let result = if op == AtomicOp::CmpXchg { 1 } else { src };
                if *regs & result != 0 {
                    *regs &= !result;
                    if let Some((frame, slot)) = passed.slot {
                        wanted.slots[frame as usize] |= 1 << slot;
                    }
                }
            }
            Op::Call(_) | Op::CallX if passed.way == Way::Returned => {
                // From the caller to a tail call in the callee, whose result is not the callee's.
                *regs &= !1;
                *depth += 1;
                wanted.regs[*depth] = 0;
                wanted.slots[*depth] = 0;
            }
            Op::Jump { src: Src::Reg, .. } if *regs & (dst | src) != 0 => *regs |= dst | src,
            Op::Call(Callee::Local) if !self.is_global_call(passed.insn as usize) => {
                // From the callee's first instruction to the call: its arguments are the caller's.
                let arguments = wanted.regs[frame] & 0b11_1110;
                wanted.regs[frame] = 0;
                wanted.slots[frame] = 0;
                *depth -= 1;
                wanted.regs[*depth] |= arguments;
            }
            Op::Exit => {
                // From the caller to the callee's last instruction: its result is the caller's r0.
                let result = *regs & 1;
                *regs &= !1;
                *depth += 1;
                wanted.regs[*depth] = result;
                wanted.slots[*depth] = 0;
            }
            Op::Wide(_) | Op::AddrSpaceCast | Op::Call(_) | Op::CallX | Op::LoadPacket { .. } => {
                *regs &= !uses(insn).1;
            }
            _ => {}
        }
        if passed.links != 0 {
            self.spread_links(passed.links, wanted);
        }
    }

    /// What is learnt of one linked value is learnt of all: if one matters, all do.
    fn spread_links(&self, links: u32, wanted: &mut Wanted) {
        let holders = &self.links[links as usize - 1];
        let any = holders.iter().any(|h| {
            if h.slot {
                wanted.slots[h.frame as usize] & 1 << h.index != 0
            } else {
                wanted.regs[h.frame as usize] & 1 << h.index != 0
            }
        });
        if !any {
            return;
        }
        for holder in holders {
            if holder.slot {
                wanted.slots[holder.frame as usize] |= 1 << holder.index;
            } else {
                wanted.regs[holder.frame as usize] |= 1 << holder.index;
            }
        }
    }
}
