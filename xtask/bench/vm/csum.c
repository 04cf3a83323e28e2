/* The Internet checksum of a full frame. */
#define SIZE 1500
#include "bench.h"

static __always_inline __u32 work(const __u8 *data)
{
	const __u16 *words = (const __u16 *)data;
	__u32 sum = 0;

	for (int i = 0; i < SIZE / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}
