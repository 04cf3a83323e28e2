//! `cargo xtask fuzz`: builds the targets of `fuzz/` for libFuzzer and runs each for a while.
//!
//! No nightly compiler is needed: coverage comes from LLVM's own pass, which any compiler can be told to run; only
//! AddressSanitizer would need one, and it has little to find where nearly everything forbids `unsafe`.
//! Source of the flags: LLVM's documentation, "SanitizerCoverage" and "libFuzzer".

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::command::{self, cargo};
use crate::error::Error;
use crate::workspace::Workspace;

/// How `cargo xtask fuzz` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The target to fuzz; all of them if there is none.
    target: Option<String>,
    /// For how many seconds to fuzz each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run the target once on this input, in place of fuzzing it.
    #[arg(long, requires = "target")]
    input: Option<PathBuf>,
}

/// What an input may cost: seconds for one run, and MiB of memory. What takes more is a bug of its own.
const RUN_SECONDS_MAX: u32 = 10;
const MEMORY_MIB_MAX: u32 = 2048;

/// How the code under test is compiled: counters on every edge and comparison for libFuzzer to read, and every check
/// that a debug build makes. The last flag lets code ask whether it is being fuzzed.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks \
    -Clink-dead-code --cfg fuzzing";

/// Builds and runs the targets; an input that fails one is saved and reported.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let fuzz = workspace.root.join("fuzz");
    let targets = chosen(targets(&fuzz)?, options.target.as_deref())?;
    let binaries = build(workspace, &fuzz, &targets)?;
    if let (Some(input), [target]) = (&options.input, &targets[..]) {
        let mut once = Command::new(binaries.join(target));
        return command::run(once.arg(input));
    }
    let mut first_crash = None;
    for target in &targets {
        eprintln!("\n── {target}, {} s", options.seconds);
        if let Err(error) = fuzz_target(&fuzz, &binaries, target, options.seconds) {
            eprintln!("error: {error}");
            first_crash.get_or_insert(error);
        }
    }
    first_crash.map_or(Ok(()), Err)
}

/// The binaries that `fuzz/Cargo.toml` names.
fn targets(fuzz: &Path) -> Result<Vec<String>, Error> {
    let package = Workspace::load_from(fuzz)?;
    let binaries = package.packages.into_iter().flat_map(|package| package.targets);
    Ok(binaries.filter(|target| target.kind == "bin").map(|target| target.name).collect())
}

/// All targets, or the one that was asked for.
fn chosen(targets: Vec<String>, name: Option<&str>) -> Result<Vec<String>, Error> {
    match name {
        None => Ok(targets),
        Some(name) if targets.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(Error::NoTarget { name: name.to_owned(), targets }),
    }
}

/// Builds `targets`; the directory their binaries are in.
fn build(workspace: &Workspace, fuzz: &Path, targets: &[String]) -> Result<PathBuf, Error> {
    // Naming the machine's own triple keeps the flags away from build scripts and procedural macros.
    let triple = host_triple()?;
    let mut build = cargo(workspace);
    build.env("RUSTFLAGS", FLAGS).args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    build.args(["--target-dir", "fuzz/target", "--target", &triple]);
    build.args(targets.iter().flat_map(|target| ["--bin", target]));
    command::run(&mut build)?;
    Ok(fuzz.join("target").join(triple).join("release"))
}

fn host_triple() -> Result<String, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = command::output(Command::new(rustc).arg("-vV"))?;
    let version = String::from_utf8_lossy(&version);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| Error::Metadata { what: "a line `host: …` from `rustc -vV`".into() })
}

/// Fuzzes one target. The corpus grows in `fuzz/corpus`; inputs worth keeping in the tree are in `fuzz/seeds`.
fn fuzz_target(fuzz: &Path, binaries: &Path, target: &str, seconds: u32) -> Result<(), Error> {
    let corpus = directory(fuzz.join("corpus").join(target))?;
    let artefacts = directory(fuzz.join("artifacts").join(target))?;
    let start = SystemTime::now();
    let mut fuzzer = Command::new(binaries.join(target));
    fuzzer.arg(&corpus);
    let seeds = fuzz.join("seeds").join(target);
    if seeds.is_dir() {
        fuzzer.arg(seeds);
    }
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.arg(format!("-artifact_prefix={}/", artefacts.display()));
    fuzzer.arg(format!("-timeout={RUN_SECONDS_MAX}"));
    fuzzer.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    // Inputs of any length from the start: what libFuzzer grows byte by byte stays too short for a program.
    fuzzer.arg("-len_control=0");
    fuzzer.arg("-print_final_stats=1");
    match command::run(&mut fuzzer) {
        Err(Error::Exit { .. }) => {
            let artefact = newest(&artefacts, start).map(|path| {
                let root = fuzz.parent().unwrap_or(fuzz);
                path.strip_prefix(root).map(Path::to_owned).unwrap_or(path)
            });
            Err(Error::Crash { target: target.to_owned(), artefact })
        }
        other => other,
    }
}

/// Makes sure that the directory is there.
fn directory(path: PathBuf) -> Result<PathBuf, Error> {
    match fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(error) => Err(Error::File { path, error }),
    }
}

/// The newest file in `directory` that is not older than `start`.
fn newest(directory: &Path, start: SystemTime) -> Option<PathBuf> {
    let files = fs::read_dir(directory).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
    });
    files.filter(|(time, _)| *time >= start).max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use skep_testkit::TempDir;

    use super::*;

    #[test]
    fn a_target_is_chosen_by_name() {
        let targets = || vec!["btf".to_owned(), "elf".to_owned()];
        assert_eq!(chosen(targets(), None).expect("all"), ["btf", "elf"]);
        assert_eq!(chosen(targets(), Some("elf")).expect("one"), ["elf"]);
        let error = chosen(targets(), Some("dwarf")).expect_err("no such target");
        assert_eq!(error.to_string(), "no fuzz target `dwarf`; there are: btf, elf");
    }

    #[test]
    fn a_crash_is_reported_with_the_artefact_of_this_run() {
        let dir = TempDir::new("artefacts");
        let old = dir.join("crash-old");
        fs::write(&old, "x").expect("writable");
        let later = SystemTime::now() + Duration::from_secs(60);
        assert_eq!(newest(dir.path(), later), None);
        assert_eq!(newest(dir.path(), SystemTime::UNIX_EPOCH), Some(old));
    }
}
