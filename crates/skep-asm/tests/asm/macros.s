# Macros, repetitions and conditions in the forms of LLVM and GNU.
.license "GPL"
.set ROUNDS, 3
LIMIT = ROUNDS * 4
.struct pair { u32 a, b }

.macro store reg, off=-8, size=u64
    *(\size *)(r10 + \off) = \reg
.endm

.macro clamp reg:req, top=LIMIT     # a label of its own each time
    if \reg <= \top goto .Lclamped\@
    \reg = \top
.Lclamped\@:
.endm

.macro both first second
    store \first, -16
    store \second, off=-24
.endm

.macro text name, more:vararg
\name\()_text: .asciz \more
.endm

.macro quiet
    r9 = 9
    .exitm
    r9 = 10
.endm

.data
text greeting, "hello, you"
table:
.irp value, 1, 2, 3
    .quad \value * 2
.endr
.irpc c, abc
    .byte '\c'
.endr

.section xdp
prog:
    r6 = r1
    store r6
    store size=u32, reg=w6, off=-4
    clamp r6
    clamp r6, 7
    both r6 r6
    quiet
.rept ROUNDS
    r6 += 1
    .rept 2
    r6 ^= 1
    .endr
.endr
.if LIMIT == 12 && !0
    r1 = 12
.else
    r1 = nonsense here
.endif
.ifdef UNKNOWN
    r2 = nonsense
.elseif (pair.sizeof > 4) || 0
    .ifndef LIMIT
    r2 = more nonsense
    .else
    r2 = 2
    .endif
.endif
.ifb
    r3 = 3
.endif
.ifc a, b
    r3 = nonsense
.endif
.macro make name, value
.macro \name
    r4 = \value
.endm
.endm
    make four, 4
    four
.purgem four
.dialect normal
.macro twice reg     ; a comment
    add \reg,\reg
.endm
    twice %r4
    ja out ` mov %r5,5
out:
    mov %r0,XDP_PASS
    exit
