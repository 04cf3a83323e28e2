//! Bytes are shown as the C program that wrote them meant them.

use skep_btf::*;

struct Types {
    builder: BtfBuilder,
    int: TypeId,
    char: TypeId,
    byte: TypeId,
}

impl Types {
    fn new() -> Self {
        let mut builder = BtfBuilder::new();
        let int = builder.int("int", 4, IntEncoding::SIGNED);
        let char = builder.int("char", 1, IntEncoding::SIGNED);
        let byte = builder.int("unsigned char", 1, IntEncoding::UNSIGNED);
        Self { builder, int, char, byte }
    }

    /// The value of the last type added, as text and as JSON.
    #[track_caller]
    fn check(self, bytes: &[u8], text: &str, json: &str) {
        self.check_in(Endian::Little, bytes, text, json);
    }

    #[track_caller]
    fn check_in(mut self, endian: Endian, bytes: &[u8], text: &str, json: &str) {
        self.builder.set_endian(endian);
        let btf = self.builder.finish().expect("valid types");
        let value = btf.value(TypeId(btf.type_count() - 1), bytes).expect("a value");
        assert_eq!(value.to_string(), text);
        assert_eq!(value.to_json_string(), json);
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(json);
        assert!(parsed.is_ok(), "{json} is JSON");
    }
}

#[test]
fn numbers_have_signs_and_byte_orders() {
    let mut t = Types::new();
    t.builder.array(t.int, t.int, 2);
    t.check(&[0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0], "[-2, 1]", "[-2,1]");
    let mut t = Types::new();
    t.builder.array(t.int, t.int, 2);
    t.check_in(Endian::Big, &[0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 1], "[-2, 1]", "[-2,1]");
    let mut t = Types::new();
    t.builder.int("unsigned __int128", 16, IntEncoding::UNSIGNED);
    let most = "340282366920938463463374607431768211455";
    t.check(&[0xff; 16], most, &format!("\"{most}\""));
    let mut t = Types::new();
    t.builder.int("unsigned long", 8, IntEncoding::UNSIGNED);
    t.check(&[0xff; 8], "18446744073709551615", "18446744073709551615");
}

#[test]
fn character_arrays_are_text_only_if_they_are() {
    let text = |bytes: &[u8], text: &str, json: &str| {
        let mut t = Types::new();
        t.builder.array(t.char, t.int, bytes.len() as u32);
        t.check(bytes, text, json);
    };
    text(b"eth0\0\0", r#""eth0""#, r#""eth0""#);
    text(b"a\"\\\n\0x", r#""a\"\\\n""#, r#""a\"\\\n""#);
    text(b"\0", r#""""#, r#""""#);
    text("käse\0".as_bytes(), "\"käse\"", "\"käse\"");
    text(b"ab", "['a', 'b']", r#"["a","b"]"#);
    text(b"a\x01\0", "['a', 1, 0]", r#"["a",1,0]"#);
    text(b"\xff\0", "[255, 0]", "[255,0]");
    let mut t = Types::new();
    t.builder.array(t.byte, t.int, 3);
    t.check(b"ab\0", "[97, 98, 0]", "[97,98,0]");
}

#[test]
fn enumerators_have_names_where_they_have() {
    let values = [("RED", -1), ("GREEN", 5)];
    for (bytes, text, json) in
        [([5, 0], "GREEN", "\"GREEN\""), ([0xff; 2], "RED", "\"RED\""), ([9, 0], "9", "9")]
    {
        let mut t = Types::new();
        t.builder.enumeration("color", 2, true, &values);
        t.check(&bytes, text, json);
    }
    let mut t = Types::new();
    t.builder.enumeration64("big", 8, false, &[("MOST", u64::MAX.into())]);
    t.check(&[0xff; 8], "MOST", "\"MOST\"");
}

#[test]
fn bitfields_are_taken_out_in_both_byte_orders() {
    // struct { int a:3; unsigned char b:5; int c:13; }, as clang lays it out for each byte order.
    let build = || {
        let mut t = Types::new();
        let members = [
            t.builder.bitfield("a", t.int, 0, 3),
            t.builder.bitfield("b", t.byte, 3, 5),
            t.builder.bitfield("c", t.int, 8, 13),
        ];
        t.builder.structure("bits", 4, &members);
        t
    };
    let (text, json) = ("{ a = -3, b = 17, c = -2 }", r#"{"a":-3,"b":17,"c":-2}"#);
    build().check(&[0x11 << 3 | 0b101, 0xfe, 0x1f, 0], text, json);
    build().check_in(Endian::Big, &[0b101 << 5 | 0x11, 0xff, 0b11110 << 3, 0], text, json);
}

#[test]
fn bitfields_of_the_old_form_are_in_the_integer() {
    // An integer of 5 bits from bit 3, as compilers wrote it before the kind flag; built from words, because
    // the builder makes only the new form.
    let words = [0, 4 << 24 | 1, 1, 1, 2, 0, 0, 1 << 24, 1, 3 << 16 | 5];
    let strings = b"\0x\0";
    let header = [0x0001_eb9f, 24, 0, 40, 40, 3u32];
    let mut data: Vec<u8> = header.iter().chain(&words).flat_map(|word: &u32| word.to_le_bytes()).collect();
    data.extend_from_slice(strings);
    let btf = Btf::parse(&data).unwrap();
    assert_eq!(btf.value(TypeId(1), &[0b10101 << 3 | 0b111]).unwrap().to_string(), "{ x = 21 }");
}

#[test]
fn anonymous_members_stand_among_the_others() {
    let mut t = Types::new();
    let double = t.builder.float("double", 8);
    let members = [t.builder.member("i", t.int, 0), t.builder.member("d", double, 0)];
    let either = t.builder.union("", 8, &members);
    let pointer = t.builder.ptr(either);
    let boolean = t.builder.int("_Bool", 1, IntEncoding::BOOL);
    let members = [
        t.builder.member("", either, 0),
        t.builder.bitfield("", t.int, 64, 32),
        t.builder.member("next", pointer, 128),
        t.builder.member("ok", boolean, 192),
    ];
    t.builder.structure("outer", 32, &members);
    let mut bytes = 1.5f64.to_le_bytes().to_vec();
    bytes.extend([0; 8]);
    bytes.extend(0xffff_8880_0000_1000_u64.to_le_bytes());
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    t.check(
        &bytes,
        "{ i = 0, d = 1.5, next = 0xffff888000001000, ok = true }",
        r#"{"i":0,"d":1.5,"next":"0xffff888000001000","ok":true}"#,
    );
}

#[test]
fn what_json_has_no_number_for_is_a_string() {
    let mut t = Types::new();
    let float = t.builder.float("float", 4);
    t.builder.array(float, t.int, 2);
    let bytes = [f32::NAN.to_le_bytes(), 0.5f32.to_le_bytes()].concat();
    t.check(&bytes, "[NaN, 0.5]", r#"["NaN",0.5]"#);
    let mut t = Types::new();
    t.builder.float("long double", 16);
    t.check(&[0xab; 16], &format!("0x{}", "ab".repeat(16)), &format!("\"0x{}\"", "ab".repeat(16)));
}

#[test]
fn a_section_is_a_structure_of_its_variables() {
    let mut t = Types::new();
    let (one, two) =
        (t.builder.var("one", t.int, Linkage::GLOBAL), t.builder.var("two", t.byte, Linkage::STATIC));
    t.builder.datasec(
        ".bss",
        8,
        &[SecVar { ty: one, offset: 0, size: 4 }, SecVar { ty: two, offset: 4, size: 1 }],
    );
    t.check(&[1, 0, 0, 0, 2, 0, 0, 0], "{ one = 1, two = 2 }", r#"{"one":1,"two":2}"#);
}

#[test]
fn empty_things_are_shown_empty() {
    let mut t = Types::new();
    t.builder.structure("none", 0, &[]);
    t.check(&[], "{}", "{}");
    let mut t = Types::new();
    t.builder.array(t.int, t.int, 0);
    t.check(&[], "[]", "[]");
}

#[test]
fn a_value_needs_its_bytes_and_a_type_that_has_values() {
    let mut t = Types::new();
    let proto = t.builder.func_proto(t.int, &[]);
    let int = t.int;
    let btf = t.builder.finish().unwrap();
    let short = BtfError::ValueTruncated { id: int, expected: 4, found: 3 };
    assert_eq!(btf.value(int, &[0; 3]), Err(short));
    let expected = "a type that has values";
    let none = BtfError::KindUnexpected { id: proto, expected, found: Kind::FuncProto };
    assert_eq!(btf.value(proto, &[0; 3]), Err(none));
}

#[test]
fn an_array_of_nothing_without_end_is_refused() {
    let mut t = Types::new();
    let nothing = t.builder.structure("nothing", 0, &[]);
    let array = t.builder.array(nothing, t.int, u32::MAX);
    let btf = t.builder.finish().unwrap();
    let limit = u64::from(MAX_VALUE_PARTS);
    let refused = BtfError::Limit { what: "parts of a value", limit, found: limit + 1 };
    assert_eq!(btf.value(array, &[]), Err(refused));
}
