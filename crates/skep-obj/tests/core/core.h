/* What the CO-RE tests need of a header: sections, a map, and the compiler's questions about types. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define KERNEL __attribute__((preserve_access_index))

static void *(*map_lookup)(void *map, const void *key) = (void *)1;

/* A map of one value: the memory in which the test lays out a structure of the kernel. */
struct {
	int (*type)[2];
	int (*max_entries)[1];
	u32 *key;
	u8 (*value)[256];
} memory SEC(".maps");

static inline __attribute__((always_inline)) void *look(void)
{
	u32 key = 0;

	return map_lookup(&memory, &key);
}

/* The numbers are those of clang's builtins. */
#define field_offset(field) __builtin_preserve_field_info(field, 0)
#define field_size(field) __builtin_preserve_field_info(field, 1)
#define field_exists(field) __builtin_preserve_field_info(field, 2)
#define field_signed(field) __builtin_preserve_field_info(field, 3)
#define field_lshift(field) __builtin_preserve_field_info(field, 4)
#define field_rshift(field) __builtin_preserve_field_info(field, 5)
#define type_id_local(type) __builtin_btf_type_id(*(type *)0, 0)
#define type_id_kernel(type) __builtin_btf_type_id(*(type *)0, 1)
#define type_exists(type) __builtin_preserve_type_info(*(type *)0, 0)
#define type_size(type) __builtin_preserve_type_info(*(type *)0, 1)
#define type_matches(type) __builtin_preserve_type_info(*(type *)0, 2)
#define enum_exists(type, value) __builtin_preserve_enum_value(*(type *)value, 0)
#define enum_value(type, value) __builtin_preserve_enum_value(*(type *)value, 1)

/* Keeps the compiler from making one instruction of an address and the access to it. */
#define opaque(pointer) asm volatile("" : "+r"(pointer))

/* Reads a field of any size, a bitfield or not: by what the kernel says of it. */
#define read_any(structure, field) ({						\
	void *at = (void *)(structure) + field_offset((structure)->field);	\
	u64 got = 0;								\
	opaque(at);								\
	switch (field_size((structure)->field)) {				\
	case 1: got = *(u8 *)at; break;						\
	case 2: got = *(u16 *)at; break;					\
	case 4: got = *(u32 *)at; break;					\
	case 8: got = *(u64 *)at; break;					\
	}									\
	got <<= field_lshift((structure)->field);				\
	if (field_signed((structure)->field))					\
		got = (long long)got >> field_rshift((structure)->field);	\
	else									\
		got >>= field_rshift((structure)->field);			\
	got;									\
})
