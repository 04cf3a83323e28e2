//! `cargo xtask test`: the whole check, from a machine with only a Rust toolchain on it to a verdict.
//!
//! Steps run in the order in which they fail most cheaply. All of them build into cargo's one target directory with one
//! profile, so that a crate is compiled once for the tests and once for clippy, whose artefacts are of another kind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use skep_testkit::SKIPPED_LOG;

use crate::command::{self, cargo};
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{api, packages, tidy};

/// How `cargo xtask test` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run the remaining steps after one has failed.
    #[arg(long)]
    keep_going: bool,
    /// Install no packages.
    #[arg(long)]
    no_setup: bool,
}

/// What is off by default and checked all the same. Each step asks for the same, or cargo would build things twice.
const FEATURES: &str = "xtask/bench,xtask/golden";

/// What the steps share.
struct Check<'a> {
    workspace: &'a Workspace,
    no_setup: bool,
    /// The profile to build with, where it is not cargo's default.
    profile: Option<&'static str>,
    /// Where tests say that they were skipped.
    skipped_log: PathBuf,
}

/// A part of the check.
struct Step {
    name: &'static str,
    run: fn(&Check<'_>) -> Result<(), Error>,
}

const STEPS: [Step; 8] = [
    Step { name: "set-up", run: set_up },
    Step { name: "format", run: format },
    Step { name: "clippy", run: clippy },
    Step { name: "tidy", run: |check| tidy::run(check.workspace) },
    Step { name: "public items", run: |check| api::compare(check.workspace) },
    Step { name: "tests", run: tests },
    Step { name: "doc tests", run: doc_tests },
    Step { name: "fuzz targets", run: fuzz_targets },
];

/// Runs every step, then says how each went and which tests were skipped.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let check = Check {
        workspace,
        no_setup: options.no_setup,
        profile: is_ci.then_some("ci"),
        skipped_log: workspace.target_dir.join("skipped-tests"),
    };
    forget(&check.skipped_log)?;
    let results = run_steps(&STEPS, &check, options.keep_going);
    let failed: Vec<&'static str> =
        results.iter().filter(|(_, _, passed)| !passed).map(|(name, ..)| *name).collect();

    heading("summary");
    for (name, time, passed) in &results {
        eprintln!("{:>8.1} s  {} {name}", time.as_secs_f64(), if *passed { "passed" } else { "FAILED" });
    }
    for step in &STEPS[results.len()..] {
        eprintln!("{:>10}  not run {}", "", step.name);
    }
    let log = fs::read_to_string(&check.skipped_log).unwrap_or_default();
    let skipped = skipped_tests(&log);
    if !skipped.is_empty() {
        eprintln!(
            "{} skipped:",
            if skipped.len() == 1 { "1 test".into() } else { format!("{} tests", skipped.len()) }
        );
        for test in &skipped {
            eprintln!("    {test}");
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Error::Steps { failed }) }
}

/// The name, time, and success of each step that was run.
fn run_steps(steps: &[Step], check: &Check<'_>, keep_going: bool) -> Vec<(&'static str, Duration, bool)> {
    let mut results = Vec::new();
    for step in steps {
        heading(step.name);
        let start = Instant::now();
        let result = (step.run)(check);
        let time = start.elapsed();
        if let Err(error) = &result {
            eprintln!("error: {}: {error}", step.name);
        }
        eprintln!("{}: {:.1} s", step.name, time.as_secs_f64());
        results.push((step.name, time, result.is_ok()));
        if result.is_err() && !keep_going {
            break;
        }
    }
    results
}

fn set_up(check: &Check<'_>) -> Result<(), Error> {
    if check.no_setup {
        eprintln!("not asked for");
        return Ok(());
    }
    components(check.workspace)?;
    packages::set_up()
}

/// Adds the parts of the toolchain that a minimal one lacks, where rustup manages it.
fn components(workspace: &Workspace) -> Result<(), Error> {
    let is_missing = |task: &str| !command::succeeds(cargo(workspace).args([task, "--version"]));
    let missing: Vec<&str> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter_map(|(task, component)| is_missing(task).then_some(component))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    command::run(Command::new("rustup").args(["component", "add"]).args(missing))
}

fn format(check: &Check<'_>) -> Result<(), Error> {
    command::run(cargo(check.workspace).args(["fmt", "--all", "--", "--check"]))?;
    let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--", "--check"];
    command::run(cargo(check.workspace).args(fuzz))
}

fn clippy(check: &Check<'_>) -> Result<(), Error> {
    let mut clippy = cargo(check.workspace);
    clippy.args(["clippy", "--workspace", "--all-targets", "--features", FEATURES]);
    command::run(check.with_profile(&mut clippy).args(["--", "--deny", "warnings"]))
}

fn tests(check: &Check<'_>) -> Result<(), Error> {
    let mut tests = cargo(check.workspace);
    if command::succeeds(cargo(check.workspace).args(["nextest", "--version"])) {
        tests.args(["nextest", "run", "--workspace", "--features", FEATURES, "--no-fail-fast"]);
        if let Some(profile) = check.profile {
            tests.args(["--cargo-profile", profile, "--profile", "ci"]);
        }
    } else {
        // Doc tests have a step of their own.
        tests.args(["test", "--workspace", "--tests", "--features", FEATURES, "--no-fail-fast"]);
        check.with_profile(&mut tests);
    }
    command::run(tests.env(SKIPPED_LOG, &check.skipped_log))
}

fn doc_tests(check: &Check<'_>) -> Result<(), Error> {
    let mut tests = cargo(check.workspace);
    tests.args(["test", "--doc", "--workspace", "--features", FEATURES]);
    command::run(check.with_profile(&mut tests).env(SKIPPED_LOG, &check.skipped_log))
}

/// Compiles the fuzz targets without linking the fuzzer, which takes a C++ compiler.
fn fuzz_targets(check: &Check<'_>) -> Result<(), Error> {
    let mut clippy = cargo(check.workspace);
    clippy.args(["clippy", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "fuzz/target"]);
    command::run(clippy.args(["--no-default-features", "--", "--deny", "warnings"]))
}

impl Check<'_> {
    /// `command`, told which profile to build with.
    fn with_profile<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        match self.profile {
            Some(profile) => command.args(["--profile", profile]),
            None => command,
        }
    }
}

/// The tests that were skipped, each once: a test binary may run twice, and a test that skips may be retried.
fn skipped_tests(log: &str) -> Vec<&str> {
    let mut tests: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    tests.sort_unstable();
    tests.dedup();
    tests
}

/// Removes what an earlier run left.
fn forget(log: &Path) -> Result<(), Error> {
    match fs::remove_file(log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::File { path: log.to_owned(), error })
        }
        _ => Ok(()),
    }
}

fn heading(name: &str) {
    eprintln!("\n── {name} {}", "─".repeat(60_usize.saturating_sub(name.len())));
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Step = Step { name: "good", run: |_| Ok(()) };
    const BAD: Step = Step { name: "bad", run: |_| Err(Error::Untidy { places: 1 }) };

    /// The names of the steps that were run, with whether they passed.
    fn ran(steps: &[Step], keep_going: bool) -> Vec<(&'static str, bool)> {
        let workspace = Workspace { root: "".into(), target_dir: "".into(), packages: Vec::new() };
        let check = Check { workspace: &workspace, no_setup: true, profile: None, skipped_log: "".into() };
        run_steps(steps, &check, keep_going).into_iter().map(|(name, _, passed)| (name, passed)).collect()
    }

    #[test]
    fn the_first_failure_ends_the_check_unless_told_to_go_on() {
        assert_eq!(ran(&[GOOD, BAD, GOOD], false), [("good", true), ("bad", false)]);
        assert_eq!(ran(&[GOOD, BAD, GOOD], true), [("good", true), ("bad", false), ("good", true)]);
    }

    #[test]
    fn a_test_that_was_skipped_twice_is_listed_once() {
        assert_eq!(skipped_tests("b: no clang\na: no root\n\nb: no clang\n"), ["a: no root", "b: no clang"]);
    }
}
