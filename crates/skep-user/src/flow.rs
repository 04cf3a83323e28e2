//! The flow hash: equal for all packets of a connection in both directions, hardly ever for others.
//!
//! It is computed from addresses, transport protocol and ports, as far as a packet has them; VLAN tags are looked
//! through. Of fragments only the addresses count, as the ports are only in the first. As on Linux it is never 0,
//! which stands for "not computed", and depends on a secret, here the host's seed. The numbers are other than Linux's,
//! whose secret nobody knows.
//! Source of what belongs to a flow: `__skb_get_hash_net` and `__skb_flow_dissect` of net/core/flow_dissector.c,
//! Linux 6.18. Tunnels are not looked into.

use crate::ethernet::{IPV4, IPV6, VLAN_TAG, is_vlan};
use crate::random::mix;

/// Most headers that are looked through on the way to the transport protocol (`MAX_FLOW_DISSECT_HDRS`).
const HEADERS_MAX: usize = 15;

/// Transport protocols whose header starts with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];
/// Extension headers of IPv6 that have a length in their second byte: hop-by-hop, routing, destination.
const EXTENSIONS: [u8; 3] = [0, 43, 60];
/// IPv6's fragment header.
const FRAGMENT: u8 = 44;

/// What packets of one flow have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Flow<'a> {
    protocol: u16,
    transport: u8,
    source: (&'a [u8], [u8; 2]),
    destination: (&'a [u8], [u8; 2]),
}

/// The hash of the flow that a packet belongs to. `packet` starts at the network header.
pub(crate) fn hash(protocol: u16, packet: &[u8], secret: u64) -> u32 {
    let flow = dissect(protocol, packet);
    // Both directions are one flow.
    let (first, second) = if flow.source <= flow.destination {
        (&flow.source, &flow.destination)
    } else {
        (&flow.destination, &flow.source)
    };
    let mut state = mix(secret ^ u64::from(flow.protocol) << 8 ^ u64::from(flow.transport));
    for (address, port) in [first, second] {
        for part in address.chunks(4) {
            let number = part.iter().fold(0, |sum, &b| sum << 8 | u64::from(b));
            state = mix(state.wrapping_add(number));
        }
        state = mix(state.wrapping_add(u64::from(u16::from_be_bytes(*port)) << 32));
    }
    // 0 says that there is no hash yet.
    ((state >> 32) as u32).max(1)
}

fn dissect(mut protocol: u16, mut packet: &[u8]) -> Flow<'_> {
    let mut tags = 0;
    while is_vlan(protocol) && tags < HEADERS_MAX {
        let Some((tag, rest)) = packet.split_at_checked(VLAN_TAG) else { break };
        (protocol, packet) = (u16::from_be_bytes([tag[2], tag[3]]), rest);
        tags += 1;
    }
    let flow = match protocol {
        IPV4 => ipv4(packet),
        IPV6 => ipv6(packet),
        _ => None,
    };
    Flow { protocol, ..flow.unwrap_or_default() }
}

/// The flow of an IPv4 packet; nothing if its header is cut off or too short.
fn ipv4(packet: &[u8]) -> Option<Flow<'_>> {
    let header = packet.get(..20)?;
    let len = usize::from(header[0] & 15) * 4;
    if len < 20 {
        return None;
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    let transport = if fragment { None } else { packet.get(len..) };
    Some(flow(&header[12..16], &header[16..20], header[9], transport))
}

/// The flow of an IPv6 packet; nothing if its header is cut off.
fn ipv6(packet: &[u8]) -> Option<Flow<'_>> {
    let (header, mut rest) = packet.split_at_checked(40)?;
    let (source, destination) = (&header[8..24], &header[24..40]);
    let mut next = header[6];
    for _ in 0..HEADERS_MAX {
        let len = match next {
            FRAGMENT => return Some(flow(source, destination, *rest.first().unwrap_or(&next), None)),
            _ if EXTENSIONS.contains(&next) => {
                rest.get(1).map_or(usize::MAX, |&len| (usize::from(len) + 1) * 8)
            }
            _ => break,
        };
        let Some((extension, after)) = rest.split_at_checked(len) else {
            return Some(flow(source, destination, next, None));
        };
        (next, rest) = (extension[0], after);
    }
    Some(flow(source, destination, next, Some(rest)))
}

fn flow<'a>(source: &'a [u8], destination: &'a [u8], transport: u8, header: Option<&[u8]>) -> Flow<'a> {
    let ports = match header {
        Some(&[a, b, c, d, ..]) if WITH_PORTS.contains(&transport) => ([a, b], [c, d]),
        _ => Default::default(),
    };
    Flow { protocol: 0, transport, source: (source, ports.0), destination: (destination, ports.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(source: (u8, u16), destination: (u8, u16), fragment: u16) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 28, 0, 0];
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, 17, 0, 0, 10, 0, 0, source.0, 10, 0, 0, destination.0]);
        packet.extend([source.1.to_be_bytes(), destination.1.to_be_bytes()].concat());
        packet.extend([0, 8, 0, 0]);
        packet
    }

    #[test]
    fn both_directions_are_one_flow_and_ports_count() {
        let hash = |packet: &[u8]| hash(IPV4, packet, 9);
        let there = hash(&udp((1, 1000), (2, 53), 0));
        assert_eq!(there, hash(&udp((2, 53), (1, 1000), 0)));
        assert_ne!(there, hash(&udp((1, 1001), (2, 53), 0)));
        assert_ne!(there, hash(&udp((1, 53), (2, 1000), 0)));
        assert_ne!(there, super::hash(IPV4, &udp((1, 1000), (2, 53), 0), 8));
    }

    #[test]
    fn fragments_are_told_by_their_addresses_alone() {
        let hash = |packet: &[u8]| hash(IPV4, packet, 9);
        assert_eq!(hash(&udp((1, 1000), (2, 53), 0x2000)), hash(&udp((1, 7), (2, 9), 0x0001)));
        assert_ne!(hash(&udp((1, 1000), (2, 53), 0x2000)), hash(&udp((3, 1000), (2, 53), 0x2000)));
    }

    #[test]
    fn tags_and_extension_headers_are_looked_through() {
        let plain = udp((1, 1000), (2, 53), 0);
        let tagged = [&[0, 5, 8, 0], &plain[..]].concat();
        assert_eq!(hash(0x8100, &tagged, 9), hash(IPV4, &plain, 9));

        let mut six = vec![0x60, 0, 0, 0, 0, 16, 60, 64];
        six.extend([1; 16]);
        six.extend([2; 16]);
        six.extend([17, 0, 0, 0, 0, 0, 0, 0]);
        six.extend([3, 232, 0, 53, 0, 8, 0, 0]);
        let direct = [&six[..6], &[17], &six[7..40], &six[48..]].concat();
        assert_eq!(dissect(IPV6, &six), dissect(IPV6, &direct));
        assert_eq!(dissect(IPV6, &six).source.1, [3, 232]);
    }

    #[test]
    fn no_packet_is_too_short_for_a_hash() {
        let whole = udp((1, 1000), (2, 53), 0);
        for protocol in [IPV4, IPV6, 0x8100, 0x0806] {
            for len in 0..whole.len() {
                assert_ne!(hash(protocol, &whole[..len], 9), 0);
            }
        }
    }
}
