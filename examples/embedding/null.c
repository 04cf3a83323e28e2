/* Does not ask whether there is such a user. */
#include <skep.h>
#include "sessions.h"

SEC("xdp")
int hopeful(struct xdp_md *ctx)
{
	session_close(session_open(7));
	return 0;
}
