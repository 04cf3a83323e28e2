//! `cargo xtask oracle WHAT`: programs made up on the spot, and what the running kernel says to them beside us.
//!
//! Recorded answers are [`crate::golden`]'s; here nothing is recorded, so that a run can go on for as long as one likes.
//! Needs the privilege to load programs. Nothing is attached anywhere, and nothing is run.

#[cfg(feature = "oracle")]
mod callable;
#[cfg(feature = "oracle")]
mod judge;
#[cfg(feature = "oracle")]
mod verify;

use std::path::PathBuf;

use crate::error::Error;
#[cfg(not(feature = "oracle"))]
use crate::workspace::Workspace;

/// How `cargo xtask oracle` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

/// What is asked.
#[derive(clap::Subcommand)]
enum What {
    /// Whether a program is accepted: ours and the kernel's verdict, counted by class.
    Verify(VerifyArguments),
    /// Recorded programs: the running kernel's verdict, a line a case, to be recorded.
    Judge(JudgeArguments),
    /// Which helpers and kernel functions the running kernel lets each kind of program call.
    Callable,
}

/// How `cargo xtask oracle verify` is called.
#[derive(clap::Args)]
struct VerifyArguments {
    /// How many programs.
    #[arg(long, default_value_t = 100_000)]
    programs: u64,
    /// What they are made from: the same number gives the same programs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many programs of each class of differences are printed.
    #[arg(long, default_value_t = 3)]
    show: usize,
}

/// How `cargo xtask oracle judge` is called.
#[derive(clap::Args)]
struct JudgeArguments {
    /// Files of cases, `.jsonl` or `.jsonl.gz`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the types are that the cases refer to: a directory of `ID.btf`, or a `.tar.xz` of one.
    #[arg(long)]
    btf: PathBuf,
}

/// Builds the task with what it asks, optimised, and asks there.
#[cfg(not(feature = "oracle"))]
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut oracle = crate::command::cargo(workspace);
    oracle.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "xtask",
        "--features",
        "oracle",
        "--",
        "oracle",
    ]);
    match &options.what {
        What::Verify(arguments) => {
            oracle.args(["verify", "--programs", &arguments.programs.to_string()]);
            oracle.args(["--seed", &arguments.seed.to_string(), "--show", &arguments.show.to_string()]);
        }
        What::Callable => {
            oracle.arg("callable");
        }
        What::Judge(arguments) => {
            // The other process starts in the workspace's root, so that a file must be named from anywhere.
            let absolute = |path: &PathBuf| {
                std::path::absolute(path).map_err(|error| Error::File { path: path.clone(), error })
            };
            oracle.arg("judge").arg("--btf").arg(absolute(&arguments.btf)?);
            for file in &arguments.files {
                oracle.arg(absolute(file)?);
            }
        }
    }
    crate::command::run(&mut oracle)
}

/// Asks.
#[cfg(feature = "oracle")]
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    match &options.what {
        What::Verify(arguments) => verify::run(arguments),
        What::Judge(arguments) => judge::run(arguments),
        What::Callable => callable::run(),
    }
}
