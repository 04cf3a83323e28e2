//! The capture that the examples run on, `examples/traffic.pcap`, is made here, packet by packet.
//!
//! `UPDATE_EXPECT=1` writes it; without, the test compares. Addresses are from the ranges for documentation
//! (RFC 5737, RFC 3849), MAC addresses are locally administered.

use std::io::Cursor;
use std::time::Duration;

use etherparse::{EtherType, IpFragOffset, IpNumber, Ipv4Header, PacketBuilder, VlanId};
use pcap_file::pcap::{PcapPacket, PcapWriter};

const HOST_A: [u8; 6] = [0x02, 0, 0, 0, 0, 0xa1];
const HOST_B: [u8; 6] = [0x02, 0, 0, 0, 0, 0xb2];
const A4: [u8; 4] = [192, 0, 2, 1];
const B4: [u8; 4] = [198, 51, 100, 7];
const C4: [u8; 4] = [203, 0, 113, 99];
const A6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const B6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

/// The packets, in order.
fn packets() -> Vec<Vec<u8>> {
    let ethernet = || PacketBuilder::ethernet2(HOST_A, HOST_B);
    let mut all = Vec::new();
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = Vec::new();
        write(&mut packet);
        all.push(packet);
    };
    // 1, 2: ARP, who has and is at.
    add(&|out| out.extend(arp(1)));
    add(&|out| out.extend(arp(2)));
    // 3-5: a TCP connection is opened to a web server.
    let tcp = |from: [u8; 4], to: [u8; 4], sport, dport| {
        ethernet().ipv4(from, to, 64).tcp(sport, dport, 1000, 64240)
    };
    add(&|out| tcp(A4, B4, 40001, 80).syn().write(out, &[]).expect("a packet"));
    add(&|out| tcp(B4, A4, 80, 40001).syn().ack(1001).write(out, &[]).expect("a packet"));
    add(&|out| {
        tcp(A4, B4, 40001, 80).ack(1001).psh().write(out, b"GET / HTTP/1.0\r\n\r\n").expect("a packet");
    });
    // 6: telnet.
    add(&|out| tcp(C4, A4, 50000, 23).syn().write(out, &[]).expect("a packet"));
    // 7, 8: a name is asked for and answered.
    let udp = |from: [u8; 4], to: [u8; 4], sport, dport| ethernet().ipv4(from, to, 64).udp(sport, dport);
    add(&|out| udp(A4, B4, 5353, 53).write(out, &[0x12; 29]).expect("a packet"));
    add(&|out| udp(B4, A4, 53, 5353).write(out, &[0x34; 45]).expect("a packet"));
    // 9: service discovery.
    add(&|out| {
        udp(C4, [239, 255, 255, 250], 1900, 1900).write(out, b"M-SEARCH * HTTP/1.1\r\n").expect("a packet");
    });
    // 10, 11: echo request and reply.
    add(&|out| {
        ethernet().ipv4(A4, B4, 64).icmpv4_echo_request(7, 1).write(out, &[0x55; 56]).expect("a packet");
    });
    add(&|out| {
        ethernet().ipv4(B4, A4, 64).icmpv4_echo_reply(7, 1).write(out, &[0x55; 56]).expect("a packet");
    });
    // 12, 13: a datagram in two fragments.
    add(&|out| out.extend(fragment(0, true, 1480)));
    add(&|out| out.extend(fragment(185, false, 520)));
    // 14: a VLAN tag; 15: two, as providers use them.
    let tag = |id| VlanId::try_new(id).expect("a VLAN id");
    add(&|out| {
        ethernet()
            .single_vlan(tag(42))
            .ipv4(A4, B4, 64)
            .tcp(40002, 443, 1, 64240)
            .syn()
            .write(out, &[])
            .expect("a packet");
    });
    add(&|out| {
        ethernet()
            .double_vlan(tag(100), tag(42))
            .ipv4(C4, A4, 64)
            .tcp(50001, 23, 1, 64240)
            .syn()
            .write(out, &[])
            .expect("a packet");
    });
    // 16-18: IPv6: TCP, UDP, echo.
    add(&|out| ethernet().ipv6(A6, B6, 64).tcp(40003, 23, 1, 64240).syn().write(out, &[]).expect("a packet"));
    add(&|out| ethernet().ipv6(A6, B6, 64).udp(5354, 53).write(out, &[0x56; 33]).expect("a packet"));
    add(&|out| {
        ethernet().ipv6(A6, B6, 255).icmpv6_echo_request(9, 1).write(out, &[0x66; 40]).expect("a packet");
    });
    // 19: a time to live that is over; 20: IPv4 options before TCP.
    add(&|out| ethernet().ipv4(A4, B4, 1).udp(33434, 33434).write(out, &[0; 12]).expect("a packet"));
    add(&|out| out.extend(with_options()));
    // 21: cut off in its IPv4 header.
    add(&|out| {
        let mut packet = Vec::new();
        tcp(A4, B4, 40004, 80).syn().write(&mut packet, &[]).expect("a packet");
        out.extend(&packet[..30]);
    });
    all
}

fn ethernet_header(ethertype: EtherType) -> Vec<u8> {
    [&HOST_B[..], &HOST_A[..], &ethertype.0.to_be_bytes()[..]].concat()
}

/// An ARP packet for IPv4 over Ethernet.
fn arp(operation: u8) -> Vec<u8> {
    let mut packet = ethernet_header(EtherType::ARP);
    packet.extend([0, 1, 8, 0, 6, 4, 0, operation]);
    packet.extend(HOST_A);
    packet.extend(A4);
    packet.extend(if operation == 1 { [0; 6] } else { HOST_B });
    packet.extend(B4);
    packet
}

/// A fragment of a UDP datagram; the offset is in units of eight bytes.
fn fragment(offset: u16, more: bool, len: u16) -> Vec<u8> {
    let mut header = Ipv4Header::new(len, 64, IpNumber::UDP, C4, A4).expect("a header");
    header.dont_fragment = false;
    header.more_fragments = more;
    header.identification = 0x4242;
    header.fragment_offset = IpFragOffset::try_new(offset).expect("an offset");
    header.header_checksum = header.calc_header_checksum();
    let mut packet = ethernet_header(EtherType::IPV4);
    header.write(&mut packet).expect("a header");
    if offset == 0 {
        packet.extend([0x13, 0x88, 0x13, 0x89, 0x07, 0xd8, 0, 0]);
    }
    packet.resize(14 + 20 + len as usize, 0x77);
    packet
}

/// TCP behind an IPv4 header with options (four no-operations).
fn with_options() -> Vec<u8> {
    let mut tcp = etherparse::TcpHeader::new(40005, 23, 1, 64240);
    tcp.syn = true;
    let mut header = Ipv4Header::new(tcp.header_len_u16(), 64, IpNumber::TCP, C4, A4).expect("a header");
    header.options = [1, 1, 1, 1].into();
    header.header_checksum = header.calc_header_checksum();
    tcp.checksum = tcp.calc_checksum_ipv4(&header, &[]).expect("a checksum");
    let mut packet = ethernet_header(EtherType::IPV4);
    header.write(&mut packet).expect("a header");
    tcp.write(&mut packet).expect("a header");
    packet
}

#[test]
fn the_examples_capture_is_what_is_made_here() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = PcapWriter::new(&mut file).expect("a writer");
    for (i, packet) in packets().iter().enumerate() {
        let time = Duration::from_millis(1_700_000_000_000 + 10 * i as u64);
        writer.write_packet(&PcapPacket::new(time, packet.len() as u32, packet)).expect("a packet");
    }
    let path = skep_testkit::workspace_root().join("examples/traffic.pcap");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, file.get_ref()).expect("a written capture");
    }
    let kept = std::fs::read(&path).expect("examples/traffic.pcap");
    assert!(kept == *file.get_ref(), "examples/traffic.pcap differs: run again with UPDATE_EXPECT=1");
}
