/* SipHash-2-4 (Aumasson, Bernstein 2012) of 256 bytes. */
#define SIZE 256
#include "bench.h"

static __always_inline __u64 rotate(__u64 x, int by)
{
	return x << by | x >> (64 - by);
}

#define ROUND do { \
	a += b; b = rotate(b, 13); b ^= a; a = rotate(a, 32); \
	c += d; d = rotate(d, 16); d ^= c; \
	a += d; d = rotate(d, 21); d ^= a; \
	c += b; b = rotate(b, 17); b ^= c; c = rotate(c, 32); \
} while (0)

static __always_inline __u32 work(const __u8 *data)
{
	const __u64 *words = (const __u64 *)data;
	__u64 a = 0x736f6d6570736575ULL, b = 0x646f72616e646f6dULL;
	__u64 c = 0x6c7967656e657261ULL, d = 0x7465646279746573ULL;

	for (int i = 0; i < SIZE / 8; i++) {
		d ^= words[i];
		ROUND;
		ROUND;
		a ^= words[i];
	}
	c ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	return a ^ b ^ c ^ d;
}
