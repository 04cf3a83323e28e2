//! A function that is called by its name, as a call sees it: its row, with the types of the kernel that the row names
//! looked up once.
//! Source: `get_kfunc_ptr_arg_type` of kernel/bpf/verifier.c, Linux 6.18.

use std::rc::Rc;

use skep_abi::{Arg, Function, Ret};
use skep_btf::{Btf, Kind as TypeKind, Type, TypeId};

use crate::error::Reason;
use crate::explore::Explorer;
use crate::value::Types;

/// How deep structures of numbers are looked into (`__btf_type_is_scalar_struct`).
const MAX_SCALAR_NESTING: usize = 4;

/// A function, ready to be called.
#[derive(Debug)]
pub(crate) struct Prototype {
    pub(crate) function: &'static Function,
    pub(crate) params: Vec<Param>,
    /// The type of the object that it returns, if it is of one type.
    pub(crate) returns: Option<TypeId>,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// What it takes, if not null.
    pub(crate) arg: Arg,
    /// Whether null will do.
    pub(crate) nullable: bool,
    /// The type of the object or iterator that it takes.
    pub(crate) object: Option<ObjectType>,
}

/// A type of the kernel's that a parameter takes a pointer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectType {
    pub(crate) id: TypeId,
    /// Bytes, if it is made of numbers only: any memory of as many bytes will do then.
    pub(crate) bytes: Option<u32>,
}

impl Explorer<'_> {
    /// The function that a call names by the index of its symbol.
    pub(crate) fn prototype(&mut self, symbol: i64) -> Result<Rc<Prototype>, Reason> {
        if let Some(known) = self.prototypes.get(&symbol) {
            return Ok(known.clone());
        }
        let name = self.program.kernel_symbol(symbol).map_or("", |symbol| symbol.name.as_str());
        let own = self.options.functions.get(name);
        let Some(function) = own.or_else(|| Function::kernel(name)) else {
            return Err(Reason::Unsupported {
                what: format!("kernel function '{name}', which is not described"),
            });
        };
        if own.is_none() && self.options.kernel.is_some() {
            self.kernel_type(name, TypeKind::Func)?;
        }
        let mut params = Vec::with_capacity(function.args.len());
        for arg in function.args {
            let (arg, nullable) = match *arg {
                Arg::OrNull(arg) => (*arg, true),
                Arg::Memory { nullable, .. } => (*arg, nullable),
                arg => (arg, false),
            };
            params.push(Param { arg, nullable, object: self.object_type_of(arg)? });
        }
        let returns = match function.ret {
            Ret::Object(name)
            | Ret::ObjectOrNull(name)
            | Ret::TrustedObject(name)
            | Ret::DoubtfulObjectOrNull(name) => Some(self.kernel_struct(name)?),
            _ => None,
        };
        let prototype = Rc::new(Prototype { function, params, returns });
        self.prototypes.insert(symbol, prototype.clone());
        Ok(prototype)
    }

    /// The type of the object that an argument is.
    fn object_type_of(&self, arg: Arg) -> Result<Option<ObjectType>, Reason> {
        let name = match arg {
            Arg::ContextOf(name) if self.context.is_some_and(|context| context.name == name) => {
                return Ok(None);
            }
            Arg::Object(&[name, ..]) | Arg::ContextOf(name) | Arg::Iterator { name, .. } => name,
            _ => return Ok(None),
        };
        let id = self.kernel_struct(name)?;
        let btf = self.types(Types::Kernel)?;
        let bytes = is_numbers(btf, id, 0).then(|| btf.size_of(id).ok()).flatten();
        // What has nothing in it is not made of numbers: it is not shown.
        let bytes = bytes.filter(|bytes| *bytes > 0);
        Ok(Some(ObjectType { id, bytes }))
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
