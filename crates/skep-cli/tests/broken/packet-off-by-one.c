/* error[packet-bounds] */
/* help: compare `data + 15` with `data_end` */
/* bug: with a packet of 14 bytes, instruction 5 reads byte 14 of a packet whose last is 13 */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;

	if (data + 14 > end)
		return XDP_PASS;
	return data[14] == 0x45 ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
