/* error[context-access] */
/* help: only those fields */
#include <skep.h>

SEC("socket")
int prog(struct __sk_buff *ctx)
{
#ifdef MENDED
	return ctx->len;
#else
	return ctx->data; /* error */
#endif
}

char _license[] SEC("license") = "Dual MIT/GPL";
