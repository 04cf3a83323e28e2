//! Which elements of a hash map are in use: numbers of equal pieces of memory, given out and taken back.
//!
//! An element that has never been given out has never been touched, so a large map that stays empty costs no memory.
//! What comes back is given out again first, and at once: a program that still holds the address of a deleted value
//! then sees the value of another key, as with Linux's preallocated maps.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::MapError;
use crate::memory::{Budget, Zeroed};

/// Element numbers from 0 up.
pub(crate) struct Slab {
    total: u32,
    /// Elements from this number on have never been given out. Only written with `free` locked.
    high: AtomicU32,
    /// The first element that came back, plus one.
    free: Mutex<u32>,
    /// For each element that came back: the next one, plus one.
    links: Zeroed<AtomicU32>,
}

impl Slab {
    pub(crate) fn new(total: u32, budget: &mut Budget) -> Result<Slab, MapError> {
        let links = Zeroed::new(total as u64, budget)?;
        Ok(Slab { total, high: AtomicU32::new(0), free: Mutex::new(0), links })
    }

    /// Take an element.
    pub(crate) fn take(&self) -> Option<u32> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(element) = free.checked_sub(1) {
            *free = self.links[element as usize].load(Relaxed);
            return Some(element);
        }
        let high = self.high.load(Relaxed);
        (high < self.total).then(|| {
            self.high.store(high + 1, Relaxed);
            high
        })
    }

    /// Give an element back.
    pub(crate) fn give(&self, element: u32) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        self.links[element as usize].store(*free, Relaxed);
        *free = element + 1;
    }

    /// How many elements have ever been given out: their numbers are below it.
    pub(crate) fn high(&self) -> u32 {
        self.high.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back_last_in_first_out() {
        let slab = Slab::new(3, &mut Budget::new()).unwrap();
        assert_eq!([slab.take(), slab.take(), slab.take(), slab.take()], [Some(0), Some(1), Some(2), None]);
        slab.give(1);
        slab.give(0);
        assert_eq!([slab.take(), slab.take(), slab.take()], [Some(0), Some(1), None]);
        assert_eq!(slab.high(), 3);
    }
}
