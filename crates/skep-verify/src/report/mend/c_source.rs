//! C source as far as edits need it: tokens, brackets that belong together, functions and statements.
//!
//! It is no parser of C. Preprocessor lines and comments are skipped, macros are taken for what they look like, and of
//! what can't be made out there is no answer: then a suggestion stays words. Source: ISO/IEC 9899:2018, 6.4 and 6.8.

use std::ops::Range;

use crate::report::edit::{Point, line_starts, offset};

/// Most nested statements that are followed.
const MAX_NESTING: usize = 64;

/// Most bytes of a source that is looked at.
const MAX_SOURCE_BYTES: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Number,
    Text,
    Mark,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a statement is, as far as it matters where something is put before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatementKind {
    If,
    /// Its head is evaluated in each round.
    Loop,
    Block,
    Simple,
}

/// A statement: its tokens, by index.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) kind: StatementKind,
    pub(super) tokens: Range<usize>,
    /// For `if` and loops: what stands between the brackets of the head.
    pub(super) head: Range<usize>,
    /// Whether it is what an `if`, `else` or loop governs, without braces.
    pub(super) is_body: bool,
}

/// A function's definition.
#[derive(Clone, Debug)]
pub(super) struct FunctionSource {
    /// The tokens between the brackets of its parameters.
    pub(super) params: Range<usize>,
    /// Its body, with the braces.
    pub(super) body: Range<usize>,
    /// Whether it returns nothing.
    pub(super) is_void: bool,
    /// Whether a section is named for it, so that it is a program.
    pub(super) is_program: bool,
}

/// A C file.
pub(super) struct CSource<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    lines: Vec<usize>,
    /// For brackets, the token that they belong together with.
    partners: Vec<usize>,
}

/// Marks of more than one character, longer ones first.
const MARKS: [&str; 22] = [
    "<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=",
    "/=", "%=", "&=", "|=", "^=",
];

impl<'a> CSource<'a> {
    /// The tokens of a text; none if its brackets don't match.
    pub(super) fn read(text: &'a str) -> Option<CSource<'a>> {
        if text.len() > MAX_SOURCE_BYTES {
            return None;
        }
        let tokens = tokens(text);
        let mut partners = vec![usize::MAX; tokens.len()];
        let mut open = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            match (&text[token.start..token.end], token.kind) {
                ("(" | "[" | "{", TokenKind::Mark) => open.push(at),
                (close @ (")" | "]" | "}"), TokenKind::Mark) => {
                    let from = open.pop()?;
                    let pair = (&text[tokens[from].start..tokens[from].end], close);
                    if !matches!(pair, ("(", ")") | ("[", "]") | ("{", "}")) {
                        return None;
                    }
                    (partners[from], partners[at]) = (at, from);
                }
                _ => {}
            }
        }
        open.is_empty().then(|| CSource { text, tokens, lines: line_starts(text), partners })
    }

    /// A token's text; empty behind the last.
    pub(super) fn word(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| &self.text[token.start..token.end])
    }

    /// Whether a token is a name.
    pub(super) fn is_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Word)
    }

    /// The bracket that belongs to this one.
    pub(super) fn partner(&self, at: usize) -> Option<usize> {
        self.partners.get(at).copied().filter(|at| *at != usize::MAX)
    }

    /// The bytes of some tokens; nothing for no tokens.
    pub(super) fn bytes(&self, tokens: &Range<usize>) -> Range<usize> {
        match (self.tokens.get(tokens.start), tokens.end.checked_sub(1).and_then(|at| self.tokens.get(at))) {
            (Some(first), Some(last)) if first.start <= last.end => first.start..last.end,
            _ => 0..0,
        }
    }

    /// The text of some tokens.
    pub(super) fn text_of(&self, tokens: &Range<usize>) -> &'a str {
        &self.text[self.bytes(tokens)]
    }

    /// The first token at a line's column or behind it, on that line.
    pub(super) fn token_at(&self, line: u32, column: u32) -> Option<usize> {
        let byte = offset(self.text, &self.lines, Point { line, column: column.max(1) })?;
        let at = self.tokens.partition_point(|token| token.end <= byte);
        let end = self.lines.get(line as usize).copied().unwrap_or(self.text.len());
        self.tokens.get(at).filter(|token| token.start < end).map(|_| at)
    }

    /// A line's text; empty if there is no such line.
    pub(super) fn line(&self, line: u32) -> &'a str {
        let Some(start) = (line as usize).checked_sub(1).and_then(|at| self.lines.get(at)) else { return "" };
        let end = self.lines.get(line as usize).map_or(self.text.len(), |next| next - 1);
        &self.text[*start..end]
    }

    /// Where the line of a byte starts.
    pub(super) fn line_start(&self, byte: usize) -> usize {
        self.lines[self.lines.partition_point(|start| *start <= byte) - 1]
    }

    /// The blanks that the line of a byte starts with.
    pub(super) fn indentation(&self, byte: usize) -> &'a str {
        let line = &self.text[self.line_start(byte)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The function that a token is in the body of.
    pub(super) fn function_at(&self, token: usize) -> Option<FunctionSource> {
        let mut at = 0;
        let mut start = 0;
        while at <= token {
            match self.word(at) {
                "{" => {
                    let close = self.partner(at)?;
                    if (at..=close).contains(&token) {
                        return self.definition(start, at, close);
                    }
                    at = close;
                    // `struct { … } name` goes on.
                    if !matches!(self.word(close + 1), ";" | "") && self.word(at + 1) != "=" {
                        start = close + 1;
                    }
                }
                "(" | "[" => at = self.partner(at)?,
                ";" => start = at + 1,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// The definition with this body, whose first token is `start`.
    fn definition(&self, start: usize, open: usize, close: usize) -> Option<FunctionSource> {
        let last = open.checked_sub(1).filter(|at| self.word(*at) == ")")?;
        let first = self.partner(last)?;
        let words = || (start..first).map(|at| self.word(at));
        let is_void = words().any(|word| word == "void") && !words().any(|word| word == "*");
        let is_program = words().any(|word| word == "SEC" || word == "section");
        Some(FunctionSource { params: first + 1..last, body: open..close + 1, is_void, is_program })
    }

    /// The statements of a function, outer ones before those in them.
    pub(super) fn statements(&self, function: &FunctionSource) -> Vec<Statement> {
        let mut found = Vec::new();
        let mut at = function.body.start + 1;
        while at + 1 < function.body.end {
            match self.statement(at, function.body.end, false, 0, &mut found) {
                Some(next) if next > at => at = next,
                _ => break,
            }
        }
        found
    }

    /// Adds the statement that starts here and those in it; one past its last token.
    fn statement(
        &self,
        at: usize,
        limit: usize,
        is_body: bool,
        depth: usize,
        found: &mut Vec<Statement>,
    ) -> Option<usize> {
        if depth > MAX_NESTING || at >= limit {
            return None;
        }
        let place = found.len();
        let mut kind = StatementKind::Simple;
        let mut head = 0..0;
        found.push(Statement { kind, tokens: at..at, head: 0..0, is_body });
        let end = match self.word(at) {
            "{" => {
                kind = StatementKind::Block;
                let close = self.partner(at)?;
                let mut inner = at + 1;
                while inner < close {
                    inner = self.statement(inner, close, false, depth + 1, found).filter(|n| *n > inner)?;
                }
                close + 1
            }
            word @ ("if" | "while" | "for" | "switch") if self.word(at + 1) == "(" => {
                kind = if matches!(word, "if" | "switch") { StatementKind::If } else { StatementKind::Loop };
                let close = self.partner(at + 1)?;
                head = at + 2..close;
                let mut end = self.statement(close + 1, limit, true, depth + 1, found)?;
                if word == "if" && self.word(end) == "else" {
                    end = self.statement(end + 1, limit, true, depth + 1, found)?;
                }
                end
            }
            "do" => {
                kind = StatementKind::Loop;
                let end = self.statement(at + 1, limit, true, depth + 1, found)?;
                let close = self.partner(end + 1).filter(|_| self.word(end) == "while")?;
                head = end + 2..close;
                close + 2
            }
            "case" | "default" => self.find(":", at, limit)? + 1,
            _ if self.is_name(at) && self.word(at + 1) == ":" => at + 2,
            // `bpf_for(i, 0, 10) {`: a macro that is a loop.
            _ if self.is_name(at) && self.word(at + 1) == "(" && self.follows_block(at + 1) => {
                kind = StatementKind::Loop;
                let close = self.partner(at + 1)?;
                head = at + 2..close;
                self.statement(close + 1, limit, true, depth + 1, found)?
            }
            _ => self.find(";", at, limit)? + 1,
        };
        let statement = &mut found[place];
        (statement.kind, statement.tokens, statement.head) = (kind, at..end, head);
        // A label, and what is a block, stand where any number of statements may.
        statement.is_body = is_body && kind != StatementKind::Block;
        Some(end)
    }

    fn follows_block(&self, open: usize) -> bool {
        self.partner(open).is_some_and(|close| self.word(close + 1) == "{")
    }

    /// The next such mark that is in no brackets.
    fn find(&self, mark: &str, from: usize, limit: usize) -> Option<usize> {
        let mut at = from;
        while at < limit {
            match self.word(at) {
                word if word == mark => return Some(at),
                "(" | "[" | "{" => at = self.partner(at)?,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// The innermost statement of a function that a token is in; a block is none.
    pub(super) fn statement_at(&self, function: &FunctionSource, token: usize) -> Option<Statement> {
        let statements = self.statements(function);
        statements.into_iter().rfind(|s| s.tokens.contains(&token) && s.kind != StatementKind::Block)
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut fresh = true;
    while at < bytes.len() {
        let rest = &text[at..];
        let first = bytes[at];
        if first == b'\n' || first.is_ascii_whitespace() {
            fresh |= first == b'\n';
            at += 1;
            continue;
        }
        if rest.starts_with("//") || fresh && first == b'#' {
            at += line_length(rest);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            at += comment.find("*/").map_or(rest.len(), |end| end + 4);
            continue;
        }
        fresh = false;
        let (kind, len) = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => (TokenKind::Word, word_length(rest)),
            b'0'..=b'9' => (TokenKind::Number, word_length(rest)),
            b'"' | b'\'' => (TokenKind::Text, text_length(rest, first)),
            _ => {
                let long = MARKS.iter().find(|mark| rest.starts_with(**mark));
                let one = rest.chars().next().map_or(1, char::len_utf8);
                (TokenKind::Mark, long.map_or(one, |mark| mark.len()))
            }
        };
        tokens.push(Token { kind, start: at, end: at + len });
        at += len;
    }
    tokens
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Bytes of a line, with those that it is continued on.
fn line_length(text: &str) -> usize {
    let mut end = 0;
    loop {
        let Some(line) = text[end..].find('\n') else { return text.len() };
        end += line;
        if !text[..end].trim_end_matches('\r').ends_with('\\') {
            return end;
        }
        end += 1;
    }
}

fn text_length(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote && bytes[at] != b'\n' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    // A backslash at the end must not lead out of a character.
    let mut end = (at + 1).min(bytes.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
#define A(x) \\
	(x)
struct { int a[3]; } m SEC(\".maps\");
static void f(int x) { return; }
/* a { comment */
SEC(\"xdp\")
int prog(struct xdp_md *ctx)
{
	if (a < 1)
		b = \"}\";
	else if (c)
		d(e);
	for (int i = 0; i < 3; i++) {
		g[i] = 1;
	}
	return 0;
}
";

    #[test]
    fn statements_are_found_by_line_and_column() {
        let source = CSource::read(TEXT).expect("brackets match");
        let at = |line, column| {
            let token = source.token_at(line, column).expect("a token");
            let function = source.function_at(token).expect("a function");
            let statement = source.statement_at(&function, token).expect("a statement");
            (source.text_of(&statement.tokens).to_owned(), statement.kind, statement.is_body)
        };
        assert_eq!(at(10, 3), ("b = \"}\";".into(), StatementKind::Simple, true));
        assert_eq!(at(11, 11), ("if (c)\n\t\td(e);".into(), StatementKind::If, true));
        assert_eq!(at(14, 5), ("g[i] = 1;".into(), StatementKind::Simple, false));
        assert_eq!(at(13, 20).1, StatementKind::Loop);
        let function = source.function_at(source.token_at(16, 2).unwrap()).unwrap();
        assert!(function.is_program && !function.is_void);
        let function = source.function_at(source.token_at(4, 24).unwrap()).unwrap();
        assert!(!function.is_program && function.is_void);
        assert!(source.function_at(source.token_at(3, 12).unwrap()).is_none());
    }

    #[test]
    fn whatever_the_text_there_is_no_panic() {
        for text in ["", "\"", "'\\", "/*", "#", "#\\\n", "é{", "{(})", "if (", "int f() { if", "\\é\"\\é"]
        {
            if let Some(source) = CSource::read(text) {
                for token in 0..source.tokens.len() {
                    if let Some(function) = source.function_at(token) {
                        source.statements(&function);
                    }
                }
            }
        }
    }
}
