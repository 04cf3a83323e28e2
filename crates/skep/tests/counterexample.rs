//! Refused programs, tried: inputs that break them are found, and nothing is said of what only can't be followed.

use std::sync::Arc;

use skep::TrialInput;
use skep::counterexample::{Counterexample, Input, find, replay};
use skep::verify::{Options, Suspect};
use skep::vm::TrapKind;

/// What was seen of the first program of a source until it was refused.
fn suspect(source: &str) -> Suspect {
    let object = skep::asm::assemble(source, "test.s").expect("it assembles");
    let (function, _) = object.programs().next().expect("a program");
    let program = Arc::new(object.program(function).expect("it links"));
    Suspect::of(&program, &Options::default()).expect("it is refused")
}

fn found(source: &str) -> Counterexample {
    let suspect = suspect(source);
    let found = find(&suspect).expect("an input that breaks it");
    // The input alone breaks it again.
    let again = replay(&suspect, &found.input).expect("it runs").expect_err("it breaks");
    assert_eq!((again.trap.insn, again.is_real()), (found.fault.trap.insn, true));
    found
}

#[test]
fn a_path_through_comparisons_of_the_packet_is_found() {
    // IPv4, protocol 17, port 53, and then one byte too many.
    let found = found(
        "
        .section \"xdp\"
        prog:
            r2 = *(u32 *)(r1 + 0)
            r3 = *(u32 *)(r1 + 4)
            r4 = r2
            r4 += 42
            if r4 > r3 goto out
            r5 = *(u16 *)(r2 + 12)
            if r5 != 8 goto out
            r5 = *(u8 *)(r2 + 23)
            if r5 != 17 goto out
            r5 = *(u16 *)(r2 + 36)
            r5 = be16 r5
            if r5 != 53 goto out
            r0 = *(u8 *)(r2 + 42)
        out:
            r0 = 2
            exit",
    );
    let packet = &found.input.given.data;
    assert_eq!(
        (packet.len(), &packet[12..14], packet[23], &packet[36..38]),
        (42, &[8, 0][..], 17, &[0, 53][..])
    );
    assert_eq!(
        found.to_string(),
        "with a packet of 42 bytes, instruction 12 reads byte 42 of a packet whose last is 41"
    );
}

#[test]
fn what_a_map_holds_is_found_with_its_key() {
    let found = found(
        "
        .map limits, type=hash, key=u32, value=u64, max_entries=4
        .section \"tc\"
        prog:
            r6 = *(u32 *)(r1 + 8)
            r7 = 3
            *(u32 *)(r10 - 4) = r7
            r1 = limits ll
            r2 = r10
            r2 += -4
            call bpf_map_lookup_elem
            if r0 == 0 goto out
            r1 = *(u64 *)(r0 + 0)
            if r1 != 7 goto out
            if r6 > 8 goto out
            r0 += r6
            r0 = *(u8 *)(r0 + 0)
        out:
            r0 = 0
            exit",
    );
    assert_eq!(found.input.elements, [(0, vec![3, 0, 0, 0], vec![7, 0, 0, 0, 0, 0, 0, 0])]);
    assert!(found.what.ends_with("reads byte 8 of a value of map `limits` whose last is 7"), "{found}");
}

#[test]
fn a_program_that_is_refused_for_what_cannot_be_proved_is_not_called_broken() {
    // The index is below 8, which is not followed through the multiplication.
    let suspect = suspect(
        "
        .map table, type=array, key=u32, value=u64, max_entries=1
        .section \"tc\"
        prog:
            r6 = *(u32 *)(r1 + 8)
            r6 &= 15
            r8 = r6
            r8 *= r8
            r7 = 0
            *(u32 *)(r10 - 4) = r7
            r1 = table ll
            r2 = r10
            r2 += -4
            call bpf_map_lookup_elem
            if r0 == 0 goto out
            if r8 > 49 goto out
            r0 += r6
            r0 = *(u8 *)(r0 + 0)
        out:
            r0 = 0
            exit",
    );
    assert!(find(&suspect).is_none());
}

#[test]
fn a_moved_context_pointer_is_not_called_broken() {
    let suspect = suspect(
        "
        .section \"tc\"
        prog:
            r2 = *(u32 *)(r1 + 0)
            r2 &= 4
            r1 += r2
            r0 = *(u32 *)(r1 + 0)
            r0 = 0
            exit",
    );
    let input = Input { given: TrialInput { data: vec![0; 14], fields: Vec::new() }, elements: Vec::new() };
    // Linux's context has a field there; ours has its fields elsewhere.
    let fault = replay(&suspect, &input).expect("it runs").expect_err("it is stopped");
    assert!(!fault.is_real(), "{fault:?}");
}

#[test]
fn a_program_without_end_is_stopped() {
    let suspect = suspect(
        "
        .section \"socket\"
        prog:
            r0 = 0
        again:
            if r0 == 0 goto again
            exit",
    );
    let input = Input { given: TrialInput { data: vec![0; 64], fields: Vec::new() }, elements: Vec::new() };
    let fault = replay(&suspect, &input).expect("it runs").expect_err("it is stopped");
    assert_eq!((fault.trap.what, fault.is_real()), (TrapKind::Endless, false));
    assert!(find(&suspect).is_none());
}

#[test]
fn an_input_that_does_not_break_it_says_so() {
    let suspect = suspect(
        "
        .section \"xdp\"
        prog:
            r2 = *(u32 *)(r1 + 0)
            r0 = *(u8 *)(r2 + 20)
            exit",
    );
    let run = |bytes: usize| {
        let given = TrialInput { data: vec![1; bytes], fields: Vec::new() };
        replay(&suspect, &Input { given, elements: Vec::new() }).expect("it runs")
    };
    // What stands behind the refused instruction was not looked at, and is not run.
    assert!(!run(21).expect_err("it is stopped").is_real());
    assert!(run(20).expect_err("it breaks").is_real());
    assert!(replay(&suspect, &Input::default()).is_err());
}
