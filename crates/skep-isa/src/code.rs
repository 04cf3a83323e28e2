//! Slots to instructions and back, by the table. Total: a slot that no row decodes, or that sets bits its row
//! reserves, becomes a raw instruction, and `encode_all(decode_all(bytes)) == bytes` for any whole slots.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::insn::{FormId, Insn, Reg};
use crate::row::{ImmUse, Row, Selector};
use crate::table::ROWS;

/// Bytes of a slot.
pub const SLOT_BYTES: usize = 8;

/// The byte order of an encoded program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// `bpfel`
    Little,
    /// `bpfeb`: also the two register fields trade places.
    Big,
}

/// Bytes that are not a whole number of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// How many bytes there were.
    pub len: usize,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected a multiple of {SLOT_BYTES} bytes of instructions, found {}", self.len)
    }
}

impl core::error::Error for DecodeError {}

/// The forms of each opcode byte: first and one past the last index into `BY_OPCODE`.
static RANGES: [(u8, u8); 256] = {
    let mut ranges = [(0u8, 0u8); 256];
    let mut at = 0;
    while at < ROWS.len() {
        let opcode = ROWS[BY_OPCODE[at] as usize].opcode as usize;
        if ranges[opcode].1 == 0 {
            ranges[opcode].0 = at as u8;
        }
        ranges[opcode].1 = at as u8 + 1;
        at += 1;
    }
    ranges
};

/// Indices of rows, sorted by opcode byte.
static BY_OPCODE: [u8; ROWS.len()] = {
    assert!(ROWS.len() <= u8::MAX as usize);
    let mut order = [0u8; ROWS.len()];
    let mut at = 0;
    let mut opcode = 0;
    while opcode < 256 {
        let mut row = 0;
        while row < ROWS.len() {
            if ROWS[row].opcode as usize == opcode {
                order[at] = row as u8;
                at += 1;
            }
            row += 1;
        }
        opcode += 1;
    }
    order
};

/// What [`decode_all`] has to know of an opcode byte that decides alone, for a slot that stands alone.
#[derive(Clone, Copy)]
struct Plain {
    /// [`FormId::RAW`] if the byte does not decide alone.
    form: FormId,
    reserved: u64,
}

/// By opcode byte. Rows are large, and most of what they say is not needed here.
static PLAIN: [Plain; 256] = {
    let mut plain = [Plain { form: FormId::RAW, reserved: 0 }; 256];
    let mut row = 0;
    while row < ROWS.len() {
        if matches!(ROWS[row].selector, Selector::None) && ROWS[row].slots == 1 {
            // The first row counts, as where all rows are searched.
            let place = &mut plain[ROWS[row].opcode as usize];
            if place.form.index() == FormId::RAW.index() {
                *place = Plain { form: FormId::at(row), reserved: ROWS[row].reserved() };
            }
        }
        row += 1;
    }
    // Where another row shares the byte, selectors have a say.
    let mut row = 0;
    while row < ROWS.len() {
        let place = &mut plain[ROWS[row].opcode as usize];
        if place.form.index() != row {
            place.form = FormId::RAW;
        }
        row += 1;
    }
    plain
};

/// The bits of a form's slot that are always the same, and those that an instruction's fields give.
static ENCODED: [(u64, u64); ROWS.len()] = {
    let mut encoded = [(0, 0); ROWS.len()];
    let mut row = 0;
    while row < ROWS.len() {
        let (selector, mask) = match ROWS[row].selector {
            Selector::None => (0, 0),
            Selector::Off(off) => ((off as u16 as u64) << 16, 0xffff << 16),
            Selector::Imm(imm) => ((imm as u32 as u64) << 32, 0xffff_ffff << 32),
            Selector::Src(src) => ((src as u64) << 12, 0xf << 12),
        };
        encoded[row] = (ROWS[row].opcode as u64 | selector, !(mask | 0xff));
        row += 1;
    }
    encoded
};

/// The fields of a slot, whatever they mean.
#[derive(Clone, Copy)]
struct Fields {
    opcode: u8,
    dst: u8,
    src: u8,
    off: i16,
    imm: i32,
}

impl Fields {
    #[inline]
    fn read(slot: [u8; SLOT_BYTES], endian: Endian) -> Fields {
        let [opcode, regs, o0, o1, i0, i1, i2, i3] = slot;
        match endian {
            Endian::Little => Fields {
                opcode,
                dst: regs & 15,
                src: regs >> 4,
                off: i16::from_le_bytes([o0, o1]),
                imm: i32::from_le_bytes([i0, i1, i2, i3]),
            },
            Endian::Big => Fields {
                opcode,
                dst: regs >> 4,
                src: regs & 15,
                off: i16::from_be_bytes([o0, o1]),
                imm: i32::from_be_bytes([i0, i1, i2, i3]),
            },
        }
    }

    #[inline]
    fn write(self, endian: Endian) -> [u8; SLOT_BYTES] {
        let (regs, off, imm) = match endian {
            Endian::Little => (self.src << 4 | self.dst, self.off.to_le_bytes(), self.imm.to_le_bytes()),
            Endian::Big => (self.dst << 4 | self.src, self.off.to_be_bytes(), self.imm.to_be_bytes()),
        };
        [self.opcode, regs, off[0], off[1], imm[0], imm[1], imm[2], imm[3]]
    }

    /// As the little-endian number that [`Row::reserved`] is a mask of, and raw instructions carry.
    fn bits(self) -> u64 {
        u64::from_le_bytes(self.write(Endian::Little))
    }

    fn selects(self, row: &Row) -> bool {
        match row.selector {
            Selector::None => true,
            Selector::Off(off) => self.off == off,
            Selector::Imm(imm) => self.imm == imm,
            Selector::Src(src) => self.src == src,
        }
    }

    /// The row of these fields by opcode and selector, reserved bits not yet looked at. Where two rows share a
    /// selector (a sign-extending move of no known width and an address space cast), reserved bits decide.
    fn row(self) -> Option<(usize, &'static Row)> {
        let (start, end) = RANGES[self.opcode as usize];
        BY_OPCODE[start as usize..end as usize]
            .iter()
            .map(|&index| (index as usize, &ROWS[index as usize]))
            .find(|(_, row)| self.selects(row))
    }
}

/// A slot as the number that [`Row::reserved`] is a mask of.
pub(crate) fn bits(slot: [u8; SLOT_BYTES], endian: Endian) -> u64 {
    Fields::read(slot, endian).bits()
}

/// The inverse of [`bits`].
#[inline]
pub(crate) fn slot(bits: u64, endian: Endian) -> [u8; SLOT_BYTES] {
    Fields::read(bits.to_le_bytes(), Endian::Little).write(endian)
}

/// Decodes the instruction at the front of `slots`; tail slots of it are not looked at twice by
/// [`decode_all`]. `next` is the slot after it, where there is one.
pub fn decode(slot: [u8; SLOT_BYTES], next: Option<[u8; SLOT_BYTES]>, endian: Endian) -> Insn {
    let fields = Fields::read(slot, endian);
    let raw = Insn::raw(fields.bits());
    let Some((index, row)) = fields.row() else { return raw };
    if fields.bits() & row.reserved() != 0 {
        return raw;
    }
    let mut imm = i64::from(fields.imm);
    if row.slots == 2 {
        let Some(next) = next.map(|next| Fields::read(next, endian)) else { return raw };
        let low_only = matches!(row.imm, ImmUse::WideLow) && next.imm != 0;
        if (next.opcode, next.dst, next.src, next.off) != (0, 0, 0, 0) || low_only {
            return raw;
        }
        imm = match row.imm {
            ImmUse::WideLow => imm,
            _ => i64::from(fields.imm as u32) | i64::from(next.imm) << 32,
        };
    }
    // Selector fields are implied by the form; only fields with a use of their own are kept.
    Insn {
        form: FormId::at(index),
        dst: Reg(fields.dst),
        src: if matches!(row.selector, Selector::Src(_)) { Reg::R0 } else { Reg(fields.src) },
        off: if matches!(row.selector, Selector::Off(_)) { 0 } else { fields.off },
        imm: if matches!(row.selector, Selector::Imm(_)) { 0 } else { imm },
    }
}

/// Why a slot decodes to no instruction; `None` if it does, as far as the slot itself tells.
pub fn explain(insn: &Insn) -> Option<String> {
    use alloc::format;
    if insn.form != FormId::RAW {
        return None;
    }
    let fields = Fields::read((insn.imm as u64).to_le_bytes(), Endian::Little);
    let Some((_, row)) = fields.row() else {
        let (start, end) = RANGES[fields.opcode as usize];
        if start == end {
            return Some(format!("unknown opcode {:#04x}", fields.opcode));
        }
        return Some(match ROWS[BY_OPCODE[start as usize] as usize].selector {
            Selector::Off(_) => {
                format!("opcode {:#04x} has no form with offset {}", fields.opcode, fields.off)
            }
            Selector::Imm(_) => {
                format!("opcode {:#04x} has no form with immediate {:#x}", fields.opcode, fields.imm)
            }
            _ => {
                format!("opcode {:#04x} has no form with source register field {}", fields.opcode, fields.src)
            }
        });
    };
    let set = fields.bits() & row.reserved();
    let named = [("dst", 0x0f00), ("src", 0xf000), ("off", 0xffff_0000), ("imm", 0xffff_ffff_0000_0000)];
    Some(match named.iter().find(|(_, mask)| set & mask != 0) {
        Some((field, _)) => format!("{} uses the reserved field {field}", row.name),
        None => format!("{} needs {} slots, and the further ones zero but for imm", row.name, row.slots),
    })
}

/// Decodes whole slots. Total: never fails but for a length that is no multiple of eight.
pub fn decode_all(bytes: &[u8], endian: Endian) -> Result<Vec<Insn>, DecodeError> {
    let (slots, rest) = bytes.as_chunks::<SLOT_BYTES>();
    if !rest.is_empty() {
        return Err(DecodeError { len: bytes.len() });
    }
    let mut insns = Vec::with_capacity(slots.len());
    while let Some(&slot) = slots.get(insns.len()) {
        let fields = Fields::read(slot, endian);
        let plain = PLAIN[usize::from(fields.opcode)];
        if plain.form != FormId::RAW && fields.bits() & plain.reserved == 0 {
            let (dst, src) = (Reg(fields.dst), Reg(fields.src));
            insns.push(Insn { form: plain.form, dst, src, off: fields.off, imm: i64::from(fields.imm) });
            continue;
        }
        let insn = decode(slot, slots.get(insns.len() + 1).copied(), endian);
        insns.push(insn);
        if insn.slots() == 2 {
            insns.push(Insn::TAIL);
        }
    }
    Ok(insns)
}

/// The slot of one instruction: the first of a wide one. Tail slots are written by [`encode_all`].
#[inline]
pub fn encode(insn: &Insn, endian: Endian) -> [u8; SLOT_BYTES] {
    let bits = match ENCODED.get(insn.form.index()) {
        Some(&(fixed, given)) => {
            let registers = u64::from(insn.dst.0 & 15) << 8 | u64::from(insn.src.0 & 15) << 12;
            let fields = registers | u64::from(insn.off as u16) << 16 | (insn.imm as u64) << 32;
            fields & given | fixed
        }
        None => insn.imm as u64,
    };
    slot(bits, endian)
}

/// The bytes of a sequence of slots.
pub fn encode_all(insns: &[Insn], endian: Endian) -> Vec<u8> {
    let mut bytes = alloc::vec![0; insns.len() * SLOT_BYTES];
    let (slots, _) = bytes.as_chunks_mut();
    let mut head: Option<&Insn> = None;
    for (insn, slot) in insns.iter().zip(slots) {
        if insn.form == FormId::TAIL {
            let high = match head.and_then(|head| Some((head, head.row()?.imm))) {
                Some((_, ImmUse::WideLow)) | None => 0,
                Some((head, _)) => head.wide_halves().1,
            };
            *slot = Fields { opcode: 0, dst: 0, src: 0, off: 0, imm: high }.write(endian);
        } else {
            *slot = encode(insn, endian);
            head = Some(insn);
        }
    }
    bytes
}
