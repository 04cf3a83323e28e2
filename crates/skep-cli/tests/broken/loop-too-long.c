/* error[too-complex] */
/* help: bpf_loop */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 sum = 0;

#ifdef MENDED
	for (__u32 i = 0; i < 100; i++) {
#else
	for (__u32 i = 0; i < 2000000; i++) { /* error */
#endif
		barrier_var(sum);
		sum += ctx->rx_queue_index;
	}
	return sum ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
