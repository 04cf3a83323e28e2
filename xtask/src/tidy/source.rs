//! Rules about a file as a text: `module-doc`, `long-file`, and `machine-path`.

use super::{Finding, is_rust};

/// From this many lines on, a file probably holds two nouns.
const LINES_WARN: usize = 600;
/// No file has as many lines.
const LINES_MAX: usize = 1000;

/// Top-level directories of machines whose names have no business in the source tree, and whether anything must follow.
const MACHINE_DIRECTORIES: [(&str, bool); 3] = [("work", false), ("root", false), ("home", true)];

/// What is wrong with the file `path`.
pub(super) fn check(path: &str, bytes: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, name) in machine_paths(bytes) {
        findings.push(Finding::new(
            path,
            line,
            "machine-path",
            format!("`/{name}` is a place on somebody's machine"),
        ));
    }
    if !is_rust(path) {
        return findings;
    }
    let Ok(text) = str::from_utf8(bytes) else {
        findings.push(Finding::new(path, 0, "module-doc", "not UTF-8"));
        return findings;
    };
    if !text.lines().next().unwrap_or_default().starts_with("//! ") {
        findings.push(Finding::new(
            path,
            1,
            "module-doc",
            "expected a module doc (`//! …`) on the first line",
        ));
    }
    let lines = text.lines().count();
    if lines > LINES_WARN {
        let mut finding =
            Finding::new(path, 0, "long-file", format!("{lines} lines, expected at most {LINES_WARN}"));
        finding.is_warning = lines < LINES_MAX;
        findings.push(finding);
    }
    findings
}

/// The lines on which an absolute path into one of [`MACHINE_DIRECTORIES`] stands, with the directory's name. Any file
/// is searched, for the debug information of an object file tells where it was compiled.
fn machine_paths(bytes: &[u8]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let mut line = 1;
    for (at, byte) in bytes.iter().enumerate() {
        line += usize::from(*byte == b'\n');
        let before = at.checked_sub(1).map(|before| bytes[before]);
        // `a/work` and `../root` are relative, `~/work` and `{dir}/work` are somebody else's.
        if *byte != b'/' || before.is_some_and(|before| is_name(before) || b".~/})>*".contains(&before)) {
            continue;
        }
        for (name, needs_more) in MACHINE_DIRECTORIES {
            let Some(rest) = bytes[at + 1..].strip_prefix(name.as_bytes()) else { continue };
            let ends = if needs_more {
                rest.first() == Some(&b'/')
            } else {
                !rest.first().is_some_and(|b| is_name(*b))
            };
            if ends {
                found.push((line, name));
            }
        }
    }
    found
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(usize, &'static str, bool)> {
        check(path, text.as_bytes()).into_iter().map(|f| (f.line, f.rule, f.is_warning)).collect()
    }

    #[test]
    fn a_file_opens_with_its_doc() {
        assert_eq!(rules("a.rs", "//! What it is.\n"), []);
        assert_eq!(rules("a.rs", "\n//! What it is.\n"), [(1, "module-doc", false)]);
        assert_eq!(rules("a.rs", "// Not a doc.\n"), [(1, "module-doc", false)]);
        assert_eq!(rules("a.rs", ""), [(1, "module-doc", false)]);
        assert_eq!(rules("a.s", "r0 = 0\n"), []);
    }

    #[test]
    fn a_long_file_is_a_warning_and_a_very_long_one_a_failure() {
        let lines = |count: usize| "//! What it is.\n".repeat(count);
        assert_eq!(rules("a.rs", &lines(600)), []);
        assert_eq!(rules("a.rs", &lines(601)), [(0, "long-file", true)]);
        assert_eq!(rules("a.rs", &lines(999)), [(0, "long-file", true)]);
        assert_eq!(rules("a.rs", &lines(1000)), [(0, "long-file", false)]);
    }

    #[test]
    fn machine_paths_are_found_in_any_file() {
        // Put together here, so that this file has none.
        let path = |name: &str| format!("/{name}");
        let found = |text: &str| rules("a.txt", text).len();
        for bad in [
            path("work"),
            path("work/main"),
            path("root/x"),
            path("home/me"),
            format!("x\n'{}'", path("root")),
        ] {
            assert_eq!(found(&bad), 1, "{bad}");
        }
        for good in
            ["work/main", "../root", "/workspace", "/rooted", "~/work", "a/home/b", "/homes/", "/home"]
        {
            assert_eq!(found(good), 0, "{good}");
        }
        assert_eq!(rules("a.o", &format!("\0\n\0{}\0", path("work/a.c"))), [(2, "machine-path", false)]);
    }
}
