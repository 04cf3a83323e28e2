//! Code: sections of instructions, cut into functions at their symbols.
//!
//! What instructions refer to is not looked at here.

use std::collections::HashMap;

use skep_isa::{SLOT_BYTES, decode_all};

use super::error::{Problem, ReadError};
use super::file::{File, Place, Section, SectionKind, Symbol, SymbolKind};
use crate::object::Function;

/// Most functions of an object.
pub const MAX_OBJECT_FUNCTIONS: usize = 1 << 14;
/// Most names of one function: each makes it anew.
pub const MAX_ALIASES: usize = 16;
/// Most instruction slots of an object's functions together.
pub const MAX_OBJECT_SLOTS: usize = 1 << 22;

/// The functions of a file, and how to find them.
pub(super) struct Code {
    /// In the order of sections and offsets.
    pub(super) functions: Vec<Function>,
    /// The ELF index of each one's section.
    pub(super) sections: Vec<usize>,
    /// By the index of its symbol.
    pub(super) by_symbol: HashMap<usize, usize>,
    /// By section and byte offset: the first that begins there.
    pub(super) by_start: HashMap<(usize, u64), usize>,
}

/// Cuts every section of instructions.
pub(super) fn read(file: &File<'_>) -> Result<Code, ReadError> {
    let mut code = Code {
        functions: Vec::new(),
        sections: Vec::new(),
        by_symbol: HashMap::new(),
        by_start: HashMap::new(),
    };
    let starts = starts(file);
    let mut slots = 0;
    for (at, section) in file.sections.iter().enumerate() {
        if section.kind != SectionKind::Code || section.size == 0 {
            continue;
        }
        let len = section.data.len() as u64;
        if !len.is_multiple_of(SLOT_BYTES as u64) {
            return Err(ReadError::at(&section.name, len, Problem::SlotSize { len }));
        }
        let starts = &starts[at];
        if starts.is_empty() {
            return Err(ReadError::at(&section.name, 0, Problem::NoFunctions));
        }
        let (mut before, mut name_before, mut aliases) = (None, "", 0);
        for (index, &symbol_index) in starts.iter().enumerate() {
            let symbol = &file.symbols[symbol_index];
            let end = end_of(file, section, starts, index);
            let bytes = range(section, symbol, end)?;
            if let Some((other, other_end)) = before
                && symbol.value < other_end
                && (symbol.value, end) != (other, other_end)
            {
                let (function, before) = (symbol.name.to_string(), name_before.to_owned());
                let problem = Problem::FunctionOverlap { function, before };
                return Err(ReadError::at(&section.name, symbol.value, problem));
            }
            aliases = if before == Some((symbol.value, end)) { aliases + 1 } else { 1 };
            ReadError::check_limit("names of one function", MAX_ALIASES, aliases)?;
            before = Some((symbol.value, end));
            name_before = &symbol.name;
            slots += bytes.len() / SLOT_BYTES;
            ReadError::check_limit("instruction slots", MAX_OBJECT_SLOTS, slots)?;
            ReadError::check_limit("functions", MAX_OBJECT_FUNCTIONS, code.functions.len() + 1)?;
            let insns = decode_all(bytes, file.endian)
                .map_err(|error| ReadError::at(&section.name, symbol.value, slot_size(error.len)))?;
            code.by_symbol.insert(symbol_index, code.functions.len());
            code.by_start.entry((at, symbol.value)).or_insert(code.functions.len());
            code.sections.push(at);
            code.functions.push(Function {
                name: symbol.name.to_string(),
                section: section.name.to_string(),
                offset: symbol.value,
                global: symbol.global,
                insns,
                references: Vec::new(),
                lines: Vec::new(),
                core_relos: Vec::new(),
                btf_id: None,
            });
        }
    }
    Ok(code)
}

fn slot_size(len: usize) -> Problem {
    Problem::SlotSize { len: len as u64 }
}

/// For each section, the symbols of its functions by offset.
///
/// Compilers mark functions. Assembly may not, and then what other files see is a function; local labels are
/// not, because clang 14 leaves those of jumps in the file.
fn starts(file: &File<'_>) -> Vec<Vec<usize>> {
    let mut marked = vec![Vec::new(); file.sections.len()];
    let mut labels = vec![Vec::new(); file.sections.len()];
    for (index, symbol) in file.symbols.iter().enumerate() {
        let Place::Section(at) = symbol.place else { continue };
        match symbol.kind {
            SymbolKind::Function => marked[at].push(index),
            SymbolKind::None if symbol.global => labels[at].push(index),
            _ => {}
        }
    }
    for (marked, labels) in marked.iter_mut().zip(labels) {
        if marked.is_empty() {
            *marked = labels;
        }
        marked.sort_by_key(|&index| (file.symbols[index].value, index));
    }
    marked
}

/// One past a function's last byte: by its size, or where the next begins if assembly gave it none.
fn end_of(file: &File<'_>, section: &Section<'_>, starts: &[usize], index: usize) -> u64 {
    let symbol = &file.symbols[starts[index]];
    if symbol.size != 0 {
        return symbol.value.saturating_add(symbol.size);
    }
    let next = starts[index..].iter().map(|&next| file.symbols[next].value).find(|&next| next > symbol.value);
    next.unwrap_or(section.size)
}

/// The bytes of a function.
fn range<'a>(section: &Section<'a>, symbol: &Symbol<'_>, end: u64) -> Result<&'a [u8], ReadError> {
    let len = end.saturating_sub(symbol.value);
    let whole = |at: u64| at.is_multiple_of(SLOT_BYTES as u64);
    let bytes = (usize::try_from(symbol.value).ok())
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| section.data.get(start..end))
        .filter(|bytes| !bytes.is_empty() && whole(symbol.value) && whole(len));
    bytes.ok_or_else(|| {
        let function = symbol.name.to_string();
        ReadError::at(&section.name, symbol.value, Problem::FunctionRange { function, len })
    })
}
