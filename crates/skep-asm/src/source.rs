//! The source as statements: comments blanked out, lines split, the dialect of each known.
//!
//! Comments are `#`, `//` and `/* */` in both dialects, and `;` in the normal one, where GNU has it; in pseudo-C
//! `;` separates statements, as for LLVM; in the normal dialect the backquote does. A directive's braces hold
//! line ends too, so that a structure can be written over several lines.

use skep_isa::text::Dialect;

use crate::error::{Cause, Problem, Span};

/// Most bytes of a source.
pub const MAX_SOURCE_BYTES: usize = 1 << 26;
/// Most lines of a source: what the line numbers of `.BTF.ext` can count.
pub const MAX_LINES: usize = (1 << 22) - 1;

/// A source with its comments blanked out; every byte is where it was.
pub(crate) struct Source<'a> {
    pub(crate) original: &'a str,
    pub(crate) text: String,
    pub(crate) statements: Vec<Statement>,
    line_starts: Vec<usize>,
}

/// A statement: labels, then an instruction, directive or assignment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) span: Span,
    pub(crate) dialect: Dialect,
}

impl<'a> Source<'a> {
    pub(crate) fn new(original: &'a str, dialect: Dialect) -> (Source<'a>, Vec<Problem>) {
        let line_starts: Vec<usize> =
            std::iter::once(0).chain(original.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let limit = |what, limit| Problem::new(Span::default(), Cause::Limit { what, limit });
        let refused = if original.len() > MAX_SOURCE_BYTES {
            Some(limit("bytes of source", MAX_SOURCE_BYTES as u64))
        } else if line_starts.len() > MAX_LINES {
            Some(limit("lines", MAX_LINES as u64))
        } else {
            None
        };
        if let Some(problem) = refused {
            let empty = Source { original, text: String::new(), statements: Vec::new(), line_starts };
            return (empty, vec![problem]);
        }
        let mut splitter = Splitter {
            text: original.as_bytes().to_vec(),
            at: 0,
            start: 0,
            depth: Vec::new(),
            directive: None,
            dialect,
            statements: Vec::new(),
            problems: Vec::new(),
        };
        splitter.run();
        let Splitter { text, statements, problems, .. } = splitter;
        // Whole characters were blanked, so this is text as before.
        let text = String::from_utf8(text).unwrap_or_default();
        (Source { original, text, statements, line_starts }, problems)
    }

    /// Line and column of a byte, both from 1.
    pub(crate) fn line_column(&self, at: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|&start| start <= at).max(1);
        (line as u32, (at - self.line_starts[line - 1]) as u32 + 1)
    }

    /// The text of the line with this byte, comments and all, without blanks around it.
    pub(crate) fn line_text(&self, at: usize) -> &'a str {
        let line = self.line_starts.partition_point(|&start| start <= at).max(1);
        let end = self.line_starts.get(line).map_or(self.original.len(), |next| next - 1);
        self.original[self.line_starts[line - 1]..end].trim()
    }
}

struct Splitter {
    text: Vec<u8>,
    at: usize,
    /// Where the statement starts.
    start: usize,
    /// Where the open braces of the statement are.
    depth: Vec<usize>,
    /// Whether the statement is a directive, once somebody asked.
    directive: Option<bool>,
    dialect: Dialect,
    statements: Vec<Statement>,
    problems: Vec<Problem>,
}

impl Splitter {
    fn run(&mut self) {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            match (rest[0], rest.get(1)) {
                (b'\n', _) => self.separator(),
                (b';', _) if self.dialect == Dialect::Pseudoc => self.separator(),
                (b'`', _) if self.dialect == Dialect::Normal => self.separator(),
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
        }
        if let Some(&open) = self.depth.first() {
            let span = Span { at: open, len: 1 };
            self.problems.push(Problem::new(span, Cause::Unterminated("`{`")).help("close it with `}`"));
        }
        self.end_statement();
    }

    /// A line end or other separator: it ends the statement unless braces are open.
    fn separator(&mut self) {
        if self.depth.is_empty() {
            self.end_statement();
            self.start = self.at + 1;
            self.directive = None;
        }
        self.at += 1;
    }

    fn end_statement(&mut self) {
        self.depth.clear();
        let bytes = &self.text[self.start..self.at];
        let Some(first) = bytes.iter().position(|b| !b.is_ascii_whitespace()) else { return };
        let end = bytes.iter().rposition(|b| !b.is_ascii_whitespace()).unwrap_or(first) + 1;
        let statement = &bytes[first..end];
        if let Some(name) = statement.strip_prefix(b".dialect") {
            let name = std::str::from_utf8(name).unwrap_or_default().trim();
            // A name that is none is the directive's matter.
            self.dialect = Dialect::by_name(name).unwrap_or(self.dialect);
        }
        let span = Span { at: self.start + first, len: end - first };
        self.statements.push(Statement { span, dialect: self.dialect });
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
