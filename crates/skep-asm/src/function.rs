//! Which labels are functions, and where they end.

use std::collections::BTreeMap;

use skep_abi::section_kind;
use skep_isa::text::Field;
use skep_isa::{Callee, Op, SLOT_BYTES};

use crate::assembler::Assembler;
use crate::cursor::is_local_reference;
use crate::error::{Cause, Problem, Span};
use crate::section::{FixupKind, Purpose};
use crate::symbol::{Binding, Meaning, SymbolIndex, Tag};

/// A function: a label and the code up to the next one.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Its symbol; none if the code before any label is a function.
    pub(crate) symbol: Option<SymbolIndex>,
    pub(crate) section: usize,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) global: bool,
    pub(crate) span: Span,
}

/// Marks labels that are called, or whose address is taken: they are functions.
pub(crate) fn find_calls(asm: &mut Assembler<'_>) {
    let mut called = Vec::new();
    let mut undefined = Vec::new();
    for section in &asm.sections {
        for fixup in &section.fixups {
            let FixupKind::Insn { insn, symbol, field, .. } = &fixup.what else { continue };
            let names_function =
                matches!((insn.op(), field), (Op::Call(Callee::Helper), _) | (Op::Wide(_), Field::Imm64));
            if names_function && !is_local_reference(symbol) {
                let found = asm.symbols.find(symbol);
                called.extend(found);
                if found.is_none_or(|found| asm.symbols[found].meaning == Meaning::Unknown) {
                    undefined.push((*symbol, fixup.span));
                }
            }
        }
    }
    // Compilers say of what others define only what type it has.
    let typed = asm.has_types();
    for (symbol, span) in undefined.into_iter().filter(|_| typed) {
        match asm.symbols.mention(symbol, span) {
            Ok(index) => asm.symbols[index].external = true,
            Err(problem) => asm.problems.push(problem),
        }
    }
    for symbol in called {
        asm.symbols[symbol].called = true;
    }
}

/// The functions of all sections, by section and offset.
pub(crate) fn functions(asm: &mut Assembler<'_>) -> Vec<Function> {
    let mut labels: Vec<Vec<(u64, SymbolIndex)>> = vec![Vec::new(); asm.sections.len()];
    for (index, symbol) in asm.symbols.iter() {
        if let Meaning::Label(section, offset) = symbol.meaning {
            labels[section].push((offset, index));
        }
    }
    let mut functions = Vec::new();
    for (section, mut labels) in labels.into_iter().enumerate() {
        if asm.sections[section].purpose == Purpose::Code && !asm.sections[section].bytes.is_empty() {
            labels.sort_by_key(|&(offset, symbol)| (offset, asm.symbols[symbol].span.at));
            section_functions(asm, section, &labels, &mut functions);
        }
    }
    functions
}

fn section_functions(
    asm: &mut Assembler<'_>,
    section: usize,
    labels: &[(u64, SymbolIndex)],
    functions: &mut Vec<Function>,
) {
    let (name, end) = (asm.sections[section].name.clone(), asm.sections[section].offset());
    let first = functions.len();
    let announced = section_kind(&name).is_some();
    // One function a place: what was said to be one, else what came first. Names that start with `.L` are the
    // compiler's own.
    let stated = |symbol: SymbolIndex| {
        matches!(asm.symbols[symbol].tag, Tag::Function | Tag::Func) || asm.symbols[symbol].called
    };
    let plain = |symbol: SymbolIndex| !asm.symbols[symbol].name.starts_with(".L");
    let mut starts: BTreeMap<u64, SymbolIndex> = BTreeMap::new();
    for &(offset, symbol) in labels.iter().filter(|&&(offset, symbol)| {
        offset < end && (stated(symbol) || asm.symbols[symbol].binding == Binding::Global)
    }) {
        starts.entry(offset).or_insert(symbol);
    }
    if let Some(&(_, symbol)) = labels.iter().find(|&&(offset, symbol)| offset == 0 && plain(symbol)) {
        starts.entry(0).or_insert(symbol);
    }
    if !starts.contains_key(&0) {
        functions.push(Function {
            name: unnamed(asm, &name),
            symbol: None,
            section,
            start: 0,
            end,
            global: announced,
            span: Span::default(),
        });
    }
    for (&start, &symbol) in &starts {
        let (span, binding) = (asm.symbols[symbol].span, asm.symbols[symbol].binding);
        let implied = start != 0
            && !matches!(asm.symbols[symbol].tag, Tag::Function | Tag::Func)
            && binding == Binding::Default;
        if implied && announced {
            let function = asm.symbols[symbol].name.to_owned();
            let cause = Cause::CalledProgram { function: function.clone(), section: name.clone() };
            let help = format!("put it into `.text`, or say `.local {function}` or `.globl {function}`");
            asm.problems.push(Problem::new(span, cause).help(help));
        }
        if !start.is_multiple_of(SLOT_BYTES as u64) {
            let what = format!("function `{}`", asm.symbols[symbol].name);
            let cause = Cause::Misaligned { what, offset: start, align: SLOT_BYTES as u64 };
            asm.problems.push(Problem::new(span, cause));
        }
        functions.push(Function {
            name: asm.symbols[symbol].name.to_owned(),
            symbol: Some(symbol),
            section,
            start,
            end,
            global: match binding {
                Binding::Global | Binding::Weak => true,
                Binding::Local => false,
                Binding::Default => announced && asm.symbols[symbol].tag != Tag::Function,
            },
            span,
        });
    }
    for index in first + 1..functions.len() {
        functions[index - 1].end = functions[index].start;
    }
    if !end.is_multiple_of(SLOT_BYTES as u64) && !asm.raw {
        let what = format!("the end of section `{name}`");
        let cause = Cause::Misaligned { what, offset: end, align: SLOT_BYTES as u64 };
        let span = functions.last().map_or(Span::default(), |f| f.span);
        asm.problems.push(Problem::new(span, cause));
    }
}

/// A name for code before any label.
fn unnamed(asm: &Assembler<'_>, section: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut name: String = match section {
        ".text" => "main".to_owned(),
        _ => section.trim_start_matches(['.', '?']).chars().map(word).collect(),
    };
    if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
        name.insert(0, '_');
    }
    while asm.symbols.find(&name).is_some() {
        name.push('_');
    }
    name
}

/// The function that has this place.
pub(crate) fn function_at(functions: &[Function], section: usize, offset: u64) -> Option<usize> {
    let after = functions.partition_point(|f| (f.section, f.start) <= (section, offset));
    let index = after.checked_sub(1)?;
    (functions[index].section == section && offset < functions[index].end).then_some(index)
}
