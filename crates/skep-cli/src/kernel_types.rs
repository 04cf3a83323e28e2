//! Types of kernels, from files: raw BTF as sysfs shows it, or an ELF file with a section `.BTF`, such as a `vmlinux`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use skep::btf::Btf;
use skep::btf::core::Target;
use skep::obj::{Object, btf_section};

use crate::failure::Failure;

/// Most bytes of a file: a kernel with all its debug information has a tenth of it.
const MAX_BYTES: u64 = 4 << 30;

/// Which kernel's types a program is made to fit.
#[derive(Args)]
pub(crate) struct KernelTypes {
    /// The kernel types that the program is made to fit: BTF, or ELF with a section .BTF [default: the host's own]
    #[arg(long = "btf", value_name = "FILE")]
    path: Option<PathBuf>,
}

impl KernelTypes {
    /// The types of the file, if one was named.
    pub(crate) fn read(&self) -> Result<Option<Target>, Failure> {
        self.path.as_deref().map(read).transpose()
    }

    /// The object made to fit the file's types; without a file the object itself, for the host to do so.
    pub(crate) fn apply(&self, object: Object) -> Result<Object, Failure> {
        match self.read()? {
            Some(target) => Ok(object.relocate(&target)?),
            None => Ok(object),
        }
    }
}

/// Reads the types in a file. Messages call them by its name.
pub(crate) fn read(path: &Path) -> Result<Target, Failure> {
    let failed = |why: String| Failure::Message(format!("{}: {why}", path.display()));
    let len = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if len > MAX_BYTES {
        return Err(failed(format!("{len} bytes, expected at most {MAX_BYTES}")));
    }
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let section = if bytes.starts_with(b"\x7fELF") {
        btf_section(&bytes).map_err(|error| failed(error.to_string()))?
    } else {
        Some(&bytes[..])
    };
    let section =
        section.ok_or_else(|| failed("expected an ELF file with a section .BTF, found none".into()))?;
    let btf = Btf::parse(section).map_err(|error| failed(error.to_string()))?;
    Ok(Target::new(path.display().to_string(), Arc::new(btf)))
}
