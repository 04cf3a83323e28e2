//! An object back to a source that assembles to the same instructions, data and maps.
//!
//! What a source can't say becomes what it can: types without a spelling (unions, enumerations, bitfields,
//! pointers in maps) become bytes of the same size; CO-RE records are left out; names that aren't names here get
//! others. Slots that are no instruction are `.8byte`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use skep_abi::{Function as Helper, MapType, section_kind};
use skep_btf::{Linkage, Type, TypeId};
use skep_isa::rowset::Isa;
use skep_isa::text::{Dialect, Writer};
use skep_isa::{Callee, Endian, FormId, Insn, Op, SLOT_BYTES, Wide, decode_all, encode};
use skep_obj::{Function, MapInit, MapSpec, Object, Pinning, RefTarget};

use crate::ctype::{CType, Types};
use crate::cursor::{is_name, is_name_start};
use crate::map::flag_names;
use crate::spelling::{Names, Spelling};

/// How an object is written.
#[derive(Clone, Debug)]
pub struct DisOptions {
    /// The dialect of the instructions.
    pub dialect: Dialect,
    /// Whether source lines stand before their instructions, as comments.
    pub lines: bool,
    /// Rows beside the built-in table.
    pub isa: Option<Arc<Isa>>,
}

/// An object as a source in this dialect.
pub fn disassemble(object: &Object, dialect: Dialect) -> String {
    disassemble_with(object, &DisOptions { dialect, lines: false, isa: None })
}

/// [`disassemble`], as `options` say.
pub fn disassemble_with(object: &Object, options: &DisOptions) -> String {
    let mut names = Names::of(object);
    let mut types = Spelling::new(object.btf.as_deref());
    let maps = maps(object, &mut names, &mut types);
    let data = data(object, &mut names, &mut types);
    let mut out = String::new();
    if options.dialect == Dialect::Normal {
        out.push_str(".dialect normal\n");
    }
    if !object.license.is_empty() {
        let _ = writeln!(out, ".license {}", quoted(object.license.as_bytes()));
    }
    for part in [types.structs(), maps, externs(object, &names), data] {
        if !part.is_empty() && !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&part);
    }
    if object.kern_version != 0 {
        let _ = write!(out, "\n.section version,\"a\"\n    .4byte {:#x}\n", object.kern_version);
    }
    Code { object, options, names: &names, writer: Writer::new(options.dialect), out: &mut out, label: 0 }
        .write();
    out
}

/// Any bytes as a source that [`crate::assemble_raw`] makes the same bytes of, in the same byte order: slots that
/// are no instruction are `.8byte`, what is left over at the end is `.byte`.
pub fn disassemble_raw(bytes: &[u8], endian: Endian, dialect: Dialect) -> String {
    let (slots, rest) = bytes.split_at(bytes.len() - bytes.len() % SLOT_BYTES);
    let mut out = String::with_capacity(bytes.len() * 3 + 32);
    if dialect == Dialect::Normal {
        out.push_str(".dialect normal\n");
    }
    let function = Function {
        name: String::new(),
        section: String::new(),
        offset: 0,
        global: false,
        insns: decode_all(slots, endian).unwrap_or_default(),
        references: Vec::new(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf_id: None,
    };
    let object = Object {
        endian,
        license: String::new(),
        kern_version: 0,
        functions: Vec::new(),
        maps: Vec::new(),
        btf: None,
    };
    let (names, options) = (Names::of(&object), DisOptions { dialect, lines: false, isa: None });
    let writer = Writer::new(dialect);
    Code { object: &object, options: &options, names: &names, writer, out: &mut out, label: 0 }
        .body(&function);
    if !rest.is_empty() {
        let numbers: Vec<String> = rest.iter().map(|b| format!("{b:#04x}")).collect();
        let _ = writeln!(out, "    .byte {}", numbers.join(", "));
    }
    out
}

fn maps(object: &Object, names: &mut Names, types: &mut Spelling<'_>) -> String {
    let mut out = String::new();
    let mut models = String::new();
    for (index, map) in object.maps.iter().enumerate() {
        if matches!(map.init, MapInit::Data(_)) {
            continue;
        }
        map_line(&mut out, &names.maps[index], map, types);
        if let Some(inner) = &map.inner {
            let same = object.maps.iter().position(|m| {
                m.def == inner.def
                    && m.key_type == inner.key_type
                    && m.value_type == inner.value_type
                    && !matches!(m.init, MapInit::Data(_))
            });
            let name = if let Some(same) = same {
                names.maps[same].clone()
            } else {
                // A model that no map of the object is like has to become one.
                let name = names.fresh(&inner.name);
                map_line(&mut models, &name, inner, types);
                models.push('\n');
                name
            };
            let _ = write!(out, ", inner={name}");
        }
        let values: Vec<String> = match &map.init {
            MapInit::Programs(programs) => programs
                .iter()
                .filter_map(|(slot, f)| Some(format!("{slot}: {}", names.functions.get(*f)?)))
                .collect(),
            MapInit::Maps(maps) => {
                maps.iter().filter_map(|(slot, m)| Some(format!("{slot}: {}", names.maps.get(*m)?))).collect()
            }
            MapInit::Empty | MapInit::Data(_) => Vec::new(),
        };
        if !values.is_empty() {
            let _ = write!(out, ", values=[{}]", values.join(", "));
        }
        out.push('\n');
    }
    out + &models
}

fn map_line(out: &mut String, name: &str, map: &MapSpec, types: &mut Spelling<'_>) {
    let _ = write!(out, ".map {name}, type=");
    let _ = match map.def.map_type.name() {
        "unknown" => write!(out, "{}", map.def.map_type.0),
        kind => write!(out, "{kind}"),
    };
    let reference = MapType::ProgArray == map.def.map_type || map.inner.is_some();
    for (what, id, size) in
        [("key", map.key_type, map.def.key_size), ("value", map.value_type, map.def.value_size)]
    {
        match id.and_then(|id| types.of(id)) {
            Some(ty) if types.types.layout(&ty).0 == u64::from(size) => {
                let _ = write!(out, ", {what}={}", types.types.spell(&ty));
            }
            _ if size == 0 || reference && size == 4 => {}
            _ => {
                let _ = write!(out, ", {what}_size={size}");
            }
        }
    }
    if map.def.max_entries != 0 {
        let _ = write!(out, ", max_entries={}", map.def.max_entries);
    }
    if map.def.flags.0 != 0 {
        let _ = write!(out, ", flags={}", flag_names(map.def.flags));
    }
    if map.extra != 0 {
        let _ = write!(out, ", map_extra={:#x}", map.extra);
    }
    if let Some(node) = map.numa_node {
        let _ = write!(out, ", numa_node={node}");
    }
    if map.pinning == Pinning::ByName {
        out.push_str(", pinning=by_name");
    }
}

fn externs(object: &Object, names: &Names) -> String {
    let mut out = String::new();
    let mut seen = HashSet::new();
    for reference in object.functions.iter().flat_map(|f| &f.references) {
        if let RefTarget::Extern { name, weak } = &reference.target
            && seen.insert(name)
        {
            let directive = if *weak { ".weak" } else { ".extern" };
            let _ = writeln!(out, "{directive} {}", names.externs[name]);
        }
    }
    out
}

fn data(object: &Object, names: &mut Names, types: &mut Spelling<'_>) -> String {
    let mut out = String::new();
    for (index, map) in object.maps.iter().enumerate() {
        let MapInit::Data(data) = &map.init else { continue };
        let _ = writeln!(
            out,
            "{}",
            section_line(&map.name, if map.name.starts_with(".bss") { "aw\",@nobits" } else { "" })
        );
        let mut at = 0;
        for variable in names.variables.iter().filter(|v| v.map == index) {
            let start = variable.offset as usize;
            if start > at {
                // Room between variables belongs to none of them.
                let _ = writeln!(out, ".Lroom_{index}_{at}:");
                bytes(&mut out, &data.bytes[at..start]);
            }
            if variable.global {
                let _ = writeln!(out, ".globl {}", variable.name);
            }
            let end = start + variable.size as usize;
            let ty = types.of(variable.ty).filter(|ty| types.types.layout(ty).0 == u64::from(variable.size));
            if let Some(ty) = &ty {
                let _ = writeln!(out, ".type {}, {}", variable.name, types.types.spell(ty));
            }
            let _ = writeln!(out, "{}:", variable.name);
            value(&mut out, &data.bytes[start..end], ty.as_ref(), &types.types, object.endian);
            at = end;
        }
        if at < data.bytes.len() {
            if at > 0 {
                let _ = writeln!(out, ".Lroom_{index}_{at}:");
            }
            bytes(&mut out, &data.bytes[at..]);
        }
    }
    out
}

fn section_line(name: &str, flags: &str) -> String {
    if matches!(name, ".text" | ".data" | ".rodata" | ".bss") {
        return name.to_owned();
    }
    let plain = name.bytes().all(|b| is_name(b) || matches!(b, b'/' | b'?' | b'-' | b':' | b'*' | b'+'));
    let name = if plain { name.to_owned() } else { quoted(name.as_bytes()) };
    match flags {
        "" => format!(".section {name}"),
        flags => format!(".section {name},\"{flags}"),
    }
}

/// Data as its type would be written.
fn value(out: &mut String, data: &[u8], ty: Option<&CType>, types: &Types, endian: Endian) {
    let width = ty.filter(|ty| matches!(ty, CType::Number(_))).map_or(0, |ty| types.layout(ty).0);
    let directive = match width {
        2 => ".2byte",
        4 => ".4byte",
        8 => ".8byte",
        _ if is_text(data, ty) => {
            let _ = writeln!(out, "    .asciz {}", quoted(&data[..data.len() - 1]));
            return;
        }
        _ => return bytes(out, data),
    };
    let fold = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
    let number = match endian {
        Endian::Little => data.iter().rev().fold(0, fold),
        Endian::Big => data.iter().fold(0, fold),
    };
    let _ = writeln!(out, "    {directive} {number:#x}");
}

/// Whether data is one string, by its type and its bytes.
fn is_text(data: &[u8], ty: Option<&CType>) -> bool {
    let chars =
        matches!(ty, Some(CType::Array(element, _)) if CType::number("char").as_ref() == Some(&**element));
    chars && data.iter().position(|&b| b == 0) == Some(data.len() - 1)
}

/// Most bytes of data in a line.
const LINE_BYTES: usize = 16;

fn bytes(out: &mut String, data: &[u8]) {
    if data.iter().all(|&b| b == 0) {
        if !data.is_empty() {
            let _ = writeln!(out, "    .zero {}", data.len());
        }
        return;
    }
    for line in data.chunks(LINE_BYTES) {
        let numbers: Vec<String> = line.iter().map(|b| format!("{b:#04x}")).collect();
        let _ = writeln!(out, "    .byte {}", numbers.join(", "));
    }
}

fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in text {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out + "\""
}

/// The labels of a function: by slot, the index of a name.
struct Labels {
    at: Vec<Option<u32>>,
    names: Vec<String>,
}

impl Labels {
    fn get(&self, slot: usize) -> Option<&str> {
        let index = *self.at.get(slot)?;
        self.names.get(index? as usize).map(String::as_str)
    }
}

/// Writes the functions.
struct Code<'c> {
    object: &'c Object,
    options: &'c DisOptions,
    names: &'c Names,
    writer: Writer,
    out: &'c mut String,
    /// How many labels there are.
    label: usize,
}

impl Code<'_> {
    fn write(&mut self) {
        let mut section = None;
        for (index, f) in self.object.functions.iter().enumerate() {
            let first = section != Some(f.section.as_str());
            if first {
                let seen = self.object.functions[..index].iter().any(|before| before.section == f.section);
                let _ = write!(self.out, "\n{}\n", Self::code_section(&f.section));
                section = Some(f.section.as_str());
                self.header(index, f, !seen);
            } else {
                self.out.push('\n');
                self.header(index, f, false);
            }
            self.body(f);
        }
    }

    /// A section of code: names that could be data's are told apart by their flags.
    fn code_section(name: &str) -> String {
        let plain = name == ".text" || !name.starts_with('.') && !matches!(name, "license" | "version");
        section_line(name, if plain { "" } else { "ax\",@progbits" })
    }

    fn header(&mut self, index: usize, f: &Function, first: bool) {
        let name = &self.names.functions[index];
        let announced = section_kind(&f.section).is_some();
        if f.global != announced {
            let _ = writeln!(self.out, "{} {name}", if f.global { ".globl" } else { ".local" });
        }
        if let Some(signature) = self.signature(f, name) {
            let _ = writeln!(self.out, ".func {signature}");
        } else if !first {
            let _ = writeln!(self.out, ".func {name}");
        }
        let _ = writeln!(self.out, "{name}:");
    }

    /// The signature of a function that is checked by it, if all of its types are numbers.
    fn signature(&self, f: &Function, name: &str) -> Option<String> {
        let btf = self.object.btf.as_deref()?;
        let Type::Func(func) = btf.get(f.btf_id?).ok()? else { return None };
        let Type::FuncProto(proto) = btf.get(func.proto).ok()? else { return None };
        if func.linkage != Linkage::GLOBAL || section_kind(&f.section).is_some() {
            return None;
        }
        let mut spelling = Spelling::new(Some(btf));
        let mut number = |id| match spelling.of(id)? {
            ty @ CType::Number(_) => Some(ty),
            _ => None,
        };
        let result = if proto.result == TypeId::VOID { CType::Void } else { number(proto.result)? };
        let mut params = Vec::new();
        for (index, param) in proto.params.iter().enumerate() {
            let param_name = btf.name(param.name);
            let word =
                param_name.bytes().next().is_some_and(is_name_start) && param_name.bytes().all(is_name);
            let param_name = if word { param_name.to_owned() } else { format!("arg{index}") };
            params.push(format!("{} {param_name}", Types::default().spell(&number(param.ty)?)));
        }
        Some(format!("{} {name}({})", Types::default().spell(&result), params.join(", ")))
    }

    fn body(&mut self, f: &Function) {
        let lifted;
        let isa = self.options.isa.as_deref();
        let f = match isa {
            Some(isa) => {
                lifted = Function { insns: isa.lift(&f.insns), ..f.clone() };
                &lifted
            }
            None => f,
        };
        let labels = self.labels(f);
        let mut references = f.references.iter().peekable();
        let mut lines = f.lines.iter().peekable();
        for (slot, insn) in f.insns.iter().enumerate() {
            while let Some(line) = lines.next_if(|line| line.insn <= slot) {
                if self.options.lines {
                    let text = line.text.replace(['\n', '\r'], " ");
                    let _ = writeln!(
                        self.out,
                        "    # {}:{}: {text}",
                        line.file.replace(['\n', '\r'], " "),
                        line.line
                    );
                }
            }
            if let Some(label) = labels.get(slot) {
                let _ = writeln!(self.out, "{label}:");
            }
            let mut target = None;
            while let Some(reference) = references.next_if(|r| r.insn <= slot) {
                if reference.insn == slot {
                    target = Some(&reference.target);
                }
            }
            if insn.form == FormId::TAIL {
                continue;
            }
            let extension =
                isa.and_then(|isa| isa.text(self.options.dialect, &f.insns[slot..][..isa.slots(insn)]));
            self.out.push_str("    ");
            match extension {
                Some(text) => self.out.push_str(&text),
                None => self.insn(slot, insn, target, &labels),
            }
            self.out.push('\n');
        }
    }

    /// The slots that jumps lead to, with a label for each that can have one.
    fn labels(&mut self, f: &Function) -> Labels {
        let jump = |insn: &Insn| matches!(insn.op(), Op::Ja { .. } | Op::Jump { .. } | Op::MayGoto);
        let mut targets: Vec<usize> = f
            .insns
            .iter()
            .enumerate()
            .filter(|(_, insn)| jump(insn))
            .filter_map(|(slot, insn)| usize::try_from(slot as i64 + 1 + insn.target()?).ok())
            .filter(|&slot| f.insns.get(slot).is_some_and(|insn| insn.form != FormId::TAIL))
            .collect();
        targets.sort_unstable();
        targets.dedup();
        let mut labels = Labels { at: vec![None; f.insns.len()], names: Vec::with_capacity(targets.len()) };
        for slot in targets {
            self.label += 1;
            labels.at[slot] = Some(labels.names.len() as u32);
            labels.names.push(format!("{}{}", self.names.label, self.label));
        }
        labels
    }

    /// Writes an instruction.
    fn insn(&mut self, slot: usize, insn: &Insn, target: Option<&RefTarget>, labels: &Labels) {
        if insn.form == FormId::RAW {
            let bytes = encode(insn, self.object.endian);
            let number = match self.object.endian {
                Endian::Little => u64::from_le_bytes(bytes),
                Endian::Big => u64::from_be_bytes(bytes),
            };
            let _ = write!(self.out, ".8byte {number:#018x}");
            return;
        }
        if let Some(name) = target.and_then(|target| self.target(target)) {
            // The plain forms are those that take a name.
            let plain = match insn.op() {
                Op::Wide(_) => FormId::of(Op::Wide(Wide::Imm)),
                Op::Call(_) => FormId::of(Op::Call(Callee::Helper)),
                _ => None,
            };
            if let Some(form) = plain {
                let insn = Insn { form, off: 0, ..*insn };
                return self.writer.write_named(self.out, &insn, Some(&name));
            }
        }
        let name = match insn.op() {
            Op::Ja { .. } | Op::Jump { .. } | Op::MayGoto => insn
                .target()
                .and_then(|distance| labels.get(usize::try_from(slot as i64 + 1 + distance).ok()?)),
            Op::Call(Callee::Helper) => u32::try_from(insn.imm)
                .ok()
                .and_then(Helper::by_id)
                // A function of this name would be called instead.
                .filter(|helper| !self.names.taken.contains(helper.name))
                .map(|helper| helper.name),
            _ => None,
        };
        match name {
            Some(_) => self.writer.write_named(self.out, insn, name),
            None => self.writer.write_to(self.out, insn),
        }
    }

    fn target(&self, target: &RefTarget) -> Option<String> {
        match target {
            RefTarget::Map(map) => self.names.maps.get(*map).cloned(),
            RefTarget::MapValue(map, offset) => {
                self.object.maps.get(*map)?;
                Some(self.names.place(self.object, *map, *offset))
            }
            RefTarget::Function(function) => self.names.functions.get(*function).cloned(),
            RefTarget::Extern { name, .. } => self.names.externs.get(name).cloned(),
        }
    }
}
