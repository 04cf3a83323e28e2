//! What is known of a number of `W` bits and, of its own, of its low `H` bits: programs compute at two widths.

use std::fmt;

use skep_isa::{AluOp, Order, Size, Width};

use super::{Range, Tnum, Word, ones, sign_extend};

/// A number. [`super::Scalar`] is what registers hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number<const W: u32, const H: u32> {
    /// Its bits.
    pub bits: Tnum<W>,
    /// Its bounds.
    pub full: Range<W>,
    /// The bounds of its low half.
    pub half: Range<H>,
}

/// How often bits, bounds and half bounds are let to tighten each other: after so many rounds little is won.
const ROUNDS: usize = 4;

impl<const W: u32, const H: u32> Number<W, H> {
    /// Any number.
    pub const UNKNOWN: Number<W, H> =
        Number { bits: Tnum::UNKNOWN, full: Range::UNKNOWN, half: Range::UNKNOWN };

    /// Exactly this number.
    pub const fn constant(value: u64) -> Number<W, H> {
        Number { bits: Tnum::constant(value), full: Range::constant(value), half: Range::constant(value) }
    }

    /// A number of this many bits, zero-extended.
    pub fn of_bits(bits: u32) -> Number<W, H> {
        Number::unsigned(0, ones(bits) & ones(W))
    }

    /// Between these two, unsigned.
    pub fn unsigned(umin: u64, umax: u64) -> Number<W, H> {
        Number { full: Range::unsigned(umin, umax), ..Number::UNKNOWN }.deduce_or_unknown()
    }

    /// Between these two, signed.
    pub fn signed(smin: i64, smax: i64) -> Number<W, H> {
        Number { full: Range::signed(smin, smax), ..Number::UNKNOWN }.deduce_or_unknown()
    }

    /// The number, if only one is possible.
    pub const fn as_constant(self) -> Option<u64> {
        self.bits.as_constant()
    }

    /// Whether it can be this number.
    pub const fn contains(self, x: u64) -> bool {
        self.bits.contains(x) && self.full.contains(x) && self.half.contains(x & ones(H))
    }

    /// Whether everything known of this is also known of `other`.
    pub const fn includes(self, other: Number<W, H>) -> bool {
        self.bits.includes(other.bits) && self.full.includes(other.full) && self.half.includes(other.half)
    }

    /// All bits, as one word.
    pub(crate) const fn word(self) -> Word<W> {
        Word { bits: self.bits, range: self.full }
    }

    /// The low half, as one word.
    pub(crate) const fn low(self) -> Word<H> {
        Word { bits: self.bits.narrow(), range: self.half }
    }

    /// Lets everything known tighten everything else; `None` if no number is left.
    pub fn deduce(self) -> Option<Number<W, H>> {
        let mut now = self;
        for _ in 0..ROUNDS {
            let before = now;
            let low = Word { bits: now.bits.narrow(), range: now.half.intersect(now.full.low()) };
            let low = low.deduce()?;
            now.half = low.range;
            now.full.tighten_by_low(low.range);
            now.bits.value = now.bits.value & !ones(H) | low.bits.value;
            now.bits.mask = now.bits.mask & !ones(H) | low.bits.mask;
            let word = now.word().deduce()?;
            now.bits = word.bits;
            now.full = word.range;
            if now == before {
                break;
            }
        }
        Some(now)
    }

    /// The same where a contradiction can only mean that the place is never reached: anything is true there.
    fn deduce_or_unknown(self) -> Number<W, H> {
        self.deduce().unwrap_or(Number::UNKNOWN)
    }

    /// A low half with zeroes above it.
    pub(crate) fn zero_extended(low: Word<H>) -> Number<W, H> {
        let bits = low.bits.zero_extend();
        let full = Range::unsigned(low.range.umin, low.range.umax);
        Number { bits, full, half: low.range }.deduce_or_unknown()
    }

    /// The low half with zeroes above it.
    pub fn truncated(self) -> Number<W, H> {
        if self.full.umax <= Range::<H>::UMAX { self } else { Number::zero_extended(self.low()) }
    }

    /// `self op other` at a width.
    pub fn alu(self, op: AluOp, width: Width, other: Number<W, H>) -> Number<W, H> {
        match width {
            Width::W32 => {
                let low = compute(op, self.low(), other.low());
                Number::zero_extended(low)
            }
            Width::W64 => {
                let word = compute(op, self.word(), other.word());
                // These give in the low half what the low halves give.
                let homomorphic =
                    matches!(op, AluOp::Add | AluOp::Sub | AluOp::Mul | AluOp::And | AluOp::Or | AluOp::Xor);
                let half = if homomorphic {
                    compute(op, self.low(), other.low()).range
                } else if matches!(op, AluOp::Mov) {
                    other.half
                } else {
                    Range::UNKNOWN
                };
                Number { bits: word.bits, full: word.range, half }.deduce_or_unknown()
            }
        }
    }

    /// A sum or difference as [`Number::alu`] gives it, without the bounds of one that may wrap: Linux before 6.17 knew
    /// none.
    pub fn sum_without_wrap(self, op: AluOp, width: Width, other: Number<W, H>) -> Number<W, H> {
        let (low, word) = (self.low().sum(op, other.low()), self.word().sum(op, other.word()));
        match width {
            Width::W32 => Number::zero_extended(low),
            Width::W64 => Number { bits: word.bits, full: word.range, half: low.range }.deduce_or_unknown(),
        }
    }

    /// `-self` at a width.
    pub fn neg(self, width: Width) -> Number<W, H> {
        Number::constant(0).alu(AluOp::Sub, width, self)
    }

    /// The low `bits` bits, sign-extended to the width of the instruction.
    pub fn sign_extend(self, bits: u32, width: Width) -> Number<W, H> {
        let (least, greatest) = (-1i64 << (bits - 1), (1i64 << (bits - 1)) - 1);
        let wide = if self.full.smin >= least && self.full.smax <= greatest {
            self
        } else {
            let mut extended = Number {
                bits: self.bits.sign_extend_from(bits),
                full: Range::signed(least, greatest),
                half: Range::UNKNOWN,
            };
            if bits <= H && self.half.smin >= least && self.half.smax <= greatest {
                // The low half, read as signed, is what comes out.
                extended.full = Range::signed(self.half.smin, self.half.smax);
                extended.half = self.half;
            }
            extended.deduce_or_unknown()
        };
        match width {
            Width::W64 => wide,
            Width::W32 => Number::zero_extended(wide.low()),
        }
    }

    /// The low `bits` bits with zeroes above them.
    pub fn low_bits(self, bits: u32) -> Number<W, H> {
        if bits == H || bits < H && self.half.umax <= ones(bits) {
            return self.truncated();
        }
        if bits >= W || self.full.umax <= ones(bits) {
            return self;
        }
        self.alu(AluOp::And, Width::W64, Number::constant(ones(bits)))
    }

    /// The byte order of the low `size` bytes converted, zeroes above.
    pub fn swap(self, order: Order, size: Size) -> Number<W, H> {
        match order {
            // The machine that programs see is little-endian.
            Order::Little => self.low_bits(size.bits()),
            Order::Big | Order::Swap => {
                Number { bits: self.bits.swap_bytes(size.bytes()), ..Number::UNKNOWN }.deduce_or_unknown()
            }
        }
    }

    /// What holds if either does.
    pub fn union(self, other: Number<W, H>) -> Number<W, H> {
        Number {
            bits: self.bits.union(other.bits),
            full: self.full.union(other.full),
            half: self.half.union(other.half),
        }
    }

    /// What both say; `None` if they contradict each other.
    pub fn intersect(self, other: Number<W, H>) -> Option<Number<W, H>> {
        Number {
            bits: self.bits.intersect(other.bits)?,
            full: self.full.intersect(other.full),
            half: self.half.intersect(other.half),
        }
        .deduce()
    }
}

/// One operation at one width.
fn compute<const W: u32>(op: AluOp, a: Word<W>, b: Word<W>) -> Word<W> {
    match op {
        AluOp::Add => a.add(b),
        AluOp::Sub => a.sub(b),
        AluOp::Mul => a.mul(b),
        AluOp::Div => a.div(b),
        AluOp::Or => a.or(b),
        AluOp::And => a.and(b),
        AluOp::Lsh => a.shl(b),
        AluOp::Rsh => a.shr(b),
        AluOp::Mod => a.rem(b),
        AluOp::Xor => a.xor(b),
        AluOp::Mov => b,
        AluOp::Arsh => a.sar(b),
        AluOp::Sdiv => a.sdiv(b),
        AluOp::Smod => a.srem(b),
    }
}

impl<const W: u32, const H: u32> fmt::Debug for Number<W, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known, in Linux's words: `5`, `scalar(umax=255,var_off=(0x0; 0xff))`, `scalar()`.
impl<const W: u32, const H: u32> fmt::Display for Number<W, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(value) = self.as_constant() {
            return write!(f, "{}", Signed(sign_extend(value, W)));
        }
        f.write_str("scalar(")?;
        self.facts(f)?;
        f.write_str(")")
    }
}

impl<const W: u32, const H: u32> Number<W, H> {
    /// The bounds that are not those of any number, and the bits, separated by commas.
    pub(crate) fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any_full = Range::<W>::UNKNOWN;
        let any_half = Range::<H>::UNKNOWN;
        let bounds = [
            ("smin", self.full.smin, self.full.smin != any_full.smin),
            ("smax", self.full.smax, self.full.smax != any_full.smax),
            ("umin", self.full.umin as i64, self.full.umin != any_full.umin),
            ("umax", self.full.umax as i64, self.full.umax != any_full.umax),
            ("smin32", self.half.smin, self.half.smin != any_half.smin),
            ("smax32", self.half.smax, self.half.smax != any_half.smax),
            ("umin32", self.half.umin as i64, self.half.umin != any_half.umin),
            ("umax32", self.half.umax as i64, self.half.umax != any_half.umax),
        ];
        let mut separator = "";
        for (index, &(name, value, known)) in bounds.iter().enumerate() {
            // A bound equal to an earlier one has been printed with it.
            if !known || bounds[..index].iter().any(|b| b.2 && b.1 == value) {
                continue;
            }
            write!(f, "{separator}{name}=")?;
            for other in bounds[index + 1..].iter().filter(|b| b.2 && b.1 == value) {
                write!(f, "{}=", other.0)?;
            }
            match name {
                "smin32" | "smax32" if value < -0xffff => write!(f, "{:#x}", value as u64 & ones(H))?,
                _ if name.starts_with('u') => write!(f, "{}", Unsigned(value as u64))?,
                _ => write!(f, "{}", Signed(value))?,
            }
            separator = ",";
        }
        if self.bits != Tnum::UNKNOWN {
            write!(f, "{separator}var_off={:?}", self.bits)?;
        }
        Ok(())
    }
}

/// Small numbers in decimal, others in hexadecimal.
struct Signed(i64);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.unsigned_abs() <= 0xffff { write!(f, "{}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}

/// The same without a sign.
struct Unsigned(u64);

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= 0xffff { write!(f, "{}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}
