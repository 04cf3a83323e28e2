//! The Debian packages that tests compare with, and installing those that are absent.

use std::process::Command;

use skep_testkit::is_root;

use crate::command;
use crate::error::Error;

/// The packages, and what is tested with each.
const PACKAGES: [(&str, &str); 17] = [
    ("clang-14", "objects of clang 14"),
    ("clang-16", "objects of clang 16"),
    ("clang-19", "objects of clang 19, C sources"),
    ("clang-22", "objects of clang 22"),
    ("llvm-19", "LLVM's assembler and disassembler"),
    ("gcc-bpf", "objects of bpf-gcc"),
    ("binutils-bpf", "GNU's assembler and disassembler"),
    ("bpftool", "loading objects the way others do"),
    ("dwarves", "pahole's BTF"),
    ("nftables", "nft's verdicts"),
    ("iptables", "iptables' verdicts"),
    ("iproute2", "network namespaces and attached programs"),
    ("libbpf-dev", "C sources that include bpf_helpers.h"),
    ("libbpf-tools", "objects that libbpf relocates"),
    ("xdp-tools", "objects that libbpf relocates"),
    ("z3", "proofs of the operators of abstract numbers"),
    ("linux-libc-dev", "C sources that include linux/bpf.h"),
];

/// Installs what is absent, where that is possible: as root, on Debian. Elsewhere it says what tests will miss. A package
/// that the release does not have is no failure, for its tests are reported as skipped.
pub(crate) fn set_up() -> Result<(), Error> {
    if !command::succeeds(Command::new("dpkg-query").arg("--version")) {
        report("this is not Debian, so tests are skipped that need", PACKAGES.iter().map(|(name, _)| *name));
        return Ok(());
    }
    let missing = missing(&installed());
    if missing.is_empty() {
        eprintln!("all {} packages are installed", PACKAGES.len());
        return Ok(());
    }
    if !is_root() || !command::succeeds(Command::new("apt-get").arg("--version")) {
        report("only root can install packages, so tests are skipped that need", missing);
        return Ok(());
    }
    // Without fresh lists, the ones at hand may still do.
    if let Err(error) = command::run(apt_get().args(["--quiet", "update"])) {
        eprintln!("warning: {error}");
    }
    let (known, unknown): (Vec<&str>, Vec<&str>) = missing.into_iter().partition(|name| has_candidate(name));
    if !unknown.is_empty() {
        report("this release does not have, so tests are skipped that need", unknown);
    }
    if known.is_empty() {
        return Ok(());
    }
    report("installing", known.iter().copied());
    command::run(apt_get().args(["--quiet", "--yes", "--no-install-recommends", "install"]).args(known))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// What dpkg knows of the packages: a line each, `STATUS NAME`.
fn installed() -> String {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${db:Status-Status} ${Package}\n"]);
    query.args(PACKAGES.map(|(name, _)| name));
    // It fails when it knows nothing of a package, and still prints the others.
    query.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// The packages that `installed` does not list as such.
fn missing(installed: &str) -> Vec<&'static str> {
    let is_missing =
        |name: &&str| !installed.lines().any(|line| line.strip_prefix("installed ") == Some(*name));
    PACKAGES.iter().map(|(name, _)| *name).filter(is_missing).collect()
}

/// Whether apt could install the package.
fn has_candidate(name: &str) -> bool {
    let policy = Command::new("apt-cache").env("LC_ALL", "C").args(["policy", name]).output();
    policy.is_ok_and(|output| names_candidate(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether what `apt-cache policy` printed has a version to install: it prints nothing for a name it never heard of.
fn names_candidate(policy: &str) -> bool {
    policy
        .lines()
        .any(|line| line.trim().strip_prefix("Candidate: ").is_some_and(|version| version != "(none)"))
}

/// Says `what`, then each package with what is tested with it.
fn report(what: &str, names: impl IntoIterator<Item = &'static str>) {
    eprintln!("{what}:");
    for name in names {
        let purpose = PACKAGES.iter().find(|(known, _)| *known == name).map_or("", |(_, purpose)| purpose);
        eprintln!("    {name:<15} {purpose}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_or_never_heard_of_is_missing() {
        let all = PACKAGES.map(|(name, _)| format!("installed {name}\n")).concat();
        assert_eq!(missing(&all), [""; 0]);
        let some =
            all.replace("installed nftables", "config-files nftables").replace("installed clang-22\n", "");
        assert_eq!(missing(&some), ["clang-22", "nftables"]);
    }

    #[test]
    fn a_candidate_is_a_version() {
        assert!(names_candidate("nftables:\n  Installed: (none)\n  Candidate: 1.0.6-2\n"));
        assert!(!names_candidate("clang-22:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!names_candidate(""));
    }
}
