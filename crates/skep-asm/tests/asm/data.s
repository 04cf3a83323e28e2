# Data of every shape; the types of variables follow from it.
.data
.globl a
a:      .byte 1, -1, 'x', 0xff
b:      .2byte 0x1234
        .balign 8
c:      .quad 0x123456789abcdef0, -1
d:      .long d_end - d                 # the distance of labels
        .int 7; .short 1, 2
d_end:
e:      .ascii "ab", "c"
f:      .asciz "say \"hi\"\n\x41\101"
g:      .fill 3, 2, 0x0102
h:      .zero 5
i:      .skip 2, 0xee
.p2align 2
.struct pair { s32 x, y }
.type point, struct pair
point:  .long -1, 1

.section .rodata.str1.1,"aMS",@progbits,1
.L.str: .asciz "no variable"

.bss
zero:   .long 0
.comm   shared, 16, 8
.local  own
.comm   own, 4

.set SIZE, . - zero
COUNT = SIZE * 2 + (1 << 4) - 'a' / 97
alias = c + 8

.section socket
read:   r1 = alias ll
        r2 = c + 4 ll
        r3 = .rodata.str1.1 ll
        r4 = .L.str + 3 ll
        r5 = shared ll
        r0 = COUNT
        r0 += pair.y
        r0 += pair.sizeof
        *(u8 *)(r10 + LATER) = 7
        r0 = WIDE ll
        exit
LATER = -8
WIDE = 0x1122334455667788
