//! The user host against the running kernel: the same programs on the same packets, with the same results, packets,
//! contexts and map contents; by the interpreter and by native code.

/// Skips the test unless programs can be loaded into the kernel.
macro_rules! need_linux {
    () => {
        if !skep_testkit::capable(skep_testkit::CAP_BPF)
            || !skep_testkit::capable(skep_testkit::CAP_NET_ADMIN)
        {
            skep_testkit::skip!("no privilege to load programs into the kernel");
        }
    };
}

mod both;
#[path = "../support/code.rs"]
mod code;
mod contexts;
mod maps;
mod messages;
mod packets;
mod skb;
mod user_space;
mod xdp;

use code::Code;
use skep_abi::{ProgType, SK_BUFF};
use skep_isa::{Insn, Reg};

const TC: ProgType = ProgType::SchedCls;
const FILTER: ProgType = ProgType::SocketFilter;
const XDP: ProgType = ProgType::Xdp;

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
