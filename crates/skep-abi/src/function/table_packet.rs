//! Functions on the packet in the context: its bytes, checksums, headers, marks, and where it goes.
//! Source: net/core/filter.c, Linux 6.18.

use super::Arg::{Anything, Context};
use super::Effect::*;
use super::Ret::*;
use super::arg::*;
use super::functions;
use super::programs::*;

functions! {
    ROWS:
    9 skb_store_bytes(Context, Anything, read(3), SIZE, Anything) -> Integer [MovesPacket] TC_XMIT_SKB 4 . 1
        "write into the packet; flags may ask to update its checksum";
    10 l3_csum_replace(Context, Anything, Anything, Anything, Anything) -> Integer [MovesPacket] TC_XMIT 4 . 1
        "update the IP checksum at an offset for a changed field";
    11 l4_csum_replace(Context, Anything, Anything, Anything, Anything) -> Integer [MovesPacket] TC_XMIT 4 . 1
        "update the TCP or UDP checksum at an offset for a changed field";
    13 clone_redirect(Context, Anything, Anything) -> Integer [MovesPacket Redirects] TC_XMIT 4 . 2
        "send a copy of the packet to another device";
    18 skb_vlan_push(Context, Anything, Anything) -> Integer [MovesPacket] TC 4 . 3
        "add a VLAN tag";
    19 skb_vlan_pop(Context) -> Integer [MovesPacket] TC 4 . 3
        "remove the VLAN tag";
    20 skb_get_tunnel_key(Context, write(2), SIZE, Anything) -> Integer [Reads] TC_XMIT 4 . 3
        "what is known of the tunnel the packet came through";
    21 skb_set_tunnel_key(Context, read(2), SIZE, Anything) -> Integer [] TC_XMIT 4 . 3
        "say which tunnel the packet is to go through";
    23 redirect(Anything, Anything) -> Integer [Redirects] TC_XMIT_XDP 4 . 4
        "send the packet to another device; returns the verdict to return";
    24 get_route_realm(Context) -> Integer [Reads] TC_LWT 4 . 4
        "the realm of the packet's route";
    26 skb_load_bytes(Context, Anything, write(3), SIZE) -> Integer [Reads] SKB 4 . 5
        "copy bytes out of the packet";
    28 csum_diff(read_or_null(1), SIZE0, read_or_null(3), SIZE0, Anything) -> Integer [PacketMemory Reads] TC_LWT_XDP 4 . 6
        "the difference that replacing one buffer by another makes to a checksum";
    29 skb_get_tunnel_opt(Context, write(2), SIZE) -> Integer [Reads] TC_XMIT 4 . 6
        "the tunnel's options";
    30 skb_set_tunnel_opt(Context, read(2), SIZE) -> Integer [] TC_XMIT 4 . 6
        "options for the tunnel";
    31 skb_change_proto(Context, Anything, Anything) -> Integer [MovesPacket] TC 4 . 8
        "turn IPv4 into IPv6 or back; the headers are the program's to fill";
    32 skb_change_type(Context, Anything) -> Integer [] TC 4 . 8
        "change the packet's type";
    33 skb_under_cgroup(Context, CGROUPS, Anything) -> Integer [Reads] TC_LWT 4 . 8
        "whether the packet's socket is in the cgroup at this index, or below it";
    34 get_hash_recalc(Context) -> Integer [] TC_LWT 4 . 8
        "the flow hash";
    38 skb_change_tail(Context, Anything, Anything) -> Integer [MovesPacket] TC_XMIT_SKB 4 . 9
        "grow or shrink the packet at its end";
    39 skb_pull_data(Context, Anything) -> Integer [MovesPacket] TC_LWT_SKB 4 . 9
        "make so many bytes of the packet directly accessible";
    40 csum_update(Context, Anything) -> Integer [] TC_XMIT 4 . 9
        "add to the packet's checksum";
    41 set_hash_invalid(Context) -> Integer [] TC_XMIT 4 . 9
        "have the flow hash computed again";
    43 skb_change_head(Context, Anything, Anything) -> Integer [MovesPacket] TC_XMIT_SKB 4 . 10
        "add room before the packet";
    44 xdp_adjust_head(Context, Anything) -> Integer [MovesPacket] XDP 4 . 10
        "move the packet's start";
    48 set_hash(Context, Anything) -> Integer [] TC 4 . 13
        "set the flow hash";
    50 skb_adjust_room(Context, Anything, Anything, Anything) -> Integer [MovesPacket] TC_SK_SKB 4 . 13
        "add or remove room after the MAC or network header";
    51 redirect_map(REDIRECTS, Anything, Anything) -> Integer [Redirects] XDP 4 . 14
        "send the packet to the map's entry at this index; returns the verdict to return";
    54 xdp_adjust_meta(Context, Anything) -> Integer [MovesPacket] XDP 4 . 15
        "move the metadata's start";
    65 xdp_adjust_tail(Context, Anything) -> Integer [MovesPacket] XDP 4 . 18
        "move the packet's end";
    66 skb_get_xfrm_state(Context, Anything, write(3), SIZE, Anything) -> Integer [Reads] TC 4 . 18
        "the packet's IPsec state at this index";
    68 skb_load_bytes_relative(Context, Anything, write(3), SIZE, Anything) -> Integer [Reads] RELATIVE 4 . 18
        "copy bytes out of the packet, counted from its MAC or network header";
    69 fib_lookup(Context, update(2), SIZE, Anything) -> Integer [Gpl Reads] TC_XDP 4 . 18
        "look a route up; the parameters hold the answer afterwards";
    73 lwt_push_encap(Context, Anything, read(3), SIZE) -> Integer [MovesPacket] LWT_PUSH 4 . 18
        "put an outer header before the packet";
    74 lwt_seg6_store_bytes(Context, Anything, read(3), SIZE) -> Integer [MovesPacket] SEG6 4 . 18
        "write into the segment routing header";
    75 lwt_seg6_adjust_srh(Context, Anything, Anything) -> Integer [MovesPacket] SEG6 4 . 18
        "grow or shrink the segment routing header";
    76 lwt_seg6_action(Context, Anything, read(3), SIZE) -> Integer [MovesPacket] SEG6 4 . 18
        "do an action of segment routing";
    79 skb_cgroup_id(Context) -> Integer [Reads] SKB_CGROUP 4 . 18
        "the number of the cgroup of the packet's socket";
    83 skb_ancestor_cgroup_id(Context, Anything) -> Integer [Reads] SKB_CGROUP 4 . 19
        "the number of its ancestor at this level";
    97 skb_ecn_set_ce(Context) -> Integer [] SKB_CGROUP 5 . 1
        "mark that the packet met congestion";
    135 csum_level(Context, Anything) -> Integer [] TC_XMIT 5 . 8
        "how many of the packet's checksums are known to be right";
    151 skb_cgroup_classid(Context) -> Integer [Reads] TC 5 . 10
        "the net_cls class of the packet's socket, not of the running task";
    152 redirect_neigh(Anything, read_or_null(2), SIZE0, Anything) -> Integer [Redirects] TC 5 . 10
        "send the packet to another device, with the addresses of the next hop filled in";
    155 redirect_peer(Anything, Anything) -> Integer [Redirects] TC 5 . 10
        "hand the packet to the peer of a device in another namespace";
    163 check_mtu(Context, Anything, INT, Anything, Anything) -> Integer [Gpl Reads] TC_XDP 5 . 12
        "whether the packet, changed by so many bytes, fits a device's MTU, which is written";
    188 xdp_get_buff_len(Context) -> Integer [Reads] XDP 5 . 18
        "the packet's length, fragments included";
    189 xdp_load_bytes(Context, Anything, write(3), SIZE) -> Integer [FillsOnSuccess Reads] XDP 5 . 18
        "copy bytes out of the packet";
    190 xdp_store_bytes(Context, Anything, read(3), SIZE) -> Integer [] XDP 5 . 18
        "copy bytes into the packet";
    192 skb_set_tstamp(Context, Anything, Anything) -> Integer [] TC 5 . 18
        "set the packet's time stamp";
}
