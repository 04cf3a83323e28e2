//! Dynptrs: sixteen bytes of stack that calls make, use and release, and that lead to memory whose size is known only
//! at run time. What is in the two slots is the calls' business; a store that touches one destroys it.
//! Source: `process_dynptr_func`, `mark_stack_slots_dynptr`, `destroy_if_dynptr_stack_slot`,
//! `unmark_stack_slots_dynptr` of kernel/bpf/verifier.c, Linux 6.18.

use skep_isa::Reg;

use crate::error::Reason;
use crate::explore::Explorer;
use crate::pointer::{Span, stack_span, unmodified};
use crate::stack::{Byte, SLOT, Slot, place};
use crate::state::{Held, Hold, State};
use crate::value::{Dynptr, Half, Id, Kind, Value};

/// Bytes of a dynptr.
const DYNPTR_BYTES: i64 = 2 * SLOT;

/// A dynptr that a call is given.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Given {
    pub(crate) leads: Dynptr,
    /// Its name, which its slices have.
    pub(crate) id: Id,
    /// The reference that it holds; 0 if none.
    pub(crate) acquired: Id,
}

impl Dynptr {
    /// Linux's name for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Dynptr::Local => "local",
            Dynptr::Record => "ringbuf",
            Dynptr::Skb => "skb",
            Dynptr::Xdp => "xdp",
            Dynptr::SkbMeta => "skb_meta",
        }
    }

    /// Whether it must be released.
    pub(crate) const fn is_counted(self) -> bool {
        matches!(self, Dynptr::Record)
    }

    /// Whether what it leads to moves with the packet.
    pub(crate) const fn is_packet(self) -> bool {
        matches!(self, Dynptr::Skb | Dynptr::Xdp | Dynptr::SkbMeta)
    }
}

/// Where a dynptr on the stack is: its frame and the slot of its lower half; the other half is the slot before.
#[derive(Clone, Copy)]
struct Seat {
    frame: u8,
    low: usize,
}

impl Seat {
    const fn slots(self) -> [usize; 2] {
        [self.low, self.low - 1]
    }

    /// Both slots, by bit.
    const fn bits(self) -> u64 {
        0b11 << (self.low - 1)
    }
}

fn refuse<T>(reg: Reg, what: String) -> Result<T, Reason> {
    Err(Reason::Forbidden { register: reg.0, what })
}

impl Explorer<'_> {
    /// Where the dynptr is, or is to be, that a stack pointer leads to.
    fn seat(&self, reg: Reg, value: &Value) -> Result<Seat, Reason> {
        let Kind::Stack { frame } = value.kind else {
            let found = self.describe(value);
            return refuse(
                reg,
                format!(
                    "arg#{} expected pointer to stack or const struct bpf_dynptr: R{} is {found}",
                    reg.0 - 1,
                    reg.0
                ),
            );
        };
        let Some(constant) = value.num.as_constant() else {
            return refuse(reg, "dynptr has to be at a constant offset".to_owned());
        };
        let off = i64::from(value.off).wrapping_add(constant as i64);
        if off % SLOT != 0 || off > -DYNPTR_BYTES {
            return refuse(reg, format!("cannot pass in dynptr at an offset={off}"));
        }
        stack_span(reg, value, 0, DYNPTR_BYTES)?;
        Ok(Seat { frame, low: place(off).0 })
    }

    /// The dynptr that a call is to use; whoever changes it in place needs one of the program's own.
    pub(crate) fn use_dynptr(&mut self, reg: Reg, changes: bool, state: &State) -> Result<Given, Reason> {
        let value = *state.reg(reg);
        if let Kind::Dynptr { leads, .. } = value.kind {
            unmodified(reg, &value)?;
            if changes {
                return refuse(
                    reg,
                    "cannot pass pointer to const bpf_dynptr, the helper mutates it".to_owned(),
                );
            }
            return Ok(Given { leads, id: value.id, acquired: value.acquired });
        }
        let uninit = || Reason::Forbidden {
            register: reg.0,
            what: format!("Expected an initialized dynptr as arg #{}", reg.0 - 1),
        };
        let seat = self.seat(reg, &value)?;
        let given = seated(seat, state).ok_or_else(uninit)?;
        self.mark_stack_read(seat.frame as usize, seat.bits(), state);
        Ok(given)
    }

    /// A call makes a dynptr where a register points. One that is counted holds the reference of `clone_of`, or a new
    /// one.
    pub(crate) fn make_dynptr(
        &mut self,
        at: usize,
        reg: Reg,
        leads: Dynptr,
        clone_of: Option<Id>,
        state: &mut State,
    ) -> Result<(), Reason> {
        let value = *state.reg(reg);
        if matches!(value.kind, Kind::Dynptr { .. }) {
            return refuse(reg, "Dynptr has to be an uninitialized dynptr".to_owned());
        }
        let seat = self.seat(reg, &value)?;
        let span = stack_span(reg, &value, 0, DYNPTR_BYTES)?;
        self.note_stack(state.frames[seat.frame as usize].function, span.min);
        for index in seat.slots() {
            destroy_dynptr(reg, seat.frame, index, state)?;
        }
        let id = self.new_id();
        let acquired = match clone_of {
            _ if !leads.is_counted() => 0,
            Some(acquired) => acquired,
            None => {
                let acquired = self.new_id();
                state.held.push(Held { id: acquired, at, what: Hold::Reference });
                acquired
            }
        };
        let stack = &mut state.frame_at_mut(seat.frame as usize).stack;
        for (index, half) in seat.slots().into_iter().zip([Half::Low, Half::High]) {
            let value = Value { id, acquired, ..Value::pointer(Kind::Dynptr { leads, half }) };
            *stack.slot_mut(index) = Slot { bytes: [Byte::Dynptr; 8], value };
        }
        state.written[seat.frame as usize] |= seat.bits();
        Ok(())
    }

    /// A call releases the dynptr that a register points to, with all that shares its reference.
    pub(crate) fn release_dynptr(
        &mut self,
        reg: Reg,
        leads: Dynptr,
        state: &mut State,
    ) -> Result<(), Reason> {
        let value = *state.reg(reg);
        if matches!(value.kind, Kind::Dynptr { .. }) {
            return refuse(reg, "cannot release unowned const bpf_dynptr".to_owned());
        }
        let given = match self.use_dynptr(reg, true, state) {
            Ok(given) if given.acquired != 0 => given,
            Err(error) if !matches!(value.kind, Kind::Stack { .. }) => return Err(error),
            _ => return refuse(reg, format!("arg {} is an unacquired reference", reg.0)),
        };
        if given.leads != leads {
            return refuse(reg, format!("Expected a dynptr of type {} as arg #{}", leads.name(), reg.0 - 1));
        }
        state.held.retain(|held| held.id != given.acquired);
        let mut gone = Vec::new();
        for frame in 0..state.frames.len() {
            let shares = |slot: &Slot| slot.bytes[0] == Byte::Dynptr && slot.value.acquired == given.acquired;
            let slots = state.frames[frame].stack.slots();
            let sharing: Vec<usize> = (0..slots.len()).filter(|index| shares(&slots[*index])).collect();
            for index in sharing {
                gone.push(state.frames[frame].stack.slot(index).value.id);
                clear(state, frame, index);
            }
        }
        forget_slices(state, &gone);
        state.invalidate(|v| v.acquired == given.acquired);
        Ok(())
    }

    /// Memory of so many bytes that a dynptr leads to, or null.
    pub(crate) fn slice(&mut self, given: Given, size: u32, packet: bool) -> Value {
        let kind = Kind::Slice { size, dynptr: given.id, packet };
        Value { acquired: given.acquired, ..Value::pointer(kind) }.or_null(self.new_id())
    }

    /// A dynptr that a function is given, which it can't change.
    pub(crate) fn constant_dynptr(&mut self) -> Value {
        let id = self.new_id();
        Value { id, ..Value::pointer(Kind::Dynptr { leads: Dynptr::Local, half: Half::Whole }) }
    }
}

/// A store to bytes of a frame: dynptrs there are gone, and what was taken from them; one that holds a reference
/// can't be lost like that.
pub(crate) fn overwrite_dynptrs(reg: Reg, frame: u8, span: Span, state: &mut State) -> Result<(), Reason> {
    if span.min >= span.max {
        return Ok(());
    }
    // Offsets are negative: the highest address is in the slot of least index.
    for index in place(span.max - 1).0..=place(span.min).0 {
        destroy_dynptr(reg, frame, index, state)?;
    }
    Ok(())
}

/// Checks that a call does not fill bytes of the stack that are a dynptr's.
pub(crate) fn fills_no_dynptr(reg: Reg, frame: u8, span: Span, state: &State) -> Result<(), Reason> {
    match first_special(frame, span, state) {
        Some(off) => refuse(reg, format!("potential write to dynptr at off={off} disallowed")),
        None => Ok(()),
    }
}

/// Checks that no byte of a read from the stack is a dynptr's.
pub(crate) fn reads_no_dynptr(reg: Reg, frame: u8, span: Span, state: &State) -> Result<(), Reason> {
    match first_special(frame, span, state) {
        Some(off) => {
            let size = span.max - span.min;
            refuse(
                reg,
                format!(
                    "invalid read from stack off {}+{} size {size}: only certain calls may touch what is there",
                    span.min,
                    off - span.min
                ),
            )
        }
        None => Ok(()),
    }
}

/// The dynptr in a seat, if there is one.
fn seated(seat: Seat, state: &State) -> Option<Given> {
    let stack = &state.frames[seat.frame as usize].stack;
    let [low, high] = seat.slots().map(|index| stack.slot(index));
    if low.bytes[0] != Byte::Dynptr || high.bytes[0] != Byte::Dynptr {
        return None;
    }
    match (low.value.kind, high.value.kind) {
        (Kind::Dynptr { leads, half: Half::Low }, Kind::Dynptr { half: Half::High, .. })
            if low.value.id == high.value.id =>
        {
            Some(Given { leads, id: low.value.id, acquired: low.value.acquired })
        }
        _ => None,
    }
}

/// Destroys the dynptr that a slot is a half of, if it is.
fn destroy_dynptr(reg: Reg, frame: u8, index: usize, state: &mut State) -> Result<(), Reason> {
    let slot = state.frames[frame as usize].stack.slot(index);
    if slot.bytes[0] != Byte::Dynptr {
        return Ok(());
    }
    if slot.value.acquired != 0 {
        return refuse(reg, "cannot overwrite referenced dynptr: release it before".to_owned());
    }
    let other = match slot.value.kind {
        Kind::Dynptr { half: Half::Low, .. } => index - 1,
        _ => index + 1,
    };
    clear(state, frame as usize, index);
    clear(state, frame as usize, other);
    forget_slices(state, &[slot.value.id]);
    Ok(())
}

/// The first byte of the span that is a dynptr's.
fn first_special(frame: u8, span: Span, state: &State) -> Option<i64> {
    let stack = &state.frames[frame as usize].stack;
    (span.min..span.max).find(|off| stack.slot(place(*off).0).bytes[0].is_special())
}

/// Nothing is in the slot any more.
fn clear(state: &mut State, frame: usize, index: usize) {
    *state.frame_at_mut(frame).stack.slot_mut(index) = Slot::UNINIT;
    state.written[frame] |= 1 << index;
}

/// The dynptrs of these names are gone: what was taken from them is a number now.
fn forget_slices(state: &mut State, gone: &[Id]) {
    state.invalidate(|v| matches!(v.kind, Kind::Slice { dynptr, .. } if gone.contains(&dynptr)));
}
