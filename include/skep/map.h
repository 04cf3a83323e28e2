/* Maps whose keys and values have types, for C compilers with _Generic and typeof.
 *
 *	SKEP_MAP(flows, HASH, struct flow, struct counters, 1024);
 *
 *	struct counters *c = skep_map_lookup(&flows, &flow);	a pointer to the value's type, or NULL
 *	skep_map_update(&flows, &flow, &counters, BPF_ANY);
 *	skep_map_delete(&flows, &flow);
 *
 *	SKEP_RINGBUF(events, 4096);
 *	struct event *e = skep_reserve(&events, struct event);
 *
 * A key or a value of another type is an error when the program is compiled: the compiler names the type it found.
 * The definitions are those that libbpf reads (struct of __uint and __type in section .maps), so that a map declared by
 * hand works with the same functions.
 */
#ifndef SKEP_MAP_H
#define SKEP_MAP_H

#define SKEP_MAP(name, kind, key_type, value_type, entries)                                                       \
	struct {                                                                                                  \
		__uint(type, BPF_MAP_TYPE_##kind);                                                                \
		__type(key, key_type);                                                                            \
		__type(value, value_type);                                                                        \
		__uint(max_entries, entries);                                                                     \
	} name SEC(".maps")
/* Queues and stacks have no keys. */
#define SKEP_QUEUE(name, kind, value_type, entries)                                                               \
	struct {                                                                                                  \
		__uint(type, BPF_MAP_TYPE_##kind);                                                                \
		__type(value, value_type);                                                                        \
		__uint(max_entries, entries);                                                                     \
	} name SEC(".maps")
#define SKEP_RINGBUF(name, bytes)                                                                                 \
	struct {                                                                                                  \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                               \
		__uint(max_entries, bytes);                                                                       \
	} name SEC(".maps")

/* The pointer itself, if what it points to is of the member's type; else there is no such association. */
#define __skep_checked(map, member, pointer)                                                                      \
	_Generic((pointer), typeof((map)->member): (pointer), const typeof(*(map)->member) *: (pointer))

#define skep_map_lookup(map, key_)                                                                                \
	((typeof((map)->value))bpf_map_lookup_elem(map, __skep_checked(map, key, key_)))
#define skep_map_lookup_percpu(map, key_, cpu)                                                                    \
	((typeof((map)->value))bpf_map_lookup_percpu_elem(map, __skep_checked(map, key, key_), cpu))
#define skep_map_update(map, key_, value_, flags)                                                                 \
	bpf_map_update_elem(map, __skep_checked(map, key, key_), __skep_checked(map, value, value_), flags)
#define skep_map_delete(map, key_) bpf_map_delete_elem(map, __skep_checked(map, key, key_))

#define skep_map_push(map, value_, flags) bpf_map_push_elem(map, __skep_checked(map, value, value_), flags)
#define skep_map_pop(map, value_) bpf_map_pop_elem(map, __skep_checked(map, value, value_))
#define skep_map_peek(map, value_) bpf_map_peek_elem(map, __skep_checked(map, value, value_))

/* The value that belongs to a socket, a task, a cgroup, or an inode; made, all zeros, if flags say so. */
#define skep_sk_storage(map, sk, flags) ((typeof((map)->value))bpf_sk_storage_get(map, sk, (void *)0, flags))
#define skep_task_storage(map, task, flags) ((typeof((map)->value))bpf_task_storage_get(map, task, (void *)0, flags))
#define skep_cgrp_storage(map, cgroup, flags) ((typeof((map)->value))bpf_cgrp_storage_get(map, cgroup, (void *)0, flags))
#define skep_inode_storage(map, inode, flags) ((typeof((map)->value))bpf_inode_storage_get(map, inode, (void *)0, flags))

/* A record of a ring buffer, or NULL; to be given to bpf_ringbuf_submit or bpf_ringbuf_discard. */
#define skep_reserve(map, type) ((typeof(type) *)bpf_ringbuf_reserve(map, sizeof(type), 0))

#endif
