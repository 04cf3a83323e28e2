//! Open-coded iterators: an object in stack slots that calls make, step and end. Each step goes two ways: there is
//! another element, or the iterator is drained. Rounds that find nothing new end the walk, as numbers that did not
//! matter become unknown.
//! Source: `process_iter_arg`, `process_iter_next_call`, `mark_stack_slots_iter` of kernel/bpf/verifier.c, Linux 6.18.

use skep_btf::TypeId;
use skep_isa::Reg;

use crate::dynptr::overwrite_dynptrs;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::pointer::stack_span;
use crate::stack::{Byte, SLOT, Slot, place};
use crate::state::{Held, Hold, State};
use crate::value::{Flags, Id, Kind, Value};

/// Where an iterator is: slots of a frame's stack.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    frame: u8,
    /// The slot with the lowest address; those that follow have lower numbers.
    first: usize,
    slots: usize,
}

impl Place {
    /// Its slots, from the lowest address.
    fn indices(self) -> impl Iterator<Item = usize> {
        (0..self.slots).map(move |nth| self.first - nth)
    }

    /// The same, by bit.
    fn bits(self) -> u64 {
        self.indices().fold(0, |bits, index| bits | 1 << index)
    }

    fn head(self, state: &State) -> Value {
        state.frames[self.frame as usize].stack.slot(self.first).value
    }

    /// The reference that the iterator is.
    pub(crate) fn acquired(self, state: &State) -> Id {
        self.head(state).acquired
    }
}

impl Explorer<'_> {
    /// A call makes an iterator; `protected` says that its elements live as long as an RCU section.
    pub(crate) fn make_iterator(
        &mut self,
        at: usize,
        reg: Reg,
        (ty, size, name): (TypeId, u32, &str),
        protected: bool,
        state: &mut State,
    ) -> Result<(), Reason> {
        let pointer = *state.reg(reg);
        let place = iterator_place(reg, &pointer, size)?;
        let stack = &state.frames[place.frame as usize].stack;
        if place.indices().any(|index| stack.slot(index).bytes.contains(&Byte::Iterator)) {
            let what = format!("expected uninitialized {name} as arg #{}", reg.0 - 1);
            return Err(Reason::Forbidden { register: reg.0, what });
        }
        let span = stack_span(reg, &pointer, 0, i64::from(size))?;
        self.note_stack(state.frames[place.frame as usize].function, span.min);
        overwrite_dynptrs(reg, place.frame, span, state)?;
        let id = self.new_id();
        let flags = match (protected, state.in_rcu()) {
            (false, _) => Flags::NONE,
            (true, true) => Flags::RCU,
            (true, false) => Flags::UNTRUSTED,
        };
        let part = |acquired: Id| Slot {
            bytes: [Byte::Iterator; 8],
            value: Value { flags, acquired, ..Value::pointer(Kind::Iterator { ty, drained: false }) },
        };
        let stack = &mut state.frame_at_mut(place.frame as usize).stack;
        for (nth, index) in place.indices().enumerate() {
            *stack.slot_mut(index) = part(if nth == 0 { id } else { 0 });
        }
        state.written[place.frame as usize] |= place.bits();
        state.held.push(Held { id, at, what: Hold::Reference });
        Ok(())
    }

    /// Checks that an argument points to an iterator of this type, and finds it.
    pub(crate) fn find_iterator(
        &mut self,
        reg: Reg,
        (ty, size, name): (TypeId, u32, &str),
        state: &State,
    ) -> Result<Place, Reason> {
        let pointer = *state.reg(reg);
        let place = iterator_place(reg, &pointer, size)?;
        let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
        for (nth, index) in place.indices().enumerate() {
            let slot = state.frames[place.frame as usize].stack.slot(index);
            let is_part = slot.bytes == [Byte::Iterator; 8]
                && matches!(slot.value.kind, Kind::Iterator { ty: other, .. } if other == ty)
                && (slot.value.acquired != 0) == (nth == 0);
            if is_part && slot.value.flags.has(Flags::UNTRUSTED) {
                return refuse(format!("expected an RCU CS when using {name}: its section has ended"));
            }
            if !is_part {
                return refuse(format!("expected an initialized {name} as arg #{}", reg.0 - 1));
            }
        }
        self.mark_stack_read(place.frame as usize, place.bits(), state);
        Ok(place)
    }

    /// A step, whose result is in r0: the path goes on with a drained iterator and null; where there was another
    /// element is kept for later.
    pub(crate) fn step_iterator(&mut self, at: usize, place: Place, state: &mut State) -> Result<(), Reason> {
        if matches!(place.head(state).kind, Kind::Iterator { drained: false, .. }) {
            let mut again = state.clone();
            again.may_gotos += 1;
            self.widen(at, &mut again);
            let element = &mut again.frame_mut().regs[Reg::R0.index()];
            element.nullable = false;
            element.id = 0;
            self.push(at + 1, again)?;
        }
        let stack = &mut state.frame_at_mut(place.frame as usize).stack;
        for index in place.indices() {
            if let Kind::Iterator { drained, .. } = &mut stack.slot_mut(index).value.kind {
                *drained = true;
            }
        }
        state.set(Reg::R0, Value::constant(0));
        Ok(())
    }
}

/// How far elements of an iterator can be relied on.
pub(crate) fn element_flags(place: Place, state: &State) -> Flags {
    if place.head(state).flags.has(Flags::RCU) { Flags::RCU } else { Flags::TRUSTED }
}

/// A call ends an iterator.
pub(crate) fn end_iterator(place: Place, state: &mut State) {
    let id = place.head(state).acquired;
    state.release(id);
    let stack = &mut state.frame_at_mut(place.frame as usize).stack;
    for index in place.indices() {
        *stack.slot_mut(index) = Slot::UNINIT;
    }
    state.written[place.frame as usize] |= place.bits();
}

/// The place of an iterator of this type, so large, that an argument points to.
fn iterator_place(reg: Reg, pointer: &Value, size: u32) -> Result<Place, Reason> {
    let refuse = |what: String| Err(Reason::Forbidden { register: reg.0, what });
    let Kind::Stack { frame } = pointer.kind else {
        return refuse(format!("arg#{} expected pointer to an iterator on stack", reg.0 - 1));
    };
    let Some(moved) = pointer.num.as_constant() else {
        return refuse("the iterator has to be at a constant offset".to_owned());
    };
    let start = i64::from(pointer.off) + moved as i64;
    if start % SLOT != 0 {
        return refuse(format!("cannot pass in iter at an offset={start}"));
    }
    let span = stack_span(reg, pointer, 0, i64::from(size))?;
    Ok(Place { frame, first: place(span.min).0, slots: (i64::from(size) / SLOT) as usize })
}
