//! Objects of every compiler at hand: the same program reads as the same functions, references and maps.

mod compile;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use compile::{Compiler, Objects, Types, compilers};
use skep_abi::{MapFlags, MapType};
use skep_isa::{Endian, Op, Size, encode_all};
use skep_obj::{Function, MapInit, Object, Pinning, RefTarget};
use skep_testkit::tool;

/// Every object of a program, read.
fn each_object(test: &'static str, source: &str, types: Types, check: impl Fn(&Compiler, &Object, &[u8])) {
    let objects = Objects::new(test);
    for compiler in compilers(types) {
        let Some(path) = objects.compile(&compiler, source) else { continue };
        let bytes = fs::read(path).expect("the compiler wrote it");
        let object = Object::from_elf(&bytes).unwrap_or_else(|error| panic!("{}: {error}", compiler.name()));
        assert_eq!(object, Object::from_elf(&bytes).unwrap(), "{}: reading twice", compiler.name());
        let endian = if compiler.is_big_endian() { Endian::Big } else { Endian::Little };
        assert_eq!(object.endian, endian, "{}", compiler.name());
        check(&compiler, &object, &bytes);
    }
}

fn function<'a>(object: &'a Object, name: &str) -> &'a Function {
    object.functions.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no function {name}"))
}

/// What a function refers to, in words: maps and functions by name, variables by the number that the first load
/// of the address finds there.
fn referred(object: &Object, function: &Function) -> BTreeSet<String> {
    let word = |reference: &skep_obj::Reference| match &reference.target {
        RefTarget::Map(map) => format!("map {}", object.maps[*map].name),
        RefTarget::Function(f) => format!("function {}", object.functions[*f].name),
        RefTarget::Extern { name, weak } => format!("extern {name}{}", if *weak { " weak" } else { "" }),
        RefTarget::MapValue(map, off) => {
            let MapInit::Data(data) = &object.maps[*map].init else { panic!("a data section has data") };
            let reg = function.insns[reference.insn].dst;
            let load = function.insns[reference.insn..]
                .iter()
                .find_map(|insn| match insn.op() {
                    Op::Load { size, .. } if insn.src == reg => Some((size, insn.off)),
                    _ => None,
                })
                .unwrap_or((Size::W, 0));
            let at = *off as usize + load.1 as usize;
            let bytes = &data.bytes[at..at + load.0.bytes() as usize];
            let value = match object.endian {
                Endian::Little => bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte)),
                Endian::Big => bytes.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte)),
            };
            format!("data {value}")
        }
    };
    function.references.iter().map(word).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn functions_are_cut_and_refer_to_each_other_and_to_data() {
    each_object(
        "functions_are_cut_and_refer_to_each_other_and_to_data",
        "count.c",
        Types::Yes,
        |by, object, _| {
            let names: BTreeSet<_> =
                object.functions.iter().map(|f| (f.name.as_str(), f.section.as_str(), f.global)).collect();
            let expected = BTreeSet::from([
                ("scaled", ".text", false),
                ("rounded", ".text", true),
                ("count", "xdp", true),
                ("second", "xdp/second", true),
            ]);
            assert_eq!(names, expected, "{}", by.name());
            let refers = |name| referred(object, function(object, name));
            assert_eq!(refers("scaled"), set(&["data 3"]), "{}", by.name());
            assert_eq!(refers("rounded"), set(&["function scaled", "data 1"]), "{}", by.name());
            let words = ["map shared", "data 7", "function scaled", "function rounded"];
            assert_eq!(refers("second"), set(&words), "{}", by.name());
            let words = ["map counts", "data 0", "data 10", "data 1500", "data 7", "function rounded"];
            assert_eq!(refers("count"), set(&words), "{}", by.name());
            assert_eq!((object.license.as_str(), object.kern_version), ("GPL", 0x50607));
        },
    );
}

#[test]
fn programs_link() {
    for source in ["count.c", "maps.c", "core.c"] {
        each_object("programs_link", source, Types::Yes, |by, object, _| {
            for (index, program) in object.link_all() {
                let program = program.unwrap_or_else(|error| panic!("{} {source}: {error}", by.name()));
                assert_eq!(program.name, object.functions[index].name);
                assert!(program.insns.iter().all(|insn| insn.op() != Op::Raw), "{} {source}", by.name());
                let ends = program.functions.iter().map(|f| f.end - f.start).sum::<usize>();
                assert_eq!(ends, program.insns.len());
                // Nothing in it goes beyond it.
                for (slot, insn) in program.insns.iter().enumerate() {
                    if let Some(distance) = insn.target() {
                        let target = slot as i64 + 1 + distance;
                        assert!((0..program.insns.len() as i64).contains(&target), "{}: {slot}", by.name());
                    }
                }
            }
        });
    }
}

#[test]
fn maps_are_what_the_source_says() {
    each_object("maps_are_what_the_source_says", "count.c", Types::Yes, |by, object, _| {
        let (_, counts) = object.map("counts").expect("a map");
        assert_eq!((counts.def.map_type, counts.def.key_size, counts.def.value_size), (MapType::Hash, 4, 16));
        assert_eq!((counts.def.max_entries, counts.def.flags), (64, MapFlags::NO_PREALLOC));
        let btf = object.btf.as_deref().expect("types");
        assert_eq!(btf.type_name(counts.value_type.expect("a type")), "struct count", "{}", by.name());
        let (_, shared) = object.map("shared").expect("a map");
        assert_eq!((shared.pinning, shared.value_type), (Pinning::ByName, None));

        let (_, data) = object.map(".data").expect("a data section");
        assert_eq!((data.def.map_type, data.def.max_entries, data.def.key_size), (MapType::Array, 1, 4));
        assert_eq!(data.def.flags, MapFlags::MMAPABLE, "{}: it has a global variable", by.name());
        let MapInit::Data(init) = &data.init else { panic!("data") };
        assert_eq!((init.bytes.len() as u32, init.frozen), (data.def.value_size, false));
        if !by.is_gcc() {
            // GCC 12 puts volatile constants beside what may be written.
            let (_, rodata) = object.map(".rodata").expect("a data section");
            assert_eq!(rodata.def.flags, MapFlags::RDONLY_PROG | MapFlags::MMAPABLE);
            assert!(matches!(&rodata.init, MapInit::Data(data) if data.frozen));
        }
    });
}

#[test]
fn variables_have_their_places_in_the_types() {
    each_object("variables_have_their_places_in_the_types", "count.c", Types::Yes, |by, object, _| {
        let btf = object.btf.as_deref().expect("types");
        let (_, data) = object.map(".data").expect("a data section");
        let skep_btf::Type::DataSec(section) = btf.get(data.value_type.expect("a type")).unwrap() else {
            panic!("a section")
        };
        assert_eq!(section.size, data.def.value_size, "{}", by.name());
        let MapInit::Data(init) = &data.init else { panic!("data") };
        let mut values = BTreeSet::new();
        for var in section.vars.iter() {
            let bytes = &init.bytes[var.offset as usize..][..var.size as usize];
            let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
            values.insert((btf.name(btf.get(var.ty).unwrap().name()).to_owned(), sum));
        }
        for (name, value) in [("total", 7), ("step", 3), ("unit", 1)] {
            assert!(values.contains(&(name.to_owned(), value)), "{} {name}: {values:?}", by.name());
        }
    });
}

#[test]
fn initial_values_of_maps_are_programs_and_maps() {
    each_object("initial_values_of_maps_are_programs_and_maps", "maps.c", Types::Yes, |by, object, _| {
        let function = |name| object.functions.iter().position(|f| f.name == name).unwrap();
        let map = |name| object.map(name).unwrap_or_else(|| panic!("{}: no map {name}", by.name())).0;
        let (_, steps) = object.map("steps").unwrap();
        assert_eq!(steps.init, MapInit::Programs(vec![(1, function("first")), (5, function("third"))]));
        let (_, halves) = object.map("halves").unwrap();
        assert_eq!(halves.init, MapInit::Maps(vec![(0, map("even")), (3, map("odd"))]), "{}", by.name());
        let inner = halves.inner.as_deref().expect("a model of its values");
        assert_eq!((inner.def.map_type, inner.def.value_size, inner.def.max_entries), (MapType::Array, 8, 2));
        let (_, events) = object.map("events").unwrap();
        assert_eq!((events.def.map_type, events.def.max_entries), (MapType::Ringbuf, 4096));
    });
}

#[test]
fn every_kind_of_reference_is_read() {
    for types in [Types::Yes, Types::No] {
        each_object("every_kind_of_reference_is_read", "references.c", types, |by, object, _| {
            let refers = |name| referred(object, function(object, name));
            assert_eq!(refers("each"), set(&["data 0"]), "{}", by.name());
            assert_eq!(refers("nearby"), set(&["data 30"]), "{}", by.name());
            assert_eq!(refers("own"), set(&["data 5", "data 77"]), "{}", by.name());
            let words = ["function each", "function nearby", "function own", "data 0", "data 99"];
            assert_eq!(refers("refer"), set(&words), "{}", by.name());
            let words = [
                "extern LINUX_KERNEL_VERSION",
                "extern CONFIG_SKEP weak",
                "extern skep_symbol weak",
                "extern skep_function",
            ];
            assert_eq!(refers("outside"), set(&words), "{}", by.name());
            assert!(!function(object, "own").global, "hidden from other files");
            let programs: Vec<_> = object.programs().map(|(_, f)| f.name.as_str()).collect();
            assert_eq!(programs, ["refer", "outside"], "{}", by.name());
            if types == Types::Yes {
                let section = |name| object.extern_type(name).and_then(|found| found.section);
                assert_eq!(section("LINUX_KERNEL_VERSION"), Some(".kconfig"), "{}", by.name());
                assert_eq!(section("CONFIG_SKEP"), Some(".kconfig"), "{}", by.name());
                if !by.is_gcc() {
                    assert_eq!(section("skep_symbol"), Some(".ksyms"), "{}", by.name());
                    assert_eq!(section("skep_function"), Some(".ksyms"), "{}", by.name());
                }
                assert_eq!(object.extern_type("nobody"), None);
            }
        });
    }
}

#[test]
fn programs_without_maps_need_no_types() {
    each_object("programs_without_maps_need_no_types", "plain.c", Types::No, |by, object, _| {
        assert_eq!(object.btf, None);
        let refers = |name| referred(object, function(object, name));
        assert_eq!(refers("rounded"), set(&["function scaled", "data 1"]), "{}", by.name());
        assert_eq!(refers("scaled"), set(&["data 3"]), "{}", by.name());
        let (entry, _) = object.programs().next().expect("a program");
        assert_eq!(object.program(entry).unwrap().functions.len(), 3, "{}", by.name());
    });
}

#[test]
fn maps_of_old_are_read_without_types() {
    for types in [Types::Yes, Types::No] {
        each_object("maps_of_old_are_read_without_types", "legacy.c", types, |by, object, _| {
            let (_, old) = object.map("old").expect("a map");
            let (_, older) = object.map("older").expect("a map");
            assert_eq!((old.def.map_type, old.def.value_size, old.def.max_entries), (MapType::Array, 8, 3));
            assert_eq!((older.def.map_type, older.def.key_size), (MapType::Hash, 8));
            assert_eq!(older.def.flags, MapFlags::NO_PREALLOC);
            let words = set(&["map old", "map older"]);
            assert_eq!(referred(object, function(object, "count")), words, "{}", by.name());
        });
    }
}

#[test]
fn lines_and_records_for_kernel_types_are_kept() {
    each_object("lines_and_records_for_kernel_types_are_kept", "core.c", Types::Yes, |by, object, _| {
        if by.is_gcc() {
            return; // GCC 12 has neither.
        }
        let core = function(object, "core");
        let accesses: Vec<_> = core.core_relos.iter().map(|relo| relo.access.as_str()).collect();
        assert_eq!(accesses, ["0:0", "0:1:0"], "{}", by.name());
        let btf = object.btf.as_deref().expect("types");
        assert_eq!(btf.type_name(core.core_relos[0].type_id), "struct task");
        assert_eq!(btf.name(btf.get(core.btf_id.expect("a type")).unwrap().name()), "core");
        let program = object.program(0).unwrap();
        let line = program.line_at(0).expect("a line");
        assert!(line.file.ends_with("core.c") && line.text.contains("task->"), "{line:?}");
        assert!(core.lines.windows(2).all(|pair| pair[0].insn < pair[1].insn));
    });
}

/// The slots of each section as `llvm-objdump -d` prints them.
fn disassembled(objdump: &std::path::Path, object: &std::path::Path) -> Vec<(String, u64, Vec<u8>)> {
    let output = Command::new(objdump).arg("-d").arg(object).output().expect("llvm-objdump starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let (mut section, mut slots) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            name.trim_end_matches(':').clone_into(&mut section);
        }
        let Some((index, rest)) = line.split_once(":\t") else { continue };
        let Ok(index) = index.trim().parse::<u64>() else { continue };
        let bytes = rest.split_once('\t').map_or(rest, |(bytes, _)| bytes);
        let bytes: Vec<u8> = bytes.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
        slots.push((section.clone(), index * 8, bytes));
    }
    slots
}

#[test]
fn instructions_are_those_that_llvm_sees() {
    let Some(objdump) = tool("llvm-objdump-19") else {
        skep_testkit::skip!("llvm-objdump-19 is not installed")
    };
    let objects = Objects::new("instructions_are_those_that_llvm_sees");
    for compiler in compilers(Types::Yes) {
        let Some(path) = objects.compile(&compiler, "count.c") else { continue };
        let object = Object::from_elf(&fs::read(&path).unwrap()).unwrap();
        let mut seen = 0;
        for (section, offset, expected) in disassembled(&objdump, &path) {
            let function = object
                .functions
                .iter()
                .find(|f| {
                    f.section == section && (f.offset..f.offset + f.insns.len() as u64 * 8).contains(&offset)
                })
                .unwrap_or_else(|| panic!("{}: nothing at {section}+{offset}", compiler.name()));
            let slot = (offset - function.offset) as usize / 8;
            let mut found = encode_all(&function.insns, object.endian)[slot * 8..].to_vec();
            found.truncate(expected.len());
            let mut expected = expected;
            if function.references.iter().any(|r| r.insn == slot) {
                // The file has there what its relocation counts from.
                for bytes in [&mut found, &mut expected] {
                    bytes[4..8].fill(0);
                }
            }
            assert_eq!(found, expected, "{}: {section}+{offset}", compiler.name());
            seen += expected.len() / 8;
        }
        let slots: usize = object.functions.iter().map(|f| f.insns.len()).sum();
        assert_eq!(seen, slots, "{}: every slot", compiler.name());
    }
}
