# Does not ask whether there is such a user.
.extern session_open, session_close

.section xdp
hopeful:
    r1 = 7
    call session_open
    r1 = r0
    call session_close
    r0 = 0
    exit
