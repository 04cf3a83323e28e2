/*
 * A firewall for XDP, in C: the same rules as firewall.s, with the same verdicts and counters.
 *
 *   what is not IP        passes (ARP must)
 *   IPv4 fragments        but for the first of a packet are dropped
 *   TCP to port 23        is dropped (telnet)
 *   UDP to port 1900      is dropped (SSDP)
 *   headers cut short     are dropped
 *   everything else       passes
 *
 * Up to two VLAN tags are looked behind. `hits` counts what each rule decided.
 */
#include <skep.h>

enum rule { NOT_IP, FRAGMENT, TELNET, SSDP, SHORT, OTHER, RULES };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RULES);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline int decide(enum rule rule, int verdict)
{
	__u32 key = rule;
	__u64 *hit = bpf_map_lookup_elem(&hits, &key);

	if (hit)
		*hit += 1;
	return verdict;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__u8 *at = data + 12;
	__u16 ethertype, port;
	__u8 protocol;

	if (at + 2 > end)
		return decide(SHORT, XDP_DROP);
	ethertype = at[0] << 8 | at[1];
	at += 2;
	for (int tags = 0; tags < 2; tags++) {
		if (ethertype != 0x8100 && ethertype != 0x88a8)
			break;
		if (at + 4 > end)
			return decide(SHORT, XDP_DROP);
		ethertype = at[2] << 8 | at[3];
		at += 4;
	}

	if (ethertype == 0x0800) {
		if (at + 20 > end)
			return decide(SHORT, XDP_DROP);
		if ((at[6] & 0x1f) || at[7])
			return decide(FRAGMENT, XDP_DROP);
		protocol = at[9];
		at += (at[0] & 15) * 4;
	} else if (ethertype == 0x86dd) {
		if (at + 40 > end)
			return decide(SHORT, XDP_DROP);
		protocol = at[6];
		at += 40;
	} else {
		return decide(NOT_IP, XDP_PASS);
	}

	if (protocol != 6 && protocol != 17)
		return decide(OTHER, XDP_PASS);
	if (at + 4 > end)
		return decide(SHORT, XDP_DROP);
	port = at[2] << 8 | at[3];
	if (protocol == 6 && port == 23)
		return decide(TELNET, XDP_DROP);
	if (protocol == 17 && port == 1900)
		return decide(SSDP, XDP_DROP);
	return decide(OTHER, XDP_PASS);
}

char _license[] SEC("license") = "Dual MIT/GPL";
