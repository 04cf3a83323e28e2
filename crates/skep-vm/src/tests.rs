//! Programs that no verifier would pass, and what only shows without one: the engines on assumed proofs.
//!
//! What verified programs do is tested in `tests/`.

use std::sync::Arc;

use skep_abi::{MapDef, MapFlags, MapType, ProgType};
use skep_isa::text::Reader;
use skep_isa::{Callee, Endian, Insn, Op, decode_all};
use skep_map::Map;
use skep_obj::{MapInit, MapSpec, Pinning, ProgFunction, Program};
use skep_verify::Fact;

use crate::lower::Proof;
use crate::{Engine, Executable, Functions, RunContext, Trap, TrapKind, World};

/// A proof that nothing was done for: every instruction is reachable, every function uses a whole frame.
pub(crate) struct Assumed(pub(crate) Program);

impl Proof for Assumed {
    fn program(&self) -> &Program {
        &self.0
    }

    fn fact(&self, _: usize) -> Fact {
        Fact::Plain
    }

    fn callee(&self, _: usize) -> Option<u32> {
        None
    }

    fn named(&self, _: i64) -> Option<&'static skep_abi::Function> {
        None
    }

    fn stack_bytes(&self, _: usize) -> u32 {
        512
    }

    fn reads_uninit(&self, _: usize) -> bool {
        true
    }

    fn zero_registers(&self) -> u16 {
        0
    }
}

/// A world of one CPU without programs.
pub(crate) struct Nowhere;

impl World for Nowhere {
    fn program(&self, _: u32) -> Option<Arc<Executable<Nowhere>>> {
        None
    }

    fn cpu(&self) -> u32 {
        0
    }
}

crate::functions! {
    fn add_clock for Nowhere;

    fn bpf_ktime_get_ns(_call) -> u64 {
        7
    }
}

/// A program over memory of these instructions, whose functions start at the targets of its calls.
pub(crate) fn program(insns: Vec<Insn>) -> Program {
    let mut starts = vec![0];
    for (at, insn) in insns.iter().enumerate() {
        if insn.op() == Op::Call(Callee::Local) {
            starts.push((at as i64 + 1 + insn.imm) as usize);
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts[1..].iter().copied().chain([insns.len()]);
    let function = |(start, end): (&usize, usize)| ProgFunction {
        name: format!("f{start}"),
        start: *start,
        end,
        global: false,
        btf_id: None,
    };
    Program {
        name: "test".into(),
        prog_type: ProgType::Unspec,
        attach_type: skep_abi::AttachType(0),
        license: "GPL".into(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        kern_version: 0,
        functions: starts.iter().zip(ends).map(function).collect(),
        insns,
        maps: [].into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        btf: None,
    }
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

fn functions() -> Functions<Nowhere> {
    let mut functions = Functions::with_standard();
    add_clock(&mut functions);
    functions
}

fn run_with(insns: Vec<Insn>, memory: &[u8], maps: &[Arc<Map>], engine: Engine) -> Result<u64, Trap> {
    let spec = |map: &Arc<Map>| MapSpec {
        name: "map".into(),
        def: *map.def(),
        key_type: None,
        value_type: None,
        pinning: Pinning::None,
        inner: None,
        extra: 0,
        numa_node: None,
        init: MapInit::Empty,
    };
    let proof = Assumed(Program { maps: maps.iter().map(spec).collect(), ..program(insns) });
    let executable = Executable::from_proof(&proof, 0, maps, &functions(), engine).expect("compiles");
    executable.run(&mut Nowhere, &mut RunContext::memory(memory))
}

fn interpret(text: &str, maps: &[Arc<Map>]) -> Result<u64, TrapKind> {
    run_with(parse(text), &[1, 2, 3, 4], maps, Engine::Interp).map_err(|trap| trap.what)
}

fn map(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: MapFlags) -> Arc<Map> {
    Arc::new(Map::new(&MapDef { map_type, key_size, value_size, max_entries, flags }, 1, 0).expect("a map"))
}

#[test]
fn accesses_outside_of_the_memory_model_trap() {
    let trap = |text: &str| interpret(text, &[]).expect_err(text);
    assert!(matches!(trap("r0 = *(u32 *)(r1 + 1)\nexit"), TrapKind::Read { len: 4, .. }));
    assert!(matches!(trap("r0 = *(u8 *)(r1 - 1)\nexit"), TrapKind::Read { len: 1, .. }));
    assert!(matches!(trap("*(u64 *)(r1 + 0) = 1\nexit"), TrapKind::Write { len: 8, .. }));
    assert!(matches!(trap("r0 = *(u8 *)(r10 + 0)\nexit"), TrapKind::Read { len: 1, .. }));
    assert!(matches!(trap("*(u8 *)(r10 - 513) = 1\nexit"), TrapKind::Write { len: 1, .. }));
    assert!(matches!(trap("r0 = *(u8 *)(r0 + 0)\nexit"), TrapKind::Read { addr: 0, len: 1 }));
    assert!(matches!(trap("r3 = -4\nr0 = *(u64 *)(r3 + 0)\nexit"), TrapKind::Read { len: 8, .. }));
    assert!(matches!(trap("lock *(u64 *)(r10 - 12) += r0\nexit"), TrapKind::Misaligned { .. }));
    let at = run_with(parse("r0 = 1\nr0 = *(u8 *)(r0 + 0)\nexit"), &[], &[], Engine::Interp);
    assert_eq!(at.expect_err("a trap").to_string(), "instruction 1: may not read 1 bytes at 0x1");
}

#[test]
fn a_callee_reaches_its_callers_frame_by_pointer_and_its_own_dies_with_it() {
    let text = "
        *(u64 *)(r10 - 8) = 5
        r1 = r10
        call pc+2
        r0 = *(u64 *)(r0 - 8)
        exit
        r2 = *(u64 *)(r1 - 8)
        *(u64 *)(r10 - 8) = r2
        r0 = r1
        exit
    ";
    assert_eq!(interpret(text, &[]), Ok(5));
    let dangling = text.replace("r0 = r1", "r0 = r10");
    assert!(matches!(interpret(&dangling, &[]), Err(TrapKind::Read { .. })));
    let endless = "call pc+1\nexit\ncall pc-1\nexit";
    assert_eq!(interpret(endless, &[]), Err(TrapKind::Frames));
}

#[test]
fn map_values_are_memory_as_far_as_they_reach_and_as_flags_allow() {
    let array = map(MapType::Array, 4, 12, 2, MapFlags(0));
    let frozen = map(MapType::Array, 4, 8, 1, MapFlags::RDONLY_PROG);
    let maps = [array.clone(), frozen];
    let lookup = |after: &str| {
        format!(
            "*(u32 *)(r10 - 4) = 1
            r2 = r10
            r2 += -4
            r1 = map_idx(0) ll
            call 1
            {after}
            exit"
        )
    };
    assert_eq!(interpret(&lookup("*(u32 *)(r0 + 8) = 9"), &maps).map(|addr| addr != 0), Ok(true));
    assert_eq!(array.read(&[1, 0, 0, 0]).unwrap()[8], 9);
    let trapped = interpret(&lookup("*(u64 *)(r0 + 8) = 9"), &maps);
    assert!(matches!(trapped, Err(TrapKind::Write { len: 8, .. })));
    let direct = "r1 = map_idx_value(1, 0) ll\nr0 = *(u64 *)(r1 + 0)\nexit";
    assert_eq!(interpret(direct, &maps), Ok(0));
    let written = interpret(&direct.replace("r0 = *(u64 *)(r1 + 0)", "*(u64 *)(r1 + 0) = 1"), &maps);
    assert!(matches!(written, Err(TrapKind::Write { .. })));
}

#[test]
fn calls_are_held_against_the_functions_description() {
    let array = map(MapType::Array, 4, 8, 2, MapFlags(0));
    let ring = map(MapType::Ringbuf, 0, 0, 4096, MapFlags(0));
    let maps = [array, ring];
    let bad = |text: &str, arg: usize| match interpret(text, &maps) {
        Err(TrapKind::Argument { arg: found, .. }) => assert_eq!(found, arg, "{text}"),
        other => panic!("{text}: {other:?}"),
    };
    bad("r1 = 5\nr2 = r10\nr2 += -4\ncall 1\nexit", 0);
    bad("r2 = r10\nr2 += -2\nr1 = map_idx(0) ll\ncall 1\nexit", 1);
    bad("r2 = r1\nr3 = r1\nr3 += 4\nr1 = map_idx(0) ll\nr4 = 0\ncall 2\nexit", 2);
    // A ring buffer where a queue must be, and a record that was never reserved.
    bad("r2 = r10\nr2 += -8\nr1 = map_idx(1) ll\ncall 88\nexit", 0);
    bad("r1 = r10\nr2 = 0\ncall 132\nexit", 0);
    let reserve = "r1 = map_idx(1) ll\nr2 = 8\nr3 = 0\ncall 131\n*(u64 *)(r0 + 0) = 1\nr1 = r0\nr6 = r0\n\
                   r2 = 0\ncall 132\n";
    assert_eq!(interpret(&format!("{reserve}r0 = 3\nexit"), &maps), Ok(3));
    assert!(matches!(
        interpret(&format!("{reserve}r0 = *(u8 *)(r6 + 0)\nexit"), &maps),
        Err(TrapKind::Read { .. })
    ));
}

#[test]
fn what_leads_out_of_a_function_is_not_compiled() {
    for text in [
        "r0 = 1",
        "goto +1\nexit",
        "if r1 == 0 goto -2\nexit",
        "call pc+1\nexit\nr0 = 0\nexit",
        "call pc-1\nexit",
    ] {
        let mut proof = Assumed(program(parse(text)));
        proof.0.functions.truncate(1);
        let result = Executable::<Nowhere>::from_proof(&proof, 0, &[], &functions(), Engine::Interp);
        assert!(matches!(result, Err(crate::CompileError::Flow { .. })), "{text}: {result:?}");
    }
}

/// The shift counts that verifiers refuse are masked here, too; and machines without BMI2 get other code, which the
/// machine that runs the tests would not choose.
#[test]
fn conformance_programs_run_without_a_verifier_and_on_the_oldest_machines() {
    let Some(path) = skep_testkit::shared_data("isa/conformance.jsonl") else {
        skep_testkit::skip!("isa/conformance.jsonl is not there");
    };
    let mut passed = 0;
    for line in std::fs::read_to_string(path).expect("readable").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = case["name"].as_str().expect("a name");
        let bytes = match case["raw"].as_array() {
            Some(words) => words.iter().flat_map(|w| w.as_u64().expect("a number").to_le_bytes()).collect(),
            None => hex(case["hex"].as_str().expect("hex")),
        };
        let memory = hex(&case["mem"].as_str().expect("memory").replace([' ', '\n'], ""));
        let expected = case["result"].as_str().expect("a result").trim_start_matches("0x");
        let expected = u64::from_str_radix(expected, 16).expect("a number");
        let proof = Assumed(program(decode_all(&bytes, Endian::Little).expect("whole slots")));
        let mut engines = vec![Executable::from_proof(&proof, 0, &[], &functions(), Engine::Interp)];
        #[cfg(all(target_arch = "x86_64", unix))]
        engines.push(Executable::with_no_features(&proof, &functions()));
        for executable in engines {
            match executable {
                Ok(executable) => {
                    let result = executable.run(&mut Nowhere, &mut RunContext::memory(&memory));
                    assert_eq!(result, Ok(expected), "{name} ({})", executable.engine().name());
                    passed += 1;
                }
                Err(error) => {
                    assert_eq!(error, crate::CompileError::Unsupported { insn: 2, form: "callx" }, "{name}");
                }
            }
        }
    }
    assert!(passed >= 312, "{passed} passed");
}

fn hex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digits).collect()
}
