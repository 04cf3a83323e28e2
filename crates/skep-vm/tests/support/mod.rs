//! What the tests of this crate share: a world, programs from text, and both engines on them.
#![allow(dead_code)] // each test file uses its part

use std::collections::HashMap;
use std::sync::Arc;

use skep_abi::{AttachType, Errno, MapDef, MapFlags, MapType, ProgType};
use skep_btf::{Btf, BtfBuilder, IntEncoding, Linkage, TypeId};
use skep_isa::text::Reader;
use skep_isa::{Callee, Insn, Op};
use skep_map::Map;
use skep_obj::{MapInit, MapSpec, Pinning, ProgFunction, Program};
use skep_verify::{Options, Shifts, verify};
use skep_vm::{Context, Engine, Executable, Functions, Output, Trap, World, jit_available};

/// A world with programs by id, and a CPU.
#[derive(Default)]
pub(crate) struct Lab {
    /// Programs by id.
    pub(crate) programs: HashMap<u32, Arc<Executable<Lab>>>,
    /// The CPU that runs are on.
    pub(crate) cpu: u32,
    /// How often the clock was asked.
    pub(crate) asked: u64,
}

impl World for Lab {
    fn program(&self, id: u32) -> Option<Arc<Executable<Lab>>> {
        self.programs.get(&id).cloned()
    }

    fn cpu(&self) -> u32 {
        self.cpu
    }
}

skep_vm::functions! {
    fn add_functions for Lab;

    fn bpf_ktime_get_ns(call) -> u64 {
        call.world().asked += 1;
        call.world().asked * 1000
    }

    fn bpf_xdp_adjust_head(call, context: Context, delta: i32) -> Result<(), Errno> {
        call.context().packet_mut().adjust_head(delta)
    }

    fn bpf_xdp_load_bytes(call, context: Context, at: u32, to: Output, len: u32) -> Result<(), Errno> {
        let packet = call.context().packet().data().to_vec();
        let mut out = call.bytes_mut(to);
        let end = at as usize + out.len();
        out.copy_from_slice(packet.get(at as usize..end).ok_or(Errno::EINVAL)?);
        Ok(())
    }
}

/// The standard functions, a clock, and two functions on packets.
pub(crate) fn functions() -> Functions<Lab> {
    let mut functions = Functions::with_standard();
    add_functions(&mut functions);
    functions
}

/// The engines that this machine has.
pub(crate) fn engines() -> &'static [Engine] {
    if jit_available() { &[Engine::Interp, Engine::Jit] } else { &[Engine::Interp] }
}

/// Instructions in pseudo-C, one a line.
pub(crate) fn parse(text: &str) -> Vec<Insn> {
    let reader = Reader::pseudoc();
    let mut insns = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let insn = reader.insn(line).unwrap_or_else(|error| panic!("{line}: {error:?}")).insn;
        insns.push(insn);
        insns.extend((insn.slots() == 2).then_some(Insn::TAIL));
    }
    insns
}

/// A map's definition.
pub(crate) fn map_def(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    let flags = if map_type == MapType::LpmTrie { MapFlags::NO_PREALLOC } else { MapFlags(0) };
    MapDef { map_type, key_size, value_size, max_entries, flags }
}

/// A program of these instructions, whose functions start at the targets of its calls.
/// What the functions of a program are: `int function(void)`.
fn types() -> (Btf, TypeId) {
    let mut builder = BtfBuilder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let proto = builder.func_proto(int, &[]);
    let function = builder.func("function", proto, Linkage::STATIC);
    (builder.finish().expect("types"), function)
}

pub(crate) fn program(prog_type: ProgType, insns: Vec<Insn>, maps: &[MapDef]) -> Program {
    let mut starts = vec![0];
    for (at, insn) in insns.iter().enumerate() {
        if insn.op() == Op::Call(Callee::Local) {
            starts.push((at as i64 + 1 + insn.imm) as usize);
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts[1..].iter().copied().chain([insns.len()]);
    let (btf, function_type) = types();
    let function = |(start, end): (&usize, usize)| ProgFunction {
        name: format!("f{start}"),
        start: *start,
        end,
        global: false,
        btf_id: Some(function_type),
    };
    let spec = |def: &MapDef| MapSpec {
        name: def.map_type.name().into(),
        def: *def,
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init: MapInit::Empty,
    };
    Program {
        name: "test".into(),
        prog_type,
        attach_type: AttachType(0),
        license: "GPL".into(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        kern_version: 0,
        functions: starts.iter().zip(ends).map(function).collect(),
        insns,
        maps: maps.iter().map(spec).collect(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: Some(btf.into()),
    }
}

/// Maps as these definitions say, for two CPUs.
pub(crate) fn make_maps(defs: &[MapDef]) -> Vec<Arc<Map>> {
    defs.iter().map(|def| Arc::new(Map::new(def, 2, 7).expect("a map"))).collect()
}

/// Verifies and compiles a program.
pub(crate) fn compile(
    program: Program,
    memory: Option<u32>,
    maps: &[Arc<Map>],
    engine: Engine,
) -> Result<Executable<Lab>, String> {
    let options = Options { memory, shifts: Shifts::Rfc9669, ..Options::default() };
    let verified = verify(Arc::new(program), &options).map_err(|error| error.to_string())?;
    Executable::compile(&verified, maps, &functions(), engine).map_err(|error| error.to_string())
}

/// What a program of kind `unspec` returns on each engine, and what it leaves in memory, which must be the same.
pub(crate) fn run_on_memory(insns: &[Insn], memory: &[u8]) -> Result<(u64, Vec<u8>), String> {
    let mut results = Vec::new();
    for &engine in engines() {
        let program = program(ProgType::Unspec, insns.to_vec(), &[]);
        let size = (!memory.is_empty()).then_some(memory.len() as u32);
        let executable = compile(program, size, &[], engine)?;
        let mut context = skep_vm::RunContext::memory(memory);
        let result = executable.run(&mut Lab::default(), &mut context);
        let result = result.map_err(|trap: Trap| format!("trap: {trap}"))?;
        results.push((result, context.packet().data().to_vec()));
    }
    let first = results.swap_remove(0);
    match results.into_iter().find(|other| *other != first) {
        Some(other) => Err(format!("engines differ: {first:x?} and {other:x?}")),
        None => Ok(first),
    }
}
