== a sum at 32 bits and its undoing at 64 are not the number again
.type unspec
.memory 16
	r3 = *(u32 *)(r1 + 0)
	r4 = r3
	w3 += 5
	r3 += -5
	w4 += 5
	w4 += -5
	r5 = 0xfffffff0 ll
	if r4 <= r5 goto out
	r3 -= r5
	r1 += r3                             ; error: R1
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit

== but at 32 bits they are
.type unspec
.memory 16
	r3 = *(u32 *)(r1 + 0)
	r4 = r3
	w3 += 5
	w3 += -5
	if r4 > 15 goto out
	r1 += r3
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit

== a program may not update a map that is read-only to it
.data 2a000000
	*(u32 *)(r10 - 4) = 0
	*(u32 *)(r10 - 8) = 1
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -8
	r4 = 0
	r1 = map_idx(0) ll
	call bpf_map_update_elem             ; error: write into map forbidden
	r0 = 0
	exit

== nor delete from one
.map hash 4 8 4 128
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_delete_elem             ; error: write into map forbidden
	r0 = 0
	exit

== nor take the next value out of one
.map queue 0 4 4 128
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_pop_elem                ; error: write into map forbidden
	r0 = 0
	exit

== but look at it
.map queue 0 4 4 128
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_peek_elem
	r0 = 0
	exit

== what a call may leave unfilled was perhaps never written
.type xdp
.zeroed
	r2 = 0
	r3 = r10
	r3 += -8
	r4 = 8
	call bpf_xdp_load_bytes
	r0 = *(u64 *)(r10 - 8)
	exit

== what a call of some size fills, and what is beyond
.type socket_filter
.zeroed
	r6 = r1
	r4 = *(u32 *)(r1 + 0)
	r4 &= 7
	r4 += 1
	r2 = 0
	r3 = r10
	r3 += -8
	call bpf_skb_load_bytes
	r0 = *(u64 *)(r10 - 8)
	exit

== where a store somewhere did not go
.type socket_filter
.zeroed
	r2 = *(u32 *)(r1 + 0)
	r2 &= 8
	r3 = r10
	r3 += r2
	*(u64 *)(r3 - 16) = 7
	r0 = *(u64 *)(r10 - 8)
	exit
