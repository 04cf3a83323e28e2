# A socket filter in GNU's mnemonics: keeps the first 64 bytes of each packet that is IPv4 and UDP, as a capture
# tool would ask for. It reads the packet as classic BPF does, with loads that end the program when the packet
# is too short.

    .dialect normal
    .license "Dual MIT/GPL"

    .section socket
sample:
    mov %r6,%r1             ; packet loads read from the context in r6
    ldabsh 12               ; ether type, in host order
    jne %r0,0x0800,drop
    ldabsb 23               ; protocol
    jne %r0,17,drop
    mov %r0,64
    exit
drop:
    mov %r0,0
    exit
