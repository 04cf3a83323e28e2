//! The ELF sections that announce programs: what their names say of kind, place, and what the program is for.
//! Source: section names as libbpf documents them (docs/program_types.rst).

use crate::{AttachType, ProgType};

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
    /// Whether the program may sleep.
    pub sleepable: bool,
    /// Whether it works with packets in fragments.
    pub frags: bool,
    /// What `/…` names: with this before it, something that is in the kernel's types.
    pub btf_prefix: Option<&'static str>,
}

/// The attach type of kinds that have only one place.
const ANY: AttachType = AttachType(0);

/// A section of exactly this name.
const fn exact(name: &'static str, prog_type: ProgType, attach_type: AttachType) -> SectionKind {
    SectionKind {
        name,
        target: false,
        prog_type,
        attach_type,
        sleepable: false,
        frags: false,
        btf_prefix: None,
    }
}

/// A section of this name, after which a slash and more may follow.
const fn named(name: &'static str, prog_type: ProgType, attach_type: AttachType) -> SectionKind {
    SectionKind { target: true, ..exact(name, prog_type, attach_type) }
}

/// The same for programs that sleep.
const fn sleeps(kind: SectionKind) -> SectionKind {
    SectionKind { sleepable: true, ..kind }
}

/// The same for programs that work with packets in fragments.
const fn frags(kind: SectionKind) -> SectionKind {
    SectionKind { frags: true, ..kind }
}

/// The same for programs that are written for something in the kernel's types.
const fn of_kernel(prefix: &'static str, kind: SectionKind) -> SectionKind {
    SectionKind { btf_prefix: Some(prefix), ..kind }
}

const fn tracing(name: &'static str, attach_type: AttachType) -> SectionKind {
    of_kernel("", named(name, ProgType::Tracing, attach_type))
}

/// Section names by which an object announces the kinds of its programs; of two that fit, the first counts.
pub static SECTIONS: &[SectionKind] = &[
    named("socket", ProgType::SocketFilter, ANY),
    exact("sk_reuseport/migrate", ProgType::SkReuseport, AttachType::SK_REUSEPORT_SELECT_OR_MIGRATE),
    exact("sk_reuseport", ProgType::SkReuseport, AttachType::SK_REUSEPORT_SELECT),
    named("kprobe", ProgType::Kprobe, ANY),
    named("kretprobe", ProgType::Kprobe, ANY),
    named("uprobe", ProgType::Kprobe, ANY),
    sleeps(named("uprobe.s", ProgType::Kprobe, ANY)),
    named("uretprobe", ProgType::Kprobe, ANY),
    sleeps(named("uretprobe.s", ProgType::Kprobe, ANY)),
    named("kprobe.multi", ProgType::Kprobe, AttachType::TRACE_KPROBE_MULTI),
    named("kretprobe.multi", ProgType::Kprobe, AttachType::TRACE_KPROBE_MULTI),
    named("kprobe.session", ProgType::Kprobe, AttachType::TRACE_KPROBE_SESSION),
    named("uprobe.multi", ProgType::Kprobe, AttachType::TRACE_UPROBE_MULTI),
    sleeps(named("uprobe.multi.s", ProgType::Kprobe, AttachType::TRACE_UPROBE_MULTI)),
    named("uretprobe.multi", ProgType::Kprobe, AttachType::TRACE_UPROBE_MULTI),
    sleeps(named("uretprobe.multi.s", ProgType::Kprobe, AttachType::TRACE_UPROBE_MULTI)),
    named("uprobe.session", ProgType::Kprobe, AttachType::TRACE_UPROBE_SESSION),
    sleeps(named("uprobe.session.s", ProgType::Kprobe, AttachType::TRACE_UPROBE_SESSION)),
    named("ksyscall", ProgType::Kprobe, ANY),
    named("kretsyscall", ProgType::Kprobe, ANY),
    named("usdt", ProgType::Kprobe, ANY),
    sleeps(named("usdt.s", ProgType::Kprobe, ANY)),
    exact("tc/ingress", ProgType::SchedCls, AttachType::TCX_INGRESS),
    exact("tc/egress", ProgType::SchedCls, AttachType::TCX_EGRESS),
    exact("tcx/ingress", ProgType::SchedCls, AttachType::TCX_INGRESS),
    exact("tcx/egress", ProgType::SchedCls, AttachType::TCX_EGRESS),
    exact("netkit/primary", ProgType::SchedCls, AttachType::NETKIT_PRIMARY),
    exact("netkit/peer", ProgType::SchedCls, AttachType::NETKIT_PEER),
    named("tc", ProgType::SchedCls, ANY),
    named("classifier", ProgType::SchedCls, ANY),
    named("action", ProgType::SchedAct, ANY),
    named("tracepoint", ProgType::Tracepoint, ANY),
    named("tp", ProgType::Tracepoint, ANY),
    named("raw_tracepoint", ProgType::RawTracepoint, ANY),
    named("raw_tp", ProgType::RawTracepoint, ANY),
    named("raw_tracepoint.w", ProgType::RawTracepointWritable, ANY),
    named("raw_tp.w", ProgType::RawTracepointWritable, ANY),
    of_kernel("btf_trace_", named("tp_btf", ProgType::Tracing, AttachType::TRACE_RAW_TP)),
    tracing("fentry", AttachType::TRACE_FENTRY),
    sleeps(tracing("fentry.s", AttachType::TRACE_FENTRY)),
    tracing("fmod_ret", AttachType::MODIFY_RETURN),
    sleeps(tracing("fmod_ret.s", AttachType::MODIFY_RETURN)),
    tracing("fexit", AttachType::TRACE_FEXIT),
    sleeps(tracing("fexit.s", AttachType::TRACE_FEXIT)),
    of_kernel("", named("freplace", ProgType::Ext, ANY)),
    of_kernel("bpf_lsm_", named("lsm", ProgType::Lsm, AttachType::LSM_MAC)),
    sleeps(of_kernel("bpf_lsm_", named("lsm.s", ProgType::Lsm, AttachType::LSM_MAC))),
    of_kernel("bpf_lsm_", named("lsm_cgroup", ProgType::Lsm, AttachType::LSM_CGROUP)),
    of_kernel("bpf_iter_", named("iter", ProgType::Tracing, AttachType::TRACE_ITER)),
    sleeps(of_kernel("bpf_iter_", named("iter.s", ProgType::Tracing, AttachType::TRACE_ITER))),
    sleeps(exact("syscall", ProgType::Syscall, ANY)),
    frags(exact("xdp.frags/devmap", ProgType::Xdp, AttachType::XDP_DEVMAP)),
    exact("xdp/devmap", ProgType::Xdp, AttachType::XDP_DEVMAP),
    frags(exact("xdp.frags/cpumap", ProgType::Xdp, AttachType::XDP_CPUMAP)),
    exact("xdp/cpumap", ProgType::Xdp, AttachType::XDP_CPUMAP),
    frags(named("xdp.frags", ProgType::Xdp, AttachType::XDP)),
    named("xdp", ProgType::Xdp, AttachType::XDP),
    named("perf_event", ProgType::PerfEvent, ANY),
    named("lwt_in", ProgType::LwtIn, ANY),
    named("lwt_out", ProgType::LwtOut, ANY),
    named("lwt_xmit", ProgType::LwtXmit, ANY),
    named("lwt_seg6local", ProgType::LwtSeg6local, ANY),
    named("sockops", ProgType::SockOps, AttachType::CGROUP_SOCK_OPS),
    exact("sk_skb/stream_parser", ProgType::SkSkb, AttachType::SK_SKB_STREAM_PARSER),
    exact("sk_skb/stream_verdict", ProgType::SkSkb, AttachType::SK_SKB_STREAM_VERDICT),
    exact("sk_skb/verdict", ProgType::SkSkb, AttachType::SK_SKB_VERDICT),
    named("sk_skb", ProgType::SkSkb, ANY),
    named("sk_msg", ProgType::SkMsg, AttachType::SK_MSG_VERDICT),
    exact("lirc_mode2", ProgType::LircMode2, AttachType::LIRC_MODE2),
    named("flow_dissector", ProgType::FlowDissector, AttachType::FLOW_DISSECTOR),
    exact("cgroup_skb/ingress", ProgType::CgroupSkb, AttachType::CGROUP_INET_INGRESS),
    exact("cgroup_skb/egress", ProgType::CgroupSkb, AttachType::CGROUP_INET_EGRESS),
    exact("cgroup/skb", ProgType::CgroupSkb, ANY),
    exact("cgroup/sock_create", ProgType::CgroupSock, AttachType::CGROUP_INET_SOCK_CREATE),
    exact("cgroup/sock_release", ProgType::CgroupSock, AttachType::CGROUP_INET_SOCK_RELEASE),
    exact("cgroup/sock", ProgType::CgroupSock, AttachType::CGROUP_INET_SOCK_CREATE),
    exact("cgroup/post_bind4", ProgType::CgroupSock, AttachType::CGROUP_INET4_POST_BIND),
    exact("cgroup/post_bind6", ProgType::CgroupSock, AttachType::CGROUP_INET6_POST_BIND),
    exact("cgroup/bind4", ProgType::CgroupSockAddr, AttachType::CGROUP_INET4_BIND),
    exact("cgroup/bind6", ProgType::CgroupSockAddr, AttachType::CGROUP_INET6_BIND),
    exact("cgroup/connect4", ProgType::CgroupSockAddr, AttachType::CGROUP_INET4_CONNECT),
    exact("cgroup/connect6", ProgType::CgroupSockAddr, AttachType::CGROUP_INET6_CONNECT),
    exact("cgroup/connect_unix", ProgType::CgroupSockAddr, AttachType::CGROUP_UNIX_CONNECT),
    exact("cgroup/sendmsg4", ProgType::CgroupSockAddr, AttachType::CGROUP_UDP4_SENDMSG),
    exact("cgroup/sendmsg6", ProgType::CgroupSockAddr, AttachType::CGROUP_UDP6_SENDMSG),
    exact("cgroup/sendmsg_unix", ProgType::CgroupSockAddr, AttachType::CGROUP_UNIX_SENDMSG),
    exact("cgroup/recvmsg4", ProgType::CgroupSockAddr, AttachType::CGROUP_UDP4_RECVMSG),
    exact("cgroup/recvmsg6", ProgType::CgroupSockAddr, AttachType::CGROUP_UDP6_RECVMSG),
    exact("cgroup/recvmsg_unix", ProgType::CgroupSockAddr, AttachType::CGROUP_UNIX_RECVMSG),
    exact("cgroup/getpeername4", ProgType::CgroupSockAddr, AttachType::CGROUP_INET4_GETPEERNAME),
    exact("cgroup/getpeername6", ProgType::CgroupSockAddr, AttachType::CGROUP_INET6_GETPEERNAME),
    exact("cgroup/getpeername_unix", ProgType::CgroupSockAddr, AttachType::CGROUP_UNIX_GETPEERNAME),
    exact("cgroup/getsockname4", ProgType::CgroupSockAddr, AttachType::CGROUP_INET4_GETSOCKNAME),
    exact("cgroup/getsockname6", ProgType::CgroupSockAddr, AttachType::CGROUP_INET6_GETSOCKNAME),
    exact("cgroup/getsockname_unix", ProgType::CgroupSockAddr, AttachType::CGROUP_UNIX_GETSOCKNAME),
    exact("cgroup/sysctl", ProgType::CgroupSysctl, AttachType::CGROUP_SYSCTL),
    exact("cgroup/getsockopt", ProgType::CgroupSockopt, AttachType::CGROUP_GETSOCKOPT),
    exact("cgroup/setsockopt", ProgType::CgroupSockopt, AttachType::CGROUP_SETSOCKOPT),
    exact("cgroup/dev", ProgType::CgroupDevice, AttachType::CGROUP_DEVICE),
    named("struct_ops", ProgType::StructOps, ANY),
    sleeps(named("struct_ops.s", ProgType::StructOps, ANY)),
    named("sk_lookup", ProgType::SkLookup, AttachType::SK_LOOKUP),
    exact("netfilter", ProgType::Netfilter, AttachType::NETFILTER),
];

/// What a program section's name says; `None` for names that announce nothing.
///
/// ```
/// use skep_abi::{ProgType, section_kind};
/// assert_eq!(section_kind("xdp/drop_all").unwrap().prog_type, ProgType::Xdp);
/// assert!(section_kind("xdpfoo").is_none());
/// ```
pub fn section_kind(name: &str) -> Option<&'static SectionKind> {
    let name = loaded(name);
    SECTIONS.iter().find(|kind| match name.strip_prefix(kind.name) {
        Some("") => true,
        Some(rest) => kind.target && rest.starts_with('/'),
        None => false,
    })
}

/// The name without libbpf's optional mark: `?` keeps a program from being loaded by default.
fn loaded(name: &str) -> &str {
    name.strip_prefix('?').unwrap_or(name)
}

impl SectionKind {
    /// What a program in the section of this name is written for, by its name in the kernel's types; `None` if the
    /// kind is written for nothing there, or the name does not say for what.
    ///
    /// ```
    /// use skep_abi::section_kind;
    /// let section = "tp_btf/task_newtask";
    /// let target = section_kind(section).unwrap().kernel_target(section);
    /// assert_eq!(target.as_deref(), Some("btf_trace_task_newtask"));
    /// ```
    pub fn kernel_target(&self, section: &str) -> Option<String> {
        let prefix = self.btf_prefix?;
        let target = loaded(section).strip_prefix(self.name)?.strip_prefix('/')?;
        (!target.is_empty()).then(|| format!("{prefix}{target}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_with_a_fixed_name_takes_no_target() {
        assert_eq!(section_kind("tc/ingress").map(|s| s.attach_type), Some(AttachType::TCX_INGRESS));
        assert_eq!(section_kind("tc/other").map(|s| s.attach_type), Some(ANY));
        assert_eq!(section_kind("?socket").map(|s| s.prog_type), Some(ProgType::SocketFilter));
        assert_eq!(section_kind("syscall/x"), None);
    }

    #[test]
    fn every_kind_is_announced_as_it_can_be_loaded() {
        for kind in ProgType::ALL.iter().filter(|kind| **kind != ProgType::Unspec) {
            assert!(SECTIONS.iter().any(|section| section.prog_type == *kind), "{kind}");
        }
        for section in SECTIONS {
            let attach_type = section.prog_type.settle(section.attach_type);
            let types = section.prog_type.attach_types();
            assert!(types.is_none_or(|types| types.contains(&attach_type)), "{}", section.name);
            assert!(!section.sleepable || section.prog_type.may_sleep(attach_type), "{}", section.name);
            assert_eq!(section_kind(section.name), Some(section), "{}", section.name);
        }
    }

    #[test]
    fn targets_are_names_in_the_kernels_types() {
        let target = |name: &str| section_kind(name).and_then(|section| section.kernel_target(name));
        assert_eq!(target("?fentry.s/bpf_check").as_deref(), Some("bpf_check"));
        assert_eq!(target("lsm.s/file_open").as_deref(), Some("bpf_lsm_file_open"));
        assert_eq!(target("iter/task").as_deref(), Some("bpf_iter_task"));
        assert_eq!((target("fentry"), target("kprobe/do_unlinkat")), (None, None));
    }
}
