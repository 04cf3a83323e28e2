//! What the assembler and the verifier say of a text: mistakes with their places, and what is known before each
//! instruction.
//!
//! Instructions are known by the byte of the text that they start at. A text that brings debug lines of another
//! file (`.loc`) is read without them, so that everything is said of the text itself.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use skep_asm::{AsmError, Outline, PartKind, Role, Use};
use skep_isa::Reg;
use skep_obj::{Object, Program};
use skep_verify::{VerifyError, Visit, verify_watched};

/// Most bytes of a document that are looked into.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;
/// Most findings of a document that a client is told.
pub const MAX_FINDINGS: usize = 200;
/// Most states that are kept of an instruction.
pub const MAX_STATES_A_PLACE: usize = 8;
/// Most states that are kept of a document.
pub const MAX_STATES: usize = 1 << 16;
/// Visits of instructions after which no further program of a document is verified; one alone may take what Linux
/// allows, a million.
pub const MAX_VISITS: u64 = 2_000_000;
/// Most programs of a document that are verified.
pub const MAX_PROGRAMS: usize = 1024;
/// Visits of an instruction that are compared with those kept.
const MAX_COMPARED: u64 = 256;
/// What the assembler calls the text.
const NAME: &str = "<document>";

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Nothing is made of the text.
    Error,
    /// Something was not done.
    Information,
    /// Code that no path reaches.
    Unreached,
}

/// Something to say of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) span: Range<usize>,
    pub(crate) weight: Weight,
    /// Who says it.
    pub(crate) source: &'static str,
    pub(crate) message: String,
    /// What belongs to it, elsewhere or here.
    pub(crate) notes: Vec<(Range<usize>, String)>,
}

/// What is known of r0 to r10; nothing of those without a value.
pub(crate) type Registers = [Option<String>; Reg::COUNT];

/// What is known before an instruction.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// How often it was met.
    pub(crate) visits: u64,
    /// Different states that it was met in.
    pub(crate) states: Vec<Registers>,
    /// Whether there were more than those.
    pub(crate) more: bool,
}

/// What is known of a text.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) findings: Vec<Finding>,
    /// What it assembles to.
    pub(crate) object: Option<Object>,
    /// By the first byte of the instruction's text.
    pub(crate) known: HashMap<usize, Known>,
}

impl Analysis {
    pub(crate) fn new(text: &str, outline: &Outline) -> Analysis {
        let mut analysis = Analysis::default();
        if text.len() > MAX_DOCUMENT_BYTES {
            analysis.findings.push(Finding {
                span: 0..0,
                weight: Weight::Information,
                source: "skep",
                message: format!(
                    "the document has {} bytes, expected at most {MAX_DOCUMENT_BYTES}: it is not looked into",
                    text.len()
                ),
                notes: Vec::new(),
            });
            return analysis;
        }
        let lines = Lines::new(text);
        match skep_asm::assemble(&without_lines(text, outline), NAME) {
            Ok(object) => {
                let labels = labels(text, outline);
                let analysis = &mut analysis;
                Verifier { analysis, outline, lines: &lines, labels, states: 0, visits: 0 }.programs(&object);
                analysis.object = Some(object);
            }
            Err(errors) => {
                analysis.findings = errors
                    .iter()
                    .map(|error| {
                        let span = lines.span(error);
                        let mut notes: Vec<_> =
                            error.help.iter().map(|help| (span.clone(), help.clone())).collect();
                        notes.extend(error.uses.iter().map(|used| (lines.used(used), used.to_string())));
                        Finding {
                            span,
                            weight: Weight::Error,
                            source: "skep asm",
                            message: error.message.clone(),
                            notes,
                        }
                    })
                    .collect();
            }
        }
        analysis.findings.truncate(MAX_FINDINGS);
        analysis
    }
}

/// Where the assembler's lines start: they end with `\n` only.
struct Lines {
    starts: Vec<usize>,
    len: usize,
}

impl Lines {
    fn new(text: &str) -> Lines {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { starts, len: text.len() }
    }

    /// The bytes that an error is about; those of an inclusion, where it is in another file.
    fn span(&self, error: &AsmError) -> Range<usize> {
        if error.file.is_some() {
            let used = error.uses.iter().find(|used| used.file.is_none());
            return used.map_or(0..0, |used| self.used(used));
        }
        let start = self.offset(error.line, error.column);
        start..(start + error.len as usize).min(self.len)
    }

    /// Where something was used, as far as that is in this text.
    fn used(&self, used: &Use) -> Range<usize> {
        let start = if used.file.is_some() { 0 } else { self.offset(used.line, used.column) };
        start..start
    }

    /// The byte at a line and column from 1.
    fn offset(&self, line: u32, column: u32) -> usize {
        let start = self.starts.get((line as usize).saturating_sub(1)).copied().unwrap_or(self.len);
        (start + (column as usize).saturating_sub(1)).min(self.len)
    }
}

/// The text with `.loc` directives blanked out; every other byte is where it was.
fn without_lines(text: &str, outline: &Outline) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut at = 0;
    for part in outline.parts.iter().filter(|part| part.kind == PartKind::Directive) {
        let directive = text.get(part.span.clone()).unwrap_or_default();
        if directive.strip_prefix(".loc").is_some_and(|rest| rest.starts_with([' ', '\t'])) {
            blanked.push_str(&text[at..part.span.start]);
            blanked.extend(std::iter::repeat_n(' ', part.span.len()));
            at = part.span.end;
        }
    }
    blanked.push_str(&text[at..]);
    blanked
}

/// Where each name that a text defines stands first.
fn labels<'a>(text: &'a str, outline: &Outline) -> HashMap<&'a str, Range<usize>> {
    let mut labels = HashMap::new();
    for name in outline.names.iter().filter(|name| matches!(name.role, Role::Defines(_))) {
        labels.entry(&text[name.span.clone()]).or_insert_with(|| name.span.clone());
    }
    labels
}

struct Verifier<'a> {
    analysis: &'a mut Analysis,
    outline: &'a Outline,
    lines: &'a Lines,
    labels: HashMap<&'a str, Range<usize>>,
    states: usize,
    visits: u64,
}

impl Verifier<'_> {
    fn programs(&mut self, object: &Object) {
        let mut accepted = true;
        let mut places = HashSet::new();
        for (count, (index, linked)) in object.link_all().enumerate() {
            let function = object.functions[index].name.as_str();
            let label = self.labels.get(function).cloned().unwrap_or(0..0);
            if count >= MAX_PROGRAMS {
                accepted = false;
                let message = format!(
                    "not verified here, nor any after it: the document has more than {MAX_PROGRAMS} programs"
                );
                self.say(label, Weight::Information, message, Vec::new());
                break;
            }
            let program = match linked {
                Ok(program) => Arc::new(program),
                Err(error) => {
                    accepted = false;
                    self.say(label, Weight::Error, error.to_string(), Vec::new());
                    continue;
                }
            };
            if self.visits > MAX_VISITS {
                accepted = false;
                let message = format!(
                    "not verified here: the programs before took {} visits of instructions, expected at most \
                     {MAX_VISITS} in a document; `skep verify` has no such limit",
                    self.visits
                );
                self.say(label, Weight::Information, message, Vec::new());
                continue;
            }
            let of_slot: Vec<Option<usize>> =
                (0..program.insns.len()).map(|slot| self.place(&program, slot)).collect();
            places.extend(of_slot.iter().flatten().copied());
            let options = skep_verify::Options::default();
            let judged = verify_watched(program, &options, &mut |visit| self.visit(visit, &of_slot));
            if let Err(error) = judged {
                accepted = false;
                let place = of_slot.get(error.insn).copied().flatten();
                let span = place.and_then(|place| self.statement(place)).unwrap_or(label);
                let notes = self.notes(&error, &span, &of_slot);
                self.say(span, Weight::Error, error.reason.to_string(), notes);
            }
        }
        if accepted {
            // What one program never reaches, another may.
            let mut unreached: Vec<usize> =
                places.into_iter().filter(|place| !self.analysis.known.contains_key(place)).collect();
            unreached.sort_unstable();
            for place in unreached.into_iter().take(MAX_FINDINGS) {
                if let Some(span) = self.statement(place) {
                    self.say(span, Weight::Unreached, "no path reaches this".to_owned(), Vec::new());
                }
            }
        }
    }

    fn say(
        &mut self,
        span: Range<usize>,
        weight: Weight,
        message: String,
        notes: Vec<(Range<usize>, String)>,
    ) {
        let finding = Finding { span, weight, source: "skep verify", message, notes };
        // Programs that share a function are refused for the same thing.
        if !self.analysis.findings.contains(&finding) && self.analysis.findings.len() < MAX_FINDINGS {
            self.analysis.findings.push(finding);
        }
    }

    /// Where the instruction in a slot stands, if that is in this text.
    fn place(&self, program: &Program, slot: usize) -> Option<usize> {
        let line = program.line_at(slot).filter(|line| *line.file == *NAME)?;
        Some(self.lines.offset(line.line, line.column))
    }

    /// The statement that starts at a byte.
    fn statement(&self, place: usize) -> Option<Range<usize>> {
        let parts = &self.outline.parts;
        let index = parts.binary_search_by_key(&place, |part| part.span.start).ok()?;
        Some(parts[index].span.clone())
    }

    /// What belongs to a refusal: what to do, what was known, how it was reached.
    fn notes(
        &self,
        error: &VerifyError,
        span: &Range<usize>,
        of_slot: &[Option<usize>],
    ) -> Vec<(Range<usize>, String)> {
        let help = error.reason.suggestion().map(|help| (span.clone(), format!("help: {help}")));
        let registers = error.place.registers.iter();
        let registers = registers.map(|(register, value)| (span.clone(), format!("r{register} = {value}")));
        let path = error.place.path.iter().filter_map(|decision| {
            let place = of_slot.get(decision.insn).copied().flatten()?;
            let outcome = if decision.taken { "taken" } else { "not taken" };
            Some((self.statement(place)?, format!("on the path: {outcome}")))
        });
        help.into_iter().chain(registers).chain(path).collect()
    }

    /// Keeps what is known at a visit, if it is new.
    fn visit(&mut self, visit: &Visit<'_>, of_slot: &[Option<usize>]) {
        self.visits += 1;
        let Some(place) = of_slot.get(visit.insn()).copied().flatten() else { return };
        let known = self.analysis.known.entry(place).or_default();
        known.visits += 1;
        if known.more {
            return;
        }
        if known.visits > MAX_COMPARED {
            known.more = true;
            return;
        }
        let registers: Registers = std::array::from_fn(|number| visit.register(Reg(number as u8)));
        if known.states.contains(&registers) {
            return;
        }
        if known.states.len() >= MAX_STATES_A_PLACE || self.states >= MAX_STATES {
            known.more = true;
            return;
        }
        self.states += 1;
        known.states.push(registers);
    }
}
