//! What functions take: the kinds of argument, and the words that the rows of the table say them with.
//!
//! A kind says what must be true of the register at the call, for whoever checks a call; it says nothing of how a
//! host finds what the argument leads to.
//! Source: `enum bpf_arg_type` and `bpf_type_flag` of include/linux/bpf.h, Linux 6.18.

use crate::MapType;

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// The context the program received, unmodified.
    Context,
    /// The same in programs whose context this structure is; in others, the kernel's object behind such a context.
    ContextOf(&'static str),
    /// A map of one of these kinds; of any kind if the list is empty.
    Map(&'static [MapType]),
    /// Readable memory of the map's key size; the map is the argument with this index.
    MapKey(u8),
    /// Readable memory of the map's value size.
    MapValue(u8),
    /// Writable memory of the map's value size, which the call fills.
    MapValueOut(u8),
    /// Memory whose size is the argument with index `size`.
    Memory {
        /// What the call does with it.
        access: Access,
        /// Which argument is its size, in bytes.
        size: u8,
        /// Whether a null pointer is allowed (with size 0).
        nullable: bool,
    },
    /// Memory of so many bytes.
    Fixed {
        /// What the call does with it.
        access: Access,
        /// Bytes.
        size: u8,
        /// Whether its address must be a multiple of its size.
        aligned: bool,
    },
    /// The size of the memory argument before it; known to be bounded.
    Size {
        /// Whether 0 is allowed.
        zero: bool,
    },
    /// A size that must be a known constant.
    ConstSize,
    /// A record that an earlier call returned; this call releases it.
    Record,
    /// Any number; with privileges, any pointer too.
    Anything,
    /// Whatever is there, even nothing.
    Ignored,
    /// What the kernel puts there itself.
    Implicit,
    /// A number.
    Scalar,
    /// A number that must be a known constant.
    Constant,
    /// A string that ends in a zero byte, in a map's value that can't change any more.
    ConstStr,
    /// An object of the kernel of one of these types, or one that starts with one.
    Object(&'static [&'static str]),
    /// A variable of the kernel that each CPU has.
    PercpuObject,
    /// A full socket, as a lookup returns it.
    Socket,
    /// A socket of any state.
    SockCommon,
    /// A socket of any state, or an object of the kernel that starts with `sock_common`.
    AnySock,
    /// The same, acquired before; this call releases it.
    ReleasedSock,
    /// A field of a map's value or of a program's object that the program can lock with.
    SpinLock,
    /// A field of a map's value that is a timer.
    Timer,
    /// A field of a map's value or of a program's object that points to an object.
    KptrField,
    /// What such a field is to hold, acquired before; this call releases it.
    KptrObject,
    /// A work queue's entry, in a map's value.
    Workqueue,
    /// Work for a task to do, in a map's value.
    TaskWork,
    /// A lock that is only taken where that leads to no deadlock, in a map's value or a program's object.
    ResilientLock(LockUse),
    /// A place on the stack where is kept whether interrupts were off.
    IrqFlags(LockUse),
    /// An object that the program allocated, and owns; this call releases it.
    Allocated,
    /// An object that the program allocated and that counts references, whether the program owns it or not.
    Refcounted,
    /// The head of a list or the root of a tree, whose lock is held.
    Root(Graph),
    /// The node by which an object is in the list or tree of the argument before it.
    Node(Graph),
    /// The node of an object that the program owns, which goes into that list or tree.
    NewNode(Graph),
    /// An iterator on the stack.
    Iterator {
        /// Its type.
        name: &'static str,
        /// Bytes of it.
        bytes: u32,
        /// What the call does with it.
        step: Step,
    },
    /// A dynptr on the stack.
    Dynptr(Dynptr),
    /// A function of the program.
    Callback(&'static Callback),
    /// What a callback gets as its context: a place on the stack.
    CallbackContext,
    /// What the other says, or null.
    OrNull(&'static Arg),
}

/// What a call does with memory it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads it: it must be initialised.
    Read,
    /// Fills it: it need not be initialised.
    Write,
    /// Reads what is there and writes to it.
    Update,
}

/// What a call does with a dynptr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynptr {
    /// Uses it, whatever it leads to, without changing the dynptr itself.
    Uses,
    /// Makes one that leads to memory of the program's.
    MakesLocal,
    /// Makes one that leads to a record of a ring buffer, which must be released.
    MakesRecord,
    /// Makes one that leads to the packet of a `struct __sk_buff`.
    MakesPacket,
    /// Makes one that leads to the packet of a `struct xdp_md`.
    MakesXdp,
    /// Makes one that leads to a packet's metadata.
    MakesMeta,
    /// Makes one that leads where the dynptr before it does.
    Clones,
    /// Releases the record that it leads to.
    ReleasesRecord,
}

/// What a call does with a lock, or with where interrupt flags are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockUse {
    /// Whether it takes the lock, or saves the flags; else it gives it back, or restores them.
    pub takes: bool,
    /// Of a lock, whether interrupts are off meanwhile; of flags, whether they go with a lock.
    pub both: bool,
}

/// What the objects of a program are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// A list.
    List,
    /// A tree, in an order.
    Tree,
}

/// What a call does with an iterator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes it.
    Begins,
    /// Goes one further: what it returns is the next element, and null after the last.
    Steps,
    /// Ends it.
    Ends,
}

/// A function of the program that the call runs, or has run later.
#[derive(Debug, PartialEq, Eq)]
pub struct Callback {
    /// What it finds in r1 and on.
    pub args: &'static [CallbackArg],
    /// The largest value that it may return; the least is 0.
    pub ret_max: u8,
    /// When it runs.
    pub runs: Runs,
    /// Whether it may sleep.
    pub sleeps: bool,
}

/// When a callback runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// During the call, at most once.
    Once,
    /// During the call, any number of times.
    Repeatedly,
    /// Later, by itself.
    Later,
}

/// What a callback is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackArg {
    /// A number.
    Scalar,
    /// The map of the call's first argument (of the timer's field, for timers).
    Map,
    /// A key of that map.
    MapKey,
    /// A value of that map.
    MapValue,
    /// The call's [`Arg::CallbackContext`].
    Context,
    /// A trusted object of the kernel of this type.
    Object(&'static str),
    /// A dynptr that leads to memory that can't be written.
    Dynptr,
    /// The node of an object that is in the call's list or tree.
    Node,
}

/// A map of any kind whose elements programs look up by key.
pub(super) const KEYED: Arg = Arg::Map(&[
    MapType::Hash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruHash,
    MapType::LruPercpuHash,
    MapType::LpmTrie,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Devmap,
    MapType::DevmapHash,
    MapType::Xskmap,
    MapType::Sockmap,
    MapType::Sockhash,
]);
/// A map whose elements programs may set and remove.
pub(super) const MUTABLE: Arg = Arg::Map(&[
    MapType::Hash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruHash,
    MapType::LruPercpuHash,
    MapType::LpmTrie,
    MapType::Sockmap,
    MapType::Sockhash,
]);
/// A map whose elements can be gone through.
pub(super) const WALKED: Arg = Arg::Map(&[
    MapType::Hash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruHash,
    MapType::LruPercpuHash,
]);
/// A map whose values may hold timers.
pub(super) const TIMED: Arg = Arg::Map(&[MapType::Hash, MapType::Array, MapType::LruHash]);
pub(super) const PERCPU: Arg = Arg::Map(&[MapType::PercpuArray, MapType::PercpuHash, MapType::LruPercpuHash]);
pub(super) const PROGS: Arg = Arg::Map(&[MapType::ProgArray]);
pub(super) const QUEUES: Arg = Arg::Map(&[MapType::Queue, MapType::Stack]);
pub(super) const MEMBERS: Arg = Arg::Map(&[MapType::Queue, MapType::Stack, MapType::BloomFilter]);
pub(super) const RINGBUF: Arg = Arg::Map(&[MapType::Ringbuf]);
pub(super) const USER_RINGBUF: Arg = Arg::Map(&[MapType::UserRingbuf]);
pub(super) const PERF_EVENTS: Arg = Arg::Map(&[MapType::PerfEventArray]);
pub(super) const STACKS: Arg = Arg::Map(&[MapType::StackTrace]);
pub(super) const CGROUPS: Arg = Arg::Map(&[MapType::CgroupArray]);
pub(super) const CGROUP_STORAGE: Arg = Arg::Map(&[MapType::CgroupStorage, MapType::PercpuCgroupStorage]);
pub(super) const REDIRECTS: Arg =
    Arg::Map(&[MapType::Devmap, MapType::DevmapHash, MapType::Cpumap, MapType::Xskmap]);
pub(super) const SOCKMAP: Arg = Arg::Map(&[MapType::Sockmap]);
pub(super) const SOCKHASH: Arg = Arg::Map(&[MapType::Sockhash]);
pub(super) const REUSEPORT: Arg =
    Arg::Map(&[MapType::ReuseportSockarray, MapType::Sockmap, MapType::Sockhash]);
pub(super) const SK_STORAGE: Arg = Arg::Map(&[MapType::SkStorage]);
pub(super) const INODE_STORAGE: Arg = Arg::Map(&[MapType::InodeStorage]);
pub(super) const TASK_STORAGE: Arg = Arg::Map(&[MapType::TaskStorage]);
pub(super) const CGRP_STORAGE: Arg = Arg::Map(&[MapType::CgrpStorage]);

/// Readable memory, its size in the argument with this index.
pub const fn read(size: u8) -> Arg {
    Arg::Memory { access: Access::Read, size, nullable: false }
}

/// The same, or null with size 0.
pub const fn read_or_null(size: u8) -> Arg {
    Arg::Memory { access: Access::Read, size, nullable: true }
}

/// Memory that the call fills.
pub const fn write(size: u8) -> Arg {
    Arg::Memory { access: Access::Write, size, nullable: false }
}

/// The same, or null with size 0.
pub const fn write_or_null(size: u8) -> Arg {
    Arg::Memory { access: Access::Write, size, nullable: true }
}

/// Memory that the call reads and writes.
pub const fn update(size: u8) -> Arg {
    Arg::Memory { access: Access::Update, size, nullable: false }
}

/// Memory that the call reads and writes, or null with any size.
pub(super) const fn update_or_null(size: u8) -> Arg {
    Arg::Memory { access: Access::Update, size, nullable: true }
}

/// So many bytes that the call reads and writes.
pub(super) const fn in_place(size: u8) -> Arg {
    Arg::Fixed { access: Access::Update, size, aligned: false }
}

/// An iterator of this type and size.
pub(super) const fn iterator(name: &'static str, bytes: u32, step: Step) -> Arg {
    Arg::Iterator { name, bytes, step }
}

/// So many readable bytes.
pub const fn bytes(size: u8) -> Arg {
    Arg::Fixed { access: Access::Read, size, aligned: false }
}

/// A 64-bit number that the call fills.
pub(super) const LONG: Arg = Arg::Fixed { access: Access::Write, size: 8, aligned: true };
/// A 32-bit number that the call reads and writes.
pub(super) const INT: Arg = Arg::Fixed { access: Access::Update, size: 4, aligned: true };

/// The size of the memory before it, not 0.
pub const SIZE: Arg = Arg::Size { zero: false };
/// The size of the memory before it.
pub const SIZE0: Arg = Arg::Size { zero: true };

pub(super) const TASK: Arg = Arg::Object(&["task_struct"]);
pub(super) const TASK_OR_NULL: Arg = Arg::OrNull(&TASK);
pub(super) const CGROUP_OR_NULL: Arg = Arg::OrNull(&Arg::Object(&["cgroup"]));
pub(super) const INODE_OR_NULL: Arg = Arg::OrNull(&Arg::Object(&["inode"]));
pub(super) const SEQ_FILE: Arg = Arg::Object(&["seq_file"]);
pub(super) const ANY_SOCK_OR_NULL: Arg = Arg::OrNull(&Arg::AnySock);
pub(super) const SOCK_OR_NULL: Arg = Arg::OrNull(&Arg::Object(&["sock_common"]));
pub(super) const SOCKET_OR_NULL: Arg = Arg::OrNull(&Arg::Socket);
pub(super) const CONTEXT_OR_NULL: Arg = Arg::OrNull(&Arg::Context);
pub(super) const KPTR_OR_NULL: Arg = Arg::OrNull(&Arg::KptrObject);
/// What a new element of a storage starts with, if anything.
pub(super) const INITIAL: Arg = Arg::OrNull(&Arg::MapValue(0));
pub(super) const CALLBACK_CONTEXT: Arg = Arg::OrNull(&Arg::CallbackContext);

pub(super) const ANY_MAP: Arg = Arg::Map(&[]);
pub(super) const LIST: Arg = Arg::Root(Graph::List);
pub(super) const TREE: Arg = Arg::Root(Graph::Tree);
pub(super) const IN_TREE: Arg = Arg::Node(Graph::Tree);
pub(super) const INTO_LIST: Arg = Arg::NewNode(Graph::List);
pub(super) const INTO_TREE: Arg = Arg::NewNode(Graph::Tree);

const fn lock(takes: bool, both: bool) -> LockUse {
    LockUse { takes, both }
}

pub(super) const TAKES: Arg = Arg::ResilientLock(lock(true, false));
pub(super) const GIVES: Arg = Arg::ResilientLock(lock(false, false));
pub(super) const TAKES_IRQ: Arg = Arg::ResilientLock(lock(true, true));
pub(super) const GIVES_IRQ: Arg = Arg::ResilientLock(lock(false, true));
pub(super) const SAVES_IRQ: Arg = Arg::IrqFlags(lock(true, false));
pub(super) const RESTORES_IRQ: Arg = Arg::IrqFlags(lock(false, false));
pub(super) const SAVES_IRQ_LOCKING: Arg = Arg::IrqFlags(lock(true, true));
pub(super) const RESTORES_IRQ_UNLOCKING: Arg = Arg::IrqFlags(lock(false, true));

pub(super) const USES: Arg = Arg::Dynptr(Dynptr::Uses);
pub(super) const MAKES_LOCAL: Arg = Arg::Dynptr(Dynptr::MakesLocal);
pub(super) const MAKES_RECORD: Arg = Arg::Dynptr(Dynptr::MakesRecord);
pub(super) const RELEASES_RECORD: Arg = Arg::Dynptr(Dynptr::ReleasesRecord);
pub(super) const MAKES_PACKET: Arg = Arg::Dynptr(Dynptr::MakesPacket);
pub(super) const MAKES_XDP: Arg = Arg::Dynptr(Dynptr::MakesXdp);
pub(super) const MAKES_META: Arg = Arg::Dynptr(Dynptr::MakesMeta);
pub(super) const CLONES: Arg = Arg::Dynptr(Dynptr::Clones);

const fn callback(callback: &'static Callback) -> Arg {
    Arg::Callback(callback)
}

pub(super) const ELEMENT_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Map, CallbackArg::MapKey, CallbackArg::MapValue, CallbackArg::Context],
    ret_max: 1,
    runs: Runs::Repeatedly,
    sleeps: false,
});
pub(super) const LOOP_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Scalar, CallbackArg::Context],
    ret_max: 1,
    runs: Runs::Repeatedly,
    sleeps: false,
});
pub(super) const VMA_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Object("task_struct"), CallbackArg::Object("vm_area_struct"), CallbackArg::Context],
    ret_max: 1,
    runs: Runs::Once,
    sleeps: false,
});
pub(super) const RECORD_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Dynptr, CallbackArg::Context],
    ret_max: 1,
    runs: Runs::Repeatedly,
    sleeps: false,
});
pub(super) const TIMER_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Map, CallbackArg::MapKey, CallbackArg::MapValue],
    ret_max: 0,
    runs: Runs::Later,
    sleeps: false,
});
pub(super) const WORK_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Map, CallbackArg::MapKey, CallbackArg::MapValue],
    ret_max: 0,
    runs: Runs::Later,
    sleeps: true,
});
pub(super) const LESS_CALLBACK: Arg = callback(&Callback {
    args: &[CallbackArg::Node, CallbackArg::Node],
    ret_max: 1,
    runs: Runs::Repeatedly,
    sleeps: false,
});
