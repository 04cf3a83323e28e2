//! What Linux says of its functions in notations of its own, held against the rows: types of a kernel with endings on the
//! names of parameters, flags, declarations of libbpf.
//!
//! Nothing is read here; whoever has a kernel's types or a header hands its words over.
//! Source: Documentation/bpf/kfuncs.rst, `KF_*` of include/linux/btf.h, Linux 6.18.

use crate::{Arg, Dynptr, Effect, Function, Ret, Step};

/// Whether a kind says the same as an ending.
type Fits = fn(&Arg) -> bool;

/// Endings of parameters' names, which say what a kernel function takes where its C type doesn't, with the kinds that say
/// the same; the longer of two that end alike comes first.
const ENDINGS: &[(&str, Fits)] = &[
    ("__szk", |arg| *arg == Arg::ConstSize),
    ("__sz", |arg| matches!(arg, Arg::Size { .. })),
    ("__k", |arg| *arg == Arg::Constant),
    ("__ign", |arg| *arg == Arg::Ignored),
    ("__prog", |arg| *arg == Arg::Implicit),
    ("__map", |arg| matches!(arg, Arg::Map(_))),
    ("__alloc", |arg| *arg == Arg::Allocated),
    ("__refcounted_kptr", |arg| *arg == Arg::Refcounted),
    (
        "__uninit",
        |arg| matches!(arg, Arg::Dynptr(made) if !matches!(made, Dynptr::Uses | Dynptr::ReleasesRecord)),
    ),
    ("__nullable", |arg| matches!(arg, Arg::OrNull(_))),
    ("__opt", |arg| matches!(arg, Arg::Memory { nullable: true, .. })),
    ("__str", |arg| *arg == Arg::ConstStr),
    ("__irq_flag", |arg| matches!(arg, Arg::IrqFlags(_))),
    ("__iter", |arg| matches!(arg, Arg::Iterator { .. })),
];

/// What endings of sizes begin with.
const SIZE: &str = "__sz";

/// Kinds that nothing but an ending announces.
fn needs_ending(arg: &Arg) -> bool {
    ENDINGS.iter().any(|(_, fits)| fits(arg)) && !matches!(arg, Arg::Iterator { .. } | Arg::Ignored)
}

/// In what a row differs from a function of a kernel with this result and these parameters, each the text of its C type
/// and its name. Empty if they say the same.
pub fn disagreements(row: &Function, result: &str, params: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    if uapi(result) != row.prototype.result {
        found.push(format!("returns `{}`, not `{}`", uapi(result), row.prototype.result));
    }
    if params.len() != row.args.len() {
        found.push(format!("has {} parameters, not {}", params.len(), row.args.len()));
        return found;
    }
    for ((arg, declared), (ty, name)) in row.args.iter().zip(row.prototype.params).zip(params) {
        let ending = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
        let bare = ending.map_or(*name, |(ending, _)| name.strip_suffix(ending).unwrap_or(name));
        // How types of functions are spelled tells nothing.
        let is_function = declared.contains("(*");
        // Without its ending a size has the name of its memory.
        let is_size = ending.is_some_and(|(ending, _)| ending.starts_with(SIZE));
        let expected = join(&uapi(ty), &if is_size { format!("{bare}_size") } else { bare.to_owned() });
        if !is_function && *declared != expected {
            found.push(format!("`{declared}` is `{expected}`"));
        }
        match ending {
            Some((ending, fits)) if !fits(arg) => {
                found.push(format!("`{declared}` has the ending {ending}: {arg}"));
            }
            None if needs_ending(arg) => found.push(format!("`{declared}` has no ending: {arg}")),
            _ => {}
        }
    }
    found
}

/// A row's effects as a kernel's flags for functions (`KF_*`), in their order.
pub fn kernel_flags(row: &Function) -> Vec<&'static str> {
    let step =
        |step: Step| row.args.iter().any(|arg| matches!(arg, Arg::Iterator { step: s, .. } if *s == step));
    // A lock that may not be to be had says so in a number.
    let may_fail = matches!(row.args.first(), Some(Arg::ResilientLock(lock)) if lock.takes);
    // The type of these tells nothing of their being null.
    let is_nullable = row.ret.is_nullable() || may_fail && row.ret == Ret::Integer;
    let flags = [
        (row.has(Effect::Acquires), "KF_ACQUIRE"),
        (row.has(Effect::Releases), "KF_RELEASE"),
        (is_nullable, "KF_RET_NULL"),
        (row.has(Effect::TrustedObjects), "KF_TRUSTED_ARGS"),
        (row.has(Effect::Sleeps), "KF_SLEEPABLE"),
        (row.has(Effect::Destructive), "KF_DESTRUCTIVE"),
        (row.has(Effect::RcuObjects), "KF_RCU"),
        (step(Step::Begins), "KF_ITER_NEW"),
        (step(Step::Steps), "KF_ITER_NEXT"),
        (step(Step::Ends), "KF_ITER_DESTROY"),
        (row.has(Effect::NeedsRcu), "KF_RCU_PROTECTED"),
        (row.has(Effect::Fastcall), "KF_FASTCALL"),
    ];
    flags.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
}

/// A type's text with the UAPI's names of integers and their common spelling.
fn uapi(ty: &str) -> String {
    let ty = ty.replace("__attr(address_space(1)) ", "");
    let ty = ty.replace("long unsigned int", "unsigned long").replace("short int", "short");
    let ty = ty.replace("long int", "long").replace('*', " * ");
    let words = ty.split_whitespace().map(|word| match word {
        "u8" => "__u8",
        "u16" => "__u16",
        "u32" => "__u32",
        "u64" | "size_t" => "__u64",
        "s8" => "__s8",
        "s16" => "__s16",
        "s32" => "__s32",
        "s64" => "__s64",
        "bool" => "_Bool",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A declaration of a name.
fn join(ty: &str, name: &str) -> String {
    if ty.ends_with('*') { format!("{ty}{name}") } else { format!("{ty} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found() {
        let row = Function::kernel("bpf_cgroup_ancestor").expect("a row");
        let right = [("struct cgroup *", "cgrp"), ("int", "level")];
        assert_eq!(disagreements(row, "struct cgroup *", &right), Vec::<String>::new());
        assert_eq!(disagreements(row, "struct cgroup *", &right[..1]), ["has 1 parameters, not 2"]);
        let other = [("struct cgroup *", "cgrp__nullable"), ("u32", "level__k")];
        let found = disagreements(row, "void *", &other);
        assert_eq!(found.len(), 4, "{found:?}");
        let slice = Function::kernel("bpf_dynptr_slice").expect("a row");
        let params = [
            ("const struct bpf_dynptr *", "p"),
            ("u32", "offset"),
            ("void *", "buffer"),
            ("u32", "buffer__szk"),
        ];
        let found = disagreements(slice, "void *", &params);
        assert!(found.len() == 1 && found[0].contains("has no ending"), "{found:?}");
    }

    #[test]
    fn effects_are_flags() {
        let flags = |name: &str| kernel_flags(Function::kernel(name).expect("a row"));
        assert_eq!(flags("bpf_iter_task_next"), ["KF_RET_NULL", "KF_ITER_NEXT"]);
        assert_eq!(flags("bpf_task_acquire"), ["KF_ACQUIRE", "KF_RET_NULL", "KF_RCU"]);
        assert_eq!(flags("bpf_res_spin_lock"), ["KF_RET_NULL"]);
    }
}
