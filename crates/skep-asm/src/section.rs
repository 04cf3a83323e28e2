//! The sections of a source: bytes, and what is still to be filled in.

use skep_isa::Insn;
use skep_isa::text::Field;

use crate::error::{Cause, Problem, Span};

/// Most bytes of all sections together.
pub const MAX_OBJECT_BYTES: u64 = skep_obj::MAX_SECTION_BYTES;
/// Most sections of a source.
pub const MAX_SECTIONS: usize = 1 << 12;

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Functions.
    Code,
    /// Variables.
    Data,
    /// Variables that nobody may write.
    ReadOnly,
    /// Variables that are zero at the start.
    Zero,
    /// The licence.
    License,
    /// The kernel version that programs of old ask for.
    Version,
    /// `.BTF` and `.BTF.ext`, as compilers print them.
    Types,
    /// Map definitions, as compilers print them: what they mean is in the types.
    Maps,
    /// Debug information, notes: nothing that an object keeps.
    Ignored,
}

/// A section.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) name: String,
    pub(crate) purpose: Purpose,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fixups: Vec<Fixup<'a>>,
    /// Where instructions come from, by offset, ascending.
    pub(crate) marks: Vec<Mark>,
    /// What data was written as, by offset, ascending.
    pub(crate) units: Vec<Unit>,
}

/// The origin of the instructions from an offset on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) offset: u64,
    pub(crate) origin: Origin,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Of the source itself, by a byte of it.
    Here(usize),
    /// Of another file, as `.loc` said: file number, line, column.
    Loc(u32, u32, u32),
}

/// Data as it was written, from which the types of variables follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) shape: Shape,
}

/// How data was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Numbers of so many bytes.
    Numbers(u32),
    /// A string.
    Text,
    /// Room.
    Room,
}

/// A place to be filled in when all symbols are known.
#[derive(Debug)]
pub(crate) struct Fixup<'a> {
    pub(crate) offset: u64,
    pub(crate) span: Span,
    pub(crate) what: FixupKind<'a>,
}

/// What is to be filled in.
#[derive(Debug)]
pub(crate) enum FixupKind<'a> {
    /// A symbol's value in a field of an instruction.
    Insn { insn: Insn, field: Field, symbol: &'a str, addend: i64 },
    /// An expression's value in so many bytes. The text is read again.
    Data { text: &'a str, base: usize, width: u32 },
}

impl Section<'_> {
    pub(crate) fn new(name: &str, purpose: Purpose) -> Self {
        Section {
            name: name.to_owned(),
            purpose,
            bytes: Vec::new(),
            fixups: Vec::new(),
            marks: Vec::new(),
            units: Vec::new(),
        }
    }

    /// Whether its bytes are the value of a map.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.purpose, Purpose::Data | Purpose::ReadOnly | Purpose::Zero)
    }

    /// Where the next byte goes.
    pub(crate) fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Appends data and remembers how it was written.
    pub(crate) fn push(&mut self, bytes: &[u8], shape: Shape, span: Span) -> Result<(), Problem> {
        if self.purpose == Purpose::Zero && bytes.iter().any(|&b| b != 0) {
            let cause = Cause::NotZero(self.name.clone());
            return Err(Problem::new(span, cause).help("put it into `.data` or `.rodata`"));
        }
        let (offset, len) = (self.offset(), bytes.len() as u64);
        match self.units.last_mut() {
            // A list of numbers is one unit, wherever its lines end.
            Some(last) if last.shape == shape && shape != Shape::Text && last.offset + last.len == offset => {
                last.len += len;
            }
            _ => self.units.push(Unit { offset, len, shape }),
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// What a section of this name is for, given the flags that the source states.
pub(crate) fn purpose(name: &str, flags: Option<&str>) -> Purpose {
    let starts =
        |prefix: &str| name == prefix || name.strip_prefix(prefix).is_some_and(|r| r.starts_with('.'));
    match name {
        "license" => return Purpose::License,
        "version" => return Purpose::Version,
        ".BTF" | ".BTF.ext" => return Purpose::Types,
        ".maps" => return Purpose::Maps,
        _ if flags.is_some_and(|flags| flags.contains('x')) => return Purpose::Code,
        _ => {}
    }
    if starts(".data") {
        Purpose::Data
    } else if starts(".rodata") {
        Purpose::ReadOnly
    } else if starts(".bss") {
        Purpose::Zero
    } else if name == ".text" || !name.starts_with('.') && flags.is_none() {
        Purpose::Code
    } else {
        Purpose::Ignored
    }
}
