/* error[not-a-pointer] */
/* help: bpf_probe_read_kernel */
/* bug: with a packet of 14 bytes, instruction 1 reads 4 bytes through a pointer that is null */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u32 *place = (__u32 *)(long)ctx->mark;

	return *place; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
