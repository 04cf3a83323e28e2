//! Parts of a value that have rules of their own: locks, timers, pointers that the kernel owns, lists and trees. A
//! program may touch them by calls only, but for loads of such pointers.
//!
//! A [`Record`] tells where they are in a value of a type of the program's: a map's value, or an object that the
//! program allocates. What calls do with them is in `lock`, `kptr` and `callback`.
//! Source: `btf_parse_fields` and what it calls, kernel/bpf/btf.c; `map_check_btf` of kernel/bpf/syscall.c;
//! `check_map_access` of kernel/bpf/verifier.c, Linux 6.18.

use std::fmt;

use skep_abi::MapType;
use skep_btf::{Btf, Kind as TypeKind, Type, TypeId};
use skep_obj::MapSpec;

/// Most special fields of a type (`BTF_FIELDS_MAX`).
const MAX_FIELDS: usize = 11;

/// How deep structures in structures are looked into (`MAX_RESOLVE_DEPTH`).
const MAX_NESTING: usize = 32;

/// Where the special fields of a type are, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) fields: Vec<Field>,
}

/// A special field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Bytes from the start of the value.
    pub(crate) off: u32,
    /// Bytes.
    pub(crate) size: u32,
    pub(crate) kind: FieldKind,
}

/// What a special field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    SpinLock,
    ResSpinLock,
    Timer,
    Workqueue,
    TaskWork,
    Refcount,
    /// A pointer that the kernel owns.
    Pointer {
        owns: Ownership,
        /// What it points to, in the program's types; the kernel's of the same name where it has one.
        to: TypeId,
    },
    /// The head of a list, or the root of a tree.
    Root {
        tree: bool,
        /// The structure whose objects it holds, in the program's types.
        holds: TypeId,
        /// Where in that its node is.
        node: u32,
    },
    /// What links an object into a list or a tree.
    Node {
        tree: bool,
    },
}

/// How a field owns what it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Not at all.
    Untrusted,
    /// It holds a reference.
    Reference,
    /// It holds a reference to what each CPU has its own of.
    Percpu,
    /// It is a page of user space.
    User,
}

/// Why the special fields of a type can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldsError {
    pub(crate) field: &'static str,
    why: &'static str,
}

impl fmt::Display for FieldsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.why)
    }
}

/// A structure that is a field: what it must be like.
struct Shape {
    name: &'static str,
    size: u32,
    align: u32,
    /// Whether a type has at most one.
    single: bool,
}

const fn shape(name: &'static str, size: u32, align: u32, single: bool) -> Shape {
    Shape { name, size, align, single }
}

static SHAPES: [Shape; 10] = [
    shape("bpf_spin_lock", 4, 4, true),
    shape("bpf_res_spin_lock", 4, 4, true),
    shape("bpf_timer", 16, 8, true),
    shape("bpf_wq", 16, 8, true),
    shape("bpf_task_work", 8, 8, true),
    shape("bpf_refcount", 4, 4, true),
    shape("bpf_list_head", 16, 8, false),
    shape("bpf_rb_root", 16, 8, false),
    shape("bpf_list_node", 24, 8, false),
    shape("bpf_rb_node", 32, 8, false),
];

impl FieldKind {
    /// Linux's name for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            FieldKind::SpinLock => "bpf_spin_lock",
            FieldKind::ResSpinLock => "bpf_res_spin_lock",
            FieldKind::Timer => "bpf_timer",
            FieldKind::Workqueue => "bpf_wq",
            FieldKind::TaskWork => "bpf_task_work",
            FieldKind::Refcount => "bpf_refcount",
            FieldKind::Pointer { owns: Ownership::Percpu, .. } => "percpu_kptr",
            FieldKind::Pointer { owns: Ownership::User, .. } => "uptr",
            FieldKind::Pointer { .. } => "kptr",
            FieldKind::Root { tree: false, .. } => "bpf_list_head",
            FieldKind::Root { tree: true, .. } => "bpf_rb_root",
            FieldKind::Node { tree: false } => "bpf_list_node",
            FieldKind::Node { tree: true } => "bpf_rb_node",
        }
    }

    /// Whether values of a map of this kind may have it.
    fn allowed_in(self, map_type: MapType) -> bool {
        const KEYED: &[MapType] = &[MapType::Hash, MapType::Array, MapType::LruHash];
        const PERCPU: &[MapType] = &[MapType::PercpuHash, MapType::PercpuArray, MapType::LruPercpuHash];
        const STORAGE: &[MapType] =
            &[MapType::SkStorage, MapType::InodeStorage, MapType::TaskStorage, MapType::CgrpStorage];
        let within = |lists: &[&[MapType]]| lists.iter().any(|list| list.contains(&map_type));
        match self {
            FieldKind::SpinLock | FieldKind::ResSpinLock => {
                within(&[&[MapType::Hash, MapType::Array, MapType::CgroupStorage], STORAGE])
            }
            FieldKind::Timer | FieldKind::Workqueue | FieldKind::TaskWork => within(&[KEYED]),
            FieldKind::Pointer { owns: Ownership::User, .. } => map_type == MapType::TaskStorage,
            FieldKind::Pointer { .. } | FieldKind::Refcount => within(&[KEYED, PERCPU, STORAGE]),
            FieldKind::Root { .. } => within(&[KEYED]),
            FieldKind::Node { .. } => false,
        }
    }
}

impl Record {
    /// The special fields of a type of the program's.
    pub(crate) fn of_type(btf: &Btf, ty: TypeId) -> Result<Record, FieldsError> {
        let record = Record::search(btf, ty, false)?;
        record.owns_no_owner(btf)?;
        Ok(record)
    }

    fn search(btf: &Btf, ty: TypeId, maps: bool) -> Result<Record, FieldsError> {
        let mut search = Search { btf, maps, fields: Vec::new() };
        let ty = btf.resolve(ty).unwrap_or(ty);
        search.within(ty, 0, 0)?;
        search.finish()
    }

    /// Checks that nothing comes to own itself (`btf_check_and_fixup_fields`): what can be in a list or tree, and has
    /// such itself, has none there that hold what has them, too.
    fn owns_no_owner(&self, btf: &Btf) -> Result<(), FieldsError> {
        if !self.fields.iter().any(|field| matches!(field.kind, FieldKind::Node { .. })) {
            return Ok(());
        }
        for (name, holds) in self.roots() {
            if Record::search(btf, holds, false)?.roots().next().is_some() {
                return wrong(
                    name,
                    "holds objects that have lists or trees: they might come to own each other",
                );
            }
        }
        Ok(())
    }

    /// The lists and trees: what they are called, and what they hold.
    fn roots(&self) -> impl Iterator<Item = (&'static str, TypeId)> {
        self.fields.iter().filter_map(|field| match field.kind {
            FieldKind::Root { holds, .. } => Some((field.kind.name(), holds)),
            _ => None,
        })
    }

    /// The special fields of a map's values.
    pub(crate) fn of_map(btf: &Btf, map: &MapSpec) -> Result<Record, FieldsError> {
        let Some(ty) = map.value_type else { return Ok(Record::default()) };
        let record = Record::search(btf, ty, true)?;
        for (_, holds) in record.roots() {
            Record::of_type(btf, holds)?;
        }
        match record.fields.iter().find(|field| !field.kind.allowed_in(map.def.map_type)) {
            Some(field) => Err(FieldsError {
                field: field.kind.name(),
                why: "can't be in the values of a map of this kind",
            }),
            None => Ok(record),
        }
    }

    /// The field of this kind.
    pub(crate) fn find(&self, kind: FieldKind) -> Option<&Field> {
        self.fields.iter().find(|field| field.kind == kind)
    }

    /// The field that starts here.
    pub(crate) fn at(&self, off: i64) -> Option<&Field> {
        self.fields.iter().find(|field| i64::from(field.off) == off)
    }

    /// The fields that an access from `min` to `max` may touch.
    pub(crate) fn touched(&self, min: i64, max: i64) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter(move |f| min < i64::from(f.off) + i64::from(f.size) && i64::from(f.off) < max)
    }

    /// The lock of the value, of either kind.
    pub(crate) fn lock(&self) -> Option<&Field> {
        self.fields.iter().find(|f| matches!(f.kind, FieldKind::SpinLock | FieldKind::ResSpinLock))
    }
}

/// A search for special fields.
struct Search<'a> {
    btf: &'a Btf,
    /// Whether the value is a map's: nodes are for objects only.
    maps: bool,
    fields: Vec<Field>,
}

/// What Linux says of what is wrong, by field.
fn wrong<T>(field: &'static str, why: &'static str) -> Result<T, FieldsError> {
    Err(FieldsError { field, why })
}

impl Search<'_> {
    /// Looks at the members of a structure, or the variables of a section, that starts at `base`.
    fn within(&mut self, ty: TypeId, base: u32, nesting: usize) -> Result<(), FieldsError> {
        if nesting > MAX_NESTING {
            return wrong("a structure", "is nested too deep");
        }
        match self.btf.get(ty) {
            Ok(Type::Struct(composite)) => {
                for (index, member) in composite.members.iter().enumerate() {
                    if member.bit_offset % 8 == 0 {
                        let off = base.saturating_add(member.bit_offset / 8);
                        self.one(member.ty, off, None, (ty, Some(index as u32)), nesting)?;
                    }
                }
            }
            Ok(Type::DataSec(section)) => {
                for var in section.vars.iter() {
                    let Ok(Type::Var(variable)) = self.btf.get(var.ty) else { continue };
                    self.one(variable.ty, var.offset, Some(var.size), (var.ty, None), nesting)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Looks at one member or variable, or all elements of one.
    fn one(
        &mut self,
        mut ty: TypeId,
        off: u32,
        expected: Option<u32>,
        declared: (TypeId, Option<u32>),
        nesting: usize,
    ) -> Result<(), FieldsError> {
        let mut count = 1u32;
        let mut depth = 0;
        while let Ok(Type::Array(array)) = self.btf.get(ty) {
            count = count.saturating_mul(array.len);
            ty = array.elem;
            depth += 1;
            if depth == MAX_NESTING {
                return wrong("an array", "is nested too deep");
            }
        }
        if count == 0 {
            return Ok(());
        }
        let Ok(found) = self.btf.get(ty) else { return Ok(()) };
        let (kind, size, align) = match found {
            Type::Struct(composite) => {
                let name = self.btf.name(composite.name);
                match SHAPES.iter().find(|shape| shape.name == name) {
                    Some(shape) if !(self.maps && name.ends_with("_node")) => {
                        if shape.size != composite.size {
                            return Ok(());
                        }
                        let Some(kind) = self.shaped(shape, declared)? else { return Ok(()) };
                        if shape.single && self.fields.iter().any(|f| f.kind == kind) {
                            return wrong(shape.name, "is there twice: a value may have one");
                        }
                        (kind, shape.size, shape.align)
                    }
                    Some(_) => return Ok(()),
                    None => {
                        let size = composite.size;
                        if expected
                            .is_some_and(|expected| u64::from(expected) != u64::from(size) * u64::from(count))
                        {
                            return Ok(());
                        }
                        return self.nested(ty, off, size, count, nesting);
                    }
                }
            }
            _ => match self.pointer(ty)? {
                Some(kind) => (kind, 8, 8),
                None => return Ok(()),
            },
        };
        let whole = u64::from(size) * u64::from(count);
        if !off.is_multiple_of(align) || expected.is_some_and(|expected| u64::from(expected) != whole) {
            return Ok(());
        }
        for index in 0..count {
            self.add(Field { off: off.saturating_add(index * size), size, kind })?;
        }
        Ok(())
    }

    /// The fields of a structure within, for each element of an array of them.
    fn nested(
        &mut self,
        ty: TypeId,
        off: u32,
        size: u32,
        count: u32,
        nesting: usize,
    ) -> Result<(), FieldsError> {
        let before = self.fields.len();
        self.within(ty, off, nesting + 1)?;
        let first = self.fields[before..].to_vec();
        if first.is_empty() {
            return Ok(());
        }
        for index in 1..count {
            for field in &first {
                let off = field.off.saturating_add(index.saturating_mul(size));
                self.add(Field { off, ..*field })?;
            }
        }
        Ok(())
    }

    fn add(&mut self, field: Field) -> Result<(), FieldsError> {
        if self.fields.len() == MAX_FIELDS {
            return wrong(field.kind.name(), "is one special field too many");
        }
        self.fields.push(field);
        Ok(())
    }

    /// The kind of a field that is a structure of such a shape.
    fn shaped(
        &self,
        shape: &Shape,
        declared: (TypeId, Option<u32>),
    ) -> Result<Option<FieldKind>, FieldsError> {
        Ok(Some(match shape.name {
            "bpf_spin_lock" => FieldKind::SpinLock,
            "bpf_res_spin_lock" => FieldKind::ResSpinLock,
            "bpf_timer" => FieldKind::Timer,
            "bpf_wq" => FieldKind::Workqueue,
            "bpf_task_work" => FieldKind::TaskWork,
            "bpf_refcount" => FieldKind::Refcount,
            "bpf_list_head" => self.root(shape.name, false, declared)?,
            "bpf_rb_root" => self.root(shape.name, true, declared)?,
            "bpf_list_node" => FieldKind::Node { tree: false },
            "bpf_rb_node" => FieldKind::Node { tree: true },
            _ => return Ok(None),
        }))
    }

    /// A list's head or a tree's root: a tag `contains:STRUCTURE:MEMBER` says what it holds.
    fn root(
        &self,
        name: &'static str,
        tree: bool,
        declared: (TypeId, Option<u32>),
    ) -> Result<FieldKind, FieldsError> {
        let tag = self.btf.types().find_map(|(_, ty)| match ty {
            Type::DeclTag(tag) if (tag.ty, tag.component) == declared => {
                self.btf.name(tag.name).strip_prefix("contains:")
            }
            _ => None,
        });
        let Some((structure, member)) = tag.and_then(|tag| tag.split_once(':')) else {
            return wrong(name, "lacks a tag that says what it contains");
        };
        let holds = self.btf.find(structure, TypeKind::Struct);
        let (Some(holds), node_name) = (holds, if tree { "bpf_rb_node" } else { "bpf_list_node" }) else {
            return wrong(name, "contains a structure that is not there");
        };
        let Ok(Type::Struct(composite)) = self.btf.get(holds) else {
            return wrong(name, "contains what is no structure");
        };
        let node = composite.members.iter().find(|m| self.btf.name(m.name) == member);
        let is_node =
            |ty| matches!(self.btf.get(ty), Ok(Type::Struct(c)) if self.btf.name(c.name) == node_name);
        match node {
            Some(node) if is_node(node.ty) && node.bit_offset % 64 == 0 => {
                Ok(FieldKind::Root { tree, holds, node: node.bit_offset / 8 })
            }
            _ => wrong(name, "contains a structure without that node"),
        }
    }

    /// The kind of a field that is a tagged pointer.
    fn pointer(&self, mut ty: TypeId) -> Result<Option<FieldKind>, FieldsError> {
        if let Ok(Type::Volatile(inner)) = self.btf.get(ty) {
            ty = inner;
        }
        let Ok(Type::Ptr(target)) = self.btf.get(ty) else { return Ok(None) };
        let Ok(Type::TypeTag(tag)) = self.btf.get(target) else { return Ok(None) };
        if tag.attribute {
            return Ok(None);
        }
        if matches!(self.btf.get(tag.ty), Ok(Type::TypeTag(_))) {
            return wrong("kptr", "has a second tag");
        }
        let owns = match self.btf.name(tag.name) {
            "kptr_untrusted" => Ownership::Untrusted,
            "kptr" => Ownership::Reference,
            "percpu_kptr" => Ownership::Percpu,
            "uptr" => Ownership::User,
            _ => return Ok(None),
        };
        let to = self.btf.resolve(tag.ty).unwrap_or(tag.ty);
        if !matches!(self.btf.get(to), Ok(Type::Struct(_))) {
            return wrong("kptr", "points to what is no structure");
        }
        Ok(Some(FieldKind::Pointer { owns, to }))
    }

    /// The fields in order, and what they need of each other.
    fn finish(mut self) -> Result<Record, FieldsError> {
        self.fields.sort_by_key(|field| field.off);
        if self.fields.windows(2).any(|pair| pair[0].off + pair[0].size > pair[1].off) {
            return wrong("a special field", "overlaps another");
        }
        let record = Record { fields: self.fields };
        let both = [FieldKind::SpinLock, FieldKind::ResSpinLock];
        if both.iter().all(|kind| record.find(*kind).is_some()) {
            return wrong("bpf_res_spin_lock", "can't be beside bpf_spin_lock");
        }
        let root = record.fields.iter().find(|f| matches!(f.kind, FieldKind::Root { .. }));
        if let Some(root) = root
            && record.lock().is_none()
        {
            return wrong(root.kind.name(), "needs a bpf_spin_lock beside it");
        }
        let nodes = [false, true].map(|tree| record.find(FieldKind::Node { tree }).is_some());
        if nodes == [true, true] && record.find(FieldKind::Refcount).is_none() {
            return wrong("bpf_rb_node", "beside bpf_list_node needs a bpf_refcount");
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use skep_btf::{BtfBuilder, Member};

    use super::*;

    /// A value of these members: a name of a shape or a kptr's tag, and its offset in bytes.
    fn record(members: &[(&str, u32)]) -> Result<Record, FieldsError> {
        let mut types = BtfBuilder::new();
        let int = types.int("int", 4, skep_btf::IntEncoding::SIGNED);
        let members: Vec<Member> = members
            .iter()
            .map(|(name, off)| {
                let ty = match SHAPES.iter().find(|shape| shape.name == *name) {
                    Some(shape) => types.structure(name, shape.size, &[]),
                    None if *name == "int" => int,
                    None => {
                        let task = types.structure("task_struct", 8, &[]);
                        let tagged = types.type_tag(name, task);
                        types.ptr(tagged)
                    }
                };
                types.member(name, ty, off * 8)
            })
            .collect();
        let value = types.structure("value", 128, &members);
        Record::of_type(&types.finish().expect("types"), value)
    }

    #[test]
    fn fields_are_found_where_they_are_and_only_aligned_ones() {
        let found =
            record(&[("int", 0), ("bpf_spin_lock", 4), ("bpf_timer", 8), ("kptr", 24)]).expect("fields");
        let places: Vec<(u32, &str)> = found.fields.iter().map(|f| (f.off, f.kind.name())).collect();
        assert_eq!(places, [(4, "bpf_spin_lock"), (8, "bpf_timer"), (24, "kptr")]);
        assert_eq!(found.touched(0, 4).count(), 0);
        assert_eq!(found.touched(7, 9).count(), 2);
        assert_eq!(record(&[("bpf_spin_lock", 2)]), Ok(Record::default()));
    }

    #[test]
    fn fields_that_can_not_be_together_are_named() {
        let why = |members: &[(&str, u32)]| record(members).unwrap_err().to_string();
        assert_eq!(
            why(&[("bpf_spin_lock", 0), ("bpf_spin_lock", 8)]),
            "bpf_spin_lock is there twice: a value may have one"
        );
        assert_eq!(
            why(&[("bpf_spin_lock", 0), ("bpf_res_spin_lock", 8)]),
            "bpf_res_spin_lock can't be beside bpf_spin_lock"
        );
        assert_eq!(why(&[("bpf_timer", 0), ("kptr", 8)]), "a special field overlaps another");
        assert_eq!(
            why(&[("bpf_list_node", 0), ("bpf_rb_node", 24)]),
            "bpf_rb_node beside bpf_list_node needs a bpf_refcount"
        );
        assert_eq!(why(&[("bpf_list_head", 0)]), "bpf_list_head lacks a tag that says what it contains");
    }
}
