//! Functions on sockets: finding them, their state and options, messages, system settings of a network.
//! Source: net/core/filter.c, net/core/sock_map.c, net/core/bpf_sk_storage.c, net/ipv4/bpf_tcp_ca.c,
//! kernel/bpf/cgroup.c, Linux 6.18.

use super::Arg::{AnySock, Anything, Context, MapKey, Object, ReleasedSock, SockCommon};
use super::Effect::*;
use super::arg::*;
use super::programs::*;

use super::Ret::{self, Integer, MapValueOrNull, SockCommonOrNull, SocketOrNull, TcpSockOrNull};
use super::functions;

const TCP6: Ret = Ret::ObjectOrNull("tcp6_sock");
const TCP: Ret = Ret::ObjectOrNull("tcp_sock");
const TIMEWAIT: Ret = Ret::ObjectOrNull("tcp_timewait_sock");
const REQUEST: Ret = Ret::ObjectOrNull("tcp_request_sock");
const UDP6: Ret = Ret::ObjectOrNull("udp6_sock");
const UNIX: Ret = Ret::ObjectOrNull("unix_sock");
const MPTCP: Ret = Ret::ObjectOrNull("mptcp_sock");

functions! {
    ROWS:
    46 "__u64" bpf_get_socket_cookie("void *ctx": Context) -> Integer [Reads] COOKIE 4 . 12
        "a number of the socket that no other has had";
    47 "__u32" bpf_get_socket_uid("struct __sk_buff *skb": Context) -> Integer [Reads] SOCKET_UID 4 . 12
        "the owner of the packet's socket";
    49 "long" bpf_setsockopt(
        "void *bpf_socket": Context, "int level": Anything, "int optname": Anything, "void *optval": read(4),
        "int optlen": SIZE
    ) -> Integer [] SOCK_OPTIONS 4 . 13
        "set an option of the socket";
    52 "long" bpf_sk_redirect_map(
        "struct __sk_buff *skb": Context, "void *map": SOCKMAP, "__u32 key": Anything, "__u64 flags": Anything
    ) -> Integer [Redirects] SK_SKB 4 . 14
        "send the packet to the socket at this index; returns the verdict to return";
    53 "long" bpf_sock_map_update(
        "struct bpf_sock_ops *skops": Context, "void *map": SOCKMAP, "void *key": MapKey(1),
        "__u64 flags": Anything
    ) -> Integer [PacketMemory] SOCK_OPS 4 . 14
        "put the socket of the operation into a map";
    57 "long" bpf_getsockopt(
        "void *bpf_socket": Context, "int level": Anything, "int optname": Anything, "void *optval": write(4),
        "int optlen": SIZE
    ) -> Integer [Reads] SOCK_OPTIONS 4 . 15
        "an option of the socket";
    59 "long" bpf_sock_ops_cb_flags_set(
        "struct bpf_sock_ops *bpf_sock": Context, "int argval": Anything
    ) -> Integer [] SOCK_OPS 4 . 16
        "say for which events of the socket the program runs";
    60 "long" bpf_msg_redirect_map(
        "struct sk_msg_md *msg": Context, "void *map": SOCKMAP, "__u32 key": Anything, "__u64 flags": Anything
    ) -> Integer [Redirects] SK_MSG 4 . 17
        "send the message to the socket at this index; returns the verdict to return";
    61 "long" bpf_msg_apply_bytes("struct sk_msg_md *msg": Context, "__u32 bytes": Anything) -> Integer
        [] SK_MSG 4 . 17
        "apply the verdict to so many bytes";
    62 "long" bpf_msg_cork_bytes("struct sk_msg_md *msg": Context, "__u32 bytes": Anything) -> Integer
        [] SK_MSG 4 . 17
        "run again once so many bytes are there";
    63 "long" bpf_msg_pull_data(
        "struct sk_msg_md *msg": Context, "__u32 start": Anything, "__u32 end": Anything,
        "__u64 flags": Anything
    ) -> Integer [MovesPacket] SK_MSG 4 . 17
        "make this range of the message directly accessible";
    64 "long" bpf_bind(
        "struct bpf_sock_addr *ctx": Context, "struct sockaddr *addr": read(2), "int addr_len": SIZE
    ) -> Integer [] BIND 4 . 17
        "bind the socket to an address before it connects";
    70 "long" bpf_sock_hash_update(
        "struct bpf_sock_ops *skops": Context, "void *map": SOCKHASH, "void *key": MapKey(1),
        "__u64 flags": Anything
    ) -> Integer [PacketMemory] SOCK_OPS 4 . 18
        "put the socket of the operation into a map";
    71 "long" bpf_msg_redirect_hash(
        "struct sk_msg_md *msg": Context, "void *map": SOCKHASH, "void *key": MapKey(1),
        "__u64 flags": Anything
    ) -> Integer [Redirects] SK_MSG 4 . 18
        "send the message to the socket with this key; returns the verdict to return";
    72 "long" bpf_sk_redirect_hash(
        "struct __sk_buff *skb": Context, "void *map": SOCKHASH, "void *key": MapKey(1),
        "__u64 flags": Anything
    ) -> Integer [Redirects] SK_SKB 4 . 18
        "send the packet to the socket with this key; returns the verdict to return";
    82 "long" bpf_sk_select_reuseport(
        "struct sk_reuseport_md *reuse": Context, "void *map": REUSEPORT, "void *key": MapKey(1),
        "__u64 flags": Anything
    ) -> Integer [Redirects] SK_REUSEPORT 4 . 19
        "choose the socket that gets the packet";
    84 "struct bpf_sock *" bpf_sk_lookup_tcp(
        "void *ctx": Context, "struct bpf_sock_tuple *tuple": read(2), "__u32 tuple_size": SIZE0,
        "__u64 netns": Anything, "__u64 flags": Anything
    ) -> SocketOrNull [PacketMemory Acquires Reads] LOOKUP 4 . 20
        "the TCP socket of these addresses, to be released";
    85 "struct bpf_sock *" bpf_sk_lookup_udp(
        "void *ctx": Context, "struct bpf_sock_tuple *tuple": read(2), "__u32 tuple_size": SIZE0,
        "__u64 netns": Anything, "__u64 flags": Anything
    ) -> SocketOrNull [PacketMemory Acquires Reads] LOOKUP 4 . 20
        "the UDP socket of these addresses, to be released";
    86 "long" bpf_sk_release("void *sock": ReleasedSock) -> Integer [Reads] RELEASE 4 . 20
        "give a socket back";
    90 "long" bpf_msg_push_data(
        "struct sk_msg_md *msg": Context, "__u32 start": Anything, "__u32 len": Anything,
        "__u64 flags": Anything
    ) -> Integer [MovesPacket] SK_MSG 4 . 20
        "insert room into the message";
    91 "long" bpf_msg_pop_data(
        "struct sk_msg_md *msg": Context, "__u32 start": Anything, "__u32 len": Anything,
        "__u64 flags": Anything
    ) -> Integer [MovesPacket] SK_MSG 5 . 0
        "cut bytes out of the message";
    95 "struct bpf_sock *" bpf_sk_fullsock("struct bpf_sock *sk": SockCommon) -> SocketOrNull
        [Casts Reads] SKB_CGROUP 5 . 1
        "the socket with all its fields, if it has them";
    96 "struct bpf_tcp_sock *" bpf_tcp_sock("struct bpf_sock *sk": SockCommon) -> TcpSockOrNull
        [Casts Reads] TCP_SOCK 5 . 1
        "the socket as a TCP socket, if it is one";
    98 "struct bpf_sock *" bpf_get_listener_sock("struct bpf_sock *sk": SockCommon) -> SocketOrNull
        [Reads] SKB_CGROUP 5 . 1
        "the listening socket of a connection";
    99 "struct bpf_sock *" bpf_skc_lookup_tcp(
        "void *ctx": Context, "struct bpf_sock_tuple *tuple": read(2), "__u32 tuple_size": SIZE0,
        "__u64 netns": Anything, "__u64 flags": Anything
    ) -> SockCommonOrNull [PacketMemory Acquires Reads] LOOKUP 5 . 2
        "the TCP socket of these addresses in any state, to be released";
    100 "long" bpf_tcp_check_syncookie(
        "void *sk": AnySock, "void *iph": read(2), "__u32 iph_len": SIZE, "struct tcphdr *th": read(4),
        "__u32 th_len": SIZE
    ) -> Integer [Gpl PacketMemory Reads] TC_XDP 5 . 2
        "whether headers carry a valid SYN cookie for a listening socket";
    101 "long" bpf_sysctl_get_name(
        "struct bpf_sysctl *ctx": Context, "char *buf": write(2), "unsigned long buf_len": SIZE,
        "__u64 flags": Anything
    ) -> Integer [Reads] SYSCTL 5 . 2
        "the name of the setting";
    102 "long" bpf_sysctl_get_current_value(
        "struct bpf_sysctl *ctx": Context, "char *buf": write(2), "unsigned long buf_len": SIZE
    ) -> Integer [Reads] SYSCTL 5 . 2
        "the setting's value";
    103 "long" bpf_sysctl_get_new_value(
        "struct bpf_sysctl *ctx": Context, "char *buf": write(2), "unsigned long buf_len": SIZE
    ) -> Integer [Reads] SYSCTL 5 . 2
        "the value that is being written";
    104 "long" bpf_sysctl_set_new_value(
        "struct bpf_sysctl *ctx": Context, "const char *buf": read(2), "unsigned long buf_len": SIZE
    ) -> Integer [] SYSCTL 5 . 2
        "write another value instead";
    107 "void *" bpf_sk_storage_get(
        "void *map": SK_STORAGE, "void *sk": AnySock, "void *value": INITIAL, "__u64 flags": Anything
    ) -> MapValueOrNull [] SK_STORAGE_GET 5 . 2
        "this map's storage at a socket; flag BPF_SK_STORAGE_GET_F_CREATE makes it";
    108 "long" bpf_sk_storage_delete("void *map": SK_STORAGE, "void *sk": AnySock) -> Integer
        [] SK_STORAGE_DELETE 5 . 2
        "remove this map's storage at a socket";
    110 "__s64" bpf_tcp_gen_syncookie(
        "void *sk": AnySock, "void *iph": read(2), "__u32 iph_len": SIZE, "struct tcphdr *th": read(4),
        "__u32 th_len": SIZE
    ) -> Integer [Gpl PacketMemory Reads] TC_XDP 5 . 3
        "a SYN cookie for headers and a listening socket";
    116 "long" bpf_tcp_send_ack("void *tp": Object(&["tcp_sock"]), "__u32 rcv_nxt": Anything) -> Integer
        [] TCP_CC 5 . 5
        "acknowledge at once";
    122 "__u64" bpf_get_netns_cookie("void *ctx": CONTEXT_OR_NULL) -> Integer [Reads] NETNS_COOKIE 5 . 6
        "a number of the network namespace that no other has had";
    124 "long" bpf_sk_assign("void *ctx": Context, "void *sk": AnySock, "__u64 flags": Anything) -> Integer
        [Redirects] TC 5 . 6
        "have this socket get the packet";
    128 "__u64" bpf_sk_cgroup_id("void *sk": AnySock) -> Integer [Reads] CGROUP_SKB 5 . 8
        "the number of a socket's cgroup";
    129 "__u64" bpf_sk_ancestor_cgroup_id("void *sk": AnySock, "int ancestor_level": Anything) -> Integer
        [Reads] CGROUP_SKB 5 . 8
        "the number of its ancestor at this level";
    136 "struct tcp6_sock *" bpf_skc_to_tcp6_sock("void *sk": AnySock) -> TCP6
        [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a TCP socket over IPv6, if it is one";
    137 "struct tcp_sock *" bpf_skc_to_tcp_sock("void *sk": AnySock) -> TCP [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a TCP socket, if it is one";
    138 "struct tcp_timewait_sock *" bpf_skc_to_tcp_timewait_sock("void *sk": AnySock) -> TIMEWAIT
        [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as one in TIME-WAIT, if it is one";
    139 "struct tcp_request_sock *" bpf_skc_to_tcp_request_sock("void *sk": AnySock) -> REQUEST
        [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a request for a connection, if it is one";
    140 "struct udp6_sock *" bpf_skc_to_udp6_sock("void *sk": AnySock) -> UDP6
        [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a UDP socket over IPv6, if it is one";
    142 "long" bpf_load_hdr_opt(
        "struct bpf_sock_ops *skops": Context, "void *searchby_res": update(2), "__u32 len": SIZE,
        "__u64 flags": Anything
    ) -> Integer [Reads] SOCK_OPS 5 . 10
        "an option of the TCP header; the buffer says which, and holds it afterwards";
    143 "long" bpf_store_hdr_opt(
        "struct bpf_sock_ops *skops": Context, "const void *from": read(2), "__u32 len": SIZE,
        "__u64 flags": Anything
    ) -> Integer [MovesPacket] SOCK_OPS 5 . 10
        "write an option into the TCP header";
    144 "long" bpf_reserve_hdr_opt(
        "struct bpf_sock_ops *skops": Context, "__u32 len": Anything, "__u64 flags": Anything
    ) -> Integer [] SOCK_OPS 5 . 10
        "ask for room in the TCP header";
    178 "struct unix_sock *" bpf_skc_to_unix_sock("void *sk": AnySock) -> UNIX
        [Casts Perfmon Reads] CASTS 5 . 16
        "the socket as a Unix socket, if it is one";
    196 "struct mptcp_sock *" bpf_skc_to_mptcp_sock("void *sk": SockCommon) -> MPTCP
        [Casts Perfmon Reads] CASTS 5 . 19
        "the socket as one of Multipath TCP, if it is one";
    204 "__s64" bpf_tcp_raw_gen_syncookie_ipv4(
        "struct iphdr *iph": bytes(20), "struct tcphdr *th": read(2), "__u32 th_len": SIZE0
    ) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "a SYN cookie for IPv4 and TCP headers, without a socket";
    205 "__s64" bpf_tcp_raw_gen_syncookie_ipv6(
        "struct ipv6hdr *iph": bytes(40), "struct tcphdr *th": read(2), "__u32 th_len": SIZE0
    ) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "a SYN cookie for IPv6 and TCP headers, without a socket";
    206 "long" bpf_tcp_raw_check_syncookie_ipv4(
        "struct iphdr *iph": bytes(20), "struct tcphdr *th": bytes(20)
    ) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "whether IPv4 and TCP headers carry a valid SYN cookie";
    207 "long" bpf_tcp_raw_check_syncookie_ipv6(
        "struct ipv6hdr *iph": bytes(40), "struct tcphdr *th": bytes(20)
    ) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "whether IPv6 and TCP headers carry a valid SYN cookie";
}

functions! {
    VARIANTS:
    46 "__u64" bpf_get_socket_cookie("void *ctx": ANY_SOCK_OR_NULL) -> Integer [Reads] COOKIE_OF_SOCKET 4 . 12
        "a number of the socket that no other has had";
    49 "long" bpf_setsockopt(
        "void *bpf_socket": AnySock, "int level": Anything, "int optname": Anything, "void *optval": read(4),
        "int optlen": SIZE
    ) -> Integer [] SOCK_OBJECT_OPTIONS 5 . 6
        "set an option of a socket";
    57 "long" bpf_getsockopt(
        "void *bpf_socket": AnySock, "int level": Anything, "int optname": Anything, "void *optval": write(4),
        "int optlen": SIZE
    ) -> Integer [Reads] SOCK_OBJECT_OPTIONS 5 . 6
        "an option of a socket";
    84 "struct bpf_sock *" bpf_sk_lookup_tcp(
        "void *ctx": Context, "struct bpf_sock_tuple *tuple": read(2), "__u32 tuple_size": SIZE0,
        "__u64 netns": Anything, "__u64 flags": Anything
    ) -> SocketOrNull [Acquires Reads] SOCK_ADDR 4 . 20
        "the TCP socket of these addresses, to be released";
    85 "struct bpf_sock *" bpf_sk_lookup_udp(
        "void *ctx": Context, "struct bpf_sock_tuple *tuple": read(2), "__u32 tuple_size": SIZE0,
        "__u64 netns": Anything, "__u64 flags": Anything
    ) -> SocketOrNull [Acquires Reads] SOCK_ADDR 4 . 20
        "the UDP socket of these addresses, to be released";
    99 "struct bpf_sock *" bpf_skc_lookup_tcp(
        "void *ctx": Context, "struct bpf_sock_tuple *tuple": read(2), "__u32 tuple_size": SIZE0,
        "__u64 netns": Anything, "__u64 flags": Anything
    ) -> SockCommonOrNull [Acquires Reads] SOCK_ADDR 5 . 2
        "the TCP socket of these addresses in any state, to be released";
    107 "void *" bpf_sk_storage_get(
        "void *map": SK_STORAGE, "void *sk": Context, "void *value": INITIAL, "__u64 flags": Anything
    ) -> MapValueOrNull [] CGROUP_SOCK 5 . 6
        "this map's storage at the context's socket";
    107 "void *" bpf_sk_storage_get(
        "void *map": SK_STORAGE, "void *sk": SOCK_OR_NULL, "void *value": INITIAL, "__u64 flags": Anything
    ) -> MapValueOrNull [] TRACE_SOCK 5 . 11
        "this map's storage at a socket; flag BPF_SK_STORAGE_GET_F_CREATE makes it";
    108 "long" bpf_sk_storage_delete("void *map": SK_STORAGE, "void *sk": SOCK_OR_NULL) -> Integer
        [] TRACE_SOCK 5 . 11
        "remove this map's storage at a socket";
    124 "long" bpf_sk_assign(
        "void *ctx": Context, "void *sk": SOCKET_OR_NULL, "__u64 flags": Anything
    ) -> Integer [Redirects] SK_LOOKUP 5 . 9
        "choose the socket that the lookup finds; null takes the choice back";
}
