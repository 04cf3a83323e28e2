/* error[not-a-pointer] */
/* help: again after that call */
/* bug: with a packet of 14 bytes, instruction 7 reads 1 byte where the program has no memory */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;

	if (data + 34 > end) {
		bpf_skb_pull_data(ctx, 34);
	}
	return data[33] ? TC_ACT_SHOT : TC_ACT_OK; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
