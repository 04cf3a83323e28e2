/* error[argument-size] */
/* help: at least 1 */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u8 bytes[64];
	__u32 length = ctx->len & 63;

	bpf_skb_load_bytes(ctx, 0, bytes, length); /* error */
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
