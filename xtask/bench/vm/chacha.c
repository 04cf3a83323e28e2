/* One block of ChaCha20 (RFC 8439 section 2.3), xored together. */
#define SIZE 64
#include "bench.h"

static __always_inline __u32 rotate(__u32 x, int by)
{
	return x << by | x >> (32 - by);
}

#define QUARTER(a, b, c, d) do { \
	a += b; d = rotate(d ^ a, 16); c += d; b = rotate(b ^ c, 12); \
	a += b; d = rotate(d ^ a, 8); c += d; b = rotate(b ^ c, 7); \
} while (0)

static __always_inline __u32 work(const __u8 *data)
{
	const __u32 *in = (const __u32 *)data;
	__u32 x0 = in[0], x1 = in[1], x2 = in[2], x3 = in[3], x4 = in[4], x5 = in[5], x6 = in[6], x7 = in[7];
	__u32 x8 = in[8], x9 = in[9], xa = in[10], xb = in[11], xc = in[12], xd = in[13], xe = in[14], xf = in[15];

	for (int i = 0; i < 10; i++) {
		QUARTER(x0, x4, x8, xc);
		QUARTER(x1, x5, x9, xd);
		QUARTER(x2, x6, xa, xe);
		QUARTER(x3, x7, xb, xf);
		QUARTER(x0, x5, xa, xf);
		QUARTER(x1, x6, xb, xc);
		QUARTER(x2, x7, x8, xd);
		QUARTER(x3, x4, x9, xe);
	}
	return x0 ^ x1 ^ x2 ^ x3 ^ x4 ^ x5 ^ x6 ^ x7 ^ x8 ^ x9 ^ xa ^ xb ^ xc ^ xd ^ xe ^ xf;
}
