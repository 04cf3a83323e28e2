//! The packet and what the stack knows of it, for traffic control: VLAN tags, room at its ends, type, flow hash.
//!
//! A VLAN tag is first kept beside the packet (`vlan_present`), as devices hand it over; a second one makes the first
//! go into the packet.
//! Source: `bpf_skb_change_head`, `bpf_skb_change_tail`, `bpf_skb_change_type` of net/core/filter.c, `skb_vlan_push`,
//! `skb_vlan_pop` of net/core/skbuff.c, include/linux/if_vlan.h, Linux 6.18.

use skep_abi::Errno;
use skep_vm::{Call, Context, RunContext};

use super::{HASH, PROTOCOL, follow_length, skb_field};
use crate::ethernet::{self, ADDRESSES, HEADER, PACKET_OTHERHOST, VLAN_TAG};
use crate::flow;
use crate::world::UserWorld;

const PKT_TYPE: usize = skb_field("pkt_type");
const VLAN_PRESENT: usize = skb_field("vlan_present");
const VLAN_TCI: usize = skb_field("vlan_tci");
const VLAN_PROTO: usize = skb_field("vlan_proto");
const GSO_SEGS: usize = skb_field("gso_segs");
const GSO_SIZE: usize = skb_field("gso_size");

/// What a packet may grow to, in bytes (`BPF_SKB_MAX_LEN` with pages of 4096 bytes).
const LEN_MAX: usize = 4 * 4096 - 320;

skep_vm::functions! {
    /// Adds the functions of this file.
    pub(super) fn add_to for UserWorld;

    fn bpf_skb_vlan_push(call, context: Context, protocol: u16, tag: u16) -> Result<(), Errno> {
        vlan_push(call.context(), u16::from_be(protocol), tag)
    }

    fn bpf_skb_vlan_pop(call, context: Context) -> Result<(), Errno> {
        vlan_pop(call.context())
    }

    fn bpf_skb_change_type(call, context: Context, new: u32) -> Result<(), Errno> {
        let context = call.context();
        if new > PACKET_OTHERHOST || context.get(PKT_TYPE) > u64::from(PACKET_OTHERHOST) {
            return Err(Errno::EINVAL);
        }
        context.set(PKT_TYPE, u64::from(new));
        Ok(())
    }

    fn bpf_skb_change_head(call, context: Context, room: u32, flags: u64) -> Result<(), Errno> {
        change_head(call.context(), room, flags)
    }

    fn bpf_skb_change_tail(call, context: Context, len: u32, flags: u64) -> Result<(), Errno> {
        change_tail(call.context(), len, flags)
    }

    fn bpf_get_hash_recalc(call, context: Context) -> u64 {
        hash(call)
    }

    fn bpf_set_hash_invalid(call, context: Context) -> u64 {
        call.context().set(HASH, 0);
        0
    }
}

/// The protocol of the packet behind its link layer header.
fn protocol(context: &RunContext) -> u16 {
    u16::from_be(context.get(PROTOCOL) as u16)
}

fn set_protocol(context: &mut RunContext, protocol: u16) {
    context.set(PROTOCOL, u64::from(protocol.to_be()));
}

/// Sets the tag beside the packet.
fn set_tag(context: &mut RunContext, tag: Option<(u16, u16)>) {
    let (protocol, control) = tag.unwrap_or_default();
    context.set(VLAN_PRESENT, u64::from(tag.is_some()));
    context.set(VLAN_PROTO, u64::from(protocol.to_be()));
    context.set(VLAN_TCI, u64::from(control));
}

fn vlan_push(context: &mut RunContext, tag_protocol: u16, control: u16) -> Result<(), Errno> {
    let tag_protocol = if ethernet::is_vlan(tag_protocol) { tag_protocol } else { ethernet::VLAN };
    if context.get(VLAN_PRESENT) != 0 {
        let outer = u16::from_be(context.get(VLAN_PROTO) as u16);
        let bytes = [outer.to_be_bytes(), (context.get(VLAN_TCI) as u16).to_be_bytes()].concat();
        let packet = context.packet_mut();
        let network = packet.network_header();
        packet.insert(ADDRESSES, VLAN_TAG)?;
        packet.data_mut()[ADDRESSES..ADDRESSES + VLAN_TAG].copy_from_slice(&bytes);
        packet.set_network_header(network.max(0) as usize);
        set_protocol(context, outer);
        follow_length(context);
    }
    set_tag(context, Some((tag_protocol, control)));
    Ok(())
}

fn vlan_pop(context: &mut RunContext) -> Result<(), Errno> {
    if context.get(VLAN_PRESENT) != 0 {
        set_tag(context, None);
    } else if ethernet::is_vlan(protocol(context)) {
        take_tag(context)?;
    }
    // The next tag takes the place beside the packet.
    let next = protocol(context);
    if ethernet::is_vlan(next) {
        let control = take_tag(context)?;
        set_tag(context, Some((next, control)));
    }
    Ok(())
}

/// Takes the outermost tag out of the packet: its control information.
fn take_tag(context: &mut RunContext) -> Result<u16, Errno> {
    let packet = context.packet_mut();
    let (tag, payload) = match packet.data().split_at_checked(HEADER + VLAN_TAG) {
        Some((headers, payload)) => (&headers[HEADER..], payload),
        None => return Err(Errno::ENOMEM),
    };
    let control = u16::from_be_bytes([tag[0], tag[1]]);
    let inner = ethernet::announced([tag[2], tag[3]], payload);
    let network = packet.network_header() - VLAN_TAG as isize;
    packet.remove(ADDRESSES, VLAN_TAG)?;
    packet.set_network_header(network.max(HEADER as isize) as usize);
    set_protocol(context, inner);
    follow_length(context);
    Ok(control)
}

fn change_head(context: &mut RunContext, room: u32, flags: u64) -> Result<(), Errno> {
    let segmented = context.get(GSO_SIZE) != 0;
    let packet = context.packet_mut();
    let len = packet.len() + room as usize;
    if flags != 0 || len > u32::MAX as usize || len > LEN_MAX && !segmented {
        return Err(Errno::EINVAL);
    }
    let network = packet.network_header() + room as isize;
    packet.insert(0, room as usize).map_err(|_| Errno::ENOMEM)?;
    packet.set_network_header(network.max(0) as usize);
    follow_length(context);
    Ok(())
}

fn change_tail(context: &mut RunContext, len: u32, flags: u64) -> Result<(), Errno> {
    let packet = context.packet_mut();
    let len = len as usize;
    if flags != 0 || len > LEN_MAX || (len as isize) < packet.network_header() {
        return Err(Errno::EINVAL);
    }
    packet.resize(len)?;
    follow_length(context);
    if context.get(GSO_SIZE) != 0 {
        context.set(GSO_SIZE, 0);
        context.set(GSO_SEGS, 0);
    }
    Ok(())
}

/// The flow hash: as it was computed before, unless it was invalidated since.
fn hash(call: &mut Call<'_, UserWorld>) -> u64 {
    let secret = call.world().secret;
    let context = call.context();
    if context.get(HASH) == 0 {
        let packet = context.packet();
        let start = packet.network_header().max(0) as usize;
        let hash = flow::hash(protocol(context), packet.data().get(start..).unwrap_or_default(), secret);
        context.set(HASH, u64::from(hash));
    }
    context.get(HASH)
}

#[cfg(test)]
mod tests {
    use skep_abi::ProgType;
    use skep_vm::Packet;

    use super::super::LEN;
    use super::*;

    /// A packet of traffic control: addresses, these bytes, and some payload.
    fn context(headers: &[u8]) -> RunContext {
        let bytes = [&[1; ADDRESSES][..], headers, &[0x45; 30]].concat();
        let protocol = ethernet::protocol(&bytes).expect("a header");
        let mut packet = Packet::with_room(&bytes, 64, 0);
        packet.set_network_header(HEADER);
        let mut context = RunContext::new(ProgType::SchedCls, packet);
        set_protocol(&mut context, protocol);
        follow_length(&mut context);
        context
    }

    /// Protocol, tag beside the packet, and what follows the addresses in it.
    fn state(context: &RunContext, len: usize) -> (u16, Option<(u16, u64)>, Vec<u8>) {
        let tag = (u16::from_be(context.get(VLAN_PROTO) as u16), context.get(VLAN_TCI));
        let tag = (context.get(VLAN_PRESENT) != 0).then_some(tag);
        (protocol(context), tag, context.packet().data()[ADDRESSES..][..len].to_vec())
    }

    #[test]
    fn a_second_tag_pushes_the_first_into_the_packet() {
        let mut context = context(&[8, 0]);
        vlan_push(&mut context, 0x8100, 7).expect("room");
        assert_eq!(state(&context, 2), (0x0800, Some((0x8100, 7)), vec![8, 0]));
        vlan_push(&mut context, 0x88a8, 9).expect("room");
        assert_eq!(state(&context, 6), (0x8100, Some((0x88a8, 9)), vec![0x81, 0, 0, 7, 8, 0]));
        assert_eq!((context.get(LEN), context.packet().network_header()), (48, 14));
        vlan_pop(&mut context).expect("a tag");
        assert_eq!(state(&context, 2), (0x0800, Some((0x8100, 7)), vec![8, 0]));
        vlan_pop(&mut context).expect("a tag");
        vlan_pop(&mut context).expect("nothing to take is no error");
        assert_eq!(state(&context, 2), (0x0800, None, vec![8, 0]));
        assert_eq!((context.get(LEN), context.packet().network_header()), (44, 14));
    }

    #[test]
    fn tags_in_the_packet_are_popped_one_by_one() {
        let mut context = context(&[0x88, 0xa8, 0, 3, 0x81, 0, 0x20, 5, 8, 0]);
        vlan_pop(&mut context).expect("a tag");
        assert_eq!(state(&context, 2), (0x0800, Some((0x8100, 0x2005)), vec![8, 0]));
        vlan_pop(&mut context).expect("a tag");
        assert_eq!(state(&context, 2), (0x0800, None, vec![8, 0]));
    }

    #[test]
    fn a_tag_that_is_cut_off_stays() {
        let mut context = context(&[0x81, 0]);
        context.packet_mut().resize(17).expect("shorter");
        assert_eq!(vlan_pop(&mut context), Err(Errno::ENOMEM));
        assert_eq!(context.packet().len(), 17);
    }

    #[test]
    fn both_ends_move_within_limits() {
        let mut context = context(&[8, 0]);
        assert_eq!(change_head(&mut context, 1, 1), Err(Errno::EINVAL));
        assert_eq!(change_head(&mut context, u32::MAX, 0), Err(Errno::EINVAL));
        assert_eq!(change_head(&mut context, (LEN_MAX - 43) as u32, 0), Err(Errno::EINVAL));
        // More than there is room for before the packet.
        change_head(&mut context, 100, 0).expect("room");
        assert_eq!((context.get(LEN), context.packet().network_header()), (144, 114));
        assert_eq!((context.packet().data()[99], context.packet().data()[100]), (0, 1));
        assert_eq!(change_tail(&mut context, 113, 0), Err(Errno::EINVAL));
        assert_eq!(change_tail(&mut context, (LEN_MAX + 1) as u32, 0), Err(Errno::EINVAL));
        change_tail(&mut context, 200, 0).expect("room");
        assert_eq!((context.get(LEN), context.packet().data()[199]), (200, 0));
        change_tail(&mut context, 114, 0).expect("shorter");
        assert_eq!(context.get(LEN), 114);
    }
}
