//! Row sets: any text is a row set or refused, and with what one says any bytes survive decoding, and any of its
//! instructions its text.
//!
//! An input is a row set, then (behind the line `---`) an assembly file, whose bytes are also taken for slots.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use skep_asm::{DisOptions, Options};
use skep_isa::rowset::Isa;
use skep_isa::text::Dialect;
use skep_isa::{Endian, SLOT_BYTES, decode_all, encode_all};
use skep_obj::expand_extensions;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (rows, source) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let Ok(isa) = Isa::parse(rows) else { return };
    let isa = Arc::new(isa);
    survive_bytes(&isa, source.as_bytes());
    survives_assembly(&isa, source);
});

/// Any slots, and each of them made an instruction of the row set's first row.
fn survive_bytes(isa: &Isa, data: &[u8]) {
    let mut code = data[..data.len() - data.len() % SLOT_BYTES].to_vec();
    if let Some(row) = isa.rows().first() {
        for slot in code.chunks_mut(SLOT_BYTES * row.slots) {
            slot[0] = row.opcode;
        }
    }
    for endian in [Endian::Little, Endian::Big] {
        let insns = isa.decode_all(&code, endian).expect("whole slots decode");
        assert_eq!(isa.encode_all(&insns, endian), code);
        assert_eq!(isa.lift(&decode_all(&code, endian).expect("whole slots decode")), insns);
        assert_eq!(encode_all(&isa.lower(&insns), endian), code);
        for (at, insn) in insns.iter().enumerate() {
            let whole = &insns[at..at + isa.slots(insn).min(insns.len() - at)];
            for dialect in [Dialect::Pseudoc, Dialect::Normal] {
                let Some(written) = isa.text(dialect, whole) else { continue };
                match isa.read(dialect, &written, &|_| None) {
                    Some(Ok(read)) => assert_eq!(read, whole, "{written}"),
                    // Registers 11 to 15 can be encoded, and are not written.
                    Some(Err(_)) => {}
                    None => panic!("`{written}` is no instruction of the row set"),
                }
            }
            let _ = isa.expand(whole);
        }
    }
}

/// An assembly file with the rows' instructions in it.
fn survives_assembly(isa: &Arc<Isa>, source: &str) {
    let options = Options { isa: Some(isa.clone()), ..Options::default() };
    let Ok(object) = skep_asm::assemble_with(source, "fuzz.s", &options) else { return };
    for dialect in [Dialect::Pseudoc, Dialect::Normal] {
        let dis = DisOptions { dialect, lines: false, isa: Some(isa.clone()) };
        let written = skep_asm::disassemble_with(&object, &dis);
        let again = skep_asm::assemble_with(&written, "again.s", &options)
            .unwrap_or_else(|error| panic!("{error}\n{written}"));
        let slots =
            |object: &skep_obj::Object| object.functions.iter().map(|f| f.insns.len()).collect::<Vec<_>>();
        assert_eq!(slots(&object), slots(&again), "{written}");
    }
    let _ = expand_extensions(&object, isa);
}
