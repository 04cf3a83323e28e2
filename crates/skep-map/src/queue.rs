//! Queues and stacks: values without keys, first or last in, first out.
//!
//! Values are copied in and out, so programs never hold an address into such a map.
//! Source of the semantics: kernel/bpf/queue_stack_maps.c, Linux 6.18.

use std::sync::{Mutex, MutexGuard, PoisonError};

use skep_abi::{Errno, MapDef, MapType};

use crate::memory::{Budget, Words, words};
use crate::{BPF_EXIST, BPF_NOEXIST, MapError};

/// A queue or a stack.
pub(crate) struct Queue {
    def: MapDef,
    value_words: usize,
    cells: Words,
    held: Mutex<Held>,
}

/// Which places hold values: `len` of them from `oldest` on, around the end.
#[derive(Default)]
struct Held {
    oldest: u32,
    len: u32,
}

impl Queue {
    pub(crate) fn new(def: &MapDef, budget: &mut Budget) -> Result<Queue, MapError> {
        let value_words = words(def.value_size);
        let cells = Words::new(value_words as u64 * def.max_entries as u64, budget)?;
        Ok(Queue { def: *def, value_words, cells, held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The word where value number `at`, from the oldest, is.
    fn place(&self, held: &Held, at: u32) -> usize {
        let number = (held.oldest as u64 + at as u64) % self.def.max_entries as u64;
        number as usize * self.value_words
    }

    pub(crate) fn len(&self) -> u32 {
        self.held().len
    }

    /// Add a value. In a full map, `BPF_EXIST` drops the oldest one.
    pub(crate) fn push(&self, value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags & BPF_NOEXIST != 0 || flags > BPF_EXIST {
            return Err(Errno::EINVAL);
        }
        let mut held = self.held();
        if held.len == self.def.max_entries {
            if flags != BPF_EXIST {
                return Err(Errno::E2BIG);
            }
            held.oldest = (held.oldest + 1) % self.def.max_entries;
            held.len -= 1;
        }
        self.cells.store_bytes(self.place(&held, held.len), value);
        held.len += 1;
        Ok(())
    }

    /// Copy the next value, and take it out if `take`. An empty map gives zeroes and `ENOENT`.
    pub(crate) fn next(&self, out: &mut [u8], take: bool) -> Result<(), Errno> {
        let mut held = self.held();
        if held.len == 0 {
            out.fill(0);
            return Err(Errno::ENOENT);
        }
        let newest_first = self.def.map_type == MapType::Stack;
        let at = if newest_first { held.len - 1 } else { 0 };
        self.cells.load_bytes(self.place(&held, at), out);
        if take {
            held.len -= 1;
            if !newest_first {
                held.oldest = (held.oldest + 1) % self.def.max_entries;
            }
        }
        Ok(())
    }
}
