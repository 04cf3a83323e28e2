/* error[null-check] */
/* help: if (!value) */
/* bug: with a packet of 14 bytes, instruction 7 reads 8 bytes through a pointer that is null */
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
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	*value += 1; /* error */
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
