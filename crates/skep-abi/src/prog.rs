//! The kinds of program, and the places they attach to.
//! Source: `enum bpf_prog_type`, `enum bpf_attach_type` of include/uapi/linux/bpf.h;
//! `bpf_prog_load_check_attach`, `bpf_prog_load_fixup_attach_type` of kernel/bpf/syscall.c, Linux 6.18.

use core::fmt;

/// The kind of a program: a newtype over `enum bpf_prog_type`, so that kinds nobody has named yet survive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgType(pub u32);

macro_rules! prog_types {
    ($($konst:ident = $value:literal, $name:literal, $major:literal . $minor:literal;)*) => {
        #[allow(non_upper_case_globals)] // they read as the variants of an enum, and are used as such
        impl ProgType {
            $(#[doc = concat!("`", $name, "`")] pub const $konst: ProgType = ProgType($value);)*

            /// Every kind that has a name, in the kernel's order.
            pub const ALL: &'static [ProgType] = &[$(ProgType($value)),*];

            /// bpftool's name of the kind; `unknown` where there is none.
            pub const fn name(self) -> &'static str {
                match self.0 { $($value => $name,)* _ => "unknown" }
            }

            /// The kind with this name, as [`ProgType::name`] gives it.
            pub fn by_name(name: &str) -> Option<ProgType> {
                match name { $($name => Some(ProgType($value)),)* _ => None }
            }

            /// The first Linux version that has it; (0, 0) where no Linux has, or it has no name.
            pub const fn since(self) -> (u8, u8) {
                match self.0 { $($value => ($major, $minor),)* _ => (0, 0) }
            }
        }
    };
}

prog_types! {
    Unspec = 0, "unspec", 0 . 0;
    SocketFilter = 1, "socket_filter", 3 . 19;
    Kprobe = 2, "kprobe", 4 . 1;
    SchedCls = 3, "sched_cls", 4 . 1;
    SchedAct = 4, "sched_act", 4 . 1;
    Tracepoint = 5, "tracepoint", 4 . 7;
    Xdp = 6, "xdp", 4 . 8;
    PerfEvent = 7, "perf_event", 4 . 9;
    CgroupSkb = 8, "cgroup_skb", 4 . 10;
    CgroupSock = 9, "cgroup_sock", 4 . 10;
    LwtIn = 10, "lwt_in", 4 . 10;
    LwtOut = 11, "lwt_out", 4 . 10;
    LwtXmit = 12, "lwt_xmit", 4 . 10;
    SockOps = 13, "sock_ops", 4 . 13;
    SkSkb = 14, "sk_skb", 4 . 14;
    CgroupDevice = 15, "cgroup_device", 4 . 15;
    SkMsg = 16, "sk_msg", 4 . 17;
    RawTracepoint = 17, "raw_tracepoint", 4 . 17;
    CgroupSockAddr = 18, "cgroup_sock_addr", 4 . 17;
    LwtSeg6local = 19, "lwt_seg6local", 4 . 18;
    LircMode2 = 20, "lirc_mode2", 4 . 18;
    SkReuseport = 21, "sk_reuseport", 4 . 19;
    FlowDissector = 22, "flow_dissector", 4 . 20;
    CgroupSysctl = 23, "cgroup_sysctl", 5 . 2;
    RawTracepointWritable = 24, "raw_tracepoint_writable", 5 . 2;
    CgroupSockopt = 25, "cgroup_sockopt", 5 . 3;
    Tracing = 26, "tracing", 5 . 5;
    StructOps = 27, "struct_ops", 5 . 6;
    Ext = 28, "ext", 5 . 6;
    Lsm = 29, "lsm", 5 . 7;
    SkLookup = 30, "sk_lookup", 5 . 9;
    Syscall = 31, "syscall", 5 . 14;
    Netfilter = 32, "netfilter", 6 . 4;
}

impl fmt::Debug for ProgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "ProgType({})", self.0),
            name => f.write_str(name),
        }
    }
}

impl fmt::Display for ProgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Where a program of a kind attaches: a newtype over `enum bpf_attach_type`, so that places nobody has named
/// yet survive. 0 where a kind has only one place.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttachType(pub u32);

macro_rules! attach_types {
    ($($name:ident = $value:literal, $major:literal . $minor:literal;)*) => {
        impl AttachType {
            $(#[doc = concat!("`BPF_", stringify!($name), "`")] pub const $name: AttachType = AttachType($value);)*

            /// Every attach type that has a name, in the kernel's order.
            pub const ALL: &'static [AttachType] = &[$(AttachType($value)),*];

            /// The kernel's name without `BPF_`; `unknown` where there is none.
            pub const fn name(self) -> &'static str {
                match self.0 { $($value => stringify!($name),)* _ => "unknown" }
            }

            /// The first Linux version that has it; (0, 0) where it has no name.
            pub const fn since(self) -> (u8, u8) {
                match self.0 { $($value => ($major, $minor),)* _ => (0, 0) }
            }
        }
    };
}

attach_types! {
    CGROUP_INET_INGRESS = 0, 4 . 10;
    CGROUP_INET_EGRESS = 1, 4 . 10;
    CGROUP_INET_SOCK_CREATE = 2, 4 . 10;
    CGROUP_SOCK_OPS = 3, 4 . 13;
    SK_SKB_STREAM_PARSER = 4, 4 . 14;
    SK_SKB_STREAM_VERDICT = 5, 4 . 14;
    CGROUP_DEVICE = 6, 4 . 15;
    SK_MSG_VERDICT = 7, 4 . 17;
    CGROUP_INET4_BIND = 8, 4 . 17;
    CGROUP_INET6_BIND = 9, 4 . 17;
    CGROUP_INET4_CONNECT = 10, 4 . 17;
    CGROUP_INET6_CONNECT = 11, 4 . 17;
    CGROUP_INET4_POST_BIND = 12, 4 . 17;
    CGROUP_INET6_POST_BIND = 13, 4 . 17;
    CGROUP_UDP4_SENDMSG = 14, 4 . 18;
    CGROUP_UDP6_SENDMSG = 15, 4 . 18;
    LIRC_MODE2 = 16, 4 . 18;
    FLOW_DISSECTOR = 17, 4 . 20;
    CGROUP_SYSCTL = 18, 5 . 2;
    CGROUP_UDP4_RECVMSG = 19, 5 . 2;
    CGROUP_UDP6_RECVMSG = 20, 5 . 2;
    CGROUP_GETSOCKOPT = 21, 5 . 3;
    CGROUP_SETSOCKOPT = 22, 5 . 3;
    TRACE_RAW_TP = 23, 5 . 5;
    TRACE_FENTRY = 24, 5 . 5;
    TRACE_FEXIT = 25, 5 . 5;
    MODIFY_RETURN = 26, 5 . 7;
    LSM_MAC = 27, 5 . 7;
    TRACE_ITER = 28, 5 . 8;
    CGROUP_INET4_GETPEERNAME = 29, 5 . 8;
    CGROUP_INET6_GETPEERNAME = 30, 5 . 8;
    CGROUP_INET4_GETSOCKNAME = 31, 5 . 8;
    CGROUP_INET6_GETSOCKNAME = 32, 5 . 8;
    XDP_DEVMAP = 33, 5 . 8;
    CGROUP_INET_SOCK_RELEASE = 34, 5 . 9;
    XDP_CPUMAP = 35, 5 . 9;
    SK_LOOKUP = 36, 5 . 9;
    XDP = 37, 5 . 10;
    SK_SKB_VERDICT = 38, 5 . 13;
    SK_REUSEPORT_SELECT = 39, 5 . 14;
    SK_REUSEPORT_SELECT_OR_MIGRATE = 40, 5 . 14;
    PERF_EVENT = 41, 5 . 15;
    TRACE_KPROBE_MULTI = 42, 5 . 18;
    LSM_CGROUP = 43, 6 . 0;
    STRUCT_OPS = 44, 6 . 4;
    NETFILTER = 45, 6 . 4;
    TCX_INGRESS = 46, 6 . 6;
    TCX_EGRESS = 47, 6 . 6;
    TRACE_UPROBE_MULTI = 48, 6 . 6;
    CGROUP_UNIX_CONNECT = 49, 6 . 7;
    CGROUP_UNIX_SENDMSG = 50, 6 . 7;
    CGROUP_UNIX_RECVMSG = 51, 6 . 7;
    CGROUP_UNIX_GETPEERNAME = 52, 6 . 7;
    CGROUP_UNIX_GETSOCKNAME = 53, 6 . 7;
    NETKIT_PRIMARY = 54, 6 . 7;
    NETKIT_PEER = 55, 6 . 7;
    TRACE_KPROBE_SESSION = 56, 6 . 10;
    TRACE_UPROBE_SESSION = 57, 6 . 13;
}

impl fmt::Debug for AttachType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "AttachType({})", self.0),
            name => f.write_str(name),
        }
    }
}

/// Where control groups' socket programs attach.
const SOCKET: &[AttachType] = &[
    AttachType::CGROUP_INET_SOCK_CREATE,
    AttachType::CGROUP_INET_SOCK_RELEASE,
    AttachType::CGROUP_INET4_POST_BIND,
    AttachType::CGROUP_INET6_POST_BIND,
];

/// Where control groups' address programs attach.
const ADDRESS: &[AttachType] = &[
    AttachType::CGROUP_INET4_BIND,
    AttachType::CGROUP_INET6_BIND,
    AttachType::CGROUP_INET4_CONNECT,
    AttachType::CGROUP_INET6_CONNECT,
    AttachType::CGROUP_UNIX_CONNECT,
    AttachType::CGROUP_UDP4_SENDMSG,
    AttachType::CGROUP_UDP6_SENDMSG,
    AttachType::CGROUP_UNIX_SENDMSG,
    AttachType::CGROUP_UDP4_RECVMSG,
    AttachType::CGROUP_UDP6_RECVMSG,
    AttachType::CGROUP_UNIX_RECVMSG,
    AttachType::CGROUP_INET4_GETPEERNAME,
    AttachType::CGROUP_INET6_GETPEERNAME,
    AttachType::CGROUP_UNIX_GETPEERNAME,
    AttachType::CGROUP_INET4_GETSOCKNAME,
    AttachType::CGROUP_INET6_GETSOCKNAME,
    AttachType::CGROUP_UNIX_GETSOCKNAME,
];

/// How trampolines run programs, and how tracepoints and iterators do.
const TRACING: &[AttachType] = &[
    AttachType::TRACE_RAW_TP,
    AttachType::TRACE_ITER,
    AttachType::TRACE_FENTRY,
    AttachType::TRACE_FEXIT,
    AttachType::MODIFY_RETURN,
];

impl ProgType {
    /// The attach types that a program of this kind can be loaded with; `None` if the kind does not care, or, for
    /// struct_ops programs, if it is no attach type but the number of a member.
    pub const fn attach_types(self) -> Option<&'static [AttachType]> {
        Some(match self {
            ProgType::CgroupSock => SOCKET,
            ProgType::CgroupSockAddr => ADDRESS,
            ProgType::CgroupSkb => &[AttachType::CGROUP_INET_INGRESS, AttachType::CGROUP_INET_EGRESS],
            ProgType::CgroupSockopt => &[AttachType::CGROUP_SETSOCKOPT, AttachType::CGROUP_GETSOCKOPT],
            ProgType::SkLookup => &[AttachType::SK_LOOKUP],
            ProgType::SkReuseport => {
                &[AttachType::SK_REUSEPORT_SELECT, AttachType::SK_REUSEPORT_SELECT_OR_MIGRATE]
            }
            ProgType::Netfilter => &[AttachType::NETFILTER],
            ProgType::Syscall | ProgType::Ext => &[AttachType(0)],
            ProgType::Tracing => TRACING,
            ProgType::Lsm => &[AttachType::LSM_MAC, AttachType::LSM_CGROUP],
            _ => return None,
        })
    }

    /// The attach type that a program of this kind has when it is loaded with this one: kinds that once had no attach
    /// type take 0 as their first.
    pub const fn settle(self, attach_type: AttachType) -> AttachType {
        match (self, attach_type.0) {
            (ProgType::CgroupSock, 0) => AttachType::CGROUP_INET_SOCK_CREATE,
            (ProgType::SkReuseport, 0) => AttachType::SK_REUSEPORT_SELECT,
            _ => attach_type,
        }
    }

    /// Whether a program of this kind, with this attach type, may sleep.
    pub const fn may_sleep(self, attach_type: AttachType) -> bool {
        match self {
            ProgType::Tracing => matches!(
                attach_type,
                AttachType::TRACE_FENTRY
                    | AttachType::TRACE_FEXIT
                    | AttachType::MODIFY_RETURN
                    | AttachType::TRACE_ITER
            ),
            // Of kprobes, those of user space.
            ProgType::Lsm | ProgType::Kprobe | ProgType::StructOps | ProgType::Syscall => true,
            _ => false,
        }
    }

    /// Whether a program of this kind is written for something of the kernel's that its load names by BTF.
    pub const fn needs_target(self) -> bool {
        matches!(self, ProgType::Tracing | ProgType::Lsm | ProgType::StructOps | ProgType::Ext)
    }

    /// What a program of this kind does with packets directly, through pointers.
    pub const fn packet_access(self) -> PacketAccess {
        match self {
            ProgType::LwtIn
            | ProgType::LwtOut
            | ProgType::LwtSeg6local
            | ProgType::SkReuseport
            | ProgType::FlowDissector
            | ProgType::CgroupSkb => PacketAccess::Read,
            ProgType::SchedCls
            | ProgType::SchedAct
            | ProgType::Xdp
            | ProgType::LwtXmit
            | ProgType::SkSkb
            | ProgType::SkMsg => PacketAccess::Write,
            // A socket option's value, which every function may be given.
            ProgType::CgroupSockopt => PacketAccess::Value,
            _ => PacketAccess::Loads,
        }
    }

    /// Whether a program of this kind has the instructions that load from a packet by offset.
    pub const fn loads_packet(self) -> bool {
        matches!(self, ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct)
    }
}

/// What programs of a kind may do with packet memory (`may_access_direct_pkt_data`, kernel/bpf/verifier.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketAccess {
    /// Load from it, if they have a pointer to it at all.
    Loads,
    /// Load from it, and give it to functions that take packet memory.
    Read,
    /// The same, and store to it.
    Write,
    /// Load from it, store to it, and give it to any function that takes memory.
    Value,
}

impl PacketAccess {
    /// Whether programs store to it.
    pub const fn stores(self) -> bool {
        matches!(self, PacketAccess::Write | PacketAccess::Value)
    }

    /// Whether they give it to a function, which takes packet memory or does not.
    pub const fn gives(self, takes_packets: bool) -> bool {
        match self {
            PacketAccess::Loads => false,
            PacketAccess::Read | PacketAccess::Write => takes_packets,
            PacketAccess::Value => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds_are_one_to_one() {
        for &kind in ProgType::ALL {
            assert_eq!(ProgType::by_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn kinds_that_had_no_attach_type_have_their_first() {
        for &kind in ProgType::ALL {
            let settled = kind.settle(AttachType(0));
            assert!(
                settled.0 == 0 || kind.attach_types().is_some_and(|types| types.contains(&settled)),
                "{kind}"
            );
        }
    }
}
