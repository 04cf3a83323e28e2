//! C types as directives name them: `u32`, `struct flow`, `char[16]`, `struct flow *`; and `.struct`, which
//! defines new ones. Layout is C's: members at multiples of their alignment, in order.
//!
//! Unions, bitfields, enumerations and packed structures have no spelling here; the types of an object that a
//! compiler made may have them.

use std::collections::{HashMap, HashSet};

use skep_abi::ProgType;
use skep_btf::{BtfBuilder, IntEncoding, Linkage, POINTER_SIZE, TypeId};

use crate::cursor::Cursor;
use crate::error::{Cause, Problem, Span};

/// Most bytes of a type.
pub const MAX_TYPE_BYTES: u64 = 1 << 28;
/// Most structures of a source.
pub const MAX_STRUCTS: usize = 1 << 16;
/// Most members of a structure.
pub const MAX_MEMBERS: usize = 1 << 12;
/// How deep arrays, pointers and structures may nest; a kernel stops at twice that.
pub const MAX_TYPE_DEPTH: usize = 16;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CType {
    Void,
    /// A number, by index into [`NUMBERS`].
    Number(usize),
    /// A structure, by index into [`Types::structs`].
    Struct(usize),
    Array(Box<CType>, u32),
    Pointer(Box<CType>),
}

/// A structure of the source.
#[derive(Clone, Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) size: u32,
    pub(crate) align: u32,
    pub(crate) members: Vec<Member>,
    pub(crate) span: Span,
    /// How many types deep it goes.
    depth: usize,
}

/// A member of a structure.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) ty: CType,
    pub(crate) offset: u32,
}

/// A number: its name, the name of the C type that it stands for (or nothing if it is one), size, encoding.
type Number = (&'static str, &'static str, u32, IntEncoding);

const U: IntEncoding = IntEncoding::UNSIGNED;
const S: IntEncoding = IntEncoding::SIGNED;

/// The numbers. Short names are the kernel's, and become names for C's types.
const NUMBERS: &[Number] = &[
    ("u8", "unsigned char", 1, U),
    ("u16", "unsigned short", 2, U),
    ("u32", "unsigned int", 4, U),
    ("u64", "unsigned long long", 8, U),
    ("s8", "signed char", 1, S),
    ("s16", "short", 2, S),
    ("s32", "int", 4, S),
    ("s64", "long long", 8, S),
    ("__u8", "unsigned char", 1, U),
    ("__u16", "unsigned short", 2, U),
    ("__u32", "unsigned int", 4, U),
    ("__u64", "unsigned long long", 8, U),
    ("__s8", "signed char", 1, S),
    ("__s16", "short", 2, S),
    ("__s32", "int", 4, S),
    ("__s64", "long long", 8, S),
    ("__be16", "unsigned short", 2, U),
    ("__be32", "unsigned int", 4, U),
    ("__be64", "unsigned long long", 8, U),
    ("bool", "_Bool", 1, IntEncoding::BOOL),
    ("_Bool", "", 1, IntEncoding::BOOL),
    ("char", "", 1, S),
    ("signed char", "", 1, S),
    ("unsigned char", "", 1, U),
    ("short", "", 2, S),
    ("unsigned short", "", 2, U),
    ("int", "", 4, S),
    ("unsigned int", "", 4, U),
    ("long", "", 8, S),
    ("unsigned long", "", 8, U),
    ("long long", "", 8, S),
    ("unsigned long long", "", 8, U),
];

/// Words that names of several words are made of.
const WORDS: &[&str] = &["unsigned", "signed", "long", "short", "char", "int"];

impl CType {
    /// The number of this name.
    pub(crate) fn number(name: &str) -> Option<CType> {
        NUMBERS.iter().position(|number| number.0 == name).map(CType::Number)
    }

    /// The number of this name as compilers spell it, which may be in another order: `long unsigned int`.
    pub(crate) fn c_number(name: &str) -> Option<CType> {
        CType::number(name).or_else(|| CType::number(&c_name(name.split(' ').collect())))
    }

    /// Whether a type can't be named so, because it means something else.
    pub(crate) fn is_reserved(name: &str) -> bool {
        WORDS.contains(&name) || matches!(name, "struct" | "void") || CType::number(name).is_some()
    }

    /// An array of this type.
    pub(crate) fn array(self, len: u32) -> CType {
        CType::Array(Box::new(self), len)
    }
}

/// The member that stands for the size of a structure.
pub(crate) const SIZE_OF: &str = "sizeof";

/// Where structures stand that no source defines.
const BUILT_IN: Span = Span { at: usize::MAX, len: 0 };

/// The structures of a source.
#[derive(Debug, Default)]
pub(crate) struct Types {
    pub(crate) structs: Vec<Struct>,
    by_name: HashMap<String, usize>,
}

impl Types {
    /// One that knows the contexts of programs. A source may define structures of the same names.
    pub(crate) fn with_contexts() -> Types {
        let mut types = Types::default();
        for context in ProgType::ALL.iter().filter_map(|kind| kind.context()) {
            if context.name.is_empty() || types.structure(context.name).is_some() {
                continue;
            }
            let members = context.fields.iter().map(|field| {
                let name =
                    ["__u8", "__u16", "__u32", "__u64"][field.element.min(8).trailing_zeros() as usize];
                let one = CType::number(name).unwrap_or(CType::Void);
                let ty = if field.element < field.size { one.array(field.size / field.element) } else { one };
                Member { name: field.name.to_owned(), ty, offset: field.off }
            });
            types.by_name.insert(context.name.to_owned(), types.structs.len());
            types.structs.push(Struct {
                name: context.name.to_owned(),
                size: context.size,
                align: if context.size.is_multiple_of(8) { 8 } else { 4 },
                members: members.collect(),
                span: BUILT_IN,
                depth: 2,
            });
        }
        types
    }

    /// Size and alignment in bytes.
    pub(crate) fn layout(&self, ty: &CType) -> (u64, u32) {
        match ty {
            CType::Void => (0, 1),
            CType::Number(index) => (u64::from(NUMBERS[*index].2), NUMBERS[*index].2),
            CType::Struct(index) => (u64::from(self.structs[*index].size), self.structs[*index].align),
            CType::Array(element, len) => {
                let (size, align) = self.layout(element);
                (size.saturating_mul(u64::from(*len)), align)
            }
            CType::Pointer(_) => (u64::from(POINTER_SIZE), POINTER_SIZE),
        }
    }

    /// How many types deep it goes.
    fn depth(&self, ty: &CType) -> usize {
        match ty {
            CType::Void | CType::Number(_) => 0,
            CType::Struct(index) => self.structs[*index].depth,
            CType::Array(to, _) | CType::Pointer(to) => self.depth(to) + 1,
        }
    }

    /// The structure of this name.
    pub(crate) fn structure(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// `STRUCT.MEMBER`, the member's offset, or `STRUCT.sizeof`: constants that instructions can name.
    pub(crate) fn constant(&self, name: &str) -> Option<i64> {
        let (structure, member) = name.rsplit_once('.')?;
        let structure = &self.structs[self.structure(structure)?];
        if let Some(member) = structure.members.iter().find(|m| m.name == member) {
            return Some(i64::from(member.offset));
        }
        (member == SIZE_OF).then_some(i64::from(structure.size))
    }

    /// The names of all of these constants.
    pub(crate) fn places(&self) -> impl Iterator<Item = String> {
        self.structs.iter().flat_map(|structure| {
            let members = structure.members.iter().map(|member| member.name.as_str());
            members.chain([SIZE_OF]).map(|member| format!("{}.{member}", structure.name))
        })
    }

    /// Adds a structure whose members' offsets follow from their types.
    pub(crate) fn define(
        &mut self,
        name: &str,
        span: Span,
        members: Vec<(String, CType)>,
    ) -> Result<(), Problem> {
        if self.structs.len() >= MAX_STRUCTS {
            let limit = MAX_STRUCTS as u64;
            return Err(Problem::new(span, Cause::Limit { what: "structures", limit }));
        }
        let depth = 1 + members.iter().map(|(_, ty)| self.depth(ty)).max().unwrap_or(0);
        if depth > MAX_TYPE_DEPTH {
            return Err(Problem::new(span, too_deep()));
        }
        let (mut end, mut align) = (0u64, 1);
        let mut placed = Vec::with_capacity(members.len());
        for (name, ty) in members {
            let (size, member_align) = self.layout(&ty);
            let offset = end.next_multiple_of(u64::from(member_align));
            end = offset + size;
            align = align.max(member_align);
            if end > MAX_TYPE_BYTES {
                return Err(Problem::new(span, too_large()));
            }
            placed.push(Member { name, ty, offset: offset as u32 });
        }
        let size = end.next_multiple_of(u64::from(align)) as u32;
        self.by_name.insert(name.to_owned(), self.structs.len());
        self.structs.push(Struct { name: name.to_owned(), size, align, members: placed, span, depth });
        Ok(())
    }

    /// Adds a structure if its members are where C's rules put them.
    pub(crate) fn define_like(
        &mut self,
        name: &str,
        members: Vec<(String, CType, u32)>,
        bit_offsets: &[u32],
        size: u32,
    ) -> Option<CType> {
        let members = members.into_iter().map(|(name, ty, _)| (name, ty)).collect();
        let index = self.structs.len();
        self.define(name, Span::default(), members).ok()?;
        let made = &self.structs[index];
        let same =
            made.size == size && made.members.iter().map(|m| m.offset * 8).eq(bit_offsets.iter().copied());
        if !same {
            self.structs.pop();
            self.by_name.remove(name);
            return None;
        }
        Some(CType::Struct(index))
    }

    /// A type as [`Types::read`] takes it.
    pub(crate) fn spell(&self, ty: &CType) -> String {
        self.declaration(ty, "")
    }

    /// A type and a name, the arrays behind the name.
    pub(crate) fn declaration(&self, ty: &CType, name: &str) -> String {
        let mut lens = String::new();
        let mut ty = ty;
        while let CType::Array(element, len) = ty {
            lens.push_str(&format!("[{len}]"));
            ty = element;
        }
        let mut stars = String::new();
        while let CType::Pointer(to) = ty {
            stars.push('*');
            ty = to;
        }
        let base = match ty {
            CType::Void => "void".to_owned(),
            CType::Number(index) => NUMBERS[*index].0.to_owned(),
            CType::Struct(index) => format!("struct {}", self.structs[*index].name),
            // Pointers to arrays can't be read, so nothing makes them.
            CType::Array(..) | CType::Pointer(_) => String::new(),
        };
        let blank = if name.is_empty() && stars.is_empty() { "" } else { " " };
        format!("{base}{blank}{stars}{name}{lens}")
    }

    /// Reads a type: a name, then `*` and `[N]`.
    pub(crate) fn read(&self, cursor: &mut Cursor<'_>) -> Result<CType, Problem> {
        let base = self.read_base(cursor)?;
        let ty = Self::pointers(cursor, base)?;
        self.arrays(cursor, ty)
    }

    fn read_base(&self, cursor: &mut Cursor<'_>) -> Result<CType, Problem> {
        let (first, span) = cursor.need_name("a type such as `u32` or `struct NAME`")?;
        if first == "void" {
            return Ok(CType::Void);
        }
        if first == "struct" {
            let (name, span) = cursor.need_name("the name of a structure")?;
            return self.structure(name).map(CType::Struct).ok_or_else(|| self.unknown(name, span));
        }
        if WORDS.contains(&first) {
            return Self::words(cursor, first, span);
        }
        CType::number(first)
            .or_else(|| self.structure(first).map(CType::Struct))
            .ok_or_else(|| self.unknown(first, span))
    }

    /// A C type of several words. `int` says nothing beside others.
    fn words(cursor: &mut Cursor<'_>, first: &str, span: Span) -> Result<CType, Problem> {
        let mut words = vec![first];
        loop {
            let mut ahead = cursor.clone();
            match ahead.name() {
                Some((word, _)) if WORDS.contains(&word) && words.len() < 4 => words.push(word),
                _ => break,
            }
            *cursor = ahead;
        }
        let name = c_name(words);
        CType::number(&name).ok_or_else(|| Problem::expected(span, "a type of C", format!("`{name}`")))
    }

    fn unknown(&self, name: &str, span: Span) -> Problem {
        let names = NUMBERS.iter().map(|number| number.0).chain(self.structs.iter().map(|s| s.name.as_str()));
        let problem = Problem::new(span, Cause::Undefined { what: "type", symbol: name.to_owned() });
        match crate::nearest::nearest(name, names) {
            Some(nearest) => problem.did_you_mean(Some(nearest)),
            None => problem.help("`.struct` defines structures; it must stand before their use"),
        }
    }

    fn pointers(cursor: &mut Cursor<'_>, mut ty: CType) -> Result<CType, Problem> {
        let mut depth = 0;
        while cursor.eat("*") {
            depth += 1;
            ty = CType::Pointer(Box::new(ty));
            if depth > MAX_TYPE_DEPTH {
                return Err(Problem::new(Span { at: cursor.offset(), len: 0 }, too_deep()));
            }
        }
        Ok(ty)
    }

    /// `[A][B]`: B is the innermost.
    fn arrays(&self, cursor: &mut Cursor<'_>, mut ty: CType) -> Result<CType, Problem> {
        let mut lens = Vec::new();
        while cursor.peek() == Some(b'[') {
            let start = cursor.offset();
            cursor.need("[")?;
            let value = cursor.expression(&|name| self.constant(name).map(i128::from))?;
            cursor.need("]")?;
            let span = Span { at: start, len: cursor.offset() - start };
            let Some(len) = value.constant() else {
                return Err(Problem::expected(span, "a number of elements that is known here", "a symbol"));
            };
            let Ok(len) = u32::try_from(len) else {
                let max = i128::from(u32::MAX);
                return Err(Problem::new(span, Cause::Range { value: len, min: 0, max }));
            };
            lens.push((len, span));
            if lens.len() > MAX_TYPE_DEPTH {
                return Err(Problem::new(span, too_deep()));
            }
        }
        for (len, span) in lens.into_iter().rev() {
            if ty == CType::Void {
                return Err(Problem::expected(span, "a type that has a size", "`void`"));
            }
            ty = ty.array(len);
            if self.layout(&ty).0 > MAX_TYPE_BYTES {
                return Err(Problem::new(span, too_large()));
            }
        }
        Ok(ty)
    }

    /// `TYPE NAME[N]`: a type and a name, with the arrays behind the name.
    pub(crate) fn read_declaration<'a>(
        &self,
        cursor: &mut Cursor<'a>,
    ) -> Result<(CType, &'a str, Span), Problem> {
        let base = self.read_base(cursor)?;
        self.read_declarator(cursor, base)
    }

    fn read_declarator<'a>(
        &self,
        cursor: &mut Cursor<'a>,
        base: CType,
    ) -> Result<(CType, &'a str, Span), Problem> {
        let ty = Self::pointers(cursor, base)?;
        let (name, span) = cursor.need_name("a name")?;
        Ok((self.arrays(cursor, ty)?, name, span))
    }

    /// The operands of `.struct`: `NAME { TYPE MEMBER, MEMBER; … }`, or the members on the line without braces,
    /// separated by commas. A member without a type has the type of the one before it.
    pub(crate) fn read_struct(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Problem> {
        let (name, span) = cursor.need_name("the name of a structure")?;
        if CType::is_reserved(name) {
            return Err(Problem::expected(span, "the name of a structure", format!("the type `{name}`")));
        }
        let before = self.structure(name).map(|before| self.structs[before].span);
        if let Some(before) = before.filter(|&span| span != BUILT_IN) {
            return Err(Problem::redefined(span, name, before));
        }
        let braces = cursor.eat("{");
        let mut members: Vec<(String, CType)> = Vec::new();
        let mut names = HashSet::new();
        let mut base: Option<CType> = None;
        loop {
            while cursor.eat(",") || cursor.eat(";") {}
            if cursor.at_end() || cursor.peek() == Some(b'}') {
                break;
            }
            // A lone name goes on with the type before it: it is followed by an array, a comma or the end.
            let mut ahead = cursor.clone();
            let lone = ahead.name().is_some() && {
                ahead.skip_spaces();
                matches!(ahead.rest().bytes().next(), None | Some(b',' | b';' | b'[' | b'\n' | b'}'))
            };
            let ty = match (&base, lone) {
                (Some(base), true) => base.clone(),
                _ => self.read_base(cursor)?,
            };
            base = Some(ty.clone());
            let (ty, member, at) = self.read_declarator(cursor, ty)?;
            if ty == CType::Void {
                return Err(Problem::expected(at, "a type that has a size", "`void`"));
            }
            if !names.insert(member) {
                return Err(Problem::expected(at, "another name", format!("a second member `{member}`")));
            }
            if members.len() >= MAX_MEMBERS {
                let limit = MAX_MEMBERS as u64;
                return Err(Problem::new(at, Cause::Limit { what: "members of a structure", limit }));
            }
            members.push((member.to_owned(), ty));
        }
        if braces {
            // One that is missing was complained about when the source was split.
            cursor.eat("}");
        }
        cursor.end()?;
        if members.is_empty() {
            return Err(Problem::expected(span, "members", "none"));
        }
        self.define(name, span, members)
    }
}

/// The words of a C type in the order of [`NUMBERS`], without those that say nothing beside others.
fn c_name(mut words: Vec<&str>) -> String {
    if words.len() > 1 {
        words.retain(|&word| word != "int");
        if words.iter().any(|word| matches!(*word, "short" | "long")) {
            words.retain(|&word| word != "signed");
        }
    }
    words.sort_by_key(|&word| !matches!(word, "unsigned" | "signed"));
    match words[..] {
        ["unsigned"] => "unsigned int".to_owned(),
        ["signed"] | [] => "int".to_owned(),
        _ => words.join(" "),
    }
}

fn too_large() -> Cause {
    Cause::Limit { what: "bytes of a type", limit: MAX_TYPE_BYTES }
}

fn too_deep() -> Cause {
    Cause::Limit { what: "types within types", limit: MAX_TYPE_DEPTH as u64 }
}

/// Writes types into BTF, each once.
pub(crate) struct TypeWriter<'t> {
    pub(crate) builder: BtfBuilder,
    types: &'t Types,
    known: HashMap<CType, TypeId>,
    ints: HashMap<&'static str, TypeId>,
}

impl<'t> TypeWriter<'t> {
    pub(crate) fn new(builder: BtfBuilder, types: &'t Types) -> TypeWriter<'t> {
        TypeWriter { builder, types, known: HashMap::new(), ints: HashMap::new() }
    }

    /// The id of a type.
    pub(crate) fn id(&mut self, ty: &CType) -> TypeId {
        if let Some(&id) = self.known.get(ty) {
            return id;
        }
        let id = match ty {
            CType::Void => TypeId::VOID,
            CType::Number(index) => self.number(*index),
            CType::Struct(index) => self.structure(*index),
            CType::Array(element, len) => {
                let element = self.id(element);
                let index = self.int();
                self.builder.array(element, index, *len)
            }
            CType::Pointer(to) => {
                let to = self.id(to);
                self.builder.ptr(to)
            }
        };
        self.known.insert(ty.clone(), id);
        id
    }

    /// `int`, which arrays are counted by and functions return.
    pub(crate) fn int(&mut self) -> TypeId {
        self.plain("int", 4, S)
    }

    fn number(&mut self, index: usize) -> TypeId {
        let (name, stands_for, size, encoding) = NUMBERS[index];
        if stands_for.is_empty() {
            return self.plain(name, size, encoding);
        }
        let plain = self.plain(stands_for, size, encoding);
        self.builder.typedef(name, plain)
    }

    fn plain(&mut self, name: &'static str, size: u32, encoding: IntEncoding) -> TypeId {
        let builder = &mut self.builder;
        *self.ints.entry(name).or_insert_with(|| builder.int(name, size, encoding))
    }

    fn structure(&mut self, index: usize) -> TypeId {
        let types = self.types;
        let structure = &types.structs[index];
        let ids: Vec<TypeId> = structure.members.iter().map(|member| self.id(&member.ty)).collect();
        let members: Vec<_> = structure
            .members
            .iter()
            .zip(ids)
            .map(|(member, id)| self.builder.member(&member.name, id, member.offset * 8))
            .collect();
        self.builder.structure(&structure.name, structure.size, &members)
    }

    /// A variable of a section.
    pub(crate) fn var(&mut self, name: &str, ty: TypeId, global: bool) -> TypeId {
        self.builder.var(name, ty, if global { Linkage::GLOBAL } else { Linkage::STATIC })
    }
}
