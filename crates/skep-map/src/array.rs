//! Arrays: plain, per CPU, and of programs.
//!
//! All elements exist from the start, zeroed; values are updated in place, word by word, so that a reader may see a
//! mixture of the old and the new one, as on Linux.
//! Source of the semantics: kernel/bpf/arraymap.c, Linux 6.18.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use skep_abi::{Errno, MapDef};

use crate::hash::Value;
use crate::memory::{Budget, Stride, WORD, Words, Zeroed, words};
use crate::{BPF_ANY, BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, MapError};

/// The number that a key is.
#[inline]
fn index(key: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*key.first_chunk()?))
}

/// The key after this one, for all kinds of arrays: an index that is too large is before the first.
pub(crate) fn next_key(max_entries: u32, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
    let next = match key.and_then(index) {
        Some(at) if at < max_entries => at + 1,
        _ => 0,
    };
    if next == max_entries { Err(Errno::ENOENT) } else { Ok(next.to_ne_bytes().to_vec()) }
}

/// An array, with one value an element or one a CPU.
pub(crate) struct Array {
    def: MapDef,
    /// How many values an element has.
    copies: u32,
    value_words: usize,
    /// All values of CPU 0, then those of CPU 1, and so on.
    cells: Words,
    split: Stride,
}

impl Array {
    pub(crate) fn new(def: &MapDef, cpus: u32, budget: &mut Budget) -> Result<Array, MapError> {
        let copies = if def.map_type.is_percpu() { cpus } else { 1 };
        let value_words = words(def.value_size);
        let total = (value_words as u64).saturating_mul(def.max_entries as u64).saturating_mul(copies as u64);
        let cells = Words::new(total, budget)?;
        Ok(Array { def: *def, copies, value_words, cells, split: Stride::new(value_words * WORD) })
    }

    #[inline]
    fn at(&self, index: u32, cpu: u32) -> usize {
        let cpu = if self.copies == 1 { 0 } else { cpu as usize };
        (cpu * self.def.max_entries as usize + index as usize) * self.value_words
    }

    /// Address of the value.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], cpu: u32) -> Option<NonNull<u8>> {
        let index = index(key).filter(|&index| index < self.def.max_entries)?;
        Some(self.cells.address(self.at(index, cpu)))
    }

    pub(crate) fn read(&self, key: &[u8], out: &mut [u8]) -> Result<(), Errno> {
        let index = index(key).filter(|&index| index < self.def.max_entries).ok_or(Errno::ENOENT)?;
        if !self.def.map_type.is_percpu() {
            self.cells.load_bytes(self.at(index, 0), out);
            return Ok(());
        }
        for (cpu, out) in (0..self.copies).zip(out.chunks_exact_mut(self.value_words * WORD)) {
            self.cells.load_bytes(self.at(index, cpu), out);
        }
        Ok(())
    }

    pub(crate) fn update(&self, key: &[u8], value: Value<'_>, flags: u64) -> Result<(), Errno> {
        let known = if self.def.map_type.is_percpu() { 0 } else { BPF_F_LOCK };
        if flags & !known > BPF_EXIST {
            return Err(Errno::EINVAL);
        }
        let index = index(key).filter(|&index| index < self.def.max_entries).ok_or(Errno::E2BIG)?;
        if flags & !BPF_F_LOCK == BPF_NOEXIST {
            return Err(Errno::EEXIST);
        }
        if flags & BPF_F_LOCK != 0 {
            return Err(Errno::EINVAL);
        }
        match value {
            Value::One(bytes, cpu) => self.cells.store_bytes(self.at(index, cpu), bytes),
            Value::All(bytes) => {
                for (cpu, bytes) in (0..self.copies).zip(bytes.chunks_exact(self.value_words * WORD)) {
                    self.cells.store_bytes(self.at(index, cpu), bytes);
                }
            }
        }
        Ok(())
    }

    /// Whether these bytes are inside one value.
    #[inline]
    pub(crate) fn value_memory(&self, addr: usize, len: usize) -> bool {
        let Some(offset) = addr.checked_sub(self.cells.base()) else { return false };
        let (_, inside) = self.split.split(offset as u64);
        offset < self.cells.len() * WORD
            && inside.checked_add(len as u64).is_some_and(|end| end <= self.def.value_size as u64)
    }

    /// Address of byte `offset` of the only element.
    pub(crate) fn direct_value(&self, offset: u32) -> Option<NonNull<u8>> {
        if self.def.max_entries != 1 || self.def.map_type.is_percpu() || offset >= self.def.value_size {
            return None;
        }
        let start = self.cells.address(0);
        // SAFETY: the offset is inside the value, which is inside the run that `start` may reach.
        Some(unsafe { start.add(offset as usize) })
    }
}

/// An array of programs, by their ids; 0 is nobody's id.
pub(crate) struct ProgArray {
    progs: Zeroed<AtomicU32>,
}

impl ProgArray {
    pub(crate) fn new(def: &MapDef, budget: &mut Budget) -> Result<ProgArray, MapError> {
        Ok(ProgArray { progs: Zeroed::new(def.max_entries as u64, budget)? })
    }

    /// The program at an index.
    #[inline]
    pub(crate) fn at(&self, index: u32) -> Option<u32> {
        let id = self.progs.get(index as usize)?.load(Relaxed);
        (id != 0).then_some(id)
    }

    pub(crate) fn set(&self, index: u32, id: u32) -> Result<(), Errno> {
        let place = self.progs.get(index as usize).ok_or(Errno::E2BIG)?;
        if id == 0 {
            return Err(Errno::EBADF);
        }
        place.store(id, Relaxed);
        Ok(())
    }

    pub(crate) fn read(&self, key: &[u8], out: &mut [u8]) -> Result<(), Errno> {
        let id = index(key).and_then(|index| self.at(index)).ok_or(Errno::ENOENT)?;
        out.copy_from_slice(&id.to_ne_bytes());
        Ok(())
    }

    pub(crate) fn write(&self, key: &[u8], id: &[u8], flags: u64) -> Result<(), Errno> {
        if flags != BPF_ANY {
            return Err(Errno::EINVAL);
        }
        match (index(key), index(id)) {
            (Some(index), Some(id)) => self.set(index, id),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn remove(&self, key: &[u8]) -> Result<(), Errno> {
        let place = index(key).and_then(|index| self.progs.get(index as usize)).ok_or(Errno::E2BIG)?;
        if place.swap(0, Relaxed) == 0 { Err(Errno::ENOENT) } else { Ok(()) }
    }

    /// How many indexes have a program.
    pub(crate) fn len(&self) -> u32 {
        self.progs.iter().filter(|prog| prog.load(Relaxed) != 0).count() as u32
    }
}
