//! Why an object can't be written.

use std::fmt;

use object::write;
use skep_btf::BtfError;

use super::MAX_SECTION_BYTES;
use crate::object::RefTarget;

/// Why an object can't be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A name that ELF can't hold: empty, or with a zero byte.
    Name {
        /// Of what.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A function that begins within another one, or not at a whole slot.
    Place {
        /// The function.
        function: String,
        /// Its section.
        section: String,
        /// Where it begins, in bytes.
        offset: u64,
    },
    /// Two things want the same section.
    SectionTwice {
        /// The section.
        section: String,
    },
    /// A section of more than [`MAX_SECTION_BYTES`].
    TooLarge {
        /// The section.
        section: String,
        /// Its size in bytes.
        size: u64,
    },
    /// An instruction refers to something that isn't there, or that its form can't carry.
    BadReference {
        /// The function.
        function: String,
        /// Slot in it.
        insn: usize,
        /// What it refers to.
        target: RefTarget,
    },
    /// A map that the types don't define, though they define others: a variable in `.maps` says what a map is.
    MapUntyped {
        /// The map.
        map: String,
    },
    /// Programs or maps to put into a map whose type has no place for them.
    MapValues {
        /// The map.
        map: String,
    },
    /// A `.bss` section with other bytes than zeros.
    BssContents {
        /// The section.
        section: String,
        /// Where the first one stands.
        offset: usize,
    },
    /// The types can't be asked or extended.
    Types(BtfError),
    /// The ELF layer refused.
    Elf(String),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Name { what, name } => {
                write!(f, "expected the name of a {what} without zero bytes, found {name:?}")
            }
            WriteError::Place { function, section, offset } => {
                write!(f, "section `{section}`, offset {offset:#x}: expected a free slot for `{function}`")
            }
            WriteError::SectionTwice { section } => write!(f, "two different things are named `{section}`"),
            WriteError::TooLarge { section, size } => {
                write!(f, "section `{section}`: expected at most {MAX_SECTION_BYTES} bytes, found {size}")
            }
            WriteError::BadReference { function, insn, target } => {
                write!(f, "{function}, instruction {insn}: can't refer to {target:?}")
            }
            WriteError::MapUntyped { map } => {
                write!(f, "map `{map}`: expected a variable in `.maps` of the object's types, found none")
            }
            WriteError::MapValues { map } => {
                write!(f, "map `{map}`: expected `values` in its definition, found none")
            }
            WriteError::BssContents { section, offset } => {
                write!(f, "section `{section}`, offset {offset:#x}: expected zeros only")
            }
            WriteError::Types(error) => write!(f, "types: {error}"),
            WriteError::Elf(error) => write!(f, "ELF: {error}"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WriteError::Types(error) => Some(error),
            _ => None,
        }
    }
}

impl From<BtfError> for WriteError {
    fn from(error: BtfError) -> WriteError {
        WriteError::Types(error)
    }
}

impl From<write::Error> for WriteError {
    fn from(error: write::Error) -> WriteError {
        WriteError::Elf(error.to_string())
    }
}
