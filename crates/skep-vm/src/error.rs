//! Why a program is not compiled, and why a run of one ends early.

use std::fmt;

use skep_abi::{MapDef, ProgType};
use skep_map::MapError;

/// Why a verified program can't be made executable here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileError {
    /// Native code was asked for on a machine that this crate writes none for.
    NoNative {
        /// The machine's architecture.
        arch: &'static str,
    },
    /// Programs of this kind are none of [`crate::KINDS`]: nothing is here that would call them.
    NoContext {
        /// The kind.
        prog_type: ProgType,
    },
    /// An instruction that the engines don't run.
    Unsupported {
        /// Slot of the instruction.
        insn: usize,
        /// The instruction's form, as the table names it.
        form: &'static str,
    },
    /// A function or variable of the kernel's, which only a kernel has.
    KernelSymbol {
        /// Slot of the instruction.
        insn: usize,
        /// Its name.
        name: String,
    },
    /// An access to an object or a buffer of the kernel's, which only a kernel has.
    KernelMemory {
        /// Slot of the instruction.
        insn: usize,
    },
    /// A field of the context that leads to an object which only a kernel has.
    KernelField {
        /// Slot of the instruction.
        insn: usize,
        /// The field.
        field: &'static str,
    },
    /// The values of a map have a part that only calls may touch, and none of those is here.
    SpecialField {
        /// The map's index.
        map: usize,
        /// The part, `bpf_timer`.
        field: &'static str,
    },
    /// A refused program is not tried with a function whose arguments only the verifier can check.
    Untrusted {
        /// The function.
        name: &'static str,
    },
    /// A jump, call or fall-through leads out of its function. No verified program has one.
    Flow {
        /// Slot of the instruction.
        insn: usize,
    },
    /// A helper number that no function is described for.
    UnknownFunction {
        /// Slot of the call.
        insn: usize,
        /// The number.
        id: u32,
    },
    /// The registry has no implementation of a function that the program calls.
    MissingFunction {
        /// Slot of the call.
        insn: usize,
        /// The function.
        name: &'static str,
    },
    /// An instruction uses a map that was not given.
    NoMap {
        /// Slot of the instruction.
        insn: usize,
        /// The map's index.
        map: u32,
    },
    /// A map is not what the program was verified against.
    MapMismatch {
        /// The map's index.
        map: usize,
        /// What the program was verified against.
        expected: MapDef,
        /// What was given.
        found: MapDef,
    },
    /// A map of frozen data that holds something else than the program was verified with.
    MapContents {
        /// The map's index.
        map: usize,
    },
    /// A map of frozen data could not be copied.
    MapCopy {
        /// The map's index.
        map: usize,
        /// Why not.
        error: MapError,
    },
    /// An address inside a map's value that the map does not have.
    NoDirectValue {
        /// Slot of the instruction.
        insn: usize,
        /// The map's index.
        map: u32,
        /// The byte in the value.
        off: u32,
    },
    /// More native code than [`crate::MAX_CODE_BYTES`].
    TooLarge {
        /// Bytes of code written when the limit was met.
        bytes: usize,
    },
    /// The system gave no executable memory.
    CodeMemory {
        /// Bytes that were asked for.
        bytes: usize,
        /// The error number of `mmap(2)` or `mprotect(2)`.
        errno: i32,
    },
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::NoNative { arch } => write!(f, "there is no native code for {arch}"),
            CompileError::NoContext { prog_type } => {
                write!(f, "programs of kind {prog_type} can't be run here: only a kernel calls them")
            }
            CompileError::Unsupported { insn, form } => {
                write!(f, "instruction {insn}: `{form}` can't be run here")
            }
            CompileError::KernelSymbol { insn, name } => {
                write!(f, "instruction {insn}: `{name}` is the kernel's, and not implemented here")
            }
            CompileError::KernelMemory { insn } => {
                write!(
                    f,
                    "instruction {insn}: accesses memory of the kernel, which is not there outside of one"
                )
            }
            CompileError::KernelField { insn, field } => {
                write!(f, "instruction {insn}: reads `{field}` of the context, which only a kernel can fill")
            }
            CompileError::SpecialField { map, field } => {
                write!(f, "map {map}: programs whose maps have a {field} in their values can't be run here")
            }
            CompileError::Untrusted { name } => {
                write!(f, "only verified programs may call `{name}` here")
            }
            CompileError::Flow { insn } => write!(f, "instruction {insn}: leads out of its function"),
            CompileError::UnknownFunction { insn, id } => {
                write!(f, "instruction {insn}: no function has number {id}")
            }
            CompileError::MissingFunction { insn, name } => {
                write!(f, "instruction {insn}: `{name}` is not implemented here")
            }
            CompileError::NoMap { insn, map } => write!(f, "instruction {insn}: no map {map} was given"),
            CompileError::MapMismatch { map, expected, found } => write!(
                f,
                "map {map}: expected {} with keys of {}, values of {} bytes, {} entries and flags {:#x}, \
                 found {} with {}, {}, {} and {:#x}",
                expected.map_type,
                expected.key_size,
                expected.value_size,
                expected.max_entries,
                expected.flags.0,
                found.map_type,
                found.key_size,
                found.value_size,
                found.max_entries,
                found.flags.0,
            ),
            CompileError::MapContents { map } => {
                write!(f, "map {map}: expected the frozen data that the program was verified with")
            }
            CompileError::MapCopy { map, error } => write!(f, "map {map} can't be copied: {error}"),
            CompileError::NoDirectValue { insn, map, off } => {
                write!(f, "instruction {insn}: map {map} has no direct value at byte {off}")
            }
            CompileError::TooLarge { bytes } => {
                write!(f, "expected at most {} bytes of code, found {bytes} or more", crate::MAX_CODE_BYTES)
            }
            CompileError::CodeMemory { bytes, errno } => {
                write!(f, "no executable memory of {bytes} bytes: {}", skep_abi::Errno(*errno))
            }
        }
    }
}

impl std::error::Error for CompileError {}

/// A run that ended because the program, or whoever ran it, did what it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Slot of the instruction.
    pub insn: usize,
    /// What happened.
    pub what: TrapKind,
}

/// What a run was ended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapKind {
    /// A read of memory that the program may not read at that moment.
    Read {
        /// The address.
        addr: u64,
        /// Bytes.
        len: u64,
    },
    /// A write to memory that the program may not write at that moment.
    Write {
        /// The address.
        addr: u64,
        /// Bytes.
        len: u64,
    },
    /// An atomic access whose address is not a multiple of its size.
    Misaligned {
        /// The address.
        addr: u64,
    },
    /// An access to the context through something that does not point to it.
    NotContext {
        /// The pointer.
        addr: u64,
    },
    /// An argument of a call that is not what the function takes.
    Argument {
        /// Its index from 0.
        arg: usize,
        /// Its value.
        value: u64,
    },
    /// More nested calls than [`crate::MAX_FRAMES`].
    Frames,
    /// A program that nobody verified made more than [`crate::MAX_TRIAL_JUMPS`] jumps and calls.
    Endless,
    /// An instruction that the verifier took for unreachable.
    Unreachable,
    /// The context is for another kind of program.
    Context {
        /// The program's kind.
        expected: ProgType,
        /// The context's.
        found: ProgType,
    },
    /// Less memory than the program was verified for.
    Memory {
        /// Bytes it was verified for.
        expected: u32,
        /// Bytes that were given.
        found: usize,
    },
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {}: {}", self.insn, self.what)
    }
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TrapKind::Read { addr, len } => write!(f, "may not read {len} bytes at {addr:#x}"),
            TrapKind::Write { addr, len } => write!(f, "may not write {len} bytes at {addr:#x}"),
            TrapKind::Misaligned { addr } => write!(f, "atomic access at unaligned {addr:#x}"),
            TrapKind::NotContext { addr } => write!(f, "expected the context, found {addr:#x}"),
            TrapKind::Argument { arg, value } => {
                write!(f, "argument {arg} of the call can't be {value:#x}")
            }
            TrapKind::Frames => write!(f, "more than {} nested calls", crate::MAX_FRAMES),
            TrapKind::Endless => write!(f, "more than {} jumps and calls", crate::MAX_TRIAL_JUMPS),
            TrapKind::Unreachable => f.write_str("was taken for unreachable"),
            TrapKind::Context { expected, found } => {
                write!(f, "expected the context of a program of kind {expected}, found {found}")
            }
            TrapKind::Memory { expected, found } => {
                write!(f, "expected at least {expected} bytes of memory, found {found}")
            }
        }
    }
}

impl std::error::Error for Trap {}
