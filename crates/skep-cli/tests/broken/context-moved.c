/* error[modified-pointer] */
/* help: as received */
#include <skep.h>

SEC("tc")
int prog(struct __sk_buff *ctx)
{
	__u32 index = ctx->len & 3;
	__u32 *words = ctx->cb;

#ifdef MENDED
	return index ? 0 : ctx->cb[0];
#else
	return *(volatile __u32 *)&words[index]; /* error */
#endif
}

char _license[] SEC("license") = "Dual MIT/GPL";
