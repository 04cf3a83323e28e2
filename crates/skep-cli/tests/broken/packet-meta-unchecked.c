/* error[packet-bounds] */
/* help: data_meta */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 *meta = (__u32 *)(long)ctx->data_meta;
	__u8 *data = (__u8 *)(long)ctx->data;

	return *meta ? XDP_DROP : XDP_PASS; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
