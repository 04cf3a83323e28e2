//! Logs of Linux's verifier, pasted whole, to the programs in them.

use std::ops::Range;

use skep_isa::text::foreign::Language;
use skep_isa::text::foreign::log::{self, LogError};
use skep_isa::text::{Reader, Writer, detect};

/// Log level 2 of Linux 6.18: a branch explored twice, a wide load, a state behind instructions.
const LOG: &str = "\
libbpf: prog 'p': -- BEGIN PROG LOAD LOG --
func#0 @0
0: R1=ctx() R10=fp0
; int p(struct xdp_md *ctx) @ p.c:7
0: (b7) r0 = 1                        ; R0_w=1
1: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2_w=pkt(r=0)
2: (18) r3 = 0xffff8881002a4c00       ; R3_w=map_ptr(map=m,ks=4,vs=8)
4: (15) if r0 == 0x1 goto pc+2        ; R0_w=1
mark_precise: frame0: last_idx 4 first_idx 0 subseq_idx -1
mark_precise: frame0: regs=r0 stack= before 2: (18) r3 = 0xffff8881002a4c00
7: (85) call bpf_get_prandom_u32#7    ; R0_w=scalar()
8: (67) r0 <<= 3

from 4 to 5: safe
from 8 to 9: R0=scalar() R10=fp0
9: (95) exit
9: (95) exit
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1
-- END PROG LOAD LOG --
";

#[test]
fn a_log_gives_the_program_back_in_slot_order_and_names_what_it_lacks() {
    assert_eq!(detect(LOG).language, Language::Log);
    let listing = log::read(LOG, &Reader::pseudoc()).expect("a log");
    assert_eq!(listing.gaps(), vec![Range { start: 5, end: 7 }]);
    assert_eq!(listing.addresses, [2]);
    let expected = "    r0 = 1
    r2 = *(u32 *)(r1 + 0)
    r3 = 0xffff8881002a4c00 ll  # slot 2: a map's address; the log does not say which map
    if r0 == 1 goto +2
    goto -1  # slot 5: not in the log
    goto -1  # slot 6: not in the log
    call 7
    r0 <<= 3
    exit
";
    assert_eq!(listing.source(), expected);
}

#[test]
fn a_log_that_ends_early_has_a_gap_up_to_where_it_jumps() {
    let listing = log::read("0: (15) if r1 == 0x7 goto pc+2\n1: (b7) r0 = 0\n", &Reader::pseudoc());
    assert_eq!(listing.expect("a log").gaps(), vec![Range { start: 2, end: 4 }]);
    let listing = log::read("0: (b7) r0 = 0\n", &Reader::pseudoc());
    assert_eq!(listing.expect("a log").gaps(), vec![Range { start: 1, end: 2 }]);
}

#[test]
fn what_is_no_log_of_one_program_is_refused_with_its_line() {
    let reader = Reader::pseudoc();
    let refused = |text: &str| log::read(text, &reader).expect_err(text);
    assert_eq!(refused("processed 0 insns"), LogError::Empty);
    let error = refused("0: (b7) r0 = 1\n1: (95) exit\n0: (b7) r0 = 2\n");
    assert_eq!((error.line(), error.to_string()), (3, two_programs(0, 1)));
    let error = refused("0: (b7) r0 = r1\n");
    assert_eq!(error.to_string(), "expected an instruction of opcode 0xb7, found one of opcode 0xbf");
    let error = refused("0: (18) r0 = 0x1\n1: (95) exit\n");
    assert_eq!(error.to_string(), two_programs(1, 1));
    let error = refused("99999999: (95) exit");
    assert_eq!(error.to_string(), "slot 99999999 is beyond the 1000000 that Linux takes");
    let LogError::Insn { line: 1, error } = refused("0: (bf) r0 = rX") else { panic!("another error") };
    assert_eq!((error.at, error.len), (8, 7));
}

fn two_programs(slot: usize, line: usize) -> String {
    format!("slot {slot} is another instruction in line {line}: the logs of two programs")
}

/// Any program as a log would show it, in any order and more than once, comes back.
#[test]
fn any_program_survives_being_printed_slot_by_slot() {
    use skep_isa::text::Dialect;
    let (reader, writer) = (Reader::pseudoc(), Writer::new(Dialect::Pseudoc));
    let kernel =
        ["r1 = 7", "w1 += w2", "r2 = *(s8 *)(r1 + 3)", "*(u64 *)(r10 - 8) = 0", "if w1 s> 5 goto +0"];
    arbtest::arbtest(|u| {
        let count = u.int_in_range(1..=9)?;
        let mut insns = Vec::new();
        for _ in 0..count {
            let text = u.choose(&kernel)?;
            insns.push(reader.insn(text).expect(text).insn);
        }
        insns.push(reader.insn("exit").expect("exit").insn);
        let line = |slot: usize| {
            let opcode = insns[slot].row().expect("a row").opcode;
            format!("{slot}: ({opcode:02x}) {} ; R1=1\n", writer.insn(&insns[slot]))
        };
        let mut text = String::new();
        for _ in 0..20 {
            text += &line(u.int_in_range(0..=count)?);
        }
        text.extend((0..=count).rev().map(line));
        let listing = log::read(&text, &reader).expect("a log");
        assert_eq!(listing.slots, insns.into_iter().map(Some).collect::<Vec<_>>());
        Ok(())
    })
    .budget_ms(300);
}
