== a lock around two stores
.type sched_cls
.map array 4 16 1
.field bpf_spin_lock 4 0
	*(u32 *)(r10 - 4) = 1
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r6 = r0
	r1 = r6
	call bpf_spin_lock
	*(u32 *)(r6 + 4) = 1
	*(u32 *)(r6 + 8) = 1
	r1 = r6
	call bpf_spin_unlock
out:
	r0 = 0
	exit

== it is not the program's to write
.type sched_cls
.map array 4 16 1
.field bpf_spin_lock 4 0
	r1 = map_idx_value(0, 0) ll
	*(u32 *)(r1 + 0) = 0                     ; error: bpf_spin_lock cannot be accessed directly by load/store
	r0 = 0
	exit

== nor a call's
.type sched_cls
.map array 4 16 1
.field bpf_spin_lock 4 4
	r3 = map_idx_value(0, 0) ll
	r2 = 0
	r4 = 16
	call bpf_skb_load_bytes                  ; error: bpf_spin_lock cannot be accessed directly by load/store
	r0 = 0
	exit

== a lock is given back
.type sched_cls
.map array 4 16 1
.field bpf_spin_lock 4 0
	r1 = map_idx_value(0, 0) ll
	call bpf_spin_lock
	r0 = 0
	exit                                     ; error: bpf_spin_lock-ed region

== nothing is called before that
.type sched_cls
.map array 4 16 1
.field bpf_spin_lock 4 0
	r6 = map_idx_value(0, 0) ll
	r1 = r6
	call bpf_spin_lock
	call bpf_ktime_get_ns                    ; error: function calls are not allowed while holding a lock
	exit

== the lock in one value is not that in another
.type sched_cls
.map hash 4 16 8
.field bpf_spin_lock 4 0
	*(u32 *)(r10 - 4) = 1
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r6 = r0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = r6
	r6 = r0
	call bpf_spin_lock
	r1 = r6
	call bpf_spin_unlock                     ; error: bpf_spin_unlock of different lock
out:
	r0 = 0
	exit

== a call wants the field itself
.type sched_cls
.license GPL
.map array 4 32 1
.field bpf_timer 16 8
	r1 = map_idx_value(0, 0) ll
	r2 = map_idx(0) ll
	r3 = 0
	call bpf_timer_init                      ; error: off 0 doesn't point to 'struct bpf_timer' that is at 8
	exit

== a value without one
.type sched_cls
.license GPL
.map array 4 32 1
	r1 = map_idx_value(0, 0) ll
	call bpf_timer_cancel                    ; error: map 'array' has to have BTF in order to use bpf_timer
	exit

== the map of the timer
.type sched_cls
.license GPL
.map array 4 32 1
.field bpf_timer 16 0
.map array 4 32 1
.field bpf_timer 16 0
	r1 = map_idx_value(0, 0) ll
	r2 = map_idx(1) ll
	r3 = 0
	call bpf_timer_init                      ; error: doesn't match map pointer
	exit

== two locks in one value
.type sched_cls
.license GPL
.map array 4 32 1
.field bpf_spin_lock 4 0
.field bpf_spin_lock 4 8
	r1 = map_idx_value(0, 0) ll                 ; error: bpf_spin_lock is there twice
	r0 = 0
	exit

== a kind of program that could wait for itself
.type kprobe
.map array 4 32 1
.field bpf_spin_lock 4 0
	r1 = map_idx_value(0, 0) ll                 ; error: tracing progs cannot use bpf_spin_lock yet
	r0 = 0
	exit

== a kind of map that has no such values
.type sched_cls
.map percpu_array 4 32 1
.field bpf_spin_lock 4 0
	r1 = map_idx(0) ll                       ; error: can't be in the values of a map of this kind
	r0 = 0
	exit

== of maps in maps, a timer is set up with the one it is in
.type sched_cls
.license GPL
.map array_of_maps 4 4 2
.inner array 4 16 1
.inner-field bpf_timer 16 0
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto none
	r6 = r0
	r1 = map_idx(0) ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto none
	r7 = r0
	r1 = r6
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto none
	r8 = r0
	r1 = r8
	r2 = r6
	r3 = 1
	call bpf_timer_init
	r1 = r8
	r2 = r7
	r3 = 1
	call bpf_timer_init                      ; error: timer pointer in R1 doesn't match map pointer
none:
	r0 = 0
	exit
