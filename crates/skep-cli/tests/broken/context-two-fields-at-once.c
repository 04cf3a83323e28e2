/* error[context-access] */
/* help: own size */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	return *(volatile __u64 *)&ctx->mark; /* error */
}

char _license[] SEC("license") = "Dual MIT/GPL";
