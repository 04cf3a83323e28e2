//! LLVM IR, as much of it as functions of integers are made of: the text to blocks of operations.
//!
//! No memory, no loops of its own accord, no floating point: what is not known is an error that names it, and the claim
//! that needs it is reported as not translated. Flags that promise the absence of overflow (`nuw`, `exact`, …) are
//! passed over: LLVM deduced them from code without undefined behaviour, so that they say nothing new.
//! Source: LLVM's language reference, version 19 and later.

use std::collections::HashMap;

/// A function of integers.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// Its parameters, with their widths in bits.
    pub(super) parameters: Vec<(String, u32)>,
    /// Its blocks; the first is where it begins.
    pub(super) blocks: Vec<Block>,
}

/// Operations without branches between them.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) label: String,
    /// What each value is, in order.
    pub(super) values: Vec<(String, Expr)>,
    pub(super) end: End,
}

/// A value or a number, of a width in bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) bits: u32,
    pub(super) of: Source,
}

/// Where an operand is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Value(String),
    Number(i128),
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// `add`, `shl`, …, by LLVM's name.
    Binary(String, Operand, Operand),
    /// A comparison, by LLVM's name of the condition.
    Compare(String, Operand, Operand),
    Select(Operand, Operand, Operand),
    /// `zext`, `sext` or `trunc`, to a width.
    Convert(String, Operand, u32),
    /// By the block that was left.
    Phi(Vec<(Operand, String)>),
    /// An intrinsic function, by its name without `llvm.` and the type.
    Call(String, Vec<Operand>),
    /// One of the two results of an intrinsic function with overflow.
    Part(String, u32),
    /// The value itself.
    Same(Operand),
}

/// How a block is left.
#[derive(Clone, Debug)]
pub(super) enum End {
    Jump(String),
    Branch(Operand, String, String),
    /// By value, with where all others go.
    Switch(Operand, Vec<(i128, String)>, String),
    Return(Operand),
    /// A panic, or what LLVM takes to be never reached.
    Unreachable,
}

/// Words between an operation and its type that change nothing of what it computes.
const FLAGS: [&str; 7] = ["nuw", "nsw", "exact", "disjoint", "samesign", "nneg", "tail"];

/// The functions of a module with the names, or why one is not of integers alone.
pub(super) fn parse(text: &str) -> HashMap<String, Result<Function, String>> {
    let mut functions = HashMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("define ") {
            continue;
        }
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
        let name =
            line.split_once('@').and_then(|(_, rest)| rest.split_once('(')).map_or("", |(name, _)| name);
        functions.insert(name.to_owned(), function(line, &body));
    }
    // Functions of the same body are one, with several names.
    for line in text.lines().filter(|line| line.starts_with('@') && line.contains(" alias ")) {
        let names = line[1..].split_once(" = ").zip(line.rsplit_once("ptr @"));
        if let Some(((name, _), (_, target))) = names
            && let Some(function) = functions.get(target).cloned()
        {
            functions.insert(name.to_owned(), function);
        }
    }
    functions
}

fn function(head: &str, body: &[&str]) -> Result<Function, String> {
    let mut words = Words::of(head)?;
    while !words.next()?.starts_with('@') {}
    words.expect("(")?;
    let mut parameters = Vec::new();
    while words.peek() != ")" {
        let bits = words.width()?;
        let mut word = words.next()?;
        while !word.starts_with('%') {
            word = words.next()?;
        }
        parameters.push((word, bits));
        if words.peek() == "," {
            words.next()?;
        }
    }
    let mut blocks = Vec::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in body.iter().filter(|line| !line.trim().is_empty() && !line.starts_with(';')) {
        if !line.starts_with(' ') {
            if let Some(block) = open.take() {
                blocks.push(self::block(block)?);
            }
            let label = line.split("; preds").next().unwrap_or(line).trim().trim_end_matches(':');
            open = Some((format!("%{}", label.trim_matches('"')), Vec::new()));
        } else if let Some((_, lines)) = &mut open {
            lines.push(line);
        } else {
            return Err("a block without a label".into());
        }
    }
    blocks.extend(open.map(self::block).transpose()?);
    Ok(Function { parameters, blocks })
}

fn block((label, lines): (String, Vec<&str>)) -> Result<Block, String> {
    // A switch is written over several lines.
    let first_of_end = lines.iter().rposition(|line| {
        ["br ", "switch ", "ret ", "unreachable"].iter().any(|end| line.trim_start().starts_with(end))
    });
    let (before, last) = lines.split_at(first_of_end.ok_or("a block without an end")?);
    let end = end(&last.join(" "))?;
    // What a panic is told before it ends everything is of no interest.
    let before = if matches!(end, End::Unreachable) { &[] } else { before };
    let mut values = Vec::new();
    for line in before {
        values.extend(value(line)?);
    }
    Ok(Block { label, values, end })
}

/// What a line defines, if it does.
fn value(line: &str) -> Result<Option<(String, Expr)>, String> {
    let mut words = Words::of(line)?;
    if !words.peek().starts_with('%') {
        return if line.contains("@llvm.assume(") || line.contains("@llvm.lifetime.") {
            Ok(None)
        } else {
            Err(format!("`{}`", line.split_whitespace().next().unwrap_or_default()))
        };
    }
    let name = words.next()?;
    words.expect("=")?;
    words.skip_flags();
    let operation = words.next()?;
    words.skip_flags();
    let expr = match operation.as_str() {
        "add" | "sub" | "mul" | "and" | "or" | "xor" | "shl" | "lshr" | "ashr" | "udiv" | "urem" | "sdiv"
        | "srem" => {
            let a = words.typed()?;
            Expr::Binary(operation, a.clone(), words.next_operand(a.bits)?)
        }
        "icmp" => {
            let condition = words.next()?;
            let a = words.typed()?;
            Expr::Compare(condition, a.clone(), words.next_operand(a.bits)?)
        }
        "select" => {
            let condition = words.typed()?;
            words.expect(",")?;
            let yes = words.typed()?;
            words.expect(",")?;
            Expr::Select(condition, yes, words.typed()?)
        }
        "zext" | "sext" | "trunc" => {
            let from = words.typed()?;
            words.expect("to")?;
            Expr::Convert(operation, from, words.width()?)
        }
        "freeze" => Expr::Same(words.typed()?),
        "phi" => {
            let bits = words.width()?;
            let mut ways = Vec::new();
            while words.peek() == "[" || words.peek() == "," {
                if words.next()? == "," && words.peek() != "[" {
                    break;
                }
                if words.peek() == "[" {
                    words.next()?;
                }
                let operand = words.operand(bits)?;
                words.expect(",")?;
                ways.push((operand, words.next()?));
                words.expect("]")?;
            }
            Expr::Phi(ways)
        }
        "call" => call(&mut words)?,
        "extractvalue" => {
            words.skip_past("}")?;
            let from = words.next()?;
            words.expect(",")?;
            let part = words.next()?.parse().map_err(|_| "a part of a part".to_owned())?;
            Expr::Part(from, part)
        }
        other => return Err(format!("`{other}`")),
    };
    Ok(Some((name, expr)))
}

fn call(words: &mut Words) -> Result<Expr, String> {
    let mut name = words.next()?;
    while !name.starts_with('@') {
        name = words.next()?;
    }
    let Some((name, _)) = name.strip_prefix("@llvm.").and_then(|name| name.rsplit_once('.')) else {
        return Err(format!("a call of {name}"));
    };
    words.expect("(")?;
    let mut operands = Vec::new();
    while words.peek() != ")" {
        let bits = words.width()?;
        while matches!(words.peek(), "noundef" | "immarg") {
            words.next()?;
        }
        operands.push(words.operand(bits)?);
        if words.peek() == "," {
            words.next()?;
        }
    }
    Ok(Expr::Call(name.to_owned(), operands))
}

fn end(line: &str) -> Result<End, String> {
    let mut words = Words::of(line)?;
    Ok(match words.next()?.as_str() {
        "ret" => End::Return(words.typed()?),
        "br" if words.peek() == "label" => {
            words.next()?;
            End::Jump(words.next()?)
        }
        "br" => {
            let condition = words.typed()?;
            words.expect(",")?;
            words.expect("label")?;
            let yes = words.next()?;
            words.expect(",")?;
            words.expect("label")?;
            End::Branch(condition, yes, words.next()?)
        }
        "switch" => {
            let on = words.typed()?;
            words.expect(",")?;
            words.expect("label")?;
            let others = words.next()?;
            words.expect("[")?;
            let mut cases = Vec::new();
            while words.peek() != "]" {
                let case = words.typed()?;
                let Source::Number(number) = case.of else { return Err("a switch by values".into()) };
                words.expect(",")?;
                words.expect("label")?;
                cases.push((number, words.next()?));
            }
            End::Switch(on, cases, others)
        }
        "unreachable" => End::Unreachable,
        other => return Err(format!("`{other}`")),
    })
}

/// The words of a line: names with their `%` or `@` and without quotes, numbers, words, marks.
struct Words {
    words: Vec<String>,
    at: usize,
}

impl Words {
    fn of(line: &str) -> Result<Words, String> {
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let quoted = rest.starts_with("%\"") || rest.starts_with("@\"");
            let length = if quoted {
                let end = rest[2..].find('"').ok_or("a name without an end")?;
                words.push(format!("{first}{}", &rest[2..end + 2]));
                end + 3
            } else {
                let is_part = |c: char| c.is_alphanumeric() || "%@._$-#!".contains(c);
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len()).max(first.len_utf8());
                words.push(rest[..length].to_owned());
                length
            };
            rest = rest[length..].trim_start();
        }
        Ok(Words { words, at: 0 })
    }

    /// The next word, to look at; empty at the end.
    fn peek(&self) -> &str {
        self.words.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> Result<String, String> {
        let word = self.words.get(self.at).cloned().ok_or("a line that ends early")?;
        self.at += 1;
        Ok(word)
    }

    fn expect(&mut self, what: &str) -> Result<(), String> {
        let word = self.next()?;
        if word == what { Ok(()) } else { Err(format!("`{word}` where `{what}` was expected")) }
    }

    fn skip_flags(&mut self) {
        while FLAGS.contains(&self.peek()) {
            self.at += 1;
        }
    }

    fn skip_past(&mut self, what: &str) -> Result<(), String> {
        while self.next()? != what {}
        Ok(())
    }

    /// An integer type.
    fn width(&mut self) -> Result<u32, String> {
        let word = self.next()?;
        let bits = word.strip_prefix('i').and_then(|bits| bits.parse().ok());
        bits.ok_or_else(|| format!("the type `{word}`"))
    }

    fn typed(&mut self) -> Result<Operand, String> {
        let bits = self.width()?;
        self.operand(bits)
    }

    /// A comma, then an operand of the same type as the one before.
    fn next_operand(&mut self, bits: u32) -> Result<Operand, String> {
        self.expect(",")?;
        self.operand(bits)
    }

    fn operand(&mut self, bits: u32) -> Result<Operand, String> {
        let word = self.next()?;
        let of = match word.as_str() {
            "true" => Source::Number(1),
            "false" => Source::Number(0),
            _ if word.starts_with('%') => Source::Value(word),
            _ => Source::Number(word.parse().map_err(|_| format!("the operand `{word}`"))?),
        };
        Ok(Operand { bits, of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one function of a module.
    fn one(text: &str) -> Result<Function, String> {
        parse(text).remove("f").expect("a function f")
    }

    #[test]
    fn blocks_values_and_ends_are_read() {
        let text = "define noundef zeroext i1 @f(i64 noundef %a, i1 %\"b c\") #0 {\nstart:\n  \
            %0 = add nuw nsw i64 %a, -1\n  switch i64 %0, label %no [\n    i64 3, label %\"y s\"\n  ]\n\n\
            \"y s\":    ; preds = %start\n  br label %no\n\n\
            no: ; preds = %start\n; a remark\n  %r = phi i1 [ true, %start ], [ %\"b c\", %\"y s\" ]\n  ret i1 %r\n}\n";
        let function = one(text).expect("integers only");
        assert_eq!(function.parameters, [("%a".to_owned(), 64), ("%b c".to_owned(), 1)]);
        let labels: Vec<&str> = function.blocks.iter().map(|block| block.label.as_str()).collect();
        assert_eq!(labels, ["%start", "%y s", "%no"]);
        assert!(matches!(&function.blocks[0].values[0].1, Expr::Binary(name, _, b)
            if name == "add" && b.of == Source::Number(-1)));
        assert!(matches!(&function.blocks[0].end, End::Switch(_, cases, others)
            if cases == &[(3, "%y s".to_owned())] && others == "%no"));
        assert!(matches!(&function.blocks[2].values[0].1, Expr::Phi(ways) if ways.len() == 2));
    }

    #[test]
    fn a_function_of_two_names_is_found_by_both() {
        let text =
            "@g = unnamed_addr alias i1 (i64), ptr @f\n\ndefine i1 @f(i64 %a) {\nstart:\n  ret i1 true\n}\n";
        let functions = parse(text);
        assert!(functions["g"].is_ok() && functions["f"].is_ok());
    }

    #[test]
    fn what_is_not_of_integers_is_named() {
        let reason = |line: &str| {
            one(&format!("define i1 @f(i64 %a) {{\nstart:\n  {line}\n  ret i1 true\n}}\n"))
                .expect_err("not translated")
        };
        assert_eq!(reason("%p = alloca [8 x i8], align 8"), "`alloca`");
        assert_eq!(reason("store i64 %a, ptr %p, align 8"), "`store`");
        assert_eq!(reason("%c = call i64 @g(i64 %a)"), "a call of @g");
        assert_eq!(reason("%c = add <2 x i64> %a, %a"), "the type `<`");
        assert_eq!(reason("%c = add i64 %a, undef"), "the operand `undef`");
    }
}
