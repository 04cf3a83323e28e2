//! How a test says that it did not run.
//!
//! libtest has no notion of a test that skips itself, so the test passes, and leaves two traces: a line
//! `skipped: NAME: reason` on standard error, and the same line, without its first word, at the end of the file that the
//! environment variable [`SKIPPED_LOG`] names. Test runners capture the first; the second is for the runner's caller.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;

/// The environment variable that names the file to which skipped tests append a line each. An absolute path, because
/// each test binary runs in a directory of its own.
pub const SKIPPED_LOG: &str = "SKEP_SKIPPED_LOG";

/// Ends the calling test (by `return`) after saying, by the test's name, why it could not run.
///
/// The arguments are those of [`format!`]; the reason is in lower case, without a full stop. To report a skip and go
/// on with what can be tested, call [`report_skipped`].
///
/// ```no_run
/// # use skep_testkit::{is_root, skip};
/// if !is_root() {
///     skip!("needs root to load a program");
/// }
/// ```
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {{
        fn here() {}
        $crate::report_skipped(::std::env!("CARGO_PKG_NAME"), ::std::any::type_name_of_val(&here), ::std::format_args!($($reason)+));
        return
    }};
}

/// Reports that a test, or a part of it, did not run: on standard error, and in the file of [`SKIPPED_LOG`].
///
/// `package` is the name of the package, `place` the path of a function (`crate::module::function`, as
/// [`std::any::type_name_of_val`] gives it). The path only serves where neither the runner nor the thread knows the
/// test's name.
pub fn report_skipped(package: &str, place: &str, reason: fmt::Arguments<'_>) {
    let name = test_name(place);
    // One line, and one write of it: tests run side by side, and so do test processes.
    let line = format!("{package} {name}: {reason}").replace('\n', " ") + "\n";
    eprint!("skipped: {line}");
    let Some(path) = std::env::var_os(SKIPPED_LOG) else { return };
    let appended = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut log| log.write_all(line.as_bytes()));
    if let Err(error) = appended {
        // Losing the line would turn a skipped test into a passed one.
        panic!("cannot append to {}: {error}", path.display());
    }
}

/// The name of the test on this thread: nextest tells it, libtest names the thread by it unless there is only one.
fn test_name(place: &str) -> String {
    if let Ok(name) = std::env::var("NEXTEST_TEST_NAME") {
        return name;
    }
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => function_name(place).to_owned(),
    }
}

/// `crate::module::test::{{closure}}::here` is `module::test`.
fn function_name(place: &str) -> &str {
    let path = place.strip_suffix("::here").unwrap_or(place).trim_end_matches("::{{closure}}");
    path.split_once("::").map_or(path, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::TempDir;

    #[test]
    fn a_function_is_named_without_its_crate_and_closures() {
        assert_eq!(function_name("elf::reads::clang_14::here"), "reads::clang_14");
        assert_eq!(function_name("elf::clang_14::{{closure}}::{{closure}}::here"), "clang_14");
        assert_eq!(function_name("alone"), "alone");
    }

    /// Not a test of its own: what `a_skipped_test_leaves_a_line_in_the_log` runs in a process of its own, because the
    /// log is named by the environment.
    #[test]
    fn skips_when_asked() {
        if std::env::var_os("SKEP_TESTKIT_SKIP").is_some() {
            skip!("asked\nto {}", "skip");
        }
    }

    #[test]
    fn a_skipped_test_leaves_a_line_in_the_log() {
        let dir = TempDir::new("skipped");
        let log = dir.path().join("log");
        for _ in 0..2 {
            let child = Command::new(std::env::current_exe().expect("own path"))
                .args(["skipped::tests::skips_when_asked", "--exact", "--nocapture"])
                .env("SKEP_TESTKIT_SKIP", "1")
                .env(SKIPPED_LOG, &log)
                .env_remove("NEXTEST_TEST_NAME")
                .output()
                .expect("the test binary runs again");
            assert!(child.status.success(), "{child:?}");
            let stderr = String::from_utf8_lossy(&child.stderr);
            let line = "skipped: skep-testkit skipped::tests::skips_when_asked: asked to skip\n";
            assert!(stderr.contains(line), "{stderr}");
        }
        let line = "skep-testkit skipped::tests::skips_when_asked: asked to skip\n";
        assert_eq!(std::fs::read_to_string(&log).expect("the log is there"), line.repeat(2));
    }
}
