== a comparison at 32 bits bounds the low half only
.map array 4 64 1
	r1 = *(u64 *)(r1 + 48)
	if w1 > 63 goto out
	r2 = map_idx_value(0, 0) ll
	r2 += r1                             ; error: unbounded min value
	r0 = *(u8 *)(r2 + 0)
	exit
out:
	r0 = 0
	exit

== and a 32-bit copy is then bounded
.map array 4 64 1
	r1 = *(u64 *)(r1 + 48)
	if w1 > 63 goto out
	w1 = w1
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	exit
out:
	r0 = 0
	exit

== a sign-extended byte can be negative
.map array 4 64 1
	r1 = *(u32 *)(r1 + 0)
	r1 = (s8)r1
	if r1 s> 63 goto out
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)                 ; error: R2 min value is negative; help: make the index unsigned
	exit
out:
	r0 = 0
	exit

== unless it is compared
.map array 4 64 1
	r1 = *(u32 *)(r1 + 0)
	r1 = (s8)r1
	if r1 s> 63 goto out
	if r1 s< 0 goto out
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	exit
out:
	r0 = 0
	exit

== a remainder is below its divisor
.map array 4 64 1
	r1 = *(u32 *)(r1 + 0)
	r1 %= 64
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	exit

== a known bit decides
	r1 = *(u32 *)(r1 + 0)
	r1 |= 1
	if r1 & 1 goto out
	r0 = r9
out:
	r0 = 0
	exit

== the difference of two pointers is a number
.type xdp
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r2 -= r1
	r0 = r2
	exit

== swapped bytes of a small number
.map array 4 256 1
	r1 = *(u32 *)(r1 + 0)
	r1 &= 255
	r1 = be16 r1
	r1 >>= 8
	r2 = map_idx_value(0, 0) ll
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	exit

== given memory, and not more
.type unspec
.memory 16
	r0 = *(u64 *)(r1 + 8)
	exit

== given memory, one byte more
.type unspec
.memory 16
	r0 = *(u64 *)(r1 + 9)                ; error: invalid access to memory, mem_size=16: bytes 9 to 17
	exit

== strict alignment, where it is asked for
.strict
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r0 = *(u32 *)(r1 + 2)                ; error: misaligned map_value access
	exit

== atomics are always aligned
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r2 = 1
	lock *(u64 *)(r1 + 4) += r2          ; error: misaligned map_value access
	r0 = 0
	exit

== a shift beyond the width is a mistake
    r0 = 1
    r0 <<= 65 ; error: invalid shift 65, expected 0 to 63
    exit

== by RFC 9669 it is one by the low bits
.rfc9669
    r0 = 1
    r0 <<= 65
    if r0 == 2 goto shifted
    *(u64 *)(r0 + 0) = 0
shifted:
    r0 = 0x80000000 ll
    w0 s>>= -1
    r1 = 0xffffffff ll
    if r0 == r1 goto filled
    *(u64 *)(r0 + 0) = 0
filled:
    r0 = 8
    r0 >>= 0x43
    if r0 == 1 goto done
    *(u64 *)(r0 + 0) = 0
done:
    exit
