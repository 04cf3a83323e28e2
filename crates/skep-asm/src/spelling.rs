//! The names and types of an object as a source can have them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use skep_btf::{Btf, Linkage, Type, TypeId};
use skep_obj::{MapInit, Object, RefTarget};

use crate::constant;
use crate::ctype::{CType, SIZE_OF, Types};
use crate::cursor::{is_name, is_name_start};
use crate::dialect::is_register;

/// The names of everything that instructions refer to, each a name that a source can have, and different.
pub(crate) struct Names {
    pub(crate) taken: HashSet<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) maps: Vec<String>,
    pub(crate) externs: HashMap<String, String>,
    /// Variables of data sections: map, offset, size, name, whether others see it, type.
    pub(crate) variables: Vec<Variable>,
    /// What the labels of jumps start with.
    pub(crate) label: String,
    btf: Option<Arc<Btf>>,
    /// `STRUCT.MEMBER` of all structures that the source may have; made for the first name with a dot.
    member_places: Option<HashSet<String>>,
}

pub(crate) struct Variable {
    pub(crate) map: usize,
    pub(crate) offset: u32,
    pub(crate) size: u32,
    pub(crate) name: String,
    pub(crate) global: bool,
    pub(crate) ty: TypeId,
}

impl Names {
    pub(crate) fn of(object: &Object) -> Names {
        let mut names = Names {
            taken: HashSet::new(),
            functions: Vec::new(),
            maps: Vec::new(),
            externs: HashMap::new(),
            variables: Vec::new(),
            label: "L".to_owned(),
            btf: object.btf.clone(),
            member_places: None,
        };
        for f in &object.functions {
            let name = names.fresh(&f.name);
            names.functions.push(name);
        }
        for map in &object.maps {
            // Data sections go by their own names, which labels can't have.
            let name =
                if matches!(map.init, MapInit::Data(_)) { map.name.clone() } else { names.fresh(&map.name) };
            names.maps.push(name);
        }
        for reference in object.functions.iter().flat_map(|f| &f.references) {
            if let RefTarget::Extern { name, .. } = &reference.target
                && !names.externs.contains_key(name)
            {
                let fresh = names.fresh(name);
                names.externs.insert(name.clone(), fresh);
            }
        }
        names.data(object);
        let is_label = |prefix: &str, name: &String| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        };
        while names.taken.iter().any(|name| is_label(&names.label, name)) {
            names.label.push('_');
        }
        names
    }

    fn data(&mut self, object: &Object) {
        let Some(btf) = &object.btf else { return };
        for (map, spec) in object.maps.iter().enumerate() {
            let (MapInit::Data(data), Some(id)) = (&spec.init, spec.value_type) else { continue };
            let Ok(Type::DataSec(section)) = btf.get(id) else { continue };
            let mut end = 0;
            for var in section.vars.iter() {
                let Ok(Type::Var(named)) = btf.get(var.ty) else { continue };
                let after = u64::from(var.offset) + u64::from(var.size);
                // Variables in order, one after the other, are what labels can say.
                if u64::from(var.offset) < end || var.size == 0 || after > data.bytes.len() as u64 {
                    continue;
                }
                end = after;
                let name = self.fresh(btf.name(named.name));
                let global = named.linkage != Linkage::STATIC;
                self.variables.push(Variable {
                    map,
                    offset: var.offset,
                    size: var.size,
                    name,
                    global,
                    ty: named.ty,
                });
            }
        }
    }

    /// A name like this one that a source can have and nothing else has.
    pub(crate) fn fresh(&mut self, name: &str) -> String {
        let mut fresh: String =
            name.chars().map(|c| if u8::try_from(c).is_ok_and(is_name) { c } else { '_' }).collect();
        let register = is_register(&fresh);
        let word = fresh.bytes().next().is_some_and(|b| is_name_start(b) && b != b'.');
        if !word || register || fresh == "pc" {
            fresh.insert(0, '_');
        }
        // What a call before the definition would take for a number. Compilers' dots (`parse.isra.0`) hardly ever are.
        if self.is_member_place(&fresh) || constant::constant(&fresh).is_some() {
            fresh = fresh.replace('.', "_") + "_";
        }
        let (base, mut number) = (fresh.clone(), 2);
        while !self.taken.insert(fresh.clone()) {
            fresh = format!("{base}_{number}");
            number += 1;
        }
        fresh
    }

    /// Whether a name is a place in a context or in a structure of the object: `xdp_md.data`.
    fn is_member_place(&mut self, name: &str) -> bool {
        if !name.contains('.') {
            return false;
        }
        let btf = self.btf.as_deref();
        let places = self.member_places.get_or_insert_with(|| {
            let mut places: HashSet<String> = Types::with_contexts().places().collect();
            let types = btf.into_iter().flat_map(|btf| btf.types().map(move |(_, ty)| (btf, ty)));
            for (btf, ty) in types {
                let Type::Struct(composite) = ty else { continue };
                let structure = btf.name(composite.name);
                let members = composite.members.iter().map(|member| btf.name(member.name));
                places.extend(members.chain([SIZE_OF]).map(|member| format!("{structure}.{member}")));
            }
            places
        });
        places.contains(name)
    }

    /// A place in a data section: a variable's, or the section's with a distance.
    pub(crate) fn place(&self, object: &Object, map: usize, offset: u32) -> String {
        let after = self.variables.partition_point(|v| (v.map, v.offset) <= (map, offset));
        let variable = self.variables[..after].last().filter(|v| v.map == map && offset - v.offset < v.size);
        let (name, distance) = match variable {
            Some(variable) => (variable.name.as_str(), offset - variable.offset),
            None => (object.maps[map].name.as_str(), offset),
        };
        if distance == 0 { name.to_owned() } else { format!("{name} + {distance}") }
    }
}

/// Types that a source can spell, made from those of an object.
pub(crate) struct Spelling<'a> {
    btf: Option<&'a Btf>,
    pub(crate) types: Types,
    known: HashMap<TypeId, Option<CType>>,
    /// How many structures are being looked at.
    open: usize,
}

impl<'a> Spelling<'a> {
    pub(crate) fn new(btf: Option<&'a Btf>) -> Spelling<'a> {
        Spelling { btf, types: Types::default(), known: HashMap::new(), open: 0 }
    }

    /// The type, if it has a spelling of the same size.
    pub(crate) fn of(&mut self, id: TypeId) -> Option<CType> {
        let btf = self.btf?;
        let id = Self::named(btf, id)?;
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        // A structure within itself has none.
        self.known.insert(id, None);
        let ty = self.make(btf, id).filter(|ty| btf.size_of(id) == Ok(self.types.layout(ty).0 as u32));
        self.known.insert(id, ty.clone());
        ty
    }

    /// The type under qualifiers, and under names that a source doesn't know.
    fn named(btf: &Btf, mut id: TypeId) -> Option<TypeId> {
        for _ in 0..skep_btf::MAX_DEPTH {
            id = match btf.get(id).ok()? {
                Type::Typedef(named) if CType::number(btf.name(named.name)).is_none() => named.ty,
                Type::Const(ty) | Type::Volatile(ty) | Type::Restrict(ty) => ty,
                Type::TypeTag(tag) => tag.ty,
                _ => return Some(id),
            };
        }
        None
    }

    fn make(&mut self, btf: &Btf, id: TypeId) -> Option<CType> {
        match btf.get(id).ok()? {
            Type::Typedef(named) => CType::number(btf.name(named.name)),
            Type::Int(int) if int.is_regular() => CType::c_number(btf.name(int.name)),
            Type::Enum(values) if values.size == 4 => {
                CType::number(if values.signed { "s32" } else { "u32" })
            }
            Type::Array(array) => {
                let element = self.of(array.elem)?;
                // A flexible array has no size to check.
                (array.len > 0).then(|| element.array(array.len))
            }
            Type::Struct(composite) => {
                let name = btf.name(composite.name);
                let word = name.bytes().next().is_some_and(is_name_start) && name.bytes().all(is_name);
                if !word
                    || name.contains('.')
                    || CType::is_reserved(name)
                    || self.types.structure(name).is_some()
                    || self.open > 8
                {
                    return None;
                }
                self.open += 1;
                let members: Option<Vec<_>> = composite
                    .members
                    .iter()
                    .map(|member| {
                        let name = btf.name(member.name);
                        let word =
                            name.bytes().next().is_some_and(is_name_start) && name.bytes().all(is_name);
                        let ty = self.of(member.ty)?;
                        (word && member.bitfield_bits == 0).then(|| (name.to_owned(), ty, member.bit_offset))
                    })
                    .collect();
                self.open -= 1;
                let members = members.filter(|members| !members.is_empty())?;
                let offsets: Vec<u32> = members.iter().map(|member| member.2).collect();
                self.types.define_like(name, members, &offsets, composite.size)
            }
            _ => None,
        }
    }

    /// The definitions of all structures that were spelled.
    pub(crate) fn structs(&self) -> String {
        let mut out = String::new();
        for structure in &self.types.structs {
            let _ = writeln!(out, ".struct {} {{", structure.name);
            for member in &structure.members {
                let _ = writeln!(out, "    {}", self.types.declaration(&member.ty, &member.name));
            }
            out.push_str("}\n");
        }
        out
    }
}
