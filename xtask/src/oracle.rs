//! `cargo xtask oracle WHAT`: programs made up on the spot, and what the running kernel says to them beside us.
//!
//! Recorded answers are [`crate::golden`]'s; here nothing is recorded, so that a run can go on for as long as one likes.
//! Needs the privilege to load programs. Nothing is attached anywhere, and nothing is run.

#[cfg(feature = "oracle")]
mod verify;

use crate::error::Error;
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

/// Builds the task with what it asks, optimised, and asks there.
#[cfg(not(feature = "oracle"))]
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let What::Verify(arguments) = &options.what;
    let mut oracle = crate::command::cargo(workspace);
    oracle.args(["run", "--quiet", "--release", "--package", "xtask", "--features", "oracle", "--"]);
    oracle.args(["oracle", "verify", "--programs", &arguments.programs.to_string()]);
    oracle.args(["--seed", &arguments.seed.to_string(), "--show", &arguments.show.to_string()]);
    crate::command::run(&mut oracle)
}

/// Asks.
#[cfg(feature = "oracle")]
pub(crate) fn run(_: &Workspace, options: &Options) -> Result<(), Error> {
    let What::Verify(arguments) = &options.what;
    verify::run(arguments)
}
