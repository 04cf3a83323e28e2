//! Sources in the other dialect and in their canonical layout: the same object, and nothing lost.

use std::path::{Path, PathBuf};

use arbtest::arbitrary::Unstructured;
use expect_test::expect;
use skep_asm::{Options, RewriteError, assemble, assemble_raw, disassemble_raw, format, rewrite};
use skep_isa::Endian;
use skep_isa::text::Dialect;

/// The sources of the examples and of the golden tests that assemble.
fn sources() -> Vec<(PathBuf, String)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut dirs = vec![here.join("tests/asm")];
    let examples = std::fs::read_dir(here.join("../../examples")).expect("the examples are there");
    dirs.extend(examples.map(|entry| entry.expect("readable").path()).filter(|path| path.is_dir()));
    let mut sources = Vec::new();
    for dir in dirs {
        for entry in std::fs::read_dir(&dir).expect("readable") {
            let path = entry.expect("readable").path();
            if path.extension().is_some_and(|e| e == "s") {
                let text = std::fs::read_to_string(&path).expect("text");
                if assemble(&text, "a.s").is_ok() {
                    sources.push((path, text));
                }
            }
        }
    }
    assert!(sources.len() >= 5, "only {} sources", sources.len());
    sources
}

/// The comments of a source, without what they start with.
fn comments(text: &str) -> Vec<String> {
    let words = |line: &str| line.trim_start_matches(['#', '/', ';']).trim().to_owned();
    text.lines()
        .filter_map(|line| Some(words(&line[line.find('#').or_else(|| line.find("//"))?..])))
        .collect()
}

#[test]
fn every_source_survives_the_other_dialect_and_back() {
    // A type that a macro is given is part of the mnemonic in the other dialect.
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("macros.s")) {
        let to = |text: &str, to| {
            rewrite(text, "a.s", to, &Options::default())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        for dialect in [Dialect::Normal, Dialect::Pseudoc] {
            let there = to(&text, dialect);
            assert_eq!(to(&there, dialect), there, "{}: not idempotent", path.display());
            if !text.contains("/*")
                && !text.contains('"')
                && dialect == Dialect::Normal
                && !text.contains("dialect")
            {
                assert_eq!(comments(&there), comments(&text), "{}", path.display());
            }
            // The first way puts a `.dialect` in, which stays.
            let back = to(&to(&there, Dialect::Normal), Dialect::Pseudoc);
            assert_eq!(to(&to(&back, Dialect::Normal), Dialect::Pseudoc), back, "{}", path.display());
        }
    }
}

#[test]
fn every_source_has_one_canonical_layout() {
    for (path, text) in sources() {
        let tidy =
            format(&text, "a.s", &Options::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let again = format(&tidy, "a.s", &Options::default()).expect("formatted");
        assert_eq!(again, tidy, "{}", path.display());
    }
}

#[test]
fn layout_comments_and_names_stay() {
    let source = "\
# A comment of the file; with a semicolon.
.set LIMIT, 0x10
.section xdp
prog:   r2 = LIMIT          // the limit
        r3 = *(u32 *)(r1 + xdp_md.data)   # in a context
        r0 = 0; r4 = 97     /* two */
        .align 8
1:      if r2 s> -1 goto out    # leave
        goto 1b
out:
        exit
";
    let there = rewrite(source, "a.s", Dialect::Normal, &Options::default()).expect("rewritten");
    expect![[r"
        # A comment of the file; with a semicolon.
        .dialect normal
        .set LIMIT, 0x10
        .section xdp
        prog:   mov %r2,LIMIT       # the limit
                ldxw %r3,[%r1+xdp_md.data]        # in a context
                mov %r0,0` mov %r4,97 /* two */
                .balign 8
        1:      jsgt %r2,-1,out         # leave
                ja 1b
        out:
                exit
    "]]
    .assert_eq(&there);
    let back = rewrite(&there, "a.s", Dialect::Pseudoc, &Options::default()).expect("rewritten");
    expect![[r"
        # A comment of the file; with a semicolon.
        .dialect pseudoc
        .set LIMIT, 0x10
        .section xdp
        prog:   r2 = LIMIT          # the limit
                r3 = *(u32 *)(r1 + xdp_md.data)   # in a context
                r0 = 0; r4 = 97       /* two */
                .balign 8
        1:      if r2 s> -1 goto out    # leave
                goto 1b
        out:
                exit
    "]]
    .assert_eq(&back);
}

#[test]
fn a_layout_is_made_canonical() {
    let source = "\n\n; .license \"GPL\"\n.section   xdp\n  prog :  r2=1   // one\n# alone\n\t\t# indented\n   if r2>r3 goto out#leave\n r0 = 0;exit\n\n\n\nout:\n\t.struct s { u32 a\n   u32 b }\n exit";
    let tidy = format(source, "a.s", &Options::default()).expect("formatted");
    expect![[r#"
        ; .license "GPL"
        .section xdp
        prog: r2 = 1  // one
        # alone
            # indented
            if r2 > r3 goto out  #leave
            r0 = 0; exit

        out:
        	.struct s { u32 a
           u32 b }
            exit
    "#]]
    .assert_eq(&tidy);
}

#[test]
fn what_cannot_be_rewritten_is_named() {
    let source = ".if 0\n frob r1\n.endif\nf: exit";
    let error = rewrite(source, "a.s", Dialect::Normal, &Options::default()).expect_err("refused");
    assert!(matches!(error, RewriteError::Statement { line: 2, .. }), "{error}");
    assert!(matches!(
        rewrite("f: frob", "a.s", Dialect::Pseudoc, &Options::default()),
        Err(RewriteError::Source(_))
    ));
}

#[test]
fn bodies_of_macros_are_rewritten_with_their_parameters() {
    let source = "\
.macro bump reg, by=1
.Lback\\@: \\reg += \\by
    if \\reg != \\by goto .Lback\\@
.endm
f:  bump r1
    bump r2, 5 // five
    exit
";
    let there = rewrite(source, "a.s", Dialect::Normal, &Options::default()).expect("rewritten");
    expect![[r"
        .dialect normal
        .macro bump reg, by=1
        .Lback\@: add \reg,\by
            jne \reg,\by,.Lback\@
        .endm
        f:  bump r1
            bump r2, 5 # five
            exit
    "]]
    .assert_eq(&there);
}

#[test]
fn random_instructions_keep_their_bytes() {
    arbtest::arbtest(|u: &mut Unstructured<'_>| {
        let mut bytes: Vec<u8> = u.arbitrary()?;
        bytes.truncate(bytes.len() / 8 * 8);
        let options = Options::default();
        for from in [Dialect::Pseudoc, Dialect::Normal] {
            let text = disassemble_raw(&bytes, Endian::Little, from);
            for to in [Dialect::Pseudoc, Dialect::Normal] {
                // Jumps of random bytes may end anywhere; an object is not always made of them.
                let Ok(there) = rewrite(&text, "a.s", to, &options) else { continue };
                assert_eq!(assemble_raw(&there, "a.s", &options).as_ref(), Ok(&bytes), "{text}\n{there}");
                assert_eq!(rewrite(&there, "a.s", to, &options).as_ref(), Ok(&there), "{text}");
            }
            let tidy = format(&text, "a.s", &options).expect("formatted");
            assert_eq!(assemble_raw(&tidy, "a.s", &options).as_ref(), Ok(&bytes), "{text}\n{tidy}");
        }
        Ok(())
    })
    .budget_ms(2_000);
}

#[test]
fn any_text_has_a_layout_that_stays() {
    arbtest::arbtest(|u: &mut Unstructured<'_>| {
        let pieces = [
            "a:",
            " ",
            "\n",
            "\t",
            "r0=1",
            ";",
            "`",
            "#c",
            "//d",
            "/*e*/",
            "/*\n*/",
            "\"s  t\"",
            "'",
            "{",
            "}",
            ".x",
            ".dialect normal",
            ".byte 1",
            "\\a",
            ",",
            "é",
            "exit",
        ];
        let mut text = String::new();
        while !u.is_empty() && text.len() < 300 {
            text.push_str(u.choose(&pieces)?);
        }
        if let Ok(tidy) = format(&text, "a.s", &Options::default()) {
            let again = format(&tidy, "a.s", &Options::default()).expect("formatted");
            assert_eq!(again, tidy, "{text:?}");
        }
        let _ = rewrite(&text, "a.s", Dialect::Normal, &Options::default());
        Ok(())
    })
    .budget_ms(2_000);
}
