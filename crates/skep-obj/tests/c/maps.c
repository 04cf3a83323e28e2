/* Maps with initial values: programs in a program array, maps in a map of maps. */
#include "bpf.h"

int third(struct xdp_md *ctx);
int first(struct xdp_md *ctx);

struct {
	__uint(type, PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} steps SEC(".maps") = {
	.values = { [1] = first, [5] = third },
};

struct inner {
	__uint(type, ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u64);
} even SEC(".maps"), odd SEC(".maps");

struct {
	__uint(type, ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, struct inner);
} halves SEC(".maps") = {
	.values = { [0] = &even, [3] = &odd },
};

struct {
	__uint(type, RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("xdp")
int first(struct xdp_md *ctx)
{
	u32 slot = ctx->rx_queue_index & 3, zero = 0;
	void *half = map_lookup(&halves, &slot);
	u64 *value = half ? map_lookup(half, &zero) : 0;

	if (value)
		*value += 1;
	tail_call(ctx, &steps, 5);
	return XDP_DROP;
}

SEC("xdp")
int third(struct xdp_md *ctx)
{
	u32 queue = ctx->rx_queue_index;

	ringbuf_output(&events, &queue, sizeof(queue), 0);
	return XDP_PASS;
}

char licence[] SEC("license") = "Dual MIT/GPL";
