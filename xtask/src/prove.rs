//! `cargo xtask prove`: whether the operators of the abstract numbers are sound, by a solver and by trying all values.
//!
//! The claims are Rust (`xtask/prove/claims.rs`), and so are the operators, which are compiled as they are. A claim is a
//! function that returns whether it holds; it is asked about twice:
//!
//! * at full width, by z3: the function is compiled to LLVM IR ([`ir`]), the IR rewritten to bit vectors ([`smt`]), and
//!   the solver looks for arguments with which it does not return true. *Proved* means that there are none. What has a
//!   loop, or takes too long, is *unknown*, and said to be;
//! * at a small width, by a program that tries every abstract number with every number, or a sample where these would
//!   be too many. The table says which.
//!
//! Trusted are rustc and LLVM up to its IR, the rewriting, z3, and the claims themselves. A control, addition without
//! carries, must be refuted each time: a question that cannot be answered with no proves nothing.

mod claim;
mod ir;
mod smt;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

use claim::{CONTROL, Claim};

/// How `cargo xtask prove` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only claims with this in their name; all of them if there is none.
    name: Option<String>,
    /// Give the solver two minutes a claim, not a few seconds.
    #[arg(long)]
    full: bool,
}

/// How long the solver may take for a claim, in seconds.
const SECONDS: u32 = 3;
/// The same with `--full`.
const SECONDS_FULL: u32 = 120;
/// How much memory it may take, in MiB.
const MEMORY_MIB: u32 = 2048;

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Proved,
    /// With arguments that refute it.
    Refuted(String),
    /// With the reason.
    Unknown(String),
}

/// Asks about all claims and prints a table.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut claims = claim::all();
    if let Some(part) = &options.name {
        claims.retain(|claim| claim.name.contains(part.as_str()) || claim.name == CONTROL);
    }
    let dir = workspace.target_dir.join("prove");
    let tried = try_all(&workspace.root, &dir, &claims)?;
    let functions = translate(&workspace.root, &dir, &claims)?;
    let has_solver = command::succeeds(Command::new("z3").arg("--version"));
    let seconds = if options.full { SECONDS_FULL } else { SECONDS };
    println!("{:<24} {:<34} by a solver", "operator", "all values");
    let mut refuted = Vec::new();
    let mut is_control_refuted = true;
    for claim in &claims {
        let small = tried.get(claim.name).cloned().unwrap_or(Tried::Fails("the program ended early".into()));
        let mut columns = vec![small.in_words(claim)];
        let mut holds = matches!(small, Tried::Holds(_));
        for &width in claim.widths() {
            let start = Instant::now();
            let verdict = match functions.get(&claim.symbol(width)) {
                _ if !has_solver => Verdict::Unknown("z3 is not installed".into()),
                Some(Ok(function)) => ask(&dir, claim, width, function, seconds)?,
                Some(Err(reason)) => Verdict::Unknown(format!("not translated: {reason}")),
                None => Verdict::Unknown("not compiled".into()),
            };
            holds &= !matches!(verdict, Verdict::Refuted(_));
            is_control_refuted &=
                !has_solver || claim.name != CONTROL || matches!(verdict, Verdict::Refuted(_));
            let words = match verdict {
                Verdict::Proved => format!("proved, {:.1} s", start.elapsed().as_secs_f64()),
                Verdict::Refuted(by) => format!("COUNTEREXAMPLE: {by}"),
                Verdict::Unknown(reason) => format!("unknown: {reason}"),
            };
            columns.push(format!("{width} bits {words}"));
        }
        let name = if claim.name == CONTROL { "(control) wrong_add" } else { claim.name };
        println!("{name:<24} {:<34} {}", columns[0], columns[1..].join("; "));
        if claim.name == CONTROL {
            is_control_refuted &= !matches!(small, Tried::Holds(_));
        } else if !holds {
            refuted.push(claim.name);
        }
    }
    if !is_control_refuted {
        refuted.push(CONTROL);
    }
    if refuted.is_empty() { Ok(()) } else { Err(Error::Refuted { claims: refuted }) }
}

/// What came of trying all values of a claim.
#[derive(Clone, Debug)]
enum Tried {
    /// How many were tried.
    Holds(u64),
    /// With these.
    Fails(String),
}

impl Tried {
    fn in_words(&self, claim: &Claim) -> String {
        let how = if claim.is_sampled() { "sample of " } else { "" };
        match self {
            Tried::Holds(count) => format!("{} bits: {how}{count} hold", claim.small_width()),
            Tried::Fails(with) => format!("{} bits: FAILS with {with}", claim.small_width()),
        }
    }
}

/// Compiles and runs the program that tries all values.
fn try_all(root: &Path, dir: &Path, claims: &[Claim]) -> Result<HashMap<String, Tried>, Error> {
    let source = write(dir, "tried.rs", &claim::program(root, claims))?;
    let program = dir.join("tried");
    command::run(
        rustc(root, dir)?.args(["--crate-type=bin", "-Copt-level=3", "-o"]).arg(&program).arg(source),
    )?;
    let output = command::output(&mut Command::new(program))?;
    let lines = String::from_utf8_lossy(&output);
    let results = lines.lines().filter_map(|line| {
        let mut words = line.splitn(3, '\t');
        let (name, result, rest) = (words.next()?, words.next()?, words.next()?);
        let tried = match result {
            "holds" => Tried::Holds(rest.parse().ok()?),
            _ => Tried::Fails(rest.to_owned()),
        };
        Some((name.to_owned(), tried))
    });
    Ok(results.collect())
}

/// The claims' functions, by their symbols; or why one was not translated.
fn translate(
    root: &Path,
    dir: &Path,
    claims: &[Claim],
) -> Result<HashMap<String, Result<ir::Function, String>>, Error> {
    let source = write(dir, "claims.rs", &claim::functions(root, claims))?;
    let target = dir.join("claims.ll");
    let mut rustc = rustc(root, dir)?;
    rustc
        .args(["--crate-type=lib", "--emit=llvm-ir", "-Copt-level=3", "-Ccodegen-units=1", "-o"])
        .arg(&target);
    // What is inlined and unrolled needs neither memory nor loops, and vectors are not translated.
    rustc.args(["-Cno-vectorize-loops", "-Cno-vectorize-slp"]);
    rustc.args(["-Cllvm-args=-inline-threshold=100000", "-Cllvm-args=-unroll-threshold=100000"]);
    command::run(rustc.arg(source))?;
    let text = fs::read_to_string(&target).map_err(|error| Error::File { path: target, error })?;
    Ok(ir::parse(&text))
}

/// The compiler, told of the crate that the operators use, which has been compiled.
fn rustc(root: &Path, dir: &Path) -> Result<Command, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let with = |name: &str| {
        let mut command = Command::new(&rustc);
        command.args(["--edition=2024", "-Cpanic=abort", "-Coverflow-checks=off", "--crate-name", name]);
        command
    };
    let library = dir.join("libskep_isa.rlib");
    let isa = root.join("crates/skep-isa/src/lib.rs");
    command::run(with("skep_isa").args(["--crate-type=rlib", "-Copt-level=3", "-o"]).arg(&library).arg(isa))?;
    let mut command = with("claims");
    command.arg("--extern").arg(format!("skep_isa={}", library.display()));
    Ok(command)
}

/// Writes a file of the directory, which is made where it is missing.
fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = dir.join(name);
    let written = fs::create_dir_all(dir).and_then(|()| fs::write(&path, text));
    written.map_err(|error| Error::File { path: path.clone(), error })?;
    Ok(path)
}

/// Asks the solver for arguments that refute the claim.
fn ask(
    dir: &Path,
    claim: &Claim,
    width: u32,
    function: &ir::Function,
    seconds: u32,
) -> Result<Verdict, Error> {
    let question = match smt::question(function) {
        Ok(question) => question,
        Err(reason) => return Ok(Verdict::Unknown(format!("not translated: {reason}"))),
    };
    let path = write(dir, &format!("{}.smt2", claim.symbol(width)), &question)?;
    let mut z3 = Command::new("z3");
    z3.args([format!("-T:{seconds}"), format!("-memory:{MEMORY_MIB}")]).arg("-smt2").arg(path);
    let output = z3.output().map_err(|error| Error::Start { command: "z3".into(), error })?;
    Ok(verdict(&String::from_utf8_lossy(&output.stdout), &claim.parameters(), seconds))
}

/// What the solver's answer means. After `sat` it gives the arguments in order, as `(|name| #xVALUE)`.
fn verdict(answer: &str, parameters: &[String], seconds: u32) -> Verdict {
    let (first, rest) = answer.trim().split_once('\n').unwrap_or((answer.trim(), ""));
    match first {
        "unsat" => Verdict::Proved,
        "sat" => {
            let values = rest.split("#x").skip(1).map(|value| {
                let digits = value.split(')').next().unwrap_or_default().trim_start_matches('0');
                if digits.is_empty() { "0".to_owned() } else { format!("0x{digits}") }
            });
            let pairs = parameters.iter().zip(values).map(|(name, value)| format!("{name}={value}"));
            Verdict::Refuted(pairs.collect::<Vec<_>>().join(" "))
        }
        "timeout" | "unknown" => Verdict::Unknown(format!("no answer in {seconds} s")),
        other => Verdict::Unknown(format!("z3 says `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use skep_testkit::{TempDir, skip};

    use super::*;

    /// What the solver is quick about, at both widths: what most others are built from.
    const QUICK: [&str; 12] = [
        "tnum_add",
        "tnum_sub",
        "tnum_and",
        "tnum_or",
        "tnum_xor",
        "tnum_shl",
        "tnum_shr",
        "tnum_sar",
        "tnum_union_left",
        "tnum_intersect",
        "range_union_left",
        "range_deduce_signs",
    ];

    #[test]
    fn the_operators_are_proved_at_full_width_and_a_wrong_one_is_refuted() {
        if skep_testkit::tool("z3").is_none() {
            skip!("z3 is not installed");
        }
        let workspace = Workspace::load().expect("cargo metadata");
        let dir = TempDir::new("prove");
        let mut claims = claim::all();
        claims.retain(|claim| QUICK.contains(&claim.name) || claim.name == CONTROL);
        assert_eq!(claims.len(), QUICK.len() + 1);
        let functions = translate(&workspace.root, dir.path(), &claims).expect("rustc compiles the claims");
        for claim in &claims {
            for &width in claim.widths() {
                let symbol = claim.symbol(width);
                let function = functions[&symbol].as_ref().expect("translated");
                let verdict = ask(dir.path(), claim, width, function, 60).expect("z3 starts");
                if claim.name == CONTROL {
                    assert!(
                        matches!(&verdict, Verdict::Refuted(by) if by.contains("a.mask=")),
                        "{verdict:?}"
                    );
                } else {
                    assert_eq!(verdict, Verdict::Proved, "{symbol}");
                }
            }
        }
    }

    #[test]
    fn an_answer_is_read_with_its_values() {
        let names = ["a.value".to_owned(), "x".to_owned()];
        assert_eq!(verdict("unsat\n(error \"model is not available\")\n", &names, 1), Verdict::Proved);
        let refuted = verdict("sat\n((|%p0| #x00000000000000ff)\n (|%p1| #x0000000000000000))\n", &names, 1);
        assert_eq!(refuted, Verdict::Refuted("a.value=0xff x=0".into()));
        assert_eq!(verdict("timeout\n", &names, 3), Verdict::Unknown("no answer in 3 s".into()));
    }
}
