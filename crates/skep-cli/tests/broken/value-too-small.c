/* error[map-value-bounds] */
/* help: only the 4 bytes */
/* bug: with a packet of 14 bytes, instruction 9 writes bytes 0 to 7 of a value of map `counters` whose last is 3 */
#include <skep.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} counters SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	if (!value)
		return XDP_PASS;
	*value = 1; /* error */
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
