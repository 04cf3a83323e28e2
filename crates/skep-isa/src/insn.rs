//! The in-memory instruction: one slot, 16 bytes, `Copy`. Its layout does not change when rows are added.

use core::fmt;

use crate::row::{AluOp, AtomicOp, Callee, Cond, ImmUse, Op, Order, Row, Size, Src, Wide, Width};
use crate::table;

/// A register field: 0-10 are registers, 11-15 can be encoded and are refused by verifiers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(pub u8);

impl Reg {
    /// The result.
    pub const R0: Reg = Reg(0);
    /// First argument; the context at entry.
    pub const R1: Reg = Reg(1);
    /// Second argument.
    pub const R2: Reg = Reg(2);
    /// Third argument.
    pub const R3: Reg = Reg(3);
    /// Fourth argument.
    pub const R4: Reg = Reg(4);
    /// Fifth argument.
    pub const R5: Reg = Reg(5);
    /// First callee-saved register.
    pub const R6: Reg = Reg(6);
    /// Callee-saved.
    pub const R7: Reg = Reg(7);
    /// Callee-saved.
    pub const R8: Reg = Reg(8);
    /// Callee-saved.
    pub const R9: Reg = Reg(9);
    /// The frame pointer, read-only.
    pub const R10: Reg = Reg(10);
    /// How many registers there are.
    pub const COUNT: usize = 11;

    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Which row of the table an instruction is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FormId(u16);

impl FormId {
    /// A further slot of the instruction before it.
    pub const TAIL: FormId = FormId(u16::MAX);
    /// A slot that no row decodes.
    pub const RAW: FormId = FormId(u16::MAX - 1);

    /// The form at this index of [`table::ROWS`].
    pub(crate) const fn at(index: usize) -> FormId {
        FormId(index as u16)
    }

    /// The index into [`table::ROWS`]; beyond its end for raw and tail slots.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The form that does `op`, if the table has one.
    ///
    /// ```
    /// use skep_isa::{FormId, Op};
    /// const EXIT: FormId = FormId::of(Op::Exit).unwrap();
    /// assert_eq!(EXIT.row().unwrap().name, "exit");
    /// ```
    pub const fn of(op: Op) -> Option<FormId> {
        let mut index = 0;
        while index < table::ROWS.len() {
            if same(table::ROWS[index].op, op) {
                return Some(FormId::at(index));
            }
            index += 1;
        }
        None
    }

    /// The form with this name.
    pub fn by_name(name: &str) -> Option<FormId> {
        table::ROWS.iter().position(|row| row.name == name).map(FormId::at)
    }

    /// The row, or `None` for [`FormId::RAW`] and [`FormId::TAIL`].
    pub fn row(self) -> Option<&'static Row> {
        table::ROWS.get(self.index())
    }
}

/// Equality of operations that `const fn` can use; derived `PartialEq` can't be called there.
const fn same(a: Op, b: Op) -> bool {
    match (a, b) {
        (Op::Alu { op: o1, width: w1, src: s1 }, Op::Alu { op: o2, width: w2, src: s2 }) => {
            o1 as u8 == o2 as u8 && w1 as u8 == w2 as u8 && s1 as u8 == s2 as u8
        }
        (Op::Neg { width: w1 }, Op::Neg { width: w2 }) => w1 as u8 == w2 as u8,
        (Op::MovSx { width: w1, from: f1 }, Op::MovSx { width: w2, from: f2 }) => {
            w1 as u8 == w2 as u8 && f1 as u8 == f2 as u8
        }
        (Op::End { order: o1, size: s1 }, Op::End { order: o2, size: s2 }) => {
            o1 as u8 == o2 as u8 && s1 as u8 == s2 as u8
        }
        (Op::Ja { long: l1 }, Op::Ja { long: l2 }) => l1 == l2,
        (Op::Jump { cond: c1, width: w1, src: s1 }, Op::Jump { cond: c2, width: w2, src: s2 }) => {
            c1 as u8 == c2 as u8 && w1 as u8 == w2 as u8 && s1 as u8 == s2 as u8
        }
        (Op::Call(c1), Op::Call(c2)) => c1 as u8 == c2 as u8,
        (Op::Load { size: z1, signed: g1 }, Op::Load { size: z2, signed: g2 }) => {
            z1 as u8 == z2 as u8 && g1 == g2
        }
        (Op::Store { size: z1, src: s1 }, Op::Store { size: z2, src: s2 }) => {
            z1 as u8 == z2 as u8 && s1 as u8 == s2 as u8
        }
        (Op::LoadPacket { size: z1, indirect: i1 }, Op::LoadPacket { size: z2, indirect: i2 }) => {
            z1 as u8 == z2 as u8 && i1 == i2
        }
        (Op::Atomic { op: o1, size: z1, fetch: f1 }, Op::Atomic { op: o2, size: z2, fetch: f2 }) => {
            o1 as u8 == o2 as u8 && z1 as u8 == z2 as u8 && f1 == f2
        }
        (Op::LoadAcquire { size: z1 }, Op::LoadAcquire { size: z2 })
        | (Op::StoreRelease { size: z1 }, Op::StoreRelease { size: z2 }) => z1 as u8 == z2 as u8,
        (Op::Wide(k1), Op::Wide(k2)) => k1 as u8 == k2 as u8,
        (Op::AddrSpaceCast, Op::AddrSpaceCast)
        | (Op::MayGoto, Op::MayGoto)
        | (Op::GotoX, Op::GotoX)
        | (Op::CallX, Op::CallX)
        | (Op::Exit, Op::Exit) => true,
        _ => false,
    }
}

/// One slot of a program, decoded.
///
/// A sequence of them is indexed by slot: an instruction of two slots is followed by an [`FormId::TAIL`].
/// Fields the form does not use are zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Insn {
    /// Which row.
    pub form: FormId,
    /// The destination register field.
    pub dst: Reg,
    /// The source register field.
    pub src: Reg,
    /// The offset: bytes for memory, slots for jumps.
    pub off: i16,
    /// The immediate, sign-extended; all 64 bits of a wide load; the slot's bits for [`FormId::RAW`].
    pub imm: i64,
}

impl Insn {
    /// The second slot of a wide load.
    pub const TAIL: Insn = Insn { form: FormId::TAIL, dst: Reg::R0, src: Reg::R0, off: 0, imm: 0 };

    /// An instruction of the form that does `op`, its fields zero. Panics if the table has no such form, which
    /// is a mistake in the caller's source: use it in constants and builders.
    pub const fn new(op: Op) -> Insn {
        let Some(form) = FormId::of(op) else { panic!("no form does this operation") };
        Insn { form, dst: Reg::R0, src: Reg::R0, off: 0, imm: 0 }
    }

    /// A slot that is carried as it is.
    pub const fn raw(bits: u64) -> Insn {
        Insn { form: FormId::RAW, dst: Reg::R0, src: Reg::R0, off: 0, imm: bits as i64 }
    }

    /// With this destination register.
    pub const fn dst(self, dst: Reg) -> Insn {
        Insn { dst, ..self }
    }

    /// With this source register.
    pub const fn src(self, src: Reg) -> Insn {
        Insn { src, ..self }
    }

    /// With this offset.
    pub const fn off(self, off: i16) -> Insn {
        Insn { off, ..self }
    }

    /// With this immediate.
    pub const fn imm(self, imm: i64) -> Insn {
        Insn { imm, ..self }
    }

    /// The row, or `None` for raw and tail slots.
    pub fn row(&self) -> Option<&'static Row> {
        self.form.row()
    }

    /// What it does.
    pub fn op(&self) -> Op {
        match self.form.row() {
            Some(row) => row.op,
            None if self.form == FormId::TAIL => Op::Tail,
            None => Op::Raw,
        }
    }

    /// How many slots it takes; 1 for raw and tail slots.
    pub fn slots(&self) -> usize {
        self.row().map_or(1, |row| row.slots as usize)
    }

    /// The distance of a jump or local call, in slots from the next one.
    pub fn target(&self) -> Option<i64> {
        match self.op() {
            Op::Ja { long: false } | Op::Jump { .. } | Op::MayGoto => Some(i64::from(self.off)),
            Op::Ja { long: true } | Op::Call(Callee::Local) | Op::Wide(Wide::Func) => Some(self.imm),
            _ => None,
        }
    }

    /// The low and the high 32 bits of a wide load's immediate.
    pub const fn wide_halves(&self) -> (i32, i32) {
        (self.imm as i32, (self.imm >> 32) as i32)
    }

    /// Sets the low 32 bits of a wide load's immediate. A form of one number keeps it sign-extended; in one of two, the
    /// high half is a number of its own and stays what it is.
    #[inline]
    pub(crate) fn set_wide_low(&mut self, low: u32) {
        let is_pair = self.row().is_some_and(|row| row.imm == ImmUse::WidePair);
        self.imm = if is_pair { self.imm & !0xffff_ffff | i64::from(low) } else { i64::from(low as i32) };
    }
}

impl fmt::Debug for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::text::Writer::pseudoc().insn(self))
    }
}

/// Builders for the commonest instructions, as generators and rewriters need them.
impl Insn {
    /// `dst = imm`
    pub const fn mov_imm(dst: Reg, imm: i32) -> Insn {
        Insn::alu_imm(AluOp::Mov, Width::W64, dst, imm)
    }

    /// `dst = src`
    pub const fn mov_reg(dst: Reg, src: Reg) -> Insn {
        Insn::alu_reg(AluOp::Mov, Width::W64, dst, src)
    }

    /// `dst op= imm`
    pub const fn alu_imm(op: AluOp, width: Width, dst: Reg, imm: i32) -> Insn {
        Insn::new(Op::Alu { op, width, src: Src::Imm }).dst(dst).imm(imm as i64)
    }

    /// `dst op= src`
    pub const fn alu_reg(op: AluOp, width: Width, dst: Reg, src: Reg) -> Insn {
        Insn::new(Op::Alu { op, width, src: Src::Reg }).dst(dst).src(src)
    }

    /// `dst = *(size *)(src + off)`
    pub const fn load(size: Size, dst: Reg, src: Reg, off: i16) -> Insn {
        Insn::new(Op::Load { size, signed: false }).dst(dst).src(src).off(off)
    }

    /// `*(size *)(dst + off) = src`
    pub const fn store_reg(size: Size, dst: Reg, off: i16, src: Reg) -> Insn {
        Insn::new(Op::Store { size, src: Src::Reg }).dst(dst).src(src).off(off)
    }

    /// `*(size *)(dst + off) = imm`
    pub const fn store_imm(size: Size, dst: Reg, off: i16, imm: i32) -> Insn {
        Insn::new(Op::Store { size, src: Src::Imm }).dst(dst).off(off).imm(imm as i64)
    }

    /// `if dst cond imm goto +off`
    pub const fn jump_imm(cond: Cond, width: Width, dst: Reg, imm: i32, off: i16) -> Insn {
        Insn::new(Op::Jump { cond, width, src: Src::Imm }).dst(dst).imm(imm as i64).off(off)
    }

    /// `if dst cond src goto +off`
    pub const fn jump_reg(cond: Cond, width: Width, dst: Reg, src: Reg, off: i16) -> Insn {
        Insn::new(Op::Jump { cond, width, src: Src::Reg }).dst(dst).src(src).off(off)
    }

    /// `goto +off`
    pub const fn ja(off: i16) -> Insn {
        Insn::new(Op::Ja { long: false }).off(off)
    }

    /// `call helper`
    pub const fn call_helper(id: u32) -> Insn {
        Insn::new(Op::Call(Callee::Helper)).imm(id as i32 as i64)
    }

    /// `exit`
    pub const fn exit() -> Insn {
        Insn::new(Op::Exit)
    }

    /// `dst = value`, wide, of this kind: two slots.
    pub const fn wide(kind: Wide, dst: Reg, imm: i64) -> [Insn; 2] {
        [Insn::new(Op::Wide(kind)).dst(dst).imm(imm), Insn::TAIL]
    }

    /// A map by its index, as loaders take it: two slots.
    pub const fn map_idx(dst: Reg, map: u32) -> [Insn; 2] {
        Insn::wide(Wide::MapIdx, dst, map as i64)
    }

    /// An address inside a map's value, by the map's index: two slots.
    pub const fn map_idx_value(dst: Reg, map: u32, off: u32) -> [Insn; 2] {
        Insn::wide(Wide::MapIdxValue, dst, (map as i64) | ((off as i64) << 32))
    }

    /// An atomic operation on `*(size *)(dst + off)`.
    pub const fn atomic(op: AtomicOp, size: Size, fetch: bool, dst: Reg, off: i16, src: Reg) -> Insn {
        Insn::new(Op::Atomic { op, size, fetch }).dst(dst).src(src).off(off)
    }

    /// `dst = le/be/bswap dst`
    pub const fn end(order: Order, size: Size, dst: Reg) -> Insn {
        Insn::new(Op::End { order, size }).dst(dst)
    }
}
