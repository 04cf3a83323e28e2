== memory of a map, whose size is known at run time
.type sched_cls
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_dynptr_from_mem
	r1 = r10
	r1 += -16
	r2 = 0
	r3 = 8
	call bpf_dynptr_data
	if r0 == 0 goto out
	r0 = *(u64 *)(r0 + 0)
out:
	r0 = 0
	exit

== so many bytes were asked for
.type sched_cls
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_dynptr_from_mem
	r1 = r10
	r1 += -16
	r2 = 0
	r3 = 8
	call bpf_dynptr_data
	if r0 == 0 goto out
	r0 = *(u64 *)(r0 + 8)                    ; error: mem_size=8
out:
	r0 = 0
	exit

== one that was overwritten
.type sched_cls
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_dynptr_from_mem
	*(u8 *)(r10 - 1) = 0
	r1 = r10
	r1 += -16
	r2 = 0
	r3 = 8
	call bpf_dynptr_data                     ; error: Expected an initialized dynptr as arg #0
	exit

== so is what was taken from it
.type sched_cls
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_dynptr_from_mem
	r1 = r10
	r1 += -16
	r2 = 0
	r3 = 8
	call bpf_dynptr_data
	if r0 == 0 goto out
	*(u8 *)(r10 - 1) = 0
	r0 = *(u64 *)(r0 + 0)                    ; error: R0 invalid mem access 'scalar'
out:
	r0 = 0
	exit

== what is in it is not the program's to read
.type sched_cls
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_dynptr_from_mem
	r0 = *(u64 *)(r10 - 8)                   ; error: invalid read from stack
	exit

== a record must be released
.type sched_cls
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_ringbuf_reserve_dynptr
	r0 = 0
	exit                                     ; error: unreleased reference

== and can't be lost
.type sched_cls
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_ringbuf_reserve_dynptr
	*(u64 *)(r10 - 16) = 0                   ; error: cannot overwrite referenced dynptr
	exit

== it is released once
.type sched_cls
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_ringbuf_reserve_dynptr
	r1 = r10
	r1 += -16
	r2 = 0
	call bpf_ringbuf_submit_dynptr
	r1 = r10
	r1 += -16
	r2 = 0
	call bpf_ringbuf_submit_dynptr           ; error: arg 1 is an unacquired reference
	exit

== a call that fills its slots
.type sched_cls
.map array 4 64 1
	r6 = r1
	r1 = map_idx_value(0, 0) ll
	r2 = 64
	r3 = 0
	r4 = r10
	r4 += -16
	call bpf_dynptr_from_mem
	r1 = r6
	r2 = 0
	r3 = r10
	r3 += -24
	r4 = 16
	call bpf_skb_load_bytes                  ; error: potential write to dynptr at off=-16 disallowed
	exit

== records of a user's ring buffer come by dynptrs that stay as they are
.type sched_cls
.map user_ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = record ll
	r3 = 0
	r4 = 0
	call bpf_user_ringbuf_drain
	r0 = 0
	exit
fn record:
	r2 = 0
	call bpf_ringbuf_submit_dynptr           ; error: cannot release unowned const bpf_dynptr
	exit
