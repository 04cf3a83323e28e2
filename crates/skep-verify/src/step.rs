//! What each instruction does to the state, or why it may not.

use skep_isa::{AluOp, AtomicOp, Callee, Insn, Op, Reg, Size, Src, Wide, Width};

use crate::arena::is_arena;
use crate::domain::Scalar;
use crate::error::Reason;
use crate::exception::throws;
use crate::explore::{Explorer, Next};
use crate::flow::{is_jump, successors};
use crate::leave::may_leave;
use crate::level::Judgement;
use crate::memory::Stored;
use crate::options::Shifts;
use crate::pointer::{is_aligned, unmodified};
use crate::state::{Frame, MAX_FRAMES, Role, State};
use crate::value::{Kind, Value};

impl Explorer<'_> {
    /// One instruction.
    pub(crate) fn step(&mut self, at: usize, insn: &Insn, state: &mut State) -> Result<Next, Reason> {
        let (dst, src) = (insn.dst, insn.src);
        operands(insn, self.options.shifts)?;
        self.jumps += u64::from(is_jump(insn));
        match insn.op() {
            Op::Alu { op, width, src: operand } => self.alu(at, insn, op, width, operand, state)?,
            Op::Neg { width } => {
                let value = state.read(dst)?;
                self.no_leak(dst, &value, "pointer arithmetic prohibited")?;
                let num = if value.is_scalar() { value.num.neg(width) } else { unknown(width) };
                state.set(dst, Value::scalar(num));
            }
            Op::MovSx { width, from } => {
                let value = state.read(src)?;
                self.no_leak(src, &value, "sign-extension part of pointer")?;
                let num = if value.is_scalar() { value.num } else { Scalar::UNKNOWN };
                let num = num.sign_extend(from.bits(), width);
                // The copy of a number that sign extension leaves as it is stays linked to it.
                let same = value.is_scalar() && width == Width::W64 && fits_signed(&value.num, from);
                let value = if same { self.copy(state, src) } else { Value::scalar(num) };
                state.set(dst, value);
            }
            Op::End { order, size } => {
                let value = state.read(dst)?;
                self.no_leak(dst, &value, "pointer arithmetic prohibited")?;
                let num = if value.is_scalar() { value.num } else { Scalar::UNKNOWN };
                state.set(dst, Value::scalar(num.swap(order, size)));
            }
            Op::Ja { .. } => {
                let [Some(next), _] = successors(insn, at) else { return Ok(Next::End) };
                return Ok(Next::Slot(next));
            }
            Op::Jump { cond, width, src: operand } => {
                return self.jump(at, insn, cond, width, operand, state);
            }
            Op::MayGoto => return self.may_goto(at, insn, state),
            Op::Call(Callee::Helper) => self.call_helper(at, insn.imm as u32, state)?,
            Op::Call(Callee::Local) => return self.call_local(at, insn, state),
            Op::Exit => return self.exit(state),
            Op::Load { size, signed } => {
                state.read(src)?;
                let value = self.load(at, insn, src, size, state)?;
                let value = match (signed, value.is_scalar()) {
                    (false, _) => value,
                    (true, true) if fits_signed(&value.num, size) => value,
                    (true, true) => Value::scalar(value.num.sign_extend(size.bits(), Width::W64)),
                    (true, false) => {
                        let what = format!("sign-extending load of a {}", value.kind.name());
                        return Err(Reason::Forbidden { register: src.0, what });
                    }
                };
                state.set(dst, value);
            }
            Op::LoadAcquire { size } => {
                state.read(src)?;
                atomic_memory(state, src)?;
                is_aligned(src, state.reg(src), insn.off, size)?;
                let value = self.load(at, insn, src, size, state)?;
                state.set(dst, value);
            }
            Op::Store { size, src: operand } => {
                let stored = match operand {
                    Src::Imm => Stored::Constant(insn.imm as u64),
                    Src::Reg => {
                        state.read(src)?;
                        Stored::Register(src)
                    }
                };
                state.read(dst)?;
                self.store(at, insn, dst, size, stored, state)?;
            }
            Op::StoreRelease { size } => {
                state.read(src)?;
                state.read(dst)?;
                atomic_memory(state, dst)?;
                is_aligned(dst, state.reg(dst), insn.off, size)?;
                self.store(at, insn, dst, size, Stored::Register(src), state)?;
            }
            Op::Atomic { op, size, fetch } => self.atomic(at, insn, op, size, fetch, state)?,
            Op::LoadPacket { size, indirect } => self.load_packet(at, insn, size, indirect, state)?,
            Op::Wide(kind) => self.wide(at, insn, kind, state)?,
            Op::AddrSpaceCast => self.cast_address(insn, state)?,
            Op::GotoX => return unsupported("an indirect jump"),
            Op::CallX => self.call_register(at, dst, state)?,
            Op::Call(Callee::Kfunc) if throws(self.program, insn) => {
                self.function_is_there(insn)?;
                return self.throw(insn, state);
            }
            Op::Call(Callee::Kfunc) => self.call_kfunc(at, insn.imm, state)?,
            // Refused before the walk; and operations that the table may get later.
            _ => return unsupported("this instruction"),
        }
        Ok(Next::Slot(at + insn.slots()))
    }

    /// A register's value for a second place: a number and its copy are linked, so that what is learnt of one
    /// holds for the other.
    pub(crate) fn copy(&mut self, state: &mut State, reg: Reg) -> Value {
        let value = *state.reg(reg);
        if !value.is_scalar() || value.id != 0 || value.as_constant().is_some() {
            return value;
        }
        let linked = Value { id: self.new_id(), ..value.unlinked() };
        state.set(reg, linked);
        linked
    }

    /// A wide load.
    fn wide(&mut self, at: usize, insn: &Insn, kind: Wide, state: &mut State) -> Result<(), Reason> {
        let (low, high) = insn.wide_halves();
        let map = low as u32;
        let value = match kind {
            Wide::Imm => Value::constant(insn.imm as u64),
            Wide::MapIdx => {
                self.map(map)?;
                Value::pointer(Kind::Map(map))
            }
            // Its address in user space, a number.
            Wide::MapIdxValue if is_arena(self.program, map) => Value::UNKNOWN,
            Wide::MapIdxValue => {
                let def = self.map(map)?;
                if def.map_type != skep_abi::MapType::Array || def.max_entries != 1 {
                    let why = format!("map {map} has no value of its own to point into");
                    return Err(Reason::BadOperand { why });
                }
                if high < 0 || high as u32 >= def.value_size {
                    let why = format!(
                        "invalid access to map value pointer, value_size={} off={high}",
                        def.value_size
                    );
                    return Err(Reason::BadOperand { why });
                }
                Value { off: high, ..Value::pointer(Kind::MapValue { map }) }
            }
            Wide::MapFd | Wide::MapValue => return unsupported("a map by its descriptor").map(|_| ()),
            Wide::BtfId => self.kernel_variable(insn.imm)?,
            Wide::Func => self.function_address(at, insn)?,
        };
        state.set(insn.dst, value);
        Ok(())
    }

    /// `r0 = packet[imm]`: like a call, it leaves r1 to r5 without values.
    fn load_packet(
        &mut self,
        at: usize,
        insn: &Insn,
        size: Size,
        indirect: bool,
        state: &mut State,
    ) -> Result<(), Reason> {
        if !self.program.prog_type.loads_packet() {
            let what = format!(
                "BPF_LD_[ABS|IND] instructions not allowed for programs of kind {}",
                self.program.prog_type
            );
            return Err(Reason::Forbidden { register: 6, what });
        }
        may_leave(state, "BPF_LD_[ABS|IND], which may end the program")?;
        let skb = state.read(Reg::R6)?;
        if skb.kind != Kind::Context {
            let found = skb.to_string();
            let expected = "ctx".to_owned();
            return Err(Reason::Argument { register: 6, function: "BPF_LD_[ABS|IND]", expected, found });
        }
        unmodified(Reg::R6, &skb)?;
        if indirect {
            state.read(insn.src)?;
        }
        state.clobber();
        if state.depth() > 0 {
            // Where there is no such packet, the function ends.
            self.push_returned(at, state)?;
        }
        state.set(Reg::R0, Value::scalar(Scalar::of_bits(size.bits())));
        Ok(())
    }

    /// An atomic read-modify-write.
    fn atomic(
        &mut self,
        at: usize,
        insn: &Insn,
        op: AtomicOp,
        size: Size,
        fetch: bool,
        state: &mut State,
    ) -> Result<(), Reason> {
        let (dst, src) = (insn.dst, insn.src);
        let operand = state.read(src)?;
        if op == AtomicOp::CmpXchg {
            let compared = state.read(Reg::R0)?;
            self.no_leak(Reg::R0, &compared, "leaks addr into mem")?;
        }
        self.no_leak(src, &operand, "leaks addr into mem")?;
        state.read(dst)?;
        atomic_memory(state, dst)?;
        let pointer = state.reg(dst);
        if matches!(pointer.kind, Kind::Stack { .. }) && pointer.num.as_constant().is_none() {
            let what = "BPF_ATOMIC on a variable offset stack pointer is not allowed".to_owned();
            return Err(Reason::Forbidden { register: dst.0, what });
        }
        is_aligned(dst, state.reg(dst), insn.off, size)?;
        let old = self.load(at, insn, dst, size, state)?;
        self.no_leak(dst, &old, "leads to a spilled pointer, which leaks from the stack")?;
        if !fetch && let Some(passed) = self.history.last_mut() {
            // Nothing is filled from the slot.
            passed.slot = None;
        }
        self.store(at, insn, dst, size, Stored::Unknown, state)?;
        if fetch {
            state.set(if op == AtomicOp::CmpXchg { Reg::R0 } else { src }, old);
        }
        Ok(())
    }

    /// A call of one of the program's functions: it is walked in place, with what is known at this call.
    fn call_local(&mut self, at: usize, insn: &Insn, state: &mut State) -> Result<Next, Reason> {
        let start = (at as i64 + 1 + insn.imm) as usize;
        let callee = self.flow.function[start] as usize;
        if self.globals.has(callee) {
            return self.call_global(at, callee, state);
        }
        if state.is_locked() && !self.judges.has(Judgement::LocksAcrossCalls) {
            let what = "function calls are not allowed while holding a lock".to_owned();
            return Err(Reason::Forbidden { register: 0, what });
        }
        let limit = self.options.limits.frames.min(MAX_FRAMES);
        if state.frames.len() >= limit {
            return Err(Reason::TooManyFrames { limit });
        }
        let mut frame = Frame::new(callee, state.frames.len(), at);
        frame.regs[1..=5].copy_from_slice(&state.frame().regs[1..=5]);
        // Nothing of an earlier activation can be read.
        state.written[state.frames.len()] = u64::MAX;
        state.frame_mut().regs[0] = Value::UNINIT;
        state.clobber();
        state.frames.push(frame.into());
        Ok(Next::Slot(start))
    }

    /// The end of a function.
    fn exit(&mut self, state: &mut State) -> Result<Next, Reason> {
        if state.depth() == 0 {
            self.no_leak(Reg::R0, state.reg(Reg::R0), "leaks addr as return value")?;
            if let Role::Async { ret } = state.frame().role {
                self.returns_within(ret, "At async callback", state)?;
            } else if state.frame().function == 0 || self.handler == Some(state.frame().function) {
                self.check_returned(Reg::R0, state)?;
            } else {
                let result = state.read(Reg::R0)?;
                if !result.is_scalar() {
                    return Err(Reason::NotAResult { found: result.to_string() });
                }
            }
            may_leave(state, "the program ends")?;
            return Ok(Next::End);
        }
        if !self.judges.has(Judgement::LocksAcrossCalls) && state.is_locked() {
            may_leave(state, "a function returns")?;
        }
        if let Role::Callback { ret, .. } = state.frame().role {
            return self.end_callback(ret, state);
        }
        // A function without a result leaves nothing in r0, which is wrong only where it is read.
        let result = *state.reg(Reg::R0);
        if matches!(result.kind, Kind::Stack { .. }) {
            return Err(Reason::StackPointerEscapes { how: "return stack pointer to the caller" });
        }
        let call_site = state.frame().call_site;
        state.frames.pop();
        state.set(Reg::R0, result);
        Ok(Next::Slot(call_site + 1))
    }
}

/// Checks operands that are wrong whatever the registers hold, where the instruction is reached at all.
fn operands(insn: &Insn, shifts: Shifts) -> Result<(), Reason> {
    let Some(row) = insn.row() else { return Ok(()) };
    let writes = |reg| row.dst.writes() && insn.dst == reg || row.src.writes() && insn.src == reg;
    if writes(Reg::R10) {
        return Err(Reason::FramePointerWritten);
    }
    let Op::Alu { op, width, src: Src::Imm } = insn.op() else { return Ok(()) };
    let bits = bits(width);
    match op {
        AluOp::Lsh | AluOp::Rsh | AluOp::Arsh
            if shifts == Shifts::Linux && !(0..bits).contains(&insn.imm) =>
        {
            let why = format!("invalid shift {}, expected 0 to {}", insn.imm, bits - 1);
            Err(Reason::BadOperand { why })
        }
        AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod if insn.imm == 0 => {
            Err(Reason::BadOperand { why: "division by zero".to_owned() })
        }
        _ => Ok(()),
    }
}

/// A width in bits.
pub(crate) fn bits(width: Width) -> i64 {
    match width {
        Width::W32 => 32,
        Width::W64 => 64,
    }
}

/// What a 32-bit or 64-bit result is at least known to be.
pub(crate) fn unknown(width: Width) -> Scalar {
    match width {
        Width::W32 => Scalar::of_bits(32),
        Width::W64 => Scalar::UNKNOWN,
    }
}

/// Whether sign extension from this size leaves the number as it is.
fn fits_signed(num: &Scalar, size: Size) -> bool {
    let limit = 1i64 << (size.bits() - 1).min(62);
    size == Size::Dw || num.full.smin >= -limit && num.full.smax < limit
}

/// A refusal of something by its name.
pub(crate) fn unsupported(what: &str) -> Result<Next, Reason> {
    Err(Reason::Unsupported { what: what.to_owned() })
}

/// Checks that atomics may work on the memory.
fn atomic_memory(state: &State, reg: Reg) -> Result<(), Reason> {
    let kind = state.reg(reg).kind;
    let forbidden = matches!(
        kind,
        Kind::Context | Kind::Packet { .. } | Kind::PacketMeta { .. } | Kind::FlowKeys | Kind::Socket(_)
    );
    if forbidden {
        let what = format!("BPF_ATOMIC stores into R{} {} is not allowed", reg.0, kind.name());
        return Err(Reason::Forbidden { register: reg.0, what });
    }
    Ok(())
}
