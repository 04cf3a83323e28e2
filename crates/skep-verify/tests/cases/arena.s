== a pointer into an arena may be any number
.type syscall
.sleepable
.map arena 0 0 10
	r1 = map_idx(0) ll
	r2 = 4096
	r2 = addr_space_cast(r2, 0, 1)
	*(u64 *)(r2 + 8) = 7
	r2 <<= 3
	r0 = *(u32 *)(r2 - 4)
	r0 = 0
	exit

== a pointer for user space is a number
.type syscall
.sleepable
.map arena 0 0 10
	r1 = map_idx(0) ll
	r2 = 4096
	r2 = addr_space_cast(r2, 0, 1)
	r2 = addr_space_cast(r2, 1, 0)
	r0 = *(u32 *)(r2 + 0)                    ; error: R2 invalid mem access 'scalar'
	exit

== there is no arena to point into
.type syscall
.sleepable
	r2 = 4096
	r2 = addr_space_cast(r2, 0, 1)           ; error: can only be used in a program that has an associated arena
	r0 = 0
	exit

== one arena a program
.type syscall
.sleepable
.map arena 0 0 10
.map arena 0 0 10
	r1 = map_idx(0) ll
	r1 = map_idx(1) ll                       ; error: Only one arena per program
	r0 = 0
	exit

== an arena is for loaders with CAP_PERFMON
.bpf-only
.type syscall
.sleepable
.map arena 0 0 10
	r1 = map_idx(0) ll                       ; error: CAP_BPF and CAP_PERFMON are required to use arena
	r0 = 0
	exit
