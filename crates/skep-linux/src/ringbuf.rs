//! The reader's side of a ring buffer: two positions and the data, mapped from the kernel.
//!
//! Source: Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c, Linux 6.18.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use skep_abi::Errno;

use crate::sys::last_errno;

/// Bytes of a record's header; records begin at multiples of it.
const HEADER_BYTES: u64 = 8;
/// The record is not finished.
const BUSY: u32 = 1 << 31;
/// The record was given up.
const DISCARDED: u32 = 1 << 30;

/// A mapping of the kernel's memory.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    fn new(map: BorrowedFd<'_>, len: usize, offset: usize, protection: i32) -> Result<Mapping, Errno> {
        // SAFETY: a new mapping of a descriptor that is open, wherever the kernel has room.
        let start = unsafe {
            let offset = offset as libc::off_t;
            libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, map.as_raw_fd(), offset)
        };
        if start == libc::MAP_FAILED {
            return Err(last_errno());
        }
        NonNull::new(start.cast()).map(|start| Mapping { start, len }).ok_or(Errno::EFAULT)
    }

    /// The number at an offset.
    fn number<T>(&self, offset: usize) -> &T
    where
        T: Atomic,
    {
        assert!(offset.is_multiple_of(align_of::<T>()) && offset + size_of::<T>() <= self.len);
        // SAFETY: within the mapping, aligned, and only ever accessed as an atomic on both sides.
        unsafe { self.start.add(offset).cast::<T>().as_ref() }
    }
}

/// Numbers that the kernel and the reader share.
trait Atomic {}
impl Atomic for AtomicU32 {}
impl Atomic for AtomicU64 {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and no reference into it outlives it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// A reader. The kernel keeps one position for all readers of a map.
pub(crate) struct Reader {
    consumer: Mapping,
    /// The producer's position in a page, then the data twice, so that no record is cut at the end.
    producer: Mapping,
    page_bytes: usize,
    ring_bytes: u64,
    record: Vec<u8>,
}

// SAFETY: the mappings are memory of the process, not of a thread.
unsafe impl Send for Reader {}

impl Reader {
    /// A reader of the map, whose buffer has this many bytes.
    pub(crate) fn new(map: BorrowedFd<'_>, ring_bytes: usize) -> Result<Reader, Errno> {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page_bytes = usize::try_from(page).map_err(|_| Errno::EINVAL)?;
        let producer_bytes = ring_bytes.checked_mul(2).and_then(|ring| ring.checked_add(page_bytes));
        let producer_bytes = producer_bytes.ok_or(Errno::E2BIG)?;
        let consumer = Mapping::new(map, page_bytes, 0, libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::new(map, producer_bytes, page_bytes, libc::PROT_READ)?;
        Ok(Reader { consumer, producer, page_bytes, ring_bytes: ring_bytes as u64, record: Vec::new() })
    }

    /// Takes out the finished records, in order, up to the first that isn't; gives how many were not given up.
    pub(crate) fn drain(&mut self, give: &mut dyn FnMut(&[u8])) -> usize {
        let mut count = 0;
        let mut at = self.consumer.number::<AtomicU64>(0).load(Ordering::Relaxed);
        // Pairs with the producer's release: records before its position have headers.
        let end = self.producer.number::<AtomicU64>(0).load(Ordering::Acquire);
        // The position wraps after 2^64 bytes, the difference doesn't.
        while at != end && end.wrapping_sub(at) <= self.ring_bytes {
            let place = self.page_bytes + (at & (self.ring_bytes - 1)) as usize;
            // Pairs with the release of who finishes the record: its bytes are there.
            let header = self.producer.number::<AtomicU32>(place).load(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let len = (header & !(BUSY | DISCARDED)) as usize;
            let start = place + HEADER_BYTES as usize;
            if header & DISCARDED == 0 {
                if start + len > self.producer.len {
                    break; // No kernel writes such a header.
                }
                self.record.resize(len, 0);
                // SAFETY: within the mapping; nobody writes a finished record before the position below passes it.
                unsafe {
                    let from = self.producer.start.add(start).as_ptr();
                    std::ptr::copy_nonoverlapping(from, self.record.as_mut_ptr(), len);
                }
                give(&self.record);
                count += 1;
            }
            at = at.wrapping_add((len as u64 + HEADER_BYTES).next_multiple_of(HEADER_BYTES));
            // Pairs with the producer's acquire: the bytes were read before they are written again.
            self.consumer.number::<AtomicU64>(0).store(at, Ordering::Release);
        }
        count
    }
}
