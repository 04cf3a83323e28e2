/* Counts packets by length in a map, with subprograms static and global, and variables in every data section. */
#include "bpf.h"

struct count {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct count);
	__uint(map_flags, NO_PREALLOC);
} counts SEC(".maps");

struct {
	__uint(type, ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 16);
	__uint(pinning, PIN_BY_NAME);
} shared SEC(".maps");

u64 total = 7;
static volatile u32 step = 3;
static volatile u32 unit = 1;
u64 seen;
static volatile u64 seen_twice;
const volatile u32 limit_low = 10;
const volatile u32 limit_high = 1500;

static noinline u64 scaled(u64 len)
{
	return len * step;
}

noinline u64 rounded(u64 len)
{
	return scaled(len) + unit;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(u64)ctx->data, *end = (void *)(u64)ctx->data_end;
	u32 len = end - data;
	struct count first = { 1, len }, *found;

	seen++;
	seen_twice += 2;
	if (len < limit_low || len > limit_high)
		return XDP_DROP;
	total += rounded(len);
	found = map_lookup(&counts, &len);
	if (found) {
		found->packets++;
		found->bytes += len;
	} else {
		map_update(&counts, &len, &first, 0);
	}
	return XDP_PASS;
}

SEC("xdp/second")
int second(struct xdp_md *ctx)
{
	u32 zero = 0;
	u64 *found = map_lookup(&shared, &zero);

	if (!found)
		return XDP_DROP;
	*found += scaled(total) + rounded(2);
	return XDP_PASS;
}

char licence[] SEC("license") = "GPL";
u32 built_for SEC("version") = 0x50607;
