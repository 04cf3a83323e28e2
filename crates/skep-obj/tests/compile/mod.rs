//! Compiles the C programs of `tests/c` with each compiler of the machine; what is absent is reported by name.

// Each test binary has a copy of this, and none uses all of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use skep_testkit::{TempDir, report_skipped, tool};

/// A way to compile: a compiler with its options.
pub(crate) struct Compiler {
    pub(crate) tool: &'static str,
    pub(crate) options: Vec<&'static str>,
}

/// What the way has besides.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Types {
    Yes,
    No,
}

const CLANGS: &[(&str, &[&str])] = &[
    ("clang-14", &["-mcpu=v1", "-mcpu=v2", "-mcpu=v3"]),
    ("clang-16", &["-mcpu=v1", "-mcpu=v2", "-mcpu=v3"]),
    ("clang-19", &["-mcpu=v1", "-mcpu=v2", "-mcpu=v3", "-mcpu=v4"]),
    ("clang-22", &["-mcpu=v1", "-mcpu=v2", "-mcpu=v3", "-mcpu=v4"]),
];

/// Every way there is: all cpu levels in little endian, and one in big.
pub(crate) fn compilers(types: Types) -> Vec<Compiler> {
    let mut all = Vec::new();
    for &(tool, cpus) in CLANGS {
        let base = if types == Types::Yes { vec!["-g"] } else { vec![] };
        let with = |target, cpu| [&base[..], &["-target", target, cpu]].concat();
        all.extend(cpus.iter().map(|cpu| Compiler { tool, options: with("bpfel", cpu) }));
        all.push(Compiler { tool, options: with("bpfeb", "-mcpu=v3") });
    }
    for target in [&["-mcpu=v2"][..], &["-mcpu=v3"], &["-mbig-endian"]] {
        let base = if types == Types::Yes { &["-gbtf"][..] } else { &[] };
        all.push(Compiler { tool: "bpf-gcc", options: [base, target].concat() });
    }
    all
}

impl Compiler {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.tool, self.options.join(" "))
    }

    pub(crate) fn is_gcc(&self) -> bool {
        self.tool == "bpf-gcc"
    }

    pub(crate) fn is_big_endian(&self) -> bool {
        self.options.iter().any(|option| ["bpfeb", "-mbig-endian"].contains(option))
    }
}

/// Compiled objects, in a directory that lives as long as they do.
pub(crate) struct Objects {
    dir: TempDir,
    test: &'static str,
    count: std::cell::Cell<u32>,
}

impl Objects {
    /// For the test of this name.
    pub(crate) fn new(test: &'static str) -> Objects {
        Objects { dir: TempDir::new("obj"), test, count: std::cell::Cell::new(0) }
    }

    /// The object file of a C program, or nothing and a word about it where there is no such compiler.
    pub(crate) fn compile(&self, compiler: &Compiler, source: &str) -> Option<PathBuf> {
        let Some(path) = tool(compiler.tool) else {
            let reason = format_args!("{} is not installed", compiler.tool);
            report_skipped(env!("CARGO_PKG_NAME"), self.test, reason);
            return None;
        };
        self.count.set(self.count.get() + 1);
        let object = self.dir.join(format!("{}.o", self.count.get()));
        let output = Command::new(path)
            .args(&compiler.options)
            .args(["-O2", "-Werror=implicit-function-declaration", "-c"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(source))
            .arg("-o")
            .arg(&object)
            .output()
            .expect("the compiler starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {source}: {stderr}", compiler.name());
        Some(object)
    }
}
