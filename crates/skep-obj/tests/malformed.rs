//! Files that are not in order: an error that names section and offset, and never a panic.

mod compile;

use std::fs;

use compile::{Compiler, Objects};
use skep_isa::Endian;
use skep_obj::{Object, Problem, ReadError};

/// The bytes of a program's object by one compiler.
fn object(test: &'static str, source: &str) -> Option<Vec<u8>> {
    let compiler = Compiler { tool: "clang-19", options: vec!["-g", "-target", "bpfel", "-mcpu=v3"] };
    let objects = Objects::new(test);
    objects.compile(&compiler, source).map(|path| fs::read(path).expect("the compiler wrote it"))
}

/// The header of a section: where its fields are in the file.
struct Header {
    at: usize,
    offset: usize,
    size: usize,
}

/// Finds sections by name the hard way, apart from what is tested.
fn header(bytes: &[u8], wanted: &str) -> Header {
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let (table, count, names) = (u64_at(40), u16_at(60), u16_at(62));
    let names = u64_at(table + names * 64 + 24);
    let found = (0..count).map(|index| table + index * 64).find(|&at| {
        let name = names + u32_at(at);
        bytes[name..].split(|&byte| byte == 0).next() == Some(wanted.as_bytes())
    });
    let at = found.unwrap_or_else(|| panic!("no section {wanted}"));
    Header { at, offset: u64_at(at + 24), size: u64_at(at + 32) }
}

fn refused(bytes: &[u8]) -> ReadError {
    Object::from_elf(bytes).expect_err("a broken file")
}

/// Section, offset and problem of an error.
fn place(error: ReadError) -> (String, u64, Problem) {
    match error {
        ReadError::Section { section, offset, problem } => (section, offset, problem),
        other => panic!("expected a place, found {other}"),
    }
}

#[test]
fn what_is_no_object_says_so() {
    assert!(matches!(refused(b""), ReadError::Elf { .. }));
    assert!(matches!(refused(b"\x7fELF"), ReadError::Elf { .. }));
    let Some(mut bytes) = object("what_is_no_object_says_so", "plain.c") else { return };
    for len in 0..bytes.len() {
        assert!(Object::from_elf(&bytes[..len]).is_err(), "cut at {len}");
    }
    bytes[18] = 62;
    assert_eq!(refused(&bytes), ReadError::Machine { found: 62 });
    bytes[18] = 247;
    bytes[16] = 3;
    assert_eq!(refused(&bytes), ReadError::FileType { found: 3 });
}

#[test]
fn broken_code_is_refused_at_its_place() {
    let Some(good) = object("broken_code_is_refused_at_its_place", "plain.c") else { return };
    let mut bytes = good.clone();
    let text = header(&bytes, ".text");
    bytes[text.at + 32] -= 4;
    let (section, offset, problem) = place(refused(&bytes));
    assert_eq!((section.as_str(), offset), (".text", text.size as u64 - 4));
    assert_eq!(problem, Problem::SlotSize { len: text.size as u64 - 4 });

    let mut bytes = good.clone();
    bytes[text.at + 30] = 1; // its offset is beyond the file
    assert_eq!(place(refused(&bytes)), (".text".into(), 0, Problem::OutsideFile));

    // A call of the function before the section.
    let mut bytes = good.clone();
    bytes[text.offset + 4..text.offset + 8].copy_from_slice(&(-9i32).to_le_bytes());
    let problem = Problem::NotAFunction { section: ".text".into(), at: -64 };
    assert_eq!(place(refused(&bytes)), (".text".into(), 0, problem));
}

#[test]
fn broken_relocations_are_refused_at_their_place() {
    let Some(good) = object("broken_relocations_are_refused_at_their_place", "count.c") else { return };
    let table = header(&good, ".relxdp");
    let first = u64::from_le_bytes(good[table.offset..table.offset + 8].try_into().unwrap());
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[table.offset + at..table.offset + at + value.len()].copy_from_slice(value);
        place(refused(&bytes))
    };
    assert_eq!(changed(8, &[99]), ("xdp".into(), first, Problem::RelocationKind { found: 99 }));
    assert_eq!(changed(8, &[10]), ("xdp".into(), first, Problem::RelocationPlace), "a load is no call");
    assert_eq!(changed(12, &[255, 255]), ("xdp".into(), first, Problem::NoSymbol { found: 65535 }));
    assert_eq!(changed(0, &[first as u8 + 1]), ("xdp".into(), first + 1, Problem::RelocationPlace));
    assert_eq!(changed(0, &[0, 0, 1]).2, Problem::RelocationPlace, "beyond the section");
    let second: [u8; 8] = good[table.offset + 16..table.offset + 24].try_into().unwrap();
    let (_, offset, problem) = changed(0, &second);
    assert_eq!((offset, problem), (u64::from_le_bytes(second), Problem::RelocationTwice));
}

#[test]
fn a_reference_outside_of_its_data_is_refused() {
    let Some(mut bytes) = object("a_reference_outside_of_its_data_is_refused", "references.c") else {
        return;
    };
    let text = header(&bytes, ".text");
    // The first instruction of `own` loads an address in `.data`.
    bytes[text.offset + 4..text.offset + 8].copy_from_slice(&(-8i32).to_le_bytes());
    let problem = Problem::DataOffset { section: ".data".into(), at: -8 };
    assert_eq!(place(refused(&bytes)), (".text".into(), 0, problem));
}

#[test]
fn broken_types_are_refused_with_their_section() {
    let Some(good) = object("broken_types_are_refused_with_their_section", "count.c") else { return };
    for section in [".BTF", ".BTF.ext"] {
        let mut bytes = good.clone();
        bytes[header(&good, section).offset] ^= 0xff;
        let error = refused(&bytes);
        assert!(matches!(error, ReadError::Btf { section: found, .. } if found == section), "{error}");
    }
}

#[test]
fn maps_without_types_say_what_to_do() {
    let compiler = Compiler { tool: "clang-19", options: vec!["-target", "bpfel"] };
    let objects = Objects::new("maps_without_types_say_what_to_do");
    let Some(path) = objects.compile(&compiler, "count.c") else { return };
    let error = refused(&fs::read(path).unwrap());
    let text = "section `.maps`, offset 0x0: map definitions without types: compile with -g";
    assert_eq!(error.to_string(), text);
}

#[test]
fn sizes_without_bytes_have_a_limit() {
    let Some(mut bytes) = object("sizes_without_bytes_have_a_limit", "count.c") else { return };
    let bss = header(&bytes, ".bss");
    bytes[bss.at + 32..bss.at + 40].copy_from_slice(&(1u64 << 40).to_le_bytes());
    assert!(place_or_limit(&refused(&bytes)));
    bytes[bss.at + 32..bss.at + 40].copy_from_slice(&(1u64 << 31).to_le_bytes());
    let limit = skep_obj::MAX_DATA_BYTES as u64;
    let error = refused(&bytes);
    assert!(matches!(error, ReadError::Limit { limit: found, .. } if found == limit), "{error}");
}

fn place_or_limit(error: &ReadError) -> bool {
    matches!(error, ReadError::Limit { .. } | ReadError::Section { .. })
}

#[test]
fn mutations_of_a_valid_object_never_panic() {
    for source in ["count.c", "maps.c", "references.c", "legacy.c"] {
        let Some(good) = object("mutations_of_a_valid_object_never_panic", source) else { return };
        arbtest::arbtest(|u| {
            let mut bytes = good.clone();
            for _ in 0..u.int_in_range(1..=8)? {
                // Most bytes are debug information, which nobody reads; the tables are at the end.
                let at = u.choose_index(bytes.len())?;
                let width = *u.choose(&[1usize, 2, 4, 8])?;
                for (place, byte) in bytes[at..].iter_mut().zip(u.bytes(width)?) {
                    *place = *byte;
                }
            }
            if let Ok(object) = Object::from_elf(&bytes) {
                assert!(matches!(object.endian, Endian::Little | Endian::Big));
                object.link_all().for_each(|(_, program)| drop(program));
                assert_eq!(Object::from_elf(&bytes).as_ref(), Ok(&object));
            }
            Ok(())
        })
        .budget_ms(600);
    }
}
