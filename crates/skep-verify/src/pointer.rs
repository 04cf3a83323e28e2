//! Checks of a pointer before memory is accessed through it: is it one, is the access in bounds, is it aligned.

use skep_isa::{Reg, Size};

use crate::arith::MAX_OFFSET;
use crate::domain::Tnum;
use crate::error::Reason;
use crate::stack::STACK_BYTES;
use crate::value::{Kind, Value};

/// How memory is accessed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The bytes of an access, relative to where the pointer's kind starts counting.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) min: i64,
    /// One past the last.
    pub(crate) max: i64,
}

/// Checks that the value is a pointer to memory, and not null.
pub(crate) fn dereferenced(reg: Reg, pointer: &Value) -> Result<(), Reason> {
    match pointer.kind {
        Kind::Uninit | Kind::Scalar | Kind::PacketEnd => {
            Err(Reason::NotAPointer { register: reg.0, found: pointer.kind.name() })
        }
        _ if pointer.nullable => {
            Err(Reason::MaybeNull { register: reg.0, kind: pointer.kind_name().into_owned() })
        }
        _ => Ok(()),
    }
}

/// Checks that a context pointer is as it was received.
pub(crate) fn unmodified(reg: Reg, pointer: &Value) -> Result<(), Reason> {
    if pointer.is_unmodified() {
        return Ok(());
    }
    Err(Reason::ModifiedPointer { register: reg.0, kind: pointer.kind.name(), now: pointer.to_string() })
}

/// The bytes of the frame that an access through a stack pointer may touch.
pub(crate) fn stack_span(reg: Reg, pointer: &Value, off: i64, size: i64) -> Result<Span, Reason> {
    let start = i64::from(pointer.off) + off;
    let bounds = pointer.num.full;
    if bounds.smin <= -MAX_OFFSET || bounds.smax >= MAX_OFFSET {
        let max = bounds.smax as u64;
        return Err(Reason::UnboundedOffset { register: reg.0, kind: "fp", max });
    }
    let (min, max) = (start + bounds.smin, start + bounds.smax + size);
    if min < -STACK_BYTES || max > 0 {
        return Err(Reason::StackOutOfBounds { register: reg.0, min, max });
    }
    Ok(Span { min, max })
}

/// Checks that stack accesses are aligned to their size, which byte-wise tracking relies on.
pub(crate) fn stack_aligned(reg: Reg, pointer: &Value, off: i16, size: Size) -> Result<(), Reason> {
    let off = i64::from(pointer.off) + i64::from(off);
    let bits = pointer.num.bits.add(Tnum::constant(off as u64));
    if bits.max() & u64::from(size.bytes() - 1) != 0 {
        return Err(Reason::Misaligned { register: reg.0, kind: "stack", off, size: size.bytes() });
    }
    Ok(())
}

/// Checks that an access lies in what is known to be in the packet.
pub(crate) fn within_packet(
    reg: Reg,
    pointer: &Value,
    off: i64,
    size: i64,
    range: i64,
) -> Result<(), Reason> {
    let kind = pointer.kind.name();
    if pointer.num.full.smin < 0 {
        return Err(Reason::NegativeOffset { register: reg.0, kind, min: pointer.num.full.smin });
    }
    let min = i64::from(pointer.off) + off;
    let max = min + size;
    if min < 0 || max > range {
        return Err(Reason::OutOfBounds { register: reg.0, kind, min, max, size: range });
    }
    Ok(())
}

/// Checks an access to a buffer whose size only the place knows that a program is attached to: it is compared there with
/// how far the program reaches.
pub(crate) fn within_buffer(reg: Reg, pointer: &Value, off: i64) -> Result<(), Reason> {
    let kind = pointer.kind.name();
    let min = i64::from(pointer.off) + off;
    if min < 0 {
        return Err(Reason::NegativeOffset { register: reg.0, kind, min });
    }
    if pointer.num.as_constant() != Some(0) {
        let max = pointer.num.full.umax;
        return Err(Reason::UnboundedOffset { register: reg.0, kind, max });
    }
    Ok(())
}

/// Checks that an access is aligned to its size.
pub(crate) fn is_aligned(reg: Reg, pointer: &Value, off: i16, size: Size) -> Result<(), Reason> {
    // The packet starts two bytes before an aligned address, so that the headers after Ethernet's are aligned.
    let base = if matches!(pointer.kind, Kind::Packet { .. }) { 2 } else { 0 };
    let off = base + i64::from(pointer.off) + i64::from(off);
    let bits = pointer.num.bits.add(Tnum::constant(off as u64));
    if bits.max() & u64::from(size.bytes() - 1) != 0 {
        return Err(Reason::Misaligned {
            register: reg.0,
            kind: pointer.kind.name(),
            off,
            size: size.bytes(),
        });
    }
    Ok(())
}
