//! A text with its positions: bytes here, lines and UTF-16 columns at the client.
//!
//! Positions beyond a line's or the text's end mean that end, as the protocol has it. Lines end with `\n`, `\r\n` or
//! `\r`.

use std::ops::Range;

use lsp_types::{Position, TextDocumentContentChangeEvent};

/// Most bytes of a document that are kept: one that grows beyond is let go until it is sent as a whole.
pub const MAX_KEPT_BYTES: usize = 64 << 20;

/// Bytes after which UTF-16 units are counted anew, so that a position in a long line is found at once.
const STRIDE: usize = 128;

/// A text and where its lines start.
#[derive(Debug)]
pub(crate) struct Text {
    text: String,
    starts: Vec<usize>,
    /// The first character at or after each multiple of [`STRIDE`] bytes: its byte, and the units before it.
    units: Vec<(usize, usize)>,
}

impl Default for Text {
    fn default() -> Text {
        Text::new(String::new())
    }
}

impl Text {
    pub(crate) fn new(text: String) -> Text {
        let bytes = text.as_bytes();
        let ends = bytes
            .iter()
            .enumerate()
            .filter(|&(at, &byte)| byte == b'\n' || byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let mut units = vec![(0, 0)];
        let mut before = 0;
        for (at, character) in text.char_indices() {
            if at >= units.len() * STRIDE {
                units.push((at, before));
            }
            before += character.len_utf16();
        }
        Text { text, starts, units }
    }

    /// UTF-16 units before the character that starts at a byte.
    fn units(&self, offset: usize) -> usize {
        let known = self.units.partition_point(|&(at, _)| at <= offset).max(1) - 1;
        let (at, before) = self.units[known];
        before + self.text[at..offset].chars().map(char::len_utf16).sum::<usize>()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text of these bytes; empty if they are none of it.
    pub(crate) fn slice(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The byte at a position.
    pub(crate) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let text = self.text[start..end].trim_end_matches(['\r', '\n']);
        let mut column = 0;
        for (at, character) in text.char_indices() {
            if column >= position.character as usize {
                return start + at;
            }
            column += character.len_utf16();
        }
        start + text.len()
    }

    /// The position of a byte, or of the character that it lies in.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|&start| start <= offset).max(1) - 1;
        let column = self.units(offset) - self.units(self.starts[line]);
        Position::new(line as u32, column as u32)
    }

    pub(crate) fn range(&self, span: &Range<usize>) -> lsp_types::Range {
        lsp_types::Range::new(self.position(span.start), self.position(span.end))
    }

    /// The text after an edit, unless that would be more than [`MAX_KEPT_BYTES`].
    pub(crate) fn changed(mut self, change: TextDocumentContentChangeEvent) -> Option<Text> {
        let Some(range) = change.range else {
            return (change.text.len() <= MAX_KEPT_BYTES).then(|| Text::new(change.text));
        };
        let (start, end) = (self.offset(range.start), self.offset(range.end));
        // A client may say its ends in the wrong order.
        let span = start.min(end)..start.max(end);
        if self.text.len() - span.len() + change.text.len() > MAX_KEPT_BYTES {
            return None;
        }
        self.text.replace_range(span, &change.text);
        Some(Text::new(self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units() {
        let text = Text::new("a\u{e9}\u{1f41d}b\r\nc\rd\n".to_owned());
        // One, one and two units.
        assert_eq!(text.offset(Position::new(0, 4)), 7);
        assert_eq!(text.position(7), Position::new(0, 4));
        // Within the surrogate pair, and within the character's bytes.
        assert_eq!(text.offset(Position::new(0, 3)), 7);
        assert_eq!(text.position(5), Position::new(0, 2));
        // Beyond the line's end, and beyond the text's.
        assert_eq!(text.offset(Position::new(0, 99)), 8);
        assert_eq!(text.offset(Position::new(9, 9)), text.as_str().len());
        assert_eq!(text.offset(Position::new(1, 0)), 10);
        assert_eq!(text.offset(Position::new(2, 1)), 13);
        assert_eq!(text.position(usize::MAX), Position::new(3, 0));
    }

    #[test]
    fn positions_in_long_lines_are_those_of_a_plain_count() {
        let text = Text::new(format!("{}\n{}", "\u{1f41d}a".repeat(900), "\u{e9}".repeat(3000)));
        for (offset, _) in text.as_str().char_indices() {
            let position = text.position(offset);
            assert_eq!(text.offset(position), offset);
            let start = text.as_str()[..offset].rfind('\n').map_or(0, |at| at + 1);
            let column: usize = text.as_str()[start..offset].chars().map(char::len_utf16).sum();
            assert_eq!(position.character as usize, column);
        }
    }

    #[test]
    fn edits_apply_in_place() {
        let change = |from: (u32, u32), to: (u32, u32), text: &str| TextDocumentContentChangeEvent {
            range: Some(lsp_types::Range::new(Position::new(from.0, from.1), Position::new(to.0, to.1))),
            range_length: None,
            text: text.to_owned(),
        };
        let text = Text::new("one\ntwo\n".to_owned());
        let text = text.changed(change((0, 3), (1, 1), "\n\u{1f41d}")).expect("a small text");
        assert_eq!(text.as_str(), "one\n\u{1f41d}wo\n");
        let text = text.changed(change((1, 2), (1, 0), "t")).expect("a small text");
        assert_eq!(text.as_str(), "one\ntwo\n");
        let whole = TextDocumentContentChangeEvent { range: None, range_length: None, text: "x".to_owned() };
        assert_eq!(text.changed(whole).expect("a small text").as_str(), "x");
    }
}
