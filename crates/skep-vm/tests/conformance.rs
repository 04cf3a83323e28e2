//! Two suites of other people: bpf_conformance, and the eBPF programs of the kernel's lib/test_bpf.c, verified and run on
//! every engine.

mod support;

use std::fs;

use skep_isa::{Endian, decode_all};
use skep_testkit::{shared_data, skip};
use support::{hex, run_on_memory};

/// Programs that Linux's verifier refuses as well: shifts by more than the width.
fn is_refused_by_linux(name: &str) -> bool {
    name.contains("-imm-high") || name.contains("-imm-neg")
}

#[test]
fn conformance_suite() {
    let Some(path) = shared_data("isa/conformance.jsonl") else {
        skip!("isa/conformance.jsonl is not there")
    };
    let text = fs::read_to_string(path).expect("readable");
    let mut failed = Vec::new();
    let (mut passed, mut total) = (0, 0);
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = case["name"].as_str().expect("a name");
        let bytes = match case["raw"].as_array() {
            Some(words) => words.iter().flat_map(|w| w.as_u64().expect("a number").to_le_bytes()).collect(),
            None => hex(case["hex"].as_str().expect("hex")),
        };
        let memory = hex(&case["mem"].as_str().expect("memory").replace([' ', '\n'], ""));
        let expected = case["result"].as_str().expect("a result").trim_start_matches("0x");
        let expected = u64::from_str_radix(expected, 16).expect("a number");
        let insns = decode_all(&bytes, Endian::Little).expect("whole slots");
        total += 1;
        match run_on_memory(&insns, &memory) {
            Ok((result, _)) => {
                assert_eq!(result, expected, "{name}");
                passed += 1;
            }
            Err(error) => failed.push((name.to_owned(), error)),
        }
    }
    for (name, error) in &failed {
        println!("{name}: {error}");
    }
    println!("{passed} of {total} passed");
    assert!(passed >= 300, "{passed} of {total} passed");
    let unexpected: Vec<_> =
        failed.iter().filter(|(name, _)| name != "callx" && !is_refused_by_linux(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

/// The context is memory of as many bytes as a run's data says; those without data get none. What the verifier refuses
/// is no failure here (programs read what was never written, divide by zero, jump out): what it passes must be right.
#[test]
fn test_bpf_programs() {
    const LARGE_MEM: u32 = 0x10;
    let Some(path) = shared_data("isa/test_bpf_small.tsv") else {
        skip!("isa/test_bpf_small.tsv is not there")
    };
    let text = fs::read_to_string(path).expect("readable");
    let (mut passed, mut refused, mut refused_unlike_linux) = (0, 0, Vec::new());
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, name, kind, aux, error, _, _, data, subtests, _, program, linux, _] = columns[..] else {
            panic!("13 columns in {line}")
        };
        let aux = u32::from_str_radix(aux.trim_start_matches("0x"), 16).expect("flags");
        if kind != "ebpf" || error != "0" {
            continue;
        }
        let insns = decode_all(&hex(program), Endian::Little).expect("whole slots");
        for subtest in subtests.split(',') {
            let (size, expected) = subtest.split_once(":0x").expect("size and result");
            let size: usize = size.parse().expect("a size");
            let expected = u32::from_str_radix(expected, 16).expect("a result");
            let mut memory = hex(data);
            memory.resize(if aux & LARGE_MEM != 0 { size } else { 0 }, 0);
            match run_on_memory(&insns, &memory) {
                Ok((result, _)) => {
                    assert_eq!(result as u32, expected, "{name}, {size} bytes");
                    passed += 1;
                }
                Err(error) => {
                    assert!(!error.contains("trap") && !error.contains("differ"), "{name}: {error}");
                    refused += 1;
                    if linux == "OK" {
                        refused_unlike_linux.push(format!("{name}: {error}"));
                    }
                }
            }
        }
    }
    for line in &refused_unlike_linux {
        println!("{line}");
    }
    println!("{passed} passed, {refused} refused, {} of them not by Linux", refused_unlike_linux.len());
    assert!(passed >= 600, "{passed} passed, {refused} refused");
}
