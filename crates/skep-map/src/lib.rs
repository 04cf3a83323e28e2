//! BPF maps in user space: Linux's kinds, semantics and error numbers, without a kernel.
//!
//! A [`Map`] has two faces. *Programs* look values up by address, write through that address, update and delete:
//! [`Map::lookup`], [`Map::update`], [`Map::delete`]. *User space* copies whole values, of all CPUs at once where a
//! kind keeps several: [`Map::read`], [`Map::write`], [`Map::remove`], [`Map::next_key`], what `bpf(2)` does.
//! Where the two differ on Linux (errors, marks of use, sizes), they differ here in the same way.
//!
//! | kind | file | readers |
//! |---|---|---|
//! | `array`, `percpu_array`, `prog_array` | array.rs | no lock |
//! | `hash`, `percpu_hash`, `lru_hash`, `lru_percpu_hash` | hash.rs over bucket.rs, slab.rs, lru.rs | no lock |
//! | `lpm_trie` | lpm.rs | no lock |
//! | `ringbuf` | ringbuf.rs | one consumer |
//! | `queue`, `stack` | queue.rs | a lock |
//!
//! # What holds
//!
//! - All memory of a map is allocated when it is made ([`MAX_MEMORY`] is the limit); nothing moves. The address of a
//!   value can be used until the map is dropped. After the key is deleted or replaced, the same memory may hold the
//!   value of another key *at once*, as with Linux's preallocated maps; also for maps made with
//!   `BPF_F_NO_PREALLOC`, where Linux waits until the program's run has ended.
//! - A map is `Send` and `Sync`; every operation is atomic by element, except that values of arrays and of per-CPU
//!   kinds are written in place, word by word.
//! - Keys and values of the wrong size, and CPUs that the map was not made for, are errors, not panics.
//!
//! # Why this is sound
//!
//! Values are raw memory that programs write whenever they like, while other threads read it. This crate never
//! makes a reference to plain bytes of that memory: it is made of atomic words, which this crate reads and writes
//! with relaxed atomic accesses, and programs get raw pointers ([`NonNull`](core::ptr::NonNull)) derived from the
//! whole allocation. Keys and index are atomics, too; a reader that raced with a writer notices by a sequence count,
//! and starts again (lock.rs). What remains for whoever executes programs: to access values only where
//! [`Map::value_memory`] or a verifier's proof says so, not after the map is dropped, and with accesses that may
//! race (machine code, atomics, volatile).
//!
//! The crate knows nothing of programs, ids, descriptors, BTF or privileges.
//!
//! ```
//! use skep_abi::{Errno, MapDef, MapFlags, MapType};
//! use skep_map::{BPF_ANY, BPF_NOEXIST, Map};
//!
//! let def = MapDef {
//!     map_type: MapType::Hash, key_size: 4, value_size: 8, max_entries: 100, flags: MapFlags(0),
//! };
//! let map = Map::new(&def, 2, 0x5eed)?;
//! let key = 7_u32.to_ne_bytes();
//! map.update(&key, &1_u64.to_ne_bytes(), BPF_ANY, 0)?;
//! assert_eq!(map.update(&key, &2_u64.to_ne_bytes(), BPF_NOEXIST, 0), Err(Errno::EEXIST));
//!
//! let value = map.lookup(&key, 0).expect("just inserted");
//! assert!(map.value_memory(value.as_ptr() as usize, 8));
//! assert_eq!(map.read(&key)?, 1_u64.to_ne_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array;
mod bucket;
mod create;
mod error;
mod hash;
mod hashing;
mod key;
mod lock;
mod lpm;
mod lru;
mod map;
mod memory;
mod queue;
mod ringbuf;
mod slab;

pub use error::MapError;
pub use map::Map;
pub use memory::MAX_MEMORY;
pub use ringbuf::{
    BPF_RB_AVAIL_DATA, BPF_RB_CONS_POS, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_PROD_POS,
    BPF_RB_RING_SIZE,
};

/// `BPF_ANY`: update or insert.
pub const BPF_ANY: u64 = 0;
/// `BPF_NOEXIST`: insert only.
pub const BPF_NOEXIST: u64 = 1;
/// `BPF_EXIST`: update only; for queues and stacks: drop the oldest value if there is no room.
pub const BPF_EXIST: u64 = 2;
/// `BPF_F_LOCK`: take the spin lock in the value. Values with spin locks are not made here, so it is `EINVAL`.
pub const BPF_F_LOCK: u64 = 4;
