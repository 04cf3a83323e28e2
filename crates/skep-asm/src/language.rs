//! Sources in other languages than the two dialects: told by [`skep_isa::text::detect`], translated line by line
//! before anything else reads them, and errors led back to what was written.
//!
//! Labels, directives and comments stay. uBPF's label `exit`, which nobody defines, is its first `exit`; the
//! kernel's numbers of slots, heads of functions and source lines go.

use std::borrow::Cow;
use std::collections::HashMap;

use skep_isa::text::foreign::{self, Language, Rewritten, kernel, log};
use skep_isa::text::{Detected, TextError, detect};

use crate::dialect::reader;
use crate::error::{AsmError, AsmErrors, Cause};
use crate::source::MAX_SOURCE_BYTES;
use crate::{Options, cursor};

/// Runs `assemble` over a source in any language, as text of one of the dialects.
pub(crate) fn with<T>(
    source: &str,
    name: &str,
    options: &Options,
    assemble: impl FnOnce(&str, &Options) -> Result<T, AsmErrors>,
) -> Result<T, AsmErrors> {
    // Such a source is refused by what follows; there is no use in a copy of it.
    if source.len() > MAX_SOURCE_BYTES {
        return assemble(source, options);
    }
    let detected = options.language.is_none().then(|| detect(source));
    let language = match (options.language, &detected) {
        (Some(language), _) => language,
        (None, Some(Detected { evidence: Some(_), language, .. })) => *language,
        (None, _) => options.dialect.into(),
    };
    let options = Options { dialect: language.dialect(), ..options.clone() };
    let translated = Translated::new(source, language);
    let done = translated.and_then(|translated| {
        assemble(&translated.text, &options)
            .map_err(|errors| translated.led_back(errors.errors, &errors.file))
    });
    done.map_err(|mut errors| {
        name.clone_into(&mut errors.file);
        if let Some(detected) = detected {
            say(&mut errors, &detected);
        }
        errors
    })
}

/// Adds to the first error what the source was taken for, unless that is plain.
fn say(errors: &mut AsmErrors, detected: &Detected) {
    let Some((line, text)) = &detected.evidence else { return };
    if detected.language == Language::Pseudoc && detected.votes.1 == 0 {
        return;
    }
    let Some(first) = errors.errors.first_mut() else { return };
    let note = format!("read as {}, because of line {line}: `{text}`", title(detected.language));
    first.help = Some(match first.help.take() {
        Some(help) => format!("{help}; {note}"),
        None => note,
    });
}

/// What a language is called in messages.
fn title(language: Language) -> &'static str {
    match language {
        Language::Pseudoc => "pseudo-C",
        Language::Normal => "GNU's mnemonics",
        Language::Ubpf => "uBPF's assembly",
        Language::Rbpf => "rbpf's assembly",
        Language::Kernel => "a dump by bpftool or the kernel",
        Language::Log => "a verifier's log",
        _ => language.name(),
    }
}

/// A source in one of the dialects, and where its lines come from.
struct Translated<'a> {
    text: Cow<'a, str>,
    /// Lines that were rewritten, from 1: where the statement starts in the line, how long it was, and what it is.
    lines: HashMap<u32, (usize, usize, Rewritten)>,
}

impl<'a> Translated<'a> {
    fn new(source: &'a str, language: Language) -> Result<Translated<'a>, AsmErrors> {
        match language {
            Language::Pseudoc => Ok(Translated { text: source.into(), lines: HashMap::new() }),
            Language::Log => from_log(source),
            _ => Translated::by_lines(source, language),
        }
    }

    fn by_lines(source: &'a str, language: Language) -> Result<Translated<'a>, AsmErrors> {
        let kernel = language == Language::Kernel;
        let blanked = kernel.then(|| kernel::only_insns(source));
        let source: Cow<'a, str> = blanked.map_or(source.into(), Into::into);
        let mut exit = if kernel { None } else { missing_exit(&source) };
        let mut out = String::with_capacity(source.len() + source.len() / 8);
        let mut lines = HashMap::new();
        let mut errors = Vec::new();
        for (number, line) in (1u32..).zip(source.split_inclusive('\n')) {
            let (start, end) = statement(line, kernel);
            let statement = &line[start..end];
            let label = exit.take_if(|line| *line == number).is_some();
            if kernel
                && kernel::split(statement).opcode.is_some()
                && let Err(error) = foreign::read(language, reader(language.dialect()), statement, &|_| None)
            {
                errors.push(insn_error(number, start, error));
            }
            let rewritten = match foreign::rewrite(language, statement) {
                None if label => {
                    Some(Rewritten::default().word("exit: ").piece(statement, 0..statement.len()))
                }
                rewritten => rewritten,
            };
            let Some(rewritten) = rewritten else {
                // What follows a semicolon in the kernel's text is no statement.
                out.push_str(&line[..end]);
                out.push_str(if kernel { line_end(line) } else { &line[end..] });
                continue;
            };
            out.push_str(&line[..start]);
            out.push_str(rewritten.text());
            out.push_str(if kernel { line_end(line) } else { &line[end..] });
            lines.insert(number, (start, statement.len(), rewritten));
        }
        if errors.is_empty() {
            return Ok(Translated { text: out.into(), lines });
        }
        errors.truncate(crate::MAX_ERRORS);
        Err(AsmErrors { file: String::new(), errors })
    }

    /// Errors with columns as they were written.
    fn led_back(&self, mut errors: Vec<AsmError>, file: &str) -> AsmErrors {
        // Lines of other files are as they are.
        for error in errors.iter_mut().filter(|error| error.file.is_none()) {
            let Some((start, len, rewritten)) = self.lines.get(&error.line) else { continue };
            let Some(at) = (error.column as usize - 1).checked_sub(*start) else { continue };
            let (at, len) = rewritten.source(at, error.len as usize, *len);
            error.column = (start + at + 1) as u32;
            error.len = len as u32;
        }
        AsmErrors { file: file.to_owned(), errors }
    }
}

/// Where the statement of a line starts and ends: after labels, before a comment.
fn statement(line: &str, kernel: bool) -> (usize, usize) {
    let mut start = line.len() - line.trim_start().len();
    // A kernel's number of a slot is blanked already, and its functions have a number sign.
    let comments: &[&str] = if kernel { &[";", "//"] } else { &["#", ";", "//"] };
    let end = comments.iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    let end = line[..end].trim_end().len();
    if end <= start || line[start..].starts_with(['.', '#']) {
        return (end, end);
    }
    while let Some((name, _)) = line[start..end].split_once(':') {
        let word = !name.is_empty() && name.bytes().all(cursor::is_name);
        if !word {
            break;
        }
        start += name.len() + 1;
        start += line[start..end].len() - line[start..end].trim_start().len();
    }
    (start, end)
}

fn line_end(line: &str) -> &str {
    if line.ends_with('\n') { "\n" } else { "" }
}

/// The line of the first `exit`, from 1, if the source jumps to that word and has no such label.
fn missing_exit(source: &str) -> Option<u32> {
    let mut first = None;
    let mut wanted = false;
    for (number, line) in (1u32..).zip(source.lines()) {
        if line.trim_start().starts_with("exit:") {
            return None;
        }
        let (start, end) = statement(line, false);
        let statement = &line[start..end];
        if statement == "exit" {
            first.get_or_insert(number);
        } else if statement.starts_with('j') && statement.ends_with("exit") {
            wanted |= statement.trim_end_matches("exit").ends_with([' ', ',']);
        }
    }
    first.filter(|_| wanted)
}

/// A log's program, if the log has all of it.
fn from_log(source: &str) -> Result<Translated<'_>, AsmErrors> {
    let refused = |error| AsmErrors { file: String::new(), errors: vec![error] };
    let listing = log::read(source, reader(Language::Log.dialect())).map_err(|error| {
        refused(match error {
            log::LogError::Insn { line, error } => insn_error(line as u32, 0, error),
            other => plain_error(other.line() as u32, "the log of one program", &other.to_string()),
        })
    })?;
    if let Some(gap) = listing.gaps().first() {
        let found = format!("a log without slot {}", gap.start);
        let mut error = plain_error(1, "every slot of the program", &found);
        error.help = Some("`skep asm --from-log` fills what the verifier never came to".to_owned());
        return Err(refused(error));
    }
    Ok(Translated { text: listing.source().into(), lines: HashMap::new() })
}

fn insn_error(line: u32, start: usize, error: TextError) -> AsmError {
    let (column, len, message) = ((start + error.at + 1) as u32, error.len as u32, error.to_string());
    AsmError {
        line,
        column,
        len,
        cause: Cause::Insn(error),
        message,
        help: None,
        file: None,
        uses: Vec::new(),
    }
}

fn plain_error(line: u32, expected: &str, found: &str) -> AsmError {
    let cause = Cause::Expected { expected: expected.to_owned(), found: found.to_owned() };
    AsmError {
        line,
        column: 1,
        len: 0,
        message: cause.to_string(),
        cause,
        help: None,
        file: None,
        uses: Vec::new(),
    }
}
