//! What global functions take, by their types and the tags on their parameters (`arg:ctx`, `arg:nonnull`, …).
//! Reads the program's types only; what a call gives, and what is known in the function, is `global`'s.
//! Source: `btf_prepare_func_args`, `btf_validate_prog_ctx_type` of kernel/bpf/btf.c, Linux 6.18.

use skep_abi::{AttachType, ProgType};
use skep_btf::{Btf, Kind, StrId, Type, TypeId};
use skep_obj::Program;

use crate::level::{Judgement, Judgements};

/// Most parameters of a function (`MAX_BPF_FUNC_REG_ARGS`).
const MAX_PARAMS: usize = 5;

/// What a global function takes in a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    /// A number.
    Number,
    /// The program's context.
    Context,
    /// Memory that it may read and write.
    Memory {
        /// Its bytes.
        size: u32,
        /// Whether it may be null instead.
        nullable: bool,
    },
    /// An object of the kernel's that is alive.
    Trusted {
        /// The name of its structure.
        name: String,
        /// Whether it may be null instead.
        nullable: bool,
    },
    /// What may no longer be there: a structure of the kernel's by name, or memory of any sort.
    Untrusted {
        /// The structure's name.
        name: Option<String>,
    },
    /// A dynptr on the stack.
    Dynptr,
    /// A pointer into the program's arena, as a number or as such.
    Arena,
}

/// The tags on a parameter.
#[derive(Clone, Copy, Default, PartialEq)]
struct Tags {
    context: bool,
    trusted: bool,
    untrusted: bool,
    nonnull: bool,
    nullable: bool,
    arena: bool,
}

/// What a function takes, or why it can't be told.
pub(crate) fn signature(
    program: &Program,
    function: usize,
    judges: Judgements,
) -> Result<Vec<Param>, String> {
    let known = program.btf.as_deref().zip(program.functions[function].btf_id);
    let (btf, id) = known.ok_or("Global functions need valid BTF")?;
    let Ok(Type::Func(func)) = btf.get(id) else {
        return Err("its type is not that of a function".to_owned());
    };
    let Ok(Type::FuncProto(proto)) = btf.get(func.proto) else {
        return Err("its type has no prototype".to_owned());
    };
    if proto.params.len() > MAX_PARAMS {
        return Err(format!("{} parameters, expected at most {MAX_PARAMS}", proto.params.len()));
    }
    if !is_number(btf, proto.result) {
        return Err("Global function doesn't return scalar. Only those are supported.".to_owned());
    }
    let tagged = judges.has(Judgement::ArgumentTags);
    let tags = if tagged { tags(btf, id)? } else { Default::default() };
    let params = proto.params.iter().enumerate();
    params.map(|(index, param)| parameter(program, btf, index, param.ty, tags[index])).collect()
}

/// The tags on the parameters of a function.
fn tags(btf: &Btf, function: TypeId) -> Result<[Tags; MAX_PARAMS], String> {
    let mut found = [Tags::default(); MAX_PARAMS];
    for (_, ty) in btf.types() {
        let Type::DeclTag(tag) = ty else { continue };
        let Some(index) = tag.component.filter(|_| tag.ty == function) else { continue };
        let text = btf.text(tag.name);
        let (Some(text), Some(tags)) = (text.strip_prefix("arg:"), found.get_mut(index as usize)) else {
            continue;
        };
        match text {
            "ctx" => tags.context = true,
            "trusted" => tags.trusted = true,
            "untrusted" => tags.untrusted = true,
            "nonnull" => tags.nonnull = true,
            "nullable" => tags.nullable = true,
            "arena" => tags.arena = true,
            _ => return Err(format!("arg#{index} has unsupported set of tags: {text}")),
        }
    }
    Ok(found)
}

/// What a parameter of this type, with these tags, is.
fn parameter(program: &Program, btf: &Btf, index: usize, ty: TypeId, tags: Tags) -> Result<Param, String> {
    let invalid = || Err(format!("arg#{index} has invalid combination of tags"));
    let Ok(Type::Ptr(target)) = btf.get_resolved(ty) else {
        if tags != Tags::default() {
            return Err(format!("arg#{index} has pointer tag, but is not a pointer type"));
        }
        if is_number(btf, ty) {
            return Ok(Param::Number);
        }
        return Err(format!("arg#{index} of type {} is not supported", btf.type_name(ty)));
    };
    if tags.context || is_context(program, btf, target) {
        if tags != (Tags { context: tags.context, ..Tags::default() }) {
            return invalid();
        }
        if tags.context && !may_be_context(program, btf, target) {
            return Err(format!("arg#{index}: {} is not the context", btf.type_name(ty)));
        }
        return Ok(Param::Context);
    }
    let name = structure(btf, target);
    if name.as_deref() == Some("bpf_dynptr") {
        return if tags == Tags::default() { Ok(Param::Dynptr) } else { invalid() };
    }
    if tags.trusted {
        let Some(name) = name.filter(|_| !tags.nonnull && !tags.untrusted && !tags.arena) else {
            return invalid();
        };
        return Ok(Param::Trusted { name, nullable: tags.nullable });
    }
    if tags.untrusted {
        let alone = tags == (Tags { untrusted: true, ..Tags::default() });
        return if alone { Ok(Param::Untrusted { name }) } else { invalid() };
    }
    if tags.arena {
        let alone = tags == (Tags { arena: true, ..Tags::default() });
        return if alone { Ok(Param::Arena) } else { invalid() };
    }
    match btf.size_of(target) {
        Ok(size) => Ok(Param::Memory { size, nullable: !tags.nonnull }),
        Err(_) => {
            let name = btf.type_name(target);
            Err(format!("arg#{index} reference type('{name}') size cannot be determined"))
        }
    }
}

/// Whether the type is an integer or an enumeration.
fn is_number(btf: &Btf, ty: TypeId) -> bool {
    matches!(btf.get_resolved(ty), Ok(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)))
}

/// The name of a structure or union, without the flavour that CO-RE lets programs add (`task_struct___old`).
fn structure(btf: &Btf, ty: TypeId) -> Option<String> {
    let named = |name: StrId| {
        let name = btf.text(name);
        let plain = name.rsplit_once("___").filter(|(plain, _)| !plain.is_empty());
        plain.map_or(&*name, |(plain, _)| plain).to_owned()
    };
    match btf.get_resolved(ty).ok()? {
        Type::Struct(composite) | Type::Union(composite) => Some(named(composite.name)),
        Type::Fwd(fwd) => Some(named(fwd.name)),
        _ => None,
    }
}

/// Whether a pointer to the type is the context of programs of this kind, by its name.
fn is_context(program: &Program, btf: &Btf, target: TypeId) -> bool {
    if program.prog_type == ProgType::Kprobe && has_typedef(btf, target, "bpf_user_pt_regs_t") {
        return true;
    }
    let is_structure = matches!(btf.get_resolved(target), Ok(ty) if ty.kind() == Kind::Struct);
    let name = structure(btf, target).filter(|_| is_structure).unwrap_or_default();
    // Programs may declare the name that Linux has for the registers as a structure, too.
    context_name(program.prog_type) == Some(&name)
        || program.prog_type == ProgType::Kprobe && name == "bpf_user_pt_regs_t"
}

/// The name of the structure that programs of this kind are given, if it has one.
fn context_name(kind: ProgType) -> Option<&'static str> {
    let kind = if kind == ProgType::RawTracepointWritable { ProgType::RawTracepoint } else { kind };
    kind.context().map(|context| context.name).filter(|name| !name.is_empty())
}

/// Whether a pointer to the type may be tagged as the context.
fn may_be_context(program: &Program, btf: &Btf, target: TypeId) -> bool {
    let kind = program.prog_type;
    if matches!(kind, ProgType::Kprobe | ProgType::PerfEvent)
        && has_typedef(btf, target, "bpf_user_pt_regs_t")
    {
        return true;
    }
    let Ok(ty) = btf.get_resolved(target) else { return false };
    let is_u64 = matches!(ty, Type::Int(int) if int.size == 8);
    let name = structure(btf, target).unwrap_or_default();
    match ty {
        Type::Void => return true,
        Type::Struct(_) | Type::Int(_) => {}
        _ => return false,
    }
    match kind {
        ProgType::Tracepoint | ProgType::Syscall | ProgType::Ext => true,
        ProgType::Kprobe | ProgType::PerfEvent if name == "pt_regs" => true,
        ProgType::RawTracepoint | ProgType::RawTracepointWritable if is_u64 => true,
        ProgType::Tracing => match program.attach_type {
            AttachType::TRACE_RAW_TP => is_u64 || name == "bpf_raw_tracepoint_args",
            AttachType::TRACE_ITER => name.starts_with("bpf_iter__"),
            _ => is_u64,
        },
        ProgType::Lsm | ProgType::StructOps => is_u64,
        _ => context_name(kind) == Some(&name),
    }
}

/// Whether a typedef of this name stands before the type, qualifiers aside.
fn has_typedef(btf: &Btf, mut ty: TypeId, name: &str) -> bool {
    // As deep as names and qualifiers may be nested anywhere.
    for _ in 0..32 {
        ty = match btf.get(ty) {
            Ok(Type::Typedef(named)) if btf.text(named.name) == name => return true,
            Ok(Type::Typedef(named)) => named.ty,
            Ok(Type::Const(ty) | Type::Volatile(ty) | Type::Restrict(ty)) => ty,
            _ => return false,
        };
    }
    false
}
