//! What the assembler knows of the two dialects beside their readers: first words, and what is a register.

use std::sync::OnceLock;

use skep_isa::table;
use skep_isa::text::{Dialect, Reader};

use crate::cursor::is_name;

/// The reader of a dialect: made once, it takes the table's templates apart.
pub(crate) fn reader(dialect: Dialect) -> &'static Reader {
    static PSEUDOC: OnceLock<Reader> = OnceLock::new();
    static NORMAL: OnceLock<Reader> = OnceLock::new();
    match dialect {
        Dialect::Pseudoc => PSEUDOC.get_or_init(Reader::pseudoc),
        Dialect::Normal => NORMAL.get_or_init(Reader::normal),
    }
}

/// The words that statements of a dialect start with.
pub(crate) fn mnemonics(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    table::ROWS.iter().filter_map(move |row| {
        let template = match dialect {
            Dialect::Pseudoc => row.pseudoc,
            Dialect::Normal => row.normal,
        };
        let len = template.bytes().position(|b| !is_name(b)).unwrap_or(template.len());
        // What starts with a register has no word to mistype.
        (len > 0 && !is_register(&template[..len])).then_some(&template[..len])
    })
}

/// Whether a word is a register, or meant as one: `r0`, `w10`, `r99`.
pub(crate) fn is_register(word: &str) -> bool {
    let digits = word.strip_prefix(['r', 'w', 'R', 'W']);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
