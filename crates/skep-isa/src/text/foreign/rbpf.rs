//! The assembly of rbpf: GNU's mnemonics with bare registers, a width behind every operation, and its own words
//! for what came later.
//!
//! Its disassembler prints less than there is: signed divisions and sign-extending moves as plain ones, every
//! atomic as an addition, calls by register as `tail_call`. What it prints of those can't be told from what it
//! prints of others.
//!
//! Source: rbpf 0.4.1.

use alloc::format;

use super::rewrite::{Rewritten, Spelling, after_words, blanks, respell, word_at};
use crate::table::ROWS;

/// Its words, and GNU's for them.
const SPELLINGS: &[Spelling] = &[
    ("le16", "endle", ",16"),
    ("le32", "endle", ",32"),
    ("le64", "endle", ",64"),
    ("be16", "endbe", ",16"),
    ("be32", "endbe", ",32"),
    ("be64", "endbe", ",64"),
    ("stxxaddw", "aadd32", ""),
    ("stxxadddw", "aadd", ""),
];

/// The statement in GNU's mnemonics, where that differs.
pub(super) fn rewrite(statement: &str) -> Option<Rewritten> {
    respell(statement, SPELLINGS).or_else(|| wide(statement)).or_else(|| local_call(statement))
}

/// `add64`: GNU's `add`.
fn wide(statement: &str) -> Option<Rewritten> {
    let (start, word) = first(statement);
    let bare = is_wide(word).then(|| word.trim_end_matches("64"))?;
    let rest = start + word.len();
    Some(
        Rewritten::default()
            .piece(statement, start..start + bare.len())
            .piece(statement, rest..statement.len()),
    )
}

/// Whether a word is an operation with its width behind it.
fn is_wide(word: &str) -> bool {
    // Operations of both widths are those that have a word with 32 behind it, too.
    let Some(bare) = word.strip_suffix("64") else { return false };
    let narrow = format!("{bare}32");
    let has = |mnemonic: &str| ROWS.iter().any(|row| row.normal.split(' ').next() == Some(mnemonic));
    has(bare) && has(&narrow)
}

/// `callx 0x3`: a local call.
fn local_call(statement: &str) -> Option<Rewritten> {
    let operand = after_words(statement, "callx")?;
    let number = statement[operand..].starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let sign = if statement[operand..].starts_with('-') { "" } else { "+" };
    number.then(|| Rewritten::default().word("call pc").word(sign).piece(statement, operand..statement.len()))
}

fn first(statement: &str) -> (usize, &str) {
    let start = blanks(statement);
    (start, word_at(statement, start))
}

/// Whether a statement has a word that only this language has.
pub(in crate::text) fn is_own(statement: &str) -> bool {
    let (_, word) = first(statement);
    is_wide(word) || word.starts_with("stxxadd")
}
