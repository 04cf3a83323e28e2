//! What packets and tests give programs: sizes, fields, contexts in and out.

use skep_abi::{SK_BUFF, XDP_MD};
use skep_isa::{Insn, Reg, Size};

use crate::both::agree;
use crate::code::Code;
use crate::packets::packets;
use crate::{FILTER, TC, XDP, no_context, offset, state};

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
            contexts.push(context);
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
    // Linux keeps some of these in 16 bits.
    let mut code = Code::new();
    for name in ["tc_index", "tc_classid"] {
        code = code.add([store(name, 0x1_2345)]);
    }
    for (name, half) in ["tc_index", "tc_classid"].into_iter().zip(0..) {
        code = code.report_field(offset(name), half);
    }
    agree("changed short fields", TC, &code.end(0), &packets(), &[vec![0; 192]]);
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
    let contexts = [
        Vec::new(),
        md([0; 6]),
        md([0, len, 0, 0, 0, 0]),
        md([0, len, 0, 1, 0, 0]),
        md([0, len, 0, 1, 1, 0]),
        md([0, len, 0, 0, 1, 0]),
        md([0, len, 0, 0x7fff_ffff, 0, 0]),
        md([0, len, 0, 0, 0, 1]),
        md([32, len, 0, 0, 0, 0]),
        md([32, len, 32, 0, 0, 0]),
        md([30, len, 0, 0, 0, 0]),
        md([0, len - 1, 0, 0, 0, 0]),
        md([0, len + 1, 0, 0, 0, 0]),
        md([len, len, 0, 0, 0, 0]),
        vec![0; 8],
        vec![0; 30],
    ];
    agree("xdp contexts", XDP, &code, &[("zeroes", vec![0; len as usize])], &contexts);
    agree("a context", XDP, &code, &[("long", vec![7; 3600]), ("longer", vec![7; 9000])], &[md([0; 6])]);
}
