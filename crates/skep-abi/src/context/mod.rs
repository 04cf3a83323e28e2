//! Contexts: the structures that programs receive in r1, field by field.
//!
//! A program sees the UAPI structure; what it really gets is the *run-time context*, one aligned place a field,
//! wide enough for pointers that the UAPI declares as `__u32`. The verifier knows which field each instruction
//! touches, and whoever executes it moves the access to the field's place. Hosts fill run-time contexts.
//!
//! One table a structure; who may read and write a field, by kind and attach type, stands with the field. Contexts
//! that are laid out by the kernel's own types (those of tracing, LSM and struct_ops programs) have no table: the
//! verifier asks the kernel's BTF.
//! Source: include/uapi/linux/bpf.h; who may touch what: the `*_is_valid_access` functions of net/core/filter.c,
//! kernel/trace/bpf_trace.c, kernel/bpf/cgroup.c and net/netfilter/nf_bpf_link.c, Linux 6.18.

mod cgroup;
mod skb;
mod sock;
mod trace;
mod xdp;

pub use cgroup::{CGROUP_DEV_CTX, SOCKOPT, SYSCTL};
pub use skb::{FLOW_KEYS, SK_BUFF};
pub use sock::{SK_LOOKUP, SK_MSG_MD, SK_REUSEPORT_MD, SOCK, SOCK_ADDR, SOCK_OPS, TCP_SOCK, XDP_SOCK};
pub use trace::{
    LIRC_MODE2, NF_CTX, PERF_EVENT_DATA, PT_REGS, RAW_TRACEPOINT, RAW_TRACEPOINT_WRITABLE, SYSCALL,
    TRACEPOINT,
};
pub use xdp::XDP_MD;

use crate::{AttachType, ProgType};

/// What a field holds, as the program sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A number.
    Scalar,
    /// The first byte of the packet's metadata.
    PacketMeta,
    /// The first byte of the packet, or of a socket option's value.
    PacketData,
    /// One past the last byte of the packet, or of a socket option's value.
    PacketEnd,
    /// A [`FLOW_KEYS`] structure.
    FlowKeys,
    /// A socket.
    Socket(SocketKind),
    /// A socket, or null.
    SocketOrNull(SocketKind),
    /// A buffer of a tracepoint's, of which it says how large it is when a program is attached.
    TracepointBuffer,
    /// An object of the kernel, of the type with this name.
    Object(&'static str),
}

/// How much of a socket a pointer to one shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketKind {
    /// What all sockets have, those of closing and opening connections included (`sock_common`).
    Common,
    /// A full socket (`sock`).
    Full,
    /// A TCP socket (`tcp_sock`).
    Tcp,
    /// An `AF_XDP` socket (`xdp_sock`).
    Xdp,
}

impl SocketKind {
    /// The structure that programs see, with the fields that they may read through such a pointer.
    pub const fn fields(self) -> &'static Context {
        match self {
            SocketKind::Common | SocketKind::Full => &SOCK,
            SocketKind::Tcp => &TCP_SOCK,
            SocketKind::Xdp => &XDP_SOCK,
        }
    }

    /// Linux's word for a pointer to one.
    pub const fn name(self) -> &'static str {
        match self {
            SocketKind::Common => "sock_common",
            SocketKind::Full => "sock",
            SocketKind::Tcp => "tcp_sock",
            SocketKind::Xdp => "xdp_sock",
        }
    }
}

/// Which sizes of access a field takes. An access is always aligned to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parts {
    /// One element only.
    Whole,
    /// Any part of an element when reading, one element when writing.
    NarrowRead,
    /// The same, but a part that is read starts where the element does.
    StartRead,
    /// The same as `NarrowRead`, but a part has two bytes or more.
    HalfRead,
    /// A port in two bytes, which once had four: the four, or any part of the first two.
    PortRead,
    /// Any part of an element when reading, one element when writing, and two neighbours at once.
    Wide,
    /// Anything within the field.
    Any,
}

/// Programs that may do something: those of a kind, at certain places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The kind.
    pub prog_type: ProgType,
    /// The attach types; any if none is named.
    pub attach_types: &'static [AttachType],
}

/// Programs of a kind, wherever they are attached.
const fn any(prog_type: ProgType) -> Who {
    Who { prog_type, attach_types: &[] }
}

/// Programs of a kind, attached to one of these.
const fn at(prog_type: ProgType, attach_types: &'static [AttachType]) -> Who {
    Who { prog_type, attach_types }
}

/// No program.
const NOBODY: &[Who] = &[];

/// One field of a context.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the UAPI structure.
    pub name: &'static str,
    /// Other names that the same bytes have, each with how many elements it is.
    pub also: &'static [(&'static str, u32)],
    /// Offset in the UAPI structure, in bytes.
    pub off: u32,
    /// Bytes in the UAPI structure.
    pub size: u32,
    /// Bytes of one element; smaller than `size` for arrays.
    pub element: u32,
    /// What it holds.
    pub kind: FieldKind,
    /// Sizes of access.
    pub parts: Parts,
    /// Bytes that a write keeps: Linux has some fields in fewer than the UAPI shows.
    pub kept: u32,
    /// Bytes from its start that may be written, by who may write at all.
    pub written: u32,
    /// Who may read it.
    pub read: &'static [Who],
    /// Who may write it.
    pub write: &'static [Who],
}

/// A context structure, or one that a pointer in a context leads to.
#[derive(Debug)]
pub struct Context {
    /// The UAPI structure's name; empty where it has none.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: u32,
    /// Its fields, in order of offset. Gaps can't be accessed.
    pub fields: &'static [Field],
}

/// Why an access to a context is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// No field is there, or the access goes beyond it.
    NoField,
    /// The field can't be accessed in this size, or not at this alignment.
    Size,
    /// Programs of this kind, or at this place, may not do this to the field.
    Forbidden,
}

impl Field {
    const fn new(name: &'static str, off: u32, size: u32, parts: Parts, read: &'static [Who]) -> Field {
        Field {
            name,
            also: &[],
            off,
            size,
            element: size,
            kind: FieldKind::Scalar,
            parts,
            kept: size,
            written: size,
            read,
            write: NOBODY,
        }
    }

    /// The field, read in every part.
    const fn narrow(name: &'static str, off: u32, size: u32, read: &'static [Who]) -> Field {
        Field::new(name, off, size, Parts::NarrowRead, read)
    }

    /// The field, of which only the whole is read.
    const fn whole(name: &'static str, off: u32, size: u32, read: &'static [Who]) -> Field {
        Field::new(name, off, size, Parts::Whole, read)
    }

    /// A field that holds more than a number.
    const fn of(name: &'static str, off: u32, size: u32, kind: FieldKind, read: &'static [Who]) -> Field {
        Field { kind, ..Field::new(name, off, size, Parts::Whole, read) }
    }

    /// The field as an array of such elements.
    const fn array(self, element: u32) -> Field {
        Field { element, ..self }
    }

    /// The field, written by these.
    const fn writable(self, write: &'static [Who]) -> Field {
        Field { write, ..self }
    }

    /// Whether an access of `size` bytes at `at` from the field's start, aligned and within it, is one of its parts.
    fn admits(&self, at: u32, size: u32, write: bool) -> bool {
        let within = at % self.element;
        let one = size == self.element && within == 0;
        let part = within + size <= self.element;
        match self.parts {
            Parts::Whole => one,
            Parts::NarrowRead => one || !write && part,
            Parts::StartRead => one || !write && part && within == 0,
            Parts::HalfRead => one || !write && part && size >= 2,
            Parts::PortRead => one || !write && at + size <= 2,
            Parts::Wide => one || !write && part || size == 2 * self.element,
            Parts::Any => true,
        }
    }
}

impl Context {
    /// The field that an access of `size` bytes at `off` touches, if a program of this kind, with this attach type,
    /// may do that.
    pub fn field(
        &self,
        prog_type: ProgType,
        attach_type: AttachType,
        off: u32,
        size: u32,
        write: bool,
    ) -> Result<usize, (FieldError, Option<usize>)> {
        let index = self.part(off, size, write)?;
        let field = &self.fields[index];
        let allowed = if write { field.write } else { field.read };
        let named = |who: &Who| {
            who.prog_type == prog_type
                && (who.attach_types.is_empty() || who.attach_types.contains(&attach_type))
        };
        if !allowed.iter().any(named) || write && off + size > field.off + field.written {
            return Err((FieldError::Forbidden, Some(index)));
        }
        Ok(index)
    }

    /// The field that an access of `size` bytes at `off` touches, whoever does it.
    pub fn part(&self, off: u32, size: u32, write: bool) -> Result<usize, (FieldError, Option<usize>)> {
        let inside =
            |f: &Field| f.off <= off && u64::from(off) + u64::from(size) <= u64::from(f.off + f.size);
        let Some(index) = self.fields.iter().position(inside) else {
            return Err((FieldError::NoField, None));
        };
        let field = &self.fields[index];
        // Offsets are those from the structure's start, which all accesses are aligned to.
        if size == 0 || !off.is_multiple_of(size) || !field.admits(off - field.off, size, write) {
            return Err((FieldError::Size, Some(index)));
        }
        Ok(index)
    }

    /// The index of the field with this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }

    /// The index of the field of this kind; for the kinds that are not `Scalar` there is at most one.
    pub fn index_of_kind(&self, kind: FieldKind) -> Option<usize> {
        self.fields.iter().position(|f| f.kind == kind)
    }

    /// Where a field lies in the run-time context, in bytes: every field starts at a multiple of eight.
    pub const fn place(&self, index: usize) -> u32 {
        let mut place = 0;
        let mut i = 0;
        while i < index {
            place += self.fields[i].size.next_multiple_of(8);
            i += 1;
        }
        place
    }

    /// Bytes of the run-time context.
    pub const fn run_time_size(&self) -> u32 {
        self.place(self.fields.len())
    }
}

/// Every structure that is described, those that have names first.
pub static CONTEXTS: &[&Context] = &[
    &XDP_MD,
    &SK_BUFF,
    &SOCK,
    &SOCK_ADDR,
    &SOCK_OPS,
    &SK_MSG_MD,
    &SK_REUSEPORT_MD,
    &SK_LOOKUP,
    &TCP_SOCK,
    &XDP_SOCK,
    &FLOW_KEYS,
    &CGROUP_DEV_CTX,
    &SYSCTL,
    &SOCKOPT,
    &PT_REGS,
    &PERF_EVENT_DATA,
    &NF_CTX,
    &RAW_TRACEPOINT,
    &RAW_TRACEPOINT_WRITABLE,
    &TRACEPOINT,
    &LIRC_MODE2,
    &SYSCALL,
];

impl ProgType {
    /// The context that programs of this kind receive; `None` for those whose context the kernel's types describe.
    pub fn context(self) -> Option<&'static Context> {
        Some(match self {
            ProgType::Xdp => &XDP_MD,
            ProgType::SocketFilter
            | ProgType::SchedCls
            | ProgType::SchedAct
            | ProgType::CgroupSkb
            | ProgType::LwtIn
            | ProgType::LwtOut
            | ProgType::LwtXmit
            | ProgType::LwtSeg6local
            | ProgType::SkSkb
            | ProgType::FlowDissector => &SK_BUFF,
            ProgType::CgroupSock => &SOCK,
            ProgType::CgroupSockAddr => &SOCK_ADDR,
            ProgType::SockOps => &SOCK_OPS,
            ProgType::SkMsg => &SK_MSG_MD,
            ProgType::SkReuseport => &SK_REUSEPORT_MD,
            ProgType::SkLookup => &SK_LOOKUP,
            ProgType::CgroupDevice => &CGROUP_DEV_CTX,
            ProgType::CgroupSysctl => &SYSCTL,
            ProgType::CgroupSockopt => &SOCKOPT,
            ProgType::Kprobe => &PT_REGS,
            ProgType::PerfEvent => &PERF_EVENT_DATA,
            ProgType::Tracepoint => &TRACEPOINT,
            ProgType::RawTracepoint => &RAW_TRACEPOINT,
            ProgType::RawTracepointWritable => &RAW_TRACEPOINT_WRITABLE,
            ProgType::LircMode2 => &LIRC_MODE2,
            ProgType::Netfilter => &NF_CTX,
            ProgType::Syscall => &SYSCALL,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
