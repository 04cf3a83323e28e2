//! Arguments of helpers that are neither memory nor objects: fields of values, dynptrs, functions of the program. What
//! they must be is in `lock`, `kptr`, `dynptr` and `callback`; here they meet the function table.
//! Source: `check_func_arg`, `check_helper_call` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{Arg, Callback, Dynptr as Use, Function, Ret};
use skep_isa::Reg;

use crate::dynptr::Given;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::field::{Field, FieldKind};
use crate::lock::Locking;
use crate::state::{Held, Hold, LockKind, State};
use crate::value::{Dynptr, Flags, Id, Kind, Value};

/// What a call is given of this sort.
#[derive(Default)]
pub(crate) struct Special {
    /// A field that holds a pointer.
    field: Option<Field>,
    /// The map whose value has the timer, and which lookup found it.
    pub(crate) timer_map: Option<(u32, Id)>,
    dynptr: Option<Given>,
    callback: Option<(&'static Callback, usize)>,
    /// The reference that the field is to own now.
    given_up: Id,
}

impl Explorer<'_> {
    /// Whether this is an argument of such a sort; if it is, checks it.
    pub(crate) fn special_argument(
        &mut self,
        at: usize,
        function: &'static Function,
        arg: Arg,
        reg: Reg,
        special: &mut Special,
        state: &mut State,
    ) -> Result<bool, Reason> {
        let value = state.read(reg)?;
        let wrong = |explorer: &Self, expected: &str| {
            let (expected, found) = (expected.to_owned(), explorer.describe(&value));
            Err(Reason::Argument { register: reg.0, function: function.name, expected, found })
        };
        match arg {
            Arg::SpinLock => {
                let locking = if function.name == "bpf_spin_lock" { Locking::Take } else { Locking::Give };
                self.locks(at, reg, locking(LockKind::Spin), state)?;
            }
            Arg::Timer => {
                let Kind::MapValue { map } = value.kind else { return wrong(self, "map_value") };
                self.points_to_field(reg, &value, FieldKind::Timer)?;
                special.timer_map = Some((map, value.found_by));
            }
            Arg::KptrField => {
                let own = matches!(value.kind, Kind::Object { .. }) && value.flags.has(Flags::ALLOC);
                if value.nullable || !(own || matches!(value.kind, Kind::MapValue { .. })) {
                    return wrong(self, "map_value or ptr_ with a kptr");
                }
                special.field = Some(self.kptr_field(reg, &value)?);
            }
            Arg::KptrObject => {
                if value.acquired == 0 {
                    let what = format!("R{} must be referenced when passed to release function", reg.0);
                    return Err(Reason::Forbidden { register: reg.0, what });
                }
                if let Some(Field { kind: FieldKind::Pointer { owns, to }, .. }) = special.field {
                    self.fits_field(reg, owns, to, &value)?;
                }
                special.given_up = value.acquired;
            }
            Arg::Dynptr(used) => match used {
                Use::Uses => special.dynptr = Some(self.use_dynptr(reg, false, state)?),
                Use::MakesLocal => {
                    let data = state.reg(Reg::R1);
                    if !matches!(data.kind, Kind::MapValue { .. }) || data.nullable {
                        let what = format!(
                            "Unsupported reg type {} for {} data: expected the value of a map",
                            self.describe(data),
                            function.name
                        );
                        return Err(Reason::Forbidden { register: 1, what });
                    }
                    self.make_dynptr(at, reg, Dynptr::Local, None, state)?;
                }
                Use::MakesRecord => self.make_dynptr(at, reg, Dynptr::Record, None, state)?,
                Use::ReleasesRecord => self.release_dynptr(reg, Dynptr::Record, state)?,
                // Only functions of the kernel make these.
                Use::MakesPacket | Use::MakesXdp | Use::MakesMeta | Use::Clones => return Ok(false),
            },
            Arg::Callback(callback) => {
                let callee = self.callback_argument(reg, function.name, state)?;
                special.callback = Some((callback, callee));
            }
            Arg::CallbackContext => {
                if !matches!(value.kind, Kind::Stack { .. }) {
                    return wrong(self, "fp");
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What such a call does, once all of its arguments are right and before it leaves r1 to r5 without values.
    pub(crate) fn special_effects(
        &mut self,
        at: usize,
        function: &'static Function,
        special: &Special,
        map: Option<u32>,
        state: &mut State,
    ) -> Result<(), Reason> {
        if let Some((callback, callee)) = special.callback {
            let map = special.timer_map.map(|(map, _)| map).or(map);
            self.call_back(at, function, callback, callee, map, state)?;
        }
        if special.given_up != 0 {
            give_up(special.given_up, state);
        }
        // A frame stays where it is; a socket buffer is made writable first, which may copy it.
        let in_buffer = |given: Given| matches!(given.leads, Dynptr::Skb | Dynptr::SkbMeta);
        if function.name == "bpf_dynptr_write" && special.dynptr.is_some_and(in_buffer) {
            state.forget_packet();
        }
        Ok(())
    }

    /// What such a call returns, if it is that which tells.
    pub(crate) fn special_result(
        &mut self,
        at: usize,
        ret: Ret,
        special: &Special,
        size: u64,
        state: &mut State,
    ) -> Result<Option<Value>, Reason> {
        Ok(match (ret, special.field, special.dynptr) {
            (Ret::KptrOrNull, Some(field), _) => {
                let id = self.new_id();
                state.held.push(Held { id, at, what: Hold::Reference });
                Some(Value { acquired: id, ..self.taken_from_field(&field)? }.or_null(id))
            }
            (Ret::DynptrMemoryOrNull, _, Some(given)) => {
                Some(self.slice(given, u32::try_from(size).unwrap_or(u32::MAX), false))
            }
            _ => None,
        })
    }
}

/// A field owns now what the program had a reference to. An object that each CPU has its own of stays as long as the
/// RCU section does.
fn give_up(acquired: Id, state: &mut State) {
    let (rcu, left) = (state.in_rcu(), state.what_is_left());
    state.held.retain(|held| held.id != acquired);
    state.change(
        |v| v.acquired == acquired,
        |v| {
            if rcu && v.flags.has(Flags::ALLOC.with(Flags::PERCPU)) {
                v.acquired = 0;
                v.flags = v.flags.without(Flags::ALLOC).with(Flags::RCU);
            } else {
                *v = left;
            }
        },
    );
}

/// Checks that a helper may be called where the path is: not between taking a lock and giving it back.
pub(crate) fn callable_here(function: &Function, state: &State) -> Result<(), Reason> {
    if state.is_locked() && function.name != "bpf_spin_unlock" {
        let what = format!("function calls are not allowed while holding a lock: {}", function.name);
        return Err(Reason::Forbidden { register: 0, what });
    }
    Ok(())
}
