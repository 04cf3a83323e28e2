//! `skep verify`: what the user host's verifier, the kernel's, or both say of a program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args, ValueEnum};
use serde_json::{Value, json};
use skep::abi::ProgType;
use skep::btf::core::Target;
use skep::host::{Host as _, HostError, LoadOptions, Loaded, VerifierStats};
use skep::obj::{Object, Program};
use skep::verify::report::{Class, Edit, Report, kernel_log};
use skep::verify::{Level, Suspect, Verified, VerifyError};
use skep::{LinuxHost, UserConfig, UserHost, running_types, verify as verifier};

use crate::counterexample;
use crate::facts;
use crate::failure::Failure;
use crate::fix;
use crate::kernel_types::KernelTypes;
use crate::output::Output;
use crate::programs::Source;
use crate::stats::{self, Row, Selection};

/// Most bytes of a kernel's log: what Linux writes at most.
const MAX_LOG_BYTES: u64 = 1 << 30;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Judge {
    /// skep's own verifier
    User,
    /// The running kernel's
    Linux,
    /// Both; it is a failure if they disagree
    Both,
}

/// What the program's loader may do, for skep's verifier.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Loader {
    /// Everything
    All,
    /// `CAP_BPF` and `CAP_NET_ADMIN`, not `CAP_PERFMON`: no pointer leaks, no unwritten stack, no unconfined speculation
    BpfOnly,
}

/// Which suggestions are followed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trust {
    /// Those that add a check which is missing, and change nothing else
    Certain,
    /// Those, too, that make a program which may be another than was meant
    Maybe,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep verify firewall.s                    accepted, or why not
  skep verify firewall.o --host both        ask the running kernel too
  skep verify firewall.o --facts            what is proved of it: registers, loops, cost, effects
  skep verify firewall.o --linux 6.1        whether Linux 6.1 would take it, wherever this runs
  skep verify --from-kernel-log dmesg.txt   what a kernel's verifier means by its log
  skep verify firewall.o --counterexample bad.json  write the input that breaks it
  skep verify firewall.o --run-input bad.json  run it on that input, checked
  skep verify firewall.c --fix              a diff that adds the checks that are missing
  skep verify firewall.o --stats            a CSV line a program, in veristat's columns
  skep verify *.o --stats -o table -s insns what takes most, first
  skep verify *.o --stats --host both       skep's verifier beside the running kernel's
  skep verify --compare old.csv new.csv     two such lists side by side, veristat's too")]
#[command(group = ArgGroup::new("statistics").args(["stats", "compare", "replay"]))]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) source: Source,

    /// Further files, judged alike
    #[arg(value_name = "PROG", conflicts_with_all = ["fix", "from_kernel_log"])]
    more: Vec<PathBuf>,

    #[command(flatten)]
    types: KernelTypes,

    /// Whose judgement
    #[arg(long, value_enum, default_value = "user")]
    host: Judge,

    /// What the program's loader may do, for skep's verifier; the kernel looks at whoever asks
    #[arg(long, value_enum, default_value = "all")]
    privileges: Loader,

    /// The Linux to judge for, for skep's verifier: 6.1, 6.6, 6.12 or 6.18
    #[arg(long, value_name = "VERSION", default_value_t = Level::default(), value_parser = str::parse::<Level>)]
    linux: Level,

    /// Explain a kernel's log: PROG is a file with what its verifier printed
    #[arg(long, conflicts_with_all = ["host", "log", "stats", "name"])]
    from_kernel_log: bool,

    /// Follow the suggestions in a C source until it is accepted, and print the changes: those that only add a check
    /// that is missing, or with `maybe` those, too, that may make it another program than was meant
    #[arg(
        long,
        value_enum,
        value_name = "WHICH",
        require_equals = true,
        num_args = 0..=1,
        default_missing_value = "certain",
        conflicts_with_all = ["host", "log", "stats", "from_kernel_log"]
    )]
    pub(crate) fix: Option<Trust>,

    /// With --fix, write the changed source over the old one
    #[arg(long, requires = "fix")]
    pub(crate) write: bool,

    /// Write the input that breaks the program to this file, if one is found
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "statistics", "from_kernel_log", "more"])]
    counterexample: Option<PathBuf>,

    /// Run the refused program on the input in this file, checking each access, and say where it breaks
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["fix", "host", "log", "statistics", "from_kernel_log", "counterexample", "more"]
    )]
    run_input: Option<PathBuf>,

    /// Print the verifier's log: the state at each instruction
    #[arg(long)]
    log: bool,

    /// Say what was proved of accepted programs: ranges of registers, dead code, loops, how much they execute and change
    #[arg(long, conflicts_with_all = ["from_kernel_log", "stats"])]
    facts: bool,

    /// Print statistics, in veristat's columns
    #[arg(long, conflicts_with = "log")]
    stats: bool,

    /// Print two lists of statistics side by side: two files that --stats or veristat wrote as CSV
    #[arg(long, conflicts_with_all = ["host", "log", "facts", "name"])]
    compare: bool,

    /// Print a list of statistics: a file that --stats or veristat wrote as CSV
    #[arg(long, conflicts_with_all = ["host", "log", "facts", "name"])]
    replay: bool,

    #[command(flatten)]
    selection: Selection,

    /// One JSON object a program and judge
    #[arg(long)]
    pub(crate) json: bool,
}

/// What one judge says of one program.
struct Verdict {
    host: &'static str,
    program: String,
    accepted: bool,
    time: Duration,
    stats: VerifierStats,
    /// Bytes of native code, where the judge makes some.
    code_bytes: Option<u64>,
    /// The whole reason, for people.
    report: String,
    /// The same for programs, where it could be explained.
    explained: Option<Value>,
    /// An input that breaks the program, in words and for programs, if one was found.
    counterexample: Option<(String, Value)>,
    /// The slot, where the judge names it apart.
    insn: Option<usize>,
    log: String,
    /// What was proved, if that was asked for: for people, and for programs.
    facts: Option<(String, Value)>,
}

impl Verdict {
    /// A refusal without a reason, for a judge to fill in.
    fn blank(host: &'static str, program: String, time: Duration) -> Verdict {
        Verdict {
            host,
            program,
            accepted: false,
            time,
            stats: VerifierStats::default(),
            code_bytes: None,
            report: String::new(),
            explained: None,
            counterexample: None,
            insn: None,
            log: String::new(),
            facts: None,
        }
    }
}

pub(crate) fn verify(options: &Options) -> Result<(), Failure> {
    if options.from_kernel_log {
        return explain_log(options);
    }
    if options.compare || options.replay {
        return options.lists();
    }
    if let Some(file) = &options.run_input {
        return counterexample::replay(options, file);
    }
    if let Some(trust) = options.fix {
        return fix::fix(options, trust);
    }
    let mut judged = Judged::default();
    let mut out = Output::new();
    for source in options.sources() {
        judge(&source, options, &mut out, &mut judged)?;
    }
    out.finish()?;
    if options.stats {
        options.selection.print_rows(judged.rows, options.json)?;
    }
    if judged.refused || judged.disagree { Err(Failure::Said) } else { Ok(()) }
}

impl Options {
    /// Every file, to be read alike.
    fn sources(&self) -> Vec<Source> {
        let more = self.more.iter().map(|prog| self.source.like(prog.clone()));
        [self.source.clone()].into_iter().chain(more).collect()
    }

    /// Prints lists of statistics that were written before.
    fn lists(&self) -> Result<(), Failure> {
        match (&self.more[..], self.compare) {
            ([other], true) => self.selection.compare(&self.source.prog, other, self.json),
            ([], false) => self.selection.replay(&self.source.prog, self.json),
            (more, true) => Err(Failure::Message(format!("--compare: {} files, expected 2", more.len() + 1))),
            (more, false) => Err(Failure::Message(format!("--replay: {} files, expected 1", more.len() + 1))),
        }
    }
}

/// What was said of all programs.
#[derive(Default)]
struct Judged {
    rows: Vec<(Row, Option<Row>)>,
    refused: bool,
    disagree: bool,
}

/// Has the programs of a file judged.
fn judge(source: &Source, options: &Options, out: &mut Output, all: &mut Judged) -> Result<(), Failure> {
    let object = options.types.apply(source.read_expanded()?)?;
    for function in source.programs(&object)? {
        let mut verdicts = Vec::new();
        if options.host != Judge::Linux {
            verdicts.push(ask_skep(&object, function, &source.prog, options)?);
        }
        if options.host != Judge::User {
            verdicts.push(ask_linux(&object, function, &source.prog, options.log)?);
        }
        if options.stats {
            let program = object.program(function)?;
            let row = |v: &Verdict| {
                stats::row(&source.prog, &program, v.accepted, (v.time, &v.stats), v.code_bytes)
            };
            let mut rows = verdicts.iter().map(row);
            all.rows.extend(rows.next().map(|first| (first, rows.next())));
        }
        for verdict in &verdicts {
            all.refused |= !verdict.accepted;
            if !options.stats {
                say(out, options, verdict)?;
            }
        }
        if let [a, b] = &verdicts[..]
            && a.accepted != b.accepted
        {
            all.disagree = true;
            eprintln!("skep: `{}`: the two hosts disagree", a.program);
        }
    }
    Ok(())
}

/// A program, and what skep's verifier says of it.
pub(crate) struct Examined {
    pub(crate) program: Arc<Program>,
    asked: verifier::Options,
    judged: Result<Verified, VerifyError>,
    time: Duration,
}

impl Examined {
    /// What was seen of the program until it was refused.
    pub(crate) fn suspect(&self) -> Option<Suspect> {
        Suspect::of(&self.program, &self.asked)
    }

    /// The refusal, explained; with the edit that would mend it where the source is there.
    pub(crate) fn report(&self) -> Option<Report> {
        let error = self.judged.as_ref().err()?;
        Some(Report::with_heat(error, &self.program, &self.asked))
    }
}

/// Has skep's verifier look at a program.
pub(crate) fn examine(object: &Object, function: usize, options: &Options) -> Result<Examined, Failure> {
    let mut program = object.program(function)?;
    if object.needs_relocation() {
        program = object.relocate(&target(&program, options)?)?.program(function)?;
    }
    let program = Arc::new(program);
    let privileges = match options.privileges {
        Loader::All => verifier::Privileges::All,
        Loader::BpfOnly => verifier::Privileges::BpfOnly,
    };
    let mut asked = verifier::Options {
        log: options.log,
        facts: options.facts,
        privileges,
        linux: options.linux,
        ..Default::default()
    };
    let mut start = Instant::now();
    let mut judged = verifier::verify(program.clone(), &asked);
    // They take longer to read than most programs to verify, and few programs need them.
    if matches!(&judged, Err(error) if error.reason == verifier::Reason::NoKernelTypes) {
        asked.kernel = match options.types.read()? {
            Some(types) => Some(types.btf().clone()),
            None => running_types(),
        };
        start = Instant::now();
        judged = verifier::verify(program.clone(), &asked);
    }
    Ok(Examined { program, asked, judged, time: start.elapsed() })
}

/// The types that a program is made to fit. What is written for a kernel is judged by that kernel's types.
fn target(program: &Program, options: &Options) -> Result<Target, Failure> {
    if let Some(types) = options.types.read()? {
        return Ok(types);
    }
    let kind = program.prog_type;
    let for_kernel = kind.needs_target() || kind == ProgType::Netfilter || !program.kernel_symbols.is_empty();
    // They take longer to read than most programs to verify.
    let kernel = if for_kernel { running_types() } else { None };
    Ok(match kernel {
        Some(kernel) => Target::new("the running kernel", kernel),
        None => UserHost::new(UserConfig::default()).kernel_types()?,
    })
}

fn ask_skep(object: &Object, function: usize, prog: &Path, options: &Options) -> Result<Verdict, Failure> {
    let examined = examine(object, function, options)?;
    let blank = Verdict::blank("user", examined.program.name.clone(), examined.time);
    Ok(match &examined.judged {
        Ok(verified) => Verdict {
            accepted: true,
            stats: VerifierStats {
                stack_bytes: Some(verified.stack_bytes_of_all()),
                ..counted(verified.stats(), examined.time)
            },
            log: verified.log().unwrap_or_default().to_string(),
            facts: verified.facts().map(|f| (facts::text(verified, f), facts::json(verified, f))),
            ..blank
        },
        Err(error) => {
            let blank = Verdict { stats: counted(error.place.stats, examined.time), ..blank };
            // Nobody reads a report beside a list, and where most work went is found by doing it again.
            if options.stats {
                return Ok(blank);
            }
            let Some(mut report) = examined.report() else { return Ok(blank) };
            let found = counterexample::search(&examined);
            // Where an input breaks it, it is not that the verifier could not follow.
            if found.is_some() && report.class == Class::VerifierLimit {
                report.class = Class::SourceBug;
            }
            fix::mend(&mut report, &examined.program, prog);
            if let Some(file) = &options.counterexample {
                match &found {
                    Some(found) => counterexample::write(file, &examined.program, found)?,
                    None => eprintln!(
                        "skep: no input was found that breaks it: {} is not written",
                        file.display()
                    ),
                }
            }
            let counterexample =
                found.map(|found| (found.to_string(), counterexample::explained(&examined.program, &found)));
            Verdict { counterexample, ..refused(blank, &report) }
        }
    })
}

/// What skep's verifier counts.
fn counted(stats: verifier::Stats, time: Duration) -> VerifierStats {
    VerifierStats {
        time: Some(time),
        insns: Some(stats.insns_processed),
        states: Some(stats.states),
        peak_states: Some(stats.peak_states),
        max_states_per_insn: Some(stats.max_states_per_insn),
        ..VerifierStats::default()
    }
}

/// A refusal for this reason.
fn refused(blank: Verdict, report: &Report) -> Verdict {
    Verdict { report: report.to_string(), explained: Some(explained(report)), insn: report.insn, ..blank }
}

/// An edit, for editors.
pub(crate) fn edit_json(edit: &Edit) -> Value {
    let replacements: Vec<Value> = edit
        .replacements
        .iter()
        .map(|part| {
            json!({
                "line_start": part.start.line, "column_start": part.start.column,
                "line_end": part.end.line, "column_end": part.end.column,
                "old": part.old, "new": part.new,
            })
        })
        .collect();
    json!({"file": &*edit.file, "applicability": edit.applicability.name(), "replacements": replacements})
}

/// A report, for editors.
pub(crate) fn explained(report: &Report) -> Value {
    let line = |source: &Option<verifier::Source>| source.as_ref().map(|source| source.line);
    let (file, column) = match &report.source {
        Some(source) => (Some(&*source.file), Some(source.column)),
        None => (None, None),
    };
    let registers: Vec<Value> = report
        .registers
        .iter()
        .map(|(register, value)| json!({"register": register, "value": value}))
        .collect();
    let causes: Vec<Value> = report
        .causes
        .iter()
        .map(|cause| json!({"insn": cause.insn, "what": cause.what, "line": line(&cause.source)}))
        .collect();
    let path: Vec<Value> = report
        .path
        .iter()
        .map(|branch| {
            let line = line(&branch.source);
            json!({"insn": branch.insn, "text": branch.text, "taken": branch.taken, "line": line})
        })
        .collect();
    let heat: Vec<Value> = report
        .heat
        .iter()
        .map(|heat| json!({"insn": heat.insn, "line": line(&heat.source), "visits": heat.visits}))
        .collect();
    json!({
        "rule": report.rule.name, "class": report.class.name(), "message": report.message,
        "function": report.function, "insn": report.insn, "file": file, "line": line(&report.source),
        "column": column, "register": report.register, "registers": registers, "causes": causes, "path": path,
        "heat": heat,
        "suggestion": report.suggestion.as_ref().map(|s| {
            json!({"text": s.text, "code": s.code, "edit": s.edit.as_ref().map(edit_json)})
        }),
    })
}

/// Explains the log in a file.
fn explain_log(options: &Options) -> Result<(), Failure> {
    let path = &options.source.prog;
    let file = path.display();
    let io = |error: std::io::Error| Failure::Message(format!("can't read {file}: {error}"));
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > MAX_LOG_BYTES {
        return Err(Failure::Message(format!("{file} has {bytes} bytes, expected at most {MAX_LOG_BYTES}")));
    }
    let text = std::fs::read(path).map_err(io)?;
    let report = kernel_log::explain(&String::from_utf8_lossy(&text))
        .map_err(|error| Failure::Message(format!("{file}: {error}")))?;
    let mut out = Output::new();
    if options.json {
        out.json(&explained(&report))?;
    } else {
        write!(out, "{report}")?;
    }
    out.finish()
}

fn ask_linux(object: &Object, function: usize, prog: &Path, log: bool) -> Result<Verdict, Failure> {
    let mut host = LinuxHost::new();
    let start = Instant::now();
    let loaded = Loaded::new(&mut host, object, &[function], &LoadOptions { log, ..LoadOptions::default() });
    let time = start.elapsed();
    let blank = Verdict::blank(host.name(), object.functions[function].name.clone(), time);
    match loaded {
        Ok(loaded) => {
            let info = loaded.program(function).expect("it was asked for").info.clone();
            Ok(Verdict {
                accepted: true,
                time: info.verify,
                stats: info.stats,
                code_bytes: Some(u64::from(info.code_bytes)).filter(|bytes| *bytes > 0),
                log: info.log,
                ..blank
            })
        }
        Err(error @ HostError::RefusedByKernel { .. }) => {
            let said = error.to_string();
            let HostError::RefusedByKernel { log: whole, .. } = error else { unreachable!("matched above") };
            let stats = VerifierStats::of_log(&whole);
            let blank = Verdict { time: stats.time.unwrap_or(time), stats, ..blank };
            let blank = match kernel_log::explain(&whole) {
                Ok(mut report) => {
                    fix::mend(&mut report, &object.program(function)?, prog);
                    refused(blank, &report)
                }
                Err(_) => Verdict { report: said, ..blank },
            };
            Ok(Verdict { log: if log { whole } else { String::new() }, ..blank })
        }
        Err(error) => Err(error.into()),
    }
}

/// The Linux that was judged for, where it is not the one that is always meant.
fn judged_for(options: &Options, verdict: &Verdict) -> String {
    let earlier = options.linux != Level::default() && verdict.host == "user";
    if earlier { format!(" for Linux {}", options.linux) } else { String::new() }
}

fn say(out: &mut Output, options: &Options, verdict: &Verdict) -> Result<(), Failure> {
    if options.json {
        return out.json(&json!({
            "prog": verdict.program, "host": verdict.host,
            "linux": (verdict.host == "user").then(|| options.linux.to_string()),
            "accepted": verdict.accepted, "insn": verdict.insn,
            "reason": if verdict.accepted { None } else { Some(&verdict.report) },
            "verify_us": crate::run::microseconds(verdict.time), "insns_processed": verdict.stats.insns.unwrap_or(0),
            "states": verdict.stats.states.unwrap_or(0), "report": verdict.explained,
            "counterexample": verdict.counterexample.as_ref().map(|(_, json)| json),
            "log": if options.log { Some(&verdict.log) } else { None },
            "facts": verdict.facts.as_ref().map(|(_, json)| json),
        }));
    }
    if options.log && !verdict.log.is_empty() {
        writeln!(out, "{}", verdict.log.trim_end())?;
    }
    if verdict.accepted {
        writeln!(
            out,
            "{}: accepted by {}{}: {} instructions looked at, {:.0} us",
            verdict.program,
            verdict.host,
            judged_for(options, verdict),
            verdict.stats.insns.unwrap_or(0),
            verdict.time.as_secs_f64() * 1e6
        )?;
        if let Some((text, _)) = &verdict.facts {
            write!(out, "{text}")?;
        }
    } else {
        let judged_for = judged_for(options, verdict);
        let report = verdict.report.trim_end();
        writeln!(out, "{}: refused by {}{judged_for}\n{report}", verdict.program, verdict.host)?;
        if let Some((words, _)) = &verdict.counterexample {
            writeln!(out, "bug: {words}")?;
            writeln!(out, "     --counterexample FILE writes this input, --run-input FILE runs it")?;
        }
    }
    Ok(())
}
