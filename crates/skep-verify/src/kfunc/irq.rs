//! Interrupts off and on again: the flags of before are kept in a stack slot, and given back in the reverse order.
//! Source: `process_irq_flag`, `mark_stack_slot_irq_flag`, `release_irq_state` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::LockUse;
use skep_isa::Reg;

use crate::dynptr::overwrite_dynptrs;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::pointer::stack_span;
use crate::stack::{Byte, SLOT, Slot, place};
use crate::state::{Held, Hold, State};
use crate::value::{Kind, Value};

impl Explorer<'_> {
    /// A call that saves interrupt flags to where a register points, or restores them.
    pub(crate) fn irq_flags(
        &mut self,
        at: usize,
        flags: LockUse,
        reg: Reg,
        pointer: &Value,
        state: &mut State,
    ) -> Result<(), Reason> {
        let number = reg.0 - 1;
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        let Kind::Stack { frame } = pointer.kind else {
            return refuse(format!("arg#{number} doesn't point to an irq flag on stack"));
        };
        let span = stack_span(reg, pointer, 0, SLOT)?;
        if pointer.num.as_constant().is_none() || span.min % SLOT != 0 {
            return refuse("an irq flag has to be at a constant, aligned offset".to_owned());
        }
        let (index, _) = place(span.min);
        let lock = flags.both;
        let slot = state.frames[frame as usize].stack.slot(index);
        self.note_stack(state.frames[frame as usize].function, span.min);
        let stored = if flags.takes {
            if slot.bytes.contains(&Byte::IrqFlags) {
                return refuse(format!("expected uninitialized irq flag as arg#{number}"));
            }
            overwrite_dynptrs(reg, frame, span, state)?;
            let id = self.new_id();
            state.held.push(Held { id, at, what: Hold::Irq });
            let value = Value { acquired: id, ..Value::pointer(Kind::IrqFlags { lock }) };
            Slot { bytes: [Byte::IrqFlags; 8], value }
        } else {
            if slot.bytes != [Byte::IrqFlags; 8] {
                return refuse(format!("expected an initialized irq flag as arg#{number}"));
            }
            self.mark_stack_read(frame as usize, 1 << index, state);
            if slot.value.kind != (Kind::IrqFlags { lock }) {
                return refuse(
                    "irq flag acquired by another kind of call cannot be restored with this one".to_owned(),
                );
            }
            let last = state.held.iter().rposition(|held| held.what == Hold::Irq);
            match last {
                Some(last) if state.held[last].id == slot.value.acquired => {
                    state.held.remove(last);
                }
                _ => return refuse("cannot restore irq state out of order".to_owned()),
            }
            Slot::UNINIT
        };
        *state.frame_at_mut(frame as usize).stack.slot_mut(index) = stored;
        state.written[frame as usize] |= 1 << index;
        Ok(())
    }
}
