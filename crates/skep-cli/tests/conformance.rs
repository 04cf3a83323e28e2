//! `skep conformance-plugin` as bpf_conformance's runner calls it: each program of the suite, on each engine, and by
//! the running kernel.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use skep::isa::text::foreign::Language;
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

fn hex(bytes: &[u8]) -> String {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).expect("a digit"));
    bytes.iter().flat_map(digits).collect()
}

/// What became of a negative: the assembler's error, the plugin's, or what it returned.
enum Outcome {
    NoAssembly(String),
    Refused(String),
    Returned(String),
}

fn negative(case: &serde_json::Value) -> Outcome {
    let string = |key: &str| case[key].as_str().unwrap_or_default();
    let mut program = string("raw").to_owned();
    if !string("asm").is_empty() {
        let options = skep::asm::Options { language: Some(Language::Ubpf), ..skep::asm::Options::default() };
        match skep::asm::assemble_raw(string("asm"), "negative.data", &options) {
            Err(error) => return Outcome::NoAssembly(error.to_string()),
            Ok(bytes) => program = hex(&bytes),
        }
        assert!(string("hex").is_empty() || string("hex") == program, "{}", string("name"));
    }
    let memory: Vec<&str> = if string("mem").is_empty() { Vec::new() } else { vec![string("mem")] };
    let output = plugin(&memory, &program);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Outcome::Returned(text(&output.stdout))
    } else {
        Outcome::Refused(text(&output.stderr))
    }
}

/// Its own runner skips 45 of them, whose reserved fields are set: it takes their bytes for words, and so finds no
/// instruction. Three of the others have no instruction at all.
#[test]
fn none_of_the_60_negatives_returns_what_it_would_if_it_were_taken() {
    let Some(path) = shared_data("isa/conformance_negative.jsonl") else {
        skip!("isa/conformance_negative.jsonl is not there")
    };
    let text = std::fs::read_to_string(path).expect("readable");
    let mut reserved = 0;
    let mut others = Vec::new();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = case["name"].as_str().expect("a name");
        let outcome = negative(&case);
        if name.starts_with("unused-") {
            let Outcome::Refused(why) = outcome else { panic!("{name} is not refused") };
            // An offset of 1 makes an address space cast of a move, since the negative was written.
            let known = ["reserved field", "has no form with", "addr_space_cast insn can only"];
            assert!(known.iter().any(|known| why.contains(known)), "{name}: {why}");
            reserved += 1;
            continue;
        }
        others.push(match outcome {
            Outcome::NoAssembly(why) => format!("{name}: no assembly: {why}"),
            Outcome::Refused(why) => format!("{name}: refused: {why}"),
            Outcome::Returned(r0) => {
                let wrong = case["result"].as_str().unwrap_or_default().trim_start_matches("0x");
                assert!(!wrong.is_empty() && wrong != r0, "{name}: {r0}");
                format!("{name}: returned {r0}, not {wrong}")
            }
        });
    }
    assert_eq!(reserved, 45);
    // 2147483648 is out of range for bpf_conformance's assembler only: for LLVM's and GNU's it is a number of 32 bits.
    let expected = [
        "empty: refused: skep: expected a program on standard input, found nothing",
        "empty_instructions: refused: skep: expected a program on standard input, found nothing",
        "error: refused: skep: program `conformance` is refused: instruction 0: R0 !read_ok: r0 has no value on this path",
        "incorrect_return_value_high_bits: returned 8877665544332211, not 8977665544332211",
        "invalid_imm32_dec_range: returned 80000000, not 11",
        "invalid_imm32_hex_range: no assembly: negative.data:2:12: 4294967296 is out of range, expected -2147483648 to 4294967295",
        "invalid_label: no assembly: negative.data:1:4: label `NOT_A_LABEL` is not defined",
        "invalid_lock: no assembly: negative.data:1:17: expected `,`, found end of line",
        "invalid_lock2: no assembly: negative.data:1:1: no instruction starts with `lock`",
        "invalid_mnemonic: no assembly: negative.data:2:1: no instruction starts with `ldxq` (did you mean `ldxb`?)",
        "invalid_offset: no assembly: negative.data:1:11: expected `[`, found `r1`",
        "invalid_offset_range: no assembly: negative.data:2:15: 65536 is out of range, expected -32768 to 32767",
        "invalid_operand_count: no assembly: negative.data:1:9: expected `,`, found end of line",
        "invalid_register: no assembly: negative.data:1:9: expected a number or symbol, found `%`",
        "invalid_unknown_directive: refused: skep: expected a program on standard input, found nothing",
    ];
    assert_eq!(others, expected);
}

#[test]
fn an_object_is_taken_where_it_is_announced() {
    let object = skep::asm::assemble(".text\nf:\n r0 = *(u8 *)(r1 + 1)\n exit\n", "f.s").expect("assembly");
    let elf = hex(&object.to_elf().expect("an object"));
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
