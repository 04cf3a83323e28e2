//! An application with functions of its own, and programs that it does not trust: those that keep to the rows run,
//! those that don't are refused with the rule that they break.

#[path = "../../../examples/embedding/sessions.rs"]
mod sessions;

use std::fs;
use std::path::PathBuf;

use sessions::{SESSIONS, Sessions};
use skep::abi::{FunctionTable, TableError};
use skep::compile::{CompileOptions, Compiler, Family};
use skep::host::{Engine, Host, HostError, LoadOptions, Loaded, TestRun};
use skep::{UserConfig, UserHost};
use skep_testkit::{skip, workspace_root};

fn folder() -> PathBuf {
    workspace_root().join("examples/embedding")
}

/// What a program returns, with how many sessions it left open; or why it is refused.
fn run(file: &str, options: &CompileOptions, engine: Engine) -> Result<(u32, usize), HostError> {
    let object = skep::source::read(&folder().join(file), options).expect("a program");
    let state = Sessions::with_mail([(7, "hello"), (8, "bye")]);
    let mut host = UserHost::with_functions(UserConfig::default(), sessions::add, state).expect("functions");
    let options = LoadOptions { engine, ..LoadOptions::default() };
    let loaded = Loaded::new(&mut host, &object, &[], &options)?;
    let run = TestRun { data: &[0; 64], ..TestRun::default() };
    let result = host.test_run(loaded.programs[0].id, &run)?;
    Ok((result.retval, host.state::<Sessions>().expect("the state").open()))
}

fn engines() -> &'static [Engine] {
    if skep::vm::jit_available() { &[Engine::Interp, Engine::Jit] } else { &[Engine::Interp] }
}

/// The rule that a program breaks.
fn rule(file: &str, options: &CompileOptions) -> &'static str {
    match run(file, options, Engine::Interp) {
        Err(HostError::Refused { report, .. }) => report.reason.rule().name,
        other => panic!("{file}: {other:?}"),
    }
}

/// What is wrong with the programs, by their names.
const WRONG: [(&str, &str); 3] =
    [("use_after_close", "reference-state"), ("leak", "leaked-reference"), ("null", "null-check")];

#[test]
fn assembly_that_keeps_to_the_rows_runs() {
    for &engine in engines() {
        let done = run("good.s", &CompileOptions::default(), engine).expect("a run");
        assert_eq!(done, (u32::from(b'h'), 0), "{engine:?}");
    }
}

#[test]
fn assembly_that_breaks_a_rule_is_refused_with_its_name() {
    for (file, expected) in
        WRONG.into_iter().chain([("forged", "reference-state"), ("peek", "object-access")])
    {
        assert_eq!(rule(&format!("{file}.s"), &CompileOptions::default()), expected, "{file}");
    }
}

#[test]
fn c_is_held_to_the_same_rules_by_every_compiler() {
    let compilers = Compiler::present();
    if compilers.is_empty() {
        skip!("neither clang nor bpf-gcc is installed");
    }
    for compiler in compilers {
        if compiler.family == Family::Gcc {
            println!(
                "skipped: {}: it does not say that a function is declared in `.ksyms`",
                compiler.path.display()
            );
            continue;
        }
        let options =
            CompileOptions { compiler: Some(compiler.path.clone().into()), ..CompileOptions::default() };
        for &engine in engines() {
            let done = run("good.c", &options, engine).expect("a run");
            assert_eq!(done, (u32::from(b'h'), 0), "{engine:?}");
        }
        for (file, expected) in WRONG {
            assert_eq!(rule(&format!("{file}.c"), &options), expected, "{file}");
        }
    }
}

/// `UPDATE_EXPECT=1` writes it.
#[test]
fn the_header_is_printed_from_the_rows() {
    let (path, printed) = (folder().join("sessions.h"), skep::abi::c_declarations("SESSIONS_H", &SESSIONS));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &printed).expect("a written header");
    }
    assert_eq!(printed, fs::read_to_string(&path).unwrap_or_default());
}

#[test]
fn a_program_without_the_functions_is_refused_by_their_name() {
    let object = skep::source::read(&folder().join("good.s"), &CompileOptions::default()).expect("a program");
    let mut host = UserHost::new(UserConfig::default());
    let error = Loaded::new(&mut host, &object, &[], &LoadOptions::default()).expect_err("no such function");
    assert!(error.to_string().contains("session_open"), "{error}");
}

#[test]
fn a_table_has_each_name_once() {
    let twice = FunctionTable::new(SESSIONS.iter().chain(&SESSIONS));
    assert_eq!(twice, Err(TableError::Taken("session_open")));
}
