# Labels of every kind, and what is and what isn't a function.
        .text
first:                                  # the first label of a section: a function
        r0 = 0
1:      r0 += 1
        if r0 > 3 goto 1f
        goto 1b
1:      r0 += 2
        if r0 < 100 goto 1b
        exit
helper: /* called below: a function */ r0 = r1
        exit
        .type stated, @function
stated: call helper
        call stated
        r1 = helper ll
        r2 = stated ll
again:  w0 = w1; if w0 == 0 goto done; gotol again
done:   exit
        .globl shared
shared: call first
        .8byte 0x95                     # data in code decodes as what it is
        .4byte 0xdeadbeef, 0

        .section tc/ingress
        r0 = TC_ACT_OK                  # no label: the section gives the name
        exit
