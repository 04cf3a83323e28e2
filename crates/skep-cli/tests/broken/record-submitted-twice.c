/* error[argument-type] */
/* bug: with a packet of 14 bytes, instruction 14 calls `bpf_ringbuf_submit` with an argument 1 that is not what it takes, or not all of it the program's */
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
	*record = 1;
	bpf_ringbuf_submit(record, 0);
	bpf_ringbuf_submit(record, 0); /* error */
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
