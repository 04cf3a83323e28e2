//! Programs run on both hosts and on both engines, and what comes of it compared.

use skep_abi::{MapDef, MapType, ProgType};
use skep_host::{Engine, Host, HostError, LoadOptions, MapId, ProgId, TestResult, TestRun};
use skep_isa::{Insn, Reg, Size};
use skep_linux::LinuxHost;
use skep_obj::MapSpec;
use skep_user::{UserConfig, UserHost};

use crate::code::{Code, array, field_map, program, with_maps};

/// Bytes that a program reports in a map: eight words.
pub(crate) const REPORT: usize = 64;

/// A program on one host, with the map that it reports in, and its further maps.
pub(crate) struct Loaded {
    host: Box<dyn Host>,
    label: &'static str,
    prog: ProgId,
    report: MapId,
    maps: Vec<(MapDef, MapId)>,
}

/// What one run came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    retval: u32,
    data: Vec<u8>,
    context: Vec<u8>,
    report: Vec<u8>,
}

/// Everything that can run a program: Linux first, and the user host by both engines.
pub(crate) fn loaded(name: &str, kind: ProgType, insns: &[Insn]) -> Vec<Loaded> {
    loaded_with(name, kind, insns, &[])
}

/// The same, with further maps from index 1 on.
fn loaded_with(name: &str, kind: ProgType, insns: &[Insn], defs: &[MapDef]) -> Vec<Loaded> {
    let mut specs = vec![report_map()];
    specs.extend(defs.iter().map(|def| field_map("further", *def)));
    let program = with_maps(program(name, kind, insns), specs.clone());
    let linux = LinuxHost::new();
    let config = UserConfig { cpus: linux.cpus(), ..UserConfig::default() };
    let user = |engine, label| (Box::new(UserHost::new(config)) as Box<dyn Host>, engine, label);
    let hosts = [
        (Box::new(linux) as Box<dyn Host>, Engine::Best, "linux"),
        user(Engine::Interp, "interp"),
        user(Engine::Jit, "jit"),
    ];
    let mut all = Vec::new();
    for (mut host, engine, label) in hosts {
        if engine == Engine::Jit && !skep_vm::jit_available() {
            continue;
        }
        let maps: Vec<_> =
            specs.iter().map(|spec| host.create_map(spec, None).expect("a map on every host")).collect();
        let options = LoadOptions { engine, ..LoadOptions::default() };
        match host.load(&program, &maps, &options) {
            Ok((prog, _)) => {
                let further = defs.iter().copied().zip(maps[1..].iter().copied()).collect();
                all.push(Loaded { host, label, prog, report: maps[0], maps: further });
            }
            Err(HostError::RefusedByKernel { log, errno, .. }) => panic!("{name}, linux: {errno}\n{log}"),
            Err(error) => panic!("{name}, {label}: {error}"),
        }
    }
    all
}

impl Outcome {
    /// What the program reported.
    pub(crate) fn report(self) -> Vec<u8> {
        self.report
    }
}

impl Loaded {
    /// Runs the program; an error becomes its number.
    pub(crate) fn run(&mut self, data: &[u8], context: &[u8], repeat: u32) -> Result<Outcome, String> {
        let zero = [0; REPORT];
        self.host.update(self.report, &[0; 4], &zero, 0).expect("the map has an element");
        let run = TestRun { data, context, repeat, time_ns: None };
        let TestResult { retval, data, context, .. } =
            self.host.test_run(self.prog, &run).map_err(|error| {
                // What matters is the number; anything else than a refusal is a difference by itself.
                error.errno().map_or_else(|| error.to_string(), |errno| format!("{errno:?}"))
            })?;
        let report = self.host.lookup(self.report, &[0; 4]).expect("readable").expect("there");
        Ok(Outcome { retval, data, context, report })
    }
}

impl Loaded {
    /// What is in the further maps: elements in order of their keys, and records.
    fn contents(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        for &(def, map) in &self.maps {
            match def.map_type {
                MapType::Ringbuf => {
                    let mut keep = |record: &[u8]| all.push((Vec::new(), record.to_vec()));
                    self.host.drain(map, &mut keep).expect("a ring buffer");
                }
                // Nobody but programs looks into them in order.
                MapType::Queue | MapType::Stack => {}
                _ => all.extend(elements(self.host.as_mut(), def, map)),
            }
        }
        all
    }
}

fn elements(host: &mut dyn Host, def: MapDef, map: MapId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let mut key = None;
    while let Some(next) = host.next_key(map, key.as_deref()).expect("readable") {
        let mut value = host.lookup(map, &next).expect("readable").expect("there");
        if def.map_type.is_percpu() {
            // Linux runs a program where it likes.
            let mut values: Vec<_> = value.chunks(8).map(<[u8]>::to_vec).collect();
            values.sort();
            value = values.concat();
        }
        all.push((next.clone(), value));
        key = Some(next);
    }
    all.sort();
    all
}

/// Runs a program with further maps on all packets everywhere, one after another; fails on the first difference.
pub(crate) fn agree_on_maps(name: &str, insns: &[Insn], defs: &[MapDef], inputs: &[(&str, Vec<u8>)]) {
    let mut all = loaded_with(name, ProgType::Xdp, insns, defs);
    for (packet, data) in inputs {
        let expected = (all[0].run(data, &[], 1), all[0].contents());
        for other in &mut all[1..] {
            let found = (other.run(data, &[], 1), other.contents());
            assert!(
                found == expected,
                "{name}, {packet}, on {}:\n  linux {expected:x?}\n  found {found:x?}",
                other.label
            );
        }
    }
}

/// Runs a program on all packets everywhere; fails on the first difference.
pub(crate) fn agree(
    name: &str,
    kind: ProgType,
    insns: &[Insn],
    inputs: &[(&str, Vec<u8>)],
    contexts: &[Vec<u8>],
) {
    let mut all = loaded(name, kind, insns);
    for (number, (packet, data)) in inputs.iter().enumerate() {
        // Each repeated run of XDP has the kernel rewrite its code, which takes it long.
        let repeats: &[u32] = if kind == ProgType::Xdp && number > 0 { &[1] } else { &[1, 3] };
        for context in contexts {
            for &repeat in repeats {
                let expected = all[0].run(data, context, repeat);
                for other in &mut all[1..] {
                    let found = other.run(data, context, repeat);
                    assert!(
                        found == expected,
                        "{name} ({kind}), {packet}, {repeat} times, on {}:\n  linux {expected:x?}\n  found {found:x?}",
                        other.label
                    );
                }
            }
        }
    }
}

/// The map that programs report in: its index in every program is 0.
fn report_map() -> MapSpec {
    field_map("report", array(4, REPORT as u32, 1))
}

/// Calls and reports.
impl Code {
    /// Calls a function whose first argument is the context and the others are these numbers; the result goes to r7.
    pub(crate) fn call_context(self, function: &str, args: &[i64]) -> Code {
        let code = self.add([Insn::mov_reg(Reg::R1, Reg::R6)]);
        let code = args.iter().zip(2..).fold(code, |code, (&arg, register)| code.set(Reg(register), arg));
        code.call(function)
    }

    /// Puts r7 into a word of the report.
    pub(crate) fn report(self, word: i16) -> Code {
        self.add([Insn::store_reg(Size::Dw, Reg::R10, -64 + 8 * word, Reg::R7)])
    }

    /// Puts four bytes of the context into half a word of the report.
    pub(crate) fn report_field(self, offset: i16, half: i16) -> Code {
        self.add([
            Insn::load(Size::W, Reg::R7, Reg::R6, offset),
            Insn::store_reg(Size::W, Reg::R10, -64 + 4 * half, Reg::R7),
        ])
    }

    /// Ends a program: the report goes into the map, and r8 is returned.
    pub(crate) fn end(self, retval: i32) -> Vec<Insn> {
        self.add([Insn::store_imm(Size::W, Reg::R10, -72, 0)])
            .add(Insn::map_idx(Reg::R1, 0))
            .stack(Reg::R2, -72)
            .stack(Reg::R3, -64)
            .set(Reg::R4, 0)
            .call("bpf_map_update_elem")
            .add([Insn::mov_imm(Reg::R0, retval), Insn::exit()])
            .0
    }
}
