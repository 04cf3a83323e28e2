//! A string literal as the compiler hands it over, and where each byte of its value stands in it.
//!
//! Byte strings, C strings and literals with suffixes are none. Source: the Rust Reference, "Literal expressions".

/// A string literal.
pub(crate) struct Text {
    literal: String,
    value: String,
    /// Where in the literal each byte of the value comes from; one more for the end.
    places: Vec<usize>,
    verbatim: bool,
}

impl Text {
    /// Reads a literal. The error says what it is instead of a string.
    pub(crate) fn parse(literal: &str) -> Result<Text, String> {
        let wrong = || format!("`{literal}`");
        let (start, end, raw) = if let Some(rest) = literal.strip_prefix('r') {
            let hashes = rest.bytes().take_while(|&b| b == b'#').count();
            let quoted = rest.len() >= 2 * hashes + 2 && rest.as_bytes()[hashes] == b'"';
            let end = literal.len().saturating_sub(hashes + 1);
            if !quoted || literal[end..] != format!("\"{}", "#".repeat(hashes)) {
                return Err(wrong());
            }
            (hashes + 2, end, true)
        } else {
            if literal.len() < 2 || !literal.starts_with('"') || !literal.ends_with('"') {
                return Err(wrong());
            }
            (1, literal.len() - 1, false)
        };
        let mut text = Text {
            literal: literal.to_owned(),
            value: String::new(),
            places: Vec::new(),
            verbatim: raw || !literal.contains('\\'),
        };
        let body = &literal[start..end];
        if text.verbatim {
            body.clone_into(&mut text.value);
            text.places = (start..=end).collect();
        } else {
            text.unescape(body, start).ok_or_else(wrong)?;
        }
        Ok(text)
    }

    /// The string's value.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Whether the value stands in the literal as it is, with the same lines.
    pub(crate) fn is_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Lines below the literal's first, and columns (in characters, from 0; of its first line, from its start) of a byte
    /// of the value.
    pub(crate) fn line_and_column(&self, at: usize) -> (usize, usize) {
        let place = self.places.get(at).or(self.places.last()).copied().unwrap_or_default();
        let before = &self.literal[..place];
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count(), before[line..].chars().count())
    }

    fn push(&mut self, c: char, place: usize) {
        self.value.push(c);
        self.places.resize(self.value.len(), place);
    }

    /// Adds the value of what stands between the quotes, `start` bytes into the literal.
    fn unescape(&mut self, body: &str, start: usize) -> Option<()> {
        let mut chars = body.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '\\' {
                self.push(c, start + at);
                continue;
            }
            let (_, kind) = chars.next()?;
            let value = match kind {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                '\\' | '"' | '\'' => kind,
                'x' => {
                    let digits: Option<u32> = (0..2).try_fold(0, |value, _| {
                        let (_, digit) = chars.next()?;
                        Some(value * 16 + digit.to_digit(16)?)
                    });
                    char::from_u32(digits?)?
                }
                'u' => {
                    chars.next_if(|(_, c)| *c == '{')?;
                    let mut value = 0u32;
                    loop {
                        match chars.next()?.1 {
                            '}' => break char::from_u32(value)?,
                            '_' => {}
                            digit => value = value.checked_mul(16)? + digit.to_digit(16)?,
                        }
                    }
                }
                // The line goes on after the blanks of the next.
                '\n' => {
                    while chars.next_if(|(_, c)| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
                    continue;
                }
                _ => return None,
            };
            self.push(value, start + at);
        }
        self.places.push(start + body.len());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_rust_says() {
        for (literal, value) in [
            (r#""""#, ""),
            (r#""r0 = 1""#, "r0 = 1"),
            ("r\"r0\\n\"", "r0\\n"),
            ("r##\"a\"#b\"##", "a\"#b"),
            (r#""\tr0\n\x41\u{1_F600}\"\\\0\'""#, "\tr0\nA\u{1f600}\"\\\0'"),
            ("\"one \\\n      two\"", "one two"),
        ] {
            assert_eq!(Text::parse(literal).map(|text| text.value).as_deref(), Ok(value), "{literal}");
        }
    }

    #[test]
    fn other_literals_are_none() {
        for literal in
            ["1", "'a'", "b\"a\"", "c\"a\"", "\"a\"u8", "r#\"a\"", "r", "\"", "\"\\q\"", "br\"\"", "1.0"]
        {
            assert!(Text::parse(literal).is_err(), "{literal}");
        }
    }

    #[test]
    fn places_are_those_of_the_literal() {
        let place = |literal: &str, at| Text::parse(literal).expect("a string").line_and_column(at);
        assert_eq!(place("\"abc\"", 1), (0, 2));
        assert_eq!(place("r#\"abc\"#", 0), (0, 3));
        assert_eq!(place("\"a\n  é b\"", 7), (1, 4));
        assert_eq!(place("\"\\n\\tb\"", 2), (0, 5));
        assert_eq!(place("\"a \\\n  b\"", 2), (1, 2));
        assert_eq!(place("\"ab\"", 2), (0, 3));
    }
}
