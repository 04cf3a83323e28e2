//! Programs as people get them wrong: `broken/*.c`. A file says in its first line which rule it breaks, in its second
//! what the suggestion has to say; `/* error */` stands on the line that has to be shown. With `MENDED` defined, the
//! suggestion is followed, and the program is accepted.

use std::path::Path;
use std::sync::Arc;

use skep::compile::CompileOptions;
use skep::verify::report::Report;
use skep::verify::{Options, verify};
use skep_testkit::{skip, tool};

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

#[test]
fn what_people_get_wrong_is_told_and_the_suggestion_mends_it() {
    // Which line a thing is on is the compiler's word: these are clang's, at any level of the last years.
    if tool("clang").or_else(|| tool("clang-19")).is_none() {
        skip!("clang is not installed");
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("the programs").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("text");
        let expected = expected(&text).unwrap_or_else(|| panic!("{name} says nothing"));
        if let Err(why) = compare(judge(file, false).as_ref(), &expected) {
            wrong.push(format!("{name}: {why}"));
        }
        if let Some(report) = judge(file, true) {
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
