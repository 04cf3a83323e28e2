/* What a program asks about the types of the kernel that it runs on ("compile once, run everywhere").
 *
 * A question names a type, and a path in it, in plain C:
 *
 *	skep_read(task, mm)                     the member's value, read with bpf_probe_read_kernel
 *	skep_load(sock, sk_mark)                the same, by a load instruction, where the verifier knows the pointer
 *	skep_field_exists(struct task_struct, exit_code)
 *	skep_field_offset(struct task_struct, mm)        in bytes; also skep_field_size, skep_field_signed
 *	skep_read_bits(queue, flags.closing)    a bit field, or any other integer, by its bits; also skep_load_bits
 *	skep_type_exists(struct bpf_ringbuf)    also skep_type_size, skep_type_matches, skep_type_id, skep_type_id_local
 *	skep_enum_exists(enum bpf_map_type, BPF_MAP_TYPE_ARENA), skep_enum_value(...)
 *
 * The loader answers before the verifier sees the program. How the question gets to it depends on the compiler:
 *
 * - clang has builtins for it, which make relocations in .BTF.ext (SKEP_CORE_BUILTINS, its default);
 * - any other compiler that emits BTF (bpf-gcc from 12 on) leaves a marker: a constant of section .skep.core that holds
 *   the kind of the question and the path, while a declaration beside it has the type. The program takes the marker's
 *   address, and the loader puts the answer in its place. The compiler can't know an address, so it can't fold
 *   the answer, and needs to know nothing of all this.
 *
 * Values are read by the kernel's size of the member and converted, so that an integer which has grown is read right.
 * A member that the kernel lacks is an error when the program gets there, not when it is loaded: ask
 * skep_field_exists first.
 */
#ifndef SKEP_CORE_H
#define SKEP_CORE_H

#ifndef SKEP_CORE_MARKERS
#if defined(__clang__)
#define SKEP_CORE_BUILTINS 1
#else
#define SKEP_CORE_MARKERS 1
#endif
#endif

/* The kinds of question, as numbered by Linux (enum bpf_core_relo_kind). */
enum skep_core_kind {
	SKEP_FIELD_BYTE_OFFSET = 0,
	SKEP_FIELD_BYTE_SIZE = 1,
	SKEP_FIELD_EXISTS = 2,
	SKEP_FIELD_SIGNED = 3,
	SKEP_FIELD_LSHIFT_U64 = 4,
	SKEP_FIELD_RSHIFT_U64 = 5,
	SKEP_TYPE_ID_LOCAL = 6,
	SKEP_TYPE_ID_TARGET = 7,
	SKEP_TYPE_EXISTS = 8,
	SKEP_TYPE_SIZE = 9,
	SKEP_ENUMVAL_EXISTS = 10,
	SKEP_ENUMVAL_VALUE = 11,
	SKEP_TYPE_MATCHES = 12,
};

/* A marker: kind, number, and path, as the loader reads them. */
#define __skep_ask(kind, type, path) __skep_ask_numbered(__COUNTER__, kind, type, path)
#define __skep_ask_numbered(number, kind, type, path) __skep_ask_marked(number, kind, type, path)
#ifdef __clang__
/* clang describes no function that isn't called, so the type is a member of the marker, of no bytes. */
#define __skep_ask_marked(number, kind_, type_, path_) ({                                                         \
	static const struct {                                                                                     \
		unsigned int kind, number_;                                                                       \
		void *unused;                                                                                     \
		char path[sizeof(path_)];                                                                         \
		typeof(type_) type[0];                                                                            \
	} __skep_marker __attribute__((section(".skep.core"), aligned(8)))                                        \
		= { kind_, number, 0, path_, {} };                                                                \
	__skep_answer(__skep_marker);                                                                             \
})
#else
/* GCC describes no variable of a function, but each function that is mentioned: the type is the parameter's. */
#define __skep_ask_marked(number, kind_, type_, path_) ({                                                         \
	extern void __skep_type_##number(typeof(type_) *);                                                        \
	static const struct {                                                                                     \
		unsigned int kind, number_;                                                                       \
		void *declaration;                                                                                \
		char path[sizeof(path_)];                                                                         \
	} __skep_marker __attribute__((section(".skep.core"), aligned(8)))                                        \
		= { kind_, number, (void *)__skep_type_##number, path_ };                                         \
	__skep_answer(__skep_marker);                                                                             \
})
#endif
/* The address, which the compiler must take for any number: 0 too, and odd ones. */
#define __skep_answer(marker) ({                                                                                  \
	unsigned long long __skep_number = (unsigned long long)&marker;                                           \
	asm("" : "+r"(__skep_number));                                                                            \
	__skep_number;                                                                                            \
})

#ifdef SKEP_CORE_MARKERS

/* The path is compiled too, though never run, so that a wrong one is an error at its place. */
#define __skep_field(kind, type_, path) ({                                                                        \
	(void)__builtin_choose_expr(1, 0, ((typeof(type_) *)0)->path);                                            \
	__skep_ask(kind, type_, #path);                                                                           \
})
#define __skep_type(kind, type) __skep_ask(kind, type, "")
#define __skep_enum(kind, type, name) ({ (void)(name); __skep_ask(kind, type, #name); })

#else /* SKEP_CORE_BUILTINS */

#define __skep_field(kind, type_, path)                                                                           \
	((unsigned long long)__builtin_preserve_field_info(((typeof(type_) *)0)->path, kind))
#define __skep_type(kind, type_) __skep_type_##kind(type_)
#define __skep_type_SKEP_TYPE_ID_LOCAL(type_) __builtin_btf_type_id(*(typeof(type_) *)0, 0)
#define __skep_type_SKEP_TYPE_ID_TARGET(type_) __builtin_btf_type_id(*(typeof(type_) *)0, 1)
#define __skep_type_SKEP_TYPE_EXISTS(type_) __builtin_preserve_type_info(*(typeof(type_) *)0, 0)
#define __skep_type_SKEP_TYPE_SIZE(type_) __builtin_preserve_type_info(*(typeof(type_) *)0, 1)
#if __clang_major__ >= 15
#define __skep_type_SKEP_TYPE_MATCHES(type_) __builtin_preserve_type_info(*(typeof(type_) *)0, 2)
#else
/* Older ones have no such flag, and end when they see it. */
#define __skep_type_SKEP_TYPE_MATCHES(type_) __skep_ask(SKEP_TYPE_MATCHES, type_, "")
#endif
#define __skep_enum(kind, type_, name)                                                                            \
	__builtin_preserve_enum_value(*(typeof(type_) *)name, (kind) == SKEP_ENUMVAL_EXISTS ? 0 : 1)

#endif

/* Of members. */
#define skep_field_exists(type, path) __skep_field(SKEP_FIELD_EXISTS, type, path)
#define skep_field_offset(type, path) __skep_field(SKEP_FIELD_BYTE_OFFSET, type, path)
#define skep_field_size(type, path) __skep_field(SKEP_FIELD_BYTE_SIZE, type, path)
#define skep_field_signed(type, path) __skep_field(SKEP_FIELD_SIGNED, type, path)

/* Of types. */
#define skep_type_exists(type) __skep_type(SKEP_TYPE_EXISTS, type)
#define skep_type_size(type) __skep_type(SKEP_TYPE_SIZE, type)
#define skep_type_matches(type) __skep_type(SKEP_TYPE_MATCHES, type)
#define skep_type_id(type) __skep_type(SKEP_TYPE_ID_TARGET, type)
#define skep_type_id_local(type) __skep_type(SKEP_TYPE_ID_LOCAL, type)

/* Of enumerations. */
#define skep_enum_exists(type, name) __skep_enum(SKEP_ENUMVAL_EXISTS, type, name)
#define skep_enum_value(type, name) __skep_enum(SKEP_ENUMVAL_VALUE, type, name)

/* Values of members: integers, enumerations, pointers. clang's skep_load is one instruction, which the loader makes as
 * long as the member is; where that would lose a sign, the program is refused, and skep_load_bits serves. */
#define skep_read(pointer, path)                                                                                  \
	((typeof((pointer)->path))__builtin_choose_expr(__skep_is_pointer((pointer)->path),                       \
		__skep_read_pointer(pointer, path), __skep_read_bits(pointer, path)))
#ifdef SKEP_CORE_MARKERS
#define skep_load(pointer, path)                                                                                  \
	((typeof((pointer)->path))__builtin_choose_expr(__skep_is_pointer((pointer)->path),                       \
		*(const unsigned long long *)__skep_place(pointer, path), __skep_load_bits(pointer, path)))
#else
#define skep_load(pointer, path) __builtin_preserve_access_index((pointer)->path)
#endif
/* Pointers have one size, and no sign that clang could be asked for. */
#define __skep_is_pointer(value) (__builtin_classify_type(value) == 5)
/* The same as 64 bits, for bit fields too, which have no type that can be named. */
#define skep_read_bits(pointer, path) __skep_read_bits(pointer, path)
#define skep_load_bits(pointer, path) __skep_load_bits(pointer, path)
/* Bytes of a member, an array as a rule, to *to: as many as fit; the rest becomes zeros. 0, or a negative error. */
#define skep_read_into(to, pointer, path) ({                                                                      \
	unsigned long long __skep_size = skep_field_size(typeof(*(pointer)), path);                               \
	__builtin_memset(to, 0, sizeof(*(to)));                                                                   \
	bpf_probe_read_kernel(to, __skep_size < sizeof(*(to)) ? __skep_size : sizeof(*(to)),                      \
			      __skep_place(pointer, path));                                                       \
})

#define __skep_place(pointer, path) ((const void *)(pointer) + skep_field_offset(typeof(*(pointer)), path))
#define __skep_read_bits(pointer, path) ({                                                                        \
	unsigned long long __skep_value = 0;                                                                      \
	bpf_probe_read_kernel(__skep_low_bytes(__skep_value, skep_field_size(typeof(*(pointer)), path)),          \
			      skep_field_size(typeof(*(pointer)), path), __skep_place(pointer, path));            \
	__skep_shifted(__skep_value, typeof(*(pointer)), path);                                                   \
})
#define __skep_read_pointer(pointer, path) ({                                                                     \
	unsigned long long __skep_value = 0;                                                                      \
	bpf_probe_read_kernel(&__skep_value, sizeof(__skep_value), __skep_place(pointer, path));                  \
	__skep_value;                                                                                             \
})
#define __skep_load_bits(pointer, path) ({                                                                        \
	const void *__skep_from = __skep_place(pointer, path);                                                    \
	/* Or clang would put the offset's relocation on each load, of which only one has the member's size. */   \
	asm("" : "+r"(__skep_from));                                                                              \
	unsigned long long __skep_value = 0;                                                                      \
	/* One of them is left when the loader has answered. */                                                   \
	switch (skep_field_size(typeof(*(pointer)), path)) {                                                      \
	case 1: __skep_value = *(const volatile unsigned char *)__skep_from; break;                               \
	case 2: __skep_value = *(const volatile unsigned short *)__skep_from; break;                              \
	case 4: __skep_value = *(const volatile unsigned int *)__skep_from; break;                                \
	case 8: __skep_value = *(const volatile unsigned long long *)__skep_from; break;                          \
	}                                                                                                         \
	__skep_shifted(__skep_value, typeof(*(pointer)), path);                                                   \
})
/* Moves a member's bits to the top, then to the bottom, so that what stands beside them is lost and the sign kept. */
#define __skep_shifted(value, type, path) ({                                                                      \
	unsigned long long __skep_bits = (value) << __skep_field(SKEP_FIELD_LSHIFT_U64, type, path);              \
	unsigned long long __skep_down = __skep_field(SKEP_FIELD_RSHIFT_U64, type, path);                         \
	skep_field_signed(type, path) ? (unsigned long long)((long long)__skep_bits >> __skep_down)               \
				      : __skep_bits >> __skep_down;                                               \
})
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __skep_low_bytes(value, size) ((void *)&(value))
#else
#define __skep_low_bytes(value, size) ((void *)&(value) + (8 - (size)))
#endif

#endif
