//! [`Value`]: bytes seen through a type, as a tree that can be printed or written as JSON.
//!
//! What a map holds, or a program's global data. Nothing behind a pointer is followed: the bytes are all there
//! is. A type from a hostile file can announce a value of any depth and breadth, so both are counted.

use crate::btf::{Btf, limit};
use crate::error::BtfError;
use crate::query::MAX_DEPTH;
use crate::types::{Array, Composite, DataSec, Enum, Int, IntEncoding, Type, TypeId};
use crate::wire::Endian;

/// Most parts (numbers, arrays, structures…) of one value.
pub const MAX_VALUE_PARTS: u32 = 1 << 22;

/// A value: what bytes mean as a type. Names are those in the [`Btf`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A signed number.
    Int(i128),
    /// An unsigned number; also a boolean that is neither 0 nor 1.
    Uint(u128),
    /// A boolean.
    Bool(bool),
    /// One character, of an integer type that is marked so or named `char`.
    Char(u8),
    /// An array of characters that holds printable UTF-8 up to its first zero byte: that text.
    Text(String),
    /// An enumerator, or a value that has none.
    Enum {
        /// The first enumerator of this value.
        name: Option<&'a str>,
        /// The value.
        value: i128,
    },
    /// A pointer: an address in another place.
    Ptr(u64),
    /// A floating point number of 4 or 8 bytes.
    Float(f64),
    /// A number in a format that is not known here, as it is in memory.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// A structure, or a section with its variables. Members of anonymous structures and unions stand among its
    /// own, as they do in C; padding is left out.
    Struct(Vec<(&'a str, Value<'a>)>),
    /// A union: the same bytes, in the type of each member.
    Union(Vec<(&'a str, Value<'a>)>),
}

impl Btf {
    /// Reads a value of the type from `bytes`, which are in the byte order of the BTF and may be longer.
    ///
    /// Of a variable, this is its value; of a section, a structure of its variables.
    pub fn value(&self, id: TypeId, bytes: &[u8]) -> Result<Value<'_>, BtfError> {
        Reader { btf: self, bytes, id, parts: 0 }.value(id, 0, 0)
    }
}

struct Reader<'a, 'b> {
    btf: &'a Btf,
    bytes: &'b [u8],
    /// The type that was asked for, for errors.
    id: TypeId,
    parts: u32,
}

/// Most bits of a number.
const NUMBER_BITS_MAX: u32 = 128;

impl<'a> Reader<'a, '_> {
    /// The value at byte `at`.
    fn value(&mut self, ty: TypeId, at: u64, depth: u32) -> Result<Value<'a>, BtfError> {
        let ty = self.enter(ty, depth)?;
        match self.btf.get(ty)? {
            Type::Int(int) if int.is_regular() && int.size <= NUMBER_BITS_MAX / 8 => {
                let bits = self.bits(8 * at, 8 * int.size)?;
                Ok(self.int(int, bits, 8 * int.size))
            }
            Type::Int(int) if !int.is_regular() => self.number(ty, 8 * at, 0),
            Type::Int(int) => Ok(Value::Bytes(self.slice(at, int.size)?.to_vec())),
            Type::Enum(values) | Type::Enum64(values) => {
                self.number(ty, 8 * at, values.size.saturating_mul(8))
            }
            Type::Ptr(_) => Ok(Value::Ptr(self.bits(8 * at, 64)? as u64)),
            Type::Float(float) => self.float(float.size, at),
            Type::Array(array) => self.array(array, at, depth),
            Type::Struct(composite) => {
                let mut members = Vec::with_capacity(composite.members.len());
                self.members(composite, 8 * at, depth, &mut members)?;
                Ok(Value::Struct(members))
            }
            Type::Union(composite) => {
                let mut members = Vec::with_capacity(composite.members.len());
                self.members(composite, 8 * at, depth, &mut members)?;
                Ok(Value::Union(members))
            }
            Type::Var(var) => self.value(var.ty, at, depth + 1),
            Type::DataSec(section) => self.section(section, at, depth),
            other => Err(BtfError::KindUnexpected {
                id: ty,
                expected: "a type that has values",
                found: other.kind(),
            }),
        }
    }

    /// Counts a part and finds the type under its names.
    fn enter(&mut self, ty: TypeId, depth: u32) -> Result<TypeId, BtfError> {
        self.parts += 1;
        limit("parts of a value", MAX_VALUE_PARTS, u64::from(self.parts))?;
        if depth > MAX_DEPTH {
            return Err(BtfError::Depth { id: self.id, limit: MAX_DEPTH });
        }
        self.btf.resolve(ty)
    }

    fn members(
        &mut self,
        composite: Composite<'a>,
        bit_at: u64,
        depth: u32,
        out: &mut Vec<(&'a str, Value<'a>)>,
    ) -> Result<(), BtfError> {
        for member in composite.members.iter() {
            let name = self.btf.name(member.name);
            let bit_at = bit_at + u64::from(member.bit_offset);
            if name.is_empty() {
                let ty = self.enter(member.ty, depth + 1)?;
                if let Type::Struct(inner) | Type::Union(inner) = self.btf.get(ty)? {
                    self.members(inner, bit_at, depth + 1, out)?;
                }
            } else if member.bitfield_bits != 0 {
                let ty = self.enter(member.ty, depth + 1)?;
                out.push((name, self.number(ty, bit_at, u32::from(member.bitfield_bits))?));
            } else if let Type::Int(int) = self.btf.get_resolved(member.ty)?
                && !int.is_regular()
            {
                let ty = self.enter(member.ty, depth + 1)?;
                out.push((name, self.number(ty, bit_at, 0)?));
            } else {
                out.push((name, self.value(member.ty, bit_at / 8, depth + 1)?));
            }
        }
        Ok(())
    }

    fn section(&mut self, section: DataSec<'a>, at: u64, depth: u32) -> Result<Value<'a>, BtfError> {
        let mut members = Vec::with_capacity(section.vars.len());
        for place in section.vars.iter() {
            if let Type::Var(var) = self.btf.get(place.ty)? {
                let value = self.value(var.ty, at + u64::from(place.offset), depth + 1)?;
                members.push((self.btf.name(var.name), value));
            }
        }
        Ok(Value::Struct(members))
    }

    fn array(&mut self, array: Array, at: u64, depth: u32) -> Result<Value<'a>, BtfError> {
        let size = self.btf.size_of(array.elem)?;
        if size == 1
            && let Type::Int(int) = self.btf.get_resolved(array.elem)?
            && self.is_char(int)
            && let Some(text) = printable(self.slice(at, array.len)?)
        {
            return Ok(Value::Text(text.to_owned()));
        }
        (0..u64::from(array.len))
            .map(|index| self.value(array.elem, at + index * u64::from(size), depth + 1))
            .collect::<Result<_, _>>()
            .map(Value::Array)
    }

    /// An integer or enumeration of `width` bits from bit `bit_at`; an integer of the old form has its own width.
    fn number(&mut self, ty: TypeId, bit_at: u64, width: u32) -> Result<Value<'a>, BtfError> {
        let too_wide = |width: u32| limit("bits of a number", NUMBER_BITS_MAX, u64::from(width));
        match self.btf.get(ty)? {
            Type::Int(int) => {
                let (bit_at, width) = if int.is_regular() {
                    (bit_at, width)
                } else {
                    (bit_at + u64::from(int.bit_offset), u32::from(int.bits))
                };
                too_wide(width)?;
                let bits = self.bits(bit_at, width)?;
                Ok(self.int(int, bits, width))
            }
            Type::Enum(values) | Type::Enum64(values) => {
                too_wide(width)?;
                let bits = self.bits(bit_at, width)?;
                Ok(self.enumerator(values, bits, width))
            }
            other => Err(BtfError::KindUnexpected {
                id: ty,
                expected: "an integer or enumeration",
                found: other.kind(),
            }),
        }
    }

    fn int(&self, int: Int, bits: u128, width: u32) -> Value<'a> {
        if int.encoding.contains(IntEncoding::BOOL) && bits <= 1 {
            return Value::Bool(bits == 1);
        }
        if width == 8 && self.is_char(int) {
            return Value::Char(bits as u8);
        }
        if int.encoding.contains(IntEncoding::SIGNED) {
            return Value::Int(sign_extend(bits, width));
        }
        Value::Uint(bits)
    }

    /// Compilers leave the character mark out for `char` and set it for nothing else, so its name counts too.
    fn is_char(&self, int: Int) -> bool {
        int.size == 1 && (int.encoding.contains(IntEncoding::CHAR) || self.btf.name(int.name) == "char")
    }

    fn enumerator(&self, values: Enum<'a>, bits: u128, width: u32) -> Value<'a> {
        let value = if values.signed { sign_extend(bits, width) } else { bits as i128 };
        let known = values.values.iter().find(|known| known.value == value);
        Value::Enum { name: known.map(|known| self.btf.name(known.name)), value }
    }

    fn float(&self, size: u32, at: u64) -> Result<Value<'a>, BtfError> {
        match size {
            4 => Ok(Value::Float(f64::from(f32::from_bits(self.bits(8 * at, 32)? as u32)))),
            8 => Ok(Value::Float(f64::from_bits(self.bits(8 * at, 64)? as u64))),
            _ => Ok(Value::Bytes(self.slice(at, size)?.to_vec())),
        }
    }

    fn slice(&self, at: u64, len: u32) -> Result<&[u8], BtfError> {
        let expected = at + u64::from(len);
        let found = self.bytes.len() as u64;
        if expected > found {
            return Err(BtfError::ValueTruncated { id: self.id, expected, found });
        }
        Ok(&self.bytes[at as usize..expected as usize])
    }

    /// `width` bits, at most 128, from bit `bit_at`. Bits are numbered as the byte order numbers them: from the
    /// least significant of the first byte, or from the most significant.
    fn bits(&self, bit_at: u64, width: u32) -> Result<u128, BtfError> {
        if width == 0 {
            return Ok(0);
        }
        let skip = (bit_at % 8) as u32;
        let bytes = self.slice(bit_at / 8, (skip + width).div_ceil(8))?;
        let bit = |index: u32| {
            let byte = bytes[(index / 8) as usize];
            match self.btf.endian() {
                Endian::Little => byte >> (index % 8) & 1,
                Endian::Big => byte >> (7 - index % 8) & 1,
            }
        };
        let significant_first = |value: u128, index: u32| value << 1 | u128::from(bit(index));
        Ok(match self.btf.endian() {
            Endian::Little if skip == 0 && width.is_multiple_of(8) => {
                bytes.iter().rev().fold(0, |value, &byte| value << 8 | u128::from(byte))
            }
            Endian::Little => (skip..skip + width).rev().fold(0, significant_first),
            Endian::Big => (skip..skip + width).fold(0, significant_first),
        })
    }
}

fn sign_extend(bits: u128, width: u32) -> i128 {
    match NUMBER_BITS_MAX.saturating_sub(width) {
        NUMBER_BITS_MAX => 0,
        unused => (bits << unused) as i128 >> unused,
    }
}

/// The text before the first zero byte, if there is such a byte and all before it can be shown in a line.
fn printable(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let shown = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    text.chars().all(shown).then_some(text)
}
