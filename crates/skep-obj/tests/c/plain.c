/* A program without maps: what can be read without types. */
#include "bpf.h"

static volatile u32 step = 3;
u32 unit = 1;

static noinline u32 scaled(u32 value)
{
	return value * step;
}

noinline u32 rounded(u32 value)
{
	return scaled(value) + unit;
}

SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return rounded(ctx->rx_queue_index) & 1 ? XDP_PASS : XDP_DROP;
}

char licence[] SEC("license") = "GPL";
