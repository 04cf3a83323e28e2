# Each line is wrong in its own way.
        r0 = = 1
        gtoo out
        mov %r0,1
        .quod 5
        .section
        .ascii "open
        .type x, @thing
        .map m, typ=hash
        .map m, type=hsah
        .map m, type=hash, key=u23
        .map m, type=hash, key=u32, key_size=8
        .map m, type=hash, key=u32, value=u64
        .map m, type=hash, flags=no_preallok
        .struct s { u32 a, a }
        .struct s { }
        .align 3
        .byte 256
        .byte 1 / 0
        .zero 99999999999
        .fill 1, 9
        .set v, 1 << 70
        .balign x
        .popsection
        .dialect pseudo
        .license 5
        r1 = *(u64 *)(r2 + 40000)
        .func f(u32 a, u32 b, u32 c, u32 d, u32 e, u32 g)
        dup: dup: exit
        .bss
        .byte 1
        exit
        .struct open { u32 a
