//! A source as what stands in it, in order and without gaps: statements, comments, separators, blanks.

use std::ops::Range;

use skep_isa::text::Dialect;

use crate::cursor::is_name;
use crate::error::Span;
use crate::source::{Splitter, Statement};

/// A part of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A statement with its labels.
    Statement,
    /// `#`, `//`, or `;` in the normal dialect, up to the end of the line; or `/* */`.
    Comment,
    /// `;` in pseudo-C, the backquote in the normal dialect.
    Separator,
    LineEnd,
    Blank,
}

/// A part, where it stands, and the dialect it is written in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    pub(crate) dialect: Dialect,
}

/// The parts of a source.
pub(crate) fn elements(source: &str, dialect: Dialect) -> Vec<Element> {
    let mut splitter = Splitter::new(source, dialect);
    let statements: Vec<Statement> = std::iter::from_fn(|| splitter.next_statement()).collect();
    let mut out = Vec::with_capacity(statements.len() * 4);
    let (mut at, mut split, mut before) = (0, dialect, (dialect, dialect));
    for statement in &statements {
        gap(source, at..statement.span.at, before, &mut out);
        out.push(Element { kind: Kind::Statement, span: statement.span, dialect: split });
        at = statement.span.at + statement.span.len;
        // The line of a `.dialect` is split as it was before.
        before = (split, statement.dialect);
        split = statement.dialect;
    }
    gap(source, at..source.len(), before, &mut out);
    out
}

/// What stands between two statements, in one dialect up to the end of the line, in another after it.
fn gap(source: &str, range: Range<usize>, (mut dialect, next): (Dialect, Dialect), out: &mut Vec<Element>) {
    let (mut at, end) = (range.start, range.end);
    while at < end {
        let rest = &source[at..end];
        let line = rest.find('\n').unwrap_or(rest.len());
        let separator = if dialect == Dialect::Pseudoc { b';' } else { b'`' };
        let (kind, len) = match rest.as_bytes()[0] {
            b'\n' => {
                dialect = next;
                (Kind::LineEnd, 1)
            }
            b if b == separator => (Kind::Separator, 1),
            b'#' | b';' => (Kind::Comment, line),
            b'/' if rest.starts_with("//") => (Kind::Comment, line),
            b'/' if rest.starts_with("/*") => {
                (Kind::Comment, rest[2..].find("*/").map_or(rest.len(), |end| end + 4))
            }
            _ => {
                let blank = |b: u8| b != b'\n' && b.is_ascii_whitespace();
                let len = rest.bytes().take_while(|&b| blank(b)).count();
                // Anything else would be a statement.
                (Kind::Blank, len.max(rest.chars().next().map_or(1, char::len_utf8)))
            }
        };
        out.push(Element { kind, span: Span { at, len }, dialect });
        at += len;
    }
}

/// How long the labels at the front of a statement are, those of macros' bodies with parameters in them included,
/// and the comments and blanks after them.
pub(crate) fn labels_len(statement: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &statement[at..];
        if let Some(end) = rest.strip_prefix("/*").and_then(|rest| rest.find("*/")) {
            at += end + 4;
            at += statement[at..].len() - statement[at..].trim_start().len();
            continue;
        }
        let name = word_len(rest);
        let blanks = rest[name..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if name == 0 || !rest[name + blanks..].starts_with(':') {
            return at;
        }
        at += name + blanks + 1;
        at += statement[at..].len() - statement[at..].trim_start().len();
    }
}

/// How long the name at the front of a text is, parameters of macros taken for parts of it.
pub(crate) fn word_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at) {
            Some(b'\\') if text[at + 1..].starts_with("()") => at += 3,
            Some(b'\\') if matches!(bytes.get(at + 1), Some(b'@')) => at += 2,
            Some(b'\\') if bytes.get(at + 1).is_some_and(|&b| is_name(b)) => at += 1,
            Some(&b) if is_name(b) => at += 1,
            _ => return at,
        }
    }
}
