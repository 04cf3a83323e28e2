//! What a test may find on a machine, or not: tools, shared test data, privileges.
//! Source of the capability numbers: include/uapi/linux/capability.h, Linux 6.18.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Configure networks: attach to devices, create them.
pub const CAP_NET_ADMIN: u32 = 12;
/// Everything that has no capability of its own.
pub const CAP_SYS_ADMIN: u32 = 21;
/// Load programs and create maps.
pub const CAP_BPF: u32 = 39;

/// The directory of the workspace's `Cargo.toml`.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The file or directory `path` of the shared test data, if it is there: `data/PATH` under the directory that the
/// environment variable `SKEP_SHARED` names, else under `shared` beside the workspace.
pub fn shared_data(path: impl AsRef<Path>) -> Option<PathBuf> {
    let shared = match std::env::var_os("SKEP_SHARED") {
        Some(dir) => PathBuf::from(dir),
        None => workspace_root().parent()?.join("shared"),
    };
    Some(shared.join("data").join(path)).filter(|found| found.exists())
}

/// The executable file `name` in the directories of `PATH`, and in those of the system administrator, which
/// unprivileged users of Debian don't have in theirs.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|file| {
            file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}

/// Whether the effective user is root. Root in a container may lack any capability: ask [`capable`] for what you need.
pub fn is_root() -> bool {
    status_line("Uid:").and_then(|ids| ids.split_whitespace().nth(1).map(|effective| effective == "0"))
        == Some(true)
}

/// Whether the process has the capability (by its number, such as [`CAP_BPF`]) in its effective set.
pub fn capable(capability: u32) -> bool {
    status_line("CapEff:")
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .is_some_and(|set| set.checked_shr(capability).unwrap_or(0) & 1 == 1)
}

/// The rest of the line of `/proc/self/status` that starts with `key`; where there is no such file, nothing.
fn status_line(key: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(workspace_root().join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_tool_is_an_executable_file_found_by_name() {
        let sh = tool("sh").expect("every Unix has a shell");
        assert!(sh.is_absolute() && sh.ends_with("sh"));
        assert_eq!(tool("skep-no-such-tool"), None);
        assert_eq!(tool("."), None, "a directory is no tool");
    }

    #[test]
    fn absent_data_is_absent() {
        assert_eq!(shared_data("no/such/file"), None);
    }

    #[test]
    fn capabilities_beyond_the_set_are_not_held() {
        assert!(!capable(63) && !capable(64) && !capable(u32::MAX));
    }
}
