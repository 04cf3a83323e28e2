//! The index of a hash map: buckets of eight slots with a tag each, one cache line a bucket.
//!
//! A bucket maps tags (seven bits of the hash) to element numbers; what an element *is* this file does not know.
//! A bucket that is full goes on in an overflow bucket, and so on: a chain. Chains are dense and keep the order of
//! insertion, so removal moves what follows one slot up. Dense chains bound how many overflow buckets there can be,
//! and kept order means that removing the key an iteration has just left does not make it skip another one.
//!
//! Readers lock nothing: the sequence lock in the head of a chain guards the whole chain.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::MapError;
use crate::lock::{SeqLock, Writing};
use crate::memory::{Budget, ZeroValid, Zeroed};

/// Slots of a bucket: one byte each in a word of tags.
const SLOTS: usize = 8;
/// Elements a head is meant for: at half, one chain in fifty is longer than its head when the map is full.
const ELEMENTS_A_HEAD: u64 = 4;
const EACH_BYTE: u64 = 0x0101_0101_0101_0101;
const TOP_BITS: u64 = 0x8080_8080_8080_8080;

/// The tag of a hash: never 0, which marks a free slot.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}

/// A bucket. Links are numbers plus one, so that zeroed memory is an empty bucket.
#[repr(C, align(64))]
pub(crate) struct Bucket {
    lock: SeqLock,
    /// The next bucket of the chain.
    next: AtomicU32,
    /// Of a head: an element that belongs to this chain without being in it (see [`Chain::take_spare`]).
    spare: AtomicU32,
    tags: AtomicU64,
    elements: [AtomicU32; SLOTS],
}

// SAFETY: all fields are atomics, or a lock made of one; zero is a value of each; none has a drop.
unsafe impl ZeroValid for Bucket {}

/// All buckets of a map.
pub(crate) struct Buckets {
    heads: Zeroed<Bucket>,
    overflow: Zeroed<Bucket>,
    pool: Mutex<Pool>,
}

/// Overflow buckets that are in no chain.
#[derive(Default)]
struct Pool {
    /// Those from this number on have never been used.
    unused: u32,
    /// The first of those given back, linked by `next`, plus one.
    free: u32,
}

/// A place in a chain.
pub(crate) struct Place<'a> {
    bucket: &'a Bucket,
    slot: usize,
    /// The element there.
    pub(crate) element: u32,
}

impl Buckets {
    /// Buckets for up to `capacity` elements.
    pub(crate) fn new(capacity: u32, budget: &mut Budget) -> Result<Buckets, MapError> {
        let heads = Zeroed::new(Buckets::heads_for(capacity), budget)?;
        let overflow = Zeroed::new(capacity as u64 / SLOTS as u64, budget)?;
        Ok(Buckets { heads, overflow, pool: Mutex::default() })
    }

    /// How many chains a map of this capacity has.
    pub(crate) fn heads_for(capacity: u32) -> u64 {
        (capacity as u64).div_ceil(ELEMENTS_A_HEAD).next_power_of_two()
    }

    /// How many chains there are.
    pub(crate) fn chains(&self) -> usize {
        self.heads.len()
    }

    #[inline]
    fn head(&self, hash: u64) -> (usize, &Bucket) {
        let number = hash as usize & (self.heads.len() - 1);
        (number, &self.heads[number])
    }

    /// Which chain keys of this hash are in.
    pub(crate) fn chain_of(&self, hash: u64) -> usize {
        self.head(hash).0
    }

    /// Find an element without a lock. `same` decides whether an element holds the key; it may be asked about
    /// elements that are being written meanwhile, and what it then says is not used. `found` may read the element,
    /// and what it read is returned only if the element was still there afterwards.
    #[inline]
    pub(crate) fn find<T>(
        &self,
        hash: u64,
        same: impl Fn(u32) -> bool,
        mut found: impl FnMut(u32) -> T,
    ) -> Option<T> {
        let (_, head) = self.head(hash);
        let wanted = tag(hash);
        'again: loop {
            let seen = head.lock.begin();
            let mut bucket = head;
            loop {
                for slot in matches(bucket.tags.load(Relaxed), wanted) {
                    let element = bucket.elements[slot].load(Relaxed);
                    if same(element) {
                        let result = found(element);
                        if head.lock.unchanged(seen) {
                            return Some(result);
                        }
                        continue 'again;
                    }
                }
                let next = bucket.next.load(Relaxed);
                // This check comes before each step, not only at the end: links that change while they are followed
                // could otherwise lead around in a circle.
                if !head.lock.unchanged(seen) {
                    continue 'again;
                }
                match next.checked_sub(1) {
                    None => return None,
                    Some(next) => bucket = &self.overflow[next as usize],
                }
            }
        }
    }

    /// Lock the chain of a hash.
    #[inline]
    pub(crate) fn lock(&self, hash: u64) -> Chain<'_> {
        let (_, head) = self.head(hash);
        Chain { buckets: self, head, writing: head.lock.lock() }
    }

    /// Lock a chain by its number, if there is something in it.
    pub(crate) fn lock_number(&self, number: usize) -> Option<Chain<'_>> {
        let head = &self.heads[number];
        (head.tags.load(Relaxed) != 0).then(|| Chain { buckets: self, head, writing: head.lock.lock() })
    }
}

/// A chain that this thread has locked.
pub(crate) struct Chain<'a> {
    buckets: &'a Buckets,
    head: &'a Bucket,
    writing: Writing<'a>,
}

impl<'a> Chain<'a> {
    /// Find the element with this hash that `same` says yes to.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<Place<'a>> {
        let wanted = tag(hash);
        let mut bucket = self.head;
        loop {
            for slot in matches(bucket.tags.load(Relaxed), wanted) {
                let element = bucket.elements[slot].load(Relaxed);
                if same(element) {
                    return Some(Place { bucket, slot, element });
                }
            }
            bucket = self.after(bucket)?;
        }
    }

    /// The first element, or the one after a place.
    pub(crate) fn element_after(&self, place: Option<Place<'a>>) -> Option<u32> {
        let (mut bucket, mut slot) = match place {
            None => (self.head, 0),
            Some(place) => (place.bucket, place.slot + 1),
        };
        if slot == SLOTS {
            (bucket, slot) = (self.after(bucket)?, 0);
        }
        let taken = bucket.tags.load(Relaxed) >> (8 * slot) & 0xff != 0;
        taken.then(|| bucket.elements[slot].load(Relaxed))
    }

    /// Put another element into a place; the key must be the same.
    #[inline]
    pub(crate) fn replace(&mut self, place: &Place<'_>, element: u32) {
        self.writing.changed();
        place.bucket.elements[place.slot].store(element, Relaxed);
    }

    /// Append an element. False if there are more elements than the index was made for.
    pub(crate) fn append(&mut self, hash: u64, element: u32) -> bool {
        self.writing.changed();
        let mut last = self.head;
        while let Some(next) = self.after(last) {
            last = next;
        }
        let tags = last.tags.load(Relaxed);
        let slot = SLOTS - tags.leading_zeros() as usize / 8;
        if slot < SLOTS {
            last.elements[slot].store(element, Relaxed);
            last.tags.store(tags | u64::from(tag(hash)) << (8 * slot), Relaxed);
            return true;
        }
        let Some(number) = self.take_overflow() else { return false };
        let fresh = &self.buckets.overflow[number as usize];
        fresh.next.store(0, Relaxed);
        fresh.elements[0].store(element, Relaxed);
        fresh.tags.store(u64::from(tag(hash)), Relaxed);
        last.next.store(number + 1, Relaxed);
        true
    }

    /// Take an element out, and close the gap.
    pub(crate) fn remove(&mut self, place: Place<'a>) {
        self.writing.changed();
        let Place { bucket: mut gap, mut slot, .. } = place;
        loop {
            // Tags and elements after the slot move up by one; the ones before stay.
            let tags = gap.tags.load(Relaxed);
            let before = tags & ((1 << (8 * slot)) - 1);
            let moved = before | (tags >> 8 & !((1 << (8 * slot)) - 1));
            for at in slot..SLOTS - 1 {
                gap.elements[at].store(gap.elements[at + 1].load(Relaxed), Relaxed);
            }
            let Some(next) = self.after(gap) else {
                gap.tags.store(moved, Relaxed);
                if moved == 0 {
                    self.unlink(gap);
                }
                return;
            };
            // The first of the next bucket fills the last slot, and leaves a gap there.
            let first = next.tags.load(Relaxed) & 0xff;
            gap.elements[SLOTS - 1].store(next.elements[0].load(Relaxed), Relaxed);
            gap.tags.store(moved | first << (8 * (SLOTS - 1)), Relaxed);
            (gap, slot) = (next, 0);
        }
    }

    /// Take the element that the last replacement or removal left with this chain.
    ///
    /// Each chain keeps one, so that replacing and removing need nothing but the lock of the chain.
    #[inline]
    pub(crate) fn take_spare(&mut self) -> Option<u32> {
        let spare = self.head.spare.load(Relaxed).checked_sub(1)?;
        self.head.spare.store(0, Relaxed);
        Some(spare)
    }

    /// Leave an element with this chain; gives it back if there is one already.
    #[inline]
    pub(crate) fn give_spare(&mut self, element: u32) -> Option<u32> {
        if self.head.spare.load(Relaxed) != 0 {
            return Some(element);
        }
        self.head.spare.store(element + 1, Relaxed);
        None
    }

    fn after(&self, bucket: &Bucket) -> Option<&'a Bucket> {
        let next = bucket.next.load(Relaxed).checked_sub(1)?;
        Some(&self.buckets.overflow[next as usize])
    }

    fn take_overflow(&self) -> Option<u32> {
        let overflow = &self.buckets.overflow;
        let mut pool = self.buckets.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = pool.free.checked_sub(1) {
            pool.free = overflow[number as usize].next.load(Relaxed);
            return Some(number);
        }
        let number = pool.unused;
        ((number as usize) < overflow.len()).then(|| {
            pool.unused += 1;
            number
        })
    }

    /// Give back the last bucket of the chain, which has become empty; a head stays where it is.
    fn unlink(&self, empty: &Bucket) {
        let mut previous = self.head;
        while let Some(next) = self.after(previous) {
            if core::ptr::eq(next, empty) {
                let mut pool = self.buckets.pool.lock().unwrap_or_else(PoisonError::into_inner);
                let number = previous.next.load(Relaxed);
                previous.next.store(0, Relaxed);
                empty.next.store(pool.free, Relaxed);
                pool.free = number;
                return;
            }
            previous = next;
        }
    }
}

/// The slots whose tag is `wanted`, and now and then one more above such a slot: the key decides.
#[inline]
fn matches(tags: u64, wanted: u8) -> impl Iterator<Item = usize> {
    let different = tags ^ (u64::from(wanted) * EACH_BYTE);
    // A byte of zero borrows into its top bit; only bytes above a match can be wrong.
    let mut hits = different.wrapping_sub(EACH_BYTE) & !different & TOP_BITS;
    core::iter::from_fn(move || {
        (hits != 0).then(|| {
            let slot = hits.trailing_zeros() as usize / 8;
            hits &= hits - 1;
            slot
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(buckets: &Buckets) -> Vec<u32> {
        let mut out = Vec::new();
        for number in 0..buckets.chains() {
            let Some(chain) = buckets.lock_number(number) else { continue };
            let mut place = None;
            while let Some(element) = chain.element_after(place.take()) {
                out.push(element);
                place = chain.find(0, |found| found == element);
            }
        }
        out
    }

    #[test]
    fn a_long_chain_keeps_order_and_gives_buckets_back() {
        // All with hash 0: the worst case of one chain, which takes every overflow bucket there can be.
        let buckets = Buckets::new(40, &mut Budget::new()).unwrap();
        for round in 0..3 {
            let mut model: Vec<u32> = Vec::new();
            for element in 0..40 {
                assert!(buckets.lock(0).append(0, element), "round {round}, element {element}");
                model.push(element);
            }
            for at in [39, 0, 7, 8, 20, 15, 15, 0] {
                let gone = model.remove(at);
                let mut chain = buckets.lock(0);
                let place = chain.find(0, |element| element == gone).unwrap();
                chain.remove(place);
                drop(chain);
                assert_eq!(elements(&buckets), model);
            }
            for gone in model {
                let mut chain = buckets.lock(0);
                let place = chain.find(0, |element| element == gone).unwrap();
                chain.remove(place);
            }
            assert_eq!(elements(&buckets), []);
        }
    }

    #[test]
    fn every_slot_is_found_by_its_tag() {
        let buckets = Buckets::new(8, &mut Budget::new()).unwrap();
        let chains = buckets.chains() as u64;
        // Eight tags in one chain.
        let hash = |element: u32| u64::from(element) << 57 | (chains - 1);
        for element in 0..8 {
            assert!(buckets.lock(hash(element)).append(hash(element), element));
        }
        for element in 0..8 {
            let found = buckets.find(hash(element), |candidate| candidate == element, |found| found);
            assert_eq!(found, Some(element));
        }
        assert_eq!(buckets.find(hash(9), |_| true, |found| found), None);
    }
}
