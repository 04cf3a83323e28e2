//! [`LinuxHost`]: maps and programs by the kernel's ids, and what is said of them in errors.

use std::collections::HashMap;
use std::ops::Range;

use skep_abi::{Errno, FieldKind, ProgType};
use skep_btf::Btf;
use skep_btf::core::Target;
use skep_host::{Host, HostError, LoadInfo, LoadOptions, MapId, ProgId, TestResult, TestRun};
use skep_obj::{MapSpec, Program};

use crate::map::Map;
use crate::prog::{self, Prog};
use crate::types::TypeStore;
use crate::{kernel_types, machine, sys};

/// Bytes of room for what a program adds to a packet.
const PACKET_GROWTH: usize = 64 << 10;
/// Bytes of room for a context as the kernel has it, which may be longer than what was given.
const CONTEXT_BYTES: usize = 1024;

/// The running kernel.
///
/// Ids are the kernel's own, as bpftool shows them; only what this host made can be named by them.
pub struct LinuxHost {
    /// How many there may be; `None` where the machine does not tell.
    cpus: Option<u32>,
    maps: HashMap<u32, Map>,
    progs: HashMap<u32, Prog>,
    types: TypeStore,
    /// The running kernel's own, once they were asked for.
    kernel_types: Option<Target>,
    /// Where test runs leave their packet.
    packet: Vec<u8>,
}

impl LinuxHost {
    /// A host with nothing in it. Asks nothing of the kernel yet.
    pub fn new() -> LinuxHost {
        LinuxHost {
            cpus: machine::possible_cpus(),
            maps: HashMap::new(),
            progs: HashMap::new(),
            types: TypeStore::default(),
            kernel_types: None,
            packet: Vec::new(),
        }
    }

    /// Why the kernel did not take the types of objects, if it did not: programs and maps then go without them.
    pub fn refused_types(&self) -> impl Iterator<Item = &str> {
        self.types.refusals()
    }

    /// The kernel's verdict on a program, and its verifier's log without the states on the way. Unlike a load, this
    /// tries nothing else where the kernel refuses (no other attach type, not without types), and keeps nothing.
    pub fn judge(&mut self, program: &Program, maps: &[MapId]) -> Result<Judgement, HostError> {
        let fds = maps.iter().map(|&map| self.map(map).map(|map| map.raw_fd() as i32));
        let fds = fds.collect::<Result<Vec<_>, _>>()?;
        let (result, log) = prog::judge(program, &fds, &mut self.types)?;
        Ok(Judgement { errno: result.err(), log })
    }

    fn map(&self, id: MapId) -> Result<&Map, HostError> {
        self.maps.get(&id.0).ok_or_else(|| absent("map", id.0))
    }

    fn prog(&self, id: ProgId) -> Result<&Prog, HostError> {
        self.progs.get(&id.0).ok_or_else(|| absent("program", id.0))
    }

    /// Makes a map, and before it the model of its values.
    fn make(&mut self, spec: &MapSpec, btf: Option<&Btf>) -> Result<Map, HostError> {
        let inner = spec.inner.as_deref().map(|inner| self.make(inner, btf)).transpose()?;
        Map::create(spec, btf, &mut self.types, self.cpus, inner.as_ref()).map_err(|errno| {
            let why = match errno {
                Errno::EPERM => Some(machine::why_not_permitted(None)),
                Errno::EOPNOTSUPP if self.cpus.is_none() => Some(
                    "the number of possible CPUs is unknown: /sys/devices/system/cpu is not there".into(),
                ),
                _ => Some(format!("the kernel does not take {}", in_words(spec))),
            };
            HostError::Errno { what: format!("create map `{}`", spec.name), errno, why }
        })
    }
}

/// What the kernel says to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Why it refuses; `None` if it takes the program.
    pub errno: Option<Errno>,
    /// What its verifier says. Empty where the program was refused before that had a say.
    pub log: String,
}

impl Default for LinuxHost {
    fn default() -> LinuxHost {
        LinuxHost::new()
    }
}

/// A definition in words.
fn in_words(spec: &MapSpec) -> String {
    let def = &spec.def;
    format!(
        "a map of kind {} with keys of {} bytes, values of {} bytes, {} entries and flags {:#x}",
        def.map_type, def.key_size, def.value_size, def.max_entries, def.flags.0
    )
}

fn absent(kind: &str, id: u32) -> HostError {
    let why = Some(format!("this host made no such {kind}"));
    HostError::Errno { what: format!("use {kind} {id}"), errno: Errno::ENOENT, why }
}

/// An error about a map.
fn map_error<'a>(map: &'a Map, verb: &'a str, why: Option<String>) -> impl FnOnce(Errno) -> HostError + 'a {
    move |errno| HostError::Errno { what: format!("{verb} map `{}`", map.name), errno, why }
}

impl Host for LinuxHost {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn cpus(&self) -> u32 {
        self.cpus.unwrap_or(1)
    }

    fn create_map(&mut self, spec: &MapSpec, btf: Option<&Btf>) -> Result<MapId, HostError> {
        let map = self.make(spec, btf)?;
        let id = map.id;
        self.maps.insert(id, map);
        Ok(MapId(id))
    }

    fn lookup(&mut self, map: MapId, key: &[u8]) -> Result<Option<Vec<u8>>, HostError> {
        let map = self.map(map)?;
        match map.lookup(key) {
            Ok(value) => Ok(Some(value)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(map_error(map, "look up a key of", wrong_size(map, key, None))(errno)),
        }
    }

    fn update(&mut self, map: MapId, key: &[u8], value: &[u8], flags: u64) -> Result<(), HostError> {
        let map = self.map(map)?;
        map.update(key, value, flags).map_err(map_error(map, "update", wrong_size(map, key, Some(value))))
    }

    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<(), HostError> {
        let map = self.map(map)?;
        map.delete(key).map_err(map_error(map, "delete a key of", wrong_size(map, key, None)))
    }

    fn next_key(&mut self, map: MapId, key: Option<&[u8]>) -> Result<Option<Vec<u8>>, HostError> {
        let map = self.map(map)?;
        match map.next_key(key) {
            Ok(next) => Ok(Some(next)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => {
                let why = key.and_then(|key| wrong_size(map, key, None));
                Err(map_error(map, "list the keys of", why)(errno))
            }
        }
    }

    fn freeze(&mut self, map: MapId) -> Result<(), HostError> {
        let map = self.map(map)?;
        map.freeze().map_err(map_error(map, "freeze", None))
    }

    fn set_program(&mut self, map: MapId, index: u32, prog: ProgId) -> Result<(), HostError> {
        use std::os::fd::AsRawFd;
        let (map, prog) = (self.map(map)?, self.prog(prog)?);
        let fd = prog.fd().as_raw_fd();
        let why = format!("the kernel does not take program `{}` of kind {}", prog.name, prog.prog_type);
        map.update(&index.to_ne_bytes(), &fd.to_ne_bytes(), 0).map_err(map_error(
            map,
            &format!("set slot {index} of"),
            Some(why),
        ))
    }

    fn set_map(&mut self, map: MapId, index: u32, inner: MapId) -> Result<(), HostError> {
        let (map, inner) = (self.map(map)?, self.map(inner)?);
        let why = format!("the kernel does not take map `{}` of kind {}", inner.name, inner.map_type);
        map.update(&index.to_ne_bytes(), &inner.raw_fd().to_ne_bytes(), 0).map_err(map_error(
            map,
            &format!("set slot {index} of"),
            Some(why),
        ))
    }

    fn drain(&mut self, map: MapId, record: &mut dyn FnMut(&[u8])) -> Result<usize, HostError> {
        let map = self.maps.get_mut(&map.0).ok_or_else(|| absent("map", map.0))?;
        let result = map.drain(record);
        let why = format!("expected a ring buffer, found a map of kind {}", map.map_type);
        let why = (map.map_type != skep_abi::MapType::Ringbuf).then_some(why);
        result.map_err(map_error(map, "drain", why))
    }

    fn kernel_types(&mut self) -> Result<Target, HostError> {
        if let Some(types) = &self.kernel_types {
            return Ok(types.clone());
        }
        let types = kernel_types::read()?;
        Ok(self.kernel_types.insert(types).clone())
    }

    fn load(
        &mut self,
        program: &Program,
        maps: &[MapId],
        options: &LoadOptions,
    ) -> Result<(ProgId, LoadInfo), HostError> {
        if program.prog_type == ProgType::Unspec {
            return Err(HostError::Unsupported {
                what: format!("load program `{}`", program.name),
                why: "Linux has no programs over plain memory: give it a kind that has a hook, or run it on \
                      the user host"
                    .into(),
            });
        }
        let fds = maps.iter().map(|&map| self.map(map).map(|map| map.raw_fd() as i32));
        let fds = fds.collect::<Result<Vec<_>, _>>()?;
        let (prog, info) = prog::load(program, &fds, options, &mut self.types)?;
        let id = prog.id;
        self.progs.insert(id, prog);
        Ok((ProgId(id), info))
    }

    fn test_run(&mut self, prog: ProgId, run: &TestRun<'_>) -> Result<TestResult, HostError> {
        let prog = self.progs.get(&prog.0).ok_or_else(|| absent("program", prog.0))?;
        // Kinds without packets refuse room for one.
        let room = if run.data.is_empty() { 0 } else { run.data.len() + PACKET_GROWTH };
        self.packet.resize(self.packet.len().max(room), 0);
        let given = context_in(prog.prog_type, run);
        let mut context = vec![0; if given.is_empty() { 0 } else { given.len().max(CONTEXT_BYTES) }];
        let mut request = sys::TestRun {
            data_in: run.data,
            data_out: &mut self.packet[..room],
            ctx_in: &given,
            ctx_out: &mut context,
            repeat: run.repeat.max(1),
        };
        let ran = sys::prog_test_run(prog.fd(), &mut request).map_err(|errno| HostError::Errno {
            what: format!("run program `{}`", prog.name),
            errno,
            why: match errno {
                Errno::EPERM => Some(machine::why_not_permitted(Some(prog.prog_type))),
                // ENOTSUPP: the kind has no test run.
                Errno::ENOTSUPP => Some(format!("this kernel has no test run for {}", prog.prog_type)),
                _ => None,
            },
        })?;
        context.truncate(ran.ctx_size);
        Ok(TestResult {
            retval: ran.retval,
            r0: None,
            data: self.packet[..ran.data_size.min(room)].to_vec(),
            context: if given.is_empty() { Vec::new() } else { context },
            duration: std::time::Duration::from_nanos(ran.duration_ns.into()),
        })
    }
}

/// What is wrong with the sizes, if anything is.
fn wrong_size(map: &Map, key: &[u8], value: Option<&[u8]>) -> Option<String> {
    (!map.fits(key, value)).then(|| {
        let value = value.map_or(String::new(), |value| format!(" and a value of {}", value.len()));
        format!("{}, found a key of {}{value}", map.sizes(), key.len())
    })
}

/// The context to give the kernel, which takes no pointers: of XDP's it reads how long metadata and packet are,
/// and all others must be zero.
fn context_in(prog_type: ProgType, run: &TestRun<'_>) -> Vec<u8> {
    let mut bytes = run.context.to_vec();
    let Some(context) = prog_type.context() else { return bytes };
    let place = |kind| {
        let field = &context.fields[context.index_of_kind(kind)?];
        Some(field.off as usize..(field.off + field.size) as usize)
    };
    let pointers = [FieldKind::PacketMeta, FieldKind::PacketData, FieldKind::PacketEnd].map(place);
    let [_, Some(data), Some(end)] = &pointers else { return bytes };
    let given = |range: &Range<usize>| bytes.get(range.clone()).is_some_and(|b| b.iter().any(|&b| b != 0));
    if prog_type == ProgType::Xdp && (given(data) || given(end)) {
        return bytes;
    }
    for range in pointers.iter().flatten() {
        bytes.get_mut(range.clone()).unwrap_or_default().fill(0);
    }
    if prog_type == ProgType::Xdp
        && let Some(end) = bytes.get_mut(end.clone())
    {
        end.copy_from_slice(&(run.data.len() as u32).to_ne_bytes());
    }
    bytes
}
