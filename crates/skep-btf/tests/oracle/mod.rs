//! Where tests get BTF that others made: the shared corpus, the running kernel, compilers.
//!
//! Each function says `None` and prints why if its source isn't there.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

/// A directory of the test's own, removed when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(test: &str) -> Self {
        let dir = env::temp_dir().join(format!("skep-btf-{test}-{}", process::id()));
        fs::create_dir_all(&dir).expect("a directory for the test");
        Self(dir)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind in a temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn skipped(test: &str, reason: &str) {
    eprintln!("skipped: {test}: {reason}");
}

/// Runs a command; its output, or `None` if the tool isn't there. A tool that fails is a failed test.
pub(crate) fn run(test: &str, command: &mut Command) -> Option<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Ok(output) = command.output() else {
        skipped(test, &format!("{name} is not installed"));
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed: {errors}");
    Some(output.stdout)
}

/// The kernel's BTF selftests as files, extracted; see the README beside the archive.
pub(crate) fn selftests(test: &str) -> Option<Scratch> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = env::var_os("SKEP_SHARED").map_or(root, PathBuf::from);
    let archive = shared.join("data/btf/selftest-data.tar.xz");
    if !archive.exists() {
        skipped(test, "no shared test data (SKEP_SHARED)");
        return None;
    }
    let scratch = Scratch::new(test);
    run(test, Command::new("tar").arg("-C").arg(&scratch.0).arg("-xf").arg(archive))?;
    Some(scratch)
}

pub(crate) const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// The running kernel's BTF.
pub(crate) fn vmlinux(test: &str) -> Option<Vec<u8>> {
    let data = fs::read(VMLINUX);
    if data.is_err() {
        skipped(test, "the kernel shows no BTF");
    }
    data.ok()
}

/// `.BTF` and `.BTF.ext` of C source, compiled by this compiler for this target.
pub(crate) fn compiled(
    test: &str,
    compiler: &str,
    flags: &[&str],
    source: &str,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let scratch = Scratch::new(&format!("{test}-{compiler}-{}", flags.join("").replace('=', "")));
    let (source_file, object) = (scratch.file("test.c"), scratch.file("test.o"));
    fs::write(&source_file, source).expect("a source file");
    let mut compile = Command::new(compiler);
    compile.args(flags).args(["-O2", "-c", "-o"]).arg(&object).arg(&source_file);
    run(test, &mut compile)?;
    let section = |name: &str| {
        let file = scratch.file("section");
        // A missing section leaves no file; the caller sees it as empty.
        let _ = fs::remove_file(&file);
        let dump = format!("{name}={}", file.display());
        let objcopy =
            ["llvm-objcopy", "llvm-objcopy-19", "llvm-objcopy-14"].into_iter().find(|tool| installed(tool));
        let Some(objcopy) = objcopy else {
            skipped(test, "llvm-objcopy is not installed");
            return None;
        };
        run(test, Command::new(objcopy).arg("--dump-section").arg(dump).arg(&object).arg("/dev/null"))?;
        Some(fs::read(&file).expect("the section"))
    };
    Some((section(".BTF")?, section(".BTF.ext")?))
}

pub(crate) fn installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}
