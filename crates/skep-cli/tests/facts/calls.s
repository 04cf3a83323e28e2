#= executes   at most 28 instructions: prog
#= stack      0 bytes at most
#= returns    11
#= effects    none: it is read-only
#= loop       at most 3 rounds: the loop to 9
#= branch 7   never taken
# A function is followed at each call with what is known there; its loop is entered twice, and each entry counts by itself.
.section socket
prog:
    r1 = 1
    call count
    r6 = r0
    r1 = 4
    call count
    r0 += r6
    exit
.local count
count:
    if r1 == 0 goto done
    r0 = 0
next:
    r0 += r1
    r1 += -1
    if r1 != 0 goto next
done:
    exit
