/* error[uninit-register] */
/* help: one argument */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx, int length) /* error */
{
#ifdef MENDED
	return ctx->len;
#else
	return length;
#endif
}

char _license[] SEC("license") = "Dual MIT/GPL";
