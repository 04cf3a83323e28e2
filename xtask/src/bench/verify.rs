//! The verifier beside the running kernel's: recorded programs that Linux accepts, and a filter that is one long chain
//! of rules. Both judge the same instructions; the kernel's time is the *verification time* of its own log.
//!
//! Each program is verified in turns, and of each side the fastest counts. Programs that the kernel under us can't load
//! from their record (a map of a kind it lacks, types it refuses) are counted and left out on both sides.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use skep::LinuxHost;
use skep::compile::CompileOptions;
use skep::host::{Host, LoadOptions, MapId};
use skep_obj::Program;
use skep_testkit::{shared_data, tool};
use skep_verify::{Options, verify};

use crate::error::Error;
use crate::golden::case;
use crate::workspace::Workspace;

/// The programs of the samples, and what their types are in.
const SAMPLES: &str = "verifier/ebpf-samples.jsonl.gz";
const TYPES: &str = "verifier/btf.tar.xz";

/// The filter: a file in `xtask/bench/verify`, and its compiler.
const FILTER: &str = "filter64.c";
const CLANG: &str = "clang-19";

/// Times that each program is verified on each side.
const ROUNDS: usize = 3;

/// How one program went.
struct Measured {
    name: String,
    ours: Duration,
    linux: Duration,
    insns: u64,
    linux_insns: u64,
}

/// Measures, and lays out what it took; `None` if nothing with `part` in its name is there.
pub(super) fn table(workspace: &Workspace, part: &str) -> Result<Option<String>, Error> {
    let samples = "verify/samples".contains(part);
    let filter = "verify/filter64".contains(part);
    if !samples && !filter {
        return Ok(None);
    }
    let mut out = format!(
        "{:<18} {:>8} {:>12} {:>12} {:>8} {:>12} {:>12}\n",
        "benchmark", "programs", "ours ms", "linux ms", "times", "M insns/s", "linux M/s"
    );
    if filter {
        out += &match filter64(workspace) {
            Some(measured) => row("verify/filter64", &[measured]),
            None => {
                format!("verify/filter64: skipped: {CLANG} is not installed, or programs can't be loaded\n")
            }
        };
    }
    if samples {
        out += &samples_rows()?;
    }
    Ok(Some(out))
}

/// One line of the table.
fn row(name: &str, all: &[Measured]) -> String {
    let seconds = |of: fn(&Measured) -> Duration| all.iter().map(of).sum::<Duration>().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a table shows three digits
    let insns = |of: fn(&Measured) -> u64| all.iter().map(of).sum::<u64>() as f64 / 1e6;
    let (ours, linux) = (seconds(|m| m.ours), seconds(|m| m.linux));
    let ratio = |m: &Measured| (m.linux.as_secs_f64() / m.ours.as_secs_f64()).ln();
    let programs = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX));
    let mean = (all.iter().map(ratio).sum::<f64>() / programs).exp();
    format!(
        "{name:<18} {:>8} {:>12.2} {:>12.2} {mean:>8.2} {:>12.2} {:>12.2}\n",
        all.len(),
        ours * 1e3,
        linux * 1e3,
        insns(|m| m.insns) / ours,
        insns(|m| m.linux_insns) / linux,
    )
}

/// The samples: all of them, and the ten that take the kernel longest.
fn samples_rows() -> Result<String, Error> {
    let (Some(file), Some(types)) = (shared_data(SAMPLES), shared_data(TYPES)) else {
        return Ok("verify/samples: skipped: the recorded programs are not there\n".to_owned());
    };
    let mut types = case::Types::new(&types)?;
    let mut measured = Vec::new();
    let (mut refused, mut not_loaded) = (0, 0);
    for line in case::lines(&file)?.lines() {
        let Ok(case) = serde_json::from_str::<Value>(line) else { continue };
        if case["golden_6_18"]["priv"]["verdict"] != "accept" {
            continue;
        }
        let Ok(program) = case::program(&case, &mut types) else { continue };
        match measure(case["id"].as_str().unwrap_or_default(), &Arc::new(program)) {
            Outcome::Measured(m) => measured.push(m),
            Outcome::Refused => refused += 1,
            Outcome::NotLoaded => not_loaded += 1,
        }
    }
    if measured.is_empty() {
        return Ok("verify/samples: skipped: no program can be loaded here\n".to_owned());
    }
    let mut out = row("verify/samples", &measured);
    measured.sort_by_key(|m| std::cmp::Reverse(m.linux));
    measured.truncate(10);
    out += &row("  slowest ten", &measured);
    for m in &measured {
        let _ = writeln!(
            out,
            "    {:>8.2} ms, linux {:>8.2} ms, {:>7} insns, linux {:>7}: {}",
            m.ours.as_secs_f64() * 1e3,
            m.linux.as_secs_f64() * 1e3,
            m.insns,
            m.linux_insns,
            m.name
        );
    }
    let _ = writeln!(out, "    refused by ours: {refused}; not loaded by the kernel here: {not_loaded}");
    if let Some(peak) = peak_memory() {
        let _ = writeln!(out, "    most memory of this process: {peak}");
    }
    Ok(out)
}

/// The most memory this process has had, as the kernel counts it.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}

/// The chain of rules.
fn filter64(workspace: &Workspace) -> Option<Measured> {
    tool(CLANG)?;
    let path = workspace.root.join("xtask/bench/verify").join(FILTER);
    let options = CompileOptions { compiler: Some(CLANG.into()), arguments: Vec::new() };
    let object = super::vm::read(&path, &options);
    let (_, program) = object.link_all().next().expect("a program");
    match measure(FILTER, &Arc::new(program.expect("a whole program"))) {
        Outcome::Measured(measured) => Some(measured),
        _ => None,
    }
}

/// What came of a program.
enum Outcome {
    Measured(Measured),
    /// We refuse it.
    Refused,
    /// The kernel can't load it.
    NotLoaded,
}

/// Verifies a program on both sides in turns.
fn measure(name: &str, program: &Arc<Program>) -> Outcome {
    let mut host = LinuxHost::new();
    let maps: Option<Vec<MapId>> =
        program.maps.iter().map(|spec| host.create_map(spec, program.btf.as_deref()).ok()).collect();
    let Some(maps) = maps else { return Outcome::NotLoaded };
    let mut best: Option<Measured> = None;
    for _ in 0..ROUNDS {
        let Ok((_, info)) = host.load(program, &maps, &LoadOptions::default()) else {
            return Outcome::NotLoaded;
        };
        let start = Instant::now();
        let Ok(verified) = verify(program.clone(), &Options::default()) else {
            return Outcome::Refused;
        };
        let ours = start.elapsed();
        let insns = verified.stats().insns_processed;
        best = Some(match best {
            None => Measured {
                name: name.to_owned(),
                ours,
                linux: info.verify,
                insns,
                linux_insns: info.insns_processed,
            },
            Some(m) => Measured { ours: m.ours.min(ours), linux: m.linux.min(info.verify), ..m },
        });
    }
    best.map_or(Outcome::NotLoaded, Outcome::Measured)
}
