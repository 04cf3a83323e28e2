//! `skep asm`: assembly to an ELF object or to bare bytes; a source to the other dialect or its canonical layout.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use skep::asm::{RewriteError, assemble_raw, format, rewrite};
use skep::isa::{Cpu, Endian};
use skep::source::{SourceError, assembly_options};

use crate::dis::{DialectChoice, EndianChoice};
use crate::failure::Failure;
use crate::from_log;
use crate::output::Output;
use crate::rows::Rows;

/// Up to which instructions a source may go.
#[derive(Clone, Copy, ValueEnum)]
enum Level {
    V1,
    V2,
    V3,
    V4,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep asm firewall.s                  write firewall.o
  skep asm firewall.s -o fw.o --json   say what is in it, as JSON
  skep asm firewall.s --mcpu v2        refuse what cpu v2 lacks
  skep asm code.s --raw -o code.bin    write bare instruction bytes
  skep asm --to normal firewall.s      rewrite the source in GNU's mnemonics
  skep asm --fmt --check *.s           say whether the layout is canonical
  skep asm --from-log verifier.log     print the program in a verifier's log")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct Options {
    /// The source file; with --to and --fmt, several
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,

    /// The file to write [default: the source's name with .o, the source itself with --to and --fmt]; `-` is standard
    /// output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Refuse instructions that this cpu level lacks [default: none is refused]
    #[arg(long, value_enum, value_name = "LEVEL")]
    mcpu: Option<Level>,

    /// The byte order
    #[arg(long, value_enum, default_value = "little")]
    endian: EndianChoice,

    /// Write the bare bytes of the instructions, no object
    #[arg(long, conflicts_with_all = ["json"])]
    raw: bool,

    /// Rewrite the source in this dialect, all but its instructions kept
    #[arg(long, value_enum, value_name = "DIALECT", conflicts_with_all = ["raw", "json", "fmt"])]
    to: Option<DialectChoice>,

    /// Rewrite the source in its canonical layout
    #[arg(long, conflicts_with_all = ["raw", "json"])]
    fmt: bool,

    /// Write nothing: fail if the layout isn't canonical
    #[arg(long, requires = "fmt", conflicts_with = "output")]
    check: bool,

    /// Say what was written, as JSON
    #[arg(long)]
    json: bool,

    /// The source is a log of Linux's verifier: print the program in it as assembly, or write that to OBJ
    #[arg(long, conflicts_with_all = ["json", "raw", "to", "fmt"])]
    from_log: bool,

    #[command(flatten)]
    rows: Rows,
}

pub(crate) fn assemble(options: &Options) -> Result<(), Failure> {
    if options.from_log {
        if options.output.is_some() && options.sources.len() > 1 {
            return Err(Failure::Message("give one log at a time with -o".to_owned()));
        }
        let print = |source: &PathBuf| from_log::print(source, options.output.as_deref());
        return options.sources.iter().try_for_each(print);
    }
    let read = skep::asm::Options {
        endian: options.endian.into(),
        cpu: options.mcpu.map(|level| match level {
            Level::V1 => Cpu::V1,
            Level::V2 => Cpu::V2,
            Level::V3 => Cpu::V3,
            Level::V4 => Cpu::V4,
        }),
        isa: options.rows.read()?,
        ..assembly_options()
    };
    if options.to.is_some() || options.fmt {
        return sources(options, &read);
    }
    let [source] = &options.sources[..] else {
        return Err(Failure::Message("give one source at a time, or --to or --fmt".to_owned()));
    };
    if options.raw {
        let bytes = skep::source::assemble(source, &read, assemble_raw)?;
        return write(options.output.as_ref(), source, "bin", &bytes).map(drop);
    }
    let object = skep::source::read_with(source, &skep::compile::CompileOptions::default(), &read)?;
    let elf = object.to_elf()?;
    let output = write(options.output.as_ref(), source, "o", &elf)?;
    if options.json {
        let programs: Vec<&str> = object.programs().map(|(_, f)| f.name.as_str()).collect();
        let maps: Vec<&str> = object.maps.iter().map(|m| m.name.as_str()).collect();
        let slots: usize = object.functions.iter().map(|f| f.insns.len()).sum();
        let said = serde_json::json!({
            "output": output.to_string_lossy(), "bytes": elf.len(), "insns": slots,
            "programs": programs, "maps": maps,
        });
        let mut out = Output::new();
        out.json(&said)?;
        out.finish()?;
    }
    Ok(())
}

/// Writes what a source was made to; says where.
fn write(output: Option<&PathBuf>, source: &Path, ending: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let output = output.cloned().unwrap_or_else(|| source.with_extension(ending));
    if output.as_os_str() == "-" {
        let mut out = Output::new();
        out.write_all(bytes)?;
        out.finish()?;
        return Ok(output);
    }
    if output == source {
        return Err(Failure::Message(format!(
            "{} would overwrite its own source: give another name with -o",
            output.display()
        )));
    }
    std::fs::write(&output, bytes)
        .map_err(|error| Failure::Message(format!("can't write {}: {error}", output.display())))?;
    Ok(output)
}

/// Rewrites sources in another dialect or in their canonical layout.
fn sources(options: &Options, read: &skep::asm::Options) -> Result<(), Failure> {
    if options.output.is_some() && options.sources.len() > 1 {
        return Err(Failure::Message("give one source at a time with -o".to_owned()));
    }
    let mut untidy = false;
    for path in &options.sources {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Message(format!("can't read {}: {error}", path.display())))?;
        let name = path.to_string_lossy();
        let done = match options.to {
            Some(dialect) => rewrite(&text, &name, dialect.into(), read),
            None => format(&text, &name, read),
        };
        let new = match done {
            Ok(new) => new,
            Err(RewriteError::Source(errors)) => {
                return Err(SourceError::Assembly { path: path.clone(), text, errors }.into());
            }
            Err(error) => return Err(Failure::Message(format!("{}: {error}", path.display()))),
        };
        if options.check {
            if new != text {
                untidy = true;
                eprintln!("skep: {} is not in its canonical layout: skep asm --fmt", path.display());
            }
            continue;
        }
        match &options.output {
            Some(output) if output.as_os_str() == "-" => {
                let mut out = Output::new();
                out.write_all(new.as_bytes())?;
                out.finish()?;
            }
            Some(output) => replace(output, &new)?,
            None if new == text => {}
            None => replace(path, &new)?,
        }
    }
    if untidy { Err(Failure::Said) } else { Ok(()) }
}

/// Puts a new text in the place of a file, all of it or nothing.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::Message(format!("can't write {}: {error}", path.display()));
    // A link stays one: what it leads to is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let written = std::fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if let Ok(before) = std::fs::metadata(&path) {
            file.set_permissions(before.permissions())?;
        }
        std::fs::rename(&beside, &path)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

impl From<EndianChoice> for Endian {
    fn from(choice: EndianChoice) -> Endian {
        match choice {
            EndianChoice::Little => Endian::Little,
            EndianChoice::Big => Endian::Big,
        }
    }
}
