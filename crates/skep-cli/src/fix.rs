//! Suggestions as changes of the source: the text behind a report is found and looked at, and `skep verify --fix`
//! follows suggestions until the program is accepted. It prints what it changes, and writes only where `--write` says so.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use skep::obj::Program;
use skep::verify::report::{Applicability, Edit, Report};

use crate::failure::Failure;
use crate::output::Output;
use crate::verify::{self, Options, Trust};

/// Most bytes of a source that is looked at for an edit.
const MAX_SOURCE_BYTES: u64 = 16 << 20;

/// Most suggestions that are followed in one file: each is a compilation.
const MAX_EDITS: usize = 32;

/// Adds to a report the edit that follows its suggestion, if the C source that the program was made of is there.
pub(crate) fn mend(report: &mut Report, program: &Program, prog: &Path) {
    let Some(named) = report.source.as_ref().map(|source| source.file.clone()) else { return };
    if let Some(text) = source_path(&named, prog).and_then(|path| read(&path).ok()) {
        report.mend(program, &text);
    }
}

/// Where the file is that line information names: there, or beside the program.
fn source_path(named: &str, prog: &Path) -> Option<PathBuf> {
    let named = Path::new(named);
    let is_c = named.extension().is_some_and(|end| end == "c" || end == "h");
    let beside = || prog.parent().map(|folder| folder.join(named));
    let name_alone = || Some(prog.parent()?.join(named.file_name()?));
    is_c.then(|| named.to_owned())
        .into_iter()
        .chain(beside())
        .chain(name_alone())
        .find(|path| is_c && path.is_file())
}

fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_SOURCE_BYTES {
        let why = format!("expected at most {MAX_SOURCE_BYTES} bytes");
        return Err(std::io::Error::other(why));
    }
    std::fs::read_to_string(path)
}

/// A file with the source as changed so far, in a folder that is gone when this is dropped.
struct Scratch {
    folder: PathBuf,
    file: PathBuf,
}

impl Scratch {
    fn new(name: &Path) -> Result<Scratch, Failure> {
        let folder = std::env::temp_dir().join(format!("skep-fix-{}", std::process::id()));
        std::fs::create_dir(&folder)
            .map_err(|error| Failure::Message(format!("can't make {}: {error}", folder.display())))?;
        let file = folder.join(name.file_name().unwrap_or(name.as_os_str()));
        Ok(Scratch { folder, file })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is in the place for temporary files: whoever cleans that cleans this.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What became of a file whose suggestions were followed.
struct Fixed {
    before: String,
    text: String,
    edits: Vec<Edit>,
    /// The first program that is still refused.
    refused: Option<Report>,
    /// Why the next edit was not made, if it was tried.
    failed: Option<String>,
}

/// Follows the suggestions for a file until its programs are accepted, or there is none to follow.
pub(crate) fn fix(options: &Options, trust: Trust) -> Result<(), Failure> {
    let prog = &options.source.prog;
    let file = prog.display();
    if prog.extension().is_none_or(|end| end != "c") {
        return Err(Failure::Message(format!("--fix changes C source, expected a file `….c`, found {file}")));
    }
    let text =
        read(prog).map_err(|error| Failure::Message(format!("can't read {}: {error}", prog.display())))?;
    let fixed = follow(options, trust, text)?;
    let written = options.write && !fixed.edits.is_empty();
    if written {
        if read(prog).ok().as_ref() != Some(&fixed.before) {
            return Err(Failure::Message(format!("{file} was changed meanwhile: it is left as it is")));
        }
        std::fs::write(prog, &fixed.text)
            .map_err(|error| Failure::Message(format!("can't write {file}: {error}")))?;
    }
    let mut out = Output::new();
    if options.json {
        let edits: Vec<Value> = fixed.edits.iter().map(verify::edit_json).collect();
        out.json(&json!({
            "file": prog, "edits": edits, "accepted": fixed.refused.is_none(), "written": written,
            "report": fixed.refused.as_ref().map(verify::explained),
        }))?;
    } else {
        for edit in &fixed.edits {
            write!(out, "{}", edit.diff())?;
        }
    }
    out.finish()?;
    if !options.json {
        say(&fixed, trust, written, prog);
    }
    if fixed.refused.is_some() { Err(Failure::Said) } else { Ok(()) }
}

/// The words beside the diff, where they don't mix with it.
fn say(fixed: &Fixed, trust: Trust, written: bool, prog: &Path) {
    let file = prog.display();
    let changes = match fixed.edits.len() {
        1 => "1 change".to_owned(),
        several => format!("{several} changes"),
    };
    match &fixed.refused {
        None if fixed.edits.is_empty() => eprintln!("skep: {file}: accepted as it is"),
        None if written => eprintln!("skep: {file}: {changes} written; accepted"),
        None => eprintln!("skep: {file}: accepted with {changes}; --write makes them"),
        Some(report) => {
            eprint!("{report}");
            let edit = report.suggestion.as_ref().and_then(|suggestion| suggestion.edit.as_ref());
            let why = match edit.map(|edit| edit.applicability) {
                Some(Applicability::Maybe) if trust == Trust::Certain => {
                    "the change above may not be what was meant: --fix=maybe makes it, too"
                }
                Some(Applicability::HasPlaceholders) => {
                    "the change above has words in it that you have to replace"
                }
                Some(_) if fixed.failed.is_some() => "what the change above makes is no C",
                Some(_) => "the change above does not help",
                None => "there is no change that a machine could make",
            };
            let done = if written { "written" } else { "found" };
            eprintln!("skep: {file}: still refused, {changes} {done}; {why}");
        }
    }
}

fn follow(options: &Options, trust: Trust, text: String) -> Result<Fixed, Failure> {
    let prog = &options.source.prog;
    let scratch = Scratch::new(prog)?;
    let folder = prog.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let arguments: Vec<OsString> = vec!["-iquote".into(), folder.into()];
    let compile = |text: &str| {
        std::fs::write(&scratch.file, text)
            .map_err(|error| Failure::Message(format!("can't write {}: {error}", scratch.file.display())))?;
        options.source.read_from(&scratch.file, arguments.clone())
    };
    let mut object = compile(&text)?;
    let mut fixed = Fixed { before: text.clone(), text, edits: Vec::new(), refused: None, failed: None };
    loop {
        let Some(report) = first_refusal(&object, options, &scratch, &fixed.text)? else {
            return Ok(Fixed { refused: None, ..fixed });
        };
        let edit = report.suggestion.as_ref().and_then(|suggestion| suggestion.edit.clone());
        let next = edit.filter(|edit| {
            let trusted = match edit.applicability {
                Applicability::Certain => true,
                Applicability::Maybe => trust == Trust::Maybe,
                Applicability::HasPlaceholders => false,
            };
            // What was done once and did not help will not help the second time.
            trusted && fixed.edits.len() < MAX_EDITS && fixed.edits.last() != Some(edit)
        });
        let Some(edit) = next else { return Ok(Fixed { refused: Some(report), ..fixed }) };
        let text = edit.apply(&fixed.text).map_err(|error| Failure::Message(error.to_string()))?;
        object = match compile(&text) {
            Ok(object) => object,
            Err(Failure::Source(error)) => {
                return Ok(Fixed { refused: Some(report), failed: Some(error.to_string()), ..fixed });
            }
            Err(error) => return Err(error),
        };
        fixed.text = text;
        fixed.edits.push(edit);
    }
}

/// The first refusal of the programs asked for, with the edit of the source it is in, if that is this file.
fn first_refusal(
    object: &skep::obj::Object,
    options: &Options,
    scratch: &Scratch,
    text: &str,
) -> Result<Option<Report>, Failure> {
    for function in options.source.programs(object)? {
        let examined = verify::examine(object, function, options)?;
        let Some(mut report) = examined.report() else { continue };
        let name: Arc<str> = options.source.prog.display().to_string().into();
        if report.rename_file(&scratch.file.to_string_lossy(), &name) {
            report.mend(&examined.program, text);
        }
        return Ok(Some(report));
    }
    Ok(None)
}
