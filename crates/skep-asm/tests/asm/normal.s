.dialect normal
; GNU's mnemonics; a semicolon comments
.license "GPL"
.map counts, type=array, key=u32, value=u64, max_entries=256
.set ETH_HLEN, 14
.section xdp
count:
        ldxw %r2,[%r1+xdp_md.data]      ; offsets have names here too
        ldxw %r3,[%r1+4]
        mov %r4,%r2
        add %r4,ETH_HLEN
        jgt %r4,%r3,out
        ldxh %r5,[%r2+12]
        endbe %r5,16
        and %r5,0xff
        stxw [%fp-4],%r5
        lddw %r1,counts
        mov %r2,%fp
        add %r2,-4
        call bpf_map_lookup_elem
        jeq %r0,0,out
        mov %r1,1
        aadd [%r0+0],%r1
out:    mov %r0,XDP_PASS ` exit
