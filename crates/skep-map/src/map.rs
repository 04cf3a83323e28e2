//! [`Map`]: one type over all kinds, which checks sizes and gives each kind its share of the interface.
//!
//! Source of the error numbers: kernel/bpf/syscall.c and the `bpf_map_ops` of each kind, Linux 6.18.

use core::fmt;
use core::ptr::NonNull;

use skep_abi::{Errno, MapDef, MapType};

use crate::array::{self, Array, ProgArray};
use crate::create;
use crate::hash::{HashTable, Value};
use crate::lpm::Trie;
use crate::memory::Budget;
use crate::queue::Queue;
use crate::ringbuf::RingBuffer;
use crate::{BPF_F_LOCK, MapError};

/// A map. See the crate's documentation for what holds of all of them.
pub struct Map {
    def: MapDef,
    cpus: u32,
    kind: Kind,
}

enum Kind {
    Array(Array),
    Progs(ProgArray),
    Hash(HashTable),
    Lpm(Trie),
    Ring(RingBuffer),
    Queue(Queue),
}

impl Map {
    /// Make a map for a number of CPUs. The seed decides the secrets of hash maps: take it from a good source of
    /// randomness, anew for each map, unless runs must be repeatable. `BPF_F_ZERO_SEED` overrides it.
    pub fn new(def: &MapDef, cpus: u32, seed: u64) -> Result<Map, MapError> {
        let def = create::check(def, cpus)?;
        let budget = &mut Budget::new();
        let kind = match def.map_type {
            MapType::Array | MapType::PercpuArray => Kind::Array(Array::new(&def, cpus, budget)?),
            MapType::ProgArray => Kind::Progs(ProgArray::new(&def, budget)?),
            MapType::LpmTrie => Kind::Lpm(Trie::new(&def, budget)?),
            MapType::Ringbuf => Kind::Ring(RingBuffer::new(&def, budget)?),
            MapType::Queue | MapType::Stack => Kind::Queue(Queue::new(&def, budget)?),
            MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => {
                Kind::Hash(HashTable::new(&def, cpus, seed, budget)?)
            }
            map_type => return Err(MapError::Kind { map_type }),
        };
        Ok(Map { def, cpus, kind })
    }

    /// What the map is. With `BPF_F_NO_COMMON_LRU`, `max_entries` is rounded up to a multiple of the CPUs, as on
    /// Linux.
    pub fn def(&self) -> &MapDef {
        &self.def
    }

    /// For how many CPUs it keeps values, if it is of a per-CPU kind.
    pub fn cpus(&self) -> u32 {
        self.cpus
    }

    /// How many elements there are: for arrays all there can be, for program arrays the indexes with a program, for
    /// ring buffers the bytes not consumed.
    pub fn len(&self) -> u32 {
        match &self.kind {
            Kind::Array(_) => self.def.max_entries,
            Kind::Progs(progs) => progs.len(),
            Kind::Hash(table) => table.len(),
            Kind::Lpm(trie) => trie.len(),
            Kind::Ring(ring) => ring.query(crate::BPF_RB_AVAIL_DATA) as u32,
            Kind::Queue(queue) => queue.len(),
        }
    }

    /// Whether [`Map::len`] is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of a value as user space sees it: with per-CPU kinds, one value a CPU, each filled up to a multiple of
    /// 8 bytes.
    pub fn user_value_size(&self) -> usize {
        if self.def.map_type.is_percpu() {
            (self.def.value_size as usize).next_multiple_of(8) * self.cpus as usize
        } else {
            self.def.value_size as usize
        }
    }

    fn key_fits(&self, key: &[u8]) -> bool {
        key.len() == self.def.key_size as usize
    }
}

/// What programs do, through helpers.
impl Map {
    /// `bpf_map_lookup_elem`: the address of the value, of this CPU for per-CPU kinds. The alignment is 8 bytes.
    /// `None` also for a key of the wrong size, a CPU the map has no values for, and kinds without addresses.
    ///
    /// An LRU map marks the element as used.
    #[inline]
    pub fn lookup(&self, key: &[u8], cpu: u32) -> Option<NonNull<u8>> {
        if !self.key_fits(key) || cpu >= self.cpus {
            return None;
        }
        match &self.kind {
            Kind::Array(array) => array.lookup(key, cpu),
            Kind::Hash(table) => table.lookup(key, cpu),
            Kind::Lpm(trie) => trie.lookup(key),
            Kind::Progs(_) | Kind::Ring(_) | Kind::Queue(_) => None,
        }
    }

    /// `bpf_map_update_elem`: set the value, of this CPU only for per-CPU kinds; a new element of these is zero for
    /// the other CPUs. `EINVAL` for a key, value or CPU that does not fit, too.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64, cpu: u32) -> Result<(), Errno> {
        if !self.key_fits(key) || value.len() != self.def.value_size as usize || cpu >= self.cpus {
            return Err(Errno::EINVAL);
        }
        match &self.kind {
            Kind::Array(array) => array.update(key, Value::One(value, cpu), flags),
            Kind::Hash(table) => table.update(key, Value::One(value, cpu), flags),
            Kind::Lpm(trie) => trie.update(key, value, flags),
            Kind::Progs(_) => Err(Errno::EOPNOTSUPP),
            Kind::Ring(_) => Err(Errno::ENOTSUPP),
            Kind::Queue(_) => Err(Errno::EINVAL),
        }
    }

    /// `bpf_map_delete_elem`.
    pub fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        match &self.kind {
            Kind::Progs(_) => Err(Errno::EOPNOTSUPP),
            _ => self.remove(key),
        }
    }

    /// `bpf_map_push_elem`: for queues and stacks. `EINVAL` for other kinds.
    pub fn push(&self, value: &[u8], flags: u64) -> Result<(), Errno> {
        match &self.kind {
            Kind::Queue(queue) if value.len() == self.def.value_size as usize => queue.push(value, flags),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `bpf_map_pop_elem`: copy the next value and take it out; zeroes and `ENOENT` if there is none.
    pub fn pop(&self, out: &mut [u8]) -> Result<(), Errno> {
        self.next_value(out, true)
    }

    /// `bpf_map_peek_elem`: copy the next value; zeroes and `ENOENT` if there is none.
    pub fn peek(&self, out: &mut [u8]) -> Result<(), Errno> {
        self.next_value(out, false)
    }

    fn next_value(&self, out: &mut [u8], take: bool) -> Result<(), Errno> {
        match &self.kind {
            Kind::Queue(queue) if out.len() == self.def.value_size as usize => queue.next(out, take),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `bpf_tail_call`: the id of the program at an index of a program array.
    #[inline]
    pub fn prog_at(&self, index: u32) -> Option<u32> {
        match &self.kind {
            Kind::Progs(progs) => progs.at(index),
            _ => None,
        }
    }

    /// Whether `len` bytes from `addr` on are inside one value, or inside one reserved record of a ring buffer: what
    /// a program may access. The memory of a value counts also after its key was deleted, as a program may still hold
    /// the address.
    #[inline]
    pub fn value_memory(&self, addr: usize, len: usize) -> bool {
        match &self.kind {
            Kind::Array(array) => array.value_memory(addr, len),
            Kind::Hash(table) => table.value_memory(addr, len),
            Kind::Lpm(trie) => trie.value_memory(addr, len),
            Kind::Ring(ring) => ring.value_memory(addr, len),
            Kind::Progs(_) | Kind::Queue(_) => false,
        }
    }

    /// `BPF_PSEUDO_MAP_VALUE`: the address of byte `off` of an array of one element, which is what global data is
    /// in. `None` behind the end of the value, and for all other maps.
    pub fn direct_value(&self, off: u32) -> Option<NonNull<u8>> {
        match &self.kind {
            Kind::Array(array) => array.direct_value(off),
            _ => None,
        }
    }
}

/// What user space does, through `bpf(2)`.
impl Map {
    /// `BPF_MAP_LOOKUP_ELEM`: a copy of the value ([`Map::user_value_size`] bytes); the id for program arrays, the
    /// next value for queues and stacks, whose key is empty. No mark in LRU maps.
    pub fn read(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        if !self.key_fits(key) {
            return Err(Errno::EINVAL);
        }
        let mut out = vec![0; self.user_value_size()];
        match &self.kind {
            Kind::Array(array) => array.read(key, &mut out)?,
            Kind::Progs(progs) => progs.read(key, &mut out)?,
            Kind::Hash(table) => table.read(key, &mut out)?,
            Kind::Lpm(trie) => trie.read(key, &mut out)?,
            Kind::Ring(_) => return Err(Errno::ENOTSUPP),
            Kind::Queue(queue) => queue.next(&mut out, false)?,
        }
        Ok(out)
    }

    /// `BPF_MAP_UPDATE_ELEM`: set a value of [`Map::user_value_size`] bytes. Program arrays take the id of a program,
    /// where `bpf(2)` takes a descriptor; queues and stacks push.
    pub fn write(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        if !self.key_fits(key) || value.len() != self.user_value_size() {
            return Err(Errno::EINVAL);
        }
        // bpf(2) looks at this flag before it looks at the kind.
        if flags & BPF_F_LOCK != 0 {
            return Err(Errno::EINVAL);
        }
        let whole = if self.def.map_type.is_percpu() { Value::All(value) } else { Value::One(value, 0) };
        match &self.kind {
            Kind::Array(array) => array.update(key, whole, flags),
            Kind::Progs(progs) => progs.write(key, value, flags),
            Kind::Hash(table) => table.update(key, whole, flags),
            Kind::Lpm(trie) => trie.update(key, value, flags),
            Kind::Ring(_) => Err(Errno::ENOTSUPP),
            Kind::Queue(queue) => queue.push(value, flags),
        }
    }

    /// `BPF_MAP_DELETE_ELEM`.
    pub fn remove(&self, key: &[u8]) -> Result<(), Errno> {
        if !self.key_fits(key) {
            return Err(Errno::EINVAL);
        }
        match &self.kind {
            Kind::Progs(progs) => progs.remove(key),
            Kind::Hash(table) => table.delete(key),
            Kind::Lpm(trie) => trie.delete(key),
            Kind::Ring(_) => Err(Errno::ENOTSUPP),
            Kind::Array(_) | Kind::Queue(_) => Err(Errno::EINVAL),
        }
    }

    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`: hash maps, queues and stacks have it, the others are `ENOTSUPP`.
    pub fn read_and_remove(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        if !self.key_fits(key) {
            return Err(Errno::EINVAL);
        }
        let mut out = vec![0; self.user_value_size()];
        match &self.kind {
            Kind::Hash(table) => table.read_and_delete(key, &mut out)?,
            Kind::Queue(queue) => queue.next(&mut out, true)?,
            _ => return Err(Errno::ENOTSUPP),
        }
        Ok(out)
    }

    /// `BPF_MAP_GET_NEXT_KEY`: the key after this one; the first if none is given or the map does not have it;
    /// `ENOENT` after the last.
    pub fn next_key(&self, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        if key.is_some_and(|key| !self.key_fits(key)) {
            return Err(Errno::EINVAL);
        }
        match &self.kind {
            Kind::Array(_) | Kind::Progs(_) => array::next_key(self.def.max_entries, key),
            Kind::Hash(table) => table.next_key(key),
            Kind::Lpm(trie) => trie.next_key(key),
            Kind::Ring(_) => Err(Errno::ENOTSUPP),
            Kind::Queue(_) => Err(Errno::EINVAL),
        }
    }

    /// Put a program into a program array, by its id, which is not 0 (`EBADF`). `E2BIG` for an index that is too
    /// large, `EINVAL` for other kinds.
    pub fn set_prog(&self, index: u32, id: u32) -> Result<(), Errno> {
        match &self.kind {
            Kind::Progs(progs) => progs.set(index, id),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// Ring buffers. Other kinds answer `None`, `EINVAL` or 0.
impl Map {
    fn ring(&self) -> Result<&RingBuffer, Errno> {
        match &self.kind {
            Kind::Ring(ring) => Ok(ring),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `bpf_ringbuf_reserve`: the address of a record of `size` bytes, with whatever was there before in them; `None`
    /// if there is no room.
    pub fn reserve(&self, size: u64) -> Option<NonNull<u8>> {
        self.ring().ok()?.reserve(size)
    }

    /// `bpf_ringbuf_submit`: hand a reserved record to the consumer. `EINVAL` if there is none at this address.
    pub fn submit(&self, record: NonNull<u8>, flags: u64) -> Result<(), Errno> {
        self.ring()?.submit(record, flags)
    }

    /// `bpf_ringbuf_discard`: give a reserved record up. `EINVAL` if there is none at this address.
    pub fn discard(&self, record: NonNull<u8>, flags: u64) -> Result<(), Errno> {
        self.ring()?.discard(record, flags)
    }

    /// `bpf_ringbuf_output`: reserve, copy, submit. `EAGAIN` if there is no room, `EINVAL` for unknown flags.
    pub fn output(&self, data: &[u8], flags: u64) -> Result<(), Errno> {
        self.ring()?.output(data, flags)
    }

    /// `bpf_ringbuf_query`: the answer to one of the `BPF_RB_*` questions, 0 for unknown ones.
    pub fn query(&self, what: u64) -> u64 {
        self.ring().map_or(0, |ring| ring.query(what))
    }

    /// How often a poller would have been woken so far.
    pub fn wakeups(&self) -> u64 {
        self.ring().map_or(0, RingBuffer::wakeups)
    }

    /// Consume records in order, as far as they are finished: `each` gets a copy of every submitted one. Returns how
    /// many there were. `EBUSY` while another drain runs (`each` may not drain).
    pub fn drain(&self, each: impl FnMut(&[u8])) -> Result<usize, Errno> {
        self.ring()?.drain(each)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("def", &self.def).field("cpus", &self.cpus).finish_non_exhaustive()
    }
}
