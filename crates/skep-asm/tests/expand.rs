//! Included files, limits of expansion, and whatever text comes in.

use arbtest::arbitrary::Unstructured;
use skep_asm::{
    AsmErrors, Include, Included, MAX_EXPANSION_BYTES, MAX_EXPANSION_DEPTH, MAX_EXPANSIONS, Options,
    assemble_with,
};

/// Files by name.
fn files(files: &[(&'static str, &'static str)]) -> Options {
    let files = files.to_vec();
    let include = Include::new(move |asked, _| {
        let file = files.iter().find(|(name, _)| *name == asked).ok_or("no such file")?;
        Ok(Included { name: asked.to_owned(), text: file.1.to_owned() })
    });
    Options { include: Some(include), ..Options::default() }
}

fn errors(source: &str, options: &Options) -> AsmErrors {
    assemble_with(source, "main.s", options).expect_err("refused")
}

#[test]
fn included_files_are_read_in_place_and_keep_their_lines() {
    let options = files(&[
        ("limits.inc", "# limits\n.set LIMIT, 7\n.include \"more.inc\"\n"),
        ("more.inc", ".macro put reg\n  \\reg = LIMIT\n.endm\n"),
        ("body.inc", "\n\n    r3 = 3\n"),
    ]);
    let source = ".include \"limits.inc\"\n.section xdp\nf: put r0\n.include \"body.inc\"\nexit\n";
    let object = assemble_with(source, "main.s", &options).unwrap_or_else(|e| panic!("{e}"));
    let lines: Vec<_> =
        object.functions[0].lines.iter().map(|l| format!("{}:{} {}", l.file, l.line, l.text)).collect();
    assert_eq!(lines, ["main.s:3 f: put r0", "body.inc:3 r3 = 3", "main.s:5 exit"]);
}

#[test]
fn errors_in_included_files_name_them_and_who_includes_them() {
    let options = files(&[("a.inc", "\n.include \"b.inc\"\n"), ("b.inc", "f: r0 = 0\n  gtoo x\n")]);
    let errors = errors(".text\n  .include \"a.inc\"\n", &options);
    let expected = "b.inc:2:3: no instruction starts with `gtoo` (did you mean `goto`?); \
                    in file `b.inc`, used at a.inc:2:1; in file `a.inc`, used at 2:3";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn circles_and_missing_files_are_refused() {
    let options = files(&[("a.inc", ".include \"b.inc\""), ("b.inc", ".include \"a.inc\"")]);
    assert_eq!(
        errors(".include \"a.inc\"", &options).errors[0].message,
        "can't include `a.inc`: it includes itself"
    );
    let message = errors(".include \"c.inc\"", &options).errors[0].message.clone();
    assert_eq!(message, "can't include `c.inc`: no such file");
    let message = errors(".include \"c.inc\"", &Options::default()).errors[0].message.clone();
    assert_eq!(message, "can't include `c.inc`: this source stands alone");
}

#[test]
fn expansion_is_bounded() {
    let options = Options::default();
    let message = |source: &str| errors(source, &options).errors[0].message.clone();
    let deep = ".macro a\na\n.endm\na";
    assert_eq!(message(deep), format!("too many nested expansions, expected at most {MAX_EXPANSION_DEPTH}"));
    // Twice as many with each level, and nothing comes out.
    let wide: String =
        (0..60).map(|n| format!(".macro m{}\nm{n}\nm{n}\n.endm\n", n + 1)).collect::<Vec<_>>().concat()
            + ".macro m0\n.endm\nm60";
    assert_eq!(message(&wide), format!("too many expansions, expected at most {MAX_EXPANSIONS}"));
    let empty = ".rept 1000\n.rept 1000\n.rept 1000\n.endr\n.endr\n.endr";
    assert_eq!(message(empty), format!("too many expansions, expected at most {MAX_EXPANSIONS}"));
    let large = format!(".rept 100000\n.data\n.asciz \"{}\"\n.endr", "x".repeat(1000));
    assert_eq!(
        message(&large),
        format!("too many bytes of expansions, expected at most {MAX_EXPANSION_BYTES}")
    );
    let conditions = ".if 1\n".repeat(100);
    assert_eq!(message(&conditions), "too many nested conditions, expected at most 64");
}

/// What macros are made of.
const PIECES: &[&str] = &[
    ".macro m a, b=1\n",
    ".macro n\n",
    ".endm\n",
    "m",
    "m 1, 2\n",
    "n\n",
    "\\a",
    "\\@",
    "\\()",
    "\\",
    "a=3",
    ".rept 2\n",
    ".rept",
    ".endr\n",
    ".irp x, 1, 2\n",
    ".irpc x, ab\n",
    "\\x",
    ".if",
    ".if 1\n",
    ".if 0\n",
    ".ifdef a\n",
    ".elseif 1\n",
    ".else\n",
    ".endif\n",
    ".exitm\n",
    ".purgem m\n",
    ".include \"a\"\n",
    ".set a, 2\n",
    "a = 3\n",
    "a:",
    ".data\n",
    ".text\n",
    ".byte",
    "r0 = 1\n",
    "exit\n",
    "\"",
    "'",
    "{",
    "}",
    "/*",
    "*/",
    "#",
    ";",
    "`",
    "==",
    "&&",
    "(",
    ")",
    "!",
    "1",
    ",",
    " ",
    "\n",
    "\n",
    "é",
    ".dialect normal\n",
    ".dialect pseudoc\n",
    "mov %r0,1\n",
];

#[test]
fn no_sequence_of_words_makes_it_panic() {
    let options = files(&[("a", "r1 = 1\nm\n.include \"a\"")]);
    arbtest::arbtest(|u: &mut Unstructured<'_>| {
        let mut text = String::new();
        while !u.is_empty() && text.len() < 2_000 {
            text.push_str(u.choose(PIECES)?);
        }
        if let Err(errors) = assemble_with(&text, "random.s", &options) {
            assert!(!errors.errors.is_empty(), "{text:?}");
            for error in &errors {
                let lines = if error.file.is_some() { 3 } else { text.split('\n').count() };
                assert!((1..=lines).contains(&(error.line as usize)), "{text:?}: {error}");
            }
        }
        Ok(())
    })
    .budget_ms(2_000);
}
