== a pointer survives on the stack
.type xdp
	*(u64 *)(r10 - 8) = r1
	r2 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r2 + 12)
	exit

== half of it does not
.type xdp
	*(u64 *)(r10 - 8) = r1
	r0 = *(u32 *)(r10 - 8)               ; error: invalid size of register fill
	exit

== nor can it be stored in halves
	*(u32 *)(r10 - 8) = r1               ; error: invalid size of register spill
	r0 = 0
	exit

== a byte over it makes it a number
.type xdp
	*(u64 *)(r10 - 8) = r1
	*(u8 *)(r10 - 3) = 0
	r2 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r2 + 12)               ; error: R2 invalid mem access 'scalar'
	exit

== what is known of a number survives too
.map array 4 64 1
	r6 = *(u32 *)(r1 + 0)
	if r6 > 63 goto out
	*(u64 *)(r10 - 8) = r6
	r7 = *(u64 *)(r10 - 8)
	r1 = map_idx_value(0, 0) ll
	r1 += r7
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit

== and what is learnt of it later
.map array 4 64 1
	r6 = *(u32 *)(r1 + 0)
	*(u64 *)(r10 - 8) = r6
	if r6 > 63 goto out
	r7 = *(u64 *)(r10 - 8)
	r1 = map_idx_value(0, 0) ll
	r1 += r7
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit

== also of four bytes
.map array 4 64 1
	r6 = *(u32 *)(r1 + 0)
	*(u32 *)(r10 - 4) = r6
	if r6 > 63 goto out
	r7 = *(u32 *)(r10 - 4)
	r1 = map_idx_value(0, 0) ll
	r1 += r7
	r0 = *(u8 *)(r1 + 0)                 ; error: unbounded memory access
	exit
out:
	r0 = 0
	exit

== below the frame
	*(u64 *)(r10 - 520) = 0              ; error: invalid access to stack
	r0 = 0
	exit

== above the frame
	*(u8 *)(r10 + 0) = 0                 ; error: invalid access to stack
	r0 = 0
	exit

== across a boundary
	*(u32 *)(r10 - 6) = 0                ; error: misaligned stack access
	r0 = 0
	exit

== what was never written reads as some number
	r0 = *(u64 *)(r10 - 8)
	exit

== a place that is only roughly known
	r6 = *(u32 *)(r1 + 0)
	r6 &= 56
	r2 = r10
	r2 += -64
	r2 += r6
	r0 = *(u64 *)(r2 + 0)
	*(u64 *)(r2 + 0) = 1
	exit

== a place that may be outside
	r6 = *(u32 *)(r1 + 0)
	r6 &= 120
	r2 = r10
	r2 += -64
	r2 += r6
	r0 = *(u64 *)(r2 + 0)                ; error: invalid access to stack: bytes -64 to 64
	exit

== a store somewhere destroys the pointers there
	*(u64 *)(r10 - 8) = r1
	*(u64 *)(r10 - 16) = r1
	r6 = *(u32 *)(r1 + 0)
	r6 &= 8
	r2 = r10
	r2 += -16
	r2 += r6
	*(u64 *)(r2 + 0) = 0
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r1 + 0)                ; error: R1 invalid mem access 'scalar'
	exit

== a stack pointer is not subtracted from
	r2 = r10
	r2 -= 8                              ; error: subtraction from stack pointer prohibited
	r0 = 0
	exit

== stacks of a chain of calls add up
	*(u64 *)(r10 - 256) = 0              ; error: combined stack size of 2 calls is 528
	call deeper
	exit
fn deeper:
	*(u64 *)(r10 - 264) = 0
	r0 = 0
	exit

== an atomic operation somewhere on the stack
	.type xdp
	r2 = *(u32 *)(r1 + 12)
	r2 &= 8
	*(u64 *)(r10 - 8) = 0
	*(u64 *)(r10 - 16) = 0
	r3 = r10
	r3 += -16
	r3 += r2
	lock *(u64 *)(r3 + 0) += r2          ; error: variable offset stack pointer
	r0 = 0
	exit
