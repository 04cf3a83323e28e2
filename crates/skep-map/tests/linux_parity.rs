//! The same calls to the running kernel, through `bpf(2)`, and to this crate: the same answers and error numbers.
//!
//! Skipped, by name, where the kernel may not be asked. Not compared: the order of hash iteration (there is none to
//! rely on), and which element an LRU map evicts.

use skep_abi::{Errno, MapDef, MapFlags, MapType};
use skep_map::{BPF_F_LOCK, Map, MapError};

const MAP_CREATE: i64 = 0;
const MAP_LOOKUP_ELEM: i64 = 1;
const MAP_UPDATE_ELEM: i64 = 2;
const MAP_DELETE_ELEM: i64 = 3;
const MAP_GET_NEXT_KEY: i64 = 4;
const MAP_LOOKUP_AND_DELETE_ELEM: i64 = 21;

/// One call. `attr` is the start of `union bpf_attr`, in words of 8 bytes.
fn bpf(command: i64, attr: &mut [u64; 16]) -> Result<i32, Errno> {
    // SAFETY: the attributes outlive the call, and the pointers in them are to buffers of the sizes that the map was
    // made with, as each caller sees to.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), size_of_val(attr)) };
    if result < 0 {
        Err(Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)))
    } else {
        Ok(result as i32)
    }
}

/// A map in the kernel.
struct KernelMap {
    fd: i32,
    key_size: usize,
    value_size: usize,
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

impl KernelMap {
    fn new(def: &MapDef, user_value_size: usize) -> Result<KernelMap, Errno> {
        let mut attr = [0; 16];
        attr[0] = pair(def.map_type.0, def.key_size);
        attr[1] = pair(def.value_size, def.max_entries);
        attr[2] = pair(def.flags.0, 0);
        let fd = bpf(MAP_CREATE, &mut attr)?;
        Ok(KernelMap { fd, key_size: def.key_size as usize, value_size: user_value_size })
    }

    fn call(&self, command: i64, key: Option<&[u8]>, value: *const u8, flags: u64) -> Result<(), Errno> {
        let mut attr = [0; 16];
        attr[0] = self.fd as u64;
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            assert_eq!(key.len(), self.key_size);
            attr[1] = key.as_ptr() as u64;
        }
        attr[2] = value as u64;
        attr[3] = flags;
        bpf(command, &mut attr).map(|_| ())
    }

    fn read(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut out = vec![0; self.value_size];
        self.call(MAP_LOOKUP_ELEM, Some(key), out.as_mut_ptr(), 0)?;
        Ok(out)
    }

    fn read_and_remove(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut out = vec![0; self.value_size];
        self.call(MAP_LOOKUP_AND_DELETE_ELEM, Some(key), out.as_mut_ptr(), 0)?;
        Ok(out)
    }

    fn write(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        assert_eq!(value.len(), self.value_size);
        self.call(MAP_UPDATE_ELEM, Some(key), value.as_ptr(), flags)
    }

    fn remove(&self, key: &[u8]) -> Result<(), Errno> {
        self.call(MAP_DELETE_ELEM, Some(key), core::ptr::null(), 0)
    }

    fn next_key(&self, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        let mut out = vec![0; self.key_size.max(8)];
        self.call(MAP_GET_NEXT_KEY, key, out.as_mut_ptr(), 0)?;
        out.truncate(self.key_size);
        Ok(out)
    }
}

impl Drop for KernelMap {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open and belongs to this map alone.
        unsafe { libc::close(self.fd) };
    }
}

fn def(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: u32) -> MapDef {
    MapDef { map_type, key_size, value_size, max_entries, flags: MapFlags(flags) }
}

/// How many CPUs the kernel keeps values for: one more than the last number in a list such as `0-3`.
fn possible_cpus() -> Option<u32> {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/possible").ok()?;
    let last = list.trim().rsplit([',', '-']).next()?;
    Some(last.parse::<u32>().ok()? + 1)
}

/// The number of CPUs, if the kernel lets this process make maps.
fn kernel(test: &str) -> Option<u32> {
    let cpus = possible_cpus();
    match (cpus, KernelMap::new(&def(MapType::Hash, 4, 4, 1, 0), 4)) {
        (Some(cpus), Ok(_)) => Some(cpus),
        (None, _) => {
            println!("skipped: {test}: the kernel does not say how many CPUs are possible");
            None
        }
        (_, Err(errno)) => {
            println!("skipped: {test}: bpf(2) says {errno}");
            None
        }
    }
}

/// A random number generator that needs no seed of its own and gives the same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let mixed = self.0 ^ (self.0 >> 29);
        mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// Everything in the map, sorted.
fn contents(next: impl Fn(Option<&[u8]>) -> Result<Vec<u8>, Errno>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    loop {
        match next(keys.last().map(Vec::as_slice)) {
            Ok(key) => keys.push(key),
            Err(Errno::ENOENT) => return Ok(keys),
            Err(errno) => return Err(errno),
        }
        assert!(keys.len() < 10_000, "the iteration does not end");
    }
}

/// Run one random script on both. `ordered`: the order of iteration is part of the contract.
fn compare(test: &str, def: &MapDef, ordered: bool, key: impl Fn(&mut Numbers) -> Vec<u8>) {
    let Some(cpus) = kernel(test) else { return };
    let ours = Map::new(def, cpus, 99).unwrap();
    let theirs = KernelMap::new(def, ours.user_value_size()).unwrap();
    let mut numbers = Numbers(0x5ee9 + u64::from(def.map_type.0));
    let padding = padding(def, cpus);
    for step in 0..4000 {
        let at = format!("{test}, step {step}");
        let key = key(&mut numbers);
        match numbers.next() % 16 {
            0..6 => {
                let value = numbers.bytes(ours.user_value_size());
                let flags =
                    [0, 0, 0, 1, 2, 2, 3, BPF_F_LOCK, BPF_F_LOCK | 1, 1 << 40][numbers.next() as usize % 10];
                let value_for_both = clear(value, &padding);
                assert_eq!(
                    ours.write(&key, &value_for_both, flags),
                    theirs.write(&key, &value_for_both, flags),
                    "{at}: update {key:02x?}, flags {flags:#x}"
                );
            }
            6..10 => {
                let (ours, theirs) = (ours.read(&key), theirs.read(&key));
                let (ours, theirs) = (ours.map(|v| clear(v, &padding)), theirs.map(|v| clear(v, &padding)));
                assert_eq!(ours, theirs, "{at}: lookup {key:02x?}");
            }
            10..13 => assert_eq!(ours.remove(&key), theirs.remove(&key), "{at}: delete {key:02x?}"),
            13 => {
                let (ours, theirs) = (ours.read_and_remove(&key), theirs.read_and_remove(&key));
                let (ours, theirs) = (ours.map(|v| clear(v, &padding)), theirs.map(|v| clear(v, &padding)));
                assert_eq!(ours, theirs, "{at}: lookup and delete {key:02x?}");
            }
            14 if ordered => {
                assert_eq!(
                    ours.next_key(Some(&key)),
                    theirs.next_key(Some(&key)),
                    "{at}: next of {key:02x?}"
                );
                assert_eq!(ours.next_key(None), theirs.next_key(None), "{at}: first key");
            }
            _ => {
                let mut mine = contents(|key| ours.next_key(key));
                let mut kernels = contents(|key| theirs.next_key(key));
                if !ordered {
                    mine = mine.map(sorted);
                    kernels = kernels.map(sorted);
                }
                assert_eq!(mine, kernels, "{at}: all keys");
            }
        }
    }
}

fn sorted(mut keys: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    keys.sort();
    keys
}

/// The bytes of a user-space value that fill one CPU's value up: Linux copies some of them, and says nothing of it.
fn padding(def: &MapDef, cpus: u32) -> Vec<core::ops::Range<usize>> {
    if !def.map_type.is_percpu() {
        return Vec::new();
    }
    let (size, stride) = (def.value_size as usize, (def.value_size as usize).next_multiple_of(8));
    (0..cpus as usize).map(|cpu| cpu * stride + size..(cpu + 1) * stride).collect()
}

fn clear(mut value: Vec<u8>, padding: &[core::ops::Range<usize>]) -> Vec<u8> {
    for range in padding {
        value[range.clone()].fill(0);
    }
    value
}

/// Keys of one byte that changes, so that scripts meet the same key again.
fn few(size: usize, different: u64) -> impl Fn(&mut Numbers) -> Vec<u8> {
    move |numbers| {
        let mut key = vec![0xa5; size];
        key[size / 2] = (numbers.next() % different) as u8;
        key
    }
}

fn indexes(numbers: &mut Numbers) -> Vec<u8> {
    let index = if numbers.next().is_multiple_of(20) { u32::MAX } else { numbers.next() as u32 % 12 };
    index.to_ne_bytes().to_vec()
}

#[test]
fn arrays() {
    compare("arrays", &def(MapType::Array, 4, 13, 10, 0), true, indexes);
    compare("arrays", &def(MapType::Array, 4, 8, 10, MapFlags::MMAPABLE.0), true, indexes);
}

#[test]
fn percpu_arrays() {
    compare("percpu_arrays", &def(MapType::PercpuArray, 4, 13, 10, 0), true, indexes);
}

#[test]
fn hashes() {
    for (key_size, value_size) in [(1, 1), (4, 8), (8, 13), (12, 8), (16, 100), (20, 8), (37, 3)] {
        for flags in [MapFlags(0), MapFlags::NO_PREALLOC, MapFlags::ZERO_SEED] {
            let def = def(MapType::Hash, key_size, value_size, 12, flags.0);
            compare("hashes", &def, false, few(key_size as usize, 20));
        }
    }
}

#[test]
fn percpu_hashes() {
    for flags in [MapFlags(0), MapFlags::NO_PREALLOC] {
        compare("percpu_hashes", &def(MapType::PercpuHash, 8, 12, 12, flags.0), false, few(8, 20));
    }
}

#[test]
fn lru_hashes_that_are_not_full() {
    // Linux evicts early; with far more room than keys, neither side evicts.
    compare("lru_hashes", &def(MapType::LruHash, 8, 12, 4096, 0), false, few(8, 20));
    compare("lru_hashes", &def(MapType::LruPercpuHash, 8, 12, 4096, 0), false, few(8, 20));
}

#[test]
fn tries() {
    for (data_size, max_entries) in [(4, 12), (1, 300), (3, 20), (16, 12), (20, 40)] {
        let def = def(MapType::LpmTrie, 4 + data_size, 8, max_entries, MapFlags::NO_PREALLOC.0);
        compare("tries", &def, true, |numbers| {
            // Prefixes of like data, so that they cover each other; now and then one that is too long.
            let bits = u64::from(data_size) * 8;
            let len = if numbers.next().is_multiple_of(30) { bits + 1 } else { numbers.next() % (bits + 1) };
            let mut key = (len as u32).to_ne_bytes().to_vec();
            key.extend((0..data_size).map(|_| [0, 0, 0, 0x80, 0xff, 1][numbers.next() as usize % 6]));
            key
        });
    }
}

#[test]
fn queues_and_stacks() {
    for kind in [MapType::Queue, MapType::Stack] {
        compare("queues_and_stacks", &def(kind, 0, 9, 5, 0), true, |_| Vec::new());
    }
}

#[test]
fn ring_buffers_have_no_elements() {
    compare("ring_buffers", &def(MapType::Ringbuf, 0, 0, 4096, 0), true, |_| Vec::new());
}

#[test]
fn program_arrays_without_programs() {
    let Some(cpus) = kernel("program_arrays_without_programs") else { return };
    let def = def(MapType::ProgArray, 4, 4, 3, 0);
    let (ours, theirs) = (Map::new(&def, cpus, 0).unwrap(), KernelMap::new(&def, 4).unwrap());
    for index in [0_u32, 2, 3, u32::MAX] {
        let key = index.to_ne_bytes();
        assert_eq!(ours.read(&key), theirs.read(&key));
        assert_eq!(ours.remove(&key), theirs.remove(&key));
        assert_eq!(ours.next_key(Some(&key)), theirs.next_key(Some(&key)));
        assert_eq!(ours.write(&key, &[1; 4], 2), theirs.write(&key, &[1; 4], 2));
    }
    assert_eq!(ours.next_key(None), theirs.next_key(None));
    // An index too large is found before the program is.
    let key = 3_u32.to_ne_bytes();
    assert_eq!(ours.write(&key, &[0xff; 4], 0), theirs.write(&key, &[0xff; 4], 0));
}

#[test]
fn definitions_are_refused_alike() {
    let Some(cpus) = kernel("definitions_are_refused_alike") else { return };
    let kinds = [
        MapType::Array,
        MapType::PercpuArray,
        MapType::ProgArray,
        MapType::Hash,
        MapType::PercpuHash,
        MapType::LruHash,
        MapType::LruPercpuHash,
        MapType::LpmTrie,
        MapType::Ringbuf,
        MapType::Queue,
        MapType::Stack,
    ];
    let sizes = [
        0,
        1,
        4,
        5,
        8,
        260,
        261,
        4096,
        32768,
        32769,
        (4 << 20) - 256 - 24,
        (4 << 20) - 256 - 23,
        (4 << 20) - 57,
        (4 << 20) - 52,
        (4 << 20) - 56,
        4 << 20,
        (4 << 20) + 1,
        i32::MAX as u32,
        1 << 31,
        u32::MAX,
    ];
    let entries = [0, 1, 2, 4096, 8192, 12288, 1 << 27, (1 << 27) + 1, 1 << 31, u32::MAX];
    let mut numbers = Numbers(7);
    let (mut made, mut refused) = (0, 0);
    for kind in kinds {
        for _ in 0..1500 {
            // Mostly plausible values, so that most definitions have one fault or none.
            let pick = |numbers: &mut Numbers, usual: u32, all: &[u32]| {
                if numbers.next().is_multiple_of(2) {
                    usual
                } else {
                    all[numbers.next() as usize % all.len()]
                }
            };
            let no_key = matches!(kind, MapType::Ringbuf | MapType::Queue | MapType::Stack);
            let usual_key = if no_key {
                0
            } else if kind == MapType::LpmTrie {
                8
            } else {
                4
            };
            let key_size = pick(&mut numbers, usual_key, &sizes);
            let value_size = pick(&mut numbers, if kind == MapType::Ringbuf { 0 } else { 4 }, &sizes);
            let max_entries = pick(&mut numbers, 4096, &entries);
            let usual_flags = u32::from(kind == MapType::LpmTrie); // BPF_F_NO_PREALLOC
            let mut flags = usual_flags;
            while !numbers.next().is_multiple_of(2) {
                flags ^= 1 << (numbers.next() % 21);
            }
            // BPF_F_TOKEN_FD asks for a token, which is a host's affair.
            flags &= !(1 << 16);
            let def = def(kind, key_size, value_size, max_entries, flags);
            let ours = Map::new(&def, cpus, 0);
            if too_big_to_try(&def, cpus) || matches!(ours, Err(MapError::Memory { .. })) {
                continue;
            }
            let theirs = KernelMap::new(&def, 0).map(|_| ()).err();
            assert_eq!(ours.as_ref().err().map(MapError::errno), theirs, "{def:?}: {ours:?}");
            if ours.is_ok() { made += 1 } else { refused += 1 }
        }
    }
    assert!(made > 500 && refused > 500, "{made} made, {refused} refused: the mixture is off");
}

/// Whether the kernel would really allocate so much for it that other tests suffer.
fn too_big_to_try(def: &MapDef, cpus: u32) -> bool {
    let key = (def.key_size as u64).next_multiple_of(8);
    let value =
        (def.value_size as u64).next_multiple_of(8) * if def.map_type.is_percpu() { cpus as u64 } else { 1 };
    let entries = if def.flags.contains(MapFlags::NO_PREALLOC) { 1 } else { def.max_entries as u64 };
    let table = def.max_entries as u64 * 16;
    let fits = Map::new(&MapDef { max_entries: 4096, ..*def }, cpus, 0).is_ok();
    fits && (key + value + 64).saturating_mul(entries) + table > 8 << 20
}
