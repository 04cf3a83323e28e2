//! Functions of socket filters and traffic control, and a few that all programs have.

use skep_isa::{Insn, Reg, Size};

use crate::both::{agree, loaded};
use crate::code::Code;
use crate::packets::packets;
use crate::{FILTER, TC, XDP, no_context, offset, state};

#[test]
fn loading_bytes() {
    need_linux!();
    for kind in [TC, FILTER] {
        for (at, len) in [(0, 1), (0, 8), (12, 2), (14, 8), (30, 8), (-1, 4), (0x7fff_fff0, 8), (1500, 8)] {
            let code = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).set(Reg::R2, at);
            let code = code
                .set(Reg::R4, len)
                .add([Insn::store_imm(Size::Dw, Reg::R10, -56, -1)])
                .stack(Reg::R3, -56);
            let code = code.call("bpf_skb_load_bytes").report(0).end(1);
            agree(&format!("load {len} at {at}"), kind, &code, &packets(), &no_context());
            for header in [0, 1, 2, -1] {
                let code = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).set(Reg::R2, at);
                let code = code.set(Reg::R4, len).set(Reg::R5, header).stack(Reg::R3, -56);
                let code = code.call("bpf_skb_load_bytes_relative").report(0).end(1);
                let name = format!("load {len} at {at} from header {header}");
                agree(&name, kind, &code, &packets(), &no_context());
            }
        }
    }
}

#[test]
fn packet_loads_of_old() {
    need_linux!();
    let load = |size, at| Insn::new(skep_isa::Op::LoadPacket { size, indirect: false }).imm(at);
    for kind in [TC, FILTER] {
        let offsets =
            [0_i64, 1, 12, 23, 30, 1498, -0x10_0000, -0x10_0000 + 9, -0x20_0000, -0x20_0000 + 12, -1];
        for at in offsets {
            for size in [Size::B, Size::H, Size::W] {
                let code = [Insn::mov_reg(Reg::R6, Reg::R1), load(size, at), Insn::exit()];
                agree(&format!("packet load of {size:?} at {at}"), kind, &code, &packets(), &no_context());
            }
        }
    }
}

#[test]
fn storing_bytes() {
    need_linux!();
    for (at, len, flags) in
        [(0, 6, 0), (14, 8, 1), (33, 4, 2), (30, 8, 3), (0, 4, 4), (-1, 4, 0), (1510, 4, 0), (1511, 4, 0)]
    {
        let code = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).set(Reg::R2, at);
        let code = code.add([Insn::store_imm(Size::Dw, Reg::R10, -56, 0x0123_4567)]).stack(Reg::R3, -56);
        let code = code.set(Reg::R4, len).set(Reg::R5, flags).call("bpf_skb_store_bytes").report(0);
        agree(
            &format!("store {len} at {at}, flags {flags}"),
            TC,
            &state(code).end(0),
            &packets(),
            &no_context(),
        );
    }
    for len in [0, 14, 34, 60, 1514, 1515, -1] {
        let code = Code::new().call_context("bpf_skb_pull_data", &[len]).report(0);
        agree(&format!("pull {len}"), TC, &state(code).end(0), &packets(), &no_context());
    }
}

#[test]
fn checksums() {
    need_linux!();
    let flags = [
        0,
        1,
        2,
        3,
        4,
        8,
        0x10,
        0x12,
        0x14,
        0x20,
        0x22,
        0x24,
        0x30,
        0x34,
        0x62,
        0x64,
        0x80,
        0x84,
        0x94,
        0x100,
        1 << 40,
    ];
    for function in ["bpf_l3_csum_replace", "bpf_l4_csum_replace"] {
        for at in [24, 40, 25, 36, 0x10000] {
            for flags in flags {
                let changes = [(0, 0x1234_5678), (0x0102_0304, 0x1_0002_0003), (0, 0), (0xffff, 0x3039)];
                let code = changes.into_iter().zip(0..).fold(Code::new(), |code, ((from, to), word)| {
                    code.call_context(function, &[at, from, to, flags]).report(word)
                });
                let name = format!("{function} at {at}, flags {flags:#x}");
                agree(&name, TC, &code.end(0), &packets()[1..5], &no_context());
            }
        }
    }
    let code = Code::new().call_context("bpf_csum_update", &[7]).report(0).end(0);
    agree("csum_update", TC, &code, &packets(), &no_context());
}

#[test]
fn differences_of_checksums() {
    need_linux!();
    let buffers: [(i32, i64); 6] = [(-64, 0), (-64, 4), (-64, 28), (-64, 64), (-62, 6), (-61, 5)];
    let pointer = |code: Code, register, at, len| match len {
        0 => code.set(register, 0),
        _ => code.stack(register, at),
    };
    for (from, from_len) in buffers {
        for (to, to_len) in buffers {
            for (first, second) in [(0, -1), (-1, 0x1_0000), (0x1234_5678, 0x9abc)] {
                let mut code = Code::new();
                for (at, value) in [(-64, first), (-60, second)] {
                    code = code.add([Insn::store_imm(Size::W, Reg::R10, at, value)]);
                }
                // One result a seed, kept where the buffers don't reach, and copied to the report at the end.
                for (seed, slot) in
                    [0, 1, 0xffff, 0x1_0000, 0xffff_ffff, 0x1234_5678_9abc].into_iter().zip(10..)
                {
                    code = pointer(code, Reg::R1, from, from_len).set(Reg::R2, from_len);
                    code =
                        pointer(code, Reg::R3, to + i32::from(to_len == 4) * 4, to_len).set(Reg::R4, to_len);
                    code = code.set(Reg::R5, seed).call("bpf_csum_diff");
                    code = code.add([Insn::store_reg(Size::Dw, Reg::R10, -8 * slot, Reg::R7)]);
                }
                for slot in 10..16 {
                    code = code.add([Insn::load(Size::Dw, Reg::R7, Reg::R10, -8 * slot)]).report(slot - 10);
                }
                let name = format!("difference of {from_len} and {to_len} bytes, {first:#x}, {second:#x}");
                agree(&name, XDP, &code.end(2), &packets()[..1], &no_context());
            }
        }
    }
}

#[test]
fn vlan_tags() {
    need_linux!();
    let push = |code: Code, protocol: u16, tag| {
        state(code.call_context("bpf_skb_vlan_push", &[i64::from(protocol.to_be()), tag]).report(0))
    };
    let pop = |code: Code| state(code.call_context("bpf_skb_vlan_pop", &[]).report(1));
    let cases: [(&str, Code); 9] = [
        ("push", push(Code::new(), 0x8100, 0x1_2005)),
        ("push of a service tag", push(Code::new(), 0x88a8, 5)),
        ("push of another protocol", push(Code::new(), 0x0800, 5)),
        ("push twice", push(push(Code::new(), 0x8100, 7), 0x88a8, 9)),
        ("push three times", push(push(push(Code::new(), 0x8100, 7), 0x88a8, 9), 0x8100, 1)),
        ("pop", pop(Code::new())),
        ("pop twice", pop(pop(Code::new()))),
        ("pop three times", pop(pop(pop(Code::new())))),
        ("push twice, pop twice", pop(pop(push(push(Code::new(), 0x8100, 7), 0x8100, 9)))),
    ];
    for (name, code) in cases {
        agree(name, TC, &code.end(0), &packets(), &no_context());
    }
}

#[test]
fn room_at_both_ends() {
    need_linux!();
    for (function, sizes) in [
        ("bpf_skb_change_head", [0, 1, 14, 64, 65, 200, 14_550, 15_000, 16_064, -1]),
        ("bpf_skb_change_tail", [0, 13, 14, 20, 60, 100, 2000, 16_064, 16_065, -1]),
    ] {
        for size in sizes {
            for flags in [0, 1] {
                let code = state(Code::new().call_context(function, &[size, flags]).report(0));
                agree(
                    &format!("{function} {size}, flags {flags}"),
                    TC,
                    &code.end(0),
                    &packets(),
                    &no_context(),
                );
            }
        }
    }
    let mut segmented = vec![0; 192];
    segmented[offset("gso_size") as usize] = 100;
    segmented[offset("gso_segs") as usize] = 3;
    for (function, size) in [("bpf_skb_change_head", 16_064), ("bpf_skb_change_tail", 60)] {
        let code = state(Code::new().call_context(function, &[size, 0]).report(0)).end(0);
        agree(&format!("{function} {size}, segmented"), TC, &code, &packets(), &[segmented.clone()]);
    }
    // One after another: what one changes, the next counts from.
    let code = Code::new().call_context("bpf_skb_change_head", &[10, 0]).report(0);
    let code = state(code.call_context("bpf_skb_change_tail", &[20, 0]).report(1));
    let code = state(code.call_context("bpf_skb_change_tail", &[40, 0]).report(1)).end(0);
    agree("head, then tail", TC, &code, &packets(), &no_context());
    let code = Code::new().call_context("bpf_skb_change_head", &[10, 0]).report(0);
    let code = state(code.call_context("bpf_skb_vlan_push", &[0x0081, 5]));
    let code = state(code.call_context("bpf_skb_vlan_push", &[0x0081, 6]));
    let code = state(code.call_context("bpf_skb_vlan_pop", &[]).report(1)).end(0);
    agree("head, then tags", TC, &code, &packets(), &no_context());
}

#[test]
fn types_and_hashes() {
    need_linux!();
    for new in [0, 1, 2, 3, 4, 7, -1, 0x1_0000_0002] {
        let code = state(Code::new().call_context("bpf_skb_change_type", &[new]).report(0)).end(0);
        agree(&format!("type {new}"), TC, &code, &packets(), &no_context());
    }
    let code = Code::new().call_context("bpf_set_hash_invalid", &[]).report(0);
    agree("no hash", TC, &code.report_field(offset("hash"), 2).end(0), &packets(), &no_context());
}

/// The numbers differ, as Linux's secret is unknown; what can be told of them must not.
#[test]
fn flow_hashes_are_kept_and_never_zero() {
    need_linux!();
    let hash = |code: Code, word| code.call_context("bpf_get_hash_recalc", &[]).report(word);
    let code = hash(hash(Code::new().report_field(offset("hash"), 6), 0), 1).report_field(offset("hash"), 4);
    let code = code.call_context("bpf_set_hash_invalid", &[]).report_field(offset("hash"), 5);
    let mut all = loaded("hashes", TC, &hash(code, 7).end(0));
    for (name, packet) in packets() {
        for place in &mut all {
            // A packet that is no test's input for one is for none; `sizes_of_packets` sees to that.
            let Ok(outcome) = place.run(&packet, &[], 1) else { continue };
            let report = outcome.report();
            let half = |at: usize| u32::from_ne_bytes(report[at * 4..][..4].try_into().expect("four bytes"));
            assert_ne!(half(0), 0, "{name}");
            assert_eq!((half(0), half(1)), (half(2), half(3)), "{name}: computed once");
            assert_eq!(
                (half(4), half(5), half(6)),
                (half(0), 0, 0),
                "{name}: in the context, until invalidated"
            );
            assert_eq!(half(14), half(0), "{name}: the same again");
        }
    }
}

#[test]
fn where_packets_go() {
    need_linux!();
    for kind in [TC, XDP] {
        for flags in [0, 1, 2, 1 << 32] {
            let code = Code::new().set(Reg::R1, 1).set(Reg::R2, flags).call("bpf_redirect").report(0).end(0);
            agree(&format!("redirect with {flags}"), kind, &code, &packets()[..1], &no_context());
        }
    }
}

#[test]
fn places() {
    need_linux!();
    let code = Code::new().call("bpf_get_numa_node_id").report(0).end(0);
    agree("node", TC, &code, &packets()[..1], &no_context());
}
