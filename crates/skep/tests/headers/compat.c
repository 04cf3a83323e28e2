// A source as it is written for libbpf and the kernel's own headers.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, __be32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline int parse(void *data, void *data_end, __be32 *source)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return -1;
	*source = ip->saddr;
	return 0;
}

SEC("xdp")
int count_sources(struct xdp_md *ctx)
{
	__be32 source;
	__u64 one = 1, *count;

	if (parse((void *)(long)ctx->data, (void *)(long)ctx->data_end, &source))
		return XDP_PASS;
	count = bpf_map_lookup_elem(&seen, &source);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&seen, &source, &one, BPF_ANY);
	bpf_printk("from %x", bpf_ntohl(source));
	bpf_printk("%d %d %d %d", 1, 2, 3, (int)one);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
