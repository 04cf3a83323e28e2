//! A key on its way into a hash map: hashed, compared with a stored key, or stored.
//!
//! Keys of one to four whole 4-byte words, which are nearly all keys, have code of their own that keeps the key in
//! registers. All keys of one map take the same way, so the ways need not agree on the hash.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::hashing::Secrets;

/// What a hash map does with a key.
pub(crate) trait Key {
    fn hash(&self, secrets: &Secrets) -> u64;
    /// Whether the stored words hold this key.
    fn equals(&self, stored: &[AtomicU64]) -> bool;
    /// Store it.
    fn store(&self, stored: &[AtomicU64]);
}

/// A key of `N` 4-byte words.
pub(crate) struct WordKey<const N: usize>([u32; N]);

impl<const N: usize> WordKey<N> {
    /// The key in these bytes, which must be 4 `N`; what is missing is zero.
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8]) -> WordKey<N> {
        let (words, _) = bytes.as_chunks::<4>();
        WordKey(core::array::from_fn(|at| words.get(at).map_or(0, |word| u32::from_ne_bytes(*word))))
    }

    /// Low and high half of the 8-byte word `at` of the key as it lies in memory.
    #[inline(always)]
    fn halves(&self, at: usize) -> (u32, u32) {
        let (first, second) = (self.0[2 * at], if 2 * at + 1 < N { self.0[2 * at + 1] } else { 0 });
        if cfg!(target_endian = "little") { (first, second) } else { (second, first) }
    }
}

impl<const N: usize> Key for WordKey<N> {
    #[inline(always)]
    fn hash(&self, secrets: &Secrets) -> u64 {
        secrets.hash_words(self.0)
    }

    #[inline(always)]
    fn equals(&self, stored: &[AtomicU64]) -> bool {
        let mut different = 0;
        for (at, cell) in stored.iter().enumerate().take(N.div_ceil(2)) {
            // The halves are compared one by one, because joining the program's words first would make the compiler
            // load them as one, and that stalls when they were just written as two.
            let (stored, (low, high)) = (cell.load(Relaxed), self.halves(at));
            different |= (stored as u32 ^ low) | ((stored >> 32) as u32 ^ high);
        }
        different == 0
    }

    #[inline(always)]
    fn store(&self, stored: &[AtomicU64]) {
        for (at, cell) in stored.iter().enumerate().take(N.div_ceil(2)) {
            let (low, high) = self.halves(at);
            cell.store(u64::from(low) | u64::from(high) << 32, Relaxed);
        }
    }
}

/// A key of any length.
pub(crate) struct ByteKey<'a>(pub(crate) &'a [u8]);

impl ByteKey<'_> {
    /// The key as 8-byte words, the last one filled up with zeroes.
    fn words(&self) -> impl Iterator<Item = u64> {
        self.0.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        })
    }
}

impl Key for ByteKey<'_> {
    fn hash(&self, secrets: &Secrets) -> u64 {
        secrets.hash_bytes(self.0)
    }

    fn equals(&self, stored: &[AtomicU64]) -> bool {
        self.words().zip(stored).all(|(word, cell)| word == cell.load(Relaxed))
    }

    fn store(&self, stored: &[AtomicU64]) {
        for (word, cell) in self.words().zip(stored) {
            cell.store(word, Relaxed);
        }
    }
}
