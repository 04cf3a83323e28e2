//! What is built is read back, and questions about it are answered as C would.

use skep_btf::*;
use std::sync::Arc;

/// One type of each kind.
fn every_kind() -> Btf {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let ptr = b.ptr(int);
    let array = b.array(int, int, 3);
    let members = [b.member("a", int, 0), b.bitfield("b", int, 32, 5), b.member("", array, 64)];
    let structure = b.structure("s", 20, &members);
    let members = [b.member("p", ptr, 0), b.member("s", structure, 0)];
    b.union("u", 24, &members);
    b.enumeration("e", 4, true, &[("MINUS", -1), ("PLUS", 1)]);
    b.fwd("later", false);
    b.fwd("later_union", true);
    let name = b.typedef("name", structure);
    let volatile = b.qualifier(Kind::Volatile, name);
    let constant = b.qualifier(Kind::Const, volatile);
    b.qualifier(Kind::Restrict, ptr);
    let proto = b.func_proto(int, &[("x", ptr), ("", TypeId::VOID)]);
    let func = b.func("f", proto, Linkage::GLOBAL);
    let var = b.var("v", constant, Linkage::STATIC);
    b.datasec(".data", 20, &[SecVar { ty: var, offset: 0, size: 20 }]);
    b.float("double", 8);
    b.decl_tag("whole", structure, None);
    b.decl_tag("part", func, Some(0));
    b.type_tag("user", int);
    b.enumeration64("e64", 8, false, &[("MOST", u64::MAX.into())]);
    b.finish().expect("a valid table")
}

#[test]
fn every_kind_is_read_back_in_both_byte_orders() {
    let btf = every_kind();
    let mut kinds: Vec<_> = btf.types().map(|(_, ty)| ty.kind()).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 19);
    for endian in [Endian::Little, Endian::Big] {
        let read = Btf::parse(&btf.to_bytes(endian)).expect("what was written");
        assert_eq!(read, btf);
        assert_eq!(read.endian(), endian);
    }
}

#[test]
fn items_are_what_was_put_in() {
    let btf = every_kind();
    let get = |name, kind| btf.get(btf.find(name, kind).expect(name)).expect(name);
    let Type::Struct(s) = get("s", Kind::Struct) else { panic!("not a structure") };
    let bits: Vec<_> = s.members.iter().map(|m| (btf.name(m.name), m.bit_offset, m.bitfield_bits)).collect();
    assert_eq!(bits, [("a", 0, 0), ("b", 32, 5), ("", 64, 0)]);
    let Type::Enum(e) = get("e", Kind::Enum) else { panic!("not an enumeration") };
    assert_eq!(e.values.iter().map(|v| v.value).collect::<Vec<_>>(), [-1, 1]);
    let Type::Enum64(e) = get("e64", Kind::Enum64) else { panic!("not an enumeration") };
    assert_eq!(e.values.get(0).map(|v| v.value), Some(u64::MAX.into()));
    assert_eq!(e.values.get(1), None);
    let Type::DeclTag(tag) = get("part", Kind::DeclTag) else { panic!("not a tag") };
    assert_eq!((tag.component, tag.attribute), (Some(0), false));
    let Type::Fwd(fwd) = get("later_union", Kind::Fwd) else { panic!("not a declaration") };
    assert!(fwd.union);
}

#[test]
fn sizes_follow_names_arrays_and_variables() {
    let btf = every_kind();
    let size = |name, kind| btf.size_of(btf.find(name, kind).expect(name));
    assert_eq!(size("v", Kind::Var), Ok(20));
    assert_eq!(size(".data", Kind::DataSec), Ok(20));
    assert_eq!(btf.size_of(TypeId(3)), Ok(12));
    let func = btf.find("f", Kind::Func).unwrap();
    let refused =
        BtfError::KindUnexpected { id: func, expected: "a type that has a size", found: Kind::Func };
    assert_eq!(btf.size_of(func), Err(refused));
    assert_eq!(btf.size_of(TypeId(99)), Err(BtfError::NoSuchType { id: TypeId(99), types: 22 }));
}

#[test]
fn an_array_of_four_gib_has_no_size() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let rows = b.array(int, int, 1 << 16);
    let table = b.array(rows, int, 1 << 14);
    let fits = b.array(rows, int, (1 << 14) - 1);
    let btf = b.finish().unwrap();
    assert_eq!(btf.size_of(table), Err(BtfError::SizeOverflow { id: table }));
    assert_eq!(btf.size_of(fits), Ok(u32::MAX - (1 << 18) + 1));
}

#[test]
fn circles_end_in_an_error() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let next = b.next_id();
    let typedef = b.typedef("a", TypeId(next.0 + 1));
    b.qualifier(Kind::Const, typedef);
    let array = b.array(b.next_id(), int, 1);
    let holder = b.next_id();
    let members = [b.member("", holder, 0)];
    b.structure("s", 4, &members);
    let btf = b.finish().expect("circles are well formed");
    let endless = |id| Err(BtfError::Depth { id, limit: MAX_DEPTH });
    assert_eq!(btf.resolve(typedef), endless(typedef).map(|()| typedef));
    assert_eq!(btf.size_of(array), endless(array).map(|()| 0));
    assert_eq!(btf.align_of(holder), endless(holder).map(|()| 0));
    assert_eq!(btf.find_member(holder, "x"), endless(holder).map(|()| None));
    assert_eq!(btf.value(holder, &[0; 4]), endless(holder).map(|()| Value::Bool(false)));
    assert_eq!(btf.type_name(typedef), "a");
    assert_eq!(
        btf.type_name(array),
        "...[1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1]\
        [1][1][1][1][1][1][1][1][1]"
    );
}

#[test]
fn wide_nesting_is_counted_as_well_as_deep_nesting() {
    // Twenty levels of structures, each with four of the next: depth is within the limit, members are not.
    let mut b = BtfBuilder::new();
    let mut inner = b.int("int", 4, IntEncoding::SIGNED);
    for _ in 0..20 {
        let members: Vec<_> = (0..4).map(|_| b.member("", inner, 0)).collect();
        inner = b.structure("", 4, &members);
    }
    let btf = b.finish().unwrap();
    let limited = |result| matches!(result, Err(BtfError::Limit { .. }));
    assert!(limited(btf.find_member(inner, "x").map(drop)));
    assert!(limited(btf.align_of(inner).map(drop)));
    assert!(limited(btf.value(inner, &[0; 4]).map(drop)));
}

#[test]
fn members_are_found_within_anonymous_members() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let members = [b.member("x", int, 0), b.bitfield("y", int, 32, 3)];
    let inner = b.structure("", 8, &members);
    let members = [b.member("first", int, 0), b.member("", inner, 64)];
    let outer = b.structure("outer", 16, &members);
    let btf = b.finish().unwrap();
    let found = btf.find_member(outer, "y").unwrap();
    assert_eq!(found, Some(FoundMember { ty: int, bit_offset: 96, bitfield_bits: 3 }));
    assert_eq!(btf.find_member(outer, "z"), Ok(None));
    assert_eq!(btf.find_member(outer, ""), Ok(None));
}

#[test]
fn types_are_spelled_as_in_c() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let char = b.int("char", 1, IntEncoding::SIGNED);
    let foo = b.structure("foo", 0, &[]);
    let anon = b.union("", 0, &[]);
    let mut expected = Vec::new();
    let mut check = |id, spelling| expected.push((id, spelling));
    check(TypeId::VOID, "void");
    check(foo, "struct foo");
    check(anon, "union (anon)");
    let const_char = b.qualifier(Kind::Const, char);
    let text = b.ptr(const_char);
    check(text, "const char *");
    let fixed = b.qualifier(Kind::Const, text);
    check(fixed, "const char *const");
    let array = b.array(text, int, 4);
    check(array, "const char *[4]");
    let matrix = b.array(array, int, 2);
    check(matrix, "const char *[2][4]");
    let to_array = b.ptr(array);
    check(to_array, "const char *(*)[4]");
    let flexible = b.array(foo, int, 0);
    check(flexible, "struct foo[]");
    let void_ptr = b.ptr(TypeId::VOID);
    let proto = b.func_proto(int, &[("ctx", void_ptr), ("", TypeId::VOID)]);
    check(proto, "int (void *, ...)");
    let callback = b.ptr(proto);
    check(callback, "int (*)(void *, ...)");
    let table = b.array(callback, int, 3);
    check(table, "int (*[3])(void *, ...)");
    let returns_callback = b.func_proto(callback, &[]);
    let getter = b.func("getter", returns_callback, Linkage::STATIC);
    check(getter, "int (*getter(void))(void *, ...)");
    let var = b.var("names", array, Linkage::STATIC);
    check(var, "const char *names[4]");
    let tag = b.type_tag("user", foo);
    let tagged = b.ptr(tag);
    check(tagged, "struct foo *");
    let name = b.typedef("u32", int);
    let pointer = b.ptr(name);
    check(pointer, "u32 *");
    check(TypeId(99), "...");
    let btf = b.finish().unwrap();
    for (id, spelling) in expected {
        assert_eq!(btf.type_name(id), spelling);
    }
}

#[test]
fn strings_are_kept_once_and_found_again_when_building_goes_on() {
    let mut b = BtfBuilder::new();
    let (one, two) = (b.str("one"), b.str("two"));
    assert_eq!(b.str("one"), one);
    assert_eq!(b.str(""), StrId::EMPTY);
    let mut b = BtfBuilder::extend(b.finish().unwrap());
    assert_eq!((b.str("two"), b.next_id()), (two, TypeId(1)));
    let three = b.str(b"latin \xe9");
    b.typedef("one", TypeId::VOID);
    let btf = b.finish().unwrap();
    assert_eq!((btf.name(one), btf.text(three).as_ref()), ("one", "latin \u{fffd}"));
    assert_eq!(btf.bytes(three), b"latin \xe9");
    assert_eq!(btf.name(StrId(1000)), "");
}

#[test]
fn split_btf_continues_its_base() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let base = Arc::new(b.finish().unwrap());
    let mut b = BtfBuilder::split(Arc::clone(&base));
    let local = b.typedef("local", int);
    let module = b.finish().unwrap();
    assert_eq!((local, module.first_id(), module.type_count()), (TypeId(2), TypeId(2), 3));
    let bytes = module.to_bytes(Endian::Little);
    let read = Btf::parse_split(&bytes, Arc::clone(&base)).unwrap();
    assert_eq!(read, module);
    assert_eq!(read.size_of(local), Ok(4));
    assert_eq!(read.find("int", Kind::Int), Some(int));
    assert_eq!(read.find("local", Kind::Typedef), Some(local));
    assert_eq!(read.type_name(local), "local");
    assert!(Btf::parse(&bytes).is_err(), "without its base it has no empty string");
    let mut top = base;
    for level in 0..=MAX_SPLIT_LEVELS {
        match BtfBuilder::split(Arc::clone(&top)).finish() {
            Ok(next) => top = Arc::new(next),
            Err(error) => {
                let limit = u64::from(MAX_SPLIT_LEVELS);
                let what = "levels of split BTF";
                assert_eq!((level, error), (16, BtfError::Limit { what, limit, found: limit + 1 }));
                return;
            }
        }
    }
    panic!("no limit on levels");
}

#[test]
fn mistakes_while_building_come_out_at_the_end() {
    let refused = |build: &dyn Fn(&mut BtfBuilder)| {
        let mut b = BtfBuilder::new();
        build(&mut b);
        b.finish().expect_err("a mistake").to_string()
    };
    type Mistake<'a> = (&'a dyn Fn(&mut BtfBuilder), &'a str);
    let checks: [Mistake<'_>; 8] = [
        (&|b| _ = b.ptr(TypeId(5)), "type 1 refers to type 5: expected a type below 2"),
        (&|b| _ = b.int("i", 64, IntEncoding::SIGNED), "type 1: integer size 64 does not fit"),
        (&|b| _ = b.enumeration("e", 4, false, &[("A", -1)]), "type 1: enumerator -1 does not fit"),
        (&|b| _ = b.str("a\0b"), "zero byte within a string, at byte 1 of it"),
        (&|b| _ = b.qualifier(Kind::Ptr, TypeId::VOID), "expected const, volatile or restrict, found PTR"),
        (&|b| _ = b.func_proto(TypeId::VOID, &vec![("", TypeId::VOID); 65536]), "at most 65535, found 65536"),
        (&|b| _ = b.func("f", TypeId::VOID, Linkage(1 << 16)), "type 1: linkage 65536 does not fit"),
        (
            &|b| {
                let members = [b.bitfield("a", TypeId::VOID, 0, 1), b.member("b", TypeId::VOID, 1 << 24)];
                b.structure("s", 8, &members);
            },
            "expected a member offset below 2^24 bits beside bitfields, found 16777216",
        ),
    ];
    for (build, message) in checks {
        let error = refused(build);
        assert!(error.contains(message), "{error} lacks {message}");
    }
}

#[test]
fn copies_bring_their_strings_and_are_renumbered() {
    let from = every_kind();
    let mut b = BtfBuilder::new();
    b.int("pad", 1, IntEncoding::UNSIGNED);
    for (id, _) in from.types() {
        let copy = b.copy(&from, id, |id| if id == TypeId::VOID { id } else { TypeId(id.0 + 1) }).unwrap();
        assert_eq!(copy.0, id.0 + 1);
    }
    let to = b.finish().unwrap();
    for (id, ty) in from.types() {
        let copy = TypeId(id.0 + 1);
        assert_eq!(to.type_name(copy), from.type_name(id));
        assert_eq!(to.size_of(copy).ok(), from.size_of(id).ok());
        assert_eq!(to.get(copy).unwrap().kind(), ty.kind());
    }
}
