//! The types in an ELF file of any machine: a kernel's, a module's, a program's.

use object::Endianness;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};

use super::BTF;
use super::error::ReadError;

/// The bytes of section `.BTF` of an ELF file of any machine and type; `None` if it has none.
pub fn btf_section(bytes: &[u8]) -> Result<Option<&[u8]>, ReadError> {
    // The fifth byte says how wide addresses are.
    let found = match bytes.get(4) {
        Some(1) => section::<FileHeader32<Endianness>>(bytes),
        _ => section::<FileHeader64<Endianness>>(bytes),
    };
    found.map_err(|error| ReadError::Elf { problem: error.to_string() })
}

fn section<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::read::Result<Option<&[u8]>> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let Some((_, section)) = sections.section_by_name(endian, BTF.as_bytes()) else { return Ok(None) };
    section.data(endian, bytes).map(Some)
}
