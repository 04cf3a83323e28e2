//! Several instructions of a program as one of the machine, where that has more to offer: addresses with an index,
//! operands in memory, results in another register than the operand's, rotates.
//!
//! Only neighbours are looked at, no jump may lead between them, and a register that a pattern would have written but
//! the code does not must be dead after it. What each pattern computes is what its instructions did, by themselves.

use skep_isa::{AluOp, Cond, Size, Src, Width};

use super::emit::{Emitter, REGS, condition};
use super::operand::*;
use crate::lower::{Low, LowOp};
use crate::runtime::World;

impl<'a, W: World> Emitter<'a, W> {
    /// Emits several instructions from this slot on as one, if a pattern fits: how many slots they have.
    pub(super) fn fused(&mut self, at: usize, end: usize) -> Option<usize> {
        let low = &self.lowered.insns[at];
        match low.op {
            LowOp::Alu { op: AluOp::Mov, width, src: Src::Reg } if low.dst != low.src => {
                let next = self.follower(at, 1, end)?;
                self.rotate(at, end, width).or_else(|| self.moved(at, end, width, low, next))
            }
            LowOp::Load { size, signed: false } => self.loaded(at, end, size, low),
            LowOp::Jump { cond, width, src } => self.jump_over_jump(at, end, cond, width, src, low),
            _ => None,
        }
    }

    /// The instruction this many slots later, if nothing else leads there.
    fn follower(&self, at: usize, distance: usize, end: usize) -> Option<&'a Low> {
        let slot = at + distance;
        if slot >= end || self.live.is_target(slot) { None } else { self.lowered.insns.get(slot) }
    }

    /// `t = x; t += …` and the like.
    fn moved(&mut self, at: usize, end: usize, width: Width, mov: &Low, next: &Low) -> Option<usize> {
        let LowOp::Alu { op, width: next_width, src } = next.op else { return None };
        if next.dst != mov.dst || next_width != width {
            return None;
        }
        let (to, from) = (REGS[mov.dst as usize], REGS[mov.src as usize]);
        let other = REGS[next.src as usize];
        let imm = next.imm as i32;
        let self_operand = src == Src::Reg && next.src == mov.dst;
        match (op, src) {
            (AluOp::Add, Src::Reg) if !self_operand => {
                if width == Width::W64
                    && let Some(slots) = self.indexed_access(at, end, mov, next)
                {
                    return Some(slots);
                }
                self.asm.lea(width, to, Mem { base: from, index: Some(other), disp: 0 });
            }
            (AluOp::Add, Src::Imm) => self.asm.lea(width, to, memory_at(from, imm)),
            (AluOp::Sub, Src::Imm) if imm != i32::MIN => self.asm.lea(width, to, memory_at(from, -imm)),
            (AluOp::And, Src::Imm) if imm == 0xff => self.asm.zero_extend(Size::B, to, from),
            (AluOp::And, Src::Imm) if imm == 0xffff => self.asm.zero_extend(Size::H, to, from),
            (AluOp::Mul, Src::Imm) if !(imm as u32).is_power_of_two() => {
                self.asm.imul_rri(width, to, from, imm);
            }
            (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, Src::Reg) if self.features.bmi2 => {
                let shift = match op {
                    AluOp::Lsh => Shift::Shl,
                    AluOp::Rsh => Shift::Shr,
                    _ => Shift::Sar,
                };
                let count = if self_operand { from } else { other };
                self.asm.shift_rr(shift, width, to, from, count);
            }
            _ => return None,
        }
        Some(2)
    }

    /// `t = a; t += b; d = *(t + off)`, or a store there, where nothing else needs `t`.
    fn indexed_access(&mut self, at: usize, end: usize, mov: &Low, add: &Low) -> Option<usize> {
        let access = self.follower(at, 2, end)?;
        let (base, index) = (REGS[mov.src as usize], REGS[add.src as usize]);
        let mem = Mem { base, index: Some(index), disp: access.disp };
        let dead = self.live.is_dead_after(at + 2, mov.dst);
        let reg = |reg: u8| REGS[reg as usize];
        match access.op {
            LowOp::Load { size, signed } if access.src == mov.dst && (dead || access.dst == mov.dst) => {
                let dst = reg(access.dst);
                if signed { self.asm.load_signed(size, dst, mem) } else { self.asm.load(size, dst, mem) }
            }
            LowOp::Store { size, src: Src::Reg }
                if access.dst == mov.dst && access.src != mov.dst && dead =>
            {
                let src = reg(access.src);
                self.asm.store(size, mem, src);
            }
            LowOp::Store { size, src: Src::Imm } if access.dst == mov.dst && dead => {
                let imm = access.imm as i32;
                self.asm.store_imm(size, mem, imm);
            }
            _ => return None,
        }
        Some(3)
    }

    /// `t = x; t >>= n; x <<= W - n; x |= t`, and the same by way of a third register or in the other order: a rotate,
    /// which BPF does not have.
    fn rotate(&mut self, at: usize, end: usize, width: Width) -> Option<usize> {
        let insns = self.lowered.insns.get(at..end.min(at + 5))?;
        let (x, t) = (insns[0].src, insns[0].dst);
        let (left, count) = shift(insns.get(1)?, t, width)?;
        // The other shift is of the value itself, or of a second copy.
        let copy =
            insns.get(2).filter(|low| is_move(low, width) && low.src == x && low.dst != t && low.dst != x);
        let (other, rest) = match copy {
            Some(copy) => (copy.dst, 3),
            None => (x, 2),
        };
        let (other_left, other_count) = shift(insns.get(rest)?, other, width)?;
        let bits = if width == Width::W64 { 64 } else { 32 };
        if left == other_left || count + other_count != bits {
            return None;
        }
        // Two halves of 32 bits have zeroes above, so joining all 64 bits does the same as joining 32.
        let join = insns.get(rest + 1)?;
        let is_join = match join.op {
            LowOp::Alu { op: AluOp::Or | AluOp::Add | AluOp::Xor, width: joined, src: Src::Reg } => {
                joined == width || width == Width::W32
            }
            _ => false,
        };
        let (result, left_over) = match (join.dst, join.src) {
            _ if !is_join => return None,
            (dst, src) if (dst, src) == (other, t) || (dst, src) == (t, other) => (dst, src),
            _ => return None,
        };
        let slots = rest + 2;
        let leads_in = (1..slots).any(|distance| self.live.is_target(at + distance));
        if leads_in || !self.live.is_dead_after(at + slots - 1, left_over) {
            return None;
        }
        let (to, from) = (REGS[result as usize], REGS[x as usize]);
        let rotate_left = if left { count } else { other_count };
        if to == from {
            self.asm.shift_ri(Shift::Rol, width, to, rotate_left);
        } else if self.features.bmi2 {
            self.asm.rorx(width, to, from, bits - rotate_left);
        } else {
            self.asm.mov_rr(width, to, from);
            self.asm.shift_ri(Shift::Rol, width, to, rotate_left);
        }
        Some(slots)
    }

    /// `t = *(a + off)` and then a use of `t`, the only one: the load becomes the use's operand.
    fn loaded(&mut self, at: usize, end: usize, size: Size, load: &Low) -> Option<usize> {
        let next = self.follower(at, 1, end)?;
        if !self.live.is_dead_after(at + 1, load.dst) {
            return None;
        }
        let mem = memory_at(REGS[load.src as usize], load.disp);
        match next.op {
            // The operand has to be as wide as the operation.
            LowOp::Alu { op, width, src: Src::Reg } if next.src == load.dst && next.dst != load.dst => {
                if size != if width == Width::W64 { Size::Dw } else { Size::W } {
                    return None;
                }
                let alu = family(op)?;
                let dst = REGS[next.dst as usize];
                self.asm.alu_rm(alu, width, dst, mem);
                Some(2)
            }
            LowOp::Jump { cond, width, src: Src::Imm } if next.dst == load.dst => {
                // A narrow comparison sees what the wide one would if the immediate is as narrow, unsigned.
                let imm = next.imm as i32;
                let fits = match size {
                    Size::B => (0..=0xff).contains(&imm),
                    Size::W => width == Width::W32 || imm >= 0,
                    Size::Dw => width == Width::W64,
                    Size::H => false,
                };
                let signed = matches!(cond, Cond::Sgt | Cond::Sge | Cond::Slt | Cond::Sle);
                let whole = size == Size::Dw || size == Size::W && width == Width::W32;
                let target = next.target as usize;
                if !fits
                    || signed && !whole
                    || cond == Cond::Set
                    || target == at + 2
                    || self.is_dead(target)
                    || self.is_dead(at + 2)
                {
                    return None;
                }
                let target = next.target;
                self.asm.alu_mi(Alu::Cmp, size, mem, imm);
                self.jump(at + 1, Some(condition(cond)), target);
                Some(2)
            }
            _ => None,
        }
    }

    /// `if … goto +1; goto there`: a jump there if not.
    fn jump_over_jump(
        &mut self,
        at: usize,
        end: usize,
        cond: Cond,
        width: Width,
        src: Src,
        low: &Low,
    ) -> Option<usize> {
        let next = self.follower(at, 1, end)?;
        let over = low.target as usize == at + 2;
        if !matches!(next.op, LowOp::Ja) || !over || self.is_dead(at + 2) {
            return None;
        }
        let target = next.target;
        self.compare(cond, width, src, low);
        self.jump(at, Some(condition(cond).inverse()), target);
        Some(2)
    }
}

/// The operations that take an operand in memory.
fn family(op: AluOp) -> Option<Alu> {
    Some(match op {
        AluOp::Add => Alu::Add,
        AluOp::Sub => Alu::Sub,
        AluOp::And => Alu::And,
        AluOp::Or => Alu::Or,
        AluOp::Xor => Alu::Xor,
        _ => return None,
    })
}

fn is_move(low: &Low, width: Width) -> bool {
    matches!(low.op, LowOp::Alu { op: AluOp::Mov, width: found, src: Src::Reg } if found == width)
}

/// Whether this shifts the register by a constant at this width: whether to the left, and by how much.
fn shift(low: &Low, reg: u8, width: Width) -> Option<(bool, u8)> {
    let LowOp::Alu { op, width: found, src: Src::Imm } = low.op else { return None };
    let bits = if width == Width::W64 { 64 } else { 32 };
    if found != width || low.dst != reg || !(1..bits).contains(&low.imm) {
        return None;
    }
    match op {
        AluOp::Lsh => Some((true, low.imm as u8)),
        AluOp::Rsh => Some((false, low.imm as u8)),
        _ => None,
    }
}
