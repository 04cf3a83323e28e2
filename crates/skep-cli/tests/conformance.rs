//! `skep conformance-plugin` as bpf_conformance's runner calls it: each program of the suite, on each engine, and by
//! the running kernel.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use skep_testkit::{CAP_BPF, capable, shared_data, skip};

fn plugin(arguments: &[&str], program: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
        .arg("conformance-plugin")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("skep starts");
    let mut input = child.stdin.take().expect("its input");
    // One that has failed over its arguments reads nothing.
    let _ = input.write_all(program.as_bytes());
    drop(input);
    child.wait_with_output().expect("skep ends")
}

/// How many programs of the suite return what they should, and the names of those that don't.
fn suite(text: &str, options: &[&str]) -> (usize, Vec<String>) {
    let (mut passed, mut failed) = (0, Vec::new());
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let string = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let memory = string("mem");
        // The runner leaves the argument out where there is no memory.
        let memory: Vec<&str> = if memory.is_empty() { Vec::new() } else { vec![&memory] };
        let output = plugin(&[&memory, options].concat(), &string("hex"));
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let expected = string("result").trim_start_matches("0x").trim_start_matches('0').to_lowercase();
        if output.status.success() && found.trim_start_matches('0') == expected {
            passed += 1;
        } else {
            assert!(!output.stderr.is_empty() || output.status.success(), "a failure says why");
            failed.push(string("name"));
        }
    }
    (passed, failed)
}

fn conformance() -> Option<String> {
    shared_data("isa/conformance.jsonl").map(|path| std::fs::read_to_string(path).expect("readable"))
}

#[test]
fn the_suite_passes_whole_on_the_user_host() {
    let Some(text) = conformance() else { skip!("isa/conformance.jsonl is not there") };
    for options in [["--engine", "interp"], ["--engine", "jit"]] {
        if options[1] == "jit" && !cfg!(all(target_arch = "x86_64", unix)) {
            continue;
        }
        assert_eq!(suite(&text, &options), (313, Vec::new()), "{options:?}");
    }
}

/// Linux refuses shifts beyond the width, and has no indirect calls.
#[test]
fn the_suite_passes_on_linux_as_far_as_linux_takes_it() {
    if !capable(CAP_BPF) {
        skip!("needs CAP_BPF");
    }
    let Some(text) = conformance() else { skip!("isa/conformance.jsonl is not there") };
    let (passed, failed) = suite(&text, &["--host", "linux"]);
    assert_eq!(passed, 300);
    let refused = |name: &String| name == "callx" || name.contains("-imm-high") || name.contains("-imm-neg");
    assert!(failed.iter().all(refused), "{failed:?}");
}

#[test]
fn an_object_is_taken_where_it_is_announced() {
    let object = skep::asm::assemble(".text\nf:\n r0 = *(u8 *)(r1 + 1)\n exit\n", "f.s").expect("assembly");
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).expect("a digit"));
    let elf: String = object.to_elf().expect("an object").iter().flat_map(digits).collect();
    let output = plugin(&["aa bb", "--elf"], &elf);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "bb\n", "{output:?}");
    assert!(!plugin(&["aa bb"], &elf).status.success());
}

#[test]
fn what_is_wrong_is_said() {
    for (arguments, program, why) in [
        (&[][..], "", "found nothing"),
        (&[], "b7000000010000", "found 7"),
        (&[], "x", "hex digits"),
        (&["1"], "9500000000000000", "memory: expected pairs of hex digits"),
        (&[], "9500000000000000", "R0 !read_ok"),
        (&[], "b7000000000000009500010000000000", "reserved field off"),
    ] {
        let output = plugin(arguments, program);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{program}");
        assert!(message.contains(why), "{program}: {message}");
    }
}
