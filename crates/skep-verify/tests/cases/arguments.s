== a map that is found in a map
.map array_of_maps 4 4 2
.inner hash 4 8 16
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = r0
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r0 = *(u64 *)(r0 + 0)
	exit
out:
	r0 = 0
	exit

== it may not be there
.map hash_of_maps 4 4 2
.inner array 4 8 16
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	r1 = r0
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem             ; error: compare it with 0 first
	exit

== nor is it a value
.map hash_of_maps 4 4 2
.inner array 4 8 16
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	*(u64 *)(r0 + 0) = 1                 ; error: only read from map_ptr is supported
out:
	r0 = 0
	exit

== its values are as large as those of all maps there
.map array_of_maps 4 4 2
.inner hash 4 8 16
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = r0
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r0 = *(u64 *)(r0 + 8)                ; error: invalid access to map value
out:
	r0 = 0
	exit

== an array there may be shorter, if it says so
.map array_of_maps 4 4 2
.inner array 4 8 16 4096
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = r0
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	r0 = *(u64 *)(r0 + 0)                ; error: map_value_or_null
out:
	r0 = 0
	exit

== maps of maps are not changed by programs
.map hash_of_maps 4 4 2
.inner array 4 8 16
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_delete_elem             ; error: cannot pass map_type hash_of_maps into func bpf_map_delete_elem
	exit

== a queue has no keys
.map queue 0 8 4
	*(u64 *)(r10 - 8) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -8
	call bpf_map_lookup_elem             ; error: cannot pass map_type queue into func
	exit

== a redirection needs a map of places
.type xdp
.map array 4 8 4
	r1 = map_idx(0) ll
	r2 = 0
	r3 = 0
	call bpf_redirect_map                ; error: expected one of devmap, devmap_hash, cpumap, xskmap
	exit

== a device's index is read-only
.type xdp
.map devmap 4 4 4 128
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	*(u32 *)(r0 + 0) = 1                 ; error: write into map forbidden
out:
	r0 = 0
	exit

== whether a value may be in a bloom filter is asked with the value
.map bloom_filter 0 8 4
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -8
	*(u64 *)(r10 - 8) = 1
	call bpf_map_peek_elem
	exit

== a constant string
.data 686900
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = map_idx_value(0, 0) ll
	call bpf_strncmp
	exit

== which must end
.data 686921
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = map_idx_value(0, 0) ll
	call bpf_strncmp                     ; error: string is not zero-terminated
	exit

== and not change
.map array 4 8 1
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = map_idx_value(0, 0) ll
	call bpf_strncmp                     ; error: does not point to a readonly map
	exit

== a format and as many values
.license GPL
.data 256420257300
	*(u64 *)(r10 - 16) = 1
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -32
	r2 = 16
	r3 = map_idx_value(0, 0) ll
	r4 = r10
	r4 += -16
	r5 = 16
	call bpf_snprintf
	exit

== a format and too few
.license GPL
.data 256420257300
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -32
	r2 = 16
	r3 = map_idx_value(0, 0) ll
	r4 = r10
	r4 += -8
	r5 = 8
	call bpf_snprintf                    ; error: more places than values
	exit

== a number that is filled, aligned
	*(u64 *)(r10 - 8) = 0x3231
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = 10
	r4 = r10
	r4 += -16
	call bpf_strtol
	r0 = *(u64 *)(r10 - 16)
	exit

== the same, not aligned
	*(u64 *)(r10 - 8) = 0x3231
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = 10
	r4 = r10
	r4 += -20
	call bpf_strtol                      ; error: misaligned
	exit

== memory that is read and written is the program's afterwards
.type sched_cls
.license GPL
	r6 = r1
	*(u64 *)(r10 - 64) = r6
	r2 = r10
	r2 += -64
	r3 = 64
	r4 = 0
	call bpf_fib_lookup
	r1 = *(u64 *)(r10 - 64)
	r0 = *(u32 *)(r1 + 0)                ; error: R1 invalid mem access 'scalar'
	exit

== a call that may sleep
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = 0
	call bpf_copy_from_user              ; error: might sleep in a non-sleepable prog
	exit

== a null that is allowed only as a constant
.type xdp
	r1 = 0
	r2 = 0
	r3 = 0
	r4 = 0
	r5 = 0
	call bpf_csum_diff
	exit
