//! Names of a document: where each is defined and used, its new name everywhere, and the outline of them all.
//!
//! Symbols and structures are told apart by how they are defined, not by where they are used: a rename that would
//! have to tell them apart is refused.

use std::collections::HashSet;
use std::ops::Range;

use lsp_types::{DocumentSymbol, SymbolKind};
use skep_asm::{Definition, Name, Options, Outline, Part, PartKind, Role};
use skep_isa::text::Reader;

use crate::document::Text;

/// Most places that an answer names.
pub const MAX_PLACES: usize = 50_000;
/// Most statements after a label that are looked at for what it names.
const LOOK_AHEAD: usize = 64;

/// The names of a document, with the text they stand in.
#[derive(Clone, Copy)]
pub(crate) struct Symbols<'a> {
    pub(crate) text: &'a Text,
    pub(crate) outline: &'a Outline,
}

/// A name at a place: its bytes, and what it is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) span: Range<usize>,
    pub(crate) role: Role,
}

impl<'a> Symbols<'a> {
    /// The name or register at a byte, or that ends there.
    pub(crate) fn name_at(&self, offset: usize) -> Option<&'a Name> {
        let names = &self.outline.names;
        let after = names.partition_point(|name| name.span.start <= offset);
        names[..after].iter().rev().take(2).find(|name| offset <= name.span.end)
    }

    /// Everything that names what the name at a byte names, in order.
    pub(crate) fn occurrences(&self, offset: usize) -> Vec<Occurrence> {
        let Some(name) = self.name_at(offset) else { return Vec::new() };
        if matches!(name.role, Role::Register(_)) {
            return Vec::new();
        }
        if let Some(definition) = self.local_definition(name) {
            return self.local_occurrences(definition);
        }
        let structures = self.structures();
        let symbol = self.text.slice(&self.symbol(name, &structures));
        let names = self.outline.names.iter().filter(|name| !matches!(name.role, Role::Register(_)));
        names
            .map(|other| Occurrence { span: self.symbol(other, &structures), role: other.role })
            .filter(|other| self.text.slice(&other.span) == symbol)
            .take(MAX_PLACES + 1)
            .collect()
    }

    /// Where what the name at a byte names is defined: the definition, else what is said of it.
    pub(crate) fn definition(&self, offset: usize) -> Option<Occurrence> {
        let occurrences = self.occurrences(offset);
        let defines = |o: &&Occurrence| matches!(o.role, Role::Defines(_));
        let found = occurrences.iter().find(defines);
        found.or_else(|| occurrences.iter().find(|o| o.role == Role::Declares)).cloned()
    }

    /// The edits that give what is named at a byte another name, or why not.
    pub(crate) fn rename(&self, offset: usize, new: &str) -> Result<Vec<(Range<usize>, String)>, String> {
        let occurrences = self.renamable(offset)?;
        let alone = skep_asm::outline(&format!("{new}:"), &Options::default());
        let label = Role::Defines(Definition::Label);
        if !matches!(&alone.names[..], [name] if name.span == (0..new.len()) && name.role == label) {
            return Err(format!("expected a name of letters, digits, `_`, `.` and `$`, found `{new}`"));
        }
        let register = skep_asm::outline(&format!("r0 = {new}"), &Options::default())
            .names
            .iter()
            .filter(|name| matches!(name.role, Role::Register(_)))
            .count();
        if register > 1 || [Reader::pseudoc(), Reader::normal()].iter().any(|r| r.is_reserved(new)) {
            return Err(format!("`{new}` is a word of the language"));
        }
        if self.outline.names.iter().any(|name| self.text.slice(&name.span) == new) {
            return Err(format!("`{new}` already stands in this document"));
        }
        Ok(occurrences.into_iter().map(|occurrence| (occurrence.span, new.to_owned())).collect())
    }

    /// The occurrences of a name that can be given another, or why it can't.
    pub(crate) fn renamable(&self, offset: usize) -> Result<Vec<Occurrence>, String> {
        let occurrences = self.occurrences(offset);
        let definitions: Vec<&Role> =
            occurrences.iter().map(|o| &o.role).filter(|role| matches!(role, Role::Defines(_))).collect();
        let structure = Role::Defines(Definition::Struct);
        if occurrences.len() > MAX_PLACES {
            return Err(format!("expected at most {MAX_PLACES} places, found more"));
        }
        if definitions.is_empty() {
            return Err("only what this document defines can be renamed".to_owned());
        }
        if definitions.contains(&&structure) && definitions.iter().any(|role| **role != structure) {
            return Err("a structure and a symbol share this name: rename one of them by hand".to_owned());
        }
        Ok(occurrences)
    }

    /// Every name that the document defines, once, with what it is.
    pub(crate) fn definitions(&self) -> Vec<(&'a str, Definition)> {
        let mut seen = HashSet::new();
        let names = self.outline.names.iter().filter_map(|name| match name.role {
            Role::Defines(definition) => Some((self.text.slice(&name.span), definition)),
            _ => None,
        });
        names.filter(|(name, _)| seen.insert(*name)).collect()
    }

    fn structures(&self) -> HashSet<&'a str> {
        let names = self.outline.names.iter();
        names
            .filter(|name| name.role == Role::Defines(Definition::Struct))
            .map(|name| self.text.slice(&name.span))
            .collect()
    }

    /// The bytes of a name that name a symbol: in `flow.saddr` those of the structure.
    fn symbol(&self, name: &Name, structures: &HashSet<&str>) -> Range<usize> {
        let text = self.text.slice(&name.span);
        match text.split_once('.') {
            Some((structure, _)) if name.role == Role::Uses && structures.contains(structure) => {
                name.span.start..name.span.start + structure.len()
            }
            _ => name.span.clone(),
        }
    }

    /// The numeric local label that a name defines, or refers to.
    fn local_definition(&self, name: &Name) -> Option<&'a Name> {
        let local = Role::Defines(Definition::LocalLabel);
        let text = self.text.slice(&name.span);
        let names = &self.outline.names;
        if name.role == local {
            return names.iter().find(|other| other.span == name.span);
        }
        let digits = text.strip_suffix(['b', 'f'])?.trim_start_matches('0');
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut same = names.iter().filter(|other| {
            other.role == local && self.text.slice(&other.span).trim_start_matches('0') == digits
        });
        if text.ends_with('f') {
            same.find(|other| other.span.start > name.span.start)
        } else {
            same.take_while(|other| other.span.start < name.span.start).last()
        }
    }

    /// A numeric local label and what refers to it: `1b` up to the next one of its number, `1f` from the one before.
    fn local_occurrences(&self, definition: &Name) -> Vec<Occurrence> {
        let local = Role::Defines(Definition::LocalLabel);
        let number = |name: &Name| self.text.slice(&name.span).trim_start_matches('0').to_owned();
        let (digits, here) = (number(definition), definition.span.start);
        let same = self.outline.names.iter().filter(|name| name.role == local && number(name) == digits);
        let (mut before, mut after) = (None, usize::MAX);
        for start in same.map(|name| name.span.start) {
            if start < here {
                before = Some(start);
            } else if start > here {
                after = after.min(start);
            }
        }
        let refers = |name: &&Name| {
            let (text, start) = (self.text.slice(&name.span), name.span.start);
            let to_this = match text.as_bytes().last() {
                Some(b'b') => start > here && start < after,
                Some(b'f') => start < here && before.is_none_or(|before| start > before),
                _ => false,
            };
            name.span == definition.span
                || name.role == Role::Uses
                    && to_this
                    && text[..text.len() - 1].trim_start_matches('0') == digits
                    && text.starts_with(|c: char| c.is_ascii_digit())
        };
        let names = self.outline.names.iter().filter(refers).take(MAX_PLACES + 1);
        names.map(|name| Occurrence { span: name.span.clone(), role: name.role }).collect()
    }

    /// The outline: functions with their labels, variables, maps, structures, constants. `functions` are those that
    /// the text was last known to have.
    pub(crate) fn document_symbols(&self, functions: &HashSet<String>) -> Vec<DocumentSymbol> {
        let mut symbols: Vec<DocumentSymbol> = Vec::new();
        let mut open: Option<usize> = None;
        let mut constants = HashSet::new();
        let declared = self.outline.names.iter().filter(|name| name.role == Role::Declares);
        let declared: HashSet<&str> = declared.map(|name| self.text.slice(&name.span)).collect();
        let is_function = |label: &str| {
            if functions.is_empty() { declared.contains(label) } else { functions.contains(label) }
        };
        let mut count = 0;
        for name in &self.outline.names {
            let Role::Defines(definition) = name.role else { continue };
            count += 1;
            if count > MAX_PLACES {
                break;
            }
            let text = self.text.slice(&name.span);
            let (kind, detail) = match definition {
                Definition::Map => (SymbolKind::OBJECT, "map"),
                Definition::Struct => (SymbolKind::STRUCT, "structure"),
                // A number can be set again and again.
                Definition::Constant if !constants.insert(text) => continue,
                Definition::Constant => (SymbolKind::CONSTANT, "constant"),
                Definition::LocalLabel => (SymbolKind::KEY, "local label"),
                Definition::Label if self.is_data(name) => (SymbolKind::VARIABLE, "variable"),
                Definition::Label if is_function(text) => (SymbolKind::FUNCTION, "function"),
                Definition::Label => (SymbolKind::KEY, "label"),
            };
            let symbol = self.document_symbol(name, text, kind, detail);
            if kind == SymbolKind::KEY
                && let Some(function) = open
            {
                symbols[function].range.end = symbol.range.end;
                symbols[function].children.get_or_insert_default().push(symbol);
                continue;
            }
            open = (kind == SymbolKind::FUNCTION).then_some(symbols.len());
            symbols.push(symbol);
        }
        symbols
    }

    #[expect(deprecated, reason = "the structure can only be made with its deprecated field")]
    fn document_symbol(&self, name: &Name, text: &str, kind: SymbolKind, detail: &str) -> DocumentSymbol {
        let parts = &self.outline.parts;
        let next = parts.partition_point(|part| part.span.start <= name.span.start);
        // A label reaches to the next one, anything else is its statement.
        let end = if matches!(kind, SymbolKind::KEY | SymbolKind::FUNCTION | SymbolKind::VARIABLE) {
            let run = parts[next..].iter().take_while(|part| part.kind == PartKind::Insn);
            let data = parts.get(next).filter(|_| kind == SymbolKind::VARIABLE);
            run.last().or(data).map_or(name.span.end, |part| part.span.end)
        } else {
            next.checked_sub(1).map_or(name.span.end, |index| parts[index].span.end)
        };
        DocumentSymbol {
            name: text.to_owned(),
            detail: Some(detail.to_owned()),
            kind,
            tags: None,
            deprecated: None,
            range: self.text.range(&(name.span.start..end.max(name.span.end))),
            selection_range: self.text.range(&name.span),
            children: None,
        }
    }

    /// Whether a label names data: that is what comes next, but for directives that only say something.
    fn is_data(&self, name: &Name) -> bool {
        let parts = &self.outline.parts;
        let next = parts.partition_point(|part| part.span.start <= name.span.start);
        let aside = |part: &&Part| matches!(part.kind, PartKind::Label | PartKind::Directive);
        parts[next..]
            .iter()
            .take(LOOK_AHEAD)
            .find(|part| !aside(part))
            .is_some_and(|part| part.kind == PartKind::Data)
    }
}
