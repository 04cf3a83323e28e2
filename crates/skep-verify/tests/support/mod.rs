//! What the tests over recorded cases share: cases from compressed files, and programs made of them.
#![allow(dead_code)] // each test binary uses a part

pub(crate) mod inflate;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use skep_abi::{AttachType, MapDef, MapFlags, MapType, ProgType};
use skep_isa::{Callee, Endian, FormId, Insn, Op, Wide, decode_all};
use skep_obj::{Data, MapInit, MapSpec, Pinning, ProgFunction, Program};

/// The lines of a gzip file.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let output = Command::new("gzip").arg("-dc").arg(path).output().expect("gzip runs");
    assert!(output.status.success(), "gzip can't read {}", path.display());
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// The bytes of a blob: hexadecimal, compressed, or a number of zeroes.
pub(crate) fn blob(value: &Value) -> Vec<u8> {
    if let Some(hex) = value["hex"].as_str() {
        let digit = |b: u8| (b as char).to_digit(16).expect("a hexadecimal digit") as u8;
        return hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    }
    if let Some(text) = value["zlib_b64"].as_str() {
        return inflate::zlib(&inflate::base64(text));
    }
    vec![0; value["zero"].as_u64().unwrap_or_default() as usize]
}

/// The program of a case.
pub(crate) fn program(case: &Value) -> Program {
    let prog = &case["prog"];
    let mut insns = decode_all(&blob(&prog["insns"]), Endian::Little).expect("whole slots");
    for insn in &mut insns {
        // The cases have indices where a load has descriptors.
        let form = match insn.op() {
            Op::Wide(Wide::MapFd) => FormId::of(Op::Wide(Wide::MapIdx)),
            Op::Wide(Wide::MapValue) => FormId::of(Op::Wide(Wide::MapIdxValue)),
            _ => None,
        };
        insn.form = form.unwrap_or(insn.form);
    }
    let maps: Vec<MapSpec> = case["maps"].as_array().into_iter().flatten().map(map).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Program {
        name: text(&case["name"]),
        prog_type: ProgType(prog["type_id"].as_u64().unwrap_or_default() as u32),
        attach_type: AttachType(prog["expected_attach_type"].as_u64().unwrap_or_default() as u32),
        license: text(&prog["license"]),
        flags: skep_obj::ProgFlags(prog["flags"].as_u64().unwrap_or_default() as u32),
        attach_to: None,
        kernel_symbols: Vec::new(),
        kern_version: 0,
        functions: functions(&insns),
        insns,
        maps: maps.into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: None,
    }
}

/// The functions of a sequence of instructions: each starts where a call leads.
pub(crate) fn functions(insns: &[Insn]) -> Vec<ProgFunction> {
    let mut starts = vec![0];
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
    let function = |(start, end)| ProgFunction {
        name: format!("function_{start}"),
        start,
        end,
        global: false,
        btf_id: None,
    };
    starts.iter().copied().zip(ends).map(function).collect()
}

fn map(value: &Value) -> MapSpec {
    let number = |key: &str| value[key].as_u64().unwrap_or_default() as u32;
    let def = MapDef {
        map_type: MapType(number("type_id")),
        key_size: number("key_size"),
        value_size: number("value_size"),
        max_entries: number("max_entries"),
        flags: MapFlags(number("flags")),
    };
    let frozen = value["frozen"].as_bool().unwrap_or_default();
    let init = match value["init"].as_array().and_then(|init| init.first()) {
        Some(first)
            if def.map_type == MapType::Array && def.max_entries == 1 && !first["value"].is_null() =>
        {
            MapInit::Data(Data { bytes: blob(&first["value"]), frozen })
        }
        _ => MapInit::Empty,
    };
    MapSpec {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        def,
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        init,
        numa_node: None,
        extra: 0,
    }
}

/// The program, shared.
pub(crate) fn shared(case: &Value) -> Arc<Program> {
    Arc::new(program(case))
}
