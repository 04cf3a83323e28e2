//! Sockets: what programs receive that run at their operations, and what they read through pointers to them.
//! Source: the structures of include/uapi/linux/bpf.h; `sock_filter_is_valid_access`, `bpf_sock_is_valid_access`,
//! `bpf_tcp_sock_is_valid_access`, `bpf_xdp_sock_is_valid_access`, `sock_addr_is_valid_access`,
//! `sock_ops_is_valid_access`, `sk_msg_is_valid_access`, `sk_reuseport_is_valid_access`, `sk_lookup_is_valid_access`
//! of net/core/filter.c, Linux 6.18.

use super::{Context, Field, FieldKind, NOBODY, Parts, SocketKind, Who, any, at};
use crate::{AttachType, ProgType};

const SOCKET: &[Who] = &[any(ProgType::CgroupSock)];
const LIFETIME: &[Who] =
    &[at(ProgType::CgroupSock, &[AttachType::CGROUP_INET_SOCK_CREATE, AttachType::CGROUP_INET_SOCK_RELEASE])];
const BOUND4: &[Who] = &[at(ProgType::CgroupSock, &[AttachType::CGROUP_INET4_POST_BIND])];
const BOUND6: &[Who] = &[at(ProgType::CgroupSock, &[AttachType::CGROUP_INET6_POST_BIND])];
const BOUND: &[Who] =
    &[at(ProgType::CgroupSock, &[AttachType::CGROUP_INET4_POST_BIND, AttachType::CGROUP_INET6_POST_BIND])];

const fn start(name: &'static str, off: u32, read: &'static [Who]) -> Field {
    Field::new(name, off, 4, Parts::StartRead, read)
}

/// `struct bpf_sock`: the context of control groups' socket programs, and what pointers to sockets lead to. Through
/// those, whoever has one reads every field.
pub static SOCK: Context = Context {
    name: "bpf_sock",
    size: 80,
    fields: &[
        Field::whole("bound_dev_if", 0, 4, LIFETIME).writable(LIFETIME),
        start("family", 4, SOCKET),
        start("type", 8, SOCKET),
        start("protocol", 12, SOCKET),
        Field::whole("mark", 16, 4, LIFETIME).writable(LIFETIME),
        Field::whole("priority", 20, 4, LIFETIME).writable(LIFETIME),
        Field::narrow("src_ip4", 24, 4, BOUND4),
        Field::narrow("src_ip6", 28, 16, BOUND6).array(4),
        start("src_port", 44, BOUND),
        Field::new("dst_port", 48, 4, Parts::PortRead, SOCKET),
        Field::narrow("dst_ip4", 52, 4, SOCKET),
        Field::narrow("dst_ip6", 56, 16, SOCKET).array(4),
        start("state", 72, SOCKET),
        start("rx_queue_mapping", 76, SOCKET),
    ],
};

impl SocketKind {
    /// Whether a pointer of this kind shows the field: what only full sockets have, others don't show.
    pub fn shows(self, field: &Field) -> bool {
        self != SocketKind::Common || !matches!(field.name, "type" | "protocol" | "mark" | "priority")
    }
}

const fn tcp(name: &'static str, off: u32) -> Field {
    Field::whole(name, off, 4, NOBODY)
}

/// `struct bpf_tcp_sock`.
pub static TCP_SOCK: Context = Context {
    name: "bpf_tcp_sock",
    size: 112,
    fields: &[
        tcp("snd_cwnd", 0),
        tcp("srtt_us", 4),
        tcp("rtt_min", 8),
        tcp("snd_ssthresh", 12),
        tcp("rcv_nxt", 16),
        tcp("snd_nxt", 20),
        tcp("snd_una", 24),
        tcp("mss_cache", 28),
        tcp("ecn_flags", 32),
        tcp("rate_delivered", 36),
        tcp("rate_interval_us", 40),
        tcp("packets_out", 44),
        tcp("retrans_out", 48),
        tcp("total_retrans", 52),
        tcp("segs_in", 56),
        tcp("data_segs_in", 60),
        tcp("segs_out", 64),
        tcp("data_segs_out", 68),
        tcp("lost_out", 72),
        tcp("sacked_out", 76),
        Field::whole("bytes_received", 80, 8, NOBODY),
        Field::whole("bytes_acked", 88, 8, NOBODY),
        tcp("dsack_dups", 96),
        tcp("delivered", 100),
        tcp("delivered_ce", 104),
        tcp("icsk_retransmits", 108),
    ],
};

/// `struct bpf_xdp_sock`.
pub static XDP_SOCK: Context =
    Context { name: "bpf_xdp_sock", size: 4, fields: &[Field::whole("queue_id", 0, 4, NOBODY)] };

const ADDR: &[Who] = &[any(ProgType::CgroupSockAddr)];
const ADDR4: &[Who] = &[at(
    ProgType::CgroupSockAddr,
    &[
        AttachType::CGROUP_INET4_BIND,
        AttachType::CGROUP_INET4_CONNECT,
        AttachType::CGROUP_INET4_GETPEERNAME,
        AttachType::CGROUP_INET4_GETSOCKNAME,
        AttachType::CGROUP_UDP4_SENDMSG,
        AttachType::CGROUP_UDP4_RECVMSG,
    ],
)];
const ADDR6: &[Who] = &[at(
    ProgType::CgroupSockAddr,
    &[
        AttachType::CGROUP_INET6_BIND,
        AttachType::CGROUP_INET6_CONNECT,
        AttachType::CGROUP_INET6_GETPEERNAME,
        AttachType::CGROUP_INET6_GETSOCKNAME,
        AttachType::CGROUP_UDP6_SENDMSG,
        AttachType::CGROUP_UDP6_RECVMSG,
    ],
)];
const SEND4: &[Who] = &[at(ProgType::CgroupSockAddr, &[AttachType::CGROUP_UDP4_SENDMSG])];
const SEND6: &[Who] = &[at(ProgType::CgroupSockAddr, &[AttachType::CGROUP_UDP6_SENDMSG])];

/// `struct bpf_sock_addr`.
pub static SOCK_ADDR: Context = Context {
    name: "bpf_sock_addr",
    size: 72,
    fields: &[
        Field::whole("user_family", 0, 4, ADDR),
        Field::narrow("user_ip4", 4, 4, ADDR4).writable(ADDR4),
        Field::new("user_ip6", 8, 16, Parts::Wide, ADDR6).array(4).writable(ADDR6),
        Field::narrow("user_port", 24, 4, ADDR).writable(ADDR),
        Field::whole("family", 28, 4, ADDR),
        Field::whole("type", 32, 4, ADDR),
        Field::whole("protocol", 36, 4, ADDR),
        Field::narrow("msg_src_ip4", 40, 4, SEND4).writable(SEND4),
        Field::new("msg_src_ip6", 44, 16, Parts::Wide, SEND6).array(4).writable(SEND6),
        Field::of("sk", 64, 8, FieldKind::Socket(SocketKind::Full), ADDR),
    ],
};

const OPS: &[Who] = &[any(ProgType::SockOps)];

const fn op(name: &'static str, off: u32) -> Field {
    Field::whole(name, off, 4, OPS)
}

/// `struct bpf_sock_ops`.
pub static SOCK_OPS: Context = Context {
    name: "bpf_sock_ops",
    size: 224,
    fields: &[
        op("op", 0),
        // Only the first is a reply.
        Field {
            written: 4,
            also: &[("reply", 1), ("replylong", 4)],
            ..Field::whole("args", 4, 16, OPS).array(4).writable(OPS)
        },
        op("family", 20),
        op("remote_ip4", 24),
        op("local_ip4", 28),
        Field::whole("remote_ip6", 32, 16, OPS).array(4),
        Field::whole("local_ip6", 48, 16, OPS).array(4),
        op("remote_port", 64),
        op("local_port", 68),
        op("is_fullsock", 72),
        op("snd_cwnd", 76),
        op("srtt_us", 80),
        op("bpf_sock_ops_cb_flags", 84),
        op("state", 88),
        op("rtt_min", 92),
        op("snd_ssthresh", 96),
        op("rcv_nxt", 100),
        op("snd_nxt", 104),
        op("snd_una", 108),
        op("mss_cache", 112),
        op("ecn_flags", 116),
        op("rate_delivered", 120),
        op("rate_interval_us", 124),
        op("packets_out", 128),
        op("retrans_out", 132),
        op("total_retrans", 136),
        op("segs_in", 140),
        op("data_segs_in", 144),
        op("segs_out", 148),
        op("data_segs_out", 152),
        op("lost_out", 156),
        op("sacked_out", 160),
        op("sk_txhash", 164).writable(OPS),
        Field::whole("bytes_received", 168, 8, OPS),
        Field::whole("bytes_acked", 176, 8, OPS),
        Field::of("sk", 184, 8, FieldKind::SocketOrNull(SocketKind::Full), OPS),
        Field::of("skb_data", 192, 8, FieldKind::PacketData, OPS),
        Field::of("skb_data_end", 200, 8, FieldKind::PacketEnd, OPS),
        op("skb_len", 208),
        start("skb_tcp_flags", 212, OPS),
        Field::whole("skb_hwtstamp", 216, 8, OPS),
    ],
};

const MSG: &[Who] = &[any(ProgType::SkMsg)];

/// `struct sk_msg_md`.
pub static SK_MSG_MD: Context = Context {
    name: "sk_msg_md",
    size: 80,
    fields: &[
        Field::of("data", 0, 8, FieldKind::PacketData, MSG),
        Field::of("data_end", 8, 8, FieldKind::PacketEnd, MSG),
        Field::whole("family", 16, 4, MSG),
        Field::whole("remote_ip4", 20, 4, MSG),
        Field::whole("local_ip4", 24, 4, MSG),
        Field::whole("remote_ip6", 28, 16, MSG).array(4),
        Field::whole("local_ip6", 44, 16, MSG).array(4),
        Field::whole("remote_port", 60, 4, MSG),
        Field::whole("local_port", 64, 4, MSG),
        Field::whole("size", 68, 4, MSG),
        Field::of("sk", 72, 8, FieldKind::Socket(SocketKind::Full), MSG),
    ],
};

const REUSEPORT: &[Who] = &[any(ProgType::SkReuseport)];

/// `struct sk_reuseport_md`.
pub static SK_REUSEPORT_MD: Context = Context {
    name: "sk_reuseport_md",
    size: 56,
    fields: &[
        Field::of("data", 0, 8, FieldKind::PacketData, REUSEPORT),
        Field::of("data_end", 8, 8, FieldKind::PacketEnd, REUSEPORT),
        Field::narrow("len", 16, 4, REUSEPORT),
        Field::new("eth_protocol", 20, 4, Parts::HalfRead, REUSEPORT),
        Field::narrow("ip_protocol", 24, 4, REUSEPORT),
        Field::narrow("bind_inany", 28, 4, REUSEPORT),
        Field::whole("hash", 32, 4, REUSEPORT),
        Field::of("sk", 40, 8, FieldKind::Socket(SocketKind::Full), REUSEPORT),
        Field::of("migrating_sk", 48, 8, FieldKind::SocketOrNull(SocketKind::Common), REUSEPORT),
    ],
};

const LOOKUP: &[Who] = &[any(ProgType::SkLookup)];

/// `struct bpf_sk_lookup`.
pub static SK_LOOKUP: Context = Context {
    name: "bpf_sk_lookup",
    size: 72,
    fields: &[
        Field {
            also: &[("cookie", 1)],
            ..Field::of("sk", 0, 8, FieldKind::SocketOrNull(SocketKind::Full), LOOKUP)
        },
        Field::narrow("family", 8, 4, LOOKUP),
        Field::narrow("protocol", 12, 4, LOOKUP),
        Field::narrow("remote_ip4", 16, 4, LOOKUP),
        Field::narrow("remote_ip6", 20, 16, LOOKUP).array(4),
        // A port in two bytes; those behind it are zero, and may be read as well.
        Field::narrow("remote_port", 36, 4, LOOKUP),
        Field::narrow("local_ip4", 40, 4, LOOKUP),
        Field::narrow("local_ip6", 44, 16, LOOKUP).array(4),
        Field::narrow("local_port", 60, 4, LOOKUP),
        Field::narrow("ingress_ifindex", 64, 4, LOOKUP),
    ],
};
