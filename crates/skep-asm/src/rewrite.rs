//! A source in the other dialect: its instructions change, and nothing else that can stay.
//!
//! Names, numbers, labels, directives, comments and blanks stay as they are. What means something else in the
//! other dialect is changed: comments that start with `//` or `;`, separators, `.dialect`, and `.align`, which
//! counts in other units there. The result assembles to the same object, or there is none.

use std::collections::HashSet;
use std::fmt;

use skep_isa::text::foreign::Language;
use skep_isa::text::{Dialect, Writer, detect};

use crate::assembler::is_assignment;
use crate::cursor::Cursor;
use crate::directive::{Directive, Expands};
use crate::error::AsmErrors;
use crate::layout::{Element, Kind, elements, labels_len, word_len};
use crate::operands::rewritten;
use crate::source::line_starts;
use crate::{Options, assemble_with};

/// Why a source can't be rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewriteError {
    /// It has mistakes.
    Source(AsmErrors),
    /// A statement that can't be told to mean the same in the other dialect.
    Statement {
        /// Its line, from 1.
        line: u32,
        /// The statement.
        text: String,
        /// The dialect it was to be written in.
        to: Dialect,
    },
    /// It is in neither of the two dialects.
    Language(Language),
    /// The result would assemble to something else.
    Differs,
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RewriteError::Source(errors) => errors.fmt(f),
            RewriteError::Statement { line, text, to } => {
                write!(f, "line {line}: `{text}` can't be rewritten in the dialect `{}`", to.name())
            }
            RewriteError::Language(language) => {
                write!(f, "expected a source in pseudo-C or the normal dialect, found {}", language.name())
            }
            RewriteError::Differs => f.write_str("the rewritten source would assemble to something else"),
        }
    }
}

impl std::error::Error for RewriteError {}

/// A source in this dialect, everything but its instructions kept.
///
/// ```
/// use skep_isa::text::Dialect;
/// let source = "f:  r0 = XDP_PASS   // let it go\n    exit\n";
/// let there = skep_asm::rewrite(source, "f.s", Dialect::Normal, &skep_asm::Options::default())?;
/// assert_eq!(there, ".dialect normal\nf:  mov %r0,XDP_PASS # let it go\n    exit\n");
/// # Ok::<(), skep_asm::RewriteError>(())
/// ```
pub fn rewrite(source: &str, name: &str, to: Dialect, options: &Options) -> Result<String, RewriteError> {
    let elements = elements(source, dialect(source, options)?);
    let macros = macro_names(source, &elements);
    let writer = Writer::new(to);
    let rewriter = Rewriter { source, macros: &macros, to, writer: &writer };
    let mut out = String::with_capacity(source.len() + 32);
    // How far the text of the line is from where it was.
    let mut moved = false;
    let mut announced = to == Dialect::Pseudoc;
    for (index, element) in elements.iter().enumerate() {
        let text = &source[element.span.at..][..element.span.len];
        match element.kind {
            Kind::Statement => {
                let new = rewriter.statement(text, element)?;
                if !announced {
                    announced = true;
                    if !text.starts_with(".dialect") && element.dialect != to {
                        let start = out.rfind('\n').map_or(0, |at| at + 1);
                        out.insert_str(start, ".dialect normal\n");
                    }
                }
                moved |= new != text;
                out.push_str(&new);
            }
            Kind::Comment if element.dialect == to || text.starts_with('#') || text.starts_with("/*") => {
                out.push_str(text);
            }
            Kind::Comment => {
                out.push('#');
                out.push_str(text.trim_start_matches(['/', ';']));
            }
            Kind::Separator if to == Dialect::Normal => out.push('`'),
            Kind::Separator => out.push(';'),
            Kind::LineEnd => {
                moved = false;
                out.push('\n');
            }
            Kind::Blank => {
                let next = elements.get(index + 1);
                let comment = next.filter(|next| next.kind == Kind::Comment && moved && !text.contains('\t'));
                match comment {
                    Some(comment) => {
                        let column = column(source, comment.span.at);
                        let width = column.saturating_sub(column_of_end(&out)).max(1);
                        out.extend(std::iter::repeat_n(' ', width));
                    }
                    None => out.push_str(text),
                }
            }
        }
    }
    let bare = Options { lines: false, ..options.clone() };
    let before = assemble_with(source, name, &bare).map_err(RewriteError::Source)?;
    let after = assemble_with(&out, name, &bare).map_err(|_| RewriteError::Differs)?;
    match (before.to_elf(), after.to_elf()) {
        (Ok(before), Ok(after)) if before == after => Ok(out),
        _ => Err(RewriteError::Differs),
    }
}

/// The dialect that a source starts in.
pub(crate) fn dialect(source: &str, options: &Options) -> Result<Dialect, RewriteError> {
    let language = options.language.or_else(|| {
        let detected = detect(source);
        detected.evidence.is_some().then_some(detected.language)
    });
    match language {
        Some(language @ (Language::Pseudoc | Language::Normal)) => Ok(language.dialect()),
        Some(language) => Err(RewriteError::Language(language)),
        None => Ok(options.dialect),
    }
}

/// How many characters stand before a place in its line.
fn column(text: &str, at: usize) -> usize {
    column_of_end(&text[..at])
}

fn column_of_end(text: &str) -> usize {
    text[text.rfind('\n').map_or(0, |at| at + 1)..].chars().count()
}

/// The macros that a source defines.
fn macro_names<'s>(source: &'s str, elements: &[Element]) -> HashSet<&'s str> {
    let statements = elements.iter().filter(|element| element.kind == Kind::Statement);
    let names = statements.filter_map(|element| {
        let text = &source[element.span.at..][..element.span.len];
        let mut cursor = Cursor::new(&text[labels_len(text)..], 0);
        let (word, _) = cursor.name()?;
        (Directive::by_name(word) == Some(Directive::Expands(Expands::Macro)))
            .then(|| cursor.name().map(|(name, _)| name))?
    });
    names.collect()
}

struct Rewriter<'r> {
    source: &'r str,
    macros: &'r HashSet<&'r str>,
    to: Dialect,
    writer: &'r Writer,
}

impl Rewriter<'_> {
    fn statement(&self, text: &str, element: &Element) -> Result<String, RewriteError> {
        let (labels, rest) = text.split_at(labels_len(text));
        if rest.is_empty() || self.macros.contains(&rest[..word_len(rest)]) {
            return Ok(text.to_owned());
        }
        let mut cursor = Cursor::new(rest, 0);
        if let Some((name, _)) = cursor.name() {
            match Directive::by_name(name) {
                Some(Directive::Dialect) => return Ok(format!("{labels}.dialect {}", self.to.name())),
                Some(Directive::AlignByDialect) if element.dialect != self.to => {
                    let align = if element.dialect == Dialect::Pseudoc { ".balign" } else { ".p2align" };
                    return Ok(format!("{labels}{align}{}", &rest[name.len()..]));
                }
                Some(_) => return Ok(format!("{labels}{}", self.directive(rest, element.dialect))),
                None if name.starts_with('.') || is_assignment(&mut cursor, name) => {
                    return Ok(text.to_owned());
                }
                None => {}
            }
        }
        if element.dialect == self.to {
            return Ok(text.to_owned());
        }
        let found = rewritten(rest, element.dialect, self.to, self.writer)
            .or_else(|| self.with_parameters(rest, element.dialect));
        match found {
            Some(found) => Ok(format!("{labels}{found}")),
            None => {
                let line = line_starts(self.source).partition_point(|&start| start <= element.span.at);
                let (line, text) = (line as u32, rest.to_owned());
                Err(RewriteError::Statement { line, text, to: self.to })
            }
        }
    }

    /// A directive over several lines may have comments and separators of its own in its braces.
    fn directive(&self, text: &str, from: Dialect) -> String {
        if from == self.to || !text.contains('{') {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                out.push('\n');
            }
            let comment =
                [line.find('#'), line.find("//"), line.find(';').filter(|_| from == Dialect::Normal)]
                    .into_iter()
                    .flatten()
                    .min();
            let (code, comment) = line.split_at(comment.unwrap_or(line.len()));
            out.push_str(&code.replace(';', "\n"));
            if !comment.is_empty() {
                out.push('#');
                out.push_str(comment.trim_start_matches(['#', '/', ';']));
            }
        }
        out
    }

    /// An instruction of a macro's body: its parameters are tried as registers and as numbers.
    fn with_parameters(&self, text: &str, from: Dialect) -> Option<String> {
        /// Most different parameters in one instruction.
        const MOST: usize = 4;
        let mut parameters: Vec<&str> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let len = word_len(&text[at..]);
            let word = &text[at..at + len];
            if word.contains('\\') && !parameters.contains(&word) {
                parameters.push(word);
            }
            at += len.max(text[at..].chars().next().map_or(1, char::len_utf8));
        }
        if parameters.is_empty() || parameters.len() > MOST {
            return None;
        }
        // Longer ones first: one may start as another does.
        parameters.sort_by_key(|parameter| std::cmp::Reverse(parameter.len()));
        let kinds = 3usize;
        (0..kinds.pow(parameters.len() as u32)).find_map(|choice| {
            let stand_in = |index: usize| match choice / kinds.pow(index as u32) % kinds {
                // No program has registers above r10.
                0 => format!("r{}", 11 + index),
                1 => format!("w{}", 11 + index),
                _ => format!("skep.parameter.{index}"),
            };
            let filled = parameters
                .iter()
                .enumerate()
                .fold(text.to_owned(), |text, (index, parameter)| text.replace(parameter, &stand_in(index)));
            let mut found = rewritten(&filled, from, self.to, self.writer)?;
            for (index, parameter) in parameters.iter().enumerate() {
                let name = stand_in(index);
                found = found.replace(&format!("%{name}"), parameter);
                found = found.replace(&name, parameter);
            }
            (!found.contains("skep.parameter")).then_some(found)
        })
    }
}
