/* error[not-a-pointer] */
/* help: bpf_probe_read_kernel */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u32 *place = (__u32 *)(long)ctx->mark;

	return *place; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
