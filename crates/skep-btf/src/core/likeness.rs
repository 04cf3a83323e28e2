//! Whether a type of a kernel has everything that one of the program's has, alike: what `bpf_core_type_matches` asks.
//!
//! Stricter than [`fit`](super::fit): members are looked for by name and must match in turn, integers must have the same
//! name, size and sign, enumerators the same names (their values may differ). What is behind a pointer is only looked at by name
//! and kind. The kernel's type may have more than the program's.

use super::{Steps, flavourless};
use crate::btf::Btf;
use crate::error::BtfError;
use crate::query::MAX_DEPTH;
use crate::types::{Composite, Enum, IntEncoding, StrId, Type, TypeId};

/// Whether the type `there_id` has what `local_id` has.
pub(super) fn matches(
    local: &Btf,
    local_id: TypeId,
    there: &Btf,
    there_id: TypeId,
    steps: &mut Steps,
) -> Result<bool, BtfError> {
    Match { local, there, steps }.types(local_id, there_id, false, 0)
}

struct Match<'a> {
    local: &'a Btf,
    there: &'a Btf,
    steps: &'a mut Steps,
}

impl Match<'_> {
    fn types(
        &mut self,
        local_id: TypeId,
        there_id: TypeId,
        mut behind_pointer: bool,
        depth: u32,
    ) -> Result<bool, BtfError> {
        let (mut local_at, mut there_at) = (local_id, there_id);
        for _ in depth..MAX_DEPTH {
            self.steps.count()?;
            let (own, other) = (self.local.get_resolved(local_at)?, self.there.get_resolved(there_at)?);
            if !self.names(own.name(), other.name()) {
                return Ok(false);
            }
            (local_at, there_at) = match (own, other) {
                (Type::Ptr(own), Type::Ptr(other)) => {
                    behind_pointer = true;
                    (own, other)
                }
                (Type::Array(own), Type::Array(other)) if own.len == other.len => (own.elem, other.elem),
                (Type::FuncProto(own), Type::FuncProto(other)) => {
                    if own.params.len() != other.params.len() {
                        return Ok(false);
                    }
                    for (own, other) in own.params.iter().zip(other.params.iter()) {
                        if !self.types(own.ty, other.ty, behind_pointer, depth + 1)? {
                            return Ok(false);
                        }
                    }
                    (own.result, other.result)
                }
                (Type::Struct(own), Type::Struct(other)) | (Type::Union(own), Type::Union(other)) => {
                    return Ok(behind_pointer || self.composites(own, other, depth + 1)?);
                }
                _ => return Ok(self.ends(own, other, behind_pointer)),
            };
        }
        Err(BtfError::Depth { id: local_id, limit: MAX_DEPTH })
    }

    /// Types that lead to no others. A declaration stands for its structure only behind a pointer.
    fn ends(&self, own: Type<'_>, other: Type<'_>, behind_pointer: bool) -> bool {
        match (own, other) {
            (Type::Void, Type::Void) => true,
            (Type::Int(own), Type::Int(other)) => {
                let signed = |encoding: IntEncoding| encoding.contains(IntEncoding::SIGNED);
                own.size == other.size && signed(own.encoding) == signed(other.encoding)
            }
            (Type::Enum(own) | Type::Enum64(own), Type::Enum(other) | Type::Enum64(other)) => {
                self.enumerations(own, other)
            }
            (Type::Fwd(own), Type::Fwd(other)) => own.union == other.union,
            (Type::Fwd(fwd), Type::Struct(_)) | (Type::Struct(_), Type::Fwd(fwd)) => {
                behind_pointer && !fwd.union
            }
            (Type::Fwd(fwd), Type::Union(_)) | (Type::Union(_), Type::Fwd(fwd)) => {
                behind_pointer && fwd.union
            }
            _ => false,
        }
    }

    fn names(&self, own: StrId, other: StrId) -> bool {
        flavourless(self.local.name(own)) == flavourless(self.there.name(other))
    }

    fn composites(&mut self, own: Composite<'_>, other: Composite<'_>, depth: u32) -> Result<bool, BtfError> {
        if own.members.len() > other.members.len() {
            return Ok(false);
        }
        for member in own.members.iter() {
            let mut found = false;
            for candidate in other.members.iter() {
                self.steps.count()?;
                found = self.names(member.name, candidate.name)
                    && self.types(member.ty, candidate.ty, false, depth)?;
                if found {
                    break;
                }
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn enumerations(&self, own: Enum<'_>, other: Enum<'_>) -> bool {
        let has = |name| other.values.iter().any(|value| self.names(name, value.name));
        own.size == other.size
            && own.values.len() <= other.values.len()
            && own.values.iter().all(|value| has(value.name))
    }
}
