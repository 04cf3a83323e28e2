//! How a verb fails: what is printed, and the exit status.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use skep::source::SourceError;

/// Why a verb did not do what was asked.
pub(crate) enum Failure {
    /// One line that says what, why and what to do.
    Message(String),
    /// A source file with mistakes, to be shown in place.
    Source(Box<SourceError>),
    /// Everything has been said already; only the exit status is left.
    Said,
    /// Whoever read standard output went away.
    Closed,
}

impl Failure {
    /// Says what is left to say, on standard error.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Failure::Message(message) => eprintln!("skep: {message}"),
            Failure::Source(error) => source(&error),
            Failure::Said => {}
            // As other tools in a pipe: the reader has had enough, and that is no mistake.
            Failure::Closed => return ExitCode::SUCCESS,
        }
        ExitCode::FAILURE
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Message(format!("can't write: {error}")),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::Source(Box::new(error))
    }
}

/// Makes an error of any library the one line of a failure.
macro_rules! messages {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::Message(error.to_string())
            }
        })*
    };
}

messages!(
    skep::host::HostError,
    crate::capture::CaptureError,
    skep::obj::LinkError,
    skep::obj::RelocateError,
    skep::obj::WriteError,
    skep_lsp::LspError
);

/// Whether messages may be coloured: standard error is a terminal, and nobody asked otherwise.
fn coloured() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn source(error: &SourceError) {
    let SourceError::Assembly { path, text, errors } = error else {
        eprintln!("skep: {error}");
        return;
    };
    let renderer = if coloured() { Renderer::styled() } else { Renderer::plain() };
    let path = path.to_string_lossy();
    let starts = line_starts(text);
    for error in errors {
        // Of included files there is no text here.
        if let Some(file) = &error.file {
            eprintln!("error: {file}:{error}");
            continue;
        }
        let start = starts.get(error.line.saturating_sub(1) as usize).copied().unwrap_or(text.len());
        let from = (start + error.column.saturating_sub(1) as usize).min(text.len());
        let to = (from + error.len as usize).min(text.len());
        let mut group = Level::ERROR.primary_title(error.message.as_str()).element(
            Snippet::source(text.as_str())
                .path(path.as_ref())
                .annotation(AnnotationKind::Primary.span(from..to)),
        );
        if let Some(help) = &error.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let uses: Vec<String> = error.uses.iter().map(ToString::to_string).collect();
        for place in &uses {
            group = group.element(Level::NOTE.message(place.as_str()));
        }
        eprintln!("{}", renderer.render(&[group]));
    }
}

/// Where each line starts, in bytes.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
