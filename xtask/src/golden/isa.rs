//! `cargo xtask golden isa FILE`: instructions, as kernels and other tools see them.
//!
//! A file's first line tells what is recorded in it. A name that ends in `.xz` is unpacked by `xz`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use skep_isa::{Endian, Insn, Rules, SLOT_BYTES, decode_all, judge};

use self::opmap::{OpmapRow, Told};
use super::cases::{Cases, Verdict};
use crate::command;
use crate::error::Error;

/// How the rows of `kernel618_opmap.tsv` are read, as a test of `skep-isa` reads them.
#[path = "../../../crates/skep-isa/tests/opmap/mod.rs"]
mod opmap;

/// A kind of file: the columns its heading begins with, and who reads the rows.
type Kind = (&'static str, fn(&str, &mut Cases) -> Result<(), Error>);

const KINDS: [Kind; 2] =
    [("op\tdst\tsrc\toff\timm\tkernel618", encodings), ("name\tcpu\tgroup\thex_le", forms)];

/// Prints every case of the file.
pub(super) fn run(file: &Path) -> Result<(), Error> {
    let text = read(file)?;
    let Some((_, print)) = KINDS.iter().find(|(heading, _)| text.starts_with(heading)) else {
        let heading: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
        return Err(Error::GoldenKind { path: file.to_owned(), heading });
    };
    let mut cases = Cases::new(file);
    print(&text, &mut cases)?;
    cases.finish()
}

fn read(file: &Path) -> Result<String, Error> {
    let failed = |error| Error::File { path: file.to_owned(), error };
    if file.extension().is_none_or(|extension| extension != "xz") {
        return fs::read_to_string(file).map_err(failed);
    }
    let bytes = command::output(Command::new("xz").arg("-dc").arg(file))?;
    String::from_utf8(bytes).map_err(|error| failed(std::io::Error::other(error)))
}

/// An encoding, and what the verifier of Linux 6.18 said to it.
fn encodings(text: &str, cases: &mut Cases) -> Result<(), Error> {
    for line in text.lines().skip(1) {
        let Some(row) = OpmapRow::parse(line) else {
            cases.case(line, Verdict::Different, json!({ "expected": "a known answer of the kernel" }))?;
            continue;
        };
        let found = judge(row.slot, Some([0; SLOT_BYTES]), Endian::Little, Rules::Linux(6, 18));
        let verdict = match row.told {
            Told::Nothing => Verdict::Untold,
            told if (told != Told::Refused) == found.is_ok() => Verdict::Same,
            _ => Verdict::Different,
        };
        let (form, why) = match found {
            Ok(row) => (Some(row.name), None),
            Err(refusal) => (None, Some(refusal.to_string())),
        };
        cases.case(&row.name, verdict, json!({ "form": form, "refused": why, "kernel": row.log }))?;
    }
    Ok(())
}

/// A form by its name, and the bytes of one instruction of it.
fn forms(text: &str, cases: &mut Cases) -> Result<(), Error> {
    for line in text.lines().skip(1) {
        let [name, _, _, code, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
            cases.case(line, Verdict::Different, json!({ "expected": "a name and bytes" }))?;
            continue;
        };
        let insns = hex(code).and_then(|code| decode_all(&code, Endian::Little).ok()).unwrap_or_default();
        cases.compare(code, name, insns.first().and_then(Insn::row).map_or("raw", |row| row.name))?;
    }
    Ok(())
}

/// Bytes from pairs of hex digits, blanks between them left out.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| (high << 4 | low) as u8).collect())
}
