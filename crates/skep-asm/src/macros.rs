//! Macros: their parameters, and the arguments of a use, in the forms of LLVM and GNU.

use crate::cursor::{Cursor, is_name, is_name_start};
use crate::error::{Cause, Problem, Span};
use crate::fragment::Fragment;

/// Most parameters of a macro.
const MAX_PARAMETERS: usize = 64;

type Result<T> = std::result::Result<T, Problem>;

/// A macro.
#[derive(Clone, Debug)]
pub(crate) struct Macro {
    pub(crate) name: String,
    parameters: Vec<Parameter>,
    pub(crate) body: Fragment,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    default: String,
    /// `:req`
    required: bool,
    /// `:vararg`: the last one takes all that is left.
    rest: bool,
}

impl Macro {
    /// `NAME PARAMETER, PARAMETER=DEFAULT, PARAMETER:req, PARAMETER:vararg`; blanks do for commas.
    pub(crate) fn read(header: &str, base: usize, body: Fragment) -> Result<Macro> {
        let mut cursor = Cursor::new(header, base);
        let (name, _) = cursor.need_name("the name of a macro")?;
        let mut parameters: Vec<Parameter> = Vec::new();
        cursor.eat(",");
        while !cursor.at_end() {
            let (parameter, span) = cursor.need_name("a parameter")?;
            if parameters.iter().any(|known| known.name == parameter) {
                let found = format!("a second parameter `{parameter}`");
                return Err(Problem::expected(span, "another name", found));
            }
            if parameters.len() >= MAX_PARAMETERS {
                let limit = MAX_PARAMETERS as u64;
                return Err(Problem::new(span, Cause::Limit { what: "parameters of a macro", limit }));
            }
            let mut found = Parameter {
                name: parameter.to_owned(),
                default: String::new(),
                required: false,
                rest: false,
            };
            if cursor.eat(":") {
                match cursor.name() {
                    Some(("req", _)) => found.required = true,
                    Some(("vararg", _)) => found.rest = true,
                    _ => return Err(cursor.unexpected("`req` or `vararg`")),
                }
            }
            if cursor.eat("=") {
                let (rest, at) = (cursor.rest(), cursor.offset());
                let len = argument_len(rest, true);
                unquoted(rest[..len].trim()).clone_into(&mut found.default);
                cursor = Cursor::new(&header[at + len - base..], at + len);
            }
            let rest = found.rest;
            parameters.push(found);
            cursor.eat(",");
            if rest && !cursor.at_end() {
                return Err(cursor.unexpected("nothing after a parameter that takes all the rest"));
            }
        }
        Ok(Macro { name: name.to_owned(), parameters, body })
    }
}

/// The values of a macro's parameters in one use, and where each stands.
pub(crate) struct Arguments(Vec<(String, usize)>);

impl Arguments {
    pub(crate) fn read(of: &Macro, text: &str, base: usize) -> Result<Arguments> {
        let mut values: Vec<Option<(String, usize)>> = vec![None; of.parameters.len()];
        let mut next = 0;
        // Blanks separate as well where there is no comma and more than one value is wanted.
        let blanks = of.parameters.len() > 1;
        for (value, at) in Arguments::split(text, base, blanks)? {
            let (index, value, at) = match named(of, &value) {
                Some((index, after)) => (index, unquoted(value[after..].trim()).to_owned(), at + after),
                None => (next, value, at),
            };
            let Some(parameter) = of.parameters.get(index) else {
                let span = Span { at, len: value.len() };
                let expected = format!("at most {} values for `{}`", of.parameters.len(), of.name);
                return Err(Problem::expected(span, expected, format!("`{value}`")));
            };
            next = index + 1;
            if parameter.rest {
                let rest = text[at - base..].trim();
                values[index] = Some((rest.to_owned(), at));
                break;
            }
            if values[index].replace((unquoted(&value).to_owned(), at)).is_some() {
                let found = format!("a second one of `{}`", parameter.name);
                return Err(Problem::expected(Span { at, len: value.len() }, "one value a parameter", found));
            }
        }
        let mut complete = Vec::new();
        for (parameter, value) in of.parameters.iter().zip(values) {
            let value = value.filter(|(value, _)| !value.is_empty());
            if value.is_none() && parameter.required {
                let span = Span { at: base, len: 0 };
                let (name, parameter) = (of.name.clone(), parameter.name.clone());
                return Err(Problem::new(span, Cause::MissingArgument { name, parameter }));
            }
            complete.push(value.unwrap_or_else(|| (parameter.default.clone(), base)));
        }
        Ok(Arguments(complete))
    }

    /// The value of a parameter, as a part of the fragment that has the use.
    pub(crate) fn of(&self, of: &Macro, name: &str, fragment: &Fragment) -> Option<Fragment> {
        let index = of.parameters.iter().position(|parameter| parameter.name == name)?;
        let (value, at) = &self.0[index];
        if !value.is_empty() && fragment.text.get(*at..*at + value.len()) == Some(value) {
            return Some(fragment.slice(*at, *at + value.len()));
        }
        Some(Fragment::made(value, fragment, *at))
    }

    /// Values and their places: separated by commas or, where there are none, by blanks.
    pub(crate) fn split(text: &str, base: usize, blanks: bool) -> Result<Vec<(String, usize)>> {
        let mut values = Vec::new();
        let mut at = 0;
        let blanks = blanks && argument_len(text, false) == text.len();
        loop {
            at += text[at..].len() - text[at..].trim_start().len();
            if at >= text.len() {
                return Ok(values);
            }
            let len = argument_len(&text[at..], blanks);
            let value = text[at..at + len].trim_end();
            values.push((value.to_owned(), base + at));
            at += len;
            at += text[at..].len() - text[at..].trim_start().len();
            if text[at..].starts_with(',') {
                at += 1;
            }
        }
    }
}

/// The parameter that a value names (`NAME=VALUE`), and where its own text starts.
fn named(of: &Macro, value: &str) -> Option<(usize, usize)> {
    if !value.bytes().next().is_some_and(is_name_start) {
        return None;
    }
    let len = value.bytes().take_while(|&b| is_name(b)).count();
    let rest = value[len..].trim_start();
    if !rest.starts_with('=') || rest.starts_with("==") {
        return None;
    }
    let index = of.parameters.iter().position(|parameter| parameter.name == value[..len])?;
    let after = value.len() - rest.len() + 1;
    Some((index, after + (value[after..].len() - value[after..].trim_start().len())))
}

/// How long a value is: up to a comma, or a blank, outside of strings and brackets.
fn argument_len(text: &str, blanks: bool) -> usize {
    let (mut depth, mut string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if string {
            (string, escaped) = (byte != b'"' || escaped, byte == b'\\' && !escaped);
            continue;
        }
        match byte {
            b'"' => string = true,
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            b' ' | b'\t' if depth == 0 && blanks => return at,
            _ => {}
        }
    }
    text.len()
}

/// A string without its quotes, as both assemblers hand it on.
fn unquoted(value: &str) -> &str {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) if !inner.contains('"') => inner,
        _ => value,
    }
}
