# A firewall for XDP, in assembly: the same rules as firewall.c, with the same verdicts and counters.
#
#   what is not IP        passes (ARP must)
#   IPv4 fragments        but for the first of a packet are dropped
#   TCP to port 23        is dropped (telnet)
#   UDP to port 1900      is dropped (SSDP)
#   headers cut short     are dropped
#   everything else       passes
#
# Up to two VLAN tags are looked behind. `hits` counts what each rule decided.

.license "Dual MIT/GPL"

NOT_IP = 0
FRAGMENT = 1
TELNET = 2
SSDP = 3
SHORT = 4
OTHER = 5

.map hits, type=array, key=u32, value=u64, max_entries=6

# r6: where the header under inspection starts; r7: one past the packet's last byte;
# r8: its ether type or protocol; r9: its first byte that matters.

.section xdp
firewall:
    r6 = *(u32 *)(r1 + xdp_md.data)
    r7 = *(u32 *)(r1 + xdp_md.data_end)
    r6 += 14
    if r6 > r7 goto short
    r8 = *(u16 *)(r6 - 2)
    r8 = be16 r8

    # Two tags at most: an ether type of 0x8100 or 0x88a8 announces four more bytes.
    if r8 == 0x8100 goto tag
    if r8 != 0x88a8 goto untagged
tag:
    r6 += 4
    if r6 > r7 goto short
    r8 = *(u16 *)(r6 - 2)
    r8 = be16 r8
    if r8 == 0x8100 goto second_tag
    if r8 != 0x88a8 goto untagged
second_tag:
    r6 += 4
    if r6 > r7 goto short
    r8 = *(u16 *)(r6 - 2)
    r8 = be16 r8

untagged:
    if r8 == 0x0800 goto ipv4
    if r8 == 0x86dd goto ipv6
    r1 = NOT_IP
    r2 = XDP_PASS
    goto decide

ipv4:
    r1 = r6
    r1 += 20
    if r1 > r7 goto short
    r1 = *(u16 *)(r6 + 6)           # three flags, then the offset of the fragment
    r1 = be16 r1
    r1 &= 0x1fff
    if r1 != 0 goto fragment
    r8 = *(u8 *)(r6 + 9)
    r9 = *(u8 *)(r6 + 0)            # its length in words, in the low four bits
    r9 &= 15
    r9 <<= 2
    r6 += r9
    goto ports

ipv6:
    r1 = r6
    r1 += 40
    if r1 > r7 goto short
    r8 = *(u8 *)(r6 + 6)
    r6 += 40

ports:
    if r8 == 6 goto has_ports
    if r8 != 17 goto other
has_ports:
    r1 = r6
    r1 += 4
    if r1 > r7 goto short
    r9 = *(u16 *)(r6 + 2)
    r9 = be16 r9
    if r8 == 17 goto udp
    if r9 != 23 goto other
    r1 = TELNET
    r2 = XDP_DROP
    goto decide
udp:
    if r9 != 1900 goto other
    r1 = SSDP
    r2 = XDP_DROP
    goto decide

fragment:
    r1 = FRAGMENT
    r2 = XDP_DROP
    goto decide
short:
    r1 = SHORT
    r2 = XDP_DROP
    goto decide
other:
    r1 = OTHER
    r2 = XDP_PASS

# r1: the rule; r2: its verdict.
decide:
    call hit
    exit

.text
# Counts a rule and returns its verdict.
.func hit
hit:
    r6 = r2
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    r1 = hits ll
    call bpf_map_lookup_elem
    if r0 == 0 goto counted
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
counted:
    r0 = r6
    exit
