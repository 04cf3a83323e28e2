//! What is sanitized keeps its ids, and has only what the kernel in question accepts.

mod oracle;

use skep_btf::*;

const NEWEST: (u32, u32) = (6, 18);

fn sanitized(btf: &Btf, (major, minor): (u32, u32)) -> Btf {
    let out = sanitize(btf, &BtfSupport::of_linux(major, minor)).expect("sanitized");
    assert!(out.type_count() >= btf.type_count(), "ids stay");
    assert_eq!(Btf::parse(&out.to_bytes(Endian::Big)).as_ref(), Ok(&out));
    out
}

fn get(btf: &Btf, id: TypeId) -> Type<'_> {
    btf.get(id).expect("a type")
}

#[test]
fn a_kernels_own_btf_needs_no_change() {
    let Some(data) = oracle::vmlinux("sanitize vmlinux") else { return };
    let btf = Btf::parse(&data).expect("the kernel's own BTF");
    assert!(sanitized(&btf, (7, 0)) == btf, "sanitizing changed something");
}

#[test]
fn functions_and_their_parameters_get_names_but_the_open_end_does_not() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let proto = b.func_proto(int, &[("", int), ("named", int), ("", int), ("", TypeId::VOID)]);
    b.func("panic", proto, Linkage::STATIC);
    let unnamed = b.func("", proto, Linkage::STATIC);
    let callback = b.func_proto(int, &[("", int)]);
    let btf = sanitized(&b.finish().unwrap(), NEWEST);
    let names = |id| match get(&btf, id) {
        Type::FuncProto(proto) => proto.params.iter().map(|p| btf.name(p.name)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(names(proto), ["arg0", "named", "arg2", ""]);
    assert_eq!(btf.name(get(&btf, unnamed).name()), "unnamed");
    assert_eq!(names(callback), [""], "nobody needs names in a pointer's prototype");
}

#[test]
fn names_become_identifiers() {
    let mut b = BtfBuilder::new();
    let long = "x".repeat(600);
    let members = [b.member("__0", TypeId::VOID, 0), b.member("0", TypeId::VOID, 0)];
    let rust = b.structure("Option<&core::fmt::Arguments>", 8, &members);
    let dotted = b.var("____fmt.1", rust, Linkage::STATIC);
    let cut = b.typedef(&long, rust);
    let section = b.datasec("?.struct_ops käse", 8, &[]);
    let btf = b.finish().unwrap();
    let name = |btf: &Btf, id| btf.name(get(btf, id).name()).to_owned();
    let new = sanitized(&btf, NEWEST);
    assert_eq!(name(&new, rust), "Option__core__fmt__Arguments_");
    assert_eq!(name(&new, dotted), "____fmt.1");
    assert_eq!(name(&new, cut), "x".repeat(511));
    assert_eq!(name(&new, section), "?.struct_ops k_se");
    let Type::Struct(composite) = get(&new, rust) else { panic!("not a structure") };
    assert_eq!(composite.members.iter().map(|m| new.name(m.name)).collect::<Vec<_>>(), ["__0", "_"]);
    let old = sanitized(&btf, (5, 10));
    assert_eq!(name(&old, dotted), "____fmt_1");
    assert_eq!(name(&old, cut), "x".repeat(127));
    assert_eq!(name(&old, section), "_.struct_ops_k_se");
}

#[test]
fn kinds_that_an_old_kernel_lacks_become_older_ones() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let proto = b.func_proto(int, &[("a", int), ("", int)]);
    let func = b.func("f", proto, Linkage::GLOBAL);
    let var = b.var("v", int, Linkage::GLOBAL);
    let section = b.datasec(".data", 8, &[SecVar { ty: var, offset: 4, size: 4 }]);
    let float = b.float("double", 8);
    let decl_tag = b.decl_tag("a tag", func, Some(0));
    let type_tag = b.type_tag("user", int);
    let signed = b.enumeration("e", 4, true, &[("A", -1)]);
    let enum64 = b.enumeration64("e64", 8, false, &[("X", 1), ("Y", 2)]);
    let btf = b.finish().unwrap();
    let kinds_of = |btf: &Btf| {
        [func, proto, var, section, float, decl_tag, type_tag, enum64].map(|id| get(btf, id).kind())
    };
    let (f, p, v, d) = (Kind::Func, Kind::FuncProto, Kind::Var, Kind::DataSec);
    let (i, s, c, u, t, e) = (Kind::Int, Kind::Struct, Kind::Const, Kind::Union, Kind::Typedef, Kind::Enum);
    let (fl, dt, tt, e64) = (Kind::Float, Kind::DeclTag, Kind::TypeTag, Kind::Enum64);
    for (version, kinds) in [
        ((6, 0), [f, p, v, d, fl, dt, tt, e64]),
        ((5, 17), [f, p, v, d, fl, dt, tt, u]),
        ((5, 16), [f, p, v, d, fl, dt, c, u]),
        ((5, 13), [f, p, v, d, fl, i, c, u]),
        ((5, 2), [f, p, v, d, s, i, c, u]),
        ((5, 0), [f, p, i, s, s, i, c, u]),
        ((4, 18), [t, e, i, s, s, i, c, u]),
    ] {
        let new = sanitized(&btf, version);
        assert_eq!(kinds_of(&new), kinds, "Linux {version:?}");
        for id in [section, float, enum64] {
            assert_eq!(new.size_of(id), btf.size_of(id), "sizes stay");
        }
        let linkage = match get(&new, func) {
            Type::Func(func) => func.linkage,
            _ => Linkage::STATIC,
        };
        assert_eq!(linkage == Linkage::GLOBAL, version >= (5, 6));
        let Type::Enum(values) = get(&new, signed) else { panic!("not an enumeration") };
        assert_eq!(values.signed, version >= (6, 0));
    }
    let old = sanitized(&btf, (4, 18));
    let Type::Struct(data) = get(&old, section) else { panic!("not a structure") };
    assert_eq!(old.name(data.name), "_data");
    assert_eq!(data.members.get(0).map(|m| (old.name(m.name), m.ty, m.bit_offset)), Some(("v", var, 32)));
    let Type::Enum(params) = get(&old, proto) else { panic!("not an enumeration") };
    assert_eq!(params.values.iter().map(|v| old.name(v.name)).collect::<Vec<_>>(), ["a", "arg1"]);
}

#[test]
fn declarations_of_things_elsewhere_get_a_place() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let long = b.int("long", 8, IntEncoding::SIGNED);
    let proto = b.func_proto(int, &[]);
    let func = b.func("bpf_kfunc", proto, Linkage::EXTERN);
    let unknown = b.qualifier(Kind::Const, TypeId::VOID);
    let symbol = b.var("init_task", unknown, Linkage::EXTERN);
    let config = b.var("CONFIG_HZ", long, Linkage::EXTERN);
    let vars = [func, symbol, config].map(|ty| SecVar { ty, offset: 0, size: 0 });
    let section = b.datasec(".ksyms", 0, &vars);
    let btf = b.finish().unwrap();
    let new = sanitized(&btf, NEWEST);
    let Type::DataSec(placed) = get(&new, section) else { panic!("not a section") };
    let places: Vec<_> = placed.vars.iter().map(|v| (v.offset, v.size)).collect();
    assert_eq!((placed.size, places), (16, vec![(0, 4), (4, 4), (8, 8)]));
    for place in placed.vars.iter() {
        let Type::Var(var) = get(&new, place.ty) else { panic!("not a variable") };
        assert_eq!((var.linkage, new.size_of(var.ty)), (Linkage::GLOBAL, Ok(place.size)));
    }
    let Type::Func(func) = get(&new, func) else { panic!("not a function") };
    assert_eq!(func.linkage, Linkage::GLOBAL);
}

#[test]
fn places_come_from_the_loader_in_order() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let (one, two) = (b.var("one", int, Linkage::GLOBAL), b.var("two", int, Linkage::GLOBAL));
    let section = b.datasec(".bss", 0, &[one, two].map(|ty| SecVar { ty, offset: 0, size: 4 }));
    let btf = b.finish().unwrap();
    let place = |name: &str| match name {
        "one" => Some(8),
        "two" => Some(0),
        _ => None,
    };
    let placed = place_section(&btf, section, 16, place).unwrap();
    let Type::DataSec(bss) = get(&placed, section) else { panic!("not a section") };
    assert_eq!(bss.size, 16);
    let vars: Vec<_> = bss.vars.iter().collect();
    assert_eq!(vars, [SecVar { ty: two, offset: 0, size: 4 }, SecVar { ty: one, offset: 8, size: 4 }]);
    assert!(sanitized(&placed, NEWEST) == placed, "what has places keeps them");
    assert!(place_section(&btf, int, 4, |_| None).is_err());
}

#[test]
fn char_marked_twice_is_marked_once() {
    let mut b = BtfBuilder::new();
    let char = b.int("char", 1, IntEncoding(IntEncoding::SIGNED.0 | IntEncoding::CHAR.0));
    let btf = sanitized(&b.finish().unwrap(), NEWEST);
    let Type::Int(int) = get(&btf, char) else { panic!("not an integer") };
    assert_eq!((int.encoding, int.bits), (IntEncoding::SIGNED, 8));
}
