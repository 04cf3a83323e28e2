//! XDP packets: where they start and end, and their bytes beyond the first buffer.
//!
//! Source: `bpf_xdp_adjust_head`, `bpf_xdp_adjust_meta`, `bpf_xdp_adjust_tail`, `bpf_xdp_pointer` and
//! `bpf_xdp_copy_buf` of net/core/filter.c, Linux 6.18.

use skep_abi::Errno;
use skep_vm::{Call, Context, Input, Output};

use crate::ethernet;
use crate::world::UserWorld;

/// Offsets and lengths go this far.
const OFFSET_MAX: u32 = 0xffff;

skep_vm::functions! {
    /// Adds the functions of this file.
    pub(super) fn add_to for UserWorld;

    fn bpf_xdp_adjust_head(call, context: Context, delta: i32) -> Result<(), Errno> {
        call.context().packet_mut().adjust_head(delta)
    }

    fn bpf_xdp_adjust_meta(call, context: Context, delta: i32) -> Result<(), Errno> {
        call.context().packet_mut().adjust_meta(delta)
    }

    fn bpf_xdp_adjust_tail(call, context: Context, delta: i32) -> Result<(), Errno> {
        adjust_tail(call, delta)
    }

    fn bpf_xdp_get_buff_len(call, context: Context) -> u64 {
        whole_len(call) as u64
    }

    fn bpf_xdp_load_bytes(call, context: Context, offset: u32, to: Output, len: u32) -> Result<(), Errno> {
        let (offset, len) = range(call, offset, len)?;
        load(call, offset, len, to);
        Ok(())
    }

    fn bpf_xdp_store_bytes(call, context: Context, offset: u32, from: Input, len: u32) -> Result<(), Errno> {
        let (offset, _) = range(call, offset, len)?;
        store(call, offset, from);
        Ok(())
    }
}

/// Bytes of the packet, fragments included.
fn whole_len(call: &mut Call<'_, UserWorld>) -> usize {
    call.world().fragments.len() + call.context().packet().len()
}

fn adjust_tail(call: &mut Call<'_, UserWorld>, delta: i32) -> Result<(), Errno> {
    if call.world().fragments.is_empty() {
        return call.context().packet_mut().adjust_tail(delta);
    }
    if delta >= 0 {
        return call.world().fragments.grow(delta as usize);
    }
    // As on Linux, the smallest number has no positive counterpart: it passes the check and takes nothing off.
    let count = delta.wrapping_neg();
    if i64::from(count) + ethernet::HEADER as i64 > whole_len(call) as i64 {
        return Err(Errno::EINVAL);
    }
    let left = call.world().fragments.shrink(usize::try_from(count).unwrap_or(0));
    let packet = call.context().packet_mut();
    packet.resize(packet.len().saturating_sub(left))
}

/// Offset and length of a copy, if the packet has these bytes.
fn range(call: &mut Call<'_, UserWorld>, offset: u32, len: u32) -> Result<(usize, usize), Errno> {
    if offset > OFFSET_MAX || len > OFFSET_MAX {
        return Err(Errno::EFAULT);
    }
    let (offset, len) = (offset as usize, len as usize);
    if offset + len > whole_len(call) {
        return Err(Errno::EINVAL);
    }
    Ok((offset, len))
}

/// Copies bytes of the packet, which has them.
fn load(call: &mut Call<'_, UserWorld>, offset: usize, len: usize, to: Output) {
    let mut bytes: Vec<u8> = call.context().packet().data().iter().skip(offset).take(len).copied().collect();
    let linear = call.context().packet().len();
    let rest = len - bytes.len();
    bytes.extend(call.world().fragments.bytes().skip(offset.saturating_sub(linear)).take(rest));
    let mut to = call.bytes_mut(to);
    if let Some(to) = to.get_mut(..bytes.len()) {
        to.copy_from_slice(&bytes);
    }
}

/// Copies bytes into the packet, which has room for them there.
fn store(call: &mut Call<'_, UserWorld>, offset: usize, from: Input) {
    let from = call.bytes(from).into_owned();
    let mut from = from.iter();
    let linear = call.context().packet().len();
    for (to, byte) in call.context().packet_mut().data_mut().iter_mut().skip(offset).zip(from.by_ref()) {
        *to = *byte;
    }
    let behind = call.world().fragments.bytes_mut().skip(offset.saturating_sub(linear));
    for (to, byte) in behind.zip(from) {
        *to = *byte;
    }
}
