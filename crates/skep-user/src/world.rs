//! The place that programs run in: clock, CPU, random numbers, trace log, and what a run leaves behind.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use skep_vm::{Executable, World};

use crate::clock::Clock;
use crate::fragments::Fragments;
use crate::random::{Random, mix};
use crate::trace::TraceLog;

/// The NUMA node that all CPUs are on.
pub(crate) const NUMA_NODE: u32 = 0;

/// Where a program asked for its packet to be sent (`bpf_redirect`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The number of the device.
    pub ifindex: u32,
    /// `BPF_F_INGRESS`, or 0.
    pub flags: u64,
}

/// The place that a host's programs run in: the world of the functions that they call.
#[derive(Default)]
pub struct UserWorld {
    pub(crate) programs: BTreeMap<u32, Arc<Executable<UserWorld>>>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) trace: TraceLog,
    pub(crate) cpu: u32,
    /// What makes flow hashes and printed addresses this host's own.
    pub(crate) secret: u64,
    /// What lies behind the linear part of the XDP packet that is being processed.
    pub(crate) fragments: Fragments,
    pub(crate) redirect: Option<Redirect>,
    /// What the application's own functions work on.
    pub(crate) state: Option<Box<dyn Any + Send>>,
}

impl UserWorld {
    /// A world whose random numbers and hashes come from this seed.
    pub(crate) fn new(seed: u64) -> UserWorld {
        UserWorld { random: Random::new(seed), secret: mix(!seed), ..UserWorld::default() }
    }

    /// What the host was made with for the application's own functions, if it is of this type.
    pub fn state<T: Any>(&mut self) -> Option<&mut T> {
        self.state.as_deref_mut().and_then(|state| state.downcast_mut())
    }

    /// Forgets what the run before left behind.
    pub(crate) fn start_run(&mut self) {
        self.fragments = Fragments::default();
        self.redirect = None;
    }
}

impl World for UserWorld {
    fn program(&self, id: u32) -> Option<Arc<Executable<UserWorld>>> {
        self.programs.get(&id).cloned()
    }

    fn cpu(&self) -> u32 {
        self.cpu
    }
}
