# Passes a number off as a session.
.extern session_close

.section xdp
forger:
    r1 = 4294967296 ll
    call session_close
    r0 = 0
    exit
