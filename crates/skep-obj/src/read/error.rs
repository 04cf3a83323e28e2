//! Why a file is refused: what is wrong with it, in which section, at which byte.

use std::fmt;

use skep_btf::BtfError;

/// Why a file is not read as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// It is no ELF file, or its tables lie outside of it.
    Elf {
        /// What is wrong.
        problem: String,
    },
    /// It is an ELF file for another machine.
    Machine {
        /// `e_machine`.
        found: u16,
    },
    /// It is an ELF file, but not a relocatable object.
    FileType {
        /// `e_type`.
        found: u16,
    },
    /// It has more of something than a named limit allows.
    Limit {
        /// Of what, in words.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// How many there are.
        found: u64,
    },
    /// The types are not in order.
    Btf {
        /// `.BTF` or `.BTF.ext`.
        section: &'static str,
        /// What is wrong with them; offsets are in the section.
        error: BtfError,
    },
    /// Something in a section is not in order.
    Section {
        /// The section's name.
        section: String,
        /// Byte offset in the section.
        offset: u64,
        /// What is wrong there.
        problem: Problem,
    },
}

/// What is wrong in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The section's bytes lie outside of the file.
    OutsideFile,
    /// The name of a section or symbol does not end within the string table, or within the limit.
    Name,
    /// A section of instructions whose length is not a whole number of slots.
    SlotSize {
        /// Its length in bytes.
        len: u64,
    },
    /// Instructions, but no symbol that names a function in them.
    NoFunctions,
    /// A function that does not begin and end at whole slots within its section.
    FunctionRange {
        /// The function.
        function: String,
        /// Its length in bytes.
        len: u64,
    },
    /// A function that begins within the one before.
    FunctionOverlap {
        /// The function that begins here.
        function: String,
        /// The one before.
        before: String,
    },
    /// A table of relocations with addends of their own, which BPF does not have.
    RelocationTable,
    /// A relocation of a kind that this place can't have.
    RelocationKind {
        /// Its number in the file.
        found: u32,
    },
    /// A relocation of something that is neither a call nor a wide load of a function's code.
    RelocationPlace,
    /// A second relocation at the same place.
    RelocationTwice,
    /// A relocation by a symbol that the file does not have.
    NoSymbol {
        /// The symbol's index.
        found: u64,
    },
    /// A reference into a section that programs can't refer to, or to something that is in none.
    Target {
        /// The symbol, or its section.
        symbol: String,
        /// Where it is.
        place: String,
    },
    /// A reference to a place where no function begins.
    NotAFunction {
        /// The section it refers to.
        section: String,
        /// The byte offset in it.
        at: i64,
    },
    /// A reference to a place where no map begins.
    NotAMap {
        /// The section it refers to.
        section: String,
        /// The byte offset in it.
        at: i64,
    },
    /// A reference to before the start of a data section, or to 4 GiB or more behind it.
    DataOffset {
        /// The section it refers to.
        section: String,
        /// The byte offset in it.
        at: i64,
    },
    /// Map definitions that nothing describes: the file has no types, or they lack the section.
    NoMapTypes,
    /// A map whose variable has no symbol, so that its place is unknown.
    NoMapSymbol {
        /// The map.
        map: String,
    },
    /// A map definition that is not in order.
    MapDef {
        /// The map.
        map: String,
        /// What is wrong with it.
        error: BtfError,
    },
    /// A map definition without a kind, or with something that can't be honoured.
    MapField {
        /// The map.
        map: String,
        /// What is wrong with it.
        problem: &'static str,
        /// The number found there.
        found: u64,
    },
    /// A question about the kernel's types that can't be read, or that the object's own types can't be asked.
    Marker {
        /// What is wrong with it.
        why: String,
    },
    /// An initial value of a map that is no slot of it, or refers to the wrong thing.
    MapInit {
        /// The map.
        map: String,
        /// What was expected.
        expected: &'static str,
    },
}

impl ReadError {
    /// Something is wrong at this place.
    pub(super) fn at(section: &str, offset: u64, problem: Problem) -> ReadError {
        ReadError::Section { section: section.to_owned(), offset, problem }
    }

    /// Whether there are at most `limit` of something.
    pub(super) fn check_limit(what: &'static str, limit: usize, found: usize) -> Result<(), ReadError> {
        let (limit, found) = (limit as u64, found as u64);
        if found > limit { Err(ReadError::Limit { what, limit, found }) } else { Ok(()) }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Elf { problem } => write!(f, "not a readable ELF file: {problem}"),
            ReadError::Machine { found } => {
                write!(
                    f,
                    "expected an object for machine {} (BPF), found one for {found}",
                    object::elf::EM_BPF.0
                )
            }
            ReadError::FileType { found } => {
                write!(
                    f,
                    "expected a relocatable object (ELF type {}), found type {found}",
                    object::elf::ET_REL.0
                )
            }
            ReadError::Limit { what, limit, found } => {
                write!(f, "too many {what}: expected at most {limit}, found {found}")
            }
            ReadError::Btf { section, error } => write!(f, "section `{section}`: {error}"),
            ReadError::Section { section, offset, problem } => {
                write!(f, "section `{section}`, offset {offset:#x}: {problem}")
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::OutsideFile => f.write_str("expected its bytes within the file"),
            Problem::Name => f.write_str("expected a name that ends within the string table and the limit"),
            Problem::SlotSize { len } => {
                write!(f, "expected whole instruction slots of 8 bytes, found {len} bytes")
            }
            Problem::NoFunctions => f.write_str("instructions, but no symbol names a function in them"),
            Problem::FunctionRange { function, len } => {
                write!(f, "expected function `{function}` in whole slots of the section, found {len} bytes")
            }
            Problem::FunctionOverlap { function, before } => {
                write!(f, "function `{function}` begins within `{before}`")
            }
            Problem::RelocationTable => f.write_str(
                "expected relocations whose addends stand in the instructions (SHT_REL), found SHT_RELA",
            ),
            Problem::RelocationKind { found } => write!(f, "relocation of kind {found} can't stand here"),
            Problem::RelocationPlace => {
                f.write_str("expected a call or a wide load of a function where a relocation applies")
            }
            Problem::RelocationTwice => f.write_str("expected one relocation at a place, found two"),
            Problem::NoSymbol { found } => {
                write!(f, "refers to symbol {found}, which the file does not have")
            }
            Problem::Target { symbol, place } => {
                write!(f, "can't refer to `{symbol}` in {place}: expected code, a map or a data section")
            }
            Problem::NotAFunction { section, at } => {
                write!(f, "refers to offset {at:#x} of section `{section}`, where no function begins")
            }
            Problem::NotAMap { section, at } => {
                write!(f, "refers to offset {at:#x} of section `{section}`, where no map begins")
            }
            Problem::DataOffset { section, at } => {
                write!(f, "refers to offset {at:#x} of section `{section}`, which is outside of it")
            }
            Problem::NoMapTypes => f.write_str("map definitions without types: compile with -g"),
            Problem::NoMapSymbol { map } => write!(f, "map `{map}` has no symbol in this section"),
            Problem::MapDef { map, error } => write!(f, "map `{map}`: {error}"),
            Problem::MapField { map, problem, found } => write!(f, "map `{map}`: {problem}, found {found}"),
            Problem::Marker { why } => write!(f, "a question about the kernel's types can't be asked: {why}"),
            Problem::MapInit { map, expected } => {
                write!(f, "initial value of map `{map}`: expected {expected}")
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Btf { error, .. } => Some(error),
            ReadError::Section { problem: Problem::MapDef { error, .. }, .. } => Some(error),
            _ => None,
        }
    }
}
