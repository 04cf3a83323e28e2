/* Names that BPF programs in C are written with: sections, map definitions, attributes, loops, printing.
 *
 * They are those of libbpf's headers. Nothing here depends on types of the kernel.
 */
#ifndef SKEP_MACROS_H
#define SKEP_MACROS_H

#define SEC(name) __attribute__((section(name), used))

/* Members of map definitions: numbers and types are told by a pointer's type. */
#define __uint(name, value) int (*name)[value]
#define __type(name, kind) typeof(kind) *name
#define __array(name, kind) typeof(kind) *name[]
#define __ulong(name, value) enum { __skep_joined(__unique_value, __COUNTER__) = value } name
#define __skep_joined(left, right) __skep_joined_now(left, right)
#define __skep_joined_now(left, right) left##right

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))
#undef __weak
#define __weak __attribute__((weak))
#undef __hidden
#define __hidden __attribute__((visibility("hidden")))

/* What loaders are told. */
enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

/* What the loader fills in: kernel configuration, the kernel's own variables and functions. */
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))

/* What a type or an argument says to the verifier; GCC before 14 has no such attributes. */
#if __has_attribute(btf_type_tag)
#define __skep_type_tag(text) __attribute__((btf_type_tag(text)))
#else
#define __skep_type_tag(text)
#endif
#if __has_attribute(btf_decl_tag)
#define __skep_decl_tag(text) __attribute__((btf_decl_tag(text)))
#else
#define __skep_decl_tag(text)
#endif
#define __kptr_untrusted __skep_type_tag("kptr_untrusted")
#define __kptr __skep_type_tag("kptr")
#define __percpu_kptr __skep_type_tag("percpu_kptr")
#define __uptr __skep_type_tag("uptr")
#define __arg_ctx __skep_decl_tag("arg:ctx")
#define __arg_nonnull __skep_decl_tag("arg:nonnull")
#define __arg_nullable __skep_decl_tag("arg:nullable")
#define __arg_trusted __skep_decl_tag("arg:trusted")
#define __arg_untrusted __skep_decl_tag("arg:untrusted")
#define __arg_arena __skep_decl_tag("arg:arena")

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(pointer, type, member) ((type *)((void *)(pointer) - offsetof(type, member)))
#endif
#ifndef likely
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#endif

#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
/* Keeps the compiler from knowing the value, so that a check of it stays where the verifier sees it. */
#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

/* Byte order of the network, and of little-endian things. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __skep_swapping "endbe"
#define __skep_to_big(bits, x) __skep_swapped(bits, x)
#define __skep_to_little(bits, x) (x)
#else
#define __skep_swapping "endle"
#define __skep_to_big(bits, x) (x)
#define __skep_to_little(bits, x) __skep_swapped(bits, x)
#endif
#ifdef __clang__
#define __skep_swapped(bits, x) __builtin_bswap##bits(x)
#else
/* GCC 12 calls a function of its library for most of its builtins, which no program has. */
#define __skep_swapped(bits, x) (__builtin_constant_p(x) ? __builtin_bswap##bits(x) : ({                          \
	unsigned long long __skep_swap = (x);                                                                     \
	asm(__skep_swapping " %0," #bits : "+r"(__skep_swap));                                                    \
	__skep_swap;                                                                                              \
}))
#endif
#define bpf_htons(x) ((__be16)__skep_to_big(16, (__u16)(x)))
#define bpf_htonl(x) ((__be32)__skep_to_big(32, (__u32)(x)))
#define bpf_ntohs(x) ((__u16)__skep_to_big(16, (__u16)(x)))
#define bpf_ntohl(x) ((__u32)__skep_to_big(32, (__u32)(x)))
#define bpf_cpu_to_be64(x) ((__be64)__skep_to_big(64, (__u64)(x)))
#define bpf_be64_to_cpu(x) ((__u64)__skep_to_big(64, (__u64)(x)))
#define bpf_cpu_to_le16(x) ((__u16)__skep_to_little(16, (__u16)(x)))
#define bpf_cpu_to_le32(x) ((__u32)__skep_to_little(32, (__u32)(x)))
#define bpf_cpu_to_le64(x) ((__u64)__skep_to_little(64, (__u64)(x)))

/* The number of arguments after the first, up to 12, appended to a name. */
#define __skep_count(...) __skep_thirteenth(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define __skep_thirteenth(_, a, b, c, d, e, f, g, h, i, j, k, l, number, ...) number
#define __skep_by_count(name, ...) __skep_joined(name, __skep_count(__VA_ARGS__))

/* Arguments as an array of 64-bit numbers. */
#define __skep_numbers_0()
#define __skep_numbers_1(a) (unsigned long long)(a)
#define __skep_numbers_2(a, ...) (unsigned long long)(a), __skep_numbers_1(__VA_ARGS__)
#define __skep_numbers_3(a, ...) (unsigned long long)(a), __skep_numbers_2(__VA_ARGS__)
#define __skep_numbers_4(a, ...) (unsigned long long)(a), __skep_numbers_3(__VA_ARGS__)
#define __skep_numbers_5(a, ...) (unsigned long long)(a), __skep_numbers_4(__VA_ARGS__)
#define __skep_numbers_6(a, ...) (unsigned long long)(a), __skep_numbers_5(__VA_ARGS__)
#define __skep_numbers_7(a, ...) (unsigned long long)(a), __skep_numbers_6(__VA_ARGS__)
#define __skep_numbers_8(a, ...) (unsigned long long)(a), __skep_numbers_7(__VA_ARGS__)
#define __skep_numbers_9(a, ...) (unsigned long long)(a), __skep_numbers_8(__VA_ARGS__)
#define __skep_numbers_10(a, ...) (unsigned long long)(a), __skep_numbers_9(__VA_ARGS__)
#define __skep_numbers_11(a, ...) (unsigned long long)(a), __skep_numbers_10(__VA_ARGS__)
#define __skep_numbers_12(a, ...) (unsigned long long)(a), __skep_numbers_11(__VA_ARGS__)
#define __skep_numbers(...) __skep_by_count(__skep_numbers_, ##__VA_ARGS__)(__VA_ARGS__)

/* A call of a function that takes a format, an array of arguments, and the array's size in bytes. */
#define __skep_formatted(call, format_, ...) ({                                                                   \
	static const char __skep_format[] = format_;                                                              \
	unsigned long long __skep_args[] = { __skep_numbers(__VA_ARGS__) };                                       \
	call(__skep_format, sizeof(__skep_format), __skep_args, sizeof(__skep_args));                             \
})
#define __skep_trace_3(format_, ...) ({                                                                           \
	static const char __skep_format[] = format_;                                                              \
	bpf_trace_printk(__skep_format, sizeof(__skep_format), ##__VA_ARGS__);                                    \
})
#define __skep_trace_many(format_, ...) __skep_formatted(bpf_trace_vprintk, format_, __VA_ARGS__)
#define __skep_trace_0 __skep_trace_3
#define __skep_trace_1 __skep_trace_3
#define __skep_trace_2 __skep_trace_3
#define __skep_trace_4 __skep_trace_many
#define __skep_trace_5 __skep_trace_many
#define __skep_trace_6 __skep_trace_many
#define __skep_trace_7 __skep_trace_many
#define __skep_trace_8 __skep_trace_many
#define __skep_trace_9 __skep_trace_many
#define __skep_trace_10 __skep_trace_many
#define __skep_trace_11 __skep_trace_many
#define __skep_trace_12 __skep_trace_many
/* Prints a line to the trace: by bpf_trace_printk up to three arguments, by bpf_trace_vprintk (Linux 5.16) beyond. */
#define bpf_printk(format, ...) __skep_by_count(__skep_trace_, ##__VA_ARGS__)(format, ##__VA_ARGS__)

#define __skep_seq_call(format, size, args, args_size) bpf_seq_printf(__skep_seq, format, size, args, args_size)
#define BPF_SEQ_PRINTF(seq, format, ...) ({                                                                       \
	struct seq_file *__skep_seq = (seq);                                                                      \
	__skep_formatted(__skep_seq_call, format, ##__VA_ARGS__);                                                 \
})
#define BPF_SNPRINTF(out, out_size, format_, ...) ({                                                              \
	static const char __skep_format[] = format_;                                                              \
	unsigned long long __skep_args[] = { __skep_numbers(__VA_ARGS__) };                                       \
	bpf_snprintf(out, out_size, __skep_format, __skep_args, sizeof(__skep_args));                             \
})

/* Loops over what an iterator gives, which the verifier takes as one round however long they are (Linux 6.4). The
 * iterator is a variable of the loop, and is destroyed by whatever way the loop is left. */
#define __skep_iterator(type, ...)                                                                                \
	struct bpf_iter_##type __skep_it __attribute__((cleanup(bpf_iter_##type##_destroy))),                     \
		*__skep_at = ({ bpf_iter_##type##_new(&__skep_it, ##__VA_ARGS__); &__skep_it; })
/* i takes the values from start to end - 1. */
#define bpf_for(i, start, end)                                                                                    \
	for (__skep_iterator(num, start, end);                                                                    \
	     ({ int *__skep_n = bpf_iter_num_next(__skep_at); __skep_n && ((i) = *__skep_n, 1); });)
#define bpf_repeat(times) for (__skep_iterator(num, 0, times); bpf_iter_num_next(__skep_at);)
/* item is a pointer to each thing that bpf_iter_<type>_next gives; further arguments are those of its _new. */
#define bpf_for_each(type, item, ...)                                                                             \
	for (__skep_iterator(type, ##__VA_ARGS__); ((item) = bpf_iter_##type##_next(__skep_at));)

/* Whether the kernel has a function or a variable that was declared __weak and __ksym. */
#define bpf_ksym_exists(symbol) (!!(symbol))

#endif
