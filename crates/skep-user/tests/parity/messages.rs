//! Messages: which formats there are, and how long what they print is.

use skep_abi::XDP_MD;
use skep_isa::{Insn, Reg, Size};

use crate::both::agree;
use crate::code::Code;
use crate::packets::packets;
use crate::{XDP, no_context};

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
