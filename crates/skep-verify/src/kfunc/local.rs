//! Objects of the program's own, and the lists and trees that they can be in. What the program allocates it owns: it
//! must give it back, or put it into a list or tree under that one's lock; then it may still look at it, until the lock
//! is given back.
//! Source: `check_special_kfunc`, `__process_kf_arg_ptr_to_graph_root`, `__process_kf_arg_ptr_to_graph_node`,
//! `ref_convert_owning_non_owning` of kernel/bpf/verifier.c, Linux 6.18.

use std::rc::Rc;

use skep_btf::{Type, TypeId};
use skep_isa::Reg;

use super::arguments::Given;
use super::prototype::is_numbers;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::field::{Field, FieldKind, Record};
use crate::object::stands_for;
use crate::state::{Hold, LockOwner, State};
use crate::value::{Flags, Kind, Types, Value};

/// Largest object of which each CPU can have its own (`BPF_GLOBAL_PERCPU_MA_MAX_SIZE`).
const PERCPU_MAX_SIZE: u32 = 512;

fn root_name(tree: bool) -> &'static str {
    if tree { "bpf_rb_root" } else { "bpf_list_head" }
}

fn refuse<T>(reg: Reg, what: String) -> Result<T, Reason> {
    Err(Reason::Forbidden { register: reg.0, what })
}

impl Explorer<'_> {
    /// The special fields of a type of objects; the kernel's have none that programs could touch.
    pub(crate) fn special_fields(&mut self, types: Types, ty: TypeId) -> Result<Rc<Record>, Reason> {
        if types == Types::Kernel {
            return Ok(Rc::default());
        }
        if let Some(known) = self.object_records.get(&ty) {
            return Ok(known.clone());
        }
        let record = Record::of_type(self.types(types)?, ty).map_err(|error| Reason::BadOperand {
            why: format!("objects of type {} can't be: {error}", self.type_name(types, ty)),
        })?;
        let record = Rc::new(record);
        self.object_records.insert(ty, record.clone());
        Ok(record)
    }

    /// The special fields of what a value points to: an object, or a map's value.
    fn fields_behind(&mut self, value: &Value) -> Result<Rc<Record>, Reason> {
        match value.kind {
            Kind::Object { types, ty } => self.special_fields(types, ty),
            _ => Ok(self.record_of(value).unwrap_or_default()),
        }
    }

    /// A new object of a type of the program's, or one for each CPU.
    pub(crate) fn new_object(&mut self, percpu: bool, id: u64) -> Result<Value, Reason> {
        let Ok(id) = u32::try_from(id) else {
            return refuse(Reg::R1, "local type ID argument must be in range [0, U32_MAX]".to_owned());
        };
        let Some(btf) = self.program.btf.as_deref() else {
            return refuse(Reg::R1, "bpf_obj_new/bpf_percpu_obj_new requires prog BTF".to_owned());
        };
        let ty = TypeId(id);
        let Ok(Type::Struct(composite)) = btf.get(ty) else {
            let what = "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct";
            return refuse(Reg::R1, what.to_owned());
        };
        if !percpu {
            self.special_fields(Types::Program, ty)?;
            return Ok(Value::object(Types::Program, ty, Flags::ALLOC));
        }
        if composite.size > PERCPU_MAX_SIZE {
            let what = format!(
                "bpf_percpu_obj_new type size ({}) is greater than {PERCPU_MAX_SIZE}",
                composite.size
            );
            return refuse(Reg::R1, what);
        }
        if !is_numbers(btf, ty, 0) {
            let what = "bpf_percpu_obj_new type ID argument must be of a struct of scalars";
            return refuse(Reg::R1, what.to_owned());
        }
        if !self.special_fields(Types::Program, ty)?.fields.is_empty() {
            let what = "bpf_percpu_obj_new type ID argument must not contain special fields";
            return refuse(Reg::R1, what.to_owned());
        }
        Ok(Value::object(Types::Program, ty, Flags::ALLOC.with(Flags::PERCPU)))
    }

    /// An object that is given back.
    pub(crate) fn allocated_argument(
        &mut self,
        name: &str,
        reg: Reg,
        value: &Value,
        given: &mut Given,
    ) -> Result<(), Reason> {
        let number = reg.0 - 1;
        let Kind::Object { ty, .. } = value.kind else {
            return refuse(reg, format!("arg#{number} expected pointer to allocated object"));
        };
        let expected = match value.flags {
            _ if value.nullable => "",
            flags if flags == Flags::ALLOC => "bpf_obj_drop_impl",
            flags if flags == Flags::ALLOC.with(Flags::PERCPU) => "bpf_percpu_obj_drop_impl",
            _ => "",
        };
        if expected.is_empty() {
            let found = self.describe(value);
            return refuse(reg, format!("arg#{number} expected pointer to allocated object, found {found}"));
        }
        if name != expected {
            return refuse(reg, format!("arg#{number} expected for {expected}()"));
        }
        owned(reg, value)?;
        given.object = Some(ty);
        Ok(())
    }

    /// An object with a reference count, owned or not.
    pub(crate) fn refcounted_argument(
        &mut self,
        reg: Reg,
        value: &Value,
        given: &mut Given,
    ) -> Result<(), Reason> {
        let number = reg.0 - 1;
        let Kind::Object { types: Types::Program, ty } = value.kind else {
            return refuse(reg, format!("arg#{number} is neither owning or non-owning ref"));
        };
        if !value.flags.has(Flags::ALLOC) || value.nullable || value.flags.has(Flags::UNTRUSTED) {
            return refuse(reg, format!("arg#{number} is neither owning or non-owning ref"));
        }
        if self.special_fields(Types::Program, ty)?.find(FieldKind::Refcount).is_none() {
            return refuse(reg, format!("arg#{number} doesn't point to a type with bpf_refcount field"));
        }
        given.owning = !value.flags.has(Flags::NON_OWNING);
        given.object = Some(ty);
        Ok(())
    }

    /// The head of a list or the root of a tree, whose lock must be held.
    pub(crate) fn root_argument(
        &mut self,
        reg: Reg,
        value: &Value,
        tree: bool,
        given: &mut Given,
        state: &State,
    ) -> Result<(), Reason> {
        let number = reg.0 - 1;
        let owner = match value.kind {
            Kind::MapValue { map } if !value.nullable => LockOwner::Map(map),
            Kind::Object { types: Types::Program, .. } if value.flags == Flags::ALLOC && !value.nullable => {
                owned(reg, value)?;
                LockOwner::Object
            }
            _ => {
                return refuse(
                    reg,
                    format!("arg#{number} expected pointer to map value or allocated object"),
                );
            }
        };
        let name = root_name(tree);
        let Some(moved) = value.num.as_constant() else {
            let what =
                format!("R{} doesn't have constant offset. {name} has to be at the constant offset", reg.0);
            return refuse(reg, what);
        };
        let off = i64::from(value.off) + moved as i64;
        let record = self.fields_behind(value)?;
        let field = record.at(off).map(|field| field.kind);
        let Some(FieldKind::Root { holds, node, .. }) =
            field.filter(|kind| matches!(kind, FieldKind::Root { tree: found, .. } if *found == tree))
        else {
            return refuse(reg, format!("{name} not found at offset={off}"));
        };
        if !state.is_locked() {
            let lock = record.lock().map_or(0, |lock: &Field| lock.off);
            return refuse(reg, format!("bpf_spin_lock at off={lock} must be held for {name}"));
        }
        let same = |held: &crate::state::Held| {
            held.id == value.id && matches!(held.what, Hold::Lock { owner: other, .. } if other == owner)
        };
        if !state.held.iter().any(same) {
            return refuse(reg, "held lock and object are not in the same allocation".to_owned());
        }
        given.root = Some((holds, node));
        Ok(())
    }

    /// The node of an object that goes into a list or tree, or is in one.
    pub(crate) fn node_argument(
        &mut self,
        name: &str,
        reg: Reg,
        value: &Value,
        tree: bool,
        given: &mut Given,
        state: &State,
    ) -> Result<(), Reason> {
        let number = reg.0 - 1;
        let inserted = given.inserts;
        let Kind::Object { types: Types::Program, ty } = value.kind else {
            return refuse(reg, format!("arg#{number} expected pointer to allocated object"));
        };
        if inserted {
            if value.flags != Flags::ALLOC || value.nullable {
                return refuse(reg, format!("arg#{number} expected pointer to allocated object"));
            }
            owned(reg, value)?;
        } else {
            if !value.flags.has(Flags::NON_OWNING) && value.acquired == 0 || value.nullable {
                let what = format!("{name} can only take non-owning or refcounted bpf_rb_node pointer");
                return refuse(reg, what);
            }
            if state.in_tree_callback() {
                return refuse(reg, format!("{name} not allowed in rbtree cb"));
            }
        }
        let node = if tree { "bpf_rb_node" } else { "bpf_list_node" };
        let off = i64::from(value.off);
        let field = self.special_fields(Types::Program, ty)?.at(off).map(|field| field.kind);
        if field != Some(FieldKind::Node { tree }) {
            return refuse(reg, format!("{node} not found at offset={off}"));
        }
        let Some((holds, expected)) = given.root else { return Ok(()) };
        let btf = self.types(Types::Program)?;
        if !stands_for((btf, ty, 0), (btf, holds), true) {
            let (holds, found) = (self.type_name(Types::Program, holds), self.type_name(Types::Program, ty));
            let root = root_name(tree);
            let what = format!(
                "operation on {root} expects arg#1 {node} at offset={expected} in struct {holds}, but arg is at \
                 offset={off} in struct {found}"
            );
            return refuse(reg, what);
        }
        if off != i64::from(expected) {
            let holds = self.type_name(Types::Program, holds);
            return refuse(
                reg,
                format!("arg#1 offset={off}, but expected {node} at offset={expected} in struct {holds}"),
            );
        }
        given.object = Some(ty);
        Ok(())
    }

    /// An object that went into a list or tree is that one's: the program may look at it while the lock is held.
    pub(crate) fn insert_into_root(&mut self, given: &Given, state: &mut State) -> Result<(), Reason> {
        let acquired = state.reg(Reg::R2).acquired;
        let counted = match given.object {
            Some(ty) => self.special_fields(Types::Program, ty)?.find(FieldKind::Refcount).is_some(),
            None => false,
        };
        let flags = if counted { Flags::NON_OWNING.with(Flags::RCU) } else { Flags::NON_OWNING };
        state.change(
            |v| acquired != 0 && v.acquired == acquired,
            |v| {
                v.acquired = 0;
                v.flags = v.flags.with(flags);
            },
        );
        state.release(acquired);
        Ok(())
    }

    /// How far an object can be relied on that a list or tree owns.
    pub(crate) fn non_owning_flags(&mut self, value: &Value) -> Flags {
        let Kind::Object { types, ty } = value.kind else { return Flags::NON_OWNING };
        let record = self.special_fields(types, ty);
        if record.is_ok_and(|record| record.find(FieldKind::Refcount).is_some()) {
            Flags::NON_OWNING.with(Flags::RCU)
        } else {
            Flags::NON_OWNING
        }
    }
}

/// Checks that the program owns an object.
fn owned(reg: Reg, value: &Value) -> Result<(), Reason> {
    if value.acquired == 0 {
        return refuse(reg, "allocated object must be referenced".to_owned());
    }
    Ok(())
}
