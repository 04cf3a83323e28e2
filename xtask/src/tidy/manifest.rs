//! The `dependency` rule: each dependency is named once, in the root manifest, with what it is for.
//!
//! It reads a manifest line by line, as Cargo manifests are written: a dependency starts on a line of its own.

use super::Finding;

const RULE: &str = "dependency";

/// What is wrong with the dependencies of the manifest `text` at `path`.
///
/// Members inherit theirs. The root manifest says what each crate from elsewhere is for, and so does that of a package
/// outside the workspace (`fuzz/`), which can inherit nothing.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let is_member = path.starts_with("crates/") || path.starts_with("xtask/");
    let mut findings = Vec::new();
    let mut entries = Entries { section: String::new(), commented: false, open_brackets: 0 };
    for (line, entry) in text.lines().zip(1..).filter_map(|(text, line)| Some((line, entries.read(text)?))) {
        let mut found = |message: String| findings.push(Finding::new(path, line, RULE, message));
        let inherits = entry.text.contains("workspace = true");
        let is_floor = entry.text.contains("path = ");
        if is_member && !inherits {
            found(format!(
                "`{}` is not taken from the workspace, expected `{0}.workspace = true`",
                entry.name
            ));
        } else if !is_member && !is_floor && !entry.commented {
            found(format!("`{}` has no comment above it that says what it is for", entry.name));
        }
    }
    findings
}

/// A line that names a dependency.
struct Entry<'a> {
    name: &'a str,
    text: &'a str,
    /// Whether a comment stands right above it, or after it on its line.
    commented: bool,
}

/// Where a reader of a manifest is.
struct Entries {
    section: String,
    /// Whether the line before was a comment.
    commented: bool,
    /// Brackets that are open: the line goes on with an entry that an earlier one began.
    open_brackets: usize,
}

impl Entries {
    /// The dependency that the next line names, if it does.
    fn read<'a>(&mut self, line: &'a str) -> Option<Entry<'a>> {
        let commented = std::mem::replace(&mut self.commented, false);
        let line = line.trim();
        if line.starts_with('#') {
            self.commented = true;
            return None;
        }
        let continued = self.open_brackets > 0;
        if !continued && line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut self.section);
            // `[dependencies.name]` names a dependency in its heading; the tree does not use that form, and refusing it
            // is simpler than following it.
            let (table, name) = self.section.rsplit_once('.').unwrap_or(("", ""));
            let named = table.ends_with("dependencies") && !name.is_empty();
            let name = line.trim_matches(['[', ']']).rsplit('.').next().unwrap_or_default();
            return named.then_some(Entry { name, text: "", commented });
        }
        let opened = line.matches(['[', '{']).count();
        let closed = line.matches([']', '}']).count();
        self.open_brackets = (self.open_brackets + opened).saturating_sub(closed);
        if continued || line.is_empty() || !self.section.ends_with("dependencies") {
            return None;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"');
        Some(Entry { name, text: line, commented: commented || line.contains(" # ") })
    }
}

#[cfg(test)]
mod tests {
    fn check(path: &str, text: &str) -> Vec<String> {
        super::check(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn members_inherit() {
        let good = "[package]\nname = \"a\"\n[dependencies]\nlibc.workspace = true\n\
            object = { workspace = true, features = [\n    \"std\",\n] }\n[lints]\nworkspace = true\n";
        assert_eq!(check("crates/a/Cargo.toml", good), [""; 0]);
        for section in
            ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"]
        {
            let bad = format!("[{section}]\nlibc = \"0.2\"\n");
            assert_eq!(
                check("crates/a/Cargo.toml", &bad),
                [
                    "crates/a/Cargo.toml:2: `libc` is not taken from the workspace, expected `libc.workspace = true` \
                    (dependency)"
                ]
            );
        }
        assert_eq!(check("crates/a/Cargo.toml", "[dependencies.libc]\nversion = \"0.2\"\n").len(), 1);
    }

    #[test]
    fn each_foreign_crate_has_its_own_comment() {
        let good = "[workspace.dependencies]\na = { path = \"crates/a\" }\n# For b.\nb = \"1\"\nc = \"1\" # For c.\n";
        assert_eq!(check("Cargo.toml", good), [""; 0]);
        let bad = "[workspace.dependencies]\n# For b.\nb = \"1\"\nc = \"1\"\n";
        assert_eq!(
            check("Cargo.toml", bad),
            ["Cargo.toml:4: `c` has no comment above it that says what it is for (dependency)"]
        );
        assert_eq!(check("fuzz/Cargo.toml", "[dependencies]\nb = \"1\"\n").len(), 1);
    }
}
