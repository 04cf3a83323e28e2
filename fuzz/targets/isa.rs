//! Instructions: any bytes survive decoding, any instruction survives its text, and any text is read or refused.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skep_isa::text::{Dialect, Reader, Writer};
use skep_isa::{Endian, Insn, SLOT_BYTES, decode_all, encode_all};

static TOOLS: LazyLock<[(Writer, Reader); 2]> =
    LazyLock::new(|| [Dialect::Pseudoc, Dialect::Normal].map(|d| (Writer::new(d), Reader::new(d))));

fuzz_target!(|data: &[u8]| {
    let code = &data[..data.len() - data.len() % SLOT_BYTES];
    for endian in [Endian::Little, Endian::Big] {
        let insns = decode_all(code, endian).expect("whole slots decode");
        assert_eq!(encode_all(&insns, endian), code);
        // Slots that no row decodes have no text of their own.
        for insn in insns.iter().filter(|insn| insn.row().is_some()) {
            TOOLS.iter().for_each(|tools| survives_its_text(insn, tools));
        }
    }
    for statement in String::from_utf8_lossy(data).lines() {
        for tools in &*TOOLS {
            if let Ok(parsed) = tools.1.insn(statement)
                && parsed.reference.is_none()
            {
                survives_its_text(&parsed.insn, tools);
            }
        }
    }
});

fn survives_its_text(insn: &Insn, (writer, reader): &(Writer, Reader)) {
    let text = writer.insn(insn);
    let parsed = reader.insn(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!((parsed.insn, parsed.reference), (*insn, None), "{text:?}");
}
