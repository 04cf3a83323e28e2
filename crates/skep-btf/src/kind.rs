//! The kinds of type, and one table of how a record of each kind is laid out.
//!
//! A record is three words (name, info, size or type), then the kind's fixed words, then `vlen` items. The
//! table says for each of these words whether it is a string, a type or a plain number. The reader's checks,
//! the renumbering of types and the length of a record all follow from it, so a new kind is a new row.
//!
//! Source: `include/uapi/linux/btf.h`, Linux 6.18.

use std::fmt;

/// What a word of a record refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Offset into the string table.
    Str,
    /// Type id.
    Type,
    /// A number, or bits.
    Plain,
}
use Word::{Plain as P, Str as S, Type as T};

/// The shape of a kind's record.
#[derive(Debug)]
pub(crate) struct Layout {
    kind: Kind,
    name: &'static str,
    /// The third word: a size (plain) or a type.
    pub(crate) third: Word,
    /// Words that follow once.
    pub(crate) fixed: &'static [Word],
    /// Words that follow `vlen` times. Kinds without any may use `vlen` for something else.
    pub(crate) item: &'static [Word],
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $variant:ident $name:literal $third:ident $fixed:tt $item:tt)*) => {
        /// A kind of type. The numbers are those of the format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $variant = $number,)* }

        const LAYOUTS: &[Layout] = &[$(Layout {
            kind: Kind::$variant, name: $name, third: $third, fixed: &$fixed, item: &$item,
        },)*];
    };
}

kinds! {
    /// No type: what id 0 stands for. Never a record.
    0 Void "VOID" P [] []
    /// Integer, boolean or character.
    1 Int "INT" P [P] []
    /// Pointer.
    2 Ptr "PTR" T [] []
    /// Array of fixed length.
    3 Array "ARRAY" P [T, T, P] []
    /// Structure. With the kind flag its offsets carry bitfield widths.
    4 Struct "STRUCT" P [] [S, T, P]
    /// Union.
    5 Union "UNION" P [] [S, T, P]
    /// Enumeration of up to 32 bits. The kind flag says signed.
    6 Enum "ENUM" P [] [S, P]
    /// Forward declaration. The kind flag says union.
    7 Fwd "FWD" P [] []
    /// Name for another type.
    8 Typedef "TYPEDEF" T [] []
    /// `volatile`.
    9 Volatile "VOLATILE" T [] []
    /// `const`.
    10 Const "CONST" T [] []
    /// `restrict`.
    11 Restrict "RESTRICT" T [] []
    /// Function; its `vlen` is its linkage.
    12 Func "FUNC" T [] []
    /// Prototype of a function: result and parameters.
    13 FuncProto "FUNC_PROTO" T [] [S, T]
    /// Variable.
    14 Var "VAR" T [P] []
    /// ELF section with the variables in it.
    15 DataSec "DATASEC" P [] [T, P, P]
    /// Floating point number.
    16 Float "FLOAT" P [] []
    /// Tag on a declaration. The kind flag says attribute (Linux 6.15).
    17 DeclTag "DECL_TAG" T [P] []
    /// Tag on a type. The kind flag says attribute (Linux 6.15).
    18 TypeTag "TYPE_TAG" T [] []
    /// Enumeration of up to 64 bits. The kind flag says signed.
    19 Enum64 "ENUM64" P [] [S, P, P]
}

impl Kind {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        LAYOUTS.get(number as usize).map(|layout| layout.kind).filter(|&kind| kind != Self::Void)
    }

    pub(crate) fn layout(self) -> &'static Layout {
        &LAYOUTS[self as usize]
    }

    /// The kind as bpftool spells it: `FUNC_PROTO`.
    pub fn name(self) -> &'static str {
        self.layout().name
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Words every record begins with.
pub(crate) const HEAD_WORDS: usize = 3;
/// Most items of one record: `vlen` has 16 bits.
pub const MAX_ITEMS: usize = 0xffff;

/// The second word of a record, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) kind: Kind,
    pub(crate) vlen: u16,
    pub(crate) kind_flag: bool,
}

impl Info {
    const VLEN: u32 = 0x0000_ffff;
    const KIND: u32 = 0x1f00_0000;
    const KIND_FLAG: u32 = 0x8000_0000;

    pub(crate) fn new(kind: Kind, vlen: u16) -> Self {
        Self { kind, vlen, kind_flag: false }
    }

    /// Bits of `word` that have no meaning here. Later formats widen `vlen` and `kind` into them, so a record
    /// that uses one must not be read as if it didn't.
    pub(crate) fn unknown_bits(word: u32) -> u32 {
        word & !(Self::VLEN | Self::KIND | Self::KIND_FLAG)
    }

    /// The number in the kind's place of `word`.
    pub(crate) fn kind_number(word: u32) -> u32 {
        (word & Self::KIND) >> 24
    }

    pub(crate) fn decode(word: u32) -> Option<Self> {
        let kind = Kind::from_number(Self::kind_number(word))?;
        Some(Self { kind, vlen: (word & Self::VLEN) as u16, kind_flag: word & Self::KIND_FLAG != 0 })
    }

    pub(crate) fn encode(self) -> u32 {
        u32::from(self.vlen) | u32::from(self.kind as u8) << 24 | u32::from(self.kind_flag) << 31
    }

    /// Length of the record in words.
    pub(crate) fn record_words(self) -> usize {
        let layout = self.kind.layout();
        HEAD_WORDS + layout.fixed.len() + layout.item.len() * usize::from(self.vlen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_at_its_own_number() {
        for (number, layout) in LAYOUTS.iter().enumerate() {
            assert_eq!(layout.kind as usize, number);
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(20), None);
    }

    #[test]
    fn info_survives_its_word() {
        for (kind, vlen, kind_flag) in [(Kind::Struct, 0xffff, true), (Kind::Enum64, 0, false)] {
            let info = Info { kind, vlen, kind_flag };
            assert_eq!(Info::decode(info.encode()), Some(info));
            assert_eq!(Info::unknown_bits(info.encode()), 0);
        }
    }
}
