//! [`BtfBuilder`]: makes a [`Btf`] type by type, or goes on with one.
//!
//! Ids are given in order, so a type can refer to one that is added later by [`next_id`](BtfBuilder::next_id)
//! arithmetic. A mistake (too many items, a number that doesn't fit) is kept until
//! [`finish`](BtfBuilder::finish), which also checks every reference as the reader does.

use crate::btf::{Btf, MAX_STRINGS_LEN, limit};
use crate::error::BtfError;
use crate::kind::{HEAD_WORDS, Info, Kind, MAX_ITEMS, Word};
use crate::types::*;
use crate::wire::Endian;
use std::collections::HashMap;
use std::sync::Arc;

/// Makes a [`Btf`].
#[derive(Debug)]
pub struct BtfBuilder {
    endian: Endian,
    base: Option<Arc<Btf>>,
    first_str: u32,
    next_id: u32,
    words: Vec<u32>,
    strings: Vec<u8>,
    known: HashMap<Vec<u8>, StrId>,
    error: Option<BtfError>,
}

impl Default for BtfBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BtfBuilder {
    /// An empty one.
    pub fn new() -> Self {
        Self::start(None)
    }

    /// One whose types continue those of `base`: it makes split BTF. Strings of the base are not used again.
    pub fn split(base: Arc<Btf>) -> Self {
        Self::start(Some(base))
    }

    fn start(base: Option<Arc<Btf>>) -> Self {
        let (next_id, first_str, endian) = base
            .as_ref()
            .map_or((1, 0, Endian::Little), |base| (base.type_count(), base.strings_end(), base.endian()));
        let strings = if base.is_some() { Vec::new() } else { vec![0] };
        let known = HashMap::from([(Vec::new(), StrId::EMPTY)]);
        Self { endian, base, first_str, next_id, words: Vec::new(), strings, known, error: None }
    }

    /// Goes on with the types and strings of `btf`, which keep their ids.
    pub fn extend(btf: Btf) -> Self {
        let (endian, base, words, next_id, strings) = btf.into_parts();
        let mut builder = Self::start(base);
        let mut at = builder.first_str;
        for string in strings.split_inclusive(|&byte| byte == 0) {
            let text = string.strip_suffix(&[0]).unwrap_or(string);
            builder.known.entry(text.to_vec()).or_insert(StrId(at));
            at += string.len() as u32;
        }
        Self { endian, next_id, words, strings, ..builder }
    }

    /// One with the strings of `btf` but none of its types: for writing them anew under the same ids.
    pub(crate) fn restart(btf: &Btf) -> Self {
        let first_id = btf.first_id().0;
        Self { words: Vec::new(), next_id: first_id, ..Self::extend(btf.clone()) }
    }

    /// Says in which byte order the data is that the types describe; little endian if nothing is said.
    pub fn set_endian(&mut self, endian: Endian) {
        self.endian = endian;
    }

    /// The id that the next type added will have.
    pub fn next_id(&self) -> TypeId {
        TypeId(self.next_id)
    }

    /// Checks everything and makes the [`Btf`].
    pub fn finish(self) -> Result<Btf, BtfError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let types_len = 4 * self.words.len();
        Btf::check(self.endian, self.base, self.words, self.strings, 0, types_len)
    }

    /// The id of a string, the same for the same string.
    pub fn str(&mut self, text: impl AsRef<[u8]>) -> StrId {
        let text = text.as_ref();
        if let Some(&id) = self.known.get(text) {
            return id;
        }
        if let Some(offset) = text.iter().position(|&byte| byte == 0) {
            return self.fail(BtfError::StringZero { offset }, StrId::EMPTY);
        }
        let at = u64::from(self.first_str) + self.strings.len() as u64;
        if let Err(error) = limit("bytes of strings", MAX_STRINGS_LEN, at + text.len() as u64 + 1) {
            return self.fail(error, StrId::EMPTY);
        }
        let id = StrId(at as u32);
        self.strings.extend_from_slice(text);
        self.strings.push(0);
        self.known.insert(text.to_vec(), id);
        id
    }

    fn fail<T>(&mut self, error: BtfError, instead: T) -> T {
        self.error.get_or_insert(error);
        instead
    }

    /// Adds a record of any kind.
    pub(crate) fn record(&mut self, info: Info, name: StrId, third: u32, body: &[u32]) -> TypeId {
        let id = self.next_id();
        debug_assert_eq!(info.record_words(), HEAD_WORDS + body.len());
        self.words.extend([name.0, info.encode(), third]);
        self.words.extend_from_slice(body);
        self.next_id += 1;
        id
    }

    fn plain(&mut self, kind: Kind, name: &str, third: u32, body: &[u32]) -> TypeId {
        let name = self.str(name);
        self.record(Info::new(kind, 0), name, third, body)
    }

    /// Adds a record with items, whose number must fit into 16 bits.
    fn with_items<const N: usize>(
        &mut self,
        (kind, kind_flag): (Kind, bool),
        name: &str,
        third: u32,
        items: impl Iterator<Item = [u32; N]>,
    ) -> TypeId {
        let name = self.str(name);
        let mut body: Vec<u32> = items.flatten().collect();
        let count = body.len() / N;
        if let Err(error) = limit("items in one type", MAX_ITEMS as u32, count as u64) {
            self.error.get_or_insert(error);
            body.clear();
        }
        let vlen = (body.len() / N) as u16;
        self.record(Info { kind, vlen, kind_flag }, name, third, &body)
    }

    /// Adds a whole number of `size` bytes.
    pub fn int(&mut self, name: &str, size: u32, encoding: IntEncoding) -> TypeId {
        let bits = size.saturating_mul(8);
        if bits > u32::from(u8::MAX) || encoding.0 > 0xf {
            let error = BtfError::Value { id: self.next_id(), what: "integer size", found: size.into() };
            self.error.get_or_insert(error);
        }
        self.plain(Kind::Int, name, size, &[u32::from(encoding.0 & 0xf) << 24 | bits & 0xff])
    }

    /// Adds a floating point number of `size` bytes.
    pub fn float(&mut self, name: &str, size: u32) -> TypeId {
        self.plain(Kind::Float, name, size, &[])
    }

    /// Adds a pointer.
    pub fn ptr(&mut self, to: TypeId) -> TypeId {
        self.plain(Kind::Ptr, "", to.0, &[])
    }

    /// Adds `const`, `volatile` or `restrict`.
    pub fn qualifier(&mut self, kind: Kind, ty: TypeId) -> TypeId {
        if !matches!(kind, Kind::Const | Kind::Volatile | Kind::Restrict) {
            let expected = "const, volatile or restrict";
            let id = self.next_id();
            return self.fail(BtfError::KindUnexpected { id, expected, found: kind }, id);
        }
        self.plain(kind, "", ty.0, &[])
    }

    /// Adds an array of `len` elements.
    pub fn array(&mut self, elem: TypeId, index: TypeId, len: u32) -> TypeId {
        self.plain(Kind::Array, "", 0, &[elem.0, index.0, len])
    }

    /// A member for [`structure`](Self::structure) and [`union`](Self::union).
    pub fn member(&mut self, name: &str, ty: TypeId, bit_offset: u32) -> Member {
        Member { name: self.str(name), ty, bit_offset, bitfield_bits: 0 }
    }

    /// A member of `bits` bits.
    pub fn bitfield(&mut self, name: &str, ty: TypeId, bit_offset: u32, bits: u8) -> Member {
        Member { bitfield_bits: bits, ..self.member(name, ty, bit_offset) }
    }

    /// Adds a structure of `size` bytes.
    pub fn structure(&mut self, name: &str, size: u32, members: &[Member]) -> TypeId {
        self.composite(Kind::Struct, name, size, members)
    }

    /// Adds a union of `size` bytes.
    pub fn union(&mut self, name: &str, size: u32, members: &[Member]) -> TypeId {
        self.composite(Kind::Union, name, size, members)
    }

    fn composite(&mut self, kind: Kind, name: &str, size: u32, members: &[Member]) -> TypeId {
        let kind_flag = members.iter().any(|member| member.bitfield_bits != 0);
        let id = self.next_id();
        let mut items = Vec::with_capacity(members.len());
        for member in members {
            match member.encode(kind_flag) {
                Some(words) => items.push(words),
                None => self.fail(BtfError::MemberOffset { id, found: member.bit_offset }, ()),
            }
        }
        self.with_items((kind, kind_flag), name, size, items.into_iter())
    }

    /// Adds an enumeration of up to 32 bits.
    pub fn enumeration(&mut self, name: &str, size: u32, signed: bool, values: &[(&str, i128)]) -> TypeId {
        let range = if signed { i32::MIN.into()..=i32::MAX.into() } else { 0..=u32::MAX.into() };
        let items = self.enumerators(values, range, |name, value| [name.0, value as u32]);
        self.with_items((Kind::Enum, signed), name, size, items.into_iter())
    }

    /// Adds an enumeration of up to 64 bits.
    pub fn enumeration64(&mut self, name: &str, size: u32, signed: bool, values: &[(&str, i128)]) -> TypeId {
        let range = if signed { i64::MIN.into()..=i64::MAX.into() } else { 0..=u64::MAX.into() };
        let items =
            self.enumerators(values, range, |name, value| [name.0, value as u32, (value >> 32) as u32]);
        self.with_items((Kind::Enum64, signed), name, size, items.into_iter())
    }

    fn enumerators<const N: usize>(
        &mut self,
        values: &[(&str, i128)],
        range: std::ops::RangeInclusive<i128>,
        encode: impl Fn(StrId, i128) -> [u32; N],
    ) -> Vec<[u32; N]> {
        let id = self.next_id();
        if let Some(&(_, found)) = values.iter().find(|(_, value)| !range.contains(value)) {
            self.error.get_or_insert(BtfError::Value { id, what: "enumerator", found });
        }
        values.iter().map(|&(name, value)| encode(self.str(name), value)).collect()
    }

    /// Adds a forward declaration.
    pub fn fwd(&mut self, name: &str, union: bool) -> TypeId {
        let name = self.str(name);
        self.record(Info { kind_flag: union, ..Info::new(Kind::Fwd, 0) }, name, 0, &[])
    }

    /// Adds a name for a type.
    pub fn typedef(&mut self, name: &str, ty: TypeId) -> TypeId {
        self.plain(Kind::Typedef, name, ty.0, &[])
    }

    /// Adds a prototype. `("", TypeId::VOID)` as the last parameter means `...`.
    pub fn func_proto(&mut self, result: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let items: Vec<_> = params.iter().map(|&(name, ty)| [self.str(name).0, ty.0]).collect();
        self.with_items((Kind::FuncProto, false), "", result.0, items.into_iter())
    }

    /// Adds a function.
    pub fn func(&mut self, name: &str, proto: TypeId, linkage: Linkage) -> TypeId {
        let vlen = u16::try_from(linkage.0).unwrap_or_else(|_| {
            let error = BtfError::Value { id: self.next_id(), what: "linkage", found: i128::from(linkage.0) };
            self.fail(error, 0)
        });
        let name = self.str(name);
        self.record(Info::new(Kind::Func, vlen), name, proto.0, &[])
    }

    /// Adds a variable.
    pub fn var(&mut self, name: &str, ty: TypeId, linkage: Linkage) -> TypeId {
        self.plain(Kind::Var, name, ty.0, &[linkage.0])
    }

    /// Adds a section of `size` bytes.
    pub fn datasec(&mut self, name: &str, size: u32, vars: &[SecVar]) -> TypeId {
        let items = vars.iter().map(|var| [var.ty.0, var.offset, var.size]);
        self.with_items((Kind::DataSec, false), name, size, items)
    }

    /// Adds a tag on a declaration, or on one of its members or parameters.
    pub fn decl_tag(&mut self, text: &str, ty: TypeId, component: Option<u32>) -> TypeId {
        self.plain(Kind::DeclTag, text, ty.0, &[component.unwrap_or(DeclTag::WHOLE)])
    }

    /// Adds a tag on a type.
    pub fn type_tag(&mut self, text: &str, ty: TypeId) -> TypeId {
        self.plain(Kind::TypeTag, text, ty.0, &[])
    }

    /// Adds a copy of a type of another BTF, whose references `map_type` renumbers. Its strings come along.
    pub fn copy(
        &mut self,
        from: &Btf,
        id: TypeId,
        mut map_type: impl FnMut(TypeId) -> TypeId,
    ) -> Result<TypeId, BtfError> {
        let record = from.record(id)?;
        let layout = record.info.kind.layout();
        let items = layout.item.iter().cycle();
        let mut map = |word: u32, role: Word| match role {
            Word::Str => self.str(from.bytes(StrId(word))).0,
            Word::Type => map_type(TypeId(word)).0,
            Word::Plain => word,
        };
        let (name, third) = (map(record.name.0, Word::Str), map(record.third, layout.third));
        let roles = layout.fixed.iter().chain(items);
        let body: Vec<_> = record.body.iter().zip(roles).map(|(&word, &role)| map(word, role)).collect();
        Ok(self.record(record.info, StrId(name), third, &body))
    }
}
