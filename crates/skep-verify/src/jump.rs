//! Conditional jumps: which ways are possible, and what each tells of the operands.
//! Source: `check_cond_jmp_op` of kernel/bpf/verifier.c, Linux 6.18, for privileged programs.

use skep_isa::{Cond, Insn, Reg, Src, Width};

use crate::arith::fits_narrow;
use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::{Explorer, Holder, Next};
use crate::level::Judgement;
use crate::state::State;
use crate::value::{Flags, Id, Kind, Value};

/// Packet offsets above this are not compared with the packet's end (`MAX_PACKET_OFF`).
const MAX_PACKET_OFFSET: u64 = 0xffff;

/// How many linked values a branch may tell something of: those beyond lose their link.
const MAX_LINKED: usize = 16;

/// What a comparison tells of both numbers on one way; nothing where that way is not possible.
type Told = Option<(Scalar, Scalar)>;

impl Explorer<'_> {
    /// `if dst cond operand goto target`.
    #[allow(clippy::too_many_arguments)] // a jump has that many parts
    pub(crate) fn jump(
        &mut self,
        at: usize,
        insn: &Insn,
        cond: Cond,
        width: Width,
        operand: Src,
        state: &mut State,
    ) -> Result<Next, Reason> {
        let left = state.read(insn.dst)?;
        let right = match operand {
            Src::Imm => Value::constant(insn.imm as u64),
            Src::Reg => state.read(insn.src)?,
        };
        let (next, target) = (at + 1, (at as i64 + 1 + i64::from(insn.off)) as usize);
        if left.is_scalar() && right.is_scalar() {
            return self.jump_on_numbers(insn, cond, width, operand, (&left, &right), (next, target), state);
        }
        let equality = matches!(cond, Cond::Eq | Cond::Ne) && width == Width::W64;
        if equality && operand == Src::Imm && insn.imm == 0 && left.may_be_null() {
            let mut other = state.clone();
            let named = self.may_be_locked(&left);
            set_null(&mut other, left.id, cond == Cond::Eq, named);
            set_null(state, left.id, cond == Cond::Ne, named);
            self.push(target, other)?;
            return Ok(Next::Slot(next));
        }
        if equality {
            let (pointer, other, number) =
                if left.is_scalar() { (&right, &left, insn.dst) } else { (&left, &right, insn.src) };
            if pointer.is_not_null() && other.is_null_constant() {
                if operand == Src::Reg {
                    self.need_precise(state, number);
                }
                let (right, wrong) = if cond == Cond::Ne { (target, next) } else { (next, target) };
                self.mispredict(insn, operand, wrong, state)?;
                return Ok(Next::Slot(right));
            }
        }
        let packet = PacketComparison::of(insn, cond, &left, &right).filter(|_| width == Width::W64);
        if let Some(holds) = packet.as_ref().and_then(PacketComparison::decided) {
            let (right, wrong) = if holds { (target, next) } else { (next, target) };
            self.mispredict(insn, operand, wrong, state)?;
            return Ok(Next::Slot(right));
        }
        let mut other = state.clone();
        let purposeful = packet.is_some_and(|packet| packet.learn(state, &mut other));
        self.comparison_allowed(insn, (&left, &right), purposeful)?;
        let equal = if cond == Cond::Eq { &mut other } else { &mut *state };
        if equality && operand == Src::Reg && self.judges.has(Judgement::NullnessByComparison) {
            equal_pointers(equal, insn, &left, &right);
        }
        self.push(target, other)?;
        Ok(Next::Slot(next))
    }

    #[allow(clippy::too_many_arguments)] // a jump has that many parts
    fn jump_on_numbers(
        &mut self,
        insn: &Insn,
        cond: Cond,
        width: Width,
        operand: Src,
        (left, right): (&Value, &Value),
        (next, target): (usize, usize),
        state: &mut State,
    ) -> Result<Next, Reason> {
        let same = operand == Src::Reg && insn.dst == insn.src;
        let (taken, passed) = self.assumed(cond, width, left.num, right.num);
        let (Some(taken), Some(passed)) = (taken, passed) else {
            // Only what is known of the operands decides: it must hold on every path that is pruned by this one.
            self.need_precise(state, insn.dst);
            if operand == Src::Reg {
                self.need_precise(state, insn.src);
            }
            let (right, wrong) = match (taken, passed) {
                (Some(_), None) => (target, next),
                (None, Some(_)) => (next, target),
                // No number is left: nothing ever comes here.
                _ => return Ok(Next::End),
            };
            self.mispredict(insn, operand, wrong, state)?;
            return Ok(Next::Slot(right));
        };
        if same {
            self.push(target, state.clone())?;
            return Ok(Next::Slot(next));
        }
        let mut holders = linked(state, left.id);
        if operand == Src::Reg && right.id != left.id {
            holders.extend(linked(state, right.id));
        }
        if !holders.is_empty()
            && let Some(passed) = self.history.last_mut()
        {
            self.links.push(holders);
            passed.links = self.links.len() as u32;
        }
        let mut other = state.clone();
        learn(&mut other, insn, operand, left, right, taken);
        learn(state, insn, operand, left, right, passed);
        // Of two ways, the one on which less is known is followed first: what was found harmless there covers the other
        // where they meet. An equality tells the most, except with 0, which flags and results are compared with. A filter
        // of 64 rules one after another takes 2,100 steps so, and 577,000 if every rule's match is followed first.
        if cond == Cond::Ne && !right.is_null_constant() {
            std::mem::swap(state, &mut other);
            self.push(next, other)?;
            return Ok(Next::Slot(target));
        }
        self.push(target, other)?;
        Ok(Next::Slot(next))
    }

    /// What both ways of a comparison tell of the two numbers; nothing of a way that is not possible.
    fn assumed(&self, cond: Cond, width: Width, left: Scalar, right: Scalar) -> (Told, Told) {
        let known = |num: Scalar| match width {
            Width::W64 => num.as_constant().is_some(),
            Width::W32 => num.half.umin == num.half.umax,
        };
        let (taken, passed) = (left.assume(cond, width, right), left.assume_not(cond, width, right));
        if self.judges.has(Judgement::ComparedUnknowns) {
            return (taken, passed);
        }
        let equality = matches!(cond, Cond::Eq | Cond::Ne);
        // Ways were ruled out by constants on the right only, and an equality not by bounds.
        let rules_out =
            known(right) && (!equality || known(left) || self.judges.has(Judgement::UnequalByBounds));
        if rules_out {
            return (taken, passed);
        }
        let plain = Some((left, right));
        let (taken, passed) = (taken.or(plain), passed.or(plain));
        // Of two numbers of which neither is known, only that they are equal told something.
        let told = |equal: Cond| known(left) || known(right) || cond == equal && width == Width::W64;
        (if told(Cond::Eq) { taken } else { plain }, if told(Cond::Ne) { passed } else { plain })
    }

    /// `may_goto`: the run-time bound decides, so both ways are possible.
    pub(crate) fn may_goto(&mut self, at: usize, insn: &Insn, state: &mut State) -> Result<Next, Reason> {
        let mut again = state.clone();
        again.may_gotos += 1;
        self.widen(at, &mut again);
        self.push(at + 1, again)?;
        Ok(Next::Slot((at as i64 + 1 + i64::from(insn.off)) as usize))
    }
}

/// The values that are linked by this name.
fn linked(state: &mut State, id: Id) -> Vec<Holder> {
    let mut holders = Vec::new();
    if id == 0 {
        return holders;
    }
    for (frame, f) in state.frames.iter().enumerate() {
        let holder = |slot, index: usize| Holder { frame: frame as u8, slot, index: index as u8 };
        for (index, value) in f.regs.iter().enumerate() {
            if value.is_scalar() && value.id == id {
                holders.push(holder(false, index));
            }
        }
        for (index, slot) in f.stack.slots().iter().enumerate() {
            if slot.spilled_bytes() > 0 && slot.value.is_scalar() && slot.value.id == id {
                holders.push(holder(true, index));
            }
        }
    }
    for lost in holders.drain(MAX_LINKED.min(holders.len())..).collect::<Vec<_>>() {
        let frame = state.frame_at_mut(lost.frame as usize);
        let value = if lost.slot {
            &mut frame.stack.slot_mut(lost.index as usize).value
        } else {
            &mut frame.regs[lost.index as usize]
        };
        *value = value.unlinked();
    }
    holders
}

/// Puts what a branch tells into both operands and all that is linked with them.
fn learn(
    state: &mut State,
    insn: &Insn,
    operand: Src,
    left: &Value,
    right: &Value,
    (left_num, right_num): (Scalar, Scalar),
) {
    spread(state, insn.dst, left, left_num);
    if operand == Src::Reg {
        spread(state, insn.src, right, right_num);
    }
}

/// Puts a number into a register and the values linked with it, each at its distance.
fn spread(state: &mut State, register: skep_isa::Reg, value: &Value, num: Scalar) {
    if num == value.num {
        return;
    }
    state.set(register, Value { num, ..*value });
    if value.id == 0 {
        return;
    }
    let id = value.id;
    state.change(
        |v| v.is_scalar() && v.id == id,
        |v| {
            let distance = Scalar::constant((i64::from(v.off) - i64::from(value.off)) as u64);
            if v.off == value.off && v.narrow == value.narrow {
                v.num = num;
            } else if !v.narrow && !value.narrow {
                v.num = num.alu(skep_isa::AluOp::Add, Width::W64, distance);
            } else if fits_narrow(&v.num) {
                // The low halves are at this distance, and there is nothing above this one's.
                v.num = num.alu(skep_isa::AluOp::Add, Width::W32, distance);
            }
        },
    );
}

/// Makes every pointer of this name null, or not null; some stay `named`.
fn set_null(state: &mut State, id: Id, null: bool, named: bool) {
    if null {
        // A record that was not given need not be released.
        state.held.retain(|held| held.id != id);
    }
    state.change(
        |v| v.may_be_null() && v.id == id,
        |v| {
            if null {
                *v = Value::constant(0);
                return;
            }
            if !named {
                v.id = 0;
            }
            v.nullable = false;
        },
    );
}

/// Two pointers are equal: what equals one that is certainly not null is not null either.
fn equal_pointers(state: &mut State, insn: &Insn, left: &Value, right: &Value) {
    let (reg, value, other) = if left.nullable { (insn.dst, left, right) } else { (insn.src, right, left) };
    // Objects may be anywhere, even at 0, and so may what is not relied on.
    let is_object = |v: &Value| matches!(v.kind, Kind::Object { .. }) || v.flags.has(Flags::UNTRUSTED);
    if !value.nullable || other.nullable || !other.is_pointer() || is_object(value) || is_object(other) {
        return;
    }
    state.set(reg, Value { id: 0, nullable: false, ..*value });
}

/// A comparison of a packet pointer with the packet's end, or of a metadata pointer with the packet's start.
struct PacketComparison {
    pointer: Value,
    /// The register that has it.
    register: Reg,
    /// How the pointer, on the left, is compared with what is on the right.
    cond: Cond,
}

impl PacketComparison {
    /// The comparison, if it is such a one.
    fn of(insn: &Insn, cond: Cond, left: &Value, right: &Value) -> Option<PacketComparison> {
        let limits = |pointer: &Value, end: &Value| match pointer.kind {
            Kind::Packet { .. } => end.kind == Kind::PacketEnd,
            Kind::PacketMeta { .. } => {
                matches!(end.kind, Kind::Packet { .. }) && end.id == 0 && end.is_unmodified()
            }
            _ => false,
        };
        if limits(left, right) {
            return Some(PacketComparison { pointer: *left, register: insn.dst, cond });
        }
        let cond = match cond {
            Cond::Lt => Cond::Gt,
            Cond::Le => Cond::Ge,
            Cond::Gt => Cond::Lt,
            Cond::Ge => Cond::Le,
            _ => return None,
        };
        limits(right, left).then_some(PacketComparison { pointer: *right, register: insn.src, cond })
    }

    /// Whether it holds, where an earlier comparison of the same pointer tells.
    fn decided(&self) -> Option<bool> {
        let beyond = self.pointer.flags.has(Flags::BEYOND_END);
        let at_least = beyond || self.pointer.flags.has(Flags::AT_END);
        match self.cond {
            Cond::Gt | Cond::Le if beyond => Some(self.cond == Cond::Gt),
            Cond::Ge | Cond::Lt if at_least => Some(self.cond == Cond::Ge),
            _ => None,
        }
    }

    /// Notes how many bytes from the pointer's variable part on are there, on the way where the pointer is not beyond;
    /// on the other way, that it is. Whether the comparison tells that.
    fn learn(&self, passed: &mut State, taken: &mut State) -> bool {
        // The way where the pointer is not beyond, whether one more byte is there, and the other way.
        let (within, more, beyond) = match self.cond {
            Cond::Lt => (taken, 1, passed),
            Cond::Le => (taken, 0, passed),
            Cond::Gt => (passed, 0, taken),
            Cond::Ge => (passed, 1, taken),
            _ => return false,
        };
        in_packet(within, &self.pointer, more);
        if matches!(self.pointer.kind, Kind::Packet { .. }) {
            let end = if more == 1 { Flags::AT_END } else { Flags::BEYOND_END };
            let flags = self.pointer.flags.with(end);
            beyond.set(self.register, Value { flags, ..self.pointer });
        }
        true
    }
}

/// The bytes before `pointer`, and `more` after it, are in the packet.
fn in_packet(state: &mut State, pointer: &Value, more: i32) {
    if pointer.off < 0 || pointer.off == 0 && more > 0 {
        return;
    }
    let greatest = pointer.num.full.umax;
    if greatest > MAX_PACKET_OFFSET || greatest + pointer.off as u64 > MAX_PACKET_OFFSET {
        return;
    }
    let known = u16::try_from(pointer.off + more).unwrap_or(u16::MAX);
    let (kind, id) = (pointer.kind, pointer.id);
    state.change(
        |v| v.id == id && v.kind.same(kind),
        |v| {
            if let Kind::Packet { range } | Kind::PacketMeta { range } = &mut v.kind {
                *range = (*range).max(known);
            }
        },
    );
}
