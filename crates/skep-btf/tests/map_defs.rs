//! Map definitions are read as C programs write them, and written so that they are read the same.

use skep_btf::*;

struct Written {
    btf: Btf,
    var: TypeId,
    key: TypeId,
    value: TypeId,
}

/// Writes a definition, with an integer as its key type and a structure as its value type.
fn write(def: impl Fn(TypeId, TypeId) -> BtfMapDef) -> Written {
    let mut b = BtfBuilder::new();
    let key = b.int("int", 4, IntEncoding::SIGNED);
    let value = b.structure("flow", 24, &[]);
    let structure = def(key, value).write(&mut b, key);
    let var = b.var("map", structure, Linkage::GLOBAL);
    b.datasec(".maps", 0, &[SecVar { ty: var, offset: 0, size: 0 }]);
    let built = b.finish().expect("a valid table");
    Written { btf: Btf::parse(&built.to_bytes(Endian::Big)).expect("what was written"), var, key, value }
}

#[test]
fn a_definition_is_read_as_it_was_written() {
    let def = |key, value| BtfMapDef {
        map_type: Some(1),
        max_entries: Some(1024),
        map_flags: Some(0x41),
        map_extra: Some(0x1_0000_0003),
        numa_node: Some(0),
        pinning: Some(1),
        key_size: Some(4),
        value_size: Some(24),
        key_type: Some(key),
        value_type: Some(value),
        values: None,
    };
    let Written { btf, var, key, value } = write(def);
    assert_eq!(BtfMapDef::read(&btf, var), Ok(def(key, value)));
}

#[test]
fn sizes_stand_alone_where_there_are_no_types() {
    let def = |_, _| BtfMapDef { key_size: Some(8), value_size: Some(16), ..BtfMapDef::default() };
    let Written { btf, var, key, value } = write(def);
    assert_eq!(BtfMapDef::read(&btf, var), Ok(def(key, value)));
}

#[test]
fn sizes_follow_from_types() {
    let Written { btf, var, .. } = write(|key, value| BtfMapDef {
        key_type: Some(key),
        value_type: Some(value),
        ..BtfMapDef::default()
    });
    let read = BtfMapDef::read(&btf, var).unwrap();
    assert_eq!((read.key_size, read.value_size), (Some(4), Some(24)));
}

#[test]
fn values_can_be_maps_or_programs() {
    let inner = |value| BtfMapDef { value_type: Some(value), value_size: Some(24), ..BtfMapDef::default() };
    for programs in [false, true] {
        let def = |_, value| {
            let of = if programs { ValuesOf::Progs } else { ValuesOf::Maps(Box::new(inner(value))) };
            BtfMapDef {
                max_entries: Some(3),
                value_size: Some(4),
                values: Some(MapValues { of, offset: 8 }),
                ..BtfMapDef::default()
            }
        };
        let Written { btf, var, key, value } = write(def);
        assert_eq!(BtfMapDef::read(&btf, var), Ok(def(key, value)));
        assert_eq!(btf.size_of(var), Ok(8), "values are a flexible array");
    }
}

#[test]
fn what_is_wrong_is_said_with_the_member() {
    let mut b = BtfBuilder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let array = b.array(int, int, 8);
    let eight = b.ptr(array);
    let to_int = b.ptr(int);
    let mut cases = Vec::new();
    let mut case = |b: &mut BtfBuilder, members: &[(&str, TypeId)], member: &str, problem| {
        let members: Vec<_> =
            members.iter().zip(0..).map(|(&(name, ty), at)| b.member(name, ty, 64 * at)).collect();
        let id = b.structure("", 64, &members);
        cases.push((id, BtfError::MapDef { id, member: member.to_owned(), problem }));
    };
    case(&mut b, &[("max_entrys", eight)], "max_entrys", MapProblem::Unknown);
    case(&mut b, &[("max_entries", to_int)], "max_entries", MapProblem::NotANumber);
    case(&mut b, &[("map_extra", int)], "map_extra", MapProblem::NotANumber);
    case(&mut b, &[("key", int)], "key", MapProblem::NotAType);
    case(&mut b, &[("values", to_int)], "values", MapProblem::NotValues);
    let conflict = MapProblem::SizeConflict { expected: 8, found: 4 };
    case(&mut b, &[("key_size", eight), ("key", to_int)], "key", conflict);
    let conflict = MapProblem::SizeConflict { expected: 4, found: 8 };
    case(&mut b, &[("value", to_int), ("value_size", eight)], "value_size", conflict);
    let btf = b.finish().unwrap();
    for (id, error) in cases {
        assert_eq!(BtfMapDef::read(&btf, id), Err(error));
    }
    assert!(matches!(BtfMapDef::read(&btf, int), Err(BtfError::KindUnexpected { .. })));
}

#[test]
fn inner_maps_have_no_inner_maps() {
    let leaf = BtfMapDef::default();
    let wrap = |inner: BtfMapDef| BtfMapDef {
        values: Some(MapValues { of: ValuesOf::Maps(Box::new(inner)), offset: 0 }),
        ..BtfMapDef::default()
    };
    let Written { btf, var, .. } = write(|_, _| wrap(wrap(leaf.clone())));
    let error = BtfMapDef::read(&btf, var).unwrap_err();
    assert!(matches!(error, BtfError::MapDef { problem: MapProblem::Nested, .. }), "{error}");
}
