//! What arithmetic and comparisons do to numbers, as RFC 9669 sections 4.1 and 4.3 have it: what tests hold abstract
//! values and verdicts against. Written apart from the interpreter of `skep-vm` and from the operators that are judged,
//! so that a mistake is not made twice.

use skep_isa::{AluOp, Cond, Width};

/// The part of a number that an instruction of this width sees.
pub(crate) fn cut(width: Width, value: u64) -> u64 {
    if width == Width::W32 { value & 0xffff_ffff } else { value }
}

/// Bits of a width.
fn bits(width: Width) -> u32 {
    if width == Width::W32 { 32 } else { 64 }
}

/// The low `bits` bits of a number, as a signed number.
fn signed(value: u64, bits: u32) -> i64 {
    let unused = 64 - bits;
    ((value << unused) as i64) >> unused
}

/// What an instruction computes; counts of shifts are masked.
pub(crate) fn compute(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
    run(op, cut(width, a), cut(width, b), bits(width))
}

/// What an instruction computes of numbers of `bits` bits.
pub(crate) fn run(op: AluOp, x: u64, y: u64, bits: u32) -> u64 {
    let (sx, sy) = (signed(x, bits), signed(y, bits));
    let count = y % u64::from(bits);
    let result = match op {
        AluOp::Add => x.wrapping_add(y),
        AluOp::Sub => x.wrapping_sub(y),
        AluOp::Mul => x.wrapping_mul(y),
        AluOp::Div => x.checked_div(y).unwrap_or(0),
        AluOp::Mod => x.checked_rem(y).unwrap_or(x),
        AluOp::Or => x | y,
        AluOp::And => x & y,
        AluOp::Xor => x ^ y,
        AluOp::Lsh => x << count,
        AluOp::Rsh => x >> count,
        AluOp::Arsh => (sx >> count) as u64,
        AluOp::Sdiv if sy == 0 => 0,
        AluOp::Sdiv => sx.wrapping_div(sy) as u64,
        AluOp::Smod if sy == 0 => x,
        AluOp::Smod => sx.wrapping_rem(sy) as u64,
        AluOp::Mov => y,
    };
    result & (u64::MAX >> (64 - bits))
}

/// Whether a comparison holds.
pub(crate) fn holds(cond: Cond, width: Width, a: u64, b: u64) -> bool {
    is_true(cond, cut(width, a), cut(width, b), bits(width))
}

/// Whether a comparison of numbers of `bits` bits holds.
pub(crate) fn is_true(cond: Cond, x: u64, y: u64, bits: u32) -> bool {
    let (sx, sy) = (signed(x, bits), signed(y, bits));
    match cond {
        Cond::Eq => x == y,
        Cond::Ne => x != y,
        Cond::Gt => x > y,
        Cond::Ge => x >= y,
        Cond::Lt => x < y,
        Cond::Le => x <= y,
        Cond::Set => x & y != 0,
        Cond::Sgt => sx > sy,
        Cond::Sge => sx >= sy,
        Cond::Slt => sx < sy,
        Cond::Sle => sx <= sy,
    }
}
