//! What the passes found, as an [`Object`] with its types.

use std::collections::HashMap;
use std::sync::Arc;

use skep_abi::{MapDef, MapFlags, MapType, section_kind};
use skep_btf::{BtfBuilder, BtfMapDef, Linkage, SecVar, TypeId};
use skep_isa::{FormId, SLOT_BYTES, decode_all};
use skep_obj::{Data, Function, Line, MapInit, MapSpec, Object, Pinning, RefTarget, Reference};

use crate::assembler::{Assembler, Result};
use crate::ctype::{CType, TypeWriter};
use crate::error::{Cause, Problem, Span};
use crate::function::{Function as Found, function_at};
use crate::resolve::{Resolved, Target, undefined};
use crate::section::{Origin, Purpose, Shape};
use crate::source::Place;
use crate::symbol::{Binding, Meaning, SymbolIndex};
use crate::typed;

/// Most bytes of a source line that an object keeps.
pub const MAX_LINE_TEXT: usize = 256;

/// Makes the object. Problems that show only here are added to the assembler's.
pub(crate) fn build(asm: &mut Assembler<'_>, resolved: &Resolved, file: &str) -> Option<Object> {
    let data = data_sections(asm);
    let maps: Vec<u64> = typed::maps(asm).into_iter().map(|(offset, _)| offset).collect();
    let labels = labels(asm);
    let build = Build { asm, resolved, file: file.into(), data: &data, map_places: &maps, labels: &labels };
    let built = build.object();
    match built {
        Ok(object) => Some(object),
        Err(problem) => {
            asm.problems.push(problem);
            None
        }
    }
}

/// The labels of each section, other names for them left out.
fn labels(asm: &Assembler<'_>) -> Vec<Vec<(u64, SymbolIndex)>> {
    let mut labels = vec![Vec::new(); asm.sections.len()];
    for (index, symbol) in asm.symbols.iter() {
        if let (Meaning::Label(section, offset), false) = (symbol.meaning, symbol.alias) {
            labels[section].push((offset, index));
        }
    }
    for labels in &mut labels {
        labels.sort_by_key(|&(offset, symbol)| (offset, asm.symbols[symbol].span.at));
    }
    labels
}

/// Data sections that have something in them, by section index: their place among the maps.
fn data_sections(asm: &Assembler<'_>) -> HashMap<usize, usize> {
    let sections = asm.sections.iter().enumerate().filter(|(_, s)| s.is_data() && !s.bytes.is_empty());
    let defined = if asm.has_types() { typed::maps(asm).len() } else { asm.maps.len() };
    sections.zip(defined..).map(|((section, _), map)| (section, map)).collect()
}

pub(crate) struct Build<'b, 'a> {
    pub(crate) asm: &'b Assembler<'a>,
    pub(crate) resolved: &'b Resolved,
    file: Arc<str>,
    /// Where compilers defined maps in `.maps`, ascending.
    pub(crate) map_places: &'b [u64],
    /// The labels of each section, by offset; those of one place in the order in which they were defined.
    labels: &'b [Vec<(u64, SymbolIndex)>],
    /// Data sections that have something in them: their place among the maps.
    pub(crate) data: &'b HashMap<usize, usize>,
}

/// A variable of a data section.
pub(crate) struct Variable {
    symbol: SymbolIndex,
    offset: u64,
    size: u64,
    ty: CType,
}

impl Build<'_, '_> {
    fn object(&self) -> Result<Object> {
        if self.asm.has_types() {
            return self.typed_object();
        }
        let mut builder = BtfBuilder::new();
        builder.set_endian(match self.asm.options.endian {
            skep_isa::Endian::Little => skep_btf::Endian::Little,
            skep_isa::Endian::Big => skep_btf::Endian::Big,
        });
        let mut writer = TypeWriter::new(builder, &self.asm.types);
        let mut maps = self.maps(&mut writer)?;
        maps.extend(self.data_maps(&mut writer)?);
        let mut functions = Vec::with_capacity(self.resolved.functions.len());
        for found in &self.resolved.functions {
            let btf_id = self.signature(found, &mut writer);
            functions.push(Function { btf_id: Some(btf_id), ..self.function(found)? });
        }
        add_strings(&functions, &mut writer);
        let btf =
            writer.builder.finish().map_err(|error| Problem::new(Span::default(), Cause::Types(error)))?;
        Ok(Object {
            endian: self.asm.options.endian,
            license: self.license()?,
            kern_version: self.version(),
            functions,
            maps,
            btf: Some(Arc::new(btf)),
        })
    }

    pub(crate) fn license(&self) -> Result<String> {
        if let Some(license) = &self.asm.license {
            return Ok(license.clone());
        }
        let Some(section) = self.asm.sections.iter().find(|s| s.purpose == Purpose::License) else {
            return Ok(String::new());
        };
        let text = section.bytes.split(|&b| b == 0).next().unwrap_or_default();
        String::from_utf8(text.to_vec()).map_err(|_| {
            Problem::expected(Span::default(), "text in section `license`", "bytes that are none")
        })
    }

    pub(crate) fn version(&self) -> u32 {
        let section = self.asm.sections.iter().find(|s| s.purpose == Purpose::Version);
        let bytes = section.and_then(|s| s.bytes.first_chunk::<4>()).copied().unwrap_or_default();
        match self.asm.options.endian {
            skep_isa::Endian::Little => u32::from_le_bytes(bytes),
            skep_isa::Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The maps of `.map`, in order, and the section of their definitions.
    fn maps(&self, writer: &mut TypeWriter<'_>) -> Result<Vec<MapSpec>> {
        let types = &self.asm.types;
        let ids: Vec<_> = self.asm.maps.iter().map(|map| map.type_ids(writer)).collect();
        let mut specs = Vec::new();
        let mut vars = Vec::new();
        let mut end = 0u32;
        for (index, map) in self.asm.maps.iter().enumerate() {
            let inner = if map.holds_maps() { Some(self.inner(index)?) } else { None };
            let inner_def = inner.map(|inner| {
                // An inner map is not found by others, and its own inner maps are not described.
                let def = self.asm.maps[inner].btf(ids[inner], types, None);
                BtfMapDef { pinning: None, values: None, ..def }
            });
            let def = map.btf(ids[index], types, inner_def);
            let int = writer.int();
            let ty = def.write(&mut writer.builder, int);
            let pointers = [
                def.map_type.is_some(),
                def.key_type.is_some() || def.key_size.is_some(),
                def.value_type.is_some() || def.value_size.is_some() && def.values.is_none(),
                def.max_entries.is_some(),
                def.map_flags.is_some(),
                def.map_extra.is_some(),
                def.numa_node.is_some(),
                def.pinning.is_some(),
            ];
            let size =
                pointers.iter().filter(|&&p| p).count() as u32 * skep_btf::POINTER_SIZE + map.values_bytes();
            let global = !matches!(self.binding(map.name), Binding::Local);
            let ty = writer.var(map.name, ty, global);
            vars.push(SecVar { ty, offset: end, size });
            end = end.checked_add(size).ok_or_else(|| {
                let limit = u64::from(u32::MAX);
                Problem::new(map.span, Cause::Limit { what: "bytes of map definitions", limit })
            })?;
            specs.push(MapSpec {
                name: map.name.to_owned(),
                def: map.def(types),
                key_type: ids[index].0,
                value_type: ids[index].1,
                pinning: map.pinning,
                inner: inner.map(|inner| Box::new(self.inner_spec(map.name, inner, ids[inner]))),
                extra: map.extra,
                numa_node: map.numa_node,
                init: self.initial(index)?,
            });
        }
        if !vars.is_empty() {
            writer.builder.datasec(".maps", end, &vars);
        }
        Ok(specs)
    }

    fn binding(&self, name: &str) -> Binding {
        self.asm.symbols.find(name).map_or(Binding::Default, |index| self.asm.symbols[index].binding)
    }

    /// The map that a map's inner maps are like: the one named, else the first value.
    fn inner(&self, index: usize) -> Result<usize> {
        let map = &self.asm.maps[index];
        let named = map.inner.or_else(|| map.values.first().map(|&(_, name, span)| (name, span)));
        let Some((name, span)) = named else {
            let cause = Cause::MissingAttribute { map: map.name.to_owned(), attribute: "inner" };
            return Err(Problem::new(map.span, cause));
        };
        let inner = self.map_named(name, span)?;
        if self.asm.maps[inner].holds_maps() {
            return Err(Problem::expected(span, "a map that holds no maps", format!("`{name}`")));
        }
        Ok(inner)
    }

    fn map_named(&self, name: &str, span: Span) -> Result<usize> {
        match self.asm.symbols.find(name).map(|index| self.asm.symbols[index].meaning) {
            Some(Meaning::Map(map)) => Ok(map),
            _ => Err(undefined(self.asm, "map", name, span)),
        }
    }

    fn inner_spec(
        &self,
        outer: &str,
        index: usize,
        (key_type, value_type): (Option<TypeId>, Option<TypeId>),
    ) -> MapSpec {
        let map = &self.asm.maps[index];
        MapSpec {
            // As readers of objects name a model, which has no name there.
            name: format!("{outer}.inner"),
            def: map.def(&self.asm.types),
            key_type,
            value_type,
            pinning: Pinning::None,
            inner: None,
            extra: map.extra,
            numa_node: map.numa_node,
            init: MapInit::Empty,
        }
    }

    fn initial(&self, index: usize) -> Result<MapInit> {
        let map = &self.asm.maps[index];
        if map.values.is_empty() {
            return Ok(MapInit::Empty);
        }
        if map.holds_maps() {
            let maps = map.values.iter().map(|&(slot, name, span)| Ok((slot, self.map_named(name, span)?)));
            return Ok(MapInit::Maps(maps.collect::<Result<_>>()?));
        }
        if map.map_type != MapType::ProgArray {
            return Err(Problem::expected(
                map.span,
                "a map of programs or of maps to have `values`",
                map.map_type.name(),
            ));
        }
        let mut programs = Vec::new();
        for &(slot, name, span) in &map.values {
            let functions = &self.resolved.functions;
            let function = match self.asm.symbols.find(name).map(|index| self.asm.symbols[index].meaning) {
                Some(Meaning::Label(section, offset)) => function_at(functions, section, offset)
                    .filter(|&function| functions[function].start == offset),
                _ => None,
            };
            let function = function.ok_or_else(|| undefined(self.asm, "program", name, span))?;
            programs.push((slot, function));
        }
        Ok(MapInit::Programs(programs))
    }

    /// Data sections as maps of one value, and the sections of their variables.
    fn data_maps(&self, writer: &mut TypeWriter<'_>) -> Result<Vec<MapSpec>> {
        let mut maps: Vec<(usize, MapSpec)> = Vec::new();
        for (&section, &place) in self.data {
            let variables = self.variables(section)?;
            maps.push((place, self.data_map(section, &variables)));
        }
        maps.sort_by_key(|(place, _)| *place);
        let mut sections: Vec<(usize, usize)> = self.data.iter().map(|(&s, &p)| (p, s)).collect();
        sections.sort_unstable();
        for ((_, section), (_, map)) in sections.iter().zip(&mut maps) {
            map.value_type = self.data_types(*section, writer)?;
        }
        Ok(maps.into_iter().map(|(_, map)| map).collect())
    }

    pub(crate) fn data_map(&self, section: usize, variables: &[Variable]) -> MapSpec {
        let section = &self.asm.sections[section];
        let frozen = section.purpose == Purpose::ReadOnly;
        let seen = variables.iter().any(|var| self.is_global(var.symbol));
        let mut flags = if frozen { MapFlags::RDONLY_PROG } else { MapFlags::default() };
        if seen {
            flags = flags | MapFlags::MMAPABLE;
        }
        MapSpec {
            name: section.name.clone(),
            def: MapDef {
                map_type: MapType::Array,
                key_size: 4,
                value_size: section.bytes.len() as u32,
                max_entries: 1,
                flags,
            },
            key_type: None,
            value_type: None,
            pinning: Pinning::None,
            inner: None,
            extra: 0,
            numa_node: None,
            init: MapInit::Data(Data { bytes: section.bytes.clone(), frozen }),
        }
    }

    fn is_global(&self, symbol: SymbolIndex) -> bool {
        matches!(self.asm.symbols[symbol].binding, Binding::Global | Binding::Weak)
    }

    /// The `DATASEC` of a data section, if it has variables.
    fn data_types(&self, section: usize, writer: &mut TypeWriter<'_>) -> Result<Option<TypeId>> {
        let variables = self.variables(section)?;
        let mut vars = Vec::with_capacity(variables.len());
        for variable in &variables {
            let ty = writer.id(&variable.ty);
            let name = self.asm.symbols[variable.symbol].name;
            let ty = writer.var(name, ty, self.is_global(variable.symbol));
            vars.push(SecVar { ty, offset: variable.offset as u32, size: variable.size as u32 });
        }
        let section = &self.asm.sections[section];
        Ok((!vars.is_empty())
            .then(|| writer.builder.datasec(&section.name, section.bytes.len() as u32, &vars)))
    }

    /// The variables of a data section: labels with data behind them, by offset.
    fn variables(&self, section: usize) -> Result<Vec<Variable>> {
        let local = |symbol: SymbolIndex| self.asm.symbols[symbol].name.starts_with(".L");
        let mut labels = self.labels[section].clone();
        labels.sort_by_key(|&(offset, symbol)| (offset, local(symbol)));
        // Of several names for a place, the first is the variable's.
        labels.dedup_by_key(|(offset, _)| *offset);
        let end = self.asm.sections[section].offset();
        let mut variables = Vec::new();
        for (at, &(offset, symbol)) in labels.iter().enumerate() {
            let next = labels.get(at + 1).map_or(end, |&(next, _)| next);
            // Names that start with `.L` are nobody's variables, but end what stands before them.
            if local(symbol) {
                continue;
            }
            let inferred = self.inferred(section, offset, next);
            let size = inferred.as_ref().map_or(0, |ty| self.asm.types.layout(ty).0);
            let ty = match &self.asm.symbols[symbol].ty {
                Some(stated) => {
                    let expected = self.asm.types.layout(stated).0;
                    if expected != size {
                        let what = format!("`{}`", self.asm.symbols[symbol].name);
                        let span = self.asm.symbols[symbol].span;
                        return Err(Problem::new(span, Cause::Size { what, expected, found: size }));
                    }
                    Some(stated.clone())
                }
                None => inferred,
            };
            variables.extend(ty.map(|ty| Variable { symbol, offset, size, ty }));
        }
        Ok(variables)
    }

    /// The type that data was written as: a number, an array of numbers, a string, else bytes.
    fn inferred(&self, section: usize, start: u64, end: u64) -> Option<CType> {
        let units = &self.asm.sections[section].units;
        let first = units.partition_point(|unit| unit.offset + unit.len <= start);
        let within: Vec<_> =
            units[first..].iter().take_while(|unit| unit.offset < end && unit.len > 0).collect();
        let last = within.last()?;
        let size = (last.offset + last.len).min(end) - start;
        let number = |width: u64| {
            let name = match width {
                1 => "u8",
                2 => "u16",
                4 => "u32",
                8 => "u64",
                _ => return None,
            };
            CType::number(name)
        };
        let shape = within[0].shape;
        let same = within.iter().all(|unit| unit.shape == shape);
        let scalar = match shape {
            Shape::Numbers(width) if same && size == u64::from(width) => number(size),
            Shape::Room if same => number(size),
            _ => None,
        };
        scalar.or_else(|| {
            let element = match shape {
                Shape::Text if same => CType::number("char"),
                Shape::Numbers(width) if same && size.is_multiple_of(u64::from(width)) => {
                    number(u64::from(width))
                }
                _ => number(1),
            }?;
            let width = self.asm.types.layout(&element).0;
            Some(element.array((size / width) as u32))
        })
    }

    pub(crate) fn function(&self, found: &Found) -> Result<Function> {
        let section = &self.asm.sections[found.section];
        let slot = SLOT_BYTES as u64;
        let bytes = section.bytes.get(found.start as usize..found.end as usize).unwrap_or_default();
        let insns = decode_all(bytes, self.asm.options.endian).map_err(|_| {
            let what = format!("the end of `{}`", found.name);
            Problem::new(found.span, Cause::Misaligned { what, offset: found.end, align: slot })
        })?;
        let slot_of = |offset: u64| ((offset - found.start) / slot) as usize;
        let inside = |offset: u64| offset >= found.start && offset < found.end;
        let all = &self.resolved.references[found.section];
        let first = all.partition_point(|(offset, _)| *offset < found.start);
        let references = all[first..].iter().take_while(|(offset, _)| inside(*offset));
        let references = references
            .map(|(offset, target)| Reference { insn: slot_of(*offset), target: self.target(target) });
        let references = references.collect();
        let marks = &section.marks;
        // A line may have begun before the function.
        let first = marks.partition_point(|mark| mark.offset <= found.start).saturating_sub(1);
        let marks = marks[first..].iter().take_while(|mark| mark.offset < found.end);
        let mut lines: Vec<Line> = Vec::new();
        for mark in marks.filter(|_| self.asm.options.lines) {
            let insn = slot_of(mark.offset.max(found.start));
            // Data smaller than a slot may have several lines in one; the kernel wants one a slot, in order.
            let taken = lines.last().is_some_and(|last| last.insn == insn);
            if !taken && insns.get(insn).is_some_and(|insn| insn.form != FormId::TAIL) {
                lines.push(self.line(insn, mark.origin));
            }
        }
        Ok(Function {
            name: found.name.clone(),
            section: section.name.clone(),
            offset: found.start,
            global: found.global,
            insns,
            references,
            lines,
            core_relos: Vec::new(),
            btf_id: None,
        })
    }

    pub(crate) fn target(&self, target: &Target) -> RefTarget {
        match *target {
            Target::Map(map) => RefTarget::Map(map),
            // Maps that compilers defined come first, in the order of their places.
            Target::MapAt(offset) => {
                RefTarget::Map(self.map_places.binary_search(&offset).unwrap_or(usize::MAX))
            }
            // Only sections with bytes are referred to: an offset into an empty one was refused.
            Target::Value(section, offset) => {
                RefTarget::MapValue(self.data.get(&section).copied().unwrap_or_default(), offset)
            }
            Target::Function(function) => RefTarget::Function(function),
            Target::Extern(symbol) => RefTarget::Extern {
                name: self.asm.symbols[symbol].name.to_owned(),
                weak: self.asm.symbols[symbol].binding == Binding::Weak,
            },
        }
    }

    fn line(&self, insn: usize, origin: Origin) -> Line {
        match origin {
            Origin::Here(at) => {
                let Place { file, line, column, text } = self.asm.source.line(at);
                let end = (MAX_LINE_TEXT..text.len()).find(|&at| text.is_char_boundary(at));
                let text = &text[..end.unwrap_or(text.len())];
                let text = if text.contains('\0') { text.replace('\0', "?").into() } else { text.into() };
                let file = file.map_or_else(|| self.file.clone(), |file| file.replace('\0', "?").into());
                Line { insn, file, text, line, column }
            }
            Origin::Loc(file, line, column) => {
                let file = self.asm.files.get(&file).map_or("", String::as_str);
                Line { insn, file: file.into(), text: "".into(), line, column }
            }
        }
    }

    /// The `FUNC` of a function. A program gets its context; a function whose parameters nobody stated is for
    /// the verifier to look into, so it is static there, whoever may see its symbol.
    fn signature(&self, found: &Found, writer: &mut TypeWriter<'_>) -> TypeId {
        let stated = found.symbol.and_then(|symbol| self.asm.symbols[symbol].signature.as_ref());
        let kind = section_kind(&self.asm.sections[found.section].name).filter(|_| found.global);
        let (proto, linkage) = if let Some(signature) = stated {
            let result = writer.id(&signature.result);
            let params: Vec<_> =
                signature.params.iter().map(|(name, ty)| (name.as_str(), writer.id(ty))).collect();
            let linkage = if found.global { Linkage::GLOBAL } else { Linkage::STATIC };
            (writer.builder.func_proto(result, &params), linkage)
        } else if let Some(kind) = kind {
            let context = kind.prog_type.context().and_then(|context| self.asm.types.structure(context.name));
            let context = writer.id(&CType::Pointer(Box::new(context.map_or(CType::Void, CType::Struct))));
            let int = writer.int();
            (writer.builder.func_proto(int, &[("ctx", context)]), Linkage::GLOBAL)
        } else {
            let int = writer.int();
            (writer.builder.func_proto(int, &[]), Linkage::STATIC)
        };
        writer.builder.func(&found.name, proto, linkage)
    }
}

/// The strings that `.BTF.ext` will refer to, so that writing the object adds nothing to its types.
fn add_strings(functions: &[Function], writer: &mut TypeWriter<'_>) {
    for function in functions {
        writer.builder.str(&function.section);
        let mut file: Option<&Arc<str>> = None;
        for line in &function.lines {
            // Lines of one file come in a row.
            if file.replace(&line.file).is_none_or(|before| !Arc::ptr_eq(before, &line.file)) {
                writer.builder.str(line.file.as_bytes());
            }
            writer.builder.str(line.text.as_bytes());
        }
    }
}
