//! The ELF file underneath: sections, symbols and relocations as plain values, checked once, so that what reads
//! them never meets a byte order or a table that ends early.
//!
//! It knows nothing of what sections mean to BPF. Source: the ELF specification, gABI 4.2; relocation kinds in
//! the parts that use them.

use std::borrow::Cow;

use object::elf;
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, SectionIndex, SymbolIndex};
use skep_isa::Endian;

use super::error::{Problem, ReadError};

/// Most bytes of an object file.
pub const MAX_FILE_BYTES: usize = 256 << 20;
/// Most sections of an object file.
pub const MAX_SECTIONS: usize = 1 << 14;
/// Most symbols of an object file.
pub const MAX_SYMBOLS: usize = 1 << 20;
/// Most relocations of the sections that matter to programs.
pub const MAX_RELOCATIONS: usize = 1 << 20;
/// Most bytes of a section's or symbol's name; longer ones are C++ or Rust names that no kernel would take.
pub const MAX_NAME_BYTES: usize = 4096;

/// An ELF file.
pub(super) struct File<'a> {
    pub(super) endian: Endian,
    /// By ELF index; the first is empty.
    pub(super) sections: Vec<Section<'a>>,
    /// By ELF index; the first is empty.
    pub(super) symbols: Vec<Symbol<'a>>,
    /// Whether section names have a table of their own. GNU's assembler writes it so, LLVM's has one for all names.
    pub(super) own_section_names: bool,
}

/// A section.
pub(super) struct Section<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: SectionKind,
    /// Its bytes; none for sections that are only a size.
    pub(super) data: &'a [u8],
    /// Its size in bytes.
    pub(super) size: u64,
    /// What applies to it, in the file's order.
    pub(super) relocations: Vec<Relocation>,
}

/// What a section is to a loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionKind {
    /// Instructions.
    Code,
    /// Bytes.
    Data,
    /// Zeroes that the file does not spell out.
    Zeroes,
    /// Anything else.
    Other,
}

/// A symbol.
pub(super) struct Symbol<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: SymbolKind,
    pub(super) place: Place,
    pub(super) value: u64,
    pub(super) size: u64,
    /// Whether it is seen by other files: not local, and not hidden.
    pub(super) global: bool,
    pub(super) weak: bool,
}

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SymbolKind {
    /// Unsaid, as labels in assembly are.
    None,
    Function,
    Section,
    Other,
}

/// Where a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not in this file.
    Undefined,
    /// In the section with this index.
    Section(usize),
    /// Nowhere: a plain number, or a common block.
    Elsewhere,
}

/// A relocation.
#[derive(Clone, Copy)]
pub(super) struct Relocation {
    /// Byte offset in the section.
    pub(super) offset: u64,
    /// `R_BPF_*`.
    pub(super) kind: u32,
    /// Index of the symbol; within the table.
    pub(super) symbol: usize,
}

impl<'a> File<'a> {
    /// Reads the tables of a file.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<File<'a>, ReadError> {
        ReadError::check_limit("bytes", MAX_FILE_BYTES, bytes.len())?;
        let header = elf::FileHeader64::<Endianness>::parse(bytes).map_err(broken)?;
        let endian = header.endian().map_err(broken)?;
        if header.e_machine(endian) != elf::EM_BPF {
            return Err(ReadError::Machine { found: header.e_machine(endian).0 });
        }
        if header.e_type(endian) != elf::ET_REL {
            return Err(ReadError::FileType { found: header.e_type(endian).0 });
        }
        let headers = header.section_headers(endian, bytes).map_err(broken)?;
        ReadError::check_limit("sections", MAX_SECTIONS, headers.len())?;
        let table = header.sections(endian, bytes).map_err(broken)?;
        let symbols = table.symbols(endian, bytes, elf::SHT_SYMTAB).map_err(broken)?;
        ReadError::check_limit("symbols", MAX_SYMBOLS, symbols.len())?;

        let names_index = header.shstrndx(endian, bytes).map_err(broken)?;
        let strings = |index: SectionIndex| {
            let section = table.section(index).map_err(broken)?;
            section.data(endian, bytes).map_err(broken)
        };
        let names = if headers.is_empty() { &[][..] } else { strings(SectionIndex(names_index as usize))? };
        let sections = headers
            .iter()
            .map(|section| {
                let name = name_at(names, section.sh_name(endian))
                    .ok_or_else(|| ReadError::at("", section.sh_name(endian).into(), Problem::Name))?;
                // Sections that matter to nobody may be broken.
                let data = section.data(endian, bytes).ok();
                let kind = kind_of(section.sh_type(endian), section.sh_flags(endian));
                if data.is_none() && kind != SectionKind::Other {
                    return Err(ReadError::at(&name, 0, Problem::OutsideFile));
                }
                let data = data.unwrap_or_default();
                Ok(Section { name, kind, data, size: section.sh_size(endian), relocations: Vec::new() })
            })
            .collect::<Result<Vec<_>, _>>()?;

        let names = match symbols.string_section() {
            SectionIndex(0) => &[][..],
            index => strings(index)?,
        };
        let symbol_of = |(index, symbol): (usize, &elf::Sym64<Endianness>)| {
            let name = name_at(names, symbol.st_name(endian))
                .ok_or_else(|| ReadError::at(".symtab", symbol.st_name(endian).into(), Problem::Name))?;
            let hidden = matches!(symbol.st_visibility(), elf::STV_HIDDEN | elf::STV_INTERNAL);
            let place = match symbols.symbol_section(endian, symbol, SymbolIndex(index)) {
                Ok(Some(SectionIndex(at))) if at < sections.len() => Place::Section(at),
                _ if symbol.is_undefined(endian) => Place::Undefined,
                _ => Place::Elsewhere,
            };
            let kind = match symbol.st_type() {
                elf::STT_NOTYPE => SymbolKind::None,
                elf::STT_FUNC => SymbolKind::Function,
                elf::STT_SECTION => SymbolKind::Section,
                _ => SymbolKind::Other,
            };
            Ok(Symbol {
                name,
                kind,
                place,
                value: symbol.st_value(endian),
                size: symbol.st_size(endian),
                global: !symbol.is_local() && !hidden,
                weak: symbol.is_weak(),
            })
        };
        let symbol_list = symbols.iter().enumerate().map(symbol_of).collect::<Result<Vec<_>, _>>()?;
        let mut file = File {
            endian: if endian == Endianness::Big { Endian::Big } else { Endian::Little },
            sections,
            symbols: symbol_list,
            own_section_names: names_index as usize != symbols.string_section().0,
        };
        file.read_relocations(headers, endian, bytes)?;
        Ok(file)
    }

    /// Gives each section what applies to it, if it is one that can be relocated to an effect.
    fn read_relocations(
        &mut self,
        headers: &[elf::SectionHeader64<Endianness>],
        endian: Endianness,
        bytes: &[u8],
    ) -> Result<(), ReadError> {
        let mut total = 0;
        for header in headers {
            let target = header.sh_info(endian) as usize;
            let is_rela = header.sh_type(endian) == elf::SHT_RELA;
            if !(is_rela || header.sh_type(endian) == elf::SHT_REL) || target >= self.sections.len() {
                continue;
            }
            let symbols = self.symbols.len();
            let section = &mut self.sections[target];
            // Debug information and types have theirs too; nobody here applies them.
            if !matches!(section.kind, SectionKind::Code | SectionKind::Data) {
                continue;
            }
            if is_rela {
                return Err(ReadError::at(&section.name, 0, Problem::RelocationTable));
            }
            let Some((entries, _)) = header.rel(endian, bytes).map_err(broken)? else { continue };
            total += entries.len();
            ReadError::check_limit("relocations", MAX_RELOCATIONS, total)?;
            for entry in entries {
                let (offset, symbol) = (entry.r_offset.get(endian), entry.r_sym(endian));
                if symbol as usize >= symbols {
                    let problem = Problem::NoSymbol { found: symbol.into() };
                    return Err(ReadError::at(&section.name, offset, problem));
                }
                let kind = entry.r_type(endian).0;
                section.relocations.push(Relocation { offset, kind, symbol: symbol as usize });
            }
        }
        Ok(())
    }

    /// The section with this name and bytes.
    pub(super) fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// What a symbol is called in messages: section symbols by their sections.
    pub(super) fn symbol_name(&self, symbol: &Symbol<'a>) -> String {
        match (symbol.kind, symbol.place) {
            (SymbolKind::Section, Place::Section(at)) => self.sections[at].name.to_string(),
            _ => symbol.name.to_string(),
        }
    }
}

fn broken(error: object::read::Error) -> ReadError {
    ReadError::Elf { problem: error.to_string().to_lowercase() }
}

fn kind_of(section_type: elf::SectionType, flags: elf::SectionFlags) -> SectionKind {
    let has = |flag: elf::SectionFlags| flags.0 & flag.0 != 0;
    match section_type {
        elf::SHT_PROGBITS if has(elf::SHF_EXECINSTR) => SectionKind::Code,
        elf::SHT_PROGBITS if has(elf::SHF_ALLOC) => SectionKind::Data,
        elf::SHT_NOBITS if has(elf::SHF_ALLOC) => SectionKind::Zeroes,
        _ => SectionKind::Other,
    }
}

/// The name at this offset of a string table. Looks no further than the limit: tables may be huge, and names
/// may all begin near the start.
fn name_at(table: &[u8], offset: u32) -> Option<Cow<'_, str>> {
    if offset == 0 {
        return Some(Cow::Borrowed(""));
    }
    let tail = table.get(offset as usize..)?;
    let tail = &tail[..tail.len().min(MAX_NAME_BYTES + 1)];
    let len = tail.iter().position(|&byte| byte == 0)?;
    Some(String::from_utf8_lossy(&tail[..len]))
}
