//! Arithmetic on values: on numbers by the domain, on pointers by the rules that keep them pointers.
//! Source: `adjust_ptr_min_max_vals` of kernel/bpf/verifier.c, Linux 6.18, for privileged programs.

use skep_isa::{AluOp, Insn, Reg, Src, Width};

use crate::arena;
use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::Explorer;
use crate::level::Judgement;
use crate::options::Rules;
use crate::state::State;
use crate::step::{bits, unknown};
use crate::value::{Flags, Kind, Value};

/// No offset may come near this: sums of a few then can't overflow (`BPF_MAX_VAR_OFF`).
pub(crate) const MAX_OFFSET: i64 = 1 << 29;

impl Explorer<'_> {
    /// `dst op= operand`.
    pub(crate) fn alu(
        &mut self,
        at: usize,
        insn: &Insn,
        op: AluOp,
        width: Width,
        operand: Src,
        state: &mut State,
    ) -> Result<(), Reason> {
        let right = match operand {
            Src::Imm => Value::constant(immediate(insn.imm, op, width)),
            Src::Reg => state.read(insn.src)?,
        };
        if op == AluOp::Mov {
            if width == Width::W32 {
                self.no_leak(insn.src, &right, "partial copy of pointer")?;
            }
            let value = match (operand, width) {
                (Src::Imm, Width::W64) => right,
                (Src::Imm, Width::W32) => Value::scalar(right.num.truncated()),
                (Src::Reg, Width::W64) => self.copy(state, insn.src),
                (Src::Reg, Width::W32) if !right.is_scalar() => Value::scalar(unknown(width)),
                // A number that fits stays linked to its copy.
                (Src::Reg, Width::W32) if fits_narrow(&right.num) => self.copy(state, insn.src),
                (Src::Reg, Width::W32) => Value::scalar(right.num.truncated()),
            };
            state.set(insn.dst, value);
            return Ok(());
        }
        let left = state.read(insn.dst)?;
        self.arithmetic_allowed(insn.dst, op, width, (&left, &right))?;
        if let Some(pointer) = arena::moved(&left, &right) {
            state.set(insn.dst, pointer);
            return Ok(());
        }
        let value = match (left.is_pointer(), right.is_pointer()) {
            (false, false) => {
                self.confine_numbers(at, insn, op, operand)?;
                let mut value = numbers(op, width, operand, &left, &right);
                if matches!(op, AluOp::Add | AluOp::Sub) && !self.judges.has(Judgement::WrappedSums) {
                    value.num = left.num.sum_without_wrap(op, width, right.num);
                }
                Ok(value)
            }
            (true, true) => pointers(insn, op, width, &left),
            (true, false) => {
                if operand == Src::Reg {
                    self.need_precise(state, insn.src);
                }
                self.moved(at, insn, (op, width, operand), (&left, &right), false, state)
            }
            (false, true) => {
                self.need_precise(state, insn.dst);
                self.moved(at, insn, (op, width, operand), (&right, &left), true, state)
            }
        };
        let value = match value {
            // An address is a number too; only what is accessed through it must be proved.
            Err(_) if self.options.rules == Rules::Safety && self.may_leak() => Value::scalar(unknown(width)),
            value => value?,
        };
        state.set(insn.dst, value);
        Ok(())
    }

    /// A pointer plus or minus a number. `swapped` says that the number was on the left.
    fn moved(
        &mut self,
        at: usize,
        insn: &Insn,
        (op, width, operand): (AluOp, Width, Src),
        (pointer, number): (&Value, &Value),
        swapped: bool,
        state: &State,
    ) -> Result<Value, Reason> {
        let register = insn.dst;
        let refuse = |why: &str| {
            Err(Reason::PointerArithmetic {
                register: register.0,
                kind: pointer.kind.name(),
                why: why.to_owned(),
            })
        };
        if width == Width::W32 {
            if op == AluOp::Sub {
                return Ok(Value::scalar(unknown(width)));
            }
            return refuse("32-bit pointer arithmetic");
        }
        if pointer.may_be_null() {
            return refuse("null-check it first");
        }
        match pointer.kind {
            Kind::Map(_) if number.as_constant() == Some(0) && op == AluOp::Add => {}
            Kind::FlowKeys if number.as_constant().is_some() => {}
            Kind::Map(_) | Kind::PacketEnd | Kind::Socket(_) | Kind::FlowKeys => {
                return refuse("it can't be moved");
            }
            _ => {}
        }
        match op {
            AluOp::Add => {}
            AluOp::Sub if swapped => return refuse("tried to subtract pointer from scalar"),
            AluOp::Sub if matches!(pointer.kind, Kind::Stack { .. }) => {
                return refuse("subtraction from stack pointer prohibited, add a negative number");
            }
            AluOp::Sub => {}
            AluOp::And | AluOp::Or | AluOp::Xor => return refuse("bitwise operator on pointer"),
            _ => return refuse("only addition and subtraction keep a pointer"),
        }
        sane(register, pointer.kind, &number.num)?;
        let planned = self.before_move(at, insn, op, operand, (pointer, number), state)?;
        // Where it is now, it may be before the packet's end again.
        let flags = pointer.flags.without(Flags::AT_END.with(Flags::BEYOND_END));
        let mut result = Value { flags, ..*pointer };
        let distance = number.num.as_constant().map(|c| c as i64);
        let off = match (op, distance) {
            (AluOp::Add, Some(c)) => i64::from(pointer.off).checked_add(c),
            (_, Some(c)) => i64::from(pointer.off).checked_sub(c),
            _ => None,
        };
        if let Some(off) = off.and_then(|off| i32::try_from(off).ok()) {
            result.off = off;
        } else {
            result.num = pointer.num.alu(op, Width::W64, number.num);
            if let Kind::Packet { .. } | Kind::PacketMeta { .. } = pointer.kind {
                // Another place: what was compared with the end tells nothing of it, unless it is a lower one.
                result.id = self.new_id();
                if op == AluOp::Add || number.num.full.smin < 0 {
                    result.kind = without_range(pointer.kind);
                }
            }
        }
        if i64::from(result.off).abs() >= MAX_OFFSET {
            return refuse(&format!("pointer offset {} is not allowed", result.off));
        }
        sane(register, result.kind, &result.num)?;
        self.after_move(at, insn, op, operand, planned, &result)?;
        Ok(result)
    }
}

/// The number that an immediate stands for: of a shift's count, the bits that count. Counts beyond them get here only
/// where [`crate::Shifts`] lets them.
fn immediate(imm: i64, op: AluOp, width: Width) -> u64 {
    match op {
        AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => imm as u64 & (bits(width) - 1) as u64,
        _ => imm as u64,
    }
}

/// A packet pointer of which nothing is known to be in the packet.
pub(crate) fn without_range(kind: Kind) -> Kind {
    match kind {
        Kind::Packet { .. } => Kind::Packet { range: 0 },
        Kind::PacketMeta { .. } => Kind::PacketMeta { range: 0 },
        other => other,
    }
}

/// Two pointers: their difference is a number, nothing else is anything.
fn pointers(insn: &Insn, op: AluOp, width: Width, left: &Value) -> Result<Value, Reason> {
    if op == AluOp::Sub {
        return Ok(Value::scalar(unknown(width)));
    }
    Err(Reason::PointerArithmetic {
        register: insn.dst.0,
        kind: left.kind.name(),
        why: format!("pointer {op:?} pointer").to_lowercase(),
    })
}

/// Checks that a number that moves a pointer, or has moved one, is bounded.
fn sane(register: Reg, kind: Kind, num: &Scalar) -> Result<(), Reason> {
    let why = match num.as_constant().map(|c| c as i64) {
        Some(c) if c >= MAX_OFFSET || c <= -MAX_OFFSET => {
            format!("math between {} pointer and {c}", kind.name())
        }
        Some(_) => return Ok(()),
        None if num.full.smin == i64::MIN => {
            format!("math between {} pointer and register with unbounded min value", kind.name())
        }
        None if num.full.smin >= MAX_OFFSET || num.full.smin <= -MAX_OFFSET => {
            format!("value {} makes {} pointer be out of bounds", num.full.smin, kind.name())
        }
        None => return Ok(()),
    };
    Err(Reason::PointerArithmetic { register: register.0, kind: kind.name(), why })
}

/// Arithmetic on numbers.
fn numbers(op: AluOp, width: Width, operand: Src, left: &Value, right: &Value) -> Value {
    let num = left.num.alu(op, width, right.num);
    // A constant more or less than a linked number stays linked: of a narrow one, the low half does.
    let constant = right.num.as_constant().map(|c| c as i64);
    let distance = match (op, constant) {
        (AluOp::Add, Some(c)) => Some(c),
        (AluOp::Sub, Some(c)) => c.checked_neg(),
        _ => None,
    };
    // After a step at 32 bits, which may have wrapped, a step at 64 goes where no step of the number itself leads.
    let fits = if width == Width::W64 { !left.narrow } else { fits_narrow(&left.num) };
    if let (true, Some(distance)) = (left.id != 0 && operand == Src::Imm && fits, distance)
        && let Some(off) = i64::from(left.off).checked_add(distance)
        && let Ok(off) = i32::try_from(off)
        && num.as_constant().is_none()
    {
        let narrow = left.narrow || width == Width::W32;
        return Value { off, id: left.id, narrow, ..Value::scalar(num) };
    }
    Value::scalar(num)
}

/// Whether a number has nothing above its low half.
pub(crate) fn fits_narrow(num: &Scalar) -> bool {
    u32::try_from(num.full.umax).is_ok()
}
