//! `cargo xtask bench`: how fast things are, beside what others do, measured together.
//!
//! Numbers of different machines and hours cannot be compared, so none are kept: each line is ours and a peer's, taken in
//! turns in one run, and their ratio. [`timing`] measures, and one module a subject ([`isa`], [`verify`], [`vm`]) says what.

#[cfg(feature = "bench")]
mod isa;
#[cfg(feature = "bench")]
mod timing;
#[cfg(feature = "bench")]
mod verify;
#[cfg(feature = "bench")]
mod vm;

use crate::error::Error;
use crate::workspace::Workspace;

/// How `cargo xtask bench` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only benchmarks with this in their name.
    name: Option<String>,
}

/// Builds what is measured, optimised, and this task with it, and measures there.
#[cfg(not(feature = "bench"))]
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut bench = crate::command::cargo(workspace);
    bench.args(["run", "--quiet", "--release", "--package", "xtask", "--features", "bench", "--", "bench"]);
    crate::command::run(bench.args(options.name.as_ref()))
}

/// Measures, and prints a table.
#[cfg(feature = "bench")]
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    if cfg!(debug_assertions) {
        eprintln!("warning: measuring a debug build");
    }
    let all = isa::benchmarks(workspace)?;
    let wanted = |name: &str| options.name.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let mut chosen: Vec<_> = all.into_iter().filter(|benchmark| wanted(benchmark.name)).collect();
    let engines = vm::table(workspace, options.name.as_deref().unwrap_or_default())?;
    let verifier = verify::table(workspace, options.name.as_deref().unwrap_or_default())?;
    if let (true, None, None, Some(name)) = (chosen.is_empty(), &engines, &verifier, &options.name) {
        return Err(Error::NoBenchmark { name: name.clone() });
    }
    if !chosen.is_empty() {
        println!("{}", timing::table(&mut chosen));
    }
    print!("{}{}", engines.unwrap_or_default(), verifier.unwrap_or_default());
    Ok(())
}
