//! The suites of other people, on every engine of this machine: bpf_conformance and its negatives, uBPF's programs, and
//! the eBPF programs of the kernel's lib/test_bpf.c. Each prints how it went as a table, and may not fall below what it
//! has reached.
//!
//! Programs run as kind `unspec`, with the shifts of RFC 9669, and are refused only where they are not safe: what these
//! suites try out is what instructions do, not what Linux's verifier thinks of whoever writes them. A program that the verifier refuses is counted as
//! refused and has failed nothing by that, unless the suite is one that must pass whole; a wrong result is always a
//! failure. What the suites say of assembly is for the tests of the assembler.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use skep_abi::ProgType;
use skep_host::{Engine, Host, HostError, LoadOptions, TestRun};
use skep_isa::{Endian, decode_all};
use skep_obj::Program;
use skep_testkit::{shared_data, skip, tool};
use skep_user::{UserConfig, UserHost};
use skep_verify::{Rules, Shifts};

/// What came of a program.
enum Outcome {
    /// It ended, with this in r0.
    Returned(u64),
    /// It was refused before it ran.
    Refused(String),
    /// The checked interpreter stopped it, which it never may.
    Trapped(String),
}

/// Runs a program on its memory. Each has a host of its own.
fn run(code: &[u8], memory: &[u8], engine: Engine) -> Outcome {
    let Ok(insns) = decode_all(code, Endian::Little) else {
        return Outcome::Refused("half a slot".to_owned());
    };
    let mut host = UserHost::new(UserConfig::default());
    let program = Program::from_insns("case", ProgType::Unspec, insns);
    let options = LoadOptions {
        engine,
        memory_bytes: memory.len() as u32,
        rules: Rules::Safety,
        shifts: Shifts::Rfc9669,
        ..LoadOptions::default()
    };
    let prog = match host.load(&program, &[], &options) {
        Ok((prog, _)) => prog,
        Err(HostError::Refused { report, .. }) => return Outcome::Refused(report.to_string()),
        Err(other) => return Outcome::Refused(other.to_string()),
    };
    match host.test_run(prog, &TestRun { data: memory, ..TestRun::default() }) {
        Ok(result) => Outcome::Returned(result.r0.expect("the user host sees all of r0")),
        Err(error) => Outcome::Trapped(error.to_string()),
    }
}

/// The engines that this machine has, by name.
fn engines() -> Vec<(&'static str, Engine)> {
    let mut found = vec![("interp", Engine::Interp)];
    if skep_vm::Engine::best() == skep_vm::Engine::Jit {
        found.push(("jit", Engine::Jit));
    }
    found
}

/// How a suite went on an engine.
#[derive(Default)]
struct Tally {
    passed: usize,
    /// Refused, by the reason with its numbers left out.
    refused: BTreeMap<String, usize>,
    /// Programs that Linux takes and skep does not.
    unlike_linux: Vec<String>,
    failed: Vec<String>,
}

impl Tally {
    fn refused(&self) -> usize {
        self.refused.values().sum()
    }

    fn refuse(&mut self, reason: &str) {
        let reason = reason.split_once(": ").map_or(reason, |(_, reason)| reason);
        let mut kind = String::new();
        for part in reason.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()) {
            kind += if kind.is_empty() { "" } else { "#" };
            kind += part;
        }
        *self.refused.entry(kind.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
    }

    /// Counts a program that is to return this.
    fn expect(&mut self, name: &str, outcome: Outcome, expected: u64, mask: u64) -> bool {
        match outcome {
            Outcome::Returned(r0) if r0 & mask == expected & mask => self.passed += 1,
            Outcome::Returned(r0) => {
                self.failed.push(format!("{name}: expected {expected:#x}, found {r0:#x}"));
            }
            Outcome::Trapped(why) => self.failed.push(format!("{name}: {why}")),
            Outcome::Refused(why) => {
                self.refuse(&why);
                return false;
            }
        }
        true
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} passed {:>6} refused {:>6} failed", self.passed, self.refused(), self.failed.len())
    }
}

/// Prints a suite's table and holds it to nothing having failed.
fn report(suite: &str, tallies: &[(&'static str, Tally)]) {
    for (engine, tally) in tallies {
        println!("{suite:24} {engine:8} {tally}");
    }
    for (engine, tally) in tallies {
        for (reason, count) in &tally.refused {
            println!("    {engine}: {count:>4} refused: {reason}");
        }
        for line in &tally.unlike_linux {
            println!("    {engine}: refused, but not by Linux: {line}");
        }
        assert!(tally.failed.is_empty(), "{suite}, {engine}: {:#?}", tally.failed);
    }
}

/// Bytes from hex digits, with or without blanks.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).expect("hex digits")
    };
    digits.chunks(2).map(byte).collect()
}

/// The cases of a file with a JSON object a line.
fn cases(text: &str) -> impl Iterator<Item = Json> + '_ {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON"))
}

fn string<'a>(case: &'a Json, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

/// The number that a case says r0 is.
fn result(case: &Json) -> Option<u64> {
    u64::from_str_radix(string(case, "result").trim_start_matches("0x"), 16).ok()
}

#[test]
fn bpf_conformance_passes_whole() {
    let Some(path) = shared_data("isa/conformance.jsonl") else {
        skip!("isa/conformance.jsonl is not there")
    };
    let text = fs::read_to_string(path).expect("readable");
    let mut tallies = Vec::new();
    for (name, engine) in engines() {
        let mut tally = Tally::default();
        for case in cases(&text) {
            let outcome = run(&hex(string(&case, "hex")), &hex(string(&case, "mem")), engine);
            tally.expect(string(&case, "name"), outcome, result(&case).expect("a result"), u64::MAX);
        }
        tallies.push((name, tally));
    }
    report("bpf_conformance", &tallies);
    for (engine, tally) in tallies {
        assert_eq!((tally.passed, tally.refused()), (313, 0), "{engine}");
    }
}

/// Its own runner takes their bytes for words, and so finds no instruction in them and skips them all.
#[test]
fn bpf_conformance_negatives_are_all_refused() {
    let Some(path) = shared_data("isa/conformance_negative.jsonl") else {
        skip!("isa/conformance_negative.jsonl is not there")
    };
    let text = fs::read_to_string(path).expect("readable");
    let mut tallies = Vec::new();
    for (name, engine) in engines() {
        let mut tally = Tally::default();
        for case in cases(&text).filter(|case| case["raw"].is_string()) {
            match run(&hex(string(&case, "raw")), &hex(string(&case, "mem")), engine) {
                Outcome::Refused(_) => tally.refuse("a reserved field is used"),
                _ => tally.failed.push(format!("{}: it was taken", string(&case, "name"))),
            }
        }
        tallies.push((name, tally));
    }
    report("bpf_conformance negative", &tallies);
    for (engine, tally) in tallies {
        assert_eq!(tally.refused(), 45, "{engine}");
    }
}

/// Those of its programs that are to be run; the verifier refuses some for what uBPF finds out when they run.
#[test]
fn ubpf_programs_return_what_they_should() {
    let Some(path) = shared_data("isa/ubpf_tests.jsonl") else { skip!("isa/ubpf_tests.jsonl is not there") };
    let text = fs::read_to_string(path).expect("readable");
    let mut tallies = Vec::new();
    for (name, engine) in engines() {
        let mut tally = Tally::default();
        for case in cases(&text).filter(|case| result(case).is_some()) {
            let outcome = run(&hex(string(&case, "hex")), &hex(string(&case, "mem")), engine);
            tally.expect(string(&case, "name"), outcome, result(&case).expect("a result"), u64::MAX);
        }
        tallies.push((name, tally));
    }
    report("uBPF", &tallies);
    for (engine, tally) in tallies {
        assert!(tally.passed >= UBPF, "{engine}: {} passed", tally.passed);
    }
}

/// What has been reached.
const UBPF: usize = 30;
const TEST_BPF_SMALL: usize = 701;
const TEST_BPF_ALL: usize = 913;

/// A program of lib/test_bpf.c.
struct TestBpf<'a> {
    name: &'a str,
    large_memory: bool,
    data: &'a str,
    /// Sizes of data, and the low half of r0 for each.
    subtests: Vec<(usize, u64)>,
    code: &'a str,
    /// Whether Linux takes it as XDP and it returns the right result, where that was tried.
    linux: bool,
}

/// The context is `size` bytes of memory.
const LARGE_MEM: u32 = 0x10;

impl TestBpf<'_> {
    /// The case that a row describes; none for classic BPF, and for programs that are wrong on purpose.
    fn parse(line: &str) -> Option<TestBpf<'_>> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, name, "ebpf", aux, "0", _, _, data, subtests, _, code, ref linux @ ..] = columns[..] else {
            return None;
        };
        let aux = u32::from_str_radix(aux.trim_start_matches("0x"), 16).expect("flags");
        let subtest = |text: &str| {
            let (size, result) = text.split_once(':').expect("size and result");
            let result = u64::from_str_radix(result.trim_start_matches("0x"), 16).expect("a result");
            (size.parse().expect("a size"), result)
        };
        let subtests = subtests.split(',').map(subtest).collect();
        let linux = linux.first() == Some(&"OK");
        Some(TestBpf { name, large_memory: aux & LARGE_MEM != 0, data, subtests, code, linux })
    }

    /// Counts it once, by the first subtest that does not pass.
    fn count(&self, engine: Engine, tally: &mut Tally) {
        let code = hex(self.code);
        let before = tally.passed;
        for &(size, expected) in &self.subtests {
            let mut memory = hex(self.data);
            memory.resize(if self.large_memory { size } else { 0 }, 0);
            let outcome = run(&code, &memory, engine);
            if let (Outcome::Refused(why), true) = (&outcome, self.linux) {
                tally.unlike_linux.push(format!("{}: {why}", self.name));
            }
            tally.passed = before;
            if !tally.expect(self.name, outcome, expected, u64::from(u32::MAX)) || tally.passed == before {
                return;
            }
        }
    }
}

fn test_bpf(suite: &str, lines: impl Iterator<Item = String>, least: usize) {
    let mut tallies: Vec<_> =
        engines().into_iter().map(|(name, engine)| (name, engine, Tally::default())).collect();
    let mut total = 0;
    for line in lines {
        let Some(case) = TestBpf::parse(&line) else { continue };
        total += 1;
        for (_, engine, tally) in &mut tallies {
            case.count(*engine, tally);
        }
    }
    println!("{suite}: {total} eBPF programs that are not wrong on purpose");
    let tallies: Vec<_> = tallies.into_iter().map(|(name, _, tally)| (name, tally)).collect();
    report(suite, &tallies);
    for (engine, tally) in tallies {
        assert!(tally.passed >= least, "{engine}: {} passed, expected at least {least}", tally.passed);
        assert!(
            tally.unlike_linux.is_empty(),
            "{engine} refuses what Linux takes: {:#?}",
            tally.unlike_linux
        );
    }
}

#[test]
fn small_programs_of_test_bpf_return_what_they_should() {
    let Some(path) = shared_data("isa/test_bpf_small.tsv") else {
        skip!("isa/test_bpf_small.tsv is not there")
    };
    let text = fs::read_to_string(path).expect("readable");
    test_bpf("test_bpf, small", text.lines().map(str::to_owned), TEST_BPF_SMALL);
}

/// Ten seconds of work and 232 MB, so it is only done where it is asked for: `cargo xtask conformance --full`.
#[test]
#[ignore = "reads 232 MB"]
fn all_programs_of_test_bpf_return_what_they_should() {
    let Some(path) = shared_data("isa/test_bpf_all.tsv.xz") else {
        skip!("isa/test_bpf_all.tsv.xz is not there")
    };
    let Some(xz) = tool("xz") else { skip!("xz is not installed") };
    let mut unpack = Command::new(xz)
        .arg("--decompress")
        .arg("--stdout")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("xz starts");
    let rows = BufReader::new(unpack.stdout.take().expect("its output"));
    test_bpf("test_bpf, all", rows.lines().map(|line| line.expect("a row")), TEST_BPF_ALL);
    assert!(unpack.wait().expect("xz ends").success());
}
