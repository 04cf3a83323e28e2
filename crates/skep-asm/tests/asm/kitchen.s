// Everything a loader looks at: typed maps, variables of each kind, subprograms, source lines.
.license "Dual BSD/GPL"

.struct flow {
    __be32 saddr, daddr
    __be16 sport, dport
    u8     proto, pad[3]
}
.set SLOTS, 4

.map flows,  type=lru_hash, key=flow, value=u64[2], max_entries=1024
.map counts, type=percpu_array, key=u32, value=u64, max_entries=SLOTS
.map events, type=ringbuf, max_entries=4096
.map jumps,  type=prog_array, max_entries=SLOTS, values=[drop, 2: pass]
.map inner,  type=array, key=u32, value=u32, max_entries=1
.map outer,  type=array_of_maps, max_entries=2, values=[inner]

.rodata
.globl limit
limit:  .long 7
banner: .asciz "hi"
        .balign 4
mask:   .byte 1, 2, 3, 4

.data
.globl total
total:  .quad 5

.bss
hits:   .zero 8
table:  .zero 24

.text
.globl twice
.func u64 twice(u64 x)
twice:
        r0 = r1
        r0 += r1
        exit
bump:   r1 = hits ll                    # a label that is called is a function
        r2 = 1
        lock *(u64 *)(r1 + 0) += r2
        r0 = table + 8 ll
        r0 = *(u64 *)(r0 + 0)
        exit

.section xdp
main_prog:
        r6 = r1
        *(u32 *)(r10 - 4) = 0
        r2 = r10; r2 += -4
        r1 = counts ll
        call bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r1 = limit ll
        r1 = *(u32 *)(r1 + 0)
        lock *(u64 *)(r0 + 0) += r1
1:      r1 = total ll
        r1 = *(u64 *)(r1 + 0)
        call twice
        call bump
        r1 = r6
        r2 = jumps ll
        r3 = 2
        call bpf_tail_call
        r2 = *(u32 *)(r6 + xdp_md.data)
        r3 = *(u32 *)(r6 + xdp_md.data_end)
        r2 += 14
        if r2 > r3 goto out
        r0 = XDP_PASS
        exit
out:    r0 = XDP_DROP
        exit

.globl drop, pass
drop:   r0 = XDP_DROP
        exit
pass:   r0 = XDP_PASS
        exit
