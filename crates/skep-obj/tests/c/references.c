/* Every kind of reference: callbacks, kernel symbols and configuration, static data in the middle of a section,
 * custom data sections, a static function beside its program. */
#include "bpf.h"

extern u32 LINUX_KERNEL_VERSION DECLARED_IN(".kconfig");
extern int CONFIG_SKEP DECLARED_IN(".kconfig") weak;
extern const void skep_symbol DECLARED_IN(".ksyms") weak;
extern int skep_function(int value) DECLARED_IN(".ksyms");

static volatile u32 before[5] = { 1, 2, 3, 4, 5 };
static volatile u32 table[4] = { 10, 20, 30, 40 };
u32 aside SEC(".data.aside") = 77;
const volatile u64 fixed SEC(".rodata.fixed") = 99;
u32 open[3];

static long each(u32 index, void *context)
{
	open[1] += index;
	return 0;
}

static noinline u32 nearby(u32 value) DECLARED_IN("xdp");
static noinline u32 nearby(u32 value)
{
	return value + table[2];
}

hidden noinline u32 own(u32 value)
{
	return value + before[4] + aside;
}

SEC("xdp")
int refer(struct xdp_md *ctx)
{
	loop(3, each, 0, 0);
	return nearby(ctx->rx_queue_index) + own(open[2]) + fixed;
}

SEC("xdp/outside")
int outside(struct xdp_md *ctx)
{
	u32 sum = LINUX_KERNEL_VERSION + CONFIG_SKEP;

	if (&skep_symbol)
		sum += 1;
	return skep_function(sum);
}

char licence[] SEC("license") = "GPL";
