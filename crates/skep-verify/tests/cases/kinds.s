== a probe reads any part of the registers, and user space's may write them
.section kprobe/do_unlinkat
	r0 = *(u64 *)(r1 + 112)
	r2 = *(u16 *)(r1 + 114)
	*(u64 *)(r1 + 80) = r2
	exit

== beyond the registers
.section kprobe/do_unlinkat
	r0 = *(u64 *)(r1 + 168)               ; error: invalid bpf_context access off=168 size=8
	exit

== the first eight bytes of a tracepoint's record are the kernel's
.section tp/sched/sched_switch
	r0 = *(u64 *)(r1 + 0)                 ; error: invalid bpf_context access off=0 size=8
	exit

== the rest of it is read in any aligned part
.section tp/sched/sched_switch
	r0 = *(u64 *)(r1 + 8)
	r0 = *(u8 *)(r1 + 8191)
	exit

== a raw tracepoint's arguments are read only
.section raw_tp/sys_enter
	r0 = *(u64 *)(r1 + 8)
	*(u64 *)(r1 + 8) = r0                 ; error: can't write 8 bytes of `args`
	exit

== a writable tracepoint's buffer, whose size is compared when the program is attached
.section raw_tp.w/nbd_send_request
	r1 = *(u64 *)(r1 + 0)
	r2 = 1
	*(u32 *)(r1 + 64) = r2
	r0 = 0
	exit

== before that buffer
.section raw_tp.w/nbd_send_request
	r1 = *(u64 *)(r1 + 0)
	r0 = *(u32 *)(r1 - 4)                 ; error: min value is negative
	exit

== a place in it that is not known
.section raw_tp.w/nbd_send_request
	r2 = *(u64 *)(r1 + 8)
	r2 &= 7
	r1 = *(u64 *)(r1 + 0)
	r1 += r2
	r0 = *(u8 *)(r1 + 0)                  ; error: R1 unbounded memory access
	exit

== a control group says yes or no
.section cgroup/sock_create
	r0 = 1
	exit

== and nothing else
.section cgroup/sock_create
	r0 = 2
	exit                                  ; error: should have been in [0, 1]; help: return a number from 0 to 1

== an unknown number is no answer
.section cgroup/sock_create
	r0 = *(u32 *)(r1 + 4)
	exit                                  ; error: At program exit the register R0

== one that is bounded is
.section cgroup/sock_create
	r0 = *(u32 *)(r1 + 4)
	r0 &= 1
	exit

== nor is a pointer
.section sk_lookup
	r0 = r1
	exit                                  ; error: At program exit the register R0 is ctx

== binding has two bits of answer
.section cgroup/bind4
	r0 = 3
	exit

== a receiver's answer is yes
.section cgroup/recvmsg4
	r0 = 0
	exit                                  ; error: should have been in [1, 1]

== an address of the family that the place is for
.section cgroup/connect6
	r0 = *(u64 *)(r1 + 8)
	r0 = *(u32 *)(r1 + 4)                 ; error: can't read 4 bytes of `user_ip4`
	exit

== a socket may be missing
.section cgroup_skb/ingress
	r1 = *(u64 *)(r1 + 168)
	r0 = *(u32 *)(r1 + 4)                 ; error: R1 invalid mem access 'sock_common_or_null'; help: compare r1 with 0
	exit

== a socket that is there shows what all sockets have
.section cgroup_skb/ingress
	r1 = *(u64 *)(r1 + 168)
	r0 = 1
	if r1 == 0 goto out
	r2 = *(u32 *)(r1 + 4)
out:
	exit

== but not what only full ones have
.section cgroup_skb/ingress
	r1 = *(u64 *)(r1 + 168)
	r0 = 1
	if r1 == 0 goto out
	r2 = *(u32 *)(r1 + 16)                ; error: R1 invalid sock_common access off=16 size=4
out:
	exit

== a socket is not written
.section cgroup/connect4
	r1 = *(u64 *)(r1 + 64)
	r2 = 0
	*(u32 *)(r1 + 16) = r2                ; error: cannot write into sock
	r0 = 1
	exit

== nor moved
.section cgroup/connect4
	r1 = *(u64 *)(r1 + 64)
	r1 += 4                               ; error: R1 pointer arithmetic on sock prohibited
	r0 = 1
	exit

== a packet that is only looked at
.section cgroup_skb/egress
	r2 = *(u32 *)(r1 + 76)
	r3 = *(u32 *)(r1 + 80)
	r4 = r2
	r4 += 1
	r0 = 1
	if r4 > r3 goto out
	*(u8 *)(r2 + 0) = r0                  ; error: cannot write into packet
out:
	exit

== a socket option's value is written within its end
.section cgroup/getsockopt
	r2 = *(u64 *)(r1 + 8)
	r3 = *(u64 *)(r1 + 16)
	r4 = r2
	r4 += 1
	r0 = 1
	if r4 > r3 goto out
	*(u8 *)(r2 + 0) = r0
out:
	exit

== flow keys are written, all of them and nothing else
.section flow_dissector
	r2 = *(u64 *)(r1 + 144)
	r0 = 0
	*(u16 *)(r2 + 2) = r0
	*(u32 *)(r2 + 52) = r0
	*(u32 *)(r2 + 56) = r0                ; error: invalid access to memory, mem_size=56
	exit

== a program for system calls may do with its memory what it likes, if it is said to sleep
.section syscall
	r0 = *(u32 *)(r1 + 4)
	*(u32 *)(r1 + 32764) = r0
	exit

== if it is not said to sleep, it is not loaded
.type syscall
	r0 = 0                                ; error: Syscall programs can only be sleepable
	exit

== a lookup attaches to one place
.type sk_lookup
	r0 = 0                                ; error: programs of kind sk_lookup don't attach to CGROUP_INET_INGRESS
	exit

== tracing needs the kernel's types
.section fentry
	r0 = 0                                ; error: must name what of the kernel
	exit
