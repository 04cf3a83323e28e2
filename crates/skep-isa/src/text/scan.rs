//! One pass over a statement: its skeleton, and its operands' values. Nothing is allocated.
//!
//! It reads the language of [`super::lex`], but for what is rare: octal and binary numbers, numeric labels, and signs
//! before anything but digits. Those end the pass, and the reader's matcher reads the statement.

use super::skeleton::Words;

/// Units of a skeleton at most: one a byte of a `u128`.
const UNITS: usize = 16;
/// Registers of a statement at most.
pub(super) const REGISTERS: usize = 4;
/// Numbers and symbols of a statement at most.
pub(super) const NUMBERS: usize = 4;

/// Units of operands: a register by its class, a number or symbol.
pub(super) const WIDE: u8 = 1;
pub(super) const NARROW: u8 = 2;
pub(super) const NUMBER: u8 = 3;
/// The first unit of operators and punctuation, and the first of words.
const OPERATORS: u8 = 4;
pub(super) const WORDS: u8 = 64;

/// An odd number without pattern: 2^64 divided by the golden ratio.
pub(super) const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a statement is made of. Units are shifted in: an array would be written byte by byte and read as a whole, which
/// stalls.
#[derive(Clone, Copy)]
pub(super) struct Skeleton {
    units: u128,
    len: usize,
}

impl Skeleton {
    pub(super) const EMPTY: Skeleton = Skeleton { units: 0, len: 0 };

    #[inline(always)]
    pub(super) fn push(&mut self, unit: u8) -> Option<()> {
        self.units = self.units << 8 | u128::from(unit);
        self.len += 1;
        (self.len <= UNITS).then_some(())
    }

    /// Appends the unit of an operator's code.
    #[inline(always)]
    fn operator(&mut self, code: u16) -> Option<()> {
        match UNIT_OF.get(usize::from(code))? {
            0 => None,
            &unit => self.push(unit),
        }
    }

    #[inline(always)]
    pub(super) fn units(&self) -> u128 {
        self.units
    }

    /// Its high bits are mixed.
    #[inline(always)]
    pub(super) fn hash(&self) -> u64 {
        let (low, high) = (self.units as u64, (self.units >> 64) as u64);
        (low ^ high.wrapping_mul(MIX).rotate_left(32)).wrapping_mul(MIX)
    }
}

/// A word's first eight bytes, and how long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    start: u64,
    len: usize,
}

impl Key {
    pub(super) fn of(word: &[u8]) -> Key {
        let start = word.iter().take(8).rev().fold(0, |start, &byte| start << 8 | u64::from(byte));
        Key { start, len: word.len() }
    }

    /// Its high bits are mixed.
    #[inline(always)]
    pub(super) fn hash(self) -> u64 {
        (self.start ^ self.len as u64).wrapping_mul(MIX)
    }

    /// Whether it has all of the word.
    #[inline(always)]
    pub(super) fn is_whole(self) -> bool {
        self.len <= 8
    }
}

/// A number of a statement.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) magnitude: u64,
    pub(super) negative: bool,
    pub(super) kind: ValueKind,
}

/// What stood where a number may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Digits.
    Plain,
    /// Digits behind a sign.
    Signed,
    /// The name of a constant.
    Constant,
    /// The statement's symbol.
    Symbol,
}

/// A statement taken apart.
pub(super) struct Scan<'a> {
    pub(super) skeleton: Skeleton,
    pub(super) registers: [u8; REGISTERS],
    register_count: usize,
    pub(super) values: [Value; NUMBERS],
    value_count: usize,
    /// The symbol and where it stands. No form takes two.
    pub(super) symbol: Option<(&'a str, usize)>,
}

impl<'a> Scan<'a> {
    #[inline(always)]
    pub(super) fn new() -> Scan<'a> {
        Scan {
            skeleton: Skeleton::EMPTY,
            registers: [0; REGISTERS],
            register_count: 0,
            values: [Value { magnitude: 0, negative: false, kind: ValueKind::Plain }; NUMBERS],
            value_count: 0,
            symbol: None,
        }
    }

    /// Takes a statement apart; `None` if it is not plain.
    #[inline(always)]
    pub(super) fn statement(
        &mut self,
        statement: &'a str,
        words: &Words,
        constant: &dyn Fn(&str) -> Option<i64>,
    ) -> Option<()> {
        let bytes = statement.as_bytes();
        let text = Text::new(bytes);
        let mut at = 0;
        while at < bytes.len() {
            // Most units have one blank before them.
            if bytes[at] == b' ' {
                at += 1;
            }
            let ahead = text.ahead(at);
            let first = ahead as u8;
            match CLASSES[usize::from(first)] {
                // The blank was the last.
                CharClass::Other if at == bytes.len() => {}
                CharClass::Space => at += 1,
                CharClass::Word => {
                    // Most words are registers of one digit. A length that is known by a branch does not hold up what
                    // follows, as a computed one does.
                    if let Some((class, number)) = short_register(ahead) {
                        self.register(class, number)?;
                        at += 2;
                        continue;
                    }
                    let len = word_len(ahead);
                    if let Some((class, number)) = register(ahead, len) {
                        self.register(class, number)?;
                        at += len;
                    } else if first == b's' && matches!((ahead >> 8) as u8, b'<' | b'>' | b'/' | b'%') {
                        // Operators on signed numbers start with a letter. A single `s/` is none.
                        let (code, len) = punctuation(ahead >> 8);
                        self.skeleton.operator(SIGNED | code)?;
                        at += 1 + len;
                    } else {
                        let start = at;
                        at += len;
                        let key = if len < 8 {
                            Key { start: ahead & ((1 << (8 * len)) - 1), len }
                        } else {
                            while bytes.get(at).is_some_and(|&byte| CLASSES[usize::from(byte)].is_word()) {
                                at += 1;
                            }
                            Key { start: ahead, len: at - start }
                        };
                        match words.unit(&bytes[start..at], key) {
                            Some(unit) => self.skeleton.push(unit)?,
                            None => self.word(statement.get(start..at)?, start, constant)?,
                        }
                    }
                }
                CharClass::Digit => at += self.number(&text, at, ValueKind::Plain, false)?,
                CharClass::Sign if (ahead >> 8) as u8 != b'=' => {
                    // A sign belongs to the digits behind it; before anything else it is a unit.
                    let next = if (ahead >> 8) as u8 == b' ' { at + 2 } else { at + 1 };
                    let behind = (ahead >> (8 * (next - at))) as u8;
                    if behind.is_ascii_digit() {
                        at = next + self.number(&text, next, ValueKind::Signed, first == b'-')?;
                    } else {
                        self.skeleton.operator(u16::from(first))?;
                        at += 1;
                    }
                }
                CharClass::Sign | CharClass::Punctuation => {
                    let second = (ahead >> 8) as u8;
                    if first == b'%' && second.is_ascii_alphabetic() {
                        let ahead = ahead >> 8;
                        let len = word_len(ahead);
                        let (class, number) = register(ahead, len)?;
                        self.register(class, number)?;
                        at += 1 + len;
                    } else {
                        if second != b'=' && second != first {
                            self.skeleton.operator(u16::from(first))?;
                            at += 1;
                            continue;
                        }
                        let (code, len) = punctuation(ahead);
                        self.skeleton.operator(code)?;
                        at += len;
                    }
                }
                CharClass::Other => return None,
            }
        }
        Some(())
    }

    #[inline(always)]
    fn register(&mut self, class: u8, number: u8) -> Option<()> {
        *self.registers.get_mut(self.register_count)? = number;
        self.register_count += 1;
        self.skeleton.push(class)
    }

    #[inline(always)]
    fn number(&mut self, text: &Text<'_>, at: usize, kind: ValueKind, negative: bool) -> Option<usize> {
        let (magnitude, len) = number(text, at)?;
        self.value(Value { magnitude, negative, kind })?;
        Some(len)
    }

    #[inline(always)]
    fn value(&mut self, value: Value) -> Option<()> {
        *self.values.get_mut(self.value_count)? = value;
        self.value_count += 1;
        self.skeleton.push(NUMBER)
    }

    /// A word as the number that it is known to be, or as a symbol.
    fn word(&mut self, word: &'a str, at: usize, constant: &dyn Fn(&str) -> Option<i64>) -> Option<()> {
        if let Some(number) = constant(word) {
            let (magnitude, negative) = (number.unsigned_abs(), number < 0);
            return self.value(Value { magnitude, negative, kind: ValueKind::Constant });
        }
        if self.symbol.replace((word, at)).is_some() {
            return None;
        }
        self.value(Value { magnitude: 0, negative: false, kind: ValueKind::Symbol })
    }
}

/// A statement, of which eight bytes can be looked at anywhere; zeros stand behind its end.
struct Text<'a> {
    bytes: &'a [u8],
    /// The last eight bytes, or all if there are less, and where they start.
    last: u64,
    last_at: usize,
}

impl<'a> Text<'a> {
    #[inline(always)]
    fn new(bytes: &'a [u8]) -> Text<'a> {
        let last = match bytes.last_chunk() {
            Some(&last) => u64::from_le_bytes(last),
            None => bytes.iter().rev().fold(0, |last, &byte| last << 8 | u64::from(byte)),
        };
        Text { bytes, last, last_at: bytes.len().saturating_sub(8) }
    }

    /// The bytes from here on, the first in the lowest.
    #[inline(always)]
    fn ahead(&self, at: usize) -> u64 {
        match self.bytes.get(at..).and_then(<[u8]>::first_chunk) {
            Some(&eight) => u64::from_le_bytes(eight),
            None => {
                let behind = at - self.last_at;
                if behind < 8 { self.last >> (8 * behind) } else { 0 }
            }
        }
    }
}

/// A byte in each byte of a word.
pub(super) const fn each(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// The high bit of each byte that lies in a range; of bytes below 128.
#[inline(always)]
fn within(bytes: u64, first: u8, last: u8) -> u64 {
    (bytes + each(0x80 - first)) & !(bytes + each(0x7f - last))
}

/// How many bytes at the front, which are the low ones, belong to a word: at most eight.
#[inline(always)]
fn word_len(ahead: u64) -> usize {
    // Bytes of 128 and more end a word, whatever becomes of their low bits.
    let bytes = ahead & each(0x7f);
    let letters = within(bytes | each(0x20), b'a', b'z');
    let signs = within(bytes, b'_', b'_')
        | within(bytes, b'.', b'.')
        | within(bytes, b'$', b'$')
        | within(bytes, b'@', b'@');
    let word = (letters | within(bytes, b'0', b'9') | signs) & !ahead & each(0x80);
    ((word ^ each(0x80)).trailing_zeros() / 8) as usize
}

/// The class and number of the register of one digit at the front.
#[inline(always)]
fn short_register(ahead: u64) -> Option<(u8, u8)> {
    let [letter, digit, behind, ..] = ahead.to_le_bytes();
    let digit = digit.wrapping_sub(b'0');
    let is = matches!(letter, b'r' | b'w') && digit <= 9 && !CLASSES[usize::from(behind)].is_word();
    is.then_some((if letter == b'w' { NARROW } else { WIDE }, digit))
}

/// The class and number of the register that the word of this length at the front is.
#[inline(always)]
fn register(ahead: u64, len: usize) -> Option<(u8, u8)> {
    let letter = ahead as u8 | 0x20;
    let class = if letter == b'w' { NARROW } else { WIDE };
    if letter != b'r' && letter != b'w' {
        return None;
    }
    let first = ((ahead >> 8) as u8).wrapping_sub(b'0');
    let second = ((ahead >> 16) as u8).wrapping_sub(b'0');
    match len {
        2 if first <= 9 => Some((class, first)),
        3 if first == 1 && second <= 5 => Some((class, 10 + second)),
        _ => None,
    }
}

/// A plain decimal or hexadecimal number, and its length.
#[inline(always)]
fn number(text: &Text<'_>, start: usize) -> Option<(u64, usize)> {
    let ahead = text.ahead(start);
    let digits = within(ahead & each(0x7f), b'0', b'9') & !ahead & each(0x80);
    let len = ((digits ^ each(0x80)).trailing_zeros() / 8) as usize;
    let (number, len) = if len < 8 && ahead as u16 != u16::from_le_bytes(*b"0x") {
        // The digits move to the high end, and zeros stand for those that are not there.
        (eight_digits(ahead << (8 * (8 - len))), len)
    } else {
        long_number(text.bytes.get(start..)?)?
    };
    // A leading zero means octal.
    let octal = ahead as u8 == b'0' && len > 1 && (ahead >> 8) as u8 != b'x';
    (!octal && !CLASSES[usize::from(text.ahead(start + len) as u8)].is_word()).then_some((number, len))
}

/// The value of eight decimal digits, the first in the lowest byte: pairs are added up in lanes, then pairs of pairs.
#[inline(always)]
pub(super) fn eight_digits(digits: u64) -> u64 {
    let ones = digits & each(0x0f);
    let twos = (ones.wrapping_mul(10) + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul(100) + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

/// A hexadecimal number, or one of many decimal digits, and its length.
pub(super) fn long_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let (digits, radix, most) = match bytes {
        [b'0', b'x', rest @ ..] => (rest, 16, 16),
        _ => (bytes, 10, 19),
    };
    let mut number = 0u64;
    let mut len = 0;
    for digit in digits.iter().map_while(|&byte| char::from(byte).to_digit(radix)) {
        number = number.wrapping_mul(u64::from(radix)).wrapping_add(u64::from(digit));
        len += 1;
    }
    // So many digits fit into 64 bits for sure.
    (1..=most).contains(&len).then_some((number, bytes.len() - digits.len() + len))
}

/// What a byte starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CharClass {
    Space,
    Word,
    Digit,
    Sign,
    Punctuation,
    Other,
}

impl CharClass {
    #[inline(always)]
    fn is_word(self) -> bool {
        matches!(self, CharClass::Word | CharClass::Digit)
    }
}

static CLASSES: [CharClass; 256] = {
    let mut classes = [CharClass::Other; 256];
    let mut byte = 0u8;
    while byte < 128 {
        classes[byte as usize] = if byte.is_ascii_whitespace() {
            CharClass::Space
        } else if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.' | b'$' | b'@') {
            CharClass::Word
        } else if byte.is_ascii_digit() {
            CharClass::Digit
        } else if matches!(byte, b'+' | b'-') {
            CharClass::Sign
        } else if byte.is_ascii_punctuation() {
            CharClass::Punctuation
        } else {
            CharClass::Other
        };
        byte += 1;
    }
    classes
};

/// Codes of operators: the ASCII code of their character, or one of these for a doubled one, and flags.
const SHIFT_LEFT: u16 = 1;
const SHIFT_RIGHT: u16 = 2;
const SIGNED: u16 = 0x100;

/// The unit of an operator's code; 0 for what is none.
static UNIT_OF: [u8; 0x200] = {
    let mut units = [0; 0x200];
    let mut next = OPERATORS;
    let mut code = 0;
    while code < units.len() {
        let (first, equals, signed) = ((code & 0x7f) as u8, code & 0x80 != 0, code & 0x100 != 0);
        let is_operator = match first {
            1 => !signed,
            2 => !signed || equals,
            b'<' | b'>' => true,
            b'/' | b'%' => !signed || equals,
            b'=' | b'!' | b'+' | b'-' | b'*' | b'|' | b'&' | b'^' => !signed,
            _ => first.is_ascii_punctuation() && !equals && !signed,
        };
        if is_operator {
            units[code] = next;
            next += 1;
        }
        code += 1;
    }
    assert!(next <= WORDS);
    units
};

/// By character: 1 if `=` may follow in an operator, 2 if the same may.
static OPERATOR_GROWS: [u8; 256] = {
    let mut grows = [0; 256];
    let with_equals = b"=!<>+-*/|&^%";
    let mut at = 0;
    while at < with_equals.len() {
        grows[with_equals[at] as usize] = 1;
        at += 1;
    }
    grows[b'<' as usize] = 3;
    grows[b'>' as usize] = 3;
    grows
};

/// The code of an operator or punctuation, and its length. Without branches, as operators can't be predicted.
#[inline(always)]
fn punctuation(ahead: u64) -> (u16, usize) {
    let [first, second, third, ..] = ahead.to_le_bytes();
    let grows = OPERATOR_GROWS[usize::from(first)];
    let doubled = u16::from(grows & 2 != 0) & u16::from(first == second);
    let next = if doubled == 0 { second } else { third };
    let equals = u16::from(grows & 1) & u16::from(next == b'=');
    // `<` is 0x3c and `>` 0x3e: the codes of their doubles are one apart.
    let double_code = if first == b'<' { SHIFT_LEFT } else { SHIFT_RIGHT };
    let code = if doubled == 0 { u16::from(first) } else { double_code };
    (code | equals << 7, usize::from(1 + doubled + equals))
}

/// The unit of a template's operator.
pub(super) fn operator(text: &str) -> Option<u8> {
    let (signed, text) = match text.strip_prefix('s') {
        Some(rest) => (SIGNED, rest),
        None => (0, text),
    };
    let (code, len) = punctuation(Key::of(text.as_bytes()).start);
    let unit = *UNIT_OF.get(usize::from(signed | code))?;
    (len == text.len() && unit != 0).then_some(unit)
}
