//! The C headers that are printed from the tables: contexts, map kinds, functions. `skep.h` includes them.
//!
//! They need nothing but a compiler: no kernel headers, no libbpf. Names are those of the UAPI and of libbpf's
//! headers, so that a program written against those compiles against these, as far as the tables go.

use std::fmt::Write as _;

use crate::context::{CONTEXTS, Context, Field, FieldKind};
use crate::function::{Access, Arg, Dynptr, FUNCTIONS, Function, Ret};
use crate::map::MapType;

/// What does not come from a table: numbers of the UAPI that programs name, and structures that functions work on.
const PRELUDE: &str = include_str!("prelude.h");

/// The header of kinds and contexts (`skep/contexts.h`). Empty beside a `vmlinux.h` or the kernel's own header, which
/// say the same.
///
/// ```
/// assert!(skep_abi::c_contexts().contains("struct xdp_md {"));
/// ```
pub fn c_contexts() -> String {
    let mut out = String::from(PRINTED);
    out.push_str("#if !defined(SKEP_CONTEXTS_H) && !defined(__VMLINUX_H__) && !defined(__LINUX_BPF_H__)\n");
    out.push_str("#define SKEP_CONTEXTS_H\n\n");
    out.push_str(PRELUDE);
    out.push_str("\nenum bpf_map_type {\n");
    for kind in MapType::ALL {
        let _ = writeln!(out, "\tBPF_MAP_TYPE_{} = {},", kind.name().to_uppercase(), kind.0);
    }
    out.push_str("};\n");
    for context in CONTEXTS.iter().filter(|context| !context.name.is_empty()) {
        structure(&mut out, context);
    }
    out.push_str("\n#endif\n");
    out
}

/// The header of the functions that programs call (`skep/helpers.h`). Its integers are those of `skep/types.h`.
///
/// ```
/// let header = skep_abi::c_functions();
/// assert!(header.contains("SKEP_HELPER(void *, bpf_map_lookup_elem, 1, (void *map, const void *key));"));
/// ```
pub fn c_functions() -> String {
    let mut out = String::from(PRINTED);
    out.push_str("#ifndef SKEP_HELPERS_H\n#define SKEP_HELPERS_H\n\n");
    out.push_str(CALLS);
    for function in FUNCTIONS {
        declaration(&mut out, function);
    }
    out.push_str("\n#endif\n");
    out
}

/// What printed headers start with.
const PRINTED: &str = "/* Printed from the tables of skep; do not edit. */\n";

/// How a compiler is told that a name is a call of a number.
const CALLS: &str = "\
struct bpf_spin_lock;
struct bpf_timer;
struct bpf_dynptr;

/* A helper is called by its number. clang makes such a call of a constant pointer; GCC has an attribute, and without it
 * may keep the pointer in a register, from which no program can call. */
#ifdef __clang__
#define SKEP_HELPER(ret, name, number, args) \\
	static ret (*const name) args __attribute__((unused)) = (void *)number
#else
#define SKEP_HELPER(ret, name, number, args) extern ret name args __attribute__((kernel_helper(number)))
#endif
";

/// A context as a C structure; gaps between fields become padding.
fn structure(out: &mut String, context: &Context) {
    let _ = writeln!(out, "\nstruct {} {{", context.name);
    let mut at = 0;
    for field in context.fields {
        if field.off > at {
            let _ = writeln!(out, "\t__u8 __pad_{at}[{}];", field.off - at);
        }
        if field.also.is_empty() {
            let _ = writeln!(out, "\t{}", member(field, field.name, field.size / field.element));
        } else {
            let first = [(field.name, field.size / field.element)];
            let names = first.iter().chain(field.also);
            let members: Vec<String> = names.map(|(name, count)| member(field, name, *count)).collect();
            let _ = writeln!(out, "\tunion {{ {} }};", members.join(" "));
        }
        at = field.off + field.size;
    }
    out.push_str("};\n");
}

/// A member of so many elements of a field.
fn member(field: &Field, name: &str, count: u32) -> String {
    let ty = match (field.kind, field.element) {
        (FieldKind::Socket(kind) | FieldKind::SocketOrNull(kind), 8) if name == field.name => {
            format!("struct {} *", kind.fields().name)
        }
        (FieldKind::FlowKeys, _) => "struct bpf_flow_keys *".to_owned(),
        (FieldKind::Object(object), _) => format!("struct {object} *"),
        (FieldKind::PacketData | FieldKind::PacketEnd, 8) => "void *".to_owned(),
        (_, 1) => "__u8 ".to_owned(),
        (_, 2) => "__u16 ".to_owned(),
        (_, 8) => "__u64 ".to_owned(),
        _ => "__u32 ".to_owned(),
    };
    if count == 1 { format!("{ty}{name};") } else { format!("{ty}{name}[{count}];") }
}

/// Functions that copy from an address that they are given in their third argument: any number to the verifier, and
/// a pointer to whoever writes C. By what their names start with.
const COPIES: [&str; 2] = ["bpf_probe_read", "bpf_copy_from_user"];

/// A helper as a pointer to the function at its number, which compilers turn into a call instruction.
fn declaration(out: &mut String, function: &Function) {
    let is_address = |index: usize| index == 2 && COPIES.iter().any(|name| function.name.starts_with(name));
    let args = function.args.iter().enumerate();
    let args: Vec<String> = args
        .map(|(i, arg)| if is_address(i) { "const void *address".to_owned() } else { argument(i, *arg) })
        .collect();
    let args = if args.is_empty() { "void".to_string() } else { args.join(", ") };
    let ret = match (function.ret, function.args) {
        (Ret::Void, _) => "void",
        // The one result that may be a negative error number without an argument having been wrong.
        (Ret::Integer, []) if function.name == "bpf_get_retval" => "int",
        // Counters and clocks are unsigned.
        (Ret::Integer, []) => "__u64",
        (Ret::Integer | Ret::Filled, _) => "long",
        _ => "void *",
    };
    // Printing takes a variable number of arguments, which the table shows as three numbers.
    let args = match function.name {
        "bpf_trace_printk" => "const char *format, __u32 size, ...".to_string(),
        // Linux declares its flags, which must be 0, but has no rule for the register.
        "bpf_get_branch_snapshot" => format!("{args}, __u64 flags"),
        _ => args,
    };
    let _ = write!(out, "\n/* {} (Linux {}.{}) */\n", function.doc, function.since.0, function.since.1);
    let _ = writeln!(out, "SKEP_HELPER({ret}, {}, {}, ({args}));", function.name, function.id);
}

fn argument(index: usize, arg: Arg) -> String {
    match arg {
        Arg::Context => "void *ctx".into(),
        Arg::Map(_) => "void *map".into(),
        Arg::MapKey(_) => "const void *key".into(),
        Arg::MapValue(_) => "const void *value".into(),
        Arg::MapValueOut(_) => "void *value".into(),
        Arg::Memory { access: Access::Read, .. } | Arg::Fixed { access: Access::Read, .. } => {
            format!("const void *mem{index}")
        }
        Arg::Memory { .. } | Arg::Fixed { .. } => format!("void *mem{index}"),
        Arg::Size { .. } => format!("__u32 size{index}"),
        Arg::ConstSize => format!("__u64 size{index}"),
        Arg::Record => "void *record".into(),
        Arg::Anything | Arg::Scalar => format!("__u64 arg{index}"),
        Arg::ConstStr => "const char *str".into(),
        Arg::Object(_) => "void *object".into(),
        Arg::PercpuObject => "const void *variable".into(),
        Arg::Socket | Arg::SockCommon | Arg::AnySock | Arg::ReleasedSock => "void *sk".into(),
        Arg::SpinLock => "struct bpf_spin_lock *lock".into(),
        Arg::Timer => "struct bpf_timer *timer".into(),
        Arg::KptrField => "void *field".into(),
        Arg::KptrObject => "void *object".into(),
        Arg::Dynptr(Dynptr::Uses) => "const struct bpf_dynptr *dynptr".into(),
        Arg::Dynptr(_) => "struct bpf_dynptr *dynptr".into(),
        Arg::Callback(_) => "void *callback".into(),
        Arg::CallbackContext => "void *callback_ctx".into(),
        Arg::OrNull(arg) => argument(index, *arg),
    }
}
