//! Verify, then run: an accepted program never traps in the checked interpreter, and native code does the same.
#![no_main]
#![forbid(unsafe_code)]

#[path = "../../crates/skep-user/tests/dubious/mod.rs"]
mod dubious;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Too few bytes make no program; that is no finding.
    let _ = dubious::verify_then_run(&mut Unstructured::new(data));
});
