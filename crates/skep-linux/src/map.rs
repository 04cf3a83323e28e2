//! A map of the kernel: its descriptor, and the sizes that keep every copy in and out of it within bounds.
//!
//! Source: `map_create`, `bpf_map_value_size` of kernel/bpf/syscall.c, Linux 6.18; which kinds take no types:
//! libbpf 1.x.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use skep_abi::{Errno, MapDef, MapType};
use skep_btf::Btf;
use skep_obj::MapSpec;

use crate::machine;
use crate::ringbuf::Reader;
use crate::sys::{self, MapCreate, MapInfo, NAME_BYTES};
use crate::types::TypeStore;

/// Bytes that one CPU's value takes a multiple of.
const PERCPU_ALIGN: usize = 8;
/// `BPF_F_NUMA_NODE`: the map is to be on the node that is named.
const F_NUMA_NODE: u32 = 1 << 2;

/// Kinds of map that keep what the kernel would not print: they take no types.
const WITHOUT_TYPES: &[MapType] = &[
    MapType::PerfEventArray,
    MapType::CgroupArray,
    MapType::StackTrace,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Devmap,
    MapType::DevmapHash,
    MapType::Cpumap,
    MapType::Xskmap,
    MapType::Sockmap,
    MapType::Sockhash,
    MapType::Queue,
    MapType::Stack,
    MapType::Arena,
];

/// A map.
pub(crate) struct Map {
    fd: OwnedFd,
    pub(crate) id: u32,
    pub(crate) map_type: MapType,
    key_bytes: usize,
    /// Of all CPUs, where there is one value each.
    value_bytes: usize,
    ring_bytes: usize,
    pub(crate) name: String,
    reader: Option<Reader>,
}

impl Map {
    /// Makes a map. Types that the kernel does not take are left out; `inner` is the model of its values.
    pub(crate) fn create(
        spec: &MapSpec,
        btf: Option<&Btf>,
        types: &mut TypeStore,
        cpus: Option<u32>,
        inner: Option<&Map>,
    ) -> Result<Map, Errno> {
        // Nobody could say how much the kernel reads and writes of such a map.
        if cpus.is_none() && is_percpu(spec.def.map_type) {
            return Err(Errno::EOPNOTSUPP);
        }
        let cpus = cpus.unwrap_or(1);
        let def = sized(spec, cpus);
        let mut attr = MapCreate {
            map_type: def.map_type.0,
            key_size: def.key_size,
            value_size: def.value_size,
            max_entries: def.max_entries,
            map_flags: def.flags.0,
            inner_map_fd: inner.map_or(0, Map::raw_fd),
            map_name: kernel_name(&spec.name),
            map_extra: spec.extra,
            ..MapCreate::default()
        };
        if let Some(node) = spec.numa_node {
            attr.map_flags |= F_NUMA_NODE;
            attr.numa_node = node;
        }
        let wants_types = spec.value_type.is_some() && !WITHOUT_TYPES.contains(&def.map_type);
        let loaded = btf.filter(|_| wants_types).and_then(|btf| types.load(btf));
        let typed = loaded.map(|fd| {
            let mut typed = attr;
            typed.btf_fd = fd.as_raw_fd() as u32;
            typed.btf_key_type_id = spec.key_type.map_or(0, |id| id.0);
            typed.btf_value_type_id = spec.value_type.map_or(0, |id| id.0);
            machine::with_memlock(|| sys::map_create(&typed))
        });
        let fd = match typed {
            // Not every kind takes types in every kernel, and most maps do without.
            Some(Ok(fd)) => fd,
            _ => machine::with_memlock(|| sys::map_create(&attr))?,
        };
        let info: MapInfo = sys::info(fd.as_fd())?;
        // The kernel's own numbers decide over copies: it may have rounded what was asked for.
        let one = info.value_size as usize;
        let percpu = is_percpu(def.map_type);
        let value_bytes = if percpu { one.next_multiple_of(PERCPU_ALIGN) * cpus as usize } else { one };
        Ok(Map {
            fd,
            id: info.id,
            map_type: def.map_type,
            key_bytes: info.key_size as usize,
            value_bytes,
            ring_bytes: info.max_entries as usize,
            name: spec.name.clone(),
            reader: None,
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn raw_fd(&self) -> u32 {
        self.fd.as_raw_fd() as u32
    }

    /// The value of a key.
    pub(crate) fn lookup(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        self.check(key, None)?;
        let mut value = vec![0; self.value_bytes];
        // SAFETY: the key was checked, and the value is as long as the map's.
        unsafe { sys::map_lookup(self.fd(), key, &mut value) }?;
        Ok(value)
    }

    pub(crate) fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.check(key, Some(value))?;
        // SAFETY: both were checked.
        unsafe { sys::map_update(self.fd(), key, value, flags) }
    }

    pub(crate) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        self.check(key, None)?;
        // SAFETY: the key was checked.
        unsafe { sys::map_delete(self.fd(), key) }
    }

    pub(crate) fn next_key(&self, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        key.map_or(Ok(()), |key| self.check(key, None))?;
        let mut next = vec![0; self.key_bytes];
        // SAFETY: the key was checked, and the next is as long.
        unsafe { sys::map_next_key(self.fd(), key, &mut next) }?;
        Ok(next)
    }

    pub(crate) fn freeze(&self) -> Result<(), Errno> {
        sys::map_freeze(self.fd())
    }

    /// The finished records of a ring buffer.
    pub(crate) fn drain(&mut self, record: &mut dyn FnMut(&[u8])) -> Result<usize, Errno> {
        if self.map_type != MapType::Ringbuf {
            return Err(Errno::EINVAL);
        }
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(Reader::new(self.fd.as_fd(), self.ring_bytes)?),
        };
        Ok(reader.drain(record))
    }

    /// What sizes are expected, for messages.
    pub(crate) fn sizes(&self) -> String {
        format!("expected a key of {} bytes and a value of {}", self.key_bytes, self.value_bytes)
    }

    /// Whether these have the sizes that the kernel will read or write.
    pub(crate) fn fits(&self, key: &[u8], value: Option<&[u8]>) -> bool {
        key.len() == self.key_bytes && value.is_none_or(|value| value.len() == self.value_bytes)
    }

    fn check(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Errno> {
        if self.fits(key, value) { Ok(()) } else { Err(Errno::EINVAL) }
    }
}

fn is_percpu(map_type: MapType) -> bool {
    map_type.is_percpu() || map_type == MapType::PercpuCgroupStorage
}

/// The definition, with what an object leaves to the machine.
fn sized(spec: &MapSpec, cpus: u32) -> MapDef {
    let open = spec.def.map_type == MapType::PerfEventArray && spec.def.max_entries == 0;
    MapDef { max_entries: if open { cpus } else { spec.def.max_entries }, ..spec.def }
}

/// A name as the kernel takes it: short, and of letters, digits, dots and underscores.
pub(crate) fn kernel_name(name: &str) -> [u8; NAME_BYTES] {
    let mut bytes = [0; NAME_BYTES];
    for (byte, c) in bytes[..NAME_BYTES - 1].iter_mut().zip(name.chars()) {
        *byte = if c.is_ascii_alphanumeric() || c == '.' { c as u8 } else { b'_' };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_cleaned() {
        assert_eq!(&kernel_name(".rodata.str1.1/x")[..], b".rodata.str1.1_\0");
        assert_eq!(&kernel_name("zähler")[..7], b"z_hler\0");
        assert_eq!(kernel_name("a_very_long_name_indeed")[15], 0);
    }
}
