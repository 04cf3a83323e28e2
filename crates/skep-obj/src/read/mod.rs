//! Reading: the bytes of an ELF file to an [`Object`].
//!
//! The road through a file, one part a step: [`file`] has the tables of ELF, [`functions`] cuts sections of
//! instructions at their symbols, [`data`] and [`maps`] make maps, [`relocations`] turns relocations into
//! references by index, [`ext`] hands source lines and CO-RE records to the instructions they are of,
//! and [`markers`] makes such records of questions that no compiler knows of.
//!
//! Reads what clang 14 to 22 and GNU's compiler and assembler of generation 12 write, in both byte orders. It
//! does not link files with each other, asks no kernel, and leaves debug information alone. Pointers in
//! data sections (a table of strings, say) stay what the file holds there, as in libbpf: nothing that a verifier
//! accepts reads through them.
//!
//! Source: Documentation/bpf/llvm_reloc.rst and libbpf/program_types.rst, Linux 6.18; libbpf 1.x for the
//! meaning of section names; the objects of the compilers named, looked at with `readelf`.

mod any_elf;
mod data;
mod error;
mod ext;
mod file;
mod functions;
mod maps;
mod markers;
mod relocations;

use std::sync::Arc;

use skep_btf::{Btf, BtfExt};

use crate::object::Object;
use file::{File, SectionKind};

pub use any_elf::btf_section;
pub use data::{MAX_DATA_BYTES, MAX_DATA_SECTIONS};
pub use error::{Problem, ReadError};
pub use file::{MAX_FILE_BYTES, MAX_NAME_BYTES, MAX_RELOCATIONS, MAX_SECTIONS, MAX_SYMBOLS};
pub use functions::{MAX_ALIASES, MAX_OBJECT_FUNCTIONS, MAX_OBJECT_SLOTS};
pub use maps::MAX_MAPS;
pub use markers::MAX_MARKERS;

/// What a section is to references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Nothing that a program can refer to.
    None,
    /// Instructions.
    Code,
    /// Map definitions.
    Maps,
    /// The one value of the map with this index.
    Data(usize),
    /// Questions about the kernel's types.
    Markers,
}

/// A map definition's place in its section.
struct MapPlace {
    /// Section, by ELF index.
    section: usize,
    /// Byte offset in it.
    offset: u64,
    /// Bytes, for initial values behind the definition proper.
    size: u64,
    /// Byte offset of the first initial value, from `offset`.
    values: Option<u64>,
}

impl Object {
    /// Reads an ELF object file. The same bytes give the same value everywhere.
    pub fn from_elf(bytes: &[u8]) -> Result<Object, ReadError> {
        let file = File::parse(bytes)?;
        let btf_error = |section| move |error| ReadError::Btf { section, error };
        let types = file.section(BTF).filter(|section| !section.data.is_empty());
        let mut btf = types.map(|s| Btf::parse(s.data)).transpose().map_err(btf_error(BTF))?;
        let records = match (&btf, file.section(BTF_EXT)) {
            (Some(btf), Some(section)) if !section.data.is_empty() => {
                BtfExt::parse(section.data, btf).map_err(btf_error(BTF_EXT))?
            }
            _ => BtfExt::default(),
        };
        if let Some(placed) = btf.take() {
            btf = Some(data::place_sections(&file, placed)?);
        }

        let mut roles = vec![Role::None; file.sections.len()];
        for (role, section) in roles.iter_mut().zip(&file.sections) {
            if section.kind == SectionKind::Code && section.size != 0 {
                *role = Role::Code;
            } else if section.name == markers::SECTION {
                *role = Role::Markers;
            }
        }
        let (mut maps, places) = maps::read(&file, btf.as_ref(), &mut roles)?;
        data::read(&file, btf.as_ref(), &mut roles, &mut maps)?;
        ReadError::check_limit("maps", MAX_MAPS, maps.len())?;

        let mut code = functions::read(&file)?;
        let resolver = relocations::Resolver::new(&file, &roles, &code, &places);
        let mut references = resolver.references()?;
        resolver.initial_values(&mut maps)?;
        for (function, found) in code.functions.iter_mut().zip(&mut references) {
            relocations::blank(&mut function.insns, &found.known);
            function.references = std::mem::take(&mut found.known);
        }
        if let Some(btf) = &btf {
            ext::attach(&mut code.functions, btf, &records);
        }
        markers::attach(&file, btf.as_ref(), &mut code.functions, &references)?;
        Ok(Object {
            endian: file.endian,
            license: license(&file),
            kern_version: kern_version(&file),
            functions: code.functions,
            maps,
            btf: btf.map(Arc::new),
        })
    }
}

/// Section with the types.
const BTF: &str = ".BTF";
/// Section with the records that tie types to instructions.
const BTF_EXT: &str = ".BTF.ext";

/// Section `license`: a string, to its first zero byte.
fn license(file: &File<'_>) -> String {
    let bytes = file.section("license").map_or(&[][..], |section| section.data);
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Section `version`: a number; what is no number of 32 bits says nothing.
fn kern_version(file: &File<'_>) -> u32 {
    let bytes = file.section("version").and_then(|section| section.data.first_chunk::<4>());
    bytes.map_or(0, |&bytes| u32_from(file, bytes))
}

fn u32_from(file: &File<'_>, bytes: [u8; 4]) -> u32 {
    match file.endian {
        skep_isa::Endian::Little => u32::from_le_bytes(bytes),
        skep_isa::Endian::Big => u32::from_be_bytes(bytes),
    }
}
