//! A whole object onto a host: maps, their contents, programs, program arrays, in that order. Before that it is made to fit
//! the types that the host publishes, unless it was made to fit some already.

use skep_abi::MapType;
use skep_obj::{MapInit, Object};

use crate::{Host, HostError, LoadInfo, LoadOptions, MapId, ProgId};

/// An object on a host.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its maps, by index into [`Object::maps`].
    pub maps: Vec<MapId>,
    /// Its programs that were loaded.
    pub programs: Vec<LoadedProgram>,
}

/// A program on a host.
#[derive(Clone, Debug)]
pub struct LoadedProgram {
    /// Its entry, by index into [`Object::functions`].
    pub function: usize,
    /// Its id there.
    pub id: ProgId,
    /// What the load told.
    pub info: LoadInfo,
}

impl Loaded {
    /// Loads the programs with these functions, and whatever program arrays refer to; all of the object's
    /// programs if the list is empty. What was created before a failure lives as long as the host.
    pub fn new(
        host: &mut dyn Host,
        object: &Object,
        wanted: &[usize],
        options: &LoadOptions,
    ) -> Result<Loaded, HostError> {
        let relocated;
        let object = if object.needs_relocation() {
            relocated = object.relocate(&host.kernel_types()?)?;
            &relocated
        } else {
            object
        };
        let mut loaded = Loaded { maps: Vec::with_capacity(object.maps.len()), programs: Vec::new() };
        for spec in &object.maps {
            let map = host.create_map(spec, object.btf.as_deref())?;
            if let MapInit::Data(data) = &spec.init {
                host.update(map, &0u32.to_ne_bytes(), &data.bytes, 0)?;
                if data.frozen {
                    host.freeze(map)?;
                }
            }
            loaded.maps.push(map);
        }
        for (spec, &map) in object.maps.iter().zip(&loaded.maps) {
            if let MapInit::Maps(inner) = &spec.init {
                for &(index, inner) in inner {
                    host.set_map(map, index, loaded.maps[inner])?;
                }
            }
        }
        let mut functions: Vec<usize> = match wanted {
            [] => object.programs().map(|(index, _)| index).collect(),
            some => some.to_vec(),
        };
        functions.extend(object.maps.iter().flat_map(|m| programs_in(&m.init)).map(|&(_, f)| f));
        let mut seen = std::collections::BTreeSet::new();
        functions.retain(|&f| seen.insert(f));
        for function in functions {
            let program = object.program(function)?;
            let (id, info) = host.load(&program, &loaded.maps, options)?;
            loaded.programs.push(LoadedProgram { function, id, info });
        }
        for (spec, &map) in object.maps.iter().zip(&loaded.maps) {
            debug_assert!(programs_in(&spec.init).is_empty() || spec.def.map_type == MapType::ProgArray);
            for &(index, function) in programs_in(&spec.init) {
                let program = loaded.program(function).expect("loaded above");
                host.set_program(map, index, program.id)?;
            }
        }
        Ok(loaded)
    }
}

impl Loaded {
    /// The program whose entry is this function, if it was loaded: those asked for always are.
    pub fn program(&self, function: usize) -> Option<&LoadedProgram> {
        self.programs.iter().find(|program| program.function == function)
    }
}

/// The programs that a program array starts with.
fn programs_in(init: &MapInit) -> &[(u32, usize)] {
    match init {
        MapInit::Programs(programs) => programs,
        MapInit::Empty | MapInit::Data(_) | MapInit::Maps(_) => &[],
    }
}
