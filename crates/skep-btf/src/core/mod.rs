//! CO-RE ("compile once, run everywhere"): what a question about a type, asked when a program was compiled, means on
//! the kernel that it will run on.
//!
//! A compiler writes a [`Question`] beside each instruction that depends on the layout of a kernel's types: which
//! type, which part of it, and what about it is asked for. [`resolve`] answers it for a [`Target`], the types of one
//! kernel. It is a pure function of the program's types, the question and the target: it knows no instructions (those
//! are `skep-obj`'s), no files, and no kernel but the one that it is given.
//!
//! 1. The question's path (`0:1:2`) becomes a list of *names and indices* in the program's types (`access`).
//! 2. Types of the target with the same kind and name, but for a flavour (`task_struct___old` is `task_struct`), are
//!    the candidates (`candidate`).
//! 3. In each candidate the names are looked for, wherever they have moved (`access`), and what is found must be of a
//!    fitting type (`fit`; for the question whether two types match, `likeness`).
//! 4. The value asked for is computed for the program's own type and for the candidate's (`place`). Candidates that fit must
//!    agree.
//! 5. Where none fits, [`Failure`] says which name was not found, and what is nearest to it (`failure`).
//!
//! ```
//! use std::sync::Arc;
//! use skep_btf::core::{Answer, Question, Target, resolve};
//! use skep_btf::{BtfBuilder, CoreKind, IntEncoding, TypeId};
//!
//! // struct task { int pid; }, and on the kernel struct task { unsigned long flags; int pid; }.
//! let types = |before: bool| {
//!     let mut builder = BtfBuilder::new();
//!     let int = builder.int("int", 4, IntEncoding::SIGNED);
//!     let long = builder.int("unsigned long", 8, IntEncoding::UNSIGNED);
//!     let (flags, pid) = (builder.member("flags", long, 0), builder.member("pid", int, 64 * u32::from(before)));
//!     let members = if before { vec![flags, pid] } else { vec![pid] };
//!     builder.structure("task", 16, &members);
//!     builder.finish()
//! };
//! let program = types(false)?;
//! let kernel = Target::new("a kernel", Arc::new(types(true)?));
//!
//! let question = Question { kind: CoreKind::FIELD_BYTE_OFFSET, type_id: TypeId(3), access: "0:0" };
//! let Answer::Found(found) = resolve(&program, &question, &kernel)? else { panic!("it is there") };
//! assert_eq!((found.local, found.value), (0, 8));
//! # Ok::<(), skep_btf::BtfError>(())
//! ```
//!
//! Source: Documentation/bpf/llvm_reloc.rst (CO-RE relocations), Linux 6.18; what libbpf 1.1 answers to the same
//! questions, which tests of `skep-obj` compare, instruction by instruction.

mod access;
mod candidate;
mod failure;
mod fit;
mod likeness;
mod nearest;
mod path;
mod place;

pub use access::{MAX_ACCESS_LEN, Question};
pub use candidate::{Target, flavourless};
pub use failure::{Failure, Missing};
pub use path::{access_of, own_answer};
pub use place::{Field, Shape};

use access::Access;

use crate::btf::Btf;
use crate::error::BtfError;
use crate::ext::CoreKind;

/// The answer to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The target has it, or it was asked whether it has.
    Found(Resolved),
    /// The target does not have it.
    Missing(Failure),
}

/// What a question comes to on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The answer by the program's own types: what the compiler put into the instruction.
    pub local: u64,
    /// The answer by the target's types.
    pub value: u64,
    /// Whether the compiler surely put `local` into the instruction. Not for bitfields, whose container is the compiler's
    /// choice, nor for ids of types, which linking changes.
    pub exact: bool,
    /// For the byte offset of a field: the field by the program's types and by the target's.
    pub fields: Option<(Field, Field)>,
}

/// Steps that the search for one answer may take over all candidates: types refer to types, and a type that holds
/// another twice doubles the ways through it.
const MAX_STEPS: u32 = 1 << 20;

/// Counts the steps of a search.
#[derive(Default)]
struct Steps(u32);

impl Steps {
    fn count(&mut self) -> Result<(), BtfError> {
        self.0 += 1;
        crate::btf::limit("steps in one search", MAX_STEPS, u64::from(self.0))
    }
}

/// What each kind of question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Field,
    Type,
    Enumerator,
}

impl About {
    fn of(kind: CoreKind) -> Result<About, BtfError> {
        Ok(match kind {
            CoreKind::FIELD_BYTE_OFFSET
            | CoreKind::FIELD_BYTE_SIZE
            | CoreKind::FIELD_EXISTS
            | CoreKind::FIELD_SIGNED
            | CoreKind::FIELD_LSHIFT_U64
            | CoreKind::FIELD_RSHIFT_U64 => About::Field,
            CoreKind::TYPE_ID_LOCAL
            | CoreKind::TYPE_ID_TARGET
            | CoreKind::TYPE_EXISTS
            | CoreKind::TYPE_SIZE
            | CoreKind::TYPE_MATCHES => About::Type,
            CoreKind::ENUMVAL_EXISTS | CoreKind::ENUMVAL_VALUE => About::Enumerator,
            CoreKind(found) => return Err(BtfError::CoreKindUnknown { found }),
        })
    }
}

/// Answers a question about a type of `local`, the program's types, for `target`.
///
/// An error means that the question itself is not in order. What the target lacks is [`Answer::Missing`], but for
/// questions whether it has something, whose answer is then 0, and for ids and sizes of types, which are 0 too.
pub fn resolve(local: &Btf, question: &Question<'_>, target: &Target) -> Result<Answer, BtfError> {
    let access = Access::parse(local, question)?;
    let found =
        |local: u64, value: u64, exact| Ok(Answer::Found(Resolved { local, value, exact, fields: None }));
    if question.kind == CoreKind::TYPE_ID_LOCAL {
        let id = u64::from(question.type_id.0);
        return found(id, id, false);
    }
    let mut steps = Steps::default();
    let mut answer: Option<(u64, Resolved)> = None;
    for (btf, id) in target.candidates(local, question.type_id)? {
        let Some(there) = access.find(btf, id, &mut steps)? else { continue };
        let resolved = place::compare(question.kind, &access, &there)?;
        match &answer {
            None => answer = Some((there.bit_offset(), resolved)),
            Some((bit_offset, first)) if *bit_offset == there.bit_offset() && *first == resolved => {}
            Some((_, first)) => {
                let values = [first.value, resolved.value];
                return Ok(Answer::Missing(failure::ambiguous(local, question, target, values)));
            }
        }
    }
    match (answer, question.kind) {
        (Some((_, resolved)), _) => Ok(Answer::Found(resolved)),
        (None, CoreKind::FIELD_EXISTS | CoreKind::ENUMVAL_EXISTS) => found(1, 0, true),
        (None, CoreKind::TYPE_ID_TARGET) => found(u64::from(question.type_id.0), 0, false),
        (None, CoreKind::TYPE_EXISTS | CoreKind::TYPE_MATCHES) => found(1, 0, true),
        (None, CoreKind::TYPE_SIZE) => found(u64::from(local.size_of(question.type_id)?), 0, true),
        (None, _) => Ok(Answer::Missing(failure::explain(&access, target)?)),
    }
}
