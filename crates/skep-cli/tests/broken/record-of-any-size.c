/* error[constant-argument] */
/* help: the largest */
#include <skep.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u64 *record = bpf_ringbuf_reserve(&events, ctx->rx_queue_index, 0); /* error */

	if (record)
		bpf_ringbuf_discard(record, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
