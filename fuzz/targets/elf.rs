//! Object files: any bytes are read or refused; what is read is the same twice, and its programs link or say why not.
//!
//! The seeds are what compilers write of the programs in `crates/skep-obj/tests/c`, without debug information.
#![no_main]
#![forbid(unsafe_code)]

use libfuzzer_sys::fuzz_target;
use skep_obj::{MapInit, Object, RefTarget};

/// Programs linked in one run: a file may have thousands, each of which takes in the same functions.
const PROGRAMS_LINKED: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Ok(object) = Object::from_elf(data) else { return };
    assert_eq!(Object::from_elf(data).as_ref(), Ok(&object), "the same bytes, the same object");
    for function in &object.functions {
        assert!(function.references.is_sorted_by(|a, b| a.insn < b.insn), "a slot refers to one thing");
        for reference in &function.references {
            assert!(reference.insn < function.insns.len());
            match reference.target {
                RefTarget::Map(map) => assert!(map < object.maps.len()),
                RefTarget::MapValue(map, _) => {
                    assert!(matches!(object.maps[map].init, MapInit::Data(_)), "only data has addresses");
                }
                RefTarget::Function(function) => assert!(function < object.functions.len()),
                RefTarget::Extern { .. } => {}
            }
        }
        assert!(function.lines.is_sorted_by(|a, b| a.insn < b.insn), "a slot has one line");
        assert!(function.lines.iter().all(|line| line.insn < function.insns.len()));
    }
    for (_, program) in object.link_all().take(PROGRAMS_LINKED) {
        if let Ok(program) = program {
            assert_eq!(program.functions.last().map(|f| f.end), Some(program.insns.len()));
        }
    }
});
