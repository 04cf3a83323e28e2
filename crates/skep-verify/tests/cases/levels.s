== a kind of map of a later Linux is refused by name
.type kprobe
.linux 6.1
.license GPL
.map cgrp_storage 4 8 0 1
    r1 = map_idx(0) ll ; error: cgrp_storage, is there since Linux 6.2
    r2 = 0
    r3 = 0
    r4 = 0
    call 210
    r0 = 0
    exit

== the kind of program may have got a helper later than others
.type xdp
.linux 6.12
    r1 = r10
    r1 += -16
    r2 = 16
    call 16 ; error: bpf_get_current_comm for programs of kind xdp is there since Linux 6.16; the program is judged for 6.12
    r0 = 2
    exit

== so it is with every later Linux
.type xdp
.linux 6.18
    r1 = r10
    r1 += -16
    r2 = 16
    call 16
    r0 = 2
    exit

== an instruction of a later Linux
.linux 6.1
    r0 = 0
    r1 = 1
    r0 = (s8)r1 ; error: is there since Linux 6.6; the program is judged for 6.1
    exit

== a kind of program of a later Linux
.section netfilter
.linux 6.1
    r0 = 0 ; error: the kind of program netfilter is there since Linux 6.4; the program is judged for 6.1
    exit

== two numbers that are compared tell nothing of each other before 6.8
.linux 6.6
.map array 4 64 1
    r2 = r10
    r2 += -4
    *(u32 *)(r2 + 0) = 0
    r1 = map_idx(0) ll
    call 1
    if r0 == 0 goto out
    r6 = r0
    call 7
    r7 = r0
    r7 &= 31
    call 7
    if r0 > r7 goto out
    r6 += r0 ; error: unbounded min value
    r0 = *(u8 *)(r6 + 0)
out:
    r0 = 0
    exit

== and since then they do
.linux 6.12
.map array 4 64 1
    r2 = r10
    r2 += -4
    *(u32 *)(r2 + 0) = 0
    r1 = map_idx(0) ll
    call 1
    if r0 == 0 goto out
    r6 = r0
    call 7
    r7 = r0
    r7 &= 31
    call 7
    if r0 > r7 goto out
    r6 += r0
    r0 = *(u8 *)(r6 + 0)
out:
    r0 = 0
    exit

== a constant index of an array needs a check before 6.14
.linux 6.12
.map array 4 64 1
    r2 = r10
    r2 += -4
    *(u32 *)(r2 + 0) = 0
    r1 = map_idx(0) ll
    call 1
    r0 = *(u8 *)(r0 + 0) ; error: may be null here
    exit

== the numbers of unbounded registers are not followed through the stack before 6.9
.linux 6.6
.map array 4 64 1
    call 7
    r1 = r0
    r1 <<= 8
    r1 |= r0
    *(u64 *)(r10 - 8) = r1
    r2 = *(u64 *)(r10 - 8)
    if r2 > 31 goto out
    if r1 <= 31 goto out
    r0 = *(u8 *)(r1 + 0) ; error: R1 invalid mem access 'scalar'
out:
    r0 = 0
    exit

== a helper of a later Linux is refused by name
.type kprobe
.license GPL
.linux 6.1
.map task_storage 4 8 0 1
    r1 = map_idx(0) ll
    r2 = 0
    call 211 ; error: bpf_cgrp_storage_delete is there since Linux 6.2; the program is judged for 6.1
    r0 = 0
    exit
