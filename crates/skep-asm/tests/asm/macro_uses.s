# A mistake in a macro has two places: where it is written, and where it is used.
.macro load reg, from
    \reg = *(u64 *)(\from + )
.endm
.macro twice reg
    load \reg, r1
    goto nowhere
.endm
.text
f:
    load r2, r1
    twice r3
    load 5, r1
.rept 2
    r11 = frob 5
.endr
    exit
