//! `cargo xtask golden isa FILE`: instructions, as kernels and other tools see them.
//!
//! A file's first line tells what is recorded in it. A name that ends in `.xz` is unpacked by `xz`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use skep::abi::ProgType;
use skep::host::{Engine, Host, LoadOptions, TestResult, TestRun};
use skep::obj::Program;
use skep::verify::Shifts;
use skep::{UserConfig, UserHost};
use skep_isa::text::Reader;
use skep_isa::{Endian, Insn, Rules, SLOT_BYTES, decode_all, encode_all, judge};

use self::opmap::{OpmapRow, Told};
use super::cases::{Cases, Verdict};
use crate::command;
use crate::error::Error;

/// How the rows of `kernel618_opmap.tsv` are read, as a test of `skep-isa` reads them.
#[path = "../../../crates/skep-isa/tests/opmap/mod.rs"]
mod opmap;

/// A kind of file: the columns its heading begins with, and who reads the rows.
type Kind = (&'static str, fn(&str, &mut Cases) -> Result<(), Error>);

const KINDS: [Kind; 5] = [
    ("op\tdst\tsrc\toff\timm\tkernel618", encodings),
    ("name\tcpu\tgroup\thex_le", forms),
    ("form\tle_hex\tbe_hex\tllvm22_text", texts),
    ("index\tdescr\ttype\taux", kernel_programs),
    ("{", programs),
];

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

/// An instruction in both byte orders and LLVM's text, by a pair of them at a time.
fn texts(text: &str, cases: &mut Cases) -> Result<(), Error> {
    let reader = Reader::pseudoc();
    for line in text.lines().skip(1) {
        let [form, little, big, statement, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
            cases.case(line, Verdict::Different, json!({ "expected": "a form, its bytes and text" }))?;
            continue;
        };
        let decoded =
            |code, endian| hex(code).and_then(|code| decode_all(&code, endian).ok()).unwrap_or_default();
        let insns = decoded(little, Endian::Little);
        let name = insns.first().and_then(Insn::row).map_or("raw", |row| row.name);
        let orders_agree = insns == decoded(big, Endian::Big);
        let read = reader.insn(statement);
        let same_text = read.as_ref().is_ok_and(|parsed| {
            let mut read = vec![parsed.insn];
            read.resize(insns.len(), Insn::TAIL);
            Some(encode_all(&read, Endian::Little)) == hex(little)
        });
        let verdict = match (name == form && orders_agree, same_text) {
            (true, true) => Verdict::Same,
            // What LLVM leaves out of a text can't be read in it: it does not read it back itself.
            (true, false) if !line.ends_with("\trt") => Verdict::Excused,
            _ => Verdict::Different,
        };
        let why = read.err().map(|error| error.to_string());
        cases.case(
            little,
            verdict,
            json!({ "form": name, "orders_agree": orders_agree, "text": statement, "refused": why }),
        )?;
    }
    Ok(())
}

/// What an engine made of a program.
enum Ran {
    Returned(u64),
    Refused(String),
    Trapped(String),
}

/// Runs a program as kind `unspec` on its memory, with the shifts of RFC 9669.
fn run_program(code: &[u8], memory: &[u8], engine: Engine) -> Ran {
    let insns = match decode_all(code, Endian::Little) {
        Ok(insns) => insns,
        Err(error) => return Ran::Refused(error.to_string()),
    };
    let mut host = UserHost::new(UserConfig::default());
    let program = Program::from_insns("case", ProgType::Unspec, insns);
    let options = LoadOptions {
        engine,
        memory_bytes: memory.len() as u32,
        shifts: Shifts::Rfc9669,
        ..LoadOptions::default()
    };
    let prog = match host.load(&program, &[], &options) {
        Ok((prog, _)) => prog,
        Err(error) => return Ran::Refused(error.to_string()),
    };
    match host.test_run(prog, &TestRun { data: memory, ..TestRun::default() }) {
        Ok(TestResult { r0: Some(r0), .. }) => Ran::Returned(r0),
        Ok(_) => Ran::Trapped("r0 is not seen".to_owned()),
        Err(error) => Ran::Trapped(error.to_string()),
    }
}

/// The engines of this machine, by name.
fn engines() -> Vec<(&'static str, Engine)> {
    let mut found = vec![("interp", Engine::Interp)];
    if skep::vm::Engine::best() == skep::vm::Engine::Jit {
        found.push(("jit", Engine::Jit));
    }
    found
}

/// Whether an error that uBPF is to give says nothing of the program: there is none, or a machine is loaded twice.
fn is_of_interface(error: &str) -> bool {
    error.is_empty() || error.contains("code has already been loaded")
}

/// Programs of bpf_conformance and uBPF, a JSON object a line, with the result or the fact that there is none.
fn programs(text: &str, cases: &mut Cases) -> Result<(), Error> {
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap_or_default();
        let string = |key: &str| case[key].as_str().unwrap_or_default();
        let is_negative = string("name").starts_with("unused-") || string("source").ends_with("/negative");
        let code = if string("hex").is_empty() { string("raw") } else { string("hex") };
        let expected = u64::from_str_radix(string("result").trim_start_matches("0x"), 16).ok();
        let (Some(code), Some(memory)) = (hex(code), hex(string("mem"))) else {
            cases.case(string("name"), Verdict::Untold, json!({ "why": "it has no bytes of a program" }))?;
            continue;
        };
        for (engine, choice) in engines() {
            let name = format!("{} {engine}", string("name"));
            let (found, right) = match run_program(&code, &memory, choice) {
                Ran::Returned(r0) => (format!("{r0:#x}"), (expected == Some(r0)) != is_negative),
                Ran::Refused(why) => (format!("refused: {why}"), is_negative || expected.is_none()),
                Ran::Trapped(why) => (format!("trapped: {why}"), false),
            };
            let verdict = match (right, &expected) {
                // A test of what uBPF does beside running programs records no answer, or an error of its interface.
                _ if !is_negative && expected.is_none() && is_of_interface(string("error")) => {
                    Verdict::Untold
                }
                (true, _) => Verdict::Same,
                // uBPF finds out when it runs what a verifier refuses before.
                (false, Some(_)) if found.starts_with("refused") && string("source").contains("ubpf") => {
                    Verdict::Excused
                }
                _ => Verdict::Different,
            };
            let recorded = if is_negative { "not " } else { "" };
            let expected = format!("{recorded}{}", string("result"));
            cases.case(&name, verdict, json!({ "expected": expected, "found": found }))?;
        }
    }
    Ok(())
}

/// The context of a program of lib/test_bpf.c is memory of the size that a subtest says.
const LARGE_MEMORY: u32 = 0x10;

/// The eBPF programs of the kernel's lib/test_bpf.c that are not wrong on purpose; a case is a subtest on an engine.
fn kernel_programs(text: &str, cases: &mut Cases) -> Result<(), Error> {
    for line in text.lines().skip(1) {
        let [_, name, "ebpf", aux, "0", _, _, data, subtests, _, code, ref linux @ ..] =
            line.split('\t').collect::<Vec<_>>()[..]
        else {
            continue;
        };
        let is_large =
            u32::from_str_radix(aux.trim_start_matches("0x"), 16).is_ok_and(|aux| aux & LARGE_MEMORY != 0);
        let taken_by_linux = linux.first() == Some(&"OK");
        let (code, data) = (hex(code).unwrap_or_default(), hex(data).unwrap_or_default());
        for subtest in subtests.split(',') {
            let Some((size, expected)) = subtest.split_once(':') else { continue };
            let mut memory = data.clone();
            memory.resize(if is_large { size.parse().unwrap_or(0) } else { 0 }, 0);
            for (engine, choice) in engines() {
                let (found, verdict) = match run_program(&code, &memory, choice) {
                    // Results are the low halves.
                    Ran::Returned(r0) if format!("{:#x}", r0 as u32) == expected => {
                        (expected.into(), Verdict::Same)
                    }
                    Ran::Returned(r0) => (format!("{:#x}", r0 as u32), Verdict::Different),
                    // The kernel runs these unverified; where its verifier was asked too, ours has to take as much.
                    Ran::Refused(why) if taken_by_linux => (format!("refused: {why}"), Verdict::Different),
                    Ran::Refused(why) => (format!("refused: {why}"), Verdict::Excused),
                    Ran::Trapped(why) => (format!("trapped: {why}"), Verdict::Different),
                };
                let case = format!("{name} {size} {engine}");
                cases.case(&case, verdict, json!({ "expected": expected, "found": found }))?;
            }
        }
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
