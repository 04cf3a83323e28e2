/* error[stack-bounds|argument-size] */
/* bug: with a packet of 14 bytes, instruction 4 calls `bpf_skb_load_bytes` with an argument 3 that is not what it takes, or not all of it the program's */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u8 bytes[64];

	bpf_skb_load_bytes(ctx, 0, bytes, 1024); /* error */
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
