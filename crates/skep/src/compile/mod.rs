//! C source to an object, by whichever compiler the machine has.
//!
//! The headers of `include/` are put on the include path, and libbpf's names for them after those: a program needs no
//! headers of its own. Nothing is left on disk.

mod compiler;
mod headers;
mod message;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use compiler::{Compiler, Family};
pub use headers::{headers, write_headers};
pub use message::{Message, Severity, messages};

/// Which compiler, and how.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// The compiler's name or path; the newest clang on the path, else bpf-gcc, if `None`.
    pub compiler: Option<OsString>,
    /// Further arguments, after skep's own.
    pub arguments: Vec<OsString>,
}

/// What a compiler made.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The bytes of an ELF object.
    pub object: Vec<u8>,
    /// Which compiler it was.
    pub compiler: Compiler,
    /// What it had to say all the same.
    pub messages: Vec<Message>,
}

/// Why there is no object.
#[derive(Debug)]
pub enum CompileError {
    /// No compiler is on the path.
    NoCompiler,
    /// The compiler can't be started, or its files can't be written.
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
    /// The compiler refused the source.
    Refused {
        /// Its name.
        compiler: String,
        /// What it wrote to standard error that is about a place in a file.
        messages: Vec<Message>,
        /// All that it wrote there.
        said: String,
    },
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::NoCompiler => {
                write!(
                    f,
                    "no C compiler for BPF is installed: install clang or bpf-gcc (Debian: clang or gcc-bpf)"
                )
            }
            CompileError::Io { what, error } => write!(f, "can't {what}: {error}"),
            CompileError::Refused { compiler, said, .. } => {
                write!(f, "{compiler} refuses the source:\n{}", said.trim_end())
            }
        }
    }
}

impl std::error::Error for CompileError {}

/// Compiles a C file to an ELF object.
pub fn compile(source: &Path, options: &CompileOptions) -> Result<Compiled, CompileError> {
    let compiler = match &options.compiler {
        Some(name) => Compiler::named(name),
        None => Compiler::best().ok_or(CompileError::NoCompiler)?,
    };
    let folder = ScratchFolder::new()?;
    write_headers(&folder.0)
        .map_err(|error| CompileError::Io { what: "write skep's headers".into(), error })?;
    let object = folder.0.join("object.o");
    let name = compiler.path.display();
    let output = compiler
        .command(source, &object, &folder.0, &options.arguments)
        .output()
        .map_err(|error| CompileError::Io { what: format!("start {name}"), error })?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let messages = messages(&said);
    if !output.status.success() {
        return Err(CompileError::Refused { compiler: name.to_string(), messages, said });
    }
    let object = std::fs::read(&object)
        .map_err(|error| CompileError::Io { what: "read the compiler's output".into(), error })?;
    Ok(Compiled { object, compiler, messages })
}

/// A folder that is gone when it is dropped.
struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// How many names are tried before giving up.
    const TRIES: u32 = 64;

    fn new() -> Result<ScratchFolder, CompileError> {
        let base = std::env::temp_dir();
        let mut last = None;
        for n in 0..Self::TRIES {
            let folder = base.join(format!("skep-{}-{n}", std::process::id()));
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok(ScratchFolder(folder)),
                Err(error) => last = Some(error),
            }
        }
        let error = last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into());
        Err(CompileError::Io { what: format!("make a folder in {}", base.display()), error })
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // Nothing useful can be done if it fails; the folder is in the place for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
