//! What compilers say, taken apart: `file:line:column: severity: text`, as clang and GCC have it.

use std::fmt;
use std::path::PathBuf;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// An explanation of the message before it.
    Note,
    /// An object was made all the same.
    Warning,
    /// None was made.
    Error,
}

impl Severity {
    /// The word that compilers write.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One message of a compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How bad it is.
    pub severity: Severity,
    /// The file it is about.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1; 0 if the compiler names none.
    pub column: u32,
    /// What is wrong, in the compiler's words.
    pub text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { severity, path, line, column, text } = self;
        write!(f, "{}:{line}:{column}: {}: {text}", path.display(), severity.name())
    }
}

/// The messages in what a compiler wrote to standard error. Lines that are none (snippets of source, inclusion
/// chains) are left out: whoever shows a message has the source.
///
/// ```
/// use skep::compile::{Severity, messages};
///
/// let said = "a.c:3:9: error: use of undeclared identifier 'x'\n    3 |  return x;\n      |         ^\n";
/// let [message] = &messages(said)[..] else { panic!() };
/// assert_eq!((message.severity, message.line, message.column), (Severity::Error, 3, 9));
/// assert_eq!(message.text, "use of undeclared identifier 'x'");
/// ```
pub fn messages(said: &str) -> Vec<Message> {
    said.lines().filter_map(message).collect()
}

fn message(line: &str) -> Option<Message> {
    const SEVERITIES: [(&str, Severity); 4] = [
        (": fatal error: ", Severity::Error),
        (": error: ", Severity::Error),
        (": warning: ", Severity::Warning),
        (": note: ", Severity::Note),
    ];
    let (at, word, severity) = SEVERITIES
        .into_iter()
        .filter_map(|(word, severity)| Some((line.find(word)?, word, severity)))
        .min_by_key(|found| found.0)?;
    let (place, text) = (&line[..at], &line[at + word.len()..]);
    // From the right, since paths may have colons. GCC gives some messages a line only.
    let (rest, last) = place.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    let (path, line, column) = match rest.rsplit_once(':').and_then(|(path, n)| Some((path, n.parse().ok()?)))
    {
        Some((path, line)) => (path, line, last),
        None => (rest, last, 0),
    };
    Some(Message { severity, path: path.into(), line, column, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_the_right() {
        let cases = [
            ("a:b.c:3:9: error: x: y", Some(("a:b.c", 3, 9, "x: y"))),
            ("a.c:24: warning: w", Some(("a.c", 24, 0, "w"))),
            ("fatal error: error in backend: oops", None),
            ("In file included from a.c:4:", None),
            ("clang: error: no input files", None),
        ];
        for (line, expected) in cases {
            let read = message(line);
            let read = read.as_ref().map(|m| (m.path.to_str().unwrap(), m.line, m.column, m.text.as_str()));
            assert_eq!(read, expected, "{line}");
        }
    }
}
