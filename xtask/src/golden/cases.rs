//! What a golden run prints: a JSON line a case, then one that counts them.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::Error;

/// How a case went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Ours is the recorded answer.
    Same,
    /// It is another, and a reason for that is given: it is counted apart, and no failure.
    Excused,
    /// The record does not say what is asked.
    Untold,
    /// Ours is wrong.
    Different,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Excused => "excused",
            Verdict::Untold => "untold",
            Verdict::Different => "different",
        }
    }
}

/// The cases of one file as they are printed and counted.
pub(crate) struct Cases<W: Write = BufWriter<Stdout>> {
    file: PathBuf,
    out: W,
    counts: BTreeMap<Verdict, usize>,
}

impl Cases {
    /// The cases of `file`, on standard output.
    pub(crate) fn new(file: &Path) -> Cases {
        Cases::to(file, BufWriter::new(io::stdout()))
    }
}

impl<W: Write> Cases<W> {
    /// The cases of `file`, written to `out`.
    pub(crate) fn to(file: &Path, out: W) -> Cases<W> {
        Cases { file: file.to_owned(), out, counts: BTreeMap::new() }
    }

    /// Prints a case: its name, how it went, and what else there is to say (an object's members).
    pub(crate) fn case(&mut self, name: &str, verdict: Verdict, rest: Value) -> Result<(), Error> {
        *self.counts.entry(verdict).or_default() += 1;
        let mut line = json!({ "case": name, "verdict": verdict.name() });
        if let (Some(line), Value::Object(rest)) = (line.as_object_mut(), rest) {
            line.extend(rest);
        }
        self.line(&line)
    }

    /// Prints a case of which the recorded and our answer are all there is to say.
    pub(crate) fn compare(&mut self, name: &str, expected: &str, found: &str) -> Result<(), Error> {
        let verdict = if expected == found { Verdict::Same } else { Verdict::Different };
        self.case(name, verdict, json!({ "expected": expected, "found": found }))
    }

    /// Prints the summary. A case that differs makes it fail.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let count = |verdict| self.counts.get(&verdict).copied().unwrap_or(0);
        let different = count(Verdict::Different);
        let summary = json!({
            "file": self.file.file_name().unwrap_or_default().to_string_lossy(),
            "cases": self.counts.values().sum::<usize>(),
            "same": count(Verdict::Same),
            "excused": count(Verdict::Excused),
            "untold": count(Verdict::Untold),
            "different": different,
        });
        self.line(&summary)?;
        self.out.flush().map_err(written)?;
        if different == 0 { Ok(()) } else { Err(Error::Golden { different }) }
    }

    fn line(&mut self, line: &Value) -> Result<(), Error> {
        writeln!(self.out, "{line}").map_err(written)
    }
}

fn written(error: io::Error) -> Error {
    Error::File { path: "standard output".into(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_is_a_line_and_the_last_line_counts_them() {
        let mut out = Vec::new();
        let mut cases = Cases::to(Path::new("data/a.tsv"), &mut out);
        cases.compare("one", "ok", "ok").expect("written");
        cases.compare("two", "ok", "refused").expect("written");
        cases.case("three", Verdict::Untold, json!({ "why": "it was not asked" })).expect("written");
        assert!(matches!(cases.finish(), Err(Error::Golden { different: 1 })));
        let lines: Vec<Value> = String::from_utf8(out)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(
            lines[1],
            json!({ "case": "two", "verdict": "different", "expected": "ok", "found": "refused" })
        );
        assert_eq!(lines[2]["why"], "it was not asked");
        assert_eq!(
            lines[3],
            json!({ "file": "a.tsv", "cases": 3, "same": 1, "excused": 0, "untold": 1, "different": 1 })
        );
    }
}
