//! The fastest way to read a statement: by its frame, which is all that stands between its numbers.
//!
//! `r1 = *(u32 *)(r2 + 8)` has the frame `r_ = *(u32 *)(r_ + _)` and the numbers 1, 2 and 8. One look at a statement
//! tells all its digits from the rest, eight bytes at a time; then there is one step a number instead of one a word. A
//! table leads from frames to forms. What decides next to nothing is decided without branches: which form a statement is
//! of can't be predicted, and a wrong guess costs as much as a step.
//!
//! Only canonical spellings have frames, blank by blank. Whatever else a statement may look like is for [`super::skeleton`]
//! and the reader's matcher; where two of them read a statement they agree, which the reader's tests show.

use alloc::string::String;
use alloc::vec::Vec;
use core::hint::select_unpredictable;

use super::Dialect;
use super::lex::{Kind, MAX_REGISTER, Token};
use super::scan::{MIX, each, eight_digits, long_number};
use super::template::Operand;
use crate::insn::{FormId, Insn, Reg};

/// Bytes that are looked at together.
const WINDOW: usize = 64;
/// Bytes of a statement at most: behind its end a whole piece of text can still be looked at.
const LONGEST: usize = WINDOW - 16;
/// Numbers of a statement at most.
const NUMBERS: usize = 5;
/// Room for them; the last stays zero, for operands that a form does not have.
const PLACES: usize = 8;
const NOWHERE: u8 = PLACES as u8 - 1;

/// The text before a number or behind the last: up to 16 bytes, the first in the lowest.
type Piece = [u64; 2];

/// What a statement is but for its numbers, of which there is one between two pieces.
type Frame = [Piece; NUMBERS + 1];

/// Masks of the first bytes of a piece, by how many there are.
static FIRST: [Piece; 17] = {
    let mut masks = [[u64::MAX; 2]; 17];
    let mut len = 0;
    while len < 16 {
        masks[len] = if len < 8 { [(1 << (8 * len)) - 1, 0] } else { [u64::MAX, (1 << (8 * (len - 8))) - 1] };
        len += 1;
    }
    masks
};

/// By the byte before digits: whether these are a number or a register's, and not the end of a word such as `u32`.
static BEFORE_NUMBER: [bool; 256] = {
    let mut before = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = (byte as u8).is_ascii_alphabetic() || byte as u8 == b'_';
        before[byte] = !letter || matches!(byte as u8, b'r' | b'w');
        byte += 1;
    }
    before
};

/// Where bytes of a kind stand in a window, but for its end: a bit for each.
#[inline(always)]
fn places(window: &[u8; WINDOW], is: impl Fn(u8) -> bool) -> u64 {
    // A loop that compilers make one over many bytes at once: each has its own bit among eight.
    let mut bits = [0; LONGEST];
    for (at, (bit, &byte)) in bits.iter_mut().zip(window).enumerate() {
        *bit = u8::from(is(byte)) << (at % 8);
    }
    // A product adds up eight bytes in its highest.
    let (words, _) = bits.as_chunks();
    let sum = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(each(1)) >> 56;
    words.iter().enumerate().fold(0, |places, (at, word)| places | sum(word) << (8 * at))
}

/// How long the first line of a window is, if it may be a statement with a frame.
#[inline(always)]
pub(super) fn line_len(window: &[u8; WINDOW]) -> Option<usize> {
    let ends = places(window, |byte| byte == b'\n');
    (ends != 0).then_some(ends.trailing_zeros() as usize)
}

/// A window with nothing in it but a statement; `None` if it is too long.
#[inline(always)]
pub(super) fn padded(statement: &str) -> Option<[u8; WINDOW]> {
    let mut window = [0; WINDOW];
    window.get_mut(..statement.len())?.copy_from_slice(statement.as_bytes());
    Some(window)
}

/// A statement taken apart.
struct Cut {
    frame: Frame,
    numbers: [u64; PLACES],
    count: usize,
    /// The frame's; its high bits are mixed.
    hash: u64,
}

impl Cut {
    const EMPTY: Cut = Cut { frame: [[0; 2]; NUMBERS + 1], numbers: [0; PLACES], count: 0, hash: 0 };

    /// Takes apart the statement of `len` bytes at the front of a window; `None` if it has no frame.
    #[inline(always)]
    fn statement(&mut self, window: &[u8; WINDOW], len: usize) -> Option<()> {
        if len > LONGEST {
            return None;
        }
        let digits = places(window, |byte| byte.is_ascii_digit()) & ((1 << len) - 1);
        let mut starts = digits & !(digits << 1);
        // Kept in registers, hence no fields.
        let (mut at, mut count, mut hash) = (0, 0, 0);
        while starts != 0 {
            let start = starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let digits_len = (!(digits >> start)).trailing_zeros() as usize;
            let before = window[start.checked_sub(1)?];
            let number = number(window, start, digits_len)?;
            let piece = piece(window, at, start)?;
            // Digits that end a word are left to the piece that follows, which takes this one's place.
            let counts = BEFORE_NUMBER[usize::from(before)];
            *self.numbers[..NUMBERS].get_mut(count)? = number;
            self.frame[count] = piece;
            hash = select_unpredictable(counts, mixed(hash, piece), hash);
            at = select_unpredictable(counts, start + digits_len, at);
            count += usize::from(counts);
        }
        let piece = piece(window, at, len)?;
        *self.frame.get_mut(count)? = piece;
        (self.count, self.hash) = (count, mixed(hash, piece));
        Some(())
    }
}

/// The bytes from `at` to `end`, which are less than a window's last 16.
#[inline(always)]
fn piece(window: &[u8; WINDOW], at: usize, end: usize) -> Option<Piece> {
    let bytes: &[u8; 16] = window.get(at..)?.first_chunk()?;
    let mask = FIRST.get(end.wrapping_sub(at))?;
    let bytes = u128::from_le_bytes(*bytes);
    Some([bytes as u64 & mask[0], (bytes >> 64) as u64 & mask[1]])
}

#[inline(always)]
fn mixed(hash: u64, piece: Piece) -> u64 {
    (hash.rotate_left(25) ^ piece[0] ^ piece[1].rotate_left(32)).wrapping_mul(MIX)
}

/// The decimal number of `len` digits; `None` if it leads with a zero, which means octal, or has too many.
#[inline(always)]
fn number(window: &[u8; WINDOW], start: usize, len: usize) -> Option<u64> {
    let digits = window.get(start..)?;
    let eight = u64::from_le_bytes(*digits.first_chunk()?);
    // A zero, and what is most likely a digit. One branch that is hardly ever taken: the length can't be predicted.
    if eight & 0xf0ff == 0x3030 {
        return None;
    }
    if len <= 8 {
        Some(eight_digits(eight << (64 - 8 * len)))
    } else {
        long_number(&digits[..len]).map(|(number, _)| number)
    }
}

/// A form in one of its spellings: where its fields stand among the numbers, and what they may be.
struct Spelling {
    frame: Frame,
    form: FormId,
    dst: u8,
    src: u8,
    off: Number,
    imm: Number,
    /// How far an immediate is shifted up and down again, which extends its sign.
    imm_shift: u8,
    /// Two places that have the same register, as in `r1 = -r1`.
    twice: (u8, u8),
    /// A number that is not the instruction's own, as in `xor32`.
    fixed: (u8, u64),
}

/// The place of a number, the largest magnitude that fits, and all ones if a minus stands before it.
#[derive(Clone, Copy)]
struct Number {
    place: u8,
    max: u64,
    minus: i64,
}

impl Number {
    const NONE: Number = Number { place: NOWHERE, max: 0, minus: 0 };
}

impl Spelling {
    /// The instruction, if its numbers fit.
    #[inline(always)]
    fn fill(&self, cut: &Cut) -> Option<Insn> {
        let number = |place: u8| cut.numbers[usize::from(place) % PLACES];
        let (dst, src) = (number(self.dst), number(self.src));
        let (off, imm) = (number(self.off.place), number(self.imm.place));
        let fits = dst <= u64::from(MAX_REGISTER)
            && src <= u64::from(MAX_REGISTER)
            && off <= self.off.max
            && imm <= self.imm.max
            && number(self.twice.0) == number(self.twice.1)
            && number(self.fixed.0) == self.fixed.1;
        let signed = |magnitude: u64, minus: i64| (magnitude as i64 ^ minus).wrapping_sub(minus);
        let off = signed(off, self.off.minus) as i16;
        let imm = signed(imm, self.imm.minus) << (self.imm_shift & 63) >> (self.imm_shift & 63);
        fits.then_some(Insn { form: self.form, dst: Reg(dst as u8), src: Reg(src as u8), off, imm })
    }
}

/// The canonical spellings of a dialect.
pub(super) struct Frames {
    spellings: Vec<Spelling>,
    /// By hash: the index of a spelling, plus one. Open addressing in a power of two of places, most of them free.
    by_hash: Vec<u16>,
}

impl Frames {
    /// Of templates and their tokens, in the order in which they are tried.
    pub(super) fn new<'t>(
        patterns: impl Iterator<Item = (FormId, &'t str, &'t [Token<'static>])>,
        dialect: Dialect,
    ) -> Frames {
        let mut cuts: Vec<(u64, Spelling)> = Vec::new();
        for (form, template, tokens) in patterns {
            for sample in samples(template, tokens, dialect) {
                if let Some((hash, spelling)) = spelling(form, &sample) {
                    // The first template that a statement matches is the one it is of.
                    if !cuts.iter().any(|(_, other)| other.frame == spelling.frame) {
                        cuts.push((hash, spelling));
                    }
                }
            }
        }
        let mut by_hash = alloc::vec![0u16; (4 * cuts.len()).next_power_of_two()];
        for (index, (hash, _)) in cuts.iter().enumerate() {
            let mut at = slot(*hash, by_hash.len());
            while by_hash[at] != 0 {
                at = (at + 1) & (by_hash.len() - 1);
            }
            by_hash[at] = index as u16 + 1;
        }
        Frames { spellings: cuts.into_iter().map(|(_, spelling)| spelling).collect(), by_hash }
    }

    /// Reads the statement of `len` bytes at the front of a window, if it is spelled canonically.
    #[inline(always)]
    pub(super) fn read(&self, window: &[u8; WINDOW], len: usize) -> Option<Insn> {
        let mut cut = Cut::EMPTY;
        cut.statement(window, len)?;
        let mut at = slot(cut.hash, self.by_hash.len());
        loop {
            let index = usize::from(*self.by_hash.get(at)?).checked_sub(1)?;
            let spelling = self.spellings.get(index)?;
            let pieces = spelling.frame.as_flattened().iter().zip(cut.frame.as_flattened());
            if pieces.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0 {
                return spelling.fill(&cut);
            }
            at = (at + 1) & (self.by_hash.len() - 1);
        }
    }
}

/// The place of a hash in a table of a power of two.
#[inline(always)]
fn slot(hash: u64, len: usize) -> usize {
    (hash >> 32) as usize & (len.wrapping_sub(1))
}

/// A text of a template's, in which operands are numbers that no template has, and what those are.
#[derive(Clone, Default)]
struct Sample {
    text: String,
    /// The operands, and whether a minus stands before them.
    operands: Vec<(Operand, bool)>,
}

/// The number that stands for the first operand in a sample; those of the others follow.
const SAMPLE: u64 = 100;

/// All canonical spellings of a template: signs make several. None if there are operands of rare kinds.
fn samples(template: &str, tokens: &[Token<'static>], dialect: Dialect) -> Vec<Sample> {
    let mut samples = alloc::vec![Sample::default()];
    let mut at = 0;
    for token in tokens {
        let Kind::Tag(tag) = token.kind else { continue };
        let operand = Operand::of_tag(tag);
        let before = &template[at..token.at];
        at = token.at + token.len;
        samples = samples
            .iter()
            .flat_map(|sample| prefixes(operand, dialect).iter().map(move |prefix| (sample, *prefix)))
            .map(|(sample, prefix)| {
                let mut sample = sample.clone();
                let number = SAMPLE + sample.operands.len() as u64;
                sample.text = alloc::format!("{}{before}{prefix}{number}", sample.text);
                sample.operands.push((operand, prefix.contains('-')));
                sample
            })
            .collect();
    }
    for sample in &mut samples {
        sample.text.push_str(&template[at..]);
    }
    samples
}

/// What stands before an operand's digits.
fn prefixes(operand: Operand, dialect: Dialect) -> &'static [&'static str] {
    match (operand, dialect) {
        (Operand::Dst { narrow: false } | Operand::Src { narrow: false }, Dialect::Pseudoc) => &["r"],
        (Operand::Dst { narrow: false } | Operand::Src { narrow: false }, Dialect::Normal) => &["%r"],
        (Operand::Dst { narrow: true } | Operand::Src { narrow: true }, _) => &["w"],
        (Operand::Imm | Operand::Imm64 | Operand::OffsetNumber, _) => &["", "-"],
        (Operand::Offset, Dialect::Pseudoc) => &["+ ", "- "],
        (Operand::Offset, Dialect::Normal) | (Operand::CallTarget, _) => &["+", "-"],
        (Operand::Target16 | Operand::Target32, Dialect::Pseudoc) => &["+", "-", "pc+", "pc-"],
        (Operand::Target16 | Operand::Target32, Dialect::Normal) => &["", "-"],
        _ => &[],
    }
}

/// A sample as a spelling, and its hash; `None` if it has no frame or one that says too little.
fn spelling(form: FormId, sample: &Sample) -> Option<(u64, Spelling)> {
    let mut cut = Cut::EMPTY;
    cut.statement(&padded(&sample.text)?, sample.text.len())?;
    let mut spelling = Spelling {
        frame: cut.frame,
        form,
        dst: NOWHERE,
        src: NOWHERE,
        off: Number::NONE,
        imm: Number::NONE,
        imm_shift: 0,
        twice: (NOWHERE, NOWHERE),
        fixed: (NOWHERE, 0),
    };
    for (place, &number) in (0..).zip(&cut.numbers[..cut.count]) {
        let operand = number.checked_sub(SAMPLE).and_then(|index| sample.operands.get(index as usize));
        let Some(&(operand, minus)) = operand else {
            if core::mem::replace(&mut spelling.fixed, (place, number)).0 != NOWHERE {
                return None;
            }
            continue;
        };
        // One more fits below zero than above.
        let signed = |bits: u32| Number {
            place,
            max: (1 << (bits - 1)) - 1 + u64::from(minus),
            minus: -i64::from(minus),
        };
        match operand {
            Operand::Dst { .. } | Operand::Src { .. } => {
                let is_dst = matches!(operand, Operand::Dst { .. });
                let register = if is_dst { &mut spelling.dst } else { &mut spelling.src };
                if *register == NOWHERE {
                    *register = place;
                } else if core::mem::replace(&mut spelling.twice, (*register, place)).0 != NOWHERE {
                    return None;
                }
            }
            Operand::Offset | Operand::Target16 | Operand::OffsetNumber => spelling.off = signed(16),
            Operand::Target32 | Operand::CallTarget => (spelling.imm, spelling.imm_shift) = (signed(32), 32),
            // Immediates may also be written as the unsigned number with the same bits.
            Operand::Imm if minus => (spelling.imm, spelling.imm_shift) = (signed(32), 32),
            Operand::Imm => {
                spelling.imm = Number { max: u64::from(u32::MAX), ..signed(32) };
                spelling.imm_shift = 32;
            }
            Operand::Imm64 if minus => spelling.imm = signed(64),
            Operand::Imm64 => spelling.imm = Number { max: u64::MAX, ..signed(64) },
            _ => return None,
        }
    }
    Some((cut.hash, spelling))
}
