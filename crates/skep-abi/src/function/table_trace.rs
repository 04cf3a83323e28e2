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
    4 probe_read(write(1), SIZE0, Anything) -> Integer [Gpl Reads] TRACE 4 . 1
        "copy memory of the kernel or of the running task, whichever the address is of";
    25 perf_event_output(Context, PERF_EVENTS, Anything, read(4), SIZE0) -> Integer [Gpl Outputs] PERF_OUTPUT 4 . 4
        "write a sample into a perf event's buffer; flags may ask for bytes of the packet after it";
    27 get_stackid(Context, STACKS, Anything) -> Integer [Gpl Outputs] TRACE 4 . 6
        "keep the call stack in a map; returns its number";
    36 probe_write_user(Anything, read(2), SIZE) -> Integer [Gpl Configured] TRACE 4 . 8
        "write into the running task's memory";
    45 probe_read_str(write(1), SIZE0, Anything) -> Filled [Gpl Reads] TRACE 4 . 11
        "copy a string of the kernel or of the running task, whichever the address is of";
    56 perf_prog_read_value(Context, write(2), SIZE) -> Integer [Gpl Reads] PERF_EVENT 4 . 15
        "the counter of the event that the program is attached to";
    58 override_return(Context, Anything) -> Integer [Gpl Configured] KPROBE 4 . 16
        "have the probed function return this instead of running";
    67 get_stack(Context, write(2), SIZE0, Anything) -> Filled [Gpl Reads] TRACE 4 . 18
        "copy the call stack; returns its bytes";
    77 rc_repeat(Context) -> Integer [Gpl] LIRC 4 . 18
        "report that the last key was sent again";
    78 rc_keydown(Context, Anything, Anything, Anything) -> Integer [Gpl] LIRC 4 . 18
        "report a key of a remote control";
    92 rc_pointer_rel(Context, Anything, Anything) -> Integer [Gpl] LIRC 5 . 0
        "report a movement of a remote control's pointer";
    111 skb_output(Object(&["sk_buff"]), PERF_EVENTS, Anything, read(4), SIZE0) -> Integer [Gpl Outputs] BTF_TRACE 5 . 5
        "write a sample and bytes of a packet into a perf event's buffer";
    112 probe_read_user(write(1), SIZE0, Anything) -> Integer [Gpl Perfmon Reads] Common 5 . 5
        "copy memory of the running task";
    113 probe_read_kernel(write(1), SIZE0, Anything) -> Integer [Gpl Perfmon Reads] Common 5 . 5
        "copy memory of the kernel";
    114 probe_read_user_str(write(1), SIZE0, Anything) -> Filled [Gpl Perfmon Reads] Common 5 . 5
        "copy a string of the running task";
    115 probe_read_kernel_str(write(1), SIZE0, Anything) -> Filled [Gpl Perfmon Reads] Common 5 . 5
        "copy a string of the kernel";
    119 read_branch_records(Context, write_or_null(2), SIZE0, Anything) -> Integer [Gpl Reads] PERF_EVENT 5 . 6
        "the branches that the processor recorded with the event";
    121 xdp_output(Object(&["xdp_buff"]), PERF_EVENTS, Anything, read(4), SIZE0) -> Integer [Gpl Outputs] BTF_TRACE 5 . 6
        "write a sample and bytes of a packet into a perf event's buffer";
    126 seq_printf(SEQ_FILE, read(2), SIZE, read_or_null(4), SIZE0) -> Integer [Gpl Outputs] ITER 5 . 8
        "print an array of 64-bit values into a sequence file";
    127 seq_write(SEQ_FILE, read(2), SIZE0) -> Integer [Gpl Outputs] ITER 5 . 8
        "write bytes into a sequence file";
    141 get_task_stack(TASK, write(2), SIZE0, Anything) -> Filled [Perfmon Reads] Common 5 . 9
        "copy a task's call stack; returns its bytes";
    147 d_path(Object(&["path"]), write(2), SIZE0) -> Integer [Reads] BTF_TRACE 5 . 10
        "the full name of a path; only in some functions of the kernel";
    148 copy_from_user(write(1), SIZE0, Anything) -> Integer [Sleeps Perfmon Reads] Common 5 . 10
        "copy memory of the running task, which is fetched if it is not there";
    149 snprintf_btf(write(1), SIZE, read(3), SIZE, Anything) -> Integer [Perfmon Reads] Common 5 . 10
        "print an object of the kernel by its type into memory";
    150 seq_printf_btf(SEQ_FILE, read(2), SIZE0, Anything) -> Integer [Gpl Outputs] ITER 5 . 10
        "print an object of the kernel by its type into a sequence file";
    158 get_current_task_btf() -> CURRENT [Gpl Perfmon Reads] Common 5 . 11
        "the running task";
    159 bprm_opts_set(Object(&["linux_binprm"]), Anything) -> Integer [] LSM 5 . 11
        "set options of a program that is being started";
    161 ima_inode_hash(Object(&["inode"]), write(2), SIZE) -> Integer [Sleeps] LSM 5 . 11
        "the measured hash of an inode; returns its algorithm";
    162 sock_from_file(Object(&["file"])) -> SOCKET [Reads] BTF_TRACE 5 . 11
        "the socket behind a file, if it is one";
    173 get_func_ip(Context) -> Integer [Gpl Reads] TRACE 5 . 15
        "the address of the traced function";
    174 get_attach_cookie(Context) -> Integer [Reads] ATTACH_COOKIE 5 . 15
        "the number that user space gave when it attached the program";
    175 task_pt_regs(TASK) -> REGISTERS [Gpl Perfmon Reads] Common 5 . 15
        "the registers a task had when it entered the kernel";
    176 get_branch_snapshot(write(1), SIZE0) -> Integer [Gpl Perfmon Reads] Common 5 . 16
        "the last branches that the processor recorded";
    180 find_vma(TASK, Anything, VMA_CALLBACK, CALLBACK_CONTEXT, Anything) -> Integer [Perfmon Reads] Common 5 . 17
        "call a function with the area of a task's memory that has this address";
    183 get_func_arg(Context, Anything, LONG) -> Integer [Reads] TRAMPOLINE 5 . 17
        "an argument of the traced function, by index";
    184 get_func_ret(Context, LONG) -> Integer [Reads] TRAMPOLINE 5 . 17
        "the result of the traced function";
    185 get_func_arg_cnt(Context) -> Integer [Reads] TRAMPOLINE 5 . 17
        "how many arguments the traced function has";
    191 copy_from_user_task(write(1), SIZE0, Anything, TASK, Anything) -> Integer [Gpl Sleeps Perfmon Reads] Common 5 . 18
        "copy memory of another task";
    193 ima_file_hash(Object(&["file"]), write(2), SIZE) -> Integer [Sleeps] LSM 5 . 18
        "the hash of a file, measured now if need be; returns its algorithm";
}

functions! {
    VARIANTS:
    188 xdp_get_buff_len(Object(&["xdp_buff"])) -> Integer [Reads] BTF_TRACE 5 . 18
        "the packet's length, fragments included";
}
