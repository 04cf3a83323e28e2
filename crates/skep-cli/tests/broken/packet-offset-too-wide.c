/* error[packet-bounds] */
/* help: below 0xffff */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__u32 offset = ctx->rx_queue_index;

	offset &= 0xfffff;
	data += offset;
	if (data + 1 > end)
		return XDP_PASS;
	return data[0] == 23 ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
