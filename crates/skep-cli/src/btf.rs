//! `skep btf`: types, those of programs and those of kernels.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use skep::btf::core::{Failure as Unanswered, Target};
use skep::obj::Object;
use skep::verify as verifier;

use crate::failure::Failure;
use crate::kernel_types;
use crate::maps::plural;
use crate::output::Output;
use crate::programs::Source;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Say on which kernels programs would find the types and fields that they ask for (CO-RE)
    Core(Core),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep btf core snoop.o --against /sys/kernel/btf/vmlinux
  skep btf core snoop.o --against 5.15.btf 6.1.btf vmlinux-6.12      a row a program and kernel
  skep btf core snoop.o --against *.btf --json | jq 'select(.loads != true)'

Exit status 1 if a program would not load somewhere.

With --json, an object a program and kernel: prog, kernel, relocations, unanswered (how many), loads (true, false, or
null if it depends on what was found before), reason, and failures, an array of objects: function, insn, line, kind,
subject, message, nearest.")]
struct Core {
    #[command(flatten)]
    source: Source,

    /// Kernels, each by a file with its types: BTF, or ELF with a section .BTF
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    against: Vec<PathBuf>,

    /// One JSON object a program and kernel
    #[arg(long)]
    json: bool,
}

pub(crate) fn btf(options: &Options) -> Result<(), Failure> {
    match &options.verb {
        Verb::Core(options) => core(options),
    }
}

/// What becomes of one program on one kernel.
struct Outcome<'a> {
    program: &'a str,
    kernel: &'a str,
    relocations: usize,
    failures: Vec<Place>,
    /// Whether it would load as far as types go; `None` if that was not found out.
    loads: Option<bool>,
    reason: Option<String>,
}

/// An instruction without an answer.
struct Place {
    function: String,
    insn: usize,
    line: Option<u32>,
    why: Arc<Unanswered>,
}

fn core(options: &Core) -> Result<(), Failure> {
    let object = options.source.read_expanded()?;
    let programs = options.source.programs(&object)?;
    let kernels = options.against.iter().map(|path| kernel_types::read(path));
    let kernels = kernels.collect::<Result<Vec<_>, _>>()?;
    let mut out = Output::new();
    let width = |names: &mut dyn Iterator<Item = &str>| names.map(str::len).max().unwrap_or(0);
    let names = &mut programs.iter().map(|&index| object.functions[index].name.as_str());
    let widths = (width(names).max(7), width(&mut kernels.iter().map(Target::name)).max(6));
    if !options.json {
        let (program, kernel) = widths;
        writeln!(
            out,
            "{:program$}  {:kernel$}  {:>11}  {:>10}  loads",
            "program", "kernel", "relocations", "unanswered"
        )?;
    }
    let mut refused = false;
    for kernel in &kernels {
        let relocated = object.relocate(kernel)?;
        for &function in &programs {
            let outcome = outcome(&object, &relocated, function, kernel)?;
            refused |= outcome.loads == Some(false);
            if options.json { out.json(&outcome.json())? } else { outcome.row(&mut out, widths)? }
        }
    }
    out.finish()?;
    if refused { Err(Failure::Said) } else { Ok(()) }
}

/// Relocates, and where something has no answer has the verifier look whether any path leads to it.
fn outcome<'a>(
    object: &'a Object,
    relocated: &Object,
    function: usize,
    kernel: &'a Target,
) -> Result<Outcome<'a>, Failure> {
    let before = object.program(function)?;
    let program = relocated.program(function)?;
    let place = |relo: &skep::obj::CoreRelo| {
        let function = program.function_at(relo.insn);
        Some(Place {
            function: function.map_or_else(String::new, |function| function.name.clone()),
            insn: relo.insn,
            line: program.line_at(relo.insn).map(|line| line.line),
            why: relo.failure.clone()?,
        })
    };
    let failures: Vec<Place> = program.core_relos.iter().filter_map(place).collect();
    let (loads, reason) = if failures.is_empty() {
        (Some(true), None)
    } else {
        let kernel = Some(kernel.btf().clone());
        let options = verifier::Options { kernel, ..verifier::Options::default() };
        match verifier::verify(Arc::new(program), &options) {
            Ok(_) => (Some(true), None),
            Err(error) => {
                let reached = matches!(error.reason, verifier::Reason::Unrelocated { .. });
                (reached.then_some(false), Some(error.reason.to_string()))
            }
        }
    };
    Ok(Outcome {
        program: &object.functions[function].name,
        kernel: kernel.name(),
        relocations: before.core_relos.len(),
        failures,
        loads,
        reason,
    })
}

impl Outcome<'_> {
    fn json(&self) -> Json {
        let failure = |place: &Place| {
            json!({
                "function": place.function, "insn": place.insn, "line": place.line,
                "kind": place.why.kind.to_string(), "subject": place.why.subject,
                "message": place.why.to_string(), "nearest": place.why.nearest,
            })
        };
        json!({
            "prog": self.program, "kernel": self.kernel, "relocations": self.relocations,
            "unanswered": self.failures.len(), "loads": self.loads, "reason": self.reason,
            "failures": self.failures.iter().map(failure).collect::<Vec<_>>(),
        })
    }

    fn row(&self, out: &mut Output, (program, kernel): (usize, usize)) -> Result<(), Failure> {
        let verdict = match (self.loads, self.failures.len()) {
            (Some(true), 0) => "yes".to_owned(),
            (Some(true), n) => format!("yes, without {n} part{} that it tests for", plural(n)),
            (Some(false), _) => "no".to_owned(),
            (None, _) => "unknown: it is refused before that is found out".to_owned(),
        };
        writeln!(
            out,
            "{:program$}  {:kernel$}  {:>11}  {:>10}  {verdict}",
            self.program,
            self.kernel,
            self.relocations,
            self.failures.len()
        )?;
        if self.loads == Some(true) {
            return Ok(());
        }
        for place in &self.failures {
            let line = place.line.map_or(String::new(), |line| format!(" (line {line})"));
            writeln!(out, "    {}, instruction {}{line}: {}", place.function, place.insn, place.why)?;
        }
        if let (None, Some(reason)) = (self.loads, &self.reason) {
            writeln!(out, "    {reason}")?;
        }
        Ok(())
    }
}
