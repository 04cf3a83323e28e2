//! Jumps beyond 16 bits, and cpu levels.

use skep_asm::{AsmErrors, Options, assemble_raw};
use skep_isa::text::Writer;
use skep_isa::{Cpu, Endian, Insn, decode_all};

fn insns(source: &str) -> Vec<Insn> {
    let bytes = assemble_raw(source, "far.s", &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    decode_all(&bytes, Endian::Little).expect("whole slots")
}

fn errors(source: &str, cpu: Cpu) -> AsmErrors {
    let options = Options { cpu: Some(cpu), ..Options::default() };
    assemble_raw(source, "far.s", &options).expect_err("refused")
}

/// So many instructions that do nothing.
fn filling(count: usize) -> String {
    "r0 = r0\n".repeat(count)
}

/// Where the instruction at a slot leads, through the jumps of a longer form.
fn leads_to(insns: &[Insn], mut slot: usize) -> usize {
    let long = insns[slot + 1..].iter().position(|insn| Writer::pseudoc().insn(insn).starts_with("gotol"));
    slot += 1 + long.expect("a long jump");
    (slot as i64 + 1 + insns[slot].target().expect("a jump")) as usize
}

#[test]
fn far_jumps_take_longer_forms() {
    for (condition, inverted) in [
        ("r1 == 5", "if r1 != 5 goto +1"),
        ("w1 s< w2", "if w1 s>= w2 goto +1"),
        ("r3 > r4", "if r3 <= r4 goto +1"),
        ("r3 & 8", "if r3 & 8 goto +1"),
    ] {
        for far in [false, true] {
            let body = filling(if far { 32_768 } else { 32_767 });
            let forward = insns(&format!("if {condition} goto out\n{body}out: exit"));
            let text = Writer::pseudoc().insn(&forward[0]);
            let last = forward.len() - 1;
            if far {
                assert_eq!(text, inverted);
                assert_eq!(leads_to(&forward, 0), last);
            } else {
                assert_eq!(text, format!("if {condition} goto +32767"));
            }
        }
        let backward = insns(&format!("exit\nback: {}if {condition} goto back\nexit", filling(32_768)));
        assert_eq!(leads_to(&backward, 32_769), 1);
    }
    let plain = insns(&format!("goto out\n{}out: exit", filling(40_000)));
    assert_eq!(Writer::pseudoc().insn(&plain[0]), "gotol +40000");
    let may = insns(&format!("may_goto out\n{}out: exit", filling(40_000)));
    assert_eq!(leads_to(&may, 0), may.len() - 1);
}

#[test]
fn a_longer_form_that_pushes_another_label_away_is_followed() {
    // The second jump just reaches, until the first becomes longer.
    let source = format!("if r1 == 2 goto b\nif r1 == 1 goto a\n{}b: {}a: exit", filling(32_766), filling(2));
    let insns = insns(&source);
    assert_eq!(insns.len(), 32_766 + 2 + 1 + 4);
    let exit = insns.len() - 1;
    assert_eq!(leads_to(&insns, 2), exit);
    assert_eq!(leads_to(&insns, 0), exit - 2);
}

#[test]
fn below_v4_far_jumps_are_refused_with_their_distance() {
    let source = format!("if r1 == 5 goto out\n{}out: exit", filling(32_768));
    let message = &errors(&source, Cpu::V3).errors[0].message;
    assert_eq!(message, "`out` is 32768 slots away, expected a distance of -32768 to 32767");
}

#[test]
fn a_level_names_the_first_instruction_that_it_lacks() {
    let source = "r1 = 1\nif r1 < 5 goto out\nif w1 == 1 goto out\nr1 s/= 2\nout: exit";
    for (cpu, line, message) in [
        (Cpu::V1, 2, "`jlt_imm` needs cpu v2, expected at most v1"),
        (Cpu::V2, 3, "`jeq32_imm` needs cpu v3, expected at most v2"),
        (Cpu::V3, 4, "`sdiv64_imm` needs cpu v4, expected at most v3"),
    ] {
        let first = &errors(source, cpu).errors[0];
        assert_eq!((first.line, first.message.as_str()), (line, message));
    }
    let options = Options { cpu: Some(Cpu::V4), ..Options::default() };
    assert!(assemble_raw(source, "a.s", &options).is_ok());
}
