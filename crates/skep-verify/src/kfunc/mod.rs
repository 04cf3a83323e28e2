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

use skep_abi::{Arg, AttachType, Effect, Function, ProgType, Ret};
use skep_btf::{Kind as TypeKind, Type, TypeId};
use skep_isa::{Insn, Reg};
use skep_obj::ProgFlags;

use self::arguments::Given;
pub(crate) use self::prototype::Prototype;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::iter::element_flags;
use crate::kernel::kernel_function;
use crate::stack::Byte;
use crate::state::{Held, Hold, State};
use crate::value::{Flags, Kind, Types, Value};

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
        if let Some(function) = self.program.kernel_symbol(symbol).and_then(|s| Function::kernel(&s.name)) {
            self.is_there(function, true)?;
        }
        let prototype = self.prototype(symbol)?;
        let function = prototype.function;
        let name = function.name;
        let refuse = |what: String| Err(Reason::Forbidden { register: 0, what });
        self.callable_here(function)?;
        if function.has(Effect::Gpl) && !self.program.is_gpl() {
            return Err(Reason::NeedsGpl { function: name, license: self.program.license.clone() });
        }
        if name.starts_with("bpf_xdp_metadata_rx_")
            && !self.program.flags.contains(ProgFlags::XDP_DEV_BOUND_ONLY)
        {
            return refuse(format!("metadata kfuncs require device-bound program: {name}"));
        }
        if name == "bpf_iter_css_task_new" && !self.may_walk_tasks(state) {
            return refuse(
                "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs".to_owned(),
            );
        }
        if function.has(Effect::Traps) {
            return refuse(format!("unexpected {name}() due to uninitialized variable?"));
        }
        if state.is_locked() && !may_be_called_under_lock(function) {
            return refuse(format!("function calls are not allowed while holding a lock: {name}"));
        }
        if function.has(Effect::Sleeps) && !state.sections.sleepable {
            return refuse(format!("program must be sleepable to call sleepable kfunc {name}"));
        }
        let given = self.kfunc_arguments(at, &prototype, state)?;
        self.kfunc_callback(at, name, &given, state)?;
        sections(function, state)?;
        if function.has(Effect::NeedsRcu) && !state.in_rcu() {
            return refuse(format!("kernel func {name} requires RCU critical section protection"));
        }
        if let Some(released) = given.released {
            state.release(released);
        }
        if given.inserts {
            self.insert_into_root(&given, state)?;
        }
        state.clobber();
        self.kfunc_result(at, &prototype, &given, state)?;
        if function.has(Effect::MovesPacket) {
            state.forget_packet();
        }
        if let Some(place) = given.iterator.filter(|_| given.steps) {
            self.step_iterator(at, place, state)?;
        }
        Ok(())
    }

    /// Whether programs of this kind may call a function.
    pub(crate) fn callable_here(&self, function: &'static Function) -> Result<(), Reason> {
        let (prog_type, attach_type) = (self.program.prog_type, self.program.attach_type);
        if function.called_from(prog_type, attach_type).is_none() {
            return Err(Reason::FunctionNotHere { function: function.name, prog_type: prog_type.name() });
        }
        Ok(())
    }

    /// Whether the program may walk over the tasks of a control group, which takes a lock that others wait for.
    fn may_walk_tasks(&self, state: &State) -> bool {
        match self.program.prog_type {
            ProgType::Lsm => true,
            ProgType::Tracing if self.program.attach_type == AttachType::TRACE_ITER => true,
            _ => state.sections.sleepable,
        }
    }

    /// Checks that the Linux that is asked for has the function that an instruction calls by name.
    pub(crate) fn function_is_there(&self, call: &Insn) -> Result<(), Reason> {
        match kernel_function(self.program, call) {
            Some(function) => self.is_there(function, true),
            None => Ok(()),
        }
    }

    /// What a call leaves in r0.
    fn kfunc_result(
        &mut self,
        at: usize,
        prototype: &Prototype,
        given: &Given,
        state: &mut State,
    ) -> Result<(), Reason> {
        let function = prototype.function;
        let mut result = match function.ret {
            Ret::Void => Value::UNINIT,
            // Where it fails, the lock is not held: that path was kept for later.
            Ret::Integer if given.locks => Value::constant(0),
            Ret::Integer => Value::UNKNOWN,
            _ => self.kfunc_pointer_result(prototype, given, state)?,
        };
        if !result.is_pointer() {
            state.set(Reg::R0, result);
            return Ok(());
        }
        // Another reference to an object that the program owns is always to be had.
        let certain = function.ret == Ret::SameObjectOrNull && given.owning;
        let nullable = function.ret.is_nullable() && !certain;
        if nullable {
            result = result.or_null(self.new_id());
        }
        if function.has(Effect::Acquires) {
            let id = self.new_id();
            state.held.push(Held { id, at, what: Hold::Reference });
            result.acquired = id;
            if nullable {
                result.id = id;
            }
        } else if function.ret == Ret::NodeOrNull {
            result.flags = result.flags.with(self.non_owning_flags(&result));
        }
        if result.id == 0 && result.flags.has(Flags::ALLOC) {
            // It tells locks in it apart.
            result.id = self.new_id();
        }
        state.set(Reg::R0, result);
        Ok(())
    }

    /// A result that is no number, without what is the same for all: that it may be null, and must be released.
    fn kfunc_pointer_result(
        &mut self,
        prototype: &Prototype,
        given: &Given,
        state: &mut State,
    ) -> Result<Value, Reason> {
        let function = prototype.function;
        let name = function.name;
        let constant = given.constant.unwrap_or_default();
        let protected = if function.has(Effect::NeedsRcu) { Flags::RCU } else { Flags::NONE };
        let object = |flags| {
            let ty = prototype.returns.unwrap_or(TypeId::VOID);
            Ok(Value::object(Types::Kernel, ty, flags))
        };
        match function.ret {
            Ret::Object(_) | Ret::ObjectOrNull(_) => object(match given.iterator.filter(|_| given.steps) {
                Some(place) => element_flags(place, state),
                None => protected,
            }),
            Ret::TrustedObject(_) => object(Flags::TRUSTED),
            Ret::DoubtfulObjectOrNull(_) => object(Flags::UNTRUSTED),
            Ret::Memory { bytes, readonly, .. } => {
                let flags = if readonly { Flags::READONLY } else { Flags::NONE };
                // It goes with what it was taken from.
                let memory = Value::pointer(Kind::Memory { size: bytes });
                Ok(Value { acquired: given.acquired, flags: flags.with(protected), ..memory })
            }
            Ret::DynptrMemoryOrNull => self.dynptr_slice(name, false, given, state),
            Ret::DynptrReadonlyMemoryOrNull => self.dynptr_slice(name, true, given, state),
            Ret::KernelContext => self.kernel_context(),
            Ret::AnyObject => self.readonly_cast(constant),
            Ret::NewObjectOrNull => self.new_object(false, constant),
            Ret::NewPercpuObjectOrNull => self.new_object(true, constant),
            Ret::SameObjectOrNull => {
                Ok(Value::object(Types::Program, given.object.unwrap_or(TypeId::VOID), Flags::ALLOC))
            }
            Ret::NodeOrNull => {
                let Some((holds, node)) = given.root else { return Ok(Value::UNKNOWN) };
                let object = Value::object(Types::Program, holds, Flags::ALLOC);
                Ok(Value { off: node as i32, ..object })
            }
            // An address like any number, until it is cast.
            Ret::ArenaPages => Ok(Value::UNKNOWN),
            _ => Err(Reason::Unsupported { what: format!("the result of {name}") }),
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
            Ok(Type::Void) => Ok(Value::unknown_bytes()),
            Ok(_) => refuse("kfunc bpf_rdonly_cast type ID argument must be of a struct or void".to_owned()),
            Err(_) => refuse(format!("Unknown type ID {} passed to kfunc bpf_rdonly_cast", ty.0)),
        }
    }

    /// A variable of the kernel's, by the index of its symbol: its object or memory, of each CPU its own where it lies
    /// among those.
    pub(crate) fn kernel_variable(&mut self, symbol: i64) -> Result<Value, Reason> {
        let known = self.program.kernel_symbol(symbol);
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

/// Whether a call may be made while a lock is held: lists and trees are only touched under one.
fn may_be_called_under_lock(function: &Function) -> bool {
    function.has(Effect::UnderLock) || function.args.iter().any(|arg| matches!(arg, Arg::Root(_)))
}

/// What a call does to the sections that the program is in, and what they forbid.
fn sections(function: &Function, state: &mut State) -> Result<(), Reason> {
    let name = function.name;
    let refuse = |what: String| Err(Reason::Forbidden { register: 0, what });
    let (has, sleeps) = (|effect| function.has(effect), function.has(Effect::Sleeps));
    let sections = &mut state.sections;
    if has(Effect::LocksRcu) && sections.rcu {
        return refuse(format!("nested rcu read lock (kernel function {name})"));
    }
    if has(Effect::UnlocksRcu) && !sections.rcu {
        return refuse(format!("unmatched rcu read unlock (kernel function {name})"));
    }
    if sleeps && sections.rcu {
        return refuse(format!("kernel func {name} is sleepable within rcu_read_lock region"));
    }
    if has(Effect::EnablesPreemption) && sections.preempt == 0 {
        return refuse(format!("unmatched attempt to enable preemption (kernel function {name})"));
    }
    if sleeps && sections.preempt > 0 {
        return refuse(format!("kernel func {name} is sleepable within non-preemptible region"));
    }
    sections.rcu = (sections.rcu || has(Effect::LocksRcu)) && !has(Effect::UnlocksRcu);
    sections.preempt += u32::from(has(Effect::DisablesPreemption));
    sections.preempt -= u32::from(has(Effect::EnablesPreemption));
    if has(Effect::UnlocksRcu) {
        end_rcu_section(state);
    }
    if sleeps && state.irqs_off() {
        return refuse(format!("kernel func {name} is sleepable within IRQ-disabled region"));
    }
    Ok(())
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
