#= executes   at most 24 instructions: prog
#= stack      16 bytes at most
#= returns    1..2
#= effects    writes_packet, writes_maps, bpf_map_update_elem
#r 5 r0=2 r2=pkt r3=pkt_end r4=pkt+14 r10=fp
#r 15 r0=map_value_or_null(0) r10=fp
#r 17 r0=map_value(0) r1=1
# What is read-only does none of this; looking a value up alone is no effect.
.license "GPL"
.map counts, type=hash, key=u32, value=u64, max_entries=4
.section xdp
prog:
    r0 = XDP_PASS
    r2 = *(u32 *)(r1 + xdp_md.data)
    r3 = *(u32 *)(r1 + xdp_md.data_end)
    r4 = r2
    r4 += 14
    if r4 > r3 goto out
    *(u8 *)(r2 + 0) = 1
    r4 = *(u8 *)(r2 + 12)
    *(u32 *)(r10 - 4) = r4
    *(u64 *)(r10 - 16) = 1
    r1 = counts ll
    r2 = r10
    r2 += -4
    call bpf_map_lookup_elem
    if r0 == 0 goto new
    r1 = 1
    lock *(u64 *)(r0 + 0) += r1
    r0 = XDP_PASS
    exit
new:
    r1 = counts ll
    r2 = r10
    r2 += -4
    r3 = r10
    r3 += -16
    r4 = BPF_ANY
    call bpf_map_update_elem
    r0 = XDP_DROP
out:
    exit
