//! The kinds of program, the ELF sections that announce them, and what their return values mean.
//! Source: `enum bpf_prog_type`, `enum xdp_action` and `TC_ACT_*` of include/uapi/linux, Linux 6.18;
//! section names as libbpf documents them (docs/program_types.rst).

use core::fmt;

/// The kind of a program: a newtype over `enum bpf_prog_type`, so that kinds nobody has named yet survive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgType(pub u32);

macro_rules! prog_types {
    ($($konst:ident = $value:literal, $name:literal;)*) => {
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
        }
    };
}

prog_types! {
    Unspec = 0, "unspec";
    SocketFilter = 1, "socket_filter";
    Kprobe = 2, "kprobe";
    SchedCls = 3, "sched_cls";
    SchedAct = 4, "sched_act";
    Tracepoint = 5, "tracepoint";
    Xdp = 6, "xdp";
    PerfEvent = 7, "perf_event";
    CgroupSkb = 8, "cgroup_skb";
    CgroupSock = 9, "cgroup_sock";
    LwtIn = 10, "lwt_in";
    LwtOut = 11, "lwt_out";
    LwtXmit = 12, "lwt_xmit";
    SockOps = 13, "sock_ops";
    SkSkb = 14, "sk_skb";
    CgroupDevice = 15, "cgroup_device";
    SkMsg = 16, "sk_msg";
    RawTracepoint = 17, "raw_tracepoint";
    CgroupSockAddr = 18, "cgroup_sock_addr";
    LwtSeg6local = 19, "lwt_seg6local";
    LircMode2 = 20, "lirc_mode2";
    SkReuseport = 21, "sk_reuseport";
    FlowDissector = 22, "flow_dissector";
    CgroupSysctl = 23, "cgroup_sysctl";
    RawTracepointWritable = 24, "raw_tracepoint_writable";
    CgroupSockopt = 25, "cgroup_sockopt";
    Tracing = 26, "tracing";
    StructOps = 27, "struct_ops";
    Ext = 28, "ext";
    Lsm = 29, "lsm";
    SkLookup = 30, "sk_lookup";
    Syscall = 31, "syscall";
    Netfilter = 32, "netfilter";
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
    ($($name:ident = $value:literal;)*) => {
        impl AttachType {
            $(#[doc = concat!("`BPF_", stringify!($name), "`")] pub const $name: AttachType = AttachType($value);)*

            /// Every attach type that has a name, in the kernel's order.
            pub const ALL: &'static [AttachType] = &[$(AttachType($value)),*];

            /// The kernel's name without `BPF_`; `unknown` where there is none.
            pub const fn name(self) -> &'static str {
                match self.0 { $($value => stringify!($name),)* _ => "unknown" }
            }
        }
    };
}

attach_types! {
    CGROUP_INET_INGRESS = 0;
    CGROUP_INET_EGRESS = 1;
    CGROUP_INET_SOCK_CREATE = 2;
    CGROUP_SOCK_OPS = 3;
    SK_SKB_STREAM_PARSER = 4;
    SK_SKB_STREAM_VERDICT = 5;
    CGROUP_DEVICE = 6;
    SK_MSG_VERDICT = 7;
    CGROUP_INET4_BIND = 8;
    CGROUP_INET6_BIND = 9;
    CGROUP_INET4_CONNECT = 10;
    CGROUP_INET6_CONNECT = 11;
    CGROUP_INET4_POST_BIND = 12;
    CGROUP_INET6_POST_BIND = 13;
    CGROUP_UDP4_SENDMSG = 14;
    CGROUP_UDP6_SENDMSG = 15;
    LIRC_MODE2 = 16;
    FLOW_DISSECTOR = 17;
    CGROUP_SYSCTL = 18;
    CGROUP_UDP4_RECVMSG = 19;
    CGROUP_UDP6_RECVMSG = 20;
    CGROUP_GETSOCKOPT = 21;
    CGROUP_SETSOCKOPT = 22;
    TRACE_RAW_TP = 23;
    TRACE_FENTRY = 24;
    TRACE_FEXIT = 25;
    MODIFY_RETURN = 26;
    LSM_MAC = 27;
    TRACE_ITER = 28;
    CGROUP_INET4_GETPEERNAME = 29;
    CGROUP_INET6_GETPEERNAME = 30;
    CGROUP_INET4_GETSOCKNAME = 31;
    CGROUP_INET6_GETSOCKNAME = 32;
    XDP_DEVMAP = 33;
    CGROUP_INET_SOCK_RELEASE = 34;
    XDP_CPUMAP = 35;
    SK_LOOKUP = 36;
    XDP = 37;
    SK_SKB_VERDICT = 38;
    SK_REUSEPORT_SELECT = 39;
    SK_REUSEPORT_SELECT_OR_MIGRATE = 40;
    PERF_EVENT = 41;
    TRACE_KPROBE_MULTI = 42;
    LSM_CGROUP = 43;
    STRUCT_OPS = 44;
    NETFILTER = 45;
    TCX_INGRESS = 46;
    TCX_EGRESS = 47;
    TRACE_UPROBE_MULTI = 48;
    CGROUP_UNIX_CONNECT = 49;
    CGROUP_UNIX_SENDMSG = 50;
    CGROUP_UNIX_RECVMSG = 51;
    CGROUP_UNIX_GETPEERNAME = 52;
    CGROUP_UNIX_GETSOCKNAME = 53;
    NETKIT_PRIMARY = 54;
    NETKIT_PEER = 55;
    TRACE_KPROBE_SESSION = 56;
    TRACE_UPROBE_SESSION = 57;
}

impl fmt::Debug for AttachType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "AttachType({})", self.0),
            name => f.write_str(name),
        }
    }
}

/// What a section name says of the programs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionKind {
    /// The name, or its part before a slash.
    pub name: &'static str,
    /// Whether `/…` may follow.
    pub target: bool,
    /// The kind of program.
    pub prog_type: ProgType,
    /// The attach type it is loaded with; 0 where the kind has none.
    pub attach_type: AttachType,
}

/// The attach type of kinds that have only one place.
const ANY: AttachType = AttachType(0);

const fn section(
    name: &'static str,
    target: bool,
    prog_type: ProgType,
    attach_type: AttachType,
) -> SectionKind {
    SectionKind { name, target, prog_type, attach_type }
}

/// Section names by which an object announces the kinds of its programs.
pub static SECTIONS: &[SectionKind] = &[
    section("socket", true, ProgType::SocketFilter, ANY),
    section("xdp.frags/devmap", false, ProgType::Xdp, AttachType::XDP_DEVMAP),
    section("xdp/devmap", false, ProgType::Xdp, AttachType::XDP_DEVMAP),
    section("xdp.frags/cpumap", false, ProgType::Xdp, AttachType::XDP_CPUMAP),
    section("xdp/cpumap", false, ProgType::Xdp, AttachType::XDP_CPUMAP),
    section("xdp.frags", true, ProgType::Xdp, AttachType::XDP),
    section("xdp", true, ProgType::Xdp, AttachType::XDP),
    section("tc/ingress", false, ProgType::SchedCls, AttachType::TCX_INGRESS),
    section("tc/egress", false, ProgType::SchedCls, AttachType::TCX_EGRESS),
    section("tcx/ingress", false, ProgType::SchedCls, AttachType::TCX_INGRESS),
    section("tcx/egress", false, ProgType::SchedCls, AttachType::TCX_EGRESS),
    section("netkit/primary", false, ProgType::SchedCls, AttachType::NETKIT_PRIMARY),
    section("netkit/peer", false, ProgType::SchedCls, AttachType::NETKIT_PEER),
    section("tc", true, ProgType::SchedCls, ANY),
    section("classifier", true, ProgType::SchedCls, ANY),
    section("action", true, ProgType::SchedAct, ANY),
    section("cgroup_skb/ingress", false, ProgType::CgroupSkb, AttachType::CGROUP_INET_INGRESS),
    section("cgroup_skb/egress", false, ProgType::CgroupSkb, AttachType::CGROUP_INET_EGRESS),
    section("cgroup/skb", false, ProgType::CgroupSkb, AttachType::CGROUP_INET_INGRESS),
    section("kprobe", true, ProgType::Kprobe, ANY),
    section("tracepoint", true, ProgType::Tracepoint, ANY),
    section("tp", true, ProgType::Tracepoint, ANY),
    section("raw_tp", true, ProgType::RawTracepoint, ANY),
    section("perf_event", true, ProgType::PerfEvent, ANY),
    section("syscall", false, ProgType::Syscall, ANY),
    section("sk_lookup", true, ProgType::SkLookup, AttachType::SK_LOOKUP),
];

/// What a program section's name says; `None` for names that announce nothing.
///
/// ```
/// use skep_abi::{ProgType, section_kind};
/// assert_eq!(section_kind("xdp/drop_all").unwrap().prog_type, ProgType::Xdp);
/// assert!(section_kind("xdpfoo").is_none());
/// ```
pub fn section_kind(name: &str) -> Option<&'static SectionKind> {
    // libbpf's optional mark: `?` keeps a program from being loaded by default.
    let name = name.strip_prefix('?').unwrap_or(name);
    SECTIONS.iter().find(|kind| match name.strip_prefix(kind.name) {
        Some("") => true,
        Some(rest) => kind.target && rest.starts_with('/'),
        None => false,
    })
}

impl ProgType {
    /// What a return value means to the place that ran the program, where values have names.
    pub fn verdict(self, retval: u32) -> Option<&'static str> {
        match self {
            ProgType::Xdp => match retval {
                0 => Some("ABORTED"),
                1 => Some("DROP"),
                2 => Some("PASS"),
                3 => Some("TX"),
                4 => Some("REDIRECT"),
                _ => None,
            },
            ProgType::SchedCls | ProgType::SchedAct => match retval as i32 {
                -1 => Some("UNSPEC"),
                0 => Some("OK"),
                1 => Some("RECLASSIFY"),
                2 => Some("SHOT"),
                3 => Some("PIPE"),
                4 => Some("STOLEN"),
                5 => Some("QUEUED"),
                6 => Some("REPEAT"),
                7 => Some("REDIRECT"),
                8 => Some("TRAP"),
                _ => None,
            },
            ProgType::SocketFilter => Some(if retval == 0 { "DROP" } else { "KEEP" }),
            _ => None,
        }
    }

    /// Whether a packet goes on after this return value: to the stack, out again or elsewhere, rather than
    /// nowhere. Socket filters keep the first `retval` bytes.
    pub fn passes(self, retval: u32) -> bool {
        match self {
            ProgType::Xdp => matches!(retval, 2..=4),
            ProgType::SchedCls | ProgType::SchedAct => !matches!(retval, 2 | 4 | 5 | 8),
            _ => retval != 0,
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
    fn a_section_with_a_fixed_name_takes_no_target() {
        assert_eq!(section_kind("tc/ingress").map(|s| s.attach_type), Some(AttachType::TCX_INGRESS));
        assert_eq!(section_kind("tc/other").map(|s| s.attach_type), Some(ANY));
        assert_eq!(section_kind("?socket").map(|s| s.prog_type), Some(ProgType::SocketFilter));
        assert_eq!(section_kind("syscall/x"), None);
    }
}
