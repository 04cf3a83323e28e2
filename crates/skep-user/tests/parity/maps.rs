//! What programs do to maps, queues and ring buffers, and what is in them afterwards.

use skep_abi::{MapDef, MapFlags, MapType};
use skep_isa::{Insn, Reg, Size};

use crate::both::agree_on_maps;
use crate::code::{Code, array};
use crate::packets::packets;

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
