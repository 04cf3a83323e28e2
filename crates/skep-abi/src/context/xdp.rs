//! The context of XDP programs. Source: `struct xdp_md`, `xdp_is_valid_access` of net/core/filter.c, Linux 6.18.

use super::{Context, Field, FieldKind, Who, any, at};
use crate::{AttachType, ProgType};

const XDP: &[Who] = &[any(ProgType::Xdp)];

/// Programs in device maps, which run when it is known where the packet goes.
const DEVMAP: &[Who] = &[at(ProgType::Xdp, &[AttachType::XDP_DEVMAP])];

/// `struct xdp_md`.
pub static XDP_MD: Context = Context {
    name: "xdp_md",
    size: 24,
    fields: &[
        Field::of("data", 0, 4, FieldKind::PacketData, XDP),
        Field::of("data_end", 4, 4, FieldKind::PacketEnd, XDP),
        Field::of("data_meta", 8, 4, FieldKind::PacketMeta, XDP),
        Field::whole("ingress_ifindex", 12, 4, XDP),
        Field::whole("rx_queue_index", 16, 4, XDP),
        Field::whole("egress_ifindex", 20, 4, DEVMAP),
    ],
};
