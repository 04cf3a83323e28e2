//! A source in its canonical layout: labels and directives at the start of their lines, instructions and data four
//! blanks in, one blank between words, comments behind code in one column, never two empty lines together.
//!
//! What assembles does so to the same object afterwards. Statements over several lines stay as they are.

use skep_isa::text::{Dialect, Writer};

use crate::assembler::is_assignment;
use crate::cursor::Cursor;
use crate::directive::Directive;
use crate::layout::{Element, Kind, elements, labels_len};
use crate::operands::rewritten;
use crate::rewrite::{RewriteError, dialect};
use crate::source::{character_len, line_starts};
use crate::{Options, assemble_with};

/// How far instructions are indented.
const INDENT: usize = 4;
/// Longer code doesn't move the comments of the lines around it.
const MAX_COMMENT_COLUMN: usize = 56;
/// Blanks between code and its comment.
const COMMENT_GAP: usize = 2;

/// A source in its canonical layout.
///
/// ```
/// let tidy = skep_asm::format("f:\n  r0=2 # two\n\n\n exit", "f.s", &skep_asm::Options::default())?;
/// assert_eq!(tidy, "f:\n    r0 = 2  # two\n\n    exit\n");
/// # Ok::<(), skep_asm::RewriteError>(())
/// ```
pub fn format(source: &str, name: &str, options: &Options) -> Result<String, RewriteError> {
    let tidy = layout(source, dialect(source, options)?);
    let bare = Options { lines: false, ..options.clone() };
    // A source that is being written is full of mistakes, and may be laid out nevertheless.
    if let Ok(before) = assemble_with(source, name, &bare) {
        let after = assemble_with(&tidy, name, &bare).map_err(|_| RewriteError::Differs)?;
        match (before.to_elf(), after.to_elf()) {
            (Ok(before), Ok(after)) if before != after => return Err(RewriteError::Differs),
            _ => {}
        }
    }
    Ok(tidy)
}

/// A line: its code, and the comment behind it.
#[derive(Default)]
struct Line {
    code: String,
    comment: String,
    /// The line as it is, where it is a part of something that goes over several.
    frozen: Option<String>,
}

impl Line {
    /// A comment before code is part of the code.
    fn comment_to_code(&mut self) {
        if !self.comment.is_empty() {
            if !self.code.is_empty() && !self.code.ends_with(' ') {
                self.code.push(' ');
            }
            self.code.push_str(&std::mem::take(&mut self.comment));
            self.code.push(' ');
        }
    }
}

fn layout(source: &str, dialect: Dialect) -> String {
    let writers = [Writer::pseudoc(), Writer::normal()];
    let elements = elements(source, dialect);
    let starts = line_starts(source);
    let line_at = |at: usize| starts.partition_point(|&start| start <= at) - 1;
    let mut lines: Vec<Line> = starts.iter().map(|_| Line::default()).collect();
    for element in elements.iter().filter(|element| element.kind != Kind::LineEnd) {
        let (first, last) = (line_at(element.span.at), line_at(element.span.at + element.span.len));
        for line in (first..=last).filter(|_| first < last) {
            let end = starts.get(line + 1).map_or(source.len(), |next| next - 1);
            lines[line].frozen = Some(source[starts[line]..end].to_owned());
        }
    }
    for element in elements {
        let text = &source[element.span.at..][..element.span.len];
        let line = &mut lines[line_at(element.span.at)];
        if line.frozen.is_some() {
            continue;
        }
        let first = line.code.is_empty() && line.comment.is_empty();
        match element.kind {
            Kind::Statement => {
                line.comment_to_code();
                let (text, indent) = statement(text, &element, &writers);
                if first {
                    line.code.extend(std::iter::repeat_n(' ', indent));
                }
                line.code.push_str(&text);
            }
            Kind::Comment => {
                if !line.comment.is_empty() {
                    line.comment.push(' ');
                }
                // One that stands alone at the start of its line stays there.
                let indented = element.span.at > 0 && !source[..element.span.at].ends_with('\n');
                if first && indented {
                    line.code.extend(std::iter::repeat_n(' ', INDENT));
                }
                line.comment.push_str(text.trim_end());
            }
            Kind::Separator => {
                line.comment_to_code();
                let separator = if element.dialect == Dialect::Pseudoc { "; " } else { " ` " };
                line.code.push_str(separator);
            }
            Kind::Blank => line.code.push_str(text.trim()),
            Kind::LineEnd => {}
        }
    }
    written(&lines)
}

/// Lines as text, comments of neighbours in one column.
fn written(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < lines.len() {
        if let Some(frozen) = &lines[at].frozen {
            out.push_str(frozen);
            out.push('\n');
            at += 1;
            continue;
        }
        let is_code = |line: &Line| line.frozen.is_none() && !line.code.trim().is_empty();
        let len = lines[at..].iter().take_while(|line| is_code(line)).count().max(1);
        let block = &lines[at..at + len];
        let widths = block.iter().filter(|line| is_code(line) && !line.comment.is_empty());
        let width = |line: &Line| line.code.trim_end().chars().count() + COMMENT_GAP;
        let column = widths.map(width).filter(|&width| width <= MAX_COMMENT_COLUMN).max().unwrap_or(0);
        for line in block {
            let mut text = line.code.trim_end().to_owned();
            if !line.comment.is_empty() {
                if is_code(line) {
                    let blanks = column.saturating_sub(text.chars().count()).max(COMMENT_GAP);
                    text.extend(std::iter::repeat_n(' ', blanks));
                } else {
                    text.clone_from(&line.code);
                }
                text.push_str(&line.comment);
            }
            let empty = text.is_empty();
            if !(empty && (out.is_empty() || out.ends_with("\n\n"))) {
                out.push_str(&text);
                out.push('\n');
            }
        }
        at += len;
    }
    out.truncate(out.trim_end_matches('\n').len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// A statement with the blanks that it should have, and its indentation where it starts a line.
fn statement(text: &str, element: &Element, writers: &[Writer; 2]) -> (String, usize) {
    if text.contains('\n') {
        return (text.to_owned(), 0);
    }
    let (labels, rest) = text.split_at(labels_len(text));
    let mut out: String = labels.split_whitespace().collect::<Vec<_>>().join(" ").replace(" :", ":");
    if rest.is_empty() {
        return (out, 0);
    }
    let (body, indent) = body(rest, element, writers);
    if out.is_empty() {
        return (body, indent);
    }
    let width = out.chars().count();
    out.extend(std::iter::repeat_n(' ', INDENT.saturating_sub(width).max(1)));
    (out + &body, 0)
}

fn body(text: &str, element: &Element, writers: &[Writer; 2]) -> (String, usize) {
    let mut cursor = Cursor::new(text, 0);
    if let Some((name, _)) = cursor.name() {
        if is_assignment(&mut cursor, name) {
            return (single_blanks(text), 0);
        }
        if name.starts_with('.') {
            use Directive::{Align, AlignBits, AlignByDialect, DebugData, Fill, Numbers, Room, Strings};
            let data = matches!(
                Directive::by_name(name),
                Some(
                    Numbers(_)
                        | Strings { .. }
                        | Room
                        | Fill
                        | Align
                        | AlignBits
                        | AlignByDialect
                        | DebugData
                )
            );
            return (single_blanks(text), if data { INDENT } else { 0 });
        }
    }
    let writer = &writers[usize::from(element.dialect == Dialect::Normal)];
    let canonical = rewritten(text, element.dialect, element.dialect, writer);
    (canonical.unwrap_or_else(|| single_blanks(text)), INDENT)
}

/// A text with one blank wherever there are some, but in strings and characters.
fn single_blanks(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let len = match bytes[at] {
            b'"' => {
                let mut end = at + 1;
                while end < bytes.len() && bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                (end + 1).min(bytes.len()) - at
            }
            b'\'' => character_len(&bytes[at..]),
            b if b.is_ascii_whitespace() => {
                at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
                out.push(' ');
                continue;
            }
            _ => 1,
        };
        // Up to the end of a character of several bytes.
        let end = (at + len..=bytes.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(bytes.len());
        out.push_str(&text[at..end]);
        at = end;
    }
    out
}
