//! Where GNU, LLVM and the kernel read the same text differently, or have different texts: what skep makes of each.
//! The book's page on dialects has a row for each of these tests.

use skep_asm::{Options, assemble_raw};
use skep_isa::text::foreign::Language::{self, Kernel, Normal, Pseudoc, Ubpf};

fn bytes(language: Language, source: &str) -> Result<Vec<u8>, String> {
    let options = Options { language: Some(language), ..Options::default() };
    assemble_raw(source, "a.s", &options).map_err(|errors| errors.to_string())
}

/// All of these are one and the same.
fn same(texts: &[(Language, &str)]) {
    let first = bytes(texts[0].0, texts[0].1).unwrap_or_else(|error| panic!("{error}"));
    assert!(!first.is_empty());
    for (language, text) in texts {
        assert_eq!(bytes(*language, text).as_ref(), Ok(&first), "{}: {text}", language.name());
    }
}

fn refused(language: Language, text: &str) {
    if let Ok(bytes) = bytes(language, text) {
        panic!("{text:?} is {bytes:02x?}");
    }
}

#[test]
fn a_semicolon_separates_in_pseudo_c_and_comments_elsewhere() {
    same(&[
        (Pseudoc, "r0 = 1; r0 = 2"),
        (Normal, "mov %r0,1 ; one\nmov %r0,2 ` ; two"),
        (Kernel, "; int x = 1;\n0: (b7) r0 = 1 ; R0=1\n1: (b7) r0 = 2"),
    ]);
}

#[test]
fn two_slashes_comment_everywhere() {
    same(&[
        (Pseudoc, "exit // a"),
        (Normal, "exit // a"),
        (Normal, "exit # a"),
        (Ubpf, "exit # a"),
        (Kernel, "exit // a"),
    ]);
}

#[test]
fn narrow_loads_and_stores_take_registers_of_both_widths() {
    same(&[
        (Pseudoc, "w1 = *(u32 *)(r2 + 4)"),
        (Pseudoc, "r1=*(u32*)(r2+4)"),
        (Kernel, "(61) r1 = *(u32 *)(r2 +4)"),
    ]);
    same(&[
        (Pseudoc, "*(u8 *)(r2 + 4) = w1"),
        (Pseudoc, "*(u8*)(r2+4)=r1"),
        (Kernel, "(73) *(u8 *)(r2 +4) = r1"),
    ]);
    same(&[
        (Pseudoc, "store_release((u32 *)(r2 + 4), w1)"),
        (Kernel, "(c3) store_release((u32 *)(r2 +4), r1)"),
        (Normal, "strelw [%r2+4],%r1"),
    ]);
}

#[test]
fn atomics_are_read_by_every_name() {
    same(&[
        (Pseudoc, "r1 = atomic_fetch_add((u64 *)(r2 + 8), r1)"),
        (Kernel, "(db) r1 = atomic64_fetch_add((u64 *)(r2 +8), r1)"),
        (Normal, "afadd [%r2+8],%r1"),
        (Ubpf, "lock fetch add [%r2+8], %r1"),
    ]);
    same(&[
        (Pseudoc, "r0 = cmpxchg_64(r2 + 8, r0, r1)"),
        (Kernel, "(db) r0 = atomic64_cmpxchg((u64 *)(r2 +8), r0, r1)"),
        (Normal, "acmp [%r2+8],%r1"),
        (Ubpf, "lock cmpxchg [%r2+8], %r1"),
    ]);
    same(&[
        (Normal, "xadddw [%r2+8],%r1"),
        (Normal, "aadd [%r2+8],%r1"),
        (Pseudoc, "lock *(u64 *)(r2 + 8) += r1"),
    ]);
}

#[test]
fn distances_have_a_sign_or_none_or_count_from_pc() {
    same(&[
        (Pseudoc, "goto +1\nexit\nexit"),
        (Pseudoc, "goto pc+1\nexit\nexit"),
        (Pseudoc, "goto 1\nexit\nexit"),
        (Pseudoc, "goto out\nexit\nout: exit"),
        (Normal, "ja 1\nexit\nexit"),
        (Normal, "ja +1\nexit\nexit"),
        (Kernel, "(05) goto pc+1\n(95) exit\n(95) exit"),
    ]);
    // LLVM takes 16 bits only, and so does nobody else.
    same(&[
        (Pseudoc, "gotol +70000"),
        (Normal, "jal 70000"),
        (Kernel, "(06) gotol pc+70000"),
        (Ubpf, "ja32 +70000"),
    ]);
}

#[test]
fn a_minus_before_a_number_is_its_sign_and_before_a_register_negates() {
    same(&[(Pseudoc, "r1 = -5"), (Pseudoc, "r1 = - 5"), (Normal, "mov %r1,-5")]);
    same(&[(Pseudoc, "r1 = -r1"), (Pseudoc, "r1 = - r1"), (Normal, "neg %r1")]);
    // Linux refuses an operand of `neg`.
    refused(Normal, "neg %r1,%r2");
    refused(Normal, "neg %r1,5");
    refused(Pseudoc, "r1 = -r2");
}

#[test]
fn packet_loads_have_their_immediate_and_no_eight_bytes() {
    same(&[
        (Pseudoc, "r0 = *(u32 *)skb[r2 + 7]"),
        (Pseudoc, "r0=*(u32*)skb[r2+7]"),
        (Normal, "ldindw %r2,7"),
        (Kernel, "(40) r0 = *(u32 *)skb[r2 + 7]"),
    ]);
    same(&[(Pseudoc, "r0=*(u32*)skb[0xbeef]"), (Normal, "ldabsw 0xbeef")]);
    refused(Pseudoc, "r0 = *(u64 *)skb[7]");
    refused(Normal, "ldabsdw 7");
}

#[test]
fn what_gnu_lacks_has_words_in_its_mnemonics_too() {
    same(&[
        (Pseudoc, "may_goto +0\nexit"),
        (Normal, "may_goto 0\nexit"),
        (Kernel, "(e5) may_goto pc+0\n(95) exit"),
    ]);
    same(&[(Pseudoc, "r1 = addr_space_cast(r2, 0, 1)"), (Normal, "addr_space_cast %r1,%r2,0,1")]);
    same(&[(Pseudoc, "w1 = load_acquire((u16 *)(r2 + 2))"), (Normal, "ldacqh %r1,[%r2+2]")]);
    same(&[(Pseudoc, "gotox r1"), (Normal, "gotox %r1")]);
}

#[test]
fn what_only_gnus_table_has_is_refused_as_linux_does() {
    refused(Normal, "ldxsdw %r1,[%r2+0]");
    refused(Normal, "movs32 %r1,%r2,32");
    refused(Pseudoc, "w1 = (s32)w2");
}

#[test]
fn wide_loads_say_what_their_number_is() {
    same(&[(Pseudoc, "r1 = map_fd(3) ll"), (Pseudoc, "ld_pseudo r1, 1, 3"), (Normal, "lddw %r1,map_fd(3)")]);
    // LLVM's word has no place for the second number: it is zero.
    same(&[(Pseudoc, "r1 = map_value(3, 0) ll"), (Pseudoc, "ld_pseudo r1, 2, 3")]);
    // LLVM prints the first number unsigned, and it does not reach into the second.
    for first in ["4294967292", "0xfffffffc", "-4", "2 - 6"] {
        let pseudo = |kind| format!("ld_pseudo r1, {kind}, {first}");
        same(&[(Pseudoc, "r1 = map_value(-4, 0) ll"), (Pseudoc, &pseudo(2))]);
        same(&[(Pseudoc, "r1 = btf_id(-4, 0) ll"), (Pseudoc, &pseudo(3))]);
        same(&[(Pseudoc, "r1 = map_idx_value(-4, 0) ll"), (Pseudoc, &pseudo(6))]);
    }
    same(&[(Pseudoc, "r1 = 3 ll"), (Normal, "lddw %r1,3"), (Kernel, "(18) r1 = 0x3")]);
    same(&[(Pseudoc, "r1 = func(pc+2) ll"), (Kernel, "(18) r1 = subprog[+2]")]);
    // LLVM makes a 32-bit move of this.
    refused(Pseudoc, "r0 = 1ll");
}

#[test]
fn kinds_of_calls_differ_in_their_text() {
    same(&[
        (Pseudoc, "call 7"),
        (Normal, "call 7"),
        (Ubpf, "call helper 7"),
        (Kernel, "(85) call bpf_get_prandom_u32#7"),
    ]);
    same(&[
        (Pseudoc, "call pc+1\nexit\nexit"),
        (Normal, "call pc+1\nexit\nexit"),
        (Ubpf, "call local +1\nexit\nexit"),
        (Kernel, "(85) call pc+1\n(95) exit\n(95) exit"),
    ]);
    same(&[
        (Pseudoc, "call kfunc(77)"),
        (Ubpf, "call runtime 0x4d"),
        (Kernel, "(85) call kernel-function#77"),
    ]);
    same(&[(Pseudoc, "callx r2"), (Normal, "callx %r2"), (Normal, "call %r2"), (Ubpf, "call %r2")]);
    // The kernel has one text for this and for a helper without a number.
    refused(Kernel, "(8d) call bpf_unspec#0");
}

#[test]
fn immediates_are_32_bits_signed_or_not_and_never_cut() {
    same(&[(Pseudoc, "r1 += -1"), (Pseudoc, "r1 += 0xffffffff"), (Normal, "add %r1,0xffffffff")]);
    refused(Pseudoc, "r1 += 0x100000000");
    refused(Normal, "add %r1,99999999999");
    refused(Pseudoc, "r1 += -2147483649");
}

#[test]
fn addresses_have_an_offset_or_none_with_a_sign_or_two() {
    same(&[
        (Pseudoc, "r1 = *(u64 *)(r2 - 8)"),
        (Pseudoc, "r1=*(u64*)(r2+-8)"),
        (Normal, "ldxdw %r1,[%r2+-8]"),
        (Normal, "ldxdw %r1,[%r2-8]"),
    ]);
    same(&[
        (Pseudoc, "r1 = *(u64 *)(r2 + 0)"),
        (Pseudoc, "r1 = *(u64 *)(r2)"),
        (Normal, "ldxdw %r1,[%r2]"),
        (Ubpf, "ldxdw %r1, [%r2]"),
    ]);
}
