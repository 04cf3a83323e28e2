//! The `unsafe` rule: `unsafe` has an address.
//!
//! At an address the compiler and clippy see to it that each block says why it is sound. Everywhere else the word does
//! not occur, tests and fuzz targets included, and each library and binary forbids it, so that a macro cannot bring it in.

use super::lexer::{self, Token};
use super::{File, Finding};
use crate::workspace::Workspace;

const RULE: &str = "unsafe";

/// Where `unsafe` may stand: whole crates, ending in `/`, and single files.
const ADDRESSES: [&str; 4] =
    ["crates/skep-vm/", "crates/skep-map/", "crates/skep-linux/", "crates/skep-user/src/functions.rs"];

/// The crate that has one unsafe module: it denies `unsafe` in its root and allows it for that module.
const ONE_MODULE: &str = "crates/skep-user/";

/// What is wrong with the `unsafe`s of a file.
pub(super) fn check(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !ADDRESSES.iter().any(|address| path.starts_with(address)) {
        for token in tokens.iter().filter(|token| token.is("unsafe")) {
            findings.push(Finding::new(path, token.line, RULE, "`unsafe` outside its addresses"));
        }
    }
    if path.starts_with(ONE_MODULE) {
        // The lint is lifted once, where the module is declared.
        let allowed = lifted(tokens);
        let most = usize::from(path == "crates/skep-user/src/lib.rs");
        for line in allowed.into_iter().skip(most) {
            findings.push(Finding::new(path, line, RULE, "only one module may lift the lint `unsafe_code`"));
        }
    }
    findings
}

/// What is wrong with the roots of the workspace's libraries and binaries, and with the fuzz targets.
pub(super) fn check_roots(workspace: &Workspace, files: &[File]) -> Vec<Finding> {
    let targets = workspace.packages.iter().flat_map(|package| &package.targets);
    let is_shipped =
        |kind: &str| matches!(kind, "lib" | "rlib" | "cdylib" | "staticlib" | "proc-macro" | "bin");
    let roots: Vec<&str> = targets
        .filter(|target| is_shipped(&target.kind))
        .map(|target| workspace.relative(&target.source))
        .collect();
    let is_fuzz_target = |path: &str| path.starts_with("fuzz/targets/");
    let mut findings = Vec::new();
    for file in files {
        if roots.contains(&file.path.as_str()) || is_fuzz_target(&file.path) {
            findings.extend(file.rust().and_then(|text| check_root(&file.path, &lexer::tokens(text))));
        }
    }
    findings
}

/// What is wrong with the root of a crate.
fn check_root(path: &str, tokens: &[Token]) -> Option<Finding> {
    let level = match path {
        _ if ADDRESSES.iter().any(|address| address.ends_with('/') && path.starts_with(address)) => {
            return None;
        }
        _ if path.starts_with(ONE_MODULE) => "deny",
        _ => "forbid",
    };
    let attribute = ["#", "!", "[", level, "(", "unsafe_code", ")", "]"];
    let found =
        tokens.windows(attribute.len()).any(|window| window.iter().zip(attribute).all(|(t, a)| t.is(a)));
    (!found).then(|| Finding::new(path, 1, RULE, format!("expected `#![{level}(unsafe_code)]`")))
}

/// The lines where `allow(…)` or `expect(…)` names the lint.
fn lifted(tokens: &[Token]) -> Vec<usize> {
    let mut lines = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.is("allow") || token.is("expect"))
    {
        let inside = tokens[at + 1..].iter().take_while(|token| !token.is(")"));
        if tokens.get(at + 1).is_some_and(|token| token.is("("))
            && inside.into_iter().any(|t| t.is("unsafe_code"))
        {
            lines.push(token.line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, source: &str) -> Vec<usize> {
        check(path, &lexer::tokens(source)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unsafe_stands_at_its_addresses_only() {
        let source = "// unsafe\nfn f() { unsafe { g() } }\n";
        assert_eq!(lines("crates/skep-vm/src/memory.rs", source), [0; 0]);
        assert_eq!(lines("crates/skep-user/src/functions.rs", source), [0; 0]);
        for path in [
            "crates/skep-isa/src/lib.rs",
            "crates/skep-user/src/lib.rs",
            "fuzz/targets/elf.rs",
            "xtask/src/a.rs",
        ] {
            assert_eq!(lines(path, source), [2], "{path}");
        }
        assert_eq!(
            lines("crates/skep-vm2/src/lib.rs", source),
            [2],
            "a name that only begins like an address"
        );
    }

    #[test]
    fn comments_strings_and_lints_are_not_unsafe() {
        let source = "#![forbid(unsafe_code)]\n/* unsafe */ const A: &str = \"unsafe\";\n";
        assert_eq!(lines("crates/skep-isa/src/lib.rs", source), [0; 0]);
    }

    #[test]
    fn one_module_may_lift_the_lint() {
        let once =
            "#![deny(unsafe_code)]\n#[allow(unsafe_code, reason = \"calls by address\")]\nmod functions;\n";
        assert_eq!(lines("crates/skep-user/src/lib.rs", once), [0; 0]);
        let twice = format!("{once}#[expect(unsafe_code)]\nmod other;\n");
        assert_eq!(lines("crates/skep-user/src/lib.rs", &twice), [4]);
        assert_eq!(lines("crates/skep-user/src/net.rs", "#![allow(unsafe_code)]"), [1]);
    }

    #[test]
    fn roots_forbid_it() {
        let root = |path: &str, source: &str| {
            check_root(path, &lexer::tokens(source)).map(|finding| finding.message)
        };
        assert_eq!(root("crates/skep-isa/src/lib.rs", "//! Doc.\n#![forbid(unsafe_code)]"), None);
        let missing = Some("expected `#![forbid(unsafe_code)]`".to_owned());
        assert_eq!(root("crates/skep-isa/src/lib.rs", "// #![forbid(unsafe_code)]"), missing);
        assert_eq!(root("crates/skep-isa/src/lib.rs", "#![deny(unsafe_code)]"), missing);
        assert_eq!(root("crates/skep-user/src/lib.rs", "#![deny(unsafe_code)]"), None);
        assert!(root("crates/skep-user/src/lib.rs", "").is_some());
        assert_eq!(root("crates/skep-vm/src/lib.rs", ""), None);
    }
}
