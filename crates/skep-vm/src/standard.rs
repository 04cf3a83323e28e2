//! The functions that need no world: maps, ring buffers, the CPU's number.
//!
//! What each does is in `skep-map`; here stand the calling conventions of Linux: what a helper returns for which error.
//! Sources: kernel/bpf/helpers.c, kernel/bpf/ringbuf.c, Linux 6.18.

use std::ptr::NonNull;

use skep_abi::Errno;
use skep_map::Map;

use crate::call::Call;
use crate::function::{Functions, HostFunction};
use crate::runtime::World;

/// Implements functions as expressions over their call.
macro_rules! functions {
    ($($type:ident = $name:literal, $call:ident => $result:expr;)*) => {
        $(
            struct $type;

            impl<W: World> HostFunction<W> for $type {
                const NAME: &'static str = $name;

                #[inline(always)]
                fn call($call: &mut Call<'_, W>) -> u64 {
                    $result
                }
            }
        )*

        /// Adds all of them.
        pub(crate) fn add_to<W: World>(functions: &mut Functions<W>) {
            $(functions.add::<$type>();)*
        }
    };
}

functions! {
    MapLookupElem = "bpf_map_lookup_elem", call => {
        let cpu = call.world().cpu();
        address(call.map(0).lookup(&call.bytes(1), cpu))
    };
    MapUpdateElem = "bpf_map_update_elem", call => {
        let cpu = call.world().cpu();
        status(call.map(0).update(&call.bytes(1), &call.bytes(2), call.arg(3), cpu))
    };
    MapDeleteElem = "bpf_map_delete_elem", call => status(call.map(0).delete(&call.bytes(1)));
    MapLookupPercpuElem = "bpf_map_lookup_percpu_elem", call => {
        address(call.map(0).lookup(&call.bytes(1), call.arg(2) as u32))
    };
    MapPushElem = "bpf_map_push_elem", call => status(call.map(0).push(&call.bytes(1), call.arg(2)));
    MapPopElem = "bpf_map_pop_elem", call => {
        let map = call.map(0);
        status(map.pop(&mut call.bytes_mut(1)))
    };
    MapPeekElem = "bpf_map_peek_elem", call => {
        let map = call.map(0);
        status(map.peek(&mut call.bytes_mut(1)))
    };
    RingbufOutput = "bpf_ringbuf_output", call => status(call.map(0).output(&call.bytes(1), call.arg(3)));
    RingbufReserve = "bpf_ringbuf_reserve", call => match call.arg(2) {
        0 => address(call.map(0).reserve(call.arg(1))),
        _ => 0,
    };
    RingbufSubmit = "bpf_ringbuf_submit", call => release(call, Map::submit);
    RingbufDiscard = "bpf_ringbuf_discard", call => release(call, Map::discard);
    RingbufQuery = "bpf_ringbuf_query", call => call.map(0).query(call.arg(1));
    GetSmpProcessorId = "bpf_get_smp_processor_id", call => call.world().cpu().into();
}

/// An address for the program, or null.
#[inline(always)]
fn address(found: Option<NonNull<u8>>) -> u64 {
    found.map_or(0, |at| at.as_ptr().expose_provenance() as u64)
}

/// Zero, or a negative error number.
#[inline(always)]
fn status(result: Result<(), Errno>) -> u64 {
    match result {
        Ok(()) => 0,
        Err(errno) => errno.negated() as u64,
    }
}

/// Hands a record back to the ring buffer that it is of.
fn release<W: World>(
    call: &Call<'_, W>,
    release: impl Fn(&Map, NonNull<u8>, u64) -> Result<(), Errno>,
) -> u64 {
    if let Some(record) = NonNull::new(std::ptr::with_exposed_provenance_mut(call.arg(0) as usize)) {
        // Nothing is returned to the program, so a record that no map knows is no error either.
        let _ = call.maps().iter().any(|map| release(map, record, call.arg(1)).is_ok());
    }
    0
}
