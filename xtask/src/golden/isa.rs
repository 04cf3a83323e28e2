//! `cargo xtask golden isa FILE`: instructions, as kernels and other tools see them.
//!
//! A file's first line tells what is recorded in it. A name that ends in `.xz` is unpacked by `xz`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use skep_isa::{Endian, Insn, decode_all};

use super::cases::{Cases, Verdict};
use crate::command;
use crate::error::Error;

/// A kind of file: the columns its heading begins with, and who reads the rows.
type Kind = (&'static str, fn(&str, &mut Cases) -> Result<(), Error>);

const KINDS: [Kind; 2] = [("op\tdst\tsrc\toff\timm\tkernel618", opmap), ("name\tcpu\tgroup\thex_le", forms)];

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
fn opmap(text: &str, cases: &mut Cases) -> Result<(), Error> {
    for line in text.lines().skip(1) {
        let [op, dst, src, off, imm, kernel, log, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
            cases.case(line, Verdict::Different, json!({ "expected": "seven columns" }))?;
            continue;
        };
        let name = [op, dst, src, off, imm].join(" ");
        let Some(code) = slots(op, [dst, src, off, imm]) else {
            cases.case(&name, Verdict::Different, json!({ "expected": "the fields of an instruction" }))?;
            continue;
        };
        let row = decode_all(&code, Endian::Little).ok().and_then(|insns| insns.first()?.row());
        let is_accepted = row.is_some_and(|row| row.linux != (0, 0) && row.linux <= (6, 18));
        let verdict = match kernel == "ok" {
            // Why the program was refused may have come before the look at the encoding, or after.
            false if !is_about_encoding(log) => Verdict::Untold,
            expected if expected == is_accepted => Verdict::Same,
            _ => Verdict::Different,
        };
        let form = row.map_or("raw", |row| row.name);
        cases.case(
            &name,
            verdict,
            json!({ "form": form, "accepted": is_accepted, "kernel": kernel, "log": log }),
        )?;
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

/// The slot with these fields, and the zeros that followed it.
fn slots(opcode: &str, fields: [&str; 4]) -> Option<Vec<u8>> {
    let opcode = u8::from_str_radix(opcode.trim_start_matches("0x"), 16).ok()?;
    let [dst, src] = [fields[0].parse::<u8>().ok()?, fields[1].parse::<u8>().ok()?];
    let mut code = vec![opcode, src << 4 | dst & 15];
    code.extend(fields[2].parse::<i16>().ok()?.to_le_bytes());
    code.extend(fields[3].parse::<i32>().ok()?.to_le_bytes());
    code.extend([0; 8]);
    Some(code)
}

/// Whether the kernel's last line speaks of the encoding itself, rather than of what the program does with it.
fn is_about_encoding(line: &str) -> bool {
    let phrases = [
        "reserved fields",
        "unknown opcode",
        "invalid atomic op",
        "invalid may_goto imm",
        "unrecognized bpf_ld_imm",
    ];
    phrases.iter().any(|phrase| line.contains(phrase))
}
