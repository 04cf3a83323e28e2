//! The packet and what the stack knows of it, for traffic control: VLAN tags, room at its ends, type, flow hash.
//!
//! A VLAN tag is first kept beside the packet (`vlan_present`), as devices hand it over; a second one makes the first
//! go into the packet.
//! Source: `bpf_skb_change_head`, `bpf_skb_change_tail`, `bpf_skb_change_type` of net/core/filter.c, `skb_vlan_push`,
//! `skb_vlan_pop` of net/core/skbuff.c, include/linux/if_vlan.h, Linux 6.18.

use skep_abi::Errno;
use skep_vm::{Call, RunContext};

use super::{HASH, PROTOCOL, follow_length, skb_field, status};
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

functions! {
    SkbVlanPush = "bpf_skb_vlan_push", call => {
        let (protocol, tag) = (u16::from_be(call.arg(1) as u16), call.arg(2) as u16);
        status(vlan_push(call.context(), protocol, tag))
    };
    SkbVlanPop = "bpf_skb_vlan_pop", call => status(vlan_pop(call.context()));
    SkbChangeType = "bpf_skb_change_type", call => {
        let new = call.arg(1) as u32;
        let context = call.context();
        if new > PACKET_OTHERHOST || context.get(PKT_TYPE) > u64::from(PACKET_OTHERHOST) {
            Errno::EINVAL.negated() as u64
        } else {
            context.set(PKT_TYPE, u64::from(new));
            0
        }
    };
    SkbChangeHead = "bpf_skb_change_head", call => {
        let (room, flags) = (call.arg(1) as u32, call.arg(2));
        status(change_head(call.context(), room, flags))
    };
    SkbChangeTail = "bpf_skb_change_tail", call => {
        let (len, flags) = (call.arg(1) as u32, call.arg(2));
        status(change_tail(call.context(), len, flags))
    };
    GetHashRecalc = "bpf_get_hash_recalc", call => hash(call);
    SetHashInvalid = "bpf_set_hash_invalid", call => {
        call.context().set(HASH, 0);
        0
    };
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
