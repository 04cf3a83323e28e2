//! Whatever the bytes: no panic, bounded work, and what is read is written and read the same.

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use skep_btf::*;

/// Any types at all, with references in range and no sense.
fn any_btf(u: &mut Unstructured<'_>) -> Result<Btf> {
    const NAMES: &[&str] = &["", "int", "char", "a.b", "value", "key", "max_entries", "values", "Option<T>"];
    let mut b = BtfBuilder::new();
    let count = u.int_in_range(1..=24)?;
    for _ in 0..count {
        let id = |u: &mut Unstructured<'_>| u.int_in_range(0..=count).map(TypeId);
        let name = *u.choose(NAMES)?;
        let size = u.int_in_range(0..=31)?;
        match u.int_in_range(0..=18)? {
            0 => _ = b.int(name, size, IntEncoding(u.int_in_range(0..=15)?)),
            1 => _ = b.ptr(id(u)?),
            2 => _ = b.array(id(u)?, id(u)?, u.int_in_range(0..=8)?),
            kind @ 3..=4 => {
                let mut members = Vec::new();
                for _ in 0..u.int_in_range(0..=4)? {
                    let (name, ty, at) = (*u.choose(NAMES)?, id(u)?, u.int_in_range(0..=1 << 24)?);
                    let bits = if u.ratio(1, 4)? { u.arbitrary()? } else { 0 };
                    members.push(b.bitfield(name, ty, at % (1 << 24), bits));
                }
                if kind == 3 {
                    b.structure(name, size, &members)
                } else {
                    b.union(name, size, &members)
                };
            }
            5 => {
                let (low, high): (i32, i32) = u.arbitrary()?;
                b.enumeration(name, size, true, &[("A", low.into()), ("B", high.into())]);
            }
            6 => _ = b.fwd(name, u.arbitrary()?),
            7 => _ = b.typedef(name, id(u)?),
            8 => _ = b.qualifier(*u.choose(&[Kind::Const, Kind::Volatile, Kind::Restrict])?, id(u)?),
            9 => _ = b.func(name, id(u)?, Linkage(u.int_in_range(0..=3)?)),
            10 => {
                let mut params = Vec::new();
                for _ in 0..u.int_in_range(0..=3)? {
                    params.push((*u.choose(NAMES)?, id(u)?));
                }
                b.func_proto(id(u)?, &params);
            }
            11 => _ = b.var(name, id(u)?, Linkage(u.int_in_range(0..=3)?)),
            12 => {
                let mut vars = Vec::new();
                for _ in 0..u.int_in_range(0..=3)? {
                    vars.push(SecVar {
                        ty: id(u)?,
                        offset: u.int_in_range(0..=32)?,
                        size: u.int_in_range(0..=9)?,
                    });
                }
                b.datasec(name, size, &vars);
            }
            13 => _ = b.float(name, size),
            14 => _ = b.decl_tag(name, id(u)?, u.arbitrary()?),
            15 => _ = b.type_tag(name, id(u)?),
            _ => _ = b.enumeration64(name, size, false, &[("A", u.arbitrary::<u64>()?.into())]),
        }
    }
    Ok(b.finish().expect("references in range"))
}

/// Asks everything there is to ask; answers may be errors.
fn ask_everything(btf: &Btf) {
    let data = [0x5a; 64];
    for (id, ty) in btf.types() {
        let _ = (btf.size_of(id), btf.align_of(id), btf.resolve(id), btf.find_member(id, "value"));
        assert!(btf.type_name(id).len() < 1 << 16, "a spelling has a limit");
        let name = btf.name(ty.name());
        // Kinds without names may have one in a changed file, which no view shows.
        if !name.is_empty() {
            let found = btf.find(name, ty.kind()).expect("a name that is there");
            assert!(found <= id && btf.name(btf.get(found).expect("found").name()) == name);
        }
        if let Ok(value) = btf.value(id, &data) {
            let json = value.to_json_string();
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "not JSON: {json}");
            let _ = value.to_string();
        }
        let _ = BtfMapDef::read(btf, id);
        let _ = place_section(btf, id, 8, |_| Some(4));
        let _ = format!("{ty:?}");
    }
    for (major, minor) in [(4, 18), (5, 4), (6, 18)] {
        let support = BtfSupport::of_linux(major, minor);
        if let Ok(clean) = sanitize(btf, &support) {
            let again = sanitize(&clean, &support).expect("what was sanitized");
            for ((id, once), (_, twice)) in clean.types().zip(again.types()) {
                assert_eq!(once, twice, "type {id} of {:?}: once is enough", btf.get(id));
            }
            assert_eq!(again, clean);
        }
    }
}

/// Reads bytes, and if they are BTF, checks that it is stable and can be asked.
fn read(data: &[u8]) {
    let Ok(btf) = Btf::parse(data) else { return };
    for endian in [Endian::Little, Endian::Big] {
        let bytes = btf.to_bytes(endian);
        let again = Btf::parse(&bytes).expect("what was written");
        assert_eq!(again, btf);
        assert_eq!(again.to_bytes(endian), bytes);
    }
    ask_everything(&btf);
}

#[test]
fn any_types_are_stable_and_can_be_asked() {
    arbtest(|u| {
        read(&any_btf(u)?.to_bytes(Endian::Little));
        Ok(())
    });
}

#[test]
fn changed_bytes_are_refused_or_read() {
    arbtest(|u| {
        let endian = *u.choose(&[Endian::Little, Endian::Big])?;
        let mut data = any_btf(u)?.to_bytes(endian);
        for _ in 0..u.int_in_range(1..=4)? {
            let at = u.choose_index(data.len())?;
            data[at] = u.arbitrary()?;
        }
        if u.ratio(1, 8)? {
            data.truncate(u.choose_index(data.len())?);
        }
        read(&data);
        Ok(())
    });
}

#[test]
fn random_bytes_are_refused_or_read() {
    arbtest(|u| {
        // A header that fits, or most bytes would be refused by it.
        let types: Vec<u32> = u.arbitrary()?;
        let strings_len = u.int_in_range(1..=16)?;
        let types_len = 4 * types.len() as u32;
        let header = [0x0001_eb9f, 24, 0, types_len, types_len, strings_len];
        let words = header.iter().chain(&types).flat_map(|word| word.to_le_bytes());
        let strings = (0..strings_len).map(|at| if at == 0 || at == strings_len - 1 { 0 } else { b'x' });
        read(&words.chain(strings).collect::<Vec<u8>>());
        read(u.bytes(u.len())?);
        Ok(())
    });
}

#[test]
fn ext_of_any_bytes_is_refused_or_stable() {
    let mut b = BtfBuilder::new();
    for name in ["xdp", "a.c", "return 0;", "0:1"] {
        b.typedef(name, TypeId::VOID);
    }
    let btf = b.finish().expect("valid types");
    arbtest(|u| {
        let endian = *u.choose(&[Endian::Little, Endian::Big])?;
        let (name, word) = (StrId(1), |u: &mut Unstructured<'_>| u.int_in_range(0..=4));
        let mut ext = BtfExt::default();
        for _ in 0..u.int_in_range(1..=3)? {
            let (insn_off, type_id, text) = (u.arbitrary()?, TypeId(word(u)?), StrId(word(u)?));
            let records = vec![FuncInfo { insn_off, type_id }];
            ext.funcs.push(ExtSection { name, records });
            let (line, col) = (u.int_in_range(0..=(1 << 22) - 1)?, u.int_in_range(0..=1023)?);
            let records = vec![LineInfo { insn_off, file: text, line_text: text, line, col }];
            ext.lines.push(ExtSection { name, records });
            let records = vec![CoreRelo { insn_off, type_id, access: text, kind: CoreKind(u.arbitrary()?) }];
            ext.core_relos.push(ExtSection { name, records });
        }
        let mut data = ext.to_bytes(endian);
        assert_eq!(BtfExt::parse(&data, &btf).as_ref(), Ok(&ext));
        for _ in 0..u.int_in_range(1..=4)? {
            let at = u.choose_index(data.len())?;
            data[at] = u.arbitrary()?;
        }
        if let Ok(changed) = BtfExt::parse(&data, &btf) {
            let again = BtfExt::parse(&changed.to_bytes(endian), &btf).expect("what was written");
            let records = |ext: &BtfExt| ext.funcs.iter().map(|s| s.records.len()).sum::<usize>();
            assert_eq!(records(&again), records(&changed));
        }
        Ok(())
    });
}
