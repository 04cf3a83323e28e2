//! [`Btf`]: a table of types and their strings, read from and written to the bytes of a `.BTF` section.
//!
//! The types stay as they were read, as words, beside an index of where each begins. Reading is one pass that
//! checks every reference, so that afterwards each [`Type`] is a view that can't fail; writing is a copy, and
//! what was read is written back byte for byte.
//!
//! This checks the format, not the rules that a kernel has on top (names that are C identifiers, members
//! within their structure, no circles of types): questions that run into a circle answer with an error.
//!
//! Source: `include/uapi/linux/btf.h`, `Documentation/bpf/btf.rst`, Linux 6.18.

use crate::error::BtfError;
use crate::kind::{HEAD_WORDS, Info, Word};
use crate::query::NameIndex;
use crate::types::{Record, StrId, Type, TypeId};
use crate::wire::{Endian, Preamble};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::{fmt, str};

/// Most types, `void` and those of base BTF included. A kernel takes 2^20; objects before deduplication have more.
pub const MAX_TYPES: u32 = 1 << 24;
/// Most bytes of strings, those of base BTF included.
pub const MAX_STRINGS_LEN: u32 = 1 << 30;
/// Most bytes of types of one level.
pub const MAX_TYPES_LEN: u32 = 1 << 31;
/// Most levels of split BTF.
pub const MAX_SPLIT_LEVELS: u32 = 16;

/// Types and their strings.
///
/// Two are equal if they have the same types and strings in the same places, on equal bases; the byte order
/// that they were read from doesn't matter.
#[derive(Clone)]
pub struct Btf {
    endian: Endian,
    base: Option<Arc<Btf>>,
    /// Id of the first type of its own.
    first_id: u32,
    /// Offset of the first string of its own.
    first_str: u32,
    /// All records, in host order.
    words: Vec<u32>,
    /// Where in `words` each record begins.
    starts: Vec<u32>,
    strings: Vec<u8>,
    /// Built when a name is first looked up.
    names: OnceLock<NameIndex>,
    /// Bytes of a pointer, when first asked for.
    pointer_size: OnceLock<u32>,
}

/// How compilers spell `long` and `unsigned long`, each of which is as large as a pointer on Linux.
const LONGS: [&str; 6] =
    ["long int", "long", "long unsigned int", "unsigned long", "unsigned long int", "long signed int"];
/// Bytes of the header as written; later formats have more.
const HEADER_LEN: usize = 24;
/// Bytes of the header with a layout part (Linux 7.x).
const HEADER_LEN_LAYOUT: usize = 32;

impl Btf {
    /// Reads the bytes of a `.BTF` section, of either byte order.
    pub fn parse(data: &[u8]) -> Result<Self, BtfError> {
        Self::read(data, None)
    }

    /// Reads split BTF, such as a kernel module's: its types continue those of `base`.
    pub fn parse_split(data: &[u8], base: Arc<Self>) -> Result<Self, BtfError> {
        Self::read(data, Some(base))
    }

    fn read(data: &[u8], base: Option<Arc<Self>>) -> Result<Self, BtfError> {
        let Preamble { endian, header_len } = Preamble::read(data, HEADER_LEN)?;
        let parts = Parts::read(data, endian, header_len)?;
        let words = endian.words(&data[parts.types.clone()]);
        let strings = data[parts.strings.clone()].to_vec();
        Self::check(endian, base, words, strings, parts.types.start, parts.strings.start)
    }

    /// Makes a BTF of words and strings, checking them. The offsets are for errors: where the two begin.
    pub(crate) fn check(
        endian: Endian,
        base: Option<Arc<Self>>,
        words: Vec<u32>,
        strings: Vec<u8>,
        types_offset: usize,
        strings_offset: usize,
    ) -> Result<Self, BtfError> {
        let (first_id, first_str) =
            base.as_ref().map_or((1, 0), |base| (base.type_count(), base.strings_end()));
        let levels = base.as_ref().map_or(0, |base| base.levels() + 1);
        limit("levels of split BTF", MAX_SPLIT_LEVELS, u64::from(levels))?;
        limit("bytes of types", MAX_TYPES_LEN, 4 * words.len() as u64)?;
        limit("bytes of strings", MAX_STRINGS_LEN, u64::from(first_str) + strings.len() as u64)?;
        if base.is_none() && strings.first() != Some(&0) {
            return Err(BtfError::Strings { offset: strings_offset });
        }
        if strings.last().is_some_and(|&last| last != 0) {
            return Err(BtfError::Strings { offset: strings_offset + strings.len() - 1 });
        }
        let starts = find_records(&words, first_id, types_offset)?;
        limit("types", MAX_TYPES, u64::from(first_id) + starts.len() as u64)?;
        let (names, pointer_size) = Default::default();
        let btf = Self { endian, base, first_id, first_str, words, starts, strings, names, pointer_size };
        btf.check_references(types_offset)?;
        Ok(btf)
    }

    /// Checks each word that refers to a type or a string.
    fn check_references(&self, types_offset: usize) -> Result<(), BtfError> {
        let (types, strings_end) = (self.type_count(), self.strings_end());
        // One look at the whole table spares one look a name.
        let all_utf8 = self.strings.is_ascii();
        let check = |index: usize, at: usize, role: Word| {
            let (word, offset) = (self.words[at], types_offset + 4 * at);
            let id = TypeId(self.first_id + index as u32);
            match role {
                Word::Type if word >= types => {
                    Err(BtfError::TypeRef { id, offset, found: TypeId(word), types })
                }
                Word::Str if word >= strings_end => {
                    Err(BtfError::StrRef { id, offset, found: word, len: strings_end })
                }
                Word::Str
                    if !all_utf8
                        && word >= self.first_str
                        && str::from_utf8(self.bytes(StrId(word))).is_err() =>
                {
                    Err(BtfError::NameEncoding { id, offset })
                }
                _ => Ok(()),
            }
        };
        for (index, record) in self.records().enumerate() {
            let start = self.starts[index] as usize;
            let layout = record.info.kind.layout();
            check(index, start, Word::Str)?;
            check(index, start + 2, layout.third)?;
            let items = start + HEAD_WORDS + layout.fixed.len();
            for (at, &role) in layout.fixed.iter().enumerate() {
                check(index, start + HEAD_WORDS + at, role)?;
            }
            for (at, &role) in layout.item.iter().enumerate() {
                if role != Word::Plain {
                    for item in 0..usize::from(record.info.vlen) {
                        check(index, items + item * layout.item.len() + at, role)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The bytes of a `.BTF` section. Of split BTF, only the part that is its own.
    pub fn to_bytes(&self, endian: Endian) -> Vec<u8> {
        let types_len = 4 * self.words.len() as u32;
        let strings_len = self.strings.len() as u32;
        let mut out = Vec::with_capacity(HEADER_LEN + types_len as usize + self.strings.len());
        Preamble::write(endian, &mut out, HEADER_LEN as u32);
        endian.put_words(&mut out, &[0, types_len, types_len, strings_len]);
        endian.put_words(&mut out, &self.words);
        out.extend_from_slice(&self.strings);
        out
    }

    /// The byte order it was read from: that of the data which its types describe.
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// The BTF that it is split from.
    pub fn base(&self) -> Option<&Arc<Self>> {
        self.base.as_ref()
    }

    /// Number of types, `void` and those of the base included: one more than the last id.
    pub fn type_count(&self) -> u32 {
        self.first_id + self.starts.len() as u32
    }

    /// Id of the first type that isn't `void` or in the base.
    pub fn first_id(&self) -> TypeId {
        TypeId(self.first_id)
    }

    /// A type by its id.
    pub fn get(&self, id: TypeId) -> Result<Type<'_>, BtfError> {
        if id == TypeId::VOID {
            return Ok(Type::Void);
        }
        self.record(id).map(Record::view)
    }

    /// The types of its own, without `void` and those of the base, in order.
    pub fn types(&self) -> impl ExactSizeIterator<Item = (TypeId, Type<'_>)> {
        self.records()
            .enumerate()
            .map(|(index, record)| (TypeId(self.first_id + index as u32), record.view()))
    }

    /// The name of a type, member or parameter.
    ///
    /// Empty for a `StrId` that isn't from this BTF, or a string that isn't UTF-8; names in types always are.
    pub fn name(&self, id: StrId) -> &str {
        str::from_utf8(self.bytes(id)).unwrap_or_default()
    }

    /// Any string, such as a source line, which may be in an old encoding: what isn't UTF-8 is replaced.
    pub fn text(&self, id: StrId) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(id))
    }

    /// Any string as it is, without the zero byte at its end; empty for a `StrId` that isn't from this BTF.
    pub fn bytes(&self, id: StrId) -> &[u8] {
        let owner = self.owner(|btf| id.0 >= btf.first_str);
        let tail = owner.strings.get(id.0.wrapping_sub(owner.first_str) as usize..).unwrap_or_default();
        tail.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Whether a string begins at this offset or contains it.
    pub(crate) fn has_str(&self, id: StrId) -> bool {
        id.0 < self.strings_end()
    }

    /// Length of the string table, that of the base included.
    pub(crate) fn strings_end(&self) -> u32 {
        self.first_str + self.strings.len() as u32
    }

    pub(crate) fn record(&self, id: TypeId) -> Result<Record<'_>, BtfError> {
        let owner = self.owner(|btf| id.0 >= btf.first_id);
        let index = id.0.checked_sub(owner.first_id).map(|index| index as usize);
        index
            .and_then(|index| owner.record_at(*owner.starts.get(index)? as usize))
            .ok_or(BtfError::NoSuchType { id, types: self.type_count() })
    }

    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.starts.iter().map(|&start| {
            self.record_at(start as usize)
                .unwrap_or_else(|| unreachable!("`starts` holds only whole records"))
        })
    }

    fn record_at(&self, start: usize) -> Option<Record<'_>> {
        let words = self.words.get(start..)?;
        let info = Info::decode(*words.get(1)?)?;
        let body = words.get(HEAD_WORDS..info.record_words())?;
        Some(Record { info, name: StrId(words[0]), third: words[2], body })
    }

    /// Itself or the base BTF, at any level, that holds what `holds` asks for.
    fn owner(&self, holds: impl Fn(&Self) -> bool) -> &Self {
        let mut owner = self;
        while let Some(base) = owner.base.as_deref()
            && !holds(owner)
        {
            owner = base;
        }
        owner
    }

    fn levels(&self) -> u32 {
        self.base.as_ref().map_or(0, |base| base.levels() + 1)
    }

    pub(crate) fn name_index(&self) -> &NameIndex {
        self.names.get_or_init(|| NameIndex::new(self))
    }

    /// Bytes of a pointer, by what `long` has: BTF does not say it otherwise.
    pub fn pointer_size(&self) -> u32 {
        *self.pointer_size.get_or_init(|| match &self.base {
            Some(base) => base.pointer_size(),
            None => self.long_size().unwrap_or(crate::query::POINTER_SIZE),
        })
    }

    fn long_size(&self) -> Option<u32> {
        self.types().find_map(|(_, ty)| match ty {
            Type::Int(int) if matches!(int.size, 4 | 8) && LONGS.contains(&self.name(int.name)) => {
                Some(int.size)
            }
            _ => None,
        })
    }

    /// The types of its own with this name, of any kind, ascending.
    pub(crate) fn own_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let ids = self.name_index().candidates(name).map(|index| TypeId(self.first_id + index));
        ids.filter(move |&id| self.record(id).is_ok_and(|record| self.name(record.name) == name))
    }

    /// The strings of its own, each with a zero byte behind.
    pub(crate) fn own_strings(&self) -> &[u8] {
        &self.strings
    }

    /// Words and strings of its own, for a builder to go on with.
    pub(crate) fn into_parts(self) -> (Endian, Option<Arc<Self>>, Vec<u32>, u32, Vec<u8>) {
        let types = self.type_count();
        (self.endian, self.base, self.words, types, self.strings)
    }
}

impl PartialEq for Btf {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words && self.strings == other.strings && self.base == other.base
    }
}

impl Eq for Btf {}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf")
            .field("endian", &self.endian)
            .field("first_id", &self.first_id)
            .field("types", &self.starts.len())
            .field("strings_len", &self.strings.len())
            .finish_non_exhaustive()
    }
}

/// Where each record begins.
fn find_records(words: &[u32], first_id: u32, types_offset: usize) -> Result<Vec<u32>, BtfError> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let id = TypeId(first_id + starts.len() as u32);
        let (offset, left) = (types_offset + 4 * at, words.len() - at);
        let truncated =
            |words: usize| BtfError::RecordTruncated { id, offset, expected: 4 * words, found: 4 * left };
        if left < HEAD_WORDS {
            return Err(truncated(HEAD_WORDS));
        }
        let word = words[at + 1];
        let unknown = Info::unknown_bits(word);
        if unknown != 0 {
            return Err(BtfError::InfoBits { id, offset, found: unknown });
        }
        let info =
            Info::decode(word).ok_or(BtfError::KindUnknown { id, offset, found: Info::kind_number(word) })?;
        let len = info.record_words();
        if left < len {
            return Err(truncated(len));
        }
        limit("types", MAX_TYPES, u64::from(id.0) + 1)?;
        starts.push(at as u32);
        at += len;
    }
    Ok(starts)
}

pub(crate) fn limit(what: &'static str, limit: u32, found: u64) -> Result<(), BtfError> {
    let limit = u64::from(limit);
    if found > limit { Err(BtfError::Limit { what, limit, found }) } else { Ok(()) }
}

/// The parts that a header describes, as ranges of the data.
struct Parts {
    types: std::ops::Range<usize>,
    strings: std::ops::Range<usize>,
}

impl Parts {
    fn read(data: &[u8], endian: Endian, header_len: usize) -> Result<Self, BtfError> {
        let header = endian.words(&data[crate::wire::PREAMBLE_LEN..header_len]);
        // The layout part describes kinds that a reader doesn't know. All kinds that are read here are known,
        // so it is stepped over.
        let known = if header_len >= HEADER_LEN_LAYOUT { HEADER_LEN_LAYOUT } else { HEADER_LEN };
        if let Some(at) = data[known..header_len].iter().position(|&byte| byte != 0) {
            return Err(BtfError::HeaderUnknown { offset: known + at });
        }
        let part = |name, at: usize, whole_words: bool| {
            let (offset, len) = (header[at] as usize, header[at + 1] as usize);
            let range = (header_len.checked_add(offset))
                .and_then(|start| Some(start..start.checked_add(len)?))
                .filter(|range| range.end <= data.len())
                .filter(|_| !whole_words || (offset.is_multiple_of(4) && len.is_multiple_of(4)));
            range.ok_or(BtfError::Part {
                part: name,
                offset: header_len.saturating_add(offset),
                len,
                available: data.len(),
            })
        };
        let types = part("types", 0, true)?;
        let strings = part("strings", 2, false)?;
        let mut order = vec![("types", types.clone()), ("strings", strings.clone())];
        if known == HEADER_LEN_LAYOUT {
            order.push(("layout", part("layout", 4, true)?));
        }
        order.sort_by_key(|(_, range)| (range.start, range.end));
        order.push(("end of data", data.len()..data.len()));
        let mut end = header_len;
        for (part, range) in order {
            if range.start != end {
                return Err(BtfError::PartOrder { part, expected: end, found: range.start });
            }
            end = range.end;
        }
        Ok(Self { types, strings })
    }
}
