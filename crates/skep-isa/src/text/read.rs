//! The reader: a statement to an instruction, by the templates of its dialect and their aliases.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::Dialect;
use super::frame::{self, Frames};
use super::lex::{self, Kind, Token};
use super::matcher::Match;
use super::skeleton::Skeletons;
use super::template;
use crate::insn::{FormId, Insn};
use crate::table::{ALIASES, ROWS};

/// A field that a symbol's value goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The offset of a memory access.
    Offset,
    /// The 32-bit immediate.
    Imm,
    /// The 64-bit immediate.
    Imm64,
    /// The distance of a jump or call.
    Target,
}

/// A symbol that stood where a number may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Where its value goes.
    pub field: Field,
    /// Its name.
    pub symbol: &'a str,
    /// What is added to its value.
    pub addend: i64,
    /// Byte position of the name in the statement.
    pub at: usize,
}

/// A statement, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The instruction; a field that a reference goes into is zero.
    pub insn: Insn,
    /// The symbol in it, if there is one. No form takes two.
    pub reference: Option<Reference<'a>>,
}

/// Why a statement is no instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Byte position in the statement.
    pub at: usize,
    /// Bytes the complaint is about; 0 at the end of the statement.
    pub len: usize,
    /// The cause.
    pub cause: Cause,
}

/// What is wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A character that no statement has.
    Character(char),
    /// Digits that are no number of up to 64 bits.
    Number(String),
    /// No instruction starts like this.
    Unknown(String),
    /// Something else had to stand here.
    Expected {
        /// What.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A number that its field cannot hold.
    Range {
        /// The number.
        value: i128,
        /// The least that fits.
        min: i128,
        /// The greatest that fits.
        max: i128,
    },
    /// An expression nests deeper than [`MAX_DEPTH`].
    Depth,
    /// A constant expression divides by zero, or leaves 128 bits.
    Arithmetic,
    /// A second symbol in one statement, or one that is not simply added.
    Symbol(String),
}

/// How deep parentheses and signs of an expression may nest.
pub const MAX_DEPTH: usize = 64;

impl TextError {
    pub(super) fn character(c: char, at: usize) -> TextError {
        TextError { at, len: c.len_utf8(), cause: Cause::Character(c) }
    }

    pub(super) fn number(text: &str, at: usize) -> TextError {
        TextError { at, len: text.len(), cause: Cause::Number(text.to_string()) }
    }

    pub(crate) fn expected(what: impl Into<String>, found: Option<&Token<'_>>, end: usize) -> TextError {
        match found {
            Some(token) => TextError {
                at: token.at,
                len: token.len,
                cause: Cause::Expected { expected: what.into(), found: token.describe() },
            },
            None => TextError {
                at: end,
                len: 0,
                cause: Cause::Expected { expected: what.into(), found: "end of line".into() },
            },
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Character(c) => write!(f, "unexpected character {c:?}"),
            Cause::Number(text) => write!(f, "`{text}` is no number of up to 64 bits"),
            Cause::Unknown(text) => write!(f, "no instruction starts with {text}"),
            Cause::Expected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Cause::Range { value, min, max } => write!(f, "{value} is out of range, expected {min} to {max}"),
            Cause::Depth => write!(f, "expression nests deeper than {MAX_DEPTH}"),
            Cause::Arithmetic => write!(f, "expression divides by zero or leaves 128 bits"),
            Cause::Symbol(name) => write!(f, "symbol `{name}` can only be added to a constant, and only one"),
        }
    }
}

impl core::error::Error for TextError {}

/// A template with its form.
struct Pattern {
    key: u64,
    form: FormId,
    text: &'static str,
    tokens: Vec<Token<'static>>,
}

/// Reads statements of one dialect. Build it once: it takes the templates apart.
pub struct Reader {
    dialect: Dialect,
    /// Sorted by key.
    patterns: Vec<Pattern>,
    /// Words that templates use, sorted.
    reserved: Vec<&'static str>,
    /// The fastest way, for canonical statements.
    frames: Frames,
    /// The fast way for plain statements.
    skeletons: Skeletons,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader of this dialect.
    pub fn new(dialect: Dialect) -> Reader {
        let own = ROWS.iter().enumerate().map(|(i, row)| {
            let text = match dialect {
                Dialect::Pseudoc => row.pseudoc,
                Dialect::Normal => row.normal,
            };
            (FormId::at(i), text)
        });
        // An alias belongs to the dialect in which it can be told from everything else: mnemonics start with
        // a word and have brackets around addresses.
        let others = ALIASES
            .iter()
            .filter(|(_, text)| text.contains('[') == (dialect == Dialect::Normal))
            .map(|(name, text)| (FormId::by_name(name).expect("the table has a test for this"), *text));
        let mut patterns: Vec<Pattern> = own
            .chain(others)
            .map(|(form, text)| Pattern { key: 0, form, text, tokens: template::parse(text) })
            .collect();
        let mut reserved: Vec<&str> = patterns
            .iter()
            .flat_map(|p| &p.tokens)
            .filter_map(|token| if let Kind::Word(word) = token.kind { Some(word) } else { None })
            .collect();
        reserved.sort_unstable();
        reserved.dedup();
        for pattern in &mut patterns {
            pattern.key = template::key(&pattern.tokens, dialect == Dialect::Normal, |word| {
                reserved.binary_search(&word).is_ok()
            });
        }
        patterns.sort_by_key(|p| p.key);
        let skeletons = Skeletons::new(patterns.iter().map(|p| (p.form, &p.tokens[..])), &reserved);
        let frames = Frames::new(patterns.iter().map(|p| (p.form, p.text, &p.tokens[..])), dialect);
        Reader { dialect, patterns, reserved, frames, skeletons }
    }

    /// A reader of pseudo-C.
    pub fn pseudoc() -> Reader {
        Reader::new(Dialect::Pseudoc)
    }

    /// A reader of GNU's mnemonics.
    pub fn normal() -> Reader {
        Reader::new(Dialect::Normal)
    }

    /// The dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether templates of the dialect use this word: a statement may start with it.
    pub fn is_reserved(&self, word: &str) -> bool {
        self.reserved.binary_search(&word).is_ok()
    }

    /// Reads one statement without label, comment and separator.
    pub fn insn<'a>(&self, statement: &'a str) -> Result<Parsed<'a>, TextError> {
        self.with(statement, &|_| None)
    }

    /// Reads one statement; `constant` gives the values of symbols that are known to be plain numbers.
    pub fn with<'a>(
        &self,
        statement: &'a str,
        constant: &dyn Fn(&str) -> Option<i64>,
    ) -> Result<Parsed<'a>, TextError> {
        match frame::padded(statement).and_then(|window| self.frames.read(&window, statement.len())) {
            Some(insn) => Ok(Parsed { insn, reference: None }),
            None => self.without_frame(statement, constant),
        }
    }

    /// Reads the lines of a text, each of which is one statement. Faster than one at a time: what is looked at together
    /// may go beyond a line's end.
    ///
    /// ```
    /// use skep_isa::text::Reader;
    /// let reader = Reader::pseudoc();
    /// let insns: Result<Vec<_>, _> = reader.lines("r0 = 1\nexit\n").map(|line| line.map(|line| line.insn)).collect();
    /// assert_eq!(insns.unwrap().len(), 2);
    /// ```
    pub fn lines<'r, 'a>(&'r self, text: &'a str) -> Lines<'r, 'a> {
        Lines { reader: self, rest: text }
    }

    /// Reads one statement that is not spelled canonically.
    fn without_frame<'a>(
        &self,
        statement: &'a str,
        constant: &dyn Fn(&str) -> Option<i64>,
    ) -> Result<Parsed<'a>, TextError> {
        match self.skeletons.read(statement, constant) {
            Some(parsed) => Ok(parsed),
            None => self.with_matcher(statement, constant),
        }
    }

    /// Reads one statement of any kind, or says what is wrong with it.
    fn with_matcher<'a>(
        &self,
        statement: &'a str,
        constant: &dyn Fn(&str) -> Option<i64>,
    ) -> Result<Parsed<'a>, TextError> {
        let tokens = lex::tokens(statement, false)?;
        let mnemonics = self.dialect == Dialect::Normal;
        let mut best: Option<TextError> = None;
        // Words of the language are first taken as such, then, where that leads nowhere, as symbols.
        for symbols in [false, true] {
            let key = template::key(&tokens, mnemonics, |word| !symbols && self.is_reserved(word));
            let start = self.patterns.partition_point(|p| p.key < key);
            for pattern in self.patterns[start..].iter().take_while(|p| p.key == key) {
                let attempt = Match::new(&tokens, statement.len(), constant, pattern.form);
                match attempt.run(&pattern.tokens) {
                    Ok(parsed) => return Ok(parsed),
                    Err(error) if best.as_ref().is_none_or(|b| error.at > b.at) => best = Some(error),
                    Err(_) => {}
                }
            }
        }
        Err(best.unwrap_or_else(|| self.unknown(&tokens, statement)))
    }

    /// The error for a statement whose beginning no template has.
    fn unknown(&self, tokens: &[Token<'_>], statement: &str) -> TextError {
        let Some(first) = tokens.first() else { return TextError::expected("an instruction", None, 0) };
        let known = match first.kind {
            Kind::Word(word) => self.is_reserved(word),
            Kind::Reg64(_) | Kind::Reg32(_) => self.dialect == Dialect::Pseudoc,
            Kind::Punct("*") => self.dialect == Dialect::Pseudoc,
            _ => false,
        };
        let len = match (known, self.dialect) {
            // The whole statement, without the blanks around it.
            (true, Dialect::Pseudoc) => tokens.last().map_or(0, |last| last.at + last.len - first.at),
            _ => first.len,
        };
        let found = statement.get(first.at..first.at + len).unwrap_or_default();
        TextError { at: first.at, len, cause: Cause::Unknown(format!("`{found}`")) }
    }
}

/// The statements of a text, one a line; see [`Reader::lines`]. Lines end as those of [`str::lines`]; places in errors are
/// those in the line.
pub struct Lines<'r, 'a> {
    reader: &'r Reader,
    rest: &'a str,
}

impl fmt::Debug for Lines<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("rest", &self.rest).finish_non_exhaustive()
    }
}

impl<'a> Iterator for Lines<'_, 'a> {
    type Item = Result<Parsed<'a>, TextError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(window) = self.rest.as_bytes().first_chunk()
            && let Some(len) = frame::line_len(window)
            && let Some(insn) = self.reader.frames.read(window, len)
        {
            self.rest = self.rest.get(len + 1..)?;
            return Some(Ok(Parsed { insn, reference: None }));
        }
        let line = self.rest.lines().next()?;
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        Some(self.reader.with(line, &|_| None))
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;
    use crate::code::{Endian, decode_all};
    use crate::insn::Reg;
    use crate::row::{ImmUse, OffUse, Op, Role};
    use crate::text::Writer;

    fn by_frame(reader: &Reader, text: &str) -> Option<Insn> {
        frame::padded(text).and_then(|window| reader.frames.read(&window, text.len()))
    }

    /// What the benchmark measures, and most of what anybody assembles.
    #[test]
    fn arithmetic_jumps_loads_and_stores_are_read_by_their_frames() {
        for dialect in [Dialect::Pseudoc, Dialect::Normal] {
            let (reader, writer) = (Reader::new(dialect), Writer::new(dialect));
            for (index, row) in ROWS.iter().enumerate() {
                let is_common = matches!(
                    row.op,
                    Op::Alu { .. }
                        | Op::Neg { .. }
                        | Op::Jump { .. }
                        | Op::Load { .. }
                        | Op::Store { .. }
                        | Op::Exit
                );
                for negative in [false, true] {
                    let sign = if negative { -1 } else { 1 };
                    let insn = Insn {
                        form: FormId::at(index),
                        dst: if row.dst == Role::None { Reg(0) } else { Reg(10) },
                        src: if row.src == Role::None { Reg(0) } else { Reg(3) },
                        off: if row.off == OffUse::None { 0 } else { 300 * sign as i16 },
                        imm: if row.imm == ImmUse::None { 0 } else { 1_234_567_890 * sign },
                    };
                    let text = writer.insn(&insn);
                    if is_common {
                        assert_eq!(by_frame(&reader, &text), Some(insn), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn lines_are_read_as_single_statements_are() {
        let reader = Reader::pseudoc();
        let long = "r1 = 5".to_owned() + &" ".repeat(60);
        let pieces = [
            "r1 = 5", "r2 += r3", "exit", "", "\n", "\r\n", "\r", " ", "goto x", "7", "\u{e9}", "w1 = -9",
            &long,
        ];
        arbtest::arbtest(|u| {
            let mut text = String::new();
            for _ in 0..u.int_in_range(0..=12)? {
                text.push_str(u.choose(&pieces)?);
                text.push_str(u.choose(&["\n", "\r\n", "\n", ""])?);
            }
            let lines: Vec<_> = reader.lines(&text).collect();
            let single: Vec<_> = text.lines().map(|line| reader.with_matcher(line, &|_| None)).collect();
            assert_eq!(lines, single, "{text:?}");
            Ok(())
        })
        .budget_ms(500);
    }

    /// What is read fast is read as the matcher reads it; what an instruction's writer writes is read fast.
    #[test]
    fn the_fast_way_and_the_matcher_agree_on_any_text() {
        let dialects = [Dialect::Pseudoc, Dialect::Normal].map(|d| (Reader::new(d), Writer::new(d)));
        let pieces = [
            "",
            " ",
            "  ",
            "+",
            "-",
            "=",
            "s>",
            "<<=",
            "0",
            "08",
            "0x",
            "0x1f",
            "1f",
            "r1",
            "w2",
            "r10",
            "w15",
            "r16",
            "%r3",
            "%fp",
            "pc",
            "pc+1",
            "goto",
            "exit",
            "ll",
            "label",
            "FIVE",
            "+ FIVE",
            "(",
            ")",
            "[",
            ",",
            "*",
            "u32",
            "4294967295",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999",
            "\u{e9}",
            "\t",
        ];
        let constant = |name: &str| (name == "FIVE").then_some(5);
        arbtest::arbtest(|u| {
            let code: [[u8; 8]; 2] = u.arbitrary()?;
            let mut code = code;
            code[0][0] = ROWS[u.choose_index(ROWS.len())?].opcode;
            code[1] = if u.arbitrary()? { [0; 8] } else { code[1] };
            let insn = decode_all(&code.concat(), Endian::Little).expect("whole slots")[0];
            for (reader, writer) in &dialects {
                let mut text = writer.insn(&insn);
                if insn.row().is_some() {
                    let fast = reader.skeletons.read(&text, &constant);
                    assert_eq!(fast.map(|parsed| parsed.insn), Some(insn), "{text:?}");
                }
                for _ in 0..u.int_in_range(0..=2)? {
                    let at = u.choose_index(text.len() + 1)?;
                    let end = at + u.int_in_range(0..=2)?;
                    if text.is_char_boundary(at) && text.is_char_boundary(end) {
                        text.replace_range(at..end, u.choose(&pieces)?);
                    }
                }
                if let Some(fast) = reader.skeletons.read(&text, &constant) {
                    assert_eq!(reader.with_matcher(&text, &constant), Ok(fast), "{text:?}");
                }
                if let Some(fastest) = by_frame(reader, &text) {
                    let fastest = Parsed { insn: fastest, reference: None };
                    assert_eq!(reader.with_matcher(&text, &constant), Ok(fastest), "{text:?}");
                }
            }
            Ok(())
        })
        .budget_ms(2_000);
    }
}
