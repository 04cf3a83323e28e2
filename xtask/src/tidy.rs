//! The rules of the source tree that the compiler does not know.
//!
//! Each rule is a pure function from what it reads to [`Finding`]s, with tests that show a bad input failing:
//!
//! | rule | in | says |
//! |---|---|---|
//! | `floor` | [`floors`] | a crate has a floor, and depends only on lower ones |
//! | `dependency` | [`manifest`] | a dependency is named once, in the root manifest, under a comment |
//! | `module-doc`, `long-file` | [`source`] | a file opens with `//!` and stays short |
//! | `unsafe` | [`unsafety`] | `unsafe` stands only at its addresses, and the rest of the tree forbids it |
//! | `opcode` | [`opcodes`] | no opcode number stands outside the instruction table |
//! | `machine-path` | [`source`] | no file names a place on somebody's machine |
//!
//! # The opcode rule
//!
//! A second copy of the instruction table begins with a number next to something called an opcode. So outside
//! `crates/skep-isa/src/table.rs`, and outside tests, the rule refuses
//!
//! 1. an integer from 1 to 255 that is compared with, masked from, shifted out of, or stored to a place whose last name
//!    is `opcode`, `opcode_byte`, or a field `.code`; also compared with a variable `op` (`opcode == 7`,
//!    `0xf & insn.opcode`, `Raw { opcode: 7, .. }`);
//! 2. such an integer in a pattern of a `match` on, or of a `matches!` of, such a place;
//! 3. a constant that defines one of the names the kernel's headers give to parts of opcodes (`BPF_ALU64`, `BPF_K`, …),
//!    or an integer constant whose name has the word `OPCODE` in it, by a number.
//!
//! It cannot see a number that is passed to a function, or instructions written as an array of bytes. Files that hold
//! the instructions of *other* machines are named in [`opcodes::FOREIGN`].

mod floors;
mod lexer;
mod manifest;
mod opcodes;
mod source;
mod unsafety;

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// A place where a rule is broken, or (a warning) nearly so.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// Relative to the workspace's root.
    file: String,
    /// Counted from 1; 0 is the file as a whole.
    line: usize,
    /// The rule's name.
    rule: &'static str,
    message: String,
    is_warning: bool,
}

impl Finding {
    fn new(file: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding { file: file.to_owned(), line, rule, message: message.into(), is_warning: false }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}{} ({})", if self.is_warning { "warning: " } else { "" }, self.message, self.rule)
    }
}

/// A file of the source tree.
struct File {
    /// Relative to the workspace's root, with `/` between its parts.
    path: String,
    bytes: Vec<u8>,
}

impl File {
    /// Its text, if it is Rust.
    fn rust(&self) -> Option<&str> {
        if is_rust(&self.path) { str::from_utf8(&self.bytes).ok() } else { None }
    }
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Applies every rule and prints what it finds.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let files = files(workspace)?;
    let findings = findings(workspace, &files);
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.iter().filter(|finding| !finding.is_warning).count() {
        0 => {
            eprintln!("{} files follow the rules", files.len());
            Ok(())
        }
        places => Err(Error::Untidy { places }),
    }
}

fn findings(workspace: &Workspace, files: &[File]) -> Vec<Finding> {
    let mut findings = floors::check(workspace);
    findings.extend(unsafety::check_roots(workspace, files));
    for file in files {
        findings.extend(source::check(&file.path, &file.bytes));
        if file.path.ends_with("Cargo.toml") {
            findings.extend(manifest::check(&file.path, &String::from_utf8_lossy(&file.bytes)));
        }
        if let Some(text) = file.rust() {
            let tokens = lexer::tokens(text);
            findings.extend(unsafety::check(&file.path, &tokens));
            findings.extend(opcodes::check(&file.path, &tokens));
        }
    }
    findings.sort_by(|a, b| (a.is_warning, &a.file, a.line).cmp(&(b.is_warning, &b.file, b.line)));
    findings
}

/// The files that git tracks, and those it would if they were added: a rule is best broken before the commit.
fn files(workspace: &Workspace) -> Result<Vec<File>, Error> {
    let mut git = Command::new("git");
    // Who owns the tree is of no concern when only names are listed; containers often run as another user.
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = command::output(git.current_dir(&workspace.root))?;
    let mut files = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let path = workspace.root.join(&name);
        // A file that is tracked but deleted is about to go, and a symbolic link's target is listed by itself.
        if path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            let bytes = std::fs::read(&path).map_err(|error| Error::File { path, error })?;
            files.push(File { path: name, bytes });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_compilers_print_them() {
        let mut finding = Finding::new("a.rs", 3, "unsafe", "no");
        assert_eq!(finding.to_string(), "a.rs:3: no (unsafe)");
        finding.line = 0;
        finding.is_warning = true;
        assert_eq!(finding.to_string(), "a.rs: warning: no (unsafe)");
    }

    #[test]
    fn the_tree_has_the_files_of_this_module() {
        let files = files(&Workspace::load().expect("cargo metadata")).expect("git lists files");
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy.rs" && file.rust().is_some()));
        assert!(!files.iter().any(|file| file.path.starts_with("target/")));
    }
}
