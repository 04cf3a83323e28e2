//! A file that holds programs, whatever it is written in, to an [`Object`].

use std::fmt;
use std::path::{Path, PathBuf};

use skep_asm::{AsmErrors, Include, Included};
use skep_obj::{Object, ReadError};

use crate::compile::{CompileError, CompileOptions, compile};

/// What ELF files start with.
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// Most bytes of a file that are read.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Why a file gives no object.
#[derive(Debug)]
pub enum SourceError {
    /// The file can't be read.
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is larger than [`MAX_FILE_BYTES`].
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// It is no ELF object of BPF.
    Object {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: Box<ReadError>,
    },
    /// It is no assembly that makes sense.
    Assembly {
        /// The file.
        path: PathBuf,
        /// Its text, for messages that show it.
        text: String,
        /// What is wrong.
        errors: AsmErrors,
    },
    /// It is text in no encoding that assembly has.
    NotText(PathBuf),
    /// The compiler gave no object.
    Compile(CompileError),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Io { path, error } => write!(f, "can't read {}: {error}", path.display()),
            SourceError::TooLarge { path, bytes } => {
                write!(f, "{} has {bytes} bytes, expected at most {MAX_FILE_BYTES}", path.display())
            }
            SourceError::Object { path, error } => write!(f, "{}: {error}", path.display()),
            SourceError::Assembly { path, errors, .. } => write!(f, "{}: {errors}", path.display()),
            SourceError::NotText(path) => write!(
                f,
                "{}: expected an ELF object, assembly or C source, found binary data",
                path.display()
            ),
            SourceError::Compile(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SourceError {}

/// Reads a file: an ELF object by its first bytes, C source by its name (`.c`), else assembly.
pub fn read(path: &Path, options: &CompileOptions) -> Result<Object, SourceError> {
    read_with(path, options, &assembly_options())
}

/// [`read`], with assembly read as `assembly` says.
pub fn read_with(
    path: &Path,
    options: &CompileOptions,
    assembly: &skep_asm::Options,
) -> Result<Object, SourceError> {
    let io = |error| SourceError::Io { path: path.into(), error };
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(SourceError::TooLarge { path: path.into(), bytes });
    }
    let elf = |bytes: &[u8]| {
        Object::from_elf(bytes)
            .map_err(|error| SourceError::Object { path: path.into(), error: Box::new(error) })
    };
    if path.extension().is_some_and(|e| e == "c") {
        return elf(&compile(path, options).map_err(SourceError::Compile)?.object);
    }
    let bytes = std::fs::read(path).map_err(io)?;
    if bytes.starts_with(ELF_MAGIC) {
        return elf(&bytes);
    }
    assembled(path, bytes, assembly, skep_asm::assemble_with)
}

/// How assembly files are read: included files by their paths, relative to the file that includes them.
pub fn assembly_options() -> skep_asm::Options {
    skep_asm::Options { include: Some(Include::new(include)), ..skep_asm::Options::default() }
}

/// Reads an assembly file, and makes of it what `assemble` makes: an object, or bare bytes.
pub fn assemble<T>(
    path: &Path,
    options: &skep_asm::Options,
    assemble: impl FnOnce(&str, &str, &skep_asm::Options) -> Result<T, AsmErrors>,
) -> Result<T, SourceError> {
    let io = |error| SourceError::Io { path: path.into(), error };
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(SourceError::TooLarge { path: path.into(), bytes });
    }
    assembled(path, std::fs::read(path).map_err(io)?, options, assemble)
}

fn assembled<T>(
    path: &Path,
    bytes: Vec<u8>,
    options: &skep_asm::Options,
    assemble: impl FnOnce(&str, &str, &skep_asm::Options) -> Result<T, AsmErrors>,
) -> Result<T, SourceError> {
    let Ok(text) = String::from_utf8(bytes) else { return Err(SourceError::NotText(path.into())) };
    match assemble(&text, &path.to_string_lossy(), options) {
        Ok(made) => Ok(made),
        Err(errors) => Err(SourceError::Assembly { path: path.into(), text, errors }),
    }
}

/// Reads a file that another includes. Named from the file that asks, so that one file has one name.
fn include(asked: &str, from: &str) -> Result<Included, String> {
    let path = Path::new(from).parent().unwrap_or_else(|| Path::new("")).join(asked);
    let bytes = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(format!("it has {bytes} bytes, expected at most {MAX_FILE_BYTES}"));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    Ok(Included { name: path.to_string_lossy().into_owned(), text })
}
