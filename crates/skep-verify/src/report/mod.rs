//! A refusal as people want to read it, in rustc's manner: the rule, the line of source with the instructions that it
//! became, how it came to this, and what to do.
//!
//! A [`Report`] is made of an error of this verifier, or of what a kernel's log says ([`kernel_log`]); from there on there
//! is no difference.

mod edit;
mod heat;
pub mod kernel_log;
mod mend;
mod packet;
mod rules;
mod suggest;
mod why;

use std::fmt;
use std::sync::Arc;

use skep_abi::ProgType;
use skep_isa::text::Writer;
use skep_isa::{Insn, Op};
use skep_obj::Program;

use crate::error::{Decision, Source, VerifyError};
use crate::options::Options;

pub use edit::{Applicability, Edit, EditError, Point, Replacement};
pub use heat::Heat;
pub use rules::{Class, RULES, Rule};
pub use suggest::Suggestion;
pub use why::Cause;
pub(crate) use why::{Answer, Question};

/// A refusal, explained.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// Whose fault it is: the rule's class, or what the circumstances tell.
    pub class: Class,
    /// What is wrong, in one line.
    pub message: String,
    /// The function; empty if it is not known.
    pub function: String,
    /// The instruction, if there is one.
    pub insn: Option<usize>,
    /// Its source line, if it is known.
    pub source: Option<Source>,
    /// The instructions of that line, by slot.
    pub insns: Vec<(usize, String)>,
    /// The register that it is about.
    pub register: Option<u8>,
    /// What was known of the registers that the instruction uses, in Linux's notation.
    pub registers: Vec<(u8, String)>,
    /// How it came to this, oldest first.
    pub causes: Vec<Cause>,
    /// The last branches on the path, oldest first.
    pub path: Vec<Decision>,
    /// How many branches the path has before those.
    pub path_omitted: usize,
    /// Where the work went, most first; only where there was too much of it.
    pub heat: Vec<Heat>,
    /// What to do.
    pub suggestion: Option<Suggestion>,
    /// The bytes from the pointer's base on that an access needs.
    bytes: Option<u64>,
    /// The bytes that there are.
    room: Option<u64>,
    /// Whether something was added to the pointer that is not constant.
    varies: bool,
    /// Whether the pointer is into the packet's metadata.
    meta: bool,
}

impl Report {
    /// An error of this verifier, explained.
    pub fn new(error: &VerifyError, program: &Program) -> Report {
        let place = &*error.place;
        let message = error.reason.to_string();
        let rule = error.reason.rule();
        let mut report = Report {
            rule,
            class: place.class.unwrap_or_else(|| class_of(rule, &message)),
            function: place.function.clone(),
            insn: Some(error.insn),
            source: place.source.clone(),
            insns: line_insns(program, error.insn),
            register: register_of(&message, program.insns.get(error.insn)),
            registers: place.registers.clone(),
            causes: place.causes.clone(),
            path: place.path.clone(),
            path_omitted: place.path_omitted,
            heat: Vec::new(),
            suggestion: None,
            bytes: None,
            room: None,
            varies: false,
            meta: false,
            message,
        };
        if let crate::Reason::OutOfBounds { max, size, .. } = error.reason {
            report.bytes = u64::try_from(max).ok();
            report.room = u64::try_from(size).ok();
        }
        report.finish(program.prog_type);
        report
    }

    /// An error of this verifier, explained; where the program is too complex, with where the work went, for which
    /// it is looked at once more.
    pub fn with_heat(error: &VerifyError, program: &Arc<Program>, options: &Options) -> Report {
        let mut report = Report::new(error, program);
        if report.rule.name == "too-complex" {
            report.heat = heat::measure(program, options);
        }
        report
    }

    /// Calls a file by another name, where the program was compiled from a copy; whether it is where the program was
    /// refused.
    pub fn rename_file(&mut self, from: &str, to: &Arc<str>) -> bool {
        let is_there = self.source.as_ref().is_some_and(|source| &*source.file == from);
        let causes = self.causes.iter_mut().filter_map(|cause| cause.source.as_mut());
        let path = self.path.iter_mut().filter_map(|branch| branch.source.as_mut());
        let heat = self.heat.iter_mut().filter_map(|heat| heat.source.as_mut());
        for source in self.source.iter_mut().chain(causes).chain(path).chain(heat) {
            if &*source.file == from {
                source.file = to.clone();
            }
        }
        is_there
    }

    /// What follows from the rest.
    fn finish(&mut self, prog_type: ProgType) {
        let text = self.register.and_then(|r| self.registers.iter().find(|(at, _)| *at == r));
        self.varies = text.is_some_and(|(_, text)| text.contains("umax=") || text.contains("var_off="));
        self.meta = text.is_some_and(|(_, text)| text.starts_with("pkt_meta"));
        self.suggestion = suggest::suggest(self, suggest::pass_value(prog_type));
    }

    /// Whether the register that it is about is null: what a call returned, or what the compiler knows to be that.
    fn is_null(&self) -> bool {
        let zero = |(register, value): &(u8, String)| Some(*register) == self.register && value == "0";
        self.registers.iter().any(zero)
            && self
                .causes
                .iter()
                .any(|cause| cause.what.contains(" returns") || cause.what.ends_with("is set to 0"))
    }

    /// The name of the variable that the value in question was assigned to, if the source says: `value` of
    /// `__u64 *value = bpf_map_lookup_elem(…)`.
    fn assigned_name(&self) -> Option<String> {
        let calls = self.causes.iter().rev().filter_map(|cause| cause.source.as_ref());
        calls.into_iter().find_map(|source| {
            let (before, call) = source.text.split_once('=')?;
            if call.starts_with('=') || !call.contains('(') || before.contains('(') {
                return None;
            }
            let before = before.trim_end();
            let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
            let name = &before[start..];
            (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| name.to_owned())
        })
    }
}

/// Whose fault it is, by what a message tells beyond its rule.
fn class_of(rule: &Rule, message: &str) -> Class {
    match rule.name {
        // Where something stands on the stack, and how wide it is accessed, is the compiler's choice; an offset that a
        // program computes is its own.
        "misaligned-access" if !message.contains("stack") && !message.contains("fp") => Class::SourceBug,
        _ => rule.class,
    }
}

/// The source line of an instruction.
pub(crate) fn source_of(program: &Program, insn: usize) -> Option<Source> {
    let line = program.line_at(insn)?;
    Some(Source { file: line.file.clone(), line: line.line, column: line.column, text: line.text.clone() })
}

/// Most instructions of a line that are shown around the one in question.
const INSNS_SHOWN: usize = 4;

/// The instructions up to this one that come from the same source line.
fn line_insns(program: &Program, insn: usize) -> Vec<(usize, String)> {
    let line = |at| program.line_at(at).map(|l| (l.line, l.file.clone()));
    let here = line(insn);
    let mut first = insn;
    while first > 0 && insn - first < INSNS_SHOWN && here.is_some() && line(first - 1) == here {
        first -= 1;
    }
    let writer = Writer::pseudoc();
    let shown = first..=insn;
    let shown = shown.filter_map(|at| Some((at, program.insns.get(at)?)));
    shown.filter(|(_, insn)| insn.op() != Op::Tail).map(|(at, insn)| (at, writer.insn(insn))).collect()
}

/// The register that a message is about: the one that it names, or else the one that is accessed through.
pub(crate) fn register_of(message: &str, insn: Option<&Insn>) -> Option<u8> {
    let bytes = message.as_bytes();
    for (at, _) in message.match_indices('R') {
        let alone = at == 0 || !bytes[at - 1].is_ascii_alphanumeric() && bytes[at - 1] != b'_';
        let digits: String = message[at + 1..].chars().take_while(char::is_ascii_digit).collect();
        let after = bytes.get(at + 1 + digits.len()).copied().unwrap_or(b' ');
        if alone
            && !after.is_ascii_alphanumeric()
            && let Ok(register @ 0..=10) = digits.parse()
        {
            return Some(register);
        }
    }
    let insn = insn?;
    match insn.op() {
        Op::Load { .. } => Some(insn.src.0),
        Op::Store { .. } | Op::Atomic { .. } | Op::Alu { .. } => Some(insn.dst.0),
        _ => None,
    }
}

/// The greatest number that a register's text allows: what stands behind `umax=`.
pub(crate) fn greatest(text: &str) -> Option<u64> {
    let value = &text[text.find("umax=")? + "umax=".len()..];
    let value = value.strip_prefix("smax32=umax32=").unwrap_or(value);
    let end = value.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(value.len());
    match value[..end].strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => value[..end].parse().ok(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.rule.name, self.message)?;
        let width = self.source.as_ref().map_or(1, |s| s.line.to_string().len());
        match &self.source {
            Some(source) => {
                write!(f, "{:width$}--> {}:{}", "", source.file, source.line)?;
                if source.column > 0 {
                    write!(f, ":{}", source.column)?;
                }
                if !self.function.is_empty() {
                    write!(f, " in `{}`", self.function)?;
                }
                writeln!(f)?;
                snippet(f, source, width)?;
            }
            None => {
                write!(f, "{:width$}--> ", "")?;
                match (self.insn, self.function.as_str()) {
                    (Some(insn), "") => writeln!(f, "instruction {insn}")?,
                    (Some(insn), function) => writeln!(f, "instruction {insn} of `{function}`")?,
                    (None, _) => writeln!(f, "the program")?,
                }
            }
        }
        for (at, text) in &self.insns {
            let mark = if Some(*at) == self.insn { '>' } else { ' ' };
            writeln!(f, "{:width$} | {mark}{at:>4}: {text}", "")?;
        }
        for (register, value) in &self.registers {
            writeln!(f, "{:width$} = r{register}: {value}", "")?;
        }
        if !self.causes.is_empty() {
            writeln!(f, "why:")?;
            for cause in &self.causes {
                write!(f, "  {:>4}: {}", cause.insn, cause.what)?;
                place(f, cause.source.as_ref())?;
            }
        }
        if !self.path.is_empty() {
            writeln!(f, "on the path:")?;
            if self.path_omitted > 0 {
                writeln!(f, "  … {} branches before", self.path_omitted)?;
            }
            for decision in &self.path {
                let outcome = if decision.taken { "taken" } else { "not taken" };
                write!(f, "  {:>4}: {}: {outcome}", decision.insn, decision.text)?;
                place(f, decision.source.as_ref())?;
            }
        }
        if !self.heat.is_empty() {
            writeln!(f, "looked at most:")?;
            for heat in &self.heat {
                let (percent, rest) = (heat.permille / 10, heat.permille % 10);
                write!(f, "  {percent:>3}.{rest} % {:>9} visits", heat.visits)?;
                match &heat.source {
                    Some(source) => writeln!(f, "  {source}")?,
                    None => writeln!(f, "  instruction {}", heat.insn)?,
                }
            }
        }
        if self.class != self.rule.class {
            writeln!(f, "note: this is {}, by the circumstances", self.class)?;
        }
        if let Some(suggestion) = &self.suggestion {
            writeln!(f, "help: {suggestion}")?;
        }
        writeln!(f, "      `skep explain {}` says more", self.rule.name)
    }
}

/// Ends a line with the source line that it is about.
fn place(f: &mut fmt::Formatter<'_>, source: Option<&Source>) -> fmt::Result {
    match source {
        Some(source) => writeln!(f, "  ({source})"),
        None => writeln!(f),
    }
}

/// The line of source, and where in it.
fn snippet(f: &mut fmt::Formatter<'_>, source: &Source, width: usize) -> fmt::Result {
    let text = source.text.trim_end();
    if text.is_empty() {
        return Ok(());
    }
    writeln!(f, "{:width$} |", "")?;
    writeln!(f, "{} | {text}", source.line)?;
    // Of assembly, the text is the statement, and the column that of the indented line.
    let column = if source.file.ends_with(".s") { 0 } else { (source.column as usize).saturating_sub(1) };
    if source.column > 0 && text.is_char_boundary(column) {
        // Tabs before the column are kept, so that the mark stands under it whatever their width.
        let before = &text[..column];
        let blank: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "{:width$} | {blank}^", "")?;
    }
    writeln!(f, "{:width$} |", "")
}
