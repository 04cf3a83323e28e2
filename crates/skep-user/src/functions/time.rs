//! Time, chance and place: clocks, random numbers, the NUMA node.
//!
//! The clocks are one virtual clock (clock.rs), which every reading moves on.

use crate::world::{NUMA_NODE, UserWorld};

skep_vm::functions! {
    /// Adds the functions of this file.
    pub(super) fn add_to for UserWorld;

    fn bpf_ktime_get_ns(call) -> u64 {
        call.world().clock.read()
    }

    /// Nothing is ever suspended here.
    fn bpf_ktime_get_boot_ns(call) -> u64 {
        call.world().clock.read()
    }

    fn bpf_ktime_get_coarse_ns(call) -> u64 {
        call.world().clock.read_coarse()
    }

    fn bpf_ktime_get_tai_ns(call) -> u64 {
        call.world().clock.read_tai()
    }

    fn bpf_jiffies64(call) -> u64 {
        call.world().clock.ticks()
    }

    fn bpf_get_prandom_u32(call) -> u32 {
        call.world().random.next_u32()
    }

    fn bpf_get_numa_node_id(_call) -> u32 {
        NUMA_NODE
    }
}
