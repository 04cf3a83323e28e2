//! Bare instruction bytes as text and back: the same bytes, whatever they are.

use arbtest::arbitrary::{Result, Unstructured};
use skep_asm::{Options, assemble_raw, disassemble_raw};
use skep_isa::text::Dialect;
use skep_isa::{Endian, FormId, Insn, Reg, encode_all, table};

/// Bytes of random instructions and of none, any number of them.
fn bytes(u: &mut Unstructured<'_>, endian: Endian) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for _ in 0..u.int_in_range(0..=24)? {
        if u.ratio(1, 8)? {
            bytes.extend(u.arbitrary::<[u8; 8]>()?);
            continue;
        }
        let row = u.choose(&table::ROWS[..])?;
        let form = FormId::by_name(row.name).expect("a form");
        let (dst, src) = (Reg(u.int_in_range(0..=15)?), Reg(u.int_in_range(0..=15)?));
        let off = if u.arbitrary()? { u.int_in_range(-9..=9)? } else { u.arbitrary()? };
        let imm = if u.arbitrary()? { u.int_in_range(-9..=9)? } else { u.arbitrary()? };
        let insn = Insn { form, dst, src, off, imm };
        bytes.extend(encode_all(&[insn, Insn::TAIL][..insn.slots()], endian));
    }
    let rest = u.int_in_range(0..=7)?;
    bytes.extend(u.bytes(rest.min(u.len()))?);
    Ok(bytes)
}

#[test]
fn any_bytes_survive_both_dialects_in_both_orders() {
    arbtest::arbtest(|u| {
        let endian = if u.arbitrary()? { Endian::Little } else { Endian::Big };
        let bytes = bytes(u, endian)?;
        for dialect in [Dialect::Pseudoc, Dialect::Normal] {
            let text = disassemble_raw(&bytes, endian, dialect);
            let options = Options { endian, ..Options::default() };
            let again =
                assemble_raw(&text, "raw.s", &options).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            assert_eq!(again, bytes, "{text}");
        }
        Ok(())
    })
    .budget_ms(2_000);
}

#[test]
fn functions_of_the_section_are_called_by_distance() {
    let source = ".text\nmain: call f\nr1 = f ll\nexit\nf: r0 = 1\nexit";
    let bytes = assemble_raw(source, "f.s", &Options::default()).expect("assembled");
    let text = disassemble_raw(&bytes, Endian::Little, Dialect::Pseudoc);
    assert!(text.contains("call pc+3\n"), "{text}");
    assert!(text.contains("r1 = code(pc+2)") || text.contains("+2"), "{text}");
}

#[test]
fn what_bytes_cannot_hold_is_refused() {
    let message = |source: &str| {
        assemble_raw(source, "a.s", &Options::default()).expect_err("refused").errors[0].message.clone()
    };
    let map = ".map m, type=hash, key=u32, value=u64, max_entries=1\n.text\nr1 = m ll\nexit";
    assert!(message(map).starts_with("bare instruction bytes can't hold a map"));
    assert_eq!(message(".data\n.byte 1"), "bare instruction bytes can't hold section `.data`");
    assert_eq!(message("exit\n.section xdp\nexit"), "bare instruction bytes can't hold section `xdp`");
}
