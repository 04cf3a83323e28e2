//! What can be written at a place: words of the dialect, directives, functions, names of the document.

use std::ops::Range;

use lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, TextEdit};
use skep_abi::{CONTEXTS, Function, MapType, SECTIONS};
use skep_asm::{Definition, PartKind};
use skep_isa::text::Dialect;

use crate::symbols::Symbols;

/// Most proposals of one answer.
pub const MAX_COMPLETIONS: usize = 2000;

/// What may stand at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first word of a statement.
    Statement(Dialect),
    /// What is called.
    Callee,
    /// An operand of an instruction, of data, or of an assignment.
    Operand,
    /// A map's attribute.
    Attribute,
    /// A map's kind.
    MapKind,
    /// A section's name.
    Section,
    /// A comment, or what nothing is proposed for.
    Nothing,
}

/// The proposals for a place.
pub(crate) fn completions(symbols: &Symbols<'_>, offset: usize) -> Vec<CompletionItem> {
    let text = symbols.text.as_str();
    let prefix = prefix(text, offset);
    let mut list = List { symbols, prefix: prefix.clone(), items: Vec::new() };
    match place(symbols, &prefix) {
        Place::Statement(dialect) => {
            for directive in skep_asm::directives() {
                list.add(directive, CompletionItemKind::KEYWORD, "directive", None);
            }
            for word in skep_asm::instruction_words(dialect) {
                list.add(word, CompletionItemKind::KEYWORD, "instruction", None);
            }
        }
        Place::Callee => {
            for function in Function::all() {
                let doc = crate::hover::of_function(function);
                list.add(function.name, CompletionItemKind::FUNCTION, function.doc, Some(doc));
            }
            list.names(&[Definition::Label]);
        }
        Place::Operand => {
            list.names(&[Definition::Label, Definition::Map, Definition::Constant]);
            for name in skep_asm::constant_names() {
                list.add(&name, CompletionItemKind::CONSTANT, "constant", None);
            }
            for context in CONTEXTS.iter().filter(|context| !context.name.is_empty()) {
                for field in context.fields {
                    let name = format!("{}.{}", context.name, field.name);
                    list.add(&name, CompletionItemKind::FIELD, "offset in the context", None);
                }
            }
        }
        Place::Attribute => {
            for attribute in skep_asm::map_attributes() {
                list.add(attribute, CompletionItemKind::PROPERTY, "attribute", None);
            }
            list.names(&[Definition::Struct, Definition::Map, Definition::Constant]);
        }
        Place::MapKind => {
            for kind in MapType::ALL {
                list.add(kind.name(), CompletionItemKind::ENUM_MEMBER, "kind of map", None);
            }
        }
        Place::Section => {
            for section in SECTIONS {
                list.add(section.name, CompletionItemKind::MODULE, section.prog_type.name(), None);
            }
        }
        Place::Nothing => {}
    }
    list.items
}

/// The bytes of the word that ends at a place.
fn prefix(text: &str, offset: usize) -> Range<usize> {
    let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$');
    let len = text.as_bytes()[..offset].iter().rev().take_while(|b| word(b)).count();
    offset - len..offset
}

fn place(symbols: &Symbols<'_>, prefix: &Range<usize>) -> Place {
    let parts = &symbols.outline.parts;
    let text = symbols.text.as_str();
    let after = parts.partition_point(|part| part.span.start <= prefix.start);
    let line = text[..prefix.start].rfind('\n').map_or(0, |at| at + 1);
    let Some(part) = parts[..after].last() else {
        let blank = text[line..prefix.start].trim().is_empty();
        return if blank { Place::Statement(Dialect::Pseudoc) } else { Place::Nothing };
    };
    let dialect = part.dialect;
    if part.span.start == prefix.start {
        return Place::Statement(dialect);
    }
    // What lies between the last statement and here says whether it goes on: blanks, a separator, a comment.
    let between =
        if part.span.end < prefix.start { &text[part.span.end.max(line)..prefix.start] } else { "" };
    let same = part.span.end >= line && between.bytes().all(|b| matches!(b, b' ' | b'\t'));
    if !same || part.kind == PartKind::Label {
        let separated = between.trim().trim_end_matches([';', '`']).is_empty();
        return if separated { Place::Statement(dialect) } else { Place::Nothing };
    }
    let before = text[part.span.start..prefix.start].trim_end();
    match part.kind {
        PartKind::Insn if before == "call" => Place::Callee,
        PartKind::Directive if before.starts_with(".map") => {
            let attribute = before.trim_end_matches('=');
            if attribute.len() < before.len() && attribute.trim_end().ends_with("type") {
                Place::MapKind
            } else {
                Place::Attribute
            }
        }
        PartKind::Directive if before == ".section" => Place::Section,
        PartKind::Insn | PartKind::Assignment | PartKind::Data | PartKind::Directive => Place::Operand,
        PartKind::Label => Place::Nothing,
    }
}

struct List<'a> {
    symbols: &'a Symbols<'a>,
    prefix: Range<usize>,
    items: Vec<CompletionItem>,
}

impl List<'_> {
    /// Proposes a name if it starts as what is written does.
    fn add(&mut self, name: &str, kind: CompletionItemKind, detail: &str, doc: Option<String>) {
        let written = self.symbols.text.slice(&self.prefix);
        if self.items.len() >= MAX_COMPLETIONS || !name.starts_with(written) {
            return;
        }
        let range = self.symbols.text.range(&self.prefix);
        let edit = TextEdit { range, new_text: name.to_owned() };
        let documentation = doc.map(|value| {
            Documentation::MarkupContent(lsp_types::MarkupContent {
                kind: lsp_types::MarkupKind::Markdown,
                value,
            })
        });
        self.items.push(CompletionItem {
            label: name.to_owned(),
            kind: Some(kind),
            detail: Some(detail.to_owned()),
            documentation,
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            ..CompletionItem::default()
        });
    }

    /// Proposes the document's names of these kinds.
    fn names(&mut self, kinds: &[Definition]) {
        let written = self.symbols.text.slice(&self.prefix).to_owned();
        for (name, definition) in self.symbols.definitions() {
            // The word that is being written is no proposal.
            if !kinds.contains(&definition) || name == written {
                continue;
            }
            let (kind, detail) = match definition {
                Definition::Map => (CompletionItemKind::VARIABLE, "map"),
                Definition::Constant => (CompletionItemKind::CONSTANT, "constant"),
                Definition::Struct => (CompletionItemKind::STRUCT, "structure"),
                Definition::Label | Definition::LocalLabel => (CompletionItemKind::REFERENCE, "label"),
            };
            self.add(name, kind, detail, None);
        }
    }
}
