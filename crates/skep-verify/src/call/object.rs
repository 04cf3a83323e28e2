//! Sockets and objects of the kernel among a call's arguments, and as its results.
//! Source: `check_reg_type`, `check_func_arg_reg_off`, the results of `check_helper_call`, kernel/bpf/verifier.c,
//! Linux 6.18.

use skep_abi::{Arg, Effect, Ret, SocketKind};
use skep_btf::{Type, TypeId};
use skep_isa::Reg;

use super::Call;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::pointer::unmodified;
use crate::state::{Held, Hold, State};
use crate::value::{Flags, Id, Kind, Types, Value};

/// What all sockets begin with.
const SOCK_COMMON: &str = "sock_common";

impl Explorer<'_> {
    /// A socket or another object of the kernel's that a function takes; `None` for arguments of other sorts.
    pub(super) fn kernel_argument(
        &self,
        call: &Call,
        arg: Arg,
        reg: Reg,
        value: &Value,
    ) -> Option<Result<(), Reason>> {
        Some(match arg {
            Arg::Socket => self.socket_argument(call, reg, value, true),
            Arg::SockCommon => self.socket_argument(call, reg, value, false),
            Arg::AnySock => self.any_socket_argument(call, reg, value),
            Arg::Object(names) => self.object_argument(call, reg, value, names),
            _ => return None,
        })
    }

    /// A socket that a function takes: a full one, or one of any state.
    fn socket_argument(&self, call: &Call, reg: Reg, value: &Value, full: bool) -> Result<(), Reason> {
        let expected = if full { "sock" } else { "sock_common, sock, tcp_sock or xdp_sock" };
        match value.kind {
            Kind::Socket(kind) if !value.nullable && (!full || kind == SocketKind::Full) => {
                unmodified(reg, value)
            }
            _ => Err(call.wrong(reg, expected, self.describe(value))),
        }
    }

    /// A socket, or an object that begins like one.
    pub(super) fn any_socket_argument(&self, call: &Call, reg: Reg, value: &Value) -> Result<(), Reason> {
        match value.kind {
            Kind::Object { .. } => self.object_argument(call, reg, value, &[SOCK_COMMON]),
            _ => self.socket_argument(call, reg, value, false),
        }
    }

    /// The same, to be given back.
    pub(super) fn released_socket(&self, call: &mut Call, reg: Reg, value: &Value) -> Result<(), Reason> {
        self.any_socket_argument(call, reg, value)?;
        if value.acquired == 0 {
            let what = format!("R{} must be referenced when passed to release function", reg.0);
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        unmodified(reg, value)?;
        call.released = Some(value.acquired);
        Ok(())
    }

    /// An object of the kernel's that a function takes.
    fn object_argument(&self, call: &Call, reg: Reg, value: &Value, names: &[&str]) -> Result<(), Reason> {
        let wrong = || {
            let expected = format!("ptr_, trusted_ptr_ or rcu_ptr_{}", names.join(" or "));
            Err(call.wrong(reg, &expected, self.describe(value)))
        };
        if !matches!(value.kind, Kind::Object { .. }) {
            return wrong();
        }
        let flags = [Flags::NONE, Flags::TRUSTED, Flags::RCU];
        if value.nullable {
            let what = format!("Possibly NULL pointer passed to helper arg{}", reg.0);
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        if !flags.contains(&value.flags) || value.num.as_constant() != Some(0) {
            return wrong();
        }
        for name in names {
            let wanted = self.kernel_struct(name)?;
            if self.object_is(value, Types::Kernel, wanted, false) {
                return Ok(());
            }
        }
        wrong()
    }

    /// A variable that each CPU has its own of.
    pub(super) fn percpu_argument(&self, call: &mut Call, reg: Reg, value: &Value) -> Result<(), Reason> {
        let Kind::Object { types, ty } = value.kind else {
            return Err(call.wrong(reg, "percpu_ptr_", self.describe(value)));
        };
        if value.nullable || !value.flags.has(Flags::PERCPU) || value.flags.has(Flags::UNTRUSTED) {
            return Err(call.wrong(reg, "percpu_ptr_", self.describe(value)));
        }
        unmodified(reg, value)?;
        call.percpu = Some((types, ty, value.flags.has(Flags::RCU)));
        Ok(())
    }

    /// The copy of such a variable.
    fn percpu_result(&mut self, types: Types, ty: TypeId, allocated: bool) -> Result<Value, Reason> {
        if allocated {
            return Ok(Value::object(types, ty, Flags::ALLOC.with(Flags::RCU)));
        }
        let btf = self.types(types)?;
        let bad =
            |error: &dyn std::fmt::Display| Reason::Unsupported { what: format!("a variable whose {error}") };
        match btf.get_resolved(ty).map_err(|error| bad(&error))? {
            Type::Struct(_) | Type::Union(_) => {
                let ty = btf.resolve(ty).map_err(|error| bad(&error))?;
                Ok(Value::object(types, ty, Flags::NONE))
            }
            _ => {
                let size = btf.size_of(ty).map_err(|error| bad(&error))?;
                Ok(Value { flags: Flags::READONLY, ..Value::pointer(Kind::Memory { size }) })
            }
        }
    }

    /// Sockets and objects that calls return; `None` for other results.
    pub(super) fn object_result(
        &mut self,
        at: usize,
        call: &Call,
        state: &mut State,
    ) -> Result<Option<Value>, Reason> {
        let socket = |kind| Value::pointer(Kind::Socket(kind));
        let (value, nullable) = match call.function.ret {
            Ret::SocketOrNull => (socket(SocketKind::Full), true),
            Ret::SockCommonOrNull => (socket(SocketKind::Common), true),
            Ret::TcpSockOrNull => (socket(SocketKind::Tcp), true),
            Ret::Object(name) => (self.kernel_object(name, Flags::NONE)?, false),
            Ret::TrustedObject(name) => (self.kernel_object(name, Flags::TRUSTED)?, false),
            Ret::ObjectOrNull(name) => (self.kernel_object(name, Flags::NONE)?, true),
            Ret::PercpuObject | Ret::PercpuObjectOrNull => {
                let Some((types, ty, allocated)) = call.percpu else { return Ok(None) };
                let nullable = call.function.ret == Ret::PercpuObjectOrNull;
                (self.percpu_result(types, ty, allocated)?, nullable)
            }
            _ => return Ok(None),
        };
        let id = self.new_id();
        let acquired = if call.function.has(Effect::Acquires) {
            hold(at, id, state);
            id
        } else if call.function.has(Effect::Casts) {
            call.cast_of
        } else {
            0
        };
        let value = Value { acquired, ..value };
        Ok(Some(if nullable { value.or_null(id) } else { value }))
    }

    /// The socket that is found in a map.
    pub(super) fn found_socket(
        &mut self,
        at: usize,
        kind: SocketKind,
        acquires: bool,
        state: &mut State,
    ) -> Value {
        let id = self.new_id();
        if acquires {
            hold(at, id, state);
        }
        let acquired = if acquires { id } else { 0 };
        Value { acquired, ..Value::pointer(Kind::Socket(kind)) }.or_null(id)
    }
}

/// Notes that what a call returns is to be released.
fn hold(at: usize, id: Id, state: &mut State) {
    state.held.push(Held { id, at, what: Hold::Reference });
}
