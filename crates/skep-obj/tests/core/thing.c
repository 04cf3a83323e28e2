/*
 * Reads of a kernel's structure that has changed since: `changes/` has the kernels.
 *
 * `_direct` accesses a member as C does. `_address` computes where it is and reads what it was, as BPF_CORE_READ does.
 * `_any` reads it by the size and shifts that the kernel says, as BPF_CORE_READ_BITFIELD does.
 */
#include "core.h"

enum mode { MODE_SLOW = 1, MODE_FAST = 2, MODE_GONE = 3 };
enum wide { WIDE_BIG = 0x100000000ull };

struct thing {
	u32 value;
	int sign;
	u32 bits : 5;
	u32 more_bits : 11;
	struct {
		int deep;
	} inner;
	int list[4];
	enum mode mode;
	void *pointer;
	struct {
		int first;
		int rest[];
	} tail;
} KERNEL;

/* What `value` was called once. */
struct thing___old {
	u32 old_value;
} KERNEL;

#define PROGRAM(name, expression)			\
	SEC("socket") int name(void *context)		\
	{						\
		struct thing *thing = look();		\
							\
		return thing ? (int)(expression) : 0;	\
	}

#define ADDRESS(field) ({ void *at = (void *)thing + field_offset(thing->field); opaque(at); at; })

PROGRAM(value_direct, thing->value)
PROGRAM(value_address, *(u32 *)ADDRESS(value))
PROGRAM(value_any, read_any(thing, value))
PROGRAM(value_exists, field_exists(thing->value))
PROGRAM(value_size, field_size(thing->value))
PROGRAM(sign_direct, thing->sign)
PROGRAM(sign_address, *(int *)ADDRESS(sign))
PROGRAM(sign_any, read_any(thing, sign))
PROGRAM(sign_signed, field_signed(thing->sign))
PROGRAM(bits_direct, thing->bits)
PROGRAM(bits_any, read_any(thing, bits))
PROGRAM(more_bits_any, read_any(thing, more_bits))
PROGRAM(deep_direct, thing->inner.deep)
PROGRAM(list_direct, thing->list[3])
PROGRAM(list_exists, field_exists(thing->list[3]))
PROGRAM(mode_direct, thing->mode)
PROGRAM(mode_fast, enum_value(enum mode, MODE_FAST))
PROGRAM(mode_gone, enum_exists(enum mode, MODE_GONE))
PROGRAM(mode_gone_value, enum_value(enum mode, MODE_GONE))
#if __clang_major__ >= 15 /* Before, clang had no type for enumerators of 64 bits. */
PROGRAM(wide_big, enum_value(enum wide, WIDE_BIG) >> 32)
#endif
PROGRAM(pointer_direct, (long)thing->pointer)
PROGRAM(tail_direct, thing->tail.rest[1])
PROGRAM(size, type_size(struct thing))
PROGRAM(exists, type_exists(struct thing))

/* The value by whichever name it has: only one of the two can be answered. */
SEC("socket") int value_or_old(void *context)
{
	struct thing *thing = look();
	struct thing___old *old = (void *)thing;

	if (!thing)
		return 0;
	if (field_exists(thing->value))
		return thing->value;
	if (field_exists(old->old_value))
		return old->old_value;
	return -1;
}

/* A store goes where the field is, with its size. */
SEC("socket") int value_store(void *context)
{
	struct thing *thing = look();

	if (!thing)
		return 0;
	thing->value = 77;
	return thing->value;
}

char licence[] SEC("license") = "GPL";
