//! Reads the operands of directives: names, strings, numbers and expressions, each with its place.

use crate::error::{Cause, Problem, Span};
use crate::source::character_len;

/// How deep parentheses and signs of an expression may nest.
pub const MAX_EXPRESSION_DEPTH: usize = 64;
/// Most symbols in one expression.
const MAX_TERMS: usize = 64;

type Result<T> = std::result::Result<T, Problem>;

/// A part of a statement that is still to be read.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Where `text` starts in the source.
    base: usize,
}

/// A value that the end of the source decides: a number and labels that are added or subtracted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) number: i128,
    pub(crate) terms: Vec<Term<'a>>,
}

/// A symbol of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term<'a> {
    pub(crate) symbol: &'a str,
    pub(crate) negative: bool,
    pub(crate) span: Span,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, base: usize) -> Cursor<'a> {
        Cursor { text, at: 0, base }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Where the next byte is in the source.
    pub(crate) fn offset(&self) -> usize {
        self.base + self.at
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.at += self.rest().bytes().take_while(u8::is_ascii_whitespace).count();
    }

    /// Skips blanks within the line only.
    pub(crate) fn skip_spaces(&mut self) {
        self.at += self.rest().bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest().is_empty()
    }

    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.rest().bytes().next()
    }

    /// Takes this punctuation if it comes next.
    pub(crate) fn eat(&mut self, punctuation: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(punctuation);
        if found {
            self.at += punctuation.len();
        }
        found
    }

    pub(crate) fn need(&mut self, punctuation: &str) -> Result<()> {
        if self.eat(punctuation) { Ok(()) } else { Err(self.unexpected(format!("`{punctuation}`"))) }
    }

    /// Nothing may follow.
    pub(crate) fn end(&mut self) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected("end of statement")) }
    }

    /// An error about what comes next.
    pub(crate) fn unexpected(&mut self, expected: impl Into<String>) -> Problem {
        self.skip_blanks();
        let rest = self.rest();
        let at = self.offset();
        let Some(first) = rest.chars().next() else {
            return Problem::expected(Span { at, len: 0 }, expected, "end of statement");
        };
        let word = rest.bytes().take_while(|&b| is_name(b)).count();
        let len = if word > 0 { word } else { first.len_utf8() };
        Problem::expected(Span { at, len }, expected, format!("`{}`", &rest[..len]))
    }

    /// A name, if one comes next.
    pub(crate) fn name(&mut self) -> Option<(&'a str, Span)> {
        self.skip_blanks();
        let rest = self.rest();
        if !rest.bytes().next().is_some_and(is_name_start) {
            return None;
        }
        let len = rest.bytes().take_while(|&b| is_name(b)).count();
        let span = Span { at: self.offset(), len };
        self.at += len;
        Some((&rest[..len], span))
    }

    pub(crate) fn need_name(&mut self, what: &str) -> Result<(&'a str, Span)> {
        match self.name() {
            Some(name) => Ok(name),
            None => Err(self.unexpected(what)),
        }
    }

    /// A word of anything but blanks, commas and quotes: section names and flags.
    pub(crate) fn word(&mut self) -> Option<(&'a str, Span)> {
        self.skip_blanks();
        let rest = self.rest();
        let stop = |b: u8| b.is_ascii_whitespace() || matches!(b, b',' | b'"');
        let len = rest.bytes().position(stop).unwrap_or(rest.len());
        let span = Span { at: self.offset(), len };
        self.at += len;
        (len > 0).then_some((&rest[..len], span))
    }

    /// A string with its escapes resolved, if one comes next.
    pub(crate) fn string(&mut self) -> Result<Option<(Vec<u8>, Span)>> {
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        let start = self.offset();
        let bytes = self.rest().as_bytes();
        let mut out = Vec::new();
        let mut at = 1;
        loop {
            match bytes.get(at) {
                None | Some(b'\n') => {
                    let span = Span { at: start, len: at };
                    return Err(Problem::new(span, Cause::Unterminated("string")));
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    let (byte, len) = escape(&bytes[at..]).ok_or_else(|| {
                        let span = Span { at: start + at, len: 1 };
                        Problem::expected(span, "an escape such as `\\n`, `\\x41` or `\\101`", "`\\`")
                    })?;
                    out.push(byte);
                    at += len;
                }
                Some(&byte) => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        self.at += at + 1;
        Ok(Some((out, Span { at: start, len: at + 1 })))
    }

    /// An expression; `constant` gives the values of symbols that are known.
    pub(crate) fn expression(&mut self, constant: &dyn Fn(&str) -> Option<i128>) -> Result<Value<'a>> {
        self.either(constant, 0)
    }

    /// Conditions, of which one has to hold.
    fn either(&mut self, constant: &dyn Fn(&str) -> Option<i128>, depth: usize) -> Result<Value<'a>> {
        let mut left = self.both(constant, depth)?;
        loop {
            let start = self.offset();
            if !self.eat("||") {
                return Ok(left);
            }
            let right = self.both(constant, depth)?;
            let span = Span { at: start, len: self.offset() - start };
            left = left.numbers(&right, span, |a, b| Some(i128::from(a != 0 || b != 0)))?;
        }
    }

    /// Conditions that all have to hold.
    fn both(&mut self, constant: &dyn Fn(&str) -> Option<i128>, depth: usize) -> Result<Value<'a>> {
        let mut left = self.comparison(constant, depth)?;
        loop {
            let start = self.offset();
            if !self.eat("&&") {
                return Ok(left);
            }
            let right = self.comparison(constant, depth)?;
            let span = Span { at: start, len: self.offset() - start };
            left = left.numbers(&right, span, |a, b| Some(i128::from(a != 0 && b != 0)))?;
        }
    }

    /// One where it holds and zero where not, as LLVM has it.
    fn comparison(&mut self, constant: &dyn Fn(&str) -> Option<i128>, depth: usize) -> Result<Value<'a>> {
        let left = self.sum(constant, depth)?;
        let start = self.offset();
        self.skip_blanks();
        let operators = ["==", "!=", "<>", "<=", ">=", "<", ">"];
        let Some(&operator) = operators.iter().find(|operator| self.rest().starts_with(**operator)) else {
            return Ok(left);
        };
        self.at += operator.len();
        let right = self.sum(constant, depth)?;
        let span = Span { at: start, len: self.offset() - start };
        left.numbers(&right, span, |a, b| {
            Some(i128::from(match operator {
                "==" => a == b,
                "!=" | "<>" => a != b,
                "<=" => a <= b,
                ">=" => a >= b,
                "<" => a < b,
                _ => a > b,
            }))
        })
    }

    fn sum(&mut self, constant: &dyn Fn(&str) -> Option<i128>, depth: usize) -> Result<Value<'a>> {
        let mut left = self.product(constant, depth)?;
        loop {
            let start = self.offset();
            let operator = match self.peek() {
                Some(b'|' | b'&') if self.rest().starts_with("||") || self.rest().starts_with("&&") => {
                    return Ok(left);
                }
                Some(operator @ (b'+' | b'-' | b'|' | b'^' | b'&')) => operator,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product(constant, depth)?;
            let span = Span { at: start, len: self.offset() - start };
            left = match operator {
                b'+' => left.add(right, span)?,
                b'-' => left.add(right.negated(span)?, span)?,
                b'|' => left.numbers(&right, span, |a, b| Some(a | b))?,
                b'^' => left.numbers(&right, span, |a, b| Some(a ^ b))?,
                _ => left.numbers(&right, span, |a, b| Some(a & b))?,
            };
        }
    }

    fn product(&mut self, constant: &dyn Fn(&str) -> Option<i128>, depth: usize) -> Result<Value<'a>> {
        let mut left = self.primary(constant, depth)?;
        loop {
            let start = self.offset();
            self.skip_blanks();
            let Some(&operator) =
                ["*", "/", "%", "<<", ">>"].iter().find(|operator| self.rest().starts_with(**operator))
            else {
                return Ok(left);
            };
            self.at += operator.len();
            let right = self.primary(constant, depth)?;
            let span = Span { at: start, len: self.offset() - start };
            left = left.numbers(&right, span, |a, b| match operator {
                "*" => a.checked_mul(b),
                "/" => a.checked_div(b),
                "%" => a.checked_rem(b),
                "<<" => u32::try_from(b).ok().filter(|&b| b < 64).and_then(|b| a.checked_mul(1 << b)),
                _ => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
            })?;
        }
    }

    fn primary(&mut self, constant: &dyn Fn(&str) -> Option<i128>, depth: usize) -> Result<Value<'a>> {
        if depth > MAX_EXPRESSION_DEPTH {
            let limit = MAX_EXPRESSION_DEPTH as u64;
            let span = Span { at: self.offset(), len: 1 };
            return Err(Problem::new(span, Cause::Limit { what: "nested parts of an expression", limit }));
        }
        let start = self.offset();
        match self.peek() {
            Some(b'+') => {
                self.at += 1;
                self.primary(constant, depth + 1)
            }
            Some(operator @ (b'-' | b'~' | b'!')) => {
                self.at += 1;
                let value = self.primary(constant, depth + 1)?;
                let span = Span { at: start, len: self.offset() - start };
                match operator {
                    b'-' => value.negated(span),
                    b'~' => value.numbers(&Value::default(), span, |a, _| Some(!a)),
                    _ => value.numbers(&Value::default(), span, |a, _| Some(i128::from(a == 0))),
                }
            }
            Some(b'(') => {
                self.at += 1;
                let value = self.either(constant, depth + 1)?;
                self.need(")")?;
                Ok(value)
            }
            Some(b'\'') => self.character(),
            Some(b) if b.is_ascii_digit() => self.number(),
            _ => {
                let (symbol, span) = self.need_name("a number or symbol")?;
                Ok(match constant(symbol) {
                    Some(number) => Value { number, terms: Vec::new() },
                    None => Value { number: 0, terms: vec![Term { symbol, negative: false, span }] },
                })
            }
        }
    }

    fn character(&mut self) -> Result<Value<'a>> {
        let bytes = self.rest().as_bytes();
        let byte = match character_len(bytes) {
            4 => escape(&bytes[1..]).map(|(byte, _)| byte),
            3 => Some(bytes[1]),
            _ => None,
        };
        let Some(byte) = byte else { return Err(self.unexpected("a character such as `'a'`")) };
        self.at += character_len(bytes);
        Ok(Value { number: i128::from(byte), terms: Vec::new() })
    }

    /// A number in the bases of both assemblers, or the name of a numeric local label (`1f`).
    fn number(&mut self) -> Result<Value<'a>> {
        let rest = self.rest();
        let len = rest.bytes().take_while(|&b| is_name(b)).count();
        let (text, span) = (&rest[..len], Span { at: self.offset(), len });
        self.at += len;
        if is_local_reference(text) {
            return Ok(Value { number: 0, terms: vec![Term { symbol: text, negative: false, span }] });
        }
        let (digits, radix) = match text.as_bytes() {
            [b'0', b'x' | b'X', _, ..] => (&text[2..], 16),
            [b'0', b'b' | b'B', _, ..] => (&text[2..], 2),
            [b'0', _, ..] => (&text[1..], 8),
            _ => (text, 10),
        };
        match u64::from_str_radix(digits, radix) {
            Ok(number) => Ok(Value { number: i128::from(number), terms: Vec::new() }),
            Err(_) => Err(Problem::expected(span, "a number of up to 64 bits", format!("`{text}`"))),
        }
    }
}

impl<'a> Value<'a> {
    /// The number, if no symbol is left in it.
    pub(crate) fn constant(&self) -> Option<i128> {
        self.terms.is_empty().then_some(self.number)
    }

    fn add(mut self, other: Value<'a>, span: Span) -> Result<Value<'a>> {
        self.number =
            self.number.checked_add(other.number).ok_or_else(|| Problem::new(span, Cause::Arithmetic))?;
        self.terms.extend(other.terms);
        if self.terms.len() > MAX_TERMS {
            let limit = MAX_TERMS as u64;
            return Err(Problem::new(span, Cause::Limit { what: "symbols in an expression", limit }));
        }
        Ok(self)
    }

    fn negated(mut self, span: Span) -> Result<Value<'a>> {
        self.number = self.number.checked_neg().ok_or_else(|| Problem::new(span, Cause::Arithmetic))?;
        for term in &mut self.terms {
            term.negative = !term.negative;
        }
        Ok(self)
    }

    /// An operation that only numbers have.
    fn numbers(
        &self,
        other: &Value<'a>,
        span: Span,
        operator: impl Fn(i128, i128) -> Option<i128>,
    ) -> Result<Value<'a>> {
        if let Some(term) = self.terms.first().or(other.terms.first()) {
            let expected = "a number that is known here";
            return Err(Problem::expected(term.span, expected, format!("symbol `{}`", term.symbol)));
        }
        let number =
            operator(self.number, other.number).ok_or_else(|| Problem::new(span, Cause::Arithmetic))?;
        Ok(Value { number, terms: Vec::new() })
    }
}

/// Whether a name may start with this byte.
pub(crate) fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'$')
}

/// Whether a name may go on with this byte.
pub(crate) fn is_name(b: u8) -> bool {
    is_name_start(b) || b.is_ascii_digit()
}

/// Whether this is the name of a numeric local label, `1f` or `1b`.
pub(crate) fn is_local_reference(text: &str) -> bool {
    let digits = text.trim_end_matches(['f', 'b']);
    digits.len() + 1 == text.len()
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !(digits == "0" && text.ends_with('b'))
}

/// The byte of an escape sequence and how long it is.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let digits = |from: usize, max: usize, radix: u32| {
        let len = text[from..].iter().take(max).take_while(|&&b| char::from(b).is_digit(radix)).count();
        let number = text[from..from + len]
            .iter()
            .fold(0u32, |n, &b| n * radix + char::from(b).to_digit(radix).unwrap_or(0));
        (len > 0).then_some((number as u8, from + len))
    };
    Some(match text.get(1)? {
        b'n' => (b'\n', 2),
        b't' => (b'\t', 2),
        b'r' => (b'\r', 2),
        b'b' => (8, 2),
        b'f' => (12, 2),
        b'\\' => (b'\\', 2),
        b'"' => (b'"', 2),
        b'\'' => (b'\'', 2),
        b'x' | b'X' => return digits(2, 2, 16),
        b'0'..=b'7' => return digits(1, 3, 8),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> i128 {
        let mut cursor = Cursor::new(text, 0);
        let value = cursor.expression(&|name| (name == "ten").then_some(10)).expect(text);
        assert!(cursor.at_end(), "{text}: {:?}", cursor.rest());
        value.constant().expect(text)
    }

    #[test]
    fn expressions_bind_as_in_assemblers() {
        assert_eq!(number("1 + 2 * 3"), 7);
        assert_eq!(number("-(1 << 4) | 1"), -15);
        assert_eq!(number("0x10 + 010 + 0b11 + 'a' + '\\n'"), 16 + 8 + 3 + 97 + 10);
        assert_eq!(number("~0 & 0xff - ten"), 245);
    }

    #[test]
    fn symbols_are_added_and_subtracted() {
        let value = Cursor::new("a - b + 3", 5).expression(&|_| None).unwrap();
        assert_eq!(value.number, 3);
        assert_eq!((value.terms[0].symbol, value.terms[0].negative), ("a", false));
        assert_eq!((value.terms[1].symbol, value.terms[1].negative), ("b", true));
        assert_eq!(value.terms[1].span, Span { at: 9, len: 1 });
        assert!(Cursor::new("a * 2", 0).expression(&|_| None).is_err());
        assert!(Cursor::new("1 / 0", 0).expression(&|_| None).is_err());
        assert!(Cursor::new(&"(".repeat(100), 0).expression(&|_| None).is_err());
    }

    #[test]
    fn strings_have_escapes() {
        let mut cursor = Cursor::new(r#" "a\n\x41\101\"\\" "#, 0);
        assert_eq!(cursor.string().unwrap().unwrap().0, b"a\nAA\"\\");
        assert!(Cursor::new("\"a", 0).string().is_err());
        assert!(Cursor::new("\"\\q\"", 0).string().is_err());
    }
}
