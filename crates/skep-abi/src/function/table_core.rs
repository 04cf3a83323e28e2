//! Functions that most kinds of program may call: maps, clocks, strings, ring buffers, dynptrs, timers, storage.
//! Source: kernel/bpf/helpers.c, kernel/bpf/ringbuf.c, kernel/bpf/bpf_*_storage.c, kernel/bpf/syscall.c, Linux 6.18.

use super::Arg::{Anything, ConstSize, ConstStr, Context, KptrField, MapKey, MapValue, MapValueOut};
use super::Arg::{PercpuObject, Record, Scalar, SpinLock, Timer};
use super::Effect::*;
use super::Programs::{All, Common};
use super::Ret::{self, DynptrMemoryOrNull, Integer, KptrOrNull, MapValueOrNull, RecordOrNull, Void};
use super::arg::*;
use super::functions;
use super::programs::{COARSE, LOCAL_STORAGE, LSM, RETVAL, SYSCALL, TC_LWT};

const STORAGE: Ret = Ret::MapValue;
const COPY: Ret = Ret::PercpuObject;
const COPY_OR_NULL: Ret = Ret::PercpuObjectOrNull;

functions! {
    ROWS:
    1 map_lookup_elem(KEYED, MapKey(0)) -> MapValueOrNull [PacketMemory FindsIndex Reads] All 3 . 19
        "the address of the value with this key, or null";
    2 map_update_elem(MUTABLE, MapKey(0), MapValue(0), Anything) -> Integer [PacketMemory WritesMap] All 3 . 19
        "set the value of a key; flags BPF_ANY, BPF_NOEXIST, BPF_EXIST";
    3 map_delete_elem(MUTABLE, MapKey(0)) -> Integer [PacketMemory WritesMap] All 3 . 19
        "remove a key";
    5 ktime_get_ns() -> Integer [Reads] All 4 . 1
        "nanoseconds since boot, without time suspended";
    6 trace_printk(read(1), SIZE) -> Integer [Gpl Perfmon Outputs] All 4 . 1
        "print to the trace log; what the format names is taken from r3 to r5, whatever they hold";
    7 get_prandom_u32() -> Integer [Reads] All 4 . 1
        "32 pseudo-random bits";
    8 get_smp_processor_id() -> Integer [Reads] Common 4 . 1
        "the number of the CPU";
    12 tail_call(Context, PROGS, Anything) -> Void [TailCall] All 4 . 2
        "continue in another program; falls through where there is none";
    14 get_current_pid_tgid() -> Integer [Reads] Common 4 . 2
        "the thread group's number in the upper half, the thread's in the lower";
    15 get_current_uid_gid() -> Integer [Reads] Common 4 . 2
        "the group's number in the upper half, the user's in the lower";
    16 get_current_comm(write(1), SIZE) -> Integer [Perfmon Reads] Common 4 . 2
        "the name of the running command";
    17 get_cgroup_classid(Context) -> Integer [Reads] TC_LWT 4 . 3
        "the net_cls class of the packet's socket";
    22 perf_event_read(PERF_EVENTS, Anything) -> Integer [Gpl Perfmon Reads] Common 4 . 3
        "the value of a perf event's counter";
    35 get_current_task() -> Integer [Gpl Perfmon Reads] Common 4 . 8
        "the address of the running task, as a number";
    37 current_task_under_cgroup(CGROUPS, Anything) -> Integer [Reads] Common 4 . 9
        "whether the running task is in the cgroup at this index, or below it";
    42 get_numa_node_id() -> Integer [Reads] Common 4 . 10
        "the number of the NUMA node";
    55 perf_event_read_value(PERF_EVENTS, Anything, write(3), SIZE) -> Integer [Gpl Perfmon Reads] Common 4 . 15
        "a perf event's counter, with the times it was enabled and running";
    80 get_current_cgroup_id() -> Integer [Reads] Common 4 . 18
        "the number of the running task's cgroup";
    81 get_local_storage(CGROUP_STORAGE, Anything) -> STORAGE [Reads] LOCAL_STORAGE 4 . 19
        "the storage of this program at the cgroup it runs for";
    87 map_push_elem(MEMBERS, MapValue(0), Anything) -> Integer [PacketMemory WritesMap] All 4 . 20
        "append an element; BPF_EXIST drops the oldest when full";
    88 map_pop_elem(QUEUES, MapValueOut(0)) -> Integer [WritesMap] All 4 . 20
        "remove the next element";
    89 map_peek_elem(MEMBERS, MapValueOut(0)) -> Integer [Reads] All 4 . 20
        "copy the next element; of a bloom filter, ask whether this element may be there";
    93 spin_lock(SpinLock) -> Void [] Common 5 . 1
        "take the lock that guards a value's other fields";
    94 spin_unlock(SpinLock) -> Void [] Common 5 . 1
        "give it back";
    105 strtol(read(1), SIZE, Anything, LONG) -> Integer [Reads] Common 5 . 2
        "read a signed number; returns how many characters it took";
    106 strtoul(read(1), SIZE, Anything, LONG) -> Integer [Reads] Common 5 . 2
        "read an unsigned number; returns how many characters it took";
    109 send_signal(Anything) -> Integer [Perfmon] Common 5 . 3
        "send a signal to the running process";
    117 send_signal_thread(Anything) -> Integer [Perfmon] Common 5 . 5
        "send a signal to the running thread";
    118 jiffies64() -> Integer [Reads] Common 5 . 6
        "the kernel's tick count";
    120 get_ns_current_pid_tgid(Anything, Anything, write(3), SIZE) -> Integer [Reads] Common 5 . 7
        "the running thread's numbers in the namespace with this device and inode";
    123 get_current_ancestor_cgroup_id(Anything) -> Integer [Reads] Common 5 . 6
        "the number of the running task's ancestor cgroup at this level";
    125 ktime_get_boot_ns() -> Integer [Reads] All 5 . 8
        "nanoseconds since boot, with time suspended";
    130 ringbuf_output(RINGBUF, read(2), SIZE0, Anything) -> Integer [Outputs] Common 5 . 8
        "copy a record into a ring buffer";
    131 ringbuf_reserve(RINGBUF, ConstSize, Anything) -> RecordOrNull [Acquires Outputs] Common 5 . 8
        "room for a record, to be submitted or discarded";
    132 ringbuf_submit(Record, Anything) -> Void [Outputs] Common 5 . 8
        "publish a reserved record";
    133 ringbuf_discard(Record, Anything) -> Void [Outputs] Common 5 . 8
        "give a reserved record up";
    134 ringbuf_query(RINGBUF, Anything) -> Integer [Reads] Common 5 . 8
        "amount of unread data, size, or positions of a ring buffer";
    145 inode_storage_get(INODE_STORAGE, INODE_OR_NULL, INITIAL, Anything) -> MapValueOrNull [] LSM 5 . 10
        "this map's storage at an inode; flag BPF_LOCAL_STORAGE_GET_F_CREATE makes it";
    146 inode_storage_delete(INODE_STORAGE, INODE_OR_NULL) -> Integer [] LSM 5 . 10
        "remove this map's storage at an inode";
    153 per_cpu_ptr(PercpuObject, Anything) -> COPY_OR_NULL [Reads] Common 5 . 10
        "a CPU's copy of a per-CPU variable; null where there is no such CPU";
    154 this_cpu_ptr(PercpuObject) -> COPY [Reads] Common 5 . 10
        "this CPU's copy of a per-CPU variable";
    156 task_storage_get(TASK_STORAGE, TASK_OR_NULL, INITIAL, Anything) -> MapValueOrNull [] Common 5 . 11
        "this map's storage at a task; flag BPF_LOCAL_STORAGE_GET_F_CREATE makes it";
    157 task_storage_delete(TASK_STORAGE, TASK_OR_NULL) -> Integer [] Common 5 . 11
        "remove this map's storage at a task";
    160 ktime_get_coarse_ns() -> Integer [Reads] COARSE 5 . 11
        "nanoseconds since boot, at tick resolution";
    164 for_each_map_elem(WALKED, ELEMENT_CALLBACK, CALLBACK_CONTEXT, Anything) -> Integer [Reads] Common 5 . 13
        "call a function for each element of a map until it returns 1";
    165 snprintf(write_or_null(1), SIZE0, ConstStr, read_or_null(4), SIZE0) -> Integer [Gpl Perfmon Reads] Common 5 . 13
        "print numbers and strings, an array of 64-bit values, into memory";
    166 sys_bpf(Anything, read(2), SIZE) -> Integer [Sleeps] SYSCALL 5 . 14
        "a bpf system call";
    167 btf_find_by_name_kind(read(1), SIZE, Anything, Anything) -> Integer [Sleeps Reads] SYSCALL 5 . 14
        "the number of a type of the kernel or its modules, by name and kind";
    168 sys_close(Anything) -> Integer [Sleeps] SYSCALL 5 . 14
        "close a file descriptor";
    169 timer_init(Timer, TIMED, Anything) -> Integer [Gpl] Common 5 . 15
        "make a value's timer ready, with a clock";
    170 timer_set_callback(Timer, TIMER_CALLBACK) -> Integer [Gpl] Common 5 . 15
        "say which function a timer runs";
    171 timer_start(Timer, Anything, Anything) -> Integer [Gpl] Common 5 . 15
        "have a timer run in so many nanoseconds";
    172 timer_cancel(Timer) -> Integer [Gpl] Common 5 . 15
        "stop a timer, and wait for its function to end";
    177 trace_vprintk(read(1), SIZE, read_or_null(3), SIZE0) -> Integer [Gpl Perfmon Outputs] Common 5 . 16
        "print to the trace log an array of 64-bit values";
    179 kallsyms_lookup_name(read(1), SIZE0, Anything, LONG) -> Integer [Reads] SYSCALL 5 . 16
        "the address of a symbol of the kernel";
    181 loop(Scalar, LOOP_CALLBACK, CALLBACK_CONTEXT, Anything) -> Integer [Reads] Common 5 . 17
        "call a function so many times, or until it returns 1";
    182 strncmp(read(1), SIZE, ConstStr) -> Integer [Reads] Common 5 . 17
        "compare a string of at most so many bytes with a constant one";
    186 get_retval() -> Integer [Reads] RETVAL 5 . 18
        "the result that the system call is to have, so far";
    187 set_retval(Anything) -> Integer [] RETVAL 5 . 18
        "the result that the system call is to have";
    194 kptr_xchg(KptrField, KPTR_OR_NULL) -> KptrOrNull [Acquires] Common 5 . 19
        "put an object (or null) into a field, and take what it held";
    195 map_lookup_percpu_elem(PERCPU, MapKey(0), Anything) -> MapValueOrNull [PacketMemory Reads] Common 5 . 19
        "the address of another CPU's value with this key, or null";
    197 dynptr_from_mem(update(1), SIZE0, Anything, MAKES_LOCAL) -> Integer [Reads] Common 5 . 19
        "a dynptr to memory of a map's value";
    198 ringbuf_reserve_dynptr(RINGBUF, Anything, Anything, MAKES_RECORD) -> Integer [Outputs] Common 5 . 19
        "a dynptr to room for a record; it must be submitted or discarded, even after failure";
    199 ringbuf_submit_dynptr(RELEASES_RECORD, Anything) -> Void [Outputs] Common 5 . 19
        "publish the record of a dynptr";
    200 ringbuf_discard_dynptr(RELEASES_RECORD, Anything) -> Void [Outputs] Common 5 . 19
        "give the record of a dynptr up";
    201 dynptr_read(write(1), SIZE0, USES, Anything, Anything) -> Integer [Reads] Common 5 . 19
        "copy bytes out of what a dynptr leads to";
    202 dynptr_write(USES, Anything, read(3), SIZE0, Anything) -> Integer [] Common 5 . 19
        "copy bytes into what a dynptr leads to";
    203 dynptr_data(USES, Anything, ConstSize) -> DynptrMemoryOrNull [Reads] Common 5 . 19
        "the address of so many bytes of what a dynptr leads to, or null";
    208 ktime_get_tai_ns() -> Integer [Reads] Common 6 . 1
        "nanoseconds of International Atomic Time";
    209 user_ringbuf_drain(USER_RINGBUF, RECORD_CALLBACK, CALLBACK_CONTEXT, Anything) -> Integer [] Common 6 . 1
        "call a function for each record that user space has published, until it returns 1";
    210 cgrp_storage_get(CGRP_STORAGE, CGROUP_OR_NULL, INITIAL, Anything) -> MapValueOrNull [] Common 6 . 2
        "this map's storage at a cgroup; flag BPF_LOCAL_STORAGE_GET_F_CREATE makes it";
    211 cgrp_storage_delete(CGRP_STORAGE, CGROUP_OR_NULL) -> Integer [] Common 6 . 2
        "remove this map's storage at a cgroup";
}

functions! {
    VARIANTS:
    17 get_cgroup_classid() -> Integer [Reads] Common 5 . 7
        "the net_cls class of the running task";
}
