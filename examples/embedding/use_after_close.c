/* Reads from a session that it has closed. */
#include <skep.h>
#include "sessions.h"

SEC("xdp")
int too_late(struct xdp_md *ctx)
{
	unsigned char text[8] = {};
	struct session *session = session_open(7);

	if (!session)
		return 0;
	session_close(session);
	return session_read(session, text, sizeof(text));
}
