//! Watching a walk: what is known before each visit of an instruction, for editors, teaching and the facts of a whole
//! program; and the log. Unlike the log, watching keeps nothing and formats nothing that isn't asked for, and whoever
//! watches still has what was seen of a program that is refused.
//!
//! What is seen is what the walk meets. A path that arrives with nothing new ends there, so that instructions
//! further on are not visited again with its values: those seen are examples, not the union of all that is possible.

use std::fmt::Write as _;

use skep_isa::text::Writer;
use skep_isa::{Insn, Reg};

use crate::explore::Explorer;
use crate::liveness;
use crate::state::State;
use crate::value::Kind;

/// Most bytes of the log; what comes after is left out, and the log says so.
const LOG_LIMIT: usize = 64 << 20;

/// One visit of an instruction, before it is carried out.
pub struct Visit<'a> {
    pub(crate) insn: usize,
    pub(crate) state: &'a State,
}

impl Visit<'_> {
    /// The slot.
    pub fn insn(&self) -> usize {
        self.insn
    }

    /// How many functions are running, the entry's included.
    pub fn frames(&self) -> usize {
        self.state.frames.len()
    }

    /// What is known of a register, in the words of Linux's log; nothing if it has no value or there is no such one.
    pub fn register(&self, register: Reg) -> Option<String> {
        let value = self.state.frame().regs.get(register.index())?;
        (value.kind != Kind::Uninit).then(|| value.to_string())
    }
}

impl Explorer<'_> {
    /// Tells whoever looks on that the path arrives at an instruction.
    #[cold]
    pub(crate) fn observe(&mut self, at: usize, state: &State) {
        if let Some(watch) = &mut self.watch {
            watch(&Visit { insn: at, state });
        }
        let Some(mut trace) = self.trace.take() else { return };
        trace.arrive(self.program, &self.flow, at, self.history.last(), state);
        let callee = self.global_callee(at);
        trace.carry_out(self.program, &self.flow, self.context, at, (callee, self.handler), state);
        self.trace = Some(trace);
    }

    /// A line of the log: the instruction and what its registers hold after it.
    pub(crate) fn log_step(&mut self, at: usize, insn: &Insn, state: &State) {
        if self.log.len() > LOG_LIMIT {
            if !self.log.ends_with("…\n") {
                self.log.push_str("…\n");
            }
            return;
        }
        let _ = write!(self.log, "{at}: {:40};", Writer::pseudoc().insn(insn));
        let (reads, writes) = liveness::uses(insn);
        for register in 0..Reg::COUNT - 1 {
            let value = &state.frame().regs[register];
            if (reads | writes) & (1 << register) != 0 && value.kind != Kind::Uninit {
                let value = self.describe(value);
                let _ = write!(self.log, " R{register}={value}");
            }
        }
        self.log.push('\n');
    }
}
