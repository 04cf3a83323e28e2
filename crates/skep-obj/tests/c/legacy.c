/* A map as programs defined it before types: a structure of numbers in section `maps`. */
#include "bpf.h"

struct bpf_map_def {
	u32 type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
};

struct bpf_map_def old SEC("maps") = { ARRAY, 4, 8, 3, 0 };
struct bpf_map_def older SEC("maps") = { HASH, 8, 16, 5, NO_PREALLOC };

SEC("xdp")
int count(struct xdp_md *ctx)
{
	u32 zero = 0;
	u64 pair = 0, *value = map_lookup(&old, &zero);

	if (value)
		*value += 1;
	return map_lookup(&older, &pair) ? XDP_PASS : XDP_DROP;
}

char licence[] SEC("license") = "GPL";
