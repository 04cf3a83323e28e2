//! Loads and stores: which memory a pointer leads to, whether all of the access is in it, and what is known after.
//! Source: `check_mem_access` and what it calls, kernel/bpf/verifier.c, Linux 6.18, for privileged programs.

use skep_abi::{FLOW_KEYS, MapFlags};
use skep_isa::{Insn, Op, Reg, Size};
use skep_obj::{MapInit, ProgFlags};

use crate::arith::MAX_OFFSET;
use crate::domain::Scalar;
use crate::dynptr::{overwrite_dynptrs, reads_no_dynptr};
use crate::error::Reason;
use crate::explore::Explorer;
use crate::level::Judgement;
use crate::pointer::{
    Access, Span, dereferenced, is_aligned, stack_aligned, stack_span, within_buffer, within_packet,
};
use crate::stack::{Byte, Fill, SLOT, place};
use crate::state::State;
use crate::value::{Flags, Kind, Value};
use crate::verified::{Fact, Region};

/// What a store stores.
#[derive(Clone, Copy)]
pub(crate) enum Stored {
    Register(Reg),
    Constant(u64),
    Unknown,
}

impl Explorer<'_> {
    /// What `*(size *)(reg + off)` holds.
    pub(crate) fn load(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        size: Size,
        state: &mut State,
    ) -> Result<Value, Reason> {
        let pointer = *state.reg(reg);
        dereferenced(reg, &pointer)?;
        self.memory_allowed(&pointer)?;
        let unknown = Value::scalar(Scalar::of_bits(size.bits()));
        match pointer.kind {
            Kind::Context => return self.load_context(at, insn, reg, &pointer, size),
            Kind::Stack { frame } => {
                self.note(at, Region::Stack)?;
                return self.load_stack(reg, frame, &pointer, insn.off, size, state);
            }
            Kind::Socket(kind) => {
                self.load_socket(at, insn, reg, &pointer, kind, size)?;
                return Ok(unknown);
            }
            Kind::Map(map) => {
                self.note(at, Region::Kernel)?;
                return self.load_map(insn, reg, &pointer, map, size);
            }
            Kind::Arena => {
                self.aligned(reg, &pointer, insn.off, size)?;
                self.note(at, Region::Kernel)?;
                return Ok(unknown);
            }
            _ => {}
        }
        self.note_region(at, &pointer)?;
        if pointer.is_object() {
            return self.load_object(insn, reg, &pointer, size, state);
        }
        if pointer.flags.has(Flags::READONLY.with(Flags::UNTRUSTED)) {
            // A read that faults gives 0.
            return Ok(unknown);
        }
        self.aligned(reg, &pointer, insn.off, size)?;
        let span = self.bounds(reg, &pointer, i64::from(insn.off), i64::from(size.bytes()), Access::Read)?;
        self.leaves_fields(reg, &pointer, span, true)?;
        if let Some(field) = self.pointer_field(&pointer, insn.off) {
            plain_access(reg, insn)?;
            return self.load_field(&field, state);
        }
        if let Some(constant) = self.constant_data(&pointer, insn.off, size) {
            return Ok(Value::constant(constant));
        }
        Ok(unknown)
    }

    /// `*(size *)(reg + off) = stored`.
    pub(crate) fn store(
        &mut self,
        at: usize,
        insn: &Insn,
        reg: Reg,
        size: Size,
        stored: Stored,
        state: &mut State,
    ) -> Result<(), Reason> {
        let pointer = *state.reg(reg);
        dereferenced(reg, &pointer)?;
        self.memory_allowed(&pointer)?;
        if let Stored::Register(register) = stored {
            self.no_leak_into(register, state.reg(register), pointer.kind)?;
        }
        match pointer.kind {
            Kind::Context => return self.store_context(at, insn, reg, &pointer, size),
            Kind::Stack { frame } => {
                self.note(at, Region::Stack)?;
                return self.store_stack(at, reg, frame, &pointer, insn.off, size, stored, state);
            }
            Kind::Packet { .. } | Kind::PacketMeta { .. }
                if !self.program.prog_type.packet_access().stores() =>
            {
                let kind = self.program.prog_type;
                let what = format!("cannot write into packet from programs of kind {kind}");
                return Err(Reason::Forbidden { register: reg.0, what });
            }
            Kind::Socket(kind) => {
                let what = format!("R{} cannot write into {}", reg.0, kind.name());
                return Err(Reason::Forbidden { register: reg.0, what });
            }
            Kind::Map(_) => {
                let what = format!("only read from {} is supported", pointer.kind.name());
                return Err(Reason::Forbidden { register: reg.0, what });
            }
            Kind::Arena => {
                self.aligned(reg, &pointer, insn.off, size)?;
                return self.note(at, Region::Kernel);
            }
            _ => {}
        }
        self.note_region(at, &pointer)?;
        if pointer.is_object() {
            return self.store_object(insn, reg, &pointer, size);
        }
        self.aligned(reg, &pointer, insn.off, size)?;
        let span = self.bounds(reg, &pointer, i64::from(insn.off), i64::from(size.bytes()), Access::Write)?;
        self.leaves_fields(reg, &pointer, span, true)?;
        if let Some(field) = self.pointer_field(&pointer, insn.off) {
            plain_access(reg, insn)?;
            let stored = match stored {
                Stored::Register(register) => Some(*state.reg(register)),
                Stored::Constant(0) => Some(Value::constant(0)),
                Stored::Constant(_) | Stored::Unknown => None,
            };
            return self.store_field(reg, &field, stored.as_ref());
        }
        Ok(())
    }

    /// Notes that an instruction accesses memory of this kind; the context is for instructions of its own, because
    /// they are rewritten.
    pub(crate) fn note(&mut self, at: usize, region: Region) -> Result<(), Reason> {
        let is_socket = |region: Region| matches!(region, Region::Socket(_));
        self.facts[at] = match self.facts[at] {
            // So are accesses to sockets.
            Fact::Memory(other) if other != region && (is_socket(other) || is_socket(region)) => {
                return Err(Reason::MixedPointers);
            }
            // Whoever can't give the kernel's memory must know that it is needed.
            Fact::Memory(Region::Kernel) => Fact::Memory(Region::Kernel),
            Fact::Memory(other) if other != region && region != Region::Kernel => Fact::Memory(Region::Mixed),
            Fact::Context { .. } => return Err(Reason::MixedPointers),
            _ => Fact::Memory(region),
        };
        Ok(())
    }

    fn note_region(&mut self, at: usize, pointer: &Value) -> Result<(), Reason> {
        let region = match pointer.kind {
            // Whatever a caller has.
            Kind::Memory { .. } if pointer.flags.has(Flags::ARGUMENT) => Region::Mixed,
            Kind::Packet { .. } => Region::Packet,
            Kind::PacketMeta { .. } => Region::PacketMeta,
            Kind::MapValue { .. } => Region::MapValue,
            Kind::Record { .. } => Region::Record,
            Kind::Memory { .. }
            | Kind::Object { .. }
            | Kind::Slice { .. }
            | Kind::MapKey { .. }
            | Kind::FlowKeys
            | Kind::Buffer => Region::Kernel,
            _ => Region::Given,
        };
        self.note(at, region)
    }

    fn strict_alignment(&self) -> bool {
        self.options.strict_alignment || self.program.flags.contains(ProgFlags::STRICT_ALIGNMENT)
    }

    /// Checks alignment where the options or the program ask for it.
    pub(crate) fn aligned(&self, reg: Reg, pointer: &Value, off: i16, size: Size) -> Result<(), Reason> {
        if self.strict_alignment() { is_aligned(reg, pointer, off, size) } else { Ok(()) }
    }

    /// Checks that a call may access `size` bytes at `reg + off`: all are in the memory that the pointer leads to.
    pub(crate) fn within(
        &self,
        reg: Reg,
        pointer: &Value,
        off: i64,
        size: i64,
        access: Access,
    ) -> Result<(), Reason> {
        let span = self.bounds(reg, pointer, off, size, access)?;
        self.leaves_fields(reg, pointer, span, false)
    }

    /// Checks that `size` bytes at `reg + off` are in the memory that the pointer leads to; gives where the access
    /// starts at least, and ends at most.
    fn bounds(
        &self,
        reg: Reg,
        pointer: &Value,
        off: i64,
        size: i64,
        access: Access,
    ) -> Result<(i64, i64), Reason> {
        let kind = pointer.kind.name();
        let limit = match pointer.kind {
            Kind::Packet { range } | Kind::PacketMeta { range } => {
                return within_packet(reg, pointer, off, size, i64::from(range)).map(|()| (0, 0));
            }
            Kind::MapValue { map, .. } => {
                self.map_allows(map, reg.0, access == Access::Write)?;
                i64::from(self.map(map)?.value_size)
            }
            Kind::FlowKeys => i64::from(FLOW_KEYS.size),
            Kind::Given => i64::from(self.options.memory.unwrap_or(0)),
            Kind::MapKey { .. } if access == Access::Write => {
                let what = format!("write to change key R{} not allowed", reg.0);
                return Err(Reason::Forbidden { register: reg.0, what });
            }
            Kind::MapKey { map } => i64::from(self.map(map)?.key_size),
            Kind::Memory { .. } | Kind::Slice { .. } | Kind::Buffer
                if access == Access::Write && pointer.flags.has(Flags::READONLY) =>
            {
                let what = format!("cannot write into {}", pointer.kind_name());
                return Err(Reason::Forbidden { register: reg.0, what });
            }
            Kind::Buffer => return within_buffer(reg, pointer, off).map(|()| (0, 0)),
            Kind::Record { size } | Kind::Memory { size } | Kind::Slice { size, .. } => i64::from(size),
            _ => return Err(Reason::NotAPointer { register: reg.0, found: kind }),
        };
        let start = i64::from(pointer.off) + off;
        let bounds = pointer.num.full;
        let min = start.checked_add(bounds.smin).filter(|min| *min >= 0);
        let Some(min) = min else {
            let min = start.saturating_add(bounds.smin);
            return Err(match pointer.num.as_constant() {
                Some(_) => Reason::OutOfBounds {
                    register: reg.0,
                    kind,
                    min,
                    max: min.saturating_add(size),
                    size: limit,
                },
                None => Reason::NegativeOffset { register: reg.0, kind, min },
            });
        };
        if bounds.umax >= MAX_OFFSET as u64 {
            return Err(Reason::UnboundedOffset { register: reg.0, kind, max: bounds.umax });
        }
        let max = start + bounds.umax as i64 + size;
        if max > limit {
            return Err(Reason::OutOfBounds { register: reg.0, kind, min, max, size: limit });
        }
        Ok((min, max))
    }

    /// The number that a read of a frozen, read-only data section gives.
    fn constant_data(&self, pointer: &Value, off: i16, size: Size) -> Option<u64> {
        let Kind::MapValue { map, .. } = pointer.kind else { return None };
        let spec = self.program.maps.get(map as usize)?;
        let MapInit::Data(data) = &spec.init else { return None };
        if !data.frozen || !spec.def.flags.contains(MapFlags::RDONLY_PROG) {
            return None;
        }
        let start = i64::from(pointer.off) + i64::from(off) + pointer.num.as_constant()? as i64;
        let start = usize::try_from(start).ok()?;
        let bytes = data.bytes.get(start..start + size.bytes() as usize)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn load_stack(
        &mut self,
        reg: Reg,
        frame: u8,
        pointer: &Value,
        off: i16,
        size: Size,
        state: &mut State,
    ) -> Result<Value, Reason> {
        stack_aligned(reg, pointer, off, size)?;
        let bytes = i64::from(size.bytes());
        let span = stack_span(reg, pointer, i64::from(off), bytes)?;
        self.note_stack(state.frames[frame as usize].function, span.min);
        self.stack_place_known(reg, pointer)?;
        if pointer.num.as_constant().is_none() {
            reads_no_dynptr(reg, frame, span, state)?;
            let zero = self.read_stack(frame, span, state);
            return Ok(Value::scalar(if zero { Scalar::constant(0) } else { Scalar::of_bits(size.bits()) }));
        }
        let (slot, _) = place(span.min);
        self.mark_stack_read(frame as usize, 1 << slot, state);
        let (fill, uninit) = state.frames[frame as usize].stack.load(span.min, bytes as usize);
        self.stack_bytes_written(reg, uninit, span)?;
        self.note_uninit(frame, uninit, state);
        let from_slot = Some((frame, slot as u8));
        let stored = state.frames[frame as usize].stack.slot(slot);
        let other_size = stored.spilled_bytes() != size.bytes() as usize && stored.value.is_scalar();
        if other_size && stored.spilled_bytes() > 0 && !self.judges.has(Judgement::FilledParts) {
            return Ok(Value::scalar(Scalar::of_bits(size.bits())));
        }
        Ok(match fill {
            Fill::Register(mut value) => {
                let linked = self.judges.has(Judgement::FollowedSpills);
                if linked
                    && value.is_scalar()
                    && value.id == 0
                    && size == Size::Dw
                    && value.as_constant().is_none()
                {
                    value.id = self.new_id();
                    state.frame_at_mut(frame as usize).stack.slot_mut(slot).value = value;
                }
                self.note_slot(from_slot);
                value
            }
            Fill::PartOfNumber(number) => {
                self.note_slot(from_slot);
                Value::scalar(number)
            }
            Fill::Number(number) => Value::scalar(number),
            Fill::PartOfPointer => return Err(Reason::PartOfPointer { store: false, size: size.bytes() }),
            Fill::Special => {
                reads_no_dynptr(reg, frame, span, state)?;
                Value::UNKNOWN
            }
        })
    }

    /// Whether what is stored is known again when it is loaded.
    fn follows(&self, stored: &Stored, value: &Value) -> bool {
        match stored {
            Stored::Unknown => false,
            // Of zeroes, every byte is known by itself.
            Stored::Constant(constant) => *constant != 0 || self.judges.has(Judgement::FilledParts),
            Stored::Register(_) => {
                let bounded =
                    value.num.full != Scalar::UNKNOWN.full || value.num.half != Scalar::UNKNOWN.half;
                !value.is_scalar() || bounded || self.judges.has(Judgement::FollowedSpills)
            }
        }
    }

    /// Notes the slot that the present instruction spills to or fills from.
    fn note_slot(&mut self, slot: Option<(u8, u8)>) {
        if let Some(passed) = self.history.last_mut() {
            passed.slot = slot;
        }
    }

    /// Notes that a frame may be read where nothing was written: it must start zeroed.
    pub(crate) fn note_uninit(&mut self, frame: u8, uninit: bool, state: &State) {
        if uninit {
            self.reads_uninit[state.frames[frame as usize].function] = true;
        }
    }

    /// A read of bytes of a frame that are not looked at one by one; whether all of them are zero.
    pub(crate) fn read_stack(&mut self, frame: u8, span: Span, state: &mut State) -> bool {
        let (mut slots, mut zero, mut uninit) = (0u64, true, false);
        for at in span.min..span.max {
            let (index, byte) = place(at);
            slots |= 1 << index;
            let kind = state.frames[frame as usize].stack.slot(index).bytes[byte];
            zero &= kind == Byte::Zero;
            uninit |= kind == Byte::Uninit;
        }
        self.mark_stack_read(frame as usize, slots, state);
        self.note_uninit(frame, uninit, state);
        zero && span.min < span.max
    }

    /// A store to bytes of a frame of which it is not known which it reaches: what is not reached, and was never
    /// written, can be read afterwards.
    pub(crate) fn store_somewhere(&mut self, frame: u8, span: Span, zero: bool, state: &mut State) {
        let stack = &mut state.frame_at_mut(frame as usize).stack;
        let uninit = (span.min..span.max).any(|at| {
            let (index, byte) = place(at);
            stack.slot(index).bytes[byte] == Byte::Uninit
        });
        stack.store_somewhere(span.min, span.max, zero);
        self.note_uninit(frame, uninit, state);
    }

    #[allow(clippy::too_many_arguments)] // an access has that many parts
    fn store_stack(
        &mut self,
        at: usize,
        reg: Reg,
        frame: u8,
        pointer: &Value,
        off: i16,
        size: Size,
        stored: Stored,
        state: &mut State,
    ) -> Result<(), Reason> {
        stack_aligned(reg, pointer, off, size)?;
        let bytes = i64::from(size.bytes());
        let span = stack_span(reg, pointer, i64::from(off), bytes)?;
        self.note_stack(state.frames[frame as usize].function, span.min);
        self.stack_place_known(reg, pointer)?;
        let value = match stored {
            Stored::Register(register) => *state.reg(register),
            Stored::Constant(constant) => Value::constant(constant),
            Stored::Unknown => Value::UNKNOWN,
        };
        let zero = value.is_null_constant();
        overwrite_dynptrs(reg, frame, span, state)?;
        if pointer.num.as_constant().is_none() {
            if zero && let Stored::Register(register) = stored {
                self.need_precise(state, register);
            }
            self.store_somewhere(frame, span, zero, state);
            return Ok(());
        }
        let (slot, byte) = place(span.min);
        if size != Size::Dw {
            self.spill_kept(reg, frame, span, state)?;
        }
        self.store_fenced(at, frame, span.min, bytes, &value, state);
        let caller = usize::from(frame) != state.depth();
        if value.is_pointer() {
            if size != Size::Dw {
                return Err(Reason::PartOfPointer { store: true, size: size.bytes() });
            }
            if caller && matches!(value.kind, Kind::Stack { .. }) {
                return Err(Reason::StackPointerEscapes {
                    how: "spill pointers to stack into stack frame of the caller",
                });
            }
        }
        let tracked = byte == 0 && self.follows(&stored, &value);
        if !tracked {
            let kind = if zero { Byte::Zero } else { Byte::Misc };
            if zero && let Stored::Register(register) = stored {
                self.need_precise(state, register);
            }
            let written = state.frame_at_mut(frame as usize).stack.store_bytes(span.min, bytes, kind);
            state.written[frame as usize] |= written;
            return Ok(());
        }
        let spilled = match stored {
            Stored::Register(register) if value.is_scalar() => {
                if value.num.full.umax <= crate::domain::ones(size.bits()) {
                    let linked = self.judges.has(Judgement::FollowedSpills);
                    if linked { self.copy(state, register) } else { value }
                } else {
                    Value::scalar(value.num.low_bits(size.bits()))
                }
            }
            _ if value.is_scalar() => Value::scalar(value.num.low_bits(size.bits())),
            _ => value,
        };
        let written = state.frame_at_mut(frame as usize).stack.spill(span.min, bytes as usize, spilled);
        state.written[frame as usize] |= written;
        self.note_slot(Some((frame, slot as u8)));
        debug_assert!(bytes <= SLOT);
        Ok(())
    }
}

/// Checks that an access to a pointer that the kernel owns is neither atomic nor sign-extending.
fn plain_access(reg: Reg, insn: &Insn) -> Result<(), Reason> {
    if matches!(insn.op(), Op::Load { signed: false, .. } | Op::Store { .. }) {
        return Ok(());
    }
    let what = "kptr in map can only be accessed using BPF_MEM instruction mode".to_owned();
    Err(Reason::Forbidden { register: reg.0, what })
}
