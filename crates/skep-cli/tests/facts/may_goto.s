#= executes   no bound of instructions, instruction 1 decides at run time (may_goto +2): prog
#= stack      16 bytes at most
#= returns    0
#= effects    none: it is read-only
#= loop       no bound of rounds, instruction 1 decides at run time (may_goto +2): the loop to 1
# Nobody knows before how often `may_goto` lets a loop go on.
.section socket
prog:
    *(u64 *)(r10 - 8) = 0
again:
    may_goto out
    call bpf_get_prandom_u32
    goto again
out:
    r0 = *(u64 *)(r10 - 8)
    exit
