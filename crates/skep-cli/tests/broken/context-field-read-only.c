/* error[context-access] */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
#ifdef MENDED
	ctx->mark = 0;
#else
	ctx->len = 0; /* error */
#endif
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
