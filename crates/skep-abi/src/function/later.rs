//! Calls that some kinds of program may make only since a later version than others: the function's own row says since
//! when there is such a function at all, and what the latest version lets each kind call.
//! Source: what running Linux 6.1, 6.12 and 6.18 let each kind call. Where the version between that brought a call is
//! not known, the first one that was asked stands here.

use super::programs::Programs::{self, Only, Places};
use super::programs::{Attach, Place};
use crate::AttachType as At;
use crate::ProgType as P;

/// Functions, with programs that may call them only since a version.
pub(super) struct Later {
    pub(super) since: (u8, u8),
    pub(super) functions: &'static [&'static str],
    pub(super) programs: Programs,
}

/// Kinds that don't observe the kernel.
const NOT_TRACING: Programs = Only(&[
    P::SocketFilter,
    P::SchedCls,
    P::SchedAct,
    P::Xdp,
    P::CgroupSkb,
    P::CgroupSock,
    P::LwtIn,
    P::LwtOut,
    P::LwtXmit,
    P::SockOps,
    P::SkSkb,
    P::CgroupDevice,
    P::SkMsg,
    P::CgroupSockAddr,
    P::LwtSeg6local,
    P::SkReuseport,
    P::FlowDissector,
    P::CgroupSysctl,
    P::CgroupSockopt,
    P::StructOps,
    P::SkLookup,
    P::Netfilter,
]);

/// Those of them that run for packets and sockets rather than for a task.
const FOR_PACKETS: &[P] = &[
    P::SocketFilter,
    P::SchedCls,
    P::SchedAct,
    P::Xdp,
    P::CgroupSkb,
    P::LwtIn,
    P::LwtOut,
    P::LwtXmit,
    P::SockOps,
    P::SkSkb,
    P::LwtSeg6local,
    P::SkReuseport,
    P::FlowDissector,
    P::StructOps,
    P::SkLookup,
    P::Netfilter,
];

/// Those that run for a task of a control group.
const FOR_TASKS: Programs =
    Only(&[P::CgroupDevice, P::CgroupSock, P::CgroupSockAddr, P::CgroupSockopt, P::CgroupSysctl]);

pub(super) static LATER: &[Later] = &[
    Later { since: (6, 10), functions: &["bpf_get_ns_current_pid_tgid"], programs: NOT_TRACING },
    Later {
        since: (6, 10),
        functions: &[
            "bpf_get_current_ancestor_cgroup_id",
            "bpf_get_current_cgroup_id",
            "bpf_get_current_pid_tgid",
        ],
        programs: Only(FOR_PACKETS),
    },
    Later { since: (6, 10), functions: &["bpf_current_task_under_cgroup"], programs: FOR_TASKS },
    Later {
        since: (6, 10),
        functions: &["bpf_get_attach_cookie"],
        programs: Places(&[
            Place { prog_type: P::RawTracepoint, attach: Attach::Any },
            Place { prog_type: P::RawTracepointWritable, attach: Attach::Any },
            Place { prog_type: P::Tracing, attach: Attach::To(&[At::TRACE_RAW_TP]) },
        ]),
    },
    Later {
        since: (6, 15),
        functions: &["bpf_get_netns_cookie"],
        programs: Only(&[P::SocketFilter, P::SchedCls, P::SchedAct, P::CgroupSkb]),
    },
    Later {
        since: (6, 16),
        functions: &[
            "bpf_copy_from_user",
            "bpf_copy_from_user_task",
            "bpf_find_vma",
            "bpf_get_branch_snapshot",
            "bpf_get_task_stack",
            "bpf_perf_event_read",
            "bpf_perf_event_read_value",
            "bpf_send_signal",
            "bpf_send_signal_thread",
            "bpf_task_storage_get",
            "bpf_task_storage_delete",
        ],
        programs: NOT_TRACING,
    },
    Later {
        since: (6, 16),
        functions: &["bpf_current_task_under_cgroup", "bpf_get_current_comm", "bpf_get_current_uid_gid"],
        programs: Only(FOR_PACKETS),
    },
    Later {
        since: (6, 16),
        functions: &["bpf_current_task_under_cgroup", "bpf_get_current_comm"],
        programs: Only(&[P::SkMsg]),
    },
    Later {
        since: (6, 16),
        functions: &["bpf_get_cgroup_classid"],
        programs: Only(&[
            P::CgroupSkb,
            P::FlowDissector,
            P::Kprobe,
            P::Netfilter,
            P::PerfEvent,
            P::RawTracepoint,
            P::RawTracepointWritable,
            P::SkLookup,
            P::SkReuseport,
            P::SkSkb,
            P::SockOps,
            P::SocketFilter,
            P::StructOps,
            P::Syscall,
            P::Tracepoint,
            P::Tracing,
            P::Xdp,
        ]),
    },
    Later {
        since: (6, 18),
        functions: &["bpf_lookup_user_key", "bpf_lookup_system_key", "bpf_key_put"],
        programs: Only(&[
            P::CgroupDevice,
            P::CgroupSkb,
            P::CgroupSock,
            P::CgroupSockAddr,
            P::CgroupSockopt,
            P::CgroupSysctl,
            P::SchedCls,
            P::SockOps,
            P::StructOps,
            P::Syscall,
            P::Xdp,
        ]),
    },
    Later { since: (6, 18), functions: &["bpf_skb_pull_data"], programs: Only(&[P::LwtSeg6local]) },
    Later {
        since: (6, 18),
        functions: &["bpf_getsockopt", "bpf_setsockopt"],
        programs: Places(&[Place {
            prog_type: P::CgroupSockAddr,
            attach: Attach::To(&[At::CGROUP_UNIX_GETPEERNAME, At::CGROUP_UNIX_GETSOCKNAME]),
        }]),
    },
];
