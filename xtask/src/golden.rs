//! `cargo xtask golden WHAT FILE`: recorded answers against ours, a JSON line a case and a summary as the last line.
//!
//! The tests hold the same data to what has been reached; this task shows every case, to be read, searched and
//! compared. One module a subject says what its files are, and [`cases`] prints; the task fails if a case does.

#[cfg(feature = "golden")]
mod cases;
#[cfg(feature = "golden")]
mod isa;

use std::path::PathBuf;

use crate::error::Error;
use crate::workspace::Workspace;

/// How `cargo xtask golden` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

/// What the answers are about.
#[derive(clap::Subcommand)]
enum What {
    /// Instructions: what kernels and other tools made of encodings and texts, and what programs returned.
    Isa {
        /// A file of recorded answers; what stands in it tells which kind it is.
        file: PathBuf,
    },
}

/// Builds what is asked, optimised, and this task with it, and asks there.
#[cfg(not(feature = "golden"))]
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut cargo = crate::command::cargo(workspace);
    cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--features", "golden", "--", "golden"]);
    // The other process starts in the workspace's root, so that a file must be named from anywhere.
    let absolute =
        |path: &PathBuf| std::path::absolute(path).map_err(|error| Error::File { path: path.clone(), error });
    match &options.what {
        What::Isa { file } => cargo.arg("isa").arg(absolute(file)?),
    };
    crate::command::run(&mut cargo)
}

/// Asks, and prints.
#[cfg(feature = "golden")]
pub(crate) fn run(_: &Workspace, options: &Options) -> Result<(), Error> {
    match &options.what {
        What::Isa { file } => isa::run(file),
    }
}
