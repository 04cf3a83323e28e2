/* error[map-kind] */
#include <skep.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
#ifdef MENDED
	return XDP_PASS;
#else
	return bpf_redirect_map((void *)&counters, 0, 0); /* error */
#endif
}

char _license[] SEC("license") = "Dual MIT/GPL";
