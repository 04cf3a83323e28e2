//! Every example, on its capture: the same verdicts and map contents from the interpreter, native code and the
//! running kernel, whatever compiler made the program. `UPDATE_EXPECT=1` writes the expected output from the
//! interpreter's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use skep_testkit::{CAP_BPF, TempDir, capable, skip, tool, workspace_root};

/// The command, with the arguments that an example is run with.
fn skep(program: &Path, more: &[&str]) -> Output {
    let root = workspace_root();
    let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
    command.current_dir(&root).arg("run").arg(program).args(["--in", "examples/traffic.pcap", "--maps"]);
    command.args(more).output().expect("skep starts")
}

/// The arguments that only this example has.
fn own_arguments(name: &str) -> &'static [&'static str] {
    match name {
        "events" => &["--records", "event"],
        "extension" => &["--isa", "examples/extension/mac.isa"],
        _ => &[],
    }
}

/// What the example is expected to print.
fn expected_path(name: &str) -> PathBuf {
    workspace_root().join(format!("examples/{name}/expected.txt"))
}

/// Runs a program in one way and compares.
fn check(name: &str, program: &Path, way: &[&str]) {
    let output = skep(program, &[own_arguments(name), way].concat());
    let printed = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {way:?}: {said}", program.display());
    let path = expected_path(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() && way.starts_with(&["--engine", "interp"]) {
        std::fs::write(&path, &printed).expect("a written file");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(printed, expected, "{} {way:?}", program.display());
}

/// All ways to run a program on this machine; without privilege, all but one.
fn check_all_ways(name: &str, program: &Path) {
    check(name, program, &["--engine", "interp"]);
    if cfg!(target_arch = "x86_64") {
        check(name, program, &["--engine", "jit"]);
    }
    if !capable(CAP_BPF) {
        skip!("no CAP_BPF: not compared with the kernel");
    }
    check(name, program, &["--host", "linux"]);
}

/// Compiles a C example with one compiler and runs it in all ways.
fn check_c(name: &str, compiler: &str) {
    if tool(compiler).is_none() {
        skip!("{compiler} is not installed");
    }
    let source = workspace_root().join(format!("examples/{name}/{name}.c"));
    let ways: &[&[&str]] = &[&["--engine", "interp"], &["--engine", "jit"], &["--host", "linux"]];
    for way in ways {
        if way[0] == "--host" && !capable(CAP_BPF) {
            skip!("no CAP_BPF: not compared with the kernel");
        }
        if way[1] == "jit" && !cfg!(target_arch = "x86_64") {
            continue;
        }
        check(name, &source, &[way, &["--cc", compiler][..]].concat());
    }
}

macro_rules! assembly {
    ($($test:ident $name:literal;)*) => {
        $(#[test]
        fn $test() {
            check_all_ways($name, &workspace_root().join(concat!("examples/", $name, "/", $name, ".s")));
        })*
    };
}

assembly! {
    the_assembly_firewall_decides_alike_everywhere "firewall";
    the_assembly_filter_samples_alike_everywhere "sample";
    a_program_of_a_class_that_no_machine_has_runs_by_its_expansion "extension";
}

macro_rules! c {
    ($($test:ident $name:literal $compiler:literal;)*) => {
        $(#[test]
        fn $test() {
            check_c($name, $compiler);
        })*
    };
}

c! {
    the_c_firewall_of_clang_14_decides_as_the_assembly "firewall" "clang-14";
    the_c_firewall_of_clang_16_decides_as_the_assembly "firewall" "clang-16";
    the_c_firewall_of_clang_19_decides_as_the_assembly "firewall" "clang-19";
    the_c_firewall_of_clang_22_decides_as_the_assembly "firewall" "clang-22";
    the_c_firewall_of_gcc_decides_as_the_assembly "firewall" "bpf-gcc";
    the_counter_of_clang_14_counts_alike_everywhere "count" "clang-14";
    the_counter_of_clang_22_counts_alike_everywhere "count" "clang-22";
    the_classifier_of_clang_14_classifies_alike_everywhere "classify" "clang-14";
    the_classifier_of_clang_22_classifies_alike_everywhere "classify" "clang-22";
    the_classifier_of_gcc_classifies_alike_everywhere "classify" "bpf-gcc";
    the_reporter_of_clang_14_reports_alike_everywhere "events" "clang-14";
    the_reporter_of_clang_22_reports_alike_everywhere "events" "clang-22";
}

#[test]
fn a_class_that_no_machine_has_is_assembled_carried_and_written_back() {
    let folder = TempDir::new("extension");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let skep = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
        command.current_dir(workspace_root()).args(arguments).output().expect("skep starts")
    };
    let text = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let isa = ["--isa", "examples/extension/mac.isa"];
    let (first, second) = (path("first.o"), path("second.o"));
    text(skep(&["asm", "examples/extension/extension.s", "-o", &first, isa[0], isa[1]]));
    for (dialect, spelling) in [("pseudoc", "r6 = mac(r2, 3, 1)"), ("normal", "mac %r6,%r2,3,1")] {
        let written = text(skep(&["dis", &first, "--dialect", dialect, isa[0], isa[1]]));
        assert!(written.contains(spelling), "{written}");
        // Without the rows the slots are carried all the same.
        let carried = text(skep(&["dis", &first, "--dialect", dialect]));
        assert!(!carried.contains("mac"), "{carried}");
        for (name, source) in [("written.s", written), ("carried.s", carried)] {
            std::fs::write(path(name), source).expect("a written file");
            text(skep(&["asm", &path(name), "-o", &second, isa[0], isa[1]]));
            let code = |object: &str| {
                let lines = text(skep(&["dis", object, "--json", isa[0], isa[1]]));
                let line =
                    lines.lines().find(|line| line.contains("\"form\":\"mac\"")).expect("a mac").to_owned();
                assert!(
                    line.contains("\"bytes\":\"ff2600000000000003000000000000000000000001000000\""),
                    "{line}"
                );
                lines.matches("\"bytes\"").count()
            };
            assert_eq!(code(&first), code(&second));
        }
    }
    let refused = skep(&["verify", &first]);
    assert!(!refused.status.success());
}

#[test]
fn packets_that_pass_are_written_as_the_program_left_them() {
    let folder = TempDir::new("passed");
    let out = folder.path().join("passed.pcap");
    let program = workspace_root().join("examples/firewall/firewall.s");
    let first = skep(&program, &["--out", out.to_str().expect("a path"), "--json"]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let passed = |output: &Output| {
        String::from_utf8_lossy(&output.stdout).lines().filter(|l| l.contains("\"verdict\":\"PASS\"")).count()
    };
    let kept = passed(&first);
    assert!(kept > 0);
    // What passed once passes again: nothing else is in the file.
    let again = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(workspace_root())
        .args(["run", "examples/firewall/firewall.s", "--json", "--in"])
        .arg(&out)
        .output()
        .expect("skep starts");
    let rows = String::from_utf8_lossy(&again.stdout).lines().filter(|l| l.contains("\"packet\":")).count();
    assert_eq!((passed(&again), rows), (kept, kept));
}
