# A socket filter in GNU's mnemonics: keeps the first 64 bytes of each IPv4 packet that carries UDP, as a capture
# tool would ask for. It reads the packet as classic BPF does, with loads that end the program, dropping the
# packet, when it is too short.

.dialect normal
.license "Dual MIT/GPL"

.set LINK, -0x200000            ; counts from the link layer's header (SKF_LL_OFF), wherever the data starts
.set ETHER_TYPE, LINK + 12
.set PROTOCOL, LINK + 14 + 9

.section socket
sample:
    mov %r6,%r1                 ; packet loads read from the context in r6
    ldabsh ETHER_TYPE           ; in host order
    jne %r0,0x0800,drop
    ldabsb PROTOCOL
    jne %r0,17,drop
    mov %r0,64
    exit
drop:
    mov %r0,0
    exit
