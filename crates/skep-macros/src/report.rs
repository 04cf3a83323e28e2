//! An assembler's error as a message of the Rust compiler: what is wrong, and the line of the Rust file with a mark.

use std::fmt::Write as _;

use proc_macro::Span;
use skep_asm::AsmError;

use crate::literal::Text;

/// An error and what it underlines.
pub(crate) struct Report {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// Where the literal starts: line and column in characters, from 1.
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// An error in words. `above` lines were put above the literal's value for the assembler.
pub(crate) fn message(error: &AsmError, above: usize, text: &Text, place: &Place) -> String {
    let mut message = error.message.clone();
    let line = (error.line as usize).saturating_sub(above + 1);
    let column = error.column.saturating_sub(1) as usize;
    let start: usize = text.value().split_inclusive('\n').take(line).map(str::len).sum();
    let shown = text.value()[start..].lines().next().unwrap_or_default();
    let (below, characters) = text.line_and_column(start + column);
    let (number, first) = (place.line + below, if below == 0 { place.column } else { 1 });
    let margin = number.to_string().len();
    // Tabs stay tabs, so that the mark stands below what it marks.
    let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
    let indent: String = shown.get(..column).unwrap_or(shown).chars().map(blank).collect();
    let marked = shown.get(column..).unwrap_or_default();
    let marks = marked.get(..error.len as usize).unwrap_or(marked).chars().count().max(1);
    // Writing to a string can't fail.
    let _ = write!(
        message,
        "\n{:margin$}--> {}:{number}:{}\n{:margin$} |\n{number} | {shown}\n{:margin$} | {indent}{}",
        "",
        place.file,
        first + characters,
        "",
        "",
        "^".repeat(marks)
    );
    for used in &error.uses {
        let _ = write!(message, "\n{:margin$} = note: in {}", "", used.what);
    }
    if let Some(help) = &error.help {
        let _ = write!(message, "\n{:margin$} = help: {help}", "");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(literal: &str) -> Vec<String> {
        let text = Text::parse(literal).expect("a string");
        let place = Place { file: "a.rs".into(), line: 7, column: 20 };
        let above = if text.is_verbatim() { place.line - 1 } else { 0 };
        let errors = skep_asm::assemble(&("\n".repeat(above) + text.value()), "a.rs").expect_err("an error");
        errors.errors.iter().map(|error| message(error, above, &text, &place)).collect()
    }

    #[test]
    fn an_error_shows_its_line_and_its_place_in_the_rust_file() {
        let message = &shown("r#\"\n  .section xdp\n  f:\n\tgtoo out\n\texit\n\"#")[0];
        let (what, rest) = message.split_once('\n').expect("lines");
        assert!(what.contains("`gtoo`"), "{what}");
        assert!(rest.starts_with("  --> a.rs:10:2\n   |\n10 | \tgtoo out\n   | \t^^^^"), "{rest}");
    }

    #[test]
    fn on_the_first_line_the_column_counts_from_where_the_literal_starts() {
        let message = &shown("\".section xdp; f: r0 = r77; exit\"")[0];
        assert!(message.contains("\n --> a.rs:7:43\n"), "{message}");
    }

    #[test]
    fn escapes_count_as_they_are_written() {
        let message = &shown("\".section xdp\\nf:\\n gtoo out\\n exit\"")[0];
        // The quote, 12 characters, `\\n`, 2, `\\n` and a blank stand before it.
        assert!(message.contains("\n --> a.rs:7:40\n  |\n7 |  gtoo out\n  |  ^^^^"), "{message}");
    }

    #[test]
    fn every_error_is_told() {
        assert_eq!(shown("r\"\nx\ny\n\"").len(), 2);
    }
}
