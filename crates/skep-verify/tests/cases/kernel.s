== an RCU section begins once
.kernel
.license GPL
	call bpf_rcu_read_lock
	call bpf_rcu_read_lock                ; error: nested rcu read lock
	r0 = 0
	exit

== and is ended
.kernel
.license GPL
	call bpf_rcu_read_lock
	r0 = 0
	exit                                  ; error: cannot be used inside bpf_rcu_read_lock-ed region

== a number iterator from its making to its end
.kernel
.license GPL
	r6 = 0
	r1 = r10
	r1 += -8
	r2 = 0
	r3 = 10
	call bpf_iter_num_new
again:
	r1 = r10
	r1 += -8
	call bpf_iter_num_next
	if r0 == 0 goto over
	r1 = *(u32 *)(r0 + 0)
	r6 += r1
	goto again
over:
	r1 = r10
	r1 += -8
	call bpf_iter_num_destroy
	r0 = 0
	exit

== an iterator that is not ended
.kernel
.license GPL
	r1 = r10
	r1 += -8
	r2 = 0
	r3 = 10
	call bpf_iter_num_new
	r0 = 0
	exit                                  ; error: unreleased reference

== what is in an iterator is nobody's business
.kernel
.license GPL
	r1 = r10
	r1 += -8
	r2 = 0
	r3 = 10
	call bpf_iter_num_new
	r0 = *(u32 *)(r10 - 8)                ; error: invalid read from stack
	exit

== a CPU mask is given back
.kernel
.section tp_btf/task_newtask
.license GPL
	call bpf_cpumask_create
	if r0 == 0 goto none
	r6 = r0
	r1 = 0
	r2 = r6
	call bpf_cpumask_set_cpu
	r1 = r6
	call bpf_cpumask_release
none:
	r0 = 0
	exit

== it may be null
.kernel
.section tp_btf/task_newtask
.license GPL
	call bpf_cpumask_create
	r1 = 0
	r2 = r0
	call bpf_cpumask_set_cpu              ; error: Possibly NULL pointer passed to trusted arg1
	r0 = 0
	exit

== it can't be used after it was given back
.kernel
.section tp_btf/task_newtask
.license GPL
	call bpf_cpumask_create
	if r0 == 0 goto none
	r6 = r0
	r1 = r6
	call bpf_cpumask_release
	r1 = 0
	r2 = r6
	call bpf_cpumask_set_cpu              ; error: R2 invalid mem access 'scalar'
none:
	r0 = 0
	exit

== a tracepoint's task is trusted, what its pointers lead to need not be
.kernel
.section tp_btf/task_newtask
.license GPL
	r1 = *(u64 *)(r1 + 0)
	call bpf_task_acquire
	if r0 == 0 goto none
	r1 = r0
	call bpf_task_release
none:
	r0 = 0
	exit

== a function that sleeps is not for programs that must not
.kernel
.section tp_btf/task_newtask
.license GPL
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = 0
	r4 = 0
	call bpf_copy_from_user_str           ; error: program must be sleepable to call sleepable kfunc
	r0 = 0
	exit

== the metadata of a device's frames is for programs that are bound to it
.kernel
.section xdp
.license GPL
	r2 = r10
	r2 += -8
	call bpf_xdp_metadata_rx_timestamp    ; error: metadata kfuncs require device-bound program
	r0 = 2
	exit

== what a map is, is read through a pointer to it
.kernel
.license GPL
.map array 4 8 16
	r1 = map_idx(0) ll
	r0 = *(u32 *)(r1 + 0)
	r2 = *(u64 *)(r1 + 40)
	r0 = 0
	exit

== and not before it
.kernel
.license GPL
.map hash 4 8 16
	r1 = map_idx(0) ll
	r0 = *(u32 *)(r1 - 4)                 ; error: R1 is bpf_htab invalid negative access: off=-4
	exit

== nothing is written there
.kernel
.license GPL
.map hash 4 8 16
	r1 = map_idx(0) ll
	*(u32 *)(r1 + 0) = 1                  ; error: only read from map_ptr is supported
	r0 = 0
	exit
