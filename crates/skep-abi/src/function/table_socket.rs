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
    46 get_socket_cookie(Context) -> Integer [Reads] COOKIE 4 . 12
        "a number of the socket that no other has had";
    47 get_socket_uid(Context) -> Integer [Reads] SOCKET_UID 4 . 12
        "the owner of the packet's socket";
    49 setsockopt(Context, Anything, Anything, read(4), SIZE) -> Integer [] SOCK_OPTIONS 4 . 13
        "set an option of the socket";
    52 sk_redirect_map(Context, SOCKMAP, Anything, Anything) -> Integer [Redirects] SK_SKB 4 . 14
        "send the packet to the socket at this index; returns the verdict to return";
    53 sock_map_update(Context, SOCKMAP, MapKey(1), Anything) -> Integer [PacketMemory] SOCK_OPS 4 . 14
        "put the socket of the operation into a map";
    57 getsockopt(Context, Anything, Anything, write(4), SIZE) -> Integer [Reads] SOCK_OPTIONS 4 . 15
        "an option of the socket";
    59 sock_ops_cb_flags_set(Context, Anything) -> Integer [] SOCK_OPS 4 . 16
        "say for which events of the socket the program runs";
    60 msg_redirect_map(Context, SOCKMAP, Anything, Anything) -> Integer [Redirects] SK_MSG 4 . 17
        "send the message to the socket at this index; returns the verdict to return";
    61 msg_apply_bytes(Context, Anything) -> Integer [] SK_MSG 4 . 17
        "apply the verdict to so many bytes";
    62 msg_cork_bytes(Context, Anything) -> Integer [] SK_MSG 4 . 17
        "run again once so many bytes are there";
    63 msg_pull_data(Context, Anything, Anything, Anything) -> Integer [MovesPacket] SK_MSG 4 . 17
        "make this range of the message directly accessible";
    64 bind(Context, read(2), SIZE) -> Integer [] BIND 4 . 17
        "bind the socket to an address before it connects";
    70 sock_hash_update(Context, SOCKHASH, MapKey(1), Anything) -> Integer [PacketMemory] SOCK_OPS 4 . 18
        "put the socket of the operation into a map";
    71 msg_redirect_hash(Context, SOCKHASH, MapKey(1), Anything) -> Integer [Redirects] SK_MSG 4 . 18
        "send the message to the socket with this key; returns the verdict to return";
    72 sk_redirect_hash(Context, SOCKHASH, MapKey(1), Anything) -> Integer [Redirects] SK_SKB 4 . 18
        "send the packet to the socket with this key; returns the verdict to return";
    82 sk_select_reuseport(Context, REUSEPORT, MapKey(1), Anything) -> Integer [Redirects] SK_REUSEPORT 4 . 19
        "choose the socket that gets the packet";
    84 sk_lookup_tcp(Context, read(2), SIZE0, Anything, Anything) -> SocketOrNull [PacketMemory Acquires Reads] LOOKUP 4 . 20
        "the TCP socket of these addresses, to be released";
    85 sk_lookup_udp(Context, read(2), SIZE0, Anything, Anything) -> SocketOrNull [PacketMemory Acquires Reads] LOOKUP 4 . 20
        "the UDP socket of these addresses, to be released";
    86 sk_release(ReleasedSock) -> Integer [Reads] RELEASE 4 . 20
        "give a socket back";
    90 msg_push_data(Context, Anything, Anything, Anything) -> Integer [MovesPacket] SK_MSG 4 . 20
        "insert room into the message";
    91 msg_pop_data(Context, Anything, Anything, Anything) -> Integer [MovesPacket] SK_MSG 5 . 0
        "cut bytes out of the message";
    95 sk_fullsock(SockCommon) -> SocketOrNull [Casts Reads] SKB_CGROUP 5 . 1
        "the socket with all its fields, if it has them";
    96 tcp_sock(SockCommon) -> TcpSockOrNull [Casts Reads] TCP_SOCK 5 . 1
        "the socket as a TCP socket, if it is one";
    98 get_listener_sock(SockCommon) -> SocketOrNull [Reads] SKB_CGROUP 5 . 1
        "the listening socket of a connection";
    99 skc_lookup_tcp(Context, read(2), SIZE0, Anything, Anything) -> SockCommonOrNull [PacketMemory Acquires Reads] LOOKUP 5 . 2
        "the TCP socket of these addresses in any state, to be released";
    100 tcp_check_syncookie(AnySock, read(2), SIZE, read(4), SIZE) -> Integer [Gpl PacketMemory Reads] TC_XDP 5 . 2
        "whether headers carry a valid SYN cookie for a listening socket";
    101 sysctl_get_name(Context, write(2), SIZE, Anything) -> Integer [Reads] SYSCTL 5 . 2
        "the name of the setting";
    102 sysctl_get_current_value(Context, write(2), SIZE) -> Integer [Reads] SYSCTL 5 . 2
        "the setting's value";
    103 sysctl_get_new_value(Context, write(2), SIZE) -> Integer [Reads] SYSCTL 5 . 2
        "the value that is being written";
    104 sysctl_set_new_value(Context, read(2), SIZE) -> Integer [] SYSCTL 5 . 2
        "write another value instead";
    107 sk_storage_get(SK_STORAGE, AnySock, INITIAL, Anything) -> MapValueOrNull [] SK_STORAGE_GET 5 . 2
        "this map's storage at a socket; flag BPF_SK_STORAGE_GET_F_CREATE makes it";
    108 sk_storage_delete(SK_STORAGE, AnySock) -> Integer [] SK_STORAGE_DELETE 5 . 2
        "remove this map's storage at a socket";
    110 tcp_gen_syncookie(AnySock, read(2), SIZE, read(4), SIZE) -> Integer [Gpl PacketMemory Reads] TC_XDP 5 . 3
        "a SYN cookie for headers and a listening socket";
    116 tcp_send_ack(Object(&["tcp_sock"]), Anything) -> Integer [] TCP_CC 5 . 5
        "acknowledge at once";
    122 get_netns_cookie(CONTEXT_OR_NULL) -> Integer [Reads] NETNS_COOKIE 5 . 6
        "a number of the network namespace that no other has had";
    124 sk_assign(Context, AnySock, Anything) -> Integer [Redirects] TC 5 . 6
        "have this socket get the packet";
    128 sk_cgroup_id(AnySock) -> Integer [Reads] CGROUP_SKB 5 . 8
        "the number of a socket's cgroup";
    129 sk_ancestor_cgroup_id(AnySock, Anything) -> Integer [Reads] CGROUP_SKB 5 . 8
        "the number of its ancestor at this level";
    136 skc_to_tcp6_sock(AnySock) -> TCP6 [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a TCP socket over IPv6, if it is one";
    137 skc_to_tcp_sock(AnySock) -> TCP [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a TCP socket, if it is one";
    138 skc_to_tcp_timewait_sock(AnySock) -> TIMEWAIT [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as one in TIME-WAIT, if it is one";
    139 skc_to_tcp_request_sock(AnySock) -> REQUEST [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a request for a connection, if it is one";
    140 skc_to_udp6_sock(AnySock) -> UDP6 [Casts Perfmon Reads] CASTS 5 . 9
        "the socket as a UDP socket over IPv6, if it is one";
    142 load_hdr_opt(Context, update(2), SIZE, Anything) -> Integer [Reads] SOCK_OPS 5 . 10
        "an option of the TCP header; the buffer says which, and holds it afterwards";
    143 store_hdr_opt(Context, read(2), SIZE, Anything) -> Integer [MovesPacket] SOCK_OPS 5 . 10
        "write an option into the TCP header";
    144 reserve_hdr_opt(Context, Anything, Anything) -> Integer [] SOCK_OPS 5 . 10
        "ask for room in the TCP header";
    178 skc_to_unix_sock(AnySock) -> UNIX [Casts Perfmon Reads] CASTS 5 . 16
        "the socket as a Unix socket, if it is one";
    196 skc_to_mptcp_sock(SockCommon) -> MPTCP [Casts Perfmon Reads] CASTS 5 . 19
        "the socket as one of Multipath TCP, if it is one";
    204 tcp_raw_gen_syncookie_ipv4(bytes(20), read(2), SIZE0) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "a SYN cookie for IPv4 and TCP headers, without a socket";
    205 tcp_raw_gen_syncookie_ipv6(bytes(40), read(2), SIZE0) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "a SYN cookie for IPv6 and TCP headers, without a socket";
    206 tcp_raw_check_syncookie_ipv4(bytes(20), bytes(20)) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "whether IPv4 and TCP headers carry a valid SYN cookie";
    207 tcp_raw_check_syncookie_ipv6(bytes(40), bytes(20)) -> Integer [Gpl PacketMemory Reads] TC_XDP 6 . 0
        "whether IPv6 and TCP headers carry a valid SYN cookie";
}

functions! {
    VARIANTS:
    46 get_socket_cookie(ANY_SOCK_OR_NULL) -> Integer [Reads] BTF_TRACE 4 . 12
        "a number of the socket that no other has had";
    49 setsockopt(AnySock, Anything, Anything, read(4), SIZE) -> Integer [] SOCK_OBJECT_OPTIONS 5 . 6
        "set an option of a socket";
    57 getsockopt(AnySock, Anything, Anything, write(4), SIZE) -> Integer [Reads] SOCK_OBJECT_OPTIONS 5 . 6
        "an option of a socket";
    84 sk_lookup_tcp(Context, read(2), SIZE0, Anything, Anything) -> SocketOrNull [Acquires Reads] SOCK_ADDR 4 . 20
        "the TCP socket of these addresses, to be released";
    85 sk_lookup_udp(Context, read(2), SIZE0, Anything, Anything) -> SocketOrNull [Acquires Reads] SOCK_ADDR 4 . 20
        "the UDP socket of these addresses, to be released";
    99 skc_lookup_tcp(Context, read(2), SIZE0, Anything, Anything) -> SockCommonOrNull [Acquires Reads] SOCK_ADDR 5 . 2
        "the TCP socket of these addresses in any state, to be released";
    107 sk_storage_get(SK_STORAGE, Context, INITIAL, Anything) -> MapValueOrNull [] CGROUP_SOCK 5 . 6
        "this map's storage at the context's socket";
    107 sk_storage_get(SK_STORAGE, SOCK_OR_NULL, INITIAL, Anything) -> MapValueOrNull [] TRACE_SOCK 5 . 11
        "this map's storage at a socket; flag BPF_SK_STORAGE_GET_F_CREATE makes it";
    108 sk_storage_delete(SK_STORAGE, SOCK_OR_NULL) -> Integer [] TRACE_SOCK 5 . 11
        "remove this map's storage at a socket";
    124 sk_assign(Context, SOCKET_OR_NULL, Anything) -> Integer [Redirects] SK_LOOKUP 5 . 9
        "choose the socket that the lookup finds; null takes the choice back";
}
