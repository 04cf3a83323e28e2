//! Every operation and comparison, on every value of small widths: no result is ever left out.
//!
//! At 4 and 2 bits all abstract values can be tried with all the numbers that they stand for; what is wrong with an
//! operation at 64 bits is wrong there too, because the code is the same.

use skep_isa::{AluOp, Cond, Width};

use super::{Number, Range, Tnum, sign_extend};
use concrete::{is_true as holds, run};

// Tests of whole programs use the rest of it.
#[allow(dead_code)]
#[path = "../../tests/concrete/mod.rs"]
mod concrete;

const W: u32 = 4;
const H: u32 = 2;
type Small = Number<W, H>;

/// Abstract values of every kind: all tracked bits, all unsigned and signed ranges, all ranges of the low half, and
/// what bits and ranges give together.
fn values() -> Vec<Small> {
    let all = super::ones(W);
    let mut found: Vec<Small> = Vec::new();
    let mut add = |value: Option<Small>| {
        if let Some(value) = value
            && !found.contains(&value)
        {
            found.push(value);
        }
    };
    for mask in 0..=all {
        for value in (0..=all).filter(|v| v & mask == 0) {
            let bits = Tnum { value, mask };
            add(Number { bits, ..Number::UNKNOWN }.deduce());
            // A sample of combinations: bits with a range that cuts through them.
            let full = Range::unsigned(value / 2 + 1, all - 1);
            add(Number { bits, full, ..Number::UNKNOWN }.deduce());
            let full = Range::signed(-3, 5);
            add(Number { bits, full, ..Number::UNKNOWN }.deduce());
        }
    }
    for min in 0..=all {
        for max in min..=all {
            add(Number { full: Range::unsigned(min, max), ..Number::UNKNOWN }.deduce());
            let (smin, smax) = (min as i64 - 8, max as i64 - 8);
            add(Number { full: Range::signed(smin, smax), ..Number::UNKNOWN }.deduce());
        }
    }
    for min in 0..4 {
        for max in min..4 {
            add(Number { half: Range::unsigned(min, max), ..Number::UNKNOWN }.deduce());
            add(Number { half: Range::signed(min as i64 - 2, max as i64 - 2), ..Number::UNKNOWN }.deduce());
        }
    }
    found
}

fn members(value: &Small) -> Vec<u64> {
    (0..=super::ones(W)).filter(|x| value.contains(*x)).collect()
}

#[test]
fn deduction_leaves_no_number_out() {
    let all = super::ones(W);
    let all_half = super::ones(H);
    for mask in 0..=all {
        for value in (0..=all).filter(|v| v & mask == 0) {
            for (umin, umax) in pairs(0, all as i64) {
                for (lmin, lmax) in pairs(0, all_half as i64) {
                    let before = Small {
                        bits: Tnum { value, mask },
                        full: Range::unsigned(umin as u64, umax as u64),
                        half: Range::signed(lmin - 2, lmax - 2),
                    };
                    let after = before.deduce();
                    for x in members(&before) {
                        assert!(
                            after.is_some_and(|a| a.contains(x)),
                            "{x} of {before:?} is not in {after:?}"
                        );
                    }
                }
            }
        }
    }
}

/// All ordered pairs of numbers between two.
fn pairs(min: i64, max: i64) -> impl Iterator<Item = (i64, i64)> {
    (min..=max).flat_map(move |a| (a..=max).map(move |b| (a, b)))
}

#[test]
fn arithmetic_leaves_no_result_out() {
    let values = values();
    let members: Vec<Vec<u64>> = values.iter().map(members).collect();
    for op in AluOp::ALL {
        for (a, in_a) in values.iter().zip(&members) {
            for (b, in_b) in values.iter().zip(&members) {
                let wide = a.alu(op, Width::W64, *b);
                let narrow = a.alu(op, Width::W32, *b);
                for &x in in_a {
                    for &y in in_b {
                        let result = run(op, x, y, W);
                        assert!(
                            wide.contains(result),
                            "{x} {op:?} {y}: {result} of {a:?}, {b:?} not in {wide:?}"
                        );
                        let result = run(op, x & 3, y & 3, H);
                        assert!(narrow.contains(result), "w {x} {op:?} {y}: {result} not in {narrow:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn unary_operations_leave_no_result_out() {
    for a in values() {
        for width in [Width::W64, Width::W32] {
            let bits = if width == Width::W64 { W } else { H };
            let negated = a.neg(width);
            for x in members(&a) {
                let low = x & super::ones(bits);
                assert!(
                    negated.contains(low.wrapping_neg() & super::ones(bits)),
                    "-{x} of {a:?} not in {negated:?}"
                );
            }
            for from in 1..=bits {
                let extended = a.sign_extend(from, width);
                for x in members(&a) {
                    let result = sign_extend(x, from) as u64 & super::ones(bits);
                    assert!(extended.contains(result), "{x} of {a:?} from {from} bits not in {extended:?}");
                }
            }
        }
        for bits in 1..=W {
            let low = a.low_bits(bits);
            for x in members(&a) {
                assert!(low.contains(x & super::ones(bits)), "{bits} bits of {x} of {a:?} not in {low:?}");
            }
        }
        assert!(members(&a).iter().all(|x| a.truncated().contains(x & 3)));
    }
}

#[test]
fn comparisons_leave_no_operand_out() {
    let values = values();
    let members: Vec<Vec<u64>> = values.iter().map(members).collect();
    for cond in Cond::ALL {
        for (a, in_a) in values.iter().zip(&members) {
            for (b, in_b) in values.iter().zip(&members) {
                for (width, bits) in [(Width::W64, W), (Width::W32, H)] {
                    let (yes, no) = (a.assume(cond, width, *b), a.assume_not(cond, width, *b));
                    for &x in in_a {
                        for &y in in_b {
                            let mask = super::ones(bits);
                            let way = if holds(cond, x & mask, y & mask, bits) { &yes } else { &no };
                            let kept = way.is_some_and(|(a, b)| a.contains(x) && b.contains(y));
                            assert!(kept, "{x} {cond:?} {y} at {bits} bits: {a:?}, {b:?} became {way:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn sets_are_joined_and_met_without_losing_a_number() {
    let values = values();
    for a in values.iter().step_by(3) {
        for b in values.iter().step_by(2) {
            let (union, both) = (a.union(*b), a.intersect(*b));
            for x in 0..=super::ones(W) {
                assert!(!(a.contains(x) || b.contains(x)) || union.contains(x));
                assert!(!(a.contains(x) && b.contains(x)) || both.is_some_and(|n| n.contains(x)));
            }
            if a.includes(*b) {
                assert!(members(b).iter().all(|x| a.contains(*x)), "{a:?} includes {b:?}");
            }
        }
    }
}

/// Bounds are not only sound but tight where one operand is a constant and the other a plain range.
#[test]
fn common_shapes_stay_precise() {
    type Scalar = super::Scalar;
    let byte = Scalar::of_bits(8);
    let shifted = byte.alu(AluOp::And, Width::W64, Scalar::constant(15)).alu(
        AluOp::Lsh,
        Width::W64,
        Scalar::constant(2),
    );
    assert_eq!((shifted.full.umin, shifted.full.umax, shifted.bits.mask), (0, 60, 0x3c));
    let (_, passed) = (0, shifted.assume_not(Cond::Lt, Width::W64, Scalar::constant(20)));
    assert_eq!(passed.map(|(header, _)| header.full.umin), Some(20));
    let index =
        Scalar::UNKNOWN.assume(Cond::Lt, Width::W32, Scalar::constant(10)).map(|(a, _)| a.truncated());
    assert_eq!(index.map(|i| i.full.umax), Some(9));
    let remainder = Scalar::UNKNOWN.alu(AluOp::Mod, Width::W64, Scalar::constant(10));
    assert_eq!(remainder.full.umax, 9);
    assert_eq!(Scalar::constant(7).alu(AluOp::Mul, Width::W64, Scalar::constant(6)).as_constant(), Some(42));
}
