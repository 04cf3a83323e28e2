//! Whether a type of a kernel can stand for one of the program's: loosely, by kinds and names.
//!
//! Structures fit each other whatever is in them, since each member of interest has a question of its own; so do
//! integers whatever their size, since the instruction is made to fit.

use super::{Steps, flavourless};
use crate::btf::Btf;
use crate::error::BtfError;
use crate::kind::Kind;
use crate::query::MAX_DEPTH;
use crate::types::{Type, TypeId};

/// Whether kinds fit. Enumerations were of one kind before those of 64 bits had their own.
pub(super) fn kinds(local: Kind, there: Kind) -> bool {
    let enumeration = |kind| matches!(kind, Kind::Enum | Kind::Enum64);
    local == there || (enumeration(local) && enumeration(there))
}

/// Whether a member of type `there_id` can stand for one of type `local_id`.
pub(super) fn fields(local: &Btf, local_id: TypeId, there: &Btf, there_id: TypeId) -> Result<bool, BtfError> {
    let (mut local_at, mut there_at) = (local_id, there_id);
    for _ in 0..MAX_DEPTH {
        let (own, other) = (local.get_resolved(local_at)?, there.get_resolved(there_at)?);
        return Ok(match (own, other) {
            (Type::Struct(_) | Type::Union(_), Type::Struct(_) | Type::Union(_)) => true,
            (Type::Ptr(_), Type::Ptr(_)) | (Type::Float(_), Type::Float(_)) => true,
            (Type::Int(own), Type::Int(other)) => own.bit_offset == 0 && other.bit_offset == 0,
            (Type::Array(own), Type::Array(other)) => {
                (local_at, there_at) = (own.elem, other.elem);
                continue;
            }
            (Type::Fwd(_) | Type::Enum(_) | Type::Enum64(_), _) if kinds(own.kind(), other.kind()) => {
                let names = [local.name(own.name()), there.name(other.name())].map(flavourless);
                names.iter().any(|name| name.is_empty()) || names[0] == names[1]
            }
            _ => false,
        });
    }
    Err(BtfError::Depth { id: local_id, limit: MAX_DEPTH })
}

/// Whether a type as a whole can stand for another. Their names have been compared.
pub(super) fn types(
    local: &Btf,
    local_id: TypeId,
    there: &Btf,
    there_id: TypeId,
    steps: &mut Steps,
) -> Result<bool, BtfError> {
    if !kinds(local.get(local_id)?.kind(), there.get(there_id)?.kind()) {
        return Ok(false);
    }
    within((local, local_id), (there, there_id), 0, steps)
}

fn within(
    (local, local_id): (&Btf, TypeId),
    (there, there_id): (&Btf, TypeId),
    depth: u32,
    steps: &mut Steps,
) -> Result<bool, BtfError> {
    let (mut local_at, mut there_at) = (local_id, there_id);
    for _ in depth..MAX_DEPTH {
        steps.count()?;
        let (own, other) = (local.get_resolved(local_at)?, there.get_resolved(there_at)?);
        if !kinds(own.kind(), other.kind()) {
            return Ok(false);
        }
        (local_at, there_at) = match (own, other) {
            (Type::Int(own), Type::Int(other)) => return Ok(own.bit_offset == 0 && other.bit_offset == 0),
            (Type::Ptr(own), Type::Ptr(other)) => (own, other),
            (Type::Array(own), Type::Array(other)) => (own.elem, other.elem),
            (Type::FuncProto(own), Type::FuncProto(other)) => {
                if own.params.len() != other.params.len() {
                    return Ok(false);
                }
                for (own, other) in own.params.iter().zip(other.params.iter()) {
                    if !within((local, own.ty), (there, other.ty), depth + 1, steps)? {
                        return Ok(false);
                    }
                }
                (own.result, other.result)
            }
            (
                Type::Void
                | Type::Struct(_)
                | Type::Union(_)
                | Type::Enum(_)
                | Type::Enum64(_)
                | Type::Fwd(_),
                _,
            ) => return Ok(true),
            _ => return Ok(false),
        };
    }
    Err(BtfError::Depth { id: local_id, limit: MAX_DEPTH })
}
