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
    1 "void *" bpf_map_lookup_elem("void *map": KEYED, "const void *key": MapKey(0)) -> MapValueOrNull
        [PacketMemory FindsIndex Reads] All 3 . 19
        "the address of the value with this key, or null";
    2 "long" bpf_map_update_elem(
        "void *map": MUTABLE, "const void *key": MapKey(0), "const void *value": MapValue(0),
        "__u64 flags": Anything
    ) -> Integer [PacketMemory WritesMap] All 3 . 19
        "set the value of a key; flags BPF_ANY, BPF_NOEXIST, BPF_EXIST";
    3 "long" bpf_map_delete_elem("void *map": MUTABLE, "const void *key": MapKey(0)) -> Integer
        [PacketMemory WritesMap] All 3 . 19
        "remove a key";
    5 "__u64" bpf_ktime_get_ns() -> Integer [Reads] All 4 . 1
        "nanoseconds since boot, without time suspended";
    6 "long" bpf_trace_printk("const char *fmt": read(1), "__u32 fmt_size": SIZE; "...") -> Integer
        [Gpl Perfmon Outputs] All 4 . 1
        "print to the trace log; what the format names is taken from r3 to r5, whatever they hold";
    7 "__u32" bpf_get_prandom_u32() -> Integer [Reads] All 4 . 1
        "32 pseudo-random bits";
    8 "__u32" bpf_get_smp_processor_id() -> Integer [Reads] Common 4 . 1
        "the number of the CPU";
    12 "long" bpf_tail_call(
        "void *ctx": Context, "void *prog_array_map": PROGS, "__u32 index": Anything
    ) -> Void [TailCall] All 4 . 2
        "continue in another program; falls through where there is none";
    14 "__u64" bpf_get_current_pid_tgid() -> Integer [Reads] Common 4 . 2
        "the thread group's number in the upper half, the thread's in the lower";
    15 "__u64" bpf_get_current_uid_gid() -> Integer [Reads] Common 4 . 2
        "the group's number in the upper half, the user's in the lower";
    16 "long" bpf_get_current_comm("void *buf": write(1), "__u32 size_of_buf": SIZE) -> Integer
        [Perfmon Reads] Common 4 . 2
        "the name of the running command";
    17 "__u32" bpf_get_cgroup_classid("struct __sk_buff *skb": Context) -> Integer [Reads] TC_LWT 4 . 3
        "the net_cls class of the packet's socket";
    22 "__u64" bpf_perf_event_read("void *map": PERF_EVENTS, "__u64 flags": Anything) -> Integer
        [Gpl Perfmon Reads] Common 4 . 3
        "the value of a perf event's counter";
    35 "__u64" bpf_get_current_task() -> Integer [Gpl Perfmon Reads] Common 4 . 8
        "the address of the running task, as a number";
    37 "long" bpf_current_task_under_cgroup("void *map": CGROUPS, "__u32 index": Anything) -> Integer
        [Reads] Common 4 . 9
        "whether the running task is in the cgroup at this index, or below it";
    42 "long" bpf_get_numa_node_id() -> Integer [Reads] Common 4 . 10
        "the number of the NUMA node";
    55 "long" bpf_perf_event_read_value(
        "void *map": PERF_EVENTS, "__u64 flags": Anything, "struct bpf_perf_event_value *buf": write(3),
        "__u32 buf_size": SIZE
    ) -> Integer [Gpl Perfmon Reads] Common 4 . 15
        "a perf event's counter, with the times it was enabled and running";
    80 "__u64" bpf_get_current_cgroup_id() -> Integer [Reads] Common 4 . 18
        "the number of the running task's cgroup";
    81 "void *" bpf_get_local_storage("void *map": CGROUP_STORAGE, "__u64 flags": Anything) -> STORAGE
        [Reads] LOCAL_STORAGE 4 . 19
        "the storage of this program at the cgroup it runs for";
    87 "long" bpf_map_push_elem(
        "void *map": MEMBERS, "const void *value": MapValue(0), "__u64 flags": Anything
    ) -> Integer [PacketMemory WritesMap] All 4 . 20
        "append an element; BPF_EXIST drops the oldest when full";
    88 "long" bpf_map_pop_elem("void *map": QUEUES, "void *value": MapValueOut(0)) -> Integer
        [WritesMap] All 4 . 20
        "remove the next element";
    89 "long" bpf_map_peek_elem("void *map": MEMBERS, "void *value": MapValueOut(0)) -> Integer
        [Reads] All 4 . 20
        "copy the next element; of a bloom filter, ask whether this element may be there";
    93 "long" bpf_spin_lock("struct bpf_spin_lock *lock": SpinLock) -> Void [] Common 5 . 1
        "take the lock that guards a value's other fields";
    94 "long" bpf_spin_unlock("struct bpf_spin_lock *lock": SpinLock) -> Void [] Common 5 . 1
        "give it back";
    105 "long" bpf_strtol(
        "const char *buf": read(1), "unsigned long buf_len": SIZE, "__u64 flags": Anything, "long *res": LONG
    ) -> Integer [Reads] Common 5 . 2
        "read a signed number; returns how many characters it took";
    106 "long" bpf_strtoul(
        "const char *buf": read(1), "unsigned long buf_len": SIZE, "__u64 flags": Anything,
        "unsigned long *res": LONG
    ) -> Integer [Reads] Common 5 . 2
        "read an unsigned number; returns how many characters it took";
    109 "long" bpf_send_signal("__u32 sig": Anything) -> Integer [Perfmon] Common 5 . 3
        "send a signal to the running process";
    117 "long" bpf_send_signal_thread("__u32 sig": Anything) -> Integer [Perfmon] Common 5 . 5
        "send a signal to the running thread";
    118 "__u64" bpf_jiffies64() -> Integer [Reads] Common 5 . 6
        "the kernel's tick count";
    120 "long" bpf_get_ns_current_pid_tgid(
        "__u64 dev": Anything, "__u64 ino": Anything, "struct bpf_pidns_info *nsdata": write(3),
        "__u32 size": SIZE
    ) -> Integer [Reads] Common 5 . 7
        "the running thread's numbers in the namespace with this device and inode";
    123 "__u64" bpf_get_current_ancestor_cgroup_id("int ancestor_level": Anything) -> Integer
        [Reads] Common 5 . 6
        "the number of the running task's ancestor cgroup at this level";
    125 "__u64" bpf_ktime_get_boot_ns() -> Integer [Reads] All 5 . 8
        "nanoseconds since boot, with time suspended";
    130 "long" bpf_ringbuf_output(
        "void *ringbuf": RINGBUF, "void *data": read(2), "__u64 size": SIZE0, "__u64 flags": Anything
    ) -> Integer [Outputs] Common 5 . 8
        "copy a record into a ring buffer";
    131 "void *" bpf_ringbuf_reserve(
        "void *ringbuf": RINGBUF, "__u64 size": ConstSize, "__u64 flags": Anything
    ) -> RecordOrNull [Acquires Outputs] Common 5 . 8
        "room for a record, to be submitted or discarded";
    132 "void" bpf_ringbuf_submit("void *data": Record, "__u64 flags": Anything) -> Void
        [Outputs] Common 5 . 8
        "publish a reserved record";
    133 "void" bpf_ringbuf_discard("void *data": Record, "__u64 flags": Anything) -> Void
        [Outputs] Common 5 . 8
        "give a reserved record up";
    134 "__u64" bpf_ringbuf_query("void *ringbuf": RINGBUF, "__u64 flags": Anything) -> Integer
        [Reads] Common 5 . 8
        "amount of unread data, size, or positions of a ring buffer";
    145 "void *" bpf_inode_storage_get(
        "void *map": INODE_STORAGE, "void *inode": INODE_OR_NULL, "void *value": INITIAL,
        "__u64 flags": Anything
    ) -> MapValueOrNull [] LSM 5 . 10
        "this map's storage at an inode; flag BPF_LOCAL_STORAGE_GET_F_CREATE makes it";
    146 "int" bpf_inode_storage_delete("void *map": INODE_STORAGE, "void *inode": INODE_OR_NULL) -> Integer
        [] LSM 5 . 10
        "remove this map's storage at an inode";
    153 "void *" bpf_per_cpu_ptr(
        "const void *percpu_ptr": PercpuObject, "__u32 cpu": Anything
    ) -> COPY_OR_NULL [Reads] Common 5 . 10
        "a CPU's copy of a per-CPU variable; null where there is no such CPU";
    154 "void *" bpf_this_cpu_ptr("const void *percpu_ptr": PercpuObject) -> COPY [Reads] Common 5 . 10
        "this CPU's copy of a per-CPU variable";
    156 "void *" bpf_task_storage_get(
        "void *map": TASK_STORAGE, "struct task_struct *task": TASK_OR_NULL, "void *value": INITIAL,
        "__u64 flags": Anything
    ) -> MapValueOrNull [] Common 5 . 11
        "this map's storage at a task; flag BPF_LOCAL_STORAGE_GET_F_CREATE makes it";
    157 "long" bpf_task_storage_delete(
        "void *map": TASK_STORAGE, "struct task_struct *task": TASK_OR_NULL
    ) -> Integer [] Common 5 . 11
        "remove this map's storage at a task";
    160 "__u64" bpf_ktime_get_coarse_ns() -> Integer [Reads] COARSE 5 . 11
        "nanoseconds since boot, at tick resolution";
    164 "long" bpf_for_each_map_elem(
        "void *map": WALKED, "void *callback_fn": ELEMENT_CALLBACK, "void *callback_ctx": CALLBACK_CONTEXT,
        "__u64 flags": Anything
    ) -> Integer [Reads] Common 5 . 13
        "call a function for each element of a map until it returns 1";
    165 "long" bpf_snprintf(
        "char *str": write_or_null(1), "__u32 str_size": SIZE0, "const char *fmt": ConstStr,
        "__u64 *data": read_or_null(4), "__u32 data_len": SIZE0
    ) -> Integer [Gpl Perfmon Reads] Common 5 . 13
        "print numbers and strings, an array of 64-bit values, into memory";
    166 "long" bpf_sys_bpf("__u32 cmd": Anything, "void *attr": read(2), "__u32 attr_size": SIZE) -> Integer
        [Sleeps] SYSCALL 5 . 14
        "a bpf system call";
    167 "long" bpf_btf_find_by_name_kind(
        "char *name": read(1), "int name_sz": SIZE, "__u32 kind": Anything, "int flags": Anything
    ) -> Integer [Sleeps Reads] SYSCALL 5 . 14
        "the number of a type of the kernel or its modules, by name and kind";
    168 "long" bpf_sys_close("__u32 fd": Anything) -> Integer [Sleeps] SYSCALL 5 . 14
        "close a file descriptor";
    169 "long" bpf_timer_init(
        "struct bpf_timer *timer": Timer, "void *map": TIMED, "__u64 flags": Anything
    ) -> Integer [Gpl] Common 5 . 15
        "make a value's timer ready, with a clock";
    170 "long" bpf_timer_set_callback(
        "struct bpf_timer *timer": Timer, "void *callback_fn": TIMER_CALLBACK
    ) -> Integer [Gpl] Common 5 . 15
        "say which function a timer runs";
    171 "long" bpf_timer_start(
        "struct bpf_timer *timer": Timer, "__u64 nsecs": Anything, "__u64 flags": Anything
    ) -> Integer [Gpl] Common 5 . 15
        "have a timer run in so many nanoseconds";
    172 "long" bpf_timer_cancel("struct bpf_timer *timer": Timer) -> Integer [Gpl] Common 5 . 15
        "stop a timer, and wait for its function to end";
    177 "long" bpf_trace_vprintk(
        "const char *fmt": read(1), "__u32 fmt_size": SIZE, "const void *data": read_or_null(3),
        "__u32 data_len": SIZE0
    ) -> Integer [Gpl Perfmon Outputs] Common 5 . 16
        "print to the trace log an array of 64-bit values";
    179 "long" bpf_kallsyms_lookup_name(
        "const char *name": read(1), "int name_sz": SIZE0, "int flags": Anything, "__u64 *res": LONG
    ) -> Integer [Reads] SYSCALL 5 . 16
        "the address of a symbol of the kernel";
    181 "long" bpf_loop(
        "__u32 nr_loops": Scalar, "void *callback_fn": LOOP_CALLBACK, "void *callback_ctx": CALLBACK_CONTEXT,
        "__u64 flags": Anything
    ) -> Integer [Reads] Common 5 . 17
        "call a function so many times, or until it returns 1";
    182 "long" bpf_strncmp(
        "const char *s1": read(1), "__u32 s1_sz": SIZE, "const char *s2": ConstStr
    ) -> Integer [Reads] Common 5 . 17
        "compare a string of at most so many bytes with a constant one";
    186 "int" bpf_get_retval() -> Integer [Reads] RETVAL 5 . 18
        "the result that the system call is to have, so far";
    187 "int" bpf_set_retval("int retval": Anything) -> Integer [] RETVAL 5 . 18
        "the result that the system call is to have";
    194 "void *" bpf_kptr_xchg("void *map_value": KptrField, "void *ptr": KPTR_OR_NULL) -> KptrOrNull
        [Acquires] Common 5 . 19
        "put an object (or null) into a field, and take what it held";
    195 "void *" bpf_map_lookup_percpu_elem(
        "void *map": PERCPU, "const void *key": MapKey(0), "__u32 cpu": Anything
    ) -> MapValueOrNull [PacketMemory Reads] Common 5 . 19
        "the address of another CPU's value with this key, or null";
    197 "long" bpf_dynptr_from_mem(
        "void *data": update(1), "__u32 size": SIZE0, "__u64 flags": Anything,
        "struct bpf_dynptr *ptr": MAKES_LOCAL
    ) -> Integer [Reads] Common 5 . 19
        "a dynptr to memory of a map's value";
    198 "long" bpf_ringbuf_reserve_dynptr(
        "void *ringbuf": RINGBUF, "__u32 size": Anything, "__u64 flags": Anything,
        "struct bpf_dynptr *ptr": MAKES_RECORD
    ) -> Integer [Outputs] Common 5 . 19
        "a dynptr to room for a record; it must be submitted or discarded, even after failure";
    199 "void" bpf_ringbuf_submit_dynptr(
        "struct bpf_dynptr *ptr": RELEASES_RECORD, "__u64 flags": Anything
    ) -> Void [Outputs] Common 5 . 19
        "publish the record of a dynptr";
    200 "void" bpf_ringbuf_discard_dynptr(
        "struct bpf_dynptr *ptr": RELEASES_RECORD, "__u64 flags": Anything
    ) -> Void [Outputs] Common 5 . 19
        "give the record of a dynptr up";
    201 "long" bpf_dynptr_read(
        "void *dst": write(1), "__u32 len": SIZE0, "const struct bpf_dynptr *src": USES,
        "__u32 offset": Anything, "__u64 flags": Anything
    ) -> Integer [Reads] Common 5 . 19
        "copy bytes out of what a dynptr leads to";
    202 "long" bpf_dynptr_write(
        "const struct bpf_dynptr *dst": USES, "__u32 offset": Anything, "void *src": read(3),
        "__u32 len": SIZE0, "__u64 flags": Anything
    ) -> Integer [] Common 5 . 19
        "copy bytes into what a dynptr leads to";
    203 "void *" bpf_dynptr_data(
        "const struct bpf_dynptr *ptr": USES, "__u32 offset": Anything, "__u32 len": ConstSize
    ) -> DynptrMemoryOrNull [Reads] Common 5 . 19
        "the address of so many bytes of what a dynptr leads to, or null";
    208 "__u64" bpf_ktime_get_tai_ns() -> Integer [Reads] Common 6 . 1
        "nanoseconds of International Atomic Time";
    209 "long" bpf_user_ringbuf_drain(
        "void *map": USER_RINGBUF, "void *callback_fn": RECORD_CALLBACK, "void *ctx": CALLBACK_CONTEXT,
        "__u64 flags": Anything
    ) -> Integer [] Common 6 . 1
        "call a function for each record that user space has published, until it returns 1";
    210 "void *" bpf_cgrp_storage_get(
        "void *map": CGRP_STORAGE, "struct cgroup *cgroup": CGROUP_OR_NULL, "void *value": INITIAL,
        "__u64 flags": Anything
    ) -> MapValueOrNull [] Common 6 . 2
        "this map's storage at a cgroup; flag BPF_LOCAL_STORAGE_GET_F_CREATE makes it";
    211 "long" bpf_cgrp_storage_delete(
        "void *map": CGRP_STORAGE, "struct cgroup *cgroup": CGROUP_OR_NULL
    ) -> Integer [] Common 6 . 2
        "remove this map's storage at a cgroup";
}

functions! {
    VARIANTS:
    17 "__u32" bpf_get_cgroup_classid(; "struct __sk_buff *skb") -> Integer [Reads] Common 5 . 7
        "the net_cls class of the running task";
}
