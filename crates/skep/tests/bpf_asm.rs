//! `bpf_asm!`: the object is the one that the assembler makes, whatever way the literal is written.

use skep::isa::text::Writer;
use skep::{Assembled, bpf_asm};

const DROP: Assembled = bpf_asm!(
    r#"
.license "GPL"
.map counts, type=array, key=u32, value=u64, max_entries=4
.section xdp
drop:
    r0 = XDP_DROP
    exit
"#
);

/// Passes a literal on, as macros of users do.
macro_rules! through {
    ($text:literal) => {
        bpf_asm!($text)
    };
}

fn text(assembled: Assembled) -> Vec<String> {
    let object = assembled.object();
    object.functions[0].insns.iter().map(|insn| Writer::pseudoc().insn(insn)).collect()
}

#[test]
fn a_constant_holds_a_whole_object() {
    let object = DROP.object();
    assert_eq!(object.license, "GPL");
    assert_eq!(object.maps[0].name, "counts");
    assert_eq!(object.functions[0].name, "drop");
    assert_eq!(text(DROP), ["r0 = 1", "exit"]);
    assert!(DROP.elf().starts_with(b"\x7fELF"));
    let programs = DROP.programs().expect("programs");
    assert_eq!((programs.len(), programs[0].name.as_str()), (1, "drop"));
}

#[test]
fn literals_of_every_kind_are_taken() {
    let expected = ["r0 = 7", "exit"];
    assert_eq!(text(bpf_asm!(".section xdp\nf:\n\tr0 = 7\n\texit\n")), expected);
    assert_eq!(text(bpf_asm! { ".section xdp; f: r0 = 7; exit", }), expected);
    assert_eq!(
        text(bpf_asm!(
            ".section xdp; f: r0 = 7; \
                              exit"
        )),
        expected
    );
    assert_eq!(text(through!(".section xdp; f: r0 = 7; exit")), expected);
    assert_eq!(text(bpf_asm!(".section xdp\n.dialect normal\nf:\n mov %r0,7\n exit\n")), expected);
}

/// The macro puts the program's lines where they are in this file.
#[test]
fn instructions_know_their_lines_in_the_rust_file() {
    let first = line!() + 4;
    let assembled = bpf_asm!(
        r#".section xdp
f:
    r0 = 2
    exit
"#
    );
    let object = assembled.object();
    let lines: Vec<u32> = object.functions[0].lines.iter().map(|line| line.line).collect();
    assert_eq!(lines, [first, first + 1]);
    assert!(object.functions[0].lines[0].file.ends_with("bpf_asm.rs"));
}
