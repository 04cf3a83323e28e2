//! A BPF kernel in the process: [`UserHost`], the host that needs no privilege, no kernel and no machine of its own.
//!
//! It keeps maps and programs by ids, verifies and compiles programs, and runs them on test input as Linux's
//! `BPF_PROG_TEST_RUN` does: same results, same error numbers, as tests against the running kernel show. It is
//! deterministic: time is a virtual clock ([`CLOCK_START_NS`], [`CLOCK_STEP_NS`]), chance comes from a seed
//! ([`UserConfig`]), and nothing outside is asked for anything.
//!
//! | file | is |
//! |---|---|
//! | host.rs, objects.rs | maps and programs, the contract of hosts |
//! | types.rs | the BTF that it publishes |
//! | test_run.rs | a program on a packet |
//! | trial.rs | what a refused program is tried on |
//! | world.rs | what programs run in |
//! | functions/, support.rs | what programs call: time, trace, packet, checksum, xdp, skb; which of the table that is |
//! | checksum.rs, clock.rs, ethernet.rs, flow.rs, fragments.rs, print.rs, random.rs, trace.rs | what those need |
//!
//! ```
//! use skep_abi::{MapDef, MapFlags, MapType};
//! use skep_host::Host;
//! use skep_obj::{MapInit, MapSpec, Pinning};
//! use skep_user::{UserConfig, UserHost};
//!
//! let mut host = UserHost::new(UserConfig { cpus: 2, seed: 7 });
//! let def =
//!     MapDef { map_type: MapType::Hash, key_size: 4, value_size: 8, max_entries: 64, flags: MapFlags(0) };
//! let spec = MapSpec {
//!     name: "counts".into(),
//!     def,
//!     key_type: None,
//!     value_type: None,
//!     pinning: Pinning::None,
//!     inner: None,
//!     extra: 0,
//!     numa_node: None,
//!     init: MapInit::Empty,
//! };
//! let counts = host.create_map(&spec, None)?;
//! host.update(counts, &[192, 0, 2, 1], &1_u64.to_ne_bytes(), 0)?;
//! assert_eq!(host.next_key(counts, None)?, Some(vec![192, 0, 2, 1]));
//! // Programs come from an assembler or an ELF file: `skep_obj::Object`, `skep_host::Loaded`.
//! # Ok::<(), skep_host::HostError>(())
//! ```
//!
//! It has no devices but a loopback that nothing goes through, no sockets, no pins and no privileges, and it never
//! touches Linux's BPF.
#![deny(unsafe_code)]

mod checksum;
mod clock;
mod ethernet;
mod flow;
mod fragments;
mod functions;
mod host;
mod objects;
mod print;
mod random;
mod support;
mod test_run;
mod trace;
mod trial;
mod types;
mod world;

pub use clock::{CLOCK_START_NS, CLOCK_STEP_NS, TAI_OFFSET_NS, TICKS_PER_SECOND, WALL_AT_BOOT_NS};
pub use host::{UserConfig, UserHost};
pub use support::Support;
pub use test_run::MEMORY_MAX;
pub use trace::{TRACE_LINES_MAX, Trace, TraceLine};
pub use trial::{TRIAL_DATA_MAX, TrialInput};
pub use world::{Redirect, UserWorld};
