//! A piece of source that is being expanded: text, and where each part of it was written.

use crate::cursor::is_name;
use crate::origin::{Piece, piece_at};

/// A text, each piece of which was written somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    pub(crate) text: String,
    /// By place, the first at zero unless there is no text.
    pieces: Vec<Piece>,
}

impl Fragment {
    /// A whole file.
    pub(crate) fn file(text: String, file: u32, expansion: Option<u32>) -> Fragment {
        Fragment { text, pieces: vec![Piece { at: 0, file, from: 0, verbatim: true, expansion }] }
    }

    /// Text that stands for what was written at a place of another fragment.
    pub(crate) fn made(text: &str, other: &Fragment, at: usize) -> Fragment {
        let (file, from, expansion) = other.written(at);
        Fragment {
            text: text.to_owned(),
            pieces: vec![Piece { at: 0, file, from, verbatim: false, expansion }],
        }
    }

    /// The file and the place in it of a byte, and by what it was expanded.
    pub(crate) fn written(&self, at: usize) -> (u32, usize, Option<u32>) {
        piece_at(&self.pieces, at).map_or((0, 0, None), |(piece, from)| (piece.file, from, piece.expansion))
    }

    /// The pieces of a part, with places that count from its start.
    pub(crate) fn pieces_of(&self, start: usize, end: usize, mut each: impl FnMut(Piece)) {
        let first = self.pieces.partition_point(|piece| piece.at <= start).saturating_sub(1);
        for piece in self.pieces[first..].iter().take_while(|piece| piece.at <= start || piece.at < end) {
            let skipped = start.saturating_sub(piece.at);
            let from = if piece.verbatim { piece.from + skipped } else { piece.from };
            each(Piece { at: piece.at.saturating_sub(start), from, ..*piece });
        }
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> Fragment {
        let mut pieces = Vec::new();
        self.pieces_of(start, end, |piece| pieces.push(piece));
        Fragment { text: self.text[start..end].to_owned(), pieces }
    }

    /// This text with its parameters (`\name`) replaced, as part of an expansion. `\()` is nothing: it ends a name.
    pub(crate) fn filled(&self, expansion: u32, value: impl Fn(&str) -> Option<Fragment>) -> Fragment {
        let mut out = Fragment { text: String::with_capacity(self.text.len()), pieces: Vec::new() };
        let (bytes, mut at, mut kept) = (self.text.as_bytes(), 0, 0);
        while let Some(found) = self.text[at..].find('\\') {
            let start = at + found;
            let rest = &self.text[start + 1..];
            if rest.starts_with("()") {
                out.push(self, kept, start, expansion);
                (at, kept) = (start + 3, start + 3);
                continue;
            }
            let len =
                if rest.starts_with('@') { 1 } else { rest.bytes().take_while(|&b| is_name(b)).count() };
            match longest(&rest[..len], &value) {
                Some((len, value)) => {
                    out.push(self, kept, start, expansion);
                    out.push(&value, 0, value.text.len(), expansion);
                    at = start + 1 + len;
                    kept = at;
                }
                // An escape of a string, or a parameter of somebody else; its character is no backslash.
                None => at = start + 1 + usize::from(bytes.get(start + 1) == Some(&b'\\')),
            }
        }
        out.push(self, kept, self.text.len(), expansion);
        out
    }

    fn push(&mut self, other: &Fragment, start: usize, end: usize, expansion: u32) {
        if start < end {
            let at = self.text.len();
            other.pieces_of(start, end, |piece| {
                self.pieces.push(Piece { at: at + piece.at, expansion: Some(expansion), ..piece });
            });
            self.text.push_str(&other.text[start..end]);
        }
    }
}

/// The value of the longest beginning of a word that is a parameter: names may have dots, and end before one.
fn longest(word: &str, value: &impl Fn(&str) -> Option<Fragment>) -> Option<(usize, Fragment)> {
    let mut end = word.len();
    loop {
        if end == 0 {
            return None;
        }
        if let Some(found) = value(&word[..end]) {
            return Some((end, found));
        }
        end = word[..end].rfind('.')?;
    }
}
