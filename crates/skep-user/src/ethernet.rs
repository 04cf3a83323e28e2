//! What a device's receive path tells of an Ethernet frame before a program sees it: protocol and packet type.
//!
//! Protocols here are plain numbers, `0x0800` for IPv4; contexts show them in network byte order.
//! Source: `eth_type_trans` and `eth_skb_pkt_type` of net/ethernet/eth.c and include/linux/etherdevice.h,
//! `vlan_set_encap_proto` of include/linux/if_vlan.h, Linux 6.18.

/// Bytes of a frame's header (`ETH_HLEN`).
pub(crate) const HEADER: usize = 14;
/// Bytes of a whole IPv4 header behind it, without options.
const IPV4_HEADER: usize = 20;
/// Bytes of a whole IPv6 header behind it.
const IPV6_HEADER: usize = 40;
/// Bytes of the two addresses, where a VLAN tag goes.
pub(crate) const ADDRESSES: usize = 12;
/// Bytes of a VLAN tag in a frame (`VLAN_HLEN`).
pub(crate) const VLAN_TAG: usize = 4;

/// `ETH_P_IP`
pub(crate) const IPV4: u16 = 0x0800;
/// `ETH_P_IPV6`
pub(crate) const IPV6: u16 = 0x86dd;
/// `ETH_P_8021Q`
pub(crate) const VLAN: u16 = 0x8100;
/// `ETH_P_8021AD`
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;
/// `ETH_P_802_3`: a length in place of a protocol, and Novell's raw IPX behind it.
const IEEE_802_3: u16 = 0x0001;
/// `ETH_P_802_2`: a length in place of a protocol.
const IEEE_802_2: u16 = 0x0004;
/// From here on the field is a protocol, below it is a length (`ETH_P_802_3_MIN`).
const PROTOCOL_MIN: u16 = 0x0600;

/// `PACKET_OTHERHOST`, the last of the types that programs may set: host, broadcast, multicast, other host.
pub(crate) const PACKET_OTHERHOST: u32 = 3;
const PACKET_HOST: u32 = 0;
const PACKET_MULTICAST: u32 = 2;

/// The protocol that a frame's header announces; `None` for less than a header.
pub(crate) fn protocol(frame: &[u8]) -> Option<u16> {
    let (header, payload) = frame.split_at_checked(HEADER)?;
    Some(announced([header[ADDRESSES], header[ADDRESSES + 1]], payload))
}

/// The least bytes that a frame of this protocol has, for a stack that looks at its network header.
pub(crate) fn frame_min(protocol: u16) -> usize {
    HEADER
        + match protocol {
            IPV4 => IPV4_HEADER,
            IPV6 => IPV6_HEADER,
            _ => 0,
        }
}

/// The protocol of a payload behind a protocol field with these bytes.
pub(crate) fn announced(field: [u8; 2], payload: &[u8]) -> u16 {
    match u16::from_be_bytes(field) {
        protocol @ PROTOCOL_MIN.. => protocol,
        _ if payload.starts_with(&[0xff, 0xff]) => IEEE_802_3,
        _ => IEEE_802_2,
    }
}

/// The packet type of a frame on the loopback device, whose address and broadcast address are all zeroes: what is a
/// broadcast elsewhere is a multicast there.
pub(crate) fn packet_type(frame: &[u8]) -> u32 {
    match frame.first_chunk::<6>() {
        Some([0, 0, 0, 0, 0, 0]) | None => PACKET_HOST,
        Some([first, ..]) if first & 1 == 1 => PACKET_MULTICAST,
        Some(_) => PACKET_OTHERHOST,
    }
}

/// Whether a protocol is a VLAN tag's.
pub(crate) fn is_vlan(protocol: u16) -> bool {
    matches!(protocol, VLAN | SERVICE_VLAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(destination: [u8; 6], field: [u8; 2], payload: &[u8]) -> Vec<u8> {
        [&destination[..], &[2, 0, 0, 0, 0, 1], &field, payload].concat()
    }

    #[test]
    fn a_length_is_no_protocol() {
        assert_eq!(protocol(&frame([0; 6], [0x08, 0x00], &[])), Some(IPV4));
        assert_eq!(protocol(&frame([0; 6], [0x06, 0x00], &[])), Some(0x0600));
        assert_eq!(protocol(&frame([0; 6], [0x05, 0xff], &[0xaa, 0xaa, 3])), Some(IEEE_802_2));
        assert_eq!(protocol(&frame([0; 6], [0x00, 0x20], &[0xff, 0xff])), Some(IEEE_802_3));
        assert_eq!(protocol(&frame([0; 6], [0x00, 0x20], &[0xff])), Some(IEEE_802_2));
        assert_eq!(protocol(&[0; 13]), None);
    }

    #[test]
    fn the_destination_decides_the_type() {
        let of = |destination| packet_type(&frame(destination, [8, 0], &[]));
        assert_eq!(of([0; 6]), PACKET_HOST);
        assert_eq!(of([0xff; 6]), PACKET_MULTICAST);
        assert_eq!(of([1, 0, 0x5e, 0, 0, 1]), PACKET_MULTICAST);
        assert_eq!(of([2, 0, 0, 0, 0, 2]), PACKET_OTHERHOST);
    }
}
