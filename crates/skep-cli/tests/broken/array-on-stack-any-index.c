/* error[pointer-arithmetic|stack-bounds|unbounded-index] */
/* bug: with a packet of 14 bytes, `rx_queue_index` 16, instruction 13 reads 1 byte at r10+0, expected r10-512 to r10-1 */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 bytes[16] = {};
	__u32 index = ctx->rx_queue_index;

	bytes[ctx->ingress_ifindex & 15] = 1;
	return bytes[index] ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
