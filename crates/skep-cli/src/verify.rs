//! `skep verify`: what the user host's verifier, the kernel's, or both say of a program.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;
use skep::abi::ProgType;
use skep::btf::Btf;
use skep::host::{Host as _, HostError, LoadOptions, Loaded};
use skep::obj::{Object, Program};
use skep::verify::report::Report;
use skep::{LinuxHost, verify as verifier};

use crate::failure::Failure;
use crate::output::Output;
use crate::programs::Source;

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

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep verify firewall.s                    accepted, or why not
  skep verify firewall.o --host both        ask the running kernel too
  skep verify firewall.o --stats            a CSV line a program, in veristat's columns")]
pub(crate) struct Options {
    #[command(flatten)]
    source: Source,

    /// Whose judgement
    #[arg(long, value_enum, default_value = "user")]
    host: Judge,

    /// What the program's loader may do, for skep's verifier; the kernel looks at whoever asks
    #[arg(long, value_enum, default_value = "all")]
    privileges: Loader,

    /// Print the verifier's log: the state at each instruction
    #[arg(long)]
    log: bool,

    /// Print statistics as CSV
    #[arg(long, conflicts_with_all = ["json", "log"])]
    stats: bool,

    /// One JSON object a program and judge
    #[arg(long)]
    json: bool,
}

/// What one judge says of one program.
struct Verdict {
    host: &'static str,
    program: String,
    accepted: bool,
    time: Duration,
    insns: u64,
    states: u64,
    peak_states: u64,
    /// The whole reason, for people.
    report: String,
    /// The slot, where the judge names it apart.
    insn: Option<usize>,
    log: String,
}

impl Verdict {
    /// A refusal without a reason, for a judge to fill in.
    fn blank(host: &'static str, program: String, time: Duration) -> Verdict {
        Verdict {
            host,
            program,
            accepted: false,
            time,
            insns: 0,
            states: 0,
            peak_states: 0,
            report: String::new(),
            insn: None,
            log: String::new(),
        }
    }
}

pub(crate) fn verify(options: &Options) -> Result<(), Failure> {
    let object = options.source.read_expanded()?;
    let programs = options.source.programs(&object)?;
    let mut out = Output::new();
    let mut refused = false;
    let mut disagree = false;
    if options.stats {
        writeln!(out, "file_name,prog_name,verdict,duration,total_insns,total_states,peak_states")?;
    }
    for function in programs {
        let mut verdicts = Vec::new();
        if options.host != Judge::Linux {
            verdicts.push(ask_skep(&object, function, options)?);
        }
        if options.host != Judge::User {
            verdicts.push(ask_linux(&object, function, options.log)?);
        }
        for verdict in &verdicts {
            refused |= !verdict.accepted;
            say(&mut out, options, verdict)?;
        }
        if let [a, b] = &verdicts[..]
            && a.accepted != b.accepted
        {
            disagree = true;
            eprintln!("skep: `{}`: the two hosts disagree", a.program);
        }
    }
    out.finish()?;
    if refused || disagree { Err(Failure::Said) } else { Ok(()) }
}

fn ask_skep(object: &Object, function: usize, options: &Options) -> Result<Verdict, Failure> {
    let program = object.program(function)?;
    let name = program.name.clone();
    let kernel = if names_kernel(&program) { running_kernel() } else { None };
    let program = Arc::new(program);
    let start = Instant::now();
    let privileges = match options.privileges {
        Loader::All => verifier::Privileges::All,
        Loader::BpfOnly => verifier::Privileges::BpfOnly,
    };
    let asked = verifier::Options { log: options.log, kernel, privileges, ..Default::default() };
    let judged = verifier::verify(program.clone(), &asked);
    let time = start.elapsed();
    let blank = Verdict::blank("user", name, time);
    Ok(match judged {
        Ok(verified) => Verdict {
            accepted: true,
            insns: verified.stats().insns_processed,
            states: verified.stats().states,
            peak_states: verified.stats().peak_states,
            log: verified.log().unwrap_or_default().to_string(),
            ..blank
        },
        Err(error) => {
            Verdict { report: Report::new(&error, &program).to_string(), insn: Some(error.insn), ..blank }
        }
    })
}

/// Where a kernel shows its types.
const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";

/// The types of the running kernel, if it shows them: what programs that are written for it are judged by.
fn running_kernel() -> Option<Arc<Btf>> {
    let bytes = std::fs::read(KERNEL_TYPES).ok()?;
    Btf::parse(&bytes).ok().map(Arc::new)
}

/// Whether a verdict on the program depends on the kernel's types.
fn names_kernel(program: &Program) -> bool {
    let kind = program.prog_type;
    kind.needs_target() || kind == ProgType::Netfilter || !program.kernel_symbols.is_empty()
}

fn ask_linux(object: &Object, function: usize, log: bool) -> Result<Verdict, Failure> {
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
                insns: info.insns_processed,
                log: info.log,
                ..blank
            })
        }
        Err(error @ HostError::RefusedByKernel { .. }) => {
            let report = error.to_string();
            let HostError::RefusedByKernel { log: whole, .. } = error else { unreachable!("matched above") };
            Ok(Verdict { report, log: if log { whole } else { String::new() }, ..blank })
        }
        Err(error) => Err(error.into()),
    }
}

fn say(out: &mut Output, options: &Options, verdict: &Verdict) -> Result<(), Failure> {
    if options.json {
        return out.json(&json!({
            "prog": verdict.program, "host": verdict.host, "accepted": verdict.accepted, "insn": verdict.insn,
            "reason": if verdict.accepted { None } else { Some(&verdict.report) },
            "verify_us": crate::run::microseconds(verdict.time), "insns_processed": verdict.insns,
            "states": verdict.states, "log": if options.log { Some(&verdict.log) } else { None },
        }));
    }
    if options.stats {
        writeln!(
            out,
            "{},{},{},{},{},{},{}",
            options.source.prog.display(),
            verdict.program,
            if verdict.accepted { "success" } else { "failure" },
            verdict.time.as_micros(),
            verdict.insns,
            verdict.states,
            verdict.peak_states,
        )?;
        return Ok(());
    }
    if options.log && !verdict.log.is_empty() {
        writeln!(out, "{}", verdict.log.trim_end())?;
    }
    if verdict.accepted {
        writeln!(
            out,
            "{}: accepted by {}: {} instructions looked at, {:.0} us",
            verdict.program,
            verdict.host,
            verdict.insns,
            verdict.time.as_secs_f64() * 1e6
        )?;
    } else {
        writeln!(out, "{}: refused by {}\n{}", verdict.program, verdict.host, verdict.report.trim_end())?;
    }
    Ok(())
}
