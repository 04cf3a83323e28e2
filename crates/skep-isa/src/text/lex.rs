//! Tokens of one statement, and of the table's templates, which are written in the same language plus tags.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::TextError;

/// A lexical unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// `r3`, `%r3`, `%fp`.
    Reg64(u8),
    /// `w3`.
    Reg32(u8),
    /// An identifier, keyword, mnemonic or numeric local label (`1f`).
    Word(&'a str),
    /// A number.
    Num(i128),
    /// An operator or punctuation.
    Punct(&'a str),
    /// `{tag}`, in templates only.
    Tag(&'a str),
}

/// A unit and where it stands, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Token<'_> {
    /// As an error message quotes it.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            Kind::Reg64(n) => format!("`r{n}`"),
            Kind::Reg32(n) => format!("`w{n}`"),
            Kind::Word(text) | Kind::Punct(text) | Kind::Tag(text) => format!("`{text}`"),
            Kind::Num(n) => format!("`{n}`"),
        }
    }
}

/// Operators of more than one character, longest first.
const OPERATORS: [&str; 23] = [
    "s>>=", "s>=", "s<=", "s/=", "s%=", "<<=", ">>=", "s>", "s<", "==", "!=", "<=", ">=", "+=", "-=", "*=",
    "/=", "|=", "&=", "^=", "%=", "<<", ">>",
];

/// The highest number a register field can encode.
pub(super) const MAX_REGISTER: u8 = 15;

/// Splits a statement; `templates` also takes `{tags}`.
pub(crate) fn tokens(text: &str, templates: bool) -> Result<Vec<Token<'_>>, TextError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(12);
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let rest = &text[at..];
        let tag = if templates && bytes[at] == b'{' { rest.find('}') } else { None };
        let (kind, len) = if let Some(end) = tag {
            (Kind::Tag(&rest[1..end]), end + 1)
        } else if let Some(op) = OPERATORS.iter().find(|op| rest.starts_with(**op)) {
            (Kind::Punct(&rest[..op.len()]), op.len())
        } else if let Some((kind, len)) = register(rest) {
            (kind, len)
        } else if is_word_start(bytes[at]) {
            let len = rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len());
            (Kind::Word(&rest[..len]), len)
        } else if bytes[at].is_ascii_digit() {
            let len = rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len());
            (number(&rest[..len], at)?, len)
        } else if bytes[at].is_ascii_punctuation() {
            (Kind::Punct(&rest[..1]), 1)
        } else {
            let c = rest.chars().next().unwrap_or('?');
            return Err(TextError::character(c, at));
        };
        out.push(Token { kind, at, len });
        at += len;
    }
    Ok(out)
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'$' | b'@')
}

fn is_word(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit()
}

/// A register at the front of `text`: `r`, `w`, `%r` or `%w` and a number, or `%fp`.
fn register(text: &str) -> Option<(Kind<'_>, usize)> {
    let (bare, prefix) = match text.strip_prefix('%') {
        Some(rest) => (rest, 1),
        None => (text, 0),
    };
    let len = bare.bytes().position(|b| !is_word(b)).unwrap_or(bare.len());
    let word = &bare[..len];
    if prefix == 1 && word == "fp" {
        return Some((Kind::Reg64(10), len + 1));
    }
    let mut chars = word.chars();
    let class = chars.next()?.to_ascii_lowercase();
    let digits = chars.as_str();
    let canonical = digits == "0" || !digits.starts_with('0');
    let number: u8 = if canonical && digits.len() <= 2 { digits.parse().ok()? } else { return None };
    match class {
        'r' if number <= MAX_REGISTER => Some((Kind::Reg64(number), prefix + len)),
        'w' if number <= MAX_REGISTER => Some((Kind::Reg32(number), prefix + len)),
        _ => None,
    }
}

/// A number in the bases of both assemblers (a leading zero is octal), or a numeric local label.
fn number(text: &str, at: usize) -> Result<Kind<'_>, TextError> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (&text[2..], 16),
        [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (&text[2..], 2),
        [first @ .., b'f' | b'b'] if first.iter().all(u8::is_ascii_digit) => return Ok(Kind::Word(text)),
        [b'0', rest @ ..] if !rest.is_empty() => (&text[1..], 8),
        _ => (text, 10),
    };
    match u64::from_str_radix(digits, radix) {
        Ok(n) => Ok(Kind::Num(i128::from(n))),
        Err(_) => Err(TextError::number(text, at)),
    }
}
