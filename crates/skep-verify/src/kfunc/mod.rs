//! Calls of the kernel's functions: who may make them, what they need of the sections that the program is in, what they
//! leave behind.
//!
//! - `prototype`: what a function takes and returns, from the kernel's types;
//! - `arguments`: what it is given;
//! - `local`: objects of the program's own, their lists and trees.
//!
//! Source: `check_kfunc_call`, `check_special_kfunc` of kernel/bpf/verifier.c, Linux 6.18.

mod arguments;
mod irq;
mod local;
mod prototype;
mod special;

use skep_abi::KfuncFlag;
use skep_btf::{Kind as TypeKind, Type, TypeId};
use skep_isa::Reg;

use self::arguments::Given;
pub(crate) use self::prototype::Prototype;
use self::prototype::Returns;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::iter::element_flags;
use crate::stack::Byte;
use crate::state::{Held, Hold, State};
use crate::value::{Flags, Kind, Types, Value};

/// Calls that may be made while a lock is held, beside those of lists and trees.
const UNDER_LOCK: &[&str] = &[
    "bpf_iter_num_new",
    "bpf_iter_num_next",
    "bpf_iter_num_destroy",
    "bpf_refcount_acquire_impl",
    "bpf_res_spin_lock",
    "bpf_res_spin_unlock",
    "bpf_res_spin_lock_irqsave",
    "bpf_res_spin_unlock_irqrestore",
    "bpf_stream_vprintk_impl",
];

/// The greatest error number, negated: what a call that fails returns at least (`MAX_ERRNO`).
const MAX_ERRNO: i64 = 4095;

/// The kernel's structure behind a context, by the program's (include/linux/bpf_types.h).
const CONTEXTS: &[(&str, &str)] = &[
    ("__sk_buff", "sk_buff"),
    ("xdp_md", "xdp_buff"),
    ("bpf_sock", "sock"),
    ("bpf_sock_addr", "bpf_sock_addr_kern"),
    ("bpf_sock_ops", "bpf_sock_ops_kern"),
    ("sk_msg_md", "sk_msg"),
    ("bpf_perf_event_data", "bpf_perf_event_data_kern"),
    ("bpf_sysctl", "bpf_sysctl_kern"),
    ("bpf_sockopt", "bpf_sockopt_kern"),
    ("sk_reuseport_md", "sk_reuseport_kern"),
    ("bpf_sk_lookup", "bpf_sk_lookup_kern"),
];

impl Explorer<'_> {
    /// A call of a kernel function.
    pub(crate) fn call_kfunc(&mut self, at: usize, symbol: i64, state: &mut State) -> Result<(), Reason> {
        let prototype = self.prototype(symbol)?;
        let kfunc = prototype.kfunc;
        let refuse = |what: String| Err(Reason::Forbidden { register: 0, what });
        if !kfunc.callable_from(self.program.prog_type, self.program.attach_type) {
            let prog_type = self.program.prog_type.name();
            return Err(Reason::FunctionNotHere { function: kfunc.name, prog_type });
        }
        if kfunc.name == "__bpf_trap" {
            return refuse("unexpected __bpf_trap() due to uninitialized variable?".to_owned());
        }
        if state.is_locked() && !local::is_graph(kfunc.name) && !UNDER_LOCK.contains(&kfunc.name) {
            return refuse(format!("function calls are not allowed while holding a lock: {}", kfunc.name));
        }
        let sleeps = kfunc.has(KfuncFlag::Sleeps);
        if sleeps && !state.sections.sleepable {
            return refuse(format!("program must be sleepable to call sleepable kfunc {}", kfunc.name));
        }
        let given = self.kfunc_arguments(at, &prototype, state)?;
        self.kfunc_callback(at, kfunc.name, &given, state)?;
        sections(kfunc.name, sleeps, state)?;
        if kfunc.has(KfuncFlag::RcuProtected) && !state.in_rcu() {
            return refuse(format!("kernel func {} requires RCU critical section protection", kfunc.name));
        }
        if let Some(released) = given.released {
            state.release(released);
        }
        self.insert_into_root(kfunc.name, &given, state)?;
        state.clobber();
        self.kfunc_result(at, &prototype, &given, state)?;
        if kfunc.name == "bpf_xdp_pull_data" {
            state.forget_packet();
        }
        if kfunc.has(KfuncFlag::IterNext)
            && let Some(place) = given.iterator
        {
            self.step_iterator(at, place, state)?;
        }
        Ok(())
    }

    /// What a call leaves in r0.
    fn kfunc_result(
        &mut self,
        at: usize,
        prototype: &Prototype,
        given: &Given,
        state: &mut State,
    ) -> Result<(), Reason> {
        let kfunc = prototype.kfunc;
        let plain = match prototype.returns {
            Returns::Nothing => {
                state.set(Reg::R0, Value::UNINIT);
                return Ok(());
            }
            Returns::Number => {
                let result = if kfunc.name.starts_with("bpf_res_spin_lock") {
                    // Where it fails, the lock is not held: that path was kept for later.
                    Value::constant(0)
                } else {
                    Value::UNKNOWN
                };
                state.set(Reg::R0, result);
                return Ok(());
            }
            Returns::Unknown => {
                let what = format!("what {} returns, which is of no known type", kfunc.name);
                return Err(Reason::Unsupported { what });
            }
            Returns::Opaque | Returns::Object(_) | Returns::Memory { .. } => {
                match self.kfunc_special_result(prototype, given, state)? {
                    Some(special) => special,
                    None => plain_result(prototype, given, state)?,
                }
            }
        };
        let mut result = plain;
        if result.is_scalar() {
            state.set(Reg::R0, result);
            return Ok(());
        }
        // Another reference to an object that the program owns is always to be had.
        let certain = kfunc.name == "bpf_refcount_acquire_impl" && given.owning;
        let nullable = kfunc.has(KfuncFlag::Nullable) && !certain;
        if nullable {
            result = result.or_null(self.new_id());
        }
        if kfunc.has(KfuncFlag::Acquire) {
            let id = self.new_id();
            state.held.push(Held { id, at, what: Hold::Reference });
            result.acquired = id;
            if nullable {
                result.id = id;
            }
        } else if local::returns_node(kfunc.name) {
            result.flags = result.flags.with(self.non_owning_flags(&result));
        }
        if result.id == 0 && result.flags.has(Flags::ALLOC) {
            // It tells locks in it apart.
            result.id = self.new_id();
        }
        state.set(Reg::R0, result);
        Ok(())
    }

    /// A result that depends on more than its type.
    fn kfunc_special_result(
        &mut self,
        prototype: &Prototype,
        given: &Given,
        state: &mut State,
    ) -> Result<Option<Value>, Reason> {
        let name = prototype.kfunc.name;
        match name {
            "bpf_cast_to_kern_ctx" => self.kernel_context().map(Some),
            "bpf_rdonly_cast" => self.readonly_cast(given.constant.unwrap_or_default()).map(Some),
            "bpf_obj_new_impl" | "bpf_percpu_obj_new_impl" => {
                self.new_object(name, given.constant.unwrap_or_default()).map(Some)
            }
            "bpf_refcount_acquire_impl" => {
                let ty = given.object.unwrap_or(TypeId::VOID);
                Ok(Some(Value::object(Types::Program, ty, Flags::ALLOC)))
            }
            _ if local::returns_node(name) => Ok(given.root.map(|(holds, node)| {
                let object = Value::object(Types::Program, holds, Flags::ALLOC);
                Value { off: node as i32, ..object }
            })),
            "bpf_dynptr_slice" | "bpf_dynptr_slice_rdwr" => self.dynptr_slice(name, given, state).map(Some),
            _ => Ok(None),
        }
    }

    /// The kernel's structure that the context stands for.
    fn kernel_context(&self) -> Result<Value, Reason> {
        let context = self.context.map_or("", |context| context.name);
        match CONTEXTS.iter().find(|(name, _)| *name == context) {
            Some((_, kernel)) => self.kernel_object(kernel, Flags::TRUSTED),
            None => {
                let what = format!("a cast of the context of programs of kind {}", self.program.prog_type);
                Err(Reason::Unsupported { what })
            }
        }
    }

    /// An address as a pointer to an object of the kernel's that may or may not be there.
    fn readonly_cast(&self, ty: u64) -> Result<Value, Reason> {
        let refuse = |what: String| Err(Reason::Forbidden { register: 2, what });
        let ty = u32::try_from(ty).map_or(TypeId(u32::MAX), TypeId);
        match self.types(Types::Kernel)?.get(ty) {
            Ok(Type::Struct(_) | Type::Union(_)) => Ok(Value::object(Types::Kernel, ty, Flags::UNTRUSTED)),
            Ok(Type::Void) => {
                let flags = Flags::READONLY.with(Flags::UNTRUSTED);
                Ok(Value { flags, ..Value::pointer(Kind::Memory { size: 0 }) })
            }
            Ok(_) => refuse("kfunc bpf_rdonly_cast type ID argument must be of a struct or void".to_owned()),
            Err(_) => refuse(format!("Unknown type ID {} passed to kfunc bpf_rdonly_cast", ty.0)),
        }
    }

    /// A variable of the kernel's, by the index of its symbol: its object or memory, of each CPU its own where it lies
    /// among those.
    pub(crate) fn kernel_variable(&mut self, symbol: i64) -> Result<Value, Reason> {
        let known = usize::try_from(symbol).ok().and_then(|index| self.program.kernel_symbols.get(index));
        let name = known.map_or("", |symbol| symbol.name.as_str());
        let btf = self.types(Types::Kernel)?;
        let variable = self.kernel_type(name, TypeKind::Var);
        let Ok(id) = variable else {
            // Functions have an address, of nothing that could be read.
            self.kernel_type(name, TypeKind::Func)?;
            return Ok(Value { flags: Flags::READONLY, ..Value::pointer(Kind::Memory { size: 0 }) });
        };
        let unreadable = || Reason::BadOperand { why: format!("the kernel's type of {name} can't be read") };
        let Ok(Type::Var(variable)) = btf.get(id) else { return Err(unreadable()) };
        let percpu = btf.find(".data..percpu", TypeKind::DataSec).is_some_and(|section| {
            matches!(btf.get(section), Ok(Type::DataSec(section)) if section.vars.iter().any(|var| var.ty == id))
        });
        let ty = btf.resolve(variable.ty).map_err(|_| unreadable())?;
        if percpu {
            return Ok(Value::object(Types::Kernel, ty, Flags::PERCPU));
        }
        if matches!(btf.get(ty), Ok(Type::Struct(_))) {
            return Ok(Value::object(Types::Kernel, ty, Flags::NONE));
        }
        let size = btf.size_of(ty).map_err(|_| unreadable())?;
        Ok(Value { flags: Flags::READONLY, ..Value::pointer(Kind::Memory { size }) })
    }
}

/// What a call does to the sections that the program is in, and what they forbid.
fn sections(name: &str, sleeps: bool, state: &mut State) -> Result<(), Reason> {
    let refuse = |what: String| Err(Reason::Forbidden { register: 0, what });
    let sections = &mut state.sections;
    match name {
        "bpf_rcu_read_lock" if sections.rcu => {
            return refuse(format!("nested rcu read lock (kernel function {name})"));
        }
        "bpf_rcu_read_lock" => sections.rcu = true,
        "bpf_rcu_read_unlock" if !sections.rcu => {
            return refuse(format!("unmatched rcu read unlock (kernel function {name})"));
        }
        "bpf_rcu_read_unlock" => {
            sections.rcu = false;
            end_rcu_section(state);
        }
        _ if sections.rcu && sleeps => {
            return refuse(format!("kernel func {name} is sleepable within rcu_read_lock region"));
        }
        _ => {}
    }
    let sections = &mut state.sections;
    match name {
        "bpf_preempt_disable" => sections.preempt += 1,
        "bpf_preempt_enable" if sections.preempt == 0 => {
            return refuse(format!("unmatched attempt to enable preemption (kernel function {name})"));
        }
        "bpf_preempt_enable" => sections.preempt -= 1,
        _ if sections.preempt > 0 && sleeps => {
            return refuse(format!("kernel func {name} is sleepable within non-preemptible region"));
        }
        _ => {}
    }
    if sleeps && state.irqs_off() {
        return refuse(format!("kernel func {name} is sleepable within IRQ-disabled region"));
    }
    Ok(())
}

/// A result that is as its type says.
fn plain_result(prototype: &Prototype, given: &Given, state: &State) -> Result<Value, Reason> {
    let kfunc = prototype.kfunc;
    let protected = kfunc.has(KfuncFlag::RcuProtected);
    match prototype.returns {
        Returns::Object(ty) => {
            let flags = match given.iterator.filter(|_| kfunc.has(KfuncFlag::IterNext)) {
                Some(place) => element_flags(place, state),
                None if kfunc.name == "bpf_get_kmem_cache" => Flags::UNTRUSTED,
                None if protected => Flags::RCU,
                None => Flags::NONE,
            };
            Ok(Value::object(Types::Kernel, ty, flags))
        }
        Returns::Memory { bytes } => {
            let readonly = kfunc.name != "bpf_session_cookie";
            let (size, readonly) = given.result_size.unwrap_or((u64::from(bytes), readonly));
            let Ok(size) = u32::try_from(size) else {
                let what = format!("a result of {size} bytes of {}", kfunc.name);
                return Err(Reason::Unsupported { what });
            };
            let flags = if readonly { Flags::READONLY } else { Flags::NONE };
            let flags = if protected { flags.with(Flags::RCU) } else { flags };
            // It goes with what it was taken from.
            Ok(Value { acquired: given.acquired, flags, ..Value::pointer(Kind::Memory { size }) })
        }
        _ => Ok(Value::UNKNOWN),
    }
}

/// What an RCU section kept alive can no longer be relied on.
fn end_rcu_section(state: &mut State) {
    let untrusted = |value: &mut Value| {
        value.flags = value.flags.without(Flags::RCU).with(Flags::UNTRUSTED);
        value.nullable = false;
    };
    state.change(|v| v.flags.has(Flags::RCU), untrusted);
    for frame in 0..state.frames.len() {
        let slots = state.frames[frame].stack.slots();
        let ends =
            |slot: &crate::stack::Slot| slot.bytes[0] == Byte::Iterator && slot.value.flags.has(Flags::RCU);
        let ending: Vec<usize> = (0..slots.len()).filter(|index| ends(&slots[*index])).collect();
        for index in ending {
            untrusted(&mut state.frame_at_mut(frame).stack.slot_mut(index).value);
        }
    }
}
