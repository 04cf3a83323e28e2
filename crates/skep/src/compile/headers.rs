//! The header files that programs include: those of `include/`, and those that are printed from tables.
//!
//! They are part of the binary, so that `skep` compiles on a machine that has a compiler and nothing else.

use std::io;
use std::path::Path;

/// A header's path below the include folder, and its text.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../include/", $path)))),*]
    };
}

/// The headers that people write.
const WRITTEN: &[(&str, &str)] = files![
    "skep.h",
    "skep/types.h",
    "skep/macros.h",
    "skep/core.h",
    "skep/map.h",
    "skep/packet.h",
    "compat/bpf/bpf_helpers.h",
    "compat/bpf/bpf_endian.h",
    "compat/bpf/bpf_core_read.h",
    "compat/bpf/bpf_tracing.h",
];

/// All headers: their paths below an include folder, and their texts. `compat` is an include folder of its own.
pub fn headers() -> Vec<(&'static str, String)> {
    let printed = [
        ("skep/contexts.h", skep_abi::c_contexts()),
        ("skep/helpers.h", skep_abi::c_functions()),
        ("skep/kfuncs.h", skep_abi::c_kernel_functions()),
    ];
    WRITTEN.iter().map(|(path, text)| (*path, (*text).to_owned())).chain(printed).collect()
}

/// Writes all headers below a folder, which is made if there is none.
pub fn write_headers(folder: &Path) -> io::Result<()> {
    for (path, text) in headers() {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a path below the folder"))?;
        std::fs::write(path, text)?;
    }
    Ok(())
}
