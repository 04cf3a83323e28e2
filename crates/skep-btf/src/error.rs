//! Why BTF was refused, or a question about it has no answer.

use crate::kind::Kind;
use crate::types::TypeId;
use std::fmt;

/// Why BTF was refused, or a question about it has no answer. Offsets count bytes from the start of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BtfError {
    /// The data ends within the header.
    HeaderTruncated {
        /// Bytes the header needs.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// The data doesn't begin with BTF's magic number in either byte order.
    Magic {
        /// The first two bytes, read in little endian.
        found: u16,
    },
    /// A version other than 1.
    Version {
        /// The version.
        found: u8,
    },
    /// Flags in the header; none are defined.
    Flags {
        /// The flags.
        found: u8,
    },
    /// A header that is too short, or not in whole words.
    HeaderLength {
        /// The shortest header this section can have.
        expected_min: usize,
        /// What it says.
        found: usize,
    },
    /// A header with fields nobody here knows, and they are in use.
    HeaderUnknown {
        /// Where the first byte stands that isn't zero.
        offset: usize,
    },
    /// A part that isn't wholly within the data, or isn't in whole words.
    Part {
        /// Which part the header describes: `types`, `strings`, `func_info`…
        part: &'static str,
        /// Where it begins.
        offset: usize,
        /// Its length in bytes.
        len: usize,
        /// Length of the data.
        available: usize,
    },
    /// Parts that overlap, or bytes between or after them that belong to no part. Linkers that don't know BTF
    /// put the sections of several objects one after the other; reading only the first would lose types.
    PartOrder {
        /// Which part begins in the wrong place; `end of data` for bytes after the last one.
        part: &'static str,
        /// Where it should begin.
        expected: usize,
        /// Where it begins.
        found: usize,
    },
    /// A string table that doesn't begin and end with a zero byte.
    Strings {
        /// Where the byte should be.
        offset: usize,
    },
    /// A record whose words go past the end of its part.
    RecordTruncated {
        /// The type.
        id: TypeId,
        /// Where it begins.
        offset: usize,
        /// Bytes it needs.
        expected: usize,
        /// Bytes left.
        found: usize,
    },
    /// A kind of type nobody here knows: its length is unknown, so nothing after it can be read.
    KindUnknown {
        /// The type.
        id: TypeId,
        /// Where it begins.
        offset: usize,
        /// The kind's number.
        found: u32,
    },
    /// Bits in a record's info word that have no meaning.
    InfoBits {
        /// The type.
        id: TypeId,
        /// Where it begins.
        offset: usize,
        /// The bits.
        found: u32,
    },
    /// A reference to a type there isn't.
    TypeRef {
        /// The type that refers.
        id: TypeId,
        /// Where the reference stands.
        offset: usize,
        /// The type it refers to.
        found: TypeId,
        /// Number of types, `void` included.
        types: u32,
    },
    /// A reference to a string there isn't.
    StrRef {
        /// The type that refers, [`TypeId::VOID`] if the reference stands in `.BTF.ext`.
        id: TypeId,
        /// Where the reference stands.
        offset: usize,
        /// The string's offset in the table.
        found: u32,
        /// Length of the table in bytes.
        len: u32,
    },
    /// The name of a type, member or parameter isn't UTF-8.
    NameEncoding {
        /// The type.
        id: TypeId,
        /// Where the reference to the name stands.
        offset: usize,
    },
    /// More of something than a named limit allows.
    Limit {
        /// Of what, in words.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// How many there are, or would be.
        found: u64,
    },
    /// A type was asked for that there isn't.
    NoSuchType {
        /// The type.
        id: TypeId,
        /// Number of types, `void` included.
        types: u32,
    },
    /// Types that refer to each other in a circle, or in a chain longer than the limit.
    Depth {
        /// The type at which the search began.
        id: TypeId,
        /// The limit in steps.
        limit: u32,
    },
    /// A type of the wrong kind for the purpose.
    KindUnexpected {
        /// The type.
        id: TypeId,
        /// What was expected.
        expected: &'static str,
        /// What it is.
        found: Kind,
    },
    /// A type of 4 GiB or more.
    SizeOverflow {
        /// The type.
        id: TypeId,
    },
    /// A member that doesn't fit into the words of a record: with bitfields around, its offset has 24 bits.
    MemberOffset {
        /// The structure.
        id: TypeId,
        /// The member's offset in bits.
        found: u32,
    },
    /// A number that doesn't fit into its place.
    Value {
        /// The type.
        id: TypeId,
        /// What the number is.
        what: &'static str,
        /// The number.
        found: i128,
    },
    /// A string with a zero byte in it.
    StringZero {
        /// Where in the string.
        offset: usize,
    },
    /// Records of `.BTF.ext` that are shorter than the kernel's first version, or not in whole words.
    RecordSize {
        /// Which part.
        part: &'static str,
        /// Where the size stands.
        offset: usize,
        /// The least size in bytes.
        expected_min: u32,
        /// The size.
        found: u32,
    },
    /// A question about a type (CO-RE) that asks for something nobody here knows.
    CoreKindUnknown {
        /// The number of what it asks for.
        found: u32,
    },
    /// A question about a type (CO-RE) with a path that the type does not have.
    CoreAccess {
        /// The type.
        id: TypeId,
        /// The path.
        access: String,
        /// What was expected of it.
        problem: &'static str,
    },
    /// Fewer bytes than a value of the type has.
    ValueTruncated {
        /// The type.
        id: TypeId,
        /// Bytes it needs.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A map definition that isn't one.
    MapDef {
        /// The structure.
        id: TypeId,
        /// The member of it.
        member: String,
        /// What is wrong with it.
        problem: MapProblem,
    },
}

/// What is wrong with a member of a map definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapProblem {
    /// A member that no map definition has.
    Unknown,
    /// A number that isn't written as a pointer to an array of that many elements (`__uint`).
    NotANumber,
    /// A type that isn't written as a pointer to it (`__type`).
    NotAType,
    /// Values that aren't written as a flexible array of pointers (`__array`) to maps or functions.
    NotValues,
    /// A size that isn't the size of the type given beside it.
    SizeConflict {
        /// Size of the type.
        expected: u32,
        /// The size given.
        found: u32,
    },
    /// Inner maps within inner maps; there is one level of them.
    Nested,
}

impl fmt::Display for BtfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderTruncated { expected, found } => {
                write!(f, "header truncated: expected {expected} bytes, found {found}")
            }
            Self::Magic { found } => write!(f, "not BTF: expected magic 0xeb9f, found {found:#06x}"),
            Self::Version { found } => write!(f, "expected BTF version 1, found {found}"),
            Self::Flags { found } => write!(f, "expected no flags in the header, found {found:#04x}"),
            Self::HeaderLength { expected_min, found } => write!(
                f,
                "expected a header length of at least {expected_min} bytes in whole words, found {found}"
            ),
            Self::HeaderUnknown { offset } => {
                write!(f, "offset {offset:#x}: header field of an unknown format is in use")
            }
            Self::Part { part, offset, len, available } => write!(
                f,
                "offset {offset:#x}: expected {part} as whole words within {available} bytes, found {len} bytes"
            ),
            Self::PartOrder { part, expected, found } => {
                write!(f, "expected {part} at offset {expected:#x}, found it at {found:#x}")
            }
            Self::Strings { offset } => {
                write!(f, "offset {offset:#x}: expected a zero byte at this end of the string table")
            }
            Self::RecordTruncated { id, offset, expected, found } => {
                write!(f, "offset {offset:#x}: type {id} truncated: expected {expected} bytes, found {found}")
            }
            Self::KindUnknown { id, offset, found } => {
                write!(f, "offset {offset:#x}: type {id} is of unknown kind {found}")
            }
            Self::InfoBits { id, offset, found } => {
                write!(f, "offset {offset:#x}: type {id} has unknown bits {found:#x} in its info word")
            }
            Self::TypeRef { id, offset, found, types } => write!(
                f,
                "offset {offset:#x}: type {id} refers to type {found}: expected a type below {types}"
            ),
            Self::StrRef { id, offset, found, len } => {
                write!(f, "offset {offset:#x}: ")?;
                if *id != TypeId::VOID {
                    write!(f, "type {id} ")?;
                }
                write!(f, "refers to string {found:#x}: expected one below {len:#x}")
            }
            Self::NameEncoding { id, offset } => {
                write!(f, "offset {offset:#x}: name in type {id} is not UTF-8")
            }
            Self::Limit { what, limit, found } => {
                write!(f, "too many {what}: expected at most {limit}, found {found}")
            }
            Self::NoSuchType { id, types } => write!(f, "no type {id}: expected a type below {types}"),
            Self::Depth { id, limit } => {
                write!(f, "type {id} does not end: expected at most {limit} steps from type to type")
            }
            Self::KindUnexpected { id, expected, found } => {
                write!(f, "type {id}: expected {expected}, found {found}")
            }
            Self::SizeOverflow { id } => write!(f, "type {id}: expected a size below 4 GiB"),
            Self::MemberOffset { id, found } => write!(
                f,
                "type {id}: expected a member offset below 2^24 bits beside bitfields, found {found}"
            ),
            Self::Value { id, what, found } => write!(f, "type {id}: {what} {found} does not fit"),
            Self::StringZero { offset } => write!(f, "zero byte within a string, at byte {offset} of it"),
            Self::RecordSize { part, offset, expected_min, found } => write!(
                f,
                "offset {offset:#x}: expected {part} records of at least {expected_min} bytes in whole words, \
                 found {found}"
            ),
            Self::CoreKindUnknown { found } => {
                write!(f, "unknown kind of CO-RE relocation {found}: expected 0 to 12")
            }
            Self::CoreAccess { id, access, problem } => {
                write!(f, "CO-RE relocation of type {id} with path '{access}': {problem}")
            }
            Self::ValueTruncated { id, expected, found } => {
                write!(f, "value of type {id} truncated: expected {expected} bytes, found {found}")
            }
            Self::MapDef { id, member, problem } => {
                write!(f, "map definition in type {id}, member '{member}': {problem}")
            }
        }
    }
}

impl fmt::Display for MapProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such member in a map definition"),
            Self::NotANumber => f.write_str("expected a number, written as a pointer to an array (__uint)"),
            Self::NotAType => f.write_str("expected a type, written as a pointer to it (__type)"),
            Self::NotValues => {
                f.write_str("expected a flexible array of pointers to maps or functions (__array)")
            }
            Self::SizeConflict { expected, found } => {
                write!(f, "expected the size of its type, {expected}, found {found}")
            }
            Self::Nested => f.write_str("inner maps can not have inner maps"),
        }
    }
}

impl std::error::Error for BtfError {}
