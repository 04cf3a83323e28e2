//! `cargo xtask api`: what crates offer to others, a line an item, beside what `api.txt` in the crate says.
//!
//! The listing is what a change of it is judged by: a line that goes or changes breaks users, and a new row of the
//! instruction table changes none. It is made from the source, not by the compiler: each `pub` declaration, whether
//! its module is public or its items are re-exported (the `pub use` lines say so).
//! [`scan`] reads one file.

mod scan;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::workspace::Workspace;

/// The crates whose listing is kept.
const CRATES: [&str; 1] = ["skep-isa"];

/// How `cargo xtask api` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the listings instead of comparing them.
    #[arg(long)]
    bless: bool,
}

/// Compares or writes the listings.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut changed = 0;
    for name in CRATES {
        let root = workspace.root.join("crates").join(name);
        let path = root.join("api.txt");
        let now = listing(&root.join("src"))?;
        if options.bless {
            fs::write(&path, now).map_err(|error| Error::File { path, error })?;
            continue;
        }
        let kept = fs::read_to_string(&path).map_err(|error| Error::File { path: path.clone(), error })?;
        for line in difference(&kept, &now) {
            println!("{name}: {line}");
            changed += 1;
        }
    }
    if changed == 0 { Ok(()) } else { Err(Error::Api { lines: changed }) }
}

/// Compares, as a step of the whole check.
pub(crate) fn compare(workspace: &Workspace) -> Result<(), Error> {
    run(workspace, &Options { bless: false })
}

/// Lines that are in one of two listings only, with a sign before them.
fn difference(kept: &str, now: &str) -> Vec<String> {
    let gone =
        kept.lines().filter(|line| !now.lines().any(|other| other == *line)).map(|line| format!("- {line}"));
    let new =
        now.lines().filter(|line| !kept.lines().any(|other| other == *line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

/// The declarations of all files below a directory: each line starts with the module it stands in.
fn listing(src: &Path) -> Result<String, Error> {
    let mut files = Vec::new();
    collect(src, &mut files)?;
    files.sort();
    let mut out = String::new();
    for path in files {
        let text = fs::read_to_string(&path).map_err(|error| Error::File { path: path.clone(), error })?;
        let module = module(path.strip_prefix(src).unwrap_or(&path));
        for item in scan::items(&text) {
            out += &format!("{module}: {item}\n");
        }
    }
    Ok(out)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let fail = |error| Error::File { path: dir.into(), error };
    for entry in fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The module that a file is, by its path.
fn module(path: &Path) -> String {
    let parts = path.with_extension("");
    let names: Vec<_> =
        parts.iter().map(|part| part.to_string_lossy()).filter(|part| part != "mod").collect();
    if names == ["lib"] { "crate".to_owned() } else { names.join("::") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_listing_only_are_told_with_a_sign() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
        assert!(difference("a\n", "a\n").is_empty());
    }

    #[test]
    fn a_file_is_a_module() {
        assert_eq!(module(Path::new("lib.rs")), "crate");
        assert_eq!(module(Path::new("text/mod.rs")), "text");
        assert_eq!(module(Path::new("text/read.rs")), "text::read");
    }
}
