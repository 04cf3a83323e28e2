/* error[unbounded-index] */
/* help: or mask it */
/* bug: with a packet of 14 bytes, `rx_queue_index` 64, instruction 12 reads byte 64 of a value of map `tables` whose last is 63 */
#include <skep.h>

struct table {
	__u8 bytes[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u32 index = ctx->rx_queue_index;
	struct table *value = bpf_map_lookup_elem(&tables, &key);

	if (!value)
		return XDP_PASS;
	return value->bytes[index] ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
