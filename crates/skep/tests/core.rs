//! The questions of `skep/core.h`, asked by every compiler that is there in each way it has, on a kernel whose types
//! differ from the program's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skep::btf::core::Target;
use skep::btf::{Btf, Kind};
use skep::compile::{CompileOptions, Compiler, Family, compile};
use skep::host::{Host, LoadOptions, Loaded, TestRun};
use skep::obj::Object;
use skep::{UserConfig, UserHost};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core").join(name)
}

/// Compilers, and for each the ways in which it can be made to ask.
fn ways() -> Vec<(Compiler, Vec<&'static str>)> {
    let ways = Compiler::present().into_iter().flat_map(|compiler| {
        let ways: &[&[&str]] = match compiler.family {
            Family::Clang => &[&[], &["-DSKEP_CORE_MARKERS"]],
            Family::Gcc => &[&[]],
        };
        ways.iter().map(move |way| (compiler.clone(), way.to_vec()))
    });
    ways.collect()
}

fn object(compiler: &Compiler, name: &str, arguments: &[&str]) -> Object {
    let arguments = arguments.iter().map(OsString::from).collect();
    let options = CompileOptions { compiler: Some(compiler.path.clone().into()), arguments };
    let made = compile(&source(name), &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    Object::from_elf(&made.object)
        .unwrap_or_else(|error| panic!("{name} by {}: {error}", compiler.path.display()))
}

/// A kernel's types, compiled by the newest clang: GCC 12 gets enumerations wrong.
fn kernel(name: &str) -> Option<Target> {
    let compiler = Compiler::present().into_iter().find(|compiler| compiler.family == Family::Clang)?;
    let btf: Arc<Btf> = object(&compiler, name, &[]).btf.expect("types");
    Some(Target::new("the kernel of the test", btf))
}

/// What each program of an object returns on a packet.
fn answers(object: &Object, packet: &[u8]) -> BTreeMap<String, u32> {
    let mut host = UserHost::new(UserConfig::default());
    let all: Vec<usize> = object.programs().map(|(function, _)| function).collect();
    let loaded = Loaded::new(&mut host, object, &all, &LoadOptions::default()).expect("loaded");
    let run = |function: &usize| {
        let program = loaded.program(*function).expect("a program");
        let run = TestRun { data: packet, ..TestRun::default() };
        let result = host.test_run(program.id, &run).expect("a run");
        (object.functions[*function].name.clone(), result.retval)
    };
    all.iter().map(run).collect()
}

/// A packet with a task of the layout of `kernel.c`: pid 77, in.y[1] -5, level 42.
fn packet() -> Vec<u8> {
    let mut packet = vec![0; 256];
    packet[8..16].copy_from_slice(&77i64.to_le_bytes());
    packet[24..32].copy_from_slice(&(-5i64).to_le_bytes());
    // `before` is byte 88; the bit fields fill bits 8 to 23 of the word there: other 7, level 6, closing 3.
    let word: u32 = 0x11 | 0x7f << 8 | 42 << 15 | 0x5 << 21;
    packet[88..92].copy_from_slice(&word.to_le_bytes());
    packet
}

#[test]
fn every_question_has_the_answer_of_the_kernel_it_runs_on() {
    let Some(target) = kernel("kernel.c") else {
        println!("skipped: every_question_has_the_answer_of_the_kernel_it_runs_on: clang is not installed");
        return;
    };
    let type_id = target.btf().find("place", Kind::Struct).expect("the type").0;
    let expected = [
        ("field_offset", 32),
        ("field_offset_within", 96),
        ("field_size", 8),
        ("field_exists", 1),
        ("field_missing", 0),
        ("field_signed", 1),
        ("type_exists", 1),
        ("type_missing", 0),
        ("type_size", 72),
        ("type_matches", 0),
        ("type_id", type_id),
        ("enum_exists", 1),
        ("enum_value", 7),
        ("enum_negative", -9i32 as u32),
        ("load_pid", 77),
        ("load_element", -5i32 as u32),
        ("load_bits", 42),
    ];
    for (compiler, arguments) in ways() {
        for level in ["-O1", "-O2", "-Os"] {
            let arguments: Vec<&str> = arguments.iter().copied().chain([level]).collect();
            let built = object(&compiler, "questions.c", &arguments);
            let relocated = built.relocate(&target).expect("relocated");
            let found = answers(&relocated, &packet());
            for (name, answer) in expected {
                let by = compiler.path.display();
                assert_eq!(found[name], answer, "{name} by {by} {arguments:?}");
            }
        }
    }
}
