//! BTF, the BPF type format: read, built, asked, and made ready for a kernel.
//!
//! - [`Btf`] is a table of [`Type`]s and strings, from and to the bytes of a `.BTF` section;
//!   [`BtfBuilder`] makes one.
//! - Questions: [`find`](Btf::find), [`size_of`](Btf::size_of), [`align_of`](Btf::align_of),
//!   [`resolve`](Btf::resolve), [`find_member`](Btf::find_member), [`type_name`](Btf::type_name).
//! - [`Value`] is bytes seen through a type, for printing the contents of maps.
//! - [`BtfExt`] is `.BTF.ext`: functions, source lines and CO-RE records by instruction.
//! - [`core`] answers what those records ask, by the types of the kernel that a program is for.
//! - [`BtfMapDef`] is a map definition of a `.maps` section.
//! - [`sanitize`] and [`place_section`] make compilers' output what a kernel accepts.
//!
//! It knows nothing of ELF, of DWARF or of the running kernel: bytes come in and go out.
//!
//! ```
//! use skep_btf::{Btf, BtfBuilder, Endian, IntEncoding, Kind};
//!
//! // struct flow { unsigned int src; unsigned char proto; _Bool up:1; };
//! let mut builder = BtfBuilder::new();
//! let uint = builder.int("unsigned int", 4, IntEncoding::UNSIGNED);
//! let uchar = builder.int("unsigned char", 1, IntEncoding::UNSIGNED);
//! let boolean = builder.int("_Bool", 1, IntEncoding::BOOL);
//! let members = [
//!     builder.member("src", uint, 0),
//!     builder.member("proto", uchar, 32),
//!     builder.bitfield("up", boolean, 40, 1),
//! ];
//! let flow = builder.structure("flow", 8, &members);
//! builder.ptr(flow);
//! let built = builder.finish()?;
//!
//! // The bytes of a `.BTF` section, and back.
//! let btf = Btf::parse(&built.to_bytes(Endian::Little))?;
//! assert_eq!(btf, built);
//!
//! let flow = btf.find("flow", Kind::Struct).unwrap();
//! assert_eq!(btf.size_of(flow)?, 8);
//! assert_eq!(btf.find_member(flow, "proto")?.unwrap().bit_offset, 32);
//! let (pointer, _) = btf.types().last().unwrap();
//! assert_eq!(btf.type_name(pointer), "struct flow *");
//!
//! let value = btf.value(flow, &[10, 0, 0, 0, 6, 1, 0, 0])?;
//! assert_eq!(value.to_string(), "{ src = 10, proto = 6, up = true }");
//! assert_eq!(value.to_json_string(), r#"{"src":10,"proto":6,"up":true}"#);
//! # Ok::<(), skep_btf::BtfError>(())
//! ```
#![forbid(unsafe_code)]

mod btf;
mod builder;
pub mod core;
mod error;
mod ext;
mod kind;
mod maps;
mod print;
mod query;
mod sanitize;
mod spelling;
mod types;
mod value;
mod wire;

pub use btf::{Btf, MAX_SPLIT_LEVELS, MAX_STRINGS_LEN, MAX_TYPES, MAX_TYPES_LEN};
pub use builder::BtfBuilder;
pub use error::{BtfError, MapProblem};
pub use ext::{BtfExt, CoreKind, CoreRelo, ExtSection, FuncInfo, LineInfo};
pub use kind::{Kind, MAX_ITEMS};
pub use maps::{BtfMapDef, MapValues, ValuesOf};
pub use query::{FoundMember, MAX_DEPTH, POINTER_SIZE};
pub use sanitize::{BtfSupport, place_section, sanitize};
pub use types::{
    Array, Composite, DataSec, DeclTag, Enum, Enumerator, Float, Func, FuncProto, Fwd, Int, IntEncoding,
    Item, Items, Linkage, Member, Named, SecVar, StrId, Type, TypeId, TypeTag, Var,
};
pub use value::{MAX_VALUE_PARTS, Value};
pub use wire::Endian;
