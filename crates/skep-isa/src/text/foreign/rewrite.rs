//! A statement written anew, which remembers where its pieces come from.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Text made of pieces of a statement and of words between them.
#[derive(Debug, Default)]
pub struct Rewritten {
    text: String,
    /// Where a piece stands here, and where it stood; in order of the former.
    pieces: Vec<(Range<usize>, usize)>,
}

impl Rewritten {
    /// What was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds what the statement does not have.
    pub fn word(mut self, word: &str) -> Rewritten {
        self.text.push_str(word);
        self
    }

    /// Adds a piece of the statement.
    pub fn piece(mut self, statement: &str, range: Range<usize>) -> Rewritten {
        let start = self.text.len();
        self.text.push_str(&statement[range.clone()]);
        self.pieces.push((start..self.text.len(), range.start));
        self
    }

    /// The place in a statement of `len` bytes of what is in this text; an added word stands for what is before
    /// the next piece.
    pub fn source(&self, at: usize, len: usize, statement_len: usize) -> (usize, usize) {
        let start = self.place(at, statement_len);
        let end = if len == 0 { start } else { self.place(at + len - 1, statement_len) + 1 };
        (start, end.saturating_sub(start).min(statement_len - start))
    }

    fn place(&self, at: usize, statement_len: usize) -> usize {
        let after = self.pieces.partition_point(|(here, _)| here.start <= at);
        let Some((here, source)) = after.checked_sub(1).and_then(|i| self.pieces.get(i)) else { return 0 };
        let place = source + at.min(here.end) - here.start;
        place.min(statement_len)
    }
}

/// The first words of a statement, as many as `words` has, if they are these: where what follows them starts.
pub(super) fn after_words(statement: &str, words: &str) -> Option<usize> {
    let mut at = 0;
    for word in words.split(' ') {
        at += blanks(&statement[at..]);
        if word_at(statement, at) != word {
            return None;
        }
        at += word.len();
    }
    Some(at + blanks(&statement[at..]))
}

/// The word of letters, digits and underscores at a place.
pub(super) fn word_at(statement: &str, at: usize) -> &str {
    let rest = &statement[at..];
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    &rest[..rest.bytes().position(|b| !word(b)).unwrap_or(rest.len())]
}

/// How many blanks a text starts with.
pub(super) fn blanks(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_whitespace).count()
}

/// What stands for the first words of a statement, and what is added at its end.
pub(super) type Spelling = (&'static str, &'static str, &'static str);

/// The statement with its first words replaced, if one of the spellings has them.
pub(super) fn respell(statement: &str, spellings: &[Spelling]) -> Option<Rewritten> {
    spellings.iter().find_map(|(words, instead, end)| {
        let operands = after_words(statement, words)?;
        let last = statement.trim_end().len().max(operands);
        Some(Rewritten::default().word(instead).word(" ").piece(statement, operands..last).word(end))
    })
}
