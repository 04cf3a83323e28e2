//! Why a build task failed.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a build task failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// A program could not be started.
    Start { command: String, error: io::Error },
    /// A program ended without success; it has said why itself.
    Exit { command: String, status: ExitStatus },
    /// A file could not be read, written, or removed.
    File { path: PathBuf, error: io::Error },
    /// `cargo metadata` printed something else than expected.
    Metadata { what: String },
    /// Rules of the source tree are broken; each place has been printed.
    Untidy { places: usize },
    /// What a crate offers is not what is kept of it; each line has been printed.
    Api { lines: usize },
    /// Steps of the whole check failed.
    Steps { failed: Vec<&'static str> },
    /// Operators leave out results, or the control was not refuted; each has been printed.
    Refuted { claims: Vec<&'static str> },
    /// There is no fuzz target of this name.
    NoTarget { name: String, targets: Vec<String> },
    /// Recorded answers are not ours; each case has been printed.
    #[cfg(feature = "golden")]
    Golden { different: usize },
    /// A file holds no recorded answers of a kind that is known; this is how it begins.
    #[cfg(feature = "golden")]
    GoldenKind { path: PathBuf, heading: String },
    /// Nothing can be compared with this version of Linux.
    #[cfg(feature = "golden")]
    Level { why: String },
    /// There is no benchmark with this in its name.
    #[cfg(feature = "bench")]
    NoBenchmark { name: String },
    /// A fuzz target found an input that it fails on.
    Crash { target: String, artefact: Option<PathBuf> },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Start { command, error } => write!(f, "cannot start `{command}`: {error}"),
            Error::Exit { command, status } => write!(f, "`{command}` failed: {status}"),
            Error::File { path, error } => write!(f, "{}: {error}", path.display()),
            Error::Metadata { what } => write!(f, "cargo metadata: expected {what}"),
            Error::Untidy { places: 1 } => f.write_str("a rule of the source tree is broken in 1 place"),
            Error::Untidy { places } => write!(f, "rules of the source tree are broken in {places} places"),
            Error::Api { lines } => {
                write!(f, "public items changed in {lines} lines; if that is meant: cargo xtask api --bless")
            }
            Error::Steps { failed } => write!(f, "failed: {}", failed.join(", ")),
            Error::Refuted { claims } => write!(f, "these do not hold: {}", claims.join(", ")),
            Error::NoTarget { name, targets } => {
                write!(f, "no fuzz target `{name}`; there are: {}", targets.join(", "))
            }
            #[cfg(feature = "golden")]
            Error::Level { why } => f.write_str(why),
            #[cfg(feature = "golden")]
            Error::Golden { different: 1 } => f.write_str("1 case differs from what is recorded"),
            #[cfg(feature = "golden")]
            Error::Golden { different } => write!(f, "{different} cases differ from what is recorded"),
            #[cfg(feature = "golden")]
            Error::GoldenKind { path, heading } => {
                write!(f, "{}: expected recorded answers, found `{heading}`", path.display())
            }
            #[cfg(feature = "bench")]
            Error::NoBenchmark { name } => write!(f, "no benchmark has `{name}` in its name"),
            Error::Crash { target, artefact: Some(path) } => write!(
                f,
                "fuzz target `{target}` failed on {0}; to see it again: cargo xtask fuzz {target} --input {0}",
                path.display()
            ),
            Error::Crash { target, artefact: None } => write!(f, "fuzz target `{target}` failed"),
        }
    }
}

impl std::error::Error for Error {}
