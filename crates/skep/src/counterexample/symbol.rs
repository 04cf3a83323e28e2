//! Numbers that a program computes of its input, as expressions: what they are for an input, and which input makes them
//! what they are wanted to be. Only what can be turned round step by step is solved; that is most of what programs
//! compare.

use std::collections::BTreeMap;
use std::rc::Rc;

use skep_isa::{AluOp, Cond, Width};
use skep_vm::{compute, holds};

/// Most operations in each other that an expression keeps; what is deeper is not followed.
pub(super) const MAX_DEPTH: u32 = 64;

/// A part of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// How many bytes the packet has.
    Length,
    /// A byte of the packet.
    Packet(u32),
    /// A byte of a field of the context, by index.
    Field(u16, u16),
    /// A byte of the value that a map's lookup finds, by index of the map.
    Value(u32, u32),
}

impl Place {
    /// The place so many bytes on.
    fn plus(self, bytes: u32) -> Place {
        match self {
            Place::Length => Place::Length,
            Place::Packet(at) => Place::Packet(at + bytes),
            Place::Field(index, at) => Place::Field(index, at + bytes as u16),
            Place::Value(map, at) => Place::Value(map, at + bytes),
        }
    }
}

/// An input: what is not named is zero. [`Place::Length`] has all of its number, other places a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) places: BTreeMap<Place, u64>,
}

impl Assignment {
    pub(super) fn length(&self) -> u64 {
        self.places.get(&Place::Length).copied().unwrap_or(0)
    }

    fn load(&self, place: Place, size: u32) -> u64 {
        if place == Place::Length {
            return self.length();
        }
        let byte = |at: u32| self.places.get(&place.plus(at)).copied().unwrap_or(0);
        (0..size).fold(0, |value, at| value | byte(at) << (8 * at))
    }

    fn store(&mut self, place: Place, size: u32, value: u64) {
        if place == Place::Length {
            self.places.insert(place, value);
            return;
        }
        for at in 0..size {
            self.places.insert(place.plus(at), value >> (8 * at) & 0xff);
        }
    }
}

/// A number.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Const(u64),
    /// A number of so many bytes, in the order of little-endian machines.
    Load(Place, u32),
    Alu(AluOp, Width, Rc<Expr>, Rc<Expr>),
    /// The low so many bytes, in the other order.
    Swap(u32, Rc<Expr>),
    /// The low so many bytes, zero-extended or sign-extended.
    Extend(u32, bool, Rc<Expr>),
    /// What is not followed.
    Opaque,
}

/// The bits of so many bytes.
fn mask(bytes: u32) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}

impl Expr {
    /// An operation, computed at once where both sides are known.
    pub(super) fn alu(op: AluOp, width: Width, a: Rc<Expr>, b: Rc<Expr>) -> Rc<Expr> {
        match (&*a, &*b) {
            (Expr::Const(a), Expr::Const(b)) => Rc::new(Expr::Const(compute(op, width, *a, *b))),
            _ if a.depth().max(b.depth()) >= MAX_DEPTH => Rc::new(Expr::Opaque),
            _ => Rc::new(Expr::Alu(op, width, a, b)),
        }
    }

    /// The depth, up to the limit.
    fn depth(&self) -> u32 {
        match self {
            Expr::Const(_) | Expr::Load(..) | Expr::Opaque => 0,
            Expr::Swap(_, a) | Expr::Extend(_, _, a) => a.depth() + 1,
            Expr::Alu(_, _, a, b) => a.depth().max(b.depth()) + 1,
        }
    }

    /// What it is for an input.
    pub(super) fn value(&self, input: &Assignment) -> u64 {
        match self {
            Expr::Const(value) => *value,
            Expr::Load(place, size) => input.load(*place, *size),
            Expr::Alu(op, width, a, b) => compute(*op, *width, a.value(input), b.value(input)),
            Expr::Swap(size, a) => a.value(input).swap_bytes() >> (64 - 8 * size),
            Expr::Extend(size, signed, a) => {
                let value = a.value(input) & mask(*size);
                let shift = 64 - 8 * size;
                if *signed { ((value << shift) as i64 >> shift) as u64 } else { value }
            }
            Expr::Opaque => 0,
        }
    }

    /// Changes the input so that it is this; false if that can't be done, and then the input may be anything.
    pub(super) fn make(&self, target: u64, input: &mut Assignment) -> bool {
        match self {
            Expr::Const(_) | Expr::Opaque => self.value(input) == target,
            Expr::Load(place, size) => {
                let fits = *place == Place::Length || target & !mask(*size) == 0;
                if fits {
                    input.store(*place, *size, target);
                }
                fits
            }
            Expr::Swap(size, a) => {
                target & !mask(*size) == 0 && a.make(target.swap_bytes() >> (64 - 8 * size), input)
            }
            Expr::Extend(size, _, a) => {
                let made = a.make(target & mask(*size), input);
                made && self.value(input) == target
            }
            Expr::Alu(op, width, a, b) => {
                let made = match op_inverse(*op, *width, target, a, b, input) {
                    Some((true, wanted)) => a.make(wanted, input),
                    Some((false, wanted)) => b.make(wanted, input),
                    None => false,
                };
                made && self.value(input) == target
            }
        }
    }
}

/// Which side of an operation has to be what, for it to be the target: the left if true.
fn op_inverse(
    op: AluOp,
    width: Width,
    target: u64,
    a: &Expr,
    b: &Expr,
    input: &Assignment,
) -> Option<(bool, u64)> {
    let narrow = |value: u64| if width == Width::W32 { value & 0xffff_ffff } else { value };
    let (left, right) = (a.value(input), b.value(input));
    // What is constant stays; of two that vary, the left gives way.
    let is_left = !matches!(a, Expr::Const(_) | Expr::Opaque);
    let other = if is_left { right } else { left };
    let count = (right & if width == Width::W32 { 31 } else { 63 }) as u32;
    let wanted = match op {
        AluOp::Mov => return Some((false, target)),
        AluOp::Add => narrow(target.wrapping_sub(other)),
        AluOp::Sub if is_left => narrow(target.wrapping_add(other)),
        AluOp::Sub => narrow(other.wrapping_sub(target)),
        AluOp::Xor => target ^ other,
        AluOp::Or => target & !other,
        AluOp::And => target | narrow(if is_left { left } else { right }) & !other,
        AluOp::Mul if other != 0 && target.is_multiple_of(other) => target / other,
        AluOp::Div if is_left => target.checked_mul(other)?,
        AluOp::Lsh if is_left => narrow(target) >> count,
        AluOp::Rsh if is_left => narrow(target.checked_shl(count)?),
        // What a sign extension by shifts takes apart: the low bits are all that is asked for.
        AluOp::Arsh if is_left => narrow(target << count),
        _ => return None,
    };
    Some((is_left, wanted))
}

/// Something that must hold for the path to be taken.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    pub(super) cond: Cond,
    pub(super) width: Width,
    pub(super) left: Rc<Expr>,
    pub(super) right: Rc<Expr>,
    /// Whether it must hold, or must not.
    pub(super) wanted: bool,
}

/// Most times that the constraints are gone through.
const MAX_ROUNDS: usize = 8;

impl Constraint {
    pub(super) fn holds(&self, input: &Assignment) -> bool {
        holds(self.cond, self.width, self.left.value(input), self.right.value(input)) == self.wanted
    }

    /// Changes the input so that it holds, if that can be done.
    fn satisfy(&self, input: &mut Assignment) -> bool {
        let cond = if self.wanted { Some(self.cond) } else { self.cond.opposite() };
        let sides = [(cond, &self.left, &self.right), (cond.map(mirrored), &self.right, &self.left)];
        sides.into_iter().any(|(cond, side, other)| {
            nearest(cond, other.value(input), side.value(input)).into_iter().any(|target| {
                let target = if self.width == Width::W32 { target & 0xffff_ffff } else { target };
                let mut tried = input.clone();
                let made = side.make(target, &mut tried) && self.holds(&tried);
                if made {
                    *input = tried;
                }
                made
            })
        })
    }
}

/// `a cond b` as a condition of `b` on `a`.
fn mirrored(cond: Cond) -> Cond {
    match cond {
        Cond::Gt => Cond::Lt,
        Cond::Ge => Cond::Le,
        Cond::Lt => Cond::Gt,
        Cond::Le => Cond::Ge,
        Cond::Sgt => Cond::Slt,
        Cond::Sge => Cond::Sle,
        Cond::Slt => Cond::Sgt,
        Cond::Sle => Cond::Sge,
        Cond::Eq | Cond::Ne | Cond::Set => cond,
    }
}

/// How far beyond a bound is tried: what is a multiple of something does not come as near as may be.
const STEPS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 64, 4096];

/// Values for which a condition on `other` holds, nearest first; none stands for "no bit in common".
fn nearest(cond: Option<Cond>, other: u64, present: u64) -> Vec<u64> {
    match cond {
        None => vec![present & !other],
        Some(Cond::Set) => vec![present | other & other.wrapping_neg(), other],
        Some(Cond::Eq | Cond::Ge | Cond::Le | Cond::Sge | Cond::Sle) => vec![other],
        Some(Cond::Gt | Cond::Sgt) => STEPS.iter().map(|step| other.wrapping_add(*step)).collect(),
        Some(Cond::Lt | Cond::Slt) => STEPS.iter().map(|step| other.wrapping_sub(*step)).collect(),
        Some(Cond::Ne) => vec![other.wrapping_add(1), other ^ 1],
    }
}

/// An input for which all constraints hold; or, if there seems to be none, one for which many do.
pub(super) fn solve(constraints: &[Constraint], mut input: Assignment) -> Assignment {
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for constraint in constraints {
            if !constraint.holds(&input) {
                changed |= constraint.satisfy(&mut input);
            }
        }
        if !changed {
            break;
        }
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(place: Place, size: u32) -> Rc<Expr> {
        Rc::new(Expr::Load(place, size))
    }

    fn number(value: u64) -> Rc<Expr> {
        Rc::new(Expr::Const(value))
    }

    fn constraint(cond: Cond, left: Rc<Expr>, right: Rc<Expr>, wanted: bool) -> Constraint {
        Constraint { cond, width: Width::W64, left, right, wanted }
    }

    #[test]
    fn what_programs_compare_is_solved() {
        // The EtherType is IPv4, the header's length is more than five words, and its port, in the packet's order, 443.
        let ethertype = load(Place::Packet(12), 2);
        let words = Expr::alu(AluOp::And, Width::W64, load(Place::Packet(14), 1), number(15));
        let bytes = Expr::alu(AluOp::Lsh, Width::W64, words, number(2));
        let port = Rc::new(Expr::Swap(2, load(Place::Packet(36), 2)));
        let end = Expr::alu(AluOp::Add, Width::W64, bytes.clone(), number(14));
        let constraints = [
            constraint(Cond::Ne, ethertype, number(8), false),
            constraint(Cond::Gt, bytes, number(23), true),
            constraint(Cond::Eq, port, number(443), true),
            constraint(Cond::Gt, end, load(Place::Length, 8), false),
        ];
        let input = solve(&constraints, Assignment::default());
        assert!(constraints.iter().all(|c| c.holds(&input)), "{input:?}");
        assert_eq!((input.load(Place::Packet(12), 2), input.length()), (8, 38));
        assert_eq!((input.load(Place::Packet(36), 1), input.load(Place::Packet(37), 1)), (1, 187));
    }

    #[test]
    fn what_contradicts_itself_is_given_up() {
        let byte = load(Place::Packet(0), 1);
        let constraints = [
            constraint(Cond::Gt, byte.clone(), number(7), true),
            constraint(Cond::Eq, byte, number(300), true),
        ];
        let input = solve(&constraints, Assignment::default());
        assert!(constraints[0].holds(&input) && !constraints[1].holds(&input));
    }
}
