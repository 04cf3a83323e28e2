//! Instruction classes that the table does not have: rows read from a text at run time.
//!
//! An [`Isa`] is the built-in table and such rows. Outside of it, sequences of instructions carry an extension's slots
//! as any other slots (raw, or whatever else their bits say), so that everything that only carries code needs no row
//! set. [`Isa::lift`] finds the extensions in a sequence, [`Isa::lower`] is its inverse.
//!
//! The text has a word and its arguments a line; `#` starts a comment. `row` starts a row:
//!
//! ```text
//! row      mac                        # its name
//! doc      multiply and add           # one line for the manual
//! opcode   0xff                       # no opcode of the table
//! selector off 1                      # optional: off, imm or src, whose value selects among rows of one opcode
//! slots    3                          # of 8 bytes
//! operand  d register 0 8 4           # name, kind, slot, first bit, number of bits
//! operand  k signed   1 0 32          # kinds: register, signed, unsigned
//! pseudoc  {d} = mac({d}, {k})        # each operand in braces, at least once
//! normal   mac {d},{k}
//! expand   {d} *= {k}                 # optional, in order: the same in instructions of the table, in pseudo-C
//! ```
//!
//! Bits count from the lowest of a slot read as a little-endian number: 0-7 the opcode, 8-11 and 12-15 the two register
//! fields, 16-31 the offset, 32-63 the immediate. Bits of no operand must be zero, or the slots are no such instruction.
//! In `expand`, `{d:w}` is a register's 32-bit name, and jumps stay within the expansion.
//!
//! An extension's operands are numbers: none of them is a label, and none a place to relocate.

mod error;
mod parse;
mod text;

use alloc::string::String;
use alloc::vec::Vec;

use crate::code::{DecodeError, Endian, SLOT_BYTES, bits, decode, encode, encode_all, slot};
use crate::insn::{FormId, Insn, Reg};
use crate::row::Selector;
use crate::text::Reader;

pub use error::{ExpandError, RowSetCause, RowSetError};

/// Bytes of a row set at most.
pub const MAX_BYTES: usize = 1 << 20;
/// Rows of a row set at most.
pub const MAX_ROWS: usize = 1024;
/// Slots of an instruction at most.
pub const MAX_SLOTS: usize = 16;
/// Operands of a row at most.
pub const MAX_OPERANDS: usize = 16;
/// Instructions of an expansion at most.
pub const MAX_EXPANSION: usize = 64;

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandKind {
    /// A register, in four bits.
    Register,
    /// A number in two's complement.
    Signed,
    /// A number of no sign.
    Unsigned,
}

/// An operand of a registered row, and the bits that hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionOperand {
    /// Its name in the templates.
    pub name: String,
    /// What it is.
    pub kind: OperandKind,
    /// The slot it is in.
    pub slot: usize,
    /// Its lowest bit in the slot.
    pub first_bit: u32,
    /// How many bits it has, 1 to 64.
    pub bits: u32,
}

impl ExtensionOperand {
    /// Its bits in its slot.
    fn mask(&self) -> u64 {
        (u64::MAX >> (64 - self.bits)) << self.first_bit
    }

    /// The least and the greatest value.
    fn range(&self) -> (i128, i128) {
        match self.kind {
            OperandKind::Register => (0, 10),
            OperandKind::Signed => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            OperandKind::Unsigned => (0, (1 << self.bits) - 1),
        }
    }

    /// Its value in the slots of an instruction.
    fn value(&self, slots: &[u64]) -> i128 {
        let bits = (slots.get(self.slot).copied().unwrap_or(0) & self.mask()) >> self.first_bit;
        match self.kind {
            OperandKind::Signed => i128::from((bits << (64 - self.bits)) as i64 >> (64 - self.bits)),
            OperandKind::Register | OperandKind::Unsigned => i128::from(bits),
        }
    }
}

/// A registered form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionRow {
    /// Its name, unlike any other's.
    pub name: String,
    /// One line for the manual.
    pub doc: String,
    /// The opcode byte.
    pub opcode: u8,
    /// What selects among rows of one opcode.
    pub selector: Selector,
    /// Number of 8-byte slots.
    pub slots: usize,
    /// Its operands.
    pub operands: Vec<ExtensionOperand>,
    /// Its text in pseudo-C.
    pub pseudoc: String,
    /// Its text in GNU's mnemonics.
    pub normal: String,
    /// The same in instructions of the table; empty if it has no such meaning.
    pub expansion: Vec<String>,
}

impl ExtensionRow {
    /// The bits of the first slot that say that it is this form, and their mask.
    fn identity(&self) -> (u64, u64) {
        let (value, mask) = match self.selector {
            Selector::None => (0, 0),
            Selector::Off(off) => (u64::from(off as u16) << 16, 0xffff << 16),
            Selector::Imm(imm) => (u64::from(imm as u32) << 32, 0xffff_ffff << 32),
            Selector::Src(src) => (u64::from(src & 15) << 12, 0xf << 12),
        };
        (value | u64::from(self.opcode), mask | 0xff)
    }

    /// Whether these slots, which may be more than it has, start with this form.
    fn is_at(&self, slots: &[u64]) -> bool {
        let Some(slots) = slots.get(..self.slots) else { return false };
        let (identity, identity_mask) = self.identity();
        slots.iter().enumerate().all(|(index, bits)| {
            let used = self.operands.iter().filter(|o| o.slot == index).fold(0, |all, o| all | o.mask());
            let (own, own_mask) = if index == 0 { (identity, identity_mask) } else { (0, 0) };
            bits & own_mask == own && bits & !own_mask & !used == 0
        })
    }
}

/// The built-in table and registered rows.
#[derive(Debug)]
pub struct Isa {
    rows: Vec<ExtensionRow>,
    /// Of pseudo-C, for expansions.
    reader: Reader,
}

/// The form of the first registered row; built-in rows never reach it.
const FIRST_FORM: usize = 0x8000;

impl Isa {
    /// Reads a row set.
    pub fn parse(text: &str) -> Result<Isa, RowSetError> {
        let readers = [Reader::pseudoc(), Reader::normal()];
        let rows = parse::rows(text, &readers)?;
        let [reader, _] = readers;
        Ok(Isa { rows, reader })
    }

    /// The registered rows, in the text's order.
    pub fn rows(&self) -> &[ExtensionRow] {
        &self.rows
    }

    /// The registered row of a form.
    pub fn row(&self, form: FormId) -> Option<&ExtensionRow> {
        self.rows.get(form.index().checked_sub(FIRST_FORM)?)
    }

    /// How many slots an instruction takes; 1 for raw and tail slots.
    pub fn slots(&self, insn: &Insn) -> usize {
        self.row(insn.form).map_or_else(|| insn.slots(), |row| row.slots)
    }

    /// Decodes whole slots: as [`crate::decode_all`], and registered forms too. Of those, the first slot has the fields
    /// as they are encoded, zero where they select the form, and each further one is a [`FormId::TAIL`] with its bits in `imm`.
    pub fn decode_all(&self, bytes: &[u8], endian: Endian) -> Result<Vec<Insn>, DecodeError> {
        let (slots, rest) = bytes.as_chunks::<SLOT_BYTES>();
        if !rest.is_empty() {
            return Err(DecodeError { len: bytes.len() });
        }
        let all: Vec<u64> = slots.iter().map(|&slot| bits(slot, endian)).collect();
        let mut insns = Vec::with_capacity(slots.len());
        while let Some(&first) = slots.get(insns.len()) {
            let at = insns.len();
            let ahead = &all[at..];
            if let Some(index) = self.rows.iter().position(|row| row.is_at(ahead)) {
                insns.push(head(FIRST_FORM + index, ahead[0] & !self.rows[index].identity().1));
                insns.extend(ahead[1..self.rows[index].slots].iter().map(|&bits| tail(bits)));
                continue;
            }
            let insn = decode(first, slots.get(at + 1).copied(), endian);
            insns.push(insn);
            if insn.slots() == 2 {
                insns.push(Insn::TAIL);
            }
        }
        Ok(insns)
    }

    /// The bytes of a sequence of slots: the inverse of [`Isa::decode_all`].
    pub fn encode_all(&self, insns: &[Insn], endian: Endian) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(insns.len() * SLOT_BYTES);
        let mut rest = insns;
        while let Some(first) = rest.first() {
            let (insn, after) = rest.split_at(self.slots(first).min(rest.len()));
            rest = after;
            if self.row(first.form).is_some() {
                bytes.extend(self.bits(insn).into_iter().flat_map(|bits| slot(bits, endian)));
            } else if insn.len() == 1 {
                bytes.extend(encode(first, endian));
            } else {
                bytes.extend(encode_all(insn, endian));
            }
        }
        bytes
    }

    /// A sequence in which registered forms are instructions.
    pub fn lift(&self, insns: &[Insn]) -> Vec<Insn> {
        let bytes = encode_all(insns, Endian::Little);
        self.decode_all(&bytes, Endian::Little).unwrap_or_default()
    }

    /// A sequence in which registered forms are slots like any others, as everything outside takes them.
    pub fn lower(&self, insns: &[Insn]) -> Vec<Insn> {
        let bytes = self.encode_all(insns, Endian::Little);
        crate::decode_all(&bytes, Endian::Little).unwrap_or_default()
    }

    /// The slots' bits of an instruction of a registered form.
    fn bits(&self, insn: &[Insn]) -> Vec<u64> {
        let Some((first, tails)) = insn.split_first() else { return Vec::new() };
        let identity = self.row(first.form).map_or(0, |row| row.identity().0);
        let fields = u64::from(first.dst.0 & 15) << 8
            | u64::from(first.src.0 & 15) << 12
            | u64::from(first.off as u16) << 16
            | u64::from(first.imm as u32) << 32;
        core::iter::once(identity | fields).chain(tails.iter().map(|tail| tail.imm as u64)).collect()
    }

    /// The same in instructions of the table. `insn` is one instruction of a registered form with its tails; `None` if
    /// it is none.
    pub fn expand(&self, insn: &[Insn]) -> Option<Result<Vec<Insn>, ExpandError>> {
        let row = self.row(insn.first()?.form)?;
        Some(text::expand(row, &self.bits(insn), &self.reader))
    }
}

/// The first slot of a registered form.
fn head(form: usize, bits: u64) -> Insn {
    Insn {
        form: FormId::at(form),
        dst: Reg((bits >> 8) as u8 & 15),
        src: Reg((bits >> 12) as u8 & 15),
        off: (bits >> 16) as i16,
        imm: i64::from((bits >> 32) as i32),
    }
}

/// A further slot of a registered form.
fn tail(bits: u64) -> Insn {
    Insn { imm: bits as i64, ..Insn::TAIL }
}
