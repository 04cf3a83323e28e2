//! Which programs may make a call: the kinds, and where they attach if that matters.
//! Source: the `get_func_proto` of the kinds of program (kernel/trace/bpf_trace.c, kernel/bpf/cgroup.c,
//! kernel/bpf/bpf_lsm.c, net/core/filter.c), and what a running Linux 6.18 lets each kind call.

use crate::AttachType as At;
use crate::ProgType as P;

/// The programs that may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// Every kind.
    All,
    /// Every kind but `lirc_mode2`, which has a short list of its own.
    Common,
    /// These kinds.
    Only(&'static [P]),
    /// These kinds, where they attach so.
    Places(&'static [Place]),
}

/// A kind of program, and where it attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The kind.
    pub prog_type: P,
    /// Where it attaches.
    pub attach: Attach,
}

/// Where a program attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// Anywhere.
    Any,
    /// To one of these.
    To(&'static [At]),
    /// To none of these.
    NotTo(&'static [At]),
}

impl Programs {
    /// Whether a program of this kind, attached so, is among them.
    pub fn contain(&self, prog_type: P, attach_type: At) -> bool {
        match *self {
            Programs::All => true,
            Programs::Common => prog_type != P::LircMode2,
            Programs::Only(kinds) => kinds.contains(&prog_type),
            Programs::Places(places) => {
                places.iter().any(|place| place.prog_type == prog_type && place.attach.includes(attach_type))
            }
        }
    }

    /// The kinds among them, wherever they attach; `None` for every kind.
    pub fn kinds(&self) -> Option<Vec<P>> {
        match *self {
            Programs::All | Programs::Common => None,
            Programs::Only(kinds) => Some(kinds.to_vec()),
            Programs::Places(places) => Some(places.iter().map(|place| place.prog_type).collect()),
        }
    }
}

impl Attach {
    fn includes(&self, attach_type: At) -> bool {
        match self {
            Attach::Any => true,
            Attach::To(list) => list.contains(&attach_type),
            Attach::NotTo(list) => !list.contains(&attach_type),
        }
    }
}

const fn any(prog_type: P) -> Place {
    Place { prog_type, attach: Attach::Any }
}

const fn to(prog_type: P, list: &'static [At]) -> Place {
    Place { prog_type, attach: Attach::To(list) }
}

const fn not_to(prog_type: P, list: &'static [At]) -> Place {
    Place { prog_type, attach: Attach::NotTo(list) }
}

macro_rules! sets {
    ($($name:ident = $($kind:ident)+;)*) => {
        $(pub(super) const $name: Programs = Programs::Only(&[$(P::$kind),+]);)*
    };
}

sets! {
    // Packets.
    XDP = Xdp;
    TC = SchedCls SchedAct;
    TC_XMIT = SchedCls SchedAct LwtXmit;
    TC_XMIT_XDP = SchedCls SchedAct LwtXmit Xdp;
    TC_XMIT_SKB = SchedCls SchedAct LwtXmit SkSkb;
    TC_XDP = SchedCls SchedAct Xdp;
    TC_SK_SKB = SchedCls SchedAct SkSkb;
    TC_LWT = SchedCls SchedAct LwtIn LwtOut LwtXmit LwtSeg6local;
    TC_LWT_XDP = SchedCls SchedAct LwtIn LwtOut LwtXmit LwtSeg6local Xdp;
    TC_LWT_SKB = SchedCls SchedAct LwtIn LwtOut LwtXmit LwtSeg6local SkSkb;
    LWT_PUSH = LwtIn LwtXmit;
    SEG6 = LwtSeg6local;
    SKB = SocketFilter SchedCls SchedAct CgroupSkb LwtIn LwtOut LwtXmit LwtSeg6local SkSkb SkReuseport
        FlowDissector;
    RELATIVE = SocketFilter SchedCls SchedAct CgroupSkb SkReuseport;
    SOCKET_UID = SocketFilter SchedCls SchedAct CgroupSkb SkSkb;
    SKB_CGROUP = SchedCls SchedAct CgroupSkb;
    // Sockets.
    CGROUP_SKB = CgroupSkb;
    LOOKUP = SchedCls SchedAct CgroupSkb SkSkb Xdp;
    RELEASE = SchedCls SchedAct CgroupSkb CgroupSockAddr SkSkb SkLookup Xdp;
    TCP_SOCK = SchedCls SchedAct CgroupSkb CgroupSockopt SockOps;
    CASTS = SocketFilter SchedCls SchedAct Xdp CgroupSkb LwtIn LwtOut LwtXmit SockOps SkSkb SkMsg CgroupSockAddr
        LwtSeg6local FlowDissector SkLookup Tracing Lsm Syscall;
    COOKIE = SocketFilter SchedCls SchedAct CgroupSkb CgroupSock CgroupSockAddr SkSkb SockOps;
    COOKIE_OF_SOCKET = SkReuseport Tracing Lsm Syscall;
    NETNS_COOKIE = SocketFilter SchedCls SchedAct CgroupSkb CgroupSock CgroupSockAddr CgroupSockopt SkMsg SockOps;
    SK_STORAGE_GET = SchedCls SchedAct CgroupSkb CgroupSockAddr CgroupSockopt SkMsg SockOps StructOps Lsm;
    SK_STORAGE_DELETE = SchedCls SchedAct CgroupSkb CgroupSockAddr CgroupSockopt SkMsg SockOps StructOps Lsm;
    CGROUP_SOCK = CgroupSock;
    TRACE_SOCK = Tracing Syscall;
    SOCK_ADDR = CgroupSockAddr;
    SOCK_OPS = SockOps;
    SK_MSG = SkMsg;
    SK_SKB = SkSkb;
    SK_LOOKUP = SkLookup;
    SK_REUSEPORT = SkReuseport;
    TCP_CC = StructOps;
    SYSCTL = CgroupSysctl;
    LOCAL_STORAGE = CgroupSkb CgroupSock CgroupSockAddr CgroupSockopt CgroupSysctl CgroupDevice SockOps;
    // Tracing and the kernel's own.
    TRACE = Kprobe Tracepoint PerfEvent RawTracepoint RawTracepointWritable Tracing Lsm Syscall;
    BTF_TRACE = Tracing Lsm Syscall;
    PERF_EVENT = PerfEvent;
    KPROBE = Kprobe;
    LSM = Lsm;
    SYSCALL = Syscall;
    LIRC = LircMode2;
    PERF_OUTPUT = SocketFilter Kprobe SchedCls SchedAct Tracepoint Xdp PerfEvent CgroupSkb CgroupSock LwtIn LwtOut
        LwtXmit SockOps SkSkb CgroupDevice SkMsg RawTracepoint CgroupSockAddr LwtSeg6local CgroupSysctl
        RawTracepointWritable CgroupSockopt SkLookup Tracing Lsm Syscall;
    // The kernel's functions: their lists name hooks that several kinds share.
    OBSERVERS = Tracepoint PerfEvent Tracing Lsm;
    CPUMASK = Tracepoint PerfEvent Tracing Lsm Syscall StructOps;
    GENERIC = Tracepoint PerfEvent Tracing Lsm CgroupSkb CgroupSock SockOps CgroupDevice CgroupSockAddr CgroupSysctl
        CgroupSockopt SchedCls Xdp Syscall StructOps;
    ON_CGROUP = CgroupSkb CgroupSock SockOps CgroupDevice CgroupSockAddr CgroupSysctl CgroupSockopt;
    SKB_DYNPTR = Tracepoint PerfEvent Tracing Lsm CgroupSkb CgroupSock SockOps CgroupDevice CgroupSockAddr
        CgroupSysctl CgroupSockopt LwtIn LwtOut LwtXmit LwtSeg6local SocketFilter SchedCls SchedAct SkSkb Netfilter;
    TEST_OBJECTS = Tracepoint PerfEvent Tracing Lsm SchedCls Syscall;
    CLS = SchedCls;
    CLS_XDP = SchedCls Xdp;
    STRUCT_OPS = StructOps;
    COARSE = SocketFilter SchedCls SchedAct Xdp CgroupSkb CgroupSock LwtIn LwtOut LwtXmit SockOps SkSkb SkMsg
        CgroupSockAddr LwtSeg6local SkReuseport FlowDissector CgroupSysctl SkLookup StructOps;
}

/// Only tracing programs attach to them.
pub(super) const NOBODY: Programs = Programs::Only(&[]);

/// Trampolines: programs that find a function's arguments in their context.
const TRAMPOLINES: &[At] = &[At::TRACE_FENTRY, At::TRACE_FEXIT, At::MODIFY_RETURN];

pub(super) const TRAMPOLINE: Programs =
    Programs::Places(&[to(P::Tracing, TRAMPOLINES), to(P::Lsm, &[At::LSM_MAC])]);

pub(super) const ATTACH_COOKIE: Programs = Programs::Places(&[
    any(P::Kprobe),
    any(P::Tracepoint),
    any(P::PerfEvent),
    any(P::RawTracepoint),
    any(P::RawTracepointWritable),
    to(P::Tracing, &[At::TRACE_RAW_TP, At::TRACE_FENTRY, At::TRACE_FEXIT, At::MODIFY_RETURN]),
    to(P::Lsm, &[At::LSM_MAC]),
]);

pub(super) const ITER: Programs = Programs::Places(&[to(P::Tracing, &[At::TRACE_ITER])]);

pub(super) const SESSION: Programs = Programs::Places(&[to(P::Kprobe, &[At::TRACE_KPROBE_SESSION])]);

/// Those whose context knows the socket's options. Options set while `connect` and the like run are the socket's own.
pub(super) const SOCK_OPTIONS: Programs = Programs::Places(&[any(P::CgroupSockAddr), any(P::SockOps)]);

/// Those that are handed the socket itself.
pub(super) const SOCK_OBJECT_OPTIONS: Programs =
    Programs::Places(&[any(P::StructOps), to(P::CgroupSockopt, &[At::CGROUP_SETSOCKOPT])]);

pub(super) const BIND: Programs =
    Programs::Places(&[to(P::CgroupSockAddr, &[At::CGROUP_INET4_CONNECT, At::CGROUP_INET6_CONNECT])]);

/// Socket addresses where the caller has no result that could be changed.
const NO_RESULT: &[At] = &[
    At::CGROUP_UDP4_RECVMSG,
    At::CGROUP_UDP6_RECVMSG,
    At::CGROUP_UNIX_RECVMSG,
    At::CGROUP_INET4_GETPEERNAME,
    At::CGROUP_INET6_GETPEERNAME,
    At::CGROUP_UNIX_GETPEERNAME,
    At::CGROUP_INET4_GETSOCKNAME,
    At::CGROUP_INET6_GETSOCKNAME,
    At::CGROUP_UNIX_GETSOCKNAME,
];

pub(super) const RETVAL: Programs = Programs::Places(&[
    any(P::CgroupSock),
    any(P::CgroupDevice),
    any(P::CgroupSysctl),
    any(P::CgroupSockopt),
    not_to(P::CgroupSockAddr, NO_RESULT),
    to(P::Lsm, &[At::LSM_CGROUP]),
]);
