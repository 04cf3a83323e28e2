//! What was seen of a register over several visits, joined: what holds on all of them.

use crate::domain::Scalar;
use crate::value::{Kind, Value};

/// What a register was seen to hold.
#[derive(Clone, Copy)]
pub(crate) enum Seen {
    Number(Scalar),
    /// A pointer: its `num` is all of its offset.
    Pointer(Value),
    /// Several things, or nothing at all on one visit.
    Mixed,
}

impl Seen {
    pub(crate) fn of(value: &Value) -> Seen {
        match value.kind {
            Kind::Uninit => Seen::Mixed,
            Kind::Scalar => Seen::Number(value.num),
            _ => {
                let num = value.num.alu(
                    skep_isa::AluOp::Add,
                    skep_isa::Width::W64,
                    Scalar::constant(i64::from(value.off) as u64),
                );
                Seen::Pointer(Value { num, off: 0, id: 0, acquired: 0, narrow: false, ..*value })
            }
        }
    }

    /// What holds of both.
    pub(crate) fn join(&mut self, value: &Value) {
        let joined = match (*self, Seen::of(value)) {
            (Seen::Number(a), Seen::Number(b)) => Seen::Number(a.union(b)),
            (Seen::Pointer(a), Seen::Pointer(b)) if a.kind.same(b.kind) && a.flags == b.flags => {
                Seen::Pointer(Value { nullable: a.nullable || b.nullable, num: a.num.union(b.num), ..a })
            }
            // Null is a pointer too, of whatever kind.
            (Seen::Pointer(pointer), Seen::Number(number))
            | (Seen::Number(number), Seen::Pointer(pointer))
                if number.as_constant() == Some(0) =>
            {
                Seen::Pointer(Value { nullable: true, ..pointer })
            }
            _ => Seen::Mixed,
        };
        *self = joined;
    }
}
