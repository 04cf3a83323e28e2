//! [`Access`]: a path from a type to a part of it, and the same path in other types.
//!
//! In a question a path is numbers, `0:1:2`: which element of an array of the type, then which member of a structure or
//! element of an array, and so on. Another kernel has its members elsewhere, so what counts of a path is the *names*
//! of members and the indices of elements; members without names, which are how C spells structures within structures,
//! count for nothing.

use super::{About, Steps, fit, likeness};
use crate::btf::Btf;
use crate::error::BtfError;
use crate::ext::CoreKind;
use crate::types::{Array, Composite, Member, StrId, Type, TypeId};

/// Most numbers in a path. libbpf takes as many.
pub const MAX_ACCESS_LEN: usize = 64;

/// A question about a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// What is asked for.
    pub kind: CoreKind,
    /// The type, in the types of the program.
    pub type_id: TypeId,
    /// Which part of it: numbers with colons between. For an enumerator its index, for the type itself `0`.
    pub access: &'a str,
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// An element of a type: its index.
    Element(TypeId, u32),
    /// A member of a structure or union that has a name: which type's, and its index there.
    Member(TypeId, u32, Member),
    /// An enumerator: of which type, and its index there.
    Enumerator(TypeId, u32, StrId),
}

/// A path in the types of one BTF.
#[derive(Clone, Debug)]
pub(super) struct Access<'a> {
    pub(super) btf: &'a Btf,
    pub(super) kind: CoreKind,
    /// The type at which the path begins, as it was named: maybe a `typedef`.
    pub(super) root: TypeId,
    /// Empty if the question is about the type itself.
    pub(super) steps: Vec<Step>,
    bit_offset: u64,
    /// Numbers that the path has been, those of members without names included.
    len: usize,
}

impl<'a> Access<'a> {
    /// The beginning of a path.
    pub(super) fn new(btf: &'a Btf, kind: CoreKind, root: TypeId) -> Access<'a> {
        Access { btf, kind, root, steps: Vec::new(), bit_offset: 0, len: 0 }
    }

    /// Reads a question's path.
    pub(super) fn parse(btf: &'a Btf, question: &Question<'_>) -> Result<Access<'a>, BtfError> {
        let wrong = |problem| BtfError::CoreAccess {
            id: question.type_id,
            access: question.access.to_owned(),
            problem,
        };
        let mut access = Access::new(btf, question.kind, question.type_id);
        let about = About::of(question.kind)?;
        let numbers = numbers(question.access).map_err(wrong)?;
        let root = btf.resolve(question.type_id)?;
        let Some((&first, rest)) = numbers.split_first() else { return Err(wrong("expected a number")) };
        match about {
            About::Type if question.access == "0" => return Ok(access),
            About::Type => return Err(wrong("expected `0`, the type itself")),
            About::Enumerator => {
                let (Type::Enum(values) | Type::Enum64(values)) = btf.get(root)? else {
                    return Err(wrong("expected a type that is an enumeration"));
                };
                let value = values.values.get(first as usize).filter(|_| rest.is_empty());
                let value = value.ok_or_else(|| wrong("expected the index of an enumerator"))?;
                access.steps.push(Step::Enumerator(root, first, value.name));
                return Ok(access);
            }
            About::Field => access.element(root, first)?,
        }
        let mut at = root;
        for &number in rest {
            at = access
                .descend(at, number)?
                .ok_or_else(|| wrong("expected indices of members and elements that the types have"))?;
        }
        Ok(access)
    }

    /// One number further; `None` if the type there has no such part.
    fn descend(&mut self, at: TypeId, number: u32) -> Result<Option<TypeId>, BtfError> {
        let at = self.btf.resolve(at)?;
        match self.btf.get(at)? {
            Type::Struct(composite) | Type::Union(composite) => {
                let Some(member) = composite.members.get(number as usize) else { return Ok(None) };
                self.add_bits(u64::from(member.bit_offset))?;
                self.len += 1;
                if !self.btf.name(member.name).is_empty() {
                    self.steps.push(Step::Member(at, number, member));
                }
                Ok(Some(member.ty))
            }
            Type::Array(array) if number < array.len || self.is_flexible(array)? => {
                let elem = self.btf.resolve(array.elem)?;
                self.element(elem, number)?;
                Ok(Some(elem))
            }
            _ => Ok(None),
        }
    }

    /// The element of this index of an array of `elem`.
    fn element(&mut self, elem: TypeId, index: u32) -> Result<(), BtfError> {
        let bytes = u64::from(self.btf.size_of(elem)?) * u64::from(index);
        self.add_bits(8 * bytes)?;
        self.len += 1;
        self.steps.push(Step::Element(elem, index));
        Ok(())
    }

    fn add_bits(&mut self, bits: u64) -> Result<(), BtfError> {
        self.bit_offset += bits;
        let fits = u32::try_from(self.bit_offset).is_ok();
        if fits { Ok(()) } else { Err(BtfError::SizeOverflow { id: self.root }) }
    }

    /// Whether the array just reached is the last member of a structure, without a length of its own: then it goes on
    /// as far as memory does.
    fn is_flexible(&self, array: Array) -> Result<bool, BtfError> {
        let Some(&Step::Member(of, index, _)) = self.steps.last() else { return Ok(false) };
        if array.len != 0 {
            return Ok(false);
        }
        Ok(match self.btf.get(of)? {
            Type::Struct(composite) | Type::Union(composite) => index as usize + 1 == composite.members.len(),
            _ => false,
        })
    }

    /// The same part of a candidate of another BTF, if it has it and the types fit.
    pub(super) fn find<'b>(
        &self,
        btf: &'b Btf,
        candidate: TypeId,
        steps: &mut Steps,
    ) -> Result<Option<Access<'b>>, BtfError> {
        let mut there = Access::new(btf, self.kind, candidate);
        let fits = match About::of(self.kind)? {
            About::Type if self.kind == CoreKind::TYPE_MATCHES => {
                likeness::matches(self.btf, self.root, btf, candidate, steps)?
            }
            About::Type => fit::types(self.btf, self.root, btf, candidate, steps)?,
            About::Enumerator => there.find_enumerator(self)?,
            About::Field => there.find_field(self, steps)?.is_none(),
        };
        Ok(fits.then_some(there))
    }

    fn find_enumerator(&mut self, local: &Access<'_>) -> Result<bool, BtfError> {
        let at = self.btf.resolve(self.root)?;
        let (Type::Enum(values) | Type::Enum64(values)) = self.btf.get(at)? else { return Ok(false) };
        let Some(&Step::Enumerator(_, _, name)) = local.steps.first() else { return Ok(false) };
        let name = super::flavourless(local.btf.name(name));
        let same = |name_there| super::flavourless(self.btf.name(name_there)) == name;
        let Some(index) = values.values.iter().position(|value| same(value.name)) else { return Ok(false) };
        let name = values.values.get(index).map_or(StrId::EMPTY, |value| value.name);
        self.steps.push(Step::Enumerator(at, index as u32, name));
        Ok(true)
    }

    /// Walks the steps of `local` from the candidate on. Gives the number of the first step that can't be made, or
    /// nothing if all can; the types at which each step was tried are in `steps` and [`at`](Self::at).
    pub(super) fn find_field(
        &mut self,
        local: &Access<'_>,
        steps: &mut Steps,
    ) -> Result<Option<usize>, BtfError> {
        let mut at = self.root;
        for (number, step) in local.steps.iter().enumerate() {
            at = self.btf.resolve(at)?;
            let next = match *step {
                Step::Element(_, index) if number == 0 => {
                    self.element(at, index)?;
                    Some(at)
                }
                Step::Element(_, index) => match self.btf.get(at)? {
                    Type::Array(array) if index < array.len || self.is_flexible(array)? => {
                        let elem = self.btf.resolve(array.elem)?;
                        self.element(elem, index)?;
                        Some(elem)
                    }
                    _ => None,
                },
                Step::Member(_, _, member) => {
                    let wanted = Wanted { btf: local.btf, name: local.btf.name(member.name), ty: member.ty };
                    self.find_member(at, &wanted, steps)?
                }
                Step::Enumerator(..) => None,
            };
            let Some(next) = next else { return Ok(Some(number)) };
            if self.len > MAX_ACCESS_LEN {
                return Ok(Some(number));
            }
            at = next;
        }
        Ok(None)
    }

    /// Looks for a member by its name, also within members without names. Gives its type.
    fn find_member(
        &mut self,
        at: TypeId,
        wanted: &Wanted<'_>,
        steps: &mut Steps,
    ) -> Result<Option<TypeId>, BtfError> {
        let at = self.btf.resolve(at)?;
        let Some(composite) = composite(self.btf, at)? else { return Ok(None) };
        if self.len > MAX_ACCESS_LEN {
            return Ok(None);
        }
        let (bits_before, len_before) = (self.bit_offset, self.len);
        for (index, member) in composite.members.iter().enumerate() {
            steps.count()?;
            let name = self.btf.name(member.name);
            if !name.is_empty() && name != wanted.name {
                continue;
            }
            self.add_bits(u64::from(member.bit_offset))?;
            self.len += 1;
            if name.is_empty() {
                if let Some(found) = self.find_member(member.ty, wanted, steps)? {
                    return Ok(Some(found));
                }
            } else {
                // There is only one of a name, so that one which doesn't fit ends the search.
                let fits = fit::fields(wanted.btf, wanted.ty, self.btf, member.ty)?;
                self.steps.push(Step::Member(at, index as u32, member));
                return Ok(fits.then_some(member.ty));
            }
            (self.bit_offset, self.len) = (bits_before, len_before);
        }
        Ok(None)
    }

    /// Bits from the beginning of the type.
    pub(super) fn bit_offset(&self) -> u64 {
        self.bit_offset
    }

    /// The path as C spells it, from after the type's name: `.group.leader`, `[2].name`; nothing for the type itself.
    pub(super) fn spelled(&self, steps: &[Step]) -> String {
        let mut out = String::new();
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::Element(_, 0) if number == 0 => {}
                Step::Element(_, index) => out += &format!("[{index}]"),
                Step::Member(_, _, member) => {
                    out.push('.');
                    out += self.btf.name(member.name);
                }
                Step::Enumerator(_, _, name) => out += self.btf.name(name),
            }
        }
        out
    }
}

/// A member that is looked for.
struct Wanted<'a> {
    btf: &'a Btf,
    name: &'a str,
    ty: TypeId,
}

/// The structure or union that a type is, if it is one.
pub(super) fn composite(btf: &Btf, id: TypeId) -> Result<Option<Composite<'_>>, BtfError> {
    Ok(match btf.get_resolved(id)? {
        Type::Struct(composite) | Type::Union(composite) => Some(composite),
        _ => None,
    })
}

/// The numbers of a path.
fn numbers(text: &str) -> Result<Vec<u32>, &'static str> {
    let mut numbers = Vec::new();
    for part in text.split(':') {
        if numbers.len() == MAX_ACCESS_LEN {
            return Err("expected at most 64 numbers");
        }
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse().ok().filter(|_| digits);
        numbers.push(number.ok_or("expected numbers with colons between")?);
    }
    Ok(numbers)
}
