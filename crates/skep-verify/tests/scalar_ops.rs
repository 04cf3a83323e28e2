//! The domain against the verifier of Linux 6.18: 40,000 operations on numbers, with what Linux knew before and after.
//!
//! Nothing that really comes out may be missing from the result, and what Linux knows of a result should be known
//! here too. With `SKEP_LESS` set, a few operations that Linux knows more of are printed.

mod concrete;
mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use skep_isa::{AluOp, Cond, Width};
use skep_testkit::{shared_data, skip};
use skep_verify::domain::{Range, Scalar, Tnum};

use concrete::{compute, holds};

/// Of a hundred results, how many must be at least as precise as Linux's.
const AS_PRECISE_PERCENT: usize = 99;

/// Reads a number as Linux's log prints it.
fn scalar(text: &str) -> Scalar {
    let Some(inner) = text.strip_prefix("scalar(").and_then(|t| t.strip_suffix(')')) else {
        return Scalar::constant(number(text));
    };
    let mut scalar = Scalar::UNKNOWN;
    let (bounds, bits) = match inner.split_once("var_off=(") {
        Some((bounds, bits)) => (bounds, Some(bits.trim_end_matches(')'))),
        None => (inner, None),
    };
    if let Some((value, mask)) = bits.and_then(|b| b.split_once("; ")) {
        scalar.bits = Tnum { value: number(value), mask: number(mask) };
    }
    for part in bounds.split(',').filter(|p| !p.is_empty()) {
        let names: Vec<&str> = part.split('=').collect();
        let (value, names) = names.split_last().expect("a value");
        if names == ["id"] {
            continue;
        }
        let value = number(value);
        for name in names {
            match *name {
                "smin" => scalar.full.smin = value as i64,
                "smax" => scalar.full.smax = value as i64,
                "umin" => scalar.full.umin = value,
                "umax" => scalar.full.umax = value,
                "smin32" => scalar.half.smin = i64::from(value as i32),
                "smax32" => scalar.half.smax = i64::from(value as i32),
                "umin32" => scalar.half.umin = u64::from(value as u32),
                "umax32" => scalar.half.umax = u64::from(value as u32),
                other => panic!("{other} in {text}"),
            }
        }
    }
    scalar
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).expect("hexadecimal"),
        None => {
            let parsed = text.parse::<i64>().map(|n| n as u64).or_else(|_| text.parse());
            parsed.unwrap_or_else(|_| panic!("not a number: {text}"))
        }
    }
}

fn alu_op(name: &str) -> AluOp {
    match name {
        "add" => AluOp::Add,
        "sub" => AluOp::Sub,
        "mul" => AluOp::Mul,
        "div" => AluOp::Div,
        "or" => AluOp::Or,
        "and" => AluOp::And,
        "lsh" => AluOp::Lsh,
        "rsh" => AluOp::Rsh,
        "mod" => AluOp::Mod,
        "xor" => AluOp::Xor,
        "arsh" => AluOp::Arsh,
        "sdiv" => AluOp::Sdiv,
        "smod" => AluOp::Smod,
        other => panic!("unknown operation {other}"),
    }
}

fn cond(name: &str) -> Cond {
    match name {
        "jeq" => Cond::Eq,
        "jne" => Cond::Ne,
        "jgt" => Cond::Gt,
        "jge" => Cond::Ge,
        "jlt" => Cond::Lt,
        "jle" => Cond::Le,
        "jsgt" => Cond::Sgt,
        "jsge" => Cond::Sge,
        "jslt" => Cond::Slt,
        "jsle" => Cond::Sle,
        "jset" => Cond::Set,
        other => panic!("unknown comparison {other}"),
    }
}

/// Numbers that the abstract value stands for: its corners, and some between.
fn members(value: &Scalar, seed: &mut u64) -> Vec<u64> {
    let Range { umin, umax, smin, smax } = value.full;
    let bits = value.bits;
    let mut found = vec![umin, umax, smin as u64, smax as u64, bits.value, bits.value | bits.mask];
    for edge in [umin, umax, smin as u64, smax as u64] {
        found.push(edge & !bits.mask | bits.value);
        found.push(edge & bits.mask | bits.value);
    }
    let half = value.half;
    for low in [half.umin, half.umax, half.smin as u64, half.smax as u64] {
        for high in [umin, umax, smin as u64, smax as u64] {
            found.push(high & !0xffff_ffff | low & 0xffff_ffff);
        }
    }
    for _ in 0..24 {
        // xorshift64: the same numbers in every run.
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        found.push(bits.value | *seed & bits.mask);
        let span = umax.wrapping_sub(umin).wrapping_add(1);
        found.push(umin.wrapping_add(if span == 0 { *seed } else { *seed % span }));
    }
    found.retain(|x| value.contains(*x));
    found.sort_unstable();
    found.dedup();
    found
}

#[derive(Default)]
struct Count {
    all: usize,
    less: usize,
    more: usize,
}

#[test]
fn results_are_sound_and_as_precise_as_those_of_linux() {
    let Some(path) = shared_data("verifier/kernel-6.18-scalar-ops.jsonl.gz") else {
        skip!("the recorded operations are not there")
    };
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut runs = 0usize;
    for line in support::lines(&path) {
        let sample: Value = serde_json::from_str(&line).expect("JSON");
        let text = |value: &Value| scalar(value.as_str().expect("text"));
        let (a, b) = (text(&sample["dst"]), text(&sample["src"]));
        let width = if sample["w"] == 32 { Width::W32 } else { Width::W64 };
        let name = sample["op"].as_str().expect("an operation");
        let (in_a, in_b) = (members(&a, &mut seed), members(&b, &mut seed));
        // Linux's states can be told more of than Linux tells, which is not this test's matter.
        let (Some(a), Some(b)) = (a.deduce(), b.deduce()) else { continue };
        let mut results: Vec<(Option<Scalar>, Option<Scalar>)> = Vec::new();
        if sample["k"] == "alu" {
            let op = alu_op(name);
            let ours = a.alu(op, width, b);
            for &x in &in_a {
                for &y in &in_b {
                    runs += 1;
                    let result = compute(op, width, x, y);
                    assert!(ours.contains(result), "{line}: {x:#x}, {y:#x} give {result:#x}, not in {ours}");
                }
            }
            results.push((Some(ours), Some(text(&sample["out"]))));
        } else {
            let cond = cond(name);
            let ways = [("true", a.assume(cond, width, b)), ("false", a.assume_not(cond, width, b))];
            for &x in &in_a {
                for &y in &in_b {
                    runs += 1;
                    let way = &ways[usize::from(!holds(cond, width, x, y))].1;
                    let kept = way.is_some_and(|(a, b)| a.contains(x) && b.contains(y));
                    assert!(kept, "{line}: {x:#x}, {y:#x} not in {way:?}");
                }
            }
            for (way, ours) in ways {
                let linux = &sample["out"][way];
                let linux = linux.as_array().map(|both| (text(&both[0]), text(&both[1])));
                results.push((ours.map(|(a, _)| a), linux.map(|(a, _)| a)));
                results.push((ours.map(|(_, b)| b), linux.map(|(_, b)| b)));
            }
        }
        let bits = if width == Width::W64 { 64 } else { 32 };
        let count = counts.entry(format!("{name}{bits}")).or_default();
        count.all += 1;
        let less = |(ours, linux): &(Option<Scalar>, Option<Scalar>)| match (ours, linux) {
            (Some(ours), Some(linux)) => !linux.includes(*ours),
            // A way that no path of the sample went, or that can't be gone.
            (_, None) | (None, _) => false,
        };
        if results.iter().any(less) {
            count.less += 1;
            if std::env::var_os("SKEP_LESS").is_some() && count.less <= 3 {
                println!("{line}\n  ours {results:?}");
            }
        } else if results.iter().any(|(ours, linux)| linux.is_some() && ours != linux) {
            count.more += 1;
        }
    }
    let (mut all, mut less) = (0, 0);
    for (name, count) in &counts {
        println!("{name}: {} samples, less precise {}, more precise {}", count.all, count.less, count.more);
        all += count.all;
        less += count.less;
    }
    println!("{all} operations, {runs} runs: less precise than Linux on {less}");
    assert!((all - less) * 100 >= all * AS_PRECISE_PERCENT, "{less} of {all} are less precise than Linux's");
}
