/*
 * Counts packets and bytes by IPv4 source address, in a hash map. Everything passes.
 */
#include <skep.h>

struct counts {
	__u64 packets;
	__u64 bytes;
};

struct address {
	__u8 ip[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct address);
	__type(value, struct counts);
} sources SEC(".maps");

/* Packets that had no place in the map any more. */
__u64 missed;

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	struct address source;
	struct counts *counts;

	if (data + 34 > end || data[12] != 0x08 || data[13] != 0x00)
		return XDP_PASS;
	__builtin_memcpy(&source, data + 26, sizeof(source));

	counts = bpf_map_lookup_elem(&sources, &source);
	if (counts) {
		__sync_fetch_and_add(&counts->packets, 1);
		__sync_fetch_and_add(&counts->bytes, end - data);
	} else {
		struct counts first = { .packets = 1, .bytes = end - data };

		/* Another CPU may have been faster, which this example counts as missed. */
		if (bpf_map_update_elem(&sources, &source, &first, BPF_NOEXIST))
			__sync_fetch_and_add(&missed, 1);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
