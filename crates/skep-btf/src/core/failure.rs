//! [`Failure`]: why a question has no answer on a kernel, in words that say where to look.
//!
//! Beside what is missing stands what is nearest to it (`nearest`).

use std::fmt;

use super::access::{Access, Question, Step};
use super::candidate::{Target, flavourless};
use super::nearest::{Likeness, Members};
use super::{About, Steps};
use crate::btf::Btf;
use crate::error::BtfError;
use crate::ext::CoreKind;
use crate::kind::Kind;
use crate::types::{Type, TypeId};

/// Why a question has no answer on a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was asked for.
    pub kind: CoreKind,
    /// About what, as C spells it in the program: `struct task_struct.state`.
    pub subject: String,
    /// The kernel's name, as the target has it.
    pub kernel: String,
    /// What is missing there.
    pub missing: Missing,
    /// What is nearest to it, the nearest first, in words.
    pub nearest: Vec<String>,
}

/// What a kernel does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// A type of this kind and name.
    Type {
        /// As C spells it.
        name: String,
    },
    /// A member of a type.
    Member {
        /// The type, as C spells it.
        of: String,
        /// The member's name.
        name: String,
    },
    /// An element of an array.
    Element {
        /// What is there instead, as C spells it.
        of: String,
        /// Its index.
        index: u32,
    },
    /// An enumerator.
    Enumerator {
        /// The enumeration, as C spells it.
        of: String,
        /// Its name.
        name: String,
    },
    /// The member is there, with a type that the program's can't be read from.
    Unlike {
        /// The member's name.
        name: String,
        /// Its type in the program.
        expected: String,
        /// Its type there.
        found: String,
    },
    /// The field is there, but the instruction can't be made to read it.
    Unreadable {
        /// Why not.
        why: String,
    },
    /// Several types of the name fit, and give different answers.
    Ambiguous {
        /// Two of the answers.
        values: [u64; 2],
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, subject, kernel, missing, nearest } = self;
        write!(f, "{kind} of `{subject}`: {kernel} ")?;
        match missing {
            Missing::Type { name } => write!(f, "has no `{name}`")?,
            Missing::Member { of, name } => write!(f, "has no member `{name}` in `{of}`")?,
            Missing::Element { of, index } => write!(f, "has no element {index} in `{of}`")?,
            Missing::Enumerator { of, name } => write!(f, "has no enumerator `{name}` in `{of}`")?,
            Missing::Unlike { name, expected, found } => {
                write!(f, "has `{name}` as `{found}`, expected one that can be read as `{expected}`")?;
            }
            Missing::Unreadable { why } => write!(f, "has it otherwise: {why}")?,
            Missing::Ambiguous { values: [first, second] } => {
                write!(f, "has several types of that name, which answer {first} and {second}")?;
            }
        }
        if nearest.is_empty() {
            return Ok(());
        }
        write!(f, "; nearest: {}", nearest.join(", "))
    }
}

impl Failure {
    /// The failure of a question that has an answer, for an instruction that can't be made to use it.
    pub fn unreadable(local: &Btf, question: &Question<'_>, target: &Target, why: String) -> Failure {
        blank(local, question, target, Missing::Unreadable { why })
    }
}

fn blank(local: &Btf, question: &Question<'_>, target: &Target, missing: Missing) -> Failure {
    let subject = Access::parse(local, question)
        .map_or_else(|_| local.type_name(question.type_id), |access| subject(&access));
    Failure { kind: question.kind, subject, kernel: target.name().to_owned(), missing, nearest: Vec::new() }
}

/// Candidates that give different answers.
pub(super) fn ambiguous(local: &Btf, question: &Question<'_>, target: &Target, values: [u64; 2]) -> Failure {
    blank(local, question, target, Missing::Ambiguous { values })
}

/// What a path is about, as C spells it: `struct task_struct.state`, `enum mode: FAST`.
fn subject(access: &Access<'_>) -> String {
    let root = access.btf.type_name(access.root);
    let path = access.spelled(&access.steps);
    match About::of(access.kind) {
        Ok(About::Enumerator) => format!("{root}: {path}"),
        _ => root + &path,
    }
}

/// Why no candidate has what a path leads to.
pub(super) fn explain(access: &Access<'_>, target: &Target) -> Result<Failure, BtfError> {
    let candidates = target.candidates(access.btf, access.root)?;
    let (missing, nearest) = match (candidates.first(), About::of(access.kind)?) {
        (Some(&(btf, id)), About::Enumerator) => enumerator(access, btf, id)?,
        (Some(_), About::Field) => field(access, &candidates)?,
        _ => {
            let name = access.btf.type_name(access.root);
            (Missing::Type { name }, nearest_types(access, target)?)
        }
    };
    let kernel = target.name().to_owned();
    Ok(Failure { kind: access.kind, subject: subject(access), kernel, missing, nearest })
}

fn nearest_types(access: &Access<'_>, target: &Target) -> Result<Vec<String>, BtfError> {
    let wanted = access.btf.get(access.root)?;
    let name = flavourless(access.btf.name(wanted.name()));
    let mut likeness = Likeness::new(name);
    let named = |kind| {
        matches!(
            kind,
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Typedef | Kind::Fwd | Kind::Int
        )
    };
    for btf in target.levels() {
        for (id, ty) in btf.types().filter(|(_, ty)| named(ty.kind())) {
            let there = flavourless(btf.name(ty.name()));
            let Some(distance) = likeness.distance(there).filter(|_| !there.is_empty()) else { continue };
            // The same name of another kind is nearer than another name of the same kind.
            let other_kind = usize::from(ty.kind() != wanted.kind());
            let distance = if there == name { 0 } else { 2 * distance + other_kind };
            let what = if ty.kind() == Kind::Fwd { " (only declared)" } else { "" };
            likeness.add(distance, format!("`{}`{what}", btf.type_name(id)));
        }
    }
    Ok(likeness.nearest())
}

fn enumerator(access: &Access<'_>, btf: &Btf, id: TypeId) -> Result<(Missing, Vec<String>), BtfError> {
    let name = access.spelled(&access.steps);
    let mut likeness = Likeness::new(&name);
    if let Type::Enum(values) | Type::Enum64(values) = btf.get_resolved(id)? {
        for value in values.values.iter() {
            let there = btf.name(value.name);
            if let Some(distance) = likeness.distance(there) {
                likeness.add(distance, format!("`{there}` = {}", value.value));
            }
        }
    }
    let nearest = likeness.nearest();
    Ok((Missing::Enumerator { of: btf.type_name(id), name }, nearest))
}

/// How far the candidate that goes furthest goes, and what is missing there.
fn field(access: &Access<'_>, candidates: &[(&Btf, TypeId)]) -> Result<(Missing, Vec<String>), BtfError> {
    let mut furthest: Option<(usize, Access<'_>)> = None;
    for &(btf, id) in candidates {
        let mut there = Access::new(btf, access.kind, id);
        let stopped = there.find_field(access, &mut Steps::default())?.unwrap_or(access.steps.len());
        if furthest.as_ref().is_none_or(|&(before, _)| stopped > before) {
            furthest = Some((stopped, there));
        }
    }
    let Some((stopped, there)) = furthest else {
        return Ok((Missing::Type { name: access.btf.type_name(access.root) }, Vec::new()));
    };
    let last = if stopped == 0 { None } else { there.steps.get(stopped - 1) };
    let at = match last {
        Some(&Step::Member(_, _, member)) => member.ty,
        Some(&Step::Element(ty, _)) => ty,
        _ => there.root,
    };
    match (access.steps.get(stopped), there.steps.get(stopped)) {
        (Some(&Step::Member(_, _, own)), Some(&Step::Member(_, _, other))) => {
            let missing = Missing::Unlike {
                name: access.btf.name(own.name).to_owned(),
                expected: access.btf.type_name(own.ty),
                found: there.btf.type_name(other.ty),
            };
            Ok((missing, Vec::new()))
        }
        (Some(&Step::Member(_, _, own)), _) => {
            let name = access.btf.name(own.name);
            let mut members = Members::new(there.btf, name);
            members.look(at, "", 0)?;
            if stopped > 1 {
                members.look_for_same(there.root)?;
            }
            let nearest = members.nearest();
            Ok((Missing::Member { of: there.btf.type_name(at), name: name.to_owned() }, nearest))
        }
        (step, _) => {
            let index = if let Some(&Step::Element(_, index)) = step { index } else { 0 };
            Ok((Missing::Element { of: there.btf.type_name(at), index }, Vec::new()))
        }
    }
}
