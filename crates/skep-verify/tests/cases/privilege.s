== without CAP_PERFMON, the result is a number
.bpf-only
	r0 = r1
	exit                                 ; error: R0 leaks addr as return value; help: CAP_PERFMON

== which it need not be with it
	r0 = r1
	exit

== a pointer does not go into a map
.bpf-only
.map array 4 8 1
	r1 = map_idx_value(0, 0) ll
	*(u64 *)(r1 + 0) = r1                ; error: R1 leaks addr into map
	r0 = 0
	exit

== nor into the context
.bpf-only
	*(u64 *)(r1 + 48) = r1               ; error: R1 leaks addr into ctx
	r0 = 0
	exit

== nor by an atomic
.bpf-only
.map array 4 8 1
	r1 = map_idx_value(0, 0) ll
	r2 = r10
	lock *(u64 *)(r1 + 0) += r2          ; error: R2 leaks addr into mem
	r0 = 0
	exit

== nor out of the stack by one
.bpf-only
	*(u64 *)(r10 - 8) = r10
	r2 = 1
	r2 = atomic_fetch_add((u64 *)(r10 - 8), r2) ; error: leaks from the stack
	r0 = 0
	exit

== nor into a function that takes any number
.bpf-only
.map ringbuf 0 0 4096
	r2 = r1
	r1 = map_idx(0) ll
	call bpf_ringbuf_query                ; error: R2 leaks addr into helper function
	r0 = 0
	exit

== nor to a function from the stack
.bpf-only
.map hash 8 8 1
	*(u64 *)(r10 - 8) = r1
	r2 = r10
	r2 += -8
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem                 ; error: R2 leads to a spilled pointer
	r0 = 0
	exit

== the bits of a pointer are not compared
.bpf-only
	r0 = 0
	if r1 > 17 goto out                  ; error: R1 pointer comparison prohibited
	r0 = 1
out:
	exit

== but with null they are
.bpf-only
.map hash 4 8 1
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r0 = *(u64 *)(r0 + 0)
out:
	exit

== nor halved
.bpf-only
	w2 = w1                              ; error: R1 partial copy of pointer
	r0 = 0
	exit

== nor negated
.bpf-only
	r1 = -r1                             ; error: R1 pointer arithmetic prohibited
	r0 = 0
	exit

== nor subtracted
.bpf-only
	r2 = r10
	r2 -= r1                             ; error: R2 pointer -= pointer prohibited
	r0 = 0
	exit

== half of a spilled pointer is not overwritten
.bpf-only
	*(u64 *)(r10 - 8) = r1
	*(u32 *)(r10 - 8) = 0                ; error: attempt to corrupt spilled pointer on stack
	r0 = 0
	exit

== what the stack held before is not read
.bpf-only
	r0 = *(u64 *)(r10 - 8)               ; error: invalid read from stack R10 off -8 size 8; help: write all
	exit

== nor what a store leaves of it
.bpf-only
	*(u8 *)(r10 - 8) = 1
	r0 = *(u64 *)(r10 - 8)               ; error: invalid read from stack
	exit

== nor is it where one of two paths wrote it
.bpf-only
	r2 = *(u32 *)(r1 + 0)
	if r2 == 0 goto skip
	*(u64 *)(r10 - 8) = 1
skip:
	r0 = *(u64 *)(r10 - 8)               ; error: invalid read from stack
	exit

== the place on the stack is known
.bpf-only
	r2 = *(u32 *)(r1 + 0)
	r2 &= 8
	r2 += -16
	*(u64 *)(r10 - 8) = 0
	*(u64 *)(r10 - 16) = 0
	r3 = r10
	r3 += r2                             ; error: R3 variable stack access prohibited for !root
	r0 = *(u64 *)(r3 + 0)
	exit

== a pointer does not leave the frame, even if it comes back
.bpf-only
	r2 = r10
	r2 += 8                              ; error: stack pointer arithmetic goes out of range
	r2 += -16
	r0 = 0
	exit

== nor a map's value
.bpf-only
.map array 4 8 1
	r1 = map_idx_value(0, 0) ll
	r1 += 8                              ; error: pointer arithmetic of map value goes out of range
	r1 += -8
	r0 = *(u64 *)(r1 + 0)
	exit

== a bounded index can be confined
.bpf-only
.map array 4 64 1
	r2 = *(u32 *)(r1 + 0)
	r1 = map_idx_value(0, 0) ll
	r2 &= 31
	r1 += r2
	r0 = *(u8 *)(r1 + 0)
	exit

== one that may be of either sign can not
.bpf-only
.map array 4 64 1
	r2 = *(u32 *)(r1 + 0)
	r1 = map_idx_value(0, 32) ll
	r2 &= 31
	r2 += -16
	r1 += r2                             ; error: R2 has unknown scalar with mixed signed bounds
	r0 = *(u8 *)(r1 + 0)
	exit

== nor is there room to confine the context
.bpf-only
	r2 = *(u32 *)(r1 + 0)
	r2 &= 1
	r1 += r2                             ; error: R1 has pointer with unsupported alu operation
	r0 = 0
	exit

== one addition is confined in one way, whatever path leads to it
.bpf-only
.map array 4 64 1
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r3 &= 7
	r1 = map_idx_value(0, 0) ll
	if r2 == 0 goto same
	r3 = 3
same:
	r1 += r3                             ; error: R1 tried to add from different maps, paths or scalars
	r0 = *(u8 *)(r1 + 0)
	exit

== a path that is only predicted refuses nothing: a barrier stops it
.bpf-only
.map array 4 8 1
	r2 = 0
	r1 = map_idx_value(0, 0) ll
	if r2 == 0 goto out
	r0 = *(u64 *)(r1 + 4096)
	exit
out:
	r0 = 0
	exit

== but it must end
.bpf-only
	r0 = 0
	r1 = 0
again:
	if r1 != 0 goto again                ; error: infinite loop detected
	exit

== which nobody asks of a loader with CAP_PERFMON
	r0 = 0
	r1 = 0
again:
	if r1 != 0 goto again
	exit

== what is proved of a predicted path is not proved of a real one
.bpf-only
.map array 4 8 1
	r6 = *(u32 *)(r1 + 0)
	r2 = 0
	r7 = map_idx_value(0, 0) ll
	if r2 == 0 goto real
	r6 &= 7
	goto read
real:
	r3 = 1
read:
	r7 += r6                             ; error: out of range
	r0 = *(u8 *)(r7 + 0)
	exit

== a record that was given back is nothing
.bpf-only
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 8
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	r6 = r0
	r1 = r0
	r2 = 0
	call bpf_ringbuf_submit
	r0 = r6                              ; error: R6 !read_ok
	exit
out:
	r0 = 0
	exit

== functions that tell of the kernel need CAP_PERFMON
.bpf-only
.license GPL
	call bpf_get_current_task                ; error: allowed only to CAP_PERFMON
	r0 = 0
	exit

== and so do programs that watch it
.bpf-only
.type kprobe
	r0 = 0                               ; error: a program of kind kprobe is allowed only to
	exit
