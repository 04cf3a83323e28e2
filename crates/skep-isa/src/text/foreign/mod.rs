//! The languages that others write BPF in, read by way of the two dialects.
//!
//! A statement of another language is rewritten into the dialect that is nearest, operands copied as they are,
//! and read by that dialect's reader; places of errors and of symbols are led back to what was written. No
//! encoding is known here: what a word means is said by the statement that it stands for.
//!
//! It writes none of these languages, and reads no files: labels and comments are for whoever splits a source.
//! Sources: bpf_conformance's and uBPF's assemblers, rbpf 0.4.1's, kernel/bpf/disasm.c of Linux 6.18.

pub mod kernel;
pub mod log;
pub(super) mod rbpf;
mod rewrite;
pub(super) mod ubpf;

pub use rewrite::Rewritten;

use super::read::{Parsed, Reader, Reference, TextError};
use super::{Cause, Dialect};

/// A language that a source may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// LLVM's and GNU's pseudo-C: `r0 = 1`.
    Pseudoc,
    /// GNU's mnemonics, those before binutils 2.41 too: `mov %r0,1`.
    Normal,
    /// uBPF's and bpf_conformance's mnemonics: `lock fetch add [%r1+8], %r2`.
    Ubpf,
    /// rbpf's mnemonics: `add64 r1, 0x7`.
    Rbpf,
    /// What bpftool and the kernel print: `12: (bf) r6 = r1`.
    Kernel,
    /// The log of Linux's verifier, whole.
    Log,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 6] = [
        Language::Pseudoc,
        Language::Normal,
        Language::Ubpf,
        Language::Rbpf,
        Language::Kernel,
        Language::Log,
    ];

    /// Its name, as `.dialect` and options take it.
    pub const fn name(self) -> &'static str {
        match self {
            Language::Pseudoc => "pseudoc",
            Language::Normal => "normal",
            Language::Ubpf => "ubpf",
            Language::Rbpf => "rbpf",
            Language::Kernel => "kernel",
            Language::Log => "log",
        }
    }

    /// The language with this name.
    pub fn by_name(name: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.name() == name)
    }

    /// The dialect by which its statements are read.
    pub const fn dialect(self) -> Dialect {
        match self {
            Language::Normal | Language::Ubpf | Language::Rbpf => Dialect::Normal,
            Language::Pseudoc | Language::Kernel | Language::Log => Dialect::Pseudoc,
        }
    }
}

impl From<Dialect> for Language {
    fn from(dialect: Dialect) -> Language {
        match dialect {
            Dialect::Pseudoc => Language::Pseudoc,
            Dialect::Normal => Language::Normal,
        }
    }
}

/// Reads one statement as a language has it, with the reader of the language's dialect.
///
/// `constant` gives the values of symbols that are known to be plain numbers.
///
/// ```
/// use skep_isa::text::{Reader, foreign::{self, Language}};
///
/// let reader = Reader::normal();
/// let ubpf = foreign::read(Language::Ubpf, &reader, "lock fetch add [%r1+8], %r2", &|_| None).unwrap();
/// assert_eq!(ubpf.insn, reader.insn("afadd [%r1+8],%r2").unwrap().insn);
/// ```
pub fn read<'a>(
    language: Language,
    reader: &Reader,
    statement: &'a str,
    constant: &dyn Fn(&str) -> Option<i64>,
) -> Result<Parsed<'a>, TextError> {
    match language {
        Language::Pseudoc => reader.with(statement, constant),
        Language::Normal => {
            let own = reader.with(statement, constant);
            own.or_else(|error| mnemonics(reader, statement, constant).unwrap_or(Err(error)))
        }
        Language::Ubpf | Language::Rbpf => {
            mnemonics(reader, statement, constant).unwrap_or_else(|| reader.with(statement, constant))
        }
        Language::Kernel | Language::Log => {
            let parsed = match rewrite(language, statement) {
                None => reader.with(statement, constant),
                Some(rewritten) => led_back(reader, statement, &rewritten, constant),
            }?;
            kernel::check(statement, &parsed.insn)?;
            Ok(parsed)
        }
    }
}

/// The statement as its language's dialect has it, where that differs: what a source is translated by.
pub fn rewrite(language: Language, statement: &str) -> Option<Rewritten> {
    match language.dialect() {
        Dialect::Normal => ubpf::rewrite(statement).or_else(|| rbpf::rewrite(statement)),
        Dialect::Pseudoc if language == Language::Pseudoc => None,
        Dialect::Pseudoc => kernel::rewrite(statement),
    }
}

/// Reads a statement that has a word of uBPF or rbpf. The two don't contradict each other: where both have a word,
/// it is the same.
fn mnemonics<'a>(
    reader: &Reader,
    statement: &'a str,
    constant: &dyn Fn(&str) -> Option<i64>,
) -> Option<Result<Parsed<'a>, TextError>> {
    let rewritten = rewrite(Language::Ubpf, statement)?;
    Some(led_back(reader, statement, &rewritten, constant))
}

/// Reads what was written instead of a statement, and leads places back to it.
fn led_back<'a>(
    reader: &Reader,
    statement: &'a str,
    rewritten: &Rewritten,
    constant: &dyn Fn(&str) -> Option<i64>,
) -> Result<Parsed<'a>, TextError> {
    let parsed = reader.with(rewritten.text(), constant).map_err(|error| {
        let (at, len) = rewritten.source(error.at, error.len, statement.len());
        TextError { at, len, cause: error.cause }
    })?;
    let reference = match parsed.reference {
        None => None,
        Some(Reference { field, symbol, addend, at }) => {
            let (at, len) = rewritten.source(at, symbol.len(), statement.len());
            // Symbols are copied, never made: their text is the statement's own.
            let own = statement.get(at..at + len).filter(|own| *own == symbol);
            let unknown = || TextError { at, len, cause: Cause::Symbol(symbol.into()) };
            Some(Reference { field, symbol: own.ok_or_else(unknown)?, addend, at })
        }
    };
    Ok(Parsed { insn: parsed.insn, reference })
}
