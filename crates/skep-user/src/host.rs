//! [`UserHost`]: the objects, and what the contract of hosts asks for.
//!
//! Where Linux has an error number for something, it is the same here. Programs and maps live as long as the host;
//! there are no privileges, names are not unique, and pinning means nothing.
//! Source of the error numbers: kernel/bpf/syscall.c, `bpf_prog_map_compatible` of kernel/bpf/core.c, Linux 6.18.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use skep_abi::{Errno, Function, FunctionTable, MapDef, MapFlags, MapType, ProgType, TableError};
use skep_btf::Btf;
use skep_btf::core::Target;
use skep_host::{
    Engine, Host, HostError, LoadInfo, LoadOptions, MapId, ProgId, TestResult, TestRun, VerifierStats,
};
use skep_isa::{Op, Wide};
use skep_map::{Map, MapError};
use skep_obj::{MapSpec, Program};
use skep_verify::{Rules, Shifts, Suspect};
use skep_vm::{CompileError, Executable, Fault, Functions, Trial};

use crate::functions;
use crate::objects::{Access, MapObject, ProgObject, Table};
use crate::random::mix;
use crate::test_run::test_run;
use crate::trace::Trace;
use crate::trial::{self, TrialInput};
use crate::world::{NUMA_NODE, Redirect, UserWorld};

/// What a host is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserConfig {
    /// How many CPUs there are: how many values per-CPU maps keep. At least 1.
    pub cpus: u32,
    /// Where chance comes from: random numbers, the order of hash maps, flow hashes. Hosts that are made alike and
    /// used alike do alike.
    pub seed: u64,
}

impl Default for UserConfig {
    fn default() -> UserConfig {
        UserConfig { cpus: 1, seed: 0 }
    }
}

/// A BPF kernel in the process.
pub struct UserHost {
    config: UserConfig,
    functions: Functions<UserWorld>,
    /// Those of them that are the application's own.
    own: FunctionTable,
    maps: Table<MapObject>,
    programs: Table<ProgObject>,
    world: UserWorld,
}

impl UserHost {
    /// A host without objects, at its first moment.
    pub fn new(config: UserConfig) -> UserHost {
        UserHost {
            config: UserConfig { cpus: config.cpus.max(1), ..config },
            functions: functions::all(),
            own: FunctionTable::default(),
            maps: Table::default(),
            programs: Table::default(),
            world: UserWorld::new(config.seed),
        }
    }

    /// A host whose programs may also call functions of the application's own, which work on `state`
    /// ([`UserWorld::state`]). `add` adds them, as [`skep_vm::functions!`] writes it; one of a name that Linux has takes
    /// the place of this host's own, if it implements the same row, and is an error otherwise.
    pub fn with_functions<T: Any + Send>(
        config: UserConfig,
        add: impl FnOnce(&mut Functions<UserWorld>),
        state: T,
    ) -> Result<UserHost, TableError> {
        let mut host = UserHost::new(config);
        add(&mut host.functions);
        host.own = host.functions.own()?;
        host.world.state = Some(Box::new(state));
        Ok(host)
    }

    /// What the host was made with for the application's own functions, if it is of this type.
    pub fn state<T: Any>(&mut self) -> Option<&mut T> {
        self.world.state()
    }

    /// The application's own functions.
    pub fn own_functions(&self) -> &FunctionTable {
        &self.own
    }

    /// Whether programs of this kind can be loaded.
    pub fn runs(kind: ProgType) -> bool {
        skep_vm::KINDS.contains(&kind)
    }

    /// Whether maps of this kind can be made.
    pub fn has_map_type(map_type: MapType) -> bool {
        let small = MapDef { map_type, key_size: 4, value_size: 4, max_entries: 1, flags: MapFlags(0) };
        !matches!(Map::new(&small, 1, 0), Err(MapError::Kind { .. }))
    }

    /// The functions that programs may call: helpers by number, then those that are called by name.
    pub fn functions(&self) -> impl Iterator<Item = &'static Function> {
        self.functions.iter()
    }

    /// Takes what programs printed since the last time.
    pub fn take_trace(&mut self) -> Trace {
        self.world.trace.take()
    }

    /// Where the last run asked for its packet to be sent. Whether it is sent depends on the program's verdict.
    pub fn redirect(&self) -> Option<Redirect> {
        self.world.redirect
    }

    /// The time, in nanoseconds since boot.
    pub fn time_ns(&self) -> u64 {
        self.world.clock.now()
    }

    /// Sets the time, in nanoseconds since boot.
    pub fn set_time_ns(&mut self, time_ns: u64) {
        self.world.clock.set(time_ns);
    }

    /// The CPU that programs run on; 0 at first.
    pub fn cpu(&self) -> u32 {
        self.world.cpu
    }

    /// Has programs run on this CPU from now on. `ENODEV` if the host does not have it.
    pub fn set_cpu(&mut self, cpu: u32) -> Result<(), HostError> {
        if cpu >= self.config.cpus {
            return Err(HostError::Errno {
                what: format!("run on CPU {cpu}"),
                errno: Errno::ENODEV,
                why: Some(format!("expected one of {} CPUs, from 0", self.config.cpus)),
            });
        }
        self.world.cpu = cpu;
        Ok(())
    }

    /// Tries a refused program on an input, in the checked interpreter alone ([`Trial`]): what it returned, or how it
    /// ended early. It gets no id, and nothing of it stays but what it wrote into maps.
    pub fn try_suspect(
        &mut self,
        suspect: &Suspect,
        maps: &[MapId],
        input: &TrialInput,
    ) -> Result<Result<u64, Fault>, HostError> {
        let program = suspect.program();
        let maps = self.maps_of(program, maps)?;
        let trial = Trial::new(suspect, &maps, &self.functions)
            .map_err(|error| not_compiled(&format!("try program `{}`", program.name), &error))?;
        let mut context = trial::context(program.prog_type, input)?;
        self.world.start_run();
        Ok(trial.run(&mut self.world, &mut context))
    }

    fn map(&self, id: MapId, what: &str) -> Result<&MapObject, HostError> {
        self.maps.get(id.0).ok_or_else(|| HostError::Errno {
            what: format!("{what} map {}", id.0),
            errno: Errno::ENOENT,
            why: Some("there is no map of this id".into()),
        })
    }

    fn map_mut(&mut self, id: MapId, what: &str) -> Result<&mut MapObject, HostError> {
        self.map(id, what)?;
        // The check above gives the error; this can't fail after it.
        self.maps.get_mut(id.0).ok_or_else(|| no_room(what))
    }

    /// The maps of a program that is to be loaded. The program arrays among those it uses become arrays of programs of
    /// its kind.
    fn maps_of(&mut self, program: &Program, ids: &[MapId]) -> Result<Vec<Arc<Map>>, HostError> {
        let what = format!("load program `{}`", program.name);
        if ids.len() < program.maps.len() {
            let why = format!("expected {} maps, found {}", program.maps.len(), ids.len());
            return Err(HostError::Errno { what, errno: Errno::EBADF, why: Some(why) });
        }
        let maps =
            ids.iter().map(|&id| Ok(self.map(id, "use")?.map.clone())).collect::<Result<_, HostError>>()?;
        for insn in &program.insns {
            let Op::Wide(Wide::MapIdx) = insn.op() else { continue };
            let Some(&id) = ids.get(insn.imm as usize) else { continue };
            let map = self.map_mut(id, "use")?;
            if map.is_program_array() && !map.take_programs(program.prog_type) {
                let why =
                    format!("map `{}` is for programs of another kind than {}", map.name, program.prog_type);
                return Err(HostError::Errno { what, errno: Errno::EINVAL, why: Some(why) });
            }
        }
        Ok(maps)
    }
}

fn no_program(id: ProgId, what: &str) -> HostError {
    HostError::Errno {
        what: format!("{what} program {}", id.0),
        errno: Errno::ENOENT,
        why: Some("there is no program of this id".into()),
    }
}

fn no_room(what: &str) -> HostError {
    HostError::Errno { what: what.to_owned(), errno: Errno::ENOSPC, why: Some("all ids are used up".into()) }
}

/// Why a verified program can't be run here, as the contract has it.
fn not_compiled(what: &str, error: &CompileError) -> HostError {
    let (what, why) = (what.to_owned(), error.to_string());
    let errno = match error {
        CompileError::NoMap { .. } => Errno::EBADF,
        CompileError::MapMismatch { .. } | CompileError::NoDirectValue { .. } | CompileError::Flow { .. } => {
            Errno::EINVAL
        }
        CompileError::TooLarge { .. } => Errno::E2BIG,
        CompileError::CodeMemory { .. } => Errno::ENOMEM,
        _ => return HostError::Unsupported { what, why },
    };
    HostError::Errno { what, errno, why: Some(why) }
}

impl Host for UserHost {
    fn name(&self) -> &'static str {
        "user"
    }

    fn cpus(&self) -> u32 {
        self.config.cpus
    }

    fn create_map(&mut self, spec: &MapSpec, _btf: Option<&Btf>) -> Result<MapId, HostError> {
        // Each map has secrets of its own, which depend on nothing but the host's seed and the map's id.
        let seed = mix(self.config.seed ^ u64::from(self.maps.next_id()).rotate_right(16));
        let what = || format!("create map `{}`", spec.name);
        let invalid =
            |why: String| Err(HostError::Errno { what: what(), errno: Errno::EINVAL, why: Some(why) });
        if spec.extra != 0 {
            return invalid(format!("maps of kind {} take no map_extra", spec.def.map_type));
        }
        if let Some(node) = spec.numa_node.filter(|&node| node != NUMA_NODE) {
            return invalid(format!("there is no memory node {node}"));
        }
        let map = Map::new(&spec.def, self.config.cpus, seed).map_err(|error| HostError::Errno {
            what: what(),
            errno: error.errno(),
            why: Some(error.to_string()),
        })?;
        let object = MapObject { name: spec.name.clone(), map: Arc::new(map), frozen: false, programs: None };
        self.maps.insert(object).map(MapId).ok_or_else(|| no_room(&what()))
    }

    fn lookup(&mut self, map: MapId, key: &[u8]) -> Result<Option<Vec<u8>>, HostError> {
        let what = "look up in";
        let object = self.map(map, what)?;
        match object.allows(Access::Read, what)?.read(key) {
            Ok(value) => Ok(Some(value)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(object.refusal(what, errno, None)),
        }
    }

    fn update(&mut self, map: MapId, key: &[u8], value: &[u8], flags: u64) -> Result<(), HostError> {
        let what = "update";
        let object = self.map(map, what)?;
        let target = object.allows(Access::Write, what)?;
        if object.is_program_array() {
            // Linux takes a descriptor here, of which there are none.
            return Err(object.refusal(what, Errno::EBADF, Some("its values are programs")));
        }
        target.write(key, value, flags).map_err(|errno| object.refusal(what, errno, None))
    }

    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<(), HostError> {
        let what = "delete from";
        let object = self.map(map, what)?;
        object.allows(Access::Write, what)?.remove(key).map_err(|errno| object.refusal(what, errno, None))
    }

    fn next_key(&mut self, map: MapId, key: Option<&[u8]>) -> Result<Option<Vec<u8>>, HostError> {
        let what = "iterate over";
        let object = self.map(map, what)?;
        match object.allows(Access::Read, what)?.next_key(key) {
            Ok(next) => Ok(Some(next)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(object.refusal(what, errno, None)),
        }
    }

    fn freeze(&mut self, map: MapId) -> Result<(), HostError> {
        let what = "freeze";
        let object = self.map_mut(map, what)?;
        object.allows(Access::Write, what)?;
        object.frozen = true;
        Ok(())
    }

    fn set_program(&mut self, map: MapId, index: u32, prog: ProgId) -> Result<(), HostError> {
        let what = "put a program into";
        let prog_type = self.programs.get(prog.0).ok_or_else(|| no_program(prog, "use"))?.prog_type;
        let object = self.map_mut(map, what)?;
        object.allows(Access::Write, what)?;
        if object.is_program_array() && !object.take_programs(prog_type) {
            let why = format!("it is for programs of another kind than {prog_type}");
            return Err(object.refusal(what, Errno::EINVAL, Some(&why)));
        }
        object.map.set_prog(index, prog.0).map_err(|errno| object.refusal(what, errno, None))
    }

    fn drain(&mut self, map: MapId, record: &mut dyn FnMut(&[u8])) -> Result<usize, HostError> {
        let what = "drain";
        let object = self.map(map, what)?;
        object.map.drain(record).map_err(|errno| {
            let why = (object.map.def().map_type != MapType::Ringbuf).then_some("it is no ring buffer");
            object.refusal(what, errno, why)
        })
    }

    fn kernel_types(&mut self) -> Result<Target, HostError> {
        let types = crate::types::kernel_types().map_err(|error| HostError::Unsupported {
            what: "show types".to_owned(),
            why: error.to_string(),
        })?;
        Ok(Target::new("the user host", types))
    }

    fn load(
        &mut self,
        program: &Program,
        maps: &[MapId],
        options: &LoadOptions,
    ) -> Result<(ProgId, LoadInfo), HostError> {
        let kind = program.prog_type;
        if !UserHost::runs(kind) {
            return Err(HostError::Unsupported {
                what: format!("load program `{}`", program.name),
                why: format!("the user host has no hook that programs of kind {kind} run at"),
            });
        }
        let maps = self.maps_of(program, maps)?;
        let memory = (kind == ProgType::Unspec).then_some(options.memory_bytes);
        let (rules, shifts) = match kind {
            ProgType::Unspec => (options.rules, options.shifts),
            _ => (Rules::Linux, Shifts::Linux),
        };
        let asked = skep_verify::Options {
            memory,
            log: options.log,
            rules,
            shifts,
            functions: self.own.clone(),
            ..skep_verify::Options::default()
        };
        let start = Instant::now();
        let verified = skep_verify::verify(Arc::new(program.clone()), &asked).map_err(|report| {
            HostError::Refused { program: program.name.clone(), report: Box::new(report) }
        })?;
        let verify = start.elapsed();
        let engine = match options.engine {
            Engine::Best => skep_vm::Engine::best(),
            Engine::Jit => skep_vm::Engine::Jit,
            Engine::Interp => skep_vm::Engine::Interp,
        };
        let start = Instant::now();
        let executable = Executable::compile(&verified, &maps, &self.functions, engine)
            .map_err(|error| not_compiled(&format!("load program `{}`", program.name), &error))?;
        let info = LoadInfo {
            engine: executable.engine().name(),
            verify,
            compile: start.elapsed(),
            code_bytes: executable.code_bytes() as u32,
            insns_processed: verified.stats().insns_processed,
            stats: VerifierStats {
                time: Some(verify),
                insns: Some(verified.stats().insns_processed),
                states: Some(verified.stats().states),
                peak_states: Some(verified.stats().peak_states),
                max_states_per_insn: Some(verified.stats().max_states_per_insn),
                mark_read: None,
                stack_bytes: Some(verified.stack_bytes_of_all()),
            },
            log: verified.log().unwrap_or_default().to_owned(),
        };
        let memory = verified.memory_bytes().unwrap_or(0);
        let object = ProgObject {
            name: program.name.clone(),
            prog_type: kind,
            attach_type: program.attach_type,
            memory,
        };
        let id = self.programs.insert(object).ok_or_else(|| no_room("load a program"))?;
        self.world.programs.insert(id, Arc::new(executable));
        Ok((ProgId(id), info))
    }

    fn test_run(&mut self, prog: ProgId, run: &TestRun<'_>) -> Result<TestResult, HostError> {
        let program = self.programs.get(prog.0).ok_or_else(|| no_program(prog, "run"))?;
        test_run(program, prog.0, &mut self.world, run)
    }
}

impl std::fmt::Debug for UserHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserHost")
            .field("config", &self.config)
            .field("maps", &self.maps)
            .field("programs", &self.programs)
            .finish_non_exhaustive()
    }
}
