//! References: what a relocation, or a call that the assembler resolved itself, refers to, as an index.
//!
//! LLVM and GNU number the kinds differently, and differ in what stands in the relocated instruction. LLVM's addend
//! counts from the symbol (a call's in slots from the next slot, so -1 is the symbol itself). GNU's assembler of
//! binutils 2.40 has already added the value of a symbol that has a name, in bytes even for calls. [`Addends`]
//! tells them apart by what can only be one of the two.
//!
//! Source: Documentation/bpf/llvm_reloc.rst, Linux 6.18; `include/elf/bpf.h` and the objects of binutils 2.40.

use std::collections::HashMap;

use skep_isa::{Callee, FormId, Insn, Op, SLOT_BYTES, Wide};

use super::error::{Problem, ReadError};
use super::file::{File, Place, Relocation, Symbol, SymbolKind};
use super::functions::Code;
use super::markers::Asked;
use super::{MapPlace, Role};
use crate::object::{MapInit, MapSpec, RefTarget, Reference};

/// `R_BPF_64_64` (GNU: `R_BPF_INSN_64`): the immediate of a wide load.
const R_WIDE: u32 = 1;
/// `R_BPF_64_32` (GNU: `R_BPF_INSN_DISP32`): the immediate of a call.
const R_CALL: u32 = 10;
/// `R_BPF_64_ABS64`: eight bytes of data, by LLVM.
const R_DATA_64: u32 = 2;
/// `R_BPF_DATA_64`: eight bytes of data, by GNU.
const R_GNU_DATA_64: u32 = 12;

/// Bytes of an initial value in a map definition: a pointer.
const VALUE_BYTES: u64 = 8;

/// What the addends in instructions count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addends {
    /// From the symbol.
    Symbol,
    /// From the start of the symbol's section.
    Section,
}

/// What a function refers to, ascending.
#[derive(Default)]
pub(super) struct References {
    pub(super) known: Vec<Reference>,
    pub(super) markers: Vec<Asked>,
}

/// What an instruction refers to.
enum Found {
    /// Something that linking puts in.
    Target(RefTarget),
    /// The marker at this offset of its section.
    Marker(u64),
}

/// Turns relocations into references.
pub(super) struct Resolver<'a> {
    file: &'a File<'a>,
    roles: &'a [Role],
    code: &'a Code,
    places: &'a [MapPlace],
    maps_by_start: HashMap<(usize, u64), usize>,
    addends: Addends,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        file: &'a File<'a>,
        roles: &'a [Role],
        code: &'a Code,
        places: &'a [MapPlace],
    ) -> Resolver<'a> {
        let starts = places.iter().enumerate().map(|(index, place)| ((place.section, place.offset), index));
        let maps_by_start = starts.collect();
        let mut resolver = Resolver { file, roles, code, places, maps_by_start, addends: Addends::Symbol };
        resolver.addends = resolver.tell_addends();
        resolver
    }

    /// What each function refers to.
    pub(super) fn references(&self) -> Result<Vec<References>, ReadError> {
        let mut sorted: HashMap<usize, Vec<Relocation>> = HashMap::new();
        for (at, section) in self.file.sections.iter().enumerate() {
            if self.roles[at] == Role::Code {
                let mut relocations = section.relocations.clone();
                relocations.sort_by_key(|relocation| relocation.offset);
                self.check_places(at, &relocations)?;
                sorted.insert(at, relocations);
            }
        }
        let functions = 0..self.code.functions.len();
        functions.map(|index| self.references_of(index, &sorted[&self.code.sections[index]])).collect()
    }

    /// Each relocation has a place of its own, in a function.
    fn check_places(&self, section: usize, relocations: &[Relocation]) -> Result<(), ReadError> {
        let name = &self.file.sections[section].name;
        if let Some(pair) = relocations.windows(2).find(|pair| pair[0].offset == pair[1].offset) {
            return Err(ReadError::at(name, pair[0].offset, Problem::RelocationTwice));
        }
        let first = self.code.sections.partition_point(|&s| s < section);
        let after = self.code.sections.partition_point(|&s| s <= section);
        let functions = &self.code.functions[first..after];
        for relocation in relocations {
            let before = functions.partition_point(|f| f.offset <= relocation.offset);
            let inside = functions[..before].last().is_some_and(|f| {
                let at = relocation.offset - f.offset;
                at.is_multiple_of(SLOT_BYTES as u64) && at / (SLOT_BYTES as u64) < f.insns.len() as u64
            });
            if !inside {
                return Err(ReadError::at(name, relocation.offset, Problem::RelocationPlace));
            }
        }
        Ok(())
    }

    /// The references of one function: its relocations, and calls that needed none.
    fn references_of(&self, index: usize, relocations: &[Relocation]) -> Result<References, ReadError> {
        let function = &self.code.functions[index];
        let slot_bytes = SLOT_BYTES as u64;
        let start = relocations.partition_point(|r| r.offset < function.offset);
        let mut pending = relocations[start..].iter().peekable();
        let mut found = References::default();
        for (slot, insn) in function.insns.iter().enumerate() {
            let offset = function.offset + slot as u64 * slot_bytes;
            let target = match pending.next_if(|r| r.offset == offset) {
                Some(relocation) => Some(self.target(relocation, insn)),
                None => self.resolved_call(index, slot, insn).map(|call| call.map(Found::Target)).transpose(),
            };
            match target.transpose().map_err(|problem| ReadError::at(&function.section, offset, problem))? {
                Some(Found::Target(target)) => found.known.push(Reference { insn: slot, target }),
                Some(Found::Marker(at)) => found.markers.push((slot, at)),
                None => {}
            }
        }
        Ok(found)
    }

    /// What a relocation of an instruction refers to.
    fn target(&self, relocation: &Relocation, insn: &Insn) -> Result<Found, Problem> {
        let symbol = &self.file.symbols[relocation.symbol];
        let call = match (relocation.kind, insn.op()) {
            (R_CALL, Op::Call(_)) => true,
            (R_WIDE, Op::Wide(_)) => false,
            (R_CALL | R_WIDE, _) => return Err(Problem::RelocationPlace),
            (found, _) => return Err(Problem::RelocationKind { found }),
        };
        let section = match symbol.place {
            Place::Undefined => {
                let target = RefTarget::Extern { name: symbol.name.to_string(), weak: symbol.weak };
                return Ok(Found::Target(target));
            }
            Place::Section(section) => section,
            Place::Elsewhere => return Err(self.no_target(symbol, "no section")),
        };
        let at = self.offset(symbol, insn, call).ok_or(Problem::RelocationPlace)?;
        let target = match self.roles[section] {
            Role::Markers if !call => {
                return u64::try_from(at).map(Found::Marker).map_err(|_| Problem::RelocationPlace);
            }
            Role::Code => self.function_at(relocation.symbol, section, at),
            Role::Maps if !call => self.map_at(section, at).map(RefTarget::Map),
            Role::Data(map) if !call => {
                let section = || self.file.sections[section].name.to_string();
                let off = u32::try_from(at).map_err(|_| Problem::DataOffset { section: section(), at })?;
                Ok(RefTarget::MapValue(map, off))
            }
            _ => Err(self.no_target(symbol, &format!("section `{}`", self.file.sections[section].name))),
        };
        target.map(Found::Target)
    }

    /// The byte offset in the symbol's section that an instruction refers to.
    fn offset(&self, symbol: &Symbol<'_>, insn: &Insn, call: bool) -> Option<i64> {
        let value = i64::try_from(symbol.value).ok()?;
        // The high half of a wide load is the loader's, whatever stands there.
        let addend = i64::from(insn.imm as i32);
        match (self.addends, call) {
            (Addends::Section, true) if symbol.kind != SymbolKind::Section => addend.checked_add(1),
            (_, true) => addend.checked_add(1)?.checked_mul(SLOT_BYTES as i64)?.checked_add(value),
            (Addends::Section, false) => Some(addend),
            (Addends::Symbol, false) => value.checked_add(addend),
        }
    }

    /// The function that begins at an offset; by its symbol, if that is where the symbol is.
    fn function_at(&self, symbol: usize, section: usize, at: i64) -> Result<RefTarget, Problem> {
        let start = u64::try_from(at).ok();
        let by_symbol = self.code.by_symbol.get(&symbol);
        let by_symbol = by_symbol.filter(|&&f| Some(self.code.functions[f].offset) == start);
        let found = by_symbol.or_else(|| self.code.by_start.get(&(section, start?)));
        found.map(|&function| RefTarget::Function(function)).ok_or_else(|| Problem::NotAFunction {
            section: self.file.sections[section].name.to_string(),
            at,
        })
    }

    fn map_at(&self, section: usize, at: i64) -> Result<usize, Problem> {
        let found = u64::try_from(at).ok().and_then(|at| self.maps_by_start.get(&(section, at)));
        found
            .copied()
            .ok_or_else(|| Problem::NotAMap { section: self.file.sections[section].name.to_string(), at })
    }

    fn no_target(&self, symbol: &Symbol<'_>, place: &str) -> Problem {
        Problem::Target { symbol: self.file.symbol_name(symbol), place: place.to_owned() }
    }

    /// A call within a section needs no relocation, but its distance holds only while functions stay where they are.
    fn resolved_call(&self, index: usize, slot: usize, insn: &Insn) -> Result<Option<RefTarget>, Problem> {
        if !matches!(insn.op(), Op::Call(Callee::Local) | Op::Wide(Wide::Func)) {
            return Ok(None);
        }
        let function = &self.code.functions[index];
        let own = slot as i64 + 1 + insn.imm;
        // Within the function it holds; only a call of the function itself is worth a name.
        if own > 0 && own < function.insns.len() as i64 {
            return Ok(None);
        }
        let at = function.offset as i64 + own * SLOT_BYTES as i64;
        let found =
            u64::try_from(at).ok().and_then(|at| self.code.by_start.get(&(self.code.sections[index], at)));
        match found {
            Some(&function) => Ok(Some(RefTarget::Function(function))),
            None => Err(Problem::NotAFunction { section: function.section.clone(), at }),
        }
    }

    /// Tells what addends count from. A map has no inside, and a call goes to a function's start: there the two
    /// ways give different numbers for any symbol that isn't at the start of its section. An address in data may be
    /// anything, but is likely within its variable. Without any such sign the two mean the same, or the
    /// layout of the file decides.
    fn tell_addends(&self) -> Addends {
        let (mut sure, mut likely) = ([false; 2], [false; 2]);
        for (at, section) in self.file.sections.iter().enumerate() {
            if self.roles[at] != Role::Code {
                continue;
            }
            for relocation in &section.relocations {
                let symbol = &self.file.symbols[relocation.symbol];
                let Place::Section(target) = symbol.place else { continue };
                if symbol.kind == SymbolKind::Section || symbol.value == 0 {
                    continue;
                }
                let Some(addend) = self.addend_at(at, relocation.offset) else { continue };
                let Ok(value) = i64::try_from(symbol.value) else { continue };
                let size = i64::try_from(symbol.size).unwrap_or(i64::MAX);
                match (relocation.kind, self.roles[target]) {
                    (R_CALL, Role::Code) => {
                        sure[0] |= addend == -1;
                        sure[1] |= addend == value - 1;
                    }
                    (R_WIDE, Role::Maps | Role::Code) => {
                        sure[0] |= addend == 0;
                        sure[1] |= addend == value;
                    }
                    (R_WIDE, Role::Data(_)) => {
                        let in_symbol = (0..=size).contains(&addend);
                        let in_section = addend.checked_sub(value).is_some_and(|at| (0..=size).contains(&at));
                        likely[0] |= in_symbol && !in_section;
                        likely[1] |= in_section && !in_symbol;
                    }
                    _ => {}
                }
            }
        }
        match (sure, likely) {
            ([false, true], _) | ([false, false], [false, true]) => Addends::Section,
            ([false, false], [false, false]) | ([true, true], _) if self.file.own_section_names => {
                Addends::Section
            }
            _ => Addends::Symbol,
        }
    }

    /// The low half of the immediate of an instruction, wherever it is.
    fn addend_at(&self, section: usize, offset: u64) -> Option<i64> {
        let data = self.file.sections[section].data;
        let slot = data.get(usize::try_from(offset).ok()?..)?.first_chunk::<SLOT_BYTES>()?;
        // An address without its second slot would decode as raw; a zero one serves to see the immediate.
        let insn = skep_isa::decode(*slot, Some([0; SLOT_BYTES]), self.file.endian);
        Some(i64::from(insn.imm as i32))
    }

    /// Fills in what map definitions say of initial values.
    pub(super) fn initial_values(&self, maps: &mut [MapSpec]) -> Result<(), ReadError> {
        for (at, section) in self.file.sections.iter().enumerate() {
            if self.roles[at] != Role::Maps {
                continue;
            }
            for relocation in &section.relocations {
                self.initial_value(at, relocation, maps)
                    .map_err(|problem| ReadError::at(&section.name, relocation.offset, problem))?;
            }
        }
        for map in maps {
            if let MapInit::Programs(values) | MapInit::Maps(values) = &mut map.init {
                values.sort_unstable();
            }
        }
        Ok(())
    }

    fn initial_value(
        &self,
        section: usize,
        relocation: &Relocation,
        maps: &mut [MapSpec],
    ) -> Result<(), Problem> {
        if !matches!(relocation.kind, R_DATA_64 | R_GNU_DATA_64) {
            return Err(Problem::RelocationKind { found: relocation.kind });
        }
        // Maps are in the order of sections and offsets.
        let after = self.places.partition_point(|p| (p.section, p.offset) <= (section, relocation.offset));
        let owner = after.checked_sub(1).filter(|&owner| {
            let place = &self.places[owner];
            place.section == section && relocation.offset - place.offset < place.size
        });
        let owner = owner.ok_or(Problem::RelocationPlace)?;
        let map = &mut maps[owner];
        let wrong = |expected| Problem::MapInit { map: map.name.clone(), expected };
        let first = self.places[owner].values.ok_or_else(|| wrong("no reference: it has no `values`"))?;
        let from_first = (relocation.offset - self.places[owner].offset).checked_sub(first);
        let index = (from_first.filter(|bytes| bytes.is_multiple_of(VALUE_BYTES)))
            .and_then(|bytes| u32::try_from(bytes / VALUE_BYTES).ok())
            .ok_or_else(|| wrong("references only in `values`"))?;
        let symbol = &self.file.symbols[relocation.symbol];
        let Place::Section(target) = symbol.place else {
            return Err(self.no_target(symbol, "another file"));
        };
        // The bytes relocated hold an addend for static functions and maps.
        let in_place = self.pointer_at(section, relocation.offset).ok_or(Problem::RelocationPlace)?;
        let value = i64::try_from(symbol.value).map_err(|_| Problem::RelocationPlace)?;
        let at = match self.addends {
            Addends::Section if symbol.kind != SymbolKind::Section => value,
            _ => value.checked_add(in_place).ok_or(Problem::RelocationPlace)?,
        };
        let programs = map.inner.is_none();
        match self.roles[target] {
            Role::Code if programs => {
                let RefTarget::Function(function) = self.function_at(relocation.symbol, target, at)? else {
                    return Err(wrong("a program"));
                };
                match &mut map.init {
                    MapInit::Programs(values) => values.push((index, function)),
                    init => *init = MapInit::Programs(vec![(index, function)]),
                }
            }
            Role::Maps if !programs => {
                let inner = self.map_at(target, at)?;
                match &mut map.init {
                    MapInit::Maps(values) => values.push((index, inner)),
                    init => *init = MapInit::Maps(vec![(index, inner)]),
                }
            }
            _ if programs => return Err(wrong("a program of this file")),
            _ => return Err(wrong("a map of this file")),
        }
        Ok(())
    }

    fn pointer_at(&self, section: usize, offset: u64) -> Option<i64> {
        let data = self.file.sections[section].data;
        let bytes = *data.get(usize::try_from(offset).ok()?..)?.first_chunk::<8>()?;
        Some(match self.file.endian {
            skep_isa::Endian::Little => i64::from_le_bytes(bytes),
            skep_isa::Endian::Big => i64::from_be_bytes(bytes),
        })
    }
}

/// Takes out of instructions what only their references say, so that objects of different compilers and
/// files written from objects compare equal: a wide load loads zero, a call goes to the place that a linker fills in.
pub(super) fn blank(insns: &mut [Insn], references: &[Reference]) {
    const WIDE: FormId = FormId::of(Op::Wide(Wide::Imm)).expect("the table has wide loads");
    const CALL: FormId = FormId::of(Op::Call(Callee::Local)).expect("the table has local calls");
    for reference in references {
        let insn = &mut insns[reference.insn];
        *insn = match insn.op() {
            Op::Wide(_) => Insn { form: WIDE, imm: 0, ..*insn },
            _ => Insn { form: CALL, imm: -1, ..*insn },
        };
    }
}
