== a function works on its caller's stack
	r1 = r10
	r1 += -8
	call fill
	r0 = *(u64 *)(r10 - 8)
	exit
fn fill:
	*(u64 *)(r1 + 0) = 7
	r0 = 0
	exit

== it does not keep its own there
	r1 = r10
	r1 += -8
	call keep
	r0 = *(u64 *)(r10 - 8)
	exit
fn keep:
	*(u64 *)(r1 + 0) = r10               ; error: cannot spill pointers to stack into stack frame of the caller
	r0 = 0
	exit

== nor return it
	call own
	r0 = 0
	exit
fn own:
	r0 = r10
	exit                                 ; error: cannot return stack pointer

== a function without a result
	call nothing
	r0 = 0
	exit
fn nothing:
	exit

== whose result is read
	call nothing
	exit                                 ; error: R0 !read_ok
fn nothing:
	exit

== the caller's registers are its own
	r6 = 1
	call other
	r0 = r6
	exit
fn other:
	r0 = r6                              ; error: R6 !read_ok
	exit

== a bound that the function checks holds for its caller
.map array 4 64 1
	r1 = *(u32 *)(r1 + 0)
	call clamp
	r1 = map_idx_value(0, 0) ll
	r1 += r0
	r0 = *(u8 *)(r1 + 0)
	exit
fn clamp:
	r0 = r1
	if r1 < 64 goto out
	r0 = 63
out:
	exit

== a tail call in a function comes back with anything
.map array 4 64 1
.map prog_array 4 4 2
	call tail
	r1 = map_idx_value(0, 0) ll
	r1 += r0                             ; error: unbounded min value
	r0 = *(u8 *)(r1 + 0)
	exit
fn tail:
	r6 = r1
	r2 = map_idx(1) ll
	r3 = 0
	call bpf_tail_call
	r0 = 0
	exit

== what the caller knew outlives it
.map array 4 64 1
.map prog_array 4 4 2
	r6 = *(u32 *)(r1 + 0)
	if r6 > 63 goto out
	call tail
	r1 = map_idx_value(0, 0) ll
	r1 += r6
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit
fn tail:
	r6 = r1
	r2 = map_idx(1) ll
	r3 = 0
	call bpf_tail_call
	r0 = 0
	exit

== eight frames, not nine
	r0 = 0
	call f1
	exit
fn f1:
	call f2
	exit
fn f2:
	call f3
	exit
fn f3:
	call f4
	exit
fn f4:
	call f5
	exit
fn f5:
	call f6
	exit
fn f6:
	call f7
	exit
fn f7:
	call f8                              ; error: at most 8 frames
	exit
fn f8:
	r0 = 0
	exit
