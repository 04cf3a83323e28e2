/* error[pointer-arithmetic] */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 bytes[64] = {};
	long place = (long)bytes;

#ifndef MENDED
	asm volatile("%0 &= -8" : "+r"(place)); /* error */
#endif
	return *(volatile __u8 *)place ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
