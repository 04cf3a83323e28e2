//! Hash maps: plain, per CPU, LRU, and LRU per CPU.
//!
//! An element is a key and a value, in memory that never moves; the index of [`Buckets`] says which elements are in
//! the map. A lookup takes no lock.
//!
//! As on Linux, updating a key of a plain map puts a *new* element in the place of the old one, so readers see the
//! old value or the new one and no mixture, and a program that holds the address of the old value keeps an old
//! value (which a later update may reuse). Per-CPU values are updated in place.
//!
//! Two differences from Linux, both on purpose: updating does not move a key to another place of the iteration
//! order, and an LRU map evicts only when it is full (see [`Clock`]).
//! Source of the semantics: kernel/bpf/hashtab.c, Linux 6.18.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use skep_abi::{Errno, MapDef, MapFlags, MapType};

use crate::bucket::{Buckets, Chain, Place};
use crate::hashing::Secrets;
use crate::key::{ByteKey, Key, WordKey};
use crate::lru::Clock;
use crate::memory::{Budget, Stride, WORD, Words, words};
use crate::slab::Slab;
use crate::{BPF_EXIST, BPF_NOEXIST, MapError};

/// How often an LRU map looks for something to evict before an insertion fails with `ENOMEM`, as Linux's does.
const EVICTION_TRIES: u32 = 100_000;

/// A hash map of any of the four kinds.
pub(crate) struct HashTable {
    def: MapDef,
    cpus: u32,
    secrets: Secrets,
    buckets: Buckets,
    slab: Slab,
    clock: Option<Clock>,
    len: AtomicU32,
    cells: Words,
    places: Places,
}

/// Where in the cells the keys and values are, in words.
///
/// Plain maps have key and value beside each other; per-CPU maps have all keys, then all values of CPU 0, and so on,
/// so that CPUs do not share cache lines.
struct Places {
    key_words: usize,
    key_stride: usize,
    value_words: usize,
    value_base: usize,
    value_stride: usize,
    cpu_stride: usize,
    elements: u64,
    /// How many values there are in all.
    values: u64,
    split: Stride,
}

impl Places {
    fn new(def: &MapDef, cpus: u32, elements: u32) -> Places {
        let (key_words, value_words) = (words(def.key_size), words(def.value_size));
        if def.map_type.is_percpu() {
            Places {
                key_words,
                key_stride: key_words,
                value_words,
                value_base: elements as usize * key_words,
                value_stride: value_words,
                cpu_stride: elements as usize * value_words,
                elements: elements as u64,
                values: elements as u64 * cpus as u64,
                split: Stride::new(value_words * WORD),
            }
        } else {
            let stride = key_words + value_words;
            Places {
                key_words,
                key_stride: stride,
                value_words,
                value_base: key_words,
                value_stride: stride,
                cpu_stride: 0,
                elements: elements as u64,
                values: elements as u64,
                split: Stride::new(stride * WORD),
            }
        }
    }

    /// Words of one element, all its values together.
    fn words_each(def: &MapDef, cpus: u32) -> usize {
        let copies = if def.map_type.is_percpu() { cpus as usize } else { 1 };
        words(def.key_size) + words(def.value_size) * copies
    }

    #[inline]
    fn key(&self, element: u32) -> core::ops::Range<usize> {
        let at = element as usize * self.key_stride;
        at..at + self.key_words
    }

    #[inline]
    fn value(&self, element: u32, cpu: u32) -> usize {
        self.value_base + cpu as usize * self.cpu_stride + element as usize * self.value_stride
    }
}

/// A value as it comes in.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// For one CPU; the number does not matter to kinds with one value an element.
    One(&'a [u8], u32),
    /// For all CPUs, each filled up to a multiple of 8 bytes.
    All(&'a [u8]),
}

/// Call a generic function with the key in the form that fits its size.
macro_rules! with_key {
    ($bytes:expr, |$key:ident| $body:expr) => {
        match $bytes.len() {
            4 => {
                let $key = WordKey::<1>::new($bytes);
                $body
            }
            8 => {
                let $key = WordKey::<2>::new($bytes);
                $body
            }
            12 => {
                let $key = WordKey::<3>::new($bytes);
                $body
            }
            16 => {
                let $key = WordKey::<4>::new($bytes);
                $body
            }
            _ => {
                let $key = ByteKey($bytes);
                $body
            }
        }
    };
}

impl HashTable {
    pub(crate) fn new(
        def: &MapDef,
        cpus: u32,
        seed: u64,
        budget: &mut Budget,
    ) -> Result<HashTable, MapError> {
        let seed = if def.flags.contains(MapFlags::ZERO_SEED) { 0 } else { seed };
        let buckets = Buckets::new(def.max_entries, budget)?;
        // Each chain may keep one element as a spare, so there must be one more for each.
        let wanted = def.max_entries + buckets.chains() as u32;
        let lru = matches!(def.map_type, MapType::LruHash | MapType::LruPercpuHash);
        let words_each = Places::words_each(def, cpus);
        let bytes_each = words_each * WORD + size_of::<AtomicU32>();
        let elements = if def.flags.contains(MapFlags::NO_PREALLOC) {
            // What does not fit is an error of the insertion that needs it.
            budget.affords(bytes_each).min(wanted as u64) as u32
        } else {
            wanted
        };
        Ok(HashTable {
            def: *def,
            cpus,
            secrets: Secrets::new(seed),
            buckets,
            slab: Slab::new(elements, budget)?,
            clock: lru.then(|| Clock::new(elements, budget)).transpose()?,
            len: AtomicU32::new(0),
            cells: Words::new(elements as u64 * words_each as u64, budget)?,
            places: Places::new(def, cpus, elements),
        })
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.load(Relaxed)
    }

    /// Address of the value. A lookup by a program marks the element as used.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], cpu: u32) -> Option<NonNull<u8>> {
        let element = with_key!(key, |key| self.find(&key))?;
        if let Some(clock) = &self.clock {
            clock.touch(element);
        }
        Some(self.cells.address(self.places.value(element, cpu)))
    }

    #[inline(always)]
    fn find(&self, key: &impl Key) -> Option<u32> {
        self.buckets.find(
            key.hash(&self.secrets),
            |element| key.equals(self.stored_key(element)),
            |found| found,
        )
    }

    /// Copy the value, of all CPUs if there are several, without a mark.
    pub(crate) fn read(&self, key: &[u8], out: &mut [u8]) -> Result<(), Errno> {
        let copy = |element| self.copy_value(element, out);
        with_key!(key, |key| {
            let same = |element| key.equals(self.stored_key(element));
            self.buckets.find(key.hash(&self.secrets), same, copy)
        })
        .ok_or(Errno::ENOENT)
    }

    pub(crate) fn update(&self, key: &[u8], value: Value<'_>, flags: u64) -> Result<(), Errno> {
        // There are no spin locks in these values, so BPF_F_LOCK is as wrong as an unknown flag.
        if flags > BPF_EXIST {
            return Err(Errno::EINVAL);
        }
        with_key!(key, |key| self.update_key(&key, value, flags))
    }

    fn update_key(&self, key: &impl Key, value: Value<'_>, flags: u64) -> Result<(), Errno> {
        let hash = key.hash(&self.secrets);
        // An element evicted to make room, with its place in the count.
        let mut evicted = None;
        loop {
            let mut chain = self.buckets.lock(hash);
            let place = chain.find(hash, |element| key.equals(self.stored_key(element)));
            let wrong = match (&place, flags) {
                (Some(_), BPF_NOEXIST) => Some(Errno::EEXIST),
                (None, BPF_EXIST) => Some(Errno::ENOENT),
                _ => None,
            };
            if (place.is_some() || wrong.is_some())
                && let Some(element) = evicted.take()
            {
                self.len.fetch_sub(1, Relaxed);
                self.put_away(&mut chain, element);
            }
            if let Some(errno) = wrong {
                return Err(errno);
            }
            if let Some(place) = place {
                return self.replace(chain, &place, key, value);
            }
            if evicted.is_none() && !self.reserve_one() {
                let Some(clock) = &self.clock else { return Err(Errno::E2BIG) };
                drop(chain);
                evicted = Some(self.evict(clock).ok_or(Errno::ENOMEM)?);
                continue;
            }
            return self.insert(chain, hash, key, value, evicted);
        }
    }

    /// Give the key in this place another value.
    fn replace(
        &self,
        mut chain: Chain<'_>,
        place: &Place<'_>,
        key: &impl Key,
        value: Value<'_>,
    ) -> Result<(), Errno> {
        let old = place.element;
        if self.def.map_type.is_percpu() {
            self.set_value(old, value);
            if let Some(clock) = &self.clock {
                clock.touch(old);
            }
            return Ok(());
        }
        let new = self.take(&mut chain).ok_or(Errno::ENOMEM)?;
        key.store(self.stored_key(new));
        self.set_value(new, value);
        chain.replace(place, new);
        if let Some(clock) = &self.clock {
            clock.replace(old, new);
        }
        self.put_away(&mut chain, old);
        Ok(())
    }

    /// Append an element with this key, for which there is room in the count.
    fn insert(
        &self,
        mut chain: Chain<'_>,
        hash: u64,
        key: &impl Key,
        value: Value<'_>,
        evicted: Option<u32>,
    ) -> Result<(), Errno> {
        let Some(new) = evicted.or_else(|| self.take(&mut chain)) else {
            self.len.fetch_sub(1, Relaxed);
            return Err(Errno::ENOMEM);
        };
        key.store(self.stored_key(new));
        if let (true, Value::One(..)) = (self.def.map_type.is_percpu(), value) {
            for cpu in 0..self.cpus {
                self.cells.clear(self.places.value(new, cpu), self.places.value_words);
            }
        }
        self.set_value(new, value);
        if !chain.append(hash, new) {
            self.put_away(&mut chain, new);
            self.len.fetch_sub(1, Relaxed);
            return Err(Errno::ENOMEM);
        }
        if let Some(clock) = &self.clock {
            clock.enter(new, self.slab.high());
        }
        Ok(())
    }

    pub(crate) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        self.take_out(key, |_| ())
    }

    /// Copy the value and delete the key.
    pub(crate) fn read_and_delete(&self, key: &[u8], out: &mut [u8]) -> Result<(), Errno> {
        self.take_out(key, |element| self.copy_value(element, out))
    }

    fn take_out(&self, key: &[u8], before: impl FnOnce(u32)) -> Result<(), Errno> {
        with_key!(key, |key| {
            let hash = key.hash(&self.secrets);
            let mut chain = self.buckets.lock(hash);
            let place =
                chain.find(hash, |element| key.equals(self.stored_key(element))).ok_or(Errno::ENOENT)?;
            let element = place.element;
            before(element);
            chain.remove(place);
            if let Some(clock) = &self.clock {
                clock.leave(element);
            }
            self.put_away(&mut chain, element);
            self.len.fetch_sub(1, Relaxed);
            Ok(())
        })
    }

    /// The key after this one; the first if there is none given or it is not in the map.
    pub(crate) fn next_key(&self, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        let mut number = 0;
        if let Some(key) = key {
            let hash = with_key!(key, |key| key.hash(&self.secrets));
            let chain = self.buckets.lock(hash);
            let same = |element| with_key!(key, |key| key.equals(self.stored_key(element)));
            if let Some(place) = chain.find(hash, same) {
                if let Some(element) = chain.element_after(Some(place)) {
                    return Ok(self.copy_key(element));
                }
                number = self.buckets.chain_of(hash) + 1;
            }
        }
        while number < self.buckets.chains() {
            if let Some(chain) = self.buckets.lock_number(number)
                && let Some(element) = chain.element_after(None)
            {
                return Ok(self.copy_key(element));
            }
            number += 1;
        }
        Err(Errno::ENOENT)
    }

    /// Whether these bytes are inside one value. The value of a deleted key counts, too: its memory stays, and a
    /// program may go on using the address it holds until its run ends.
    #[inline]
    pub(crate) fn value_memory(&self, addr: usize, len: usize) -> bool {
        let start = self.cells.base() + self.places.value_base * WORD;
        let Some(offset) = addr.checked_sub(start) else { return false };
        let (number, inside) = self.places.split.split(offset as u64);
        number < self.places.values
            && inside.checked_add(len as u64).is_some_and(|end| end <= self.def.value_size as u64)
            && number % self.places.elements < self.slab.high() as u64
    }

    #[inline]
    fn stored_key(&self, element: u32) -> &[AtomicU64] {
        &self.cells[self.places.key(element)]
    }

    fn copy_key(&self, element: u32) -> Vec<u8> {
        let mut out = vec![0; self.def.key_size as usize];
        self.cells.load_bytes(self.places.key(element).start, &mut out);
        out
    }

    fn set_value(&self, element: u32, value: Value<'_>) {
        match value {
            Value::One(bytes, cpu) => self.cells.store_bytes(self.places.value(element, cpu), bytes),
            Value::All(bytes) => {
                for (cpu, bytes) in (0..self.cpus).zip(bytes.chunks_exact(self.places.value_words * WORD)) {
                    self.cells.store_bytes(self.places.value(element, cpu), bytes);
                }
            }
        }
    }

    fn copy_value(&self, element: u32, out: &mut [u8]) {
        if self.def.map_type.is_percpu() {
            for (cpu, out) in (0..self.cpus).zip(out.chunks_exact_mut(self.places.value_words * WORD)) {
                self.cells.load_bytes(self.places.value(element, cpu), out);
            }
        } else {
            self.cells.load_bytes(self.places.value(element, 0), out);
        }
    }

    /// An element to write to: the spare of the chain, or any.
    #[inline]
    fn take(&self, chain: &mut Chain<'_>) -> Option<u32> {
        chain.take_spare().or_else(|| self.slab.take())
    }

    /// An element that is in no chain any more.
    #[inline]
    fn put_away(&self, chain: &mut Chain<'_>, element: u32) {
        if let Some(second) = chain.give_spare(element) {
            self.slab.give(second);
        }
    }

    /// Count one more element, if there may be one.
    fn reserve_one(&self) -> bool {
        let more = |len| (len < self.def.max_entries).then_some(len + 1);
        self.len.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Take the least recently used element out of the map. Its place in the count goes to the caller.
    fn evict(&self, clock: &Clock) -> Option<u32> {
        for _ in 0..EVICTION_TRIES {
            let evicted = clock.evict(self.slab.high(), |element| self.evict_element(clock, element));
            if evicted.is_some() {
                return evicted;
            }
            // In a very small map, all elements can be on their way in from other threads.
            std::thread::yield_now();
        }
        None
    }

    fn evict_element(&self, clock: &Clock, element: u32) -> bool {
        // The element may be leaving or changing its key right now: what the key says is only where to look, and the
        // chain, once locked, knows whether the element is in it.
        let key = self.copy_key(element);
        let hash = with_key!(key.as_slice(), |key| key.hash(&self.secrets));
        let mut chain = self.buckets.lock(hash);
        let Some(place) = chain.find(hash, |found| found == element) else { return false };
        chain.remove(place);
        clock.leave(element);
        true
    }
}
