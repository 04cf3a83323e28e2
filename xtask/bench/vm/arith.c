/* A long chain of dependent arithmetic. */
#define SIZE 64
#include "bench.h"

static __always_inline __u32 work(const __u8 *data)
{
	__u64 x = data[0] + 1;

	for (int i = 0; i < 1000; i++) {
		x *= 0x9e3779b97f4a7c15ULL;
		x ^= x >> 29;
		x += i;
	}
	return x;
}
