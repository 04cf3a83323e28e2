//! What a host does.

use std::time::Duration;

use skep_btf::Btf;
use skep_btf::core::Target;
use skep_obj::{MapSpec, Program};
use skep_verify::{Rules, Shifts};

use crate::{HostError, VerifierStats};

/// A map on a host. Ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapId(pub u32);

/// A program on a host. Ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgId(pub u32);

/// How the user host runs a program. Linux has its own choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Native code where this machine has it, else the interpreter.
    #[default]
    Best,
    /// Native code, or an error.
    Jit,
    /// The interpreter that checks every access.
    Interp,
}

/// What a load may be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// How it is to be run.
    pub engine: Engine,
    /// For programs of kind `unspec`: bytes of memory that each run will at least give.
    pub memory_bytes: u32,
    /// For programs of kind `unspec`: what is refused. For all other kinds it is what Linux refuses.
    pub rules: Rules,
    /// For programs of kind `unspec`: what shifts by a constant beyond the width are. For all other kinds they are what
    /// they are on Linux.
    pub shifts: Shifts,
    /// Whether the verifier's log is wanted also on success.
    pub log: bool,
}

/// What is known of a loaded program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadInfo {
    /// What runs it: `jit`, `interp`, or `kernel`.
    pub engine: &'static str,
    /// Time to verify it. On Linux all of the load.
    pub verify: Duration,
    /// Time to compile it; zero where that can't be told apart.
    pub compile: Duration,
    /// Bytes of native code; 0 if interpreted or unknown.
    pub code_bytes: u32,
    /// Instructions that the verifier looked at, counting each visit.
    pub insns_processed: u64,
    /// What the verification took, as far as its verifier counts it.
    pub stats: VerifierStats,
    /// The verifier's log, if it was asked for.
    pub log: String,
}

/// Input of a test run.
#[derive(Clone, Debug, Default)]
pub struct TestRun<'a> {
    /// The packet, or the memory of a program of kind `unspec`.
    pub data: &'a [u8],
    /// The context's UAPI bytes; empty for none. Of `struct xdp_md`, `data` is how many of the data's bytes are
    /// metadata and `data_end` how many there are, as `BPF_PROG_TEST_RUN` has it; both zero stand for a packet
    /// without metadata. Other pointers are ignored.
    pub context: &'a [u8],
    /// How often to run; 0 counts as 1. The packet is not restored between runs.
    pub repeat: u32,
    /// The time that the program is to see, in nanoseconds since boot, where the host's clock is virtual.
    pub time_ns: Option<u64>,
}

/// What a test run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestResult {
    /// r0, as the hook reads it.
    pub retval: u32,
    /// All of r0, where the host can tell: Linux can't.
    pub r0: Option<u64>,
    /// The packet as the program left it.
    pub data: Vec<u8>,
    /// The context's UAPI bytes after the run; empty if none were given.
    pub context: Vec<u8>,
    /// Mean time of a run.
    pub duration: Duration,
}

/// A place that runs BPF.
pub trait Host {
    /// `user` or `linux`.
    fn name(&self) -> &'static str;

    /// How many CPUs a per-CPU value has room for.
    fn cpus(&self) -> u32;

    /// Creates an empty map. `btf` is what its key and value types are ids of.
    fn create_map(&mut self, spec: &MapSpec, btf: Option<&Btf>) -> Result<MapId, HostError>;

    /// The value of a key. Per-CPU maps give one value a CPU, each padded to eight bytes; `None` if absent.
    fn lookup(&mut self, map: MapId, key: &[u8]) -> Result<Option<Vec<u8>>, HostError>;

    /// Sets the value of a key, with the flags of `BPF_MAP_UPDATE_ELEM`.
    fn update(&mut self, map: MapId, key: &[u8], value: &[u8], flags: u64) -> Result<(), HostError>;

    /// Removes a key.
    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<(), HostError>;

    /// The key after this one, or the first; `None` at the end.
    fn next_key(&mut self, map: MapId, key: Option<&[u8]>) -> Result<Option<Vec<u8>>, HostError>;

    /// Makes a map's values read-only for user space.
    fn freeze(&mut self, map: MapId) -> Result<(), HostError>;

    /// Puts a program into a slot of a program array.
    fn set_program(&mut self, map: MapId, index: u32, prog: ProgId) -> Result<(), HostError>;

    /// Puts a map into a slot of a map of maps.
    fn set_map(&mut self, map: MapId, index: u32, inner: MapId) -> Result<(), HostError> {
        let (what, why) = (
            format!("put map {} into slot {index} of map {}", inner.0, map.0),
            "this host has no maps of maps",
        );
        Err(HostError::Unsupported { what, why: why.to_owned() })
    }

    /// Takes all finished records out of a ring buffer, oldest first; gives how many there were.
    fn drain(&mut self, map: MapId, record: &mut dyn FnMut(&[u8])) -> Result<usize, HostError>;

    /// The types that it publishes of itself and its modules: what programs are made to fit (CO-RE).
    fn kernel_types(&mut self) -> Result<Target, HostError>;

    /// Verifies and loads a program whose maps, by index, are these.
    fn load(
        &mut self,
        program: &Program,
        maps: &[MapId],
        options: &LoadOptions,
    ) -> Result<(ProgId, LoadInfo), HostError>;

    /// Runs a program on test input (`BPF_PROG_TEST_RUN`).
    fn test_run(&mut self, prog: ProgId, run: &TestRun<'_>) -> Result<TestResult, HostError>;
}
