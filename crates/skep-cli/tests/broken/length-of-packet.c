/* error[argument-size] */
/* help: at least 1 */
/* bug: with a packet of 65 bytes, instruction 4 calls `bpf_skb_load_bytes` with an argument 3 that is not what it takes, or not all of it the program's */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u8 bytes[64];
	__u32 length = ctx->len;

	bpf_skb_load_bytes(ctx, 0, bytes, length); /* error */
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
