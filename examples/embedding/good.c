/* Opens a user's session, reads eight bytes, closes it, and returns the first. */
#include <skep.h>
#include "sessions.h"

SEC("xdp")
int first_byte(struct xdp_md *ctx)
{
	unsigned char text[8] = {};
	struct session *session = session_open(7);

	if (!session)
		return 0;
	session_read(session, text, sizeof(text));
	session_close(session);
	return text[0];
}
