//! What a kernel's BTF check refuses in the output of compilers, made acceptable before it is loaded.
//!
//! [`sanitize`] replaces kinds that an older kernel doesn't know by the nearest that it does, and repairs what no
//! kernel takes: parameters of functions without names and names that aren't C identifiers (Rust), pointers with
//! names (Rust), `char` marked twice and functions without names (GCC 12), declarations of things outside of the
//! object. Ids stay the same,
//! so `.BTF.ext` and relocations stay valid; types that are needed besides are added at the end.
//! [`place_section`] fills in the places of variables that compilers leave open.
//!
//! The result is for loading: in print it would mislead.
//!
//! Source: the checks in `kernel/bpf/btf.c`, Linux 6.18, and the releases in which they first knew each kind.

use crate::btf::Btf;
use crate::builder::BtfBuilder;
use crate::error::BtfError;
use crate::kind::{Info, Kind, Word};
use crate::query::POINTER_SIZE;
use crate::types::{IntEncoding, Linkage, SecVar, StrId, Type, TypeId};

/// What a kernel knows of BTF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BtfSupport {
    /// `FUNC` and `FUNC_PROTO` (Linux 5.0).
    pub func: bool,
    /// `VAR` and `DATASEC` (5.2).
    pub datasec: bool,
    /// Functions that are global (5.6).
    pub func_global: bool,
    /// `FLOAT` (5.13).
    pub float: bool,
    /// `DECL_TAG` (5.16).
    pub decl_tag: bool,
    /// `TYPE_TAG` (5.17).
    pub type_tag: bool,
    /// `ENUM64`, and enumerations that say they are signed (6.0).
    pub enum64: bool,
    /// Dots in the names of functions and variables (6.5).
    pub dotted_names: bool,
    /// Any printable character in the names of sections (6.12).
    pub section_names: bool,
    /// Tags that are attributes (6.15).
    pub tag_attributes: bool,
    /// Most bytes of a name, without the zero byte (127, since 6.1 511).
    pub name_len_max: usize,
}

impl BtfSupport {
    /// What Linux `major.minor` knows. Distributions add to their kernels, so this is the least.
    pub fn of_linux(major: u32, minor: u32) -> Self {
        let since = |first| (major, minor) >= first;
        Self {
            func: since((5, 0)),
            datasec: since((5, 2)),
            func_global: since((5, 6)),
            float: since((5, 13)),
            decl_tag: since((5, 16)),
            type_tag: since((5, 17)),
            enum64: since((6, 0)),
            dotted_names: since((6, 5)),
            section_names: since((6, 12)),
            tag_attributes: since((6, 15)),
            name_len_max: if since((6, 1)) { 511 } else { 127 },
        }
    }
}

/// Rewrites `btf` to what a kernel with this support accepts.
///
/// Sections whose places are still open (such as `.ksyms`, which no ELF section backs) get them by the sizes of
/// their variables; do [`place_section`] before for those that have an ELF section.
pub fn sanitize(btf: &Btf, support: &BtfSupport) -> Result<Btf, BtfError> {
    let mut rewrite = Rewrite {
        btf,
        support,
        builder: BtfBuilder::restart(btf),
        named_protos: named_protos(btf),
        added: Vec::new(),
        dummy_int: None,
    };
    for (index, record) in btf.records().enumerate() {
        let id = TypeId(btf.first_id().0 + index as u32);
        let mut draft =
            Draft { info: record.info, name: record.name, third: record.third, body: record.body.to_vec() };
        rewrite.kind(id, &mut draft)?;
        rewrite.names(&mut draft);
        rewrite.builder.record(draft.info, draft.name, draft.third, &draft.body);
    }
    let Rewrite { mut builder, added, .. } = rewrite;
    for draft in added {
        builder.record(draft.info, draft.name, draft.third, &draft.body);
    }
    builder.finish()
}

/// Says how large the section is and where its variables are, by name, in bytes; they are put in that order.
///
/// A variable without a place keeps the one it has.
pub fn place_section(
    btf: &Btf,
    section: TypeId,
    size: u32,
    place_of: impl Fn(&str) -> Option<u32>,
) -> Result<Btf, BtfError> {
    let (name, mut vars) = match btf.get(section)? {
        Type::DataSec(datasec) => (datasec.name, datasec.vars.iter().collect::<Vec<_>>()),
        other => {
            return Err(BtfError::KindUnexpected {
                id: section,
                expected: "a section of variables",
                found: other.kind(),
            });
        }
    };
    for var in &mut vars {
        let name = btf.name(btf.get(var.ty)?.name());
        var.offset = place_of(name).unwrap_or(var.offset);
        if var.size == 0 {
            // What is defined elsewhere may have no size, and gets one from `sanitize`.
            var.size = btf.size_of(var.ty).unwrap_or(0);
        }
    }
    vars.sort_by_key(|var| var.offset);
    let mut builder = BtfBuilder::restart(btf);
    for (id, record) in (btf.first_id().0..).map(TypeId).zip(btf.records()) {
        if id == section {
            builder.datasec(btf.name(name), size, &vars);
        } else {
            builder.record(record.info, record.name, record.third, record.body);
        }
    }
    builder.finish()
}

/// A record while it is being rewritten.
struct Draft {
    info: Info,
    name: StrId,
    third: u32,
    body: Vec<u32>,
}

struct Rewrite<'a> {
    btf: &'a Btf,
    support: &'a BtfSupport,
    builder: BtfBuilder,
    /// Which types are prototypes of functions, whose parameters must have names.
    named_protos: Vec<bool>,
    /// Records to add after all others.
    added: Vec<Draft>,
    dummy_int: Option<TypeId>,
}

fn named_protos(btf: &Btf) -> Vec<bool> {
    let mut named = vec![false; btf.type_count() as usize];
    for (_, ty) in btf.types() {
        if let Type::Func(func) = ty {
            named[func.proto.0 as usize] = true;
        }
    }
    named
}

const DUMMY_INT_SIZE: u32 = 4;

impl Rewrite<'_> {
    /// Replaces what the kernel doesn't know.
    fn kind(&mut self, id: TypeId, draft: &mut Draft) -> Result<(), BtfError> {
        let support = self.support;
        match draft.info.kind {
            Kind::Int => single_encoding(draft),
            Kind::FuncProto => {
                if self.named_protos[id.0 as usize] || !support.func {
                    self.name_params(draft);
                }
                if !support.func {
                    // Parameters become enumerators: both are pairs of words.
                    draft.become_kind(Kind::Enum, draft.info.vlen, 4);
                }
            }
            Kind::Func if !support.func => draft.become_kind(Kind::Typedef, 0, draft.third),
            Kind::Func => {
                let linkage = u32::from(draft.info.vlen);
                if !support.func_global {
                    draft.info.vlen = Linkage::STATIC.0 as u16;
                } else if linkage == Linkage::EXTERN.0 {
                    draft.info.vlen = Linkage::GLOBAL.0 as u16;
                }
            }
            Kind::Var if !support.datasec => draft.become_byte(),
            Kind::Var => {
                if draft.body[0] == Linkage::EXTERN.0 {
                    draft.body[0] = Linkage::GLOBAL.0;
                }
                if self.btf.size_of(TypeId(draft.third)).is_err() {
                    // A symbol declared without a type that a value could have.
                    draft.third = self.dummy_int().0;
                }
            }
            Kind::DataSec => self.section(id, draft)?,
            Kind::Float if !support.float => {
                draft.become_kind(Kind::Struct, 0, draft.third);
                draft.name = StrId::EMPTY;
            }
            Kind::DeclTag if !support.decl_tag || (draft.info.kind_flag && !support.tag_attributes) => {
                draft.become_byte();
            }
            Kind::TypeTag if !support.type_tag || (draft.info.kind_flag && !support.tag_attributes) => {
                draft.become_kind(Kind::Const, 0, draft.third);
                draft.name = StrId::EMPTY;
            }
            Kind::Enum if !support.enum64 => draft.info.kind_flag = false,
            Kind::Enum64 if !support.enum64 => {
                // The names live on as members, all of the same integer.
                let int = self.enum64_member(draft.third);
                for words in draft.body.chunks_exact_mut(3) {
                    (words[1], words[2]) = (int.0, 0);
                }
                draft.become_kind(Kind::Union, draft.info.vlen, draft.third);
            }
            _ => {}
        }
        Ok(())
    }

    fn name_params(&mut self, draft: &mut Draft) {
        let last = usize::from(draft.info.vlen).saturating_sub(1);
        for (index, words) in draft.body.chunks_exact_mut(2).enumerate() {
            let rest = index == last && words[1] == TypeId::VOID.0 && self.support.func;
            if self.btf.bytes(StrId(words[0])).is_empty() && !rest {
                words[0] = self.builder.str(format!("arg{index}")).0;
            }
        }
    }

    fn section(&mut self, id: TypeId, draft: &mut Draft) -> Result<(), BtfError> {
        let Type::DataSec(section) = self.btf.get(id)? else { return Ok(()) };
        let mut vars: Vec<SecVar> = section.vars.iter().collect();
        // Only what has a place in memory has a place in a section.
        let open = section.size == 0 || vars.iter().any(|var| var.size == 0);
        let mut end = 0u32;
        for var in &mut vars {
            let (mut size, mut align) = (DUMMY_INT_SIZE, DUMMY_INT_SIZE);
            match self.btf.get(var.ty)? {
                Type::Func(_) => var.ty = self.dummy_var(),
                _ => {
                    if let (Ok(known), Ok(known_align)) =
                        (self.btf.size_of(var.ty), self.btf.align_of(var.ty))
                    {
                        (size, align) = (known, known_align);
                    }
                }
            }
            if open {
                var.offset =
                    end.checked_next_multiple_of(align.max(1)).ok_or(BtfError::SizeOverflow { id })?;
                var.size = size;
                end = var.offset.checked_add(size).ok_or(BtfError::SizeOverflow { id })?;
            }
        }
        if open {
            vars.retain(|var| var.size != 0);
            draft.third = end.max(1);
        }
        if self.support.datasec {
            draft.info.vlen = vars.len() as u16;
            draft.body = vars.iter().flat_map(|var| [var.ty.0, var.offset, var.size]).collect();
            let any = self.support.section_names;
            draft.name = self.replace_chars(draft.name, |_, c| match c {
                '.' => true,
                c if is_word(c) => true,
                c => any && (' '..='~').contains(&c),
            });
        } else {
            draft.body.clear();
            for var in &vars {
                let name = self.btf.get(var.ty).map_or(StrId::EMPTY, |ty| ty.name());
                draft.body.extend([name.0, var.ty.0, var.offset.saturating_mul(8)]);
            }
            draft.name = self.replace_chars(draft.name, |_, c| is_word(c));
            draft.become_kind(Kind::Struct, vars.len() as u16, draft.third);
        }
        Ok(())
    }

    /// Makes names what C allows in their places.
    fn names(&mut self, draft: &mut Draft) {
        if draft.info.kind == Kind::Func && self.btf.bytes(draft.name).is_empty() {
            draft.name = self.builder.str("unnamed");
        }
        match draft.info.kind {
            Kind::Ptr | Kind::Array | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::FuncProto => {
                draft.name = StrId::EMPTY;
            }
            Kind::Struct
            | Kind::Union
            | Kind::Enum
            | Kind::Enum64
            | Kind::Fwd
            | Kind::Typedef
            | Kind::Func
            | Kind::Var => draft.name = self.identifier(draft.name),
            _ => {}
        }
        let layout = draft.info.kind.layout();
        let stride = layout.item.len();
        if stride != 0 && layout.item[0] == Word::Str {
            for words in draft.body.chunks_exact_mut(stride) {
                words[0] = self.identifier(StrId(words[0])).0;
            }
        }
    }

    fn identifier(&mut self, name: StrId) -> StrId {
        let dots = self.support.dotted_names;
        self.replace_chars(name, |first, c| {
            (is_word(c) && !(first && c.is_ascii_digit())) || (dots && c == '.')
        })
    }

    /// The name with `_` for each character that isn't allowed, and cut to the length that is. A name that was
    /// made here is not among the strings of `btf`, and stays.
    fn replace_chars(&mut self, name: StrId, allowed: impl Fn(bool, char) -> bool) -> StrId {
        let old = self.btf.name(name);
        let len_max = self.support.name_len_max;
        if old.len() <= len_max && old.char_indices().all(|(at, c)| allowed(at == 0, c)) {
            return name;
        }
        let chars = old.char_indices().map(|(at, c)| if allowed(at == 0, c) { c } else { '_' });
        let new: String = chars.take(len_max).collect();
        self.builder.str(new)
    }

    fn add(&mut self, kind: Kind, name: &str, third: u32, body: &[u32]) -> TypeId {
        let id = TypeId(self.btf.type_count() + self.added.len() as u32);
        let name = self.builder.str(name);
        self.added.push(Draft { info: Info::new(kind, 0), name, third, body: body.to_vec() });
        id
    }

    fn dummy_int(&mut self) -> TypeId {
        if let Some(id) = self.dummy_int {
            return id;
        }
        let id = self.add(Kind::Int, "int", DUMMY_INT_SIZE, &[int_word(IntEncoding::SIGNED, DUMMY_INT_SIZE)]);
        self.dummy_int = Some(id);
        id
    }

    /// A variable to stand for a function in a section. Each is a new one: a section can't hold one twice.
    fn dummy_var(&mut self) -> TypeId {
        let int = self.dummy_int();
        if !self.support.datasec {
            return int;
        }
        self.add(Kind::Var, "skep_extern", int.0, &[Linkage::GLOBAL.0])
    }

    /// An integer that fits into an enumeration of `size` bytes.
    fn enum64_member(&mut self, size: u32) -> TypeId {
        let size = size.clamp(1, POINTER_SIZE);
        self.add(Kind::Int, "enum64", size, &[int_word(IntEncoding::UNSIGNED, size)])
    }
}

impl Draft {
    fn become_kind(&mut self, kind: Kind, vlen: u16, third: u32) {
        self.info = Info::new(kind, vlen);
        self.third = third;
    }

    /// A byte, for what has no like among the older kinds. A tag's text may be no name, but an integer's is free.
    fn become_byte(&mut self) {
        self.become_kind(Kind::Int, 0, 1);
        self.body = vec![int_word(IntEncoding::UNSIGNED, 1)];
    }
}

fn int_word(encoding: IntEncoding, size: u32) -> u32 {
    (u32::from(encoding.0) << 24) | (size * 8)
}

/// Kernels take one mark on an integer; GCC 12 says of `char` that it is signed and a character.
fn single_encoding(draft: &mut Draft) {
    let marks = draft.body[0] >> 24 & 0xf;
    if marks.count_ones() > 1 && marks & u32::from(IntEncoding::SIGNED.0) != 0 {
        draft.body[0] = draft.body[0] & !(0xf << 24) | u32::from(IntEncoding::SIGNED.0) << 24;
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}
