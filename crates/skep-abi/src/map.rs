//! The kinds of map, and what a map is made with.
//! Source: `enum bpf_map_type` and the `BPF_F_*` map flags of include/uapi/linux/bpf.h, Linux 6.18.

use core::fmt;

/// The kind of a map: a newtype over `enum bpf_map_type`, so that kinds nobody has named yet survive and print.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapType(pub u32);

macro_rules! map_types {
    ($($konst:ident = $value:literal, $name:literal, $major:literal . $minor:literal;)*) => {
        #[allow(non_upper_case_globals)] // they read as the variants of an enum, and are used as such
        impl MapType {
            $(#[doc = concat!("`", $name, "`")] pub const $konst: MapType = MapType($value);)*

            /// Every kind that has a name, in the kernel's order.
            pub const ALL: &'static [MapType] = &[$(MapType($value)),*];

            /// bpftool's name of the kind; `unknown` where there is none.
            pub const fn name(self) -> &'static str {
                match self.0 { $($value => $name,)* _ => "unknown" }
            }

            /// The kind with this name, as [`MapType::name`] gives it.
            pub fn by_name(name: &str) -> Option<MapType> {
                match name { $($name => Some(MapType($value)),)* _ => None }
            }

            /// The first Linux version that has it; (0, 0) where it has no name.
            pub const fn since(self) -> (u8, u8) {
                match self.0 { $($value => ($major, $minor),)* _ => (0, 0) }
            }
        }
    };
}

map_types! {
    Hash = 1, "hash", 3 . 19;
    Array = 2, "array", 3 . 19;
    ProgArray = 3, "prog_array", 4 . 2;
    PerfEventArray = 4, "perf_event_array", 4 . 3;
    PercpuHash = 5, "percpu_hash", 4 . 6;
    PercpuArray = 6, "percpu_array", 4 . 6;
    StackTrace = 7, "stack_trace", 4 . 6;
    CgroupArray = 8, "cgroup_array", 4 . 8;
    LruHash = 9, "lru_hash", 4 . 10;
    LruPercpuHash = 10, "lru_percpu_hash", 4 . 10;
    LpmTrie = 11, "lpm_trie", 4 . 11;
    ArrayOfMaps = 12, "array_of_maps", 4 . 12;
    HashOfMaps = 13, "hash_of_maps", 4 . 12;
    Devmap = 14, "devmap", 4 . 14;
    Sockmap = 15, "sockmap", 4 . 14;
    Cpumap = 16, "cpumap", 4 . 15;
    Xskmap = 17, "xskmap", 4 . 18;
    Sockhash = 18, "sockhash", 4 . 18;
    CgroupStorage = 19, "cgroup_storage", 4 . 19;
    ReuseportSockarray = 20, "reuseport_sockarray", 4 . 19;
    PercpuCgroupStorage = 21, "percpu_cgroup_storage", 4 . 20;
    Queue = 22, "queue", 4 . 20;
    Stack = 23, "stack", 4 . 20;
    SkStorage = 24, "sk_storage", 5 . 2;
    DevmapHash = 25, "devmap_hash", 5 . 4;
    StructOps = 26, "struct_ops", 5 . 6;
    Ringbuf = 27, "ringbuf", 5 . 8;
    InodeStorage = 28, "inode_storage", 5 . 10;
    TaskStorage = 29, "task_storage", 5 . 11;
    BloomFilter = 30, "bloom_filter", 5 . 16;
    UserRingbuf = 31, "user_ringbuf", 6 . 1;
    CgrpStorage = 32, "cgrp_storage", 6 . 2;
    Arena = 33, "arena", 6 . 9;
}

impl MapType {
    /// Whether a map of this kind keeps one value a CPU.
    pub const fn is_percpu(self) -> bool {
        matches!(self, MapType::PercpuHash | MapType::PercpuArray | MapType::LruPercpuHash)
    }
}

impl fmt::Debug for MapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "MapType({})", self.0),
            name => f.write_str(name),
        }
    }
}

impl fmt::Display for MapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Flags a map is created with (`BPF_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MapFlags(pub u32);

impl MapFlags {
    /// `BPF_F_NO_PREALLOC`: elements are allocated when they are inserted.
    pub const NO_PREALLOC: MapFlags = MapFlags(1 << 0);
    /// `BPF_F_NO_COMMON_LRU`: an LRU list a CPU.
    pub const NO_COMMON_LRU: MapFlags = MapFlags(1 << 1);
    /// `BPF_F_RDONLY`: user space may not write.
    pub const RDONLY: MapFlags = MapFlags(1 << 3);
    /// `BPF_F_WRONLY`: user space may not read.
    pub const WRONLY: MapFlags = MapFlags(1 << 4);
    /// `BPF_F_ZERO_SEED`: the hash function gets no random seed.
    pub const ZERO_SEED: MapFlags = MapFlags(1 << 6);
    /// `BPF_F_RDONLY_PROG`: programs may not write.
    pub const RDONLY_PROG: MapFlags = MapFlags(1 << 7);
    /// `BPF_F_WRONLY_PROG`: programs may not read.
    pub const WRONLY_PROG: MapFlags = MapFlags(1 << 8);
    /// `BPF_F_MMAPABLE`: the values can be mapped into user space.
    pub const MMAPABLE: MapFlags = MapFlags(1 << 10);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: MapFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for MapFlags {
    type Output = MapFlags;
    fn bitor(self, rhs: MapFlags) -> MapFlags {
        MapFlags(self.0 | rhs.0)
    }
}

/// What a map is made with: the part of `union bpf_attr` that `BPF_MAP_CREATE` reads first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MapDef {
    /// The kind.
    pub map_type: MapType,
    /// Bytes of a key; 0 for kinds without keys.
    pub key_size: u32,
    /// Bytes of a value (of one CPU's value, where the kind keeps several).
    pub value_size: u32,
    /// How many elements fit; bytes of the buffer for ring buffers.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: MapFlags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds_are_one_to_one() {
        for &kind in MapType::ALL {
            assert_eq!(MapType::by_name(kind.name()), Some(kind));
        }
        assert_eq!(format!("{:?}", MapType(77)), "MapType(77)");
    }
}
