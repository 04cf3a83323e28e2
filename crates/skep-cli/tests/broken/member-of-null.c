/* error[null-check] */
/* help: if (!value) */
/* bug: with a packet of 14 bytes, instruction 8 writes 8 bytes through a pointer that is null */
#include <skep.h>

struct flow {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct flow *value = bpf_map_lookup_elem(&flows, &key);

	value->bytes = 1; /* error */
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
