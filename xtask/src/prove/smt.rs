//! A function of integers as a question to a solver: with which arguments does it not return true?
//!
//! Each value becomes a definition over bit vectors, each block the condition under which it is reached. A panic is no
//! return, so that a claim that panics is refuted. A function with a loop is not translated.
//! Source: the SMT-LIB standard 2.6, theory of fixed-size bit vectors (`QF_BV`).

use std::collections::HashMap;
use std::fmt::Write as _;

use super::ir::{End, Expr, Function, Operand, Source};

/// The question, in SMT-LIB's language; or what of the function has no translation.
pub(super) fn question(function: &Function) -> Result<String, String> {
    let mut writer = Writer { text: String::from("(set-logic QF_BV)\n"), widths: HashMap::new() };
    for (name, bits) in &function.parameters {
        writer.widths.insert(name.clone(), *bits);
        let _ = writeln!(writer.text, "(declare-const |{name}| (_ BitVec {bits}))");
    }
    let mut returns = String::new();
    let mut ways: Vec<Way> = Vec::new();
    for index in order(function)? {
        let block = &function.blocks[index];
        let reached: Vec<&str> =
            ways.iter().filter(|way| way.to == block.label).map(|way| way.condition.as_str()).collect();
        let reached = if index == 0 { "true".to_owned() } else { format!("(or {})", reached.join(" ")) };
        let _ = writeln!(writer.text, "(define-fun |at {}| () Bool {reached})", block.label);
        for (name, expr) in &block.values {
            writer.value(name, expr, &block.label, &ways)?;
        }
        for (to, condition) in leaving(&block.end) {
            let way = format!("|way {}|", ways.len());
            let at = format!("|at {}|", block.label);
            let _ = writeln!(writer.text, "(define-fun {way} () Bool (and {at} {condition}))");
            ways.push(Way { from: block.label.clone(), to, condition: way });
        }
        if let End::Return(operand) = &block.end {
            let _ = write!(returns, " (and |at {}| (= {} #b1))", block.label, term(operand));
        }
    }
    let _ = writeln!(writer.text, "(assert (not (or false{returns})))\n(check-sat)");
    let names: Vec<String> = function.parameters.iter().map(|(name, _)| format!("|{name}|")).collect();
    let _ = writeln!(writer.text, "(get-value ({}))", names.join(" "));
    Ok(writer.text)
}

/// From one block to another, and when.
struct Way {
    from: String,
    to: String,
    condition: String,
}

struct Writer {
    text: String,
    /// The width of each value.
    widths: HashMap<String, u32>,
}

impl Writer {
    /// Defines one value.
    fn value(&mut self, name: &str, expr: &Expr, block: &str, ways: &[Way]) -> Result<(), String> {
        let (bits, text) = match expr {
            Expr::Same(a) => (a.bits, term(a)),
            Expr::Binary(op, a, b) => (a.bits, format!("({} {} {})", binary(op)?, term(a), term(b))),
            Expr::Compare(condition, a, b) => {
                (1, format!("(ite {} #b1 #b0)", compare(condition, &term(a), &term(b))?))
            }
            Expr::Select(c, a, b) => (a.bits, format!("(ite (= {} #b1) {} {})", term(c), term(a), term(b))),
            Expr::Convert(how, a, to) => (*to, convert(how, a, *to)?),
            Expr::Phi(values) => {
                let bits = values.first().ok_or("an empty phi")?.0.bits;
                let mut text = String::new();
                for (index, (operand, from)) in values.iter().enumerate() {
                    if index + 1 == values.len() {
                        text.push_str(&term(operand));
                        break;
                    }
                    let taken = ways.iter().filter(|way| way.from == *from && way.to == block);
                    let taken: Vec<&str> = taken.map(|way| way.condition.as_str()).collect();
                    let _ = write!(text, "(ite (or false {}) {} ", taken.join(" "), term(operand));
                }
                (bits, text + &")".repeat(values.len() - 1))
            }
            Expr::Part(of, part) => {
                let name_of_part = format!("{of} {part}");
                let bits = *self.widths.get(&name_of_part).ok_or("a part of something unknown")?;
                (bits, format!("|{name_of_part}|"))
            }
            Expr::Call(callee, operands) => {
                let a = operands.first().ok_or("a call without operands")?;
                if let Some(op) = callee.strip_suffix(".with.overflow") {
                    let b = operands.get(1).ok_or("a call with one operand")?;
                    let (result, overflow) = with_overflow(op, a, b)?;
                    self.define(&format!("{name} 0"), a.bits, &result);
                    self.define(&format!("{name} 1"), 1, &format!("(ite {overflow} #b1 #b0)"));
                    return Ok(());
                }
                (a.bits, intrinsic(callee, operands)?)
            }
        };
        self.define(name, bits, &text);
        Ok(())
    }

    fn define(&mut self, name: &str, bits: u32, text: &str) {
        self.widths.insert(name.to_owned(), bits);
        let _ = writeln!(self.text, "(define-fun |{name}| () (_ BitVec {bits}) {text})");
    }
}

/// The blocks that can be reached, each after all that lead to it.
fn order(function: &Function) -> Result<Vec<usize>, String> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    fn visit(
        function: &Function,
        index: usize,
        by_label: &HashMap<&str, usize>,
        marks: &mut [Mark],
        done: &mut Vec<usize>,
    ) -> Result<(), String> {
        match marks[index] {
            Mark::Done => return Ok(()),
            Mark::Open => return Err("a loop".into()),
            Mark::New => marks[index] = Mark::Open,
        }
        for (to, _) in leaving(&function.blocks[index].end) {
            let next = *by_label.get(to.as_str()).ok_or_else(|| format!("no block {to}"))?;
            visit(function, next, by_label, marks, done)?;
        }
        marks[index] = Mark::Done;
        done.push(index);
        Ok(())
    }
    let labels = function.blocks.iter().map(|block| block.label.as_str());
    let by_label: HashMap<&str, usize> = labels.zip(0..).collect();
    let mut done = Vec::new();
    visit(function, 0, &by_label, &mut vec![Mark::New; function.blocks.len()], &mut done)?;
    done.reverse();
    Ok(done)
}

/// Where a block leads, and when.
fn leaving(end: &End) -> Vec<(String, String)> {
    match end {
        End::Jump(to) => vec![(to.clone(), "true".into())],
        End::Branch(condition, yes, no) => {
            let holds = format!("(= {} #b1)", term(condition));
            vec![(yes.clone(), holds.clone()), (no.clone(), format!("(not {holds})"))]
        }
        End::Switch(on, cases, others) => {
            let is = |number: i128| format!("(= {} {})", term(on), number_of(number, on.bits));
            let mut ways: Vec<(String, String)> =
                cases.iter().map(|(number, to)| (to.clone(), is(*number))).collect();
            let any: Vec<String> = cases.iter().map(|(number, _)| is(*number)).collect();
            ways.push((others.clone(), format!("(not (or false {}))", any.join(" "))));
            ways
        }
        End::Return(_) | End::Unreachable => Vec::new(),
    }
}

fn term(operand: &Operand) -> String {
    match &operand.of {
        Source::Value(name) => format!("|{name}|"),
        Source::Number(number) => number_of(*number, operand.bits),
    }
}

/// A number of a width; negative ones as LLVM writes them.
fn number_of(number: i128, bits: u32) -> String {
    let cut = if bits >= 128 { number as u128 } else { number as u128 & ((1 << bits) - 1) };
    format!("(_ bv{cut} {bits})")
}

fn binary(op: &str) -> Result<&'static str, String> {
    Ok(match op {
        "add" => "bvadd",
        "sub" => "bvsub",
        "mul" => "bvmul",
        "and" => "bvand",
        "or" => "bvor",
        "xor" => "bvxor",
        "shl" => "bvshl",
        "lshr" => "bvlshr",
        "ashr" => "bvashr",
        "udiv" => "bvudiv",
        "urem" => "bvurem",
        "sdiv" => "bvsdiv",
        "srem" => "bvsrem",
        other => return Err(format!("`{other}`")),
    })
}

fn compare(condition: &str, a: &str, b: &str) -> Result<String, String> {
    let name = match condition {
        "eq" => "=",
        "ne" => return Ok(format!("(not (= {a} {b}))")),
        "ult" => "bvult",
        "ule" => "bvule",
        "ugt" => "bvugt",
        "uge" => "bvuge",
        "slt" => "bvslt",
        "sle" => "bvsle",
        "sgt" => "bvsgt",
        "sge" => "bvsge",
        other => return Err(format!("the condition `{other}`")),
    };
    Ok(format!("({name} {a} {b})"))
}

fn convert(how: &str, a: &Operand, to: u32) -> Result<String, String> {
    Ok(match how {
        "zext" => format!("((_ zero_extend {}) {})", to - a.bits, term(a)),
        "sext" => format!("((_ sign_extend {}) {})", to - a.bits, term(a)),
        "trunc" => format!("((_ extract {} 0) {})", to - 1, term(a)),
        other => return Err(format!("`{other}`")),
    })
}

/// The result of an operation and whether it overflowed, by computing it in twice the width.
fn with_overflow(op: &str, a: &Operand, b: &Operand) -> Result<(String, String), String> {
    let (Some((sign, op)), bits) = (op.split_at_checked(1), a.bits) else { return Err("a call".into()) };
    let extend = if sign == "s" { "sign_extend" } else { "zero_extend" };
    let op = binary(op)?;
    let wide = format!("({op} ((_ {extend} {bits}) {}) ((_ {extend} {bits}) {}))", term(a), term(b));
    let result = format!("({op} {} {})", term(a), term(b));
    let overflow = format!("(not (= {wide} ((_ {extend} {bits}) {result})))");
    Ok((result, overflow))
}

fn intrinsic(name: &str, operands: &[Operand]) -> Result<String, String> {
    let bits = operands[0].bits;
    let terms: Vec<String> = operands.iter().map(term).collect();
    Ok(match (name, &terms[..]) {
        ("umin", [a, b]) => format!("(ite (bvult {a} {b}) {a} {b})"),
        ("umax", [a, b]) => format!("(ite (bvugt {a} {b}) {a} {b})"),
        ("smin", [a, b]) => format!("(ite (bvslt {a} {b}) {a} {b})"),
        ("smax", [a, b]) => format!("(ite (bvsgt {a} {b}) {a} {b})"),
        ("abs", [a, _]) => format!("(ite (bvslt {a} (_ bv0 {bits})) (bvneg {a}) {a})"),
        ("ctlz", [a, _]) => {
            // From the lowest bit up, so that the highest set one is asked first.
            (0..bits).fold(number_of(i128::from(bits), bits), |lower, bit| {
                let zeros = number_of(i128::from(bits - 1 - bit), bits);
                format!("(ite (= ((_ extract {bit} {bit}) {a}) #b1) {zeros} {lower})")
            })
        }
        ("ctpop", [a]) => {
            let ones =
                (0..bits).map(|bit| format!("((_ zero_extend {}) ((_ extract {bit} {bit}) {a}))", bits - 1));
            format!("(bvadd {})", ones.collect::<Vec<_>>().join(" "))
        }
        ("bswap", [a]) => {
            let bytes = (0..bits / 8).map(|byte| format!("((_ extract {} {}) {a})", byte * 8 + 7, byte * 8));
            format!("(concat {})", bytes.collect::<Vec<_>>().join(" "))
        }
        ("usub.sat", [a, b]) => format!("(ite (bvult {a} {b}) (_ bv0 {bits}) (bvsub {a} {b}))"),
        ("fshl", [a, b, count]) => {
            let count = format!("(bvurem {count} (_ bv{bits} {bits}))");
            let both = format!("(concat {a} {b})");
            format!("((_ extract {} {bits}) (bvshl {both} ((_ zero_extend {bits}) {count})))", 2 * bits - 1)
        }
        _ => return Err(format!("a call of llvm.{name}")),
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use skep_testkit::{TempDir, skip};

    use super::super::ir;
    use super::*;

    fn question_of(body: &str) -> Result<String, String> {
        let text = format!("define i1 @f(i64 %a, i64 %b) {{\nstart:\n{body}\n}}\n");
        question(&ir::parse(&text).remove("f").expect("a function f")?)
    }

    #[test]
    fn a_loop_is_not_translated() {
        assert_eq!(
            question_of("  br label %on\non: ; preds = %on\n  br label %on").expect_err("no"),
            "a loop"
        );
    }

    /// Functions that always return true, by what LLVM's reference says of the operations, and one that does not.
    #[test]
    fn a_solver_takes_the_operations_as_llvm_does() {
        if skep_testkit::tool("z3").is_none() {
            skip!("z3 is not installed");
        }
        let always = [
            "  %m = call i64 @llvm.umin.i64(i64 %a, i64 %b)\n  %r = icmp ule i64 %m, %a\n  ret i1 %r",
            "  %m = call i64 @llvm.smax.i64(i64 %a, i64 %b)\n  %r = icmp sge i64 %m, %b\n  ret i1 %r",
            "  %z = call i64 @llvm.ctlz.i64(i64 16, i1 true)\n  %r = icmp eq i64 %z, 59\n  ret i1 %r",
            "  %z = call i64 @llvm.ctlz.i64(i64 0, i1 false)\n  %r = icmp eq i64 %z, 64\n  ret i1 %r",
            "  %n = call i64 @llvm.ctpop.i64(i64 -1)\n  %r = icmp eq i64 %n, 64\n  ret i1 %r",
            "  %s = call i16 @llvm.bswap.i16(i16 258)\n  %r = icmp eq i16 %s, 513\n  ret i1 %r",
            "  %s = call i64 @llvm.fshl.i64(i64 1, i64 -1, i64 65)\n  %r = icmp eq i64 %s, 3\n  ret i1 %r",
            "  %s = call { i64, i1 } @llvm.uadd.with.overflow.i64(i64 %a, i64 %b)\n  \
             %s.0 = extractvalue { i64, i1 } %s, 0\n  %s.1 = extractvalue { i64, i1 } %s, 1\n  \
             %c = icmp ult i64 %s.0, %a\n  %r = icmp eq i1 %c, %s.1\n  ret i1 %r",
            "  %w = sext i64 %a to i128\n  %n = trunc i128 %w to i64\n  %r = icmp eq i64 %n, %a\n  ret i1 %r",
            "  switch i64 %a, label %other [\n    i64 1, label %one\n  ]\n\none: ; preds = %start\n  \
             br label %other\n\nother: ; preds = %start, %one\n  %v = phi i64 [ 1, %one ], [ %a, %start ]\n  \
             %r = icmp eq i64 %v, %a\n  ret i1 %r",
        ];
        let panics = "  %c = icmp eq i64 %a, 7\n  br i1 %c, label %panic, label %on\n\n\
             panic: ; preds = %start\n  call void @panic()\n  unreachable\n\non: ; preds = %start\n  ret i1 true";
        let dir = TempDir::new("smt");
        let answer = |body: &str| {
            let path = dir.join("question.smt2");
            std::fs::write(&path, question_of(body).expect("translated")).expect("writable");
            let output = Command::new("z3").arg("-smt2").arg(path).output().expect("z3 starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        for body in always {
            let answer = answer(body);
            assert!(answer.starts_with("unsat"), "{body}: {answer}");
        }
        let refuted = answer(panics);
        assert!(refuted.starts_with("sat") && refuted.contains("#x0000000000000007"), "{refuted}");
    }
}
