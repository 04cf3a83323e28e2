//! `cargo xtask golden verify FILE`: whole programs, and what the verifier of Linux 6.18 said to them.
//!
//! With a version of Linux, programs are judged for it, beside what a kernel of that version said ([`Recorded`]).
//!
//! Prints a JSON line a case and a summary as the last line. Where our verdict is another, and why, stands in a list
//! beside this ([`Known`]); the task fails where a case differs that the list does not have, the test also where the
//! list has a case that does not differ. What is refused as not supported, by name, need not stand there.

mod known;
mod recorded;
mod tally;
#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use skep_btf::Btf;
use skep_obj::Program;
use skep_verify::{Options, Privileges, Reason, UnknownLevel, VerifyError, verify};

use super::case::{self, Malformed, Types};
use super::{KERNEL_BTF, Mode, VerifyArguments as Arguments};
use crate::error::Error;
use known::Known;
use recorded::Recorded;
use tally::Tally;

/// Whose verdicts are compared with.
enum Judges {
    /// Linux 6.18's, which the cases carry.
    Latest(Mode),
    /// Those of a kernel of an earlier version.
    Earlier(Recorded),
}

impl Judges {
    /// Those that the arguments name.
    fn of(arguments: &Arguments) -> Result<Judges, Error> {
        let Some(text) = &arguments.linux else { return Ok(Judges::Latest(arguments.mode)) };
        let level = text.parse().map_err(|error: UnknownLevel| Error::Level { why: error.to_string() })?;
        match Recorded::of(level) {
            Some(recorded) => Ok(Judges::Earlier(recorded)),
            None => Err(Error::Level { why: format!("no verdicts of Linux {level} are recorded") }),
        }
    }

    /// What of their name tells the list of known differences.
    #[cfg(test)]
    fn name(&self) -> String {
        match self {
            Judges::Latest(mode) => mode.name().to_owned(),
            Judges::Earlier(recorded) => format!("linux-{}", recorded.level),
        }
    }

    /// What a verification is asked for.
    fn options(&self, kernel: Option<Arc<Btf>>) -> Options {
        let options = Options { kernel, ..Options::default() };
        match self {
            Judges::Latest(Mode::Priv) => options,
            Judges::Latest(Mode::BpfCapOnly) => Options { privileges: Privileges::BpfOnly, ..options },
            Judges::Earlier(recorded) => Options { linux: recorded.level, ..options },
        }
    }

    /// The types of the kernel that judged, where there are any.
    fn kernel(&self, arguments: &Arguments) -> Result<Option<Arc<Btf>>, Error> {
        match (&arguments.kernel_btf, self) {
            (Some(path), _) => kernel_types(path).map(Some),
            (None, Judges::Latest(_)) => kernel_types(Path::new(KERNEL_BTF)).map(Some),
            (None, Judges::Earlier(_)) => Ok(None),
        }
    }
}

/// What came of a case.
struct Outcome {
    id: String,
    /// The kind of program.
    kind: String,
    /// Whether Linux accepts it; `None` if it was not asked, or could not be.
    expected: Option<bool>,
    /// What Linux said last.
    linux: String,
    /// Instructions that Linux looked at, and its time in microseconds; 0 where it is not recorded.
    linux_insns: u64,
    linux_us: u64,
    ours: Ours,
    micros: u64,
}

/// What we say to a case.
enum Ours {
    /// It is accepted, after a look at so many instructions.
    Accepted(u64),
    Refused(VerifyError),
    Malformed(Malformed),
}

/// Whether a verdict is Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Equal,
    /// Refused for what we say is not supported.
    Unsupported,
    AcceptedHere,
    RefusedHere,
    Untold,
}

impl Outcome {
    fn accepted(&self) -> bool {
        matches!(self.ours, Ours::Accepted(_))
    }

    fn compare(&self) -> Match {
        match (self.expected, &self.ours) {
            (None, _) => Match::Untold,
            (Some(true), Ours::Refused(error)) if is_lack(&error.reason) => Match::Unsupported,
            (Some(expected), _) if expected == self.accepted() => Match::Equal,
            (Some(true), _) => Match::RefusedHere,
            (Some(false), _) => Match::AcceptedHere,
        }
    }

    /// Why it is refused here; empty if it is not.
    fn error(&self) -> String {
        match &self.ours {
            Ours::Accepted(_) => String::new(),
            // Without the source line, which may be a path of the machine that compiled it.
            Ours::Refused(error) => format!("instruction {}: {}", error.insn, error.reason),
            Ours::Malformed(why) => why.to_string(),
        }
    }

    fn line(&self) -> Value {
        let word = |accepted| if accepted { "accept" } else { "reject" };
        let processed = if let Ours::Accepted(insns) = self.ours { json!(insns) } else { Value::Null };
        json!({
            "id": self.id,
            "verdict": word(self.accepted()),
            "error": self.error(),
            "verify_us": self.micros,
            "processed_insns": processed,
            "expected": self.expected.map(word),
            "expected_error": self.linux,
            "equal": self.expected.map(|expected| expected == self.accepted()),
        })
    }
}

/// Whether the reason is something that this verifier lacks, and names.
fn is_lack(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Unsupported { .. }
            | Reason::NoKernelTypes
            | Reason::ProgramType { .. }
            | Reason::UnknownFunction { .. }
    )
}

/// Prints every case of the files, and a summary.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let judges = Judges::of(arguments)?;
    let known = Known::of(&judges);
    let mut types = Types::new(&types_beside(arguments))?;
    let options = judges.options(judges.kernel(arguments)?);
    let mut out = BufWriter::new(io::stdout());
    let mut print = |line: &Value| {
        writeln!(out, "{line}").map_err(|error| Error::File { path: "standard output".into(), error })
    };
    let mut unknown = 0;
    let mut all = Tally::default();
    for file in &arguments.files {
        let mut tally = Tally::default();
        for line in case::lines(file)?.lines() {
            let outcome = judge(line, &judges, &mut types, &options);
            let found = outcome.compare();
            let differs = matches!(found, Match::AcceptedHere | Match::RefusedHere | Match::Unsupported);
            if !arguments.summary || differs {
                print(&outcome.line())?;
            }
            unknown += usize::from(differs && found != Match::Unsupported && !known.has(&outcome.id));
            tally.add(&outcome);
        }
        print(&tally.summary(&file.file_name().unwrap_or_default().to_string_lossy()))?;
        all.join(tally);
    }
    if arguments.files.len() > 1 {
        print(&all.summary("all"))?;
    }
    if arguments.summary {
        print(&all.differences())?;
    }
    out.flush().map_err(|error| Error::File { path: "standard output".into(), error })?;
    if unknown == 0 { Ok(()) } else { Err(Error::Golden { different: unknown }) }
}

/// Where the types are, if the arguments don't say.
fn types_beside(arguments: &Arguments) -> PathBuf {
    if let Some(path) = &arguments.btf {
        return path.clone();
    }
    let beside = |name| arguments.files.first().map(|file| file.with_file_name(name)).unwrap_or_default();
    let directory = beside("btf");
    if directory.is_dir() { directory } else { beside("btf.tar.xz") }
}

/// The types of a kernel.
pub(crate) fn kernel_types(path: &Path) -> Result<Arc<Btf>, Error> {
    let failed = |error| Error::File { path: path.to_owned(), error };
    let bytes = std::fs::read(path).map_err(failed)?;
    let btf = Btf::parse(&bytes).map_err(|error| failed(io::Error::other(error)))?;
    Ok(Arc::new(btf))
}

/// Verifies the case on this line.
fn judge(line: &str, judges: &Judges, types: &mut Types, options: &Options) -> Outcome {
    let case: Value = serde_json::from_str(line).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let recorded;
    let golden = match judges {
        Judges::Latest(mode) => &case["golden_6_18"][mode.name()],
        Judges::Earlier(verdicts) => {
            recorded = verdicts.verdict(&text(&case["id"]));
            &recorded
        }
    };
    let expected = match golden["verdict"].as_str() {
        Some("accept") => Some(true),
        Some("reject") => Some(false),
        _ => None,
    };
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let mut outcome = Outcome {
        id: text(&case["id"]),
        kind: text(&case["prog"]["type"]),
        expected,
        linux: text(&golden["error"]).split("verification time").next().unwrap_or_default().to_owned(),
        linux_insns: number(&golden["processed_insns"]),
        linux_us: number(&golden["verify_us_min"]),
        ours: Ours::Accepted(0),
        micros: 0,
    };
    match case::program(&case, types) {
        Ok(program) => (outcome.ours, outcome.micros) = ask(program, options),
        Err(why) => outcome.ours = Ours::Malformed(why),
    }
    outcome
}

fn ask(program: Program, options: &Options) -> (Ours, u64) {
    let program = Arc::new(program);
    let start = Instant::now();
    let verdict = verify(program, options);
    let micros = start.elapsed().as_micros() as u64;
    match verdict {
        Ok(verified) => (Ours::Accepted(verified.stats().insns_processed), micros),
        Err(error) => (Ours::Refused(error), micros),
    }
}
