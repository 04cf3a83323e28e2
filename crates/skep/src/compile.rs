//! C source to an object, by whichever compiler the machine has.
//!
//! The header [`skep_abi::c_header`] is put on the include path as `skep.h`, so that a program needs no headers
//! of its own. Nothing is left on disk.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which compiler, and how.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// The compiler's name or path; the newest clang on the path, else bpf-gcc, if `None`.
    pub compiler: Option<OsString>,
    /// Further arguments, after skep's own.
    pub arguments: Vec<OsString>,
}

/// The instruction set level that C is compiled for: what Linux has accepted since 5.1, and every clang since
/// 9 can emit.
const CPU: &str = "v3";

/// Names under which distributions install clang, newest first.
const CLANGS: [&str; 14] = [
    "clang", "clang-23", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16",
    "clang-15", "clang-14", "clang-13", "clang-12", "clang-11",
];

/// GCC's BPF port.
const GCC: &str = "bpf-gcc";

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
        /// What it wrote to standard error.
        messages: String,
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
            CompileError::Refused { compiler, messages } => {
                write!(f, "{compiler} refuses the source:\n{}", messages.trim_end())
            }
        }
    }
}

impl std::error::Error for CompileError {}

/// Compiles a C file to the bytes of an ELF object.
pub fn compile(source: &Path, options: &CompileOptions) -> Result<Vec<u8>, CompileError> {
    let compiler = match &options.compiler {
        Some(name) => name.clone(),
        None => find_compiler().ok_or(CompileError::NoCompiler)?.into_os_string(),
    };
    let folder = ScratchFolder::new()?;
    let object = folder.0.join("object.o");
    std::fs::write(folder.0.join("skep.h"), skep_abi::c_header())
        .map_err(|error| CompileError::Io { what: "write skep.h".into(), error })?;
    let gcc = Path::new(&compiler).file_name().is_some_and(|name| name.to_string_lossy().contains("gcc"));
    let mut command = Command::new(&compiler);
    if gcc {
        // bpf-gcc 12 has no levels beyond v3 and emits BTF only when asked by name.
        command.args(["-O2", "-gbtf"]);
    } else {
        command.args(["-target", "bpf", "-O2", "-g"]);
    }
    command.arg(format!("-mcpu={CPU}"));
    command.args(["-Wall", "-Wno-unused-variable"]).arg("-isystem").arg(&folder.0);
    command.args(&options.arguments).arg("-c").arg(source).arg("-o").arg(&object);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| CompileError::Io { what: format!("start {}", compiler.to_string_lossy()), error })?;
    if !output.status.success() {
        return Err(CompileError::Refused {
            compiler: compiler.to_string_lossy().into_owned(),
            messages: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    std::fs::read(&object)
        .map_err(|error| CompileError::Io { what: "read the compiler's output".into(), error })
}

/// The newest clang on the path, else bpf-gcc.
fn find_compiler() -> Option<PathBuf> {
    CLANGS.iter().copied().chain([GCC]).find_map(on_path)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
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
