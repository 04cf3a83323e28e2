//! Which registers matter after each instruction, and which instructions jumps lead to: what has to be known before two
//! instructions can become one.
//!
//! Works on one function at a time, backwards, until nothing changes; programs without loops take one pass.

use crate::lower::{CallSite, Low, LowFunction, LowOp, Lowered};
use skep_isa::{AluOp, AtomicOp, Src};

/// A set of r0 to r10.
type Regs = u16;

/// r1 to r5: what calls take, and lose.
const ARGS: Regs = 0b11_1110;

/// What is known of the instructions of one function at a time.
#[derive(Default)]
pub(super) struct Liveness {
    /// Slot of the function's first instruction.
    start: usize,
    /// Registers whose values matter after each instruction.
    after: Vec<Regs>,
    /// Whether a jump leads there.
    targets: Vec<bool>,
}

impl Liveness {
    /// Looks at a function, and forgets the one before.
    pub(super) fn look_at<W>(&mut self, lowered: &Lowered<W>, function: &LowFunction) {
        let insns = &lowered.insns[function.start..function.end];
        self.start = function.start;
        self.after.clear();
        self.after.resize(insns.len(), 0);
        self.targets.clear();
        self.targets.resize(insns.len(), false);
        let mut has_loop = false;
        for (at, low) in insns.iter().enumerate() {
            if let Some(target) = jump_target(low) {
                let target = target - self.start;
                self.targets[target] = true;
                has_loop |= target <= at;
            }
        }
        // Registers whose values matter before each instruction.
        let mut before: Vec<Regs> = vec![0; insns.len() + 1];
        loop {
            let mut changed = false;
            for (at, low) in insns.iter().enumerate().rev() {
                let next = at + if low.op == LowOp::Const { 2 } else { 1 };
                let mut after = match low.op {
                    LowOp::Exit | LowOp::Ja | LowOp::Dead => 0,
                    _ => before[next.min(insns.len())],
                };
                if let Some(target) = jump_target(low) {
                    after |= before[target - self.start];
                }
                self.after[at] = after;
                let (reads, writes) = effects(low, &lowered.calls);
                let now = after & !writes | reads;
                changed |= std::mem::replace(&mut before[at], now) != now;
            }
            if !(changed && has_loop) {
                break;
            }
        }
    }

    /// Whether the value of this register of the program does not matter after the instruction in this slot.
    pub(super) fn is_dead_after(&self, slot: usize, reg: u8) -> bool {
        self.after[slot - self.start] >> reg & 1 == 0
    }

    /// Whether some jump leads to this slot.
    pub(super) fn is_target(&self, slot: usize) -> bool {
        self.targets[slot - self.start]
    }
}

fn jump_target(low: &Low) -> Option<usize> {
    matches!(low.op, LowOp::Ja | LowOp::Jump { .. } | LowOp::MayGoto).then_some(low.target as usize)
}

/// The registers that an instruction reads, and those whose values it replaces.
fn effects<W>(low: &Low, calls: &[CallSite<W>]) -> (Regs, Regs) {
    let (dst, src): (Regs, Regs) = (1 << low.dst, 1 << low.src);
    match low.op {
        LowOp::Dead | LowOp::Ja | LowOp::MayGoto => (0, 0),
        LowOp::Const => (0, dst),
        LowOp::Alu { op: AluOp::Mov, src: Src::Imm, .. } => (0, dst),
        LowOp::Alu { op: AluOp::Mov, src: Src::Reg, .. } | LowOp::MovSx { .. } => (src, dst),
        LowOp::Alu { src: Src::Imm, .. } | LowOp::Neg { .. } | LowOp::End { .. } => (dst, 0),
        LowOp::Alu { src: Src::Reg, .. } => (dst | src, 0),
        LowOp::Jump { src: Src::Imm, .. } => (dst, 0),
        LowOp::Jump { src: Src::Reg, .. } => (dst | src, 0),
        LowOp::CallLocal | LowOp::TailCall => (ARGS, 1 | ARGS),
        LowOp::Call { .. } => {
            let args = calls[low.target as usize].function.args.len();
            (ARGS & ((1 << (args + 1)) - 1), 1 | ARGS)
        }
        LowOp::Exit => (1, 0),
        LowOp::Load { .. } | LowOp::LoadField { .. } | LowOp::LoadAcquire { .. } => (src, dst),
        LowOp::Store { src: Src::Imm, .. } | LowOp::StoreField { src: Src::Imm, .. } => (dst, 0),
        LowOp::Store { .. } | LowOp::StoreField { .. } | LowOp::StoreRelease { .. } => (dst | src, 0),
        LowOp::LoadPacket { indirect, .. } => (1 << 6 | if indirect { src } else { 0 }, 1 | ARGS),
        // The old value goes to where an operand was read.
        LowOp::Atomic { op: AtomicOp::CmpXchg, .. } => (dst | src | 1, 0),
        LowOp::Atomic { .. } => (dst | src, 0),
    }
}
