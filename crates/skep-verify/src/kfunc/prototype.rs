//! A kernel function as a call sees it: the table's row, and the prototype in the kernel's types, read once.
//! Source: `get_kfunc_ptr_arg_type`, `is_kfunc_arg_*` of kernel/bpf/verifier.c, Linux 6.18.

use std::rc::Rc;

use skep_abi::{Kfunc, suffix};
use skep_btf::{Btf, Kind as TypeKind, Type, TypeId};

use crate::error::Reason;
use crate::explore::Explorer;
use crate::value::Types;

/// How deep structures of numbers are looked into (`__btf_type_is_scalar_struct`).
const MAX_SCALAR_NESTING: usize = 4;

/// A kernel function, ready to be called.
#[derive(Debug)]
pub(crate) struct Prototype {
    pub(crate) kfunc: &'static Kfunc,
    pub(crate) params: Vec<Param>,
    pub(crate) returns: Returns,
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) takes: Takes,
    /// Whether null will do.
    pub(crate) nullable: bool,
    /// Whether memory may be null, whatever its size.
    pub(crate) optional: bool,
    /// Whether the call makes what it points to.
    pub(crate) uninit: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Takes {
    /// Anything.
    Ignored,
    /// A number; a known one where it must be a constant.
    Number {
        constant: bool,
    },
    /// The size of the memory before it.
    Size {
        constant: bool,
    },
    /// The size of what is returned.
    ResultSize {
        readonly: bool,
    },
    Context,
    Map,
    /// An object that the program allocated.
    Allocated,
    /// The same, counted, and maybe not owned.
    Refcounted,
    Dynptr,
    /// An iterator of this type and size.
    Iterator {
        ty: TypeId,
        size: u32,
    },
    /// The head of a list, or the root of a tree.
    Root {
        tree: bool,
    },
    /// What links an object into one.
    Node {
        tree: bool,
    },
    String,
    Workqueue,
    TaskWork,
    IrqFlags,
    Lock,
    Callback,
    /// An object of this type, a number in memory, or memory whose size is the next argument.
    Pointer {
        /// What it points to.
        to: TypeId,
        /// Whether that is a structure or union.
        composite: bool,
        /// Bytes, if it is made of numbers only.
        bytes: Option<u32>,
        /// Whether the next argument is its size.
        sized: bool,
    },
    /// What no rule is for.
    Unknown,
}

/// What a call returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Returns {
    Nothing,
    Number,
    /// A pointer to nothing that could be followed.
    Opaque,
    Object(TypeId),
    /// Memory of a number or more.
    Memory {
        bytes: u32,
    },
    Unknown,
}

impl Explorer<'_> {
    /// The kernel function that a call names by the index of its symbol.
    pub(crate) fn prototype(&mut self, symbol: i64) -> Result<Rc<Prototype>, Reason> {
        if let Some(known) = self.prototypes.get(&symbol) {
            return Ok(known.clone());
        }
        let name = usize::try_from(symbol).ok().and_then(|index| self.program.kernel_symbols.get(index));
        let name = name.map_or("", |symbol| symbol.name.as_str());
        let Some(kfunc) = Kfunc::by_name(name) else {
            return Err(Reason::Unsupported {
                what: format!("kernel function '{name}', which is not described"),
            });
        };
        let func = self.kernel_type(name, TypeKind::Func)?;
        let prototype = Rc::new(self.read_prototype(kfunc, func).map_err(|error| Reason::BadOperand {
            why: format!("the kernel's type of {name} can't be read: {error}"),
        })?);
        self.prototypes.insert(symbol, prototype.clone());
        Ok(prototype)
    }

    fn read_prototype(&self, kfunc: &'static Kfunc, func: TypeId) -> Result<Prototype, String> {
        let text = |error: skep_btf::BtfError| error.to_string();
        let btf = self.types(Types::Kernel).map_err(|reason| reason.to_string())?;
        let Type::Func(func) = btf.get(func).map_err(text)? else { return Err("no function".to_owned()) };
        let Type::FuncProto(proto) = btf.get(func.proto).map_err(text)? else {
            return Err("no prototype".to_owned());
        };
        let named: Vec<(TypeId, &str)> =
            proto.params.iter().map(|param| (param.ty, btf.name(param.name))).collect();
        let iterator = kfunc.flags.iter().any(|flag| {
            use skep_abi::KfuncFlag::{IterDestroy, IterNew, IterNext};
            matches!(flag, IterNew | IterNext | IterDestroy)
        });
        let param = |index: usize| {
            let (ty, name) = named[index];
            let sized = named
                .get(index + 1)
                .is_some_and(|(_, next)| next.ends_with(suffix::SIZE) || next.ends_with(suffix::CONST_SIZE));
            let iterator = iterator && index == 0 || name.ends_with(suffix::ITERATOR);
            Param {
                takes: self.takes(btf, kfunc, ty, name, sized, iterator),
                nullable: name.ends_with(suffix::NULLABLE),
                optional: name.ends_with(suffix::OPTIONAL),
                uninit: name.ends_with(suffix::UNINITIALISED),
            }
        };
        let params = (0..named.len()).map(param).collect();
        Ok(Prototype { kfunc, params, returns: returns(btf, proto.result) })
    }

    fn takes(&self, btf: &Btf, kfunc: &Kfunc, ty: TypeId, name: &str, sized: bool, iterator: bool) -> Takes {
        let has = |suffix: &str| name.ends_with(suffix);
        if has(suffix::IGNORED) || has(suffix::PROGRAM) {
            return Takes::Ignored;
        }
        let to = match btf.get_resolved(ty) {
            Ok(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)) => {
                return match name {
                    "rdonly_buf_size" => Takes::ResultSize { readonly: true },
                    "rdwr_buf_size" => Takes::ResultSize { readonly: false },
                    _ if has(suffix::CONST_SIZE) => Takes::Size { constant: true },
                    _ if has(suffix::SIZE) => Takes::Size { constant: false },
                    _ => Takes::Number { constant: has(suffix::CONST) },
                };
            }
            Ok(Type::Ptr(to)) => to,
            _ => return Takes::Unknown,
        };
        let Ok(to) = btf.resolve(to) else { return Takes::Unknown };
        let Ok(target) = btf.get(to) else { return Takes::Unknown };
        let composite = matches!(target, Type::Struct(_) | Type::Union(_));
        let structure = if composite { btf.name(target.name()) } else { "" };
        let by_suffix = [
            (suffix::ALLOCATED, Takes::Allocated),
            (suffix::REFCOUNTED, Takes::Refcounted),
            (suffix::STRING, Takes::String),
            (suffix::MAP, Takes::Map),
            (suffix::IRQ_FLAGS, Takes::IrqFlags),
        ];
        let by_structure = [
            ("bpf_dynptr", Takes::Dynptr),
            ("bpf_dynptr_kern", Takes::Dynptr),
            ("bpf_list_head", Takes::Root { tree: false }),
            ("bpf_rb_root", Takes::Root { tree: true }),
            ("bpf_list_node", Takes::Node { tree: false }),
            ("bpf_rb_node", Takes::Node { tree: true }),
            ("bpf_wq", Takes::Workqueue),
            ("bpf_task_work", Takes::TaskWork),
            ("bpf_res_spin_lock", Takes::Lock),
        ];
        if kfunc.name == "bpf_cast_to_kern_ctx" || self.is_context(structure) {
            return Takes::Context;
        }
        if iterator {
            let size = btf.size_of(to).unwrap_or_default();
            return Takes::Iterator { ty: to, size };
        }
        let known = by_suffix.iter().find(|(suffix, _)| has(suffix));
        let known = known.or_else(|| by_structure.iter().find(|(name, _)| *name == structure));
        if let Some((_, takes)) = known {
            return *takes;
        }
        if matches!(target, Type::FuncProto(_)) {
            return Takes::Callback;
        }
        let bytes = is_numbers(btf, to, 0).then(|| btf.size_of(to).ok()).flatten();
        Takes::Pointer { to, composite, bytes, sized }
    }

    /// Whether a structure of this name is what the program is given.
    fn is_context(&self, structure: &str) -> bool {
        let Some(context) = self.context.map(|context| context.name) else { return false };
        let kernel = match context {
            "__sk_buff" => "sk_buff",
            "xdp_md" => "xdp_buff",
            _ => context,
        };
        !structure.is_empty() && (structure == context || structure == kernel)
    }
}

/// What a call returns, by its type.
fn returns(btf: &Btf, ty: TypeId) -> Returns {
    let to = match btf.get_resolved(ty) {
        Ok(Type::Void) => return Returns::Nothing,
        Ok(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)) => return Returns::Number,
        Ok(Type::Ptr(to)) => to,
        _ => return Returns::Unknown,
    };
    let Ok(to) = btf.resolve(to) else { return Returns::Unknown };
    match btf.get(to) {
        Ok(Type::Void) => Returns::Opaque,
        Ok(Type::Struct(_) | Type::Union(_)) => Returns::Object(to),
        _ => btf.size_of(to).map_or(Returns::Unknown, |bytes| Returns::Memory { bytes }),
    }
}

/// Whether a type is a number, or made of numbers only.
pub(crate) fn is_numbers(btf: &Btf, ty: TypeId, nesting: usize) -> bool {
    let is_number = |ty| matches!(btf.get_resolved(ty), Ok(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)));
    let of_numbers = |ty| match btf.get_resolved(ty) {
        Ok(Type::Array(array)) => array.len > 0 && is_number(array.elem),
        _ => is_numbers(btf, ty, nesting + 1),
    };
    match btf.get_resolved(ty) {
        Ok(Type::Struct(composite) | Type::Union(composite)) if nesting < MAX_SCALAR_NESTING => {
            composite.members.iter().all(|member| of_numbers(member.ty))
        }
        _ => is_number(ty),
    }
}
