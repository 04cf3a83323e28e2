//! `cargo xtask golden scalar FILE`: the domain against the verifier of Linux 6.18, operation by operation on what is
//! known of numbers before and after.
//!
//! Nothing that really comes out may be missing from the result, and what Linux knows of a result should be known
//! here too. Prints a JSON line for each operation at each width and one for all; fails if a result is not sound, or
//! more than [`LESS_PRECISE_PERCENT`] say less than Linux's.

// What an instruction really does; the verifier's own tests hold its verdicts against it.
#[path = "../../../crates/skep-verify/tests/concrete/mod.rs"]
mod concrete;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use skep_isa::{AluOp, Cond, Width};
use skep_verify::domain::{Range, Scalar, Tnum};

use super::case;
use crate::error::Error;
use concrete::{compute, holds};

/// Of a hundred results, how many may say less than Linux's.
const LESS_PRECISE_PERCENT: usize = 1;

/// How an operation's results compare.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Samples.
    all: usize,
    /// Those that have no result that is missing.
    sound: usize,
    as_precise: usize,
    less_precise: usize,
    more_precise: usize,
    /// Results computed to see whether they are missing.
    runs: usize,
}

impl Count {
    fn line(&self, name: &str) -> Value {
        json!({
            "op": name,
            "samples": self.all,
            "sound": self.sound,
            "as_precise": self.as_precise,
            "less_precise": self.less_precise,
            "more_precise": self.more_precise,
            "runs": self.runs,
        })
    }

    fn add(&mut self, other: Count) {
        self.all += other.all;
        self.sound += other.sound;
        self.as_precise += other.as_precise;
        self.less_precise += other.less_precise;
        self.more_precise += other.more_precise;
        self.runs += other.runs;
    }
}

/// Prints the counts of a file.
pub(super) fn run(file: &Path) -> Result<(), Error> {
    let counts = compare(&case::lines(file)?);
    let mut all = Count::default();
    for (name, count) in &counts {
        println!("{}", count.line(name));
        all.add(*count);
    }
    println!("{}", all.line("all"));
    let unsound = all.all - all.sound;
    if unsound > 0 {
        return Err(Error::Golden { different: unsound });
    }
    let less = all.less_precise;
    if less * 100 > all.all * LESS_PRECISE_PERCENT { Err(Error::Golden { different: less }) } else { Ok(()) }
}

/// Counts by operation and width.
fn compare(text: &str) -> BTreeMap<String, Count> {
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for line in text.lines() {
        let sample: Value = serde_json::from_str(line).unwrap_or_default();
        let op = sample["op"].as_str().unwrap_or_default();
        let bits = if sample["w"] == 32 { 32 } else { 64 };
        let count = counts.entry(format!("{op}{bits}")).or_default();
        match compare_one(&sample, &mut seed) {
            Some(found) => count.add(found),
            // A sample that can't be read is one that nothing is proved of.
            None => count.all += 1,
        }
    }
    counts
}

/// What an abstract operation gave, and what Linux's did; nothing where no path of the sample went.
type Results = Vec<(Option<Scalar>, Option<Scalar>)>;

fn compare_one(sample: &Value, seed: &mut u64) -> Option<Count> {
    let text = |value: &Value| scalar(value.as_str()?);
    let (a, b) = (text(&sample["dst"])?, text(&sample["src"])?);
    let width = if sample["w"] == 32 { Width::W32 } else { Width::W64 };
    let name = sample["op"].as_str()?;
    let (in_a, in_b) = (members(&a, seed), members(&b, seed));
    let pairs = || in_a.iter().flat_map(|x| in_b.iter().map(|y| (*x, *y)));
    // Linux's states can be told more of than Linux tells, which is not what is asked here.
    let (Some(a), Some(b)) = (a.deduce(), b.deduce()) else { return Some(Count::default()) };
    let mut results: Results = Vec::new();
    let sound;
    if sample["k"] == "alu" {
        let op = alu_op(name)?;
        let ours = a.alu(op, width, b);
        sound = pairs().all(|(x, y)| ours.contains(compute(op, width, x, y)));
        results.push((Some(ours), Some(text(&sample["out"])?)));
    } else {
        let cond = cond(name)?;
        let ways = [("true", a.assume(cond, width, b)), ("false", a.assume_not(cond, width, b))];
        sound = pairs().all(|(x, y)| {
            let way = &ways[usize::from(!holds(cond, width, x, y))].1;
            way.is_some_and(|(a, b)| a.contains(x) && b.contains(y))
        });
        for (way, ours) in ways {
            let linux = match sample["out"][way].as_array() {
                Some(both) => Some((text(both.first()?)?, text(both.get(1)?)?)),
                None => None,
            };
            results.push((ours.map(|(a, _)| a), linux.map(|(a, _)| a)));
            results.push((ours.map(|(_, b)| b), linux.map(|(_, b)| b)));
        }
    }
    let less = |(ours, linux): &(Option<Scalar>, Option<Scalar>)| match (ours, linux) {
        (Some(ours), Some(linux)) => !linux.includes(*ours),
        // A way that no path of the sample went, or that can't be gone.
        (_, None) | (None, _) => false,
    };
    let less = results.iter().any(less);
    let more = !less && results.iter().any(|(ours, linux)| linux.is_some() && ours != linux);
    Some(Count {
        all: 1,
        sound: usize::from(sound),
        as_precise: usize::from(!less && !more),
        less_precise: usize::from(less),
        more_precise: usize::from(more),
        runs: in_a.len() * in_b.len(),
    })
}

/// Reads a number as Linux's log prints it.
fn scalar(text: &str) -> Option<Scalar> {
    let Some(inner) = text.strip_prefix("scalar(").and_then(|t| t.strip_suffix(')')) else {
        return Some(Scalar::constant(number(text)?));
    };
    let mut scalar = Scalar::UNKNOWN;
    let (bounds, bits) = match inner.split_once("var_off=(") {
        Some((bounds, bits)) => (bounds, Some(bits.trim_end_matches(')'))),
        None => (inner, None),
    };
    if let Some((value, mask)) = bits.and_then(|b| b.split_once("; ")) {
        scalar.bits = Tnum { value: number(value)?, mask: number(mask)? };
    }
    for part in bounds.split(',').filter(|p| !p.is_empty()) {
        let names: Vec<&str> = part.split('=').collect();
        let (value, names) = names.split_last()?;
        if names == ["id"] {
            continue;
        }
        let value = number(value)?;
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
                _ => return None,
            }
        }
    }
    Some(scalar)
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse::<i64>().map(|n| n as u64).or_else(|_| text.parse()).ok(),
    }
}

fn alu_op(name: &str) -> Option<AluOp> {
    Some(match name {
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
        _ => return None,
    })
}

fn cond(name: &str) -> Option<Cond> {
    Some(match name {
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
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use skep_testkit::{shared_data, skip};

    use super::*;

    #[test]
    fn results_are_sound_and_as_precise_as_those_of_linux() {
        let Some(path) = shared_data("verifier/kernel-6.18-scalar-ops.jsonl.gz") else {
            skip!("the recorded operations are not there")
        };
        run(&path).expect("sound, and hardly ever less precise");
    }

    #[test]
    fn a_result_that_lacks_something_is_counted_as_unsound() {
        // Linux is said to know of a sum that it is 4.
        let line = r#"{"k":"alu","op":"add","w":64,"dst":"scalar(umin=1,umax=2)","src":"2","out":"4"}"#;
        let counts = compare(line);
        let count = counts["add64"];
        assert_eq!((count.all, count.sound, count.less_precise), (1, 1, 1), "ours is sound, and says less");
    }
}
