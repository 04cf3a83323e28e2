//! Bytes of packets that socket filters and traffic control see, and where packets go.
//!
//! Source: `bpf_skb_load_bytes`, `bpf_skb_load_bytes_relative`, `bpf_skb_store_bytes`, `bpf_skb_pull_data`,
//! `bpf_redirect`, `bpf_xdp_redirect` of net/core/filter.c, Linux 6.18.

use skep_abi::{Errno, ProgType};
use skep_vm::{Call, Context, Input, Output, Packet};

use super::HASH;
use crate::world::{Redirect, UserWorld};

/// `BPF_F_RECOMPUTE_CSUM`: update the checksum that the device computed. Packets of test runs have none, so there is
/// nothing to do.
const RECOMPUTE_CHECKSUM: u64 = 1;
/// `BPF_F_INVALIDATE_HASH`: forget the flow hash.
const INVALIDATE_HASH: u64 = 2;
/// Offsets from headers go this far.
const OFFSET_MAX: u32 = 0xffff;
/// `BPF_HDR_START_MAC`
const FROM_MAC: u32 = 0;
/// `BPF_HDR_START_NET`
const FROM_NETWORK: u32 = 1;
/// `BPF_F_INGRESS`: let the device receive the packet.
const INGRESS: u64 = 1;
const XDP_ABORTED: u64 = 0;
const XDP_REDIRECT: u64 = 4;
const TC_ACT_SHOT: u64 = 2;
const TC_ACT_REDIRECT: u64 = 7;

skep_vm::functions! {
    /// Adds the functions of this file.
    pub(super) fn add_to for UserWorld;

    fn bpf_skb_load_bytes(call, context: Context, offset: u32, to: Output, len: u32) -> Result<(), Errno> {
        let found = bytes_at(call.context().packet(), offset, len).map(<[u8]>::to_vec);
        hand_over(call, to, found)
    }

    fn bpf_skb_load_bytes_relative(
        call, context: Context, offset: u32, to: Output, len: u32, header: u32
    ) -> Result<(), Errno> {
        let found = bytes_behind_header(call.context().packet_mut(), header, offset, len);
        hand_over(call, to, found)
    }

    fn bpf_skb_store_bytes(
        call, context: Context, offset: u32, from: Input, len: u32, flags: u64
    ) -> Result<(), Errno> {
        store(call, offset, from, flags)
    }

    /// All of a packet is accessible at once, so what is left is the check.
    fn bpf_skb_pull_data(call, context: Context, len: u32) -> Result<(), Errno> {
        if len as usize > call.context().packet().len() { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    fn bpf_redirect(call, ifindex: u32, flags: u64) -> u64 {
        redirect(call, ifindex, flags)
    }
}

/// These bytes of the packet, if it has them.
fn bytes_at(packet: &Packet, offset: u32, len: u32) -> Option<&[u8]> {
    packet.data().get(offset as usize..)?.get(..len as usize)
}

/// These bytes of the packet, counted from one of its headers.
fn bytes_behind_header(packet: &mut Packet, header: u32, offset: u32, len: u32) -> Option<Vec<u8>> {
    let start = match header {
        FROM_MAC => packet.mac_header(),
        FROM_NETWORK => packet.network_header(),
        _ => return None,
    };
    if offset > OFFSET_MAX {
        return None;
    }
    let at = start + offset as isize;
    if let Ok(at) = u32::try_from(at) {
        return bytes_at(packet, at, len).map(<[u8]>::to_vec);
    }
    // The link layer's header was pulled off: put it back to look at it. The network header stays where it is.
    let before = start.unsigned_abs();
    packet.push(before).ok()?;
    let bytes = bytes_at(packet, offset, len).map(<[u8]>::to_vec);
    packet.pull(before).ok()?;
    bytes
}

/// Fills memory with what was found, or else with zeroes.
fn hand_over(call: &mut Call<'_, UserWorld>, to: Output, found: Option<Vec<u8>>) -> Result<(), Errno> {
    let mut to = call.bytes_mut(to);
    match found {
        Some(bytes) if bytes.len() == to.len() => {
            to.copy_from_slice(&bytes);
            Ok(())
        }
        _ => {
            to.fill(0);
            Err(Errno::EFAULT)
        }
    }
}

fn store(call: &mut Call<'_, UserWorld>, offset: u32, from: Input, flags: u64) -> Result<(), Errno> {
    if flags & !(RECOMPUTE_CHECKSUM | INVALIDATE_HASH) != 0 {
        return Err(Errno::EINVAL);
    }
    let from = call.bytes(from).into_owned();
    let context = call.context();
    let place = context.packet_mut().data_mut().get_mut(offset as usize..).ok_or(Errno::EFAULT)?;
    place.get_mut(..from.len()).ok_or(Errno::EFAULT)?.copy_from_slice(&from);
    if flags & INVALIDATE_HASH != 0 {
        context.set(HASH, 0);
    }
    Ok(())
}

/// Remembers where to; returns the verdict that the program is to return.
fn redirect(call: &mut Call<'_, UserWorld>, ifindex: u32, flags: u64) -> u64 {
    let (known, accepted, refused) = match call.context().prog_type() {
        ProgType::Xdp => (0, XDP_REDIRECT, XDP_ABORTED),
        _ => (INGRESS, TC_ACT_REDIRECT, TC_ACT_SHOT),
    };
    if flags & !known != 0 {
        return refused;
    }
    call.world().redirect = Some(Redirect { ifindex, flags });
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_from_both_headers() {
        let frame: Vec<u8> = (0..40).collect();
        let mut packet = Packet::with_room(&frame, 64, 0);
        packet.set_network_header(14);
        let mut pulled = Packet::with_room(&frame, 64, 0);
        pulled.pull(14).expect("a header");
        for packet in [&mut packet, &mut pulled] {
            let before = packet.clone();
            let mut at = |header, offset, len| bytes_behind_header(packet, header, offset, len);
            assert_eq!(at(FROM_MAC, 12, 4), Some(vec![12, 13, 14, 15]));
            assert_eq!(at(FROM_NETWORK, 0, 2), Some(vec![14, 15]));
            assert_eq!(at(FROM_NETWORK, 24, 2), Some(vec![38, 39]));
            assert_eq!(at(FROM_NETWORK, 25, 2), None);
            assert_eq!(at(FROM_MAC, 39, 2), None);
            assert_eq!(at(FROM_MAC, OFFSET_MAX + 1, 1), None);
            assert_eq!(at(2, 0, 1), None);
            assert_eq!(packet.data(), before.data());
            assert_eq!(packet.network_header(), before.network_header());
        }
    }

    #[test]
    fn bytes_beyond_the_end_are_not_found() {
        let packet = Packet::with_room(&[1, 2, 3], 0, 8);
        assert_eq!(bytes_at(&packet, 1, 2), Some(&[2, 3][..]));
        assert_eq!(bytes_at(&packet, 2, 2), None);
        assert_eq!(bytes_at(&packet, u32::MAX, u32::MAX), None);
    }
}
