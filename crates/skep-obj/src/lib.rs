//! Objects and the programs in them.
//!
//! An [`Object`] is what an ELF file of BPF says: functions, maps, data, types, licence; the same bytes give
//! the same value on every machine. A [`Program`] is one entry function of it with everything it calls, laid
//! out in one sequence of instructions, its maps by index. Neither knows of descriptors, kernels or addresses:
//! whoever loads a program turns indices into what they stand for there.
//!
//! This crate verifies and runs nothing, and never touches the file system.
#![forbid(unsafe_code)]

mod object;
mod program;

pub use object::{CoreRelo, Data, Function, Line, MapInit, MapSpec, Object, Pinning, RefTarget, Reference};
pub use program::{LinkError, MAX_FUNCTIONS, MAX_SLOTS, ProgFunction, Program};
