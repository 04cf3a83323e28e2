/* Never closes the session. */
#include <skep.h>
#include "sessions.h"

SEC("xdp")
int forgetful(struct xdp_md *ctx)
{
	return session_open(7) ? 1 : 0;
}
