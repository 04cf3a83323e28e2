//! An accepted random program never traps in the checked interpreter, and native code does the same.
//! `cargo xtask fuzz verify_run` does this for longer.

mod dubious;

use dubious::{Outcome, verify_then_run};

#[test]
fn accepted_programs_stay_inside() {
    let (mut ran, mut refused) = (0u32, 0u32);
    arbtest::arbtest(|u| {
        match verify_then_run(u)? {
            Outcome::Ran => ran += 1,
            Outcome::Refused => refused += 1,
        }
        Ok(())
    })
    .size_min(256)
    .budget_ms(2_000);
    // A generator of which nothing passes tests nothing.
    assert!(ran > 20, "{ran} programs ran, {refused} were refused");
    assert!(refused > 20, "{ran} programs ran, {refused} were refused");
}
