//! Relocation: an [`Object`] made to fit the kernel it will run on, by that kernel's types.
//!
//! Compilers leave a record ([`CoreRelo`]) beside each instruction that depends on the layout of the kernel's types.
//! [`Object::relocate`] asks `skep_btf::core` what each comes to and puts that into the instruction. It asks no
//! machine: the same object and the same types give the same object. Where records come from is nothing to it, an ELF
//! section or anything else that can name an instruction, a type, a part of it and a question.
//!
//! What a kernel does not have is no error: programs are written for many kernels, and test what there is before they use
//! it. So the instruction is made *poison*, a call of a function that does not exist, which a verifier refuses only
//! where a path leads to it, and the record stays with the reason.
//!
//! Source: Documentation/bpf/llvm_reloc.rst, Linux 6.18; the instructions that libbpf 1.1 makes of the same objects.

mod patch;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use skep_btf::core::{Answer, Failure, Question, Target, resolve};
use skep_btf::{BtfError, CoreKind, TypeId};
use skep_isa::Insn;

use crate::object::{CoreRelo, Function, Object};
use patch::{Around, Patched};

/// The number of the function that poison calls. Linux's tools take the same, and its log shows it.
pub const POISON: u32 = 0x0bad_2310;

/// Why an object can't be relocated: it contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelocateError {
    /// There are records, but no types that they could be about.
    NoTypes,
    /// A record that is not in order, or types that it can't be answered with.
    Record {
        /// The function.
        function: String,
        /// Slot in it.
        insn: usize,
        /// What is wrong.
        error: BtfError,
    },
    /// An instruction that can't carry what its record asks for.
    Instruction {
        /// The function.
        function: String,
        /// Slot in it.
        insn: usize,
        /// What is asked for.
        kind: CoreKind,
        /// What is wrong with the instruction.
        why: String,
    },
}

impl fmt::Display for RelocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RelocateError::NoTypes => f.write_str("CO-RE records without types: compile with -g"),
            RelocateError::Record { function, insn, error } => {
                write!(f, "{function}, instruction {insn}: {error}")
            }
            RelocateError::Instruction { function, insn, kind, why } => {
                write!(f, "{function}, instruction {insn}: can't carry {kind}: {why}")
            }
        }
    }
}

impl std::error::Error for RelocateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RelocateError::Record { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Object {
    /// Whether it has instructions that depend on the kernel's types and have not been made to fit any.
    pub fn needs_relocation(&self) -> bool {
        self.functions.iter().any(|function| function.core_relos.iter().any(CoreRelo::is_open))
    }

    /// The records that no answer was found for, each with its function and the reason.
    pub fn relocation_failures(&self) -> impl Iterator<Item = (&Function, &CoreRelo, &Failure)> {
        self.functions.iter().flat_map(|function| {
            let failed = |relo: &'_ CoreRelo| relo.failure.is_some();
            let records = function.core_relos.iter().filter(move |relo| failed(relo));
            records.filter_map(move |relo| Some((function, relo, relo.failure.as_deref()?)))
        })
    }

    /// The object for the kernel with these types. Of its records only those are left that have no answer there, with
    /// the reason.
    pub fn relocate(&self, target: &Target) -> Result<Object, RelocateError> {
        let mut object = self.clone();
        if !self.needs_relocation() {
            return Ok(object);
        }
        let Some(btf) = self.btf.as_deref() else { return Err(RelocateError::NoTypes) };
        let mut known: HashMap<Asked<'_>, Answer> = HashMap::new();
        for (function, own) in object.functions.iter_mut().zip(&self.functions) {
            function.core_relos.retain(|relo| !relo.is_open());
            let sized = own.sized_fields();
            for relo in own.core_relos.iter().filter(|relo| relo.is_open()) {
                let question = Question { kind: relo.kind, type_id: relo.type_id, access: &relo.access };
                let asked = (relo.kind, relo.type_id, relo.access.as_str());
                let answer = match known.get(&asked) {
                    Some(answer) => answer,
                    None => {
                        let answer =
                            resolve(btf, &question, target).map_err(|error| own.wrong_record(relo, error))?;
                        known.entry(asked).or_insert(answer)
                    }
                };
                let sized = sized.contains(&(relo.type_id, relo.access.as_str()));
                let around = Around { endian: self.endian, sized };
                let patched = match answer {
                    Answer::Found(found) => patch::apply(&mut function.insns, relo.insn, found, around)
                        .map_err(|why| own.wrong_instruction(relo, why))?,
                    Answer::Missing(_) => Patched::Done,
                };
                let failure = match (answer, patched) {
                    (Answer::Missing(failure), _) => failure.clone(),
                    (_, Patched::Unreadable(why)) => Failure::unreadable(btf, &question, target, why),
                    (Answer::Found(_), Patched::Done) => continue,
                };
                poison(&mut function.insns, relo.insn).map_err(|why| own.wrong_instruction(relo, why))?;
                function.core_relos.push(CoreRelo { failure: Some(Arc::new(failure)), ..relo.clone() });
            }
        }
        Ok(object)
    }
}

/// A question, for remembering its answer: objects ask many of them again and again.
type Asked<'a> = (CoreKind, TypeId, &'a str);

impl Function {
    /// The fields whose size or shifts the function asks for: it reads them by those, however they are stored.
    fn sized_fields(&self) -> HashSet<(TypeId, &str)> {
        let sizes = [CoreKind::FIELD_BYTE_SIZE, CoreKind::FIELD_LSHIFT_U64, CoreKind::FIELD_RSHIFT_U64];
        let sized = self.core_relos.iter().filter(|relo| sizes.contains(&relo.kind));
        sized.map(|relo| (relo.type_id, relo.access.as_str())).collect()
    }

    fn wrong_record(&self, relo: &CoreRelo, error: BtfError) -> RelocateError {
        RelocateError::Record { function: self.name.clone(), insn: relo.insn, error }
    }

    fn wrong_instruction(&self, relo: &CoreRelo, why: String) -> RelocateError {
        RelocateError::Instruction { function: self.name.clone(), insn: relo.insn, kind: relo.kind, why }
    }
}

/// Makes an instruction poison, all its slots.
fn poison(insns: &mut [Insn], at: usize) -> Result<(), String> {
    let slots = insns.get(at).map_or(1, Insn::slots);
    let insns = insns.get_mut(at..at + slots).ok_or_else(|| "there is no instruction".to_owned())?;
    insns.fill(Insn::call_helper(POISON));
    Ok(())
}
