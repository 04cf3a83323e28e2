//! Ranges: between which two numbers a value lies, read as unsigned and as signed.

use super::{ones, sign_extend};

/// Bounds of a `W`-bit number in both readings, all four inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range<const W: u32> {
    /// Least, unsigned.
    pub umin: u64,
    /// Greatest, unsigned.
    pub umax: u64,
    /// Least, signed.
    pub smin: i64,
    /// Greatest, signed.
    pub smax: i64,
}

impl<const W: u32> Range<W> {
    /// The least signed number of the width.
    pub const SMIN: i64 = i64::MIN >> (64 - W);
    /// The greatest signed number of the width.
    pub const SMAX: i64 = i64::MAX >> (64 - W);
    /// The greatest unsigned number of the width.
    pub const UMAX: u64 = ones(W);

    /// Any number.
    pub const UNKNOWN: Range<W> = Range { umin: 0, umax: Self::UMAX, smin: Self::SMIN, smax: Self::SMAX };

    /// Exactly this number, cut to the width.
    pub const fn constant(value: u64) -> Range<W> {
        let unsigned = value & Self::UMAX;
        let signed = sign_extend(value, W);
        Range { umin: unsigned, umax: unsigned, smin: signed, smax: signed }
    }

    /// Between these two, unsigned; the signed bounds are still to be deduced.
    pub const fn unsigned(umin: u64, umax: u64) -> Range<W> {
        Range { umin, umax, ..Self::UNKNOWN }
    }

    /// Between these two, signed; the unsigned bounds are still to be deduced.
    pub const fn signed(smin: i64, smax: i64) -> Range<W> {
        Range { smin, smax, ..Self::UNKNOWN }
    }

    /// Whether the number lies between the bounds in both readings.
    pub const fn contains(self, x: u64) -> bool {
        let signed = sign_extend(x, W);
        self.umin <= x && x <= self.umax && self.smin <= signed && signed <= self.smax
    }

    /// Whether no number lies between the bounds.
    pub const fn is_empty(self) -> bool {
        self.umin > self.umax || self.smin > self.smax
    }

    /// Whether every bound of `other` lies within.
    pub const fn includes(self, other: Range<W>) -> bool {
        self.umin <= other.umin
            && self.umax >= other.umax
            && self.smin <= other.smin
            && self.smax >= other.smax
    }

    /// The bounds of the sums, unsigned and signed, before any is cut to the width.
    pub(crate) fn sums(self, other: Range<W>) -> [(i128, i128); 2] {
        [
            (i128::from(self.umin) + i128::from(other.umin), i128::from(self.umax) + i128::from(other.umax)),
            (i128::from(self.smin) + i128::from(other.smin), i128::from(self.smax) + i128::from(other.smax)),
        ]
    }

    /// The same of the differences.
    pub(crate) fn differences(self, other: Range<W>) -> [(i128, i128); 2] {
        [
            (i128::from(self.umin) - i128::from(other.umax), i128::from(self.umax) - i128::from(other.umin)),
            (i128::from(self.smin) - i128::from(other.smax), i128::from(self.smax) - i128::from(other.smin)),
        ]
    }

    /// The tighter of each bound; may be empty.
    pub fn intersect(self, other: Range<W>) -> Range<W> {
        Range {
            umin: self.umin.max(other.umin),
            umax: self.umax.min(other.umax),
            smin: self.smin.max(other.smin),
            smax: self.smax.min(other.smax),
        }
    }

    /// The looser of each bound.
    pub fn union(self, other: Range<W>) -> Range<W> {
        Range {
            umin: self.umin.min(other.umin),
            umax: self.umax.max(other.umax),
            smin: self.smin.min(other.smin),
            smax: self.smax.max(other.smax),
        }
    }

    /// Lets each reading tighten the other. A range in one reading is one or two runs of numbers in the other,
    /// with a gap between; a bound in the gap moves to its edge.
    pub fn deduce_signs(&mut self) {
        let (smin, smax) = (self.smin as u64 & Self::UMAX, self.smax as u64 & Self::UMAX);
        if (self.smin < 0) == (self.smax < 0) {
            self.umin = self.umin.max(smin);
            self.umax = self.umax.min(smax);
        } else {
            // As unsigned numbers: from 0 to smax, and from smin up.
            if self.umin > smax {
                self.umin = self.umin.max(smin);
            }
            if self.umax < smin {
                self.umax = self.umax.min(smax);
            }
        }
        let (umin, umax) = (sign_extend(self.umin, W), sign_extend(self.umax, W));
        if (umin < 0) == (umax < 0) {
            self.smin = self.smin.max(umin);
            self.smax = self.smax.min(umax);
        } else {
            // As signed numbers: from the least to umax, and from umin to the greatest.
            if self.smin > umax {
                self.smin = self.smin.max(umin);
            }
            if self.smax < umin {
                self.smax = self.smax.min(umax);
            }
        }
    }

    /// The run of numbers that the low `H` bits of a number in this range go through, as a range of theirs: known
    /// where the range is shorter than all numbers of `H` bits.
    pub fn low<const H: u32>(self) -> Range<H> {
        let mut low = Range::<H>::UNKNOWN;
        let runs = [(self.umin, self.umax), (self.smin as u64 & Self::UMAX, self.smax as u64 & Self::UMAX)];
        for (first, last) in runs {
            if (last.wrapping_sub(first) & Self::UMAX) > Range::<H>::UMAX {
                continue;
            }
            let (first, last) = (first & Range::<H>::UMAX, last & Range::<H>::UMAX);
            if first <= last {
                low = low.intersect(Range::unsigned(first, last));
            }
            let (first, last) = (sign_extend(first, H), sign_extend(last, H));
            if first <= last {
                low = low.intersect(Range::signed(first, last));
            }
        }
        low
    }

    /// Moves each bound inward to the next number whose low `H` bits are in `low`.
    pub fn tighten_by_low<const H: u32>(&mut self, low: Range<H>) {
        let half = Range::<H>::UMAX;
        // Numbers of H bits that are not in `low`: below and above it, or between its two runs.
        let next_up = |x: u64, top: u64| -> u64 {
            let (high, part) = (x & !half, x & half);
            if part < low.umin {
                return high | low.umin;
            }
            if part > low.umax {
                // The next one with the bits above increased, where there is one.
                return if high == top & !half {
                    x
                } else {
                    (high.wrapping_add(half + 1) | low.umin) & Self::UMAX
                };
            }
            if low.smin < 0 && low.smax >= 0 && part > low.smax as u64 && part < (low.smin as u64 & half) {
                return high | (low.smin as u64 & half);
            }
            x
        };
        let next_down = |x: u64, bottom: u64| -> u64 {
            let (high, part) = (x & !half, x & half);
            if part > low.umax {
                return high | low.umax;
            }
            if part < low.umin {
                return if high == bottom & !half {
                    x
                } else {
                    (high.wrapping_sub(half + 1) | low.umax) & Self::UMAX
                };
            }
            if low.smin < 0 && low.smax >= 0 && part > low.smax as u64 && part < (low.smin as u64 & half) {
                return high | low.smax as u64;
            }
            x
        };
        self.umin = next_up(self.umin, Self::UMAX);
        self.umax = next_down(self.umax, 0);
        let (least, greatest) = (Self::SMIN as u64 & Self::UMAX, Self::SMAX as u64);
        self.smin = sign_extend(next_up(self.smin as u64 & Self::UMAX, greatest), W);
        self.smax = sign_extend(next_down(self.smax as u64 & Self::UMAX, least), W);
    }
}
