//! Relocated instructions beside libbpf's: objects of Debian's packages and our own, for the running kernel's types, byte for
//! byte.
//!
//! `oracle/libbpf.c` has libbpf relocate and shows what it would give the kernel. What refers to maps, other functions
//! or symbols of the kernel is each loader's own matter and is left out of the comparison.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use skep_btf::Btf;
use skep_btf::core::{Missing, Target};
use skep_isa::{SLOT_BYTES, encode_all};
use skep_obj::Object;
use skep_testkit::{TempDir, report_skipped, skip, tool};

const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";

/// The oracle, compiled; `None` where there is no compiler or no libbpf to compile it with.
fn oracle(dir: &TempDir) -> Option<PathBuf> {
    let path = dir.join("oracle");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/libbpf.c");
    let compiled = Command::new(tool("cc")?)
        .arg("-o")
        .arg(&path)
        .arg(source)
        .args(["-lbpf", "-ldl"])
        .output()
        .expect("the compiler starts");
    compiled.status.success().then_some(path)
}

/// What libbpf would load: bytes of each function by its name, program by program.
struct ByLibbpf {
    programs: Vec<BTreeMap<String, Vec<u8>>>,
    refused: Vec<String>,
}

impl ByLibbpf {
    fn of(oracle: &Path, object: &Path, types: Option<&Path>) -> ByLibbpf {
        let output = Command::new(oracle).arg(object).args(types).output().expect("the oracle starts");
        assert!(output.status.success(), "{}: libbpf does not open it", object.display());
        let mut said = ByLibbpf { programs: Vec::new(), refused: Vec::new() };
        for line in String::from_utf8(output.stdout).expect("text").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["program", _, hex, ref functions @ ..] => {
                    said.programs.push(cut(&unhex(hex), functions));
                }
                ["refused", name] => said.refused.push(name.to_owned()),
                _ => panic!("{line}"),
            }
        }
        said
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The functions of a program, by name and first slot.
fn cut(bytes: &[u8], functions: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut starts: Vec<(usize, &str)> =
        functions.chunks_exact(2).map(|pair| (pair[1].parse().expect("a slot"), pair[0])).collect();
    starts.push((bytes.len() / SLOT_BYTES, ""));
    let bytes_of = |pair: &[(usize, &str)]| bytes[pair[0].0 * SLOT_BYTES..pair[1].0 * SLOT_BYTES].to_vec();
    starts.windows(2).map(|pair| (pair[0].1.to_owned(), bytes_of(pair))).collect()
}

/// How many records were compared, and how many of them have no answer.
#[derive(Debug, Default)]
struct Tally {
    objects: u32,
    functions: u32,
    records: u32,
    unanswered: u32,
    /// How many instructions libbpf takes, though they would read something else than the field.
    stricter: u32,
    /// Programs that libbpf gives up, for reasons of its own: what they attach to, or symbols of the kernel.
    refused: Vec<String>,
}

/// Compares each function of each program that libbpf would load.
fn compare(by: &str, bytes: &[u8], said: &ByLibbpf, target: &Target, tally: &mut Tally) {
    let object = Object::from_elf(bytes).unwrap_or_else(|error| panic!("{by}: {error}"));
    let relocated = object.relocate(target).unwrap_or_else(|error| panic!("{by}: {error}"));
    tally.objects += 1;
    tally.refused.extend(said.refused.iter().map(|name| format!("{by} {name}")));
    for (before, after) in object.functions.iter().zip(&relocated.functions) {
        // libbpf moves the access to where it would put the container, and the shifts behind it stay: another field is read.
        // Ours is run by a test of skep-user.
        if before.name == "bits_direct" {
            continue;
        }
        // One program is as good as another: a function is the same in each that calls it.
        let Some(theirs) = said.programs.iter().find_map(|functions| functions.get(&before.name)) else {
            continue;
        };
        let ours = encode_all(&after.insns, object.endian);
        assert_eq!(ours.len(), theirs.len(), "{by} {}", before.name);
        let foreign: HashSet<usize> = before.references.iter().map(|reference| reference.insn).collect();
        let slots = ours.chunks(SLOT_BYTES).zip(theirs.chunks(SLOT_BYTES));
        for (slot, (ours, theirs)) in slots.enumerate() {
            let tail = slot > 0 && foreign.contains(&(slot - 1)) && before.insns[slot - 1].slots() == 2;
            // Here libbpf reads what is not the field, or gives the whole object up.
            let refused = after.core_relos.iter().any(|relo| {
                let missing = relo.failure.as_deref().map(|failure| &failure.missing);
                (relo.insn == slot || relo.insn + 1 == slot)
                    && matches!(missing, Some(Missing::Unreadable { .. }))
            });
            tally.stricter += u32::from(refused && ours != theirs);
            if !foreign.contains(&slot) && !tail && !refused {
                let relo = before.core_relos.iter().find(|relo| relo.insn == slot);
                assert_eq!(ours, theirs, "{by} {}, instruction {slot}: {relo:?}", before.name);
            }
        }
        tally.functions += 1;
        tally.records += before.core_relos.len() as u32;
        tally.unanswered += after.core_relos.len() as u32;
    }
}

fn kernel() -> Option<Target> {
    let btf = Btf::parse(&fs::read(KERNEL_TYPES).ok()?).expect("the kernel's types");
    Some(Target::new("the running kernel", Arc::new(btf)))
}

/// Objects within a file: packages carry them inside of their programs.
fn objects_in(bytes: &[u8]) -> Vec<&[u8]> {
    const MAGIC: &[u8] = b"\x7fELF\x02\x01\x01";
    let number = |at: usize, len: usize| {
        let bytes = bytes.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0usize, |number, &byte| number << 8 | usize::from(byte)))
    };
    let object = |at: usize| {
        // Type 1, machine 247: a relocatable object for BPF. Its section table is its end.
        let (kind, machine) = (number(at + 16, 2)?, number(at + 18, 2)?);
        let end = number(at + 40, 8)?.checked_add(number(at + 58, 2)? * number(at + 60, 2)?)?;
        bytes.get(at..at.checked_add(end)?).filter(|_| (kind, machine) == (1, 247))
    };
    let starts = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    starts.filter_map(|(at, _)| object(at)).collect()
}

/// The files of Debian packages, if they are installed.
fn package_files(package: &str) -> Vec<PathBuf> {
    let Some(dpkg) = tool("dpkg") else { return Vec::new() };
    let output = Command::new(dpkg).args(["-L", package]).output().expect("dpkg starts");
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    files.lines().map(PathBuf::from).filter(|path| path.is_file()).collect()
}

#[test]
fn objects_of_debian_packages_become_what_libbpf_makes_of_them() {
    let Some(target) = kernel() else { skip!("the running kernel shows no types") };
    let dir = TempDir::new("core");
    let Some(oracle) = oracle(&dir) else { skip!("needs cc and libbpf-dev") };
    let files: Vec<PathBuf> = match std::env::var_os("SKEP_CORE_OBJECTS") {
        Some(dir) => {
            fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()).collect()
        }
        None => ["libbpf-tools", "xdp-tools"].into_iter().flat_map(package_files).collect(),
    };
    let mut tally = Tally::default();
    for file in files {
        for (number, bytes) in objects_in(&fs::read(&file).expect("readable")).into_iter().enumerate() {
            let object = dir.join("object.o");
            fs::write(&object, bytes).expect("writable");
            let by = format!("{} {number}", file.display());
            compare(&by, bytes, &ByLibbpf::of(&oracle, &object, None), &target, &mut tally);
        }
    }
    if tally.objects == 0 {
        skip!("neither libbpf-tools nor xdp-tools is installed");
    }
    eprintln!("{tally:#?}");
    assert!(tally.records > 100, "{tally:?}");
}

/// Our own programs for our own kernels, all questions there are among them. Where an instruction was refused that libbpf
/// lets read something else than the field, libbpf is not followed.
#[test]
fn own_programs_become_what_libbpf_makes_of_them() {
    let test = "own_programs_become_what_libbpf_makes_of_them";
    let dir = TempDir::new("core");
    let Some(oracle) = oracle(&dir) else { skip!("needs cc and libbpf-dev") };
    if !Path::new(KERNEL_TYPES).exists() {
        skip!("the running kernel shows no types, without which libbpf loads nothing");
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core");
    let mut changes: Vec<PathBuf> = fs::read_dir(sources.join("changes"))
        .expect("changes")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    changes.sort();
    let mut tally = Tally::default();
    for name in ["clang-14", "clang-19", "clang-22"] {
        let Some(clang) = tool(name) else {
            report_skipped(env!("CARGO_PKG_NAME"), test, format_args!("{name} is not installed"));
            continue;
        };
        let program = compile_to(&clang, &sources.join("thing.c"), &dir.join("program.o"));
        for change in &changes {
            let kernel = compile_to(&clang, change, &dir.join("kernel.o"));
            let types = skep_obj::btf_section(&kernel).expect("an ELF file").expect("types");
            let btf = dir.join("kernel.btf");
            fs::write(&btf, types).expect("writable");
            let target = Target::new("the kernel", Arc::new(Btf::parse(types).expect("types")));
            let said = ByLibbpf::of(&oracle, &dir.join("program.o"), Some(&btf));
            let by = format!("{name} {}", change.file_stem().expect("a name").to_string_lossy());
            compare(&by, &program, &said, &target, &mut tally);
        }
    }
    eprintln!("{tally:#?}");
}

fn compile_to(clang: &Path, source: &Path, object: &Path) -> Vec<u8> {
    let output = Command::new(clang)
        .args(["-target", "bpfel", "-g", "-O2", "-Wno-microsoft-anon-tag", "-c", "-o"])
        .arg(object)
        .arg(source)
        .output()
        .expect("the compiler starts");
    assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    fs::read(object).expect("the object")
}
