//! What arithmetic and comparisons do to numbers, as RFC 9669 sections 4.1 and 4.3 have it: what tests hold abstract
//! values and verdicts against. Written apart from the interpreter of `skep-vm`, so that a mistake is not made twice.

use skep_isa::{AluOp, Cond, Width};

/// The part of a number that an instruction of this width sees.
pub(crate) fn cut(width: Width, value: u64) -> u64 {
    if width == Width::W32 { value & 0xffff_ffff } else { value }
}

/// What an instruction computes; counts of shifts are masked.
pub(crate) fn compute(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
    let (a, b, bits) = (cut(width, a), cut(width, b), if width == Width::W32 { 32 } else { 64 });
    let signed = |x: u64| if width == Width::W32 { i64::from(x as i32) } else { x as i64 };
    let result = match op {
        AluOp::Add => a.wrapping_add(b),
        AluOp::Sub => a.wrapping_sub(b),
        AluOp::Mul => a.wrapping_mul(b),
        AluOp::Div => a.checked_div(b).unwrap_or(0),
        AluOp::Mod => a.checked_rem(b).unwrap_or(a),
        AluOp::Or => a | b,
        AluOp::And => a & b,
        AluOp::Xor => a ^ b,
        AluOp::Mov => b,
        AluOp::Lsh => a << (b % bits),
        AluOp::Rsh => a >> (b % bits),
        AluOp::Arsh => (signed(a) >> (b % bits)) as u64,
        AluOp::Sdiv if b == 0 => 0,
        AluOp::Sdiv => signed(a).wrapping_div(signed(b)) as u64,
        AluOp::Smod if b == 0 => a,
        AluOp::Smod => signed(a).wrapping_rem(signed(b)) as u64,
    };
    cut(width, result)
}

/// Whether a comparison holds.
pub(crate) fn holds(cond: Cond, width: Width, a: u64, b: u64) -> bool {
    let (a, b) = (cut(width, a), cut(width, b));
    let signed = |x: u64| if width == Width::W32 { i64::from(x as i32) } else { x as i64 };
    let (sa, sb) = (signed(a), signed(b));
    match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::Gt => a > b,
        Cond::Ge => a >= b,
        Cond::Lt => a < b,
        Cond::Le => a <= b,
        Cond::Set => a & b != 0,
        Cond::Sgt => sa > sb,
        Cond::Sge => sa >= sb,
        Cond::Slt => sa < sb,
        Cond::Sle => sa <= sb,
    }
}
