//! What a comparison that came out one way tells of both its operands.

use skep_isa::{Cond, Width};

use super::{Number, Range, Tnum, Word, ones};

impl<const W: u32, const H: u32> Number<W, H> {
    /// Both operands if `self cond other` holds at this width; `None` if it can't hold.
    pub fn assume(
        self,
        cond: Cond,
        width: Width,
        other: Number<W, H>,
    ) -> Option<(Number<W, H>, Number<W, H>)> {
        match width {
            Width::W64 => {
                let (a, b) = assume(cond, self.word(), other.word())?;
                let (mut left, mut right) = (self.with_word(a)?, other.with_word(b)?);
                if matches!(cond, Cond::Eq) {
                    left.half = left.half.intersect(right.half);
                    right.half = left.half;
                    return Some((left.deduce()?, right.deduce()?));
                }
                Some((left, right))
            }
            Width::W32 => {
                let (a, b) = assume(cond, self.low(), other.low())?;
                Some((self.with_low(a)?, other.with_low(b)?))
            }
        }
    }

    /// The same if the comparison does not hold.
    pub fn assume_not(
        self,
        cond: Cond,
        width: Width,
        other: Number<W, H>,
    ) -> Option<(Number<W, H>, Number<W, H>)> {
        let Some(opposite) = cond.opposite() else {
            // No bit is set in both: what one is known to have, the other lacks.
            return match width {
                Width::W64 => {
                    let (a, b) = without_common_bits(self.word(), other.word())?;
                    Some((self.with_word(a)?, other.with_word(b)?))
                }
                Width::W32 => {
                    let (a, b) = without_common_bits(self.low(), other.low())?;
                    Some((self.with_low(a)?, other.with_low(b)?))
                }
            };
        };
        self.assume(opposite, width, other)
    }

    /// With this known of all bits.
    fn with_word(self, word: Word<W>) -> Option<Number<W, H>> {
        Number { bits: word.bits, full: word.range, half: self.half }.deduce()
    }

    /// With this known of the low half.
    fn with_low(self, low: Word<H>) -> Option<Number<W, H>> {
        let bits = Tnum {
            value: self.bits.value & !ones(H) | low.bits.value,
            mask: self.bits.mask & !ones(H) | low.bits.mask,
        };
        Number { bits, full: self.full, half: low.range }.deduce()
    }
}

/// Both words if `a cond b`; not yet deduced further.
fn assume<const W: u32>(cond: Cond, a: Word<W>, b: Word<W>) -> Option<(Word<W>, Word<W>)> {
    match cond {
        Cond::Eq => {
            let both = Word { bits: a.bits.intersect(b.bits)?, range: a.range.intersect(b.range) };
            Some((both, both))
        }
        Cond::Ne => Some((without(a, b.as_constant())?, without(b, a.as_constant())?)),
        Cond::Lt => less(a, b, 1),
        Cond::Le => less(a, b, 0),
        Cond::Gt => less(b, a, 1).map(|(b, a)| (a, b)),
        Cond::Ge => less(b, a, 0).map(|(b, a)| (a, b)),
        Cond::Slt => less_signed(a, b, 1),
        Cond::Sle => less_signed(a, b, 0),
        Cond::Sgt => less_signed(b, a, 1).map(|(b, a)| (a, b)),
        Cond::Sge => less_signed(b, a, 0).map(|(b, a)| (a, b)),
        Cond::Set => {
            let common = a.bits.max() & b.bits.max();
            if common == 0 {
                return None;
            }
            // The only bit that both may have, both have.
            let bit = if common.is_power_of_two() { common } else { 0 };
            Some((with_bit(a, bit), with_bit(b, bit)))
        }
    }
}

/// Without one number, where that moves a bound.
fn without<const W: u32>(mut a: Word<W>, number: Option<u64>) -> Option<Word<W>> {
    let Some(number) = number else { return Some(a) };
    if a.as_constant() == Some(number) {
        return None;
    }
    let signed = Range::<W>::constant(number).smin;
    // Equal bounds leave nothing, and what is left is then empty.
    if a.range.umin == number {
        a.range.umin = a.range.umin.checked_add(1)?;
    } else if a.range.umax == number {
        a.range.umax = a.range.umax.checked_sub(1)?;
    }
    if a.range.smin == signed {
        a.range.smin = a.range.smin.checked_add(1)?;
    } else if a.range.smax == signed {
        a.range.smax = a.range.smax.checked_sub(1)?;
    }
    Some(a)
}

/// `a + gap <= b`, unsigned, without wrapping.
fn less<const W: u32>(mut a: Word<W>, mut b: Word<W>, gap: u64) -> Option<(Word<W>, Word<W>)> {
    let (least, greatest) = (a.range.umin.checked_add(gap)?, b.range.umax.checked_sub(gap)?);
    a.range.umax = a.range.umax.min(greatest);
    b.range.umin = b.range.umin.max(least);
    Some((a, b))
}

/// The same, signed.
fn less_signed<const W: u32>(mut a: Word<W>, mut b: Word<W>, gap: i64) -> Option<(Word<W>, Word<W>)> {
    let (least, greatest) = (a.range.smin.checked_add(gap)?, b.range.smax.checked_sub(gap)?);
    a.range.smax = a.range.smax.min(greatest);
    b.range.smin = b.range.smin.max(least);
    Some((a, b))
}

/// With these bits known to be set.
fn with_bit<const W: u32>(a: Word<W>, bit: u64) -> Word<W> {
    Word { bits: Tnum { value: a.bits.value | bit, mask: a.bits.mask & !bit }, range: a.range }
}

/// Both if `a & b` is zero.
fn without_common_bits<const W: u32>(a: Word<W>, b: Word<W>) -> Option<(Word<W>, Word<W>)> {
    if a.bits.value & b.bits.value != 0 {
        return None;
    }
    let clear = |x: Word<W>, by: Tnum<W>| Word {
        bits: Tnum { value: x.bits.value, mask: x.bits.mask & !by.value },
        range: x.range,
    };
    Some((clear(a, b.bits), clear(b, a.bits)))
}
