/* error[infinite-loop] */
/* help: every round */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 i = 0;

	do {
#ifdef MENDED
		if (++i > 100)
			break;
#endif
		barrier_var(i); /* error */
	} while (ctx->rx_queue_index != 5);
	return i ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
