//! [`BtfExt`]: the `.BTF.ext` section, which ties instructions to types and source lines.
//!
//! It has three lists: the function that begins at an instruction, the source line of an instruction, and the
//! instructions that depend on the layout of kernel types (CO-RE). Each is grouped by ELF section. Strings are
//! in the table of the object's [`Btf`]. What the CO-RE records mean for an instruction is the linker's matter.
//!
//! Source: `Documentation/bpf/btf.rst`, Linux 6.18; the CO-RE record is `struct bpf_core_relo` of
//! `include/uapi/linux/bpf.h`.

use crate::btf::Btf;
use crate::error::BtfError;
use crate::types::{StrId, TypeId};
use crate::wire::{Endian, PREAMBLE_LEN, Preamble};
use std::fmt;

/// The contents of a `.BTF.ext` section.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BtfExt {
    /// Where functions begin.
    pub funcs: Vec<ExtSection<FuncInfo>>,
    /// Source lines.
    pub lines: Vec<ExtSection<LineInfo>>,
    /// Relocations against kernel types.
    pub core_relos: Vec<ExtSection<CoreRelo>>,
}

/// The records for the instructions of one ELF section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtSection<T> {
    /// Name of the ELF section.
    pub name: StrId,
    /// The records, in order of instructions as compilers write them.
    pub records: Vec<T>,
}

/// A function begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncInfo {
    /// Its first instruction, in bytes from the start of the section.
    pub insn_off: u32,
    /// The function.
    pub type_id: TypeId,
}

/// The source line of the instructions from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// The first instruction, in bytes from the start of the section.
    pub insn_off: u32,
    /// File name.
    pub file: StrId,
    /// Text of the line.
    pub line_text: StrId,
    /// Line number, from 1; 22 bits.
    pub line: u32,
    /// Column, from 1; 10 bits.
    pub col: u32,
}

/// The constant in an instruction follows from the layout of a type on the machine it will run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRelo {
    /// The instruction, in bytes from the start of the section.
    pub insn_off: u32,
    /// The type as the program was compiled with.
    pub type_id: TypeId,
    /// Which part of it: indices as in `0:1:2`, or for enumerators the index of one.
    pub access: StrId,
    /// What about it is asked for.
    pub kind: CoreKind,
}

/// What a CO-RE relocation asks for. Values nobody knows yet are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CoreKind(pub u32);

macro_rules! core_kinds {
    ($($(#[$doc:meta])* $number:literal $constant:ident $name:literal)*) => {
        impl CoreKind {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Its name in error messages and listings: `field_byte_offset`.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

core_kinds! {
    /// Byte offset of a field.
    0 FIELD_BYTE_OFFSET "field_byte_offset"
    /// Size of a field in bytes.
    1 FIELD_BYTE_SIZE "field_byte_size"
    /// Whether the target has the field.
    2 FIELD_EXISTS "field_exists"
    /// Whether a field is signed.
    3 FIELD_SIGNED "field_signed"
    /// Bits to shift a bitfield's 8 bytes to the left.
    4 FIELD_LSHIFT_U64 "field_lshift_u64"
    /// Bits to shift it to the right afterwards.
    5 FIELD_RSHIFT_U64 "field_rshift_u64"
    /// Id of the type in the program's own BTF.
    6 TYPE_ID_LOCAL "type_id_local"
    /// Id of the type in the target's BTF.
    7 TYPE_ID_TARGET "type_id_target"
    /// Whether the target has the type.
    8 TYPE_EXISTS "type_exists"
    /// Size of the type in bytes.
    9 TYPE_SIZE "type_size"
    /// Whether the target has the enumerator.
    10 ENUMVAL_EXISTS "enumval_exists"
    /// Value of the enumerator.
    11 ENUMVAL_VALUE "enumval_value"
    /// Whether the target's type has the same members.
    12 TYPE_MATCHES "type_matches"
}

impl fmt::Display for CoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown ({})", self.0),
        }
    }
}

/// Bytes of the header without the CO-RE part, which the first version didn't have.
const HEADER_LEN_MIN: usize = 24;
/// Bytes of the header as written.
const HEADER_LEN: usize = 32;

/// A record of one of the lists, as words.
trait ExtRecord: Sized {
    const PART: &'static str;
    const WORDS: usize;
    /// Which word is a type.
    const TYPE: Option<usize>;
    /// Which words are strings.
    const STRINGS: &'static [usize];
    fn decode(words: &[u32]) -> Self;
    fn encode(&self, out: &mut Vec<u32>);
}

impl ExtRecord for FuncInfo {
    const PART: &'static str = "func_info";
    const WORDS: usize = 2;
    const TYPE: Option<usize> = Some(1);
    const STRINGS: &'static [usize] = &[];

    fn decode(words: &[u32]) -> Self {
        Self { insn_off: words[0], type_id: TypeId(words[1]) }
    }

    fn encode(&self, out: &mut Vec<u32>) {
        out.extend([self.insn_off, self.type_id.0]);
    }
}

/// Bits of the column in the word that it shares with the line number.
const COLUMN_BITS: u32 = 10;

impl ExtRecord for LineInfo {
    const PART: &'static str = "line_info";
    const WORDS: usize = 4;
    const TYPE: Option<usize> = None;
    const STRINGS: &'static [usize] = &[1, 2];

    fn decode(words: &[u32]) -> Self {
        let column = (1 << COLUMN_BITS) - 1;
        Self {
            insn_off: words[0],
            file: StrId(words[1]),
            line_text: StrId(words[2]),
            line: words[3] >> COLUMN_BITS,
            col: words[3] & column,
        }
    }

    // Numbers too large for their bits are written as the largest that fits: a line past 4 million keeps its
    // text, and no reader takes it for another line.
    fn encode(&self, out: &mut Vec<u32>) {
        let line = self.line.min((1 << (32 - COLUMN_BITS)) - 1);
        let col = self.col.min((1 << COLUMN_BITS) - 1);
        out.extend([self.insn_off, self.file.0, self.line_text.0, line << COLUMN_BITS | col]);
    }
}

impl ExtRecord for CoreRelo {
    const PART: &'static str = "core_relo";
    const WORDS: usize = 4;
    const TYPE: Option<usize> = Some(1);
    const STRINGS: &'static [usize] = &[2];

    fn decode(words: &[u32]) -> Self {
        Self {
            insn_off: words[0],
            type_id: TypeId(words[1]),
            access: StrId(words[2]),
            kind: CoreKind(words[3]),
        }
    }

    fn encode(&self, out: &mut Vec<u32>) {
        out.extend([self.insn_off, self.type_id.0, self.access.0, self.kind.0]);
    }
}

impl BtfExt {
    /// Reads the bytes of a `.BTF.ext` section, of either byte order, whose types and strings are in `btf`.
    ///
    /// Records longer than those here are accepted, and what they have more is left out; so are parts of the
    /// header that are not known.
    pub fn parse(data: &[u8], btf: &Btf) -> Result<Self, BtfError> {
        let Preamble { endian, header_len } = Preamble::read(data, HEADER_LEN_MIN)?;
        let header = endian.words(&data[PREAMBLE_LEN..header_len]);
        let reader = Reader { data, btf, endian, header_len, header: &header };
        Ok(Self { funcs: reader.part(0)?, lines: reader.part(2)?, core_relos: reader.part(4)? })
    }

    /// The bytes of a `.BTF.ext` section.
    pub fn to_bytes(&self, endian: Endian) -> Vec<u8> {
        let mut words = Vec::new();
        let mut header = Vec::new();
        put_part(&self.funcs, &mut header, &mut words);
        put_part(&self.lines, &mut header, &mut words);
        put_part(&self.core_relos, &mut header, &mut words);
        let mut out = Vec::with_capacity(HEADER_LEN + 4 * words.len());
        Preamble::write(endian, &mut out, HEADER_LEN as u32);
        endian.put_words(&mut out, &header);
        endian.put_words(&mut out, &words);
        out
    }

    /// The records of the ELF section of this name.
    pub fn section<'a, T>(btf: &Btf, sections: &'a [ExtSection<T>], name: &str) -> Option<&'a [T]> {
        sections.iter().find(|section| btf.name(section.name) == name).map(|section| &section.records[..])
    }
}

fn put_part<T: ExtRecord>(sections: &[ExtSection<T>], header: &mut Vec<u32>, words: &mut Vec<u32>) {
    let start = words.len();
    // A section without records isn't written: readers refuse one that announces none.
    let sections = || sections.iter().filter(|section| !section.records.is_empty());
    if sections().next().is_some() {
        words.push(4 * T::WORDS as u32);
    }
    for section in sections() {
        words.extend([section.name.0, section.records.len() as u32]);
        section.records.iter().for_each(|record| record.encode(words));
    }
    header.extend([4 * start as u32, 4 * (words.len() - start) as u32]);
}

struct Reader<'a> {
    data: &'a [u8],
    btf: &'a Btf,
    endian: Endian,
    header_len: usize,
    header: &'a [u32],
}

impl Reader<'_> {
    /// The list whose offset and length are at word `at` of the header; none if the header ends before.
    fn part<T: ExtRecord>(&self, at: usize) -> Result<Vec<ExtSection<T>>, BtfError> {
        let (Some(&offset), Some(&len)) = (self.header.get(at), self.header.get(at + 1)) else {
            return Ok(Vec::new());
        };
        let (start, len) = (self.header_len.saturating_add(offset as usize), len as usize);
        let bytes = (self.data.get(start..))
            .and_then(|data| data.get(..len))
            .filter(|_| offset.is_multiple_of(4) && len.is_multiple_of(4))
            .ok_or(BtfError::Part { part: T::PART, offset: start, len, available: self.data.len() })?;
        let words = self.endian.words(bytes);
        let Some(&record_size) = words.first() else { return Ok(Vec::new()) };
        let expected_min = 4 * T::WORDS as u32;
        if record_size < expected_min || !record_size.is_multiple_of(4) {
            return Err(BtfError::RecordSize {
                part: T::PART,
                offset: start,
                expected_min,
                found: record_size,
            });
        }
        self.sections(&words, start, record_size as usize / 4)
    }

    fn sections<T: ExtRecord>(
        &self,
        words: &[u32],
        start: usize,
        record_words: usize,
    ) -> Result<Vec<ExtSection<T>>, BtfError> {
        let mut sections = Vec::new();
        let mut at = 1;
        while at < words.len() {
            let offset = start + 4 * at;
            let left = words.len() - at;
            let count = words.get(at + 1).copied().unwrap_or(0) as usize;
            let need = count.saturating_mul(record_words).saturating_add(2);
            if left < need {
                let (expected, found) = (need.saturating_mul(4), 4 * left);
                return Err(BtfError::RecordTruncated { id: TypeId::VOID, offset, expected, found });
            }
            let name = self.string(words[at], offset)?;
            let mut records = Vec::with_capacity(count);
            for index in 0..count {
                let first = at + 2 + index * record_words;
                let record = &words[first..first + T::WORDS];
                self.check::<T>(record, start + 4 * first)?;
                records.push(T::decode(record));
            }
            sections.push(ExtSection { name, records });
            at += need;
        }
        Ok(sections)
    }

    fn check<T: ExtRecord>(&self, record: &[u32], offset: usize) -> Result<(), BtfError> {
        for &word in T::STRINGS {
            self.string(record[word], offset + 4 * word)?;
        }
        let types = self.btf.type_count();
        match T::TYPE {
            Some(word) if record[word] >= types => Err(BtfError::TypeRef {
                id: TypeId::VOID,
                offset: offset + 4 * word,
                found: TypeId(record[word]),
                types,
            }),
            _ => Ok(()),
        }
    }

    fn string(&self, word: u32, offset: usize) -> Result<StrId, BtfError> {
        let (id, len) = (TypeId::VOID, self.btf.strings_end());
        if self.btf.has_str(StrId(word)) {
            Ok(StrId(word))
        } else {
            Err(BtfError::StrRef { id, offset, found: word, len })
        }
    }
}
