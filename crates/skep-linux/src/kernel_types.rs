//! The running kernel's own types, and its modules', as sysfs shows them.
//! Source: Documentation/ABI/testing/sysfs-kernel-btf, Linux 6.18.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use skep_btf::Btf;
use skep_btf::core::Target;
use skep_host::HostError;

/// Where the kernel's are. Its modules' are beside them, a file each.
pub(crate) const PATH: &str = "/sys/kernel/btf/vmlinux";

/// Most bytes of one file: the largest kernels have a tenth of it.
const MAX_BYTES: u64 = 1 << 28;

/// The running kernel's types without those of its modules, read once; `None` if it does not show them.
pub fn running_types() -> Option<Arc<Btf>> {
    kernel().ok()
}

fn kernel() -> Result<Arc<Btf>, String> {
    static TYPES: OnceLock<Result<Arc<Btf>, String>> = OnceLock::new();
    let read = || {
        let bytes = read_file(Path::new(PATH)).map_err(|error| error.to_string())?;
        Btf::parse(&bytes).map(Arc::new).map_err(|error| error.to_string())
    };
    TYPES.get_or_init(read).clone()
}

/// Reads them. Modules whose types can't be read are left out: they may have gone away, or be split from another
/// kernel's.
pub(crate) fn read() -> Result<Target, HostError> {
    let path = Path::new(PATH);
    let kernel = kernel().map_err(|why| HostError::Unsupported {
        what: "read the running kernel's types".to_owned(),
        why: format!("{PATH}: {why}; give the program others, such as those of its kernel's package"),
    })?;
    let directory = path.parent().expect("it is in a directory");
    let mut modules: Vec<_> = fs::read_dir(directory)
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
        .unwrap_or_default();
    modules.retain(|module| module != path);
    modules.sort();
    let mut target = Target::new("the running kernel", kernel.clone());
    for module in modules {
        let Ok(bytes) = read_file(&module) else { continue };
        if let Ok(types) = Btf::parse_split(&bytes, kernel.clone()) {
            target = target.with_module(Arc::new(types));
        }
    }
    Ok(target)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let len = fs::metadata(path)?.len();
    if len > MAX_BYTES {
        return Err(io::Error::other(format!("{len} bytes, expected at most {MAX_BYTES}")));
    }
    fs::read(path)
}
