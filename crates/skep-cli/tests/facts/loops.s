#= executes   at most 72 instructions: prog
#= stack      0 bytes at most
#= returns    1
#= effects    none: it is read-only
#= loop       at most 3 rounds: the loop to 1
#= loop       at most 6 rounds: the loop to 2
#= dead       instruction 8
#= branch 7   always taken
#r 2 r6=0..3 r7=0..6
#r 3 r6=0..3 r7=1..7
# Four rounds, of seven each: both loops come back to their head once less than they are gone through.
.section socket
prog:
    r6 = 0
outer:
    r7 = 0
inner:
    r7 += 1
    if r7 < 7 goto inner
    r6 += 1
    if r6 < 4 goto outer
    r0 = 1
    if r0 == 1 goto out
    r0 = 2
out:
    exit
