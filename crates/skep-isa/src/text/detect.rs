//! Which language a source is in, by the vote of its lines.
//!
//! A line votes for the language whose own marks it has: a register with `%`, an opcode byte in parentheses, a
//! word that no other language has. Most lines of GNU's mnemonics are uBPF's as well; such a line votes for the
//! former, and a single line that only the latter has then decides. A source without any mark is pseudo-C, and so
//! is one that starts with `.dialect`, which says what follows by itself.

use alloc::string::{String, ToString};

use super::foreign::{Language, rbpf, ubpf};
use crate::table::ROWS;

/// Most bytes of a source that are looked at: marks come early.
pub const MAX_DETECT_BYTES: usize = 1 << 14;
/// Most bytes of a line that are shown as evidence.
const MAX_EVIDENCE: usize = 60;

/// What a source is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The language.
    pub language: Language,
    /// Lines that have a mark of it, and lines that have one of another language.
    pub votes: (usize, usize),
    /// The first line that has a mark of it, counted from 1, and its text; none if it is taken for want of marks.
    pub evidence: Option<(usize, String)>,
}

/// Tells the language of a source.
///
/// ```
/// use skep_isa::text::{detect, foreign::Language};
/// assert_eq!(detect("r0 = 1\nexit").language, Language::Pseudoc);
/// assert_eq!(detect("mov %r0,1\nexit").language, Language::Normal);
/// assert_eq!(detect("be16 %r0\nexit").language, Language::Ubpf);
/// assert_eq!(detect("mov64 r0, 0x1\nexit").language, Language::Rbpf);
/// assert_eq!(detect("0: (b7) r0 = 1\n1: (95) exit").language, Language::Kernel);
/// ```
pub fn detect(source: &str) -> Detected {
    let mut votes = [0usize; Language::ALL.len()];
    let mut first = [None; Language::ALL.len()];
    let mut end = source.len().min(MAX_DETECT_BYTES);
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    let mut in_comment = false;
    let own_exit = source[..end].lines().any(|line| line.trim_start().starts_with("exit:"));
    for (index, line) in source[..end].lines().enumerate() {
        let line = line.trim();
        if in_comment || line.starts_with("/*") {
            in_comment = !line.contains("*/");
            continue;
        }
        if line.starts_with(".dialect") {
            break;
        }
        if let Some(language) = vote(line, own_exit) {
            votes[language as usize] += 1;
            first[language as usize].get_or_insert((index + 1, line));
        }
    }
    let count = |language: Language| votes[language as usize];
    let kernel = count(Language::Kernel);
    let mnemonic = count(Language::Normal) + count(Language::Ubpf) + count(Language::Rbpf);
    let language = if kernel > 0 && kernel >= mnemonic {
        // Instructions with numbers, and what only a verifier says of them.
        if count(Language::Log) > 0 { Language::Log } else { Language::Kernel }
    } else if mnemonic > count(Language::Pseudoc) {
        let (ubpf, rbpf) = (count(Language::Ubpf), count(Language::Rbpf));
        match (ubpf, rbpf) {
            (0, 0) => Language::Normal,
            _ if rbpf > ubpf => Language::Rbpf,
            _ => Language::Ubpf,
        }
    } else {
        Language::Pseudoc
    };
    let total: usize = votes.iter().sum();
    let evidence = first[language as usize].map(|(line, text)| (line, shortened(text)));
    Detected { language, votes: (count(language), total - count(language)), evidence }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_EVIDENCE) {
        None => text.to_string(),
        Some((end, _)) => text[..end].to_string() + "...",
    }
}

/// The language whose mark a line has.
fn vote(line: &str, own_exit: bool) -> Option<Language> {
    let line = after_label(line);
    if line.is_empty() || line.starts_with(['#', '.', ';', '"']) || line.starts_with("//") {
        return None;
    }
    if is_verifiers(line) {
        return Some(Language::Log);
    }
    if is_numbered(line)
        || line.contains("goto pc+")
        || line.contains("goto pc-")
        || has_function_number(line)
    {
        return Some(Language::Kernel);
    }
    let word_len = line.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(line.len());
    let (word, rest) = (&line[..word_len], line[word_len..].trim_start());
    let is_assigned = ["=", "+=", "-=", "*=", "/=", "|=", "&=", "^=", "%=", "<<=", ">>=", "s"];
    if is_register(word) && is_assigned.iter().any(|sign| rest.starts_with(sign)) {
        return Some(Language::Pseudoc);
    }
    if line.starts_with("*(") || line.starts_with("* (") || matches!(word, "goto" | "gotol" | "if") {
        return Some(Language::Pseudoc);
    }
    // A call of a register is uBPF's own, but a register alone is no mark.
    if ubpf::is_own(line) {
        return Some(Language::Ubpf);
    }
    let operand = |name: &str| rest.trim_start_matches('[').starts_with(name);
    let converts = ["le16", "le32", "le64", "be16", "be32", "be64", "swap16", "swap32", "swap64"];
    if converts.contains(&word) {
        return Some(if operand("%") { Language::Ubpf } else { Language::Rbpf });
    }
    if rbpf::is_own(line) {
        return Some(Language::Rbpf);
    }
    if !is_mnemonic(word) {
        return None;
    }
    // `exit` as a label that nobody defined is uBPF's first `exit`.
    if !own_exit && word.starts_with('j') && rest.split('#').next()?.trim_end().ends_with("exit") {
        return Some(Language::Ubpf);
    }
    if operand("%") {
        return Some(Language::Normal);
    }
    operand("r").then_some(Language::Rbpf)
}

/// The line after its label. A number with a colon is one, too, but the kernel's.
fn after_label(line: &str) -> &str {
    match line.split_once(':') {
        Some((name, rest)) if !name.is_empty() && !name.bytes().all(|b| b.is_ascii_digit()) => {
            let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$'));
            if word { rest.trim_start() } else { line }
        }
        _ => line,
    }
}

/// `12: (bf) r6 = r1`, `(bf) r6 = r1`
fn is_numbered(line: &str) -> bool {
    super::foreign::kernel::split(line).opcode.is_some()
}

/// What the verifier prints beside instructions.
fn is_verifiers(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after_number.len() < line.len() && after_number.starts_with(": R");
    let state = |text: &str| {
        let text = text.strip_prefix('R').unwrap_or_default();
        let text = text.trim_start_matches(|c: char| c.is_ascii_digit());
        text.starts_with('=') || text.starts_with('_')
    };
    (numbered && state(&after_number[2..]))
        || (is_numbered(line) && line.split_once(';').is_some_and(|(_, rest)| state(rest.trim_start())))
        || (line.starts_with("from ") && line.contains(" to ") && line.contains(':'))
        || (line.starts_with("processed ") && line.contains(" insns"))
        || line.starts_with("func#")
}

/// `call bpf_map_lookup_elem#1`
fn has_function_number(line: &str) -> bool {
    line.starts_with("call ")
        && line.split_once('#').is_some_and(|(name, number)| {
            !name.ends_with(' ') && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        })
}

fn is_register(word: &str) -> bool {
    let digits = word.strip_prefix(['r', 'w', 'R', 'W']).unwrap_or_default();
    !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a statement of GNU's mnemonics starts with this word, and none of pseudo-C.
fn is_mnemonic(word: &str) -> bool {
    let first = |text: &'static str| text.split(' ').next();
    ROWS.iter().any(|row| first(row.normal) == Some(word) && first(row.pseudoc) != Some(word))
        || matches!(word, "xaddw" | "xadddw")
}
