//! Recorded programs with the verdict of Linux 6.18: nothing that Linux refuses is accepted here, and most of what
//! Linux accepts is. With `SKEP_SLOW` set, cases that take more than twice Linux's instructions are named.

mod support;

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;
use skep_testkit::{shared_data, skip};
use skep_verify::{Options, Reason, verify};

/// The files of cases.
const FILES: [&str; 5] = [
    "linux-6.1-verifier",
    "linux-6.12-verifier",
    "linux-6.12-progs-annotated",
    "ebpf-samples",
    "bpfix-bench",
];

/// `BPF_F_STRICT_ALIGNMENT`
const STRICT_ALIGNMENT: u64 = 1;

/// What came of a file of cases.
#[derive(Default)]
struct Tally {
    agree_accept: usize,
    agree_refuse: usize,
    false_accepts: Vec<String>,
    false_refusals: Vec<String>,
    unsupported: BTreeMap<String, usize>,
    /// Instructions looked at, for what both accept: here and by Linux.
    processed: (u64, u64),
    /// Time for them, in microseconds: here and by Linux when the cases were recorded.
    micros: (u64, u64),
}

fn judge(file: &str) -> Option<Tally> {
    let path = shared_data(format!("verifier/{file}.jsonl.gz"))?;
    let mut tally = Tally::default();
    for line in support::lines(&path) {
        let case: Value = serde_json::from_str(&line).expect("JSON");
        let kind = case["prog"]["type"].as_str().unwrap_or_default();
        if !["socket_filter", "xdp", "sched_cls"].contains(&kind) {
            continue;
        }
        let golden = &case["golden_6_18"]["priv"];
        let accepted = match golden["verdict"].as_str() {
            Some("accept") => true,
            Some("reject") => false,
            _ => continue,
        };
        let flags = case["prog"]["flags"].as_u64().unwrap_or_default();
        let options = Options { strict_alignment: flags & STRICT_ALIGNMENT != 0, ..Options::default() };
        let start = Instant::now();
        let verdict = verify(support::shared(&case), &options);
        let micros = start.elapsed().as_micros() as u64;
        let id = case["id"].as_str().unwrap_or_default();
        // Calls of the kernel's functions decide how exceptions flow, and so what is reached.
        let kernel_functions = case["prog"]["kfunc_calls"].as_array().is_some_and(|calls| !calls.is_empty());
        if kernel_functions && verdict.is_err() && accepted {
            *tally.unsupported.entry("kernel functions".to_owned()).or_default() += 1;
            continue;
        }
        let words = golden["error"].as_str().unwrap_or_default();
        match (accepted, verdict) {
            (true, Ok(verified)) => {
                tally.agree_accept += 1;
                let linux = golden["processed_insns"].as_u64().unwrap_or_default();
                tally.processed.0 += verified.stats().insns_processed;
                tally.processed.1 += linux;
                tally.micros.0 += micros;
                tally.micros.1 += golden["verify_us_min"].as_u64().unwrap_or_default();
                if std::env::var_os("SKEP_SLOW").is_some()
                    && verified.stats().insns_processed > 2 * linux + 500
                {
                    println!("slow: {id}: {} {} {linux}", verified.stats().insns_processed, micros);
                }
            }
            (false, Err(_)) => tally.agree_refuse += 1,
            (false, Ok(_)) => tally.false_accepts.push(format!("{id}: {}: {words}", case["name"])),
            (true, Err(error)) => match &error.reason {
                Reason::Unsupported { what } => *tally.unsupported.entry(what.clone()).or_default() += 1,
                Reason::UnknownFunction { id } => {
                    *tally.unsupported.entry(format!("helper {id}")).or_default() += 1;
                }
                // A pointer to a socket, which is nothing that is described yet.
                Reason::Context { field: Some("sk"), .. } => {
                    *tally.unsupported.entry("the context's socket".to_owned()).or_default() += 1;
                }
                _ => tally.false_refusals.push(format!("{id}: {}: {error}", case["name"])),
            },
        }
    }
    Some(tally)
}

/// The cases that are known to be accepted against Linux, each with why that is no danger, from
/// `golden/accepted.txt`.
fn known_accepts() -> Vec<(String, String)> {
    let text = include_str!("golden/accepted.txt");
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let split = |line: &str| line.split_once(" — ").map(|(id, why)| (id.to_owned(), why.to_owned()));
    lines.map(|line| split(line).unwrap_or_else(|| panic!("no reason in {line}"))).collect()
}

#[test]
fn verdicts_are_those_of_linux() {
    let known = known_accepts();
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for file in FILES {
        let Some(tally) = judge(file) else { skip!("the recorded verdicts are not there") };
        for accepted in &tally.false_accepts {
            let id = accepted.split(": ").next().unwrap_or_default();
            if known.iter().any(|(known, _)| known == id) {
                seen.push(id.to_owned());
            } else {
                wrong.push(format!("accepted against Linux: {accepted}"));
            }
        }
        wrong.extend(tally.false_refusals.iter().map(|refused| format!("refused against Linux: {refused}")));
        println!("{file}: not supported {:?}", tally.unsupported);
        println!(
            "{file}: both accept {}, both refuse {}, accepted against Linux {}, refused against Linux {}, not \
             supported {}",
            tally.agree_accept,
            tally.agree_refuse,
            tally.false_accepts.len(),
            tally.false_refusals.len(),
            tally.unsupported.values().sum::<usize>(),
        );
        println!(
            "{file}: where both accept, {} instructions looked at in {} µs, by Linux {} in {} µs",
            tally.processed.0, tally.micros.0, tally.processed.1, tally.micros.1
        );
    }
    wrong.extend(
        known
            .iter()
            .filter(|(id, _)| !seen.contains(id))
            .map(|(id, _)| format!("not accepted any more: {id}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
