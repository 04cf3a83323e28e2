//! `.map`: a map definition on a line, in the words of libbpf's: `.map counts, type=hash, key=u32, value=u64,
//! max_entries=1024`.
//!
//! It says what a map is and how its keys and values are typed; whether a kind takes such sizes and flags is for
//! the host to say that makes it.

use std::collections::HashSet;

use skep_abi::{MapDef, MapFlags, MapType};
use skep_btf::{BtfMapDef, MapValues, POINTER_SIZE, TypeId, ValuesOf};
use skep_obj::Pinning;

use crate::ctype::{CType, TypeWriter, Types};
use crate::cursor::Cursor;
use crate::error::{Cause, Problem, Span};
use crate::nearest::nearest;

/// Most maps of a source.
pub const MAX_MAPS: usize = 1 << 14;
/// Highest slot that an initial value can be put into.
pub const MAX_INITIAL_SLOT: u32 = 1 << 16;

/// A map definition.
#[derive(Debug)]
pub(crate) struct MapDecl<'a> {
    pub(crate) name: &'a str,
    pub(crate) span: Span,
    pub(crate) map_type: MapType,
    pub(crate) key: Content,
    pub(crate) value: Content,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
    pub(crate) extra: u64,
    pub(crate) numa_node: Option<u32>,
    pub(crate) pinning: Pinning,
    /// The map that inner maps are like.
    pub(crate) inner: Option<(&'a str, Span)>,
    /// What its slots hold at the start: programs or maps.
    pub(crate) values: Vec<(u32, &'a str, Span)>,
}

/// What is known of keys or values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing.
    #[default]
    None,
    /// Their size in bytes.
    Size(u32),
    /// Their type.
    Type(CType),
}

/// What can be said of a map.
pub(crate) const ATTRIBUTES: &[&str] = &[
    "type",
    "key",
    "value",
    "key_size",
    "value_size",
    "max_entries",
    "flags",
    "map_flags",
    "map_extra",
    "numa_node",
    "pinning",
    "inner",
    "values",
];

/// Names of flags: the kernel's, in lower case and without their prefix.
const FLAGS: &[(&str, MapFlags)] = &[
    ("no_prealloc", MapFlags::NO_PREALLOC),
    ("no_common_lru", MapFlags::NO_COMMON_LRU),
    ("rdonly", MapFlags::RDONLY),
    ("wronly", MapFlags::WRONLY),
    ("zero_seed", MapFlags::ZERO_SEED),
    ("rdonly_prog", MapFlags::RDONLY_PROG),
    ("wronly_prog", MapFlags::WRONLY_PROG),
    ("mmapable", MapFlags::MMAPABLE),
];

/// Kinds whose values stand for something else, by 32-bit numbers.
const REFERENCES: &[MapType] = &[
    MapType::ProgArray,
    MapType::PerfEventArray,
    MapType::CgroupArray,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Xskmap,
    MapType::ReuseportSockarray,
];

/// Kinds that need keys and values, and a number of elements.
const ELEMENTS: &[MapType] = &[
    MapType::Hash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruHash,
    MapType::LruPercpuHash,
    MapType::LpmTrie,
];

/// Kinds that need a number of elements, whatever else they need.
const BOUNDED: &[MapType] = &[
    MapType::ProgArray,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Queue,
    MapType::Stack,
    MapType::Ringbuf,
    MapType::UserRingbuf,
    MapType::BloomFilter,
];

/// Flags as `.map` takes them: names, and a number for those that have none.
pub(crate) fn flag_names(flags: MapFlags) -> String {
    let mut rest = flags.0;
    let mut names = Vec::new();
    for (name, flag) in FLAGS {
        if rest & flag.0 != 0 {
            rest &= !flag.0;
            names.push((*name).to_owned());
        }
    }
    if rest != 0 || names.is_empty() {
        names.push(format!("{rest:#x}"));
    }
    names.join("|")
}

impl<'a> MapDecl<'a> {
    /// Reads the operands of `.map`; `constant` gives the values of symbols.
    pub(crate) fn read(
        cursor: &mut Cursor<'a>,
        types: &Types,
        constant: &dyn Fn(&str) -> Option<i128>,
    ) -> Result<MapDecl<'a>, Problem> {
        let (name, span) = cursor.need_name("the name of a map")?;
        let mut map = MapDecl {
            name,
            span,
            map_type: MapType(0),
            key: Content::None,
            value: Content::None,
            max_entries: 0,
            flags: 0,
            extra: 0,
            numa_node: None,
            pinning: Pinning::None,
            inner: None,
            values: Vec::new(),
        };
        let mut seen: Vec<&str> = Vec::new();
        while cursor.eat(",") || !cursor.at_end() {
            let (attribute, at) = cursor.need_name("an attribute such as `type=hash`")?;
            if !ATTRIBUTES.contains(&attribute) {
                return Err(Problem::expected(at, "an attribute of a map", format!("`{attribute}`"))
                    .did_you_mean(nearest(attribute, ATTRIBUTES.iter().copied())));
            }
            if seen.contains(&attribute) {
                return Err(Problem::expected(at, "another attribute", format!("a second `{attribute}`")));
            }
            seen.push(attribute);
            cursor.need("=")?;
            let mut reader = Reader { cursor, types, constant };
            match attribute {
                "type" => map.map_type = reader.map_type()?,
                "key" => map.key = Content::Type(reader.content()?),
                "value" => map.value = Content::Type(reader.content()?),
                "key_size" => map.key = map.key.agreeing(reader.number()?, "the key", at, types)?,
                "value_size" => map.value = map.value.agreeing(reader.number()?, "the value", at, types)?,
                "max_entries" => map.max_entries = reader.number()?,
                "flags" | "map_flags" => map.flags = reader.flags()?,
                "map_extra" => map.extra = reader.wide_number()?,
                "numa_node" => map.numa_node = Some(reader.number()?),
                "pinning" => map.pinning = reader.pinning()?,
                "inner" => map.inner = Some(cursor.need_name("the name of a map")?),
                _ => map.values = reader.values()?,
            }
        }
        map.complete(&seen)
    }

    /// Fills in what the kind implies, and checks that it has what it needs.
    fn complete(mut self, seen: &[&str]) -> Result<MapDecl<'a>, Problem> {
        let missing = |attribute| {
            let cause = Cause::MissingAttribute { map: self.name.to_owned(), attribute };
            Err(Problem::new(self.span, cause))
        };
        let kind = self.map_type;
        if !seen.contains(&"type") {
            return missing("type");
        }
        if ELEMENTS.contains(&kind) && self.key == Content::None {
            return missing("key");
        }
        if ELEMENTS.contains(&kind) && self.value == Content::None {
            return missing("value");
        }
        if (ELEMENTS.contains(&kind) || BOUNDED.contains(&kind)) && self.max_entries == 0 {
            return missing("max_entries");
        }
        if REFERENCES.contains(&kind) {
            for content in [&mut self.key, &mut self.value] {
                if *content == Content::None {
                    *content = Content::Size(4);
                }
            }
        }
        Ok(self)
    }

    /// Whether its values stand for programs, or for maps.
    pub(crate) fn holds_maps(&self) -> bool {
        matches!(self.map_type, MapType::ArrayOfMaps | MapType::HashOfMaps)
    }

    /// What it is made with.
    pub(crate) fn def(&self, types: &Types) -> MapDef {
        MapDef {
            map_type: self.map_type,
            key_size: self.key.size(types),
            value_size: self.value.size(types),
            max_entries: self.max_entries,
            flags: MapFlags(self.flags),
        }
    }

    /// The types of keys and values, where they have some.
    pub(crate) fn type_ids(&self, writer: &mut TypeWriter<'_>) -> (Option<TypeId>, Option<TypeId>) {
        let mut id = |content: &Content| match content {
            Content::Type(ty) => Some(writer.id(ty)),
            _ => None,
        };
        (id(&self.key), id(&self.value))
    }

    /// The definition as a type says it. `inner` is the definition that inner maps have.
    pub(crate) fn btf(
        &self,
        (key_type, value_type): (Option<TypeId>, Option<TypeId>),
        types: &Types,
        inner: Option<BtfMapDef>,
    ) -> BtfMapDef {
        let some = |number: u32| (number != 0).then_some(number);
        let of = match inner {
            Some(inner) => Some(ValuesOf::Maps(Box::new(inner))),
            None => (!self.values.is_empty()).then_some(ValuesOf::Progs),
        };
        BtfMapDef {
            map_type: Some(self.map_type.0),
            key_size: some(self.key.size(types)),
            value_size: some(self.value.size(types)),
            max_entries: some(self.max_entries),
            map_flags: some(self.flags),
            map_extra: (self.extra != 0).then_some(self.extra),
            numa_node: self.numa_node,
            pinning: (self.pinning == Pinning::ByName).then_some(1),
            key_type,
            value_type,
            values: of.map(|of| MapValues { of, offset: 0 }),
        }
    }

    /// Bytes that initial values take behind the definition.
    pub(crate) fn values_bytes(&self) -> u32 {
        self.values.iter().map(|(slot, ..)| (slot + 1) * POINTER_SIZE).max().unwrap_or(0)
    }
}

impl Content {
    fn size(&self, types: &Types) -> u32 {
        match self {
            Content::None => 0,
            Content::Size(size) => *size,
            Content::Type(ty) => types.layout(ty).0 as u32,
        }
    }

    /// With a size that is said beside a type, or alone.
    fn agreeing(&self, size: u32, what: &str, span: Span, types: &Types) -> Result<Content, Problem> {
        match self {
            Content::Type(ty) if types.layout(ty).0 != u64::from(size) => Err(Problem::new(
                span,
                Cause::Size { what: what.to_owned(), expected: types.layout(ty).0, found: u64::from(size) },
            )),
            Content::Type(ty) => Ok(Content::Type(ty.clone())),
            _ => Ok(Content::Size(size)),
        }
    }
}

/// Reads the value of one attribute.
struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    types: &'c Types,
    constant: &'c dyn Fn(&str) -> Option<i128>,
}

impl<'a> Reader<'_, 'a> {
    fn number_to(&mut self, max: u64) -> Result<u64, Problem> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset();
        let value = self.cursor.expression(self.constant)?;
        let span = Span { at: start, len: self.cursor.offset() - start };
        if let Some(term) = value.terms.first() {
            let cause = Cause::Undefined { what: "constant", symbol: term.symbol.to_owned() };
            return Err(Problem::new(term.span, cause));
        }
        u64::try_from(value.number).ok().filter(|&number| number <= max).ok_or_else(|| {
            Problem::new(span, Cause::Range { value: value.number, min: 0, max: i128::from(max) })
        })
    }

    fn number(&mut self) -> Result<u32, Problem> {
        Ok(self.number_to(u64::from(u32::MAX))? as u32)
    }

    fn wide_number(&mut self) -> Result<u64, Problem> {
        self.number_to(u64::MAX)
    }

    fn map_type(&mut self) -> Result<MapType, Problem> {
        let mut ahead = self.cursor.clone();
        let Some((name, span)) = ahead.name() else { return Ok(MapType(self.number()?)) };
        let lower = name.to_ascii_lowercase();
        let plain = lower.strip_prefix("bpf_map_type_").unwrap_or(&lower);
        let kind = MapType::by_name(plain).ok_or_else(|| {
            Problem::expected(span, "a kind of map", format!("`{name}`"))
                .did_you_mean(nearest(plain, MapType::ALL.iter().map(|kind| kind.name())))
        })?;
        *self.cursor = ahead;
        Ok(kind)
    }

    fn content(&mut self) -> Result<CType, Problem> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset();
        let ty = self.types.read(self.cursor)?;
        if self.types.layout(&ty).0 == 0 {
            let span = Span { at: start, len: self.cursor.offset() - start };
            return Err(Problem::expected(span, "a type that has a size", "one of 0 bytes"));
        }
        Ok(ty)
    }

    fn flags(&mut self) -> Result<u32, Problem> {
        let mut flags = 0;
        loop {
            let mut ahead = self.cursor.clone();
            match ahead.name() {
                Some((name, span)) => {
                    let lower = name.to_ascii_lowercase();
                    let plain = lower.strip_prefix("bpf_f_").unwrap_or(&lower);
                    if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == plain) {
                        flags |= flag.0;
                    } else if let Some(number) = (self.constant)(name) {
                        flags |= number as u32;
                    } else {
                        return Err(Problem::expected(span, "a flag of a map", format!("`{name}`"))
                            .did_you_mean(nearest(plain, FLAGS.iter().map(|(name, _)| *name))));
                    }
                    *self.cursor = ahead;
                    if !self.cursor.eat("|") {
                        return Ok(flags);
                    }
                }
                None => return Ok(flags | self.number()?),
            }
        }
    }

    fn pinning(&mut self) -> Result<Pinning, Problem> {
        let (name, span) = self.cursor.need_name("`by_name` or `none`")?;
        match name {
            "by_name" | "LIBBPF_PIN_BY_NAME" => Ok(Pinning::ByName),
            "none" | "LIBBPF_PIN_NONE" => Ok(Pinning::None),
            _ => Err(Problem::expected(span, "`by_name` or `none`", format!("`{name}`"))),
        }
    }

    /// `[a, 3: b, c]`: a slot with a number, else the next one.
    fn values(&mut self) -> Result<Vec<(u32, &'a str, Span)>, Problem> {
        let mut values: Vec<(u32, &'a str, Span)> = Vec::new();
        let mut taken = HashSet::new();
        let mut slot = 0u32;
        self.cursor.need("[")?;
        while !self.cursor.eat("]") {
            if self.cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
                slot = self.number()?;
                self.cursor.need(":")?;
            }
            let (name, span) = self.cursor.need_name("the name of a program or map")?;
            if slot >= MAX_INITIAL_SLOT {
                let limit = u64::from(MAX_INITIAL_SLOT);
                return Err(Problem::new(span, Cause::Limit { what: "slots with initial values", limit }));
            }
            if !taken.insert(slot) {
                return Err(Problem::expected(span, "a free slot", format!("slot {slot} again")));
            }
            values.push((slot, name, span));
            slot += 1;
            if !self.cursor.eat(",") && self.cursor.peek() != Some(b']') {
                return Err(self.cursor.unexpected("`,` or `]`"));
            }
        }
        values.sort_by_key(|(slot, ..)| *slot);
        Ok(values)
    }
}
