//! Sources and what they assemble to: each `asm/NAME.s` has an `asm/NAME.out` with the object in words, or the
//! errors. `UPDATE_EXPECT=1` writes what is found.

use std::fmt::Write as _;
use std::path::PathBuf;

use expect_test::expect_file;
use skep_asm::{AsmErrors, assemble};
use skep_btf::{Btf, Linkage, Type};
use skep_isa::text::Writer;
use skep_isa::{FormId, encode_all};
use skep_obj::{Function, MapInit, Object, RefTarget};

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/asm")
}

/// An object in words: bytes, texts, references, data, types.
fn describe(object: &Object) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "license {:?}", object.license);
    let btf = object.btf.as_deref().expect("an assembled object has types");
    for map in &object.maps {
        let (key, value) =
            (map.key_type.map(|id| btf.type_name(id)), map.value_type.map(|id| btf.type_name(id)));
        let _ = writeln!(out, "map {} {:?} {key:?} {value:?} {:?}", map.name, map.def, map.pinning);
        match &map.init {
            MapInit::Data(data) => {
                let _ = writeln!(out, "    {:02x?}", data.bytes);
            }
            MapInit::Empty => {}
            init => {
                let _ = writeln!(out, "    {init:?}");
            }
        }
    }
    for (_, ty) in btf.types() {
        if let Type::DataSec(section) = ty {
            let _ = writeln!(out, "section {} of {} bytes", btf.name(section.name), section.size);
            for var in section.vars.iter() {
                let Ok(Type::Var(named)) = btf.get(var.ty) else { continue };
                let linkage = if named.linkage == Linkage::GLOBAL { "global" } else { "static" };
                let _ = writeln!(
                    out,
                    "    {:#06x} {:4} {linkage} {}: {}",
                    var.offset,
                    var.size,
                    btf.name(named.name),
                    btf.type_name(named.ty)
                );
            }
        }
    }
    for f in &object.functions {
        function(&mut out, object, btf, f);
    }
    out
}

fn function(out: &mut String, object: &Object, btf: &Btf, f: &Function) {
    let proto = f.btf_id.and_then(|id| match btf.get(id) {
        Ok(Type::Func(func)) => Some((btf.type_name(func.proto), func.linkage)),
        _ => None,
    });
    let global = if f.global { "global" } else { "static" };
    let _ = writeln!(out, "function {} in {} at {:#x}, {global}, {proto:?}", f.name, f.section, f.offset);
    let writer = Writer::pseudoc();
    for (slot, insn) in f.insns.iter().enumerate() {
        if insn.form == FormId::TAIL {
            continue;
        }
        let bytes = encode_all(&f.insns[slot..slot + insn.slots()], object.endian);
        let hex = bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().concat();
        let reference = f.references.iter().find(|r| r.insn == slot).map(|r| match &r.target {
            RefTarget::Map(map) => format!("  <{}>", object.maps[*map].name),
            RefTarget::MapValue(map, off) => format!("  <{} + {off}>", object.maps[*map].name),
            RefTarget::Function(function) => format!("  <{}()>", object.functions[*function].name),
            RefTarget::Extern { name, .. } => format!("  <extern {name}>"),
        });
        let line = f
            .lines
            .iter()
            .find(|l| l.insn == slot)
            .map_or(String::new(), |l| format!("{}:{}", l.line, l.column));
        let _ = writeln!(
            out,
            "    {slot:3} {line:>6}  {hex:32}  {}{}",
            writer.insn(insn),
            reference.unwrap_or_default()
        );
    }
}

/// The errors, each under the text it is about.
fn complain(source: &str, errors: &AsmErrors) -> String {
    let mut out = String::new();
    for error in errors {
        let line = source.lines().nth(error.line as usize - 1).unwrap_or_default();
        let _ = writeln!(out, "{line}");
        let blanks: String = line
            .chars()
            .take(error.column as usize - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let _ = writeln!(out, "{blanks}{} {}", "^".repeat(error.len.max(1) as usize), error.message);
        if let Some(help) = &error.help {
            let _ = writeln!(out, "{blanks}help: {help}");
        }
        for place in &error.uses {
            let _ = writeln!(out, "{blanks}note: {place}");
        }
    }
    out
}

#[test]
fn sources_assemble_to_what_their_files_say() {
    let mut count = 0;
    for entry in std::fs::read_dir(dir()).expect("the sources are there") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|e| e != "s") {
            continue;
        }
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name");
        let source = std::fs::read_to_string(&path).expect("readable");
        let found = match assemble(&source, name) {
            Ok(object) => describe(&object),
            Err(errors) => complain(&source, &errors),
        };
        expect_file![path.with_extension("out")].assert_eq(&found);
        count += 1;
    }
    assert!(count >= 6, "only {count} sources");
}
