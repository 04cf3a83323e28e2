/* Fields and types whose places are the kernel's to say. clang only. */
#include "bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task {
	int pid;
	struct group {
		int leader;
	} group;
};
#pragma clang attribute pop

SEC("xdp")
int core(struct task *task)
{
	return task->pid + task->group.leader;
}

char licence[] SEC("license") = "GPL";
