== a register without a value is not read
	r0 = r2                              ; error: R2 !read_ok
	exit

== a result is set on every path
	if r1 == 0 goto out
	r0 = 1
out:
	exit                                 ; error: R0 !read_ok; help: set r0 on every path

== calls leave r1 to r5 without values
	r6 = r1
	call bpf_ktime_get_ns
	r0 = r1                              ; error: R1 !read_ok; help: r6 to r9
	exit

== callee-saved registers outlive a call
	r6 = 7
	call bpf_ktime_get_ns
	r0 = r6
	exit

== the frame pointer is read-only
	r10 += 8                             ; error: frame pointer is read only
	r0 = 0
	exit

== a pointer may be returned
	r0 = r1
	exit

== half a copy of a pointer is a number
	w2 = w1
	r0 = *(u8 *)(r2 + 0)                 ; error: R2 invalid mem access 'scalar'
	exit

== shifts beyond the width are refused where they are reached
	r0 = 1
	r0 <<= 64                            ; error: invalid shift 64
	exit

== and not where they are not
	r0 = 1
	if r0 == 1 goto out
	r0 <<= 64
out:
	exit

== division by a constant zero
	r0 = 1
	r0 /= 0                              ; error: division by zero
	exit

== a number that was a pointer's product is no pointer
	r1 *= 2                              ; error: pointer arithmetic on ctx prohibited
	r0 = 0
	exit
