# Drops packets whose length times three, plus one, is above 400: `mac` is no instruction of any machine,
# but a row of mac.isa says what it means.
    .section xdp
    .globl long_ones
long_ones:
    r2 = *(u32 *)(r1 + 4)
    r3 = *(u32 *)(r1 + 0)
    r2 -= r3
    r6 = mac(r2, 3, 1)
    if r6 > 400 goto drop
    r0 = 2
    exit
drop:
    r0 = 1
    exit

    .section license
    .asciz "GPL"
