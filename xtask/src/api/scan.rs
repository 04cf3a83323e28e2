//! The `pub` declarations of one source file, from its text: enough of the grammar for formatted source.
//!
//! It knows braces and the separators of items, fields and variants; what stands in bodies, strings and comments is
//! passed over. Items in macros are not seen, and tests are not looked at.

/// What a pair of braces is around.
enum Body {
    /// Items: a public module, or the methods of a type, with what stands before them.
    Items(String),
    /// Fields, all of them public in a variant.
    Fields { owner: String, all: bool },
    /// Variants of an enum.
    Variants(String),
    /// Methods of a public trait.
    Methods(String),
    /// Nothing of interest.
    Other,
}

/// Each public item, field, variant and trait implementation of a file, in its order.
pub(super) fn items(text: &str) -> Vec<String> {
    let code = without_comments(text);
    let mut found = Vec::new();
    let mut bodies = vec![Body::Items(String::new())];
    let mut statement = String::new();
    // Parentheses, brackets and generics, in which commas separate nothing of interest.
    let mut nested = 0usize;
    let mut before = ' ';
    for c in code.chars() {
        let in_use = ["pub use ", "use "].iter().any(|word| statement.trim_start().starts_with(word));
        match c {
            '{' if !in_use => {
                let header = declaration(&statement);
                // Tests come last in a file.
                if statement.contains("#[cfg(test)]") {
                    break;
                }
                let body = opened(&header, bodies.last(), &mut found);
                bodies.push(body);
                statement.clear();
                nested = 0;
            }
            '}' if !in_use => {
                ended(&statement, bodies.last(), &mut found);
                bodies.pop();
                statement.clear();
                nested = 0;
            }
            ';' if nested == 0 => {
                ended(&statement, bodies.last(), &mut found);
                statement.clear();
            }
            ',' if nested == 0 && matches!(bodies.last(), Some(Body::Fields { .. } | Body::Variants(_))) => {
                ended(&statement, bodies.last(), &mut found);
                statement.clear();
            }
            _ => {
                match c {
                    '(' | '[' | '<' => nested += 1,
                    ')' | ']' => nested = nested.saturating_sub(1),
                    '>' if !matches!(before, '-' | '=') => nested = nested.saturating_sub(1),
                    _ => {}
                }
                statement.push(c);
            }
        }
        before = c;
    }
    found
}

/// A declaration in one line, with the attributes that are part of what it offers.
fn declaration(statement: &str) -> String {
    let mut rest = statement.trim();
    let mut kept = String::new();
    while let Some(attribute) = rest.strip_prefix("#[").or_else(|| rest.strip_prefix("#![")) {
        let mut depth = 1usize;
        let end = attribute.find(|c| {
            depth = match c {
                '[' => depth + 1,
                ']' => depth - 1,
                _ => depth,
            };
            depth == 0
        });
        let end = end.unwrap_or(attribute.len());
        if attribute.starts_with("derive") || attribute.starts_with("non_exhaustive") {
            kept += &format!("#[{}] ", &attribute[..end]);
        }
        rest = attribute.get(end + 1..).unwrap_or_default().trim_start();
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    kept + &words.join(" ")
}

/// A declaration behind its attributes.
fn bare(declaration: &str) -> &str {
    let mut rest = declaration;
    while let Some((attribute, behind)) = rest.split_once("] ").filter(|_| rest.starts_with("#[")) {
        debug_assert!(attribute.starts_with("#["), "only attributes are taken off");
        rest = behind;
    }
    rest
}

/// Notes a declaration with a body, and says what the body is.
fn opened(header: &str, around: Option<&Body>, found: &mut Vec<String>) -> Body {
    let bare = bare(header);
    let place = match around {
        Some(Body::Items(place)) => place,
        Some(Body::Variants(owner)) => {
            let owner = format!("{owner}::{}", bare.trim());
            found.push(owner.clone());
            return Body::Fields { owner, all: true };
        }
        Some(Body::Methods(owner)) => {
            found.push(format!("{owner}: {header}"));
            return Body::Other;
        }
        _ => return Body::Other,
    };
    let item = format!("{place}{}", header.split(" =").next().unwrap_or(header));
    if let Some(implemented) = bare.strip_prefix("impl") {
        if bare.contains(" for ") {
            found.push(item);
            return Body::Other;
        }
        return Body::Items(format!("{}: ", implemented.trim()));
    }
    let Some(public) = bare.strip_prefix("pub ") else { return Body::Other };
    found.push(item);
    let (word, rest) = public.split_once(' ').unwrap_or((public, ""));
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    match word {
        "enum" => Body::Variants(name),
        "struct" => Body::Fields { owner: name, all: false },
        "trait" => Body::Methods(name),
        "mod" => Body::Items(format!("{name}::")),
        _ => Body::Other,
    }
}

/// Notes what a separator or the end of a body has ended.
fn ended(statement: &str, around: Option<&Body>, found: &mut Vec<String>) {
    let declaration = declaration(statement);
    let text = bare(&declaration);
    if text.is_empty() {
        return;
    }
    match around {
        Some(Body::Items(place)) if text.starts_with("pub ") => {
            let item = declaration.split(" =").next().unwrap_or(&declaration);
            found.push(format!("{place}{item}"));
        }
        Some(Body::Variants(owner)) => found.push(format!("{owner}::{text}")),
        Some(Body::Fields { owner, all }) if *all || text.starts_with("pub ") => {
            found.push(format!("{owner}.{}", text.strip_prefix("pub ").unwrap_or(text)));
        }
        Some(Body::Methods(owner)) => found.push(format!("{owner}: {text}")),
        _ => {}
    }
}

/// The source with blanks for comments, and for what stands in strings and characters.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[len..];
    }
    out
}

/// Whether a quotation mark starts a character, not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

/// The length of a string or character with its quotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_declarations_are_listed_with_their_fields_variants_and_methods() {
        let text = r#"
//! pub fn comment() {}
pub use a::{
    B, C,
};
mod private { pub fn hidden() {} }
/// Doc; with, marks {
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum E { A, B(u8, u16), C { x: u32, y: Vec<(u8, u8)> } }
pub struct S<T> { pub a: Map<u8, T>, b: u8, pub(crate) c: u8 }
pub struct Tuple(pub u8);
impl<T> S<T> {
    pub const fn f(
        &self,
        x: u8,
    ) -> [u8; 4] { let s = "}"; match '{' { _ => [0; 4] } }
    fn g() {}
}
impl Clone for Tuple { fn clone(&self) -> Self { Tuple(self.0) } }
pub static ROWS: [u8; 2] = { [1, 2] };
pub const N: usize = 3;
pub(crate) const M: usize = 3;
pub trait T { fn m(&self) -> u8; fn n() {} }
#[cfg(test)]
mod tests { pub fn not_this() {} }
"#;
        let expected = [
            "pub use a::{ B, C, }",
            "#[derive(Clone, Copy)] #[non_exhaustive] pub enum E",
            "E::A",
            "E::B(u8, u16)",
            "E::C",
            "E::C.x: u32",
            "E::C.y: Vec<(u8, u8)>",
            "pub struct S<T>",
            "S.a: Map<u8, T>",
            "pub struct Tuple(pub u8)",
            "<T> S<T>: pub const fn f( &self, x: u8, ) -> [u8; 4]",
            "impl Clone for Tuple",
            "pub static ROWS: [u8; 2]",
            "pub const N: usize",
            "pub trait T",
            "T: fn m(&self) -> u8",
            "T: fn n()",
        ];
        assert_eq!(items(text), expected);
    }
}
