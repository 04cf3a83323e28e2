//! The source as statements: comments blanked out, lines split, the dialect of each known.
//!
//! Comments are `#`, `//` and `/* */` in both dialects, and `;` in the normal one, where GNU has it; in pseudo-C
//! `;` separates statements, as for LLVM; in the normal dialect the backquote does. A directive's braces hold
//! line ends too, so that a structure can be written over several lines.

use std::borrow::Cow;

use skep_isa::text::Dialect;

use crate::error::{Cause, Problem, Span};
use crate::origin::Origins;

/// Most bytes of a source.
pub const MAX_SOURCE_BYTES: usize = 1 << 26;
/// Most lines of a source: what the line numbers of `.BTF.ext` can count.
pub const MAX_LINES: usize = (1 << 22) - 1;

/// A source with its comments blanked out; every byte is where it was.
pub(crate) struct Source<'a> {
    original: Cow<'a, str>,
    pub(crate) text: String,
    pub(crate) statements: Vec<Statement>,
    line_starts: Vec<usize>,
    /// Where the text came from, if macros and files were expanded to it.
    origins: Option<Origins>,
}

/// Where a byte of a source was written.
pub(crate) struct Place<'s> {
    /// The file, if it isn't the source itself.
    pub(crate) file: Option<&'s str>,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// The line, comments and all, without blanks around it.
    pub(crate) text: &'s str,
}

/// A statement: labels, then an instruction, directive or assignment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) span: Span,
    pub(crate) dialect: Dialect,
}

impl<'a> Source<'a> {
    pub(crate) fn new(original: &'a str, dialect: Dialect) -> (Source<'a>, Vec<Problem>) {
        Source::with(Cow::Borrowed(original), None, dialect)
    }

    /// What a source with macros and included files expanded to.
    pub(crate) fn expanded(text: String, origins: Origins, dialect: Dialect) -> (Source<'a>, Vec<Problem>) {
        Source::with(Cow::Owned(text), Some(origins), dialect)
    }

    fn with(
        original: Cow<'a, str>,
        origins: Option<Origins>,
        dialect: Dialect,
    ) -> (Source<'a>, Vec<Problem>) {
        let line_starts = line_starts(&original);
        let limit = |what, limit| Problem::new(Span::default(), Cause::Limit { what, limit });
        let refused = if original.len() > MAX_SOURCE_BYTES {
            Some(limit("bytes of source", MAX_SOURCE_BYTES as u64))
        } else if line_starts.len() > MAX_LINES {
            Some(limit("lines", MAX_LINES as u64))
        } else {
            None
        };
        if let Some(problem) = refused {
            let empty =
                Source { original, text: String::new(), statements: Vec::new(), line_starts, origins };
            return (empty, vec![problem]);
        }
        let mut splitter = Splitter::new(&original, dialect);
        let statements = std::iter::from_fn(|| splitter.next_statement()).collect();
        let Splitter { text, problems, .. } = splitter;
        // Whole characters were blanked, so this is text as before.
        let text = String::from_utf8(text).unwrap_or_default();
        (Source { original, text, statements, line_starts, origins }, problems)
    }

    /// Where a byte was written.
    pub(crate) fn place(&self, at: usize) -> Place<'_> {
        if let Some(origins) = &self.origins {
            return origins.place(at);
        }
        let (line, column, text) = line_of(&self.original, &self.line_starts, at);
        Place { file: None, line, column, text }
    }

    /// The line that a debugger shows for a byte.
    pub(crate) fn line(&self, at: usize) -> Place<'_> {
        self.origins.as_ref().map_or_else(|| self.place(at), |origins| origins.line(at))
    }

    /// The macros and files whose expansion a byte stands in, from the innermost: where each was used.
    pub(crate) fn uses(&self, at: usize) -> Vec<(String, Place<'_>)> {
        self.origins.as_ref().map_or(Vec::new(), |origins| origins.uses(at))
    }
}

/// Where the lines of a text start.
pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Line and column of a byte, both from 1, and the line without blanks around it.
pub(crate) fn line_of<'t>(text: &'t str, starts: &[usize], at: usize) -> (u32, u32, &'t str) {
    let line = starts.partition_point(|&start| start <= at).max(1);
    let end = starts.get(line).map_or(text.len(), |next| next - 1);
    let start = starts[line - 1];
    (line as u32, (at - start) as u32 + 1, text[start..end].trim())
}

/// Splits a text into statements, one after the other.
pub(crate) struct Splitter {
    /// The text, its comments blanked out as far as it was read.
    pub(crate) text: Vec<u8>,
    at: usize,
    /// Where the statement starts.
    start: usize,
    /// Where the open braces of the statement are.
    depth: Vec<usize>,
    /// Whether the statement is a directive, once somebody asked.
    directive: Option<bool>,
    /// The dialect of the statement that is read next.
    pub(crate) dialect: Dialect,
    pub(crate) problems: Vec<Problem>,
    done: bool,
}

impl Splitter {
    pub(crate) fn new(text: &str, dialect: Dialect) -> Splitter {
        Splitter {
            text: text.as_bytes().to_vec(),
            at: 0,
            start: 0,
            depth: Vec::new(),
            directive: None,
            dialect,
            problems: Vec::new(),
            done: false,
        }
    }

    /// The next statement that isn't empty.
    pub(crate) fn next_statement(&mut self) -> Option<Statement> {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let mut found = None;
            match (rest[0], rest.get(1)) {
                (b'\n', _) => found = self.separator(),
                (b';', _) if self.dialect == Dialect::Pseudoc => found = self.separator(),
                (b'`', _) if self.dialect == Dialect::Normal => found = self.separator(),
                (b'#' | b';', _) | (b'/', Some(b'/')) => {
                    let len = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                    self.blank(len);
                }
                (b'/', Some(b'*')) => self.block_comment(),
                (b'"', _) => self.skip_string(),
                (b'\'', _) => self.at += character_len(rest),
                (b'{', _) => {
                    if self.in_directive() {
                        self.depth.push(self.at);
                    }
                    self.at += 1;
                }
                (b'}', _) => {
                    self.depth.pop();
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if found.is_some() {
                return found;
            }
        }
        if std::mem::replace(&mut self.done, true) {
            return None;
        }
        if let Some(&open) = self.depth.first() {
            let span = Span { at: open, len: 1 };
            self.problems.push(Problem::new(span, Cause::Unterminated("`{`")).help("close it with `}`"));
        }
        self.end_statement()
    }

    /// A line end or other separator: it ends the statement unless braces are open.
    fn separator(&mut self) -> Option<Statement> {
        let mut found = None;
        if self.depth.is_empty() {
            found = self.end_statement();
            self.start = self.at + 1;
            self.directive = None;
        }
        self.at += 1;
        found
    }

    fn end_statement(&mut self) -> Option<Statement> {
        self.depth.clear();
        let bytes = &self.text[self.start..self.at];
        let first = bytes.iter().position(|b| !b.is_ascii_whitespace())?;
        let end = bytes.iter().rposition(|b| !b.is_ascii_whitespace()).unwrap_or(first) + 1;
        let statement = &bytes[first..end];
        if let Some(name) = statement.strip_prefix(b".dialect") {
            let name = std::str::from_utf8(name).unwrap_or_default().trim();
            // A name that is none is the directive's matter.
            self.dialect = Dialect::by_name(name).unwrap_or(self.dialect);
        }
        let span = Span { at: self.start + first, len: end - first };
        Some(Statement { span, dialect: self.dialect })
    }

    fn in_directive(&mut self) -> bool {
        let statement = &self.text[self.start..self.at];
        let first = || statement.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'.');
        *self.directive.get_or_insert_with(first)
    }

    /// Overwrites the next bytes by blanks; line ends stay.
    fn blank(&mut self, len: usize) {
        for byte in &mut self.text[self.at..self.at + len] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.at += len;
    }

    fn block_comment(&mut self) {
        let rest = &self.text[self.at..];
        let end = rest[2..].windows(2).position(|pair| pair == b"*/");
        if let Some(end) = end {
            self.blank(end + 4);
        } else {
            let span = Span { at: self.at, len: 2 };
            self.problems.push(Problem::new(span, Cause::Unterminated("comment")).help("close it with `*/`"));
            self.blank(self.text.len() - self.at);
        }
    }

    /// A string, up to its quote; one that isn't closed ends with its line, and its reader complains.
    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\n' => return,
                b'\\' if self.text.get(self.at + 1).is_some_and(|&next| next != b'\n') => self.at += 2,
                _ => self.at += 1,
            }
            if byte == b'"' {
                return;
            }
        }
    }
}

/// Bytes of a character constant such as `'a'` or `'\n'`, else of the quote alone.
pub(crate) fn character_len(text: &[u8]) -> usize {
    match text {
        [b'\'', b'\\', b, b'\'', ..] if b.is_ascii() => 4,
        [b'\'', b, b'\'', ..] if b.is_ascii() && !matches!(b, b'\\' | b'\n') => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, dialect: Dialect) -> Vec<String> {
        let (source, problems) = Source::new(text, dialect);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(source.text.len(), text.len());
        source.statements.iter().map(|s| source.text[s.span.at..][..s.span.len].to_owned()).collect()
    }

    #[test]
    fn comments_go_and_strings_stay() {
        let text = "a /* x\ny */ b # c\n .ascii \"#;//\\\"\" // d\n// e\n'#'";
        assert_eq!(split(text, Dialect::Pseudoc), ["a     \n     b", ".ascii \"#;//\\\"\"", "'#'"]);
    }

    #[test]
    fn a_semicolon_separates_or_comments() {
        assert_eq!(split("a; b\nc", Dialect::Pseudoc), ["a", "b", "c"]);
        assert_eq!(split("a; b\nc ` d", Dialect::Normal), ["a", "c", "d"]);
        assert_eq!(
            split("a; b\n.dialect normal\nc; d", Dialect::Pseudoc),
            ["a", "b", ".dialect normal", "c"]
        );
    }

    #[test]
    fn braces_of_a_directive_hold_lines() {
        assert_eq!(split(".x {\n a; b\n}\nc", Dialect::Pseudoc), [".x {\n a; b\n}", "c"]);
        assert_eq!(split("x {\n a", Dialect::Pseudoc), ["x {", "a"]);
    }
}
