== a value is looked up, compared with null, and used
.map hash 4 8 16
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
out:
	r0 = 0
	exit

== without the comparison
.map hash 4 8 16
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	r1 = *(u64 *)(r0 + 0)                ; error: R0 invalid mem access 'map_value_or_null'; help: compare r0 with 0
	exit

== every copy becomes usable
.map hash 4 8 16
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	r6 = r0
	*(u64 *)(r10 - 16) = r0
	if r6 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r2 = *(u64 *)(r10 - 16)
	r1 = *(u64 *)(r2 + 0)
out:
	r0 = 0
	exit

== but not the result of another lookup
.map hash 4 8 16
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	r6 = r0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	if r6 == 0 goto out
	r1 = *(u64 *)(r0 + 0)                ; error: map_value_or_null
out:
	r0 = 0
	exit

== beyond the value
.map array 4 8 16
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 1)                ; error: invalid access to map value, value_size=8: bytes 1 to 9
out:
	r0 = 0
	exit

== an index that is compared
.map array 4 64 1
	r1 = *(u32 *)(r1 + 0)
	if r1 >= 64 goto out
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	exit
out:
	r0 = 0
	exit

== an index that is compared as signed only
.map array 4 64 1
	r1 = *(u64 *)(r1 + 48)
	if r1 s>= 64 goto out
	r2 = map_idx_value(0, 0) ll
	r2 += r1                             ; error: unbounded min value
	r0 = *(u8 *)(r2 + 0)
	exit
out:
	r0 = 0
	exit

== an index that is masked, one too many
.map array 4 63 1
	r1 = *(u32 *)(r1 + 0)
	r1 &= 63
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)                 ; error: bytes 0 to 64
	exit

== a product as index
.map array 4 64 1
	r1 = *(u32 *)(r1 + 0)
	if r1 > 7 goto out
	r1 *= 8
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u64 *)(r2 + 0)
	exit
out:
	r0 = 0
	exit

== a key that lies elsewhere than memory
.map hash 4 8 16
	r2 = 0
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem             ; error: R2 type=0 for bpf_map_lookup_elem: expected=a pointer to memory
	exit

== a key that does not fit
.map hash 16 8 16
	r2 = r10
	r2 += -8
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem             ; error: invalid access to stack: bytes -8 to 8
	exit

== a map that is read-only to programs
.map array 4 8 1 0x80
	r1 = map_idx_value(0, 0) ll
	*(u8 *)(r1 + 0) = 0                  ; error: write into map forbidden
	r0 = 0
	exit

== a map that is write-only to programs
.map array 4 8 1 0x100
	r1 = map_idx_value(0, 0) ll
	r0 = *(u8 *)(r1 + 0)                 ; error: read from map forbidden
	exit

== frozen data is known
.data 05000000
	r1 = map_idx_value(0, 0) ll
	r0 = *(u32 *)(r1 + 0)
	if r0 == 5 goto out
	r0 = r9
out:
	exit

== a map is no memory
.map hash 4 8 16
	r1 = map_idx(0) ll
	r1 += 8                              ; error: pointer arithmetic on map_ptr prohibited
	r0 = 0
	exit

== a map that is not there
	r1 = map_idx(3) ll                   ; error: map 3 of 0
	r0 = 0
	exit

== a program array is only for tail calls
.map prog_array 4 4 2
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem             ; error: cannot pass map_type prog_array
	exit

== a tail call
.map prog_array 4 4 2
	r2 = map_idx(0) ll
	r3 = 0
	call bpf_tail_call
	r0 = 0
	exit

== nothing comes back in r0
.map prog_array 4 4 2
	r2 = map_idx(0) ll
	r3 = 0
	call bpf_tail_call
	exit                                 ; error: R0 !read_ok

== an element of an array, by a known index, is there
.map array 4 8 16
	*(u32 *)(r10 - 8) = 15
	r2 = r10
	r2 += -8
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	r0 = *(u64 *)(r0 + 0)
	exit

== beyond its end it is not
.map array 4 8 16
	*(u32 *)(r10 - 8) = 16
	r2 = r10
	r2 += -8
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	r0 = *(u64 *)(r0 + 0)                ; error: map_value_or_null
	exit

== the index is known on one way only
.map array 4 8 16
	r6 = *(u32 *)(r1 + 0)
	r7 = 3
	if r6 == 1 goto +1
	r7 = r6
	r8 = *(u32 *)(r1 + 4)
	if r8 == 0 goto +1
	r8 = 1
	*(u32 *)(r10 - 8) = r7
	r2 = r10
	r2 += -8
	r1 = map_idx(0) ll
	call bpf_map_lookup_elem
	r0 = *(u64 *)(r0 + 0)                ; error: map_value_or_null
	exit

== another CPU's value, by a known index, need not be: there may be no such CPU
.map percpu_array 4 8 16
	*(u32 *)(r10 - 4) = 3
	r2 = r10
	r2 += -4
	r1 = map_idx(0) ll
	r3 = 99
	call bpf_map_lookup_percpu_elem
	r0 = *(u64 *)(r0 + 0)                ; error: R0 invalid mem access 'map_value_or_null'
	exit
