//! What is known of a number of one width: its bits and its range, and the arithmetic on both.

use skep_isa::AluOp;

use super::{Range, Tnum, sign_extend};

/// A number of `W` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Word<const W: u32> {
    /// Its bits.
    pub(crate) bits: Tnum<W>,
    /// Its bounds.
    pub(crate) range: Range<W>,
}

impl<const W: u32> Word<W> {
    /// Any number.
    pub(crate) const UNKNOWN: Word<W> = Word { bits: Tnum::UNKNOWN, range: Range::UNKNOWN };

    /// Exactly this number, cut to the width.
    pub(crate) const fn constant(value: u64) -> Word<W> {
        Word { bits: Tnum::constant(value), range: Range::constant(value) }
    }

    /// Between these two, unsigned.
    const fn between(umin: u64, umax: u64) -> Word<W> {
        Word { bits: Tnum::range(umin, umax), range: Range::unsigned(umin, umax) }
    }

    /// Between these two, signed.
    const fn between_signed(smin: i64, smax: i64) -> Word<W> {
        Word { bits: Tnum::UNKNOWN, range: Range::signed(smin, smax) }
    }

    /// The number, if only one is possible.
    pub(crate) const fn as_constant(self) -> Option<u64> {
        self.bits.as_constant()
    }

    /// Whether it can be this number.
    pub(crate) const fn contains(self, x: u64) -> bool {
        self.bits.contains(x) && self.range.contains(x)
    }

    /// Whether it can be 0.
    fn may_be_zero(self) -> bool {
        self.contains(0)
    }

    /// Lets bits and bounds tighten each other; `None` if no number is left.
    pub(crate) fn deduce(mut self) -> Option<Word<W>> {
        let (min, max) = (self.bits.min(), self.bits.max());
        self.range.umin = self.range.umin.max(min);
        self.range.umax = self.range.umax.min(max);
        let sign = 1u64 << (W - 1);
        let least = sign_extend(self.bits.value | (self.bits.mask & sign), W);
        let greatest = sign_extend(self.bits.value | (self.bits.mask & !sign), W);
        self.range.smin = self.range.smin.max(least);
        self.range.smax = self.range.smax.min(greatest);
        self.range.deduce_signs();
        if self.range.is_empty() {
            return None;
        }
        self.bits = self.bits.intersect(Tnum::range(self.range.umin, self.range.umax))?;
        Some(self)
    }

    /// `self + other`.
    pub(crate) fn add(self, other: Word<W>) -> Word<W> {
        let [unsigned, signed] = self.range.sums(other.range);
        let unsigned = wrapped_unsigned::<W>(unsigned.0, unsigned.1);
        let signed = wrapped_signed::<W>(signed.0, signed.1);
        Word { bits: self.bits.add(other.bits), range: unsigned.intersect(signed) }
    }

    /// `self - other`.
    pub(crate) fn sub(self, other: Word<W>) -> Word<W> {
        let [unsigned, signed] = self.range.differences(other.range);
        let unsigned = wrapped_unsigned::<W>(unsigned.0, unsigned.1);
        let signed = wrapped_signed::<W>(signed.0, signed.1);
        Word { bits: self.bits.sub(other.bits), range: unsigned.intersect(signed) }
    }

    /// The sum, or else the difference, with bounds only where it can't wrap.
    pub(crate) fn sum(self, op: AluOp, other: Word<W>) -> Word<W> {
        let (bits, [(umin, umax), (smin, smax)]) = match op {
            AluOp::Add => (self.bits.add(other.bits), self.range.sums(other.range)),
            _ => (self.bits.sub(other.bits), self.range.differences(other.range)),
        };
        let mut range = Range::UNKNOWN;
        if umin >= 0 && umax <= i128::from(Range::<W>::UMAX) {
            (range.umin, range.umax) = (umin as u64, umax as u64);
        }
        let half = 1i128 << (W - 1);
        if smin >= -half && smax < half {
            (range.smin, range.smax) = (smin as i64, smax as i64);
        }
        Word { bits, range }
    }

    /// `self * other`.
    pub(crate) fn mul(self, other: Word<W>) -> Word<W> {
        let (a, b) = (self.range, other.range);
        let mut range = Range::UNKNOWN;
        if let Some(umax) = a.umax.checked_mul(b.umax)
            && umax <= Range::<W>::UMAX
        {
            (range.umin, range.umax) = (a.umin * b.umin, umax);
        }
        let corners = [(a.smin, b.smin), (a.smin, b.smax), (a.smax, b.smin), (a.smax, b.smax)]
            .map(|(x, y)| i128::from(x) * i128::from(y));
        let (least, greatest) = extremes(corners);
        if least >= i128::from(Range::<W>::SMIN) && greatest <= i128::from(Range::<W>::SMAX) {
            (range.smin, range.smax) = (least as i64, greatest as i64);
        }
        Word { bits: self.bits.mul(other.bits), range }
    }

    /// `self & other`.
    pub(crate) fn and(self, other: Word<W>) -> Word<W> {
        let bits = self.bits.and(other.bits);
        Word { bits, range: Range::unsigned(bits.min(), self.range.umax.min(other.range.umax)) }
    }

    /// `self | other`.
    pub(crate) fn or(self, other: Word<W>) -> Word<W> {
        let bits = self.bits.or(other.bits);
        Word { bits, range: Range::unsigned(self.range.umin.max(other.range.umin), bits.max()) }
    }

    /// `self ^ other`.
    pub(crate) fn xor(self, other: Word<W>) -> Word<W> {
        let bits = self.bits.xor(other.bits);
        Word { bits, range: Range::UNKNOWN }
    }

    /// The counts that a shift by this number is by: modulo the width.
    fn counts(self) -> (u32, u32) {
        match self.as_constant() {
            Some(count) => ((count % u64::from(W)) as u32, (count % u64::from(W)) as u32),
            None if self.range.umax < u64::from(W) => (self.range.umin as u32, self.range.umax as u32),
            None => (0, W - 1),
        }
    }

    /// What holds of every result, one a possible count.
    fn by_count(count: Word<W>, shift: impl Fn(u32) -> Word<W>) -> Word<W> {
        let (first, last) = count.counts();
        let mut all = shift(first);
        for one in (first + 1..=last).filter(|&n| count.bits.contains(u64::from(n)) || last == W - 1) {
            let shifted = shift(one);
            all = Word { bits: all.bits.union(shifted.bits), range: all.range.union(shifted.range) };
        }
        all
    }

    /// `self << count`.
    pub(crate) fn shl(self, count: Word<W>) -> Word<W> {
        Word::by_count(count, |n| {
            let mut range = Range::UNKNOWN;
            if self.range.umax <= Range::<W>::UMAX >> n {
                (range.umin, range.umax) = (self.range.umin << n, self.range.umax << n);
            }
            if self.range.smin >= Range::<W>::SMIN >> n && self.range.smax <= Range::<W>::SMAX >> n {
                (range.smin, range.smax) = (self.range.smin << n, self.range.smax << n);
            }
            Word { bits: self.bits.shl(n), range }
        })
    }

    /// `self >> count`, logical.
    pub(crate) fn shr(self, count: Word<W>) -> Word<W> {
        Word::by_count(count, |n| {
            let mut range = Range::unsigned(self.range.umin >> n, self.range.umax >> n);
            range.deduce_signs();
            Word { bits: self.bits.shr(n), range }
        })
    }

    /// `self >> count`, arithmetic.
    pub(crate) fn sar(self, count: Word<W>) -> Word<W> {
        Word::by_count(count, |n| {
            let mut range = Range::signed(self.range.smin >> n, self.range.smax >> n);
            range.deduce_signs();
            Word { bits: self.bits.sar(n), range }
        })
    }

    /// `self / other`, unsigned; by zero gives 0.
    pub(crate) fn div(self, other: Word<W>) -> Word<W> {
        let (a, b) = (self.range, other.range);
        if b.umax == 0 {
            return Word::constant(0);
        }
        let least = if other.may_be_zero() { 0 } else { a.umin / b.umax };
        Word::between(least, a.umax / b.umin.max(1))
    }

    /// `self % other`, unsigned; by zero leaves `self`.
    pub(crate) fn rem(self, other: Word<W>) -> Word<W> {
        let (a, b) = (self.range, other.range);
        // A dividend below every divisor stays, and so does any by zero.
        if b.umax == 0 || a.umax < b.umin {
            return self;
        }
        if let (Some(x), Some(y)) = (self.as_constant(), other.as_constant()) {
            // Bits may say that the divisor is 0 where its bounds don't yet.
            return Word::constant(x.checked_rem(y).unwrap_or(x));
        }
        let greatest = if other.may_be_zero() { a.umax } else { a.umax.min(b.umax - 1) };
        Word::between(0, greatest)
    }

    /// `self / other`, signed and truncating; by zero gives 0, and the least number by -1 stays.
    pub(crate) fn sdiv(self, other: Word<W>) -> Word<W> {
        let a = self.range;
        let Some(divisor) = other.as_constant() else { return Word::UNKNOWN };
        match sign_extend(divisor, W) {
            0 => Word::constant(0),
            -1 if a.smin == Range::<W>::SMIN => Word::UNKNOWN,
            d if d > 0 => Word::between_signed(a.smin / d, a.smax / d),
            d => Word::between_signed(a.smax / d, a.smin / d),
        }
    }

    /// `self % other`, signed, with the dividend's sign; by zero leaves `self`, and by -1 gives 0.
    pub(crate) fn srem(self, other: Word<W>) -> Word<W> {
        let a = self.range;
        let Some(divisor) = other.as_constant() else { return Word::UNKNOWN };
        let limit = match sign_extend(divisor, W) {
            0 => return self,
            d => (d.unsigned_abs() - 1) as i64,
        };
        if let Some(x) = self.as_constant() {
            return Word::constant(sign_extend(x, W).wrapping_rem(sign_extend(divisor, W)) as u64);
        }
        Word::between_signed(a.smin.min(0).max(-limit), a.smax.max(0).min(limit))
    }
}

/// The range from `min` to `max` after both are cut to the width, unsigned: unknown if one of them wraps around
/// more often than the other.
fn wrapped_unsigned<const W: u32>(min: i128, max: i128) -> Range<W> {
    if min >> W == max >> W {
        Range::unsigned(min as u64 & Range::<W>::UMAX, max as u64 & Range::<W>::UMAX)
    } else {
        Range::UNKNOWN
    }
}

/// The same, signed.
fn wrapped_signed<const W: u32>(min: i128, max: i128) -> Range<W> {
    let half = 1i128 << (W - 1);
    if (min + half) >> W == (max + half) >> W {
        Range::signed(sign_extend(min as u64, W), sign_extend(max as u64, W))
    } else {
        Range::UNKNOWN
    }
}

/// The least and the greatest.
fn extremes(numbers: [i128; 4]) -> (i128, i128) {
    numbers.into_iter().fold((i128::MAX, i128::MIN), |(min, max), n| (min.min(n), max.max(n)))
}
