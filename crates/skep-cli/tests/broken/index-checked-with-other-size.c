/* error[map-value-bounds] */
/* help: below 100 bytes */
/* bug: with a packet of 14 bytes, `rx_queue_index` 100, instruction 13 reads byte 100 of a value of map `tables` whose last is 99 */
#include <skep.h>

struct table {
	__u8 bytes[100];
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
	if (index >= 128)
		return XDP_PASS;
	return value->bytes[index] ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
