/* error[not-a-pointer] */
/* bug: with a packet of 14 bytes, instruction 11 writes 8 bytes where the program has no memory */
#include <skep.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 8, 0);

	if (!record)
		return XDP_PASS;
	bpf_ringbuf_submit(record, 0);
	*record = 1; /* error */
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
