//! A frame's stack, byte by byte, in slots of eight: a spilled register keeps everything known of it.
//! Source: the stack rules of kernel/bpf/verifier.c, Linux 6.18, for privileged programs: what was never written
//! may be read, as an unknown number. Frames whose programs do that start zeroed.

use crate::domain::Scalar;
use crate::value::Value;

/// Bytes of a frame's stack (`MAX_BPF_STACK`).
pub(crate) const STACK_BYTES: i64 = 512;

/// Bytes of a slot.
pub(crate) const SLOT: i64 = 8;

/// What a byte of the stack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Byte {
    /// Nothing was written.
    Uninit,
    /// Something.
    Misc,
    /// Zero.
    Zero,
    /// A part of the slot's spilled value.
    Spill,
    /// A part of a dynptr, which only calls may touch; the slot's value says of which.
    Dynptr,
    /// A part of an iterator, likewise.
    Iterator,
    /// A part of saved interrupt flags, likewise.
    IrqFlags,
}

impl Byte {
    /// Whether only calls may touch it; the slot's value says what it is a part of.
    pub(crate) const fn is_special(self) -> bool {
        matches!(self, Byte::Dynptr | Byte::Iterator | Byte::IrqFlags)
    }
}

/// Eight bytes, and the value spilled to the first of them.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Slot {
    pub(crate) bytes: [Byte; 8],
    pub(crate) value: Value,
}

impl Slot {
    pub(crate) const UNINIT: Slot = Slot { bytes: [Byte::Uninit; 8], value: Value::UNINIT };

    /// How many bytes the spilled value takes; 0 if there is none.
    pub(crate) fn spilled_bytes(&self) -> usize {
        self.bytes.iter().take_while(|b| **b == Byte::Spill).count()
    }

    /// Forgets the spilled value: its bytes hold something.
    pub(crate) fn scrub(&mut self) {
        for byte in &mut self.bytes {
            if *byte == Byte::Spill || byte.is_special() {
                *byte = Byte::Misc;
            }
        }
        self.value = Value::UNINIT;
    }

    /// What the slot holds as one number, if its bytes are all of a kind that is one.
    pub(crate) fn as_scalar(&self) -> Option<&Value> {
        if self.bytes == [Byte::Spill; 8] {
            return self.value.is_scalar().then_some(&self.value);
        }
        let anything = |b: &Byte| matches!(b, Byte::Misc | Byte::Uninit);
        (self.bytes == [Byte::Misc; 8] || self.bytes.iter().all(anything)).then_some(&SOME_NUMBER)
    }
}

/// What a slot is that was never used.
static UNUSED: Slot = Slot::UNINIT;

/// What a slot holds of which nothing is known.
static SOME_NUMBER: Value = Value::UNKNOWN;

/// The slots, from the frame pointer down, as far as they are used.
#[derive(Clone, Default)]
pub(crate) struct Stack {
    slots: Vec<Slot>,
}

/// The slot of a byte at this (negative) offset, and which of its bytes it is.
pub(crate) fn place(off: i64) -> (usize, usize) {
    (((-off - 1) / SLOT) as usize, off.rem_euclid(SLOT) as usize)
}

/// What a read of the stack gives.
pub(crate) enum Fill {
    /// The slot's spilled value, or its low bytes.
    Register(Value),
    /// A number that the slot's spilled value has a part in.
    PartOfNumber(Scalar),
    /// A number of its own.
    Number(Scalar),
    /// A part of a pointer, which no rule allows.
    PartOfPointer,
    /// A part of a dynptr, which only calls may touch.
    Special,
}

impl Stack {
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot; one that was never used holds nothing.
    pub(crate) fn slot(&self, index: usize) -> Slot {
        *self.get(index)
    }

    /// The same, where it lies.
    pub(crate) fn get(&self, index: usize) -> &Slot {
        self.slots.get(index).unwrap_or(&UNUSED)
    }

    /// The slot, to be changed.
    pub(crate) fn slot_mut(&mut self, index: usize) -> &mut Slot {
        if self.slots.len() <= index {
            self.slots.resize(index + 1, Slot::UNINIT);
        }
        &mut self.slots[index]
    }

    pub(crate) fn spilled(&self) -> impl Iterator<Item = &Value> {
        self.slots.iter().filter(|s| s.bytes[0] == Byte::Spill).map(|s| &s.value)
    }

    pub(crate) fn spilled_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.slots.iter_mut().filter(|s| s.bytes[0] == Byte::Spill).map(|s| &mut s.value)
    }

    /// Stores a register's value as a whole, at a slot's first byte; `size` is 8 unless it is a number. Gives the
    /// slot, by bit, if nothing of it is left.
    pub(crate) fn spill(&mut self, off: i64, size: usize, value: Value) -> u64 {
        let (index, byte) = place(off);
        debug_assert_eq!(byte, 0);
        let slot = self.slot_mut(index);
        if slot.spilled_bytes() > size || slot.bytes[0].is_special() {
            slot.scrub();
        }
        slot.bytes[..size].fill(Byte::Spill);
        slot.value = value;
        if size == 8 { 1 << index } else { 0 }
    }

    /// Stores bytes that are not tracked as a value. Gives the slots, by bit, of which nothing is left.
    pub(crate) fn store_bytes(&mut self, off: i64, size: i64, kind: Byte) -> u64 {
        let mut written = 0;
        for at in off..off + size {
            let (index, byte) = place(at);
            let slot = self.slot_mut(index);
            if slot.bytes[0] == Byte::Spill || slot.bytes[0].is_special() {
                slot.scrub();
            }
            slot.bytes[byte] = kind;
            let whole = at % SLOT == 0 && at + SLOT <= off + size;
            if whole {
                written |= 1 << index;
            }
        }
        written
    }

    /// Stores something at a place that is only known to lie in `off..end`: each byte may have changed.
    pub(crate) fn store_somewhere(&mut self, off: i64, end: i64, zero: bool) {
        for at in off..end {
            let (index, byte) = place(at);
            let slot = self.slot_mut(index);
            if slot.bytes[0] == Byte::Spill || slot.bytes[0].is_special() {
                if zero && slot.value.is_null_constant() {
                    continue;
                }
                slot.scrub();
            }
            if !(zero && slot.bytes[byte] == Byte::Zero) {
                slot.bytes[byte] = Byte::Misc;
            }
        }
    }

    /// What a read of `size` bytes gives; whether a byte of it was never written.
    pub(crate) fn load(&self, off: i64, size: usize) -> (Fill, bool) {
        let (index, byte) = place(off);
        let slot = self.slot(index);
        let spilled = slot.spilled_bytes();
        let bytes = &slot.bytes[byte..byte + size];
        let uninit = bytes.contains(&Byte::Uninit);
        if slot.bytes[0].is_special() {
            return (Fill::Special, false);
        }
        if spilled == 0 {
            let zero = bytes.iter().all(|b| *b == Byte::Zero);
            let number = if zero { Scalar::constant(0) } else { Scalar::of_bits(size as u32 * 8) };
            return (Fill::Number(number), uninit);
        }
        if !slot.value.is_scalar() {
            return (if size == 8 { Fill::Register(slot.value) } else { Fill::PartOfPointer }, uninit);
        }
        let fill = if byte == 0 && size <= spilled {
            let bits = size as u32 * 8;
            let whole = slot.value.num.full.umax <= crate::domain::ones(bits);
            let value = if whole || size == 8 { slot.value } else { slot.value.unlinked() };
            Fill::Register(Value { num: value.num.low_bits(bits), ..value })
        } else if bytes.iter().all(|b| *b == Byte::Zero) {
            Fill::Number(Scalar::constant(0))
        } else if bytes.iter().all(|b| *b == Byte::Spill) && slot.value.is_null_constant() {
            Fill::PartOfNumber(Scalar::constant(0))
        } else {
            Fill::Number(Scalar::of_bits(size as u32 * 8))
        };
        (fill, uninit)
    }
}
