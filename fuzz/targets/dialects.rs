//! Languages of others: any text is told, read or refused in each of them, statement by statement and whole.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skep_asm::Options;
use skep_isa::text::foreign::{self, Language, log};
use skep_isa::text::{Dialect, Reader, detect};

static READERS: LazyLock<[Reader; 2]> =
    LazyLock::new(|| [Reader::new(Dialect::Pseudoc), Reader::new(Dialect::Normal)]);

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let told = detect(&text);
    assert!(told.votes.0 > 0 || told.evidence.is_none());
    for language in Language::ALL {
        let reader = READERS.iter().find(|reader| reader.dialect() == language.dialect());
        let reader = reader.expect("one for each dialect");
        for statement in text.lines().map(str::trim) {
            // Whatever is complained of, or referred to, stands in the statement.
            match foreign::read(language, reader, statement, &|_| None) {
                Ok(parsed) => {
                    if let Some(reference) = parsed.reference {
                        assert!(statement[reference.at..].starts_with(reference.symbol), "{statement:?}");
                    }
                }
                Err(error) => assert!(error.at + error.len <= statement.len(), "{statement:?}: {error}"),
            }
        }
        let options = Options { language: Some(language), ..Options::default() };
        let _ = skep_asm::assemble_raw(&text, "fuzz.s", &options);
    }
    if let Ok(listing) = log::read(&text, &READERS[0]) {
        let source = listing.source();
        skep_asm::assemble(&source, "log.s").unwrap_or_else(|errors| panic!("{errors}\n{source}"));
    }
});
