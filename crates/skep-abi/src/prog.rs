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

/// What an attach type does to a program: a newtype over `enum bpf_attach_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AttachType(pub u32);

impl AttachType {
    /// `BPF_XDP`
    pub const XDP: AttachType = AttachType(37);
    /// `BPF_XDP_DEVMAP`
    pub const XDP_DEVMAP: AttachType = AttachType(35);
    /// `BPF_XDP_CPUMAP`
    pub const XDP_CPUMAP: AttachType = AttachType(36);
    /// `BPF_TCX_INGRESS`
    pub const TCX_INGRESS: AttachType = AttachType(46);
    /// `BPF_TCX_EGRESS`
    pub const TCX_EGRESS: AttachType = AttachType(47);
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

const fn section(name: &'static str, target: bool, prog_type: ProgType, attach_type: u32) -> SectionKind {
    SectionKind { name, target, prog_type, attach_type: AttachType(attach_type) }
}

/// Section names by which an object announces the kinds of its programs.
pub static SECTIONS: &[SectionKind] = &[
    section("socket", true, ProgType::SocketFilter, 0),
    section("xdp.frags/devmap", false, ProgType::Xdp, 35),
    section("xdp/devmap", false, ProgType::Xdp, 35),
    section("xdp.frags/cpumap", false, ProgType::Xdp, 36),
    section("xdp/cpumap", false, ProgType::Xdp, 36),
    section("xdp.frags", true, ProgType::Xdp, 37),
    section("xdp", true, ProgType::Xdp, 37),
    section("tc/ingress", false, ProgType::SchedCls, 46),
    section("tc/egress", false, ProgType::SchedCls, 47),
    section("tcx/ingress", false, ProgType::SchedCls, 46),
    section("tcx/egress", false, ProgType::SchedCls, 47),
    section("netkit/primary", false, ProgType::SchedCls, 54),
    section("netkit/peer", false, ProgType::SchedCls, 55),
    section("tc", true, ProgType::SchedCls, 0),
    section("classifier", true, ProgType::SchedCls, 0),
    section("action", true, ProgType::SchedAct, 0),
    section("cgroup_skb/ingress", false, ProgType::CgroupSkb, 0),
    section("cgroup_skb/egress", false, ProgType::CgroupSkb, 1),
    section("cgroup/skb", false, ProgType::CgroupSkb, 0),
    section("kprobe", true, ProgType::Kprobe, 0),
    section("tracepoint", true, ProgType::Tracepoint, 0),
    section("tp", true, ProgType::Tracepoint, 0),
    section("raw_tp", true, ProgType::RawTracepoint, 0),
    section("perf_event", true, ProgType::PerfEvent, 0),
    section("syscall", false, ProgType::Syscall, 0),
    section("sk_lookup", true, ProgType::SkLookup, 36),
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
        assert_eq!(section_kind("tc/other").map(|s| s.attach_type), Some(AttachType(0)));
        assert_eq!(section_kind("?socket").map(|s| s.prog_type), Some(ProgType::SocketFilter));
        assert_eq!(section_kind("syscall/x"), None);
    }
}
