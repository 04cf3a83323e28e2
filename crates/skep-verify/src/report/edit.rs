//! A change of a source file that a suggestion comes with, as machines apply it: places, what stands there, and what is
//! to stand there instead. It changes text that it is given; it reads and writes no files.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

/// How far an edit can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applicability {
    /// It adds the check that is missing, and nothing else changes.
    Certain,
    /// It makes a program that is accepted, and that may be another than was meant.
    Maybe,
    /// It has words in it that somebody has to replace.
    HasPlaceholders,
}

impl Applicability {
    /// A word for programs to read: `certain`, `maybe`, `has-placeholders`.
    pub const fn name(self) -> &'static str {
        match self {
            Applicability::Certain => "certain",
            Applicability::Maybe => "maybe",
            Applicability::HasPlaceholders => "has-placeholders",
        }
    }
}

/// A place in a text: line and column, from 1; columns count bytes, as compilers' line information does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in bytes.
    pub column: u32,
}

/// A part of the text that is replaced: an insertion if what stands there is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Where it starts.
    pub start: Point,
    /// One past where it ends.
    pub end: Point,
    /// What stands there.
    pub old: String,
    /// What is to stand there.
    pub new: String,
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file, as the program's line information names it.
    pub file: Arc<str>,
    /// How far it can be trusted.
    pub applicability: Applicability,
    /// What is replaced, in the order of the text; none overlaps another.
    pub replacements: Vec<Replacement>,
    /// The lines that change, as they were and as they are to be: each with its number, the first by the old text.
    lines: Vec<Changed>,
}

/// Neighbouring lines that change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Changed {
    /// The number of the first, in the old text.
    line: u32,
    before: Vec<String>,
    after: Vec<String>,
}

/// Why an edit is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The text is not the one that the edit was made for.
    Differs {
        /// Where.
        at: Point,
        /// What the edit replaces.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The text has no such place.
    Outside {
        /// The place.
        at: Point,
    },
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EditError::Differs { at, expected, found } => write!(
                f,
                "line {}, column {}: expected `{expected}`, found `{found}`: this is not the source that was compiled",
                at.line, at.column
            ),
            EditError::Outside { at } => write!(
                f,
                "the file has no line {}, column {}: this is not the source that was compiled",
                at.line, at.column
            ),
        }
    }
}

impl std::error::Error for EditError {}

impl Edit {
    /// An edit of this text that replaces these ranges of it; none if they overlap or lie outside.
    pub(super) fn new(
        file: Arc<str>,
        text: &str,
        applicability: Applicability,
        mut parts: Vec<(Range<usize>, String)>,
    ) -> Option<Edit> {
        parts.sort_by_key(|(range, _)| range.start);
        let apart = parts.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start);
        let starts = line_starts(text);
        let replacements = parts
            .into_iter()
            .map(|(range, new)| {
                let old = text.get(range.clone())?.to_owned();
                Some(Replacement {
                    start: point(&starts, range.start),
                    end: point(&starts, range.end),
                    old,
                    new,
                })
            })
            .collect::<Option<Vec<_>>>()
            .filter(|parts| apart && !parts.is_empty())?;
        let mut edit = Edit { file, applicability, replacements, lines: Vec::new() };
        edit.lines = edit.changed_lines(text);
        Some(edit)
    }

    /// The text as it is to be.
    pub fn apply(&self, text: &str) -> Result<String, EditError> {
        let starts = line_starts(text);
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for part in &self.replacements {
            let from = offset(text, &starts, part.start).ok_or(EditError::Outside { at: part.start })?;
            let end = from + part.old.len();
            let found = text.get(from..end.min(text.len())).unwrap_or_default();
            if found != part.old || from < done {
                let (expected, found) = (part.old.clone(), found.to_owned());
                return Err(EditError::Differs { at: part.start, expected, found });
            }
            out.push_str(&text[done..from]);
            out.push_str(&part.new);
            done = end;
        }
        out.push_str(&text[done..]);
        Ok(out)
    }

    /// The lines that are touched, as they are and as they are to be.
    fn changed_lines(&self, text: &str) -> Vec<Changed> {
        let lines: Vec<&str> = text.split('\n').collect();
        let mut groups: Vec<(u32, u32, Vec<&Replacement>)> = Vec::new();
        for part in &self.replacements {
            match groups.last_mut() {
                Some((_, last, parts)) if part.start.line <= *last + 1 => {
                    *last = part.end.line.max(*last);
                    parts.push(part);
                }
                _ => groups.push((part.start.line, part.end.line, vec![part])),
            }
        }
        groups
            .into_iter()
            .map(|(first, last, parts)| {
                let (from, to) = (first as usize - 1, (last as usize).min(lines.len()));
                let before: Vec<String> = lines[from..to].iter().map(|line| (*line).to_owned()).collect();
                let whole = before.join("\n");
                let start_of = |at: Point| {
                    let lines = before[..(at.line - first) as usize].iter();
                    lines.map(|line| line.len() + 1).sum::<usize>() + at.column as usize - 1
                };
                let mut after = whole.clone();
                for part in parts.iter().rev() {
                    after.replace_range(start_of(part.start)..start_of(part.end), &part.new);
                }
                let after = after.split('\n').map(str::to_owned).collect();
                trimmed(Changed { line: first, before, after })
            })
            .collect()
    }

    /// The change as a unified diff without context, for people and for `patch`.
    pub fn diff(&self) -> String {
        let mut out = format!("--- {0}\n+++ {0}\n", self.file);
        let mut moved = 0i64;
        for Changed { line, before, after } in &self.lines {
            // An empty side is named by the line before it.
            let at = |line: i64, count: usize| if count == 0 { line - 1 } else { line };
            let old = at(i64::from(*line), before.len());
            let new = at(i64::from(*line) + moved, after.len());
            let _ = writeln!(out, "@@ -{old},{} +{new},{} @@", before.len(), after.len());
            for (mark, lines) in [('-', before), ('+', after)] {
                for line in lines {
                    let _ = writeln!(out, "{mark}{line}");
                }
            }
            moved += after.len() as i64 - before.len() as i64;
        }
        out
    }
}

impl fmt::Display for Edit {
    /// The lines that go and those that come, with their numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Changed { line, before, after } in &self.lines {
            for (mark, lines) in [('-', before), ('+', after)] {
                for (number, text) in (*line..).zip(lines) {
                    write!(f, "\n  {number:>4} {mark} {}", text.trim_end())?;
                }
            }
        }
        Ok(())
    }
}

/// Without the lines at both ends that stay as they are.
fn trimmed(mut changed: Changed) -> Changed {
    while let (Some(a), Some(b)) = (changed.before.first(), changed.after.first())
        && a == b
    {
        changed.before.remove(0);
        changed.after.remove(0);
        changed.line += 1;
    }
    while let (Some(a), Some(b)) = (changed.before.last(), changed.after.last())
        && a == b
    {
        changed.before.pop();
        changed.after.pop();
    }
    changed
}

/// Where the lines of a text start.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The place of a byte.
fn point(starts: &[usize], at: usize) -> Point {
    let line = starts.partition_point(|start| *start <= at);
    Point { line: line as u32, column: (at - starts[line - 1]) as u32 + 1 }
}

/// The byte at a place, which is in its line or at its end.
pub(super) fn offset(text: &str, starts: &[usize], at: Point) -> Option<usize> {
    let start = *starts.get((at.line as usize).checked_sub(1)?)?;
    let end = starts.get(at.line as usize).map_or(text.len(), |next| next - 1);
    let offset = start + (at.column as usize).checked_sub(1)?;
    (offset <= end && text.is_char_boundary(offset)).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\ntwo\nthree\n";

    fn edit(parts: Vec<(Range<usize>, String)>) -> Edit {
        Edit::new("a.c".into(), TEXT, Applicability::Certain, parts).expect("an edit")
    }

    #[test]
    fn an_insertion_and_a_replacement_are_applied_and_shown() {
        let edit = edit(vec![(8..13, "3".into()), (4..4, "half\n".into())]);
        assert_eq!(edit.apply(TEXT).as_deref(), Ok("one\nhalf\ntwo\n3\n"));
        assert_eq!(edit.replacements[1].start, Point { line: 3, column: 1 });
        assert_eq!(
            edit.to_string(),
            "\n     2 - two\n     3 - three\n     2 + half\n     3 + two\n     4 + 3"
        );
    }

    #[test]
    fn an_inserted_line_alone_is_shown_alone() {
        let edit = edit(vec![(4..4, "half\n".into())]);
        assert_eq!(edit.to_string(), "\n     2 + half");
        assert_eq!(edit.diff(), "--- a.c\n+++ a.c\n@@ -1,0 +2,1 @@\n+half\n");
    }

    #[test]
    fn another_text_is_refused() {
        let edit = edit(vec![(4..7, "2".into())]);
        let error = edit.apply("one\nto\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2, column 1: expected `two`, found `to\n`"), "{error}");
        assert_eq!(edit.apply("one"), Err(EditError::Outside { at: Point { line: 2, column: 1 } }));
        assert!(Edit::new("a.c".into(), TEXT, Applicability::Maybe, vec![]).is_none());
        let overlapping = vec![(0..3, String::new()), (2..4, String::new())];
        assert!(Edit::new("a.c".into(), TEXT, Applicability::Maybe, overlapping).is_none());
    }
}
