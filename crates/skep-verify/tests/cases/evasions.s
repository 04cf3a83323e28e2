== a sum at 32 bits and its undoing at 64 are not the number again
.type unspec
.memory 16
	r3 = *(u32 *)(r1 + 0)
	r4 = r3
	w3 += 5
	r3 += -5
	w4 += 5
	w4 += -5
	r5 = 0xfffffff0 ll
	if r4 <= r5 goto out
	r3 -= r5
	r1 += r3                             ; error: R1
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit

== but at 32 bits they are
.type unspec
.memory 16
	r3 = *(u32 *)(r1 + 0)
	r4 = r3
	w3 += 5
	w3 += -5
	if r4 > 15 goto out
	r1 += r3
	r0 = *(u8 *)(r1 + 0)
	exit
out:
	r0 = 0
	exit
