# Opens a user's session, reads eight bytes, closes it, and returns the first.
.extern session_open, session_read, session_close

.section xdp
first_byte:
    r1 = 7
    call session_open
    if r0 == 0 goto nobody
    r6 = r0
    r1 = r6
    r2 = r10
    r2 += -8
    r3 = 8
    call session_read
    r7 = *(u8 *)(r10 - 8)
    r1 = r6
    call session_close
    r0 = r7
    exit
nobody:
    r0 = 0
    exit
