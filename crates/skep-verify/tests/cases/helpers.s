== a helper that is not described
	call 9999                            ; error: unknown func #9999
	exit

== a helper of another kind of program
	r2 = 0
	call bpf_xdp_adjust_head             ; error: program of kind socket_filter cannot use helper bpf_xdp_adjust_head
	exit

== a helper for GPL programs
.license Apache-2.0
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	r2 = 8
	call bpf_trace_printk                ; error: cannot call GPL-restricted function bpf_trace_printk; help: SEC("license")
	exit

== with that licence
.license GPL
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	r2 = 8
	call bpf_trace_printk
	r0 = 0
	exit

== a size that may be zero
	r6 = r1
	r4 = *(u32 *)(r1 + 0)
	r4 &= 15
	r3 = r10
	r3 += -16
	r2 = 0
	call bpf_skb_load_bytes              ; error: invalid zero-sized read
	exit

== a size that is bounded on both sides
	r4 = *(u32 *)(r1 + 0)
	r4 &= 7
	r4 += 1
	r3 = r10
	r3 += -8
	r2 = 0
	call bpf_skb_load_bytes
	r0 = 0
	exit

== a size that is too large
	r4 = *(u32 *)(r1 + 0)
	r4 &= 15
	r4 += 1
	r3 = r10
	r3 += -8
	r2 = 0
	call bpf_skb_load_bytes              ; error: invalid access to stack: bytes -8 to 8
	exit

== a size without a bound
	r4 = *(u32 *)(r1 + 0)
	r4 |= 1
	r3 = r10
	r3 += -8
	r2 = 0
	call bpf_skb_load_bytes              ; error: a bounded size
	exit

== a size known through a copy at 32 bits
.map ringbuf 0 0 4096
	r6 = r1
	r1 = map_idx(0) ll
	r2 = 1520
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	r4 = *(u32 *)(r6 + 0)
	w1 = w4
	w1 += -1
	r7 = r0
	if w1 > 1512 goto drop
	r1 = r6
	r2 = 0
	r3 = r7
	call bpf_skb_load_bytes
drop:
	r1 = r7
	r2 = 0
	call bpf_ringbuf_discard
out:
	r0 = 0
	exit

== null where it may be
.type sched_cls
	r1 = 0
	r2 = 0
	r3 = 0
	r4 = 0
	r5 = 0
	call bpf_csum_diff
	r0 = 0
	exit

== a record is submitted
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	*(u64 *)(r0 + 8) = 1
	r1 = r0
	r2 = 0
	call bpf_ringbuf_submit
out:
	r0 = 0
	exit

== or lost
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	r0 = 0
	exit                                 ; error: the record that instruction 4 acquired is not released; help: submit or discard

== or written behind its end
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	*(u64 *)(r0 + 16) = 1                ; error: bytes 16 to 24 of ringbuf_mem
	r1 = r0
	r2 = 0
	call bpf_ringbuf_submit
out:
	r0 = 0
	exit

== or used after
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	r6 = r0
	r1 = r0
	r2 = 0
	call bpf_ringbuf_submit
	*(u64 *)(r6 + 0) = 1                 ; error: R6 invalid mem access 'scalar'
out:
	r0 = 0
	exit

== or given back from its middle
.map ringbuf 0 0 4096
	r1 = map_idx(0) ll
	r2 = 16
	r3 = 0
	call bpf_ringbuf_reserve
	if r0 == 0 goto out
	r1 = r0
	r1 += 8
	r2 = 0
	call bpf_ringbuf_submit              ; error: dereference of modified ringbuf_mem ptr R1
out:
	r0 = 0
	exit

== a record's size must be known
.map ringbuf 0 0 4096
	r2 = *(u32 *)(r1 + 0)
	r1 = map_idx(0) ll
	r3 = 0
	call bpf_ringbuf_reserve             ; error: expected=a known constant
	r0 = 0
	exit

== an indirect call of a known function is a call of it
    r2 = 5
    callx r2
    r0 = 0
    exit

== so what it leaves behind is known
    r2 = 5
    callx r2
    r0 = r2 ; error: R2 !read_ok
    exit

== and what it needs is asked for
    r4 = 1
    callx r4 ; error: R1
    r0 = 0
    exit

== the number comes from wherever numbers come from
    r1 = 2
    r1 += 3
    *(u64 *)(r10 - 8) = r1
    r6 = *(u64 *)(r10 - 8)
    callx r6
    exit

== no function is called that paths disagree about
    r6 = 5
    r1 = *(u32 *)(r1 + 0)
    if r1 == 0 goto call
    r6 = 7
call:
    callx r6 ; error: an indirect call of one function on this path and another on an earlier one
    r0 = 0
    exit

== nor one that is not known
    r6 = *(u32 *)(r1 + 0)
    callx r6 ; error: an indirect call of what is not a known number
    r0 = 0
    exit

== nor a pointer
    callx r1 ; error: an indirect call of what is not a known number
    r0 = 0
    exit

== nor a number that no function has
    r6 = 99999
    callx r6 ; error: 99999
    r0 = 0
    exit

== nor one that no number of a function can be
    r6 = -1
    callx r6 ; error: an indirect call of a number that is no function's
    r0 = 0
    exit

== a record of the packet's own bytes
	.type xdp
	.map ringbuf 0 0 4096
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 8
	if r4 > r3 goto out
	r1 = map_idx(0) ll
	r3 = 8
	r4 = 0
	call bpf_ringbuf_output              ; error: helper access to the packet is not allowed
out:
	r0 = 2
	exit
