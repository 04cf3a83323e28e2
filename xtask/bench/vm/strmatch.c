/* How often four bytes stand in a text. */
#define SIZE 512
#include "bench.h"

static __always_inline __u32 work(const __u8 *data)
{
	__u32 found = 0;

	for (int i = 0; i < SIZE - 3; i++) {
		if (data[i] == 13 && data[i + 1] == 20 && data[i + 2] == 27 && data[i + 3] == 34)
			found++;
	}
	return found;
}
