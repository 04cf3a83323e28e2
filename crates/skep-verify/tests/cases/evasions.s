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

== the difference of a pointer and itself bounds nothing
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r3
	r4 -= r2
	if r4 < 16 goto out
	r0 = *(u8 *)(r2 + 0)                 ; error: invalid access to packet
	exit
out:
	r0 = 0
	exit

== the end of the packet can't be moved
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r3 += 8                              ; error: it can't be moved
	if r2 > r3 goto out
	r0 = 1
	exit
out:
	r0 = 0
	exit

== a check of one variable offset says nothing of another of the same bounds
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = *(u32 *)(r1 + 12)
	r5 = *(u32 *)(r1 + 16)
	r4 &= 63
	r5 &= 63
	r6 = r2
	r6 += r4
	r7 = r2
	r7 += r5
	r8 = r6
	r8 += 8
	if r8 > r3 goto out
	r0 = *(u64 *)(r7 + 0)                ; error: invalid access to packet
	exit
out:
	r0 = 0
	exit

== a packet pointer that was spilled in a caller's frame dies with the others
.type xdp
	r6 = r1
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 8
	if r4 > r3 goto out
	*(u64 *)(r10 - 8) = r2
	call move
	r2 = *(u64 *)(r10 - 8)
	r0 = *(u8 *)(r2 + 0)                 ; error: R2 invalid mem access
	exit
out:
	r0 = 0
	exit
fn move:
	r2 = 0
	call bpf_xdp_adjust_head
	r0 = 0
	exit

== a record is not there after it is submitted in another function
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	r6 = r0
	*(u64 *)(r10 - 8) = r0
	r1 = r0
	call give
	r1 = *(u64 *)(r10 - 8)
	*(u8 *)(r1 + 0) = 1                  ; error: R1 invalid mem access
out:
	r0 = 0
	exit
fn give:
	r2 = 0
	call bpf_ringbuf_submit
	r0 = 0
	exit

== nor can a copy moved by its size be given back
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	r1 = r0
	r1 += 8
	r2 = 0
	call bpf_ringbuf_submit              ; error: R1
out:
	r0 = 0
	exit

== a callee's frame is not its caller's to keep
	r1 = r10
	r1 += -8
	call keep
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u64 *)(r1 - 8)
	exit
fn keep:
	*(u64 *)(r10 - 8) = 1
	r2 = r10
	*(u64 *)(r1 + 0) = r2                ; error: spill pointers to stack
	r0 = 0
	exit

== not by an exchange either
	r1 = r10
	r1 += -8
	*(u64 *)(r10 - 8) = 0
	call keep
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u64 *)(r1 - 8)                ; error: R1 invalid mem access
	exit
fn keep:
	*(u64 *)(r10 - 8) = 1
	r2 = r10
	r2 = xchg_64(r1 + 0, r2)
	r0 = 0
	exit

== the same load of a context and of a packet
.type xdp
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 16
	if r4 > r3 goto out
	r5 = *(u32 *)(r2 + 0)
	if r5 > 7 goto other
	r1 = r2
other:
	r0 = *(u32 *)(r1 + 12)               ; error: different
	exit
out:
	r0 = 0
	exit

== may_goto bounds the rounds, not the number
.map array 4 64 1
	r6 = map_idx_value(0, 0) ll
	r7 = 0
again:
	may_goto out
	r2 = r6
	r2 += r7
	*(u8 *)(r2 + 0) = 1                  ; error: R2
	r7 += 1
	goto again
out:
	r0 = 0
	exit
