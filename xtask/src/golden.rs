//! `cargo xtask golden WHAT FILE`: recorded answers against ours, a JSON line a case and a summary as the last line.
//!
//! The tests hold the same data to what has been reached; this task shows every case, to be read, searched and
//! compared. One module a subject says what its files are, and [`cases`] prints; the task fails if a case does.

#[cfg(feature = "golden")]
pub(crate) mod case;
#[cfg(feature = "golden")]
mod cases;
#[cfg(feature = "golden")]
mod inflate;
#[cfg(feature = "golden")]
mod isa;
#[cfg(feature = "golden")]
mod report;
#[cfg(feature = "golden")]
mod scalar;
#[cfg(feature = "golden")]
mod verify;

use std::path::PathBuf;

use crate::error::Error;
use crate::workspace::Workspace;

/// How `cargo xtask golden` is called.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

/// What the answers are about.
#[derive(clap::Subcommand)]
enum What {
    /// Instructions: what kernels and other tools made of encodings and texts, and what programs returned.
    Isa {
        /// A file of recorded answers; what stands in it tells which kind it is.
        file: PathBuf,
    },
    /// Whole programs: what the verifier of Linux 6.18 said to them.
    Verify(VerifyArguments),
    /// Programs that people failed to load: whose fault it is, and where.
    Report {
        /// A file of labelled cases, `.jsonl.gz`, with `btf.tar.xz` beside it.
        file: PathBuf,
    },
    /// Arithmetic on what is known of numbers: what the verifier of Linux 6.18 knew before and after an operation.
    Scalar {
        /// A file of operations, `.jsonl` or `.jsonl.gz`.
        file: PathBuf,
    },
}

/// How `cargo xtask golden verify` is called.
#[derive(clap::Args)]
struct VerifyArguments {
    /// Files of cases, `.jsonl` or `.jsonl.gz`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the types are that the cases refer to: a directory of `ID.btf`, or a `.tar.xz` of one. By default what
    /// stands beside the first file: `btf`, or `btf.tar.xz`.
    #[arg(long)]
    btf: Option<PathBuf>,
    /// The types of the kernel that gave the verdicts; by default those of the running kernel, which is to be 6.18.
    #[arg(long)]
    kernel_btf: Option<PathBuf>,
    /// What the loader may do.
    #[arg(long, value_enum, default_value_t = Mode::Priv)]
    mode: Mode,
    /// Judge for this version of Linux, beside what a kernel of that version said: 6.1 or 6.12. Its types are
    /// given by `--kernel-btf`; without, cases that need them are not compared.
    #[arg(long, conflicts_with = "mode")]
    linux: Option<String>,
    /// Print only cases that differ, and a table of them by reason.
    #[arg(long)]
    summary: bool,
}

/// The types of the running kernel.
#[cfg(feature = "golden")]
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// What the loader of the recorded programs could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Mode {
    /// Everything.
    Priv,
    /// `CAP_BPF` and `CAP_NET_ADMIN` only.
    BpfCapOnly,
}

impl Mode {
    /// Its name in the cases, and on the command line.
    fn name(self) -> &'static str {
        match self {
            Mode::Priv => "priv",
            Mode::BpfCapOnly => "bpf_cap_only",
        }
    }
}

/// Builds what is asked, optimised, and this task with it, and asks there.
#[cfg(not(feature = "golden"))]
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), Error> {
    let mut cargo = crate::command::cargo(workspace);
    cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--features", "golden", "--", "golden"]);
    // The other process starts in the workspace's root, so that a file must be named from anywhere.
    let absolute =
        |path: &PathBuf| std::path::absolute(path).map_err(|error| Error::File { path: path.clone(), error });
    match &options.what {
        What::Isa { file } => cargo.arg("isa").arg(absolute(file)?),
        What::Report { file } => cargo.arg("report").arg(absolute(file)?),
        What::Scalar { file } => cargo.arg("scalar").arg(absolute(file)?),
        What::Verify(arguments) => {
            cargo.arg("verify");
            match &arguments.linux {
                Some(level) => cargo.args(["--linux", level]),
                None => cargo.args(["--mode", arguments.mode.name()]),
            };
            if let Some(btf) = &arguments.kernel_btf {
                cargo.arg("--kernel-btf").arg(absolute(btf)?);
            }
            if let Some(btf) = &arguments.btf {
                cargo.arg("--btf").arg(absolute(btf)?);
            }
            if arguments.summary {
                cargo.arg("--summary");
            }
            for file in &arguments.files {
                cargo.arg(absolute(file)?);
            }
            &mut cargo
        }
    };
    crate::command::run(&mut cargo)
}

/// Asks, and prints.
#[cfg(feature = "golden")]
pub(crate) fn run(_: &Workspace, options: &Options) -> Result<(), Error> {
    match &options.what {
        What::Isa { file } => isa::run(file),
        What::Verify(arguments) => verify::run(arguments),
        What::Report { file } => {
            let kernel = verify::kernel_types(std::path::Path::new(KERNEL_BTF)).ok();
            report::run(file, &file.with_file_name("btf.tar.xz"), kernel)
        }
        What::Scalar { file } => scalar::run(file),
    }
}
