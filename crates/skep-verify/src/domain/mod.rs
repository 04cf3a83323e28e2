//! Abstract numbers: what is known of a 64-bit value, as tracked bits and as ranges.
//!
//! Pure arithmetic that knows nothing of programs. Everything is generic in the width, because what holds at 64
//! and 32 bits holds at 4 and 2, where tests can try every value; [`Scalar`] is the width that programs have.
//!
//! Invariant of every operation: if `x` is in `a` and `y` in `b`, then `x op y` is in `a op b`. What an operation
//! can't express grows to *unknown*, never to something that leaves values out.
//! Source of the operations: RFC 9669 sections 4.1 and 4.3.

mod branch;
mod number;
mod range;
#[cfg(test)]
mod tests;
mod tnum;
mod word;

pub use number::Number;
pub use range::Range;
pub use tnum::Tnum;
pub(crate) use word::Word;

/// What is known of a register's value.
pub type Scalar = Number<64, 32>;

/// The `width` low bits, set.
pub(crate) const fn ones(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// The low `width` bits of a number, as a signed number.
pub(crate) const fn sign_extend(value: u64, width: u32) -> i64 {
    let unused = 64 - width;
    ((value << unused) as i64) >> unused
}
