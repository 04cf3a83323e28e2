== a field
.type xdp
	r0 = *(u32 *)(r1 + 12)
	exit

== part of a field that has none
.type xdp
	r0 = *(u16 *)(r1 + 12)               ; error: can't read 2 bytes of `ingress_ifindex`
	exit

== beyond the context
.type xdp
	r0 = *(u32 *)(r1 + 24)               ; error: invalid bpf_context access off=24 size=4
	exit

== a field that this kind of program may not write
	r2 = 0
	*(u32 *)(r1 + 8) = r2                ; error: can't write 4 bytes of `mark`
	r0 = 0
	exit

== and one that may
.type sched_cls
	r2 = 0
	*(u32 *)(r1 + 8) = r2
	r0 = 0
	exit

== a moved context
.type xdp
	r1 += 4
	r0 = *(u32 *)(r1 + 8)                ; error: dereference of modified ctx ptr R1; help: offsets into the access
	exit

== the packet's data is not for socket filters
	r0 = *(u32 *)(r1 + 76)               ; error: can't read 4 bytes of `data`
	exit

== one instruction, two kinds of memory
.type xdp
	r2 = r1
	r3 = *(u32 *)(r1 + 12)
	if r3 == 0 goto same
	r2 = r10
	r2 += -32
same:
	r0 = *(u32 *)(r2 + 12)               ; error: same insn cannot be used with different pointers
	exit
