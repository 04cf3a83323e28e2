/*
 * Reports each attempt to open a TCP connection over IPv4 as a record in a ring buffer. Everything passes.
 */
#include <skep.h>

struct event {
	__u8 source[4];
	__u8 destination[4];
	__u16 source_port;
	__u16 destination_port;
	__u32 length;
};

/* Names the type, so that `skep run --maps --records event` can show records by it. */
const struct event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("xdp")
int report(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__u8 *ip = data + 14, *tcp;
	struct event *event;

	if (ip + 20 > end || data[12] != 0x08 || data[13] != 0x00 || ip[9] != 6)
		return XDP_PASS;
	tcp = ip + (ip[0] & 15) * 4;
	/* A connection starts with SYN and without ACK. */
	if (tcp + 20 > end || (tcp[13] & 0x12) != 0x02)
		return XDP_PASS;

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return XDP_PASS;
	__builtin_memcpy(event->source, ip + 12, 4);
	__builtin_memcpy(event->destination, ip + 16, 4);
	event->source_port = tcp[0] << 8 | tcp[1];
	event->destination_port = tcp[2] << 8 | tcp[3];
	event->length = end - data;
	bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
