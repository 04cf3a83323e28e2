//! The log of a kernel's verifier, read back: the path to the refusal, what was known on it, and the last word; and so
//! the same report as of a refusal of our own.
//!
//! The log has all that is needed but the kind of program, which shows in how the context is read, and the functions'
//! names. A path that the log has only the end of is explained from there. Linux 7.3 adds to its old last line a block
//! of its own, `Verification failed: …`, of which the reason and the suggestion are kept.
//! Source: kernel/bpf/log.c and verifier.c, Linux 5.0 to 6.18; of the block, its announcement.

use std::fmt;
use std::sync::Arc;

use skep_abi::{MapDef, MapFlags, MapType, ProgType};
use skep_isa::text::foreign::kernel::{Line as Statement, split};
use skep_isa::text::foreign::log::{self, Listing};
use skep_isa::text::{Reader, Writer};
use skep_isa::{FormId, Insn, Op, Reg, Wide};
use skep_obj::{Line, MapInit, MapSpec, Pinning, Program};

use super::{Heat, Question, Report, Suggestion, heat, line_insns, register_of, source_of};
use crate::error::{Decision, PATH_SHOWN};
use crate::flow::successors;
use crate::report::Rule;

/// Why a log is not explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelLogError {
    /// There is no line that says why the program is refused.
    NoRefusal,
    /// The last line is not one that a verifier is known to end with.
    Unknown {
        /// The line.
        line: String,
    },
}

impl fmt::Display for KernelLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelLogError::NoRefusal => f.write_str(
                "the log has no line that says why the program is refused: it is of one that was accepted, or was cut",
            ),
            KernelLogError::Unknown { line } => {
                write!(f, "the log ends in `{line}`, which is no refusal that is known")
            }
        }
    }
}

impl std::error::Error for KernelLogError {}

/// What a log shows.
#[derive(Default)]
struct Log {
    /// The path's slots.
    path: Vec<usize>,
    /// Every slot that was come by, in order.
    seen: Vec<usize>,
    /// What is known of registers at its end.
    registers: Vec<(u8, String)>,
    lines: Vec<Line>,
    /// Lines of neither instructions, states nor sources, since the last instruction.
    words: Vec<String>,
    /// What Linux 7.3 adds: reason and suggestion.
    reason: Option<String>,
    suggestion: Option<String>,
    function: String,
    maps: Vec<(usize, String)>,
}

/// Explains a log.
pub fn explain(text: &str) -> Result<Report, KernelLogError> {
    let log = Log::read(text);
    let Some(last) = log.words.last() else { return Err(KernelLogError::NoRefusal) };
    let before = log.words.len().checked_sub(2).map(|at| log.words[at].as_str());
    let unknown = || KernelLogError::Unknown { line: last.clone() };
    let mut rule = Rule::of_message(last).ok_or_else(unknown)?;
    if rule.name == "memory-bounds"
        && let Some(closer) = before.and_then(Rule::of_message)
    {
        rule = closer;
    }
    let program = log.program(text);
    let insn = insn_named(last).or(log.path.last().copied());
    let register = register_of(last, insn.and_then(|at| program.insns.get(at)));
    let registers: Vec<(u8, String)> = insn
        .and_then(|at| program.insns.get(at))
        .map(|insn| crate::liveness::uses(insn).0)
        .map(|reads| log.registers.iter().filter(|(r, _)| reads & (1 << r) != 0).cloned().collect())
        .unwrap_or_default();
    let acquired =
        word_number(last, "alloc_insn=").or_else(|| before.and_then(|b| word_number(b, "alloc_insn=")));
    let question = Question {
        program: &program,
        path: &log.path,
        rule: rule.name,
        register,
        registers: &registers,
        acquired,
    };
    let answer = question.answer();
    let message = match before.filter(|b| Rule::of_message(b).is_some() || b.starts_with("arg#")) {
        Some(before) => format!("{last} ({before})"),
        None => last.clone(),
    };
    let (path, path_omitted) = log.decisions(&program);
    let class = answer.class.unwrap_or_else(|| super::class_of(rule, last));
    let mut report = Report {
        rule,
        class,
        message,
        function: log.function.clone(),
        insn,
        source: insn.and_then(|at| source_of(&program, at)),
        insns: insn.map(|at| line_insns(&program, at)).unwrap_or_default(),
        register,
        registers,
        causes: answer.causes,
        path,
        path_omitted,
        heat: log.heat(&program, rule),
        suggestion: None,
        bytes: before
            .and_then(|b| Some(word_number(b, "off=")? + word_number(b, "size=")?))
            .map(|n| n as u64),
        room: before.and_then(|b| word_number(b, "_size=")).map(|n| n as u64),
        varies: false,
        meta: false,
    };
    report.finish(program.prog_type);
    if let Some(reason) = log.reason {
        report.message = format!("{}: {reason}", report.message);
    }
    if let Some(text) = log.suggestion {
        report.suggestion = Some(Suggestion::words(text));
    }
    Ok(report)
}

/// The number behind a word: of `off=14`, 14.
fn word_number(text: &str, word: &str) -> Option<usize> {
    let rest = &text[text.find(word)? + word.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The instruction that a message names itself.
fn insn_named(message: &str) -> Option<usize> {
    word_number(message, "unreachable insn ")
        .or_else(|| word_number(message, "from insn "))
        .or_else(|| word_number(message, "loop detected at insn "))
        .or_else(|| word_number(message, "back-edge from insn "))
}

impl Log {
    fn read(text: &str) -> Log {
        let mut log = Log::default();
        let mut source: Option<(Arc<str>, u32, Arc<str>)> = None;
        let mut block = false;
        for line in text.lines() {
            let line = line.split("verification time ").next().unwrap_or_default().trim_end();
            if let Some(rest) = line.strip_prefix("; ") {
                source = Some(source_line(rest));
                continue;
            }
            match split(line) {
                Statement { slot: Some(slot), opcode: Some(_), .. } => {
                    log.words.clear();
                    log.step(slot as usize, line, source.as_ref());
                }
                // `3: R0=1 R10=fp0`: what is known before an instruction.
                Statement { slot: Some(_), opcode: None, .. } => log.know(line),
                _ => log.other(line, &mut block),
            }
        }
        log.lines.sort_by_key(|line| line.insn);
        log.lines.dedup_by_key(|line| line.insn);
        log
    }

    /// A line with an instruction.
    fn step(&mut self, slot: usize, line: &str, source: Option<&(Arc<str>, u32, Arc<str>)>) {
        if slot >= log::MAX_SLOTS {
            return;
        }
        self.path.push(slot);
        self.seen.push(slot);
        if let Some((file, line, text)) = source {
            let (file, text) = (file.clone(), text.clone());
            self.lines.push(Line { insn: slot, file, text, line: *line, column: 0 });
        }
        // The state stands behind a semicolon, or behind the place a jump goes to.
        let state = line.find(';').or_else(|| line.find(": R").filter(|at| *at > 12));
        if let Some(at) = state {
            self.know(&line[at..]);
            if let Some(name) = map_name(&line[at..]) {
                self.maps.push((slot, name));
            }
        }
    }

    /// Registers of a state.
    fn know(&mut self, text: &str) {
        let mut depth = 0;
        let mut start = None;
        let mut parts = Vec::new();
        for (at, c) in text.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                ' ' if depth == 0 => {
                    parts.extend(start.map(|from| &text[from..at]));
                    start = None;
                    continue;
                }
                _ => {}
            }
            start = start.or(Some(at));
        }
        parts.extend(start.map(|from| &text[from..]));
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let name = name.strip_prefix('R').map(|n| n.trim_end_matches("_w").trim_end_matches("_rw"));
            let Some(Ok(register)) = name.map(str::parse::<u8>) else { continue };
            self.registers.retain(|(known, _)| *known != register);
            self.registers.push((register, value.to_owned()));
        }
        self.registers.sort_by_key(|(register, _)| *register);
    }

    /// A line that has no instruction.
    fn other(&mut self, line: &str, block: &mut bool) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("from ") {
            // The walk falls back to a branch of earlier.
            let branch = rest.split(' ').next().and_then(|n| n.parse::<usize>().ok());
            if let Some(step) = branch.and_then(|b| self.path.iter().rposition(|at| *at == b)) {
                self.path.truncate(step + 1);
            }
            self.registers.clear();
            self.know(rest);
            return;
        }
        if let Some(rest) = line.strip_prefix("Validating ") {
            rest.split('(').next().unwrap_or_default().clone_into(&mut self.function);
            self.path.clear();
            return;
        }
        if let Some(title) = line.strip_prefix("Verification failed: ") {
            *block = true;
            if self.words.is_empty() {
                self.words.push(title.to_owned());
            }
            return;
        }
        if *block {
            for (name, slot) in [("Reason:", &mut self.reason), ("Suggestion:", &mut self.suggestion)] {
                if let Some(rest) = line.strip_prefix(name) {
                    *slot = Some(rest.trim().to_owned());
                }
            }
            return;
        }
        let counts = [
            "processed ",
            "stack depth",
            "max_states",
            "mark_precise",
            "func#",
            "Func#",
            "old state",
            "cur state",
            "last_idx",
            "regs=",
            "parent ",
            "caller:",
            "callee:",
            "returning from callee",
            "to caller at",
            "mark_read",
            "propagating",
            "R",
            "frame",
        ];
        let is_state = |line: &str| {
            // A state, as the list of registers, is no word; a message that starts with a register is.
            line.split(' ').next().is_some_and(|word| word.contains('='))
        };
        let counted = counts.iter().any(|start| line.starts_with(start))
            && (!line.starts_with('R') && !line.starts_with("frame pointer") || is_state(line));
        // The two states of an endless loop are the last lines of its log where its first was cut off.
        let state_alone = line.starts_with("old state") && self.words.is_empty();
        if !line.is_empty() && (!counted || state_alone) {
            self.words.push(line.to_owned());
        }
    }

    /// The program, as far as the log shows it.
    fn program(&self, text: &str) -> Program {
        let listing = log::read(text, &Reader::pseudoc());
        let slots = listing.map_or(Vec::new(), |Listing { slots, .. }| slots);
        let mut insns: Vec<Insn> = slots.into_iter().map(|slot| slot.unwrap_or(Insn::ja(-1))).collect();
        let mut maps: Vec<MapSpec> = Vec::new();
        for (slot, name) in &self.maps {
            let Some(insn) = insns.get_mut(*slot).filter(|insn| matches!(insn.op(), Op::Wide(_))) else {
                continue;
            };
            let index = maps.iter().position(|map| map.name == *name).unwrap_or_else(|| {
                maps.push(nameless(name));
                maps.len() - 1
            });
            if let Some(form) = FormId::of(Op::Wide(Wide::MapIdx)) {
                insn.form = form;
                insn.imm = index as i64;
            }
        }
        let mut program = Program::from_insns(&self.function, self.kind(&insns), insns);
        program.lines.clone_from(&self.lines);
        program.maps = maps.into();
        program
    }

    /// The kind of program, by where in the context the packet's pointers are.
    fn kind(&self, insns: &[Insn]) -> ProgType {
        let reads = |off: i16| {
            let read = |at: &usize| {
                insns
                    .get(*at)
                    .is_some_and(|i| matches!(i.op(), Op::Load { .. }) && i.off == off && i.src != Reg::R10)
            };
            self.path.iter().any(read)
        };
        if reads(76) && reads(80) {
            ProgType::SchedCls
        } else if reads(0) && reads(4) {
            ProgType::Xdp
        } else {
            ProgType::Unspec
        }
    }

    /// Where the work went, if there was too much.
    fn heat(&self, program: &Program, rule: &Rule) -> Vec<Heat> {
        if rule.name != "too-complex" {
            return Vec::new();
        }
        let mut visits = vec![0; program.insns.len()];
        for slot in &self.seen {
            if let Some(count) = visits.get_mut(*slot) {
                *count += 1;
            }
        }
        heat::hottest(program, &visits)
    }

    /// The last branches of the path.
    fn decisions(&self, program: &Program) -> (Vec<Decision>, usize) {
        let (mut path, mut omitted) = (Vec::new(), 0);
        for pair in self.path.windows(2).rev() {
            let Some(insn) = program.insns.get(pair[0]) else { continue };
            let [Some(_), Some(target)] = successors(insn, pair[0]) else { continue };
            if path.len() == PATH_SHOWN {
                omitted += 1;
                continue;
            }
            path.push(Decision {
                insn: pair[0],
                text: Writer::pseudoc().insn(insn),
                taken: pair[1] == target,
                source: source_of(program, pair[0]),
            });
        }
        path.reverse();
        (path, omitted)
    }
}

/// `text @ file:line`, or the text alone before Linux 6.4.
fn source_line(rest: &str) -> (Arc<str>, u32, Arc<str>) {
    let place = rest.rsplit_once(" @ ").and_then(|(text, place)| {
        let (file, line) = place.rsplit_once(':')?;
        Some((file.into(), line.trim().parse().ok()?, text.into()))
    });
    place.unwrap_or_else(|| ("source".into(), 0, rest.into()))
}

/// The name in `map_ptr(map=NAME,…)` of a wide load's state.
fn map_name(state: &str) -> Option<String> {
    let rest = &state[state.find("map_ptr(")?..];
    let rest = &rest[rest.find("map=")? + 4..];
    let end = rest.find([',', ')']).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// A map of which only the name is known.
fn nameless(name: &str) -> MapSpec {
    MapSpec {
        name: name.to_owned(),
        def: MapDef { map_type: MapType(0), key_size: 0, value_size: 0, max_entries: 0, flags: MapFlags(0) },
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init: MapInit::Empty,
    }
}
