# Mistakes of macros, repetitions and conditions themselves.
.macro needs a:req b
    r0 = \a
.endm
.text
f:
    needs
    needs 1, 2, 3
    needs a=1, a=2
.if later == 2
.endif
.endif
.else
.endm
.endr
.include "other.s"
.rept -1
.endr
    exit
