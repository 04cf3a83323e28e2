//! A sequence lock: writers exclude each other, readers take nothing and check afterwards.
//!
//! A reader remembers the count, reads relaxed atomics, and asks whether the count is still the same; if not, it
//! starts again. Everything under such a lock must be atomics (what a reader sees in a failed attempt is a mixture)
//! and every loop of a reader must end whatever it sees. A count that comes around exactly to the same number
//! (2^31 writes) between two loads of one reader is not noticed.
//!
//! The fences make this hold for memory that is *reused* under another lock, too: a writer that has taken memory
//! out of one structure and writes it in another has passed a release fence in between; a reader that saw such a
//! write passes an acquire fence and must then see that the count of the first structure has moved on.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// Spins before the thread offers its CPU to others: the holder may be off its CPU.
const SPINS: u32 = 100;

/// The count: odd while a writer is inside.
#[derive(Default)]
pub(crate) struct SeqLock(AtomicU32);

impl SeqLock {
    /// Start to read: waits for a writer inside to leave.
    #[inline]
    pub(crate) fn begin(&self) -> u32 {
        let seen = self.0.load(Ordering::Acquire);
        if seen & 1 == 0 { seen } else { self.begin_slow() }
    }

    #[cold]
    fn begin_slow(&self) -> u32 {
        let mut turns = 0;
        loop {
            let seen = self.0.load(Ordering::Acquire);
            if seen & 1 == 0 {
                return seen;
            }
            pause(&mut turns);
        }
    }

    /// Whether nothing has changed since [`SeqLock::begin`] gave `seen`.
    #[inline]
    pub(crate) fn unchanged(&self, seen: u32) -> bool {
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == seen
    }

    /// Enter as the only writer.
    #[inline]
    pub(crate) fn lock(&self) -> Writing<'_> {
        let mut turns = 0;
        loop {
            let seen = self.0.load(Ordering::Relaxed);
            if seen & 1 == 0
                && self
                    .0
                    .compare_exchange_weak(seen, seen.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                fence(Ordering::Release);
                return Writing { lock: self, seen, changed: false };
            }
            pause(&mut turns);
        }
    }
}

/// A writer inside a [`SeqLock`]; it leaves when this is dropped.
pub(crate) struct Writing<'a> {
    lock: &'a SeqLock,
    seen: u32,
    changed: bool,
}

impl Writing<'_> {
    /// Say that readers inside must start again. A writer that only looked does not disturb them.
    #[inline]
    pub(crate) fn changed(&mut self) {
        self.changed = true;
    }
}

impl Drop for Writing<'_> {
    #[inline]
    fn drop(&mut self) {
        let next = if self.changed { self.seen.wrapping_add(2) } else { self.seen };
        self.lock.0.store(next, Ordering::Release);
    }
}

fn pause(turns: &mut u32) {
    *turns += 1;
    if (*turns).is_multiple_of(SPINS) {
        std::thread::yield_now();
    } else {
        core::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_notice_changes_only() {
        let lock = SeqLock::default();
        let seen = lock.begin();
        drop(lock.lock());
        assert!(lock.unchanged(seen), "a writer that changed nothing disturbed a reader");
        lock.lock().changed();
        assert!(!lock.unchanged(seen));
        assert_ne!(lock.begin(), seen);
    }

    #[test]
    fn writers_exclude_each_other() {
        let lock = SeqLock::default();
        let (left, right) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let mut writing = lock.lock();
                        writing.changed();
                        let value = left.load(Ordering::Relaxed) + 1;
                        left.store(value, Ordering::Relaxed);
                        right.store(value, Ordering::Relaxed);
                    }
                });
            }
            for _ in 0..20_000 {
                let seen = lock.begin();
                let pair = (left.load(Ordering::Relaxed), right.load(Ordering::Relaxed));
                if lock.unchanged(seen) {
                    assert_eq!(pair.0, pair.1);
                }
            }
        });
        assert_eq!(left.load(Ordering::Relaxed), 40_000);
    }
}
