//! Functions of tracing: other tasks' and the kernel's memory, stacks, events, sequence files, security hooks.
//! Source: kernel/trace/bpf_trace.c, kernel/bpf/stackmap.c, kernel/bpf/task_iter.c, kernel/bpf/bpf_lsm.c,
//! drivers/media/rc/bpf-lirc.c, Linux 6.18.

use super::Arg::{Anything, Context, Object};
use super::Effect::*;
use super::Programs::Common;
use super::Ret::{self, Filled, Integer};
use super::arg::*;
use super::functions;
use super::programs::*;

const CURRENT: Ret = Ret::TrustedObject("task_struct");
const REGISTERS: Ret = Ret::Object("pt_regs");
const SOCKET: Ret = Ret::ObjectOrNull("socket");

functions! {
    ROWS:
    4 "long" bpf_probe_read(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *unsafe_ptr": Anything
    ) -> Integer [Gpl Reads] TRACE 4 . 1
        "copy memory of the kernel or of the running task, whichever the address is of";
    25 "long" bpf_perf_event_output(
        "void *ctx": Context, "void *map": PERF_EVENTS, "__u64 flags": Anything, "void *data": read(4),
        "__u64 size": SIZE0
    ) -> Integer [Gpl Outputs] PERF_OUTPUT 4 . 4
        "write a sample into a perf event's buffer; flags may ask for bytes of the packet after it";
    27 "long" bpf_get_stackid("void *ctx": Context, "void *map": STACKS, "__u64 flags": Anything) -> Integer
        [Gpl Outputs] TRACE 4 . 6
        "keep the call stack in a map; returns its number";
    36 "long" bpf_probe_write_user(
        "void *dst": Anything, "const void *src": read(2), "__u32 len": SIZE
    ) -> Integer [Gpl Configured] TRACE 4 . 8
        "write into the running task's memory";
    45 "long" bpf_probe_read_str(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *unsafe_ptr": Anything
    ) -> Filled [Gpl Reads] TRACE 4 . 11
        "copy a string of the kernel or of the running task, whichever the address is of";
    56 "long" bpf_perf_prog_read_value(
        "struct bpf_perf_event_data *ctx": Context, "struct bpf_perf_event_value *buf": write(2),
        "__u32 buf_size": SIZE
    ) -> Integer [Gpl Reads] PERF_EVENT 4 . 15
        "the counter of the event that the program is attached to";
    58 "long" bpf_override_return("struct pt_regs *regs": Context, "__u64 rc": Anything) -> Integer
        [Gpl Configured] KPROBE 4 . 16
        "have the probed function return this instead of running";
    67 "long" bpf_get_stack(
        "void *ctx": Context, "void *buf": write(2), "__u32 size": SIZE0, "__u64 flags": Anything
    ) -> Filled [Gpl Reads] TRACE 4 . 18
        "copy the call stack; returns its bytes";
    77 "long" bpf_rc_repeat("void *ctx": Context) -> Integer [Gpl] LIRC 4 . 18
        "report that the last key was sent again";
    78 "long" bpf_rc_keydown(
        "void *ctx": Context, "__u32 protocol": Anything, "__u64 scancode": Anything, "__u32 toggle": Anything
    ) -> Integer [Gpl] LIRC 4 . 18
        "report a key of a remote control";
    92 "long" bpf_rc_pointer_rel(
        "void *ctx": Context, "__s32 rel_x": Anything, "__s32 rel_y": Anything
    ) -> Integer [Gpl] LIRC 5 . 0
        "report a movement of a remote control's pointer";
    111 "long" bpf_skb_output(
        "void *ctx": Object(&["sk_buff"]), "void *map": PERF_EVENTS, "__u64 flags": Anything,
        "void *data": read(4), "__u64 size": SIZE0
    ) -> Integer [Gpl Outputs] BTF_TRACE 5 . 5
        "write a sample and bytes of a packet into a perf event's buffer";
    112 "long" bpf_probe_read_user(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *unsafe_ptr": Anything
    ) -> Integer [Gpl Perfmon Reads] Common 5 . 5
        "copy memory of the running task";
    113 "long" bpf_probe_read_kernel(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *unsafe_ptr": Anything
    ) -> Integer [Gpl Perfmon Reads] Common 5 . 5
        "copy memory of the kernel";
    114 "long" bpf_probe_read_user_str(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *unsafe_ptr": Anything
    ) -> Filled [Gpl Perfmon Reads] Common 5 . 5
        "copy a string of the running task";
    115 "long" bpf_probe_read_kernel_str(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *unsafe_ptr": Anything
    ) -> Filled [Gpl Perfmon Reads] Common 5 . 5
        "copy a string of the kernel";
    119 "long" bpf_read_branch_records(
        "struct bpf_perf_event_data *ctx": Context, "void *buf": write_or_null(2), "__u32 size": SIZE0,
        "__u64 flags": Anything
    ) -> Integer [Gpl Reads] PERF_EVENT 5 . 6
        "the branches that the processor recorded with the event";
    121 "long" bpf_xdp_output(
        "void *ctx": Object(&["xdp_buff"]), "void *map": PERF_EVENTS, "__u64 flags": Anything,
        "void *data": read(4), "__u64 size": SIZE0
    ) -> Integer [Gpl Outputs] BTF_TRACE 5 . 6
        "write a sample and bytes of a packet into a perf event's buffer";
    126 "long" bpf_seq_printf(
        "struct seq_file *m": SEQ_FILE, "const char *fmt": read(2), "__u32 fmt_size": SIZE,
        "const void *data": read_or_null(4), "__u32 data_len": SIZE0
    ) -> Integer [Gpl Outputs] ITER 5 . 8
        "print an array of 64-bit values into a sequence file";
    127 "long" bpf_seq_write(
        "struct seq_file *m": SEQ_FILE, "const void *data": read(2), "__u32 len": SIZE0
    ) -> Integer [Gpl Outputs] ITER 5 . 8
        "write bytes into a sequence file";
    141 "long" bpf_get_task_stack(
        "struct task_struct *task": TASK, "void *buf": write(2), "__u32 size": SIZE0, "__u64 flags": Anything
    ) -> Filled [Perfmon Reads] Common 5 . 9
        "copy a task's call stack; returns its bytes";
    147 "long" bpf_d_path(
        "struct path *path": Object(&["path"]), "char *buf": write(2), "__u32 sz": SIZE0
    ) -> Integer [Reads] BTF_TRACE 5 . 10
        "the full name of a path; only in some functions of the kernel";
    148 "long" bpf_copy_from_user(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *user_ptr": Anything
    ) -> Integer [Sleeps Perfmon Reads] Common 5 . 10
        "copy memory of the running task, which is fetched if it is not there";
    149 "long" bpf_snprintf_btf(
        "char *str": write(1), "__u32 str_size": SIZE, "struct btf_ptr *ptr": read(3),
        "__u32 btf_ptr_size": SIZE, "__u64 flags": Anything
    ) -> Integer [Perfmon Reads] Common 5 . 10
        "print an object of the kernel by its type into memory";
    150 "long" bpf_seq_printf_btf(
        "struct seq_file *m": SEQ_FILE, "struct btf_ptr *ptr": read(2), "__u32 ptr_size": SIZE0,
        "__u64 flags": Anything
    ) -> Integer [Gpl Outputs] ITER 5 . 10
        "print an object of the kernel by its type into a sequence file";
    158 "struct task_struct *" bpf_get_current_task_btf() -> CURRENT [Gpl Perfmon Reads] Common 5 . 11
        "the running task";
    159 "long" bpf_bprm_opts_set(
        "struct linux_binprm *bprm": Object(&["linux_binprm"]), "__u64 flags": Anything
    ) -> Integer [] LSM 5 . 11
        "set options of a program that is being started";
    161 "long" bpf_ima_inode_hash(
        "struct inode *inode": Object(&["inode"]), "void *dst": write(2), "__u32 size": SIZE
    ) -> Integer [Sleeps] LSM 5 . 11
        "the measured hash of an inode; returns its algorithm";
    162 "struct socket *" bpf_sock_from_file("struct file *file": Object(&["file"])) -> SOCKET
        [Reads] BTF_TRACE 5 . 11
        "the socket behind a file, if it is one";
    173 "__u64" bpf_get_func_ip("void *ctx": Context) -> Integer [Gpl Reads] TRACE 5 . 15
        "the address of the traced function";
    174 "__u64" bpf_get_attach_cookie("void *ctx": Context) -> Integer [Reads] ATTACH_COOKIE 5 . 15
        "the number that user space gave when it attached the program";
    175 "long" bpf_task_pt_regs("struct task_struct *task": TASK) -> REGISTERS
        [Gpl Perfmon Reads] Common 5 . 15
        "the registers a task had when it entered the kernel";
    176 "long" bpf_get_branch_snapshot(
        "void *entries": write(1), "__u32 size": SIZE0; "__u64 flags"
    ) -> Integer [Gpl Perfmon Reads] Common 5 . 16
        "the last branches that the processor recorded";
    180 "long" bpf_find_vma(
        "struct task_struct *task": TASK, "__u64 addr": Anything, "void *callback_fn": VMA_CALLBACK,
        "void *callback_ctx": CALLBACK_CONTEXT, "__u64 flags": Anything
    ) -> Integer [Perfmon Reads] Common 5 . 17
        "call a function with the area of a task's memory that has this address";
    183 "long" bpf_get_func_arg("void *ctx": Context, "__u32 n": Anything, "__u64 *value": LONG) -> Integer
        [Reads] TRAMPOLINE 5 . 17
        "an argument of the traced function, by index";
    184 "long" bpf_get_func_ret("void *ctx": Context, "__u64 *value": LONG) -> Integer
        [Reads] TRAMPOLINE 5 . 17
        "the result of the traced function";
    185 "long" bpf_get_func_arg_cnt("void *ctx": Context) -> Integer [Reads] TRAMPOLINE 5 . 17
        "how many arguments the traced function has";
    191 "long" bpf_copy_from_user_task(
        "void *dst": write(1), "__u32 size": SIZE0, "const void *user_ptr": Anything,
        "struct task_struct *tsk": TASK, "__u64 flags": Anything
    ) -> Integer [Gpl Sleeps Perfmon Reads] Common 5 . 18
        "copy memory of another task";
    193 "long" bpf_ima_file_hash(
        "struct file *file": Object(&["file"]), "void *dst": write(2), "__u32 size": SIZE
    ) -> Integer [Sleeps] LSM 5 . 18
        "the hash of a file, measured now if need be; returns its algorithm";
}

functions! {
    VARIANTS:
    188 "__u64" bpf_xdp_get_buff_len("struct xdp_md *xdp_md": Object(&["xdp_buff"])) -> Integer
        [Reads] BTF_TRACE 5 . 18
        "the packet's length, fragments included";
}
