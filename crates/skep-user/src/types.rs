//! The user host's own BTF: what kernels publish in `/sys/kernel/btf/vmlinux`, of the types that programs here meet.
//!
//! Those are the contexts, with the fields they have in the UAPI, kinds of map, and the functions that can be called by number
//! (`enum bpf_func_id`, by which programs ask what there is). Made from the tables that the host itself goes by, so that it
//! promises nothing else. It has no tasks, files or sockets as kernels have them: programs that are about those find them missing.

use std::sync::{Arc, OnceLock};

use skep_abi::{CONTEXTS, Context, Field, FieldKind, MapType};
use skep_btf::{Btf, BtfBuilder, BtfError, IntEncoding, Member, TypeId};

use crate::UserHost;
use crate::functions;

/// The types, made once a process.
pub(crate) fn kernel_types() -> Result<Arc<Btf>, BtfError> {
    static TYPES: OnceLock<Arc<Btf>> = OnceLock::new();
    if let Some(types) = TYPES.get() {
        return Ok(types.clone());
    }
    let types = Arc::new(build()?);
    Ok(TYPES.get_or_init(|| types).clone())
}

fn build() -> Result<Btf, BtfError> {
    let mut builder = BtfBuilder::new();
    let number = |builder: &mut BtfBuilder, name: &str, kernel_name: &str, size| {
        let int = builder.int(name, size, IntEncoding::UNSIGNED);
        builder.typedef(kernel_name, int)
    };
    let numbers = [
        (1, number(&mut builder, "unsigned char", "__u8", 1)),
        (2, number(&mut builder, "short unsigned int", "__u16", 2)),
        (4, number(&mut builder, "unsigned int", "__u32", 4)),
        (8, number(&mut builder, "long long unsigned int", "__u64", 8)),
    ];
    let index = builder.int("long unsigned int", 8, IntEncoding::UNSIGNED);
    let named = || CONTEXTS.iter().copied().filter(|context| !context.name.is_empty());
    let first = builder.next_id().0;
    let mut later = Later {
        first,
        next: first + named().count() as u32,
        parts: Vec::new(),
        numbers,
        contexts: named().collect(),
    };
    for context in named() {
        let fields = context.fields.iter();
        let members: Vec<Member> = fields.map(|field| later.member(&mut builder, field)).collect();
        builder.structure(context.name, context.size, &members);
    }
    for part in later.parts {
        match part {
            Part::Array(elem, len) => builder.array(elem, index, len),
            Part::Pointer(to) => builder.ptr(to),
            Part::Declared(name) => builder.fwd(name, false),
            Part::Union(size, members) => builder.union("", size, &members),
        };
    }
    enumerations(&mut builder);
    builder.finish()
}

/// What members of the contexts are made of: it has its ids before it is added, since contexts refer to each other.
struct Later {
    /// Id of the first context.
    first: u32,
    next: u32,
    parts: Vec<Part>,
    numbers: [(u32, TypeId); 4],
    contexts: Vec<&'static Context>,
}

enum Part {
    Array(TypeId, u32),
    Pointer(TypeId),
    Declared(&'static str),
    Union(u32, Vec<Member>),
}

impl Later {
    fn add(&mut self, part: Part) -> TypeId {
        self.parts.push(part);
        self.next += 1;
        TypeId(self.next - 1)
    }

    fn member(&mut self, builder: &mut BtfBuilder, field: &Field) -> Member {
        let own = self.field_type(field, field.size / field.element);
        if field.also.is_empty() {
            return builder.member(field.name, own, 8 * field.off);
        }
        let mut names = vec![builder.member(field.name, own, 0)];
        for &(name, count) in field.also {
            let ty = self.elements(field.element, count);
            names.push(builder.member(name, ty, 0));
        }
        let union = self.add(Part::Union(field.size, names));
        builder.member("", union, 8 * field.off)
    }

    fn field_type(&mut self, field: &Field, count: u32) -> TypeId {
        let pointee = match field.kind {
            _ if field.element != 8 => return self.elements(field.element, count),
            FieldKind::Socket(kind) | FieldKind::SocketOrNull(kind) => self.context(kind.fields().name),
            FieldKind::FlowKeys => self.context("bpf_flow_keys"),
            FieldKind::Object(name) => self.context(name),
            FieldKind::PacketData | FieldKind::PacketEnd => TypeId::VOID,
            _ => return self.elements(field.element, count),
        };
        self.add(Part::Pointer(pointee))
    }

    /// A structure by its name; one that is no context is only declared.
    fn context(&mut self, name: &'static str) -> TypeId {
        match self.contexts.iter().position(|context| context.name == name) {
            Some(index) => TypeId(self.first + index as u32),
            None => self.add(Part::Declared(name)),
        }
    }

    fn elements(&mut self, size: u32, count: u32) -> TypeId {
        let known = self.numbers.iter().find(|(bytes, _)| *bytes == size);
        match (known, count) {
            (Some(&(_, number)), 1) => number,
            (Some(&(_, number)), count) => self.add(Part::Array(number, count)),
            // A field of many bytes without elements of its own.
            (None, count) => self.add(Part::Array(self.numbers[0].1, size * count)),
        }
    }
}

fn enumerations(builder: &mut BtfBuilder) {
    let names: Vec<(String, i128)> = MapType::ALL
        .iter()
        .filter(|&&kind| UserHost::has_map_type(kind))
        .map(|kind| (format!("BPF_MAP_TYPE_{}", kind.name().to_uppercase()), i128::from(kind.0)))
        .collect();
    enumeration(builder, "bpf_map_type", &names);
    let names: Vec<(String, i128)> = functions::all()
        .iter()
        // Those that are called by name have no number.
        .filter_map(|function| {
            let name = function.name.strip_prefix("bpf_").unwrap_or(function.name);
            Some((format!("BPF_FUNC_{name}"), i128::from(function.id?)))
        })
        .collect();
    enumeration(builder, "bpf_func_id", &names);
}

fn enumeration(builder: &mut BtfBuilder, name: &str, values: &[(String, i128)]) {
    let values: Vec<(&str, i128)> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    builder.enumeration(name, 4, false, &values);
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_btf::Kind;

    #[test]
    fn contexts_are_laid_out_as_in_the_uapi() {
        let btf = kernel_types().expect("types");
        for context in CONTEXTS.iter().filter(|context| !context.name.is_empty()) {
            let id = btf.find(context.name, Kind::Struct).expect(context.name);
            assert_eq!(btf.size_of(id), Ok(context.size), "{}", context.name);
            for field in context.fields {
                let names = [field.name].into_iter().chain(field.also.iter().map(|(name, _)| *name));
                for name in names {
                    let found = btf.find_member(id, name).expect("a structure").expect(name);
                    assert_eq!(found.bit_offset, 8 * field.off, "{}.{name}", context.name);
                    let size = btf.size_of(found.ty).expect("a size");
                    assert!(size <= field.size, "{}.{name}", context.name);
                }
            }
        }
        let functions = btf.find("bpf_func_id", Kind::Enum).expect("functions");
        assert_eq!(btf.type_name(functions), "enum bpf_func_id");
    }
}
