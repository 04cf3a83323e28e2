//! Why a map could not be made. What goes wrong with a map that exists is an [`Errno`] alone, as on Linux.

use core::fmt;

use skep_abi::{Errno, MapFlags, MapType};

/// Why [`Map::new`](crate::Map::new) refused a definition: what was wrong, and which error number Linux has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// This crate does not make maps of this kind (`EINVAL`, as from a kernel built without it).
    Kind {
        /// The kind.
        map_type: MapType,
    },
    /// The map was to serve no CPU at all (`EINVAL`).
    NoCpus,
    /// The key size is not one of this kind (`EINVAL`).
    KeySize {
        /// The kind.
        map_type: MapType,
        /// Smallest and largest size in bytes.
        expected: (u32, u32),
        /// The size in bytes.
        found: u32,
    },
    /// The value size is not one of this kind (`EINVAL`).
    ValueSize {
        /// The kind.
        map_type: MapType,
        /// Smallest and largest size in bytes.
        expected: (u32, u32),
        /// The size in bytes.
        found: u32,
    },
    /// The number of entries is not one of this kind (`EINVAL`).
    MaxEntries {
        /// The kind.
        map_type: MapType,
        /// What it must be, in words.
        expected: &'static str,
        /// The number (of bytes, for ring buffers).
        found: u32,
    },
    /// Flags that this kind does not have (`EINVAL`).
    UnknownFlags {
        /// The kind.
        map_type: MapType,
        /// Those flags, and no others.
        unknown: MapFlags,
    },
    /// Flags that exclude each other (`EINVAL`).
    ConflictingFlags {
        /// The kind.
        map_type: MapType,
        /// The flags in conflict.
        flags: MapFlags,
    },
    /// A flag that this kind cannot do without (`EINVAL`).
    MissingFlag {
        /// The kind.
        map_type: MapType,
        /// The flag.
        flag: MapFlags,
    },
    /// `BPF_F_NO_PREALLOC` on a kind that must be preallocated (`ENOTSUPP`).
    MustPreallocate {
        /// The kind.
        map_type: MapType,
    },
    /// A size or number above what Linux makes (`E2BIG`).
    TooLarge {
        /// The kind.
        map_type: MapType,
        /// What is too large, in words.
        what: &'static str,
        /// How large it may be.
        max: u64,
        /// How large it is.
        found: u64,
    },
    /// The map, or one part of it, needs more memory than [`MAX_MEMORY`](crate::MAX_MEMORY) leaves, or than the
    /// system gives (`ENOMEM`).
    Memory {
        /// Bytes that were needed.
        bytes: u64,
        /// Bytes of the limit that were left.
        left: u64,
    },
}

impl MapError {
    /// What `bpf(2)` returns for it.
    pub const fn errno(&self) -> Errno {
        match self {
            MapError::TooLarge { .. } => Errno::E2BIG,
            MapError::Memory { .. } => Errno::ENOMEM,
            MapError::MustPreallocate { .. } => Errno::ENOTSUPP,
            _ => Errno::EINVAL,
        }
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |f: &mut fmt::Formatter<'_>, map_type, what, (min, max): (u32, u32), found| {
            if min == max {
                write!(f, "{map_type}: expected {what} size {min}, found {found}")
            } else {
                write!(f, "{map_type}: expected {what} size {min} to {max}, found {found}")
            }
        };
        match *self {
            MapError::Kind { map_type } => write!(f, "maps of kind {map_type} are not made here"),
            MapError::NoCpus => f.write_str("expected at least one CPU, found 0"),
            MapError::KeySize { map_type, expected, found } => size(f, map_type, "key", expected, found),
            MapError::ValueSize { map_type, expected, found } => size(f, map_type, "value", expected, found),
            MapError::MaxEntries { map_type, expected, found } => {
                write!(f, "{map_type}: expected max_entries to be {expected}, found {found}")
            }
            MapError::UnknownFlags { map_type, unknown } => {
                write!(f, "{map_type}: flags {:#x} are not for this kind", unknown.0)
            }
            MapError::ConflictingFlags { map_type, flags } => {
                write!(f, "{map_type}: flags {:#x} exclude each other", flags.0)
            }
            MapError::MissingFlag { map_type, flag } => {
                write!(f, "{map_type}: expected flag {:#x}, found it not set", flag.0)
            }
            MapError::MustPreallocate { map_type } => {
                write!(f, "{map_type}: expected a preallocated map, found BPF_F_NO_PREALLOC")
            }
            MapError::TooLarge { map_type, what, max, found } => {
                write!(f, "{map_type}: expected {what} of at most {max}, found {found}")
            }
            MapError::Memory { bytes, left } => {
                write!(f, "expected to need at most {left} bytes of memory, found {bytes}")
            }
        }
    }
}

impl std::error::Error for MapError {}
