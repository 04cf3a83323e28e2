//! Objects as text and back: the same instructions, references, data and maps, in both dialects, whoever made them.

use std::path::{Path, PathBuf};
use std::process::Command;

use arbtest::arbitrary::Unstructured;
use skep_asm::{DisOptions, Options, assemble, assemble_with, disassemble_with};
use skep_isa::text::Dialect;
use skep_isa::{Callee, Endian, FormId, Insn, Op, Wide, decode_all, encode_all};
use skep_obj::{Function, MapSpec, Object, RefTarget, Reference};
use skep_testkit::{TempDir, report_skipped, tool};

/// A function's instructions, with nothing where references are, and the references.
fn bare(f: &Function) -> (Vec<Insn>, Vec<Reference>) {
    let mut insns = f.insns.clone();
    for reference in &f.references {
        let insn = &mut insns[reference.insn];
        *insn = Insn { form: FormId::RAW, off: 0, imm: 0, ..*insn };
    }
    (insns, f.references.clone())
}

/// What text keeps of a map.
fn kept(map: &MapSpec) -> MapSpec {
    let mut map = MapSpec { key_type: None, value_type: None, ..map.clone() };
    if let Some(inner) = &mut map.inner {
        **inner = kept(inner);
        inner.name.clear();
    }
    map
}

/// What functions are called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// As compilers and people call them: the names survive too.
    Plain,
    /// Anything: the names may become others.
    Any,
}

/// Puts an object through text.
fn assert_survives(object: &Object, names: Names, what: &str) {
    for dialect in [Dialect::Pseudoc, Dialect::Normal] {
        for lines in [false, true] {
            let text = disassemble_with(object, &DisOptions { dialect, lines, isa: None });
            let options = Options { endian: object.endian, ..Options::default() };
            let again = assemble_with(&text, "again.s", &options)
                .unwrap_or_else(|errors| panic!("{what}, {}: {errors}\n{text}", dialect.name()));
            assert_eq!(object.license, again.license, "{what}");
            assert_eq!(object.kern_version, again.kern_version, "{what}");
            assert_eq!(object.functions.len(), again.functions.len(), "{what}\n{text}");
            for (f, g) in object.functions.iter().zip(&again.functions) {
                assert_eq!(
                    (&f.section, f.offset, f.global),
                    (&g.section, g.offset, g.global),
                    "{what}\n{text}"
                );
                assert!(names == Names::Any || f.name == g.name, "{what}: {}, {}\n{text}", f.name, g.name);
                assert_eq!(bare(f), bare(g), "{what}: {}\n{text}", f.name);
            }
            let maps = |object: &Object| object.maps.iter().map(kept).collect::<Vec<_>>();
            assert_eq!(maps(object), maps(&again), "{what}\n{text}");
        }
    }
}

/// Compilers name what they split off or specialise so, and variables of functions.
#[test]
fn names_with_dots_survive() {
    let source = "
        .struct flow { u32 cold }
        .data
        count.0: .4byte 1
        .section xdp
        main:
            r1 = count.0 ll
            r2 = dispatch.1 ll
            call parse.isra.0
            call flow.constprop.0.cold
            exit
        .text
        parse.isra.0:
            r0 = 0
            exit
        flow.constprop.0.cold:
            r0 = flow.cold
            exit
        .map dispatch.1, type=array, key=u32, value=flow, max_entries=1";
    let object = assemble(source, "names.s").expect("assembles");
    let names = |object: &Object| {
        let maps = object.maps.iter().map(|map| map.name.clone());
        object.functions.iter().map(|f| f.name.clone()).chain(maps).collect::<Vec<_>>()
    };
    assert_eq!(names(&object), ["main", "parse.isra.0", "flow.constprop.0.cold", "dispatch.1", ".data"]);
    assert_survives(&object, Names::Plain, "names with dots");
    let text = disassemble_with(&object, &DisOptions { dialect: Dialect::Pseudoc, lines: false, isa: None });
    assert!(text.contains("r1 = count.0 ll"), "{text}");
    assert!(text.contains("r2 = dispatch.1 ll"), "{text}");
}

/// A call of it that stands before it would be one of the helper with the number of the member's place.
#[test]
fn a_name_that_is_also_a_members_place_gets_another() {
    for name in ["xdp_md.data_end", "xdp_md.sizeof", "flow.cold"] {
        let source = format!(
            ".struct flow {{ u32 cold }}
            .map m, type=array, key=u32, value=flow, max_entries=1
            .text
            {name}: r0 = 0
            exit
            .section xdp
            main: call {name}
            r1 = m ll
            exit"
        );
        let object = assemble(&source, "names.s").expect("assembles");
        assert_eq!(object.functions[0].name, name);
        let mut moved = object.clone();
        moved.functions.reverse();
        for reference in moved.functions.iter_mut().flat_map(|f| &mut f.references) {
            if let RefTarget::Function(function) = &mut reference.target {
                *function = 1 - *function;
            }
        }
        let text =
            disassemble_with(&moved, &DisOptions { dialect: Dialect::Pseudoc, lines: false, isa: None });
        let again = assemble(&text, "again.s").unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert_eq!(again.functions[1].name, name.replace('.', "_") + "_");
        assert_eq!(again.functions[0].references[0].target, RefTarget::Function(1), "{text}");
    }
}

const COMPILERS: &[(&str, &[&str])] = &[
    ("clang-14", &["-target", "bpfel", "-mcpu=v1", "-g"]),
    ("clang-19", &["-target", "bpfel", "-mcpu=v4", "-g"]),
    ("clang-19", &["-target", "bpfeb", "-mcpu=v3", "-g"]),
    ("bpf-gcc", &["-gbtf"]),
    ("bpf-gcc", &["-mbig-endian", "-gbtf"]),
];

#[test]
fn compiled_objects_survive() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../skep-obj/tests/c");
    let mut programs: Vec<PathBuf> = std::fs::read_dir(sources)
        .expect("the programs are there")
        .map(|file| file.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "c"))
        .collect();
    programs.sort();
    let dir = TempDir::new("round-trip");
    for (compiler, options) in COMPILERS {
        let Some(path) = tool(compiler) else {
            let reason = format_args!("{compiler} is not installed");
            report_skipped(env!("CARGO_PKG_NAME"), "compiled_objects_survive", reason);
            continue;
        };
        for program in &programs {
            let object = dir.join("a.o");
            let output = Command::new(&path)
                .args(*options)
                .args(["-O2", "-c"])
                .arg(program)
                .arg("-o")
                .arg(&object)
                .output()
                .expect("the compiler starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let object = Object::from_elf(&std::fs::read(object).expect("written")).expect("readable");
            assert_survives(&object, Names::Plain, &format!("{compiler} {options:?} {}", program.display()));
        }
    }
}

#[test]
fn assembled_objects_survive() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asm");
    for name in ["kitchen.s", "labels.s", "normal.s"] {
        let source = std::fs::read_to_string(dir.join(name)).expect("readable");
        assert_survives(&assemble(&source, name).expect("a good source"), Names::Plain, name);
    }
}

#[test]
fn an_object_is_the_same_through_elf() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asm");
    for name in ["kitchen.s", "labels.s", "normal.s", "data.s"] {
        let source = std::fs::read_to_string(dir.join(name)).expect("readable");
        let object = assemble(&source, name).expect("a good source");
        let again = Object::from_elf(&object.to_elf().expect("written")).expect("read");
        assert_eq!(object.maps, again.maps, "{name}");
        assert!(object.btf == again.btf, "{name}: other types");
        assert_eq!(object.functions.len(), again.functions.len(), "{name}");
        for (f, g) in object.functions.iter().zip(&again.functions) {
            assert_eq!(bare(f), bare(g), "{name}: {}", f.name);
            assert_eq!((&f.lines, f.btf_id), (&g.lines, g.btf_id), "{name}: {}", f.name);
        }
    }
}

/// An object of random slots, with names that are hard to write.
fn random_object(u: &mut Unstructured<'_>) -> arbtest::arbitrary::Result<Object> {
    const NAMES: &[&str] = &[
        "f",
        "r1",
        "exit",
        "1f",
        "a b",
        ".text",
        "L1",
        "XDP_PASS",
        "",
        "f",
        "pc",
        "ünï",
        "bpf_map_lookup_elem",
    ];
    const SECTIONS: &[&str] = &["xdp", ".text", "tc/ingress", "?socket", "odd \"name\"", ".data.x"];
    let endian = if u.arbitrary()? { Endian::Little } else { Endian::Big };
    let count = u.int_in_range(1..=4)?;
    let mut functions: Vec<Function> = Vec::new();
    let section_count = u.int_in_range(1..=SECTIONS.len())?;
    for index in 0..count {
        // Functions of a section stand together, as in files.
        let section = SECTIONS[index * section_count / count].to_owned();
        let len = 8 * u.int_in_range(1..=12)?;
        let mut bytes = u.bytes(len)?.to_vec();
        // Valid opcodes come up more often than chance has it.
        for slot in bytes.chunks_mut(8) {
            if u.ratio(3, 4)? {
                let row = u.choose(skep_isa::table::ROWS.as_slice())?;
                let form = FormId::by_name(row.name).expect("a form");
                let insn = Insn {
                    form,
                    dst: skep_isa::Reg(slot[1] & 15),
                    src: skep_isa::Reg(slot[1] >> 4),
                    off: i16::from(slot[2] as i8),
                    imm: i64::from(slot[3] as i8),
                };
                slot.copy_from_slice(&skep_isa::encode(&insn, endian));
            }
        }
        let insns = decode_all(&bytes, endian).expect("whole slots");
        let offset = functions
            .last()
            .filter(|f| f.section == section)
            .map_or(0, |f| f.offset + 8 * f.insns.len() as u64);
        let global = u.arbitrary()?;
        functions.push(Function {
            name: (*u.choose(NAMES)?).to_owned(),
            section,
            offset,
            global,
            insns,
            references: Vec::new(),
            lines: Vec::new(),
            core_relos: Vec::new(),
            btf_id: None,
        });
    }
    for function in &mut functions {
        for slot in 0..function.insns.len() {
            let target = match function.insns[slot].op() {
                Op::Call(Callee::Local) | Op::Wide(Wide::Func) => {
                    RefTarget::Function(u.int_in_range(0..=count - 1)?)
                }
                Op::Call(Callee::Helper) | Op::Wide(Wide::Imm) if u.ratio(1, 3)? => {
                    RefTarget::Extern { name: (*u.choose(NAMES)?).to_owned(), weak: false }
                }
                _ => continue,
            };
            function.references.push(Reference { insn: slot, target });
        }
    }
    Ok(Object {
        endian,
        license: "a \"quoted\"\nlicence".into(),
        kern_version: 7,
        functions,
        maps: Vec::new(),
        btf: None,
    })
}

#[test]
fn any_object_survives() {
    arbtest::arbtest(|u| {
        let object = random_object(u)?;
        assert_survives(&object, Names::Any, "a random object");
        for f in &object.functions {
            let bytes = encode_all(&f.insns, object.endian);
            assert_eq!(decode_all(&bytes, object.endian).as_ref(), Ok(&f.insns));
        }
        Ok(())
    })
    .budget_ms(2_000);
}
