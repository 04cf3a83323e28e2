//! The fast way to read a statement: by its skeleton.
//!
//! One pass over the text gives the skeleton (which words, operators, and classes of operands stand where, a small
//! number each) and the operands' values beside it. A table leads from skeletons to templates. What it can't read
//! (expressions, a symbol named like a keyword, errors of all kinds) is left to the reader's matcher, which reads
//! everything and knows why not; where both read a statement they agree, which the reader's tests show.

use alloc::vec::Vec;

use super::lex::{Kind, Token};
use super::read::{Field, Parsed, Reference};
use super::scan::{
    self, Key, NARROW, NUMBER, NUMBERS, REGISTERS, Scan, Skeleton, Value, ValueKind, WIDE, WORDS,
};
use super::template::Operand;
use crate::insn::{FormId, Insn, Reg};

/// What a register of a template is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RegisterUse {
    Dst,
    Src,
    /// It stands for itself.
    Fixed(u8),
}

/// What a number of a template is.
#[derive(Clone, Copy)]
enum NumberUse {
    /// A number in a range, into a field.
    Plain(Plain),
    /// Another operand.
    Operand(Operand),
    /// It stands for itself.
    Fixed(u64),
}

/// The commonest operands, which are filled in without asking what they are: that can't be predicted.
#[derive(Clone, Copy)]
struct Plain {
    operand: Operand,
    min: i64,
    max: i64,
    into_off: bool,
    needs_sign: bool,
}

impl NumberUse {
    fn of(operand: Operand) -> NumberUse {
        let (min, max, into_off) = match operand {
            Operand::Imm | Operand::ImmAddend => (i64::from(i32::MIN), i64::from(u32::MAX), false),
            Operand::Offset | Operand::Target16 => (i64::from(i16::MIN), i64::from(i16::MAX), true),
            _ => return NumberUse::Operand(operand),
        };
        let needs_sign = matches!(operand, Operand::ImmAddend | Operand::Offset);
        NumberUse::Plain(Plain { operand, min, max, into_off, needs_sign })
    }
}

/// A template, as its skeleton and the uses of its operands.
struct Shape {
    skeleton: Skeleton,
    form: FormId,
    /// Which of the statement's registers is the destination and the source; [`NO_REGISTER`] if none is.
    dst: u8,
    src: u8,
    /// All registers, where one stands for itself or twice.
    registers: Vec<RegisterUse>,
    numbers: Vec<NumberUse>,
}

/// Beyond the registers of a statement.
const NO_REGISTER: u8 = REGISTERS as u8;

/// A word that templates use.
#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    word: &'static str,
    unit: u8,
}

/// The words that templates use, by hash: open addressing in a power of two of places, three quarters of them free.
pub(super) struct Words(Vec<Option<Entry>>);

impl Words {
    fn new(reserved: &[&'static str]) -> Words {
        let mut words = alloc::vec![None; (4 * reserved.len()).next_power_of_two()];
        // If there are more words than units, the matcher reads the others.
        for (&word, unit) in reserved.iter().zip(WORDS..=u8::MAX) {
            let key = Key::of(word.as_bytes());
            let mut at = slot(key.hash(), words.len());
            while words[at].is_some() {
                at = (at + 1) & (words.len() - 1);
            }
            words[at] = Some(Entry { key, word, unit });
        }
        Words(words)
    }

    /// The unit of a word.
    #[inline(always)]
    pub(super) fn unit(&self, word: &[u8], key: Key) -> Option<u8> {
        let mut at = slot(key.hash(), self.0.len());
        while let Some(entry) = self.0.get(at)?.as_ref() {
            if entry.key == key && (key.is_whole() || entry.word.as_bytes() == word) {
                return Some(entry.unit);
            }
            at = (at + 1) & (self.0.len() - 1);
        }
        None
    }
}

/// All templates of a dialect.
pub(super) struct Skeletons {
    /// Sorted by skeleton; within one, in the order in which they are tried.
    shapes: Vec<Shape>,
    /// By hash: the index of the first shape of a skeleton, plus one. Open addressing, as in [`Words`].
    by_hash: Vec<u16>,
    words: Words,
}

impl Skeletons {
    /// Of templates in the order in which they are tried, and the words that they use.
    pub(super) fn new<'t>(
        patterns: impl Iterator<Item = (FormId, &'t [Token<'static>])>,
        reserved: &[&'static str],
    ) -> Skeletons {
        let words = Words::new(reserved);
        let mut shapes = Vec::new();
        for (form, tokens) in patterns {
            let has = |tags: [&str; 2]| {
                tokens.iter().any(|token| tags.iter().any(|tag| token.kind == Kind::Tag(tag)))
            };
            // A template stands for several spellings: without an operand that may be left out, with `pc` before
            // a distance.
            shapes.extend(shape(&words, form, tokens, true, false));
            if has(["o", "i+"]) {
                shapes.extend(shape(&words, form, tokens, false, false));
            }
            if has(["t", "T"]) {
                shapes.extend(shape(&words, form, tokens, true, true));
            }
        }
        shapes.sort_by_key(|shape| shape.skeleton.units());
        let mut by_hash = alloc::vec![0u16; (4 * shapes.len()).next_power_of_two()];
        for (index, shape) in shapes.iter().enumerate() {
            if index > 0 && shapes[index - 1].skeleton.units() == shape.skeleton.units() {
                continue;
            }
            let mut at = slot(shape.skeleton.hash(), by_hash.len());
            while by_hash[at] != 0 {
                at = (at + 1) & (by_hash.len() - 1);
            }
            by_hash[at] = index as u16 + 1;
        }
        Skeletons { shapes, by_hash, words }
    }

    /// Reads a statement, if it is one of the plain ones.
    #[inline(always)]
    pub(super) fn read<'a>(
        &self,
        statement: &'a str,
        constant: &dyn Fn(&str) -> Option<i64>,
    ) -> Option<Parsed<'a>> {
        let mut scan = Scan::new();
        scan.statement(statement, &self.words, constant)?;
        let units = scan.skeleton.units();
        let mut at = slot(scan.skeleton.hash(), self.by_hash.len());
        loop {
            let first = usize::from(*self.by_hash.get(at)?).checked_sub(1)?;
            let shapes = self.shapes.get(first..)?;
            if shapes.first()?.skeleton.units() == units {
                let same = shapes.iter().take_while(|shape| shape.skeleton.units() == units);
                return same.into_iter().find_map(|shape| shape.fill(&scan));
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

/// One spelling of a template; `None` if it is longer than a skeleton can be.
fn shape(words: &Words, form: FormId, tokens: &[Token<'static>], optional: bool, pc: bool) -> Option<Shape> {
    let (mut skeleton, mut registers, mut numbers) = (Skeleton::EMPTY, Vec::new(), Vec::new());
    for token in tokens {
        let unit = match token.kind {
            Kind::Reg64(number) => {
                registers.push(RegisterUse::Fixed(number));
                WIDE
            }
            Kind::Reg32(number) => {
                registers.push(RegisterUse::Fixed(number));
                NARROW
            }
            Kind::Num(number) => {
                numbers.push(NumberUse::Fixed(u64::try_from(number).ok()?));
                NUMBER
            }
            Kind::Word(word) => words.unit(word.as_bytes(), Key::of(word.as_bytes()))?,
            Kind::Punct(text) => scan::operator(text)?,
            Kind::Tag(tag) => match Operand::of_tag(tag) {
                Operand::Dst { narrow } => {
                    registers.push(RegisterUse::Dst);
                    if narrow { NARROW } else { WIDE }
                }
                Operand::Src { narrow } => {
                    registers.push(RegisterUse::Src);
                    if narrow { NARROW } else { WIDE }
                }
                Operand::Offset | Operand::ImmAddend if !optional => continue,
                operand => {
                    if pc && matches!(operand, Operand::Target16 | Operand::Target32) {
                        skeleton.push(words.unit(b"pc", Key::of(b"pc"))?)?;
                    }
                    numbers.push(NumberUse::of(operand));
                    NUMBER
                }
            },
        };
        skeleton.push(unit)?;
    }
    if registers.len() > REGISTERS || numbers.len() > NUMBERS {
        return None;
    }
    let place = |which| registers.iter().position(|&r| r == which).map_or(NO_REGISTER, |at| at as u8);
    let (dst, src) = (place(RegisterUse::Dst), place(RegisterUse::Src));
    let once = usize::from(dst != NO_REGISTER) + usize::from(src != NO_REGISTER) == registers.len();
    let registers = if once { Vec::new() } else { registers };
    Some(Shape { skeleton, form, dst, src, registers, numbers })
}

impl Shape {
    /// The instruction; `None` if the statement is another's, or the matcher has to say what is wrong.
    #[inline(always)]
    fn fill<'a>(&self, scan: &Scan<'a>) -> Option<Parsed<'a>> {
        let register = |at: u8| scan.registers.get(usize::from(at)).copied().unwrap_or(0);
        let (dst, src) = (register(self.dst), register(self.src));
        for (&kind, &found) in self.registers.iter().zip(&scan.registers) {
            let expected = match kind {
                RegisterUse::Fixed(number) => number,
                RegisterUse::Dst => dst,
                RegisterUse::Src => src,
            };
            if found != expected {
                return None;
            }
        }
        let mut insn = Insn { form: self.form, dst: Reg(dst), src: Reg(src), off: 0, imm: 0 };
        let mut reference = None;
        for (kind, value) in self.numbers.iter().zip(&scan.values) {
            match kind {
                NumberUse::Plain(plain) if value.kind != ValueKind::Symbol => {
                    plain.fill(&mut insn, *value)?;
                }
                NumberUse::Operand(operand) | NumberUse::Plain(Plain { operand, .. })
                    if value.kind == ValueKind::Symbol =>
                {
                    let (symbol, at) = scan.symbol?;
                    reference = Some(Reference { field: field(*operand)?, symbol, addend: 0, at });
                }
                NumberUse::Operand(operand) | NumberUse::Plain(Plain { operand, .. }) => {
                    fill(&mut insn, *operand, *value)?;
                }
                NumberUse::Fixed(number) => {
                    if *number != value.magnitude || value.kind != ValueKind::Plain {
                        return None;
                    }
                }
            }
        }
        Some(Parsed { insn, reference })
    }
}

/// The field of an operand that a symbol may stand for without a sign before it.
fn field(operand: Operand) -> Option<Field> {
    match operand {
        Operand::Imm64 => Some(Field::Imm64),
        Operand::Target16 | Operand::Target32 | Operand::CallTarget => Some(Field::Target),
        Operand::OffsetNumber => Some(Field::Offset),
        Operand::Offset | Operand::ImmAddend => None,
        _ => Some(Field::Imm),
    }
}

impl Plain {
    #[inline(always)]
    fn fill(&self, insn: &mut Insn, value: Value) -> Option<()> {
        let magnitude = i64::from(u32::try_from(value.magnitude).ok()?);
        let number = if value.negative { -magnitude } else { magnitude };
        let unsigned = self.needs_sign && (value.kind != ValueKind::Signed);
        if unsigned || number < self.min || number > self.max {
            return None;
        }
        insn.off = if self.into_off { number as i16 } else { insn.off };
        insn.imm = if self.into_off { insn.imm } else { i64::from(number as i32) };
        Some(())
    }
}

/// Puts a number where an operand says, if it fits.
#[inline(always)]
fn fill(insn: &mut Insn, operand: Operand, value: Value) -> Option<()> {
    if operand == Operand::Imm64 {
        let fits = !value.negative || value.magnitude <= 1 << 63;
        let number = value.magnitude as i64;
        insn.imm = fits.then_some(if value.negative { number.wrapping_neg() } else { number })?;
        return Some(());
    }
    // Every other field has at most 32 bits; larger numbers are none of its.
    let magnitude = i64::from(u32::try_from(value.magnitude).ok()?);
    let number = if value.negative { -magnitude } else { magnitude };
    match operand {
        Operand::Low if number >= i64::from(i32::MIN) => insn.set_wide_low(number as u32),
        Operand::High if number >= i64::from(i32::MIN) => insn.imm = insn.imm & 0xffff_ffff | number << 32,
        Operand::OffsetNumber => insn.off = i16::try_from(number).ok()?,
        Operand::Target32 | Operand::CallTarget => insn.imm = i64::from(i32::try_from(number).ok()?),
        Operand::SpaceTo => {
            let space = u32::from(u16::try_from(number).ok()?);
            insn.imm = i64::from((space << 16 | insn.imm as u32 & 0xffff) as i32);
        }
        Operand::SpaceFrom => {
            let space = u32::from(u16::try_from(number).ok()?);
            insn.imm = i64::from((insn.imm as u32 & 0xffff_0000 | space) as i32);
        }
        _ => return None,
    }
    Some(())
}
