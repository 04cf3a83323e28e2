//! Relocation of anything by anything: it ends, with an object or an error, and never panics.
//!
//! A sound object and sound types of a kernel, of which some bytes are changed: most of what comes of it is still read, and
//! says something else.

use std::sync::Arc;

use arbtest::arbitrary::Unstructured;
use arbtest::arbtest;
use skep_btf::core::Target;
use skep_btf::{Btf, BtfBuilder, CoreKind, Endian, IntEncoding, Kind, TypeId};
use skep_isa::{AluOp, Insn, Reg, Size, Wide, Width};
use skep_obj::{CoreRelo, Function, Object};

/// Types with something of everything that questions lead through.
fn types() -> Btf {
    let mut builder = BtfBuilder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let long = builder.int("unsigned long", 8, IntEncoding::UNSIGNED);
    let array = builder.array(int, int, 4);
    let flexible = builder.array(int, int, 0);
    let mode = builder.enumeration("mode", 4, true, &[("SLOW", -1), ("FAST", 2)]);
    let wide = builder.enumeration64("wide", 8, false, &[("BIG", 1 << 40)]);
    let inner_members = [builder.member("deep", int, 0), builder.bitfield("bits", int, 35, 7)];
    let inner = builder.structure("", 8, &inner_members);
    let pointer = builder.ptr(inner);
    let named = builder.typedef("named", array);
    let constant = builder.qualifier(Kind::Const, named);
    let members = [
        builder.member("first", long, 0),
        builder.member("", inner, 64),
        builder.member("list", constant, 128),
        builder.member("mode", mode, 256),
        builder.member("wide", wide, 320),
        builder.member("pointer", pointer, 384),
        builder.member("tail", flexible, 448),
    ];
    builder.structure("thing", 56, &members);
    let proto = builder.func_proto(int, &[("a", pointer), ("b", constant)]);
    let to_proto = builder.ptr(proto);
    builder.typedef("callback", to_proto);
    builder.finish().expect("types")
}

/// Questions that are in order: the instruction, what is asked for, and of what.
const SOUND: &[(usize, CoreKind, &str, Kind, &str)] = &[
    (0, CoreKind::FIELD_BYTE_OFFSET, "thing", Kind::Struct, "0:0"),
    (1, CoreKind::FIELD_EXISTS, "thing", Kind::Struct, "0:2:3"),
    (1, CoreKind::FIELD_EXISTS, "thing", Kind::Struct, "0:6:9"),
    (1, CoreKind::FIELD_LSHIFT_U64, "thing", Kind::Struct, "0:1:1"),
    (1, CoreKind::TYPE_MATCHES, "thing", Kind::Struct, "0"),
    (1, CoreKind::TYPE_MATCHES, "callback", Kind::Typedef, "0"),
    (1, CoreKind::TYPE_EXISTS, "callback", Kind::Typedef, "0"),
    (1, CoreKind::ENUMVAL_EXISTS, "mode", Kind::Enum, "0"),
    (4, CoreKind::ENUMVAL_VALUE, "mode", Kind::Enum, "1"),
    (4, CoreKind::TYPE_ID_TARGET, "wide", Kind::Enum64, "0"),
];

/// The bytes of the types, some of them changed, and still types.
fn changed(u: &mut Unstructured<'_>, bytes: &[u8]) -> arbtest::arbitrary::Result<Option<Btf>> {
    let mut bytes = bytes.to_vec();
    for _ in 0..u.int_in_range(0..=6)? {
        let at = u.int_in_range(24..=bytes.len() - 1)?;
        bytes[at] = if u.arbitrary()? { u.arbitrary()? } else { u.int_in_range(0..=20)? };
    }
    Ok(Btf::parse(&bytes).ok())
}

fn object(u: &mut Unstructured<'_>, btf: Btf) -> arbtest::arbitrary::Result<Object> {
    let mut insns = Vec::new();
    insns.extend([
        Insn::load(Size::Dw, Reg::R0, Reg::R1, 0),
        Insn::alu_imm(AluOp::Mov, Width::W64, Reg::R1, 1),
        Insn::store_imm(Size::Dw, Reg::R1, 0, 1),
        Insn::exit(),
    ]);
    insns.extend(Insn::wide(Wide::Imm, Reg::R1, 2));
    let mut core_relos = Vec::new();
    for _ in 0..u.int_in_range(1..=2)? {
        let mut access = u.int_in_range(0..=8)?.to_string();
        for _ in 0..u.int_in_range(0..=4)? {
            access += &format!(":{}", u.int_in_range(0..=8)?);
        }
        let relo = CoreRelo {
            insn: u.int_in_range(0..=insns.len())?,
            type_id: TypeId(u.int_in_range(0..=btf.type_count())?),
            access: if u.ratio(1, 9)? { u.arbitrary()? } else { access },
            kind: CoreKind(u.int_in_range(0..=13)?),
            failure: None,
        };
        let &(insn, kind, name, of, path) = u.choose(SOUND)?;
        match btf.find(name, of).filter(|_| u.ratio(3, 4).unwrap_or(true)) {
            Some(type_id) => {
                core_relos.push(CoreRelo { insn, kind, type_id, access: path.to_owned(), ..relo });
            }
            None => core_relos.push(relo),
        }
    }
    let function = Function {
        name: "f".into(),
        section: "socket".into(),
        offset: 0,
        global: true,
        insns,
        references: Vec::new(),
        lines: Vec::new(),
        core_relos,
        btf_id: None,
    };
    Ok(Object {
        endian: skep_isa::Endian::Little,
        license: String::new(),
        kern_version: 0,
        functions: vec![function],
        maps: Vec::new(),
        btf: Some(Arc::new(btf)),
    })
}

#[test]
fn relocation_of_changed_types_ends_and_keeps_all_slots() {
    let bytes = types().to_bytes(Endian::Little);
    let mut relocated = 0;
    arbtest(|u| {
        let (Some(own), Some(kernel)) = (changed(u, &bytes)?, changed(u, &bytes)?) else { return Ok(()) };
        let object = object(u, own)?;
        let target = Target::new("a kernel", Arc::new(kernel));
        match object.relocate(&target) {
            Ok(after) => {
                relocated += 1;
                assert!(!after.needs_relocation());
                assert_eq!(after.functions[0].insns.len(), object.functions[0].insns.len());
                // Every failure can be said.
                after
                    .relocation_failures()
                    .for_each(|(_, _, failure)| assert!(!failure.to_string().is_empty()));
                // The same again: nothing is left to do.
                assert_eq!(after.relocate(&target).as_ref(), Ok(&after));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        Ok(())
    })
    .budget_ms(1000);
    assert!(relocated > 0, "no object was in order");
}
