//! The functions that need no world: maps, ring buffers, the CPU's number.
//!
//! What each does is in `skep-map`; here stand the calling conventions of Linux: what a helper returns for which error.
//! Sources: kernel/bpf/helpers.c, kernel/bpf/ringbuf.c, Linux 6.18.

use std::ptr::NonNull;

use skep_abi::Errno;
use skep_map::Map;

use crate::call::Call;
use crate::runtime::World;
use crate::typed::{Address, Input, MapArg, Output, Record};

crate::functions! {
    /// Adds all of them.
    pub(crate) fn add_to for every W;

    fn bpf_map_lookup_elem(call, map: MapArg, key: Input) -> Address {
        let cpu = call.world().cpu();
        Address::new(call.map(map).lookup(&call.bytes(key), cpu))
    }

    fn bpf_map_update_elem(call, map: MapArg, key: Input, value: Input, flags: u64) -> Result<(), Errno> {
        let cpu = call.world().cpu();
        call.map(map).update(&call.bytes(key), &call.bytes(value), flags, cpu)
    }

    fn bpf_map_delete_elem(call, map: MapArg, key: Input) -> Result<(), Errno> {
        call.map(map).delete(&call.bytes(key))
    }

    fn bpf_map_lookup_percpu_elem(call, map: MapArg, key: Input, cpu: u32) -> Address {
        Address::new(call.map(map).lookup(&call.bytes(key), cpu))
    }

    fn bpf_map_push_elem(call, map: MapArg, value: Input, flags: u64) -> Result<(), Errno> {
        call.map(map).push(&call.bytes(value), flags)
    }

    fn bpf_map_pop_elem(call, map: MapArg, value: Output) -> Result<(), Errno> {
        let map = call.map(map);
        map.pop(&mut call.bytes_mut(value))
    }

    fn bpf_map_peek_elem(call, map: MapArg, value: Output) -> Result<(), Errno> {
        let map = call.map(map);
        map.peek(&mut call.bytes_mut(value))
    }

    fn bpf_ringbuf_output(call, ring: MapArg, record: Input, size: u64, flags: u64) -> Result<(), Errno> {
        call.map(ring).output(&call.bytes(record), flags)
    }

    fn bpf_ringbuf_reserve(call, ring: MapArg, size: u64, flags: u64) -> Address {
        Address::new(if flags == 0 { call.map(ring).reserve(size) } else { None })
    }

    fn bpf_ringbuf_submit(call, record: Record, flags: u64) {
        release(call, record, flags, Map::submit);
    }

    fn bpf_ringbuf_discard(call, record: Record, flags: u64) {
        release(call, record, flags, Map::discard);
    }

    fn bpf_ringbuf_query(call, ring: MapArg, flags: u64) -> u64 {
        call.map(ring).query(flags)
    }

    fn bpf_get_smp_processor_id(call) -> u32 {
        call.world().cpu()
    }
}

/// Hands a record back to the ring buffer that it is of.
fn release<W: World>(
    call: &Call<'_, W>,
    Record(record): Record,
    flags: u64,
    release: impl Fn(&Map, NonNull<u8>, u64) -> Result<(), Errno>,
) {
    if let Some(record) = NonNull::new(std::ptr::with_exposed_provenance_mut(record as usize)) {
        // Nothing is returned to the program, so a record that no map knows is no error either.
        let _ = call.maps().iter().any(|map| release(map, record, flags).is_ok());
    }
}
