//! Questions about types: by name, how large, how aligned, which member.
//!
//! Types may refer to each other in circles, by mistake or malice; every answer that follows references
//! counts its steps.

use crate::btf::Btf;
use crate::error::BtfError;
use crate::kind::Kind;
use crate::types::{Composite, Member, Type, TypeId};

/// Most steps from type to type that an answer may take. Linux stops at 32 while it checks a file;
/// what it accepts is never deeper.
pub const MAX_DEPTH: u32 = 32;
/// Most members that one search for a name or for alignment looks at, whatever their nesting.
const MAX_MEMBERS: u32 = 1 << 20;
/// Bytes of a pointer in BPF programs and on the 64-bit machines that run them.
pub const POINTER_SIZE: u32 = 8;

/// A member as [`Btf::find_member`] found it, maybe within anonymous structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundMember {
    /// Its type.
    pub ty: TypeId,
    /// Bits from the start of the structure in which the search began.
    pub bit_offset: u32,
    /// Width in bits if it is a bitfield, else 0.
    pub bitfield_bits: u8,
}

impl Btf {
    /// The first type of this kind and name, those of the base before its own.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        let in_base = self.base().and_then(|base| base.find(name, kind));
        in_base.or_else(|| {
            self.own_named(name).find(|&id| self.record(id).is_ok_and(|record| record.info.kind == kind))
        })
    }

    /// The type under names (`typedef`), qualifiers (`const`, `volatile`, `restrict`) and type tags.
    pub fn resolve(&self, id: TypeId) -> Result<TypeId, BtfError> {
        let mut at = id;
        for _ in 0..MAX_DEPTH {
            match self.get(at)? {
                Type::Typedef(named) => at = named.ty,
                Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => at = ty,
                Type::TypeTag(tag) => at = tag.ty,
                _ => return Ok(at),
            }
        }
        Err(BtfError::Depth { id, limit: MAX_DEPTH })
    }

    /// [`resolve`](Self::resolve), and the type itself.
    pub fn get_resolved(&self, id: TypeId) -> Result<Type<'_>, BtfError> {
        self.get(self.resolve(id)?)
    }

    /// Size in bytes of a value of the type; of a variable, of its value; of a section, of its data.
    pub fn size_of(&self, id: TypeId) -> Result<u32, BtfError> {
        let (mut at, mut count) = (id, 1u32);
        for _ in 0..MAX_DEPTH {
            at = self.resolve(at)?;
            let size = match self.get(at)? {
                Type::Int(int) => int.size,
                Type::Float(float) => float.size,
                Type::Ptr(_) => self.pointer_size(),
                Type::Struct(composite) | Type::Union(composite) => composite.size,
                Type::Enum(values) | Type::Enum64(values) => values.size,
                Type::DataSec(section) => section.size,
                Type::Array(array) => {
                    count = count.checked_mul(array.len).ok_or(BtfError::SizeOverflow { id })?;
                    at = array.elem;
                    continue;
                }
                Type::Var(var) => {
                    at = var.ty;
                    continue;
                }
                other => {
                    return Err(BtfError::KindUnexpected {
                        id: at,
                        expected: "a type that has a size",
                        found: other.kind(),
                    });
                }
            };
            return size.checked_mul(count).ok_or(BtfError::SizeOverflow { id });
        }
        Err(BtfError::Depth { id, limit: MAX_DEPTH })
    }

    /// Alignment in bytes that the compiler gave the type; 1 for a structure that must have been packed.
    ///
    /// BTF doesn't record it, so this is what follows from the types and places of members, with 8 bytes as
    /// the most any number needs.
    pub fn align_of(&self, id: TypeId) -> Result<u32, BtfError> {
        self.align_within(id, id, 0, &mut 0)
    }

    fn align_within(&self, id: TypeId, from: TypeId, depth: u32, seen: &mut u32) -> Result<u32, BtfError> {
        if depth > MAX_DEPTH {
            return Err(BtfError::Depth { id: from, limit: MAX_DEPTH });
        }
        let at = self.resolve(id)?;
        let number = |size: u32| 1 << size.trailing_zeros().min(POINTER_SIZE.trailing_zeros());
        match self.get(at)? {
            Type::Int(int) => Ok(number(int.size)),
            Type::Float(float) => Ok(number(float.size)),
            Type::Enum(values) | Type::Enum64(values) => Ok(number(values.size)),
            Type::Ptr(_) => Ok(self.pointer_size()),
            Type::Array(array) => self.align_within(array.elem, from, depth + 1, seen),
            Type::Var(var) => self.align_within(var.ty, from, depth + 1, seen),
            Type::Struct(composite) | Type::Union(composite) => {
                self.align_members(composite, from, depth + 1, seen)
            }
            other => Err(BtfError::KindUnexpected {
                id: at,
                expected: "a type that has an alignment",
                found: other.kind(),
            }),
        }
    }

    fn align_members(
        &self,
        composite: Composite<'_>,
        from: TypeId,
        depth: u32,
        seen: &mut u32,
    ) -> Result<u32, BtfError> {
        let mut most = 1;
        for member in composite.members.iter() {
            count_member(seen)?;
            let align = self.align_within(member.ty, from, depth, seen)?;
            let bitfield = member.bitfield_bits != 0 || self.is_old_bitfield(&member)?;
            if !bitfield && !member.bit_offset.is_multiple_of(8 * align) {
                return Ok(1);
            }
            most = most.max(align);
        }
        Ok(if composite.size.is_multiple_of(most) { most } else { 1 })
    }

    fn is_old_bitfield(&self, member: &Member) -> Result<bool, BtfError> {
        Ok(matches!(self.get_resolved(member.ty)?, Type::Int(int) if !int.is_regular()))
    }

    /// A member of a structure or union by name, also within anonymous structures and unions of it, as in C.
    pub fn find_member(&self, id: TypeId, name: &str) -> Result<Option<FoundMember>, BtfError> {
        if name.is_empty() {
            return Ok(None);
        }
        self.member_within(id, id, name, 0, 0, &mut 0)
    }

    fn member_within(
        &self,
        id: TypeId,
        from: TypeId,
        name: &str,
        bit_base: u32,
        depth: u32,
        seen: &mut u32,
    ) -> Result<Option<FoundMember>, BtfError> {
        if depth > MAX_DEPTH {
            return Err(BtfError::Depth { id: from, limit: MAX_DEPTH });
        }
        let at = self.resolve(id)?;
        let composite = match self.get(at)? {
            Type::Struct(composite) | Type::Union(composite) => composite,
            other => {
                return Err(BtfError::KindUnexpected {
                    id: at,
                    expected: "a structure or union",
                    found: other.kind(),
                });
            }
        };
        for member in composite.members.iter() {
            count_member(seen)?;
            let bit_offset =
                bit_base.checked_add(member.bit_offset).ok_or(BtfError::SizeOverflow { id: from })?;
            let member_name = self.name(member.name);
            if member_name == name {
                let Member { ty, bitfield_bits, .. } = member;
                return Ok(Some(FoundMember { ty, bit_offset, bitfield_bits }));
            }
            if member_name.is_empty()
                && matches!(self.get_resolved(member.ty)?, Type::Struct(_) | Type::Union(_))
            {
                let found = self.member_within(member.ty, from, name, bit_offset, depth + 1, seen)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }
}

/// Counts a member that a search looks at: nesting multiplies them, so that depth alone is no limit.
fn count_member(seen: &mut u32) -> Result<(), BtfError> {
    *seen += 1;
    crate::btf::limit("members in one search", MAX_MEMBERS, u64::from(*seen))
}

/// A hash table from names to the types of one BTF level: chains in order of ids.
#[derive(Clone)]
pub(crate) struct NameIndex {
    /// One more than the first index of each chain, 0 for none. Its length is a power of two.
    heads: Vec<u32>,
    /// The same for the next after each index.
    nexts: Vec<u32>,
}

impl NameIndex {
    pub(crate) fn new(btf: &Btf) -> Self {
        let names: Vec<_> = btf.records().map(|record| record.name).collect();
        let mut index = Self { heads: vec![0; names.len().next_power_of_two()], nexts: vec![0; names.len()] };
        // From the last to the first, so that each chain begins with the lowest id.
        for (at, &name) in names.iter().enumerate().rev() {
            let slot = index.slot(btf.bytes(name));
            index.nexts[at] = std::mem::replace(&mut index.heads[slot], at as u32 + 1);
        }
        index
    }

    /// Indices of types that may have the name.
    pub(crate) fn candidates(&self, name: &str) -> impl Iterator<Item = u32> {
        let step = |link: u32| link.checked_sub(1);
        std::iter::successors(step(self.heads[self.slot(name.as_bytes())]), move |&index| {
            step(self.nexts[index as usize])
        })
    }

    /// FNV-1a: names are short, and nobody gains by making them collide but in a file of their own.
    fn slot(&self, name: &[u8]) -> usize {
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        (hash ^ hash >> 32) as usize & (self.heads.len() - 1)
    }
}
