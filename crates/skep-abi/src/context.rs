//! Contexts: the structures that programs receive in r1, field by field.
//!
//! A program sees the UAPI structure; what it really gets is the *run-time context*, one aligned place a field,
//! wide enough for pointers that the UAPI declares as `__u32`. The verifier knows which field each instruction
//! touches, and whoever executes it moves the access to the field's place. Hosts fill run-time contexts.
//! Source: `struct xdp_md`, `struct __sk_buff` of include/uapi/linux/bpf.h; who may touch what:
//! `xdp_is_valid_access`, `bpf_skb_is_valid_access`, `sk_filter_is_valid_access`, `tc_cls_act_is_valid_access`
//! of net/core/filter.c, Linux 6.18.

use crate::ProgType;

/// What a field holds, as the program sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A number.
    Scalar,
    /// The first byte of the packet's metadata.
    PacketMeta,
    /// The first byte of the packet.
    PacketData,
    /// One past the last byte of the packet.
    PacketEnd,
}

/// Which sizes of access a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parts {
    /// The whole field only.
    Whole,
    /// Any aligned part when reading, the whole when writing.
    NarrowRead,
    /// Any aligned part, and any two neighbours at once.
    Any,
}

/// One field of a context.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the UAPI structure.
    pub name: &'static str,
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
    /// Kinds of program that may read it.
    pub read: &'static [ProgType],
    /// Kinds of program that may write it.
    pub write: &'static [ProgType],
}

/// A context structure.
#[derive(Debug)]
pub struct Context {
    /// The UAPI structure's name.
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
    /// Programs of this kind may not do this to the field.
    Forbidden,
}

impl Context {
    /// The field that an access of `size` bytes at `off` touches, if a program of this kind may do that.
    pub fn field(
        &self,
        prog_type: ProgType,
        off: u32,
        size: u32,
        write: bool,
    ) -> Result<usize, (FieldError, Option<usize>)> {
        let inside =
            |f: &Field| f.off <= off && u64::from(off) + u64::from(size) <= u64::from(f.off + f.size);
        let Some(index) = self.fields.iter().position(inside) else {
            return Err((FieldError::NoField, None));
        };
        let field = &self.fields[index];
        let whole =
            size == field.size && off == field.off || size == field.element && field.element < field.size;
        let fits = match field.parts {
            Parts::Whole => whole,
            Parts::NarrowRead => whole || !write && size <= field.element,
            Parts::Any => true,
        };
        if !fits || size == 0 || !off.is_multiple_of(size) {
            return Err((FieldError::Size, Some(index)));
        }
        let allowed = if write { field.write } else { field.read };
        if !allowed.contains(&prog_type) {
            return Err((FieldError::Forbidden, Some(index)));
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

const XDP_ONLY: &[ProgType] = &[ProgType::Xdp];
const NOBODY: &[ProgType] = &[];
const SKB: &[ProgType] = &[ProgType::SocketFilter, ProgType::SchedCls, ProgType::SchedAct];
const TC: &[ProgType] = &[ProgType::SchedCls, ProgType::SchedAct];

const fn field(name: &'static str, off: u32, size: u32, parts: Parts, read: &'static [ProgType]) -> Field {
    Field { name, off, size, element: size, kind: FieldKind::Scalar, parts, kept: size, read, write: NOBODY }
}

const fn writable(field: Field, write: &'static [ProgType]) -> Field {
    Field { write, ..field }
}

/// A writable field that Linux keeps in 16 bits.
const fn short(field: Field) -> Field {
    Field { kept: 2, ..writable(field, TC) }
}

const fn pointer(name: &'static str, off: u32, kind: FieldKind, read: &'static [ProgType]) -> Field {
    Field { kind, ..field(name, off, 4, Parts::Whole, read) }
}

/// `struct xdp_md`. `egress_ifindex` is for programs in device maps, which have an attach type of their own.
pub static XDP_MD: Context = Context {
    name: "xdp_md",
    size: 24,
    fields: &[
        pointer("data", 0, FieldKind::PacketData, XDP_ONLY),
        pointer("data_end", 4, FieldKind::PacketEnd, XDP_ONLY),
        pointer("data_meta", 8, FieldKind::PacketMeta, XDP_ONLY),
        field("ingress_ifindex", 12, 4, Parts::Whole, XDP_ONLY),
        field("rx_queue_index", 16, 4, Parts::Whole, XDP_ONLY),
        field("egress_ifindex", 20, 4, Parts::Whole, NOBODY),
    ],
};

/// `struct __sk_buff`. Fields that no program kind named here may read stand with an empty list, so that the
/// refusal can name them.
pub static SK_BUFF: Context = Context {
    name: "__sk_buff",
    size: 192,
    fields: &[
        field("len", 0, 4, Parts::NarrowRead, SKB),
        field("pkt_type", 4, 4, Parts::NarrowRead, SKB),
        writable(field("mark", 8, 4, Parts::NarrowRead, SKB), TC),
        short(field("queue_mapping", 12, 4, Parts::NarrowRead, SKB)),
        field("protocol", 16, 4, Parts::NarrowRead, SKB),
        field("vlan_present", 20, 4, Parts::NarrowRead, SKB),
        field("vlan_tci", 24, 4, Parts::NarrowRead, SKB),
        field("vlan_proto", 28, 4, Parts::NarrowRead, SKB),
        writable(field("priority", 32, 4, Parts::NarrowRead, SKB), TC),
        field("ingress_ifindex", 36, 4, Parts::NarrowRead, SKB),
        field("ifindex", 40, 4, Parts::NarrowRead, SKB),
        short(field("tc_index", 44, 4, Parts::NarrowRead, SKB)),
        Field { element: 4, ..writable(field("cb", 48, 20, Parts::Any, SKB), SKB) },
        field("hash", 68, 4, Parts::NarrowRead, SKB),
        short(field("tc_classid", 72, 4, Parts::NarrowRead, TC)),
        pointer("data", 76, FieldKind::PacketData, TC),
        pointer("data_end", 80, FieldKind::PacketEnd, TC),
        field("napi_id", 84, 4, Parts::NarrowRead, SKB),
        field("family", 88, 4, Parts::Whole, NOBODY),
        field("remote_ip4", 92, 4, Parts::Whole, NOBODY),
        field("local_ip4", 96, 4, Parts::Whole, NOBODY),
        Field { element: 4, ..field("remote_ip6", 100, 16, Parts::Whole, NOBODY) },
        Field { element: 4, ..field("local_ip6", 116, 16, Parts::Whole, NOBODY) },
        field("remote_port", 132, 4, Parts::Whole, NOBODY),
        field("local_port", 136, 4, Parts::Whole, NOBODY),
        pointer("data_meta", 140, FieldKind::PacketMeta, TC),
        field("flow_keys", 144, 8, Parts::Whole, NOBODY),
        writable(field("tstamp", 152, 8, Parts::Whole, TC), TC),
        field("wire_len", 160, 4, Parts::NarrowRead, TC),
        field("gso_segs", 164, 4, Parts::NarrowRead, SKB),
        field("sk", 168, 8, Parts::Whole, NOBODY),
        field("gso_size", 176, 4, Parts::NarrowRead, SKB),
        field("tstamp_type", 180, 1, Parts::Whole, TC),
        field("hwtstamp", 184, 8, Parts::Whole, TC),
    ],
};

impl ProgType {
    /// The context that programs of this kind receive, if it is described yet.
    pub fn context(self) -> Option<&'static Context> {
        match self {
            ProgType::Xdp => Some(&XDP_MD),
            ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct => Some(&SK_BUFF),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_order_and_do_not_overlap() {
        for context in [&XDP_MD, &SK_BUFF] {
            for pair in context.fields.windows(2) {
                assert!(pair[0].off + pair[0].size <= pair[1].off, "{} {}", pair[0].name, pair[1].name);
            }
            let last = context.fields.last().expect("a field");
            assert_eq!(last.off + last.size, context.size);
        }
    }

    #[test]
    fn access_rules_are_those_of_linux() {
        let skb = |kind, off, size, write| SK_BUFF.field(kind, off, size, write).map_err(|(e, _)| e);
        let cls = ProgType::SchedCls;
        assert_eq!(skb(cls, 8, 4, true), Ok(2));
        assert_eq!(skb(cls, 8, 2, true), Err(FieldError::Size));
        assert_eq!(skb(cls, 10, 2, false), Ok(2));
        assert_eq!(skb(cls, 9, 2, false), Err(FieldError::Size));
        assert_eq!(skb(cls, 48, 8, true), Ok(12));
        assert_eq!(skb(cls, 64, 8, true), Err(FieldError::NoField));
        assert_eq!(skb(ProgType::SocketFilter, 76, 4, false), Err(FieldError::Forbidden));
        assert_eq!(skb(ProgType::SocketFilter, 8, 4, true), Err(FieldError::Forbidden));
        assert_eq!(XDP_MD.field(ProgType::Xdp, 12, 2, false).map_err(|(e, _)| e), Err(FieldError::Size));
        assert_eq!(XDP_MD.field(ProgType::Xdp, 24, 4, false).map_err(|(e, _)| e), Err(FieldError::NoField));
    }
}
