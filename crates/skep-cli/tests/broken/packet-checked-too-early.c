/* error[packet-bounds] */
/* help: with `data_end` */
/* bug: with a packet of 64 bytes, instruction 8 reads byte 64 of a packet whose last is 63 */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__u32 offset;

	if (data + 64 > end)
		return XDP_PASS;
	offset = data[0];
	return data[offset] == 23 ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
