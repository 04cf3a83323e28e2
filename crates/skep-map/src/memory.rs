//! The memory of maps: runs of zeroed atomics, allocated once, given back when the map is dropped.
//!
//! Nothing here grows, moves or is freed while the map lives, so the address of a value stays good for as long
//! as a program can hold it. Whoever reads or writes values from inside this crate does it word by word with
//! relaxed atomic accesses: programs may write the same bytes at the same time, as they may on Linux, and a
//! mixture of old and new *words* is then the worst that is seen. No Rust reference to plain bytes of this
//! memory exists anywhere.
//!
//! Large zeroed allocations are backed by the operating system page by page as they are touched, so a map costs
//! what it holds, not what it may hold.

use core::alloc::Layout;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::MapError;

/// Most bytes that one map may take, all its parts together (4 GiB). A definition that needs more is refused with
/// `ENOMEM`; kinds that allocate on insertion refuse the insertion instead.
pub const MAX_MEMORY: u64 = 1 << 32;

/// Every run starts on a cache line.
const LINE: usize = 64;

/// Bytes of a word: values and keys start at multiples of it.
pub(crate) const WORD: usize = 8;

/// How many words hold `bytes` bytes.
pub(crate) const fn words(bytes: u32) -> usize {
    (bytes as usize).div_ceil(WORD)
}

/// What of [`MAX_MEMORY`] is left while a map is being made.
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget { left: MAX_MEMORY }
    }

    /// How many things of this size still fit.
    pub(crate) fn affords(&self, bytes_each: usize) -> u64 {
        self.left / bytes_each.max(1) as u64
    }

    fn take(&mut self, count: u64, each: usize) -> Result<usize, MapError> {
        let wanted = count.saturating_mul(each as u64);
        let too_much = MapError::Memory { bytes: wanted, left: self.left };
        let bytes = usize::try_from(wanted).map_err(|_| too_much)?;
        self.left = self.left.checked_sub(wanted).ok_or(too_much)?;
        Ok(bytes)
    }
}

/// A type that zero bytes are a value of, that needs no drop, and that is made of atomics only.
///
/// # Safety
/// All three must hold: [`Zeroed`] shares such values between threads while programs write them through raw
/// pointers.
pub(crate) unsafe trait ZeroValid: Sync {}
// SAFETY: zero is a value of each of the integer atomics, none has a drop.
unsafe impl ZeroValid for AtomicU8 {}
// SAFETY: as above.
unsafe impl ZeroValid for AtomicU32 {}
// SAFETY: as above.
unsafe impl ZeroValid for AtomicU64 {}

/// A fixed run of `T`s that started as zeroes.
pub(crate) struct Zeroed<T: ZeroValid> {
    first: NonNull<T>,
    len: usize,
    allocation: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a run owns its memory, and all of the memory is atomics, which any thread may use at any time.
unsafe impl<T: ZeroValid> Send for Zeroed<T> {}
// SAFETY: as above.
unsafe impl<T: ZeroValid> Sync for Zeroed<T> {}

impl<T: ZeroValid> Zeroed<T> {
    /// A run of `len` zeroes, paid from the budget.
    pub(crate) fn new(len: u64, budget: &mut Budget) -> Result<Zeroed<T>, MapError> {
        const { assert!(align_of::<T>() <= LINE) };
        let bytes = budget.take(len, size_of::<T>())?;
        let failed = MapError::Memory { bytes: bytes as u64, left: budget.left };
        // The allocator is asked for a small alignment, and the rest is done here: only then does it hand out
        // untouched pages instead of filling them.
        let layout = Layout::from_size_align(bytes + LINE, 16).map_err(|_| failed)?;
        // SAFETY: the layout has a size above zero.
        let allocation = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).ok_or(failed)?;
        let skip = allocation.as_ptr().align_offset(LINE);
        // SAFETY: `skip` is below LINE, and the allocation is LINE longer than the run.
        let first = unsafe { allocation.add(skip) }.cast::<T>();
        Ok(Zeroed { first, len: len as usize, allocation, layout })
    }

    /// Address of the first byte.
    pub(crate) fn base(&self) -> usize {
        self.first.as_ptr() as usize
    }
}

impl<T: ZeroValid> Deref for Zeroed<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `first` is the start of `len` zero-initialised `T`s that live as long as `self`; they are
        // atomics, so a shared reference allows for others to write them meanwhile.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T: ZeroValid> Drop for Zeroed<T> {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this very layout; `ZeroValid` types have no drop of their own.
        unsafe { std::alloc::dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

/// Keys and values: eight-byte words, addressed by their index.
pub(crate) type Words = Zeroed<AtomicU64>;

impl Words {
    /// Address of word `at`, for a program: it may reach the whole run through it, as far as Rust is concerned.
    #[inline]
    pub(crate) fn address(&self, at: usize) -> NonNull<u8> {
        debug_assert!(at < self.len);
        // SAFETY: `at` is inside the run; every caller computes it from an element or record inside its bounds.
        unsafe { self.first.add(at) }.cast()
    }

    /// Write `bytes` from word `at` on; what is left of the last word becomes zero.
    #[inline]
    pub(crate) fn store_bytes(&self, at: usize, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<WORD>();
        let cells = &self[at..at + bytes.len().div_ceil(WORD)];
        for (cell, chunk) in cells.iter().zip(whole) {
            cell.store(u64::from_ne_bytes(*chunk), Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last[..rest.len()].copy_from_slice(rest);
            cells[whole.len()].store(u64::from_ne_bytes(last), Relaxed);
        }
    }

    /// Read `out.len()` bytes from word `at` on.
    pub(crate) fn load_bytes(&self, at: usize, out: &mut [u8]) {
        let cells = &self[at..at + out.len().div_ceil(WORD)];
        for (chunk, cell) in out.chunks_mut(WORD).zip(cells) {
            chunk.copy_from_slice(&cell.load(Relaxed).to_ne_bytes()[..chunk.len()]);
        }
    }

    /// Write zeroes to `count` words from word `at` on.
    pub(crate) fn clear(&self, at: usize, count: usize) {
        for cell in &self[at..at + count] {
            cell.store(0, Relaxed);
        }
    }
}

/// Elements of one size beside each other, and which of them an offset falls into.
pub(crate) struct Stride {
    bytes: u64,
    shift: Option<u32>,
}

impl Stride {
    pub(crate) fn new(bytes: usize) -> Stride {
        let bytes = bytes as u64;
        Stride { bytes, shift: bytes.is_power_of_two().then(|| bytes.trailing_zeros()) }
    }

    /// The element that `offset` lies in, and how far inside it.
    #[inline]
    pub(crate) fn split(&self, offset: u64) -> (u64, u64) {
        match self.shift {
            Some(shift) => (offset >> shift, offset & (self.bytes - 1)),
            None => (offset / self.bytes, offset % self.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_the_rest_of_the_word_is_zero() {
        let memory = Words::new(4, &mut Budget::new()).unwrap();
        assert_eq!(memory.base() % LINE, 0);
        memory.store_bytes(1, &[0xff; 24]);
        memory.store_bytes(1, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let mut out = [0xee; 17];
        memory.load_bytes(1, &mut out);
        assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0xff]);
        memory.clear(1, 3);
        memory.load_bytes(1, &mut out);
        assert_eq!(out, [0; 17]);
    }

    #[test]
    fn the_budget_counts_all_parts_together() {
        let mut budget = Budget::new();
        let _part = Zeroed::<AtomicU8>::new(MAX_MEMORY - 15, &mut budget).unwrap();
        let found = Words::new(2, &mut budget).err();
        assert_eq!(found, Some(MapError::Memory { bytes: 16, left: 15 }));
        assert!(Words::new(u64::MAX, &mut budget).is_err());
    }

    #[test]
    fn offsets_split_the_same_with_and_without_shifts() {
        for bytes in [8_usize, 16, 24, 40, 4096] {
            for offset in [0_u64, 7, 8, 23, 24, 39, 40, 4095, 4096, 1 << 31] {
                let expected = (offset / bytes as u64, offset % bytes as u64);
                assert_eq!(Stride::new(bytes).split(offset), expected);
            }
        }
    }
}
