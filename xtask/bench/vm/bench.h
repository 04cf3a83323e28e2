/*
 * One kernel, compiled twice: for BPF, as an XDP program that works on the packet, and for this machine, as a
 * program that times itself. Include it after defining SIZE, and then define `work`.
 */
#ifdef __bpf__
#include <skep.h>
#else
#include <linux/types.h>
#include <stdio.h>
#include <time.h>
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

static __always_inline __u32 work(const __u8 *data);

#ifdef __bpf__
SEC("xdp")
int bench(struct xdp_md *ctx)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;

	if (data + SIZE > (const __u8 *)(long)ctx->data_end)
		return 0;
	return work(data);
}

char _license[] SEC("license") = "Dual MIT/GPL";
#else
static __attribute__((noinline)) __u32 once(const __u8 *data)
{
	return work(data);
}

int main(void)
{
	static __u8 data[SIZE];
	double best = 1e9;
	__u32 result = 0;

	for (int i = 0; i < SIZE; i++)
		data[i] = i * 7 + 13;
	for (int round = 0; round < 400; round++) {
		struct timespec from, to;
		int runs = 2000;

		clock_gettime(CLOCK_MONOTONIC, &from);
		for (int i = 0; i < runs; i++) {
			__asm__ volatile("" : : "r"(data) : "memory");
			result = once(data);
		}
		clock_gettime(CLOCK_MONOTONIC, &to);
		double ns = ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / runs;
		if (ns < best)
			best = ns;
	}
	printf("%.3f %u\n", best, result);
	return 0;
}
#endif
