//! XDP packets: where they start and end, and their bytes beyond the first buffer.
//!
//! Source: `bpf_xdp_adjust_head`, `bpf_xdp_adjust_meta`, `bpf_xdp_adjust_tail`, `bpf_xdp_pointer` and
//! `bpf_xdp_copy_buf` of net/core/filter.c, Linux 6.18.

use skep_abi::Errno;
use skep_vm::Call;

use super::status;
use crate::ethernet;
use crate::world::UserWorld;

/// Offsets and lengths go this far.
const OFFSET_MAX: u32 = 0xffff;

functions! {
    XdpAdjustHead = "bpf_xdp_adjust_head", call => {
        let delta = call.arg(1) as i32;
        status(call.context().packet_mut().adjust_head(delta))
    };
    XdpAdjustMeta = "bpf_xdp_adjust_meta", call => {
        let delta = call.arg(1) as i32;
        status(call.context().packet_mut().adjust_meta(delta))
    };
    XdpAdjustTail = "bpf_xdp_adjust_tail", call => status(adjust_tail(call));
    XdpGetBuffLen = "bpf_xdp_get_buff_len", call => whole_len(call) as u64;
    XdpLoadBytes = "bpf_xdp_load_bytes", call => status(load(call));
    XdpStoreBytes = "bpf_xdp_store_bytes", call => status(store(call));
}

/// Bytes of the packet, fragments included.
fn whole_len(call: &mut Call<'_, UserWorld>) -> usize {
    call.world().fragments.len() + call.context().packet().len()
}

fn adjust_tail(call: &mut Call<'_, UserWorld>) -> Result<(), Errno> {
    let delta = call.arg(1) as i32;
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
fn range(call: &mut Call<'_, UserWorld>) -> Result<(usize, usize), Errno> {
    let (offset, len) = (call.arg(1) as u32, call.arg(3) as u32);
    if offset > OFFSET_MAX || len > OFFSET_MAX {
        return Err(Errno::EFAULT);
    }
    let (offset, len) = (offset as usize, len as usize);
    if offset + len > whole_len(call) {
        return Err(Errno::EINVAL);
    }
    Ok((offset, len))
}

fn load(call: &mut Call<'_, UserWorld>) -> Result<(), Errno> {
    let (offset, len) = range(call)?;
    let mut bytes: Vec<u8> = call.context().packet().data().iter().skip(offset).take(len).copied().collect();
    let linear = call.context().packet().len();
    let rest = len - bytes.len();
    bytes.extend(call.world().fragments.bytes().skip(offset.saturating_sub(linear)).take(rest));
    let mut to = call.bytes_mut(2);
    if let Some(to) = to.get_mut(..bytes.len()) {
        to.copy_from_slice(&bytes);
    }
    Ok(())
}

fn store(call: &mut Call<'_, UserWorld>) -> Result<(), Errno> {
    let (offset, _) = range(call)?;
    let from = call.bytes(2).into_owned();
    let mut from = from.iter();
    let linear = call.context().packet().len();
    for (to, byte) in call.context().packet_mut().data_mut().iter_mut().skip(offset).zip(from.by_ref()) {
        *to = *byte;
    }
    let behind = call.world().fragments.bytes_mut().skip(offset.saturating_sub(linear));
    for (to, byte) in behind.zip(from) {
        *to = *byte;
    }
    Ok(())
}
