//! Data sections: `.data`, `.rodata`, `.bss` and their kin become array maps of one value.
//!
//! Compilers leave open where a section's variables are; the symbols tell, and so the types are completed here,
//! while there still are symbols.

use std::collections::HashMap;

use skep_abi::{MapDef, MapFlags, MapType};
use skep_btf::{Btf, Kind, Linkage, Type, TypeId, place_section};

use super::error::{Problem, ReadError};
use super::file::{File, Place, Section, SectionKind, SymbolKind};
use super::{BTF, Role};
use crate::object::{Data, MapInit, MapSpec, Pinning};

/// Most bytes of an object's data sections together.
pub const MAX_DATA_BYTES: usize = 64 << 20;
/// Most sections of data and maps of an object.
pub const MAX_DATA_SECTIONS: usize = 64;

/// Sections that hold variables of programs: the name, which may be followed by a dot and more; what the file must
/// have in them; and whether programs may only read them.
const DATA_SECTIONS: &[(&str, SectionKind, bool)] = &[
    (".data", SectionKind::Data, false),
    (".rodata", SectionKind::Data, true),
    (".bss", SectionKind::Zeroes, false),
    (".kconfig", SectionKind::Data, true),
];

/// Bytes of the index that is the key of an array.
const ARRAY_KEY_BYTES: u32 = 4;

/// Whether this section holds variables, and then whether they are read-only.
fn is_data(section: &Section<'_>) -> Option<bool> {
    let named = |base: &str| {
        section.name.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let found = DATA_SECTIONS.iter().find(|(base, kind, _)| named(base) && section.kind == *kind);
    found.filter(|_| section.size != 0).map(|&(.., read_only)| read_only)
}

/// Adds the maps of data sections.
pub(super) fn read(
    file: &File<'_>,
    btf: Option<&Btf>,
    roles: &mut [Role],
    maps: &mut Vec<MapSpec>,
) -> Result<(), ReadError> {
    let mut total = 0usize;
    for (section, role) in file.sections.iter().zip(roles) {
        let Some(read_only) = is_data(section) else { continue };
        total = total.saturating_add(usize::try_from(section.size).unwrap_or(usize::MAX));
        ReadError::check_limit("bytes of data sections", MAX_DATA_BYTES, total)?;
        let value_size = section.size as u32;
        let mut bytes = section.data.to_vec();
        bytes.resize(value_size as usize, 0);
        let value_type = btf.and_then(|btf| btf.find(&section.name, Kind::DataSec));
        let mut flags = MapFlags::default();
        if read_only {
            flags = flags | MapFlags::RDONLY_PROG;
        }
        if value_type.is_some_and(|id| btf.is_some_and(|btf| is_shared(btf, id))) {
            flags = flags | MapFlags::MMAPABLE;
        }
        *role = Role::Data(maps.len());
        maps.push(MapSpec {
            name: section.name.to_string(),
            def: MapDef {
                map_type: MapType::Array,
                key_size: ARRAY_KEY_BYTES,
                value_size,
                max_entries: 1,
                flags,
            },
            key_type: None,
            value_type,
            pinning: Pinning::None,
            inner: None,
            extra: 0,
            numa_node: None,
            init: MapInit::Data(Data { bytes, frozen: read_only }),
        });
    }
    Ok(())
}

/// Whether a section has a variable that is not its file's own. User space maps such sections into its memory, to
/// reach variables by name; a section of string constants would waste a page.
fn is_shared(btf: &Btf, datasec: TypeId) -> bool {
    let Ok(Type::DataSec(section)) = btf.get(datasec) else { return false };
    let shared = |ty| matches!(btf.get(ty), Ok(Type::Var(var)) if var.linkage != Linkage::STATIC);
    section.vars.iter().any(|var| shared(var.ty))
}

/// Completes the types: sizes of sections, and places of the variables in them.
pub(super) fn place_sections(file: &File<'_>, mut btf: Btf) -> Result<Btf, ReadError> {
    let wanted: Vec<_> = (file.sections.iter().enumerate())
        .filter(|(_, section)| {
            matches!(section.kind, SectionKind::Data | SectionKind::Zeroes) && section.size != 0
        })
        .filter_map(|(index, section)| Some((index, section, btf.find(&section.name, Kind::DataSec)?)))
        .collect();
    ReadError::check_limit("data sections with types", MAX_DATA_SECTIONS, wanted.len())?;
    let mut symbols = symbols_by_section(file);
    for (index, section, datasec) in wanted {
        let size = u32::try_from(section.size)
            .map_err(|_| ReadError::at(&section.name, section.size, Problem::OutsideFile))?;
        let places = symbols.remove(&index).unwrap_or_default();
        btf = place_section(&btf, datasec, size, |name| places.get(name).copied().flatten())
            .map_err(|error| ReadError::Btf { section: BTF, error })?;
    }
    Ok(btf)
}

/// Where the variable of each name is; `None` if the section has several of that name.
type Places<'a> = HashMap<&'a str, Option<u32>>;

/// The symbols of variables, by section and name.
///
/// A variable of a function gets a number after its name from GCC (`count.0`), where its type has the bare name.
fn symbols_by_section<'a>(file: &'a File<'_>) -> HashMap<usize, Places<'a>> {
    let mut sections: HashMap<usize, Places<'a>> = HashMap::new();
    for symbol in &file.symbols {
        let Place::Section(at) = symbol.place else { continue };
        let skip = symbol.name.is_empty() || symbol.kind == SymbolKind::Section;
        if skip || file.sections[at].kind == SectionKind::Code {
            continue;
        }
        let place = u32::try_from(symbol.value).ok();
        let places = sections.entry(at).or_default();
        let mut add = |name| {
            places.entry(name).and_modify(|known| *known = None).or_insert(place);
        };
        add(&symbol.name);
        if let Some((name, number)) = symbol.name.rsplit_once('.')
            && !name.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            add(name);
        }
    }
    sections
}
