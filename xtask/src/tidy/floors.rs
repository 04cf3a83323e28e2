//! The `floor` rule: a crate stands on lower floors only.
//!
//! Tests may use crates of their own floor too (the verifier's tests are written in assembly), but none of a higher one.
//! The build tasks are not part of the building.

use super::Finding;
use crate::workspace::{Dependency, DependencyKind, Package, Workspace};

/// The package of the build tasks.
const TASKS: &str = "xtask";

/// The package that only tests (and the build tasks, which read its log) may use.
const TESTKIT: &str = "skep-testkit";

/// What is wrong with the floors of the workspace's packages.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let manifest = workspace.relative(&package.manifest);
        let mut found = |message: String| findings.push(Finding::new(manifest, 0, "floor", message));
        let Some(floor) = package.floor else {
            found(format!("`{}` has no package.metadata.skep.floor", package.name));
            continue;
        };
        if package.name == TASKS {
            continue;
        }
        for dependency in &package.dependencies {
            if let Some(below) = workspace.package(&dependency.name) {
                found_in(package, floor, dependency, below).map(&mut found);
            }
        }
    }
    findings
}

/// What is wrong with the dependency of `package`, on `floor`, on another package of the workspace.
fn found_in(package: &Package, floor: u64, dependency: &Dependency, below: &Package) -> Option<String> {
    let is_test = dependency.kind == DependencyKind::Dev;
    if below.name == TESTKIT && !is_test {
        return Some(format!(
            "`{}` depends on `{TESTKIT}`, which is for dev-dependencies only",
            package.name
        ));
    }
    // A package without a floor has its own finding.
    let other = below.floor?;
    if other < floor || is_test && other == floor {
        return None;
    }
    let expected = if is_test { "the same or a lower" } else { "a lower" };
    Some(format!(
        "`{}` on floor {floor} depends on `{}` on floor {other}, expected {expected} floor",
        package.name, below.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for packages given as `name floor dependency:kind …`.
    fn check(packages: &[&str]) -> Vec<String> {
        let package = |line: &&str| {
            let mut words = line.split(' ');
            let (name, floor) = (words.next().expect("a name"), words.next().expect("a floor"));
            let dependency = |word: &str| {
                let (name, kind) = word.split_once(':').expect("a kind");
                let kind = match kind {
                    "normal" => DependencyKind::Normal,
                    "build" => DependencyKind::Build,
                    _ => DependencyKind::Dev,
                };
                Dependency { name: name.to_owned(), kind }
            };
            Package {
                name: name.to_owned(),
                manifest: format!("/tree/{name}/Cargo.toml").into(),
                floor: floor.parse().ok(),
                dependencies: words.map(dependency).collect(),
                targets: Vec::new(),
            }
        };
        let workspace = Workspace {
            root: "/tree".into(),
            target_dir: "/tree/target".into(),
            packages: packages.iter().map(package).collect(),
        };
        super::check(&workspace).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lower_floors_and_foreign_crates_are_fine() {
        let packages = [
            "isa 0 skep-testkit:dev",
            "btf 1 isa:normal libc:normal",
            "skep-testkit 0",
            "xtask 9 btf:normal",
        ];
        assert_eq!(check(&packages), [""; 0]);
    }

    #[test]
    fn the_same_floor_is_for_tests_only() {
        assert_eq!(check(&["asm 3", "verify 3 asm:dev"]), [""; 0]);
        assert_eq!(
            check(&["asm 3", "verify 3 asm:normal"]),
            [
                "verify/Cargo.toml: `verify` on floor 3 depends on `asm` on floor 3, expected a lower floor (floor)"
            ]
        );
        assert_eq!(check(&["asm 3", "verify 3 asm:build"]).len(), 1);
    }

    #[test]
    fn a_higher_floor_is_for_nobody() {
        assert_eq!(check(&["vm 4", "verify 3 vm:dev"]).len(), 1);
        assert_eq!(check(&["vm 4", "verify 3 vm:normal"]).len(), 1);
    }

    #[test]
    fn a_floor_is_required() {
        assert_eq!(
            check(&["isa none"]),
            ["isa/Cargo.toml: `isa` has no package.metadata.skep.floor (floor)"]
        );
    }

    #[test]
    fn the_testkit_is_for_tests() {
        assert_eq!(check(&["skep-testkit 0", "btf 1 skep-testkit:normal"]).len(), 1);
    }
}
