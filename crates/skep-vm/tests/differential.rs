//! Random programs that the verifier passes never trap, and both engines do the same with them.

mod generator;
mod support;

use skep_isa::Insn;
use skep_testkit::skip;

#[test]
fn engines_agree_on_random_programs() {
    if !skep_vm::jit_available() {
        skip!("there is no native code for this machine");
    }
    let (mut ran, mut refused) = (0_u32, 0_u32);
    arbtest::arbtest(|u| {
        let memory: [u8; generator::MEMORY] = u.arbitrary()?;
        let insns: Vec<Insn> = generator::program(u)?;
        match support::run_on_memory(&insns, &memory) {
            Ok(_) => ran += 1,
            Err(error) => {
                assert!(!error.contains("trap") && !error.contains("differ"), "{error}\n{insns:#?}");
                refused += 1;
            }
        }
        Ok(())
    })
    .budget_ms(3000);
    // The generator is made to be passed; a verifier that tires of branches may refuse some.
    assert!(ran > 100 && ran > 10 * refused, "{ran} ran, {refused} were refused");
}
