//! The verifier: `Program` → `Verified`, or a reason.
//!
//! [`verify`] proves of every path of a program that it reads only initialised registers, accesses only memory that
//! is there, calls functions only with what they take, and ends. Rules and limits are those of Linux 6.18, or of
//! an earlier [`Level`] that is asked for; what this verifier can't prove it refuses, and says why.
//!
//! - [`domain`]: what is known of numbers, and arithmetic on that;
//! - `value`, `state`, `stack`: what is known of registers and memory at one point of one path;
//! - `flow`, `liveness`: what the shape of the program tells before any path is walked;
//! - `explore`: the walk over all paths; `step`, `arith`, `memory`, `pointer`, `jump`, `call`: the rules, by instruction;
//! - `context`: accesses to contexts and sockets; `prog`: what the kind of program asks of the whole;
//! - `target`: what of the kernel a program is written for, and with it what its context holds;
//! - `exception`: where programs throw, and what handles it; `leave`: what must be given back before;
//! - `level`: the Linux that a program is judged for, and what others judge otherwise;
//! - `kernel`, `object`: the kernel's types by name, and what is in an object of one; `map_object`: maps as such objects;
//! - `arena`: pointers that may lead anywhere;
//! - `kfunc`, `iter`: calls of the kernel's functions, and the iterators that some of them step;
//! - `global`, `signature`: functions that are verified by their types; `depth`: the stacks of chains of calls;
//! - `field`, `kptr`, `lock`: parts of values that have rules of their own; `dynptr`: the same on the stack;
//!   `special`: calls with those;
//! - `callback`: functions that calls are given;
//! - `prune`, `precise`: where paths meet, which of them are the same;
//! - `privilege`, `speculation`: what is refused besides if the loader lacks `CAP_PERFMON`;
//! - [`report`]: a refusal, explained; [`facts`]: what holds of a program as a whole;
//! - `suspect`: what was seen of a program until it was refused;
//! - `watch`: the walk seen from outside, instruction by instruction.
//!
//! Static functions are walked at each call with what is known there, global ones once, for whatever their types allow.
//! What a program names of the kernel is checked against the kernel's types, where the options have them.
//!
//! It runs nothing, and knows neither hosts nor maps' contents, but for data that is frozen.
//!
//! ```
//! use std::sync::Arc;
//!
//! use skep_abi::{AttachType, ProgType};
//! use skep_isa::{Insn, Reg, Size};
//! use skep_obj::{ProgFunction, Program};
//! use skep_verify::{Fact, Options, Reason, verify};
//!
//! let program = |insns: Vec<Insn>| {
//!     Arc::new(Program {
//!         name: "length".to_owned(),
//!         prog_type: ProgType::SocketFilter,
//!         attach_type: AttachType(0),
//!         license: String::new(),
//!         kern_version: 0,
//!         functions: vec![ProgFunction {
//!             name: "length".to_owned(),
//!             start: 0,
//!             end: insns.len(),
//!             global: true,
//!             btf_id: None,
//!         }],
//!         insns,
//!         maps: Vec::new().into(),
//!         lines: Vec::new(),
//!         core_relos: Vec::new(),
//!         flags: skep_obj::ProgFlags::default(),
//!         attach_to: None,
//!         kernel_symbols: Vec::new(),
//!         btf: None,
//!     })
//! };
//! // r0 = skb->len
//! let length = Insn::load(Size::W, Reg::R0, Reg::R1, 0);
//!
//! let verified = verify(program(vec![length, Insn::exit()]), &Options::default())?;
//! assert_eq!(verified.fact(0), Fact::Context { field: 0, byte: 0 });
//!
//! let nothing = verify(program(vec![Insn::exit()]), &Options::default()).unwrap_err();
//! assert_eq!(nothing.reason, Reason::UninitialisedRegister { register: 0 });
//! assert_eq!(nothing.to_string(), "instruction 0: R0 !read_ok: r0 has no value on this path");
//! # Ok::<(), skep_verify::VerifyError>(())
//! ```
#![forbid(unsafe_code)]

mod arena;
mod arith;
mod call;
mod callback;
mod context;
mod depth;
pub mod domain;
mod dynptr;
mod error;
mod exception;
mod explore;
pub mod facts;
mod field;
mod flow;
mod global;
mod iter;
mod jump;
mod kernel;
mod kfunc;
mod kptr;
mod leave;
mod level;
mod liveness;
mod lock;
mod map_object;
mod maps;
mod memory;
mod object;
mod options;
mod pointer;
mod precise;
mod privilege;
mod prog;
mod prune;
pub mod report;
mod signature;
mod special;
mod speculation;
mod stack;
mod state;
mod step;
mod suspect;
mod target;
mod value;
mod verified;
mod watch;

pub use error::{Decision, Place, Reason, Source, VerifyError};
pub use explore::{verify, verify_watched};
pub use level::{Judgement, Level, UnknownLevel};
pub use options::{Limits, Options, Privileges, Rules, Shifts};
pub use suspect::Suspect;
pub use verified::{Fact, Region, Stats, Verified};
pub use watch::Visit;
