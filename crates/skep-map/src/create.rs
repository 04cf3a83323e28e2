//! Which definitions make a map: the checks of Linux in Linux's order, so that a definition with two faults gets
//! the error number that Linux gives.
//!
//! Not checked here: privileges, tokens and BTF, which belong to a host.
//! Sources, Linux 6.18: `map_create` in kernel/bpf/syscall.c, `array_map_alloc_check` and `fd_array_map_alloc_check`
//! in arraymap.c, `htab_map_alloc_check` and `htab_map_alloc` in hashtab.c, `trie_alloc` in lpm_trie.c,
//! `ringbuf_map_alloc` in ringbuf.c, `queue_stack_map_alloc_check` in queue_stack_maps.c.

use skep_abi::{MapDef, MapFlags, MapType};

use crate::MapError;

/// Largest piece of memory the kernel's allocator gives out: 4 MiB with 4 KiB pages (`KMALLOC_MAX_SIZE`).
const KERNEL_PIECE_MAX: u32 = 4 << 20;
/// Most bytes of one CPU's value (`PCPU_MIN_UNIT_SIZE`).
const PERCPU_VALUE_MAX: u32 = 32 << 10;
/// What Linux keeps beside key and value in an element of a hash map, in bytes.
const HASH_ELEMENT_OVERHEAD: u32 = 48;
/// Most buckets of a hash map: their array must have fewer than 4 GiB at 16 bytes each.
const HASH_BUCKETS_MAX: u64 = (u32::MAX / 16) as u64;
/// Bytes of the prefix length at the start of a key of a trie.
pub(crate) const LPM_PREFIX_LEN: u32 = 4;
/// Most bytes of key data in a trie.
pub(crate) const LPM_DATA_MAX: u32 = 256;
/// What Linux keeps beside data and value in a node of a trie, in bytes.
const LPM_NODE_OVERHEAD: u32 = 24;
/// Ring buffers are made of whole pages.
pub(crate) const PAGE: u32 = 4096;

/// `BPF_F_NUMA_NODE`: accepted, and without meaning in user space.
const NUMA_NODE: MapFlags = MapFlags(1 << 2);
/// `BPF_F_INNER_MAP`: an array that may stand in for a larger or smaller one as an inner map.
const INNER_MAP: MapFlags = MapFlags(1 << 12);
/// The flags that say who may read and write (`BPF_F_ACCESS_MASK`).
const ACCESS: u32 =
    MapFlags::RDONLY.0 | MapFlags::WRONLY.0 | MapFlags::RDONLY_PROG.0 | MapFlags::WRONLY_PROG.0;
const PROG_ACCESS: u32 = MapFlags::RDONLY_PROG.0 | MapFlags::WRONLY_PROG.0;

/// Check a definition; what comes back is what the map will have (Linux rounds some numbers).
pub(crate) fn check(def: &MapDef, cpus: u32) -> Result<MapDef, MapError> {
    if cpus == 0 {
        return Err(MapError::NoCpus);
    }
    exclusive(def, MapFlags::RDONLY | MapFlags::WRONLY)?;
    match def.map_type {
        MapType::Array | MapType::PercpuArray => array(def)?,
        MapType::ProgArray => {
            value_size(def, 4, 4)?;
            known_flags(def, !PROG_ACCESS)?;
            array(def)?;
        }
        MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => {
            return hash(def, cpus);
        }
        MapType::LpmTrie => lpm(def)?,
        MapType::Ringbuf => ringbuf(def)?,
        MapType::Queue | MapType::Stack => queue(def)?,
        map_type => return Err(MapError::Kind { map_type }),
    }
    Ok(*def)
}

fn array(def: &MapDef) -> Result<(), MapError> {
    let percpu = def.map_type.is_percpu();
    some_entries(def)?;
    key_size(def, 4, 4)?;
    value_size(def, 1, u32::MAX)?;
    let only_plain = if def.map_type == MapType::Array { MapFlags::MMAPABLE.0 | INNER_MAP.0 } else { 0 };
    known_flags(def, ACCESS | NUMA_NODE.0 | only_plain)?;
    exclusive(def, MapFlags::RDONLY_PROG | MapFlags::WRONLY_PROG)?;
    if percpu {
        known_flags(def, !NUMA_NODE.0)?;
    }
    at_most(def, "value size", i32::MAX as u64, def.value_size)?;
    if percpu {
        at_most(def, "value size", PERCPU_VALUE_MAX as u64, def.value_size)?;
    }
    Ok(())
}

fn hash(def: &MapDef, cpus: u32) -> Result<MapDef, MapError> {
    let lru = matches!(def.map_type, MapType::LruHash | MapType::LruPercpuHash);
    let percpu = def.map_type.is_percpu();
    let lru_a_cpu = def.flags.contains(MapFlags::NO_COMMON_LRU);
    known_flags(
        def,
        MapFlags::NO_PREALLOC.0 | MapFlags::NO_COMMON_LRU.0 | MapFlags::ZERO_SEED.0 | NUMA_NODE.0 | ACCESS,
    )?;
    exclusive(def, MapFlags::RDONLY_PROG | MapFlags::WRONLY_PROG)?;
    if !lru {
        known_flags(def, !MapFlags::NO_COMMON_LRU.0)?;
    }
    if lru && def.flags.contains(MapFlags::NO_PREALLOC) {
        return Err(MapError::MustPreallocate { map_type: def.map_type });
    }
    if percpu || lru_a_cpu {
        known_flags(def, !NUMA_NODE.0)?;
    }
    some_entries(def)?;
    key_size(def, 1, u32::MAX)?;
    value_size(def, 1, u32::MAX)?;
    let together = def.key_size as u64 + def.value_size as u64;
    let max = (KERNEL_PIECE_MAX - HASH_ELEMENT_OVERHEAD - 1) as u64;
    if together > max {
        let what = "key and value size together";
        return Err(MapError::TooLarge { map_type: def.map_type, what, max, found: together });
    }
    if percpu {
        at_most(def, "value size", PERCPU_VALUE_MAX as u64, def.value_size)?;
    }
    // With a list a CPU, Linux gives each list the same number of elements.
    let max_entries = if lru_a_cpu {
        let lower = def.max_entries - def.max_entries % cpus;
        def.max_entries.checked_next_multiple_of(cpus).unwrap_or(lower)
    } else {
        def.max_entries
    };
    at_most(def, "max_entries", HASH_BUCKETS_MAX.next_power_of_two() / 2, max_entries)?;
    Ok(MapDef { max_entries, ..*def })
}

fn lpm(def: &MapDef) -> Result<(), MapError> {
    some_entries(def)?;
    if !def.flags.contains(MapFlags::NO_PREALLOC) {
        return Err(MapError::MissingFlag { map_type: def.map_type, flag: MapFlags::NO_PREALLOC });
    }
    known_flags(def, MapFlags::NO_PREALLOC.0 | NUMA_NODE.0 | ACCESS)?;
    exclusive(def, MapFlags::RDONLY_PROG | MapFlags::WRONLY_PROG)?;
    key_size(def, LPM_PREFIX_LEN + 1, LPM_PREFIX_LEN + LPM_DATA_MAX)?;
    value_size(def, 1, KERNEL_PIECE_MAX - LPM_DATA_MAX - LPM_NODE_OVERHEAD)
}

fn ringbuf(def: &MapDef) -> Result<(), MapError> {
    known_flags(def, NUMA_NODE.0)?;
    key_size(def, 0, 0)?;
    value_size(def, 0, 0)?;
    if !def.max_entries.is_power_of_two() || !def.max_entries.is_multiple_of(PAGE) {
        let expected = "a power of two and a multiple of the page size 4096";
        return Err(MapError::MaxEntries { map_type: def.map_type, expected, found: def.max_entries });
    }
    Ok(())
}

fn queue(def: &MapDef) -> Result<(), MapError> {
    some_entries(def)?;
    key_size(def, 0, 0)?;
    value_size(def, 1, u32::MAX)?;
    known_flags(def, NUMA_NODE.0 | ACCESS)?;
    exclusive(def, MapFlags::RDONLY_PROG | MapFlags::WRONLY_PROG)?;
    at_most(def, "value size", KERNEL_PIECE_MAX as u64, def.value_size)
}

fn some_entries(def: &MapDef) -> Result<(), MapError> {
    if def.max_entries == 0 {
        return Err(MapError::MaxEntries { map_type: def.map_type, expected: "at least 1", found: 0 });
    }
    Ok(())
}

fn key_size(def: &MapDef, min: u32, max: u32) -> Result<(), MapError> {
    if !(min..=max).contains(&def.key_size) {
        return Err(MapError::KeySize { map_type: def.map_type, expected: (min, max), found: def.key_size });
    }
    Ok(())
}

fn value_size(def: &MapDef, min: u32, max: u32) -> Result<(), MapError> {
    if !(min..=max).contains(&def.value_size) {
        return Err(MapError::ValueSize {
            map_type: def.map_type,
            expected: (min, max),
            found: def.value_size,
        });
    }
    Ok(())
}

fn known_flags(def: &MapDef, known: u32) -> Result<(), MapError> {
    let unknown = MapFlags(def.flags.0 & !known);
    if unknown != MapFlags(0) {
        return Err(MapError::UnknownFlags { map_type: def.map_type, unknown });
    }
    Ok(())
}

fn exclusive(def: &MapDef, flags: MapFlags) -> Result<(), MapError> {
    if def.flags.contains(flags) {
        return Err(MapError::ConflictingFlags { map_type: def.map_type, flags });
    }
    Ok(())
}

fn at_most(def: &MapDef, what: &'static str, max: u64, found: u32) -> Result<(), MapError> {
    if found as u64 > max {
        return Err(MapError::TooLarge { map_type: def.map_type, what, max, found: found as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_abi::Errno;

    fn def(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: u32) -> MapDef {
        MapDef { map_type, key_size, value_size, max_entries, flags: MapFlags(flags) }
    }

    #[test]
    fn errors_say_what_and_why() {
        let error = check(&def(MapType::Array, 8, 8, 1, 0), 1).unwrap_err();
        assert_eq!(error.to_string(), "array: expected key size 4, found 8");
        assert_eq!(error.errno(), Errno::EINVAL);
        let error = check(&def(MapType::LruHash, 8, 8, 1, MapFlags::NO_PREALLOC.0), 1).unwrap_err();
        assert_eq!(error.errno(), Errno::ENOTSUPP);
        let error = check(&def(MapType::Ringbuf, 0, 0, 12288, 0), 1).unwrap_err();
        let expected = "a power of two and a multiple of the page size 4096";
        assert_eq!(error.to_string(), format!("ringbuf: expected max_entries to be {expected}, found 12288"));
    }

    #[test]
    fn lists_a_cpu_are_of_equal_length() {
        let made = check(&def(MapType::LruHash, 4, 4, 10, MapFlags::NO_COMMON_LRU.0), 4).unwrap();
        assert_eq!(made.max_entries, 12);
    }
}
