//! Sources in the languages of others: the same functions as in ours, and errors where they were made.

use skep_asm::{Options, assemble, assemble_with};
use skep_isa::Insn;
use skep_isa::text::foreign::Language;

/// The instructions of all functions.
fn insns(source: &str) -> Vec<Insn> {
    let object = assemble(source, "a.s").unwrap_or_else(|errors| panic!("{errors}"));
    object.functions.into_iter().flat_map(|f| f.insns).collect()
}

const PSEUDOC: &str = "
    r1 = 0x1122334455667788 ll
    r2 = *(u64 *)(r10 - 8)
    r2 = be16 r2
    r2 += 7
    if r2 == 7 goto +2
    r2 = (s8)r1
    lock *(u64 *)(r10 - 8) += r2
    r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)
    r0 = 0
    exit
";

#[test]
fn one_program_is_the_same_in_every_language() {
    let expected = insns(PSEUDOC);
    let ubpf = "
    # a comment
    lddw %r1, 0x1122334455667788
    ldxdw %r2, [%r10-8]
    be16 %r2          # to network order
    add %r2, 7
    jeq %r2, 7, +2
    movsx864 %r2, %r1
    lock add [%r10-8], %r2
    lock fetch add [%r10-8], %r1
    mov %r0, 0
    exit
";
    assert_eq!(insns(ubpf), expected);
    let gnu = "
    lddw %r1,0x1122334455667788   ; a comment
    ldxdw %r2,[%r10+-8]
    endbe %r2,16
    add %r2,7
    jeq %r2,7,2
    movs %r2,%r1,8
    xadddw [%fp+-8],%r2
    afadd [%r10-8],%r1
    mov %r0,0
    exit
";
    assert_eq!(insns(gnu), expected);
    let gnu_pseudoc = PSEUDOC.replace(' ', "").replace("goto", " goto ").replace("if", "if ");
    assert_eq!(
        insns(&gnu_pseudoc.replace("lock", "lock ").replace("be16", "be16 ").replace("ll", " ll")),
        expected
    );
    let dump = "
int prog(struct xdp_md * ctx):
; u64 x = 0x1122334455667788;
   0: (18) r1 = 0x1122334455667788
   2: (79) r2 = *(u64 *)(r10 -8)
       79 a2 f8 ff 00 00 00 00
   3: (dc) r2 = be16 r2
   4: (07) r2 += 7
   5: (15) if r2 == 0x7 goto pc+2
   6: (bf) r2 = (s8)r1
   7: (db) lock *(u64 *)(r10 -8) += r2
   8: (db) r1 = atomic64_fetch_add((u64 *)(r10 -8), r1)
   9: (b7) r0 = 0
  10: (95) exit
";
    assert_eq!(insns(dump), expected);
    let log = format!("func#0 @0\n0: R1=ctx() R10=fp0\n{dump}processed 10 insns (limit 1000000)\n");
    assert_eq!(insns(&log.replace("       79 a2 f8 ff 00 00 00 00\n", "")), expected);
}

#[test]
fn rbpf_is_read_as_far_as_it_goes() {
    let rbpf = "mov64 r1, 0x2\nldxb r2, [r1+0x8]\nstxdw [r10-0x8], r2\nadd64 r2, r1\njeq r2, 0x7, +0x1\nadd32 r2, 0x7\nbe16 r2\ncall 0x1\nexit";
    let pseudoc = "r1 = 2\nr2 = *(u8 *)(r1 + 8)\n*(u64 *)(r10 - 8) = r2\nr2 += r1\nif r2 == 7 goto +1\nw2 += 7\nr2 = be16 r2\ncall 1\nexit";
    assert_eq!(insns(rbpf), insns(pseudoc));
}

#[test]
fn kernel_functions_are_called_by_the_number_behind_their_name() {
    let dump = "0: (85) call bpf_map_lookup_elem#1\n1: (85) call kernel-function#77\n2: (85) call bpf_cpumask_create#71234\n3: (85) call pc+1#bpf_prog_1234_f\n4: (95) exit\n5: (95) exit\n";
    assert_eq!(insns(dump), insns("call 1\ncall kfunc(77)\ncall kfunc(71234)\ncall pc+1\nexit\nexit"));
}

#[test]
fn ubpfs_exit_is_the_first_unless_there_is_such_a_label() {
    let jumps = |source: &str| insns(source)[0].off;
    assert_eq!(jumps("jeq %r1, 7, exit\nmov %r0, 1\nexit\nmov %r0, 2\nexit\n"), 1);
    assert_eq!(jumps("jeq %r1, 7, exit\nmov %r0, 1\nexit\nmov %r0, 2\nexit: exit\n"), 3);
}

fn errors(source: &str) -> Vec<String> {
    let errors = assemble(source, "a.s").expect_err(source);
    errors.iter().map(|e| format!("{}:{}+{}: {e}", e.line, e.column, e.len)).collect()
}

#[test]
fn errors_stand_where_they_were_made_and_say_what_the_source_was_taken_for() {
    assert_eq!(
        errors("mov %r0, 1\nlock fetch add [%r1+40000], %r2\nexit"),
        [
            "2:20+6: 2:20: 40000 is out of range, expected -32768 to 32767 (read as uBPF's assembly, because of \
             line 2: `lock fetch add [%r1+40000], %r2`)"
        ]
    );
    assert_eq!(
        errors("mov64 r1, 0x2\nadd64 r1, r99\nexit"),
        [
            "2:11+3: 2:11: constant `r99` is not defined (read as rbpf's assembly, because of line 1: `mov64 r1, 0x2`)"
        ]
    );
    assert_eq!(
        errors("  0: (b7) r0 = r1\n  1: (95) exit"),
        [
            "1:11+7: 1:11: expected an instruction of opcode 0xb7, found one of opcode 0xbf (read as a dump by \
             bpftool or the kernel, because of line 1: `0: (b7) r0 = r1`)"
        ]
    );
    assert_eq!(
        errors("func#0 @0\n0: (15) if r1 == 0x1 goto pc+1\n1: (95) exit"),
        [
            "1:1+0: 1:1: expected every slot of the program, found a log without slot 2 (`skep asm --from-log` \
             fills what the verifier never came to; read as a verifier's log, because of line 1: `func#0 @0`)"
        ]
    );
}

#[test]
fn a_language_that_is_given_is_not_guessed() {
    // Without a mark, pseudo-C: no label, hence a helper nobody knows.
    let options = Options { language: Some(Language::Rbpf), ..Options::default() };
    let object = assemble_with("callx 0x0\nexit\nexit", "a.s", &options).expect("rbpf's local call");
    assert_eq!(object.functions[0].insns[0].target(), Some(0));
    let options = Options { language: Some(Language::Pseudoc), ..Options::default() };
    assert!(assemble_with("mov %r0, 1\nexit", "a.s", &options).is_err());
}
