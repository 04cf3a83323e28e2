/* error[stack-bounds|argument-size] */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u8 bytes[64];

	bpf_skb_load_bytes(ctx, 0, bytes, 1024); /* error */
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
