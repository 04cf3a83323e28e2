== a byte is read after the check
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto out
	r0 = *(u16 *)(r2 + 12)
	exit
out:
	r0 = 1
	exit

== and not before
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r0 = *(u16 *)(r2 + 12)               ; error: invalid access to packet: bytes 12 to 14; help: `data + 14` with `data_end`
	exit

== one byte too far
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto out
	r0 = *(u16 *)(r2 + 13)               ; error: invalid access to packet
	exit
out:
	r0 = 1
	exit

== on the way where the check failed
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto out
	r0 = 2
	exit
out:
	r0 = *(u8 *)(r2 + 0)                 ; error: invalid access to packet
	exit

== the end on the left
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 8
	if r3 >= r4 goto in
	r0 = 1
	exit
in:
	r0 = *(u64 *)(r2 + 0)
	exit

== a strict comparison gives one byte more
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 7
	if r4 < r3 goto in
	r0 = 1
	exit
in:
	r0 = *(u64 *)(r2 + 0)
	exit

== an IPv4 header of variable length
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 34
	if r4 > r3 goto out
	r5 = *(u8 *)(r2 + 14)
	r5 &= 15
	r5 <<= 2
	r2 += 14
	r2 += r5
	r4 = r2
	r4 += 4
	if r4 > r3 goto out
	r0 = *(u16 *)(r2 + 2)
	exit
out:
	r0 = 1
	exit

== what was checked before the variable part does not count after it
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 34
	if r4 > r3 goto out
	r5 = *(u8 *)(r2 + 14)
	r2 += r5
	r0 = *(u8 *)(r2 + 0)                 ; error: invalid access to packet
	exit
out:
	r0 = 1
	exit

== a call that moves the packet takes its pointers
.type xdp
	r6 = *(u32 *)(r1 + 0)
	r7 = *(u32 *)(r1 + 4)
	r8 = r6
	r8 += 14
	if r8 > r7 goto out
	r2 = 0
	call bpf_xdp_adjust_head
	r0 = *(u8 *)(r6 + 0)                 ; error: R6 invalid mem access 'scalar'; help: take the pointer again
	exit
out:
	r0 = 1
	exit

== metadata lies before the packet
.type xdp
	r2 = *(u32 *)(r1 + 8)
	r3 = *(u32 *)(r1 + 0)
	r4 = r2
	r4 += 4
	if r4 > r3 goto out
	r0 = *(u32 *)(r2 + 0)
	exit
out:
	r0 = 1
	exit

== XDP writes into the packet
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 6
	if r4 > r3 goto out
	*(u32 *)(r2 + 0) = 0
	*(u16 *)(r2 + 4) = 0
out:
	r0 = 2
	exit

== but not atomically
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 8
	if r4 > r3 goto out
	r0 = 1
	lock *(u64 *)(r2 + 0) += r0          ; error: BPF_ATOMIC stores into R2 pkt is not allowed
out:
	r0 = 2
	exit

== a negative offset
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto out
	r0 = *(u8 *)(r2 - 1)                 ; error: invalid access to packet
	exit
out:
	r0 = 1
	exit

== the end is not memory
.type xdp
	r2 = *(u32 *)(r1 + 4)
	r0 = *(u8 *)(r2 + 0)                 ; error: R2 invalid mem access 'pkt_end'
	exit

== packet loads of old take the packet from r6
	r6 = r1
	r0 = *(u16 *)skb[12]
	exit

== and nothing else
	r6 = r10
	r0 = *(u16 *)skb[12]                 ; error: R6 type=fp
	exit

== they leave r1 to r5 without values
	r6 = r1
	r0 = *(u16 *)skb[12]
	r0 = r1                              ; error: R1 !read_ok
	exit

== a pointer that is behind the end stays behind it
.type sched_cls
	r2 = *(u32 *)(r1 + 80)
	r4 = *(u32 *)(r1 + 76)
	r3 = r4
	r3 += 42
	r1 = 0
	if r3 > r2 goto again
	r4 += 14
	r1 = r4
again:
	if r3 > r2 goto out
	r2 = *(u16 *)(r1 + 9)
out:
	r0 = 0
	exit

== but not once it was moved back
.type sched_cls
	r2 = *(u32 *)(r1 + 80)
	r4 = *(u32 *)(r1 + 76)
	r3 = r4
	r3 += 42
	r1 = 0
	if r3 > r2 goto again
	r4 += 14
	r1 = r4
again:
	r3 += -42
	if r3 > r2 goto out
	r2 = *(u16 *)(r1 + 9)                    ; error: R1 invalid mem access 'scalar'
out:
	r0 = 0
	exit
