//! The user host against the running kernel: the same programs on the same packets, with the same results, packets,
//! contexts and map contents; by the interpreter and by native code.

#[path = "support/both.rs"]
mod both;
#[path = "support/code.rs"]
mod code;
#[path = "support/packets.rs"]
mod packets;

use both::{agree, agree_on_maps, loaded};
use code::{Code, array, field_map, program, with_maps};
use packets::packets;
use skep_abi::{AttachType, MapDef, MapFlags, MapType, ProgType, SK_BUFF, XDP_MD};
use skep_host::{Host, LoadOptions, TestRun};
use skep_isa::{Insn, Reg, Size};
use skep_linux::LinuxHost;
use skep_obj::Program;
use skep_testkit::{CAP_BPF, CAP_NET_ADMIN, capable, skip};
use skep_user::{UserConfig, UserHost};

const TC: ProgType = ProgType::SchedCls;
const FILTER: ProgType = ProgType::SocketFilter;
const XDP: ProgType = ProgType::Xdp;

/// Skips the test unless programs can be loaded into the kernel.
macro_rules! need_linux {
    () => {
        if !capable(CAP_BPF) || !capable(CAP_NET_ADMIN) {
            skip!("no privilege to load programs into the kernel");
        }
    };
}

fn offset(name: &str) -> i16 {
    SK_BUFF.fields[SK_BUFF.index_of(name).expect("a field")].off as i16
}

/// What the stack knows of a packet, from the sixth half word of the report on, and what lies at its headers.
fn state(code: Code) -> Code {
    let names =
        ["len", "protocol", "pkt_type", "vlan_present", "vlan_tci", "vlan_proto", "gso_size", "gso_segs"];
    let mut code = code;
    for (name, half) in names.into_iter().zip(4..) {
        code = code.report_field(offset(name), half);
    }
    for (header, word) in [(0, 6), (1, 7)] {
        code = code.add([Insn::mov_reg(Reg::R1, Reg::R6), Insn::mov_imm(Reg::R2, 0)]);
        code = code.stack(Reg::R3, -64 + 8 * word).set(Reg::R4, 6).set(Reg::R5, header);
        code = code.call("bpf_skb_load_bytes_relative");
    }
    code
}

fn no_context() -> Vec<Vec<u8>> {
    vec![Vec::new()]
}

#[test]
fn sizes_of_packets() {
    need_linux!();
    for kind in [TC, FILTER, XDP] {
        let sizes = [0, 1, 13, 14, 15, 3519, 3520, 3521, 3711, 3712, 3713, 4096, 8000, 73152, 73153];
        let inputs: Vec<_> = sizes.iter().map(|&n| ("zeroes", vec![0; n])).collect();
        let code = [Insn::mov_imm(Reg::R0, 7), Insn::exit()];
        agree("sizes", kind, &code, &inputs, &no_context());
        for protocol in [0x0800_u16, 0x86dd, 0x8100, 0x0010] {
            let frame = |len: usize| [&[2; 12][..], &protocol.to_be_bytes(), &vec![0; len]].concat();
            let inputs: Vec<_> = [0, 1, 19, 20, 39, 40].map(|len| ("frame", frame(len))).to_vec();
            agree("sizes of headers", kind, &code, &inputs, &no_context());
        }
    }
}

#[test]
fn fields_that_a_packet_gives() {
    need_linux!();
    for kind in [TC, FILTER] {
        let code =
            state(Code::new()).report_field(offset("ifindex"), 0).report_field(offset("ingress_ifindex"), 1);
        let code = code.report_field(offset("hash"), 2).report_field(offset("queue_mapping"), 3);
        agree("fields", kind, &code.end(1), &packets(), &no_context());
        let more = ["mark", "priority", "tc_index", "napi_id", "ifindex"];
        let code =
            more.into_iter().zip(0..).fold(Code::new(), |c, (name, half)| c.report_field(offset(name), half));
        agree("more fields", kind, &code.end(1), &packets(), &no_context());
    }
    let wide = |name: &str, word: i16| {
        [
            Insn::load(Size::Dw, Reg::R7, Reg::R6, offset(name)),
            Insn::store_reg(Size::Dw, Reg::R10, -64 + 8 * word, Reg::R7),
        ]
    };
    let code =
        Code::new().add(wide("tstamp", 0)).add(wide("hwtstamp", 1)).report_field(offset("wire_len"), 4);
    let code = code.report_field(offset("tc_classid"), 5);
    agree("fields of tc", TC, &code.end(1), &packets(), &[Vec::new(), vec![0; 192]]);
}

#[test]
fn contexts_that_a_test_gives() {
    need_linux!();
    let inputs = &packets()[..2];
    let base: Vec<u8> = vec![0; SK_BUFF.size as usize];
    let mut contexts = vec![base.clone()];
    for at in (0..base.len()).step_by(4) {
        for value in [1_u32, 0x0100_0000] {
            let mut context = base.clone();
            context[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            // A network device of the machine may have this number, and pointers are for the hosts to say.
            let pointers = ["data", "data_end", "data_meta"].map(|name| offset(name) as usize);
            if !pointers.contains(&at) {
                contexts.push(context);
            }
        }
    }
    for (name, value) in [
        ("wire_len", 41_u32),
        ("wire_len", 60),
        ("wire_len", 65536),
        ("wire_len", 65537),
        ("gso_segs", 65535),
        ("gso_segs", 65536),
    ] {
        let mut context = base.clone();
        context[offset(name) as usize..][..4].copy_from_slice(&value.to_ne_bytes());
        contexts.push(context);
    }
    for len in [1, 4, 44, 191, 193, 4096, 4097] {
        contexts.push(vec![0; len]);
    }
    let mut beyond = vec![0; 200];
    beyond[196] = 1;
    contexts.push(beyond);
    for kind in [TC, FILTER] {
        let names = ["mark", "priority", "ingress_ifindex", "ifindex", "gso_segs", "gso_size"];
        let code = names
            .into_iter()
            .zip(4..)
            .fold(Code::new(), |c, (name, half)| c.report_field(offset(name), half));
        let code = code.report_field(offset("cb"), 0).report_field(offset("cb") + 16, 1);
        agree("given contexts", kind, &code.end(1), inputs, &contexts);
    }
}

#[test]
fn contexts_that_a_program_changes() {
    need_linux!();
    let store = |name: &str, value| Insn::store_imm(Size::W, Reg::R6, offset(name), value);
    let mut code = Code::new();
    for (name, value) in [
        ("mark", 11),
        ("priority", 12),
        ("tc_index", 13),
        ("cb", 14),
        ("queue_mapping", 15),
        ("tc_classid", 16),
    ] {
        code = code.add([store(name, value)]);
    }
    code = code.add([Insn::store_imm(Size::Dw, Reg::R6, offset("tstamp"), 17)]);
    for (name, half) in
        ["mark", "priority", "tc_index", "cb", "queue_mapping", "tc_classid"].into_iter().zip(0..)
    {
        code = code.report_field(offset(name), half);
    }
    agree("changed contexts", TC, &code.end(0), &packets(), &[Vec::new(), vec![0; 192]]);
    let code = Code::new()
        .add([Insn::store_imm(Size::W, Reg::R6, offset("cb") + 4, 14)])
        .report_field(offset("cb") + 4, 0);
    agree("changed cb", FILTER, &code.end(0), &packets(), &[vec![0; 192]]);
}

#[test]
fn contexts_of_xdp() {
    need_linux!();
    let md = |fields: [u32; 6]| fields.iter().flat_map(|f| f.to_ne_bytes()).collect::<Vec<u8>>();
    let field = |name: &str| XDP_MD.fields[XDP_MD.index_of(name).expect("a field")].off as i16;
    let code = Code::new().report_field(field("ingress_ifindex"), 0).report_field(field("rx_queue_index"), 1);
    let code = code.call_context("bpf_xdp_get_buff_len", &[]).report(1);
    // data_end - data, and data - data_meta.
    let distance = |code: Code, from: &str, to: &str, word| {
        code.add([
            Insn::load(Size::W, Reg::R2, Reg::R6, field(from)),
            Insn::load(Size::W, Reg::R7, Reg::R6, field(to)),
            Insn::alu_reg(skep_isa::AluOp::Sub, skep_isa::Width::W64, Reg::R7, Reg::R2),
        ])
        .report(word)
    };
    let code = distance(distance(code, "data", "data_end", 2), "data_meta", "data", 3).end(2);
    let len = 400;
    // What its pointers say is for the kernel's own tests; here they are those of the packet.
    let contexts = [
        Vec::new(),
        md([0; 6]),
        md([0, len, 0, 0, 0, 0]),
        md([0, len, 0, 1, 0, 0]),
        md([0, len, 0, 1, 1, 0]),
        md([0, len, 0, 0, 1, 0]),
        md([0, len, 0, 0x7fff_ffff, 0, 0]),
        md([0, len, 0, 0, 0, 1]),
        vec![0; 8],
        vec![0; 30],
    ];
    agree("xdp contexts", XDP, &code, &[("zeroes", vec![0; len as usize])], &contexts);
    agree("a context", XDP, &code, &[("long", vec![7; 3600]), ("longer", vec![7; 9000])], &[md([0; 6])]);
}

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
fn ends_of_xdp_packets() {
    need_linux!();
    let inputs = [
        packets(),
        vec![("long", vec![7; 3500]), ("fragments", vec![7; 5000]), ("more fragments", vec![9; 9000])],
    ]
    .concat();
    for (function, deltas) in [
        ("bpf_xdp_adjust_head", vec![0, 1, -1, 28, 46, 47, -216, -217, 3506, 3507, i64::from(i32::MIN)]),
        (
            "bpf_xdp_adjust_tail",
            vec![
                0,
                1,
                -1,
                -28,
                -46,
                -1480,
                -1500,
                -4986,
                -5480,
                -5481,
                20,
                2616,
                2617,
                3460,
                i64::from(i32::MIN),
            ],
        ),
        ("bpf_xdp_adjust_meta", vec![0, 4, -4, -3, -212, -216, -217, -220, -256, i64::from(i32::MIN)]),
    ] {
        for delta in deltas {
            let code = Code::new().call_context(function, &[delta]).report(0);
            let code = code.call_context("bpf_xdp_get_buff_len", &[]).report(1).end(2);
            agree(&format!("{function} {delta}"), XDP, &code, &inputs, &no_context());
        }
    }
    for second in [-212, -200, 4, 30] {
        let code = Code::new().call_context("bpf_xdp_adjust_meta", &[-4]).report(0);
        let code = code.call_context("bpf_xdp_adjust_head", &[second]).report(1);
        let code = code.call_context("bpf_xdp_adjust_meta", &[-8]).report(2).end(2);
        agree(&format!("meta, then head {second}"), XDP, &code, &inputs, &no_context());
    }
}

#[test]
fn bytes_of_xdp_packets() {
    need_linux!();
    let numbered: Vec<u8> = (0..9000_u32).map(|n| (n % 251) as u8).collect();
    let fragments = [("fragments", numbered[..5000].to_vec()), ("more fragments", numbered)];
    let inputs = [packets(), fragments.to_vec()].concat();
    for (at, len) in [
        (0, 8),
        (12, 4),
        (30, 8),
        (3516, 8),
        (3520, 8),
        (4990, 8),
        (4993, 8),
        (7612, 8),
        (-1, 4),
        (0x10000, 4),
    ] {
        for function in ["bpf_xdp_load_bytes", "bpf_xdp_store_bytes"] {
            let code = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).set(Reg::R2, at);
            let code = code.add([Insn::store_imm(Size::Dw, Reg::R10, -56, 0x0123_4567)]).stack(Reg::R3, -56);
            let code = code.set(Reg::R4, len).call(function).report(0).end(2);
            agree(&format!("{function}, {len} at {at}"), XDP, &code, &inputs, &no_context());
        }
    }
}

#[test]
fn messages() {
    need_linux!();
    let formats = [
        "plain",
        "%d %u",
        "%lld %llu %llx",
        "%i%%%x",
        "[%5d][%-5d][%05d]",
        "%c|%5c",
        "%s",
        "%s|%d",
        "%px",
        "%pK",
        "%p %p",
        "%pI4",
        "%pi6",
        "%",
        "%.3d",
        "%#x",
        "%hd",
        "%lp",
        "%sx",
        "%pI5",
        "%pq",
        "%f",
        "%n",
        "%llld",
        "%d%d%d%d",
        "%lc",
        "%ld",
        "% d%+d",
        "%2000d",
        "tab\tline\n",
        "\u{1}",
        "é",
        "%pks",
        "%pus.",
        "%pkx",
        "%X",
        "%o",
        "%zu",
        "%20pI4abc.",
        "%pB",
        "%dé",
        "%sé",
        "%s£",
        "%p£",
        "%pé",
        "%pxé£",
        "%é",
        "%cé",
        "\u{7f}",
        "%d\u{7f}",
        "%s\u{a0}",
    ];
    for format in formats {
        let bytes = format!("{format}\0");
        let code = Code::new().text(-128, &bytes);
        // Null is an address that nobody can read.
        let code = code.stack(Reg::R1, -128).set(Reg::R2, bytes.len() as i64).set(Reg::R3, 0).set(Reg::R4, 0);
        let code = code.set(Reg::R5, 0).call("bpf_trace_printk").report(0).end(0);
        agree(&format!("print {format:?}"), XDP, &code, &packets()[..1], &no_context());
    }
}

/// Strings and addresses that messages refer to, on the stack, in the packet and in a map.
#[test]
fn messages_about_memory() {
    need_linux!();
    let formats =
        ["%s", "%s|%s", "%8s|", "%pks", "%pI4", "%pi4", "%pI6", "%pi6", "%s%s%s", "%pI4 %s", "%pus"];
    let data = |code: Code| {
        let field = |name| XDP_MD.fields[XDP_MD.index_of(name).expect("a field")].off as i16;
        let (jump, width) = (skep_isa::Cond::Gt, skep_isa::Width::W64);
        code.add([
            Insn::load(Size::W, Reg::R8, Reg::R6, field("data")),
            Insn::load(Size::W, Reg::R2, Reg::R6, field("data_end")),
            Insn::mov_reg(Reg::R3, Reg::R8),
            Insn::alu_imm(skep_isa::AluOp::Add, width, Reg::R3, 20),
            Insn::jump_reg(jump, width, Reg::R3, Reg::R2, 3),
            Insn::mov_reg(Reg::R3, Reg::R8),
            Insn::alu_imm(skep_isa::AluOp::Add, width, Reg::R3, 4),
            Insn::ja(1),
            Insn::mov_imm(Reg::R3, 0),
        ])
    };
    let value = |code: Code| {
        let code = code.add([Insn::store_imm(Size::W, Reg::R10, -72, 0)]).add(Insn::map_idx(Reg::R1, 0));
        code.stack(Reg::R2, -72).call_void("bpf_map_lookup_elem").add([Insn::mov_reg(Reg::R3, Reg::R0)])
    };
    for format in formats {
        for (name, place) in [("stack", None), ("packet", Some(true)), ("map", Some(false))] {
            let code = Code::new().text(-128, &format!("{format}\0")).text(-32, "letters\0");
            let code = match place {
                None => code.stack(Reg::R3, -32),
                Some(true) => data(code),
                Some(false) => value(code),
            };
            let code = code.add([Insn::mov_reg(Reg::R4, Reg::R3), Insn::mov_reg(Reg::R5, Reg::R3)]);
            let code = code.stack(Reg::R1, -128).set(Reg::R2, format.len() as i64 + 1);
            let code = code.call("bpf_trace_printk").report(0).end(2);
            agree(&format!("print {format:?} from the {name}"), XDP, &code, &packets(), &no_context());
        }
    }
}

#[test]
fn places() {
    need_linux!();
    let code = Code::new().call("bpf_get_numa_node_id").report(0).end(0);
    agree("node", TC, &code, &packets()[..1], &no_context());
}

/// Counts packets by a few bytes of theirs, in every way that a map can be changed.
#[test]
fn maps_that_programs_change() {
    need_linux!();
    let of = |map_type, key_size, max_entries, flags| MapDef {
        map_type,
        flags: MapFlags(flags),
        ..array(key_size, 8, max_entries)
    };
    let kinds = [
        of(MapType::Array, 4, 4, 0),
        of(MapType::Hash, 4, 16, 0),
        of(MapType::Hash, 4, 2, 0),
        of(MapType::Hash, 4, 16, MapFlags::NO_PREALLOC.0),
        of(MapType::LruHash, 4, 64, 0),
        of(MapType::PercpuArray, 4, 4, 0),
        of(MapType::PercpuHash, 4, 16, 0),
        of(MapType::LruPercpuHash, 4, 64, 0),
        of(MapType::LpmTrie, 8, 16, MapFlags::NO_PREALLOC.0),
    ];
    for def in kinds {
        // The key: a prefix length where there is one, and the byte that says which protocol is in IPv4.
        let (key, masked) = (-76 - (def.key_size as i16 - 4), if def.key_size == 4 { 3 } else { 0xff });
        let call = |code: Code, function, flags| {
            code.add(Insn::map_idx(Reg::R1, 1))
                .stack(Reg::R2, i32::from(key))
                .stack(Reg::R3, -96)
                .set(Reg::R4, flags)
                .call(function)
        };
        let code = Code::new().add([
            Insn::store_imm(Size::Dw, Reg::R10, -80, 32),
            Insn::store_imm(Size::Dw, Reg::R10, -96, 1),
            Insn::mov_reg(Reg::R1, Reg::R6),
        ]);
        let code = code.set(Reg::R2, 23).stack(Reg::R3, -76).set(Reg::R4, 1).call("bpf_xdp_load_bytes");
        let code = code.report(0).add([
            Insn::load(Size::W, Reg::R7, Reg::R10, -76),
            Insn::alu_imm(skep_isa::AluOp::And, skep_isa::Width::W64, Reg::R7, masked),
            Insn::store_reg(Size::W, Reg::R10, -76, Reg::R7),
        ]);
        let code = call(code, "bpf_map_lookup_elem", 0).add([
            Insn::jump_imm(skep_isa::Cond::Eq, skep_isa::Width::W64, Reg::R0, 0, 3),
            Insn::load(Size::Dw, Reg::R1, Reg::R0, 0),
            Insn::alu_imm(skep_isa::AluOp::Add, skep_isa::Width::W64, Reg::R1, 1),
            Insn::store_reg(Size::Dw, Reg::R0, 0, Reg::R1),
        ]);
        let code = call(code, "bpf_map_update_elem", 1).report(1);
        let code = call(code, "bpf_map_update_elem", 3).report(2);
        let code = call(code, "bpf_map_update_elem", 4).report(3);
        let code = code.add([Insn::store_imm(Size::W, Reg::R10, -76, 1)]);
        let code = call(code, "bpf_map_delete_elem", 0).report(4);
        let code = call(code, "bpf_map_update_elem", 2).report(5);
        agree_on_maps(&format!("{} of {}", def.map_type, def.max_entries), &code.end(2), &[def], &packets());
    }
}

#[test]
fn queues_that_programs_use() {
    need_linux!();
    for map_type in [MapType::Queue, MapType::Stack] {
        let def = MapDef { map_type, ..array(0, 8, 2) };
        let at = |code: Code, value: i32, word: i16| {
            code.add([Insn::store_imm(Size::Dw, Reg::R10, -64 + 8 * word, value)])
                .add(Insn::map_idx(Reg::R1, 1))
                .stack(Reg::R2, i32::from(-64 + 8 * word))
        };
        let code = at(Code::new(), 5, 6).set(Reg::R3, 0).call("bpf_map_push_elem").report(0);
        let code = at(code, 6, 6).set(Reg::R3, 2).call("bpf_map_push_elem").report(1);
        let code = at(code, 7, 6).set(Reg::R3, 1).call("bpf_map_push_elem").report(2);
        let code = at(code, 0, 6).call("bpf_map_peek_elem").report(3);
        let code = at(code, 0, 7).call("bpf_map_pop_elem").report(4);
        agree_on_maps(&format!("{map_type}"), &code.end(2), &[def], &packets());
    }
}

#[test]
fn records_that_programs_send() {
    need_linux!();
    let def = MapDef { map_type: MapType::Ringbuf, ..array(0, 0, 4096) };
    let ring = |code: Code| code.add(Insn::map_idx(Reg::R1, 1));
    let mut code = Code::new().add([Insn::store_imm(Size::Dw, Reg::R10, -72, 7)]);
    for (len, flags, word) in [(8, 0, 0), (5, 1, 1), (8, 2, 2), (8, 4, 3)] {
        code = ring(code).stack(Reg::R2, -72).set(Reg::R3, len).set(Reg::R4, flags);
        code = code.call("bpf_ringbuf_output").report(word);
    }
    for (size, end) in [(16, "bpf_ringbuf_submit"), (24, "bpf_ringbuf_discard"), (8, "bpf_ringbuf_submit")] {
        code = ring(code).set(Reg::R2, size).set(Reg::R3, 0).call_void("bpf_ringbuf_reserve").add([
            Insn::jump_imm(skep_isa::Cond::Eq, skep_isa::Width::W64, Reg::R0, 0, 6),
            Insn::store_imm(Size::Dw, Reg::R0, 0, 9),
            // A record starts with whatever was there.
            Insn::store_imm(Size::Dw, Reg::R0, if size > 8 { 8 } else { 0 }, 10),
            Insn::mov_reg(Reg::R1, Reg::R0),
            Insn::mov_imm(Reg::R2, 0),
        ]);
        code = code.call_void(end).add([Insn::ja(0)]);
    }
    for (question, word) in [(0, 4), (1, 5), (2, 6), (4, 7)] {
        code = ring(code).set(Reg::R2, question).call("bpf_ringbuf_query").report(word);
    }
    let many = vec![packets(); 4].concat();
    agree_on_maps("records", &code.end(2), &[def], &many);
}

/// What hosts answer to user space, as words: done, absent, or the error number.
fn answer<T>(result: Result<Option<T>, skep_host::HostError>) -> String {
    match result {
        Ok(Some(_)) => "done".to_owned(),
        Ok(None) => "absent".to_owned(),
        Err(error) => error.errno().map_or_else(|| error.to_string(), |errno| format!("{errno:?}")),
    }
}

fn done(result: Result<(), skep_host::HostError>) -> String {
    answer(result.map(Some))
}

/// A conversation of user space with a host, as the host's answers.
fn conversation(host: &mut dyn Host) -> Vec<(&'static str, String)> {
    let options = LoadOptions::default();
    let make = |host: &mut dyn Host, def| host.create_map(&field_map("m", def), None).expect("a map");
    let returns = |kind| program("returns", kind, &[Insn::mov_imm(Reg::R0, 0), Insn::exit()]);
    let (key, value) = ([0; 4], [1; 8]);
    let mut said = Vec::new();

    let data = make(host, array(4, 8, 2));
    said.push(("delete from an array", done(host.delete(data, &key))));
    said.push(("update behind its end", done(host.update(data, &[9, 0, 0, 0], &value, 0))));
    said.push(("update what is there", done(host.update(data, &key, &value, 1))));
    said.push(("look up behind its end", answer(host.lookup(data, &[9, 0, 0, 0]))));
    said.push(("freeze", done(host.freeze(data))));
    said.push(("freeze again", done(host.freeze(data))));
    said.push(("update a frozen map", done(host.update(data, &key, &value, 0))));
    said.push(("delete from a frozen map", done(host.delete(data, &key))));
    said.push(("look up in a frozen map", answer(host.lookup(data, &key))));
    said.push(("last key", answer(host.next_key(data, Some(&[1, 0, 0, 0])))));

    let write_only = make(host, MapDef { flags: MapFlags::WRONLY, ..array(4, 8, 1) });
    said.push(("look up in a write-only map", answer(host.lookup(write_only, &key))));
    said.push(("keys of a write-only map", answer(host.next_key(write_only, None))));
    said.push(("update a write-only map", done(host.update(write_only, &key, &value, 0))));
    let read_only = make(host, MapDef { flags: MapFlags::RDONLY, ..array(4, 8, 1) });
    said.push(("update a read-only map", done(host.update(read_only, &key, &value, 0))));
    said.push(("freeze a read-only map", done(host.freeze(read_only))));

    let programs = make(host, MapDef { map_type: MapType::ProgArray, ..array(4, 4, 2) });
    let xdp = host.load(&returns(XDP), &[], &options).expect("a program").0;
    let filter = host.load(&returns(FILTER), &[], &options).expect("a program").0;
    said.push(("an empty slot", answer(host.lookup(programs, &key))));
    said.push(("a program", done(host.set_program(programs, 0, xdp))));
    said.push(("a program of another kind", done(host.set_program(programs, 1, filter))));
    said.push(("a slot behind the end", done(host.set_program(programs, 2, xdp))));
    said.push(("a full slot", answer(host.lookup(programs, &key))));
    said.push(("empty it", done(host.delete(programs, &key))));
    said.push(("empty it again", done(host.delete(programs, &key))));
    said.push(("still of one kind", done(host.set_program(programs, 1, filter))));
    let jumps = Code::new().add([Insn::mov_reg(Reg::R1, Reg::R6)]).add(Insn::map_idx(Reg::R2, 0));
    let jumps = jumps.set(Reg::R3, 0).call_void("bpf_tail_call").set(Reg::R0, 0).add([Insn::exit()]).0;
    for (name, kind) in [("a caller of this kind", XDP), ("a caller of another kind", FILTER)] {
        let def = MapDef { map_type: MapType::ProgArray, ..array(4, 4, 2) };
        let caller = with_maps(program("jumps", kind, &jumps), vec![field_map("m", def)]);
        said.push((name, answer(host.load(&caller, &[programs], &options).map(Some))));
    }
    for (name, attach_type) in [("for devices", AttachType::XDP_DEVMAP), ("for all", AttachType::XDP)] {
        let prog = Program { attach_type, ..returns(XDP) };
        let prog = host.load(&prog, &[], &options).expect("a program").0;
        let run = TestRun { data: &[0; 60], ..TestRun::default() };
        said.push((name, answer(host.test_run(prog, &run).map(Some))));
    }
    said
}

#[test]
fn hosts_answer_user_space_alike() {
    need_linux!();
    let user = conversation(&mut UserHost::new(UserConfig::default()));
    assert_eq!(user, conversation(&mut LinuxHost::new()));
}
