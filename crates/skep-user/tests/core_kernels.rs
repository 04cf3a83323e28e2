//! Programs on kernels whose structures have changed: each read gives the right value, or is refused with the reason;
//! never a wrong value.
//!
//! `thing.c` of skep-obj's tests has the programs. A file in `changes/` is a kernel: its types, a structure laid out by them,
//! and in comments what each program must return. A change is added by adding a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skep_btf::core::Target;
use skep_host::{Host, HostError, LoadOptions, Loaded, TestRun};
use skep_obj::{MapInit, Object};
use skep_testkit::{TempDir, report_skipped, tool};
use skep_user::{UserConfig, UserHost};

const COMPILERS: [&str; 3] = ["clang-14", "clang-19", "clang-22"];
const OPTIMISATIONS: [&str; 3] = ["-O1", "-O2", "-Os"];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../skep-obj/tests/core")
}

fn compile(compiler: &Path, options: &[&str], source: &Path) -> Vec<u8> {
    let dir = TempDir::new("core");
    let object = dir.join("a.o");
    let output = Command::new(compiler)
        .args(["-target", "bpfel", "-g", "-Wno-microsoft-anon-tag", "-c", "-o"])
        .arg(&object)
        .args(options)
        .arg(source)
        .output()
        .expect("the compiler starts");
    assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    fs::read(object).expect("the object")
}

/// What a program must do on a kernel.
#[derive(Debug)]
enum Expected {
    Returns(i32),
    /// Refused with these words.
    Refused(String),
}

/// A kernel: its types, memory with its structure, and what is expected.
struct Kernel {
    name: String,
    target: Target,
    memory: Vec<u8>,
    expected: Vec<(String, Expected)>,
}

impl Kernel {
    fn new(path: &Path, compiler: &Path) -> Kernel {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a source");
        let object = Object::from_elf(&compile(compiler, &["-O2"], path)).expect("a readable object");
        let data = |name: &str| {
            let (_, map) = object.map(name)?;
            let MapInit::Data(data) = &map.init else { return None };
            Some(data.bytes.clone())
        };
        let mut memory = data(".data").unwrap_or_default();
        memory.resize(256, 0);
        let expected =
            text.lines().filter_map(|line| line.strip_prefix("// ")).flat_map(expectations).collect();
        let target = Target::new(name.as_str(), object.btf.clone().expect("types"));
        Kernel { name, target, memory, expected }
    }
}

/// `NAME: NUMBER, NAME: refused: WORDS, …`. Words may have commas in them, but no name and colon behind one.
fn expectations(line: &str) -> Vec<(String, Expected)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in line.split(", ") {
        match part
            .split_once(": ")
            .filter(|(name, _)| name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()))
        {
            Some((name, said)) => found.push((name.to_owned(), said.to_owned())),
            None => {
                let (_, before) = found.last_mut().expect("a name and colon first");
                *before += ", ";
                *before += part;
            }
        }
    }
    let read = |(name, said): (String, String)| {
        let expected = match said.strip_prefix("refused: ") {
            Some(words) => Expected::Refused(words.to_owned()),
            None => Expected::Returns(said.parse().expect("a number")),
        };
        (name, expected)
    };
    found.into_iter().map(read).collect()
}

fn run(object: &Object, name: &str, memory: &[u8]) -> Result<i32, HostError> {
    let (function, _) =
        object.programs().find(|(_, f)| f.name == name).unwrap_or_else(|| panic!("no {name}"));
    let mut host = UserHost::new(UserConfig::default());
    let loaded = Loaded::new(&mut host, object, &[function], &LoadOptions::default())?;
    let map = loaded.maps[object.map("memory").expect("the memory").0];
    host.update(map, &0u32.to_ne_bytes(), memory, 0)?;
    let program = loaded.program(function).expect("it was asked for").id;
    Ok(host.test_run(program, &TestRun { data: &[0; 64], ..TestRun::default() })?.retval as i32)
}

#[test]
fn reads_of_changed_structures_are_right_or_refused() {
    let test = "reads_of_changed_structures_are_right_or_refused";
    let mut changes: Vec<_> = fs::read_dir(sources().join("changes"))
        .expect("the changes")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    changes.sort();
    let mut kernels: Option<Vec<Kernel>> = None;
    let mut all_wrong = Vec::new();
    for compiler in COMPILERS.into_iter().rev() {
        let Some(path) = tool(compiler) else {
            report_skipped(env!("CARGO_PKG_NAME"), test, format_args!("{compiler} is not installed"));
            continue;
        };
        // Kernels are compiled by the newest compiler, programs by each.
        let kernels =
            kernels.get_or_insert_with(|| changes.iter().map(|change| Kernel::new(change, &path)).collect());
        for optimisation in OPTIMISATIONS {
            let bytes = compile(&path, &[optimisation], &sources().join("thing.c"));
            let object = Object::from_elf(&bytes).expect("a readable object");
            for kernel in &*kernels {
                let relocated = object.relocate(&kernel.target).expect("an object in order");
                for (program, expected) in &kernel.expected {
                    if (compiler, program.as_str()) == ("clang-14", "wide_big") {
                        continue; // It has no type for such an enumeration.
                    }
                    if let Some(wrong) = wrong(expected, run(&relocated, program, &kernel.memory)) {
                        all_wrong
                            .push(format!("{compiler} {optimisation}, {} {program}: {wrong}", kernel.name));
                    }
                }
            }
        }
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
}

/// What is wrong with what a program did, if anything is.
fn wrong(expected: &Expected, found: Result<i32, HostError>) -> Option<String> {
    match (expected, found) {
        (Expected::Returns(expected), Ok(found)) if found == *expected => None,
        (Expected::Refused(words), Err(HostError::Refused { report, .. })) => {
            let said = report.reason.to_string();
            let explained = said.starts_with("invalid CO-RE relocation: ") && said.contains(words.as_str());
            (!explained).then(|| format!("expected {words:?}, found {said:?}"))
        }
        (_, Err(error)) => Some(format!("expected {expected:?}, found: {error}")),
        (_, Ok(found)) => Some(format!("expected {expected:?}, found {found}")),
    }
}

#[test]
fn the_user_host_answers_by_its_own_types() {
    let test = "the_user_host_answers_by_its_own_types";
    let source = r#"
        #include "core.h"
        struct __sk_buff { u32 mark; u32 len; } KERNEL;
        struct task_struct { int pid; } KERNEL;
        enum bpf_func_id { BPF_FUNC_map_lookup_elem = 100, BPF_FUNC_never_was = 101 };
        SEC("socket") int length(struct __sk_buff *skb) { return skb->len; }
        SEC("socket") int task(struct __sk_buff *skb) { return type_exists(struct task_struct); }
        SEC("socket") int pid(struct __sk_buff *skb) { return field_offset(((struct task_struct *)0)->pid); }
        SEC("socket") int lookup(struct __sk_buff *skb) { return enum_value(enum bpf_func_id, BPF_FUNC_map_lookup_elem); }
        SEC("socket") int never(struct __sk_buff *skb) { return enum_exists(enum bpf_func_id, BPF_FUNC_never_was); }
    "#;
    let Some((name, path)) = COMPILERS.iter().rev().find_map(|name| Some((name, tool(name)?))) else {
        report_skipped(env!("CARGO_PKG_NAME"), test, format_args!("no clang is installed"));
        return;
    };
    let dir = TempDir::new("core");
    let file = dir.join("own.c");
    fs::write(&file, source).expect("writable");
    let include = sources();
    let bytes = compile(&path, &["-O2", "-I", include.to_str().expect("a path in UTF-8")], &file);
    let object = Object::from_elf(&bytes).expect("a readable object");
    let memory = [0; 256];
    let run = |program| run(&object, program, &memory);
    // Socket filters begin behind the Ethernet header.
    assert_eq!(run("length").expect("it runs"), 50, "{name}");
    assert_eq!(run("task").expect("it runs"), 0);
    assert_eq!(run("lookup").expect("it runs"), 1);
    assert_eq!(run("never").expect("it runs"), 0);
    let said = run("pid").expect_err("the user host has no tasks").to_string();
    assert!(said.contains("the user host has no `struct task_struct`"), "{said}");
}
