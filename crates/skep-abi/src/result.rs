//! What the value means that a program returns, and which values it may return.
//! Source: `enum xdp_action`, `TC_ACT_*` of include/uapi/linux; `check_return_code` of kernel/bpf/verifier.c,
//! Linux 6.18.

use crate::{AttachType, ProgType};

/// What programs of a kind, at a place, may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// Anything.
    Anything,
    /// A known number within these bounds, both included.
    Range(i32, i32),
    /// What the kernel's function that the program stands in for, or watches, does.
    AsTarget,
}

impl ProgType {
    /// What a program of this kind may return at this place. Control groups' programs say yes or no, some of them with
    /// advice in a second bit.
    pub const fn returns(self, attach_type: AttachType) -> Returns {
        match self {
            ProgType::CgroupSockAddr => match attach_type {
                AttachType::CGROUP_UDP4_RECVMSG
                | AttachType::CGROUP_UDP6_RECVMSG
                | AttachType::CGROUP_UNIX_RECVMSG
                | AttachType::CGROUP_INET4_GETPEERNAME
                | AttachType::CGROUP_INET6_GETPEERNAME
                | AttachType::CGROUP_UNIX_GETPEERNAME
                | AttachType::CGROUP_INET4_GETSOCKNAME
                | AttachType::CGROUP_INET6_GETSOCKNAME
                | AttachType::CGROUP_UNIX_GETSOCKNAME => Returns::Range(1, 1),
                AttachType::CGROUP_INET4_BIND | AttachType::CGROUP_INET6_BIND => Returns::Range(0, 3),
                _ => Returns::Range(0, 1),
            },
            ProgType::CgroupSkb if attach_type.0 == AttachType::CGROUP_INET_EGRESS.0 => Returns::Range(0, 3),
            ProgType::CgroupSkb
            | ProgType::CgroupSock
            | ProgType::SockOps
            | ProgType::CgroupDevice
            | ProgType::CgroupSysctl
            | ProgType::CgroupSockopt
            | ProgType::SkLookup
            | ProgType::Netfilter => Returns::Range(0, 1),
            ProgType::Tracing => match attach_type {
                AttachType::TRACE_FENTRY | AttachType::TRACE_FEXIT => Returns::Range(0, 0),
                AttachType::TRACE_ITER => Returns::Range(0, 1),
                _ => Returns::Anything,
            },
            ProgType::Kprobe => match attach_type {
                AttachType::TRACE_KPROBE_SESSION | AttachType::TRACE_UPROBE_SESSION => Returns::Range(0, 1),
                _ => Returns::Anything,
            },
            ProgType::Lsm | ProgType::StructOps => Returns::AsTarget,
            _ => Returns::Anything,
        }
    }

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
