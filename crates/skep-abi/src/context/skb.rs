//! The context of programs that see socket buffers: filters, traffic control, control groups, tunnels, streams, and
//! the flow dissector. Source: `struct __sk_buff`; `bpf_skb_is_valid_access` and those that narrow it by kind of
//! program, net/core/filter.c, Linux 6.18.

use super::{Context, Field, FieldKind, NOBODY, Parts, SocketKind, Who, any};
use crate::ProgType;

const FILTER: Who = any(ProgType::SocketFilter);
const CLS: Who = any(ProgType::SchedCls);
const ACT: Who = any(ProgType::SchedAct);
const CGROUP: Who = any(ProgType::CgroupSkb);
const LWT_IN: Who = any(ProgType::LwtIn);
const LWT_OUT: Who = any(ProgType::LwtOut);
const LWT_XMIT: Who = any(ProgType::LwtXmit);
const LWT_SEG6: Who = any(ProgType::LwtSeg6local);
const STREAM: Who = any(ProgType::SkSkb);
const DISSECTOR: Who = any(ProgType::FlowDissector);

/// All but the flow dissector, which sees the packet and its keys only.
const SKB: &[Who] = &[FILTER, CLS, ACT, CGROUP, LWT_IN, LWT_OUT, LWT_XMIT, LWT_SEG6, STREAM];
const NOT_STREAM: &[Who] = &[FILTER, CLS, ACT, CGROUP, LWT_IN, LWT_OUT, LWT_XMIT, LWT_SEG6];
const MARKERS: &[Who] = &[CLS, ACT, CGROUP, LWT_IN, LWT_OUT, LWT_XMIT, LWT_SEG6];
const PRIORITY: &[Who] = &[CLS, ACT, CGROUP, LWT_IN, LWT_OUT, LWT_XMIT, LWT_SEG6, STREAM];
const PACKET: &[Who] = &[CLS, ACT, CGROUP, LWT_IN, LWT_OUT, LWT_XMIT, LWT_SEG6, STREAM, DISSECTOR];
const TC: &[Who] = &[CLS, ACT];
const TC_STREAM: &[Who] = &[CLS, ACT, STREAM];
const TC_CGROUP: &[Who] = &[CLS, ACT, CGROUP];
const SOCKETS: &[Who] = &[CGROUP, STREAM];
const DISSECTORS: &[Who] = &[DISSECTOR];

/// A field that Linux keeps in 16 bits, and who writes it.
const fn short(field: Field, write: &'static [Who]) -> Field {
    Field { kept: 2, ..field.writable(write) }
}

/// `struct __sk_buff`.
pub static SK_BUFF: Context = Context {
    name: "__sk_buff",
    size: 192,
    fields: &[
        Field::narrow("len", 0, 4, SKB),
        Field::narrow("pkt_type", 4, 4, SKB),
        Field::narrow("mark", 8, 4, NOT_STREAM).writable(MARKERS),
        short(Field::narrow("queue_mapping", 12, 4, SKB), TC),
        Field::narrow("protocol", 16, 4, SKB),
        Field::narrow("vlan_present", 20, 4, SKB),
        Field::narrow("vlan_tci", 24, 4, SKB),
        Field::narrow("vlan_proto", 28, 4, SKB),
        Field::narrow("priority", 32, 4, SKB).writable(PRIORITY),
        Field::narrow("ingress_ifindex", 36, 4, SKB),
        Field::narrow("ifindex", 40, 4, SKB),
        short(Field::narrow("tc_index", 44, 4, SKB), TC_STREAM),
        Field::new("cb", 48, 20, Parts::Any, SKB).array(4).writable(NOT_STREAM),
        Field::narrow("hash", 68, 4, SKB),
        short(Field::narrow("tc_classid", 72, 4, TC), TC),
        Field::of("data", 76, 4, FieldKind::PacketData, PACKET),
        Field::of("data_end", 80, 4, FieldKind::PacketEnd, PACKET),
        Field::narrow("napi_id", 84, 4, SKB),
        Field::narrow("family", 88, 4, SOCKETS),
        Field::whole("remote_ip4", 92, 4, SOCKETS),
        Field::whole("local_ip4", 96, 4, SOCKETS),
        Field::whole("remote_ip6", 100, 16, SOCKETS).array(4),
        Field::whole("local_ip6", 116, 16, SOCKETS).array(4),
        Field::narrow("remote_port", 132, 4, SOCKETS),
        Field::narrow("local_port", 136, 4, SOCKETS),
        Field::of("data_meta", 140, 4, FieldKind::PacketMeta, TC),
        Field::of("flow_keys", 144, 8, FieldKind::FlowKeys, DISSECTORS),
        Field::whole("tstamp", 152, 8, TC_CGROUP).writable(TC_CGROUP),
        Field::narrow("wire_len", 160, 4, TC),
        Field::narrow("gso_segs", 164, 4, SKB),
        Field::of("sk", 168, 8, FieldKind::SocketOrNull(SocketKind::Common), SKB),
        Field::narrow("gso_size", 176, 4, SKB),
        Field::whole("tstamp_type", 180, 1, TC),
        Field::whole("hwtstamp", 184, 8, TC_CGROUP),
    ],
};

const fn key(name: &'static str, off: u32, size: u32) -> Field {
    Field::new(name, off, size, Parts::Any, NOBODY)
}

/// `struct bpf_flow_keys`: what the flow dissector's `flow_keys` leads to. All of it may be read and written as bytes.
pub static FLOW_KEYS: Context = Context {
    name: "bpf_flow_keys",
    size: 56,
    fields: &[
        key("nhoff", 0, 2),
        key("thoff", 2, 2),
        key("addr_proto", 4, 2),
        key("is_frag", 6, 1),
        key("is_first_frag", 7, 1),
        key("is_encap", 8, 1),
        key("ip_proto", 9, 1),
        key("n_proto", 10, 2),
        key("sport", 12, 2),
        key("dport", 14, 2),
        Field { also: &[("ipv4_src", 1)], ..key("ipv6_src", 16, 16).array(4) },
        key("ipv6_dst", 32, 16).array(4),
        key("flags", 48, 4),
        key("flow_label", 52, 4),
    ],
};
