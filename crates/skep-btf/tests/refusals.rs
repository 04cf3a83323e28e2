//! What is not BTF is refused, with the place and what stands there.

use skep_btf::*;

/// Bytes of BTF in little endian, from the words of its types.
fn bytes(types: &[u32], strings: &[u8]) -> Vec<u8> {
    let types_len = 4 * types.len() as u32;
    let header = [0x0001_eb9f, 24, 0, types_len, types_len, strings.len() as u32];
    let words = header.iter().chain(types).flat_map(|word| word.to_le_bytes());
    words.chain(strings.iter().copied()).collect()
}

#[track_caller]
fn refused(data: &[u8], expected: BtfError) {
    assert_eq!(Btf::parse(data), Err(expected));
}

const INT: [u32; 4] = [0, 1 << 24, 4, 32];

#[test]
fn headers() {
    let good = bytes(&INT, b"\0");
    assert!(Btf::parse(&good).is_ok());
    refused(b"", BtfError::HeaderTruncated { expected: 24, found: 0 });
    refused(&good[..20], BtfError::HeaderTruncated { expected: 24, found: 20 });
    refused(b"\x7fELF\0\0\0\0", BtfError::Magic { found: 0x457f });
    let changed = |at: usize, byte: u8| {
        let mut data = good.clone();
        data[at] = byte;
        data
    };
    refused(&changed(2, 2), BtfError::Version { found: 2 });
    refused(&changed(3, 1), BtfError::Flags { found: 1 });
    refused(&changed(4, 20), BtfError::HeaderLength { expected_min: 24, found: 20 });
    refused(&changed(4, 40), BtfError::HeaderUnknown { offset: 32 });
    refused(&changed(12, 15), BtfError::Part { part: "types", offset: 24, len: 15, available: 41 });
    refused(&changed(20, 2), BtfError::Part { part: "strings", offset: 40, len: 2, available: 41 });
    refused(&changed(16, 12), BtfError::PartOrder { part: "strings", expected: 40, found: 36 });
}

#[test]
fn two_files_in_one_are_not_taken_for_one() {
    let mut data = bytes(&INT, b"\0");
    data.extend(data.clone());
    refused(&data, BtfError::PartOrder { part: "end of data", expected: 41, found: 82 });
}

#[test]
fn string_tables() {
    refused(&bytes(&INT, b""), BtfError::Strings { offset: 40 });
    refused(&bytes(&INT, b"a\0"), BtfError::Strings { offset: 40 });
    refused(&bytes(&INT, b"\0a"), BtfError::Strings { offset: 41 });
}

#[test]
fn records() {
    let id = TypeId(1);
    refused(&bytes(&[0], b"\0"), BtfError::RecordTruncated { id, offset: 24, expected: 12, found: 4 });
    refused(&bytes(&INT[..3], b"\0"), BtfError::RecordTruncated { id, offset: 24, expected: 16, found: 12 });
    refused(&bytes(&[0, 20 << 24, 0], b"\0"), BtfError::KindUnknown { id, offset: 24, found: 20 });
    refused(&bytes(&[0, 0, 0], b"\0"), BtfError::KindUnknown { id, offset: 24, found: 0 });
    refused(
        &bytes(&[0, 1 << 29 | 1 << 24, 4, 32], b"\0"),
        BtfError::InfoBits { id, offset: 24, found: 1 << 29 },
    );
}

#[test]
fn references() {
    let id = TypeId(1);
    let ptr = |to| bytes(&[0, 2 << 24, to], b"\0");
    assert!(Btf::parse(&ptr(1)).is_ok(), "a pointer to itself");
    refused(&ptr(2), BtfError::TypeRef { id, offset: 32, found: TypeId(2), types: 2 });
    let typedef = |name| bytes(&[name, 8 << 24, 0], b"\0a\xff\0");
    refused(&typedef(4), BtfError::StrRef { id, offset: 24, found: 4, len: 4 });
    refused(&typedef(1), BtfError::NameEncoding { id, offset: 24 });
    assert!(Btf::parse(&typedef(3)).is_ok(), "the end of a string is a string");
    let member = bytes(&[0, 4 << 24 | 1, 4, 9, 1, 0], b"\0");
    refused(&member, BtfError::StrRef { id, offset: 36, found: 9, len: 1 });
}

#[test]
fn messages_say_where_what_and_what_was_expected() {
    let error = Btf::parse(&bytes(&[0, 2 << 24, 7], b"\0")).unwrap_err();
    assert_eq!(error.to_string(), "offset 0x20: type 1 refers to type 7: expected a type below 2");
}

/// `.BTF.ext` in little endian with one part, `func_info`.
fn ext(words: &[u32]) -> Vec<u8> {
    let header = [0x0001_eb9f, 24, 0, 4 * words.len() as u32, 4 * words.len() as u32, 0];
    header.iter().chain(words).flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn ext_records_may_be_longer_but_not_shorter() {
    let mut builder = BtfBuilder::new();
    let (name, func) = (builder.str("xdp"), builder.typedef("f", TypeId::VOID));
    let btf = builder.finish().unwrap();
    let records = vec![FuncInfo { insn_off: 8, type_id: func }];
    let longer = BtfExt::parse(&ext(&[12, name.0, 1, 8, 1, 0xdead]), &btf).unwrap();
    assert_eq!(longer.funcs, [ExtSection { name, records }]);
    let shorter = BtfError::RecordSize { part: "func_info", offset: 24, expected_min: 8, found: 4 };
    assert_eq!(BtfExt::parse(&ext(&[4, name.0, 1, 8]), &btf), Err(shorter));
    let cut = BtfError::RecordTruncated { id: TypeId::VOID, offset: 28, expected: 24, found: 16 };
    assert_eq!(BtfExt::parse(&ext(&[8, name.0, 2, 8, 1]), &btf), Err(cut));
    let huge = BtfExt::parse(&ext(&[8, name.0, u32::MAX, 8, 1]), &btf);
    assert!(matches!(huge, Err(BtfError::RecordTruncated { offset: 28, .. })));
    let found = TypeId(2);
    let no_type = BtfError::TypeRef { id: TypeId::VOID, offset: 40, found, types: 2 };
    assert_eq!(BtfExt::parse(&ext(&[8, name.0, 1, 8, 2]), &btf), Err(no_type));
    let no_name = BtfError::StrRef { id: TypeId::VOID, offset: 28, found: 99, len: 7 };
    assert_eq!(BtfExt::parse(&ext(&[8, 99, 1, 8, 1]), &btf), Err(no_name));
}

#[test]
fn ext_is_read_back_in_both_byte_orders() {
    let mut builder = BtfBuilder::new();
    let (name, file, text) = (builder.str("tc"), builder.str("a.c"), builder.str("return 0;"));
    let (access, type_id) = (builder.str("0:1"), builder.typedef("f", TypeId::VOID));
    let btf = builder.finish().unwrap();
    let line = LineInfo { insn_off: 16, file, line_text: text, line: 1234, col: 56 };
    let relo = CoreRelo { insn_off: 24, type_id, access, kind: CoreKind(77) };
    let written = BtfExt {
        funcs: Vec::new(),
        lines: vec![ExtSection { name, records: vec![line] }],
        core_relos: vec![ExtSection { name, records: vec![relo] }],
    };
    for endian in [Endian::Little, Endian::Big] {
        assert_eq!(BtfExt::parse(&written.to_bytes(endian), &btf).as_ref(), Ok(&written));
    }
    assert_eq!(CoreKind(77).to_string(), "unknown (77)");
    assert_eq!(CoreKind::TYPE_MATCHES.to_string(), "type_matches");
}
