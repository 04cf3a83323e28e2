//! Programs as people get them wrong: `broken/*.c`. A file says in its first line which rule it breaks, in its second
//! what the suggestion has to say, in its third by which input it breaks, if by one; `/* error */` stands on the line that has to be shown. The suggestion comes with a
//! change of the source, and with that made, by machine, the program is accepted, here and by the running kernel. Of a few
//! mistakes nobody but the author knows what was meant: with `MENDED` defined such a file has what may have been.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use skep::compile::CompileOptions;
use skep::verify::report::Report;
use skep::verify::{Options, verify};
use skep_testkit::{TempDir, is_root, skip, tool};

/// What a file expects.
struct Expected<'a> {
    rules: Vec<&'a str>,
    help: Option<&'a str>,
    line: usize,
}

fn expected(text: &str) -> Option<Expected<'_>> {
    let mut lines = text.lines();
    let rules = lines.next()?.strip_prefix("/* error[")?.strip_suffix("] */")?.split('|').collect();
    let help = lines.next()?.strip_prefix("/* help: ").and_then(|line| line.strip_suffix(" */"));
    let line = text.lines().position(|line| line.contains("/* error */"))? + 1;
    Some(Expected { rules, help, line })
}

/// The report of the program in a file, or none if it is accepted.
fn judge(file: &Path, mended: bool) -> Option<Report> {
    let arguments = if mended { vec!["-DMENDED".into()] } else { Vec::new() };
    let options = CompileOptions { compiler: None, arguments };
    let object = skep::source::read_with(file, &options, &skep::source::assembly_options())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (function, _) = object.programs().next().expect("a program");
    let program = Arc::new(object.program(function).expect("it links"));
    let error = verify(program.clone(), &Options::default()).err()?;
    Some(Report::new(&error, &program))
}

fn compare(report: Option<&Report>, expected: &Expected<'_>) -> Result<(), String> {
    let Some(report) = report else { return Err("it is accepted".to_owned()) };
    if !expected.rules.contains(&report.rule.name) {
        return Err(format!("expected the rule {:?}, found:\n{report}", expected.rules));
    }
    if report.source.as_ref().map(|source| source.line as usize) != Some(expected.line) {
        return Err(format!("expected line {}, found:\n{report}", expected.line));
    }
    let help = report.suggestion.as_ref().map(ToString::to_string).unwrap_or_default();
    match expected.help {
        Some(words) if !help.contains(words) => {
            Err(format!("expected help with `{words}`, found:\n{report}"))
        }
        _ => Ok(()),
    }
}

/// Whether the compiler is here whose lines are expected: which line a thing is on is the compiler's word, and these
/// are clang's, at any level of the last years.
fn has_clang() -> bool {
    tool("clang").or_else(|| tool("clang-19")).is_some()
}

fn programs() -> Vec<(PathBuf, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("the programs").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let text = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("text");
        (file, text)
    };
    files.into_iter().map(text).collect()
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn what_people_get_wrong_is_told() {
    if !has_clang() {
        skip!("clang is not installed");
    }
    let mut wrong = Vec::new();
    let files = programs();
    for (file, text) in &files {
        let name = name(file);
        let expected = expected(text).unwrap_or_else(|| panic!("{name} says nothing"));
        if let Err(why) = compare(judge(file, false).as_ref(), &expected) {
            wrong.push(format!("{name}: {why}"));
        }
        if text.contains("MENDED")
            && let Some(report) = judge(file, true)
        {
            wrong.push(format!("{name}, mended, is refused:\n{report}"));
        }
    }
    println!("{} programs", files.len());
    assert!(
        files.len() >= 40 && wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}

/// Runs `skep verify` on a file: whether it was accepted, and what was printed.
fn skep_verify(arguments: &[&str], file: &Path) -> (bool, String) {
    let skep = Command::new(env!("CARGO_BIN_EXE_skep")).arg("verify").args(arguments).arg(file).output();
    let skep = skep.expect("it starts");
    let mut printed = String::from_utf8_lossy(&skep.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&skep.stderr));
    (skep.status.success(), printed)
}

/// Makes a change as an editor would: from the JSON alone, by lines and columns.
fn apply(text: &str, edit: &Value) -> String {
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let number = |part: &Value, key: &str| part[key].as_u64().expect("a number") as usize;
    let at =
        |part: &Value, line: &str, column: &str| starts[number(part, line) - 1] + number(part, column) - 1;
    let mut text = text.to_owned();
    for part in edit["replacements"].as_array().expect("replacements").iter().rev() {
        let range = at(part, "line_start", "column_start")..at(part, "line_end", "column_end");
        assert_eq!(part["old"].as_str(), Some(&text[range.clone()]));
        text.replace_range(range, part["new"].as_str().expect("text"));
    }
    text
}

/// How many of the programs have an input that breaks them.
const BROKEN: usize = 20;

#[test]
fn inputs_that_break_programs_are_found_and_break_them_again() {
    if !has_clang() {
        skip!("clang is not installed");
    }
    let dir = TempDir::new("inputs");
    let (mut broken, mut wrong) = (0, Vec::new());
    for (file, text) in &programs() {
        let input = dir.join(format!("{}.json", name(file)));
        let path = input.to_str().expect("a path");
        let (_, printed) = skep_verify(&["--counterexample", path], file);
        let bug = |line: &str| Some(line.strip_prefix("/* bug: ")?.strip_suffix(" */")?.to_owned());
        let expected = text.lines().find_map(bug);
        let found = printed.lines().find_map(|line| line.strip_prefix("bug: ")).map(str::to_owned);
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", name(file)));
        }
        let Some(found) = found else { continue };
        broken += 1;
        let (ended, printed) = skep_verify(&["--run-input", path], file);
        let what = found.split_once(", instruction").map_or("", |(_, what)| what);
        if ended || !printed.contains(what) {
            wrong.push(format!("{}: expected {found} again, found {printed}", name(file)));
        }
    }
    println!("{broken} programs are broken by an input");
    assert!(broken >= BROKEN && wrong.is_empty(), "{broken}:\n{}", wrong.join("\n"));
}

/// Most suggestions that a program is expected to need.
const MAX_STEPS: usize = 3;

/// Follows the suggestions for a file until it is accepted, or says what remains.
fn follow(file: &Path) -> Result<(), String> {
    for _ in 0..=MAX_STEPS {
        let (accepted, printed) = skep_verify(&["--json"], file);
        if accepted {
            return Ok(());
        }
        let json: Value = serde_json::from_str(printed.lines().next().unwrap_or_default())
            .map_err(|error| format!("{error}: {printed}"))?;
        let edit = &json["report"]["suggestion"]["edit"];
        if edit.is_null() || edit["applicability"] == "has-placeholders" {
            return Err(format!("no change is suggested:\n{}", json["reason"].as_str().unwrap_or_default()));
        }
        let text = std::fs::read_to_string(file).expect("text");
        std::fs::write(file, apply(&text, edit)).expect("it is written");
    }
    Err(format!("{MAX_STEPS} suggestions do not mend it"))
}

/// How many of the programs have to be mended by their suggestions.
const MENDED: usize = 30;

#[test]
fn suggestions_followed_by_machine_mend_programs() {
    if !has_clang() {
        skip!("clang is not installed");
    }
    let dir = TempDir::new("mended");
    let (mut mended, mut wrong) = (Vec::new(), Vec::new());
    for (file, text) in programs().iter().filter(|(_, text)| !text.contains("MENDED")) {
        let copy = dir.join(name(file));
        std::fs::write(&copy, text).expect("it is written");
        match follow(&copy) {
            Ok(()) => mended.push(copy),
            Err(why) => wrong.push(format!("{}: {why}", name(file))),
        }
    }
    println!("{} programs are mended", mended.len());
    assert!(mended.len() >= MENDED && wrong.is_empty(), "{} mended:\n{}", mended.len(), wrong.join("\n"));
    if !is_root() {
        skip!("the kernel is not asked without root: mended programs were judged by skep alone");
    }
    for file in &mended {
        let (accepted, printed) = skep_verify(&["--host", "linux"], file);
        if !accepted {
            wrong.push(format!("{}: {printed}", name(file)));
        }
    }
    println!("{} of them are accepted by the running kernel", mended.len() - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fixing_prints_and_writes_only_when_told_to() {
    if !has_clang() {
        skip!("clang is not installed");
    }
    let dir = TempDir::new("fix");
    let copy = |name: &str| {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken").join(name);
        let to = dir.join(name);
        std::fs::copy(from, &to).expect("it is copied");
        to
    };
    let text = |file: &Path| std::fs::read_to_string(file).expect("text");

    let unchecked = copy("lookup-unchecked.c");
    let before = text(&unchecked);
    let (accepted, printed) = skep_verify(&["--fix"], &unchecked);
    assert!(accepted && printed.contains("+\tif (!value)\n+\t\treturn XDP_PASS;\n"), "{printed}");
    assert_eq!(text(&unchecked), before);
    let (accepted, _) = skep_verify(&["--fix", "--write"], &unchecked);
    assert!(accepted && text(&unchecked).contains("\tif (!value)\n"));
    assert!(skep_verify(&[], &unchecked).0);

    // What may be meant otherwise is changed only for those who say so.
    let masked = copy("index-off-by-one.c");
    let before = text(&masked);
    let (accepted, printed) = skep_verify(&["--fix", "--write"], &masked);
    assert!(!accepted && printed.contains("--fix=maybe makes it"), "{printed}");
    assert_eq!(text(&masked), before);
    assert!(skep_verify(&["--fix=maybe", "--write"], &masked).0);

    let (accepted, printed) = skep_verify(&["--fix"], &dir.join("prog.o"));
    assert!(!accepted && printed.contains("expected a file `….c`"), "{printed}");
}

#[test]
fn a_source_that_is_not_the_one_compiled_gets_no_change() {
    if !has_clang() {
        skip!("clang is not installed");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken/lookup-unchecked.c");
    let text = std::fs::read_to_string(&file).expect("text");
    let options = CompileOptions::default();
    let object =
        skep::source::read_with(&file, &options, &skep::source::assembly_options()).expect("it compiles");
    let program = Arc::new(object.program(0).expect("it links"));
    let error = verify(program.clone(), &Options::default()).expect_err("it is refused");
    let edit = |text: &str| {
        let mut report = Report::new(&error, &program);
        report.mend(&program, text);
        report.suggestion.and_then(|suggestion| suggestion.edit)
    };
    assert!(edit(&text).is_some());
    assert!(edit(&text.replace("*value += 1", "*value += 2")).is_none());
    assert!(edit(&format!("\n{text}")).is_none());
    assert!(edit("").is_none());
}
