//! Arithmetic: where BPF asks for more than one instruction of the machine.
//!
//! Source: RFC 9669 section 4.1 for what is computed, Intel's manual for what the machine does instead: it faults on
//! division by zero and on the smallest number divided by -1, and wants its operands in certain registers.

use skep_isa::{AluOp, Order, Size, Width};

use super::emit::Emitter;
use super::operand::*;
use crate::runtime::World;

impl<W: World> Emitter<'_, W> {
    pub(super) fn alu_imm(&mut self, op: AluOp, width: Width, dst: Gpr, imm: i32) {
        let (asm, count) = (&mut self.asm, (imm & if width == Width::W64 { 63 } else { 31 }) as u8);
        match op {
            AluOp::Mov => {
                let value = if width == Width::W64 { i64::from(imm) } else { i64::from(imm as u32) };
                asm.mov_ri(dst, value);
            }
            AluOp::Add => asm.alu_ri(Alu::Add, width, dst, imm),
            AluOp::Sub => asm.alu_ri(Alu::Sub, width, dst, imm),
            AluOp::Or => asm.alu_ri(Alu::Or, width, dst, imm),
            AluOp::Xor => asm.alu_ri(Alu::Xor, width, dst, imm),
            AluOp::And => match imm {
                0xff => asm.zero_extend(Size::B, dst, dst),
                0xffff => asm.zero_extend(Size::H, dst, dst),
                // Without a sign, the high half becomes zero either way.
                0.. => asm.alu_ri(Alu::And, Width::W32, dst, imm),
                _ => asm.alu_ri(Alu::And, width, dst, imm),
            },
            AluOp::Mul => match imm as u32 {
                power if power.is_power_of_two() && imm > 0 => {
                    asm.shift_ri(Shift::Shl, width, dst, power.trailing_zeros() as u8);
                }
                _ => asm.imul_rri(width, dst, dst, imm),
            },
            AluOp::Lsh => asm.shift_ri(Shift::Shl, width, dst, count),
            AluOp::Rsh => asm.shift_ri(Shift::Shr, width, dst, count),
            AluOp::Arsh => asm.shift_ri(Shift::Sar, width, dst, count),
            AluOp::Div | AluOp::Mod => self.divide_unsigned_imm(op == AluOp::Mod, width, dst, imm),
            AluOp::Sdiv | AluOp::Smod => {
                self.asm.mov_ri(R11, imm.into());
                self.divide(op, width, dst, R11, imm == 0, imm == -1);
            }
        }
    }

    pub(super) fn alu_reg(&mut self, op: AluOp, width: Width, dst: Gpr, src: Gpr) {
        let asm = &mut self.asm;
        match op {
            AluOp::Mov if dst == src && width == Width::W64 => {}
            AluOp::Mov => asm.mov_rr(width, dst, src),
            AluOp::Add => asm.alu_rr(Alu::Add, width, dst, src),
            AluOp::Sub => asm.alu_rr(Alu::Sub, width, dst, src),
            AluOp::Or => asm.alu_rr(Alu::Or, width, dst, src),
            AluOp::Xor => asm.alu_rr(Alu::Xor, width, dst, src),
            AluOp::And => asm.alu_rr(Alu::And, width, dst, src),
            AluOp::Mul => asm.imul_rr(width, dst, src),
            AluOp::Lsh => self.shift(Shift::Shl, width, dst, src),
            AluOp::Rsh => self.shift(Shift::Shr, width, dst, src),
            AluOp::Arsh => self.shift(Shift::Sar, width, dst, src),
            AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod => {
                self.divide(op, width, dst, src, true, true);
            }
        }
    }

    /// A shift by a register. The machine masks the count as RFC 9669 wants it.
    pub(super) fn shift(&mut self, op: Shift, width: Width, dst: Gpr, src: Gpr) {
        let asm = &mut self.asm;
        if self.features.bmi2 {
            asm.shift_rr(op, width, dst, dst, src);
        } else if src == RCX && dst != RCX {
            asm.shift_cl(op, width, dst);
        } else {
            // The count has to be in cl, whose register is one of the program's.
            let shifted = if dst == RCX { R10 } else { dst };
            asm.mov_rr(Width::W64, R11, RCX);
            if dst == RCX {
                asm.mov_rr(Width::W64, R10, RCX);
            }
            asm.mov_rr(Width::W64, RCX, src);
            asm.shift_cl(op, width, shifted);
            asm.mov_rr(Width::W64, RCX, if dst == RCX { R10 } else { R11 });
        }
    }

    /// Unsigned division by a constant.
    fn divide_unsigned_imm(&mut self, remainder: bool, width: Width, dst: Gpr, imm: i32) {
        let divisor = if width == Width::W64 { i64::from(imm) as u64 } else { u64::from(imm as u32) };
        let asm = &mut self.asm;
        if divisor == 0 {
            match (remainder, width) {
                (false, _) => asm.mov_ri(dst, 0),
                (true, Width::W32) => asm.mov_rr(Width::W32, dst, dst),
                (true, Width::W64) => {}
            }
        } else if divisor.is_power_of_two() {
            match i32::try_from(divisor - 1) {
                Ok(0) if remainder => asm.mov_ri(dst, 0),
                Ok(mask) if remainder => asm.alu_ri(Alu::And, Width::W32, dst, mask),
                _ if remainder => {
                    asm.mov_ri(R11, (divisor - 1) as i64);
                    asm.alu_rr(Alu::And, width, dst, R11);
                }
                _ if divisor == 1 && width == Width::W64 => {}
                _ if divisor == 1 => asm.mov_rr(Width::W32, dst, dst),
                _ => asm.shift_ri(Shift::Shr, width, dst, divisor.trailing_zeros() as u8),
            }
        } else if self.features.bmi2 && width == Width::W32 {
            self.multiply_to_divide(remainder, dst, divisor as u32);
        } else {
            asm.mov_ri(R11, divisor as i64);
            self.divide(if remainder { AluOp::Mod } else { AluOp::Div }, width, dst, R11, false, false);
        }
    }

    /// Division of 32 bits by a constant that is no power of two: the high half of a product with the reciprocal,
    /// scaled to 64 bits and rounded up, is the quotient, exactly.
    /// Source: Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019, theorem 1.
    fn multiply_to_divide(&mut self, remainder: bool, dst: Gpr, divisor: u32) {
        let asm = &mut self.asm;
        let reciprocal = u64::MAX / u64::from(divisor) + 1;
        // rdx is an operand of the multiplication, and of the program.
        let saved = (dst != RDX).then_some(R9);
        if let Some(saved) = saved {
            asm.mov_rr(Width::W64, saved, RDX);
        }
        asm.mov_rr(Width::W32, RDX, dst);
        asm.mov_ri(R11, reciprocal as i64);
        asm.mulx(Width::W64, R10, R11, R11);
        if remainder {
            asm.imul_rri(Width::W32, R10, R10, divisor as i32);
            // rdx still has the dividend; where it is the destination, so does that.
            asm.alu_rr(Alu::Sub, Width::W32, RDX, R10);
            asm.mov_rr(Width::W32, R10, RDX);
        }
        if let Some(saved) = saved {
            asm.mov_rr(Width::W64, RDX, saved);
        }
        asm.mov_rr(Width::W32, dst, R10);
    }

    /// Division by a register, which may be zero or -1 as far as it is said; r11 may be the divisor.
    fn divide(&mut self, op: AluOp, width: Width, dst: Gpr, src: Gpr, zero: bool, minus_one: bool) {
        let signed = matches!(op, AluOp::Sdiv | AluOp::Smod);
        let remainder = matches!(op, AluOp::Mod | AluOp::Smod);
        let asm = &mut self.asm;
        let mut ends = Vec::new();
        let divisor = if src == RAX || src == RDX {
            asm.mov_rr(Width::W64, R11, src);
            R11
        } else {
            src
        };
        if zero {
            asm.test_rr(width, divisor, divisor);
            let other = asm.jump_short(Some(Cc::NotEqual));
            if !remainder {
                asm.mov_ri(dst, 0);
            } else if width == Width::W32 {
                asm.mov_rr(Width::W32, dst, dst);
            }
            ends.push(asm.jump_short(None));
            asm.land(other);
        }
        if signed && minus_one {
            // The machine faults on the quotient of the smallest number by -1, which has no positive counterpart.
            asm.alu_ri(Alu::Cmp, width, divisor, -1);
            let other = asm.jump_short(Some(Cc::NotEqual));
            if remainder {
                asm.mov_ri(dst, 0);
            } else {
                asm.unary(Unary::Neg, width, dst);
            }
            ends.push(asm.jump_short(None));
            asm.land(other);
        }
        // Dividend and results are in rax and rdx, which are registers of the program.
        if dst != RAX {
            asm.mov_rr(Width::W64, R10, RAX);
            asm.mov_rr(Width::W64, RAX, dst);
        }
        if dst != RDX {
            asm.mov_rr(Width::W64, R9, RDX);
        }
        if signed {
            asm.sign_to_rdx(width);
            asm.unary(Unary::Idiv, width, divisor);
        } else {
            asm.mov_ri(RDX, 0);
            asm.unary(Unary::Div, width, divisor);
        }
        let result = if remainder { RDX } else { RAX };
        if dst != result {
            asm.mov_rr(width, dst, result);
        }
        if dst != RDX {
            asm.mov_rr(Width::W64, RDX, R9);
        }
        if dst != RAX {
            asm.mov_rr(Width::W64, RAX, R10);
        }
        for end in ends {
            asm.land(end);
        }
    }

    pub(super) fn byte_order(&mut self, order: Order, size: Size, dst: Gpr) {
        let swaps = order != Order::Little;
        match size {
            Size::H | Size::B => {
                if swaps {
                    self.asm.swap_low_bytes(dst);
                }
                self.asm.zero_extend(Size::H, dst, dst);
            }
            Size::W if swaps => self.asm.bswap(Width::W32, dst),
            Size::W => self.asm.mov_rr(Width::W32, dst, dst),
            Size::Dw if swaps => self.asm.bswap(Width::W64, dst),
            Size::Dw => {}
        }
    }
}
