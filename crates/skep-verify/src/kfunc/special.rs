//! Arguments that other parts of the verifier know: functions of the program, dynptrs, strings, locks and other fields of
//! values.
//! Source: `check_kfunc_args`, `check_kfunc_call` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{Arg, Callback, Dynptr as Use, Runs};
use skep_isa::Reg;

use super::MAX_ERRNO;
use super::arguments::Given;
use super::prototype::Prototype;
use crate::callback::Arguments;
use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::field::FieldKind;
use crate::lock::Locking;
use crate::state::{LockKind, State};
use crate::value::{Dynptr, Flags, Kind, Types, Value};

fn refuse<T>(reg: Reg, what: String) -> Result<T, Reason> {
    Err(Reason::Forbidden { register: reg.0, what })
}

impl Explorer<'_> {
    /// Checks such an argument.
    pub(crate) fn kfunc_special(
        &mut self,
        at: usize,
        prototype: &Prototype,
        arg: Arg,
        reg: Reg,
        given: &mut Given,
        state: &mut State,
    ) -> Result<(), Reason> {
        let name = prototype.function.name;
        let value = *state.reg(reg);
        match arg {
            Arg::Callback(callback) => {
                given.callback = Some((callback, self.callback_argument(reg, name, state)?));
            }
            Arg::Dynptr(Use::Uses) => given.dynptr = Some(self.use_dynptr(reg, false, state)?),
            Arg::Dynptr(made) => {
                let (leads, clone_of) = match (made, given.dynptr) {
                    (Use::MakesPacket, _) => (Dynptr::Skb, None),
                    (Use::MakesXdp, _) => (Dynptr::Xdp, None),
                    (Use::MakesMeta, _) => (Dynptr::SkbMeta, None),
                    (Use::Clones, Some(of)) => (of.leads, Some(of.acquired)),
                    _ => {
                        return Err(Reason::Unsupported { what: format!("a dynptr that {name} makes") });
                    }
                };
                self.make_dynptr(at, reg, leads, clone_of, state)?;
            }
            Arg::ConstStr => {
                self.constant_string(reg, &value)?;
            }
            Arg::ResilientLock(lock) => {
                let kind = if lock.both { LockKind::ResilientIrq } else { LockKind::Resilient };
                if lock.takes {
                    given.locks = true;
                    self.push_failed_lock(at, state)?;
                }
                let locking = if lock.takes { Locking::Take(kind) } else { Locking::Give(kind) };
                self.locks(at, reg, locking, state)?;
            }
            Arg::TaskWork | Arg::Workqueue => {
                let kind = if arg == Arg::TaskWork { FieldKind::TaskWork } else { FieldKind::Workqueue };
                let Kind::MapValue { map } = value.kind else {
                    return refuse(reg, format!("arg#{} doesn't point to a map value", reg.0 - 1));
                };
                self.points_to_field(reg, &value, kind)?;
                given.field_map = Some((map, value.found_by));
            }
            // Arguments that only helpers have.
            _ => return Err(Reason::Unsupported { what: format!("argument {} of {name}", reg.0) }),
        }
        Ok(())
    }

    /// A lock may not be to be had: that path goes on without it.
    fn push_failed_lock(&mut self, at: usize, state: &State) -> Result<(), Reason> {
        let mut failed = state.clone();
        failed.clobber();
        let error = Scalar::signed(-MAX_ERRNO, -1);
        failed.set(Reg::R0, Value::scalar(error));
        self.push(at + 1, failed)
    }

    /// Has the function followed that the call is given.
    pub(crate) fn kfunc_callback(
        &mut self,
        at: usize,
        name: &str,
        given: &Given,
        state: &mut State,
    ) -> Result<(), Reason> {
        let Some((callback, callee)) = given.callback else { return Ok(()) };
        if let Some((holds, node)) = given.root {
            let object = Value::object(Types::Program, holds, Flags::ALLOC);
            let object = Value { off: node as i32, ..object };
            let flags = object.flags.with(self.non_owning_flags(&object));
            let mut side = || Value { flags, id: self.new_id(), ..object };
            let arguments: Arguments = [side(), side(), Value::UNINIT, Value::UNINIT, Value::UNINIT];
            // It says whether the one comes before the other.
            return self.push_callback(at, callee, arguments, returned(callback), true, state);
        }
        let Some(map) = given.field_map.map(|(map, _)| map).or(given.map) else {
            return Err(Reason::Unsupported { what: format!("a callback of {name}") });
        };
        let kinds = [Kind::Map(map), Kind::MapKey { map }, Kind::MapValue { map }].map(Value::pointer);
        let arguments: Arguments = [kinds[0], kinds[1], kinds[2], Value::UNINIT, Value::UNINIT];
        debug_assert_eq!(callback.runs, Runs::Later, "the kernel's functions run no others");
        self.push_async(at, callee, arguments, returned(callback), callback.sleeps)
    }

    /// Memory that a dynptr leads to.
    pub(crate) fn dynptr_slice(
        &mut self,
        name: &str,
        readonly: bool,
        given: &Given,
        state: &mut State,
    ) -> Result<Value, Reason> {
        let (Some(dynptr), Some(size)) = (given.dynptr, given.constant) else {
            return refuse(Reg::R1, format!("{name} needs a dynptr and a constant size"));
        };
        let Ok(size) = u32::try_from(size) else {
            return refuse(Reg::R4, format!("{name}: a size of {size} bytes"));
        };
        if !readonly && dynptr.leads.is_packet() && !self.program.prog_type.packet_access().stores() {
            return refuse(Reg::R1, "the prog does not allow writes to packet data".to_owned());
        }
        let slice = self.slice(dynptr, size, dynptr.leads.is_packet());
        debug_assert_eq!(state.reg(Reg::R1).kind, Kind::Uninit, "arguments are gone");
        let flags = if readonly { Flags::READONLY } else { Flags::NONE };
        Ok(Value { flags, nullable: false, id: 0, ..slice })
    }
}

/// Bounds of what a callback may return.
fn returned(callback: &Callback) -> (i64, i64) {
    (0, i64::from(callback.ret_max))
}
