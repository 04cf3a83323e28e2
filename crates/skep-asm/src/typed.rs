//! Sources that bring their types along: `.BTF`, `.BTF.ext` and `.maps` as `clang -S -g` prints them.
//!
//! Such a source is what an ELF file would be, spelled out; so it is made one, and read as one: only the reader of
//! objects knows what a map definition says.

use std::sync::Arc;

use skep_abi::{MapDef, MapFlags, MapType};
use skep_btf::{Btf, BtfError, BtfExt, BtfMapDef, ExtSection, Kind, Type, TypeId};
use skep_isa::SLOT_BYTES;
use skep_obj::{CoreRelo, Function, Line, MapInit, MapSpec, Object, Pinning};

use crate::assembler::{Assembler, Result};
use crate::build::Build;
use crate::error::{Cause, Problem, Span};
use crate::resolve::Target;
use crate::section::Purpose;
use crate::symbol::Meaning;

/// The labels of `.maps`, by offset.
pub(crate) fn maps<'a>(asm: &Assembler<'a>) -> Vec<(u64, &'a str)> {
    let mut maps: Vec<_> = asm
        .symbols
        .iter()
        .filter_map(|(_, symbol)| match symbol.meaning {
            Meaning::Label(section, offset) if asm.sections[section].purpose == Purpose::Maps => {
                Some((offset, symbol.name))
            }
            _ => None,
        })
        .collect();
    maps.sort_unstable();
    maps.dedup_by_key(|(offset, _)| *offset);
    maps
}

fn wrong(error: BtfError) -> Problem {
    Problem::new(Span::default(), Cause::Types(error))
}

impl Build<'_, '_> {
    /// The object of a source with types of its own.
    pub(crate) fn typed_object(&self) -> Result<Object> {
        if let Some(map) = self.asm.maps.first() {
            let found = "`.map` in a source that has a section `.BTF`";
            return Err(Problem::expected(map.span, "maps in `.maps`", found));
        }
        let btf = Btf::parse(self.asm.types_section(".BTF").unwrap_or_default()).map_err(wrong)?;
        let ext = match self.asm.types_section(".BTF.ext") {
            Some(bytes) => BtfExt::parse(bytes, &btf).map_err(wrong)?,
            None => BtfExt::default(),
        };
        let mut maps = self.defined(&btf)?;
        let mut sections: Vec<_> = self.data.iter().map(|(&section, &place)| (place, section)).collect();
        sections.sort_unstable();
        maps.extend(sections.into_iter().map(|(_, section)| {
            let name = &self.asm.sections[section].name;
            MapSpec { value_type: btf.find(name, Kind::DataSec), ..self.data_map(section, &[]) }
        }));
        let functions = self.resolved.functions.iter().map(|found| {
            let mut function = self.function(found)?;
            recorded(&mut function, &btf, &ext);
            Ok(function)
        });
        let object = Object {
            endian: self.asm.options.endian,
            license: self.license()?,
            kern_version: self.version(),
            functions: functions.collect::<Result<_>>()?,
            maps,
            btf: Some(Arc::new(btf)),
        };
        let refused = |what: String| Problem::expected(Span::default(), "types that fit the source", what);
        let elf = object.to_elf().map_err(|error| refused(error.to_string()))?;
        Object::from_elf(&elf).map_err(|error| refused(error.to_string()))
    }

    /// The maps of `.maps`: their names and initial values. What they are, the reader says.
    fn defined(&self, btf: &Btf) -> Result<Vec<MapSpec>> {
        let Some(section) = self.asm.sections.iter().position(|s| s.purpose == Purpose::Maps) else {
            return Ok(Vec::new());
        };
        let references = &self.resolved.references[section];
        let maps = maps(self.asm);
        let mut specs = Vec::with_capacity(maps.len());
        for (index, &(offset, name)) in maps.iter().enumerate() {
            let end = maps.get(index + 1).map_or(u64::MAX, |next| next.0);
            let first = references.partition_point(|(at, _)| *at < offset);
            let values: Vec<_> = references[first..].iter().take_while(|(at, _)| *at < end).collect();
            specs.push(MapSpec {
                name: name.to_owned(),
                def: MapDef {
                    map_type: MapType(0),
                    key_size: 0,
                    value_size: 0,
                    max_entries: 0,
                    flags: MapFlags::default(),
                },
                key_type: None,
                value_type: None,
                pinning: Pinning::None,
                inner: None,
                extra: 0,
                numa_node: None,
                init: self.initial_values(btf, name, offset, &values)?,
            });
        }
        Ok(specs)
    }

    fn initial_values(
        &self,
        btf: &Btf,
        name: &str,
        start: u64,
        values: &[&(u64, Target)],
    ) -> Result<MapInit> {
        if values.is_empty() {
            return Ok(MapInit::Empty);
        }
        let var = btf.find(name, Kind::Var).unwrap_or(TypeId::VOID);
        let offset =
            BtfMapDef::read(btf, var).map_err(wrong)?.values.map_or(0, |values| u64::from(values.offset));
        let slot = |at: u64| (at.saturating_sub(start + offset) / u64::from(skep_btf::POINTER_SIZE)) as u32;
        let mut programs = Vec::new();
        let mut maps = Vec::new();
        for (at, target) in values {
            match target {
                Target::Function(function) => programs.push((slot(*at), *function)),
                Target::MapAt(place) => {
                    maps.extend(self.map_places.binary_search(place).ok().map(|map| (slot(*at), map)));
                }
                _ => {}
            }
        }
        Ok(if maps.is_empty() { MapInit::Programs(programs) } else { MapInit::Maps(maps) })
    }
}

/// Hands a function the records of `.BTF.ext` that are about it.
fn recorded(function: &mut Function, btf: &Btf, ext: &BtfExt) {
    let end = function.offset + (function.insns.len() * SLOT_BYTES) as u64;
    let slot = |insn_off: u32| {
        let at = u64::from(insn_off);
        (function.offset <= at && at < end).then(|| ((at - function.offset) / SLOT_BYTES as u64) as usize)
    };
    let lines = of_section(btf, &ext.lines, &function.section).iter().filter_map(|line| {
        Some(Line {
            insn: slot(line.insn_off)?,
            file: btf.text(line.file).into(),
            text: btf.text(line.line_text).into(),
            line: line.line,
            column: line.col,
        })
    });
    let lines = lines.collect();
    let relos = of_section(btf, &ext.core_relos, &function.section).iter().filter_map(|relo| {
        Some(CoreRelo {
            insn: slot(relo.insn_off)?,
            type_id: relo.type_id,
            access: btf.text(relo.access).into_owned(),
            kind: relo.kind,
            failure: None,
        })
    });
    let relos = relos.collect();
    let func =
        of_section(btf, &ext.funcs, &function.section).iter().find(|func| slot(func.insn_off) == Some(0));
    let btf_id = func.map(|func| func.type_id).filter(|&id| matches!(btf.get(id), Ok(Type::Func(_))));
    (function.lines, function.core_relos, function.btf_id) = (lines, relos, btf_id);
}

fn of_section<'e, T>(btf: &Btf, sections: &'e [ExtSection<T>], name: &str) -> &'e [T] {
    BtfExt::section(btf, sections, name).unwrap_or_default()
}
