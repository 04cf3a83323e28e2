/* error[leaked-reference] */
/* help: release it on this path */
#include <skep.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u64 *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record)
		return XDP_PASS;
	if (ctx->rx_queue_index == 3)
		return XDP_DROP;
	*record = 1;
	bpf_ringbuf_submit(record, 0);
	return XDP_PASS;
} /* error */

char _license[] SEC("license") = "Dual MIT/GPL";
