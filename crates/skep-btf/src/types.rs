//! A type as a reader sees it: [`Type`], a view into the words of a [`Btf`](crate::Btf).
//!
//! Views are small and `Copy`; the items of a structure, enumeration, prototype or section are decoded when
//! they are asked for, so that looking at one type of a large kernel's BTF costs nothing for the others.

use crate::kind::{Info, Kind};
use std::{fmt, marker::PhantomData};

/// The number of a type within its BTF (and the BTF that it is split from).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`, which has no record.
    pub const VOID: Self = Self(0);
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A string: its byte offset in the string table, as [`Btf::name`](crate::Btf::name) resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct StrId(pub u32);

impl StrId {
    /// The empty string: the name of what has no name.
    pub const EMPTY: Self = Self(0);
}

/// A type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type<'a> {
    /// `void`: only id 0.
    Void,
    /// Integer, boolean or character.
    Int(Int),
    /// Pointer to a type.
    Ptr(TypeId),
    /// Array.
    Array(Array),
    /// Structure.
    Struct(Composite<'a>),
    /// Union.
    Union(Composite<'a>),
    /// Enumeration of up to 32 bits.
    Enum(Enum<'a>),
    /// Forward declaration.
    Fwd(Fwd),
    /// Name for another type.
    Typedef(Named),
    /// `volatile`.
    Volatile(TypeId),
    /// `const`.
    Const(TypeId),
    /// `restrict`.
    Restrict(TypeId),
    /// Function.
    Func(Func),
    /// Prototype of a function.
    FuncProto(FuncProto<'a>),
    /// Variable.
    Var(Var),
    /// Section of variables.
    DataSec(DataSec<'a>),
    /// Floating point number.
    Float(Float),
    /// Tag on a declaration.
    DeclTag(DeclTag),
    /// Tag on a type.
    TypeTag(TypeTag),
    /// Enumeration of up to 64 bits.
    Enum64(Enum<'a>),
}

/// Integer, boolean or character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// Its C name, `unsigned int`.
    pub name: StrId,
    /// Bytes of storage.
    pub size: u32,
    /// How the bits are to be understood.
    pub encoding: IntEncoding,
    /// Bits used, at most `8 * size`; fewer only in bitfields of an old form.
    pub bits: u8,
    /// First bit used.
    pub bit_offset: u8,
}

impl Int {
    /// Whether it fills its bytes, as everything but a bitfield of the old form does.
    pub fn is_regular(self) -> bool {
        self.bit_offset == 0 && u32::from(self.bits) == self.size.saturating_mul(8)
    }
}

/// How the bits of an integer are to be understood: a set of the bits below, kept as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct IntEncoding(pub u8);

impl IntEncoding {
    /// An unsigned number.
    pub const UNSIGNED: Self = Self(0);
    /// A signed number.
    pub const SIGNED: Self = Self(1);
    /// A character. Compilers mark `char` as [`SIGNED`](Self::SIGNED) instead, or as both.
    pub const CHAR: Self = Self(2);
    /// A boolean.
    pub const BOOL: Self = Self(4);

    /// Whether all bits of `other` are in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// Type of the elements.
    pub elem: TypeId,
    /// Type of the index: whatever integer type the compiler had at hand.
    pub index: TypeId,
    /// Number of elements; 0 for a flexible array.
    pub len: u32,
}

/// Structure or union.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Composite<'a> {
    /// Tag name, empty when anonymous.
    pub name: StrId,
    /// Bytes.
    pub size: u32,
    /// Members in order of declaration.
    pub members: Items<'a, Member>,
}

/// Member of a structure or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Name, empty for an anonymous structure or union and for padding.
    pub name: StrId,
    /// Type.
    pub ty: TypeId,
    /// Bits from the start of the structure.
    pub bit_offset: u32,
    /// Width in bits if it is a bitfield, else 0.
    pub bitfield_bits: u8,
}

/// Enumeration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Enum<'a> {
    /// Tag name, empty when anonymous.
    pub name: StrId,
    /// Bytes.
    pub size: u32,
    /// Whether the values are signed.
    pub signed: bool,
    /// The enumerators in order of declaration; none for a forward declaration.
    pub values: Items<'a, Enumerator>,
}

/// Enumerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enumerator {
    /// Name.
    pub name: StrId,
    /// Value, wide enough for every signed and unsigned 64-bit one.
    pub value: i128,
}

/// Forward declaration of a structure or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fwd {
    /// Tag name.
    pub name: StrId,
    /// Whether it declares a union.
    pub union: bool,
}

/// A name and the type it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Name.
    pub name: StrId,
    /// Type.
    pub ty: TypeId,
}

/// Who sees a function or variable. Values nobody knows yet are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Linkage(pub u32);

impl Linkage {
    /// Its own file only.
    pub const STATIC: Self = Self(0);
    /// Defined here, seen by all.
    pub const GLOBAL: Self = Self(1);
    /// Defined elsewhere.
    pub const EXTERN: Self = Self(2);
}

/// Function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func {
    /// Name.
    pub name: StrId,
    /// Its prototype.
    pub proto: TypeId,
    /// Linkage.
    pub linkage: Linkage,
}

/// Prototype of a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FuncProto<'a> {
    /// Type of the result.
    pub result: TypeId,
    /// Parameters. A last one without name and type says "and any others" (`...`).
    pub params: Items<'a, Named>,
}

/// Variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var {
    /// Name.
    pub name: StrId,
    /// Type.
    pub ty: TypeId,
    /// Linkage.
    pub linkage: Linkage,
}

/// Section of variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataSec<'a> {
    /// Name of the ELF section, `.maps`.
    pub name: StrId,
    /// Bytes; compilers leave it 0 for the loader to fill in.
    pub size: u32,
    /// Its variables. For functions of other objects (`.ksyms`) a [`Func`] may stand in place of a [`Var`].
    pub vars: Items<'a, SecVar>,
}

/// A variable's place in its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecVar {
    /// The [`Var`].
    pub ty: TypeId,
    /// Bytes from the start of the section; compilers leave it 0 for the loader to fill in.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// Floating point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Float {
    /// Its C name.
    pub name: StrId,
    /// Bytes.
    pub size: u32,
}

/// Tag on a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclTag {
    /// The tag's text.
    pub name: StrId,
    /// What it is on.
    pub ty: TypeId,
    /// Which member or parameter of that, if not the whole.
    pub component: Option<u32>,
    /// Whether the text is an `__attribute__` of its own rather than a `btf_decl_tag`.
    pub attribute: bool,
}

/// Tag on a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeTag {
    /// The tag's text.
    pub name: StrId,
    /// The type it is on.
    pub ty: TypeId,
    /// Whether the text is an `__attribute__` of its own rather than a `btf_type_tag`.
    pub attribute: bool,
}

impl Type<'_> {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Void => Kind::Void,
            Self::Int(_) => Kind::Int,
            Self::Ptr(_) => Kind::Ptr,
            Self::Array(_) => Kind::Array,
            Self::Struct(_) => Kind::Struct,
            Self::Union(_) => Kind::Union,
            Self::Enum(_) => Kind::Enum,
            Self::Fwd(_) => Kind::Fwd,
            Self::Typedef(_) => Kind::Typedef,
            Self::Volatile(_) => Kind::Volatile,
            Self::Const(_) => Kind::Const,
            Self::Restrict(_) => Kind::Restrict,
            Self::Func(_) => Kind::Func,
            Self::FuncProto(_) => Kind::FuncProto,
            Self::Var(_) => Kind::Var,
            Self::DataSec(_) => Kind::DataSec,
            Self::Float(_) => Kind::Float,
            Self::DeclTag(_) => Kind::DeclTag,
            Self::TypeTag(_) => Kind::TypeTag,
            Self::Enum64(_) => Kind::Enum64,
        }
    }

    /// Its name, [`StrId::EMPTY`] if it has none.
    pub fn name(&self) -> StrId {
        match *self {
            Self::Int(Int { name, .. })
            | Self::Struct(Composite { name, .. })
            | Self::Union(Composite { name, .. })
            | Self::Enum(Enum { name, .. })
            | Self::Enum64(Enum { name, .. })
            | Self::Fwd(Fwd { name, .. })
            | Self::Typedef(Named { name, .. })
            | Self::Func(Func { name, .. })
            | Self::Var(Var { name, .. })
            | Self::DataSec(DataSec { name, .. })
            | Self::Float(Float { name, .. })
            | Self::DeclTag(DeclTag { name, .. })
            | Self::TypeTag(TypeTag { name, .. }) => name,
            Self::Void
            | Self::Ptr(_)
            | Self::Array(_)
            | Self::Volatile(_)
            | Self::Const(_)
            | Self::Restrict(_)
            | Self::FuncProto(_) => StrId::EMPTY,
        }
    }
}

/// The members, enumerators, parameters or variables of a type, decoded as they are read.
pub struct Items<'a, T> {
    words: &'a [u32],
    /// Words an item; never 0.
    stride: usize,
    /// The record's kind flag, on which the meaning of an item depends.
    kind_flag: bool,
    item: PhantomData<fn() -> T>,
}

/// What [`Items`] can hold.
pub trait Item: Sized + sealed::Sealed {
    #[doc(hidden)]
    fn decode(words: &[u32], kind_flag: bool) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Member {}
    impl Sealed for super::Enumerator {}
    impl Sealed for super::Named {}
    impl Sealed for super::SecVar {}
}

impl<'a, T: Item> Items<'a, T> {
    fn new(words: &'a [u32], info: Info) -> Self {
        let stride = info.kind.layout().item.len().max(1);
        Self { words, stride, kind_flag: info.kind_flag, item: PhantomData }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len() / self.stride
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The one at `index`.
    pub fn get(&self, index: usize) -> Option<T> {
        let words = self.words.get(index.checked_mul(self.stride)?..)?.get(..self.stride)?;
        Some(T::decode(words, self.kind_flag))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator + 'a + use<'a, T> {
        let kind_flag = self.kind_flag;
        self.words.chunks_exact(self.stride).map(move |words| T::decode(words, kind_flag))
    }
}

impl<T> Clone for Items<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Items<'_, T> {}

impl<T> PartialEq for Items<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words && self.stride == other.stride && self.kind_flag == other.kind_flag
    }
}

impl<T: Item + fmt::Debug> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// With the kind flag, a member's offset word has the bitfield's width in its upper eight bits.
const MEMBER_OFFSET_BITS: u32 = 24;

impl Item for Member {
    fn decode(words: &[u32], kind_flag: bool) -> Self {
        let (bitfield_bits, bit_offset) = if kind_flag {
            ((words[2] >> MEMBER_OFFSET_BITS) as u8, words[2] & ((1 << MEMBER_OFFSET_BITS) - 1))
        } else {
            (0, words[2])
        };
        Self { name: StrId(words[0]), ty: TypeId(words[1]), bit_offset, bitfield_bits }
    }
}

impl Member {
    /// Its words, or `None` if the offset doesn't fit beside a width.
    pub(crate) fn encode(self, kind_flag: bool) -> Option<[u32; 3]> {
        if kind_flag && self.bit_offset >> MEMBER_OFFSET_BITS != 0 {
            return None;
        }
        let width = u32::from(self.bitfield_bits) << MEMBER_OFFSET_BITS;
        Some([self.name.0, self.ty.0, if kind_flag { width | self.bit_offset } else { self.bit_offset }])
    }
}

impl Item for Enumerator {
    fn decode(words: &[u32], signed: bool) -> Self {
        let value = match (words, signed) {
            (&[_, low, high], _) => {
                let bits = u64::from(high) << 32 | u64::from(low);
                if signed { i128::from(bits as i64) } else { i128::from(bits) }
            }
            (_, true) => i128::from(words[1] as i32),
            (_, false) => i128::from(words[1]),
        };
        Self { name: StrId(words[0]), value }
    }
}

impl Item for Named {
    fn decode(words: &[u32], _: bool) -> Self {
        Self { name: StrId(words[0]), ty: TypeId(words[1]) }
    }
}

impl Item for SecVar {
    fn decode(words: &[u32], _: bool) -> Self {
        Self { ty: TypeId(words[0]), offset: words[1], size: words[2] }
    }
}

/// A record: head words and body, of the length that its info says.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) info: Info,
    pub(crate) name: StrId,
    /// Size or type.
    pub(crate) third: u32,
    /// Fixed words, then items.
    pub(crate) body: &'a [u32],
}

impl<'a> Record<'a> {
    pub(crate) fn view(self) -> Type<'a> {
        let Self { info, name, third, body } = self;
        let ty = TypeId(third);
        match info.kind {
            Kind::Void => Type::Void,
            Kind::Int => Type::Int(Int {
                name,
                size: third,
                encoding: IntEncoding((body[0] >> 24 & 0xf) as u8),
                bit_offset: (body[0] >> 16) as u8,
                bits: body[0] as u8,
            }),
            Kind::Ptr => Type::Ptr(ty),
            Kind::Array => Type::Array(Array { elem: TypeId(body[0]), index: TypeId(body[1]), len: body[2] }),
            Kind::Struct => Type::Struct(self.composite()),
            Kind::Union => Type::Union(self.composite()),
            Kind::Enum => Type::Enum(self.enumeration()),
            Kind::Enum64 => Type::Enum64(self.enumeration()),
            Kind::Fwd => Type::Fwd(Fwd { name, union: info.kind_flag }),
            Kind::Typedef => Type::Typedef(Named { name, ty }),
            Kind::Volatile => Type::Volatile(ty),
            Kind::Const => Type::Const(ty),
            Kind::Restrict => Type::Restrict(ty),
            Kind::Func => Type::Func(Func { name, proto: ty, linkage: Linkage(u32::from(info.vlen)) }),
            Kind::FuncProto => Type::FuncProto(FuncProto { result: ty, params: Items::new(body, info) }),
            Kind::Var => Type::Var(Var { name, ty, linkage: Linkage(body[0]) }),
            Kind::DataSec => Type::DataSec(DataSec { name, size: third, vars: Items::new(body, info) }),
            Kind::Float => Type::Float(Float { name, size: third }),
            Kind::DeclTag => {
                let component = (body[0] != DeclTag::WHOLE).then_some(body[0]);
                Type::DeclTag(DeclTag { name, ty, component, attribute: info.kind_flag })
            }
            Kind::TypeTag => Type::TypeTag(TypeTag { name, ty, attribute: info.kind_flag }),
        }
    }

    fn composite(self) -> Composite<'a> {
        Composite { name: self.name, size: self.third, members: Items::new(self.body, self.info) }
    }

    fn enumeration(self) -> Enum<'a> {
        let signed = self.info.kind_flag;
        Enum { name: self.name, size: self.third, signed, values: Items::new(self.body, self.info) }
    }
}

impl DeclTag {
    /// The component word of a tag on the whole.
    pub(crate) const WHOLE: u32 = u32::MAX;
}
