# What only shows when everything has been read.
.map counts, type=array, key=u32, value=u64, max_entries=1
.data
v:      .quad 1, counts, v, nowhere
        .byte far_away - start
.set LATE, nothing + 1
.text
start:  goto strat
        call bpf_map_lokup_elem
        call map_update_elem
        call nobody
        call counts
        r1 = cuonts ll
        r1 = v + 9 ll
        r1 = v + 100 ll
        r1 = start + 8 ll
        r1 = counts + 8 ll
        r0 = v
        r0 = BIG
        r0 = XDP_PAS
        *(u8 *)(r10 + BIG) = 0
        goto other
        if r0 == 0 goto far_away
        goto far_away
        gotol far_away
        .zero 300000
far_away: exit
        .type other, @function
other:  exit
        call inside
.section xdp
prog:   exit
inside: exit
BIG = 0x100000000
