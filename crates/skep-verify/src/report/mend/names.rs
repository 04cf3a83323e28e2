//! What a C source calls things: declarations of variables and members, calls with their arguments, accesses through
//! pointers. As in [`super::c_source`], what can't be made out is not there.

use std::ops::Range;

use super::c_source::{CSource, FunctionSource, Statement, TokenKind};

/// A declared variable or member.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// The words of its type, without the stars.
    pub(super) type_words: String,
    /// How many stars stand before its name.
    pub(super) stars: usize,
    /// The tokens of an array's length.
    pub(super) length: Option<Range<usize>>,
}

/// Types whose pointers count bytes.
const BYTES: [&str; 12] = [
    "void",
    "const void",
    "char",
    "const char",
    "unsigned char",
    "const unsigned char",
    "__u8",
    "const __u8",
    "u8",
    "const u8",
    "uint8_t",
    "const uint8_t",
];

/// Types of numbers that have a sign.
const SIGNED: [&str; 12] = [
    "int",
    "long",
    "long long",
    "short",
    "char",
    "__s32",
    "__s64",
    "s32",
    "s64",
    "int32_t",
    "int64_t",
    "ssize_t",
];

impl Declared {
    /// Whether adding one to it moves by one byte.
    pub(super) fn counts_bytes(&self) -> bool {
        self.stars == 1 && BYTES.contains(&&*self.type_words)
    }

    pub(super) fn is_number(&self) -> bool {
        self.stars == 0 && self.length.is_none() && !self.type_words.starts_with("struct ")
    }

    pub(super) fn is_signed(&self) -> bool {
        self.is_number() && SIGNED.contains(&&*self.type_words)
    }

    pub(super) fn is_constant(&self) -> bool {
        self.type_words.split(' ').any(|word| word == "const")
    }
}

/// A step from a pointer to what is accessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// `->name`
    Arrow(usize),
    /// `.name`
    Dot(usize),
    /// `[…]`: the tokens between the brackets.
    Index(Range<usize>),
}

/// An access: `data[13]`, `value->bytes[index]`, `*place`.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// The tokens of the pointer: a name, or what a star stands before.
    pub(super) base: Range<usize>,
    /// From there on; empty for `*place`.
    pub(super) links: Vec<Link>,
    /// All of it.
    pub(super) whole: Range<usize>,
}

impl Access {
    /// The pointer's name, if it is one.
    pub(super) fn name<'a>(&self, source: &CSource<'a>) -> Option<&'a str> {
        (self.base.len() == 1 && source.is_name(self.base.start)).then(|| source.word(self.base.start))
    }

    /// The last index.
    pub(super) fn index(&self) -> Option<(usize, &Range<usize>)> {
        self.links.iter().enumerate().rev().find_map(|(at, link)| match link {
            Link::Index(index) => Some((at, index)),
            _ => None,
        })
    }
}

/// A call: its name's token, and the tokens of each argument.
#[derive(Clone, Debug)]
pub(super) struct CallSource {
    pub(super) name: usize,
    pub(super) args: Vec<Range<usize>>,
}

/// Words that stand before an expression, not before a name that is declared.
const NO_TYPES: [&str; 8] = ["return", "goto", "else", "case", "sizeof", "break", "continue", "do"];

impl CSource<'_> {
    /// The declaration of a name in a function, before this token, or else in the file.
    pub(super) fn declared(&self, name: &str, function: &FunctionSource, before: usize) -> Option<Declared> {
        let inside = (function.body.start..before.min(function.body.end)).rev();
        let params = function.params.clone();
        let outside = 0..function.params.start.saturating_sub(1);
        inside.chain(params).chain(outside.rev()).find_map(|at| {
            (self.word(at) == name && self.is_name(at)).then(|| self.declaration(at)).flatten()
        })
    }

    /// The declaration of a member of this name: the last before a token.
    pub(super) fn member(&self, name: &str, before: usize) -> Option<Declared> {
        let at =
            (0..before.min(self.tokens.len())).rev().filter(|at| self.word(*at) == name && self.is_name(*at));
        at.filter(|at| !matches!(self.word(at.wrapping_sub(1)), "->" | "."))
            .find_map(|at| self.declaration(at))
    }

    /// The declaration whose name stands here.
    fn declaration(&self, name: usize) -> Option<Declared> {
        if !matches!(self.word(name + 1), ";" | "," | "=" | "[" | ")") {
            return None;
        }
        let is_star = |at: usize| self.word(at) == "*";
        let mut first = name;
        while first > 0 && is_star(first - 1) {
            first -= 1;
        }
        let stars = name - first;
        let is_type = |at: usize| self.is_name(at) && !NO_TYPES.contains(&self.word(at));
        let mut start = first;
        while start > 0 && is_type(start - 1) {
            start -= 1;
        }
        let before = start.checked_sub(1).map_or(";", |at| self.word(at));
        let words = if start < first {
            matches!(before, ";" | "{" | "}" | "(" | "," | ":" | ")").then_some(start..first)?
        } else if before == "," {
            self.shared_type(start - 1)?
        } else {
            return None;
        };
        let length = match self.word(name + 1) {
            "[" => Some(name + 2..self.partner(name + 1)?),
            _ => None,
        };
        let type_words = words
            .map(|at| self.word(at))
            .filter(|word| !matches!(*word, "static" | "volatile"))
            .collect::<Vec<_>>();
        Some(Declared { type_words: type_words.join(" "), stars, length })
    }

    /// The type that stands before the first of several names; the comma is after one of those.
    fn shared_type(&self, comma: usize) -> Option<Range<usize>> {
        let mut at = comma;
        while at > 0 && !matches!(self.word(at - 1), ";" | "{" | "}") {
            at -= 1;
            if matches!(self.word(at), ")" | "]") {
                at = self.partner(at)?;
            } else if matches!(self.word(at), "(" | "[") {
                return None;
            }
        }
        let mut end = at;
        while self.is_name(end) && (self.is_name(end + 1) || self.word(end + 1) == "*") {
            end += 1;
        }
        let is_type = end > at && !NO_TYPES.contains(&self.word(at));
        is_type.then_some(at..end)
    }

    /// One past a value: before the comma or semicolon behind it.
    fn value_end(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.tokens.len() && !matches!(self.word(at), "," | ";" | ")" | "}") {
            at = self.partner(at).filter(|close| *close > at).unwrap_or(at) + 1;
        }
        at
    }

    /// The first value that a name is given in a function: the tokens behind `name =`.
    pub(super) fn assigned(&self, name: &str, function: &FunctionSource) -> Option<Range<usize>> {
        let at = function.body.clone().find(|at| self.word(*at) == name && self.word(at + 1) == "=")?;
        Some(at + 2..self.value_end(at + 2))
    }

    /// The name that is given this member of the context: `end` of `end = (void *)(long)ctx->data_end`.
    pub(super) fn holder_of(&self, member: &str, function: &FunctionSource) -> Option<usize> {
        let mut at = function.body.start;
        while at < function.body.end {
            if self.word(at) == "=" && self.is_name(at - 1) {
                let value = at + 1..self.value_end(at + 1);
                let last = value.end.checked_sub(1)?;
                if value.len() > 2 && self.word(last) == member && self.word(last - 1) == "->" {
                    return Some(at - 1);
                }
            }
            at += 1;
        }
        None
    }

    /// The calls in a range of tokens of a function with this name.
    pub(super) fn calls<'s>(
        &'s self,
        name: &'s str,
        tokens: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = CallSource> + 's {
        tokens
            .filter(move |at| self.word(*at) == name && self.word(at + 1) == "(")
            .filter_map(|at| self.call(at))
    }

    /// The call whose name stands here.
    pub(super) fn call(&self, name: usize) -> Option<CallSource> {
        let close = self.partner(name + 1).filter(|_| self.word(name + 1) == "(")?;
        let mut args = Vec::new();
        let mut start = name + 2;
        while start < close {
            let mut end = start;
            while end < close && self.word(end) != "," {
                end = self.partner(end).filter(|partner| *partner > end).unwrap_or(end) + 1;
            }
            args.push(start..end);
            start = end + 1;
        }
        Some(CallSource { name, args })
    }

    /// The accesses in a range of tokens.
    pub(super) fn accesses(&self, tokens: &Range<usize>) -> Vec<Access> {
        tokens.clone().filter_map(|at| self.postfix(at).or_else(|| self.dereference(at))).collect()
    }

    /// The access of a statement that a column of a line points at: of those on the line, the one around the column or
    /// nearest to it.
    pub(super) fn access_at(&self, statement: &Statement, token: usize) -> Option<Access> {
        let line = |at: usize| self.line_start(self.tokens[at].start);
        let here = self.accesses(&statement.tokens);
        let here =
            here.into_iter().filter(|a| line(a.whole.start) == line(token) || a.whole.contains(&token));
        here.min_by_key(|a| {
            let away = if a.whole.contains(&token) {
                0
            } else if token < a.whole.start {
                a.whole.start - token
            } else {
                token - a.whole.end + 1
            };
            (away, a.whole.len())
        })
    }

    /// `name->member[index]` and the like, from its name on.
    fn postfix(&self, name: usize) -> Option<Access> {
        if !self.is_name(name) || matches!(self.word(name.wrapping_sub(1)), "->" | ".") {
            return None;
        }
        let mut links = Vec::new();
        let mut at = name + 1;
        loop {
            match self.word(at) {
                "->" if self.is_name(at + 1) => links.push(Link::Arrow(at + 1)),
                "." if self.is_name(at + 1) => links.push(Link::Dot(at + 1)),
                "[" => {
                    let close = self.partner(at)?;
                    links.push(Link::Index(at + 1..close));
                    at = close + 1;
                    continue;
                }
                _ => break,
            }
            at += 2;
        }
        let through = links.iter().any(|link| !matches!(link, Link::Dot(_)));
        through.then(|| Access { base: name..name + 1, links, whole: name..at })
    }

    /// `*place`, `*(__u16 *)(data + 12)`.
    fn dereference(&self, star: usize) -> Option<Access> {
        let before = star.checked_sub(1)?;
        // After a name, a number or a closing bracket a star multiplies; but `return *place`. In `__u8 *data` it is
        // part of a type.
        let multiplies = match self.tokens[before].kind {
            TokenKind::Word => !NO_TYPES.contains(&self.word(before)),
            TokenKind::Mark => matches!(self.word(before), ")" | "]"),
            _ => true,
        };
        let is_statement = self.word(before) == ")" && !self.is_cast(self.partner(before)?);
        if self.word(star) != "*" || multiplies && !is_statement {
            return None;
        }
        let mut end = star + 1;
        while self.word(end) == "(" && self.is_cast(end) {
            end = self.partner(end)? + 1;
        }
        end = match self.word(end) {
            "(" => self.partner(end)? + 1,
            _ if self.is_name(end) => end + 1,
            _ => return None,
        };
        // `*a->b` and `*a[1]` read a pointer first: what the access is through has no name.
        let is_whole = !matches!(self.word(end), "->" | "." | "[" | "(");
        is_whole.then(|| Access { base: star + 1..end, links: Vec::new(), whole: star..end })
    }

    /// Whether a bracket has a type in it: names, then stars, and a value behind it.
    pub(super) fn is_cast(&self, open: usize) -> bool {
        let Some(close) = self.partner(open).filter(|_| self.word(open) == "(") else { return false };
        let mut at = open + 1;
        while self.is_name(at) {
            at += 1;
        }
        let names = at - open - 1;
        while self.word(at) == "*" {
            at += 1;
        }
        let value = self.is_name(close + 1) || self.word(close + 1) == "(" || self.word(close + 1) == "&";
        // `if (x) *p = 1` is no cast of what is behind it.
        let is_head = matches!(self.word(open.wrapping_sub(1)), "if" | "while" | "for" | "switch" | "sizeof");
        names > 0 && at == close && value && !is_head
    }

    /// A range without the casts that it starts with.
    pub(super) fn without_casts(&self, tokens: &Range<usize>) -> Range<usize> {
        let mut start = tokens.start;
        while start < tokens.end && self.is_cast(start) {
            start = self.partner(start).map_or(tokens.end, |close| close + 1);
        }
        start..tokens.end
    }

    /// The number that some tokens are, if they are one.
    pub(super) fn number(&self, tokens: &Range<usize>) -> Option<u64> {
        if tokens.len() != 1 || self.tokens.get(tokens.start)?.kind != TokenKind::Number {
            return None;
        }
        let digits = self.word(tokens.start).trim_end_matches(['u', 'U', 'l', 'L']);
        match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8).ok(),
            None => digits.parse().ok(),
        }
    }

    /// The name that some tokens are, if they are one.
    pub(super) fn only_name(&self, tokens: &Range<usize>) -> Option<&str> {
        (tokens.len() == 1 && self.is_name(tokens.start)).then(|| self.word(tokens.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
struct table { __u8 bytes[64]; struct in *inner; };
int f(struct table *value, void *end)
{
	__u32 key = 0, index = g(1, 2);
	if (key) *end = 1;
	*(__u16 *)(end + 12) = value->bytes[index * 2];
	return *value ? a * b : h(&key, (void *)(long)index);
}
";

    fn source() -> (CSource<'static>, FunctionSource) {
        let source = CSource::read(TEXT).expect("brackets match");
        let function = source.function_at(source.token_at(7, 2).expect("a token")).expect("a function");
        (source, function)
    }

    #[test]
    fn declarations_are_found() {
        let (source, function) = source();
        let declared = |name| source.declared(name, &function, usize::MAX).expect("declared");
        assert_eq!((&*declared("end").type_words, declared("end").stars), ("void", 1));
        assert!(declared("end").counts_bytes() && !declared("value").counts_bytes());
        let index = declared("index");
        assert_eq!((&*index.type_words, index.is_number()), ("__u32", true));
        assert_eq!(source.text_of(&source.assigned("index", &function).expect("a value")), "g(1, 2)");
        let bytes = source.member("bytes", usize::MAX).expect("a member");
        assert_eq!(source.number(&bytes.length.expect("an array")), Some(64));
        assert!(source.declared("b", &function, usize::MAX).is_none());
    }

    #[test]
    fn accesses_and_calls_are_found() {
        let (source, function) = source();
        let found = source.accesses(&function.body);
        let found: Vec<_> = found.iter().map(|a| source.text_of(&a.whole)).collect();
        assert_eq!(found, ["*end", "*(__u16 *)(end + 12)", "value->bytes[index * 2]", "*value"]);
        let call = source.calls("h", function.body.clone()).next().expect("a call");
        let args: Vec<_> = call.args.iter().map(|arg| source.text_of(arg)).collect();
        assert_eq!(args, ["&key", "(void *)(long)index"]);
        assert_eq!(source.text_of(&source.without_casts(&call.args[1])), "index");
    }
}
