== nothing leads to an instruction
	.safety
	.type unspec
	r0 = 0
	exit
	r0 = 1
	exit

== the last instruction is never reached
	.safety
	.type unspec
	r0 = 0
	exit
	r0 = 1

== a jump at the end that always jumps
	.safety
	.type unspec
	r0 = 0
	goto last
out:
	exit
last:
	if r0 == 0 goto out

== a jump at the end that may not jump
	.safety
	.type unspec
	.memory 8
	r0 = *(u8 *)(r1 + 0)
	goto last
out:
	exit
last:
	if r0 == 0 goto out                  ; error: runs off its end

== a function that runs into the next
	.safety
	.type unspec
again:
	call other
	if r0 != 0 goto again                ; error: runs off its end
fn other:
	r0 = 0
	exit

== registers that hold nothing are zero
	.safety
	.type unspec
	if r9 != 0 goto wild
	r0 = r3
	exit
wild:
	r0 = *(u8 *)(r9 + 0)
	exit

== but not after a call
	.safety
	.type unspec
	call bpf_ktime_get_ns
	r0 = r3                              ; error: !read_ok
	exit

== nor in a function that is called
	.safety
	.type unspec
	call other
	exit
fn other:
	r0 = r6                              ; error: !read_ok
	exit

== an address as a number
	.safety
	.type unspec
	r0 = r10
	r0 ^= r1
	exit

== and as an address no more
	.safety
	.type unspec
	.memory 8
	r1 &= -8
	r0 = *(u8 *)(r1 + 0)                 ; error: invalid mem access 'scalar'
	exit

== a pointer that is moved too far is a number
	.safety
	.type unspec
	.memory 8
	r2 = 0x40000000
	r1 += r2
	r1 -= r2
	r0 = *(u8 *)(r1 + 0)                 ; error: invalid mem access 'scalar'
	exit
