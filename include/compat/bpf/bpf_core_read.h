/* libbpf's names for the questions of skep/core.h.
 *
 * Reading integers is stricter than there: a member is read by the kernel's size, so that one which has grown or
 * shrunk gives its value. Where questions are asked by markers (bpf-gcc), a member is named by type and path,
 * bpf_core_field_exists(struct task_struct, mm): an expression like task->mm does not tell a marker whose member it is.
 */
#ifndef SKEP_COMPAT_BPF_CORE_READ_H
#define SKEP_COMPAT_BPF_CORE_READ_H

#include <skep/types.h>
#include <skep/macros.h>
#include <skep/helpers.h>
#include <skep/core.h>

/* Of a member: bpf_core_field_exists(type, path), or (expression) with clang. */
#ifdef SKEP_CORE_MARKERS
#define __skep_field_1(kind, expression)                                                                          \
	({                                                                                                        \
		_Static_assert(0, "this compiler needs the type and the member: "                                 \
				  "bpf_core_field_exists(struct s, member)");                                     \
		0ull;                                                                                             \
	})
#else
#define __skep_field_1(kind, expression) ((unsigned long long)__builtin_preserve_field_info(expression, kind))
#endif
#define __skep_field_2(kind, type, path) __skep_field(kind, type, path)
#define bpf_core_field_exists(...) __skep_by_count(__skep_field_, __VA_ARGS__)(SKEP_FIELD_EXISTS, __VA_ARGS__)
#define bpf_core_field_size(...) __skep_by_count(__skep_field_, __VA_ARGS__)(SKEP_FIELD_BYTE_SIZE, __VA_ARGS__)
#define bpf_core_field_offset(...) __skep_by_count(__skep_field_, __VA_ARGS__)(SKEP_FIELD_BYTE_OFFSET, __VA_ARGS__)

#define bpf_core_type_exists(type) skep_type_exists(type)
#define bpf_core_type_size(type) skep_type_size(type)
#define bpf_core_type_matches(type) skep_type_matches(type)
#define bpf_core_type_id_local(type) skep_type_id_local(type)
#define bpf_core_type_id_kernel(type) skep_type_id(type)
#define bpf_core_enum_value_exists(type, name) skep_enum_exists(type, name)
#define bpf_core_enum_value(type, name) skep_enum_value(type, name)
#define bpf_core_cast(pointer, type) ((typeof(type) *)bpf_rdonly_cast((pointer), skep_type_id(type)))

/* Bit fields. */
#define BPF_CORE_READ_BITFIELD(pointer, path) skep_load_bits(pointer, path)
#define BPF_CORE_READ_BITFIELD_PROBED(pointer, path) skep_read_bits(pointer, path)

/* Bytes at an address that is an expression over members. */
#define bpf_core_read(to, size, from) bpf_probe_read_kernel(to, size, __skep_address(from))
#define bpf_core_read_user(to, size, from) bpf_probe_read_user(to, size, __skep_address(from))
#define bpf_core_read_str(to, size, from) bpf_probe_read_kernel_str(to, size, __skep_address(from))
#define bpf_core_read_user_str(to, size, from) bpf_probe_read_user_str(to, size, __skep_address(from))
#ifdef SKEP_CORE_MARKERS
#define __skep_address(from) ({                                                                                   \
	_Static_assert(0, "this compiler needs the pointer and the member: BPF_CORE_READ_INTO(to, pointer, member)"); \
	(const void *)(from);                                                                                     \
})
#else
#define __skep_address(from) ((const void *)__builtin_preserve_access_index(from))
#endif

/* What a chain of pointers leads to: BPF_CORE_READ(task, mm, exe_file, f_flags). */
#define BPF_CORE_READ(pointer, ...)                                                                               \
	__skep_by_count(__skep_chain_, __VA_ARGS__)(pointer, __VA_ARGS__)
#define BPF_CORE_READ_INTO(to, pointer, ...)                                                                      \
	({ __skep_by_count(__skep_last_, __VA_ARGS__)(bpf_probe_read_kernel, to, pointer, __VA_ARGS__); })
#define BPF_CORE_READ_STR_INTO(to, pointer, ...)                                                                  \
	({ __skep_by_count(__skep_last_, __VA_ARGS__)(bpf_probe_read_kernel_str, to, pointer, __VA_ARGS__); })

#define __skep_hop(pointer, path) ({ __auto_type __skep_p = (pointer); skep_read(__skep_p, path); })
#define __skep_end(read, to, pointer, path) ({                                                                    \
	__auto_type __skep_p = (pointer);                                                                         \
	read(to, sizeof(*(to)), __skep_place(__skep_p, path));                                                    \
})

#define __skep_chain_1(p, a) __skep_hop(p, a)
#define __skep_chain_2(p, a, ...) __skep_chain_1(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_3(p, a, ...) __skep_chain_2(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_4(p, a, ...) __skep_chain_3(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_5(p, a, ...) __skep_chain_4(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_6(p, a, ...) __skep_chain_5(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_7(p, a, ...) __skep_chain_6(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_8(p, a, ...) __skep_chain_7(__skep_hop(p, a), __VA_ARGS__)
#define __skep_chain_9(p, a, ...) __skep_chain_8(__skep_hop(p, a), __VA_ARGS__)
#define __skep_last_1(read, to, p, a) __skep_end(read, to, p, a)
#define __skep_last_2(read, to, p, a, ...) __skep_last_1(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_3(read, to, p, a, ...) __skep_last_2(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_4(read, to, p, a, ...) __skep_last_3(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_5(read, to, p, a, ...) __skep_last_4(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_6(read, to, p, a, ...) __skep_last_5(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_7(read, to, p, a, ...) __skep_last_6(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_8(read, to, p, a, ...) __skep_last_7(read, to, __skep_hop(p, a), __VA_ARGS__)
#define __skep_last_9(read, to, p, a, ...) __skep_last_8(read, to, __skep_hop(p, a), __VA_ARGS__)

#endif
