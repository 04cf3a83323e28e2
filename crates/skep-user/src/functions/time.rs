//! Time, chance and place: clocks, random numbers, the NUMA node.
//!
//! The clocks are one virtual clock (clock.rs), which every reading moves on.

use crate::world::NUMA_NODE;

functions! {
    KtimeGetNs = "bpf_ktime_get_ns", call => call.world().clock.read();
    /// Nothing is ever suspended here.
    KtimeGetBootNs = "bpf_ktime_get_boot_ns", call => call.world().clock.read();
    KtimeGetCoarseNs = "bpf_ktime_get_coarse_ns", call => call.world().clock.read_coarse();
    KtimeGetTaiNs = "bpf_ktime_get_tai_ns", call => call.world().clock.read_tai();
    Jiffies64 = "bpf_jiffies64", call => call.world().clock.ticks();
    GetPrandomU32 = "bpf_get_prandom_u32", call => u64::from(call.world().random.next_u32());
    GetNumaNodeId = "bpf_get_numa_node_id", _call => u64::from(NUMA_NODE);
}
