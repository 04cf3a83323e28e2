//! The whole BPF subsystem as one library: assemble, read, verify, compile, run.
//!
//! One road, one type a step: [`obj::Object`] → [`obj::Program`] → [`verify::Verified`] → [`vm::Executable`].
//! Most users want [`source::read`] and a [`host::Host`]: [`UserHost`] in this process, or [`LinuxHost`], the
//! running kernel.
//!
//! ```
//! use skep::host::{Host, LoadOptions, Loaded, TestRun};
//! use skep::{UserConfig, UserHost};
//!
//! let source = "
//!     .section \"xdp\"
//!     drop_all:
//!         r0 = 1
//!         exit
//! ";
//! let object = skep::asm::assemble(source, "drop.s").unwrap();
//! let mut host = UserHost::new(UserConfig::default());
//! let loaded = Loaded::new(&mut host, &object, &[], &LoadOptions::default()).unwrap();
//! let test = TestRun { data: &[0; 64], ..TestRun::default() };
//! let result = host.test_run(loaded.programs[0].id, &test).unwrap();
//! assert_eq!(result.retval, 1);
//! ```
//!
//! This crate adds nothing of its own but the reading of files and the search for [`counterexample`]s, which needs both a
//! verifier and a host; everything else is a floor's.
#![forbid(unsafe_code)]

mod assembled;
pub mod compile;
pub mod counterexample;
pub mod source;

pub use assembled::Assembled;
pub use skep_abi as abi;
pub use skep_abi::rows;
pub use skep_asm as asm;
pub use skep_btf as btf;
pub use skep_host as host;
pub use skep_isa as isa;
pub use skep_linux::{Judgement, LinuxHost, running_types};
pub use skep_macros::bpf_asm;
pub use skep_map as map;
pub use skep_obj as obj;
pub use skep_user::{TrialInput, UserConfig, UserHost, UserWorld};
pub use skep_verify as verify;
pub use skep_vm as vm;
pub use skep_vm::functions;
