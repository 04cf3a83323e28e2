//! The verifier: `Program` → `Verified`, or a reason.
//!
//! [`verify`] proves of every path of a program that it reads only initialised registers, accesses only memory that
//! is there, calls functions only with what they take, and ends. Rules and limits are those of Linux 6.18 for
//! privileged programs; what this verifier can't prove it refuses, and says why.
//!
//! - [`domain`]: what is known of numbers, and arithmetic on that;
//! - `value`, `state`, `stack`: what is known of registers and memory at one point of one path;
//! - `flow`, `liveness`: what the shape of the program tells before any path is walked;
//! - `explore`: the walk over all paths; `step`, `arith`, `memory`, `pointer`, `jump`, `call`: the rules, by instruction;
//! - `special`: maps that are refused for what their values contain;
//! - `prune`, `precise`: where paths meet, which of them are the same.
//!
//! It runs nothing, and knows neither hosts nor maps' contents, but for data that is frozen.
#![forbid(unsafe_code)]

mod arith;
mod call;
pub mod domain;
mod error;
mod explore;
mod flow;
mod jump;
mod liveness;
mod memory;
mod options;
mod pointer;
mod precise;
mod prune;
mod special;
mod stack;
mod state;
mod step;
mod value;
mod verified;

pub use error::{Decision, Place, Reason, Source, VerifyError};
pub use explore::verify;
pub use options::{Limits, Options};
pub use verified::{Fact, Region, Stats, Verified};
