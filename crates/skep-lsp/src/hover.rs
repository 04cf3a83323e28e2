//! What can be said of a place: an instruction's row of the table, what is known of a register, what a name means.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::OnceLock;

use skep_abi::{CONTEXTS, Function};
use skep_asm::{Definition, Part, PartKind, Role, constant_value};
use skep_isa::text::{Dialect, Parsed, Reader, Writer};
use skep_isa::{Cpu, ImmUse, OffUse, Reg, Row};
use skep_obj::MapSpec;

use crate::analysis::Analysis;
use crate::symbols::Symbols;

/// The readers and writers, which take the table apart once.
pub(crate) struct Dialects {
    readers: [Reader; 2],
    writers: [Writer; 2],
}

impl Dialects {
    pub(crate) fn get() -> &'static Dialects {
        static DIALECTS: OnceLock<Dialects> = OnceLock::new();
        DIALECTS.get_or_init(|| Dialects {
            readers: [Reader::pseudoc(), Reader::normal()],
            writers: [Writer::pseudoc(), Writer::normal()],
        })
    }

    pub(crate) fn reader(&self, dialect: Dialect) -> &Reader {
        match dialect {
            Dialect::Pseudoc => &self.readers[0],
            Dialect::Normal => &self.readers[1],
        }
    }
}

/// What is said of a place, in Markdown, and the bytes it is about.
pub(crate) fn hover(
    symbols: &Symbols<'_>,
    analysis: &Analysis,
    offset: usize,
) -> Option<(String, Range<usize>)> {
    let part = part_at(symbols, offset);
    if let Some(name) = symbols.name_at(offset) {
        if let (Role::Register(register), Some(part)) = (name.role, part) {
            return Some((of_register(register, part, analysis), name.span.clone()));
        }
        if let Some(text) = of_name(symbols, analysis, offset, symbols.text.slice(&name.span)) {
            return Some((text, name.span.clone()));
        }
    }
    let part = part.filter(|part| part.kind == PartKind::Insn)?;
    Some((of_insn(symbols, part)?, part.span.clone()))
}

/// The part with this byte.
pub(crate) fn part_at<'a>(symbols: &Symbols<'a>, offset: usize) -> Option<&'a Part> {
    let parts = &symbols.outline.parts;
    let after = parts.partition_point(|part| part.span.start <= offset);
    parts[..after].last().filter(|part| offset <= part.span.end)
}

fn of_register(register: Reg, part: &Part, analysis: &Analysis) -> String {
    let mut out = format!("**r{}**, before this instruction", register.0);
    let Some(known) = analysis.known.get(&part.span.start) else {
        out.push_str(match &analysis.object {
            None => ": nothing is known, because the document has mistakes",
            Some(_) => ": nothing is known, because the verifier does not get here",
        });
        return out;
    };
    let mut values: Vec<&str> = Vec::new();
    for state in &known.states {
        let value = state.get(register.index()).and_then(Option::as_deref).unwrap_or("no value");
        if !values.contains(&value) {
            values.push(value);
        }
    }
    let paths = if known.visits == 1 { "one path".to_owned() } else { format!("{} paths", known.visits) };
    let _ = write!(out, " ({paths} walked):\n\n```text\n{}\n```", values.join("\n"));
    if known.more {
        out.push_str("\n\nand more");
    }
    out
}

/// What a name means: the document's own first, then what every source can name.
fn of_name(symbols: &Symbols<'_>, analysis: &Analysis, offset: usize, name: &str) -> Option<String> {
    if let Some(definition) = symbols.definition(offset) {
        let source = part_at(symbols, definition.span.start).map(|part| symbols.text.slice(&part.span));
        let source = source.unwrap_or_default();
        let name = symbols.text.slice(&definition.span);
        let map = analysis.object.as_ref().and_then(|object| object.map(name));
        let mut out = match definition.role {
            Role::Defines(Definition::Map) => format!("map **{name}**\n\n```text\n{source}\n```"),
            Role::Defines(Definition::Constant | Definition::Struct) | Role::Declares => {
                format!("```text\n{source}\n```")
            }
            Role::Defines(_) => {
                let line = symbols.text.position(definition.span.start).line + 1;
                format!("label **{name}**, line {line}")
            }
            Role::Uses | Role::Register(_) => return None,
        };
        if let (Role::Defines(Definition::Map), Some((_, map))) = (definition.role, map) {
            let _ = write!(out, "\n\n{}", of_map(map));
        }
        return Some(out);
    }
    if let Some(function) = Function::by_name(name) {
        return Some(of_function(function));
    }
    if let Some(value) = constant_value(name) {
        return Some(format!("**{name}** = {value}"));
    }
    let (context, field) = name.split_once('.')?;
    let context = CONTEXTS.iter().find(|known| known.name == context)?;
    let field = &context.fields[context.index_of(field)?];
    let kinds = |list: &[skep_abi::Who]| match list {
        [] => "no kind of program".to_owned(),
        list => list.iter().map(|who| who.prog_type.name()).collect::<Vec<_>>().join(", "),
    };
    Some(format!(
        "**{name}**: offset {}, {} bytes\n\n- read by {}\n- written by {}",
        field.off,
        field.size,
        kinds(field.read),
        kinds(field.write)
    ))
}

fn of_map(map: &MapSpec) -> String {
    let def = &map.def;
    format!(
        "kind `{}`, key of {} bytes, value of {} bytes, at most {} elements",
        def.map_type.name(),
        def.key_size,
        def.value_size,
        def.max_entries
    )
}

/// A function that programs may call, from its row.
pub(crate) fn of_function(function: &Function) -> String {
    let number = function.id.map_or_else(|| "of the kernel".to_owned(), |id| format!("helper {id}"));
    format!(
        "**{}** ({number}): {}\n\n```c\n{};\n```\n\n{}",
        function.name,
        function.doc,
        function.declaration(),
        function.describe().trim_end()
    )
}

/// An instruction's row, and the instruction in both dialects.
fn of_insn(symbols: &Symbols<'_>, part: &Part) -> Option<String> {
    let dialects = Dialects::get();
    let text = symbols.text.slice(&part.span);
    let reader = dialects.reader(part.dialect);
    // What a constant's value is does not change the form; the first symbol keeps its name.
    let Parsed { insn, reference } =
        reader.insn(text).or_else(|_| reader.with(text, &|name| constant_value(name).or(Some(0)))).ok()?;
    let row = insn.row()?;
    let symbol = reference.map(|reference| match reference.addend {
        0 => reference.symbol.to_owned(),
        addend => format!("{} {} {}", reference.symbol, sign(addend), addend.unsigned_abs()),
    });
    let mut out = format!("**{}**: {}\n\n```text\n", row.name, row.doc);
    for writer in &dialects.writers {
        let _ = writeln!(out, "{:8} {}", writer.dialect().name(), writer.with(&insn, |_| symbol.clone()));
    }
    out.push_str("```\n");
    for line in operands(row) {
        let _ = write!(out, "\n- {line}");
    }
    let linux = match row.linux {
        (0, 0) => "no Linux yet".to_owned(),
        (major, minor) => format!("Linux {major}.{minor}"),
    };
    let _ = write!(
        out,
        "\n- {}, {linux}, group `{}`, opcode {:#04x}, {} bytes",
        level(row.cpu),
        row.group.name(),
        row.opcode,
        usize::from(row.slots) * skep_isa::SLOT_BYTES
    );
    Some(out)
}

fn sign(number: i64) -> char {
    if number < 0 { '-' } else { '+' }
}

fn level(cpu: Cpu) -> &'static str {
    match cpu {
        Cpu::V1 => "cpu v1",
        Cpu::V2 => "cpu v2",
        Cpu::V3 => "cpu v3",
        Cpu::V4 => "cpu v4",
        Cpu::Later => "no cpu level yet",
    }
}

/// What a form uses its fields for.
fn operands(row: &Row) -> Vec<String> {
    let register = |name: &str, role: skep_isa::Role| match role {
        skep_isa::Role::None => None,
        skep_isa::Role::Read => Some(format!("`{name}` is read")),
        skep_isa::Role::Write => Some(format!("`{name}` is written")),
        skep_isa::Role::ReadWrite => Some(format!("`{name}` is read and written")),
    };
    let off = match row.off {
        OffUse::None => None,
        OffUse::Memory => Some("`off` is bytes added to the address"),
        OffUse::Target => Some("`off` is slots to jump, from the next instruction"),
        OffUse::FdIndex => Some("`off` is an index into the load's descriptors"),
    };
    let imm = match row.imm {
        ImmUse::None => None,
        ImmUse::Number => Some("`imm` is a number of 32 bits, sign-extended"),
        ImmUse::Target => Some("`imm` is slots to the target, from the next instruction"),
        ImmUse::Helper => Some("`imm` is the helper's number"),
        ImmUse::BtfId => Some("`imm` is a BTF id"),
        ImmUse::AddrSpaces => Some("`imm` is two address spaces"),
        ImmUse::Wide => Some("`imm` is 64 bits, the high half in the second slot"),
        ImmUse::WideLow => Some("`imm` is 32 bits; those of the second slot are zero"),
        ImmUse::WidePair => Some("`imm` is two numbers, one a slot"),
    };
    [register("dst", row.dst), register("src", row.src), off.map(str::to_owned), imm.map(str::to_owned)]
        .into_iter()
        .flatten()
        .collect()
}
