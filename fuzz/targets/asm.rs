//! Assembly: any text is read or refused, and what is read survives being written and read again.
#![no_main]
#![forbid(unsafe_code)]

use libfuzzer_sys::fuzz_target;
use skep_isa::text::Dialect;
use skep_obj::Object;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(object) = skep_asm::assemble(&text, "fuzz.s") else { return };
    for dialect in [Dialect::Pseudoc, Dialect::Normal] {
        let written = skep_asm::disassemble(&object, dialect);
        let again = skep_asm::assemble(&written, "again.s").unwrap_or_else(|e| panic!("{e}\n{written}"));
        same_code(&object, &again, &written);
        for (name, kept) in names(&object).into_iter().zip(names(&again)) {
            assert!(name == kept || !is_plain(name) || text.contains(".struct"), "{name}, {kept}\n{written}");
        }
        // Names that could be read as something else (`r1`, `xdp_md.data`) are spelled anew: once, and for good.
        let rewritten = skep_asm::disassemble(&again, dialect);
        let third = skep_asm::assemble(&rewritten, "third.s").unwrap_or_else(|e| panic!("{e}\n{rewritten}"));
        assert_eq!(names(&again), names(&third), "{rewritten}");
    }
    if let Ok(elf) = object.to_elf() {
        let again = Object::from_elf(&elf).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(names(&object), names(&again), "{text}");
        same_code(&object, &again, &text);
    }
});

fn names(object: &Object) -> Vec<&str> {
    object.functions.iter().map(|f| f.name.as_str()).collect()
}

/// Whether a call that stands before the function of this name is a call of it; names with a dot in front, which
/// directives have, are left out. What structures of the source's own do to names is not asked here.
fn is_plain(name: &str) -> bool {
    let source = format!(".text\nmain_:\n    call {name}\n    exit\n{name}:\n    exit\n");
    !name.starts_with('.')
        && skep_asm::assemble(&source, "name.s").is_ok_and(|object| names(&object) == ["main_", name])
}

/// Functions with the same instructions; what they refer to may have moved.
fn same_code(a: &Object, b: &Object, text: &str) {
    assert_eq!(a.functions.len(), b.functions.len(), "{text}");
    for (a, b) in a.functions.iter().zip(&b.functions) {
        let forms = |f: &skep_obj::Function| f.insns.iter().map(|i| i.slots()).collect::<Vec<_>>();
        assert_eq!(forms(a), forms(b), "{}\n{text}", a.name);
    }
}
