/* error[gpl-only] */
/* help: _license[] */
#include <skep.h>

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	char text[] = "seen";

	bpf_trace_printk(text, sizeof(text)); /* error */
	return XDP_PASS;
}

char _license[] SEC("license") = "Proprietary";
