//! [`Object::to_elf`]: an object as the bytes of an ELF file, laid out as LLVM does it, so that libbpf loads it.
//!
//! Sections: one for each that functions name (executable), `.maps`, one for each data map, `license`,
//! `version`, `.BTF`, `.BTF.ext`. What is global is referred to by its own symbol, what is not by its
//! section's, with the distance in the instruction. Types are written as they are, but for strings that source
//! lines need, for places in `.maps` that are still open, and for maps where none is defined: whoever makes an
//! object describes its maps and variables in its types.
//!
//! It writes no DWARF, and nothing of the sections that an [`Object`] doesn't know.
//! Sources: LLVM's BPF relocations (llvm/docs, "BPF relocations"; Documentation/bpf/llvm_reloc.rst, Linux 6.18);
//! what libbpf documents for BTF-defined maps; agreement with clang 19 on text and relocations is tested.

mod error;
mod types;

use std::collections::{BTreeMap, HashMap};

use object::write::{self, SectionId, StandardSegment, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind, elf,
};
use skep_btf::{BtfMapDef, ExtSection, Linkage, POINTER_SIZE};
use skep_isa::{Callee, Endian, FormId, Insn, Op, SLOT_BYTES, Wide, encode_all};

use types::{Types, Variable, defined_maps};

use crate::object::{Function, MapInit, Object, RefTarget};

pub use error::WriteError;

/// Most bytes of one section: what a program of the greatest length has eight times over.
pub const MAX_SECTION_BYTES: u64 = 1 << 26;

/// An address in 64 bits of data (Documentation/bpf/llvm_reloc.rst).
const R_BPF_64_ABS64: elf::RelocationType = elf::RelocationType(2);

/// The section of map definitions.
const MAPS: &str = ".maps";

impl Object {
    /// The bytes of an ELF relocatable file, machine BPF, in the object's byte order.
    ///
    /// The same object gives the same bytes. Reading them back gives the same object, except that source lines
    /// may add strings to its types.
    pub fn to_elf(&self) -> Result<Vec<u8>, WriteError> {
        let btf = Types::of(self)?;
        let mut writer = Writer::new(self, &btf);
        writer.code_sections()?;
        writer.map_section()?;
        writer.data_sections()?;
        writer.note_sections()?;
        writer.symbols()?;
        writer.code_relocations()?;
        writer.map_relocations()?;
        writer.type_sections()?;
        Ok(writer.elf.write()?)
    }
}

/// Functions by section, sections in the order of their first function, functions by offset.
fn by_section(object: &Object) -> Vec<(&str, Vec<&Function>)> {
    let mut sections: Vec<(&str, Vec<&Function>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for function in &object.functions {
        let index = *known.entry(&function.section).or_insert_with(|| {
            sections.push((&function.section, Vec::new()));
            sections.len() - 1
        });
        sections[index].1.push(function);
    }
    for (_, functions) in &mut sections {
        functions.sort_by_key(|f| f.offset);
    }
    sections
}

/// Something of the file that a reference can name: a symbol, and the distance from it.
#[derive(Clone, Copy)]
struct Place {
    symbol: SymbolId,
    distance: u64,
}

/// Puts an object into the ELF layer, piece by piece.
struct Writer<'a> {
    object: &'a Object,
    types: &'a Types,
    elf: write::Object<'a>,
    sections: BTreeMap<&'a str, SectionId>,
    functions: Vec<SymbolId>,
    /// Symbols of variables, by map and offset; those of `.maps` by map.
    variables: BTreeMap<(usize, u32), (SymbolId, Linkage)>,
    maps: HashMap<usize, SymbolId>,
    externs: HashMap<&'a str, SymbolId>,
}

impl<'a> Writer<'a> {
    fn new(object: &'a Object, types: &'a Types) -> Writer<'a> {
        let endian = match object.endian {
            Endian::Little => Endianness::Little,
            Endian::Big => Endianness::Big,
        };
        Writer {
            object,
            types,
            elf: write::Object::new(BinaryFormat::Elf, Architecture::Bpf, endian),
            sections: BTreeMap::new(),
            functions: Vec::new(),
            variables: BTreeMap::new(),
            maps: HashMap::new(),
            externs: HashMap::new(),
        }
    }

    /// A new section with these contents.
    fn section(
        &mut self,
        name: &'a str,
        kind: SectionKind,
        bytes: Vec<u8>,
        align: u64,
    ) -> Result<SectionId, WriteError> {
        if self.sections.contains_key(name) {
            return Err(WriteError::SectionTwice { section: name.to_owned() });
        }
        let segment = self.elf.segment_name(StandardSegment::Data).to_vec();
        let id = self.elf.add_section(segment, checked("section", name)?, kind);
        if kind == SectionKind::UninitializedData {
            self.elf.append_section_bss(id, bytes.len() as u64, align);
        } else {
            self.elf.set_section_data(id, bytes, align);
        }
        self.sections.insert(name, id);
        Ok(id)
    }

    fn code_sections(&mut self) -> Result<(), WriteError> {
        for (name, functions) in by_section(self.object) {
            let mut insns = Vec::new();
            for f in functions {
                let slot = f.offset / SLOT_BYTES as u64;
                if !f.offset.is_multiple_of(SLOT_BYTES as u64) || slot < insns.len() as u64 {
                    return Err(WriteError::Place {
                        function: f.name.clone(),
                        section: name.to_owned(),
                        offset: f.offset,
                    });
                }
                limited(name, f.offset.saturating_add((f.insns.len() * SLOT_BYTES) as u64))?;
                insns.resize(slot as usize, Insn::raw(0));
                insns.extend(&f.insns);
            }
            let bytes = encode_all(&insns, self.object.endian);
            self.section(name, SectionKind::Text, bytes, SLOT_BYTES as u64)?;
        }
        Ok(())
    }

    fn map_section(&mut self) -> Result<(), WriteError> {
        if defined_maps(self.object).next().is_none() {
            return Ok(());
        }
        let size = self.types.section(MAPS).map_or(0, |section| u64::from(section.size));
        let end = |var: &Variable<'_>| u64::from(var.offset) + u64::from(var.size);
        let size = self.types.variables(MAPS)?.iter().map(end).fold(size, u64::max);
        limited(MAPS, size)?;
        self.section(MAPS, SectionKind::Data, vec![0; size as usize], 8)?;
        Ok(())
    }

    fn data_sections(&mut self) -> Result<(), WriteError> {
        for map in &self.object.maps {
            let MapInit::Data(data) = &map.init else { continue };
            limited(&map.name, data.bytes.len() as u64)?;
            let kind = if map.name.starts_with(".bss") {
                if let Some(offset) = data.bytes.iter().position(|&byte| byte != 0) {
                    return Err(WriteError::BssContents { section: map.name.clone(), offset });
                }
                SectionKind::UninitializedData
            } else if data.frozen {
                SectionKind::ReadOnlyData
            } else {
                SectionKind::Data
            };
            self.section(&map.name, kind, data.bytes.clone(), 8)?;
        }
        Ok(())
    }

    fn note_sections(&mut self) -> Result<(), WriteError> {
        if !self.object.license.is_empty() {
            let mut bytes = checked("licence", &self.object.license)?;
            bytes.push(0);
            limited("license", bytes.len() as u64)?;
            self.section("license", SectionKind::Data, bytes, 1)?;
        }
        if self.object.kern_version != 0 {
            let bytes = match self.object.endian {
                Endian::Little => self.object.kern_version.to_le_bytes(),
                Endian::Big => self.object.kern_version.to_be_bytes(),
            };
            self.section("version", SectionKind::Data, bytes.to_vec(), 4)?;
        }
        Ok(())
    }

    /// All symbols but those of other objects, which appear where they are referred to.
    fn symbols(&mut self) -> Result<(), WriteError> {
        for f in &self.object.functions {
            let section = SymbolSection::Section(self.sections[f.section.as_str()]);
            let size = (f.insns.len() * SLOT_BYTES) as u64;
            let linkage = if f.global { Linkage::GLOBAL } else { Linkage::STATIC };
            let symbol = self.symbol(&f.name, SymbolKind::Text, section, (f.offset, size), linkage)?;
            self.functions.push(symbol);
        }
        let mut defined = BTreeMap::new();
        for var in self.types.variables(MAPS)? {
            let Some(&section) = self.sections.get(MAPS) else { break };
            let place = (u64::from(var.offset), u64::from(var.size));
            let section = SymbolSection::Section(section);
            defined.insert(var.name, self.symbol(var.name, SymbolKind::Data, section, place, var.linkage)?);
        }
        for (index, map) in defined_maps(self.object) {
            let untyped = || WriteError::MapUntyped { map: map.name.clone() };
            self.maps.insert(index, *defined.get(map.name.as_str()).ok_or_else(untyped)?);
        }
        for (index, map) in self.object.maps.iter().enumerate() {
            if matches!(map.init, MapInit::Data(_)) {
                self.variable_symbols(&map.name, Some(index))?;
            }
        }
        self.variable_symbols("license", None)?;
        self.variable_symbols("version", None)
    }

    fn variable_symbols(&mut self, name: &str, map: Option<usize>) -> Result<(), WriteError> {
        let Some(&section) = self.sections.get(name) else { return Ok(()) };
        for var in self.types.variables(name)? {
            let place = (u64::from(var.offset), u64::from(var.size));
            let section = SymbolSection::Section(section);
            let symbol = self.symbol(var.name, SymbolKind::Data, section, place, var.linkage)?;
            if let Some(map) = map {
                self.variables.insert((map, var.offset), (symbol, var.linkage));
            }
        }
        Ok(())
    }

    fn symbol(
        &mut self,
        name: &str,
        kind: SymbolKind,
        section: SymbolSection,
        (value, size): (u64, u64),
        linkage: Linkage,
    ) -> Result<SymbolId, WriteError> {
        let scope = if linkage == Linkage::STATIC {
            object::SymbolScope::Compilation
        } else {
            object::SymbolScope::Dynamic
        };
        Ok(self.elf.add_symbol(write::Symbol {
            name: checked("symbol", name)?,
            value,
            size,
            kind,
            scope,
            weak: false,
            section,
            flags: SymbolFlags::None,
        }))
    }

    fn code_relocations(&mut self) -> Result<(), WriteError> {
        for f in &self.object.functions {
            let section = self.sections[f.section.as_str()];
            for reference in &f.references {
                let bad = || WriteError::BadReference {
                    function: f.name.clone(),
                    insn: reference.insn,
                    target: reference.target.clone(),
                };
                let insn = *f.insns.get(reference.insn).ok_or_else(bad)?;
                let (insn, relocation) = match insn.op() {
                    Op::Wide(_) => self.address(insn, &reference.target)?,
                    Op::Call(_) => self.call(f, reference.insn, &reference.target)?,
                    _ => None,
                }
                .ok_or_else(bad)?;
                let offset = f.offset + (reference.insn * SLOT_BYTES) as u64;
                let bytes = encode_all(&[insn, Insn::TAIL][..insn.slots()], self.object.endian);
                let at = offset as usize;
                // The slot was counted when the section was made; its tail may be missing.
                let data = self.elf.section_mut(section).data_mut();
                data.get_mut(at..at + bytes.len()).ok_or_else(bad)?.copy_from_slice(&bytes);
                if let Some((symbol, r_type)) = relocation {
                    self.relocation(section, offset, symbol, r_type)?;
                }
            }
        }
        Ok(())
    }

    fn relocation(
        &mut self,
        section: SectionId,
        offset: u64,
        symbol: SymbolId,
        r_type: elf::RelocationType,
    ) -> Result<(), WriteError> {
        let flags = RelocationFlags::Elf { r_type };
        Ok(self.elf.add_relocation(section, write::Relocation { offset, symbol, addend: 0, flags })?)
    }

    /// A two-slot load of an address: the distance from the symbol stands in the immediate.
    fn address(&mut self, insn: Insn, target: &'a RefTarget) -> Result<Option<Relocated>, WriteError> {
        let place = match target {
            RefTarget::Map(map) => self.maps.get(map).map(|&symbol| Place { symbol, distance: 0 }),
            RefTarget::MapValue(map, off) => self.variable_at(*map, *off),
            RefTarget::Function(index) => self.function_at(*index),
            RefTarget::Extern { name, weak } => {
                Some(Place { symbol: self.external(name, *weak)?, distance: 0 })
            }
        };
        let Some(place) = place else { return Ok(None) };
        let load = Insn { form: LOAD, ..insn }.imm(place.distance as i64);
        Ok(Some((load, Some((place.symbol, elf::R_BPF_64_64)))))
    }

    /// A call: the distance from the symbol, in slots less one, stands in the immediate; so does the distance
    /// from the next slot to a function of the same section that no other object sees, with no relocation.
    fn call(
        &mut self,
        from: &Function,
        slot: usize,
        target: &'a RefTarget,
    ) -> Result<Option<Relocated>, WriteError> {
        let call = Insn::new(Op::Call(Callee::Local));
        let slots = |bytes: u64| (bytes / SLOT_BYTES as u64) as i64;
        let (distance, relocation) = match target {
            RefTarget::Function(index) => {
                let Some(callee) = self.object.functions.get(*index) else { return Ok(None) };
                if !callee.global && callee.section == from.section {
                    (slots(callee.offset) - slots(from.offset) - slot as i64, None)
                } else {
                    let Some(place) = self.function_at(*index) else { return Ok(None) };
                    (slots(place.distance), Some(place.symbol))
                }
            }
            RefTarget::Extern { name, weak } => (0, Some(self.external(name, *weak)?)),
            RefTarget::Map(_) | RefTarget::MapValue(..) => return Ok(None),
        };
        Ok(Some((call.imm(distance - 1), relocation.map(|symbol| (symbol, elf::R_BPF_64_32)))))
    }

    fn function_at(&mut self, index: usize) -> Option<Place> {
        let f = self.object.functions.get(index)?;
        Some(if f.global {
            Place { symbol: self.functions[index], distance: 0 }
        } else {
            let section = self.sections[f.section.as_str()];
            Place { symbol: self.elf.section_symbol(section), distance: f.offset }
        })
    }

    fn variable_at(&mut self, map: usize, off: u32) -> Option<Place> {
        let name = self.object.maps.get(map)?.name.as_str();
        let before = self.variables.range((map, 0)..=(map, off)).next_back();
        if let Some((&(_, start), &(symbol, linkage))) = before
            && linkage != Linkage::STATIC
        {
            return Some(Place { symbol, distance: u64::from(off - start) });
        }
        // `.maps` and sections of code hold no values.
        if !matches!(self.object.maps[map].init, MapInit::Data(_)) {
            return None;
        }
        let section = *self.sections.get(name)?;
        Some(Place { symbol: self.elf.section_symbol(section), distance: u64::from(off) })
    }

    /// The symbol of something that another object or the kernel defines.
    fn external(&mut self, name: &'a str, weak: bool) -> Result<SymbolId, WriteError> {
        if let Some(&symbol) = self.externs.get(name) {
            return Ok(symbol);
        }
        let symbol =
            self.symbol(name, SymbolKind::Unknown, SymbolSection::Undefined, (0, 0), Linkage::EXTERN)?;
        let binding = if weak { elf::STB_WEAK } else { elf::STB_GLOBAL };
        self.elf.symbol_mut(symbol).flags = SymbolFlags::Elf {
            st_info: elf::SymbolInfo::new(binding, elf::STT_NOTYPE),
            st_other: elf::SymbolOther(0),
        };
        self.externs.insert(name, symbol);
        Ok(symbol)
    }

    /// Programs and maps that are put into maps: a pointer each, in the variable's `values`.
    fn map_relocations(&mut self) -> Result<(), WriteError> {
        let variables: HashMap<_, _> =
            self.types.variables(MAPS)?.into_iter().map(|var| (var.name, var)).collect();
        for (_, map) in defined_maps(self.object) {
            let values: Vec<(u32, Option<SymbolId>)> = match &map.init {
                MapInit::Programs(programs) => {
                    programs.iter().map(|&(slot, f)| (slot, self.functions.get(f).copied())).collect()
                }
                MapInit::Maps(maps) => {
                    maps.iter().map(|&(slot, m)| (slot, self.maps.get(&m).copied())).collect()
                }
                MapInit::Empty | MapInit::Data(_) => continue,
            };
            let nowhere = || WriteError::MapValues { map: map.name.clone() };
            let btf = self.types.btf.as_ref().ok_or_else(nowhere)?;
            let var = variables.get(map.name.as_str()).ok_or_else(nowhere)?;
            let start = BtfMapDef::read(btf, var.ty)?.values.ok_or_else(nowhere)?.offset;
            let section = *self.sections.get(MAPS).ok_or_else(nowhere)?;
            for (slot, symbol) in values {
                let within = u64::from(start) + u64::from(slot) * u64::from(POINTER_SIZE);
                if within + u64::from(POINTER_SIZE) > u64::from(var.size) {
                    return Err(nowhere());
                }
                let symbol = symbol.ok_or_else(nowhere)?;
                self.relocation(section, u64::from(var.offset) + within, symbol, R_BPF_64_ABS64)?;
            }
        }
        Ok(())
    }

    fn type_sections(&mut self) -> Result<(), WriteError> {
        let Some(btf) = &self.types.btf else { return Ok(()) };
        let endian = match self.object.endian {
            Endian::Little => skep_btf::Endian::Little,
            Endian::Big => skep_btf::Endian::Big,
        };
        self.section(".BTF", SectionKind::Other, btf.to_bytes(endian), 4)?;
        let ext = &self.types.ext;
        let empty = |counts: [usize; 3]| counts.iter().all(|&count| count == 0);
        if !empty([count(&ext.funcs), count(&ext.lines), count(&ext.core_relos)]) {
            self.section(".BTF.ext", SectionKind::Other, ext.to_bytes(endian), 4)?;
        }
        Ok(())
    }
}

/// An instruction as the file has it, and what its relocation refers to.
type Relocated = (Insn, Option<(SymbolId, elf::RelocationType)>);

/// The two-slot load that every address is written as.
const LOAD: FormId = match FormId::of(Op::Wide(Wide::Imm)) {
    Some(form) => form,
    None => panic!("the table has a two-slot load"),
};

fn count<T>(sections: &[ExtSection<T>]) -> usize {
    sections.iter().map(|section| section.records.len()).sum()
}

fn checked(what: &'static str, name: &str) -> Result<Vec<u8>, WriteError> {
    if name.is_empty() || name.contains('\0') {
        return Err(WriteError::Name { what, name: name.to_owned() });
    }
    Ok(name.as_bytes().to_vec())
}

fn limited(section: &str, size: u64) -> Result<(), WriteError> {
    if size > MAX_SECTION_BYTES {
        return Err(WriteError::TooLarge { section: section.to_owned(), size });
    }
    Ok(())
}
