//! The build tasks, as `cargo xtask TASK`: the whole check, the rules of the source tree, fuzzing, benchmarks.
//!
//! They start other programs and read the source tree; none of what the workspace is *for* is in here, and only the
//! benchmarks call it.
#![forbid(unsafe_code)]

mod api;
mod bench;
mod check;
mod command;
mod conformance;
mod error;
mod fuzz;
mod golden;
mod oracle;
mod packages;
mod prove;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::workspace::Workspace;

/// The build tasks of skep.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set the machine up and run every check and test.
    Test(check::Options),
    /// Check the rules of the source tree that the compiler does not know.
    Tidy,
    /// Run the suites of other people on every engine, and print a table.
    Conformance(conformance::Options),
    /// Compare what crates offer with the listings of it that are kept.
    Api(api::Options),
    /// Measure how fast things are beside what others do.
    Bench(bench::Options),
    /// Compare recorded answers with ours, a JSON line a case.
    Golden(golden::Options),
    /// Ask the running kernel and ourselves the same, about programs made up on the spot.
    Oracle(oracle::Options),
    /// Ask a solver, and all small values, whether the operators of abstract numbers leave a result out.
    Prove(prove::Options),
    /// Fuzz the targets of `fuzz/`, for a while each.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<(), Error> {
    // Kernels are also asked where there is no cargo: in a machine of their own.
    #[cfg(feature = "oracle")]
    if let Task::Oracle(options) = task {
        return oracle::run(options);
    }
    let workspace = Workspace::load()?;
    match task {
        Task::Test(options) => check::run(&workspace, options),
        Task::Tidy => tidy::run(&workspace),
        Task::Conformance(options) => conformance::run(&workspace, options),
        Task::Api(options) => api::run(&workspace, options),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Golden(options) => golden::run(&workspace, options),
        #[cfg(not(feature = "oracle"))]
        Task::Oracle(options) => oracle::run(&workspace, options),
        #[cfg(feature = "oracle")]
        Task::Oracle(_) => Ok(()),
        Task::Prove(options) => prove::run(&workspace, options),
        Task::Fuzz(options) => fuzz::run(&workspace, options),
    }
}
