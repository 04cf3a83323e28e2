//! What a verification is asked for, and how much work it may be.

use std::sync::Arc;

use skep_abi::FunctionTable;
use skep_btf::Btf;

use crate::level::Level;

/// What a verification is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// For programs of kind `unspec`: r1 points to memory of at least so many bytes, r2 is its size. `None` is no
    /// memory.
    pub memory: Option<u32>,
    /// Whether to keep a log of every instruction on every path.
    pub log: bool,
    /// Whether to find out what holds of the program as a whole ([`Facts`](crate::facts::Facts)). It is walked once more
    /// for that; the verdict is the same.
    pub facts: bool,
    /// Whether packet, map value and other accesses must be aligned to their size, as machines without unaligned
    /// access need it (`BPF_F_STRICT_ALIGNMENT`).
    pub strict_alignment: bool,
    /// What is refused.
    pub rules: Rules,
    /// The Linux that the program is judged for.
    pub linux: Level,
    /// What shifts by a constant beyond the width are.
    pub shifts: Shifts,
    /// The types of the kernel that the program is for: what its objects, and the functions and variables that the
    /// program names, look like. Without them, programs that need them are refused.
    pub kernel: Option<Arc<Btf>>,
    /// The functions that whoever runs the program has besides those of Linux. Their objects are types of their own;
    /// where there are types of the kernel, too, they must be among those.
    pub functions: FunctionTable,
    /// What the loader of the program may do.
    pub privileges: Privileges,
    /// How much work it may be.
    pub limits: Limits,
}

/// What the loader of a program may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privileges {
    /// Everything.
    #[default]
    All,
    /// `CAP_BPF` and `CAP_NET_ADMIN`, but not `CAP_PERFMON`: pointers must not leak, and what is not safe even when
    /// branches are mispredicted is refused.
    BpfOnly,
}

/// What is refused of a program. Whatever is accepted is safe to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// What Linux refuses: what is not safe, and what nobody writes on purpose.
    #[default]
    Linux,
    /// Only what is not safe. Beyond what Linux takes, and still as RFC 9669 defines it, a program may have
    /// instructions that no path reaches, may end in one that is not reached or always jumps, may compute with
    /// pointers in ways that make numbers of them, and finds 0 in the registers it is not given anything in.
    Safety,
}

/// What a shift by a constant that is not below the width is. A count in a register is always masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shifts {
    /// A mistake: the program is refused, as Linux does.
    #[default]
    Linux,
    /// A shift by the low bits of the constant, as RFC 9669 section 4.1 defines it.
    Rfc9669,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            memory: None,
            log: false,
            facts: false,
            strict_alignment: false,
            rules: Rules::Linux,
            linux: Level::default(),
            shifts: Shifts::Linux,
            kernel: None,
            functions: FunctionTable::default(),
            privileges: Privileges::All,
            limits: Limits::LINUX,
        }
    }
}

/// How much work a verification may be, and how much a program may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions looked at, counting each visit.
    pub insns: u64,
    /// Branches waiting to be followed.
    pub branches: usize,
    /// Frames of a chain of calls; at most 8.
    pub frames: usize,
    /// Bytes of stack of a chain of calls, each frame's rounded up to 16.
    pub stack_bytes: u32,
}

impl Limits {
    /// Those of Linux 6.18 for privileged programs.
    pub const LINUX: Limits = Limits { insns: 1_000_000, branches: 8192, frames: 8, stack_bytes: 512 };
}
