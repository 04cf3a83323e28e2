//! Map definitions: `.maps`, where a type says everything, and `maps` of old, where `struct bpf_map_def` does.
//!
//! What a host makes of a definition (a CPU's worth of entries, whole pages for a ring buffer) is the host's
//! matter. Initial values are relocations, and read with those.
//!
//! Source: the members that libbpf 1.x documents for BTF-defined maps; `struct bpf_map_def` of
//! samples/bpf and iproute2's `struct bpf_elf_map`, of which only the fields of the former may be set.

use std::collections::HashMap;

use skep_abi::{MapDef, MapFlags, MapType};
use skep_btf::{Btf, BtfMapDef, Kind, Type, ValuesOf};

use super::error::{Problem, ReadError};
use super::file::{File, Place, Section, SectionKind, Symbol, SymbolKind};
use super::{MapPlace, Role, u32_from};
use crate::object::{MapInit, MapSpec, Pinning};

/// Most maps of an object, those of data sections included.
pub const MAX_MAPS: usize = 4096;

/// The section of definitions by type.
const MAPS: &str = ".maps";
/// The section of definitions by structure, which libbpf dropped in 1.0.
const LEGACY_MAPS: &str = "maps";

/// The maps of a file, and where each one's variable is.
pub(super) fn read(
    file: &File<'_>,
    btf: Option<&Btf>,
    roles: &mut [Role],
) -> Result<(Vec<MapSpec>, Vec<MapPlace>), ReadError> {
    let (mut maps, mut places) = (Vec::new(), Vec::new());
    for (index, section) in file.sections.iter().enumerate() {
        if section.kind != SectionKind::Data || section.size == 0 {
            continue;
        }
        let mut found = match &*section.name {
            MAPS => read_typed(file, section, index, btf)?,
            LEGACY_MAPS => read_legacy(file, section, index)?,
            _ => continue,
        };
        roles[index] = Role::Maps;
        found.sort_by_key(|(_, place)| place.offset);
        for (map, place) in found {
            maps.push(map);
            places.push(place);
        }
        ReadError::check_limit("maps", MAX_MAPS, maps.len())?;
    }
    Ok((maps, places))
}

/// `.maps`: each variable of the section's type is a map.
fn read_typed(
    file: &File<'_>,
    section: &Section<'_>,
    index: usize,
    btf: Option<&Btf>,
) -> Result<Vec<(MapSpec, MapPlace)>, ReadError> {
    let wrong = |offset, problem| ReadError::at(&section.name, offset, problem);
    let datasec = btf.and_then(|btf| Some((btf, btf.get(btf.find(MAPS, Kind::DataSec)?).ok()?)));
    let Some((btf, Type::DataSec(datasec))) = datasec else { return Err(wrong(0, Problem::NoMapTypes)) };
    ReadError::check_limit("maps", MAX_MAPS, datasec.vars.len())?;
    // A map's place is its symbol's: a type alone can't say where a variable is.
    let here = file.symbols.iter().filter(|symbol| symbol.place == Place::Section(index));
    let symbols: HashMap<&str, &Symbol<'_>> = here.map(|symbol| (&*symbol.name, symbol)).collect();
    let mut found = Vec::new();
    for var in datasec.vars.iter() {
        let name = match btf.get(var.ty) {
            Ok(Type::Var(var)) => btf.name(var.name).to_owned(),
            _ => return Err(wrong(var.offset.into(), Problem::NoMapTypes)),
        };
        let Some(symbol) = symbols.get(&*name) else {
            return Err(wrong(var.offset.into(), Problem::NoMapSymbol { map: name }));
        };
        let def = BtfMapDef::read(btf, var.ty)
            .map_err(|error| wrong(symbol.value, Problem::MapDef { map: name.clone(), error }))?;
        let place = MapPlace {
            section: index,
            offset: symbol.value,
            size: symbol.size.max(var.size.into()),
            values: def.values.as_ref().map(|values| values.offset.into()),
        };
        let spec = spec(name, &def).map_err(|problem| wrong(symbol.value, problem))?;
        found.push((spec, place));
    }
    Ok(found)
}

/// The map that a definition describes.
fn spec(name: String, def: &BtfMapDef) -> Result<MapSpec, Problem> {
    let field = |problem, found| Problem::MapField { map: name.clone(), problem, found };
    let map_type = def.map_type.ok_or_else(|| field("expected a member `type`", 0))?;
    let pinning = match def.pinning.unwrap_or(0) {
        0 => Pinning::None,
        1 => Pinning::ByName,
        found => return Err(field("expected pinning 0 (none) or 1 (by name)", found.into())),
    };
    let map_of_maps = matches!(MapType(map_type), MapType::ArrayOfMaps | MapType::HashOfMaps);
    let inner = match def.values.as_ref().map(|values| &values.of) {
        Some(ValuesOf::Maps(inner)) if map_of_maps => {
            // libbpf's name for it: it is a model, and never the value of a slot.
            Some(Box::new(spec(format!("{name}.inner"), inner)?))
        }
        Some(ValuesOf::Progs) if map_type == MapType::ProgArray.0 => None,
        None => None,
        Some(_) => {
            let problem = "expected `values` of maps in a map of maps, of functions in a program array";
            return Err(field(problem, map_type.into()));
        }
    };
    Ok(MapSpec {
        def: MapDef {
            map_type: MapType(map_type),
            key_size: def.key_size.unwrap_or(0),
            value_size: def.value_size.unwrap_or(0),
            max_entries: def.max_entries.unwrap_or(0),
            flags: MapFlags(def.map_flags.unwrap_or(0)),
        },
        key_type: def.key_type,
        value_type: def.value_type,
        pinning,
        inner,
        extra: def.map_extra.unwrap_or(0),
        numa_node: def.numa_node,
        init: MapInit::Empty,
        name,
    })
}

/// Bytes of the fields that `struct bpf_map_def` has: kind, key, value, entries, flags.
const LEGACY_BYTES: usize = 20;

/// `maps`: each symbol is a structure of numbers. Some tools' structures have more fields; those must be zero.
fn read_legacy(
    file: &File<'_>,
    section: &Section<'_>,
    index: usize,
) -> Result<Vec<(MapSpec, MapPlace)>, ReadError> {
    let mut symbols: Vec<_> = file
        .symbols
        .iter()
        .filter(|symbol| symbol.place == Place::Section(index) && symbol.kind != SymbolKind::Section)
        .collect();
    symbols.sort_by_key(|symbol| symbol.value);
    ReadError::check_limit("maps", MAX_MAPS, symbols.len())?;
    let mut found = Vec::new();
    for (at, symbol) in symbols.iter().enumerate() {
        let end = symbols.get(at + 1).map_or(section.size, |next| next.value);
        let field = |problem, found| {
            let problem = Problem::MapField { map: symbol.name.to_string(), problem, found };
            ReadError::at(&section.name, symbol.value, problem)
        };
        let bytes = section.data.get(symbol.value as usize..end as usize).unwrap_or_default();
        let Some((numbers, more)) = bytes.split_at_checked(LEGACY_BYTES) else {
            return Err(field("expected 20 bytes of a struct bpf_map_def", bytes.len() as u64));
        };
        if let Some(&byte) = more.iter().find(|&&byte| byte != 0) {
            return Err(field("expected nothing set behind a struct bpf_map_def", byte.into()));
        }
        let (words, _) = numbers.as_chunks::<4>();
        let word = |index: usize| u32_from(file, words[index]);
        let spec = MapSpec {
            name: symbol.name.to_string(),
            def: MapDef {
                map_type: MapType(word(0)),
                key_size: word(1),
                value_size: word(2),
                max_entries: word(3),
                flags: MapFlags(word(4)),
            },
            key_type: None,
            value_type: None,
            pinning: Pinning::None,
            inner: None,
            extra: 0,
            numa_node: None,
            init: MapInit::Empty,
        };
        let place =
            MapPlace { section: index, offset: symbol.value, size: LEGACY_BYTES as u64, values: None };
        found.push((spec, place));
    }
    Ok(found)
}
