//! The same source through other assemblers and through ours: the same functions, references and data.

use std::path::{Path, PathBuf};
use std::process::Command;

use skep_asm::{Options, assemble_with};
use skep_isa::text::{Dialect, Writer};
use skep_isa::{Endian, FormId, Insn, Op, table};
use skep_obj::{Function, MapInit, Object, RefTarget, Reference};
use skep_testkit::{TempDir, skip, tool};

/// Runs a tool and reads the object it made.
fn run(command: &mut Command, object: &Path) -> Object {
    let output = command.output().expect("the tool starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Object::from_elf(&std::fs::read(object).expect("the tool wrote an object")).expect("readable")
}

/// LLVM's assembler.
fn llvm(mc: &Path, source: &str, endian: Endian) -> Object {
    let dir = TempDir::new("llvm-mc");
    let (input, object) = (dir.join("a.s"), dir.join("a.o"));
    std::fs::write(&input, source).expect("writable");
    let triple = if endian == Endian::Big { "bpfeb" } else { "bpfel" };
    let mut command = Command::new(mc);
    command.args([&format!("-triple={triple}"), "-mcpu=v4", "-filetype=obj", "-o"]).arg(&object).arg(input);
    run(&mut command, &object)
}

/// GNU's assembler.
fn gnu(gas: &Path, source: &str) -> Object {
    let dir = TempDir::new("bpf-as");
    let (input, object) = (dir.join("a.s"), dir.join("a.o"));
    std::fs::write(&input, source).expect("writable");
    run(Command::new(gas).args(["-EL", "-o"]).arg(&object).arg(input), &object)
}

/// Ours, through ELF, so that what references leave in instructions is as in files.
fn ours(source: &str, endian: Endian, dialect: Dialect) -> Object {
    let options = Options { endian, dialect, ..Options::default() };
    let object = assemble_with(source, "a.s", &options).unwrap_or_else(|errors| panic!("{errors}"));
    Object::from_elf(&object.to_elf().expect("written")).expect("read")
}

/// What both must agree on of a function.
type Bare<'a> = (&'a str, &'a str, u64, bool, Vec<Insn>, &'a [Reference]);

fn bare(f: &Function, keep_fields: bool) -> Bare<'_> {
    let mut insns = f.insns.clone();
    for reference in f.references.iter().filter(|_| !keep_fields) {
        let insn = &mut insns[reference.insn];
        *insn = Insn { form: FormId::RAW, off: 0, imm: 0, ..*insn };
    }
    (&f.name, &f.section, f.offset, f.global, insns, &f.references)
}

fn assert_agree(theirs: &Object, ours: &Object, keep_fields: bool) {
    let list = |object: &Object| {
        object.functions.iter().map(|f| format!("{} {}", f.section, f.name)).collect::<Vec<_>>()
    };
    assert_eq!(list(theirs), list(ours));
    for (theirs, ours) in theirs.functions.iter().zip(&ours.functions) {
        assert_eq!(bare(theirs, keep_fields), bare(ours, keep_fields));
    }
    let data = |object: &Object| {
        let maps = object.maps.iter().filter_map(|map| match &map.init {
            MapInit::Data(data) => Some((map.name.clone(), data.clone())),
            _ => None,
        });
        maps.collect::<Vec<_>>()
    };
    assert_eq!(data(theirs), data(ours));
    assert_eq!(theirs.license, ours.license);
}

/// Labels, symbols, sections and data as LLVM takes them.
const PSEUDOC: &str = r#"
        .text
        .file "a.c"
        .globl  shared
        .p2align 3
        .type   shared,@function
shared:                                 # @shared
        r0 = r1; r0 *= 5
        exit
.Lfunc_end0:
        .size   shared, .Lfunc_end0-shared
        .type   own,@function
own:    r1 = priv ll
        r2 = priv+4 ll
        *(u32 *)(r1 + 0) = w2           // the narrow spelling
        call shared
        call own
        exit
        .section xdp,"ax",@progbits
        .globl  prog
        .type   prog,@function
prog:
        r6 = r1
        r1 = total ll
        r1 = *(u64 *)(r1 + 8 - 8)
1:      r1 += -1
        if r1 s> 5 goto 1b
        if w1 == 0x10 goto 1f
        w1 <<= 3 /* between */
        r1 = 0x123456789abcdef0 ll
        r1 = limit ll
        lock *(u64 *)(r10 - 8) += r1
        r0 = cmpxchg_64(r10 - 8, r0, r1)
1:      call own
        call shared
        call 5
        gotol done
        r3 = own ll
        goto +1
        r2 = 1 << 4 | 2
        .8byte 0xdeadbeefcafef00d
done:   r0 = 3 + 4
        exit
        .globl  last
        .type   last,@function
last:   goto .Lend
.Lend:  exit
        .data
        .globl total
        .p2align 3, 0x0
total:  .quad 5
        .byte 1, 2, 'a', -1
        .2byte 0x1234
        .short 7
        .4byte 1 + 2 * 3
        .long end - total
        .int ~1
        .ascii "a\n\"\\\101\x42"
        .asciz "z"
        .balign 4
        .fill 2, 4, 0x01020304
        .zero 3
        .skip 2, 7
end:
        .section .rodata,"a",@progbits
        .globl limit
limit:  .long 7
        .section license,"aw",@progbits
        .asciz "GPL"
        .type priv,@object
        .local priv
        .comm priv,16,4
        .addrsig
        .addrsig_sym prog
"#;

#[test]
fn llvm_assembles_the_same() {
    let Some(mc) = tool("llvm-mc-19") else { skip!("llvm-mc-19 is not installed") };
    for endian in [Endian::Little, Endian::Big] {
        assert_agree(&llvm(&mc, PSEUDOC, endian), &ours(PSEUDOC, endian, Dialect::Pseudoc), true);
    }
}

#[test]
fn llvm_assembles_every_form_that_it_spells_the_same() {
    let Some(mc) = tool("llvm-mc-19") else { skip!("llvm-mc-19 is not installed") };
    // Kinds of load and call whose canonical text LLVM has no word for, and what came after LLVM 19.
    let unknown = |op: Op| {
        matches!(op, Op::Wide(_) | Op::Call(_) | Op::LoadAcquire { .. } | Op::StoreRelease { .. } | Op::GotoX)
            || matches!(op, Op::LoadPacket { indirect: true, .. })
    };
    let writer = Writer::pseudoc();
    let mut source = String::from(".globl f\n.type f, @function\nf:\n");
    let mut count = 0;
    for row in table::ROWS.iter().filter(|row| !unknown(row.op)) {
        let form = FormId::by_name(row.name).expect("a form");
        for (dst, src, off, imm) in [(1, 2, 4, 7), (9, 0, -8, -1)] {
            let insn = Insn { form, dst: skep_isa::Reg(dst), src: skep_isa::Reg(src), off, imm };
            let text = writer.insn(&insn);
            // What a form doesn't use isn't in its text, and some texts are LLVM's own only in other operands.
            source.push_str(&format!("{text}\n"));
            count += 1;
        }
    }
    assert!(count > 300);
    let ours = ours(&source, Endian::Little, Dialect::Pseudoc);
    assert_agree(&llvm(&mc, &source, Endian::Little), &ours, true);
}

/// Mnemonics as binutils 2.40 takes them.
const NORMAL: &str = r#"
        .text
        .globl shared
        .type shared, @function
shared: mov %r0,%r1     ; a comment
        mul %r0,5
        exit
        .type own, @function
own:    ldxw %r2,[%r1+8]
        stxdw [%fp+-8],%r2
        stw [%r10+-4],7
        lddw %r3,0x123456789abcdef0
        jsgt %r3,-1,out
        jne32 %r3,%r2,out
        ja own
out:    call shared
        endbe %r0,16
        xadddw [%r1+0],%r2
        .type last, @function
last:   neg %r1
        add32 %r1,-3
        call 5
        lddw %r1,own
        lddw %r1,value
        lddw %r1,value+4
        exit
        .data
        .globl value
value:  .dword 5, 6
        .half 1
        .word 2
        .byte 3
        .asciz "z"
"#;

#[test]
fn gnu_assembles_the_same() {
    let Some(gas) = tool("bpf-as") else { skip!("bpf-as is not installed") };
    assert_agree(&gnu(&gas, NORMAL), &ours(NORMAL, Endian::Little, Dialect::Normal), false);
}

/// Programs of every kind that the ELF reader is tested with too.
fn c_programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../skep-obj/tests/c")
}

#[test]
fn what_clang_prints_assembles_to_what_it_emits() {
    let Some(clang) = tool("clang-19") else { skip!("clang-19 is not installed") };
    let dir = TempDir::new("clang-s");
    for (cpu, types) in [("v1", false), ("v2", false), ("v3", false), ("v4", false), ("v3", true)] {
        // Without types there are no maps.
        let programs: &[&str] =
            if types { &["plain.c", "count.c", "maps.c", "references.c", "core.c"] } else { &["plain.c"] };
        for program in programs {
            let compile = |what: &str, output: &Path| {
                let mut command = Command::new(&clang);
                command.args(["-O2", "-target", "bpfel", what, &format!("-mcpu={cpu}")]);
                command.args(types.then_some("-g")).arg(c_programs().join(program)).arg("-o").arg(output);
                let output = command.output().expect("clang starts");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            };
            let (text, object) = (dir.join("a.s"), dir.join("a.o"));
            compile("-S", &text);
            compile("-c", &object);
            let theirs = Object::from_elf(&std::fs::read(object).expect("written")).expect("readable");
            let text = std::fs::read_to_string(text).expect("written");
            let ours = ours(&text, Endian::Little, Dialect::Pseudoc);
            // What is hidden is referred to by its own symbol there, by its section's here.
            assert_agree(&theirs, &ours, *program != "references.c");
            if types {
                assert_eq!(theirs.maps, ours.maps, "{program}");
                assert!(theirs.btf == ours.btf, "{program}: other types");
                for (theirs, ours) in theirs.functions.iter().zip(&ours.functions) {
                    assert_eq!(
                        (&theirs.lines, &theirs.core_relos),
                        (&ours.lines, &ours.core_relos),
                        "{program}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_gcc_prints_assembles_to_what_it_emits() {
    let Some(gcc) = tool("bpf-gcc") else { skip!("bpf-gcc is not installed") };
    let dir = TempDir::new("gcc-s");
    for (program, types) in [("plain.c", false), ("plain.c", true), ("count.c", true), ("maps.c", true)] {
        let compile = |what: &str, output: &Path| {
            let mut command = Command::new(&gcc);
            command.args(["-O2", what]).args(types.then_some("-gbtf")).arg(c_programs().join(program));
            let output = command.arg("-o").arg(output).output().expect("bpf-gcc starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let (text, object) = (dir.join("a.s"), dir.join("a.o"));
        compile("-S", &text);
        compile("-c", &object);
        let theirs = Object::from_elf(&std::fs::read(object).expect("written")).expect("readable");
        let text = std::fs::read_to_string(text).expect("written");
        let ours = ours(&text, Endian::Little, Dialect::Normal);
        assert_agree(&theirs, &ours, false);
        if types {
            assert_eq!(theirs.maps, ours.maps, "{program}");
        }
    }
}

#[test]
fn an_undefined_symbol_is_an_extern_as_for_compilers() {
    let source = ".extern there\n.weak maybe\nf: call there\nr1 = maybe ll\nexit";
    let object = ours(source, Endian::Little, Dialect::Pseudoc);
    let external = |name: &str, weak| RefTarget::Extern { name: name.into(), weak };
    let targets: Vec<_> = object.functions[0].references.iter().map(|r| r.target.clone()).collect();
    assert_eq!(targets, [external("there", false), external("maybe", true)]);
}
