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
    9 "long" bpf_skb_store_bytes(
        "struct __sk_buff *skb": Context, "__u32 offset": Anything, "const void *from": read(3),
        "__u32 len": SIZE, "__u64 flags": Anything
    ) -> Integer [MovesPacket] TC_XMIT_SKB 4 . 1
        "write into the packet; flags may ask to update its checksum";
    10 "long" bpf_l3_csum_replace(
        "struct __sk_buff *skb": Context, "__u32 offset": Anything, "__u64 from": Anything,
        "__u64 to": Anything, "__u64 size": Anything
    ) -> Integer [MovesPacket] TC_XMIT 4 . 1
        "update the IP checksum at an offset for a changed field";
    11 "long" bpf_l4_csum_replace(
        "struct __sk_buff *skb": Context, "__u32 offset": Anything, "__u64 from": Anything,
        "__u64 to": Anything, "__u64 flags": Anything
    ) -> Integer [MovesPacket] TC_XMIT 4 . 1
        "update the TCP or UDP checksum at an offset for a changed field";
    13 "long" bpf_clone_redirect(
        "struct __sk_buff *skb": Context, "__u32 ifindex": Anything, "__u64 flags": Anything
    ) -> Integer [MovesPacket Redirects] TC_XMIT 4 . 2
        "send a copy of the packet to another device";
    18 "long" bpf_skb_vlan_push(
        "struct __sk_buff *skb": Context, "__be16 vlan_proto": Anything, "__u16 vlan_tci": Anything
    ) -> Integer [MovesPacket] TC 4 . 3
        "add a VLAN tag";
    19 "long" bpf_skb_vlan_pop("struct __sk_buff *skb": Context) -> Integer [MovesPacket] TC 4 . 3
        "remove the VLAN tag";
    20 "long" bpf_skb_get_tunnel_key(
        "struct __sk_buff *skb": Context, "struct bpf_tunnel_key *key": write(2), "__u32 size": SIZE,
        "__u64 flags": Anything
    ) -> Integer [Reads] TC_XMIT 4 . 3
        "what is known of the tunnel the packet came through";
    21 "long" bpf_skb_set_tunnel_key(
        "struct __sk_buff *skb": Context, "struct bpf_tunnel_key *key": read(2), "__u32 size": SIZE,
        "__u64 flags": Anything
    ) -> Integer [] TC_XMIT 4 . 3
        "say which tunnel the packet is to go through";
    23 "long" bpf_redirect("__u32 ifindex": Anything, "__u64 flags": Anything) -> Integer
        [Redirects] TC_XMIT_XDP 4 . 4
        "send the packet to another device; returns the verdict to return";
    24 "__u32" bpf_get_route_realm("struct __sk_buff *skb": Context) -> Integer [Reads] TC_LWT 4 . 4
        "the realm of the packet's route";
    26 "long" bpf_skb_load_bytes(
        "const void *skb": Context, "__u32 offset": Anything, "void *to": write(3), "__u32 len": SIZE
    ) -> Integer [Reads] SKB 4 . 5
        "copy bytes out of the packet";
    28 "__s64" bpf_csum_diff(
        "__be32 *from": read_or_null(1), "__u32 from_size": SIZE0, "__be32 *to": read_or_null(3),
        "__u32 to_size": SIZE0, "__wsum seed": Anything
    ) -> Integer [PacketMemory Reads] TC_LWT_XDP 4 . 6
        "the difference that replacing one buffer by another makes to a checksum";
    29 "long" bpf_skb_get_tunnel_opt(
        "struct __sk_buff *skb": Context, "void *opt": write(2), "__u32 size": SIZE
    ) -> Integer [Reads] TC_XMIT 4 . 6
        "the tunnel's options";
    30 "long" bpf_skb_set_tunnel_opt(
        "struct __sk_buff *skb": Context, "void *opt": read(2), "__u32 size": SIZE
    ) -> Integer [] TC_XMIT 4 . 6
        "options for the tunnel";
    31 "long" bpf_skb_change_proto(
        "struct __sk_buff *skb": Context, "__be16 proto": Anything, "__u64 flags": Anything
    ) -> Integer [MovesPacket] TC 4 . 8
        "turn IPv4 into IPv6 or back; the headers are the program's to fill";
    32 "long" bpf_skb_change_type("struct __sk_buff *skb": Context, "__u32 type": Anything) -> Integer
        [] TC 4 . 8
        "change the packet's type";
    33 "long" bpf_skb_under_cgroup(
        "struct __sk_buff *skb": Context, "void *map": CGROUPS, "__u32 index": Anything
    ) -> Integer [Reads] TC_LWT 4 . 8
        "whether the packet's socket is in the cgroup at this index, or below it";
    34 "__u32" bpf_get_hash_recalc("struct __sk_buff *skb": Context) -> Integer [] TC_LWT 4 . 8
        "the flow hash";
    38 "long" bpf_skb_change_tail(
        "struct __sk_buff *skb": Context, "__u32 len": Anything, "__u64 flags": Anything
    ) -> Integer [MovesPacket] TC_XMIT_SKB 4 . 9
        "grow or shrink the packet at its end";
    39 "long" bpf_skb_pull_data("struct __sk_buff *skb": Context, "__u32 len": Anything) -> Integer
        [MovesPacket] TC_LWT_SKB 4 . 9
        "make so many bytes of the packet directly accessible";
    40 "__s64" bpf_csum_update("struct __sk_buff *skb": Context, "__wsum csum": Anything) -> Integer
        [] TC_XMIT 4 . 9
        "add to the packet's checksum";
    41 "void" bpf_set_hash_invalid("struct __sk_buff *skb": Context) -> Integer [] TC_XMIT 4 . 9
        "have the flow hash computed again";
    43 "long" bpf_skb_change_head(
        "struct __sk_buff *skb": Context, "__u32 len": Anything, "__u64 flags": Anything
    ) -> Integer [MovesPacket] TC_XMIT_SKB 4 . 10
        "add room before the packet";
    44 "long" bpf_xdp_adjust_head("struct xdp_md *xdp_md": Context, "int delta": Anything) -> Integer
        [MovesPacket] XDP 4 . 10
        "move the packet's start";
    48 "long" bpf_set_hash("struct __sk_buff *skb": Context, "__u32 hash": Anything) -> Integer [] TC 4 . 13
        "set the flow hash";
    50 "long" bpf_skb_adjust_room(
        "struct __sk_buff *skb": Context, "__s32 len_diff": Anything, "__u32 mode": Anything,
        "__u64 flags": Anything
    ) -> Integer [MovesPacket] TC_SK_SKB 4 . 13
        "add or remove room after the MAC or network header";
    51 "long" bpf_redirect_map(
        "void *map": REDIRECTS, "__u64 key": Anything, "__u64 flags": Anything
    ) -> Integer [Redirects] XDP 4 . 14
        "send the packet to the map's entry at this index; returns the verdict to return";
    54 "long" bpf_xdp_adjust_meta("struct xdp_md *xdp_md": Context, "int delta": Anything) -> Integer
        [MovesPacket] XDP 4 . 15
        "move the metadata's start";
    65 "long" bpf_xdp_adjust_tail("struct xdp_md *xdp_md": Context, "int delta": Anything) -> Integer
        [MovesPacket] XDP 4 . 18
        "move the packet's end";
    66 "long" bpf_skb_get_xfrm_state(
        "struct __sk_buff *skb": Context, "__u32 index": Anything,
        "struct bpf_xfrm_state *xfrm_state": write(3), "__u32 size": SIZE, "__u64 flags": Anything
    ) -> Integer [Reads] TC 4 . 18
        "the packet's IPsec state at this index";
    68 "long" bpf_skb_load_bytes_relative(
        "const void *skb": Context, "__u32 offset": Anything, "void *to": write(3), "__u32 len": SIZE,
        "__u32 start_header": Anything
    ) -> Integer [Reads] RELATIVE 4 . 18
        "copy bytes out of the packet, counted from its MAC or network header";
    69 "long" bpf_fib_lookup(
        "void *ctx": Context, "struct bpf_fib_lookup *params": update(2), "int plen": SIZE,
        "__u32 flags": Anything
    ) -> Integer [Gpl Reads] TC_XDP 4 . 18
        "look a route up; the parameters hold the answer afterwards";
    73 "long" bpf_lwt_push_encap(
        "struct __sk_buff *skb": Context, "__u32 type": Anything, "void *hdr": read(3), "__u32 len": SIZE
    ) -> Integer [MovesPacket] LWT_PUSH 4 . 18
        "put an outer header before the packet";
    74 "long" bpf_lwt_seg6_store_bytes(
        "struct __sk_buff *skb": Context, "__u32 offset": Anything, "const void *from": read(3),
        "__u32 len": SIZE
    ) -> Integer [MovesPacket] SEG6 4 . 18
        "write into the segment routing header";
    75 "long" bpf_lwt_seg6_adjust_srh(
        "struct __sk_buff *skb": Context, "__u32 offset": Anything, "__s32 delta": Anything
    ) -> Integer [MovesPacket] SEG6 4 . 18
        "grow or shrink the segment routing header";
    76 "long" bpf_lwt_seg6_action(
        "struct __sk_buff *skb": Context, "__u32 action": Anything, "void *param": read(3),
        "__u32 param_len": SIZE
    ) -> Integer [MovesPacket] SEG6 4 . 18
        "do an action of segment routing";
    79 "__u64" bpf_skb_cgroup_id("struct __sk_buff *skb": Context) -> Integer [Reads] SKB_CGROUP 4 . 18
        "the number of the cgroup of the packet's socket";
    83 "__u64" bpf_skb_ancestor_cgroup_id(
        "struct __sk_buff *skb": Context, "int ancestor_level": Anything
    ) -> Integer [Reads] SKB_CGROUP 4 . 19
        "the number of its ancestor at this level";
    97 "long" bpf_skb_ecn_set_ce("struct __sk_buff *skb": Context) -> Integer [] SKB_CGROUP 5 . 1
        "mark that the packet met congestion";
    135 "long" bpf_csum_level("struct __sk_buff *skb": Context, "__u64 level": Anything) -> Integer
        [] TC_XMIT 5 . 8
        "how many of the packet's checksums are known to be right";
    151 "__u64" bpf_skb_cgroup_classid("struct __sk_buff *skb": Context) -> Integer [Reads] TC 5 . 10
        "the net_cls class of the packet's socket, not of the running task";
    152 "long" bpf_redirect_neigh(
        "__u32 ifindex": Anything, "struct bpf_redir_neigh *params": read_or_null(2), "int plen": SIZE0,
        "__u64 flags": Anything
    ) -> Integer [Redirects] TC 5 . 10
        "send the packet to another device, with the addresses of the next hop filled in";
    155 "long" bpf_redirect_peer("__u32 ifindex": Anything, "__u64 flags": Anything) -> Integer
        [Redirects] TC 5 . 10
        "hand the packet to the peer of a device in another namespace";
    163 "long" bpf_check_mtu(
        "void *ctx": Context, "__u32 ifindex": Anything, "__u32 *mtu_len": INT, "__s32 len_diff": Anything,
        "__u64 flags": Anything
    ) -> Integer [Gpl Reads] TC_XDP 5 . 12
        "whether the packet, changed by so many bytes, fits a device's MTU, which is written";
    188 "__u64" bpf_xdp_get_buff_len("struct xdp_md *xdp_md": Context) -> Integer [Reads] XDP 5 . 18
        "the packet's length, fragments included";
    189 "long" bpf_xdp_load_bytes(
        "struct xdp_md *xdp_md": Context, "__u32 offset": Anything, "void *buf": write(3), "__u32 len": SIZE
    ) -> Integer [FillsOnSuccess Reads] XDP 5 . 18
        "copy bytes out of the packet";
    190 "long" bpf_xdp_store_bytes(
        "struct xdp_md *xdp_md": Context, "__u32 offset": Anything, "void *buf": read(3), "__u32 len": SIZE
    ) -> Integer [] XDP 5 . 18
        "copy bytes into the packet";
    192 "long" bpf_skb_set_tstamp(
        "struct __sk_buff *skb": Context, "__u64 tstamp": Anything, "__u32 tstamp_type": Anything
    ) -> Integer [] TC 5 . 18
        "set the packet's time stamp";
}
