//! The ring buffer: records of any size from many producers to one consumer, in order.
//!
//! A record is an 8-byte header and its bytes, padded to 8. It is *busy* from reservation until it is submitted or
//! discarded; the consumer stops at a busy record. Positions count bytes and never wrap; a record lies at its
//! position modulo the size of the ring. Where Linux maps the pages twice so that a record may run over the end, here
//! is twice the address space: such a record simply goes on, and the second half is touched only as far as records
//! reach into it.
//!
//! Linux lets user space write the consumer position and therefore keeps a second account of what is unread. Here the
//! consumer is [`RingBuffer::drain`], which can be trusted. Waiting is left to hosts: [`RingBuffer::wakeups`] counts
//! what would wake a poller.
//! Source of the semantics: kernel/bpf/ringbuf.c, Linux 6.18.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use skep_abi::{Errno, MapDef};

use crate::MapError;
use crate::memory::{Budget, WORD, Words};

/// Bytes of a header: the length with two flags in its low half.
const HEADER: u64 = 8;
/// Largest record, in bytes (`RINGBUF_MAX_RECORD_SZ`).
const RECORD_MAX: u64 = (u32::MAX / 4) as u64;
/// The record is reserved and not submitted (`BPF_RINGBUF_BUSY_BIT`).
const BUSY: u64 = 1 << 31;
/// The record is to be passed over (`BPF_RINGBUF_DISCARD_BIT`).
const DISCARDED: u64 = 1 << 30;

/// `BPF_RB_NO_WAKEUP`: do not wake a poller.
pub const BPF_RB_NO_WAKEUP: u64 = 1;
/// `BPF_RB_FORCE_WAKEUP`: wake a poller in any case.
pub const BPF_RB_FORCE_WAKEUP: u64 = 2;
/// `BPF_RB_AVAIL_DATA`: ask for the bytes not consumed.
pub const BPF_RB_AVAIL_DATA: u64 = 0;
/// `BPF_RB_RING_SIZE`: ask for the size of the ring in bytes.
pub const BPF_RB_RING_SIZE: u64 = 1;
/// `BPF_RB_CONS_POS`: ask for the consumer position.
pub const BPF_RB_CONS_POS: u64 = 2;
/// `BPF_RB_PROD_POS`: ask for the producer position.
pub const BPF_RB_PROD_POS: u64 = 3;

/// A ring buffer.
pub(crate) struct RingBuffer {
    size: u64,
    cells: Words,
    /// Position of the oldest record that may still be busy; locked by whoever moves the producer position.
    pending: Mutex<u64>,
    produced: AtomicU64,
    consumed: AtomicU64,
    /// Locked by the consumer: where it copies records to, as programs own what lies in the ring.
    consumer: Mutex<Vec<u8>>,
    wakeups: AtomicU64,
}

/// Bytes that a record of this length takes.
fn room(len: u64) -> u64 {
    (len + HEADER).next_multiple_of(WORD as u64)
}

fn len_of(header: u64) -> u64 {
    header & !(BUSY | DISCARDED)
}

impl RingBuffer {
    pub(crate) fn new(def: &MapDef, budget: &mut Budget) -> Result<RingBuffer, MapError> {
        let size = def.max_entries as u64;
        Ok(RingBuffer {
            size,
            cells: Words::new(2 * size / WORD as u64, budget)?,
            pending: Mutex::new(0),
            produced: AtomicU64::new(0),
            consumed: AtomicU64::new(0),
            consumer: Mutex::default(),
            wakeups: AtomicU64::new(0),
        })
    }

    /// The word at a position.
    fn word(&self, position: u64) -> usize {
        (position & (self.size - 1)) as usize / WORD
    }

    /// Reserve a record of `size` bytes: their address.
    pub(crate) fn reserve(&self, size: u64) -> Option<NonNull<u8>> {
        if size > RECORD_MAX || room(size) > self.size {
            return None;
        }
        let mut pending = self.producing();
        let start = self.produced.load(Ordering::Relaxed);
        let end = start + room(size);
        self.pass_finished(&mut pending, start);
        if end - self.consumed.load(Ordering::Acquire) >= self.size {
            return None;
        }
        let word = self.word(start);
        self.cells[word].store(size | BUSY, Ordering::Relaxed);
        self.produced.store(end, Ordering::Release);
        Some(self.cells.address(word + 1))
    }

    /// Hand a record to the consumer. `EINVAL` if there is no reserved record at this address.
    pub(crate) fn submit(&self, record: NonNull<u8>, flags: u64) -> Result<(), Errno> {
        self.finish(record, 0, flags)
    }

    /// Give a record up. `EINVAL` if there is no reserved record at this address.
    pub(crate) fn discard(&self, record: NonNull<u8>, flags: u64) -> Result<(), Errno> {
        self.finish(record, DISCARDED, flags)
    }

    fn finish(&self, record: NonNull<u8>, mark: u64, flags: u64) -> Result<(), Errno> {
        let open = self.open_record(|start, _| start == record.as_ptr() as usize);
        self.commit(open.ok_or(Errno::EINVAL)?, mark, flags);
        Ok(())
    }

    fn commit(&self, position: u64, mark: u64, flags: u64) {
        let header = &self.cells[self.word(position)];
        let done = header.load(Ordering::Relaxed) & !BUSY | mark;
        // One order for this and the consumer's position: either the consumer sees the record, or it is seen here
        // that the consumer has stopped at it.
        header.store(done, Ordering::SeqCst);
        let waiting = self.word(self.consumed.load(Ordering::SeqCst)) == self.word(position);
        if flags & BPF_RB_FORCE_WAKEUP != 0 || (waiting && flags & BPF_RB_NO_WAKEUP == 0) {
            self.wakeups.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reserve, fill and submit at once.
    pub(crate) fn output(&self, data: &[u8], flags: u64) -> Result<(), Errno> {
        if flags & !(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) != 0 {
            return Err(Errno::EINVAL);
        }
        let record = self.reserve(data.len() as u64).ok_or(Errno::EAGAIN)?;
        let word = (record.as_ptr() as usize - self.cells.base()) / WORD;
        self.cells.store_bytes(word, data);
        self.commit((word as u64 - 1) * WORD as u64, 0, flags);
        Ok(())
    }

    /// One of the numbers that programs may ask for; 0 for an unknown question.
    pub(crate) fn query(&self, what: u64) -> u64 {
        let consumed = self.consumed.load(Ordering::Acquire);
        match what {
            BPF_RB_AVAIL_DATA => self.produced.load(Ordering::Acquire) - consumed,
            BPF_RB_RING_SIZE => self.size,
            BPF_RB_CONS_POS => consumed,
            BPF_RB_PROD_POS => self.produced.load(Ordering::Acquire),
            _ => 0,
        }
    }

    /// How often a poller would have been woken.
    pub(crate) fn wakeups(&self) -> u64 {
        self.wakeups.load(Ordering::Relaxed)
    }

    /// Consume records in order until there is none or a busy one; how many there were, without discarded ones.
    /// `EBUSY` if somebody is at it already.
    pub(crate) fn drain(&self, mut each: impl FnMut(&[u8])) -> Result<usize, Errno> {
        let mut copy = match self.consumer.try_lock() {
            Ok(copy) => copy,
            Err(TryLockError::Poisoned(copy)) => copy.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Errno::EBUSY),
        };
        let mut count = 0;
        let mut position = self.consumed.load(Ordering::Relaxed);
        while position < self.produced.load(Ordering::SeqCst) {
            let word = self.word(position);
            let header = self.cells[word].load(Ordering::SeqCst);
            if header & BUSY != 0 {
                break;
            }
            if header & DISCARDED == 0 {
                copy.resize(len_of(header) as usize, 0);
                self.cells.load_bytes(word + 1, &mut copy);
                each(&copy);
                count += 1;
            }
            position += room(len_of(header));
            self.consumed.store(position, Ordering::SeqCst);
        }
        Ok(count)
    }

    /// Whether these bytes are inside one reserved record.
    pub(crate) fn value_memory(&self, addr: usize, len: usize) -> bool {
        let inside = |start: usize, size: usize| {
            addr.checked_sub(start).and_then(|offset| offset.checked_add(len)).is_some_and(|end| end <= size)
        };
        let base = self.cells.base();
        (base..base + self.cells.len() * WORD).contains(&addr) && self.open_record(inside).is_some()
    }

    /// The position of the busy record whose address and size `wanted` says yes to.
    ///
    /// Only records from the oldest busy one on are looked at, which are few unless a program never submits. Headers
    /// are not read anywhere else, as a program could have written there what looks like one.
    fn open_record(&self, wanted: impl Fn(usize, usize) -> bool) -> Option<u64> {
        let mut pending = self.producing();
        let end = self.produced.load(Ordering::Relaxed);
        self.pass_finished(&mut pending, end);
        let mut position = *pending;
        while position < end {
            let word = self.word(position);
            let header = self.cells[word].load(Ordering::Acquire);
            let start = self.cells.base() + (word + 1) * WORD;
            if header & BUSY != 0 && wanted(start, len_of(header) as usize) {
                return Some(position);
            }
            position += room(len_of(header));
        }
        None
    }

    /// Move `pending` over records that are not busy any more.
    fn pass_finished(&self, pending: &mut u64, end: u64) {
        while *pending < end {
            let header = self.cells[self.word(*pending)].load(Ordering::Acquire);
            if header & BUSY != 0 {
                return;
            }
            *pending += room(len_of(header));
        }
    }

    fn producing(&self) -> MutexGuard<'_, u64> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
