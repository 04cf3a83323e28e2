/* Printed from a table of functions; do not edit. */
#ifndef SESSIONS_H
#define SESSIONS_H

/* What functions take and return. */
struct session;

/* open the session of a user, or null where there is no such user */
extern struct session *session_open(__u32 user) __ksym;

/* take bytes that were sent to the session; returns how many */
extern int session_read(struct session *session, void *to, __u32 size) __ksym;

/* close a session */
extern void session_close(struct session *session) __ksym;

#endif
