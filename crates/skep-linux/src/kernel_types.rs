//! The running kernel's own types, and its modules', as sysfs shows them.
//! Source: Documentation/ABI/testing/sysfs-kernel-btf, Linux 6.18.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use skep_btf::Btf;
use skep_btf::core::Target;
use skep_host::HostError;

/// Where they are: `vmlinux`, and a file a module.
const DIRECTORY: &str = "/sys/kernel/btf";
const KERNEL: &str = "vmlinux";

/// Most bytes of one file: the largest kernels have a tenth of it.
const MAX_BYTES: u64 = 1 << 28;

/// Reads them. Modules whose types can't be read are left out: they may have gone away, or be split from another
/// kernel's.
pub(crate) fn read() -> Result<Target, HostError> {
    let directory = Path::new(DIRECTORY);
    let path = directory.join(KERNEL);
    let why = |why: String| HostError::Unsupported {
        what: "read the running kernel's types".to_owned(),
        why: format!(
            "{}: {why}; give the program others, such as those of its kernel's package",
            path.display()
        ),
    };
    let bytes = read_file(&path).map_err(|error| why(error.to_string()))?;
    let kernel = Arc::new(Btf::parse(&bytes).map_err(|error| why(error.to_string()))?);
    let mut modules: Vec<_> = fs::read_dir(directory)
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
        .unwrap_or_default();
    modules.retain(|module| *module != path);
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
