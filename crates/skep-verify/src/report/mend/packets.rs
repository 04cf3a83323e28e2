//! Checks of packet bounds: the comparison that is missing, one that goes the wrong way, pointers that have to be read
//! again, offsets that are too wide.

use std::ops::Range;

use super::c_source::StatementKind;
use super::names::{Access, Link};
use super::{Applicability, At, Change};
use crate::report::Class;

/// The fields of contexts that packet pointers come from, each with the one that ends what it points to.
const ENDS: [(&str, &str); 2] = [("data", "data_end"), ("data_meta", "data")];

impl At<'_> {
    /// What mends a packet access.
    pub(super) fn packet(&self) -> Option<Change> {
        match self.report.class {
            Class::VerifierLimit => self.narrow_offset(),
            Class::CompilerArtefact => None,
            _ => self.turn_comparison().or_else(|| {
                let lines = self.check(&self.comparison()?);
                self.put_before(self.leaving(), &lines)
            }),
        }
    }

    /// Reads the packet's pointers again, and compares.
    pub(super) fn reload(&self) -> Option<Change> {
        let is_moved = self.report.causes.iter().any(|cause| cause.what.contains("may move the packet"));
        let source = self.source;
        let mut lines = Vec::new();
        for member in ["data", "data_end"].into_iter().filter(|_| is_moved) {
            let name = source.word(source.holder_of(member, &self.function)?);
            let value = source.text_of(&source.assigned(name, &self.function)?);
            lines.push(format!("{name} = {value};"));
        }
        if lines.is_empty() {
            return None;
        }
        lines.extend(self.check(&self.comparison()?));
        self.put_before(Applicability::Maybe, &lines)
    }

    /// `data + 14 > data_end`, for the access that was refused.
    fn comparison(&self) -> Option<String> {
        let access = self.access()?;
        let end = self.end()?;
        let needed = self.needed(&access)?;
        let base = access.name(self.source).and_then(|name| self.declared(name));
        let end_type = self.declared(&end);
        let is_alike = match (&base, &end_type) {
            (Some(a), Some(b)) => a.type_words == b.type_words && a.stars == b.stars,
            _ => false,
        };
        let is_plain = !needed.starts_with('&') && access.links.first() != Some(&Link::Dot(0));
        if is_alike && is_plain {
            return Some(format!("{needed} > {end}"));
        }
        // The end as it is if it has no type of its own, else any pointer will do.
        let end = match end_type {
            Some(declared) if declared.stars == 1 && declared.type_words == "void" => end,
            _ => format!("(void *){end}"),
        };
        Some(format!("(void *)({needed}) > {end}"))
    }

    /// One past what an access needs, by the pointer that it is through.
    fn needed(&self, access: &Access) -> Option<String> {
        let base = self.source.text_of(&access.base);
        let inner = access
            .links
            .iter()
            .skip(1)
            .any(|link| matches!(link, Link::Index(index) if self.source.number(index).is_none()));
        match access.links.first() {
            // An index into what the structure ends with may lead behind it.
            Some(Link::Arrow(_)) if inner => Some(format!("&{} + 1", self.source.text_of(&access.whole))),
            Some(Link::Index(index)) => Some(match self.source.number(index) {
                Some(number) => format!("{base} + {}", number.checked_add(1)?),
                None => {
                    let text = self.source.text_of(index);
                    let text = if index.len() == 1 { text.to_owned() } else { format!("({text})") };
                    format!("{base} + {text} + 1")
                }
            }),
            Some(Link::Arrow(_)) => Some(format!("{base} + 1")),
            Some(Link::Dot(_)) => None,
            None if access.base.len() == 1 => Some(format!("{base} + 1")),
            None => {
                let whole = base.starts_with('(')
                    && self.source.partner(access.base.start) == Some(access.base.end - 1);
                Some(if whole { format!("{base} + 1") } else { format!("({base}) + 1") })
            }
        }
    }

    /// What stands for the end of what is accessed: the variable that holds it, or the context's field.
    fn end(&self) -> Option<String> {
        let source = self.source;
        let (start, member) = if self.report.meta { ENDS[1] } else { ENDS[0] };
        if let Some(at) = source.holder_of(member, &self.function) {
            return Some(source.word(at).to_owned());
        }
        let given = self.function.params.clone().chain(self.function.body.clone());
        let mut named =
            given.filter(|at| source.is_name(*at) && matches!(source.word(*at), "data_end" | "end"));
        if let Some(at) = named.find(|at| self.declared(source.word(*at)).is_some_and(|d| d.stars == 1)) {
            return Some(source.word(at).to_owned());
        }
        let holder = source.holder_of(start, &self.function);
        let context = holder.and_then(|at| {
            let value = source.assigned(source.word(at), &self.function)?;
            value.rev().find(|at| source.word(at + 1) == "->").map(|at| source.word(at))
        });
        context.map(|context| format!("(void *)(long){context}->{member}"))
    }

    /// Turns `if (data + 14 < end) return` round: it leaves where the packet is long enough.
    fn turn_comparison(&self) -> Option<Change> {
        let source = self.source;
        let end = self.end()?;
        let statements = source.statements(&self.function);
        let before = statements.into_iter().filter(|s| s.tokens.end <= self.statement.tokens.start);
        let mut leaving = before.filter(|s| s.kind == StatementKind::If && self.leaves(s.head.end + 1));
        let turned = |head: &Range<usize>| {
            let last = head.end.checked_sub(1)?;
            let mark = last.checked_sub(1).filter(|at| *at > head.start && source.word(last) == end)?;
            let other = match source.word(mark) {
                "<" => ">",
                "<=" => ">",
                _ => return None,
            };
            Some((source.bytes(&(mark..mark + 1)), other.to_owned()))
        };
        let part = leaving.find_map(|s| turned(&s.head))?;
        Some((Applicability::Maybe, vec![part]))
    }

    /// Whether what starts at a token leaves the function.
    fn leaves(&self, at: usize) -> bool {
        let at = if self.source.word(at) == "{" { at + 1 } else { at };
        self.source.word(at) == "return"
    }

    /// Masks what is added to a packet pointer.
    fn narrow_offset(&self) -> Option<Change> {
        let source = self.source;
        let added = self.report.causes.iter().rev().filter(|cause| cause.what.contains(" is added to "));
        for line in added.filter_map(|cause| cause.source.as_ref()) {
            let Some(token) = source.token_at(line.line, line.column) else { continue };
            let Some(statement) = source.statement_at(&self.function, token) else { continue };
            let offset = statement.tokens.clone().find(|at| {
                matches!(source.word(at.wrapping_sub(1)), "+=" | "+")
                    && source.is_name(*at)
                    && !matches!(source.word(at + 1), "(" | "->" | "." | "[")
                    && self.declared(source.word(*at)).is_some_and(|d| d.is_number() && !d.is_constant())
            });
            if let Some(offset) = offset {
                let line = format!("{} &= 0x7fff;", source.word(offset));
                return Some((Applicability::Maybe, self.before(&statement, &[line])?));
            }
        }
        None
    }
}
