//! A recorded program, as it stands in the corpora of verdicts: one JSON object a case becomes a [`Program`].
//!
//! The cases have what a load has: bytes of instructions, definitions and contents of maps, and the raw records of
//! functions and lines, which speak of types in a BTF of their own file. What of the kernel the instructions name, they
//! name by the ids of the kernel that was asked; the case has the names beside them, and only those are used.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use skep_abi::{AttachType, MapDef, MapFlags, MapType, ProgType};
use skep_btf::{Btf, Linkage, StrId, Type, TypeId};
use skep_isa::{Callee, Endian, FormId, Insn, Op, Wide, decode_all};
use skep_obj::{Data, KernelSymbol, Line, MapInit, MapSpec, Pinning, ProgFlags, ProgFunction, Program};
use skep_testkit::TempDir;

use super::inflate;
use crate::command;
use crate::error::Error;

/// Most maps of maps within each other that are followed.
const MAX_INNER: usize = 2;

/// Why a line is no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed case: expected {}", self.0)
    }
}

/// The cases of a file, compressed or not, one a line.
pub(crate) fn lines(file: &Path) -> Result<String, Error> {
    let failed = |error| Error::File { path: file.to_owned(), error };
    if file.extension().is_none_or(|extension| extension != "gz") {
        return std::fs::read_to_string(file).map_err(failed);
    }
    let bytes = command::output(Command::new("gzip").arg("-dc").arg(file))?;
    String::from_utf8(bytes).map_err(|error| failed(std::io::Error::other(error)))
}

/// The types that cases refer to: files `ID.btf` in a directory, or in an archive of it.
pub(crate) struct Types {
    directory: PathBuf,
    /// Where an archive was unpacked to; removed with this.
    _unpacked: Option<TempDir>,
    read: HashMap<String, Option<Arc<Btf>>>,
}

impl Types {
    /// Those in this directory; `.tar.xz` files are unpacked by `tar`.
    pub(crate) fn new(path: &Path) -> Result<Types, Error> {
        let read = HashMap::new();
        if path.is_dir() {
            return Ok(Types { directory: path.to_owned(), _unpacked: None, read });
        }
        let unpacked = TempDir::new("btf");
        let mut tar = Command::new("tar");
        tar.arg("-xJf").arg(path).arg("--strip-components=1").arg("-C").arg(unpacked.path());
        command::output(&mut tar)?;
        Ok(Types { directory: unpacked.path().to_owned(), _unpacked: Some(unpacked), read })
    }

    /// The types of this name, if they are there and are BTF.
    fn get(&mut self, id: &str) -> Option<Arc<Btf>> {
        if let Some(known) = self.read.get(id) {
            return known.clone();
        }
        let bytes = std::fs::read(self.directory.join(format!("{id}.btf"))).ok();
        let btf = bytes.and_then(|bytes| Btf::parse(&bytes).ok()).map(Arc::new);
        self.read.insert(id.to_owned(), btf.clone());
        btf
    }
}

/// The program of a case.
pub(crate) fn program(case: &Value, types: &mut Types) -> Result<Program, Malformed> {
    let prog = &case["prog"];
    let code = blob(&prog["insns"]).ok_or(Malformed("instructions"))?;
    let mut insns = decode_all(&code, Endian::Little).map_err(|_| Malformed("whole instructions"))?;
    for insn in &mut insns {
        // The cases have indices where a load has descriptors.
        let form = match insn.op() {
            Op::Wide(Wide::MapFd) => FormId::of(Op::Wide(Wide::MapIdx)),
            Op::Wide(Wide::MapValue) => FormId::of(Op::Wide(Wide::MapIdxValue)),
            _ => None,
        };
        insn.form = form.unwrap_or(insn.form);
    }
    let kernel_symbols = kernel_symbols(prog, &mut insns);
    let specs = case["maps"].as_array().map_or(&[][..], Vec::as_slice);
    // A program without types of its own may use a map that has some.
    let map_types = specs.iter().map(|map| &map["btf"]);
    let btf = std::iter::once(&prog["btf"]).chain(map_types).find_map(Value::as_str);
    let btf = match btf {
        Some(id) => Some(types.get(id).ok_or(Malformed("its BTF among the types"))?),
        None => None,
    };
    let maps: Vec<MapSpec> = specs.iter().map(|map| map_spec(map, specs, 0)).collect();
    Ok(Program {
        name: text(&case["name"]),
        prog_type: ProgType(number(&prog["type_id"])),
        attach_type: AttachType(number(&prog["expected_attach_type"])),
        flags: ProgFlags(number(&prog["flags"])),
        attach_to: prog["attach_btf_name"].as_str().map(str::to_owned),
        license: text(&prog["license"]),
        kern_version: 0,
        functions: functions(prog, &insns, btf.as_deref()),
        lines: source_lines(prog, btf.as_deref()),
        insns,
        maps: maps.into(),
        core_relos: Vec::new(),
        btf,
        kernel_symbols,
    })
}

/// The names of the kernel's functions and variables in the program; the instructions get indices of them.
fn kernel_symbols(prog: &Value, insns: &mut [Insn]) -> Vec<KernelSymbol> {
    let mut symbols: Vec<KernelSymbol> = Vec::new();
    let named = |list: &str, name: &str| -> HashMap<usize, String> {
        let list = prog[list].as_array().into_iter().flatten();
        list.map(|entry| (number(&entry["insn"]) as usize, text(&entry[name]))).collect()
    };
    let (calls, variables) = (named("kfunc_calls", "kfunc"), named("ksym_vars", "var"));
    for (at, insn) in insns.iter_mut().enumerate() {
        let name = match insn.op() {
            Op::Call(Callee::Kfunc) => calls.get(&at),
            Op::Wide(Wide::BtfId) => variables.get(&at),
            _ => continue,
        };
        // What has no name is an id that the kernel does not have.
        let name = name.cloned().unwrap_or_default();
        let index = symbols.iter().position(|symbol| symbol.name == name).unwrap_or_else(|| {
            symbols.push(KernelSymbol { name, btf_id: None, weak: false });
            symbols.len() - 1
        });
        insn.imm = index as i64;
    }
    symbols
}

/// The functions of a sequence of instructions: each starts where a call leads, or where the program says that one
/// does.
fn functions(prog: &Value, insns: &[Insn], btf: Option<&Btf>) -> Vec<ProgFunction> {
    let told: HashMap<usize, TypeId> = records(prog, "func_info", 2)
        .into_iter()
        .map(|words| (words[0] as usize, TypeId(words[1])))
        .filter(|(start, _)| *start < insns.len())
        .collect();
    let mut starts: Vec<usize> = told.keys().copied().chain([0]).collect();
    for (at, insn) in insns.iter().enumerate() {
        if matches!(insn.op(), Op::Call(Callee::Local) | Op::Wide(Wide::Func)) {
            let target = at as i64 + 1 + insn.target().unwrap_or_default();
            if (0..insns.len() as i64).contains(&target) {
                starts.push(target as usize);
            }
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([insns.len()]);
    let function = |(start, end): (usize, usize)| {
        let btf_id = told.get(&start).copied();
        let known = btf_id.zip(btf).and_then(|(id, btf)| match btf.get(id) {
            Ok(Type::Func(func)) => Some((btf.text(func.name).into_owned(), func.linkage == Linkage::GLOBAL)),
            _ => None,
        });
        let (name, global) = known.unwrap_or_else(|| (format!("function_{start}"), start == 0));
        ProgFunction { name, start, end, global, btf_id }
    };
    starts.iter().copied().zip(ends).map(function).collect()
}

/// The source lines of the instructions.
fn source_lines(prog: &Value, btf: Option<&Btf>) -> Vec<Line> {
    let Some(btf) = btf else { return Vec::new() };
    let mut known: HashMap<u32, Arc<str>> = HashMap::new();
    let mut string = |id: u32| known.entry(id).or_insert_with(|| btf.text(StrId(id)).into()).clone();
    let mut lines: Vec<Line> = records(prog, "line_info", 4)
        .into_iter()
        .map(|words| Line {
            insn: words[0] as usize,
            file: string(words[1]),
            text: string(words[2]),
            // Line and column share a word.
            line: words[3] >> 10,
            column: words[3] & 0x3ff,
        })
        .collect();
    lines.sort_by_key(|line| line.insn);
    lines
}

/// The first words of each record of a list; a list of shorter ones has none.
fn records(prog: &Value, list: &str, words: usize) -> Vec<Vec<u32>> {
    let size = number(&prog[format!("{list}_rec_size")]) as usize;
    let bytes = blob(&prog[list]).unwrap_or_default();
    if size < words * 4 {
        return Vec::new();
    }
    let words = |record: &[u8]| {
        record.as_chunks().0.iter().take(words).map(|word| u32::from_le_bytes(*word)).collect()
    };
    bytes.chunks_exact(size).map(words).collect()
}

/// A map with what it holds.
fn map_spec(map: &Value, all: &[Value], depth: usize) -> MapSpec {
    let def = MapDef {
        map_type: MapType(number(&map["type_id"])),
        key_size: number(&map["key_size"]),
        value_size: number(&map["value_size"]),
        max_entries: number(&map["max_entries"]),
        flags: MapFlags(number(&map["flags"])),
    };
    let type_id = |key: &str| Some(TypeId(number(&map[key]))).filter(|id| id.0 != 0);
    let inner = map["inner"].as_u64().and_then(|index| all.get(index as usize));
    let inner = inner.filter(|_| depth < MAX_INNER).map(|inner| Box::new(map_spec(inner, all, depth + 1)));
    MapSpec {
        name: text(&map["name"]),
        def,
        key_type: type_id("btf_key_type_id"),
        value_type: type_id("btf_value_type_id"),
        pinning: Pinning::None,
        inner,
        extra: map["extra"].as_u64().unwrap_or_default(),
        numa_node: None,
        init: contents(map, def),
    }
}

fn contents(map: &Value, def: MapDef) -> MapInit {
    let entries = map["init"].as_array().map_or(&[][..], Vec::as_slice);
    let frozen = map["frozen"].as_bool().unwrap_or_default();
    let inner: Vec<(u32, usize)> = entries
        .iter()
        .filter_map(|entry| {
            let key = blob(&serde_json::json!({ "hex": entry["key"] }))?;
            let key = u32::from_le_bytes(key.try_into().ok()?);
            Some((key, entry["map"].as_u64()? as usize))
        })
        .collect();
    let is_section = def.map_type == MapType::Array && def.max_entries == 1;
    match entries.first().and_then(|entry| blob(&entry["value"])) {
        Some(bytes) if is_section => MapInit::Data(Data { bytes, frozen }),
        _ if !inner.is_empty() => MapInit::Maps(inner),
        _ => MapInit::Empty,
    }
}

/// The bytes of a blob: hexadecimal, compressed, or a number of zeroes.
fn blob(value: &Value) -> Option<Vec<u8>> {
    if let Some(hex) = value["hex"].as_str() {
        let digit = |b: u8| (b as char).to_digit(16).map(|digit| digit as u8);
        let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
        return pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    }
    if let Some(text) = value["zlib_b64"].as_str() {
        return inflate::zlib(&inflate::base64(text));
    }
    let zeroes = value["zero"].as_u64().filter(|zeroes| *zeroes <= u64::from(u32::MAX >> 4))?;
    Some(vec![0; zeroes as usize])
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap_or_default() as u32
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
