//! What a program can know of its kernel: the types in the kernel's BTF, by name. Programs that need none don't pay.
//!
//! A function or variable that a program names is looked up in `kfunc` and `object`; here is only what those, helpers
//! and contexts ask for.
//! Source: `bpf_get_btf_vmlinux`, `btf_find_by_name_kind` of kernel/bpf/btf.c, Linux 6.18.

use std::collections::BTreeSet;

use skep_abi::{Arg, Function, FunctionTable, Ret};
use skep_btf::{Btf, BtfBuilder, Kind as TypeKind, Type, TypeId};
use skep_isa::Insn;
use skep_obj::Program;

use crate::error::Reason;
use crate::explore::Explorer;
use crate::value::{Flags, Kind, Types, Value};

/// The kernel's function that a call names.
pub(crate) fn kernel_function(program: &Program, call: &Insn) -> Option<&'static Function> {
    program.kernel_symbol(call.imm).and_then(|symbol| Function::kernel(&symbol.name))
}

/// The types of the objects that an application's own functions work on: they have a name, and nothing in them.
pub(crate) fn own_types(functions: &FunctionTable) -> Option<Btf> {
    let mut names = BTreeSet::new();
    for function in functions.iter() {
        for arg in function.args {
            if let Arg::Object(objects) | Arg::OrNull(Arg::Object(objects)) = arg {
                names.extend(objects.iter().copied());
            }
        }
        if let Ret::Object(name) | Ret::ObjectOrNull(name) = function.ret {
            names.insert(name);
        }
    }
    let mut types = BtfBuilder::new();
    for name in &names {
        types.structure(name, 0, &[]);
    }
    if names.is_empty() { None } else { types.finish().ok() }
}

impl<'a> Explorer<'a> {
    /// The kernel's types, or those of the program.
    pub(crate) fn types(&self, types: Types) -> Result<&'a Btf, Reason> {
        match types {
            Types::Kernel => self.kernel.ok_or(Reason::NoKernelTypes),
            Types::Program => {
                let none =
                    || Reason::Unsupported { what: "types of the program: it carries none".to_owned() };
                self.program.btf.as_deref().ok_or_else(none)
            }
        }
    }

    /// A structure of the kernel's by name.
    pub(crate) fn kernel_struct(&self, name: &str) -> Result<TypeId, Reason> {
        self.kernel_type(name, TypeKind::Struct)
    }

    /// A type of the kernel's by name and kind.
    pub(crate) fn kernel_type(&self, name: &str, kind: TypeKind) -> Result<TypeId, Reason> {
        self.types(Types::Kernel)?
            .find(name, kind)
            .ok_or_else(|| Reason::Unsupported { what: format!("{name}, which the kernel has not") })
    }

    /// A pointer to a structure of the kernel's by name.
    pub(crate) fn kernel_object(&self, name: &str, flags: Flags) -> Result<Value, Reason> {
        Ok(Value::object(Types::Kernel, self.kernel_struct(name)?, flags))
    }

    /// Whether the value points to this structure of the kernel's.
    pub(crate) fn is_kernel_object(&self, value: &Value, name: &str) -> bool {
        let Kind::Object { types: Types::Kernel, ty } = value.kind else { return false };
        self.type_name(Types::Kernel, ty) == name
    }

    /// The name of a type; empty where it has none.
    pub(crate) fn type_name(&self, types: Types, ty: TypeId) -> &'a str {
        let Ok(btf) = self.types(types) else { return "" };
        btf.get(ty).map_or("", |found: Type<'_>| btf.name(found.name()))
    }

    /// The value in the words of Linux's log, its type's name included: `trusted_ptr_task_struct(id=1)`.
    pub(crate) fn describe(&self, value: &Value) -> String {
        let text = value.to_string();
        let Kind::Object { types, ty } = value.kind else { return text };
        text.replacen('(', &format!("{}(", self.type_name(types, ty)), 1)
    }
}
