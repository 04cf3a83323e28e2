//! A program that was refused, with what had been seen of it until then: for whoever looks for an input that breaks it.
//!
//! Nothing is proved of it. A [`Suspect`] is no [`Verified`](crate::Verified) and can't be made into one.

use std::collections::HashMap;
use std::sync::Arc;

use skep_abi::Function;
use skep_isa::{Insn, Op};
use skep_obj::Program;

use crate::error::VerifyError;
use crate::explore::Explorer;
use crate::kernel::own_types;
use crate::options::Options;
use crate::verified::Fact;

/// A program that the verifier refused.
#[derive(Clone, Debug)]
pub struct Suspect {
    program: Arc<Program>,
    error: VerifyError,
    facts: Vec<Fact>,
    callees: HashMap<usize, u32>,
    named: HashMap<i64, &'static Function>,
    path: Vec<usize>,
    special: Vec<Option<&'static str>>,
    memory: Option<u32>,
}

/// Most instructions between one that computes an address and the access.
const MAX_FURTHER: usize = 8;

/// Goes on behind an instruction that only computes, straight to the next access to memory.
fn go_on(program: &Program, at: usize, path: &mut Vec<usize>, facts: &mut [Fact]) {
    let computes =
        |at: usize| matches!(program.insns.get(at).map(Insn::op), Some(Op::Alu { .. } | Op::MovSx { .. }));
    let mut further = at;
    while computes(further) && further - at < MAX_FURTHER {
        further += 1;
    }
    let is_access =
        matches!(program.insns.get(further).map(Insn::op), Some(Op::Load { .. } | Op::Store { .. }));
    if !computes(at) || !is_access {
        return;
    }
    for fact in &mut facts[at..=further] {
        if *fact == Fact::Unreachable {
            *fact = Fact::Plain;
        }
    }
    path.extend(at + 1..=further);
}

impl Suspect {
    /// Looks at a program: none if it is accepted, or refused before any instruction was looked at.
    pub fn of(program: &Arc<Program>, options: &Options) -> Option<Suspect> {
        let options = Options { log: false, facts: false, ..options.clone() };
        let own = if options.kernel.is_none() { own_types(&options.functions) } else { None };
        let kernel = options.kernel.as_deref().or(own.as_ref());
        let mut explorer = Explorer::new(program, &options, kernel, None, false).ok()?;
        let error = explorer.run().err()?;
        let mut path: Vec<usize> = explorer.history.iter().map(|passed| passed.insn as usize).collect();
        if path.last() != Some(&error.insn) {
            path.push(error.insn);
        }
        let (special, named) = (explorer.special_of_maps(), explorer.named_functions());
        let mut facts = explorer.facts;
        go_on(program, error.insn, &mut path, &mut facts);
        Some(Suspect {
            program: program.clone(),
            error,
            facts,
            callees: explorer.callees,
            named,
            path,
            special,
            memory: options.memory,
        })
    }

    /// The program.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Why it was refused.
    pub fn error(&self) -> &VerifyError {
        &self.error
    }

    /// What held of the instruction in this slot on the paths that were followed; others may hold on other paths.
    pub fn fact(&self, insn: usize) -> Fact {
        self.facts.get(insn).copied().unwrap_or_default()
    }

    /// The function that the indirect call in this slot was seen to call, by its number.
    pub fn callee(&self, insn: usize) -> Option<u32> {
        self.callees.get(&insn).copied()
    }

    /// The function that calls name by this index, as far as they were seen.
    pub fn named(&self, symbol: i64) -> Option<&'static Function> {
        self.named.get(&symbol).copied()
    }

    /// The slots of the path that leads to the refusal: the refused instruction is the last, or if it only computes, the
    /// access is that it computes for.
    pub fn path(&self) -> &[usize] {
        &self.path
    }

    /// A part of the values of this map that has rules of its own, as of a [`Verified`](crate::Verified).
    pub fn special_field(&self, map: usize) -> Option<&'static str> {
        self.special.get(map).copied().flatten()
    }

    /// For programs of kind `unspec`: bytes of memory that it was looked at with.
    pub fn memory_bytes(&self) -> Option<u32> {
        self.memory
    }
}
