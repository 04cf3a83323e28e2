//! Small programs in assembly, each with its verdict: `cases/*.s`.
//!
//! A file has one program a block. A block starts with `== what it shows`; lines that start with a dot say what the
//! program is (`.type xdp`, `.section cgroup/bind4` for all that such a section says, `.license GPL`, `.map hash 4 8 16 [flags]`, `.inner hash 4 8 16 [flags]` for
//! what the map before it holds, `.field bpf_spin_lock 4 8` for a member of its values, of so many bytes from 8 on
//! (`.inner-field` of those of the maps that it holds),
//! `.data HEX` for a frozen data section, `.sleepable`,
//! `.memory 64`, `.limit 1000`, `.rfc9669` for its shifts, `.safety` where only what is not safe is refused,
//! `.linux 6.1` for the Linux that it is judged for,
//! `.bpf-only` for a loader without `CAP_PERFMON`, `.kernel` where the running kernel's types are needed: what is called
//! that is no helper is then a function of the kernel); `name:`
//! is a label, `fn name:` the start of a function; the rest are instructions in pseudo-C. `; error: words` on an instruction says that the program is refused there, in a message with these
//! words; `; help: words` that the suggestion has these. A block without it is accepted; `.zeroed` says that the entry
//! function's frame must then start zeroed, because it may be read where nothing was written.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use skep_abi::{AttachType, Function, MapDef, MapFlags, MapType, ProgType};
use skep_btf::{Btf, BtfBuilder, IntEncoding, Linkage, TypeId};
use skep_isa::text::{Field, Reader};
use skep_isa::{Callee, FormId, Insn, Op, Wide};
use skep_obj::{Data, KernelSymbol, MapInit, MapSpec, Pinning, ProgFlags, ProgFunction, Program};
use skep_testkit::report_skipped;
use skep_verify::{Options, Privileges, Rules, Shifts, verify};

/// Where a kernel shows its types.
const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";

/// What a block says.
struct Block {
    name: String,
    program: Program,
    options: Options,
    /// Slot and words of the expected refusal.
    error: Option<(usize, String)>,
    /// Words of the expected suggestion.
    help: Option<String>,
    /// Whether the entry function's frame has to start zeroed; if it is said.
    zeroed: bool,
    /// Whether it is judged by the running kernel's types.
    kernel: bool,
}

fn blocks(text: &str, reader: &Reader) -> Vec<Block> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            found.push((name.to_owned(), Vec::new()));
        } else if let Some((_, lines)) = found.last_mut() {
            lines.push(line);
        }
    }
    found.into_iter().map(|(name, lines)| block(name, &lines, reader)).collect()
}

fn block(name: String, lines: &[&str], reader: &Reader) -> Block {
    let mut options = Options::default();
    let mut prog_type = ProgType::SocketFilter;
    let mut attach_type = AttachType(0);
    let mut license = String::new();
    let mut flags = ProgFlags::default();
    let mut maps: Vec<MapSpec> = Vec::new();
    let mut fields: Vec<Member<'_>> = Vec::new();
    let mut labels: HashMap<&str, usize> = HashMap::new();
    let mut starts = vec![(0, "main")];
    let mut insns: Vec<Insn> = Vec::new();
    let mut references: Vec<(usize, Field, &str)> = Vec::new();
    let (mut error, mut help, mut zeroed, mut kernel) = (None, None, false, false);
    let (mut attach_to, mut kernel_symbols): (_, Vec<KernelSymbol>) = (None, Vec::new());
    for line in lines {
        let (code, comment) = line.split_once(';').unwrap_or((line, ""));
        let (code, comment) = (code.trim(), comment.trim());
        if let Some(words) = comment.strip_prefix("error: ") {
            let words = match words.split_once("; help: ") {
                Some((words, suggestion)) => {
                    help = Some(suggestion.to_owned());
                    words
                }
                None => words,
            };
            error = Some((insns.len(), words.trim().to_owned()));
        }
        let words: Vec<&str> = code.split_whitespace().collect();
        match words[..] {
            [] => {}
            [".type", kind] => prog_type = ProgType::by_name(kind).expect("a kind of program"),
            [".section", section] => {
                let kind = skep_abi::section_kind(section).expect("a section of programs");
                (prog_type, attach_type) = (kind.prog_type, kind.attach_type);
                flags = ProgFlags(flags.0 | ProgFlags::of(kind).0);
                attach_to = kind.kernel_target(section);
            }
            [".license", ref rest @ ..] => license = rest.join(" "),
            [".map", kind, key, value, entries, ref flags @ ..] => {
                maps.push(map(
                    kind,
                    [key, value, entries].map(number),
                    flags.first().map_or(0, |f| number(f)),
                ));
            }
            [".inner", kind, key, value, entries, ref flags @ ..] => {
                let flags = flags.first().map_or(0, |f| number(f));
                let inner = map(kind, [key, value, entries].map(number), flags);
                maps.last_mut().expect("an outer map").inner = Some(Box::new(inner));
            }
            [place @ (".field" | ".inner-field"), name, size, off] => {
                let (map, inner) = (maps.len() - 1, place == ".inner-field");
                fields.push(Member { map, inner, name, size: number(size), off: number(off) });
            }
            [".sleepable"] => flags = ProgFlags::SLEEPABLE,
            [".data", hex] => maps.push(data(hex)),
            [".memory", size] => options.memory = Some(number(size)),
            [".limit", limit] => options.limits.insns = u64::from(number(limit)),
            [".safety"] => options.rules = Rules::Safety,
            [".rfc9669"] => options.shifts = Shifts::Rfc9669,
            [".linux", version] => options.linux = version.parse().expect("a version of Linux"),
            [".bpf-only"] => options.privileges = Privileges::BpfOnly,
            [".strict"] => options.strict_alignment = true,
            [".zeroed"] => zeroed = true,
            [".kernel"] => kernel = true,
            ["fn", label] => {
                let label = label.trim_end_matches(':');
                labels.insert(label, insns.len());
                starts.push((insns.len(), label));
            }
            [label] if label.ends_with(':') => {
                labels.insert(label.trim_end_matches(':'), insns.len());
            }
            _ => {
                let parsed = reader.insn(code).unwrap_or_else(|e| panic!("{name}: {code}: {e}"));
                if let Some(reference) = parsed.reference {
                    references.push((insns.len(), reference.field, reference.symbol));
                }
                insns.push(parsed.insn);
                if parsed.insn.slots() == 2 {
                    insns.push(Insn::TAIL);
                }
            }
        }
    }
    for (at, field, symbol) in references {
        let insn = &mut insns[at];
        let distance = |target: usize| target as i64 - at as i64 - 1;
        match (labels.get(symbol), insn.op()) {
            (Some(&target), Op::Call(_)) => {
                insn.form = FormId::of(Op::Call(Callee::Local)).expect("a form");
                insn.imm = distance(target);
            }
            (Some(&target), Op::Ja { long: true }) => insn.imm = distance(target),
            (Some(&target), Op::Wide(_)) => {
                insn.form = FormId::of(Op::Wide(Wide::Func)).expect("a form");
                insn.imm = distance(target);
            }
            (Some(&target), _) if field == Field::Target => insn.off = distance(target) as i16,
            (None, Op::Call(_)) if kernel && Function::kernel(symbol).is_some() => {
                insn.form = FormId::of(Op::Call(Callee::Kfunc)).expect("a form");
                insn.imm = kernel_symbols.len() as i64;
                kernel_symbols.push(KernelSymbol { name: symbol.to_owned(), btf_id: None, weak: false });
            }
            (None, Op::Call(_)) => {
                let helper = Function::by_name(symbol).and_then(|function| function.id);
                insn.imm = i64::from(helper.unwrap_or_else(|| panic!("{symbol}")));
            }
            _ => panic!("{name}: `{symbol}` is not defined"),
        }
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([insns.len()]);
    let (btf, function_type) = types(&mut maps, &fields);
    let functions = starts.iter().zip(ends).map(|(&(start, name), end)| ProgFunction {
        name: name.to_owned(),
        start,
        end,
        global: false,
        btf_id: Some(function_type),
    });
    let program = Program {
        name: name.clone(),
        prog_type,
        attach_type,
        license,
        flags,
        attach_to,
        kernel_symbols,
        kern_version: 0,
        functions: functions.collect(),
        insns,
        maps: maps.into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: Some(btf.into()),
    };
    Block { name, program, options, error, help, zeroed, kernel }
}

/// A member of the values of a map.
struct Member<'a> {
    map: usize,
    /// Whether the values are those of the maps that it holds.
    inner: bool,
    name: &'a str,
    size: u32,
    off: u32,
}

/// What the functions of a program are: `int function(void)`; and the values of its maps.
fn types(maps: &mut [MapSpec], fields: &[Member<'_>]) -> (Btf, TypeId) {
    let mut builder = BtfBuilder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let proto = builder.func_proto(int, &[]);
    let function = builder.func("function", proto, Linkage::STATIC);
    for (index, map) in maps.iter_mut().enumerate() {
        for inner in [false, true] {
            let Some(spec) = (if inner { map.inner.as_deref_mut() } else { Some(&mut *map) }) else {
                continue;
            };
            let mut members = Vec::new();
            for field in fields.iter().filter(|field| field.map == index && field.inner == inner) {
                let ty = builder.structure(field.name, field.size, &[]);
                members.push(builder.member(field.name, ty, field.off * 8));
            }
            if !members.is_empty() {
                spec.value_type = Some(builder.structure("value", spec.def.value_size, &members));
            }
        }
    }
    (builder.finish().expect("types"), function)
}

fn number(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn map(kind: &str, [key_size, value_size, max_entries]: [u32; 3], flags: u32) -> MapSpec {
    let map_type = MapType::by_name(kind).expect("a kind of map");
    MapSpec {
        name: kind.to_owned(),
        def: MapDef { map_type, key_size, value_size, max_entries, flags: MapFlags(flags) },
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init: MapInit::Empty,
    }
}

/// A frozen, read-only data section with these bytes.
fn data(hex: &str) -> MapSpec {
    let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).expect("hexadecimal");
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let mut spec = map("array", [4, bytes.len() as u32, 1], MapFlags::RDONLY_PROG.0);
    spec.init = MapInit::Data(Data { bytes, frozen: true });
    spec
}

#[test]
fn programs_get_the_verdict_that_stands_beside_them() {
    let reader = Reader::pseudoc();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("the cases").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let kernel = std::fs::read(KERNEL_TYPES).ok().and_then(|bytes| Btf::parse(&bytes).ok()).map(Arc::new);
    let (mut count, mut wrong) = (0, Vec::new());
    for file in &files {
        let text = std::fs::read_to_string(file).expect("text");
        for mut block in blocks(&text, &reader) {
            if block.kernel {
                block.options.kernel = kernel.clone();
                if kernel.is_none() {
                    report_skipped(
                        env!("CARGO_PKG_NAME"),
                        &block.name,
                        format_args!("{KERNEL_TYPES} can't be read"),
                    );
                    continue;
                }
            }
            count += 1;
            if let Err(why) = judge(&block) {
                let file = file.file_name().unwrap_or_default().to_string_lossy();
                wrong.push(format!("{file}: {}: {why}", block.name));
            }
        }
    }
    println!("{count} programs");
    assert!(count > 0 && wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

fn judge(block: &Block) -> Result<(), String> {
    match (verify(Arc::new(block.program.clone()), &block.options), &block.error) {
        (Ok(verified), None) if block.zeroed && !verified.stack_needs_zero(0) => {
            Err("its frame need not start zeroed, expected that it must".to_owned())
        }
        (Ok(_), None) => Ok(()),
        (Ok(_), Some((_, words))) => Err(format!("accepted, expected: {words}")),
        (Err(error), None) => Err(format!("refused:\n{}", error.report())),
        (Err(error), Some((at, words))) => {
            let text = error.reason.to_string();
            if error.insn != *at || !text.contains(words.as_str()) {
                return Err(format!("expected {words} at {at}, found at {}: {text}", error.insn));
            }
            let suggestion = error.reason.suggestion().unwrap_or_default();
            match &block.help {
                Some(help) if !suggestion.contains(help.as_str()) => {
                    Err(format!("expected the suggestion {help}, found: {suggestion}"))
                }
                _ => Ok(()),
            }
        }
    }
}
