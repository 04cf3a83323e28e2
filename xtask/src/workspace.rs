//! The workspace, as `cargo metadata` tells it: packages, their floors, dependencies, and targets.
//! Source of the format: the Cargo book, "cargo metadata", format version 1.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command;
use crate::error::Error;

/// The packages of one `Cargo.toml` and where things are.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The directory of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target_dir: PathBuf,
    /// The members, in cargo's order.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its manifest, an absolute path.
    pub(crate) manifest: PathBuf,
    /// `package.metadata.skep.floor`.
    pub(crate) floor: Option<u64>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A dependency of a package.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: DependencyKind,
}

/// What a dependency is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    Normal,
    Build,
    Dev,
}

/// What cargo builds from a package: a library, a binary, a test, …
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, `example`, `bench`, `custom-build`, …
    pub(crate) kind: String,
    /// The file of the crate's root module, an absolute path.
    pub(crate) source: PathBuf,
}

impl Workspace {
    /// The workspace that the build tasks belong to.
    pub(crate) fn load() -> Result<Workspace, Error> {
        // Cargo sets it for `cargo run`; started otherwise, the tasks look where they were built.
        let xtask =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&xtask).parent().unwrap_or(Path::new(".")).to_owned();
        Workspace::load_from(&root)
    }

    /// The workspace or lone package of the manifest in `directory`.
    pub(crate) fn load_from(directory: &Path) -> Result<Workspace, Error> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(directory).args(["metadata", "--no-deps", "--format-version", "1"]);
        Workspace::parse(&command::output(&mut cargo)?)
    }

    /// The workspace in what `cargo metadata` printed.
    pub(crate) fn parse(json: &[u8]) -> Result<Workspace, Error> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| Error::Metadata { what: format!("JSON: {error}") })?;
        Ok(Workspace {
            root: path(&value, "workspace_root")?,
            target_dir: path(&value, "target_directory")?,
            packages: list(&value, "packages")?.iter().map(package).collect::<Result<_, _>>()?,
        })
    }

    /// The member `name`.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// `path` as it reads from the workspace's root, with `/` between its parts.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a str {
        path.strip_prefix(&self.root).unwrap_or(path).to_str().unwrap_or_default()
    }
}

fn package(value: &Value) -> Result<Package, Error> {
    Ok(Package {
        name: text(value, "name")?,
        manifest: path(value, "manifest_path")?,
        floor: value.pointer("/metadata/skep/floor").and_then(Value::as_u64),
        dependencies: list(value, "dependencies")?.iter().map(dependency).collect::<Result<_, _>>()?,
        targets: list(value, "targets")?.iter().map(target).collect::<Result<_, _>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency, Error> {
    let kind = match value.get("kind").and_then(Value::as_str) {
        None => DependencyKind::Normal,
        Some("build") => DependencyKind::Build,
        Some("dev") => DependencyKind::Dev,
        Some(other) => {
            return Err(Error::Metadata { what: format!("a kind of dependency, found `{other}`") });
        }
    };
    Ok(Dependency { name: text(value, "name")?, kind })
}

fn target(value: &Value) -> Result<Target, Error> {
    let kind = list(value, "kind")?.first().and_then(Value::as_str);
    Ok(Target {
        name: text(value, "name")?,
        kind: kind.ok_or_else(|| Error::Metadata { what: "a kind of target".into() })?.to_owned(),
        source: path(value, "src_path")?,
    })
}

fn text(value: &Value, key: &str) -> Result<String, Error> {
    let found = value.get(key).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Error::Metadata { what: format!("a string `{key}`") })
}

fn path(value: &Value, key: &str) -> Result<PathBuf, Error> {
    text(value, key).map(PathBuf::from)
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, Error> {
    value
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| Error::Metadata { what: format!("a list `{key}`") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::load().expect("cargo metadata");
        let xtask = workspace.package("xtask").expect("itself");
        assert!(xtask.floor.is_some());
        assert!(xtask.dependencies.iter().any(|d| d.name == "clap" && d.kind == DependencyKind::Normal));
        let target = xtask.targets.iter().find(|target| target.kind == "bin").expect("a binary");
        assert_eq!(workspace.relative(&target.source), "xtask/src/main.rs");
    }

    #[test]
    fn a_dependency_has_a_kind() {
        let kind = |json: &str| dependency(&serde_json::from_str(json).expect("JSON")).map(|d| d.kind);
        assert!(matches!(kind(r#"{"name": "a", "kind": null}"#), Ok(DependencyKind::Normal)));
        assert!(matches!(kind(r#"{"name": "a", "kind": "build"}"#), Ok(DependencyKind::Build)));
        assert!(matches!(kind(r#"{"name": "a", "kind": "dev"}"#), Ok(DependencyKind::Dev)));
        assert!(matches!(kind(r#"{"name": "a", "kind": "new"}"#), Err(Error::Metadata { .. })));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Workspace::parse(br#"{"workspace_root": "r", "target_directory": "t"}"#)
            .expect_err("no packages");
        assert_eq!(error.to_string(), "cargo metadata: expected a list `packages`");
        assert!(Workspace::parse(b"not JSON").is_err());
    }
}
