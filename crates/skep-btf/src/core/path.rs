//! Questions of people: a path as C spells it, `group.leader[2]`, to the numbers of a [`Question`], and what a question
//! comes to by the program's own types.

use super::access::{Access, MAX_ACCESS_LEN, Question};
use super::{About, Steps, place};
use crate::btf::Btf;
use crate::error::BtfError;
use crate::ext::CoreKind;
use crate::types::{Type, TypeId};

/// The access of a [`Question`] of this kind about a part of a type, by the names of members and the indices of elements
/// (`in.y[2]`), by an enumerator's name, or, for the type itself, by an empty text.
///
/// ```
/// use skep_btf::core::access_of;
/// use skep_btf::{BtfBuilder, CoreKind, IntEncoding};
///
/// // struct pair { int first; int second[4]; }
/// let mut builder = BtfBuilder::new();
/// let int = builder.int("int", 4, IntEncoding::SIGNED);
/// let four = builder.array(int, int, 4);
/// let (first, second) = (builder.member("first", int, 0), builder.member("second", four, 32));
/// let pair = builder.structure("pair", 20, &[first, second]);
/// let btf = builder.finish()?;
/// assert_eq!(access_of(&btf, CoreKind::FIELD_EXISTS, pair, "second[3]")?, "0:1:3");
/// assert!(access_of(&btf, CoreKind::FIELD_EXISTS, pair, "third").is_err());
/// # Ok::<(), skep_btf::BtfError>(())
/// ```
pub fn access_of(btf: &Btf, kind: CoreKind, type_id: TypeId, path: &str) -> Result<String, BtfError> {
    let wrong = |problem| BtfError::CoreAccess { id: type_id, access: path.to_owned(), problem };
    let numbers = match About::of(kind)? {
        About::Type if path.is_empty() => vec![0],
        About::Type => return Err(wrong("expected nothing: the question is about the type itself")),
        About::Enumerator => match btf.get_resolved(type_id)? {
            Type::Enum(values) | Type::Enum64(values) => {
                let index = values.values.iter().position(|value| btf.name(value.name) == path);
                vec![index.ok_or_else(|| wrong("expected an enumerator of the type"))? as u32]
            }
            _ => return Err(wrong("expected a type that is an enumeration")),
        },
        About::Field => {
            let mut walk = Walk { btf, numbers: vec![0], at: type_id, steps: Steps::default() };
            for part in parts(path).ok_or_else(|| wrong("expected a path like `a.b[2]`"))? {
                if !walk.step(part)? {
                    return Err(wrong("expected members and elements that the type has"));
                }
            }
            walk.numbers
        }
    };
    if numbers.len() > MAX_ACCESS_LEN {
        return Err(wrong("expected at most 64 steps"));
    }
    Ok(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(":"))
}

/// What a question comes to on a kernel whose types are the program's own: what a compiler puts into the instruction.
pub fn own_answer(btf: &Btf, question: &Question<'_>) -> Result<u64, BtfError> {
    let access = Access::parse(btf, question)?;
    if question.kind == CoreKind::TYPE_ID_LOCAL {
        return Ok(u64::from(question.type_id.0));
    }
    Ok(place::compare(question.kind, &access, &access)?.local)
}

/// A part of a path.
#[derive(Clone, Copy)]
enum Part<'a> {
    Member(&'a str),
    Element(u32),
}

/// The parts of a path, unless it is none.
fn parts(path: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    for (index, piece) in path.split('.').enumerate() {
        let piece = piece.trim();
        let name_len = piece.find('[').unwrap_or(piece.len());
        let (name, mut elements) = (piece[..name_len].trim_end(), &piece[name_len..]);
        // Only the first piece may be an element alone, of a type that is an array.
        if name.is_empty() && (index != 0 || elements.is_empty()) {
            return None;
        }
        if !name.is_empty() {
            parts.push(Part::Member(name));
        }
        while let Some(rest) = elements.trim_start().strip_prefix('[') {
            let (number, rest) = rest.split_once(']')?;
            parts.push(Part::Element(number.trim().parse().ok()?));
            elements = rest;
        }
        if !elements.trim().is_empty() {
            return None;
        }
    }
    Some(parts)
}

/// A walk along a path.
struct Walk<'a> {
    btf: &'a Btf,
    numbers: Vec<u32>,
    at: TypeId,
    steps: Steps,
}

impl Walk<'_> {
    /// One part further; whether there is such a part.
    fn step(&mut self, part: Part<'_>) -> Result<bool, BtfError> {
        match part {
            Part::Member(name) => self.member(self.at, name),
            // The indices are checked where the question is read, which knows of arrays without a length.
            Part::Element(index) => {
                let Type::Array(array) = self.btf.get_resolved(self.at)? else { return Ok(false) };
                self.at = array.elem;
                self.numbers.push(index);
                Ok(true)
            }
        }
    }

    /// A member by its name, also within members without names.
    fn member(&mut self, of: TypeId, name: &str) -> Result<bool, BtfError> {
        let (Type::Struct(composite) | Type::Union(composite)) = self.btf.get_resolved(of)? else {
            return Ok(false);
        };
        if self.numbers.len() > MAX_ACCESS_LEN {
            return Ok(false);
        }
        for (index, member) in composite.members.iter().enumerate() {
            self.steps.count()?;
            let own = self.btf.name(member.name);
            self.numbers.push(index as u32);
            if own == name {
                self.at = member.ty;
                return Ok(true);
            }
            if own.is_empty() && self.member(member.ty, name)? {
                return Ok(true);
            }
            self.numbers.pop();
        }
        Ok(false)
    }
}
