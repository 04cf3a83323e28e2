//! Rust source as tokens, without its comments, and without what stands in strings.
//!
//! Just enough of the grammar for the rules of [`super`]: words, integers with their values, punctuation, and the line
//! of each. It checks nothing, and takes any bytes that are UTF-8.
//! Source: the Rust reference, chapter "Lexical structure".

/// A token and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword; a raw identifier keeps its `r#`, for it is never a keyword.
    Word(String),
    /// An integer, with a byte literal's (`b'a'`) among them. `None` if it does not fit.
    Integer(Option<u128>),
    /// A string, character or float: its contents are of no interest.
    Opaque,
    /// `'a`.
    Lifetime,
    /// One of the operators of [`PAIRS`], or a single character.
    Punctuation(&'static str),
    /// Any other character.
    Other(char),
}

impl Token {
    /// Whether it is the word or punctuation `text`.
    pub(super) fn is(&self, text: &str) -> bool {
        match &self.kind {
            Kind::Word(word) => word == text,
            Kind::Punctuation(mark) => *mark == text,
            _ => false,
        }
    }

    /// The word it is.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Operators of two characters, which must not be taken for two of one.
const PAIRS: [&str; 20] = [
    "=>", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||", "->", "::", "..", "|=", "&=", "^=", "+=", "-=",
    "*=", "/=", "%=",
];

/// Operators and delimiters of one character.
const SINGLES: [&str; 26] = [
    "(", ")", "[", "]", "{", "}", "<", ">", "=", "!", "&", "|", "^", "+", "-", "*", "/", "%", ",", ";", ":",
    ".", "#", "$", "?", "@",
];

/// The tokens of `source`.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let line = lexer.line;
        match lexer.token() {
            Some(kind) => tokens.push(Token { line, kind }),
            None => return tokens,
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Option<Kind> {
        let first = self.rest.chars().next()?;
        Some(match first {
            '"' => self.string(1),
            '\'' => self.quote(),
            '0'..='9' => self.number(),
            _ if is_word_start(first) => self.word(),
            _ => self.punctuation(first),
        })
    }

    /// White space and comments; block comments nest.
    fn skip_blank(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.advance(blank);
            if self.rest.starts_with("//") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(end);
            } else if self.rest.starts_with("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.advance_char();
            }
        }
    }

    /// A word, or a literal that starts with one: `r"…"`, `br#"…"#`, `b'…'`.
    fn word(&mut self) -> Kind {
        let end = self.rest.find(|c| !is_word_part(c)).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(end);
        match word {
            "b" | "c" if after.starts_with('"') => return self.string(2),
            "b" if after.starts_with('\'') => return self.byte(),
            "r" | "br" | "cr" => {
                let hashes = after.len() - after.trim_start_matches('#').len();
                if after[hashes..].starts_with('"') {
                    return self.raw_string(end + hashes + 1, hashes);
                }
                if word == "r" && hashes == 1 {
                    let name = after[1..].find(|c| !is_word_part(c)).unwrap_or(after.len() - 1);
                    return Kind::Word(self.take(end + 1 + name).to_owned());
                }
            }
            _ => {}
        }
        Kind::Word(self.take(end).to_owned())
    }

    /// A string whose opening takes `opening` bytes, with escapes.
    fn string(&mut self, opening: usize) -> Kind {
        self.advance(opening);
        while let Some(c) = self.advance_char() {
            match c {
                '"' => break,
                '\\' => {
                    self.advance_char();
                }
                _ => {}
            }
        }
        Kind::Opaque
    }

    /// A string without escapes that ends with a quote and as many `#` as it began with.
    fn raw_string(&mut self, opening: usize, hashes: usize) -> Kind {
        self.advance(opening);
        let closing = format!("\"{}", "#".repeat(hashes));
        let end = self.rest.find(&closing).map_or(self.rest.len(), |at| at + closing.len());
        self.advance(end);
        Kind::Opaque
    }

    /// A character or a lifetime: `'a'`, `'\n'`, `'a`.
    fn quote(&mut self) -> Kind {
        let mut chars = self.rest.chars().skip(1);
        let (first, second) = (chars.next(), chars.next());
        if first == Some('\\') || second == Some('\'') {
            self.character();
            return Kind::Opaque;
        }
        self.advance(1);
        let end = self.rest.find(|c| !is_word_part(c)).unwrap_or(self.rest.len());
        self.advance(end);
        Kind::Lifetime
    }

    /// `b'a'`, whose value is known unless it is written with an escape.
    fn byte(&mut self) -> Kind {
        self.advance(1);
        let inside = self.character();
        let mut chars = inside.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Kind::Integer(Some(u128::from(u32::from(c)))),
            _ => Kind::Integer(inside.strip_prefix("\\x").and_then(|hex| u128::from_str_radix(hex, 16).ok())),
        }
    }

    /// Takes a quoted character; what is between the quotes.
    fn character(&mut self) -> String {
        self.advance(1);
        let mut inside = String::new();
        while let Some(c) = self.advance_char() {
            match c {
                '\'' => break,
                '\\' => {
                    inside.push(c);
                    inside.extend(self.advance_char());
                }
                _ => inside.push(c),
            }
        }
        inside
    }

    /// An integer with its value, or a float.
    fn number(&mut self) -> Kind {
        let radix = match self.rest.get(..2) {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        let prefix = if radix == 10 { 0 } else { 2 };
        let end = self.rest.find(|c| !is_word_part(c)).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(end);
        let digits: String =
            word[prefix..].chars().filter(|c| *c != '_').take_while(|c| c.is_digit(radix)).collect();
        // `1.5` goes on after the dot; `1..2` and `1.max(2)` do not.
        let fraction =
            after.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let suffix = word[prefix..].trim_start_matches(|c: char| c == '_' || c.is_digit(radix));
        let float = radix == 10 && (fraction || suffix.starts_with(['e', 'E', 'f']));
        self.advance(end);
        if !float {
            return Kind::Integer(u128::from_str_radix(&digits, radix).ok());
        }
        if fraction {
            self.advance(1);
            let end = self.rest.find(|c| !is_word_part(c)).unwrap_or(self.rest.len());
            self.advance(end);
        }
        Kind::Opaque
    }

    fn punctuation(&mut self, first: char) -> Kind {
        let known = |mark: &&str| self.rest.starts_with(*mark);
        if let Some(mark) = PAIRS.into_iter().find(known).or_else(|| SINGLES.into_iter().find(known)) {
            self.advance(mark.len());
            return Kind::Punctuation(mark);
        }
        self.advance(first.len_utf8());
        Kind::Other(first)
    }

    fn take(&mut self, bytes: usize) -> &str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn advance(&mut self, bytes: usize) {
        self.take(bytes);
    }

    fn advance_char(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.advance(c.len_utf8());
        Some(c)
    }
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_word_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        tokens(source).iter().filter_map(Token::word).map(str::to_owned).collect()
    }

    fn integers(source: &str) -> Vec<Option<u128>> {
        let integer = |token: Token| match token.kind {
            Kind::Integer(value) => Some(value),
            _ => None,
        };
        tokens(source).into_iter().filter_map(integer).collect()
    }

    #[test]
    fn comments_hold_no_words() {
        assert_eq!(words("a // b\n /* c /* d */ e */ f /// g\n//! h\ni"), ["a", "f", "i"]);
        assert_eq!(words("a /* never closed"), ["a"]);
    }

    #[test]
    fn strings_hold_no_words() {
        assert_eq!(words(r#"a "b \" c" d b"e" c"f" g"#), ["a", "d", "g"]);
        assert_eq!(words("r\"a\\\" b r#\"c \" d\"# e br##\"f \"# g\"## h"), ["b", "e", "h"]);
        assert_eq!(words("a \"never closed"), ["a"]);
    }

    #[test]
    fn characters_and_lifetimes_are_told_apart() {
        assert_eq!(words("'a' x '\\'' y '\"' z"), ["x", "y", "z"]);
        assert_eq!(words("&'a str"), ["str"]);
        assert_eq!(tokens("'a 'static '_").iter().filter(|t| t.kind == Kind::Lifetime).count(), 3);
        assert_eq!(words("b'\\'' x b'\\\\' y"), ["x", "y"]);
    }

    #[test]
    fn a_raw_identifier_is_no_keyword() {
        assert_eq!(words("r#unsafe unsafe unsafe_code"), ["r#unsafe", "unsafe", "unsafe_code"]);
    }

    #[test]
    fn integers_have_values() {
        let values = integers("0x1F 0b1010 0o17 1_000u64 7usize b'a' b'\\x07' 0xffu8");
        assert_eq!(values, [31, 10, 15, 1000, 7, 97, 7, 255].map(Some));
        assert_eq!(integers("1.5 2e3 1..3 4.max(5)"), [1, 3, 4, 5].map(Some));
        assert_eq!(integers("0xfffffffffffffffffffffffffffffffff"), [None]);
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let source = "a\n/* \n */ b \"\n\" c\n// x\nd";
        let lines: Vec<usize> =
            tokens(source).iter().filter(|t| t.word().is_some()).map(|t| t.line).collect();
        assert_eq!(lines, [1, 3, 4, 6]);
    }

    #[test]
    fn pairs_are_not_split() {
        let source = "a == b => c & d";
        let marks: Vec<Kind> =
            tokens(source).into_iter().map(|t| t.kind).filter(|k| !matches!(k, Kind::Word(_))).collect();
        assert_eq!(marks, [Kind::Punctuation("=="), Kind::Punctuation("=>"), Kind::Punctuation("&")]);
    }
}
