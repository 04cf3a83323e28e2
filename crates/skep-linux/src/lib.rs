//! The running kernel as a [`Host`](skep_host::Host): maps, programs and test runs over `bpf(2)`.
//!
//! [`LinuxHost`] holds what it made by descriptor; all of it goes when the host is dropped. What the kernel says
//! is passed on: error numbers, the verifier's whole log, and what is missing where it says that something isn't
//! permitted. What a kernel may or may not have (types, descriptors by index, statistics in the log) is found out by
//! asking it, not by its version.
//!
//! It never verifies a program itself, attaches none, and pins nothing.
//!
//! ```no_run
//! use skep_host::{Host, LoadOptions, Loaded, TestRun};
//! use skep_linux::LinuxHost;
//! use skep_obj::Object;
//!
//! let object = Object::from_elf(&std::fs::read("firewall.o")?)?;
//! let mut host = LinuxHost::new();
//! let loaded = Loaded::new(&mut host, &object, &[], &LoadOptions::default())?;
//! let run = TestRun { data: &[0; 64], ..TestRun::default() };
//! let result = host.test_run(loaded.programs[0].id, &run)?;
//! println!("{} in {:?}", result.retval, result.duration);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg(target_os = "linux")]

mod host;
mod kernel_types;
mod log;
mod machine;
mod map;
mod prog;
mod ringbuf;
mod sys;
mod types;

pub use host::{Judgement, LinuxHost};
pub use kernel_types::running_types;
