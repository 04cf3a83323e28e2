//! What programs may call, described once: arguments, result, effects, and where.
//!
//! A helper is a [`Function`] with a number. Whoever checks a call, documents it, or implements it reads this
//! table; an implementation finds its function by name. Rows that no issue has needed yet are not here: a call
//! to such a helper is refused by its number.
//! Source: `struct bpf_func_proto` of kernel/bpf/helpers.c, kernel/bpf/ringbuf.c and net/core/filter.c, and
//! the comments of include/uapi/linux/bpf.h, Linux 6.18; availability measured on Linux 6.18.

use crate::{MapType, ProgType};

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// The context the program received, unmodified.
    Context,
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
    /// The size of the memory argument before it; known to be bounded.
    Size {
        /// Whether 0 is allowed.
        zero: bool,
    },
    /// A size that must be a known constant.
    ConstSize,
    /// A record that an earlier call returned; this call releases it.
    Record,
    /// Any number.
    Scalar,
}

/// What a call does with memory it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads it: it must be initialised.
    Read,
    /// Fills it: it need not be initialised.
    Write,
}

/// What a call returns in r0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// A number; a negative error number on failure where the documentation says so.
    Integer,
    /// Nothing: r0 is unusable after the call.
    Void,
    /// A value of the map in argument 0, or null.
    MapValueOrNull,
    /// A record of as many bytes as argument 1 says, or null; it must be released.
    RecordOrNull,
}

/// What a call does beyond its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Only programs under a GPL-compatible licence may call it.
    Gpl,
    /// Packet pointers taken before the call are invalid after it.
    MovesPacket,
    /// Memory arguments may lie in the packet.
    PacketMemory,
    /// Of an array, it finds every index that is below the size.
    FindsIndex,
    /// It changes the map: programs may not have that done to maps that are read-only to them.
    WritesMap,
    /// What it is to fill stays as it was where it fails.
    FillsOnSuccess,
    /// It does not return when it succeeds: another program runs in place of this one.
    TailCall,
}

/// The kinds of program that may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// Every kind.
    All,
    /// These.
    Only(&'static [ProgType]),
}

/// A function that programs may call.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name, as C programs call it.
    pub name: &'static str,
    /// The number in `call`, for helpers.
    pub id: u32,
    /// Its arguments in r1 to r5.
    pub args: &'static [Arg],
    /// Its result.
    pub ret: Ret,
    /// Its effects.
    pub effects: &'static [Effect],
    /// Who may call it.
    pub programs: Programs,
    /// The first Linux version that has it.
    pub since: (u8, u8),
    /// One line for the manual.
    pub doc: &'static str,
}

impl Function {
    /// The helper with this number.
    pub fn by_id(id: u32) -> Option<&'static Function> {
        FUNCTIONS.binary_search_by_key(&id, |f| f.id).ok().map(|index| &FUNCTIONS[index])
    }

    /// The function with this name.
    pub fn by_name(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|f| f.name == name)
    }

    /// Whether a program of this kind may call it.
    pub fn callable_from(&self, prog_type: ProgType) -> bool {
        match self.programs {
            Programs::All => true,
            Programs::Only(kinds) => kinds.contains(&prog_type),
        }
    }

    /// Whether it has this effect.
    pub fn has(&self, effect: Effect) -> bool {
        self.effects.contains(&effect)
    }
}

use Arg::{ConstSize, Context, Map, MapKey, MapValue, MapValueOut, Memory, Record, Scalar, Size};
use Effect::{FillsOnSuccess, FindsIndex, Gpl, MovesPacket, PacketMemory, TailCall, WritesMap};
use Programs::{All, Only};

/// A map of any kind whose elements have keys.
const MAP: Arg = Map(&[]);
const RINGBUF: Arg = Map(&[MapType::Ringbuf]);
const QUEUES: Arg = Map(&[MapType::Queue, MapType::Stack]);
const PERCPU: Arg = Map(&[MapType::PercpuArray, MapType::PercpuHash, MapType::LruPercpuHash]);

/// Readable memory, its size in the argument with this index.
const fn read(size: u8) -> Arg {
    Memory { access: Access::Read, size, nullable: false }
}

/// The same, or null with size 0.
const fn read_or_null(size: u8) -> Arg {
    Memory { access: Access::Read, size, nullable: true }
}

/// Memory that the call fills.
const fn write(size: u8) -> Arg {
    Memory { access: Access::Write, size, nullable: false }
}

const SIZE: Arg = Size { zero: false };
const SIZE0: Arg = Size { zero: true };

const XDP: Programs = Only(&[ProgType::Xdp]);
const TC: Programs = Only(&[ProgType::SchedCls, ProgType::SchedAct]);
const SKB: Programs = Only(&[ProgType::SocketFilter, ProgType::SchedCls, ProgType::SchedAct]);
const PACKETS: Programs = Only(&[ProgType::Xdp, ProgType::SchedCls, ProgType::SchedAct]);

macro_rules! functions {
    ($($id:literal $name:ident($($arg:expr),*) -> $ret:ident [$($effect:ident)*] $programs:ident $since:literal . $minor:literal $doc:literal;)*) => {
        /// Every described function, by number.
        pub static FUNCTIONS: &[Function] = &[$(Function {
            name: concat!("bpf_", stringify!($name)),
            id: $id,
            args: &[$($arg),*],
            ret: Ret::$ret,
            effects: &[$($effect),*],
            programs: $programs,
            since: ($since, $minor),
            doc: $doc,
        }),*];
    };
}

functions! {
    1 map_lookup_elem(MAP, MapKey(0)) -> MapValueOrNull [PacketMemory FindsIndex] All 3 . 19
        "the address of the value with this key, or null";
    2 map_update_elem(MAP, MapKey(0), MapValue(0), Scalar) -> Integer [PacketMemory WritesMap] All 3 . 19
        "set the value of a key; flags BPF_ANY, BPF_NOEXIST, BPF_EXIST";
    3 map_delete_elem(MAP, MapKey(0)) -> Integer [PacketMemory WritesMap] All 3 . 19
        "remove a key";
    5 ktime_get_ns() -> Integer [] All 4 . 1
        "nanoseconds since boot, without time suspended";
    6 trace_printk(read(1), SIZE) -> Integer [Gpl] All 4 . 1
        "print to the trace log; what the format names is taken from r3 to r5, whatever they hold";
    7 get_prandom_u32() -> Integer [] All 4 . 1
        "32 pseudo-random bits";
    8 get_smp_processor_id() -> Integer [] All 4 . 1
        "the number of the CPU";
    9 skb_store_bytes(Context, Scalar, read(3), SIZE, Scalar) -> Integer [MovesPacket] TC 4 . 1
        "write into the packet; flags may ask to update its checksum";
    10 l3_csum_replace(Context, Scalar, Scalar, Scalar, Scalar) -> Integer [MovesPacket] TC 4 . 1
        "update the IP checksum at an offset for a changed field";
    11 l4_csum_replace(Context, Scalar, Scalar, Scalar, Scalar) -> Integer [MovesPacket] TC 4 . 1
        "update the TCP or UDP checksum at an offset for a changed field";
    12 tail_call(Context, Map(&[MapType::ProgArray]), Scalar) -> Void [TailCall] All 4 . 2
        "continue in another program; falls through where there is none";
    18 skb_vlan_push(Context, Scalar, Scalar) -> Integer [MovesPacket] TC 4 . 3
        "add a VLAN tag";
    19 skb_vlan_pop(Context) -> Integer [MovesPacket] TC 4 . 3
        "remove the VLAN tag";
    23 redirect(Scalar, Scalar) -> Integer [] PACKETS 4 . 4
        "send the packet to another device; returns the verdict to return";
    26 skb_load_bytes(Context, Scalar, write(3), SIZE) -> Integer [] SKB 4 . 5
        "copy bytes out of the packet";
    28 csum_diff(read_or_null(1), SIZE0, read_or_null(3), SIZE0, Scalar) -> Integer [PacketMemory] PACKETS 4 . 6
        "the difference that replacing one buffer by another makes to a checksum";
    32 skb_change_type(Context, Scalar) -> Integer [] TC 4 . 8
        "change the packet's type";
    34 get_hash_recalc(Context) -> Integer [] TC 4 . 8
        "the flow hash";
    38 skb_change_tail(Context, Scalar, Scalar) -> Integer [MovesPacket] TC 4 . 9
        "grow or shrink the packet at its end";
    39 skb_pull_data(Context, Scalar) -> Integer [MovesPacket] TC 4 . 9
        "make so many bytes of the packet directly accessible";
    40 csum_update(Context, Scalar) -> Integer [] TC 4 . 9
        "add to the packet's checksum";
    41 set_hash_invalid(Context) -> Integer [] TC 4 . 9
        "have the flow hash computed again";
    42 get_numa_node_id() -> Integer [] All 4 . 10
        "the number of the NUMA node";
    43 skb_change_head(Context, Scalar, Scalar) -> Integer [MovesPacket] TC 4 . 10
        "add room before the packet";
    44 xdp_adjust_head(Context, Scalar) -> Integer [MovesPacket] XDP 4 . 10
        "move the packet's start";
    54 xdp_adjust_meta(Context, Scalar) -> Integer [MovesPacket] XDP 4 . 15
        "move the metadata's start";
    65 xdp_adjust_tail(Context, Scalar) -> Integer [MovesPacket] XDP 4 . 18
        "move the packet's end";
    68 skb_load_bytes_relative(Context, Scalar, write(3), SIZE, Scalar) -> Integer [] SKB 4 . 18
        "copy bytes out of the packet, counted from its MAC or network header";
    87 map_push_elem(QUEUES, MapValue(0), Scalar) -> Integer [PacketMemory WritesMap] All 4 . 20
        "append an element; BPF_EXIST drops the oldest when full";
    88 map_pop_elem(QUEUES, MapValueOut(0)) -> Integer [WritesMap] All 4 . 20
        "remove the next element";
    89 map_peek_elem(QUEUES, MapValueOut(0)) -> Integer [] All 4 . 20
        "copy the next element";
    118 jiffies64() -> Integer [] All 5 . 6
        "the kernel's tick count";
    125 ktime_get_boot_ns() -> Integer [] All 5 . 8
        "nanoseconds since boot, with time suspended";
    130 ringbuf_output(RINGBUF, read(2), SIZE0, Scalar) -> Integer [PacketMemory] All 5 . 8
        "copy a record into a ring buffer";
    131 ringbuf_reserve(RINGBUF, ConstSize, Scalar) -> RecordOrNull [] All 5 . 8
        "room for a record, to be submitted or discarded";
    132 ringbuf_submit(Record, Scalar) -> Void [] All 5 . 8
        "publish a reserved record";
    133 ringbuf_discard(Record, Scalar) -> Void [] All 5 . 8
        "give a reserved record up";
    134 ringbuf_query(RINGBUF, Scalar) -> Integer [] All 5 . 8
        "amount of unread data, size, or positions of a ring buffer";
    160 ktime_get_coarse_ns() -> Integer [] All 5 . 11
        "nanoseconds since boot, at tick resolution";
    188 xdp_get_buff_len(Context) -> Integer [] XDP 5 . 18
        "the packet's length, fragments included";
    189 xdp_load_bytes(Context, Scalar, write(3), SIZE) -> Integer [FillsOnSuccess] XDP 5 . 18
        "copy bytes out of the packet";
    190 xdp_store_bytes(Context, Scalar, read(3), SIZE) -> Integer [] XDP 5 . 18
        "copy bytes into the packet";
    195 map_lookup_percpu_elem(PERCPU, MapKey(0), Scalar) -> MapValueOrNull [PacketMemory] All 5 . 19
        "the address of another CPU's value with this key, or null";
    208 ktime_get_tai_ns() -> Integer [] All 6 . 1
        "nanoseconds of International Atomic Time";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_in_order_and_their_arguments_refer_to_each_other() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].id < pair[1].id));
        for f in FUNCTIONS {
            for (i, arg) in f.args.iter().enumerate() {
                match *arg {
                    Arg::MapKey(map) | Arg::MapValue(map) | Arg::MapValueOut(map) => {
                        assert!(matches!(f.args[map as usize], Arg::Map(_)), "{}", f.name);
                    }
                    Arg::Memory { size, .. } => {
                        assert_eq!(size as usize, i + 1, "{}", f.name);
                        assert!(matches!(f.args[size as usize], Arg::Size { .. }), "{}", f.name);
                    }
                    _ => {}
                }
            }
        }
    }
}
