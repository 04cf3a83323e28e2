//! Parts of programs that compute: numbers that are not known, numbers that are known by others, and pointers moved
//! and compared by them.

use arbitrary::Result;
use skep_isa::{AluOp, Cond, Insn, Op, Order, Reg, Size, Width};

use super::{FROZEN, Maker, SIZES};

impl Maker<'_, '_> {
    fn width(&mut self) -> Result<Width> {
        Ok(if self.u.arbitrary()? { Width::W64 } else { Width::W32 })
    }

    /// r9 is a number that is not known before the run: from chance, the packet, the stack, or data that is.
    pub(super) fn unknown(&mut self) -> Result<()> {
        match self.u.int_in_range(0..=4)? {
            0 | 1 => {
                self.push(Insn::call_helper(7));
                self.push(Insn::mov_reg(Reg::R9, Reg::R0));
            }
            2 => {
                let size = *self.u.choose(&SIZES)?;
                let off = self.u.int_in_range(0..=16)?;
                self.push(Insn::load(size, Reg::R9, Reg::R7, off));
            }
            3 => self.push(Insn::load(Size::Dw, Reg::R9, Reg::R10, -8)),
            _ => {
                self.insns.extend(Insn::map_idx_value(Reg::R5, FROZEN, 4 * self.u.int_in_range(0..=2)?));
                self.push(Insn::load(Size::W, Reg::R9, Reg::R5, 0));
            }
        }
        Ok(())
    }

    /// r5 is a copy of r9, both may move by constants; what one is compared with bounds the other, which then moves
    /// a pointer.
    pub(super) fn linked(&mut self) -> Result<()> {
        if self.u.ratio(1, 2)? {
            self.unknown()?;
        }
        if self.u.ratio(1, 2)? {
            // Then steps of a few wrap for some of the numbers.
            self.push(Insn::alu_imm(AluOp::And, Width::W64, Reg::R9, 15));
        }
        match self.u.int_in_range(0..=3)? {
            0 | 1 => self.push(Insn::mov_reg(Reg::R5, Reg::R9)),
            2 => self.push(Insn::alu_reg(AluOp::Mov, Width::W32, Reg::R5, Reg::R9)),
            _ => {
                self.push(Insn::store_reg(Size::Dw, Reg::R10, -16, Reg::R9));
                let size = *self.u.choose(&[Size::Dw, Size::Dw, Size::W])?;
                self.push(Insn::load(size, Reg::R5, Reg::R10, -16));
            }
        }
        for _ in 0..self.u.int_in_range(0..=4)? {
            let reg = *self.u.choose(&[Reg::R5, Reg::R9])?;
            let op = *self.u.choose(&[AluOp::Add, AluOp::Add, AluOp::Sub])?;
            let width = self.width()?;
            let number = if self.u.ratio(3, 4)? { *self.u.choose(&[-8, 8])? } else { self.number()? };
            self.push(Insn::alu_imm(op, width, reg, number));
        }
        let reg = *self.u.choose(&[Reg::R5, Reg::R9])?;
        for _ in 0..self.u.int_in_range(1..=2)? {
            let cond = *self.u.choose(&Cond::ALL)?;
            let width = self.width()?;
            let number = if self.u.ratio(3, 4)? { self.u.int_in_range(0..=16)? } else { self.number()? };
            self.push(Insn::jump_imm(cond, width, reg, number, 2));
            self.push(Insn::mov_imm(Reg::R0, 1));
            self.push(Insn::exit());
        }
        // The frame has more room than most bounds, so that more passes.
        let pointer = *self.u.choose(&[Reg::R7, Reg::R3, Reg::R3])?;
        let other = *self.u.choose(&[Reg::R5, Reg::R9])?;
        if pointer == Reg::R3 {
            self.push(Insn::mov_reg(Reg::R3, Reg::R10));
            self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R3, -64));
        }
        let op = if self.u.ratio(4, 5)? { AluOp::Add } else { AluOp::Sub };
        self.push(Insn::alu_reg(op, Width::W64, pointer, other));
        let off = self.u.int_in_range(-2..=40)?;
        let insn = match pointer {
            Reg::R3 => Insn::store_imm(Size::B, pointer, off, 1),
            _ => Insn::load(Size::B, Reg::R0, pointer, off),
        };
        self.push(insn);
        Ok(())
    }

    /// r9 sign-extended, its bytes swapped, negated, or cut.
    pub(super) fn converted(&mut self) -> Result<()> {
        let size = *self.u.choose(&[Size::H, Size::W, Size::Dw])?;
        let op = match self.u.int_in_range(0..=3)? {
            0 => Op::MovSx { width: Width::W64, from: *self.u.choose(&[Size::B, Size::H, Size::W])? },
            1 => Op::MovSx { width: Width::W32, from: *self.u.choose(&[Size::B, Size::H])? },
            2 => Op::End { order: *self.u.choose(&[Order::Little, Order::Big, Order::Swap])?, size },
            _ => Op::Neg { width: self.width()? },
        };
        let (dst, src) = match op {
            Op::MovSx { .. } => (*self.u.choose(&[Reg::R5, Reg::R9])?, Reg::R9),
            _ => (Reg::R9, Reg(0)),
        };
        self.push(Insn { dst, src, ..Insn::new(op) });
        if self.u.ratio(1, 2)? {
            let op = *self.u.choose(&AluOp::ALL)?;
            let (width, number) = (self.width()?, self.number()?);
            self.push(Insn::alu_imm(op, width, Reg::R9, number));
        }
        Ok(())
    }

    /// r9 is the packet's length, compared, and a pointer moved by it.
    pub(super) fn packet_length(&mut self) -> Result<()> {
        let width = self.width()?;
        self.push(Insn::mov_reg(Reg::R9, Reg::R8));
        self.push(Insn::alu_reg(AluOp::Sub, width, Reg::R9, Reg::R7));
        let cond = *self.u.choose(&Cond::ALL)?;
        let width = self.width()?;
        let number = self.u.int_in_range(0..=64)?;
        self.push(Insn::jump_imm(cond, width, Reg::R9, number, 2));
        self.push(Insn::mov_imm(Reg::R0, 1));
        self.push(Insn::exit());
        if self.u.ratio(1, 2)? {
            self.bend(Reg::R7)?;
        }
        self.packet_access()
    }

    /// A store or load at a place in the frame that is not known, then a load that may see it.
    pub(super) fn stack_somewhere(&mut self) -> Result<()> {
        let mask = *self.u.choose(&[8, 24, 56, 7, 15])?;
        self.push(Insn::alu_imm(AluOp::And, Width::W64, Reg::R9, mask));
        self.push(Insn::mov_reg(Reg::R3, Reg::R10));
        self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R3, -64));
        self.push(Insn::alu_reg(AluOp::Add, Width::W64, Reg::R3, Reg::R9));
        self.access(Reg::R3, 0)?;
        let off = -64 + 8 * self.u.int_in_range::<i16>(0..=7)?;
        let reg = *self.u.choose(&[Reg::R9, Reg::R0])?;
        self.push(Insn::load(Size::Dw, reg, Reg::R10, off));
        Ok(())
    }

    /// A comparison of two pointers or of a pointer and anything, which may bound the first.
    pub(super) fn compared_pointers(&mut self) -> Result<()> {
        let cond = *self.u.choose(&Cond::ALL)?;
        let width = if self.u.ratio(4, 5)? { Width::W64 } else { Width::W32 };
        let (left, right) = (self.any_reg()?, self.any_reg()?);
        self.push(Insn::jump_reg(cond, width, left, right, 2));
        self.push(Insn::mov_imm(Reg::R0, 1));
        self.push(Insn::exit());
        let off = self.u.int_in_range(-8..=8)?;
        let base = if self.u.arbitrary()? { left } else { right };
        self.access(base, off)
    }

    /// A loop that the run bounds, whose rounds may move a pointer or a number.
    pub(super) fn may_goto(&mut self) -> Result<()> {
        let start = self.insns.len();
        self.push(Insn::new(Op::MayGoto));
        match self.u.int_in_range(0..=3)? {
            0 => self.arithmetic()?,
            1 => self.stack_access()?,
            2 => self.stack_somewhere()?,
            _ => {
                let number = self.u.int_in_range(0..=3)?;
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R9, number));
                let cond = *self.u.choose(&[Cond::Gt, Cond::Sgt, Cond::Eq])?;
                let width = self.width()?;
                let limit = self.u.int_in_range(1..=40)?;
                // Out of the loop.
                self.push(Insn::jump_imm(cond, width, Reg::R9, limit, 2));
                let off = self.u.int_in_range(-1..=2)?;
                self.push(Insn::load(Size::B, Reg::R0, Reg::R7, off));
            }
        }
        let back = start as i16 - self.insns.len() as i16 - 1;
        self.push(Insn::ja(back));
        let over = (self.insns.len() - start - 1) as i16;
        self.insns[start].off = over;
        Ok(())
    }
}
