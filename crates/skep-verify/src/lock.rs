//! Spin locks: one at a time, given back on every path, and nothing called in between that could take long.
//! Source: `process_spin_lock`, `find_lock_state` of kernel/bpf/verifier.c, Linux 6.18.

use skep_isa::Reg;

use crate::error::Reason;
use crate::explore::Explorer;
use crate::field::FieldKind;
use crate::state::{Held, Hold, LockKind, LockOwner, State};
use crate::value::{Kind, Value};

/// What a call does with a lock.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Locking {
    Take(LockKind),
    Give(LockKind),
}

impl LockKind {
    /// Linux's name for the calls.
    const fn name(self) -> &'static str {
        match self {
            LockKind::Spin => "bpf_spin",
            LockKind::Resilient | LockKind::ResilientIrq => "bpf_res_spin",
        }
    }
}

impl Explorer<'_> {
    /// A call that takes or gives back the lock that a register points to.
    pub(crate) fn locks(
        &mut self,
        at: usize,
        reg: Reg,
        locking: Locking,
        state: &mut State,
    ) -> Result<(), Reason> {
        let (Locking::Take(kind) | Locking::Give(kind)) = locking;
        let value = *state.reg(reg);
        if state.in_tree_callback() {
            let what = "can't spin_{lock,unlock} in rbtree cb: the tree's lock is held around it".to_owned();
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        let field = match kind {
            LockKind::Spin => FieldKind::SpinLock,
            LockKind::Resilient | LockKind::ResilientIrq => FieldKind::ResSpinLock,
        };
        self.points_to_field(reg, &value, field)?;
        let owner = match value.kind {
            Kind::MapValue { map } => LockOwner::Map(map),
            _ => LockOwner::Object,
        };
        let what = Hold::Lock { kind, owner };
        let refuse = |what: &str| Err(Reason::Forbidden { register: reg.0, what: what.to_owned() });
        let name = kind.name();
        let is_held = |held: &&Held| held.what == what && held.id == value.id;
        match locking {
            Locking::Take(LockKind::Spin) => {
                if state.is_locked() {
                    return refuse("Locking two bpf_spin_locks are not allowed: give the first back before");
                }
                state.held.push(Held { id: value.id, at, what });
            }
            Locking::Take(_) => {
                let same = |held: &Held| {
                    held.id == value.id
                        && matches!(held.what, Hold::Lock { kind, owner: other } if kind != LockKind::Spin && other == owner)
                };
                if state.held.iter().any(same) {
                    return refuse("Acquiring the same lock again, AA deadlock detected");
                }
                state.held.push(Held { id: value.id, at, what });
            }
            Locking::Give(_) => {
                if !state.is_locked() {
                    return refuse(&format!("{name}_unlock without taking a lock"));
                }
                if !state.held.iter().any(|held| is_held(&held)) {
                    return refuse(&format!("{name}_unlock of different lock: it was not taken"));
                }
                let last = state.held.iter().rposition(|held| matches!(held.what, Hold::Lock { .. }));
                match last {
                    Some(last) if is_held(&&state.held[last]) => {
                        state.held.remove(last);
                    }
                    _ => return refuse(&format!("{name}_unlock cannot be out of order")),
                }
                forget_non_owning(state);
            }
        }
        Ok(())
    }

    /// Whether an `id` must survive that a pointer turns out not to be null: it tells locks apart.
    pub(crate) fn may_be_locked(&self, value: &Value) -> bool {
        match value.kind {
            Kind::MapValue { map } => self.record(map).is_some_and(|record| record.lock().is_some()),
            Kind::Object { .. } => value.flags.has(crate::value::Flags::ALLOC),
            _ => false,
        }
    }
}

/// Checks that nothing is held any more where the path may end: no lock, no reference.
pub(crate) fn nothing_held(state: &State, at: &'static str) -> Result<(), Reason> {
    let Some(held) = state.held.first() else { return Ok(()) };
    let acquired = held.at;
    Err(match held.what {
        Hold::Lock { kind, .. } => {
            let what = format!(
                "inside {}_lock-ed region: the lock that instruction {acquired} takes is not given back before {at}",
                kind.name()
            );
            Reason::Forbidden { register: 0, what }
        }
        _ => Reason::Unreleased { acquired, at },
    })
}

/// A lock was given back: what a list or tree under it owns may be gone.
fn forget_non_owning(state: &mut State) {
    use crate::value::Flags;
    state.invalidate(|v| v.flags.has(Flags::NON_OWNING));
}
