//! [`BtfMapDef`]: a map definition as C programs write it into `.maps`, with numbers and types hidden in a type.
//!
//! A definition is a variable whose structure type says everything; its bytes say nothing. A number is a
//! pointer to an array of that many elements (`__uint`), or the only value of an enumeration (`__ulong`); a
//! type is a pointer to it (`__type`); inner maps and programs are a flexible array of pointers (`__array`),
//! whose initial elements are ELF relocations and not the matter of this crate. What the numbers mean (kinds of
//! map, flags) isn't either.
//!
//! Source: the macros and members that libbpf 1.8 documents for BTF-defined maps.

use crate::btf::Btf;
use crate::builder::BtfBuilder;
use crate::error::{BtfError, MapProblem};
use crate::query::POINTER_SIZE;
use crate::types::{Member, Type, TypeId};

/// What a map definition says. `None`: it says nothing about it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BtfMapDef {
    /// `type`: number of the kind of map.
    pub map_type: Option<u32>,
    /// `key_size` in bytes, given or following from `key`.
    pub key_size: Option<u32>,
    /// `value_size` in bytes, given or following from `value` or `values`.
    pub value_size: Option<u32>,
    /// `max_entries`.
    pub max_entries: Option<u32>,
    /// `map_flags`: a set of bits.
    pub map_flags: Option<u32>,
    /// `map_extra`: its meaning depends on the kind of map.
    pub map_extra: Option<u64>,
    /// `numa_node`: where the memory is to be.
    pub numa_node: Option<u32>,
    /// `pinning`: 1 to share the map by its name.
    pub pinning: Option<u32>,
    /// `key`: its type.
    pub key_type: Option<TypeId>,
    /// `value`: its type.
    pub value_type: Option<TypeId>,
    /// `values`: what the map's values stand for.
    pub values: Option<MapValues>,
}

/// Maps whose values stand for something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapValues {
    /// For what.
    pub of: ValuesOf,
    /// Bytes from the start of the variable to the first initial value, of which each is a pointer.
    pub offset: u32,
}

/// What the values of a map stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValuesOf {
    /// Maps like this one.
    Maps(Box<BtfMapDef>),
    /// Programs.
    Progs,
}

/// Bytes of a value that stands for a map or program.
const REFERENCE_SIZE: u32 = 4;

/// Members that hold a number, with their place in the definition.
type NumberField = (&'static str, fn(&mut BtfMapDef) -> &mut Option<u32>);
const NUMBERS: &[NumberField] = &[
    ("type", |def| &mut def.map_type),
    ("key_size", |def| &mut def.key_size),
    ("value_size", |def| &mut def.value_size),
    ("max_entries", |def| &mut def.max_entries),
    ("map_flags", |def| &mut def.map_flags),
    ("numa_node", |def| &mut def.numa_node),
    ("pinning", |def| &mut def.pinning),
];

impl BtfMapDef {
    /// Reads the definition from a variable of `.maps`, or from its structure.
    pub fn read(btf: &Btf, id: TypeId) -> Result<Self, BtfError> {
        Self::read_at(btf, id, true)
    }

    fn read_at(btf: &Btf, id: TypeId, outer: bool) -> Result<Self, BtfError> {
        let id = match btf.get(id)? {
            Type::Var(var) => btf.resolve(var.ty)?,
            _ => btf.resolve(id)?,
        };
        let members = match btf.get(id)? {
            Type::Struct(composite) => composite.members,
            other => {
                return Err(BtfError::KindUnexpected {
                    id,
                    expected: "a structure that defines a map",
                    found: other.kind(),
                });
            }
        };
        let mut def = Self::default();
        for member in members.iter() {
            let problem =
                |problem| BtfError::MapDef { id, member: btf.name(member.name).to_owned(), problem };
            def.read_member(btf, &member, outer, &problem)?;
        }
        Ok(def)
    }

    fn read_member(
        &mut self,
        btf: &Btf,
        member: &Member,
        outer: bool,
        problem: &dyn Fn(MapProblem) -> BtfError,
    ) -> Result<(), BtfError> {
        let name = btf.name(member.name);
        if let Some((_, field)) = NUMBERS.iter().find(|(known, _)| *known == name) {
            let number = read_number(btf, member.ty)?.and_then(|number| u32::try_from(number).ok());
            let number = number.ok_or_else(|| problem(MapProblem::NotANumber))?;
            return agree(field(self), number, problem);
        }
        match name {
            "map_extra" => {
                let number = read_number(btf, member.ty)?;
                self.map_extra = Some(number.ok_or_else(|| problem(MapProblem::NotANumber))?);
            }
            "key" => {
                let ty = pointee(btf, member.ty)?.ok_or_else(|| problem(MapProblem::NotAType))?;
                agree(&mut self.key_size, btf.size_of(ty)?, problem)?;
                self.key_type = Some(ty);
            }
            "value" => {
                let ty = pointee(btf, member.ty)?.ok_or_else(|| problem(MapProblem::NotAType))?;
                agree(&mut self.value_size, btf.size_of(ty)?, problem)?;
                self.value_type = Some(ty);
            }
            "values" => {
                if !outer {
                    return Err(problem(MapProblem::Nested));
                }
                agree(&mut self.value_size, REFERENCE_SIZE, problem)?;
                let of = read_values(btf, member.ty)?.ok_or_else(|| problem(MapProblem::NotValues))?;
                self.values = Some(MapValues { of, offset: member.bit_offset / 8 });
            }
            _ => return Err(problem(MapProblem::Unknown)),
        }
        Ok(())
    }

    /// Adds the anonymous structure that says this, for a variable of `.maps` to have as its type.
    ///
    /// Sizes are written where there is no type to say them. `int` is a type to point to. The place of `values`
    /// is always the end of the structure, whatever this says.
    pub fn write(&self, builder: &mut BtfBuilder, int: TypeId) -> TypeId {
        let mut types = Vec::new();
        let mut def = self.clone();
        for (name, field) in NUMBERS {
            let implied = match *name {
                "key_size" => self.key_type.is_some(),
                "value_size" => self.value_type.is_some() || self.values.is_some(),
                _ => false,
            };
            if let Some(number) = *field(&mut def)
                && !implied
            {
                types.push((*name, write_number(builder, int, number.into())));
            }
        }
        if let Some(number) = self.map_extra {
            types.push(("map_extra", write_number(builder, int, number)));
        }
        for (name, ty) in [("key", self.key_type), ("value", self.value_type)] {
            if let Some(ty) = ty {
                types.push((name, builder.ptr(ty)));
            }
        }
        let pointers = types.len() as u32;
        if let Some(values) = &self.values {
            let target = match &values.of {
                ValuesOf::Maps(inner) => inner.write(builder, int),
                ValuesOf::Progs => builder.func_proto(TypeId::VOID, &[]),
            };
            let pointer = builder.ptr(target);
            types.push(("values", builder.array(pointer, int, 0)));
        }
        let members: Vec<_> = (0..)
            .zip(types)
            .map(|(index, (name, ty))| builder.member(name, ty, index * 8 * POINTER_SIZE))
            .collect();
        builder.structure("", pointers * POINTER_SIZE, &members)
    }
}

/// Takes over a number that may be said twice, but not differently.
fn agree(
    place: &mut Option<u32>,
    number: u32,
    problem: &dyn Fn(MapProblem) -> BtfError,
) -> Result<(), BtfError> {
    match *place {
        Some(expected) if expected != number => {
            Err(problem(MapProblem::SizeConflict { expected, found: number }))
        }
        _ => {
            *place = Some(number);
            Ok(())
        }
    }
}

fn pointee(btf: &Btf, ty: TypeId) -> Result<Option<TypeId>, BtfError> {
    Ok(match btf.get_resolved(ty)? {
        Type::Ptr(to) => Some(to),
        _ => None,
    })
}

/// `int (*name)[NUMBER]` or `enum { any = NUMBER } name`.
fn read_number(btf: &Btf, ty: TypeId) -> Result<Option<u64>, BtfError> {
    Ok(match btf.get_resolved(ty)? {
        Type::Enum(values) | Type::Enum64(values) if values.values.len() == 1 => {
            values.values.get(0).and_then(|only| u64::try_from(only.value).ok())
        }
        Type::Ptr(to) => match btf.get_resolved(to)? {
            Type::Array(array) => Some(array.len.into()),
            _ => None,
        },
        _ => None,
    })
}

/// Name of the enumerator that holds a number; nobody reads it.
const ENUMERATOR: &str = "__number";

fn write_number(builder: &mut BtfBuilder, int: TypeId, number: u64) -> TypeId {
    match u32::try_from(number) {
        Ok(len) => {
            let array = builder.array(int, int, len);
            builder.ptr(array)
        }
        Err(_) => builder.enumeration64("", 8, false, &[(ENUMERATOR, number.into())]),
    }
}

/// `TARGET *values[]`.
fn read_values(btf: &Btf, ty: TypeId) -> Result<Option<ValuesOf>, BtfError> {
    let Type::Array(array) = btf.get_resolved(ty)? else { return Ok(None) };
    let Some(target) = pointee(btf, array.elem)? else { return Ok(None) };
    Ok(match btf.get_resolved(target)? {
        _ if array.len != 0 => None,
        Type::Struct(_) => Some(ValuesOf::Maps(Box::new(BtfMapDef::read_at(btf, target, false)?))),
        Type::FuncProto(_) => Some(ValuesOf::Progs),
        _ => None,
    })
}
