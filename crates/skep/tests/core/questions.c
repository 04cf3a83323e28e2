// A program for each question that skep/core.h can ask; it returns the answer.
#include <skep.h>
#include <skep/core.h>

enum state { IDLE = 1, RUNNING = 2, DEAD = -3 };
struct place {
	int x;
	long long y[4];
};
struct task {
	int pid;
	struct place in;
	unsigned int closing : 3, level : 5;
	struct {
		struct task *parent;
		char name[16];
	};
};
struct gone {
	int z;
};
struct task___older {
	int old_pid;
};

#define ASK(name, answer)                                                             \
	SEC("xdp") int name(void *ctx) { return answer; }

ASK(field_offset, skep_field_offset(struct task, in.y[2]))
ASK(field_offset_within, skep_field_offset(struct task, name))
ASK(field_size, skep_field_size(struct task, pid))
ASK(field_exists, skep_field_exists(struct task, parent) ? 1 : 0)
ASK(field_missing, skep_field_exists(struct task___older, old_pid) ? 1 : 0)
ASK(field_signed, skep_field_signed(struct task, pid))
ASK(type_exists, skep_type_exists(struct task) ? 1 : 0)
ASK(type_missing, skep_type_exists(struct gone) ? 1 : 0)
ASK(type_size, skep_type_size(struct place))
ASK(type_matches, skep_type_matches(struct place) ? 1 : 0)
ASK(type_id, skep_type_id(struct place))
ASK(enum_exists, skep_enum_exists(enum state, RUNNING) ? 1 : 0)
ASK(enum_value, skep_enum_value(enum state, RUNNING))
ASK(enum_negative, skep_enum_value(enum state, DEAD))

// Reads of what lies in a packet, since there the test can put any kernel's layout.
#define LOAD(name, expression)                                                        \
	SEC("xdp") int name(struct xdp_md *ctx)                                       \
	{                                                                             \
		struct task *task = (void *)(long)ctx->data;                          \
		if ((void *)task + 256 > (void *)(long)ctx->data_end)                 \
			return -1;                                                    \
		return expression;                                                    \
	}

LOAD(load_pid, skep_load_bits(task, pid))
LOAD(load_element, skep_load(task, in.y[1]))
LOAD(load_bits, skep_load_bits(task, level))

char _license[] SEC("license") = "GPL";
