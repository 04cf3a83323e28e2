== a function that a loop runs
.type sched_cls
	*(u64 *)(r10 - 8) = 0
	r1 = 10
	r2 = add ll
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop
	r0 = 0
	exit
fn add:
	r0 = *(u64 *)(r2 + 0)
	r0 += 1
	*(u64 *)(r2 + 0) = r0
	r0 = 0
	exit

== it may run again: what it did the first time counts
.type sched_cls
.map array 4 16 1
	*(u64 *)(r10 - 8) = 0
	r1 = 10
	r2 = step ll
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop
	r0 = 0
	exit
fn step:
	r3 = *(u64 *)(r2 + 0)
	r1 = map_idx_value(0, 0) ll
	r1 += r3
	r0 = *(u8 *)(r1 + 0)                     ; error: invalid access to map value
	r3 += 16
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit

== it may not run at all
.type sched_cls
.map array 4 16 1
	*(u64 *)(r10 - 8) = 100
	r1 = *(u32 *)(r1 + 0)
	r2 = clear ll
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop
	r2 = *(u64 *)(r10 - 8)
	r1 = map_idx_value(0, 0) ll
	r1 += r2
	r0 = *(u8 *)(r1 + 0)                     ; error: invalid access to map value
	exit
fn clear:
	r0 = 0
	*(u64 *)(r2 + 0) = r0
	exit

== it runs so often and no more
.type sched_cls
.map array 4 2 1
	*(u64 *)(r10 - 8) = 0
	r1 = 1
	r2 = step ll
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop
	r2 = *(u64 *)(r10 - 8)
	r1 = map_idx_value(0, 0) ll
	r1 += r2
	r0 = *(u8 *)(r1 + 0)
	exit
fn step:
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit

== it says whether to go on, and nothing else
.type sched_cls
	r1 = 10
	r2 = three ll
	r3 = 0
	r4 = 0
	call bpf_loop
	r0 = 0
	exit
fn three:
	r0 = 3
	exit                                     ; error: At callback return the register R0 has 3 should have been in [0, 1]

== a loop in it must end too
.type sched_cls
	r1 = 10
	r2 = forever ll
	r3 = 0
	r4 = 0
	call bpf_loop
	r0 = 0
	exit
fn forever:
	r0 = 0
again:
	goto again                               ; error: infinite loop detected

== a number is no function
.type sched_cls
	r1 = 10
	r2 = 20
	r3 = 0
	r4 = 0
	call bpf_loop                            ; error: expected=func
	exit

== the elements of a map, one after another
.type sched_cls
.map hash 8 16 4
	r1 = map_idx(0) ll
	r2 = one ll
	r3 = 0
	r4 = 0
	call bpf_for_each_map_elem
	r0 = 0
	exit
fn one:
	r1 = *(u64 *)(r2 + 0)
	*(u64 *)(r3 + 8) = r1
	r0 = 0
	exit

== keys stay as they are
.type sched_cls
.map hash 8 16 4
	r1 = map_idx(0) ll
	r2 = one ll
	r3 = 0
	r4 = 0
	call bpf_for_each_map_elem
	r0 = 0
	exit
fn one:
	*(u64 *)(r2 + 0) = 0                     ; error: write to change key R2 not allowed
	r0 = 0
	exit

== what a record acquires in a round it must release in it
.type sched_cls
.map ringbuf 0 0 4096
	r1 = 10
	r2 = take ll
	r3 = 0
	r4 = 0
	call bpf_loop
	r0 = 0
	exit                                     ; error: unreleased reference
fn take:
	r1 = map_idx(0) ll
	r2 = 8
	r3 = 0
	call bpf_ringbuf_reserve
	r0 = 1
	exit

== a timer sets itself up again
.type sched_cls
.license GPL
.map array 4 24 1
.field bpf_timer 16 0
	r6 = map_idx_value(0, 0) ll
	r1 = r6
	r2 = map_idx(0) ll
	r3 = 0
	call bpf_timer_init
	r1 = r6
	r2 = tick ll
	call bpf_timer_set_callback
	r0 = 0
	exit
fn tick:
	r1 = r3
	r2 = tick ll
	call bpf_timer_set_callback
	r0 = 0
	exit

== it returns 0
.type sched_cls
.license GPL
.map array 4 24 1
.field bpf_timer 16 0
	r1 = map_idx_value(0, 0) ll
	r2 = tick ll
	call bpf_timer_set_callback
	r0 = 0
	exit
fn tick:
	r0 = 1
	exit                                     ; error: At async callback the register R0 has 1 should have been in [0, 0]
