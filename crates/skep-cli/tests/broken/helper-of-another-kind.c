/* error[function-not-allowed] */
/* help: function that this kind */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
#ifdef MENDED
	return ctx->rx_queue_index & 1 ? XDP_DROP : XDP_PASS;
#else
	return bpf_get_hash_recalc((void *)ctx) & 1 ? XDP_DROP : XDP_PASS; /* error */
#endif
}

char _license[] SEC("license") = "Dual MIT/GPL";
