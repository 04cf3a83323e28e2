//! What is claimed of every operator of the abstract numbers, as functions that return whether the claim holds.
//!
//! Each takes abstract numbers, and numbers that they may stand for, and asks whether what comes out stands for what
//! the numbers give. `cargo xtask prove` compiles this file, with the operators as they are in
//! `crates/skep-verify/src/domain`, twice: to a program that tries all values at small widths, and to LLVM IR, in which
//! a solver looks for values at full width with which a claim returns false. It is no module of any crate.
//!
//! A claim whose conditions are not met holds. What numbers give, `concrete` says, as RFC 9669 has it: it is written
//! apart from the code that is judged.

use skep_isa::{AluOp, Cond, Width};

use crate::concrete::{is_true as holds, run};
use crate::domain::{Number, Range, Tnum, Word, ones, sign_extend};

/// An abstract number of `W` bits.
trait Abstract: Copy {
    /// Whether the fields are within the width, and nothing is both known and unknown.
    fn is_valid(self) -> bool;
    /// Whether it stands for this number.
    fn has(self, x: u64) -> bool;
}

impl<const W: u32> Abstract for Tnum<W> {
    fn is_valid(self) -> bool {
        (self.value & self.mask == 0) & ((self.value | self.mask) & !ones(W) == 0)
    }
    fn has(self, x: u64) -> bool {
        self.contains(x)
    }
}

impl<const W: u32> Abstract for Range<W> {
    fn is_valid(self) -> bool {
        (self.umax <= Self::UMAX)
            & (self.umin <= self.umax)
            & (self.smin >= Self::SMIN)
            & (self.smax <= Self::SMAX)
            & (self.smin <= self.smax)
    }
    fn has(self, x: u64) -> bool {
        self.contains(x)
    }
}

impl<const W: u32> Abstract for Word<W> {
    fn is_valid(self) -> bool {
        self.bits.is_valid() & self.range.is_valid()
    }
    fn has(self, x: u64) -> bool {
        self.contains(x)
    }
}

impl<const W: u32, const H: u32> Abstract for Number<W, H> {
    fn is_valid(self) -> bool {
        self.bits.is_valid() & self.full.is_valid() & self.half.is_valid()
    }
    fn has(self, x: u64) -> bool {
        self.contains(x)
    }
}

/// Whether `x` is a number of `W` bits that `a` stands for.
fn given<A: Abstract>(a: A, x: u64, width: u32) -> bool {
    a.is_valid() && x & !ones(width) == 0 && a.has(x)
}

/// Whether there is something that stands for the number.
fn kept<A: Abstract>(a: Option<A>, x: u64) -> bool {
    a.is_some_and(|a| a.has(x))
}

/// `a op b` stands for what `x op y` gives.
macro_rules! binary {
    ($($of:ident { $($name:ident = $method:ident, $op:ident;)+ })+) => {$($(
        pub fn $name<const W: u32>(a: $of<W>, b: $of<W>, x: u64, y: u64) -> bool {
            if !(given(a, x, W) && given(b, y, W)) {
                return true;
            }
            a.$method(b).has(run(AluOp::$op, x, y, W))
        }
    )+)+};
}

binary! {
    Tnum {
        tnum_add = add, Add;
        tnum_sub = sub, Sub;
        tnum_and = and, And;
        tnum_or = or, Or;
        tnum_xor = xor, Xor;
        tnum_mul = mul, Mul;
    }
    Word {
        word_add = add, Add;
        word_sub = sub, Sub;
        word_mul = mul, Mul;
        word_and = and, And;
        word_or = or, Or;
        word_xor = xor, Xor;
        word_div = div, Div;
        word_rem = rem, Mod;
        word_shl = shl, Lsh;
        word_shr = shr, Rsh;
        word_sar = sar, Arsh;
    }
}

/// `a op count` stands for what `x op count` gives.
macro_rules! shift {
    ($($name:ident = $method:ident, $op:ident;)+) => {$(
        pub fn $name<const W: u32>(a: Tnum<W>, x: u64, count: u64) -> bool {
            if !given(a, x, W) || count >= u64::from(W) {
                return true;
            }
            a.$method(count as u32).has(run(AluOp::$op, x, count, W))
        }
    )+};
}

shift! {
    tnum_shl = shl, Lsh;
    tnum_shr = shr, Rsh;
    tnum_sar = sar, Arsh;
}

/// `a op y` stands for what `x op y` gives, `y` being a constant.
macro_rules! by_constant {
    ($($name:ident = $method:ident, $op:ident;)+) => {$(
        pub fn $name<const W: u32>(a: Word<W>, x: u64, y: u64) -> bool {
            if !given(a, x, W) || y & !ones(W) != 0 {
                return true;
            }
            a.$method(Word::constant(y)).has(run(AluOp::$op, x, y, W))
        }
    )+};
}

by_constant! {
    word_shl_constant = shl, Lsh;
    word_shr_constant = shr, Rsh;
    word_sar_constant = sar, Arsh;
    word_div_constant = div, Div;
    word_rem_constant = rem, Mod;
    word_sdiv_constant = sdiv, Sdiv;
    word_srem_constant = srem, Smod;
}

/// The control: what would be addition if there were no carries. It must be refuted.
pub fn wrong_add<const W: u32>(a: Tnum<W>, b: Tnum<W>, x: u64, y: u64) -> bool {
    if !(given(a, x, W) && given(b, y, W)) {
        return true;
    }
    let mask = a.mask | b.mask;
    let sum = Tnum::<W> { value: a.value.wrapping_add(b.value) & !mask & ones(W), mask };
    sum.has(run(AluOp::Add, x, y, W))
}

pub fn tnum_range<const W: u32>(min: u64, max: u64, x: u64) -> bool {
    !(min <= x && x <= max && max <= ones(W)) || Tnum::<W>::range(min, max).has(x)
}

pub fn tnum_sign_extend_from<const W: u32>(a: Tnum<W>, x: u64, bits: u64) -> bool {
    if !given(a, x, W) || bits == 0 || bits > u64::from(W) {
        return true;
    }
    a.sign_extend_from(bits as u32).has(sign_extend(x, bits as u32) as u64 & ones(W))
}

pub fn tnum_narrow<const W: u32, const H: u32>(a: Tnum<W>, x: u64) -> bool {
    !given(a, x, W) || a.narrow::<H>().has(x & ones(H))
}

pub fn tnum_zero_extend<const W: u32, const H: u32>(a: Tnum<H>, x: u64) -> bool {
    !given(a, x, H) || a.zero_extend::<W>().has(x)
}

/// What the left or the right stands for, so does the union; and what includes another
/// stands for all its numbers.
macro_rules! sets {
    ($($of:ident: $left:ident, $right:ident, $includes:ident;)+) => {$(
        pub fn $left<const W: u32>(a: $of<W>, b: $of<W>, x: u64) -> bool {
            !(given(a, x, W) && b.is_valid()) || a.union(b).has(x)
        }

        pub fn $right<const W: u32>(a: $of<W>, b: $of<W>, x: u64) -> bool {
            !(a.is_valid() && given(b, x, W)) || a.union(b).has(x)
        }

        pub fn $includes<const W: u32>(a: $of<W>, b: $of<W>, x: u64) -> bool {
            !(a.is_valid() && given(b, x, W) && a.includes(b)) || a.has(x)
        }
    )+};
}

sets! {
    Tnum: tnum_union_left, tnum_union_right, tnum_includes;
    Range: range_union_left, range_union_right, range_includes;
}

pub fn tnum_intersect<const W: u32>(a: Tnum<W>, b: Tnum<W>, x: u64) -> bool {
    !(given(a, x, W) && given(b, x, W)) || kept(a.intersect(b), x)
}

pub fn range_intersect<const W: u32>(a: Range<W>, b: Range<W>, x: u64) -> bool {
    !(given(a, x, W) && given(b, x, W)) || a.intersect(b).has(x)
}

pub fn range_deduce_signs<const W: u32>(a: Range<W>, x: u64) -> bool {
    let mut after = a;
    after.deduce_signs();
    !given(a, x, W) || after.has(x)
}

pub fn range_low<const W: u32, const H: u32>(a: Range<W>, x: u64) -> bool {
    !given(a, x, W) || a.low::<H>().has(x & ones(H))
}

pub fn range_tighten_by_low<const W: u32, const H: u32>(a: Range<W>, low: Range<H>, x: u64) -> bool {
    let mut after = a;
    after.tighten_by_low(low);
    !(given(a, x, W) && given(low, x & ones(H), H)) || after.has(x)
}

pub fn word_deduce<const W: u32>(a: Word<W>, x: u64) -> bool {
    !given(a, x, W) || kept(a.deduce(), x)
}

pub fn number_deduce<const W: u32, const H: u32>(a: Number<W, H>, x: u64) -> bool {
    !given(a, x, W) || kept(a.deduce(), x)
}

pub fn number_truncated<const W: u32, const H: u32>(a: Number<W, H>, x: u64) -> bool {
    !given(a, x, W) || a.truncated().has(x & ones(H))
}

pub fn number_union_left<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64) -> bool {
    !(given(a, x, W) && b.is_valid()) || a.union(b).has(x)
}

pub fn number_union_right<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64) -> bool {
    !(a.is_valid() && given(b, x, W)) || a.union(b).has(x)
}

pub fn number_intersect<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64) -> bool {
    !(given(a, x, W) && given(b, x, W)) || kept(a.intersect(b), x)
}

pub fn number_sign_extend<const W: u32, const H: u32>(a: Number<W, H>, x: u64, bits: u64) -> bool {
    if !given(a, x, W) || bits == 0 || bits > u64::from(W) {
        return true;
    }
    a.sign_extend(bits as u32, Width::W64).has(sign_extend(x, bits as u32) as u64 & ones(W))
}

pub fn number_low_bits<const W: u32, const H: u32>(a: Number<W, H>, x: u64, bits: u64) -> bool {
    if !given(a, x, W) || bits == 0 || bits > u64::from(W) {
        return true;
    }
    a.low_bits(bits as u32).has(x & ones(bits as u32))
}

/// The width of an operation in bits.
fn bits_of<const W: u32, const H: u32>(width: Width) -> u32 {
    match width {
        Width::W64 => W,
        Width::W32 => H,
    }
}

/// `a op b` at a width stands for what `x op y` gives there.
macro_rules! alu {
    ($($wide:ident, $narrow:ident = $op:ident;)+) => {$(
        pub fn $wide<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64, y: u64) -> bool {
            alu(AluOp::$op, Width::W64, a, b, x, y)
        }

        pub fn $narrow<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64, y: u64) -> bool {
            alu(AluOp::$op, Width::W32, a, b, x, y)
        }
    )+};
}

fn alu<const W: u32, const H: u32>(
    op: AluOp,
    width: Width,
    a: Number<W, H>,
    b: Number<W, H>,
    x: u64,
    y: u64,
) -> bool {
    if !(given(a, x, W) && given(b, y, W)) {
        return true;
    }
    let bits = bits_of::<W, H>(width);
    a.alu(op, width, b).has(run(op, x & ones(bits), y & ones(bits), bits))
}

alu! {
    alu64_add, alu32_add = Add;
    alu64_sub, alu32_sub = Sub;
    alu64_mul, alu32_mul = Mul;
    alu64_div, alu32_div = Div;
    alu64_mod, alu32_mod = Mod;
    alu64_and, alu32_and = And;
    alu64_or, alu32_or = Or;
    alu64_xor, alu32_xor = Xor;
    alu64_lsh, alu32_lsh = Lsh;
    alu64_rsh, alu32_rsh = Rsh;
    alu64_arsh, alu32_arsh = Arsh;
    alu64_sdiv, alu32_sdiv = Sdiv;
    alu64_smod, alu32_smod = Smod;
    alu64_mov, alu32_mov = Mov;
}

pub fn neg64<const W: u32, const H: u32>(a: Number<W, H>, x: u64) -> bool {
    !given(a, x, W) || a.neg(Width::W64).has(x.wrapping_neg() & ones(W))
}

pub fn neg32<const W: u32, const H: u32>(a: Number<W, H>, x: u64) -> bool {
    !given(a, x, W) || a.neg(Width::W32).has(x.wrapping_neg() & ones(H))
}

/// Whichever way the comparison of `x` with `y` goes, what is then known still stands for both.
macro_rules! conditions {
    ($($wide:ident, $narrow:ident = $cond:ident;)+) => {$(
        pub fn $wide<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64, y: u64) -> bool {
            branch(Cond::$cond, Width::W64, a, b, x, y)
        }

        pub fn $narrow<const W: u32, const H: u32>(a: Number<W, H>, b: Number<W, H>, x: u64, y: u64) -> bool {
            branch(Cond::$cond, Width::W32, a, b, x, y)
        }
    )+};
}

fn branch<const W: u32, const H: u32>(
    cond: Cond,
    width: Width,
    a: Number<W, H>,
    b: Number<W, H>,
    x: u64,
    y: u64,
) -> bool {
    if !(given(a, x, W) && given(b, y, W)) {
        return true;
    }
    let bits = bits_of::<W, H>(width);
    let after = if holds(cond, x & ones(bits), y & ones(bits), bits) {
        a.assume(cond, width, b)
    } else {
        a.assume_not(cond, width, b)
    };
    after.is_some_and(|(a, b)| a.has(x) && b.has(y))
}

conditions! {
    assume64_eq, assume32_eq = Eq;
    assume64_ne, assume32_ne = Ne;
    assume64_gt, assume32_gt = Gt;
    assume64_ge, assume32_ge = Ge;
    assume64_lt, assume32_lt = Lt;
    assume64_le, assume32_le = Le;
    assume64_set, assume32_set = Set;
    assume64_sgt, assume32_sgt = Sgt;
    assume64_sge, assume32_sge = Sge;
    assume64_slt, assume32_slt = Slt;
    assume64_sle, assume32_sle = Sle;
}
