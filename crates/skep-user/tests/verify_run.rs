//! An accepted random program never traps in the checked interpreter, and native code does the same.
//! `cargo xtask fuzz verify_run` does this for longer.

mod dubious;

use dubious::{Outcome, verify_then_run};

#[test]
fn accepted_programs_stay_inside() {
    let (mut ran, mut refused) = (0u32, 0u32);
    let test = arbtest::arbtest(|u| {
        match verify_then_run(u)? {
            Outcome::Ran => ran += 1,
            Outcome::Refused => refused += 1,
        }
        Ok(())
    })
    .size_min(256);
    // `ARBTEST_BUDGET_MS` has the last word.
    drop(if std::env::var_os("ARBTEST_BUDGET_MS").is_none() { test.budget_ms(2_000) } else { test });
    println!("{ran} programs ran, {refused} were refused");
    // A generator of which nothing passes tests nothing.
    assert!(ran > 20, "{ran} programs ran, {refused} were refused");
    assert!(refused > 20, "{ran} programs ran, {refused} were refused");
}
