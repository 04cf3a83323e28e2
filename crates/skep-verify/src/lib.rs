//! The verifier: `Program` → `Verified`.
#![forbid(unsafe_code)]

mod error;
mod verified;

pub use error::VerifyError;
pub use verified::{Fact, Region, Stats, Verified};
