//! What was proved of a program, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use skep::isa::text::Writer;
use skep::isa::{Callee, Op};
use skep::verify::facts::{Bound, Branch, Facts, Known};
use skep::verify::{Fact, Verified};

/// Stretches of instructions that are never executed: first slot, and one past the last.
fn dead(verified: &Verified) -> Vec<(usize, usize)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (slot, insn) in verified.program().insns.iter().enumerate() {
        let is_tail = insn.op() == Op::Tail;
        let reached = verified.fact(slot) != Fact::Unreachable;
        match stretches.last_mut() {
            // The further slot of an instruction is as dead as its first.
            Some((_, end)) if *end == slot && (is_tail || !reached) => *end = slot + 1,
            _ if !is_tail && !reached => stretches.push((slot, slot + 1)),
            _ => {}
        }
    }
    stretches
}

/// Branches that go one way only, and whether that is the jump.
fn decided(verified: &Verified, facts: &Facts) -> Vec<(usize, bool)> {
    let way = |slot| match facts.branch(slot) {
        Branch::Always => Some((slot, true)),
        Branch::Never => Some((slot, false)),
        Branch::None | Branch::Both => None,
    };
    (0..verified.program().insns.len()).filter_map(way).collect()
}

/// For people: a paragraph, and what registers hold before each instruction.
pub(crate) fn text(verified: &Verified, facts: &Facts) -> String {
    let mut out = String::new();
    for cost in facts.costs() {
        let name = &verified.program().functions[cost.function].name;
        let _ = writeln!(out, "  executes   {}", bound(verified, cost.insns, "instructions", name));
    }
    let _ = writeln!(out, "  stack      {} bytes at most", facts.stack_bytes());
    let returns = facts.returns().map_or("nothing: no path ends".to_owned(), Known::to_string);
    let _ = writeln!(out, "  returns    {returns}");
    let classes: Vec<&str> =
        facts.effects().classes().into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect();
    let calls: Vec<&str> = facts.effects().calls.iter().map(String::as_str).collect();
    if facts.effects().is_read_only() {
        out += "  effects    none: it is read-only\n";
    } else {
        let _ = writeln!(out, "  effects    {}", [classes, calls].concat().join(", "));
    }
    for found in facts.loops() {
        let rounds = bound(verified, found.rounds, "rounds", &format!("the loop to {}", found.head));
        let _ = writeln!(out, "  loop       {rounds}");
    }
    for (start, end) in dead(verified) {
        let _ = match end - start {
            1 => writeln!(out, "  dead       instruction {start}"),
            _ => writeln!(out, "  dead       instructions {start} to {}", end - 1),
        };
    }
    for (slot, taken) in decided(verified, facts) {
        let _ = writeln!(out, "  branch {slot:<4}{} taken", if taken { "always" } else { "never" });
    }
    if !facts.knows_numbers() {
        out += "  numbers    not known: to find them out was too much work\n";
    }
    out += &registers(verified, facts);
    out
}

/// `at most 12 instructions`, or why not.
fn bound(verified: &Verified, bound: Bound, what: &str, of: &str) -> String {
    match bound {
        Bound::AtMost(most) => format!("at most {most} {what}: {of}"),
        Bound::Unbounded(why) if why.gave_up => format!("unknown {what}, too much work to find out: {of}"),
        Bound::Unbounded(why) => {
            let text = decides(verified, why.insn);
            format!("no bound of {what}, instruction {} decides at run time ({text}): {of}", why.insn)
        }
    }
}

/// What an instruction that ends a loop is: a call by its name, all else by its text.
fn decides(verified: &Verified, slot: usize) -> String {
    let program = verified.program();
    let insn = &program.insns[slot];
    let symbol = program.kernel_symbol(insn.imm);
    match (insn.op(), symbol) {
        (Op::Call(Callee::Kfunc), Some(symbol)) => format!("call {}", symbol.name),
        _ => Writer::pseudoc().insn(insn),
    }
}

/// A line an instruction: what is known before it, of registers that may still be read.
fn registers(verified: &Verified, facts: &Facts) -> String {
    let mut out = String::new();
    for (slot, insn) in verified.program().insns.iter().enumerate() {
        if insn.op() == Op::Tail {
            continue;
        }
        let _ = write!(out, "{slot:>5}: {:<36};", decides(verified, slot));
        if verified.fact(slot) == Fact::Unreachable {
            out += " never executed";
        }
        // That nothing is known is not worth a word.
        for (register, known) in facts.registers(slot).iter().filter(|(_, known)| *known != Known::Mixed) {
            let _ = write!(out, " r{register}={known}");
        }
        out += "\n";
    }
    out
}

/// For programs; the book says what the keys are.
pub(crate) fn json(verified: &Verified, facts: &Facts) -> Value {
    let functions = &verified.program().functions;
    let costs: Vec<Value> = facts
        .costs()
        .iter()
        .map(|cost| json!({"function": functions[cost.function].name, "insns": bound_json(cost.insns)}))
        .collect();
    let loops: Vec<Value> = facts
        .loops()
        .iter()
        .map(|l| json!({"head": l.head, "jumps": l.jumps, "rounds": bound_json(l.rounds)}))
        .collect();
    let branches: Vec<Value> = decided(verified, facts)
        .into_iter()
        .map(|(slot, taken)| json!({"insn": slot, "taken": if taken { "always" } else { "never" }}))
        .collect();
    let slots = 0..verified.program().insns.len();
    let registers: Vec<Value> = slots
        .filter(|slot| !facts.registers(*slot).is_empty())
        .map(|slot| {
            let held = facts.registers(slot).iter().map(|(register, known)| {
                let mut known = known_json(known);
                known["register"] = json!(register);
                known
            });
            json!({"insn": slot, "holds": held.collect::<Vec<_>>()})
        })
        .collect();
    let mut effects: serde_json::Map<String, Value> = facts
        .effects()
        .classes()
        .into_iter()
        .map(|(class, holds)| (class.to_owned(), json!(holds)))
        .collect();
    effects.insert("calls".to_owned(), json!(facts.effects().calls));
    json!({
        "costs": costs, "stack_bytes": facts.stack_bytes(), "returns": facts.returns().map(known_json),
        "read_only": facts.effects().is_read_only(), "effects": effects, "loops": loops,
        "dead": dead(verified), "branches": branches, "numbers_known": facts.knows_numbers(),
        "registers": registers,
    })
}

fn bound_json(bound: Bound) -> Value {
    match bound {
        Bound::AtMost(most) => json!({"max": most}),
        Bound::Unbounded(why) => json!({"max": null, "insn": why.insn, "gave_up": why.gave_up}),
    }
}

fn known_json(known: &Known) -> Value {
    let range = |number: &skep::verify::domain::Scalar| {
        let full = number.full;
        json!({"umin": full.umin, "umax": full.umax, "smin": full.smin, "smax": full.smax})
    };
    match known {
        Known::Number(number) => json!({"kind": "number", "range": range(number)}),
        Known::Pointer(pointer) => json!({
            "kind": pointer.kind, "map": pointer.map, "nullable": pointer.nullable,
            "offset": range(&pointer.offset),
        }),
        Known::Mixed => json!({"kind": "mixed"}),
    }
}
