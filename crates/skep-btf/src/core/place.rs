//! What is asked of a field, an enumerator or a type, as a number.
//!
//! A bitfield has no byte offset: its bits are read out of a *container*, the smallest aligned integer that has them
//! all, and shifted into place. Offset, size and shifts of one field are asked for in separate questions, whose answers fit
//! each other because they all come from [`Field`].

use super::access::{Access, Step};
use super::{About, Resolved};
use crate::btf::Btf;
use crate::error::BtfError;
use crate::ext::CoreKind;
use crate::query::MAX_DEPTH;
use crate::types::{IntEncoding, Type, TypeId};
use crate::wire::Endian;

/// A field of a type, at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bits from the beginning of the type.
    pub bit_offset: u32,
    /// Width in bits.
    pub bits: u64,
    /// Whether it is a bitfield.
    pub bitfield: bool,
    /// Where its container begins, or the field itself if it is none: bytes from the beginning of the type.
    pub byte_offset: u32,
    /// Bytes of the container, or of the field.
    pub byte_size: u32,
    /// Bytes of one element, of what is not an array of itself; 0 if that has no size.
    pub element_size: u32,
    /// What kind of value it is.
    pub shape: Shape,
}

/// What kind of value a field is, as far as reading it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A pointer.
    Pointer,
    /// A number that is not signed, a character or a boolean.
    Unsigned,
    /// A number that is signed.
    Signed,
    /// An enumeration; whether its values are signed.
    Enumeration {
        /// Whether they are.
        signed: bool,
    },
    /// A structure, an array, or anything else that is not read at once.
    Other,
}

impl Shape {
    fn is_signed(self) -> bool {
        matches!(self, Shape::Signed | Shape::Enumeration { signed: true })
    }

    /// Whether a value of it, stored in another size, reads the same: the missing bits are zeros.
    pub fn zero_extends(self) -> bool {
        matches!(self, Shape::Pointer | Shape::Unsigned)
    }
}

/// Most bytes of a container.
const MAX_CONTAINER: u32 = 8;

impl Field {
    fn of(access: &Access<'_>) -> Result<Field, BtfError> {
        let btf = access.btf;
        let bit_offset = access.bit_offset() as u32;
        let (ty, bits) = match access.steps.last() {
            Some(&Step::Member(_, _, member)) => (member.ty, u32::from(member.bitfield_bits)),
            Some(&Step::Element(ty, _)) => (ty, 0),
            _ => {
                return Err(BtfError::KindUnexpected {
                    id: access.root,
                    expected: "a type with a field",
                    found: btf.get(access.root)?.kind(),
                });
            }
        };
        let byte_size = btf.size_of(ty)?;
        let element = element(btf, ty)?;
        let shape = shape(btf, element)?;
        let field = Field {
            bit_offset,
            bits: 8 * u64::from(byte_size),
            bitfield: false,
            byte_offset: bit_offset / 8,
            byte_size,
            element_size: btf.size_of(element).unwrap_or(0),
            shape,
        };
        if bits == 0 { Ok(field) } else { field.container(bits, access.root) }
    }

    /// The same field as a bitfield of so many bits.
    fn container(self, bits: u32, root: TypeId) -> Result<Field, BtfError> {
        let too_wide = BtfError::Value { id: root, what: "end of a bitfield", found: self.bit_offset.into() };
        let mut size = self.byte_size;
        if size == 0 || !size.is_power_of_two() {
            return Err(too_wide);
        }
        let end = u64::from(self.bit_offset) + u64::from(bits);
        loop {
            let byte_offset = self.bit_offset / 8 / size * size;
            if end <= 8 * (u64::from(byte_offset) + u64::from(size)) {
                let bits = u64::from(bits);
                return Ok(Field { bits, bitfield: true, byte_offset, byte_size: size, ..self });
            }
            if size >= MAX_CONTAINER {
                return Err(too_wide);
            }
            size *= 2;
        }
    }

    /// The number that a question asks for.
    fn answer(&self, kind: CoreKind, endian: Endian) -> u64 {
        let container_bits = 8 * u64::from(self.byte_size);
        let start = u64::from(self.bit_offset) - 8 * u64::from(self.byte_offset);
        match kind {
            CoreKind::FIELD_BYTE_OFFSET => u64::from(self.byte_offset),
            CoreKind::FIELD_BYTE_SIZE => u64::from(self.byte_size),
            CoreKind::FIELD_SIGNED => u64::from(self.shape.is_signed()),
            // The bits are loaded into the low end of 64, and shifted to the high end.
            CoreKind::FIELD_LSHIFT_U64 => match endian {
                Endian::Little => 64u64.wrapping_sub(start + self.bits),
                Endian::Big => 64u64.wrapping_sub(container_bits).wrapping_add(start),
            },
            CoreKind::FIELD_RSHIFT_U64 => 64u64.wrapping_sub(self.bits),
            _ => 1,
        }
    }
}

/// The type of an array's elements, however many dimensions it has.
fn element(btf: &Btf, ty: TypeId) -> Result<TypeId, BtfError> {
    let mut at = ty;
    for _ in 0..MAX_DEPTH {
        match btf.get_resolved(at)? {
            Type::Array(array) => at = array.elem,
            _ => return btf.resolve(at),
        }
    }
    Err(BtfError::Depth { id: ty, limit: MAX_DEPTH })
}

fn shape(btf: &Btf, ty: TypeId) -> Result<Shape, BtfError> {
    Ok(match btf.get_resolved(ty)? {
        Type::Ptr(_) => Shape::Pointer,
        Type::Int(int) if int.encoding.contains(IntEncoding::SIGNED) => Shape::Signed,
        Type::Int(_) => Shape::Unsigned,
        Type::Enum(values) | Type::Enum64(values) => Shape::Enumeration { signed: values.signed },
        _ => Shape::Other,
    })
}

/// The answer by the program's types and by those of a kernel.
pub(super) fn compare(kind: CoreKind, local: &Access<'_>, there: &Access<'_>) -> Result<Resolved, BtfError> {
    match About::of(kind)? {
        About::Type => {
            let [local, value] = [local, there].map(|access| match kind {
                CoreKind::TYPE_SIZE => access.btf.size_of(access.root).map(u64::from),
                CoreKind::TYPE_ID_TARGET => Ok(u64::from(access.root.0)),
                _ => Ok(1),
            });
            let exact = kind != CoreKind::TYPE_ID_TARGET;
            Ok(Resolved { local: local?, value: value?, exact, fields: None })
        }
        About::Enumerator => {
            let (own, other) = (enumerator(local)?, enumerator(there)?);
            let [local, value] = extended(own, other);
            let [local, value] = if kind == CoreKind::ENUMVAL_VALUE { [local, value] } else { [1, 1] };
            Ok(Resolved { local, value, exact: true, fields: None })
        }
        About::Field if kind == CoreKind::FIELD_EXISTS => {
            Ok(Resolved { local: 1, value: 1, exact: true, fields: None })
        }
        About::Field => {
            let (own, other) = (Field::of(local)?, Field::of(there)?);
            let known = [CoreKind::FIELD_SIGNED, CoreKind::FIELD_RSHIFT_U64].contains(&kind);
            Ok(Resolved {
                local: own.answer(kind, local.btf.endian()),
                value: other.answer(kind, there.btf.endian()),
                exact: known || !own.bitfield,
                fields: (kind == CoreKind::FIELD_BYTE_OFFSET).then_some((own, other)),
            })
        }
    }
}

/// An enumerator's value, and what its type says of it.
struct Value {
    value: i128,
    /// Whether the type has 32 bits or fewer, and does not say that it is signed.
    open: bool,
}

fn enumerator(access: &Access<'_>) -> Result<Value, BtfError> {
    let wrong = |found| BtfError::KindUnexpected { id: access.root, expected: "an enumeration", found };
    let Some(&Step::Enumerator(ty, index, _)) = access.steps.first() else {
        return Err(wrong(access.btf.get(access.root)?.kind()));
    };
    let (values, narrow) = match access.btf.get(ty)? {
        Type::Enum(values) => (values, true),
        Type::Enum64(values) => (values, false),
        other => return Err(wrong(other.kind())),
    };
    let value = values.values.get(index as usize).map_or(0, |value| value.value);
    Ok(Value { value, open: narrow && !values.signed })
}

/// Both values in 64 bits. Types made before Linux 6.0 and clang 15 don't say whether they are signed, so a value with its
/// highest bit set is taken for a negative one; libbpf does the same.
fn extended(own: Value, other: Value) -> [u64; 2] {
    [own, other].map(|Value { value, open }| if open { value as i32 as u64 } else { value as u64 })
}
