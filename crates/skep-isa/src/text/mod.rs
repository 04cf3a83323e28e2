//! One instruction as text, both ways, in both dialects, from the table's templates.
//!
//! Labels, symbols' values, directives and files are not known here: a reader reports the symbol that stood in
//! an operand's place, and `skep-asm` resolves it.

mod detect;
pub mod foreign;
#[allow(
    clippy::inline_always,
    reason = "one call a statement: as separate functions these are a third slower"
)]
mod frame;
mod lex;
mod line;
mod matcher;
mod read;
#[allow(
    clippy::inline_always,
    reason = "one call a statement: as separate functions these are a third slower"
)]
mod scan;
#[allow(
    clippy::inline_always,
    reason = "one call a statement: as separate functions these are a third slower"
)]
mod skeleton;
mod template;
mod write;

pub(crate) use lex::{Kind, Token, tokens};

pub use detect::{Detected, MAX_DETECT_BYTES, detect};
pub use read::{Cause, Field, Lines, MAX_DEPTH, Parsed, Reader, Reference, TextError};
pub use write::Writer;

/// The two written languages of BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// LLVM's and GNU's pseudo-C: `r0 = 1`.
    Pseudoc,
    /// GNU's mnemonics: `mov %r0,1`.
    Normal,
}

impl Dialect {
    /// The dialect with this name, as `.dialect` takes it.
    pub fn by_name(name: &str) -> Option<Dialect> {
        match name {
            "pseudoc" => Some(Dialect::Pseudoc),
            "normal" => Some(Dialect::Normal),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Pseudoc => "pseudoc",
            Dialect::Normal => "normal",
        }
    }
}
