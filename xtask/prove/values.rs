//! All abstract numbers of a small width, for the program that tries every claim with them. It is no module of any crate.

use crate::domain::{Number, Range, Tnum, Word, ones};

/// How many abstract numbers operations on two are tried with, of each operand.
const SOME: usize = 250;

/// All tnums.
pub fn tnums<const W: u32>() -> Vec<Tnum<W>> {
    let masks = 0..=ones(W);
    masks
        .flat_map(|mask| (0..=ones(W)).filter(move |v| v & mask == 0).map(move |value| Tnum { value, mask }))
        .collect()
}

/// All ranges of which neither reading is empty.
pub fn ranges<const W: u32>() -> Vec<Range<W>> {
    let mut all = Vec::new();
    for umin in 0..=ones(W) {
        for umax in umin..=ones(W) {
            for smin in Range::<W>::SMIN..=Range::<W>::SMAX {
                all.extend((smin..=Range::<W>::SMAX).map(|smax| Range { umin, umax, smin, smax }));
            }
        }
    }
    all
}

/// All words.
pub fn words<const W: u32>() -> Vec<Word<W>> {
    let ranges = ranges::<W>();
    let words = |bits| ranges.iter().map(move |&range| Word { bits, range });
    tnums::<W>().into_iter().flat_map(words).collect()
}

/// Words in which everything has been deduced: a sample of them, evenly.
pub fn some_words<const W: u32>() -> Vec<Word<W>> {
    some(words::<W>().into_iter().filter_map(Word::deduce).collect())
}

/// Numbers: all tnums with all unsigned ranges, all signed ranges of the half, and both readings' ranges.
pub fn numbers<const W: u32, const H: u32>() -> Vec<Number<W, H>> {
    let unsigned = (0..=ones(W)).flat_map(|min| (min..=ones(W)).map(move |max| Range::unsigned(min, max)));
    let least = Range::<H>::SMIN;
    let signed: Vec<Range<H>> = (least..=Range::<H>::SMAX)
        .flat_map(|min| (min..=Range::<H>::SMAX).map(move |max| Range::signed(min, max)))
        .collect();
    let mut all = Vec::new();
    for full in unsigned {
        for bits in tnums::<W>() {
            all.extend(signed.iter().map(|&half| Number { bits, full, half }));
        }
    }
    for full in ranges::<W>() {
        all.push(Number { full, ..Number::UNKNOWN });
    }
    all
}

/// Numbers in which everything has been deduced: a sample of them, evenly.
pub fn some_numbers<const W: u32, const H: u32>() -> Vec<Number<W, H>> {
    some(numbers::<W, H>().into_iter().filter_map(Number::deduce).collect())
}

/// What is different, and of it as many as are tried.
fn some<T: Copy + Eq + std::hash::Hash>(all: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    let different: Vec<T> = all.into_iter().filter(|one| seen.insert(*one)).collect();
    let step = different.len().div_ceil(SOME).max(1);
    different.into_iter().step_by(step).collect()
}
