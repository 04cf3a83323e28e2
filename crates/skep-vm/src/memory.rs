//! Guest memory: what a program may touch at one moment, and how its bytes are read and written.
//!
//! A guest pointer is a host address, and only an allegation. The interpreter asks [`Regions`] about each access: the
//! frames of this run's stack, the packet, its metadata, the values and reserved records of the program's maps. The
//! context is not among them; instructions that touch it are known before the run (see `lower.rs`).
//!
//! Memory of this run alone is read and written plainly. Memory of maps may be written by other threads at any moment,
//! so it is only ever copied, atomically by element, and never behind a reference.

use std::ptr::{self, with_exposed_provenance, with_exposed_provenance_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use skep_abi::MapFlags;
use skep_map::Map;

use crate::MAX_FRAMES;

/// Words as bytes.
pub(crate) fn as_bytes(words: &[u64]) -> &[u8] {
    // SAFETY: the same memory, for the same lifetime; bytes have no alignment and no invalid values.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

/// Words as bytes.
pub(crate) fn as_bytes_mut(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: the same memory, exclusively, for the same lifetime; any bytes make valid words.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words)) }
}

/// A range of addresses: start, and one past the end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Span {
    /// Whether all of these bytes are in it.
    #[inline(always)]
    pub(crate) fn holds(self, addr: u64, len: u64) -> bool {
        addr >= self.start && addr <= self.end && len <= self.end - addr
    }
}

/// Who else may touch memory while a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody.
    Private,
    /// Other threads, at any moment.
    Shared,
}

/// What a run may touch at one moment.
pub(crate) struct Regions<'r> {
    /// The frame of the function that runs.
    pub(crate) frame: Span,
    /// The frames of its callers, outermost first.
    pub(crate) callers: [Span; MAX_FRAMES],
    /// How many of them there are.
    pub(crate) depth: usize,
    /// The packet, or the memory the program was given.
    pub(crate) packet: Span,
    /// The metadata before the packet.
    pub(crate) meta: Span,
    /// The program's maps.
    pub(crate) maps: &'r [Arc<Map>],
}

impl Regions<'_> {
    /// Whose memory this is, if the program may access all of these bytes.
    #[inline(always)]
    pub(crate) fn find(&self, addr: u64, len: u64, write: bool) -> Option<Sharing> {
        if self.frame.holds(addr, len) || self.packet.holds(addr, len) {
            return Some(Sharing::Private);
        }
        self.find_further(addr, len, write)
    }

    #[inline(never)]
    fn find_further(&self, addr: u64, len: u64, write: bool) -> Option<Sharing> {
        if self.meta.holds(addr, len) || self.callers[..self.depth].iter().any(|f| f.holds(addr, len)) {
            return Some(Sharing::Private);
        }
        let forbidden = if write { MapFlags::RDONLY_PROG } else { MapFlags::WRONLY_PROG };
        let has = |map: &Arc<Map>| {
            map.value_memory(addr as usize, len as usize) && !map.def().flags.contains(forbidden)
        };
        self.maps.iter().any(has).then_some(Sharing::Shared)
    }
}

/// A number that loads and stores move.
pub(crate) trait Number: Copy {
    /// # Safety
    /// The memory must be readable.
    unsafe fn load(addr: u64, sharing: Sharing) -> Self;

    /// # Safety
    /// The memory must be writable, and if it is private, no reference to it may be in use.
    unsafe fn store(addr: u64, value: Self, sharing: Sharing);
}

macro_rules! number {
    ($int:ident, $atomic:ident) => {
        impl Number for $int {
            #[inline(always)]
            unsafe fn load(addr: u64, sharing: Sharing) -> $int {
                let at: *mut $int = with_exposed_provenance_mut(addr as usize);
                match sharing {
                    // SAFETY: readable, as the caller promises, and no other thread writes it.
                    Sharing::Private => unsafe { at.read_unaligned() },
                    Sharing::Shared if !at.is_aligned() => {
                        let mut bytes = [0; size_of::<$int>()];
                        // SAFETY: readable, as the caller promises.
                        unsafe { copy_from_shared(addr, &mut bytes) };
                        $int::from_ne_bytes(bytes)
                    }
                    Sharing::Shared => {
                        // SAFETY: readable and aligned; others access it while this run lasts by atomics and by
                        // machine code only.
                        let place = unsafe { $atomic::from_ptr(at) };
                        place.load(Ordering::Relaxed)
                    }
                }
            }

            #[inline(always)]
            unsafe fn store(addr: u64, value: $int, sharing: Sharing) {
                let at: *mut $int = with_exposed_provenance_mut(addr as usize);
                match sharing {
                    // SAFETY: writable, as the caller promises, and no other thread touches it.
                    Sharing::Private => unsafe { at.write_unaligned(value) },
                    // SAFETY: writable, as the caller promises.
                    Sharing::Shared if !at.is_aligned() => unsafe {
                        copy_to_shared(addr, &value.to_ne_bytes())
                    },
                    Sharing::Shared => {
                        // SAFETY: writable and aligned; others access it while this run lasts by atomics and by
                        // machine code only.
                        let place = unsafe { $atomic::from_ptr(at) };
                        place.store(value, Ordering::Relaxed);
                    }
                }
            }
        }
    };
}

number!(u8, AtomicU8);
number!(u16, AtomicU16);
number!(u32, AtomicU32);
number!(u64, AtomicU64);

/// Copies out of memory that other threads may write: whole words where it is aligned, so that no word is torn.
///
/// # Safety
/// The memory must be readable.
pub(crate) unsafe fn copy_from_shared(addr: u64, out: &mut [u8]) {
    let (mut at, mut out) = (addr, out);
    while !out.is_empty() {
        if at.is_multiple_of(8) && out.len() >= 8 {
            // SAFETY: eight readable, aligned bytes; others access them by atomics and machine code only.
            let word = unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(at as usize)) };
            out[..8].copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
            (at, out) = (at + 8, &mut out[8..]);
        } else {
            // SAFETY: one readable byte.
            let byte = unsafe { AtomicU8::from_ptr(with_exposed_provenance_mut(at as usize)) };
            out[0] = byte.load(Ordering::Relaxed);
            (at, out) = (at + 1, &mut out[1..]);
        }
    }
}

/// Copies into memory that other threads may access, as [`copy_from_shared`] copies out of it.
///
/// # Safety
/// The memory must be writable.
pub(crate) unsafe fn copy_to_shared(addr: u64, bytes: &[u8]) {
    let (mut at, mut bytes) = (addr, bytes);
    while let Some((first, rest)) = bytes.split_first() {
        match bytes.split_first_chunk() {
            Some((word, rest)) if at.is_multiple_of(8) => {
                // SAFETY: eight writable, aligned bytes; others access them by atomics and machine code only.
                let place = unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(at as usize)) };
                place.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
                (at, bytes) = (at + 8, rest);
            }
            _ => {
                // SAFETY: one writable byte.
                let place = unsafe { AtomicU8::from_ptr(with_exposed_provenance_mut(at as usize)) };
                place.store(*first, Ordering::Relaxed);
                (at, bytes) = (at + 1, rest);
            }
        }
    }
}

/// Private memory as bytes.
///
/// # Safety
/// The memory must be readable and private to this run, and nothing may write it while the slice lives.
pub(crate) unsafe fn private_bytes<'a>(addr: u64, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { &*ptr::slice_from_raw_parts(with_exposed_provenance(addr as usize), len) }
}

/// Private memory as bytes to write.
///
/// # Safety
/// The memory must be writable and private to this run, and nothing else may use it while the slice lives.
pub(crate) unsafe fn private_bytes_mut<'a>(addr: u64, len: usize) -> &'a mut [u8] {
    if len == 0 {
        return &mut [];
    }
    // SAFETY: as the caller promises.
    unsafe { &mut *ptr::slice_from_raw_parts_mut(with_exposed_provenance_mut(addr as usize), len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_what_lies_inside_them_without_overflow() {
        let span = Span { start: 16, end: 32 };
        assert!(span.holds(16, 16) && span.holds(32, 0) && span.holds(31, 1));
        assert!(!span.holds(15, 1) && !span.holds(31, 2) && !span.holds(33, 0));
        assert!(!span.holds(u64::MAX, 8) && !span.holds(16, u64::MAX));
    }

    #[test]
    fn shared_copies_move_every_byte_at_every_alignment() {
        let mut words = [0_u64; 6];
        let base = words.as_mut_ptr().expose_provenance() as u64;
        for start in 0..9 {
            for len in 0..30 {
                let bytes: Vec<u8> = (0..len).map(|i| i as u8 + 1).collect();
                let mut out = vec![0; len];
                // SAFETY: 9 + 30 bytes are inside the six words.
                unsafe {
                    copy_to_shared(base + start, &bytes);
                    copy_from_shared(base + start, &mut out);
                }
                assert_eq!(out, bytes);
            }
        }
    }
}
