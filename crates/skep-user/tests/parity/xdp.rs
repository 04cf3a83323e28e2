//! Functions of XDP: ends of packets, bytes beyond their first buffer.

use skep_isa::{Insn, Reg, Size};

use crate::both::agree;
use crate::code::Code;
use crate::packets::packets;
use crate::{XDP, no_context};

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
