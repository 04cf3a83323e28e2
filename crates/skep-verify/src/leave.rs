//! Where a path leaves the program, or may: at its end, by a tail call, where a packet is too short for `LD_ABS`, by a
//! throw. What it acquired must be given back before, and the sections that it began must be ended.
//! Source: `check_resource_leak` of kernel/bpf/verifier.c, Linux 6.18.

use crate::error::Reason;
use crate::lock::nothing_held;
use crate::state::State;

/// Checks that a path may leave the program; `how` says by what.
pub(crate) fn may_leave(state: &State, how: &'static str) -> Result<(), Reason> {
    nothing_held(state, how)?;
    if state.sections.rcu {
        return Err(Reason::InSection { section: "bpf_rcu_read_lock", at: how });
    }
    if state.sections.preempt > 0 {
        return Err(Reason::InSection { section: "bpf_preempt_disable", at: how });
    }
    Ok(())
}
