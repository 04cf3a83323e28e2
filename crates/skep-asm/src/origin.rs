//! Where the text of an expanded source was written: files, and what was expanded where.

use std::fmt;

use crate::source::{Place, line_of, line_starts};

/// A file that takes part: the source itself is the first.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

/// A piece of text that was written in one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// Where it starts in the expanded text.
    pub(crate) at: usize,
    pub(crate) file: u32,
    /// Where it was written in its file.
    pub(crate) from: usize,
    /// Whether it is what was written, byte for byte, rather than made up (a counter).
    pub(crate) verbatim: bool,
    /// What it was expanded by.
    pub(crate) expansion: Option<u32>,
}

/// What was expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Macro(String),
    Repetition,
    File(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Macro(name) => write!(f, "macro `{name}`"),
            What::Repetition => f.write_str("a repetition"),
            What::File(name) => write!(f, "file `{name}`"),
        }
    }
}

/// A use of a macro, a repetition or an inclusion.
#[derive(Debug)]
pub(crate) struct Expansion {
    pub(crate) what: What,
    pub(crate) file: u32,
    /// Where it was used, in that file.
    pub(crate) at: usize,
    /// The expansion that it was used in.
    pub(crate) outer: Option<u32>,
}

/// Where an expanded text came from.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    pub(crate) files: Vec<File>,
    /// By place in the expanded text.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) expansions: Vec<Expansion>,
}

/// Most uses around a place that an error names.
const MAX_USES: usize = 8;

impl Origins {
    pub(crate) fn add_file(&mut self, name: String, text: String) -> u32 {
        let line_starts = line_starts(&text);
        self.files.push(File { name, text, line_starts });
        (self.files.len() - 1) as u32
    }

    fn in_file(&self, file: u32, at: usize) -> Place<'_> {
        let index = file as usize;
        let file = &self.files[index];
        let at = at.min(file.text.len());
        let (line, column, text) = line_of(&file.text, &file.line_starts, at);
        Place { file: (index > 0).then_some(file.name.as_str()), line, column, text }
    }

    pub(crate) fn place(&self, at: usize) -> Place<'_> {
        match piece_at(&self.pieces, at) {
            Some((piece, from)) => self.in_file(piece.file, from),
            None => self.in_file(0, 0),
        }
    }

    /// The line that a debugger shows for a byte: of a macro, that of its outermost use within its file.
    pub(crate) fn line(&self, at: usize) -> Place<'_> {
        let Some((piece, from)) = piece_at(&self.pieces, at) else { return self.in_file(0, 0) };
        let (mut file, mut from) = (piece.file, from);
        let mut next = piece.expansion;
        while let Some(expansion) = next {
            let expansion = &self.expansions[expansion as usize];
            match expansion.what {
                What::Macro(_) => (file, from) = (expansion.file, expansion.at),
                What::Repetition => {}
                What::File(_) => break,
            }
            next = expansion.outer;
        }
        self.in_file(file, from)
    }

    pub(crate) fn uses(&self, at: usize) -> Vec<(String, Place<'_>)> {
        let mut uses = Vec::new();
        let mut next = piece_at(&self.pieces, at).and_then(|(piece, _)| piece.expansion);
        while let Some(expansion) = next.filter(|_| uses.len() < MAX_USES) {
            let expansion = &self.expansions[expansion as usize];
            uses.push((expansion.what.to_string(), self.in_file(expansion.file, expansion.at)));
            next = expansion.outer;
        }
        uses
    }
}

/// The piece that a byte is in, and where in its file the byte was written.
pub(crate) fn piece_at(pieces: &[Piece], at: usize) -> Option<(&Piece, usize)> {
    let piece = &pieces[pieces.partition_point(|piece| piece.at <= at).checked_sub(1)?];
    Some((piece, if piece.verbatim { piece.from + (at - piece.at) } else { piece.from }))
}
