/* Fields in network order, put together from bytes, as parsers write it. */
#define SIZE 512
#include "bench.h"

static __always_inline __u32 work(const __u8 *data)
{
	__u32 sum = 0;

	for (int i = 0; i < SIZE; i += 16) {
		const __u8 *p = data + i;
		__u32 address = (__u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
		__u16 port = p[4] << 8 | p[5], len = p[6] << 8 | p[7];

		sum += address ^ port;
		if (len > 1000)
			sum += len;
	}
	return sum;
}
