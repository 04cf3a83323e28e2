//! Packets of the protocols that hosts tell apart, named.

/// A frame: destination, protocol field, payload.
fn frame(destination: [u8; 6], field: u16, payload: &[u8]) -> Vec<u8> {
    [&destination[..], &[2, 0, 0, 0, 0, 1], &field.to_be_bytes(), payload].concat()
}

/// An IPv4 packet with its header's checksum.
fn ipv4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0x12, 0x34]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7]);
    let mut sum: u32 = packet.chunks(2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    packet.extend(payload);
    packet
}

/// The packets: ARP, IPv4 with TCP, UDP, ICMP and fragments, VLANs, IPv6, old Ethernet, and short ones.
pub(crate) fn packets() -> Vec<(&'static str, Vec<u8>)> {
    const HOST: [u8; 6] = [0; 6];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 9];
    let udp = [&[0x04, 0xd2, 0, 53, 0, 20, 0xbe, 0xef][..], b"twelve bytes"].concat();
    let no_checksum = [&[0x04, 0xd2, 0, 53, 0, 20, 0, 0][..], b"twelve bytes"].concat();
    let tcp =
        [&[0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0xab, 0xcd, 0, 0][..], b"GET /"]
            .concat();
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1];
    arp.extend([0, 0, 0, 0, 0, 0, 192, 0, 2, 2]);
    let mut ipv6 = vec![0x60, 0, 0, 0, 0, 20, 17, 64];
    ipv6.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    ipv6.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    ipv6.extend(&udp);
    let tagged = |tag: u16, inner: u16, payload: &[u8]| {
        [&tag.to_be_bytes()[..], &inner.to_be_bytes(), payload].concat()
    };
    let over_ip = ipv4(17, 0, &udp);
    vec![
        ("arp", frame([0xff; 6], 0x0806, &arp)),
        ("udp", frame(HOST, 0x0800, &over_ip)),
        ("udp without checksum", frame(HOST, 0x0800, &ipv4(17, 0, &no_checksum))),
        ("tcp", frame(OTHER, 0x0800, &ipv4(6, 0, &tcp))),
        ("icmp", frame([1, 0, 0x5e, 0, 0, 1], 0x0800, &ipv4(1, 0, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]))),
        ("first fragment", frame(HOST, 0x0800, &ipv4(17, 0x2000, &udp))),
        ("last fragment", frame(HOST, 0x0800, &ipv4(17, 0x0003, &udp[8..]))),
        ("vlan", frame(OTHER, 0x8100, &tagged(0x2005, 0x0800, &over_ip))),
        ("two vlans", frame(OTHER, 0x88a8, &tagged(7, 0x8100, &tagged(0x2005, 0x0800, &over_ip)))),
        ("vlan of a length", frame(OTHER, 0x8100, &tagged(9, 0x0010, &[0xff, 0xff, 0, 3, 5, 6]))),
        ("vlan cut off", frame(OTHER, 0x8100, &[0, 5])),
        ("ipv6", frame(OTHER, 0x86dd, &ipv6)),
        ("802.2", frame(OTHER, 0x0026, &[0x42, 0x42, 3, 0, 0, 0, 0, 0])),
        ("802.3", frame(OTHER, 0x0026, &[0xff, 0xff, 0, 0x26, 0, 0])),
        ("header only", frame(OTHER, 0x0800, &[])),
        ("one byte more", frame(OTHER, 0x0800, &[0x45])),
        ("header of arp only", frame(OTHER, 0x0806, &[])),
        ("one byte of arp", frame(OTHER, 0x0806, &[0])),
        ("cut in its header", frame(OTHER, 0x0800, &over_ip[..19])),
        ("1500 bytes", frame(OTHER, 0x0800, &vec![0xa5; 1500])),
    ]
}
