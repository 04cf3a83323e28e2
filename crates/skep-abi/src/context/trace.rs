//! The contexts of programs that watch the kernel, of those at netfilter's hooks, and of those that make system calls.
//! Registers are those of x86-64.
//! Source: `kprobe_prog_is_valid_access`, `pe_prog_is_valid_access`, `tp_prog_is_valid_access`,
//! `raw_tp_prog_is_valid_access`, `raw_tp_writable_prog_is_valid_access` of kernel/trace/bpf_trace.c;
//! `nf_is_valid_access` of net/netfilter/nf_bpf_link.c; `lirc_mode2_is_valid_access` of drivers/media/rc/bpf-lirc.c;
//! `syscall_prog_is_valid_access` of kernel/bpf/syscall.c, Linux 6.18.

use super::{Context, Field, FieldKind, Parts, Who, any};
use crate::ProgType;

const KPROBE: &[Who] = &[any(ProgType::Kprobe)];

/// A register: read and, which only user space's probes come to use, written in any part.
const fn register(name: &'static str, index: u32) -> Field {
    Field::new(name, 8 * index, 8, Parts::Any, KPROBE).writable(KPROBE)
}

/// `struct pt_regs`.
pub static PT_REGS: Context = Context {
    name: "pt_regs",
    size: 168,
    fields: &[
        register("r15", 0),
        register("r14", 1),
        register("r13", 2),
        register("r12", 3),
        register("bp", 4),
        register("bx", 5),
        register("r11", 6),
        register("r10", 7),
        register("r9", 8),
        register("r8", 9),
        register("ax", 10),
        register("cx", 11),
        register("dx", 12),
        register("si", 13),
        register("di", 14),
        register("orig_ax", 15),
        register("ip", 16),
        register("cs", 17),
        register("flags", 18),
        register("sp", 19),
        register("ss", 20),
    ],
};

const PERF: &[Who] = &[any(ProgType::PerfEvent)];

/// `struct bpf_perf_event_data`; `regs` is a [`PT_REGS`].
pub static PERF_EVENT_DATA: Context = Context {
    name: "bpf_perf_event_data",
    size: 184,
    fields: &[
        Field::whole("regs", 0, 168, PERF).array(8),
        Field::narrow("sample_period", 168, 8, PERF),
        Field::narrow("addr", 176, 8, PERF),
    ],
};

/// Most bytes of a tracepoint's record (`PERF_MAX_TRACE_SIZE`).
const RECORD_BYTES: u32 = 8192;

/// A tracepoint's record. Its first eight bytes are the kernel's; how the others are laid out is the tracepoint's.
pub static TRACEPOINT: Context = Context {
    name: "",
    size: RECORD_BYTES,
    fields: &[Field::new("record", 8, RECORD_BYTES - 8, Parts::Any, &[any(ProgType::Tracepoint)]).array(8)],
};

/// Most arguments of a tracepoint or function (`MAX_BPF_FUNC_ARGS`).
const ARGUMENTS: u32 = 12;

/// `struct bpf_raw_tracepoint_args`: the arguments of a tracepoint, as numbers.
pub static RAW_TRACEPOINT: Context = Context {
    name: "bpf_raw_tracepoint_args",
    size: 8 * ARGUMENTS,
    fields: &[Field::new("args", 0, 8 * ARGUMENTS, Parts::Any, &[any(ProgType::RawTracepoint)]).array(8)],
};

const WRITABLE: &[Who] = &[any(ProgType::RawTracepointWritable)];

/// The same, of a tracepoint whose first argument is a buffer that programs may write.
pub static RAW_TRACEPOINT_WRITABLE: Context = Context {
    name: "",
    size: 8 * ARGUMENTS,
    fields: &[
        Field::of("buffer", 0, 8, FieldKind::TracepointBuffer, WRITABLE),
        Field::new("args", 8, 8 * (ARGUMENTS - 1), Parts::Any, WRITABLE).array(8),
    ],
};

/// A sample of an infrared receiver.
pub static LIRC_MODE2: Context =
    Context { name: "", size: 4, fields: &[Field::whole("sample", 0, 4, &[any(ProgType::LircMode2)])] };

const HOOK: &[Who] = &[any(ProgType::Netfilter)];

/// `struct bpf_nf_ctx`.
pub static NF_CTX: Context = Context {
    name: "bpf_nf_ctx",
    size: 16,
    fields: &[
        Field::of("state", 0, 8, FieldKind::Object("nf_hook_state"), HOOK),
        Field::of("skb", 8, 8, FieldKind::Object("sk_buff"), HOOK),
    ],
};

const CALLER: &[Who] = &[any(ProgType::Syscall)];

/// The memory that a program which makes system calls is given. How much there must be is known when it is loaded.
pub static SYSCALL: Context = Context {
    name: "",
    size: 1 << 16,
    fields: &[Field::new("memory", 0, 1 << 16, Parts::Any, CALLER).array(8).writable(CALLER)],
};
