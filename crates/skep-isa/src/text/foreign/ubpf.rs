//! The assembly of uBPF and bpf_conformance: GNU's mnemonics but for the words listed here.
//!
//! Source: bpf_conformance f558566 and the texts of its 313 tests; uBPF 2a8edd1.

use super::rewrite::{Rewritten, Spelling, after_words, respell, word_at};

/// Its words, and GNU's for them.
const SPELLINGS: &[Spelling] = &[
    ("le16", "endle", ",16"),
    ("le32", "endle", ",32"),
    ("le64", "endle", ",64"),
    ("be16", "endbe", ",16"),
    ("be32", "endbe", ",32"),
    ("be64", "endbe", ",64"),
    ("bswap16", "bswap", ",16"),
    ("bswap32", "bswap", ",32"),
    ("bswap64", "bswap", ",64"),
    ("swap16", "bswap", ",16"),
    ("swap32", "bswap", ",32"),
    ("swap64", "bswap", ",64"),
    ("movsx864", "movs", ",8"),
    ("movsx1664", "movs", ",16"),
    ("movsx3264", "movs", ",32"),
    ("movsx832", "movs32", ",8"),
    ("movsx1632", "movs32", ",16"),
    ("ja32", "jal", ""),
    ("lock add", "aadd", ""),
    ("lock or", "aor", ""),
    ("lock and", "aand", ""),
    ("lock xor", "axor", ""),
    ("lock fetch add", "afadd", ""),
    ("lock fetch or", "afor", ""),
    ("lock fetch and", "afand", ""),
    ("lock fetch xor", "afxor", ""),
    ("lock xchg", "axchg", ""),
    ("lock cmpxchg", "acmp", ""),
    ("lock add32", "aadd32", ""),
    ("lock or32", "aor32", ""),
    ("lock and32", "aand32", ""),
    ("lock xor32", "axor32", ""),
    ("lock fetch add32", "afadd32", ""),
    ("lock fetch or32", "afor32", ""),
    ("lock fetch and32", "afand32", ""),
    ("lock fetch xor32", "afxor32", ""),
    ("lock xchg32", "axchg32", ""),
    ("lock cmpxchg32", "acmp32", ""),
    ("call runtime", "call kfunc(", ", 0)"),
];

/// The statement in GNU's mnemonics, where that differs.
pub(super) fn rewrite(statement: &str) -> Option<Rewritten> {
    respell(statement, SPELLINGS).or_else(|| call(statement))
}

/// `call local NAME`, `call local +3`, `call helper 1`, and `call %r2`, which GNU has another word for.
fn call(statement: &str) -> Option<Rewritten> {
    let operand = after_words(statement, "call")?;
    let register = statement[operand..].starts_with('%');
    let (front, start) = if register {
        ("callx ", operand)
    } else if let Some(start) = after_words(statement, "call local") {
        let name = word_at(statement, start).bytes().next().is_some_and(|b| !b.is_ascii_digit());
        // A distance counts from the next instruction, a name is a function.
        match (name, statement[start..].starts_with(['+', '-'])) {
            (true, _) => ("call ", start),
            (false, true) => ("call pc", start),
            (false, false) => ("call pc+", start),
        }
    } else if let Some(start) = after_words(statement, "call helper") {
        // Its disassembler prints a call by register so, too.
        (if statement[start..].starts_with('%') { "callx " } else { "call " }, start)
    } else {
        return None;
    };
    Some(Rewritten::default().word(front).piece(statement, start..statement.len()))
}

/// Whether a statement has a word that only this language has.
pub(in crate::text) fn is_own(statement: &str) -> bool {
    let shared = ["le16", "le32", "le64", "be16", "be32", "be64", "swap16", "swap32", "swap64"];
    let own = |(words, ..): &Spelling| !shared.contains(words) && after_words(statement, words).is_some();
    SPELLINGS.iter().any(own)
        || ["call local", "call helper"].iter().any(|words| after_words(statement, words).is_some())
}
