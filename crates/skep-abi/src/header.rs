//! The C header that programs include, printed from the tables: integer types, contexts, map kinds, functions.
//!
//! It needs nothing but a compiler: no kernel headers, no libbpf. Names are those of the UAPI and of libbpf's
//! headers, so that a program written against those compiles against this one, as far as the tables go.

use std::fmt::Write as _;

use crate::context::{Context, SK_BUFF, XDP_MD};
use crate::function::{Access, Arg, FUNCTIONS, Function, Ret};
use crate::map::MapType;

/// What does not come from a table: macros and fixed-width integers, as every BPF program uses them.
const PRELUDE: &str = r"/* Printed from the tables of skep; do not edit. */
#ifndef SKEP_H
#define SKEP_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, kind) typeof(kind) *name
#define __array(name, kind) typeof(kind) *name[]
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#define __weak __attribute__((weak))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_htons(x) ((__be16)__builtin_bswap16((__u16)(x)))
#define bpf_htonl(x) ((__be32)__builtin_bswap32((__u32)(x)))
#else
#define bpf_htons(x) ((__be16)(x))
#define bpf_htonl(x) ((__be32)(x))
#endif
#define bpf_ntohs(x) bpf_htons(x)
#define bpf_ntohl(x) bpf_htonl(x)

enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2, BPF_F_LOCK = 4 };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_RDONLY_PROG = 1 << 7, BPF_F_WRONLY_PROG = 1 << 8 };
enum { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };
enum {
	TC_ACT_UNSPEC = -1, TC_ACT_OK, TC_ACT_RECLASSIFY, TC_ACT_SHOT, TC_ACT_PIPE, TC_ACT_STOLEN,
	TC_ACT_QUEUED, TC_ACT_REPEAT, TC_ACT_REDIRECT, TC_ACT_TRAP
};
";

/// The header's text.
///
/// ```
/// let header = skep_abi::c_header();
/// assert!(header.contains("static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;"));
/// ```
pub fn c_header() -> String {
    let mut out = String::from(PRELUDE);
    out.push_str("\nenum bpf_map_type {\n");
    for kind in MapType::ALL {
        let _ = writeln!(out, "\tBPF_MAP_TYPE_{} = {},", kind.name().to_uppercase(), kind.0);
    }
    out.push_str("};\n");
    for context in [&XDP_MD, &SK_BUFF] {
        structure(&mut out, context);
    }
    for function in FUNCTIONS {
        declaration(&mut out, function);
    }
    out.push_str("\n#endif\n");
    out
}

/// A context as a C structure; gaps between fields become padding.
fn structure(out: &mut String, context: &Context) {
    let _ = writeln!(out, "\nstruct {} {{", context.name);
    let mut at = 0;
    for field in context.fields {
        if field.off > at {
            let _ = writeln!(out, "\t__u8 __pad_{at}[{}];", field.off - at);
        }
        let element = match field.element {
            1 => "__u8",
            2 => "__u16",
            8 => "__u64",
            _ => "__u32",
        };
        let _ = match field.size / field.element {
            1 => writeln!(out, "\t{element} {};", field.name),
            n => writeln!(out, "\t{element} {}[{n}];", field.name),
        };
        at = field.off + field.size;
    }
    out.push_str("};\n");
}

/// A helper as a pointer to the function at its number, which compilers turn into a call instruction.
fn declaration(out: &mut String, function: &Function) {
    let ret = match function.ret {
        Ret::Integer | Ret::Void => "long (*",
        Ret::MapValueOrNull | Ret::RecordOrNull => "void *(*",
    };
    let args: Vec<String> = function.args.iter().enumerate().map(|(i, arg)| argument(i, *arg)).collect();
    let args = if args.is_empty() { "void".to_string() } else { args.join(", ") };
    let ret = match (function.ret, function.args) {
        (Ret::Void, _) => "void (*",
        // Counters and clocks are unsigned.
        (Ret::Integer, []) => "__u64 (*",
        _ => ret,
    };
    // Printing takes a variable number of arguments, which the table shows as three numbers.
    let args = match function.name {
        "bpf_trace_printk" => "const char *format, __u32 size, ...".to_string(),
        _ => args,
    };
    let _ = write!(out, "\n/* {} (Linux {}.{}) */\n", function.doc, function.since.0, function.since.1);
    let _ = writeln!(out, "static {ret}{})({args}) = (void *){};", function.name, function.id);
}

fn argument(index: usize, arg: Arg) -> String {
    match arg {
        Arg::Context => "void *ctx".into(),
        Arg::Map(_) => "void *map".into(),
        Arg::MapKey(_) => "const void *key".into(),
        Arg::MapValue(_) => "const void *value".into(),
        Arg::MapValueOut(_) => "void *value".into(),
        Arg::Memory { access: Access::Read, .. } => format!("const void *mem{index}"),
        Arg::Memory { access: Access::Write, .. } => format!("void *mem{index}"),
        Arg::Size { .. } => format!("__u32 size{index}"),
        Arg::ConstSize => format!("__u64 size{index}"),
        Arg::Record => "void *record".into(),
        Arg::Scalar => format!("__u64 arg{index}"),
    }
}
