//! The types that go into the file: the object's, with what the file's other parts need of them.

use std::collections::HashMap;
use std::sync::Arc;

use skep_btf::{
    Btf, BtfBuilder, BtfExt, BtfMapDef, CoreRelo, DataSec, ExtSection, FuncInfo, IntEncoding, Kind, LineInfo,
    Linkage, MapValues, POINTER_SIZE, SecVar, Type, TypeId, ValuesOf, place_section,
};
use skep_isa::SLOT_BYTES;

use super::{MAPS, WriteError, by_section, checked, limited};
use crate::object::{Function, MapInit, MapSpec, Object, Pinning};

/// The types as they are written, and the records that hang on them.
pub(super) struct Types {
    pub(super) btf: Option<Btf>,
    pub(super) ext: BtfExt,
}

impl Types {
    /// Adds the strings that `.BTF.ext` refers to, and gives the variables of `.maps` places if they have none.
    pub(super) fn of(object: &Object) -> Result<Types, WriteError> {
        let recorded = |f: &Function| f.btf_id.is_some() || !f.lines.is_empty() || !f.core_relos.is_empty();
        let defined = |btf: &Arc<Btf>| btf.find(MAPS, Kind::DataSec).is_some();
        let untyped = defined_maps(object).next().is_some() && !object.btf.as_ref().is_some_and(defined);
        if object.btf.is_none() && !untyped && !object.functions.iter().any(recorded) {
            return Ok(Types { btf: None, ext: BtfExt::default() });
        }
        let mut builder =
            object.btf.as_ref().map_or_else(BtfBuilder::new, |btf| BtfBuilder::extend((**btf).clone()));
        let mut ext = BtfExt::default();
        for (section, functions) in by_section(object) {
            if !functions.iter().any(|f| recorded(f)) {
                continue;
            }
            let name = builder.str(section);
            let mut funcs = Vec::new();
            let mut lines = Vec::new();
            let mut relos = Vec::new();
            for f in functions {
                let at = |slot: usize| (f.offset as u32).wrapping_add((slot * SLOT_BYTES) as u32);
                funcs.extend(f.btf_id.map(|type_id| FuncInfo { insn_off: at(0), type_id }));
                lines.extend(f.lines.iter().map(|line| LineInfo {
                    insn_off: at(line.insn),
                    file: builder.str(line.file.as_bytes()),
                    line_text: builder.str(line.text.as_bytes()),
                    line: line.line,
                    col: line.column,
                }));
                // What was answered, or can't be, is in the instructions.
                relos.extend(f.core_relos.iter().filter(|relo| relo.is_open()).map(|relo| CoreRelo {
                    insn_off: at(relo.insn),
                    type_id: relo.type_id,
                    access: builder.str(&relo.access),
                    kind: relo.kind,
                }));
            }
            ext.funcs.push(ExtSection { name, records: funcs });
            ext.lines.push(ExtSection { name, records: lines });
            ext.core_relos.push(ExtSection { name, records: relos });
        }
        if untyped {
            define_maps(object, &mut builder)?;
        }
        let btf = placed_maps(builder.finish()?)?;
        Ok(Types { btf: Some(btf), ext })
    }

    /// The section of this name, with its variables.
    pub(super) fn section(&self, name: &str) -> Option<DataSec<'_>> {
        let btf = self.btf.as_ref()?;
        match btf.get(btf.find(name, Kind::DataSec)?) {
            Ok(Type::DataSec(section)) => Some(section),
            _ => None,
        }
    }

    /// The variables of a section.
    pub(super) fn variables(&self, section: &str) -> Result<Vec<Variable<'_>>, WriteError> {
        let (Some(btf), Some(section)) = (&self.btf, self.section(section)) else { return Ok(Vec::new()) };
        let mut variables = Vec::new();
        for var in section.vars.iter() {
            // Functions of other objects may stand among the variables of a section that no file has.
            let Type::Var(named) = btf.get(var.ty)? else { continue };
            variables.push(Variable {
                name: btf.name(named.name),
                ty: var.ty,
                offset: var.offset,
                size: var.size,
                linkage: named.linkage,
            });
        }
        Ok(variables)
    }
}

/// A variable of a data section.
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    pub(super) ty: TypeId,
    pub(super) offset: u32,
    pub(super) size: u32,
    pub(super) linkage: Linkage,
}

/// Maps that are defined in `.maps`, by index.
pub(super) fn defined_maps(object: &Object) -> impl Iterator<Item = (usize, &MapSpec)> {
    object.maps.iter().enumerate().filter(|(_, map)| !matches!(map.init, MapInit::Data(_)))
}

/// Defines the maps of an object that was made without types, as those of old were.
fn define_maps(object: &Object, builder: &mut BtfBuilder) -> Result<(), WriteError> {
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let mut vars = Vec::new();
    let mut end = 0u32;
    for (_, map) in defined_maps(object) {
        let slots = match &map.init {
            MapInit::Programs(values) | MapInit::Maps(values) => {
                values.iter().map(|(slot, _)| slot + 1).max()
            }
            MapInit::Empty | MapInit::Data(_) => None,
        };
        let def = definition(map);
        let ty = def.write(builder, int);
        // As many pointers as the definition can have members, then one a slot.
        let size = (DEFINITION_POINTERS + slots.unwrap_or(0)).saturating_mul(POINTER_SIZE);
        checked("map", &map.name)?;
        let ty = builder.var(&map.name, ty, Linkage::GLOBAL);
        vars.push(SecVar { ty, offset: end, size });
        end = end.saturating_add(size);
    }
    limited(MAPS, u64::from(end))?;
    builder.datasec(MAPS, end, &vars);
    Ok(())
}

/// Most members of a map definition before its values.
const DEFINITION_POINTERS: u32 = 10;

fn definition(map: &MapSpec) -> BtfMapDef {
    let some = |number: u32| (number != 0).then_some(number);
    let of = match (&map.inner, &map.init) {
        (Some(inner), _) => Some(ValuesOf::Maps(Box::new(definition(inner)))),
        (None, MapInit::Programs(_)) => Some(ValuesOf::Progs),
        _ => None,
    };
    BtfMapDef {
        map_type: Some(map.def.map_type.0),
        key_size: some(map.def.key_size),
        value_size: some(map.def.value_size),
        max_entries: some(map.def.max_entries),
        map_flags: some(map.def.flags.0),
        map_extra: (map.extra != 0).then_some(map.extra),
        numa_node: map.numa_node,
        pinning: (map.pinning == Pinning::ByName).then_some(1),
        key_type: map.key_type,
        value_type: map.value_type,
        values: of.map(|of| MapValues { of, offset: 0 }),
    }
}

/// Compilers leave places in `.maps` open, as zeros.
fn placed_maps(btf: Btf) -> Result<Btf, WriteError> {
    let Some(id) = btf.find(MAPS, Kind::DataSec) else { return Ok(btf) };
    let Type::DataSec(section) = btf.get(id)? else { return Ok(btf) };
    if section.size != 0 {
        return Ok(btf);
    }
    let mut places = HashMap::new();
    let mut end = 0u32;
    for var in section.vars.iter() {
        places.insert(btf.name(btf.get(var.ty)?.name()).to_owned(), end);
        end = end.saturating_add(var.size.max(btf.size_of(var.ty)?).next_multiple_of(8));
    }
    Ok(place_section(&btf, id, end, |name| places.get(name).copied())?)
}
