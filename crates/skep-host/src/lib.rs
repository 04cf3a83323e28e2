//! The contract that every place that runs BPF fulfils.
//!
//! [`Host`] is what a host does: create a map, load a program, run it on test input. [`Loaded`] puts a whole
//! object onto any host in the one right order. The two hosts, `skep-user` and `skep-linux`, answer alike: same
//! results, same error numbers; what one of them cannot do is [`HostError::Unsupported`], with the reason.
//!
//! This crate implements no host, and knows neither descriptors nor memory.
#![forbid(unsafe_code)]

mod error;
mod host;
mod load;
mod stats;

pub use error::HostError;
pub use host::{Engine, Host, LoadInfo, LoadOptions, MapId, ProgId, TestResult, TestRun};
pub use load::{Loaded, LoadedProgram};
pub use stats::VerifierStats;
