//! What a processor does on paths that it only predicts: there, a bound that was checked need not hold, and what is read
//! out of bounds can be told from the cache. For loaders without `CAP_PERFMON`, Linux confines pointers that a register
//! moves to their memory by masking, and walks the paths not taken too, to see what would go wrong on them; there it puts
//! a barrier, so that nothing that is wrong only there refuses the program.
//!
//! This decides as Linux does whether a program can be confined so. It changes no program: whoever runs it without
//! masks and barriers is safe from what it computes, not from what the processor leaves behind.
//! Source: `sanitize_ptr_alu`, `retrieve_ptr_limit`, `sanitize_speculative_path`, `check_cond_jmp_op` and `do_check`
//! of kernel/bpf/verifier.c, Linux 6.18.

use skep_isa::{AluOp, Insn, Reg, Src};

use crate::error::Reason;
use crate::explore::{Explorer, Next};
use crate::options::Privileges;
use crate::pointer::{Access, Span};
use crate::privilege::moved_in_stack;
use crate::stack::{Byte, STACK_BYTES, place};
use crate::state::State;
use crate::value::{Kind, Value};

/// What was decided of the program's instructions so far, by slot.
pub(crate) struct Speculation {
    /// Where a barrier stands before the instruction, so that no mispredicted path goes on.
    fenced: Vec<bool>,
    /// Where one stands after it: what it stores must be there before anything else happens.
    fenced_after: Vec<bool>,
    /// How additions and subtractions of registers are confined.
    masks: Vec<Option<Mask>>,
    /// Whether numbers must be the same on paths that are to be one: masks are found by walking with each.
    pub(crate) strict: bool,
}

/// How an addition or subtraction is confined: it is the same whatever path leads to it.
#[derive(Clone, Copy, PartialEq)]
enum Mask {
    /// Not at all: there is no pointer in it.
    Numbers,
    /// The number is cut to the room that the pointer has.
    Pointer {
        /// Whether the number is negative.
        negative: bool,
        /// Whether it is known.
        constant: bool,
        /// Whether the pointer is on the left.
        pointer_left: bool,
        /// The room, in bytes.
        room: u32,
    },
}

/// What is known of a pointer's move before it is made.
#[derive(Clone, Copy)]
pub(crate) struct Move {
    /// Whether it goes to lower addresses.
    down: bool,
    negative: bool,
    constant: bool,
    pointer_left: bool,
    room: u32,
}

impl Speculation {
    /// For a program of so many slots; nothing where mispredicted paths don't matter.
    pub(crate) fn new(privileges: Privileges, slots: usize) -> Option<Box<Speculation>> {
        (privileges == Privileges::BpfOnly).then(|| {
            Box::new(Speculation {
                fenced: vec![false; slots],
                fenced_after: vec![false; slots],
                masks: vec![None; slots],
                strict: false,
            })
        })
    }
}

fn prohibited(register: Reg, why: &str) -> Reason {
    let why = format!("{why}, pointer arithmetic with it prohibited for !root");
    Reason::Speculation { register: register.0, why }
}

impl Explorer<'_> {
    /// Whether a mispredicted path ends before an instruction.
    pub(crate) fn is_fenced(&self, at: usize, state: &State) -> bool {
        state.speculative && self.speculation.as_ref().is_some_and(|s| s.fenced[at])
    }

    /// What follows an instruction of a mispredicted path. What is wrong there gets a barrier before it, and none of it is
    /// a fact.
    pub(crate) fn behind_barrier(&mut self, at: usize, next: Result<Next, Reason>) -> Result<Next, Reason> {
        let Some(speculation) = &mut self.speculation else { return next };
        match next {
            Err(reason @ (Reason::TooManyBranches { .. } | Reason::TooComplex { .. })) => Err(reason),
            Err(_) => {
                speculation.fenced[at] = true;
                // Nothing needs to be confined that is not reached wrongly.
                speculation.masks[at] = None;
                Ok(Next::End)
            }
            Ok(_) if speculation.fenced_after[at] => Ok(Next::End),
            Ok(next) => Ok(next),
        }
    }

    /// A branch whose way is known can be mispredicted: what is compared then is anything.
    pub(crate) fn mispredict(
        &mut self,
        insn: &Insn,
        operand: Src,
        to: usize,
        state: &State,
    ) -> Result<(), Reason> {
        if self.speculation.is_none() {
            return Ok(());
        }
        let mut wrong = state.clone();
        wrong.speculative = true;
        wrong.set(insn.dst, Value::UNKNOWN);
        if operand == Src::Reg {
            wrong.set(insn.src, Value::UNKNOWN);
        }
        self.push(to, wrong)
    }

    /// A store to the stack at a known place. One that makes a pointer of what was none, or fills what held nothing, can be
    /// overtaken by a load of what was there before.
    pub(crate) fn store_fenced(
        &mut self,
        at: usize,
        frame: u8,
        off: i64,
        bytes: i64,
        value: &Value,
        state: &State,
    ) {
        let Some(speculation) = &mut self.speculation else { return };
        let (index, _) = place(off);
        let slot = state.frames[frame as usize].stack.slot(index);
        // Linux looks at as many bytes from the far end of the slot, wherever the store goes.
        let seen = slot.bytes.iter().rev().take(bytes as usize);
        if value.is_pointer() || seen.into_iter().any(|byte| !matches!(byte, Byte::Misc | Byte::Zero)) {
            speculation.fenced_after[at] = true;
        }
    }

    /// The same for bytes of the stack that a function fills, one by one.
    pub(crate) fn fill_fenced(&mut self, frame: u8, span: Span, state: &State) {
        let Some(passed) = self.history.last() else { return };
        let at = passed.insn as usize;
        for off in span.min..span.max {
            self.store_fenced(at, frame, off, 1, &Value::UNKNOWN, state);
        }
    }

    /// An addition or subtraction of numbers: with a register, it can't be one of a pointer on another path.
    pub(crate) fn confine_numbers(
        &mut self,
        at: usize,
        insn: &Insn,
        op: AluOp,
        operand: Src,
    ) -> Result<(), Reason> {
        if self.speculation.is_none() || !matches!(op, AluOp::Add | AluOp::Sub) {
            return Ok(());
        }
        self.confine(at, insn, op, operand, Mask::Numbers)
    }

    /// A pointer is about to be moved by a number: in which direction it may go, and how far.
    pub(crate) fn before_move(
        &mut self,
        at: usize,
        insn: &Insn,
        op: AluOp,
        operand: Src,
        (pointer, number): (&Value, &Value),
        state: &State,
    ) -> Result<Option<Move>, Reason> {
        let pointer_left = state.reg(insn.dst).is_pointer();
        let Some(speculation) = &mut self.speculation else { return Ok(None) };
        if operand == Src::Imm || speculation.fenced[at] {
            return Ok(None);
        }
        let constant = number.num.as_constant().is_some();
        let negative = number.num.full.smin < 0;
        let down = (op == AluOp::Add) == negative;
        let mut planned = Move { down, negative, constant, pointer_left, room: 0 };
        if !state.speculative {
            if !constant && negative != (number.num.full.smax < 0) {
                let register = if pointer_left { insn.src } else { insn.dst };
                return Err(prohibited(register, "has unknown scalar with mixed signed bounds"));
            }
            speculation.strict |= !constant;
            planned.room = self.room(insn, op, pointer, down)?;
        }
        if !constant {
            // Masked, the number may be 0 where it should not.
            let mut wrong = state.clone();
            wrong.speculative = true;
            wrong.set(insn.dst, *pointer);
            self.push(at + 1, wrong)?;
        }
        Ok(if state.speculative { None } else { Some(planned) })
    }

    /// A pointer was moved: whether it still leads to its memory, and all paths confine it alike.
    pub(crate) fn after_move(
        &mut self,
        at: usize,
        insn: &Insn,
        op: AluOp,
        operand: Src,
        planned: Option<Move>,
        result: &Value,
    ) -> Result<(), Reason> {
        if self.speculation.is_none() {
            return Ok(());
        }
        match result.kind {
            Kind::Stack { .. } => moved_in_stack(insn.dst, result)?,
            Kind::MapValue { .. } if self.within(insn.dst, result, 0, 1, Access::Read).is_err() => {
                let why =
                    "pointer arithmetic of map value goes out of range, prohibited for !root".to_owned();
                return Err(Reason::Speculation { register: insn.dst.0, why });
            }
            _ => {}
        }
        let Some(Move { down, negative, constant, pointer_left, room }) = planned else { return Ok(()) };
        let room = room.abs_diff(self.room(insn, op, result, down)?);
        let mask = Mask::Pointer { negative, constant, pointer_left, room };
        self.confine(at, insn, op, operand, mask)
    }

    /// Notes how an instruction is confined, unless another path needs it otherwise.
    fn confine(&mut self, at: usize, insn: &Insn, op: AluOp, operand: Src, mask: Mask) -> Result<(), Reason> {
        let Some(speculation) = &mut self.speculation else { return Ok(()) };
        if operand == Src::Imm || speculation.fenced[at] {
            return Ok(());
        }
        if speculation.masks[at].is_some_and(|known| known != mask) {
            let why = format!("tried to {} from different maps, paths or scalars", verb(op));
            return Err(prohibited(insn.dst, &why));
        }
        speculation.masks[at] = Some(mask);
        Ok(())
    }

    /// How many bytes a pointer can go down or up, at most, and stay in its memory.
    fn room(&self, insn: &Insn, op: AluOp, pointer: &Value, down: bool) -> Result<u32, Reason> {
        let off = i64::from(pointer.off);
        // Linux counts in 32 bits: what wraps there is beyond the bounds.
        let (room, limit) = match pointer.kind {
            Kind::Stack { .. } => {
                let by = pointer.num.as_constant().unwrap_or_default() as i64;
                (off.wrapping_add(by).wrapping_neg() as u32, STACK_BYTES + i64::from(down))
            }
            Kind::MapValue { map } => {
                let bounds = pointer.num.full;
                let by = if down { bounds.smin } else { bounds.umax as i64 };
                (off.wrapping_add(by) as u32, self.value_bytes(map))
            }
            _ => {
                return Err(prohibited(insn.dst, "has pointer with unsupported alu operation"));
            }
        };
        if i64::from(room) >= limit {
            return Err(prohibited(insn.dst, &format!("tried to {} beyond pointer bounds", verb(op))));
        }
        Ok(room)
    }
}

fn verb(op: AluOp) -> &'static str {
    if op == AluOp::Add { "add" } else { "sub" }
}
