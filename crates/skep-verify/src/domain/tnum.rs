//! Tracked bits: of each bit of a number, whether it is 0, 1 or unknown.
//!
//! Source of the idea and of addition: "Sound, precise, and fast abstract interpretation with tristate numbers",
//! CGO 2022; kernel/bpf/tnum.c, Linux 6.18, has the same domain.

use std::fmt;

use super::{ones, sign_extend};

/// Of `W` bits, which are known and what they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tnum<const W: u32> {
    /// The known bits; unknown ones are 0.
    pub value: u64,
    /// The unknown bits.
    pub mask: u64,
}

impl<const W: u32> Tnum<W> {
    /// Nothing is known.
    pub const UNKNOWN: Tnum<W> = Tnum { value: 0, mask: ones(W) };

    /// Exactly this number, cut to the width.
    pub const fn constant(value: u64) -> Tnum<W> {
        Tnum { value: value & ones(W), mask: 0 }
    }

    /// What all numbers between two have in common: the leading bits in which the two agree.
    pub const fn range(min: u64, max: u64) -> Tnum<W> {
        let differing = 64 - (min ^ max).leading_zeros();
        let mask = ones(differing);
        Tnum { value: min & !mask, mask }
    }

    /// The number, if all its bits are known.
    pub const fn as_constant(self) -> Option<u64> {
        if self.mask == 0 { Some(self.value) } else { None }
    }

    /// The least number it can be.
    pub const fn min(self) -> u64 {
        self.value
    }

    /// The greatest number it can be.
    pub const fn max(self) -> u64 {
        self.value | self.mask
    }

    /// Whether it can be this number.
    pub const fn contains(self, x: u64) -> bool {
        x & !self.mask == self.value
    }

    /// Whether every number that `other` can be, this can be.
    pub const fn includes(self, other: Tnum<W>) -> bool {
        other.mask & !self.mask == 0 && other.value & !self.mask == self.value
    }

    /// What both say; `None` if they contradict each other.
    pub const fn intersect(self, other: Tnum<W>) -> Option<Tnum<W>> {
        if (self.value ^ other.value) & !self.mask & !other.mask != 0 {
            return None;
        }
        Some(Tnum { value: self.value | other.value, mask: self.mask & other.mask })
    }

    /// What holds if either does.
    pub const fn union(self, other: Tnum<W>) -> Tnum<W> {
        let mask = self.mask | other.mask | (self.value ^ other.value);
        Tnum { value: self.value & !mask, mask }
    }

    /// The low bits, as a narrower number.
    pub const fn narrow<const N: u32>(self) -> Tnum<N> {
        Tnum { value: self.value & ones(N), mask: self.mask & ones(N) }
    }

    /// The same number in a wider type, zeroes on top.
    pub const fn zero_extend<const N: u32>(self) -> Tnum<N> {
        Tnum { value: self.value, mask: self.mask }
    }

    /// The low `bits` bits, sign-extended to the width.
    pub const fn sign_extend_from(self, bits: u32) -> Tnum<W> {
        Tnum {
            value: sign_extend(self.value, bits) as u64 & ones(W),
            mask: sign_extend(self.mask, bits) as u64 & ones(W),
        }
    }

    /// `self + other`: a bit is unknown if an operand's is, or if carries from below may differ.
    pub const fn add(self, other: Tnum<W>) -> Tnum<W> {
        let mask_sum = self.mask.wrapping_add(other.mask);
        let least = self.value.wrapping_add(other.value);
        let carries = mask_sum.wrapping_add(least) ^ least;
        let mask = (carries | self.mask | other.mask) & ones(W);
        Tnum { value: least & !mask & ones(W), mask }
    }

    /// `self - other`.
    pub const fn sub(self, other: Tnum<W>) -> Tnum<W> {
        let difference = self.value.wrapping_sub(other.value);
        let borrows = difference.wrapping_add(self.mask) ^ difference.wrapping_sub(other.mask);
        let mask = (borrows | self.mask | other.mask) & ones(W);
        Tnum { value: difference & !mask & ones(W), mask }
    }

    /// `self & other`.
    pub const fn and(self, other: Tnum<W>) -> Tnum<W> {
        let value = self.value & other.value;
        Tnum { value, mask: self.max() & other.max() & !value }
    }

    /// `self | other`.
    pub const fn or(self, other: Tnum<W>) -> Tnum<W> {
        let value = self.value | other.value;
        Tnum { value, mask: (self.mask | other.mask) & !value }
    }

    /// `self ^ other`.
    pub const fn xor(self, other: Tnum<W>) -> Tnum<W> {
        let mask = self.mask | other.mask;
        Tnum { value: (self.value ^ other.value) & !mask, mask }
    }

    /// `self * other`, by long multiplication: a known 1 adds the shifted factor, an unknown bit may or may not.
    pub const fn mul(self, other: Tnum<W>) -> Tnum<W> {
        let (mut left, mut shifted) = (self, other);
        let mut sum = Tnum::constant(0);
        while left.value != 0 || left.mask != 0 {
            if left.value & 1 != 0 {
                sum = sum.add(shifted);
            } else if left.mask & 1 != 0 {
                sum = sum.union(sum.add(shifted));
            }
            left = left.shr(1);
            shifted = shifted.shl(1);
        }
        sum
    }

    /// `self << count`; the count is less than the width.
    pub const fn shl(self, count: u32) -> Tnum<W> {
        Tnum { value: (self.value << count) & ones(W), mask: (self.mask << count) & ones(W) }
    }

    /// `self >> count`, logical.
    pub const fn shr(self, count: u32) -> Tnum<W> {
        Tnum { value: self.value >> count, mask: self.mask >> count }
    }

    /// `self >> count`, arithmetic: an unknown sign makes the new bits unknown.
    pub const fn sar(self, count: u32) -> Tnum<W> {
        Tnum {
            value: (sign_extend(self.value, W) >> count) as u64 & ones(W),
            mask: (sign_extend(self.mask, W) >> count) as u64 & ones(W),
        }
    }

    /// The low `bytes` bytes in reverse order, zeroes above.
    pub const fn swap_bytes(self, bytes: u32) -> Tnum<W> {
        let unused = 64 - bytes * 8;
        Tnum { value: (self.value << unused).swap_bytes(), mask: (self.mask << unused).swap_bytes() }
    }
}

impl<const W: u32> fmt::Debug for Tnum<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:#x}; {:#x})", self.value, self.mask)
    }
}
