/* error[argument-type] */
/* bug: with a packet of 14 bytes, instruction 3 calls `bpf_map_lookup_elem` with an argument 2 that is not what it takes, or not all of it the program's */
#include <skep.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u64 number = ctx->rx_queue_index;
	__u64 *value = bpf_map_lookup_elem(&counters, (void *)(long)number); /* error */

	return value ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
