//! Which element of a full LRU map goes: a clock.
//!
//! Each element has a state; a hand goes around over all of them. Where it finds an element that was used since it
//! last came by, it takes the mark off; the first one without a mark goes. So an element is evicted only if nobody
//! used it for a whole turn, and looking an element up costs a store at most.
//!
//! Linux approximates as well, by other means: two lists and batches of 128 free elements a CPU, which evict early
//! and far from evenly in small maps. Here eviction starts at exactly `max_entries`, and a fresh element is as safe as
//! one just used.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use crate::MapError;
use crate::memory::{Budget, Zeroed};

/// In no chain: free, or on the way in or out.
const ABSENT: u8 = 0;
/// In the map, and not used since the hand came by.
const COLD: u8 = 1;
/// In the map, and used since.
const USED: u8 = 2;
/// Turns of the hand before eviction gives up: other threads take marks off and put them on meanwhile.
const TURNS: u64 = 4;

/// The clock of one map.
pub(crate) struct Clock {
    states: Zeroed<AtomicU8>,
    hand: AtomicU32,
}

impl Clock {
    pub(crate) fn new(elements: u32, budget: &mut Budget) -> Result<Clock, MapError> {
        Ok(Clock { states: Zeroed::new(elements as u64, budget)?, hand: AtomicU32::new(0) })
    }

    /// An element was looked up.
    #[inline]
    pub(crate) fn touch(&self, element: u32) {
        let state = &self.states[element as usize];
        // Loading first keeps the line shared between CPUs when many look up the same element.
        if state.load(Relaxed) == COLD {
            state.store(USED, Relaxed);
        }
    }

    /// An element came into the map with a new key; elements below `high` are on the clock.
    ///
    /// One that the hand will reach late is safe for long enough; one that happens to lie just before the hand
    /// gets a mark, or it would go before much older ones.
    pub(crate) fn enter(&self, element: u32, high: u32) {
        let hand = self.hand.load(Relaxed);
        let ahead = if element >= hand { element - hand } else { (high - hand.min(high)) + element };
        let state = if ahead >= high / 2 { COLD } else { USED };
        self.states[element as usize].store(state, Relaxed);
    }

    /// An element took the place of another one of the same key, which is a use.
    #[inline]
    pub(crate) fn replace(&self, old: u32, new: u32) {
        self.leave(old);
        self.states[new as usize].store(USED, Relaxed);
    }

    /// An element left the map.
    #[inline]
    pub(crate) fn leave(&self, element: u32) {
        self.states[element as usize].store(ABSENT, Relaxed);
    }

    /// Move the hand over the elements below `high` until `evict` takes one. `evict` may refuse: the element may have
    /// left the map since its state was read.
    pub(crate) fn evict(&self, high: u32, evict: impl Fn(u32) -> bool) -> Option<u32> {
        for _ in 0..u64::from(high) * TURNS {
            let element = self.step(high);
            let state = &self.states[element as usize];
            match state.load(Relaxed) {
                USED => state.store(COLD, Relaxed),
                COLD if evict(element) => return Some(element),
                _ => {}
            }
        }
        None
    }

    fn step(&self, high: u32) -> u32 {
        let next = |hand: u32| if hand + 1 < high { hand + 1 } else { 0 };
        let before = self.hand.fetch_update(Relaxed, Relaxed, |hand| Some(next(hand)));
        before.unwrap_or(0).min(high - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_spares_what_was_used() {
        let clock = Clock::new(4, &mut Budget::new()).unwrap();
        for element in 0..4 {
            clock.enter(element, element + 1);
        }
        clock.touch(0);
        clock.touch(2);
        assert_eq!(clock.evict(4, |_| true), Some(1));
        clock.leave(1);
        clock.enter(1, 4);
        assert_eq!(clock.evict(4, |_| true), Some(3), "2 was used, 1 is fresh");
        assert_eq!(clock.evict(4, |element| element == 2), Some(2), "one turn takes the mark off");
        assert_eq!(clock.evict(4, |_| false), None);
    }
}
