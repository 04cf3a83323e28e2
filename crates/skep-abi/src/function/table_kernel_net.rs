//! The kernel's functions on packets, connections, and control of congestion.
//! Source: net/core/filter.c, net/core/xdp.c, net/netfilter/nf_conntrack_bpf.c, net/xfrm/xfrm_state_bpf.c,
//! net/ipv4/bpf_tcp_ca.c, net/ipv4/tcp_bbr.c, net/ipv4/tcp_cubic.c, kernel/bpf/crypto.c, Linux 6.18.

use super::Arg::{ContextOf, Object, OrNull, Scalar};
use super::Effect::*;
use super::Programs::All;
use super::Ret::{Integer, ObjectOrNull, Void};
use super::arg::*;
use super::functions;
use super::programs::*;

functions! {
    ROWS:
    _ "void" bbr_cwnd_event("struct sock *sk": Object(&["sock"]), "enum tcp_ca_event event": Scalar) -> Void
        [] STRUCT_OPS 5 . 13
        "BBR's reaction to an event of the congestion window";
    _ "void" bbr_init("struct sock *sk": Object(&["sock"])) -> Void [] STRUCT_OPS 5 . 13
        "set BBR's state of a connection up";
    _ "void" bbr_main(
        "struct sock *sk": Object(&["sock"]), "__u32 ack": Scalar, "int flag": Scalar,
        "const struct rate_sample *rs": Object(&["rate_sample"])
    ) -> Void [] STRUCT_OPS 5 . 13
        "BBR's control of congestion, for an acknowledgement";
    _ "__u32" bbr_min_tso_segs("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "the fewest segments that BBR sends at once";
    _ "void" bbr_set_state("struct sock *sk": Object(&["sock"]), "__u8 new_state": Scalar) -> Void
        [] STRUCT_OPS 5 . 13
        "BBR's reaction to a change of the congestion state";
    _ "__u32" bbr_sndbuf_expand("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "the factor by which BBR has the send buffer grow";
    _ "__u32" bbr_ssthresh("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "BBR's slow start threshold";
    _ "__u32" bbr_undo_cwnd("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "BBR's window after a loss that was none";
    _ "struct bpf_crypto_ctx *" bpf_crypto_ctx_acquire(
        "struct bpf_crypto_ctx *ctx": Object(&["bpf_crypto_ctx"])
    ) -> ObjectOrNull("bpf_crypto_ctx") [Acquires RcuObjects] SYSCALL 6 . 10
        "another reference to a cipher with its key, to be released";
    _ "struct bpf_crypto_ctx *" bpf_crypto_ctx_create(
        "const struct bpf_crypto_params *params": update(1), "__u32 params_size": SIZE0, "int *err": in_place(4)
    ) -> ObjectOrNull("bpf_crypto_ctx") [Acquires Sleeps] SYSCALL 6 . 10
        "make a cipher with a key ready, to be released; where there is none, an error number is written";
    _ "void" bpf_crypto_ctx_release("struct bpf_crypto_ctx *ctx": Object(&["bpf_crypto_ctx"])) -> Void
        [Releases] SYSCALL 6 . 10
        "give a cipher back";
    _ "int" bpf_crypto_decrypt(
        "struct bpf_crypto_ctx *ctx": Object(&["bpf_crypto_ctx"]), "const struct bpf_dynptr *src": USES,
        "const struct bpf_dynptr *dst": USES, "const struct bpf_dynptr *siv": OrNull(&USES)
    ) -> Integer [RcuObjects] TC_XDP 6 . 10
        "decrypt from what one dynptr leads to into another";
    _ "int" bpf_crypto_encrypt(
        "struct bpf_crypto_ctx *ctx": Object(&["bpf_crypto_ctx"]), "const struct bpf_dynptr *src": USES,
        "const struct bpf_dynptr *dst": USES, "const struct bpf_dynptr *siv": OrNull(&USES)
    ) -> Integer [RcuObjects] TC_XDP 6 . 10
        "encrypt from what one dynptr leads to into another";
    _ "int" bpf_ct_change_status(
        "struct nf_conn *nfct": Object(&["nf_conn"]), "__u32 status": Scalar
    ) -> Integer [TrustedObjects] CLS_XDP 6 . 0
        "set status bits of a connection that is tracked";
    _ "int" bpf_ct_change_timeout(
        "struct nf_conn *nfct": Object(&["nf_conn"]), "__u32 timeout": Scalar
    ) -> Integer [TrustedObjects] CLS_XDP 6 . 0
        "set when a connection that is tracked times out";
    _ "struct nf_conn *" bpf_ct_insert_entry(
        "struct nf_conn___init *nfct_i": Object(&["nf_conn___init"])
    ) -> ObjectOrNull("nf_conn") [Acquires Releases] CLS_XDP 6 . 0
        "have a connection tracked from now on; what is tracked is to be released";
    _ "void" bpf_ct_release("struct nf_conn *nfct": Object(&["nf_conn"])) -> Void [Releases] CLS_XDP 5 . 18
        "give a tracked connection back";
    _ "int" bpf_ct_set_nat_info(
        "struct nf_conn___init *nfct": Object(&["nf_conn___init"]), "union nf_inet_addr *addr": in_place(16),
        "int port": Scalar, "enum nf_nat_manip_type manip": Scalar
    ) -> Integer [TrustedObjects] CLS_XDP 6 . 1
        "say how addresses of a new connection are translated";
    _ "int" bpf_ct_set_status(
        "const struct nf_conn___init *nfct": Object(&["nf_conn___init"]), "__u32 status": Scalar
    ) -> Integer [TrustedObjects] CLS_XDP 6 . 0
        "set status bits of a new connection";
    _ "void" bpf_ct_set_timeout(
        "struct nf_conn___init *nfct": Object(&["nf_conn___init"]), "__u32 timeout": Scalar
    ) -> Void [TrustedObjects] CLS_XDP 6 . 0
        "set when a new connection times out";
    _ "int" bpf_dynptr_from_skb(
        "struct __sk_buff *s": ContextOf("__sk_buff"), "__u64 flags": Scalar,
        "struct bpf_dynptr *ptr": MAKES_PACKET
    ) -> Integer [TrustedObjects] SKB_DYNPTR 6 . 4
        "make a dynptr that leads to the packet";
    _ "int" bpf_dynptr_from_skb_meta(
        "struct __sk_buff *skb_": ContextOf("__sk_buff"), "__u64 flags": Scalar,
        "struct bpf_dynptr *ptr": MAKES_META
    ) -> Integer [TrustedObjects] TC 6 . 18
        "make a dynptr that leads to the packet's metadata";
    _ "int" bpf_dynptr_from_xdp(
        "struct xdp_md *x": ContextOf("xdp_md"), "__u64 flags": Scalar,
        "struct bpf_dynptr *ptr": MAKES_XDP
    ) -> Integer [] XDP 6 . 4
        "make a dynptr that leads to the packet";
    _ "int" bpf_sk_assign_tcp_reqsk(
        "struct __sk_buff *s": ContextOf("__sk_buff"), "struct sock *sk": Object(&["sock"]),
        "struct bpf_tcp_req_attrs *attrs": update(3), "int attrs_size": SIZE0
    ) -> Integer [TrustedObjects] CLS 6 . 9
        "have a connection made of a packet with a valid SYN cookie";
    _ "struct nf_conn___init *" bpf_skb_ct_alloc(
        "struct __sk_buff *skb_ctx": ContextOf("__sk_buff"), "struct bpf_sock_tuple *bpf_tuple": update(2),
        "__u32 tuple_size": SIZE0, "struct bpf_ct_opts *opts": update(4), "__u32 opts_size": SIZE0
    ) -> ObjectOrNull("nf_conn___init") [Acquires] CLS_XDP 6 . 0
        "a new connection of these addresses, to be inserted or released";
    _ "struct nf_conn *" bpf_skb_ct_lookup(
        "struct __sk_buff *skb_ctx": ContextOf("__sk_buff"), "struct bpf_sock_tuple *bpf_tuple": update(2),
        "__u32 tuple_size": SIZE0, "struct bpf_ct_opts *opts": update(4), "__u32 opts_size": SIZE0
    ) -> ObjectOrNull("nf_conn") [Acquires] CLS_XDP 5 . 18
        "the tracked connection of these addresses, to be released";
    _ "int" bpf_sock_addr_set_sun_path(
        "struct bpf_sock_addr_kern *sa_kern": Object(&["bpf_sock_addr_kern"]),
        "const __u8 *sun_path": update(2), "__u32 sun_path_size": SIZE0
    ) -> Integer [] ON_CGROUP 6 . 7
        "set the path of a Unix socket's address";
    _ "int" bpf_sock_destroy("struct sock_common *sock": Object(&["sock_common"])) -> Integer
        [TrustedObjects] ITER 6 . 5
        "close a socket";
    _ "int" bpf_sock_ops_enable_tx_tstamp(
        "struct bpf_sock_ops_kern *skops": Object(&["bpf_sock_ops_kern"]), "__u64 flags": Scalar
    ) -> Integer [TrustedObjects] ON_CGROUP 6 . 15
        "have the program run when the packet is sent";
    _ "struct nf_conn___init *" bpf_xdp_ct_alloc(
        "struct xdp_md *xdp_ctx": ContextOf("xdp_md"), "struct bpf_sock_tuple *bpf_tuple": update(2),
        "__u32 tuple_size": SIZE0, "struct bpf_ct_opts *opts": update(4), "__u32 opts_size": SIZE0
    ) -> ObjectOrNull("nf_conn___init") [Acquires] CLS_XDP 6 . 0
        "a new connection of these addresses, to be inserted or released";
    _ "struct nf_conn *" bpf_xdp_ct_lookup(
        "struct xdp_md *xdp_ctx": ContextOf("xdp_md"), "struct bpf_sock_tuple *bpf_tuple": update(2),
        "__u32 tuple_size": SIZE0, "struct bpf_ct_opts *opts": update(4), "__u32 opts_size": SIZE0
    ) -> ObjectOrNull("nf_conn") [Acquires] CLS_XDP 5 . 18
        "the tracked connection of these addresses, to be released";
    _ "struct xfrm_state *" bpf_xdp_get_xfrm_state(
        "struct xdp_md *ctx": ContextOf("xdp_md"), "struct bpf_xfrm_state_opts *opts": update(2),
        "__u32 opts_size": SIZE0
    ) -> ObjectOrNull("xfrm_state") [Acquires] XDP 6 . 8
        "the IPsec state that these parameters name, to be released";
    _ "int" bpf_xdp_metadata_rx_hash(
        "const struct xdp_md *ctx": ContextOf("xdp_md"), "__u32 *hash": in_place(4),
        "enum xdp_rss_hash_type *rss_type": in_place(4)
    ) -> Integer [TrustedObjects Reads] All 6 . 3
        "the hash that the device computed of the packet, and of what";
    _ "int" bpf_xdp_metadata_rx_timestamp(
        "const struct xdp_md *ctx": ContextOf("xdp_md"), "__u64 *timestamp": in_place(8)
    ) -> Integer [TrustedObjects Reads] All 6 . 3
        "when the device received the packet";
    _ "int" bpf_xdp_metadata_rx_vlan_tag(
        "const struct xdp_md *ctx": ContextOf("xdp_md"), "__be16 *vlan_proto": in_place(2),
        "__u16 *vlan_tci": in_place(2)
    ) -> Integer [TrustedObjects Reads] All 6 . 8
        "the VLAN tag that the device took off the packet";
    _ "int" bpf_xdp_pull_data("struct xdp_md *x": ContextOf("xdp_md"), "__u32 len": Scalar) -> Integer
        [MovesPacket] XDP 6 . 18
        "make so many bytes of the packet directly accessible";
    _ "void" bpf_xdp_xfrm_state_release("struct xfrm_state *x": Object(&["xfrm_state"])) -> Void
        [Releases] XDP 6 . 8
        "give an IPsec state back";
    _ "void" cubictcp_acked(
        "struct sock *sk": Object(&["sock"]), "const struct ack_sample *sample": Object(&["ack_sample"])
    ) -> Void [] STRUCT_OPS 5 . 13
        "CUBIC's reaction to acknowledged packets";
    _ "void" cubictcp_cong_avoid(
        "struct sock *sk": Object(&["sock"]), "__u32 ack": Scalar, "__u32 acked": Scalar
    ) -> Void [] STRUCT_OPS 5 . 13
        "CUBIC's growth of the window";
    _ "void" cubictcp_cwnd_event(
        "struct sock *sk": Object(&["sock"]), "enum tcp_ca_event event": Scalar
    ) -> Void [] STRUCT_OPS 5 . 13
        "CUBIC's reaction to an event of the congestion window";
    _ "void" cubictcp_init("struct sock *sk": Object(&["sock"])) -> Void [] STRUCT_OPS 5 . 13
        "set CUBIC's state of a connection up";
    _ "__u32" cubictcp_recalc_ssthresh("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "CUBIC's slow start threshold";
    _ "void" cubictcp_state("struct sock *sk": Object(&["sock"]), "__u8 new_state": Scalar) -> Void
        [] STRUCT_OPS 5 . 13
        "CUBIC's reaction to a change of the congestion state";
    _ "void" tcp_cong_avoid_ai(
        "struct tcp_sock *tp": Object(&["tcp_sock"]), "__u32 w": Scalar, "__u32 acked": Scalar
    ) -> Void [] STRUCT_OPS 5 . 13
        "grow the window by one a round trip";
    _ "void" tcp_reno_cong_avoid(
        "struct sock *sk": Object(&["sock"]), "__u32 ack": Scalar, "__u32 acked": Scalar
    ) -> Void [] STRUCT_OPS 5 . 13
        "Reno's growth of the window";
    _ "__u32" tcp_reno_ssthresh("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "Reno's slow start threshold";
    _ "__u32" tcp_reno_undo_cwnd("struct sock *sk": Object(&["sock"])) -> Integer [] STRUCT_OPS 5 . 13
        "Reno's window after a loss that was none";
    _ "__u32" tcp_slow_start("struct tcp_sock *tp": Object(&["tcp_sock"]), "__u32 acked": Scalar) -> Integer
        [] STRUCT_OPS 5 . 13
        "grow the window as at the start; returns what is left of the acknowledgement";
}
