//! What a refused program is tried on: a packet, and any values in the fields of its context that do not follow from
//! the packet. A test run would refuse some of those, as Linux's does: here the question is what may come, and a device
//! may have more queues than the loopback.

use skep_abi::{FieldKind, ProgType};
use skep_host::HostError;
use skep_vm::{Packet, RunContext, XDP_DATA_MAX, XDP_HEADROOM};

use crate::ethernet::{self, HEADER};
use crate::functions::skb_field;

/// Most bytes of a packet that a refused program is tried on.
pub const TRIAL_DATA_MAX: usize = XDP_DATA_MAX;

/// An input of a program that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialInput {
    /// The packet, from its link layer header on; memory, for programs of kind `unspec`.
    pub data: Vec<u8>,
    /// Values of fields of the context, by index into [`skep_abi::Context::fields`]. Pointers, and the fields of a
    /// `struct __sk_buff` that follow from the packet, are as the packet has them.
    pub fields: Vec<(usize, u64)>,
}

/// The context for this input.
pub(crate) fn context(prog_type: ProgType, input: &TrialInput) -> Result<RunContext, HostError> {
    let refuse = |why: String| HostError::Unsupported { what: "try a refused program".into(), why };
    let len = input.data.len();
    if len > TRIAL_DATA_MAX {
        return Err(refuse(format!("expected a packet of at most {TRIAL_DATA_MAX} bytes, found {len}")));
    }
    if prog_type == ProgType::Unspec {
        return Ok(RunContext::memory(&input.data));
    }
    if len < HEADER {
        return Err(refuse(format!("expected a packet of at least {HEADER} bytes, found {len}")));
    }
    let mut packet = Packet::with_room(&input.data, XDP_HEADROOM, TRIAL_DATA_MAX - len);
    let is_skb = prog_type != ProgType::Xdp;
    match prog_type {
        ProgType::Xdp => {}
        ProgType::SocketFilter => {
            packet.pull(HEADER).map_err(|errno| refuse(format!("the packet can't be cut: {errno}")))?;
        }
        _ => packet.set_network_header(HEADER),
    }
    let seen = packet.len();
    let mut context = RunContext::new(prog_type, packet);
    let layout = context.layout();
    for (index, value) in &input.fields {
        let field = layout.and_then(|layout| layout.fields.get(*index));
        if field.is_some_and(|field| field.kind == FieldKind::Scalar) {
            context.set(*index, *value);
        }
    }
    if is_skb {
        context.set(skb_field("len"), seen as u64);
        let protocol = ethernet::protocol(&input.data).unwrap_or_default();
        context.set(skb_field("protocol"), u64::from(protocol.to_be()));
    }
    Ok(context)
}
