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
    /// Registers whose values matter before each instruction, and, as none, behind the last.
    before: Vec<Regs>,
    /// Whether a jump leads there.
    targets: Vec<bool>,
    flow: Vec<Flow>,
    /// The registers that the function uses in any way.
    pub(super) used: Regs,
    /// Whether it calls anything.
    pub(super) calls: bool,
}

/// What one instruction means to the registers.
#[derive(Clone, Copy)]
struct Flow {
    reads: Regs,
    writes: Regs,
    /// Where else it may go on than behind itself: an index into the function, `u32::MAX` for nowhere.
    jump: u32,
    /// How many slots behind it, 0 if not behind itself.
    next: u8,
}

const NOWHERE: u32 = u32::MAX;

impl Liveness {
    /// Looks at a function, and forgets the one before.
    pub(super) fn look_at<W>(&mut self, lowered: &Lowered<W>, function: &LowFunction) {
        let insns = &lowered.insns[function.start..function.end];
        (self.start, self.used, self.calls) = (function.start, 0, false);
        self.targets.clear();
        self.targets.resize(insns.len(), false);
        self.flow.clear();
        let mut has_loop = false;
        for (at, low) in insns.iter().enumerate() {
            let (reads, writes) = effects(low, &lowered.calls);
            let (mut jump, mut next) = (NOWHERE, 1);
            match low.op {
                LowOp::Ja | LowOp::Jump { .. } | LowOp::MayGoto => {
                    jump = low.target - self.start as u32;
                    self.targets[jump as usize] = true;
                    has_loop |= jump as usize <= at;
                    next = u8::from(!matches!(low.op, LowOp::Ja));
                }
                LowOp::Exit | LowOp::Dead => next = 0,
                LowOp::Const => next = 2,
                LowOp::CallLocal | LowOp::Call { .. } | LowOp::TailCall | LowOp::LoadPacket { .. } => {
                    self.calls = true;
                }
                _ => {}
            }
            self.used |= 1 << low.dst | 1 << low.src;
            self.flow.push(Flow { reads, writes, jump, next });
        }
        self.solve(has_loop);
    }

    /// Goes backwards through the function until nothing changes.
    fn solve(&mut self, has_loop: bool) {
        let len = self.flow.len();
        self.before.clear();
        self.before.resize(len + 2, 0);
        loop {
            let mut changed = 0;
            // What matters before the next slot, and before the one behind that.
            let (mut next, mut second) = (0, 0);
            for at in (0..len).rev() {
                let flow = self.flow[at];
                let mut after = match flow.next {
                    0 => 0,
                    1 => next,
                    _ => second,
                };
                if flow.jump != NOWHERE {
                    after |= self.before[flow.jump as usize];
                }
                let now = after & !flow.writes | flow.reads;
                changed |= now ^ std::mem::replace(&mut self.before[at], now);
                (next, second) = (now, next);
            }
            if !has_loop || changed == 0 {
                break;
            }
        }
    }

    /// Whether the value of this register of the program does not matter after the instruction in this slot.
    pub(super) fn is_dead_after(&self, slot: usize, reg: u8) -> bool {
        let at = slot - self.start;
        let flow = self.flow[at];
        let behind = if flow.next == 0 { 0 } else { self.before[at + flow.next as usize] };
        let there = if flow.jump == NOWHERE { 0 } else { self.before[flow.jump as usize] };
        (behind | there) >> reg & 1 == 0
    }

    /// Whether some jump leads to this slot.
    pub(super) fn is_target(&self, slot: usize) -> bool {
        self.targets[slot - self.start]
    }
}

/// The registers that an instruction reads, and those whose values it replaces.
#[inline]
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
