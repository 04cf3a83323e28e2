//! What can be said of a place: an instruction's row of the table, what is known of a register, what a name means.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::OnceLock;

use skep_abi::{Arg, CONTEXTS, Dynptr, Effect, Function, Ret};
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
    let args: Vec<String> = function.args.iter().map(argument).collect();
    let ret = match function.ret {
        Ret::Integer => "a number".to_owned(),
        Ret::Filled => "how many bytes were filled, or a negative error number".to_owned(),
        Ret::Void => "nothing: r0 has no value afterwards".to_owned(),
        Ret::MapValue => "the address of a map's value".to_owned(),
        Ret::MapValueOrNull => "the address of a map's value, or null".to_owned(),
        Ret::RecordOrNull => "a record, or null; it must be submitted or discarded".to_owned(),
        Ret::DynptrMemoryOrNull => "the address of what the dynptr leads to, or null".to_owned(),
        Ret::SocketOrNull => "a socket, or null".to_owned(),
        Ret::SockCommonOrNull => "a socket of any state, or null".to_owned(),
        Ret::TcpSockOrNull => "a TCP socket, or null".to_owned(),
        Ret::Object(name) => format!("a `struct {name}`"),
        Ret::TrustedObject(name) => format!("a `struct {name}` that stays"),
        Ret::ObjectOrNull(name) => format!("a `struct {name}`, or null"),
        Ret::PercpuObject => "the address of a CPU's copy".to_owned(),
        Ret::PercpuObjectOrNull => "the address of a CPU's copy, or null".to_owned(),
        Ret::KptrOrNull => "what the field held, or null; it must be released".to_owned(),
    };
    let mut out = format!("**{}** (helper {}): {}\n", function.name, function.id, function.doc);
    for (index, arg) in args.iter().enumerate() {
        let _ = write!(out, "\n- r{}: {arg}", index + 1);
    }
    let _ = write!(out, "\n- returns {ret}");
    for effect in function.effects {
        let effect = match effect {
            Effect::Gpl => "only for programs under a GPL-compatible licence",
            Effect::MovesPacket => "packet pointers are invalid afterwards",
            Effect::TailCall => "does not return when it succeeds",
            Effect::Sleeps => "only for programs that may sleep",
            Effect::Acquires => "its result must be released",
            Effect::Configured => "only in kernels configured for it",
            Effect::Perfmon => "only for loaders with CAP_PERFMON",
            _ => continue,
        };
        let _ = write!(out, "\n- {effect}");
    }
    let mut programs = function.programs.kinds();
    for variant in function.variants() {
        programs = programs.zip(variant.programs.kinds()).map(|(kinds, more)| [kinds, more].concat());
    }
    let programs = match programs {
        None => "every kind of program".to_owned(),
        Some(mut kinds) => {
            kinds.sort_unstable();
            kinds.dedup();
            kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
        }
    };
    let _ = write!(out, "\n- for {programs}; since Linux {}.{}", function.since.0, function.since.1);
    out
}

fn argument(arg: &Arg) -> String {
    match arg {
        Arg::Context => "the context".to_owned(),
        Arg::Map([]) => "a map".to_owned(),
        Arg::Map(kinds) => {
            format!("a map ({})", kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "))
        }
        Arg::MapKey(map) => format!("the address of a key of the map in r{}", map + 1),
        Arg::MapValue(map) => format!("the address of a value of the map in r{}", map + 1),
        Arg::MapValueOut(map) => {
            format!("the address of room for a value of the map in r{}, which is filled", map + 1)
        }
        Arg::Memory { access, size, nullable } => format!(
            "the address of memory that is {}{}, its size in r{}",
            match access {
                skep_abi::Access::Read => "read",
                skep_abi::Access::Write => "filled",
                skep_abi::Access::Update => "read and written",
            },
            if *nullable { " (or null)" } else { "" },
            size + 1
        ),
        Arg::Size { zero: true } => "the size of that memory in bytes".to_owned(),
        Arg::Size { zero: false } => "the size of that memory in bytes, not 0".to_owned(),
        Arg::ConstSize => "a constant size in bytes".to_owned(),
        Arg::Fixed { access, size, .. } => format!(
            "the address of {size} bytes that are {}",
            match access {
                skep_abi::Access::Read => "read",
                skep_abi::Access::Write => "filled",
                skep_abi::Access::Update => "read and written",
            }
        ),
        Arg::Record => "a record".to_owned(),
        Arg::Anything | Arg::Scalar => "a number".to_owned(),
        Arg::ConstStr => "a constant string that ends in a zero byte".to_owned(),
        Arg::Object(names) => format!("a `struct {}`", names.join("` or `struct ")),
        Arg::PercpuObject => "the address of a per-CPU variable of the kernel".to_owned(),
        Arg::Socket => "a full socket".to_owned(),
        Arg::SockCommon | Arg::AnySock => "a socket".to_owned(),
        Arg::ReleasedSock => "a socket, which is given back".to_owned(),
        Arg::SpinLock => "a `struct bpf_spin_lock` of a map's value".to_owned(),
        Arg::Timer => "a `struct bpf_timer` of a map's value".to_owned(),
        Arg::KptrField => "a field of a map's value that points to an object".to_owned(),
        Arg::KptrObject => "the object it is to point to".to_owned(),
        Arg::Dynptr(Dynptr::Uses) => "a dynptr on the stack".to_owned(),
        Arg::Dynptr(Dynptr::MakesLocal | Dynptr::MakesRecord) => {
            "room for a dynptr on the stack, which is filled".to_owned()
        }
        Arg::Dynptr(Dynptr::ReleasesRecord) => "the dynptr of a record, which is given back".to_owned(),
        Arg::Callback(_) => "a function of the program".to_owned(),
        Arg::CallbackContext => "an address on the stack, for the function".to_owned(),
        Arg::OrNull(arg) => format!("{}, or null", argument(arg)),
    }
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
