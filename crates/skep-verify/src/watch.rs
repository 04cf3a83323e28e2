//! Watching a walk: what is known before each visit of an instruction, for editors and teaching. Unlike the log it
//! keeps nothing and formats nothing that isn't asked for, and whoever watches still has what was seen of a program
//! that is refused.
//!
//! What is seen is what the walk meets. A path that arrives with nothing new ends there, so that instructions
//! further on are not visited again with its values: those seen are examples, not the union of all that is possible.

use skep_isa::Reg;

use crate::state::State;
use crate::value::Kind;

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
