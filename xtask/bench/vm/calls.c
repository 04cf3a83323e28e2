/* Six hundred calls of a small function. */
#define SIZE 64
#include "bench.h"

static __attribute__((noinline)) __u64 step(__u64 x, __u64 by)
{
	return (x ^ by) * 31 + 7;
}

static __always_inline __u32 work(const __u8 *data)
{
	__u64 x = data[0];

	for (int i = 0; i < 600; i++)
		x = step(x, i);
	return x;
}
