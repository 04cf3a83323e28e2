//! The contexts of control groups' programs for devices, kernel parameters, and socket options.
//! Source: `struct bpf_cgroup_dev_ctx`, `bpf_sysctl`, `bpf_sockopt`; `cgroup_dev_is_valid_access`,
//! `sysctl_is_valid_access`, `cg_sockopt_is_valid_access` of kernel/bpf/cgroup.c, Linux 6.18.

use super::{Context, Field, FieldKind, SocketKind, Who, any, at};
use crate::{AttachType, ProgType};

const DEVICE: &[Who] = &[any(ProgType::CgroupDevice)];

/// `struct bpf_cgroup_dev_ctx`.
pub static CGROUP_DEV_CTX: Context = Context {
    name: "bpf_cgroup_dev_ctx",
    size: 12,
    fields: &[
        Field::narrow("access_type", 0, 4, DEVICE),
        Field::whole("major", 4, 4, DEVICE),
        Field::whole("minor", 8, 4, DEVICE),
    ],
};

const PARAMETER: &[Who] = &[any(ProgType::CgroupSysctl)];

/// `struct bpf_sysctl`.
pub static SYSCTL: Context = Context {
    name: "bpf_sysctl",
    size: 8,
    fields: &[
        Field::narrow("write", 0, 4, PARAMETER),
        Field::narrow("file_pos", 4, 4, PARAMETER).writable(PARAMETER),
    ],
};

const OPTION: &[Who] = &[any(ProgType::CgroupSockopt)];
const GET: &[Who] = &[at(ProgType::CgroupSockopt, &[AttachType::CGROUP_GETSOCKOPT])];
const SET: &[Who] = &[at(ProgType::CgroupSockopt, &[AttachType::CGROUP_SETSOCKOPT])];

/// `struct bpf_sockopt`. The option's value is like a packet: its bytes are compared with their end.
pub static SOCKOPT: Context = Context {
    name: "bpf_sockopt",
    size: 40,
    fields: &[
        Field::of("sk", 0, 8, FieldKind::Socket(SocketKind::Full), OPTION),
        Field::of("optval", 8, 8, FieldKind::PacketData, OPTION),
        Field::of("optval_end", 16, 8, FieldKind::PacketEnd, OPTION),
        Field::whole("level", 24, 4, OPTION).writable(SET),
        Field::whole("optname", 28, 4, OPTION).writable(SET),
        Field::whole("optlen", 32, 4, OPTION).writable(OPTION),
        Field::whole("retval", 36, 4, GET).writable(GET),
    ],
};
