// Maps with types, and one source for XDP and traffic control.
#include <skep.h>
#include <skep/map.h>
#include <skep/packet.h>

struct flow {
	__u32 from, to;
};
struct counters {
	__u64 packets, bytes;
};

SKEP_MAP(flows, HASH, struct flow, struct counters, 64);
SKEP_QUEUE(waiting, QUEUE, __u32, 16);
SKEP_RINGBUF(events, 4096);

#define COUNT(ctx, pass)                                                              \
	struct flow flow = {};                                                        \
	__u16 *protocol = skep_header(ctx, 12, __u16);                                \
	if (!protocol || *protocol != bpf_htons(0x0800) || skep_packet_load(ctx, 26, &flow)) \
		return pass;                                                          \
	struct counters *counters = skep_map_lookup(&flows, &flow);                   \
	if (counters) {                                                               \
		counters->packets++;                                                  \
		counters->bytes += skep_packet_len(ctx);                              \
		return pass;                                                          \
	}                                                                             \
	struct counters first = { 1, skep_packet_len(ctx) };                          \
	skep_map_update(&flows, &flow, &first, BPF_NOEXIST);                          \
	skep_map_push(&waiting, &flow.from, 0);                                       \
	struct flow *event = skep_reserve(&events, struct flow);                      \
	if (event) {                                                                  \
		*event = flow;                                                        \
		bpf_ringbuf_submit(event, 0);                                         \
	}                                                                             \
	return pass

SEC("xdp")
int on_xdp(struct xdp_md *ctx)
{
	COUNT(ctx, XDP_PASS);
}

SEC("tc")
int on_tc(struct __sk_buff *ctx)
{
	COUNT(ctx, TC_ACT_OK);
}

char _license[] SEC("license") = "GPL";
