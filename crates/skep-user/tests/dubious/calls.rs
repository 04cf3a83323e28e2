//! Parts of programs that call: other programs, their own functions with pointers of several kinds, and functions
//! that work on memory of a size that is not known; and what is left of packet pointers after calls.

use arbitrary::Result;
use skep_isa::{AluOp, Insn, Reg, Size, Width};

use super::{Maker, PROGRAMS, QUEUE, RING};

impl Maker<'_, '_> {
    /// The context, the array, and an index that may be one of nothing; r1 to r5 are gone after it.
    pub(super) fn tail_call(&mut self) -> Result<()> {
        if self.u.ratio(3, 4)? {
            self.push(Insn::mov_reg(Reg::R1, Reg::R6));
        }
        self.insns.extend(Insn::map_idx(Reg::R2, PROGRAMS));
        let index = self.u.int_in_range(0..=2)?;
        self.push(Insn::mov_imm(Reg::R3, index));
        self.push(Insn::call_helper(12));
        if self.u.ratio(3, 4)? {
            // The call leaves nothing in r0.
            self.push(Insn::mov_imm(Reg::R0, 0));
        }
        Ok(())
    }

    /// r1 for a call of the program's function: something of any kind.
    pub(super) fn local_arguments(&mut self) -> Result<()> {
        match self.u.int_in_range(0..=4)? {
            0 => self.push(Insn::mov_reg(Reg::R1, Reg::R6)),
            1 => {
                self.push(Insn::mov_reg(Reg::R1, Reg::R10));
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R1, -16));
            }
            2 => self.push(Insn::mov_reg(Reg::R1, Reg::R7)),
            3 => {
                let reg = self.any_reg()?;
                self.push(Insn::mov_reg(Reg::R1, reg));
            }
            _ => {}
        }
        Ok(())
    }

    /// A packet pointer goes through the frame; in between, the packet is checked or moved, or the slot is touched.
    pub(super) fn spilled_packet(&mut self) -> Result<()> {
        let off = -8 * self.u.int_in_range::<i16>(1..=4)?;
        self.push(Insn::store_reg(Size::Dw, Reg::R10, off, Reg::R7));
        match self.u.int_in_range(0..=3)? {
            0 | 1 => self.packet_check()?,
            2 => self.helper()?,
            _ => {
                let size = *self.u.choose(&[Size::B, Size::W])?;
                self.push(Insn::store_imm(size, Reg::R10, off, 0));
            }
        }
        let back = *self.u.choose(&[Reg::R7, Reg::R3])?;
        self.push(Insn::load(Size::Dw, back, Reg::R10, off));
        let off = self.u.int_in_range(-2..=20)?;
        self.access(back, off)
    }

    /// A call with memory on the stack, in the packet or in a value, of a size that r9 is.
    pub(super) fn sized_memory(&mut self) -> Result<()> {
        let mask = *self.u.choose(&[3, 7, 12, 31, 63])?;
        self.push(Insn::alu_imm(AluOp::And, Width::W64, Reg::R9, mask));
        if self.u.ratio(1, 2)? {
            self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R9, 1));
        }
        let memory = *self.u.choose(&[Reg::R10, Reg::R10, Reg::R7, Reg::R0])?;
        let below = if memory == Reg::R10 { -8 * self.u.int_in_range::<i32>(0..=9)? } else { 0 };
        let off = self.u.int_in_range(0..=8)?;
        match self.u.int_in_range(0..=3)? {
            // xdp_load_bytes and xdp_store_bytes
            0 | 1 => {
                self.push(Insn::mov_reg(Reg::R3, memory));
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R3, below));
                self.push(Insn::mov_reg(Reg::R4, Reg::R9));
                self.push(Insn::mov_reg(Reg::R1, Reg::R6));
                self.push(Insn::mov_imm(Reg::R2, off));
                let id = *self.u.choose(&[189, 189, 190])?;
                self.push(Insn::call_helper(id));
            }
            // csum_diff and ringbuf_output
            2 => {
                self.push(Insn::mov_reg(Reg::R1, memory));
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R1, below));
                self.push(Insn::mov_reg(Reg::R2, Reg::R9));
                self.push(Insn::mov_imm(Reg::R3, 0));
                self.push(Insn::mov_imm(Reg::R4, 0));
                self.push(Insn::mov_imm(Reg::R5, 0));
                self.push(Insn::call_helper(28));
            }
            _ => {
                self.push(Insn::mov_reg(Reg::R2, memory));
                self.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R2, below));
                let (map, id) = *self.u.choose(&[(RING, 130), (QUEUE, 87), (QUEUE, 88)])?;
                self.insns.extend(Insn::map_idx(Reg::R1, map));
                self.push(Insn::mov_reg(Reg::R3, Reg::R9));
                self.push(Insn::mov_imm(Reg::R4, 0));
                self.push(Insn::call_helper(id));
            }
        }
        if self.u.ratio(1, 2)? {
            let off = -8 * self.u.int_in_range::<i16>(1..=9)?;
            self.push(Insn::load(Size::Dw, Reg::R9, Reg::R10, off));
        }
        Ok(())
    }
}
