//! Whatever text comes in: an object or errors with places in it, and no panic.

use arbtest::arbitrary::{Result, Unstructured};
use skep_asm::{AsmErrors, MAX_ERRORS, Options, assemble_with, disassemble};
use skep_isa::Endian;
use skep_isa::text::Dialect;
use skep_isa::text::foreign::Language;

/// Pieces that sources are made of; random sequences of them get far into the assembler.
const PIECES: &[&str] = &[
    "r0",
    "r1",
    "r10",
    "w2",
    "%r3",
    "%fp",
    "=",
    "+=",
    "ll",
    "goto",
    "gotol",
    "if",
    "==",
    "s>",
    "call",
    "exit",
    "lock",
    "*(u32 *)(r1 + 4)",
    "*(u64 *)(r10 - 8)",
    "mov",
    "lddw",
    "ldxw",
    "[%r1+4]",
    "ja",
    "jeq",
    "neg",
    "0",
    "1",
    "-1",
    "0x7fffffff",
    "99999999999999999999",
    "4294967296",
    "'a'",
    "'\\n'",
    "\"s\"",
    "\"",
    "\\",
    "1f",
    "1b",
    "1:",
    "a",
    "b",
    "a:",
    "b:",
    ".L0:",
    "c.d",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    "`",
    "#",
    "//",
    "/*",
    "*/",
    "+",
    "-",
    "*",
    "/",
    "<<",
    "~",
    "|",
    "@function",
    "@object",
    ".text",
    ".data",
    ".bss",
    ".rodata",
    ".section xdp",
    ".section .BTF",
    ".section .BTF.ext",
    ".section .maps",
    ".section license",
    ".previous",
    ".pushsection tc",
    ".popsection",
    ".globl",
    ".local",
    ".weak",
    ".hidden",
    ".extern",
    ".type",
    ".size",
    ".byte",
    ".2byte",
    ".long",
    ".quad",
    ".ascii",
    ".asciz",
    ".zero",
    ".skip",
    ".fill",
    ".balign",
    ".p2align",
    ".set",
    ".file 1 \"d\" \"f\"",
    ".loc 1 2 3",
    ".dialect normal",
    ".dialect pseudoc",
    ".license \"GPL\"",
    ".comm",
    ".func",
    ".func u64 a(u32 x)",
    ".end",
    ".short 60319",
    ".map",
    ".map m, type=hash, key=u32, value=u64, max_entries=1",
    ".map p, type=prog_array, max_entries=2, values=[a, b]",
    ".map o, type=array_of_maps, max_entries=2, inner=m, values=[m]",
    ".struct s { u32 x, y }",
    ".struct",
    "struct s",
    "u32",
    "u64[3]",
    "type=",
    "key=",
    "value=",
    "values=[",
    "flags=no_prealloc|1",
    "XDP_PASS",
    "xdp_md.data",
    "bpf_map_lookup_elem",
    "\n",
    "\n",
    "\n",
    "\n",
    "\n",
    "\t",
    "é",
    "\0",
];

fn check(text: &str, options: &Options) {
    match assemble_with(text, "random.s", options) {
        Ok(object) => {
            let again = disassemble(&object, Dialect::Pseudoc);
            let options = Options { endian: object.endian, ..Options::default() };
            let again = assemble_with(&again, "again.s", &options)
                .unwrap_or_else(|errors| panic!("{text:?}\n{again}\n{errors}"));
            assert_eq!(object.functions.len(), again.functions.len(), "{text:?}");
            // What it says, a file can say; but for names with zero bytes, which text can't have.
            object.to_elf().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        }
        Err(errors) => check_errors(text, &errors),
    }
}

fn check_errors(text: &str, errors: &AsmErrors) {
    assert!(!errors.errors.is_empty() && errors.errors.len() <= MAX_ERRORS, "{text:?}");
    for error in errors {
        let line = text.split('\n').nth(error.line as usize - 1);
        let line = line.unwrap_or_else(|| panic!("{text:?}: {error} is in no line"));
        assert!(error.column as usize <= line.len() + 1, "{text:?}: {error} is in no column");
        assert!(!error.message.is_empty());
    }
}

fn options(u: &mut Unstructured<'_>) -> Result<Options> {
    Ok(Options {
        endian: if u.arbitrary()? { Endian::Little } else { Endian::Big },
        dialect: if u.arbitrary()? { Dialect::Pseudoc } else { Dialect::Normal },
        language: if u.arbitrary()? { None } else { Some(*u.choose(&Language::ALL)?) },
        lines: u.arbitrary()?,
        ..Options::default()
    })
}

#[test]
fn no_text_makes_it_panic() {
    arbtest::arbtest(|u| {
        let options = options(u)?;
        let text: String = u.arbitrary()?;
        check(&text, &options);
        Ok(())
    })
    .budget_ms(1_000);
}

#[test]
fn no_sequence_of_words_makes_it_panic() {
    arbtest::arbtest(|u| {
        let options = options(u)?;
        let mut text = String::new();
        while !u.is_empty() && text.len() < 4_000 {
            text.push_str(u.choose(PIECES)?);
            if u.ratio(4, 5)? {
                text.push(' ');
            }
        }
        check(&text, &options);
        Ok(())
    })
    .budget_ms(3_000);
}

#[test]
fn no_damage_to_a_source_makes_it_panic() {
    const SOURCES: &[&str] = &[
        include_str!("asm/kitchen.s"),
        include_str!("asm/data.s"),
        include_str!("asm/normal.s"),
        include_str!("asm/labels.s"),
        include_str!("asm/undefined.s"),
    ];
    arbtest::arbtest(|u| {
        let options = options(u)?;
        let mut text = (*u.choose(SOURCES)?).to_owned();
        for _ in 0..u.int_in_range(1..=4)? {
            let at = u.int_in_range(0..=text.len() - 1)?;
            let at = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            let end = (at + u.int_in_range(0..=8)?).min(text.len());
            let end = (end..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(at);
            let piece = *u.choose(PIECES)?;
            text.replace_range(at..end, piece);
        }
        check(&text, &options);
        Ok(())
    })
    .budget_ms(3_000);
}

#[test]
fn limits_are_named() {
    let message = |text: &str| {
        assemble_with(text, "a.s", &Options::default()).expect_err("too much").errors[0].message.clone()
    };
    assert_eq!(message(&"\n".repeat(1 << 22)), "too many lines, expected at most 4194303");
    assert_eq!(message(&" ".repeat((1 << 26) + 1)), "too many bytes of source, expected at most 67108864");
    assert_eq!(message(".data\n.zero 60000000\n.zero 60000000"), "too many bytes, expected at most 67108864");
    let structs = (1..20).map(|n| format!(".struct t{n} {{ t{} x }}\n", n - 1)).collect::<Vec<_>>().concat();
    assert_eq!(
        message(&format!(".struct t0 {{ u8 x }}\n{structs}")),
        "too many types within types, expected at most 16"
    );
    assert_eq!(
        message(&format!(".long {}1", "(".repeat(100))),
        "too many nested parts of an expression, expected at most 64"
    );
    let symbols = (0..=1 << 20).map(|n| format!("l{n}:\n")).collect::<Vec<_>>().concat();
    assert_eq!(message(&symbols), "too many symbols, expected at most 1048576");
    let sections = (0..5000).map(|n| format!(".section s{n}\n")).collect::<Vec<_>>().concat();
    assert_eq!(message(&sections), "too many sections, expected at most 4096");
    let many = "?\n".repeat(1000);
    let errors = assemble_with(&many, "a.s", &Options::default()).expect_err("nonsense");
    assert_eq!(errors.errors.len(), MAX_ERRORS);
}
