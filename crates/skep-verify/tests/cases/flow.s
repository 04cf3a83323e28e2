== the last instruction does not end the function
	r0 = 0                               ; error: last insn is not an exit or jmp

== nothing leads to an instruction
	r0 = 0
	exit
	r0 = 1                               ; error: unreachable insn
	exit

== a jump leaves the program
	r0 = 0
	if r0 == 0 goto +5                   ; error: jump out of range
	exit

== a jump into another function
	r0 = 0
	if r0 == 0 goto +2                   ; error: jump out of range
	call other
	exit
fn other:
	r0 = 0
	exit

== a jump into a wide load
	r0 = 0
	if r0 == 0 goto +1                   ; error: jump into the middle of ldimm64
	r1 = 0x1122334455 ll
	exit

== a function that calls itself
	r0 = 0
	call again
	exit
fn again:
	call again                           ; error: recursive call
	exit

== a loop that counts to its bound
	r0 = 0
loop:
	r0 += 1
	if r0 < 1000 goto loop
	exit

== a loop of many rounds with a branch in it
	r6 = r1
	r7 = 0
	r8 = 0
loop:
	call bpf_get_prandom_u32
	if r0 > 7 goto skip
	r8 += r0
skip:
	r7 += 1
	if r7 < 8000 goto loop
	r0 = r8
	exit

== a branch a round waits for as many rounds
	r7 = 0
loop:
	call bpf_get_prandom_u32
	if r0 > 7 goto skip                  ; error: more than 8192 branches wait
	r8 = r0
skip:
	r7 += 1
	if r7 < 10000 goto loop
	r0 = 0
	exit

== a loop that changes nothing
	r0 = 0
loop:
	if r0 == 0 goto loop                 ; error: infinite loop detected; help: bound
	exit

== a loop whose bound nobody knows
.limit 10000
	r6 = *(u32 *)(r1 + 0)
	r0 = 0
loop:
	r0 += 2                              ; error: too large: more than 10000 instructions
	if r0 != r6 goto loop
	exit

== may_goto bounds what has no bound
	r0 = 0
loop:
	may_goto out
	r0 += 1
	goto loop
out:
	exit

== may_goto does not bound an index
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r6 = 0
loop:
	may_goto out
	r2 = r1
	r2 += r6
	r0 = *(u8 *)(r2 + 0)                 ; error: invalid access to map value
	r6 += 1
	goto loop
out:
	r0 = 0
	exit

== but a mask does
.map array 4 64 1
	r1 = map_idx_value(0, 0) ll
	r6 = 0
loop:
	may_goto out
	r6 &= 63
	r2 = r1
	r2 += r6
	r0 = *(u8 *)(r2 + 0)
	r6 += 1
	goto loop
out:
	r0 = 0
	exit

== branches that the operands decide are not followed
	r0 = 3
	if r0 > 2 goto out
	r0 = r9
out:
	exit

== a long row of branches that tell nothing is short work
.limit 500
	r0 = *(u32 *)(r1 + 0)
	if r0 == 1 goto +1
	r2 = 1
	if r0 == 2 goto +1
	r2 = 2
	if r0 == 3 goto +1
	r2 = 3
	if r0 == 4 goto +1
	r2 = 4
	if r0 == 5 goto +1
	r2 = 5
	if r0 == 6 goto +1
	r2 = 6
	if r0 == 7 goto +1
	r2 = 7
	if r0 == 8 goto +1
	r2 = 8
	if r0 == 9 goto +1
	r2 = 9
	if r0 == 10 goto +1
	r2 = 10
	if r0 == 11 goto +1
	r2 = 11
	if r0 == 12 goto +1
	r2 = 12
	exit
