/* error[packet-bounds] */
/* help: compare with `data_end` after the last change */
/* bug: with a packet of 34 bytes, instruction 10 reads byte 37 of a packet whose last is 33 */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__u32 length;

	if (data + 34 > end)
		return XDP_PASS;
	length = (data[14] & 15) * 4;
	data += 14 + length;
	return data[3] == 23 ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
