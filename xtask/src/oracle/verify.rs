//! `cargo xtask oracle verify`: random structured programs, ours and the kernel's verdict.
//!
//! The programs are those of `skep-user`'s property test: packet checks that are right or nearly so, lookups with and
//! without null checks, loops, spills, calls. What we accept and the kernel refuses is the class that matters: each such
//! program runs in the checked interpreter and natively, many times, and the task ends with a panic if it ever leaves its
//! memory. Unless the kernel's reason is one of [`EXCUSED`], it is printed to be looked at.

// What that test does with its programs is not asked here.
#[allow(dead_code)]
#[path = "../../../crates/skep-user/tests/dubious/mod.rs"]
mod dubious;

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::Unstructured;
use skep::LinuxHost;
use skep_host::{Host as _, HostError, LoadOptions, MapId};
use skep_obj::Program;
use skep_verify::{Options, verify};

use super::VerifyArguments as Arguments;
use crate::error::Error;

/// Most random bytes that a program is made of.
const BYTES: usize = 768;

/// Packets that a program runs on which we accept and the kernel refuses.
const RUNS: usize = 64;

/// Words of the kernel for refusals that are no danger, and why we accept nevertheless.
const EXCUSED: &[(&str, &str)] = &[
    ("BPF program is too large", "the kernel needs more steps than it allows; we need fewer"),
    ("the sequence of", "the kernel keeps more branches for later than it allows"),
    ("tail_call is not allowed in subprogs without BTF", "a matter of how the program was compiled"),
];

/// Asks, and prints a table of classes.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut kernel = match Kernel::new() {
        Ok(kernel) => kernel,
        Err(error) => {
            println!("skipped: oracle verify: the kernel makes no maps for us: {error}");
            return Ok(());
        }
    };
    let mut seen = Seen::default();
    let mut random = Random(arguments.seed);
    for _ in 0..arguments.programs {
        let bytes = random.bytes();
        let Ok(program) = dubious::program(&mut Unstructured::new(&bytes)) else { continue };
        let program = Arc::new(program);
        let ours = verify(program.clone(), &Options::default());
        let linux = kernel.load(&program);
        if let (Ok(_), Err(_)) = (&ours, &linux) {
            for _ in 0..RUNS {
                // Too few bytes for a packet, if ever, are no failure.
                let _ = dubious::run(&program, &mut Unstructured::new(&random.bytes()));
            }
        }
        seen.count(&program, ours.err().map(|e| e.reason.to_string()), linux.err(), arguments.show);
    }
    seen.print();
    Ok(())
}

/// The running kernel, with the maps that the programs use.
struct Kernel {
    host: LinuxHost,
    maps: Vec<MapId>,
    loaded: usize,
}

/// Programs that are kept loaded: a host keeps them all, and a process has so many descriptors.
const KEPT: usize = 256;

impl Kernel {
    fn new() -> Result<Kernel, HostError> {
        let mut host = LinuxHost::new();
        let specs = dubious::maps();
        let maps = specs.iter().map(|spec| dubious::make_map(&mut host, spec)).collect::<Result<_, _>>()?;
        Ok(Kernel { host, maps, loaded: 0 })
    }

    fn load(&mut self, program: &Program) -> Result<(), HostError> {
        if self.loaded == KEPT {
            *self = Kernel::new()?;
        }
        self.loaded += 1;
        self.host.load(program, &self.maps, &LoadOptions::default()).map(|_| ())
    }
}

/// How it has gone.
#[derive(Default)]
struct Seen {
    total: u64,
    both_accept: u64,
    both_refuse: u64,
    /// We refuse, the kernel accepts: by our reason.
    stricter: BTreeMap<String, u64>,
    /// We accept, the kernel refuses: by its reason.
    excused: BTreeMap<String, u64>,
    looser: BTreeMap<String, u64>,
}

impl Seen {
    fn count(&mut self, program: &Program, ours: Option<String>, kernel: Option<HostError>, show: usize) {
        self.total += 1;
        match (ours, kernel) {
            (None, None) => self.both_accept += 1,
            (Some(_), Some(_)) => self.both_refuse += 1,
            (Some(reason), None) => {
                let count = self.stricter.entry(class(&reason)).or_default();
                *count += 1;
                if *count <= show as u64 {
                    println!("== refused by us alone: {reason}\n{}", dubious::text(program));
                }
            }
            (None, Some(error)) => {
                let reason = error.to_string();
                let excused = EXCUSED.iter().any(|(words, _)| reason.contains(words));
                let table = if excused { &mut self.excused } else { &mut self.looser };
                let count = table.entry(class(&reason)).or_default();
                *count += 1;
                if !excused && *count <= show as u64 {
                    println!("== refused by the kernel alone: {reason}\n{}", dubious::text(program));
                }
            }
        }
    }

    fn print(&self) {
        let sum = |table: &BTreeMap<String, u64>| table.values().sum::<u64>();
        println!("{} programs", self.total);
        println!("both accept                  {}", self.both_accept);
        println!("both refuse                  {}", self.both_refuse);
        for (name, table) in [
            ("refused by us alone         ", &self.stricter),
            ("refused by the kernel, excused", &self.excused),
            ("refused by the kernel alone, harmless when run", &self.looser),
        ] {
            println!("{name} {}", sum(table));
            for (reason, count) in table {
                println!("    {count:>6} {reason}");
            }
        }
    }
}

/// A reason without its numbers, and only the first line of it.
fn class(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    let mut class = String::new();
    for c in line.chars() {
        if !c.is_ascii_digit() {
            class.push(c);
        } else if !class.ends_with('#') {
            class.push('#');
        }
    }
    class.chars().take(160).collect()
}

/// `SplitMix64`: the same seed gives the same programs everywhere.
struct Random(u64);

impl Random {
    fn bytes(&mut self) -> Vec<u8> {
        (0..BYTES / 8).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
