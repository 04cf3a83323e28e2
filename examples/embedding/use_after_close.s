# Reads from a session that it has closed.
.extern session_open, session_read, session_close

.section xdp
too_late:
    r1 = 7
    call session_open
    if r0 == 0 goto nobody
    r6 = r0
    r1 = r6
    call session_close
    r1 = r6
    r2 = r10
    r2 += -8
    r3 = 8
    call session_read
nobody:
    r0 = 0
    exit
