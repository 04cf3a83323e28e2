//! `cargo xtask conformance`: the conformance suites of other people on every engine, as a table.
//!
//! The suites are a test of `skep-user`, `conformance`, so that `cargo xtask test` runs them as well; this task has it
//! print what it counts, and with `--full` runs what is too large for every day.

use crate::command::{self, cargo};
use crate::error::Error;
use crate::workspace::Workspace;

/// How `cargo xtask conformance` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also run all of the kernel's lib/test_bpf.c, whose programs have up to 200,000 instructions.
    #[arg(long)]
    full: bool,
}

/// Runs the suites. Fails if one falls below what it has reached.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut test = cargo(workspace);
    test.args(["test", "--quiet", "--package", "skep-user", "--test", "conformance", "--"]);
    test.args(["--nocapture", "--test-threads", "1"]);
    if options.full {
        test.arg("--include-ignored");
    }
    command::run(&mut test)
}
