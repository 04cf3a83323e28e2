//! A suggestion as a change of the C source: found from the report, the program, and the text that was compiled.
//!
//! Each rule has a few shapes of mistake that can be mended without knowing what was meant, and of those that need
//! guessing the edit says so. Where the source is not what was compiled, or is written in another way than is known
//! here, there is no edit, and the suggestion stays words. No file is read or written.

mod arguments;
mod c_source;
mod indices;
mod names;
mod packets;
mod pointers;

use std::ops::Range;

use skep_abi::{Function, ProgType};
use skep_isa::{Callee, Insn, Op};
use skep_obj::Program;

use super::edit::{Applicability, Edit};
use super::suggest::pass_value;
use super::{Class, Report};
use c_source::{CSource, FunctionSource, Statement, StatementKind};
use names::Access;

/// What is replaced, and how far that can be trusted.
type Change = (Applicability, Vec<(Range<usize>, String)>);

impl Report {
    /// Adds to the suggestion the edit that does it: `text` is the file that [`Report::source`] names, whole.
    pub fn mend(&mut self, program: &Program, text: &str) {
        let edit = edit(self, program, text);
        if let Some(suggestion) = &mut self.suggestion {
            suggestion.edit = edit;
        }
    }
}

fn edit(report: &Report, program: &Program, text: &str) -> Option<Edit> {
    let line = report.source.as_ref()?;
    let source = CSource::read(text)?;
    let is_same = !line.text.trim().is_empty() && source.line(line.line).trim() == line.text.trim();
    let token = source.token_at(line.line, line.column).or_else(|| source.token_at(line.line, 1))?;
    if !is_same {
        return None;
    }
    let function = source.function_at(token)?;
    let statement = source.statement_at(&function, token);
    let place = Place { report, program, source: &source, function, token };
    let (applicability, parts) = match report.rule.name {
        "gpl-only" => place.licence(),
        "leaked-reference" => place.release(),
        name => {
            let at = At { statement: statement?, place: &place };
            match name {
                "packet-bounds" => at.packet(),
                "null-check" => at.null_check(),
                "not-a-pointer" => at.no_pointer(),
                "map-value-bounds" | "memory-bounds" | "stack-bounds" | "unbounded-index"
                | "negative-index" | "pointer-arithmetic" => {
                    at.index().or_else(|| at.too_small()).or_else(|| at.length())
                }
                "argument-size" => at.length(),
                "argument-type" => at.released_twice().or_else(|| at.reload()).or_else(|| at.address_of()),
                "constant-argument" => at.constant_size(),
                "context-access" => at.field_size(),
                _ => None,
            }
        }
    }?;
    Edit::new(line.file.clone(), text, applicability, parts)
}

/// Lines behind this indentation, each ended.
fn indented(lines: &[String], indentation: &str) -> String {
    lines.iter().flat_map(|line| [indentation, line, "\n"]).collect()
}

/// Where the program was refused, in its source.
struct Place<'a> {
    report: &'a Report,
    program: &'a Program,
    source: &'a CSource<'a>,
    function: FunctionSource,
    token: usize,
}

/// The same, with the statement that it is in.
struct At<'a> {
    place: &'a Place<'a>,
    statement: Statement,
}

impl<'a> std::ops::Deref for At<'a> {
    type Target = Place<'a>;

    fn deref(&self) -> &Place<'a> {
        self.place
    }
}

impl Place<'_> {
    /// The instruction that was refused.
    fn insn(&self) -> Option<&Insn> {
        self.program.insns.get(self.report.insn?)
    }

    /// The statement that leaves the function where there is nothing to be done.
    fn leave(&self) -> String {
        if self.function.is_void {
            return "return;".to_owned();
        }
        let value = if self.function.is_program { pass_value(self.program.prog_type) } else { "0" };
        // Not every header has names for what classifiers return.
        let is_known = self.program.prog_type == ProgType::Xdp
            || self.source.text.contains(value)
            || self.source.text.contains("skep.h");
        format!("return {};", if is_known { value } else { "0" })
    }

    /// How far a check that leaves the function can be trusted: not if something may be held that has to be released, or
    /// if what the function's callers make of its result is not known.
    fn leaving(&self) -> Applicability {
        let acquires = |insn: &Insn| {
            insn.op() == Op::Call(Callee::Helper)
                && Function::by_id(insn.imm as u32).is_some_and(|f| f.has(skep_abi::Effect::Acquires))
        };
        let is_free = !self.program.insns.iter().any(acquires);
        if is_free && self.function.is_program { Applicability::Certain } else { Applicability::Maybe }
    }

    /// The edits that put lines before a statement; none where they would not be reached with it.
    fn before(&self, statement: &Statement, lines: &[String]) -> Option<Vec<(Range<usize>, String)>> {
        let source = self.source;
        let range = source.bytes(&statement.tokens);
        let indentation = source.indentation(range.start);
        if statement.is_body {
            return self.in_braces(statement, lines);
        }
        let line_start = source.line_start(range.start);
        if source.text[line_start..range.start].trim().is_empty() {
            let text = indented(lines, indentation);
            return Some(vec![(line_start..line_start, text)]);
        }
        let words: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
        Some(vec![(range.start..range.start, words.join(" ") + " ")])
    }

    /// The same for what an `if`, `else` or loop governs: braces around both.
    fn in_braces(&self, statement: &Statement, lines: &[String]) -> Option<Vec<(Range<usize>, String)>> {
        let source = self.source;
        let range = source.bytes(&statement.tokens);
        let head = source.tokens.get(statement.tokens.start.checked_sub(1)?)?.end;
        let between = &source.text[head..range.start];
        if !between.trim().is_empty() {
            return None;
        }
        let outer = source.indentation(head);
        let inner = match source.indentation(range.start) {
            own if own.len() > outer.len() => own.to_owned(),
            _ => format!("{outer}{}", if source.text.contains("\n\t") { "\t" } else { "    " }),
        };
        let text = indented(lines, &inner);
        Some(vec![
            (head..range.start, format!(" {{\n{text}{inner}")),
            (range.end..range.end, format!("\n{outer}}}")),
        ])
    }

    /// The lines of a check that leaves the function.
    fn check(&self, condition: &str) -> Vec<String> {
        let unit = if self.source.text.contains("\n\t") { "\t" } else { "    " };
        vec![format!("if ({condition})"), format!("{unit}{}", self.leave())]
    }

    /// What the instruction calls that was refused.
    fn helper(&self) -> Option<&'static Function> {
        let insn = self.insn().filter(|insn| insn.op() == Op::Call(Callee::Helper))?;
        Function::by_id(insn.imm as u32)
    }
}

impl At<'_> {
    /// The access that is refused.
    fn access(&self) -> Option<Access> {
        self.source.access_at(&self.statement, self.token)
    }

    /// Lines before the statement.
    fn put_before(&self, applicability: Applicability, lines: &[String]) -> Option<Change> {
        let head = &self.statement.head;
        if self.statement.kind == StatementKind::Loop && (head.start..=head.end).contains(&self.token) {
            return None;
        }
        Some((applicability, self.before(&self.statement, lines)?))
    }

    /// Whether the circumstances say that this is not the source's fault.
    fn is_limit(&self) -> bool {
        self.report.class == Class::VerifierLimit
    }
}
