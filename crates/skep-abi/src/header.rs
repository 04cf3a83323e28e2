//! The C headers that are printed from the tables: contexts, map kinds, functions. `skep.h` includes them.
//!
//! They need nothing but a compiler: no kernel headers, no libbpf. Names are those of the UAPI and of libbpf's
//! headers, so that a program written against those compiles against these, as far as the tables go.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::context::{CONTEXTS, Context, Field, FieldKind};
use crate::function::{Arg, Function, HELPERS, kernel_functions};
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
    types(&mut out, HELPERS.into_iter());
    for function in HELPERS {
        declaration(&mut out, function, "");
    }
    out.push_str("\n#endif\n");
    out
}

/// The header of the kernel's functions that programs call by name (`skep/kfuncs.h`). Empty beside a `vmlinux.h` or the
/// kernel's own header: the one says the same, the other some of the types.
///
/// ```
/// let header = skep_abi::c_kernel_functions();
/// assert!(header.contains("extern struct task_struct *bpf_task_from_pid(__s32 pid) __weak __ksym;"));
/// ```
pub fn c_kernel_functions() -> String {
    let mut out = String::from(PRINTED);
    out.push_str("#if !defined(SKEP_KFUNCS_H) && !defined(__VMLINUX_H__) && !defined(__LINUX_BPF_H__)\n");
    out.push_str("#define SKEP_KFUNCS_H\n\n#include <skep/macros.h>\n");
    types(&mut out, kernel_functions());
    for function in kernel_functions() {
        declaration(&mut out, function, "__weak __ksym");
    }
    out.push_str("\n#endif\n");
    out
}

/// A header of an application's own functions, to be included after `skep.h`: what they look like to a program. `guard`
/// is the name that keeps it from being included twice.
pub fn c_declarations<'f>(guard: &str, functions: impl IntoIterator<Item = &'f Function>) -> String {
    let functions: Vec<&Function> = functions.into_iter().collect();
    let mut out =
        format!("/* Printed from a table of functions; do not edit. */\n#ifndef {guard}\n#define {guard}\n");
    types(&mut out, functions.iter().copied());
    for function in functions {
        declaration(&mut out, function, "__ksym");
    }
    out.push_str("\n#endif\n");
    out
}

/// What printed headers start with.
const PRINTED: &str = "/* Printed from the tables of skep; do not edit. */\n";

/// How a compiler is told that a name is a call of a number.
const CALLS: &str = "\
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

/// The types that functions name: iterators by their sizes, other structures by name, enumerations with nothing but a
/// zero, so that they can be passed.
fn types<'f>(out: &mut String, functions: impl Iterator<Item = &'f Function>) {
    let mut iterators = BTreeSet::new();
    let (mut structures, mut enums) = (BTreeSet::new(), BTreeSet::new());
    for function in functions {
        for text in function.prototype.params.iter().chain([&function.prototype.result]) {
            named(text, "struct", &mut structures);
            named(text, "union", &mut structures);
            named(text, "enum", &mut enums);
        }
        iterators.extend(function.args.iter().filter_map(|arg| match arg {
            Arg::Iterator { name, bytes, .. } => Some((*name, *bytes)),
            _ => None,
        }));
    }
    out.push_str("\n/* What functions take and return. */\n");
    for (name, bytes) in &iterators {
        let size = bytes / 8;
        let _ = writeln!(out, "struct {name} {{ __u64 __opaque[{size}]; }} __attribute__((aligned(8)));");
        structures.remove(&("struct", *name));
    }
    for (keyword, name) in structures {
        let _ = writeln!(out, "{keyword} {name};");
    }
    for (_, name) in enums {
        let _ = writeln!(out, "enum {name} {{ {name}__zero }};");
    }
}

/// The types that a declaration names by this keyword.
fn named<'t>(text: &'t str, keyword: &'static str, found: &mut BTreeSet<(&'static str, &'t str)>) {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word == keyword {
            found.extend(words.next().map(|name| (keyword, name)));
        }
    }
}

/// A helper is called by its number; other functions are symbols that whoever loads the program finds by name.
fn declaration(out: &mut String, function: &Function, attributes: &str) {
    let since = match function.since {
        (0, _) => String::new(),
        (major, minor) => format!(" (Linux {major}.{minor})"),
    };
    let _ = writeln!(out, "\n/* {}{since} */", function.doc);
    let _ = match function.id {
        Some(id) => writeln!(
            out,
            "SKEP_HELPER({}, {}, {id}, ({}));",
            function.prototype.result,
            function.name,
            function.params()
        ),
        None => writeln!(out, "extern {} {attributes};", function.declaration()),
    };
}
