//! The `opcode` rule: no opcode number outside the instruction table. [`super`] says what the rule sees and what not.

use super::Finding;
use super::lexer::{Kind, Token};

const RULE: &str = "opcode";

/// The one home of opcode numbers.
const TABLE: &str = "crates/skep-isa/src/table.rs";

/// Where opcodes are those of another machine: the processor that native code is made for, and DWARF's line programs.
pub(super) const FOREIGN: [&str; 2] = ["crates/skep-vm/src/native/", "crates/skep-dwarf/"];

/// What the kernel's headers call the parts of opcodes, after `BPF_`.
/// Source: include/uapi/linux/bpf_common.h and bpf.h, Linux 6.18.
const PARTS: &str = "LD LDX ST STX ALU JMP RET MISC W H B DW IMM ABS IND MEM LEN MSH ADD SUB MUL DIV OR AND LSH RSH NEG \
    MOD XOR JA JEQ JGT JGE JSET K X A TAX TXA JMP32 ALU64 MEMSX ATOMIC XADD MOV ARSH END TO_LE TO_BE FROM_LE FROM_BE JNE \
    JLT JLE JSGT JSGE JSLT JSLE JCOND CALL EXIT FETCH XCHG CMPXCHG LOAD_ACQ STORE_REL";

/// Operators that set a number beside an opcode.
const BESIDE: [&str; 15] =
    ["==", "!=", "<", ">", "<=", ">=", "&", "|", "^", "<<", ">>", "=", ":", "|=", "&="];

/// What is wrong with the numbers of a file.
pub(super) fn check(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let is_test = path.split('/').any(|part| part == "tests" || part == "tests.rs");
    if path == TABLE || is_test || FOREIGN.iter().any(|home| path.starts_with(home)) {
        return Vec::new();
    }
    let tokens = without_tests(tokens);
    let mut lines: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        lines.extend(beside(&tokens, at));
        lines.extend(in_match(&tokens, at));
        lines.extend(in_matches(&tokens, at));
        lines.extend(constant(&tokens, at));
    }
    lines.sort_unstable();
    lines.dedup();
    let message =
        "an opcode number outside the instruction table: ask skep-isa for the form, or a part of it";
    lines.into_iter().map(|line| Finding::new(path, line, RULE, message)).collect()
}

/// `tokens` less the modules and functions under `#[cfg(test)]` and `#[test]`: tests may compare with bytes written by
/// hand, for a table that is only ever compared with itself is not tested.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some(first) = rest.first() {
        let attribute = [&["#", "[", "cfg", "(", "test", ")", "]"][..], &["#", "[", "test", "]"][..]]
            .into_iter()
            .find(|attribute| {
                rest.len() >= attribute.len() && rest.iter().zip(*attribute).all(|(t, a)| t.is(a))
            });
        match attribute {
            Some(attribute) => rest = &rest[item_end(rest, attribute.len())..],
            None => {
                kept.push(first.clone());
                rest = &rest[1..];
            }
        }
    }
    kept
}

/// Where the item that starts at `from` ends: after its braces, or its `;`.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if token.is("{") || token.is("(") || token.is("[") {
            depth += 1;
        } else if token.is("}") || token.is(")") || token.is("]") {
            depth = depth.saturating_sub(1);
            if depth == 0 && token.is("}") {
                return at + 1;
            }
        } else if depth == 0 && token.is(";") {
            return at + 1;
        }
    }
    tokens.len()
}

/// The line of a number that stands beside the place whose last name is at `at`.
fn beside(tokens: &[Token], at: usize) -> Option<usize> {
    let place = place(tokens, at)?;
    let operators = if place.is_loose { &BESIDE[..2] } else { &BESIDE[..] };
    let operator =
        |token: Option<&Token>| token.is_some_and(|token| operators.iter().any(|mark| token.is(mark)));
    if operator(tokens.get(place.end)) {
        return small_number(tokens.get(place.end + 1));
    }
    // `0x07 == insn.opcode`: back over the path to the operator.
    let before = place.start.checked_sub(2)?;
    if operator(tokens.get(before + 1)) && !tokens[before + 1].is(":") {
        small_number(tokens.get(before))
    } else {
        None
    }
}

/// The lines of numbers in the patterns of a `match` at `at` whose scrutinee ends with an opcode's place.
fn in_match(tokens: &[Token], at: usize) -> Vec<usize> {
    if !tokens[at].is("match") {
        return Vec::new();
    }
    let Some(open) = (at..tokens.len()).find(|i| tokens[*i].is("{")) else { return Vec::new() };
    let cast = tokens[..open].len() >= 2 && tokens[open - 2].is("as");
    let end = if cast { open - 2 } else { open };
    if !(at + 1..end).any(|i| place(tokens, i).is_some_and(|place| place.end == end)) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut i = open + 1;
    while i < tokens.len() && !tokens[i].is("}") {
        // A pattern, up to its guard or arrow …
        while i < tokens.len() && !tokens[i].is("=>") && !tokens[i].is("if") {
            lines.extend(small_number(tokens.get(i)));
            i += 1;
        }
        while i < tokens.len() && !tokens[i].is("=>") {
            i += 1;
        }
        // … and its arm, which is a block, or goes to the next comma of this depth.
        i = arm_end(tokens, i + 1);
    }
    lines
}

/// Where the arm that starts at `from` ends: after its block or comma, or at the brace that closes the `match`.
fn arm_end(tokens: &[Token], from: usize) -> usize {
    let is_block = tokens.get(from).is_some_and(|token| token.is("{"));
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if ["{", "(", "["].iter().any(|open| token.is(open)) {
            depth += 1;
        } else if ["}", ")", "]"].iter().any(|close| token.is(close)) {
            if depth == 0 {
                return at;
            }
            depth -= 1;
            if depth == 0 && is_block {
                let comma = tokens.get(at + 1).is_some_and(|token| token.is(","));
                return at + 1 + usize::from(comma);
            }
        } else if depth == 0 && token.is(",") {
            return at + 1;
        }
    }
    tokens.len()
}

/// The lines of numbers in the pattern of a `matches!` at `at` of an opcode's place.
fn in_matches(tokens: &[Token], at: usize) -> Vec<usize> {
    let is_macro = tokens[at].is("matches") && tokens.get(at + 1).is_some_and(|token| token.is("!"));
    let Some(comma) = (at..tokens.len()).find(|i| tokens[*i].is(",")) else { return Vec::new() };
    if !is_macro || !(at..comma).any(|i| place(tokens, i).is_some_and(|place| place.end == comma)) {
        return Vec::new();
    }
    let pattern = tokens[comma + 1..].iter().take_while(|token| !token.is(")") && !token.is("if"));
    pattern.filter_map(|token| small_number(Some(token))).collect()
}

/// The line of a constant at `at` that gives a number to an opcode, or to a part of one.
fn constant(tokens: &[Token], at: usize) -> Option<usize> {
    if !tokens[at].is("const") && !tokens[at].is("static") {
        return None;
    }
    let name = tokens.get(at + 1)?.word()?;
    let is_part =
        name.strip_prefix("BPF_").is_some_and(|part| PARTS.split_whitespace().any(|known| known == part));
    if !is_part && !name.split('_').any(|word| word == "OPCODE") {
        return None;
    }
    let equals = (at..tokens.len().min(at + 6)).find(|i| tokens[*i].is("="))?;
    match tokens.get(equals + 1)?.kind {
        Kind::Integer(_) => Some(tokens[at].line),
        _ => None,
    }
}

/// A place that holds an opcode: a variable or field, or a call that returns one.
struct Place {
    /// The first token of its path.
    start: usize,
    /// After its last token.
    end: usize,
    /// Whether its name is common enough for other uses that only comparisons count.
    is_loose: bool,
}

/// The place whose last name is the token at `at`.
fn place(tokens: &[Token], at: usize) -> Option<Place> {
    let is_field = at > 0 && tokens[at - 1].is(".");
    let is_loose = match tokens[at].word()? {
        "opcode" | "opcode_byte" => false,
        "code" if is_field => false,
        "op" => true,
        _ => return None,
    };
    let is_call =
        tokens.get(at + 1).is_some_and(|t| t.is("(")) && tokens.get(at + 2).is_some_and(|t| t.is(")"));
    let mut start = at;
    while start >= 2 && tokens[start - 1].is(".") && tokens[start - 2].word().is_some() {
        start -= 2;
    }
    while start >= 1 && tokens[start - 1].is("*") {
        start -= 1;
    }
    Some(Place { start, end: if is_call { at + 3 } else { at + 1 }, is_loose })
}

/// The line of `token` if it is a number that an opcode byte may be made of. Zero is no opcode, and says "nothing here"
/// in the second slot of a wide instruction.
fn small_number(token: Option<&Token>) -> Option<usize> {
    let token = token?;
    matches!(token.kind, Kind::Integer(Some(1..=0xff))).then_some(token.line)
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;

    fn lines(source: &str) -> Vec<usize> {
        check("crates/skep-verify/src/flow.rs", &lexer::tokens(source))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_number_beside_an_opcode_is_found() {
        for bad in [
            "if insn.opcode == 0x95 {}",
            "let class = insn.opcode & 7;",
            "let class = insn.opcode() & 0x07;",
            "if 0x85 != insn.opcode {}",
            "if 5 == *opcode {}",
            "Raw { opcode: 0x18, ..raw }",
            "raw.code = 0xb7;",
            "insn.code >> 4",
            "if op == 0x05 {}",
            "let opcode = b'\\x95';",
        ] {
            assert_eq!(lines(bad), [1], "{bad}");
        }
    }

    #[test]
    fn a_number_in_a_pattern_is_found() {
        assert_eq!(lines("match insn.opcode {\n 0x07 | 0x0f => 1,\n _ => { 2 }\n 0x95 => 3,\n}"), [2, 4]);
        assert_eq!(lines("match op as u8 {\n x if x > 3 => f(1, 2),\n 0x95 => 3,\n _ => 4 }"), [3]);
        assert_eq!(lines("matches!(insn.opcode, 0x61 | 0x69)"), [1]);
    }

    #[test]
    fn a_constant_that_copies_the_headers_is_found() {
        assert_eq!(lines("const BPF_ALU64: u8 = 0x07;"), [1]);
        assert_eq!(lines("pub(crate) const BPF_CALL: u32 = 8 << 4;"), [1]);
        assert_eq!(lines("const EXIT_OPCODE: u8 = 0x95;"), [1]);
        assert_eq!(lines("const BPF_PROG_LOAD: u32 = 5;\nconst OPTION: u8 = 1;"), [0; 0]);
    }

    #[test]
    fn other_numbers_are_not() {
        for good in [
            "if insn.opcode == row.opcode {}",
            "if second.opcode == 0 {}",
            "match kind { 1 => 2, _ => 3 }",
            "match insn.opcode { x => 0x95 }",
            "match insn.opcode { x => match y { 1 => 2, _ => 3 }, _ => 1 }",
            "fn f(opcode: u8) -> u8 { 7 }",
            "let op = 3;",
            "let imm = insn.imm & 0xff;",
            "error.code() == 404",
            "opcode == 0x0100",
        ] {
            assert_eq!(lines(good), [0; 0], "{good}");
        }
    }

    #[test]
    fn tests_and_the_table_may_hold_numbers() {
        let bad = "if opcode == 7 {}";
        let in_test = format!("#[cfg(test)]\nmod tests {{ fn f() {{ {bad} }} }}\n{bad}");
        assert_eq!(lines(&in_test), [3], "only what follows the module");
        assert_eq!(lines(&format!("#[cfg(test)]\nmod tests;\n{bad}")), [3]);
        assert_eq!(lines(&format!("#[test]\nfn a() {{ {bad} }}\n{bad}")), [3]);
        let findings = |path: &str| check(path, &lexer::tokens(bad)).len();
        assert_eq!(findings(TABLE), 0);
        assert_eq!(findings("crates/skep-vm/src/native/x64.rs"), 0);
        assert_eq!(findings("crates/skep-vm/tests/run.rs"), 0);
        assert_eq!(findings("crates/skep-isa/src/decode.rs"), 1);
    }
}
