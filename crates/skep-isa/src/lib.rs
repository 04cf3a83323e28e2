//! The BPF instruction set, as one table and what is derived from it.
//!
//! [`table::ROWS`] has one [`Row`] a form: opcode and selector, operand roles, level, semantics, and the text
//! of both dialects. Decoder, encoder, writers and readers of text walk that table; no opcode number stands
//! anywhere else in skep. An [`Insn`] is one 8-byte slot, decoded: sequences of them are indexed by slot, so a
//! jump offset is index arithmetic, and slots that no row decodes are carried as they are. Decoding is total:
//!
//! ```
//! use skep_isa::{Endian, decode_all, encode_all, text};
//!
//! let bytes = [0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
//! let insns = decode_all(&bytes, Endian::Little).unwrap();
//! assert_eq!(text::Writer::pseudoc().insn(&insns[0]), "r0 = 2");
//! assert_eq!(text::Writer::normal().insn(&insns[0]), "mov %r0,2");
//! assert_eq!(encode_all(&insns, Endian::Little), bytes);
//!
//! let reader = text::Reader::pseudoc();
//! assert_eq!(reader.insn("r0 = 2").unwrap().insn, insns[0]);
//! ```
//!
//! This crate knows of no files, labels, symbols or programs; `skep-asm` does.
//! Sources: RFC 9669; Documentation/bpf/standardization/instruction-set.rst, Linux 6.18.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod code;
mod insn;
mod row;
pub mod rowset;
mod strict;
pub mod table;
pub mod text;

pub use code::{DecodeError, Endian, SLOT_BYTES, decode, decode_all, encode, encode_all, explain};
pub use insn::{FormId, Insn, Reg};
pub use row::{
    AluOp, AtomicOp, Callee, Cond, Cpu, Group, ImmUse, OffUse, Op, Order, Role, Row, Selector, Size, Src,
    Wide, Width,
};
pub use strict::{Refusal, Rules, judge};
