//! `cargo xtask golden report FILE`: programs that people failed to load, and whether we say whose fault it is, and where.
//!
//! The cases have a label of what was wrong, given by people who read them, and the kernel's log. Two reports are made of
//! each: of our own refusal, and of the log. A report is right if it has the label's class and the source line that
//! Linux stopped at; a case without a label is the mended version of another, and right if the verdict is Linux's.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use skep::counterexample;
use skep_btf::Btf;
use skep_verify::report::{Class, Report, kernel_log};
use skep_verify::{Options, Suspect, verify};

use super::case::{self, Types};
use super::cases::{Cases, Verdict};
use crate::error::Error;

/// What came of a case.
pub(super) struct Outcome {
    pub(super) id: String,
    /// The label's class, if there is one.
    expected: Option<Class>,
    /// The line that Linux stopped at, if its log has one.
    line: Option<u32>,
    /// Rule, class and line, of our own refusal and of the log.
    ours: Option<Said>,
    log: Option<Said>,
    /// An input that breaks it, in words, if one is found.
    counterexample: Option<String>,
    /// Whether Linux, and we, accept it.
    accepted: (Option<bool>, bool),
}

/// What a report says.
struct Said {
    rule: &'static str,
    class: Class,
    line: Option<u32>,
}

impl Said {
    fn of(report: &Report) -> Said {
        Said {
            rule: report.rule.name,
            class: report.class,
            line: report.source.as_ref().map(|source| source.line),
        }
    }
}

impl Outcome {
    /// Whether one of the reports is right; without a label, whether the verdict is.
    pub(super) fn right(&self) -> bool {
        let Some(expected) = self.expected else { return self.accepted.0 == Some(self.accepted.1) };
        // Where there is no line to go by, the class has to do.
        let right = |said: &Said| said.class == expected && (self.line.is_none() || said.line == self.line);
        self.ours.iter().chain(&self.log).any(right)
    }

    fn rest(&self) -> Value {
        let said = |said: &Option<Said>| {
            said.as_ref().map(|s| json!({ "rule": s.rule, "class": s.class.name(), "line": s.line }))
        };
        json!({
            "expected": self.expected.map(Class::name), "line": self.line,
            "ours": said(&self.ours), "log": said(&self.log), "counterexample": self.counterexample,
        })
    }
}

/// Prints every case, and how many are right.
pub(crate) fn run(file: &Path, types: &Path, kernel: Option<Arc<Btf>>) -> Result<(), Error> {
    let mut cases = Cases::new(file);
    for outcome in outcomes(file, types, kernel)? {
        let verdict = if outcome.right() { Verdict::Same } else { Verdict::Excused };
        cases.case(&outcome.id, verdict, outcome.rest())?;
    }
    cases.finish()
}

/// Every case of a file.
pub(super) fn outcomes(file: &Path, types: &Path, kernel: Option<Arc<Btf>>) -> Result<Vec<Outcome>, Error> {
    let mut types = Types::new(types)?;
    let options = Options { kernel, ..Options::default() };
    Ok(case::lines(file)?.lines().map(|line| judge(line, &mut types, &options)).collect())
}

fn judge(line: &str, types: &mut Types, options: &Options) -> Outcome {
    let case: Value = serde_json::from_str(line).unwrap_or_default();
    let log = case["log"].as_str().unwrap_or_default();
    let expected = match case["label"]["taxonomy_class"].as_str() {
        Some("source_bug") => Some(Class::SourceBug),
        Some("lowering_artifact") => Some(Class::CompilerArtefact),
        Some("verifier_false_positive" | "verifier_limit") => Some(Class::VerifierLimit),
        Some("environment_or_configuration") => Some(Class::Environment),
        _ => None,
    };
    let program = case::program(&case, types).ok().map(Arc::new);
    let verdict = program.clone().map(|program| verify(program, options));
    let ours = match (&verdict, &program) {
        (Some(Err(error)), Some(program)) => Some(Said::of(&Report::new(error, program))),
        _ => None,
    };
    let linux = match case["golden_6_18"]["priv"]["verdict"].as_str() {
        Some("accept") => Some(true),
        Some("reject") => Some(false),
        _ => None,
    };
    Outcome {
        id: case["id"].as_str().unwrap_or_default().to_owned(),
        expected,
        line: stopped_at(log),
        ours,
        counterexample: program
            .as_ref()
            .and_then(|program| Suspect::of(program, options))
            .and_then(|suspect| Some(counterexample::find(&suspect)?.to_string())),
        log: kernel_log::explain(log).ok().map(|report| Said::of(&report)),
        accepted: (linux, matches!(verdict, Some(Ok(_)))),
    }
}

/// The last source line in a log.
fn stopped_at(log: &str) -> Option<u32> {
    let sources = log.lines().filter(|line| line.starts_with("; "));
    sources.filter_map(|line| line.rsplit_once(':')?.1.trim().parse().ok()).next_back()
}

#[cfg(test)]
mod tests {
    use skep_testkit::{shared_data, skip};

    use super::*;

    /// The aim for the 162 cases.
    const RIGHT: usize = 130;

    #[test]
    fn most_real_failures_are_told_by_class_and_line() {
        let Some(data) = shared_data("verifier") else { skip!("the recorded failures are not there") };
        let outcomes = outcomes(&data.join("bpfix-bench.jsonl.gz"), &data.join("btf.tar.xz"), None)
            .expect("the cases can be read");
        let right = outcomes.iter().filter(|outcome| outcome.right()).count();
        println!("{right} of {}", outcomes.len());
        assert!(right >= RIGHT, "{right} of {}, expected {RIGHT}", outcomes.len());
    }
}
