/* What the C programs of these tests need of BPF: types, the spelling of sections and map definitions, and the
 * helpers they call. Written for them alone; numbers are those of include/uapi/linux/bpf.h. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define DECLARED_IN(name) __attribute__((section(name)))
#define noinline __attribute__((noinline))
#define hidden __attribute__((visibility("hidden")))
#define weak __attribute__((weak))

/* Numbers and types of a map definition, hidden in the types of members. */
#define __uint(name, number) int (*name)[number]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

enum { HASH = 1, ARRAY = 2, PROG_ARRAY = 3, PERCPU_ARRAY = 6, LPM_TRIE = 11, ARRAY_OF_MAPS = 12, RINGBUF = 27 };
enum { NO_PREALLOC = 1 };
enum { PIN_BY_NAME = 1 };

struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

enum { XDP_DROP = 1, XDP_PASS = 2 };

/* A helper by its number. GCC 12 calls constants only where it doesn't keep them in a register, and has an attribute
 * for the purpose. */
#ifdef __clang__
#define HELPER(number, result, name, ...) static result (*const name)(__VA_ARGS__) = (void *)number
#else
#define HELPER(number, result, name, ...) result name(__VA_ARGS__) __attribute__((kernel_helper(number)))
#endif

HELPER(1, void *, map_lookup, void *map, const void *key);
HELPER(2, long, map_update, void *map, const void *key, const void *value, u64 flags);
HELPER(12, long, tail_call, void *context, void *map, u32 index);
HELPER(130, long, ringbuf_output, void *map, void *data, u64 size, u64 flags);
HELPER(181, long, loop, u32 times, void *callback, void *context, u64 flags);
