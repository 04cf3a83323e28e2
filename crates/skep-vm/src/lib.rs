//! Verified programs, made executable: a checked interpreter, and native code.
//!
//! An [`Executable`] is made of a [`Verified`](skep_verify::Verified) program, its maps and the [`Functions`] it may
//! call; it runs on a [`RunContext`] in a [`World`], the place that knows CPUs and other programs. Two engines give the
//! same results:
//!
//! - [`Engine::Interp`] finds every access in the memory model before it is made; a violation is a [`Trap`] that names
//!   the instruction. It is the reference;
//! - [`Engine::Jit`] is a one-pass emitter for x86-64, which trusts the verifier's proofs and checks nothing.
//!
//! Both start from one lowered form (lower.rs), which has room beside it for a second tier of native code.
//!
//! | file | is |
//! |---|---|
//! | executable.rs | the engines behind one type, and why it is sound |
//! | lower.rs | what a program means here: addresses, places, targets |
//! | interp/ | the checked interpreter |
//! | trial.rs | a refused program, tried in the checked interpreter alone |
//! | native/ | native code: emitter, encoder, memory it runs in |
//! | memory.rs | guest memory |
//! | context.rs, packet.rs | what a run is given |
//! | function.rs, typed.rs, call.rs, standard.rs | what programs call |
//! | objects.rs | what an application lends to programs |
//! | runtime.rs | one run; tail calls |
//!
//! ```
//! use std::sync::Arc;
//! use skep_isa::{AluOp, Insn, Reg, Size, Width};
//! use skep_obj::{ProgFunction, Program};
//! use skep_vm::{Engine, Executable, Functions, RunContext, World};
//!
//! struct Nowhere;
//!
//! impl World for Nowhere {
//!     fn program(&self, _id: u32) -> Option<Arc<Executable<Nowhere>>> {
//!         None
//!     }
//!
//!     fn cpu(&self) -> u32 {
//!         0
//!     }
//! }
//!
//! // Twice the first byte of the memory in r1.
//! let insns = vec![
//!     Insn::load(Size::B, Reg::R0, Reg::R1, 0),
//!     Insn::alu_reg(AluOp::Add, Width::W64, Reg::R0, Reg::R0),
//!     Insn::exit(),
//! ];
//! let entry = ProgFunction { name: "twice".into(), start: 0, end: insns.len(), global: true, btf_id: None };
//! let program = Program {
//!     name: "twice".into(),
//!     prog_type: skep_abi::ProgType::Unspec,
//!     attach_type: skep_abi::AttachType(0),
//!     license: String::new(),
//!     flags: skep_obj::ProgFlags::default(),
//!     attach_to: None,
//!     kernel_symbols: Vec::new(),
//!     kern_version: 0,
//!     insns,
//!     functions: vec![entry],
//!     maps: [].into(),
//!     lines: Vec::new(),
//!     core_relos: Vec::new(),
//!     btf: None,
//! };
//! let options = skep_verify::Options { memory: Some(1), ..Default::default() };
//! let verified = skep_verify::verify(Arc::new(program), &options)?;
//! let twice = Executable::compile(&verified, &[], &Functions::with_standard(), Engine::best())?;
//! assert_eq!(twice.run(&mut Nowhere, &mut RunContext::memory(&[21])), Ok(42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate verifies nothing, and knows no devices, ids, names or clocks: hosts implement functions that need them.

// Parts of the lowered form and of a run serve native code only.
#![cfg_attr(not(all(target_arch = "x86_64", unix)), allow(dead_code))]

mod call;
mod context;
mod error;
mod executable;
mod function;
mod interp;
mod lower;
mod memory;
#[cfg(all(target_arch = "x86_64", unix))]
mod native;
mod objects;
mod packet;
mod runtime;
mod standard;
#[cfg(test)]
mod tests;
mod trial;
mod typed;

pub use call::{BytesMut, Call};
pub use context::{KINDS, RunContext};
pub use error::{CompileError, Trap, TrapKind};
pub use executable::{Engine, Executable, jit_available};
pub use function::{Functions, HostFunction};
#[doc(hidden)]
pub use function::{assert_fits, describe, described_in};
pub use interp::alu::{alu as compute, holds};
pub use objects::{MAX_OBJECTS, Objects};
pub use packet::{MAX_PACKET, Packet, XDP_DATA_MAX, XDP_FRAME, XDP_HEADROOM};
pub use runtime::{MAX_MAY_GOTO, MAX_TAIL_CALLS, World};
pub use skep_abi::Function;
pub use trial::{Fault, MAX_TRIAL_JUMPS, Trial};
pub use typed::{
    Address, Argument, Context, Gives, Handle, Input, MapArg, Outcome, Output, Record, Shape, fits,
};

/// Most nested functions of a program (`MAX_CALL_FRAMES`).
pub const MAX_FRAMES: usize = 8;

/// Most bytes of stack of one function (`MAX_BPF_STACK`).
pub const MAX_STACK: usize = 512;

/// Most bytes of native code that one program may become.
pub const MAX_CODE_BYTES: usize = 256 << 20;
