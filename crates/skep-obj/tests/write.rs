//! The ELF writer: what compilers wrote is read, written and read again, and says the same.

mod compile;

use std::path::Path;

use compile::{Compiler, Objects, Types, compilers};
use skep_btf::Kind;
use skep_isa::{Endian, FormId, Insn, Reg, Wide};
use skep_obj::{Function, Object, RefTarget, Reference};
use skep_testkit::workspace_root;

/// The C programs.
fn programs() -> Vec<String> {
    let dir = workspace_root().join("crates/skep-obj/tests/c");
    let files = std::fs::read_dir(dir).expect("the programs are there");
    let mut names: Vec<String> = files
        .map(|file| file.expect("readable").file_name().into_string().expect("a name"))
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "c"))
        .collect();
    names.sort();
    names
}

/// A function without what an instruction's reference leaves in its fields, which compilers do differently.
fn bare(f: &Function) -> (Vec<Insn>, &[Reference]) {
    let mut insns = f.insns.clone();
    for reference in &f.references {
        insns[reference.insn] = Insn { form: FormId::RAW, off: 0, imm: 0, ..insns[reference.insn] };
    }
    (insns, &f.references)
}

fn assert_same(a: &Object, b: &Object, what: &str) {
    assert_eq!((a.endian, &a.license, a.kern_version), (b.endian, &b.license, b.kern_version), "{what}");
    assert_eq!(a.functions.len(), b.functions.len(), "{what}");
    for (f, g) in a.functions.iter().zip(&b.functions) {
        assert_eq!(
            (&f.name, &f.section, f.offset, f.global),
            (&g.name, &g.section, g.offset, g.global),
            "{what}"
        );
        assert_eq!(bare(f), bare(g), "{what}: {}", f.name);
        assert_eq!(
            (&f.lines, &f.core_relos, f.btf_id),
            (&g.lines, &g.core_relos, g.btf_id),
            "{what}: {}",
            f.name
        );
    }
    assert_eq!(a.maps, b.maps, "{what}");
    // Maps of old had no types, and get some.
    if a.btf.as_ref().is_some_and(|btf| btf.find(".maps", Kind::DataSec).is_some()) {
        assert!(a.btf == b.btf, "{what}: other types");
    }
}

fn check(compiler: &Compiler, objects: &Objects) {
    for program in programs() {
        let Some(path) = objects.compile(compiler, &program) else { return };
        let what = format!("{} {program}", compiler.name());
        let read = Object::from_elf(&std::fs::read(path).expect("readable")).expect(&what);
        let bytes = read.to_elf().unwrap_or_else(|error| panic!("{what}: {error}"));
        let again = Object::from_elf(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_same(&read, &again, &what);
        assert_eq!(again.to_elf().as_ref(), Ok(&bytes), "{what}: the second time it is written otherwise");
    }
}

#[test]
fn what_compilers_wrote_is_written_back() {
    let objects = Objects::new("what_compilers_wrote_is_written_back");
    for compiler in compilers(Types::Yes) {
        check(&compiler, &objects);
    }
}

/// An object of one function, `exit` alone.
fn tiny() -> Object {
    let function = Function {
        name: "f".into(),
        section: "xdp".into(),
        offset: 0,
        global: true,
        insns: vec![Insn::exit()],
        references: Vec::new(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf_id: None,
    };
    Object {
        endian: Endian::Little,
        license: "GPL".into(),
        kern_version: 0x0006_0102,
        functions: vec![function],
        maps: Vec::new(),
        btf: None,
    }
}

#[test]
fn an_object_without_types_needs_none() {
    for endian in [Endian::Little, Endian::Big] {
        let object = Object { endian, ..tiny() };
        let again = Object::from_elf(&object.to_elf().expect("written")).expect("read");
        assert_eq!(again, object);
    }
}

#[test]
fn what_elf_can_not_say_is_refused() {
    let refusal = |change: &dyn Fn(&mut Object)| {
        let mut object = tiny();
        change(&mut object);
        object.to_elf().expect_err("refused").to_string()
    };
    assert_eq!(
        refusal(&|o| o.functions[0].name = "a\0b".into()),
        r#"expected the name of a symbol without zero bytes, found "a\0b""#
    );
    assert_eq!(
        refusal(&|o| o.functions[0].offset = 4),
        "section `xdp`, offset 0x4: expected a free slot for `f`"
    );
    assert_eq!(
        refusal(&|o| o.functions.push(o.functions[0].clone())),
        "section `xdp`, offset 0x0: expected a free slot for `f`"
    );
    assert_eq!(
        refusal(&|o| o.functions[0].offset = 1 << 40),
        "section `xdp`: expected at most 67108864 bytes, found 1099511627784"
    );
    let reference = |insn, target| {
        move |o: &mut Object| {
            o.functions[0].references = vec![Reference { insn, target: RefTarget::clone(&target) }];
        }
    };
    let exit = "f, instruction 0: can't refer to Function(0)";
    assert_eq!(refusal(&reference(0, RefTarget::Function(0))), exit);
    assert_eq!(refusal(&reference(9, RefTarget::Map(3))), "f, instruction 9: can't refer to Map(3)");
    assert_eq!(
        refusal(&|o| {
            o.functions[0].insns = Insn::wide(Wide::Imm, Reg::R1, 0).to_vec();
            reference(0, RefTarget::MapValue(0, 4))(o);
        }),
        "f, instruction 0: can't refer to MapValue(0, 4)"
    );
    // The second slot of a load is missing at the end of its section.
    assert_eq!(
        refusal(&|o| {
            o.functions[0].insns.truncate(0);
            o.functions[0].insns.push(Insn::wide(Wide::Imm, Reg::R1, 0)[0]);
            reference(0, RefTarget::Function(0))(o);
        }),
        "f, instruction 0: can't refer to Function(0)"
    );
}
