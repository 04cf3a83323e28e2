//! Objects and the programs in them.
//!
//! An [`Object`] is what an ELF file of BPF says: functions, maps, data, types, licence; the same bytes give
//! the same value on every machine; [`Object::relocate`] makes it fit a kernel, by that kernel's types. A [`Program`] is one entry function of it with everything it calls, laid
//! out in one sequence of instructions, its maps by index. Neither knows of descriptors, kernels or addresses:
//! whoever loads a program turns indices into what they stand for there.
//!
//! This crate verifies and runs nothing, and never touches the file system.
#![forbid(unsafe_code)]

mod elf_write;
mod extension;
mod handler;
mod object;
mod program;
mod read;
mod relocate;

pub use elf_write::{MAX_SECTION_BYTES, WriteError};
pub use extension::{ExtensionError, expand_extensions};
pub use handler::exception_handlers;
pub use object::{
    CoreRelo, Data, ExternType, Function, Line, MapInit, MapSpec, Object, Pinning, RefTarget, Reference,
};
pub use program::{KernelSymbol, LinkError, MAX_FUNCTIONS, MAX_SLOTS, ProgFlags, ProgFunction, Program};
pub use read::{
    MAX_ALIASES, MAX_DATA_BYTES, MAX_DATA_SECTIONS, MAX_FILE_BYTES, MAX_MAPS, MAX_MARKERS, MAX_NAME_BYTES,
    MAX_OBJECT_FUNCTIONS, MAX_OBJECT_SLOTS, MAX_RELOCATIONS, MAX_SECTIONS, MAX_SYMBOLS, Problem, ReadError,
    btf_section,
};
pub use relocate::{POISON, RelocateError};
