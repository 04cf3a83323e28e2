# Looks into what only the application can look into.
.extern session_open, session_close

.section xdp
curious:
    r1 = 7
    call session_open
    if r0 == 0 goto nobody
    r6 = r0
    r7 = *(u64 *)(r6 + 0)
    r1 = r6
    call session_close
    r0 = r7
    exit
nobody:
    r0 = 0
    exit
