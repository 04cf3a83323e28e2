//! The compilers that are on the path, and how each is called.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names under which distributions install clang, newest first.
const CLANGS: [&str; 14] = [
    "clang", "clang-23", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16",
    "clang-15", "clang-14", "clang-13", "clang-12", "clang-11",
];

/// Names of GCC's BPF port.
const GCCS: [&str; 2] = ["bpf-gcc", "bpf-unknown-none-gcc"];

/// The instruction set level that C is compiled for: what Linux has accepted since 5.1, and every clang since
/// 9 can emit.
const CPU: &str = "v3";

/// Whose options a compiler understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// LLVM's.
    Clang,
    /// GCC's port to BPF.
    Gcc,
}

/// A C compiler for BPF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// Its name, or the path it was found at.
    pub path: PathBuf,
    /// Whose options it takes.
    pub family: Family,
}

impl Compiler {
    /// The one of this name or path; what it is is told by its name.
    pub fn named(name: &OsStr) -> Compiler {
        let path = PathBuf::from(name);
        let gcc = path.file_name().is_some_and(|name| name.to_string_lossy().contains("gcc"));
        Compiler { path, family: if gcc { Family::Gcc } else { Family::Clang } }
    }

    /// The newest clang on the path, else GCC.
    pub fn best() -> Option<Compiler> {
        Compiler::candidates().next()
    }

    /// All on the path, the best first. A program under two names is listed once.
    pub fn present() -> Vec<Compiler> {
        let mut seen = Vec::new();
        let mut distinct = |compiler: &Compiler| {
            let file = compiler.path.canonicalize().unwrap_or_else(|_| compiler.path.clone());
            let new = !seen.contains(&file);
            seen.push(file);
            new
        };
        Compiler::candidates().filter(|compiler| distinct(compiler)).collect()
    }

    fn candidates() -> impl Iterator<Item = Compiler> {
        let found = |family| move |name: &str| Some(Compiler { path: on_path(name)?, family });
        CLANGS
            .into_iter()
            .filter_map(found(Family::Clang))
            .chain(GCCS.into_iter().filter_map(found(Family::Gcc)))
    }

    /// What it calls itself: the first line that it prints of its version.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(&self.path).arg("--version").stdin(Stdio::null()).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
    }

    /// The command that compiles `source` to `object`, with headers from `headers`, and `arguments` after skep's own.
    pub(super) fn command(
        &self,
        source: &Path,
        object: &Path,
        headers: &Path,
        arguments: &[OsString],
    ) -> Command {
        let mut command = Command::new(&self.path);
        match self.family {
            Family::Clang => command.args(["-target", "bpf", "-O2", "-g", "-fno-color-diagnostics"]),
            // Its BTF must be asked for by name. It has a stack protector where distributions switch that on.
            Family::Gcc => {
                command.args(["-O2", "-gbtf", "-fno-stack-protector", "-fdiagnostics-color=never"])
            }
        };
        command.arg(format!("-mcpu={CPU}")).args(["-Wall", "-Wno-unused-variable"]);
        if let Some(architecture) = target_architecture() {
            command.arg(format!("-D__TARGET_ARCH_{architecture}"));
        }
        command.arg("-isystem").arg(headers).arg("-isystem").arg(headers.join("compat"));
        for folder in system_headers(self.family) {
            command.arg("-idirafter").arg(folder);
        }
        command.args(arguments).arg("-c").arg(source).arg("-o").arg(object).stdin(Stdio::null());
        command
    }
}

/// The machine's name in the macro by which `bpf_tracing.h` tells registers: that of the kernel's source tree.
fn target_architecture() -> Option<&'static str> {
    Some(match std::env::consts::ARCH {
        "x86_64" | "x86" => "x86",
        "aarch64" => "arm64",
        "riscv64" => "riscv",
        "s390x" => "s390",
        "powerpc64" => "powerpc",
        _ => return None,
    })
}

/// Where the kernel's headers for user space are, for sources that include `<linux/…>`: clang knows the first
/// place itself, but neither compiler the one that depends on the machine.
fn system_headers(family: Family) -> Vec<PathBuf> {
    let machine = PathBuf::from(format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH));
    let all = (family == Family::Gcc).then(|| PathBuf::from("/usr/include"));
    [machine].into_iter().chain(all).filter(|folder| folder.is_dir()).collect()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
