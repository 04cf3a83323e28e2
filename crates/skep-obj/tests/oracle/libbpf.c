/*
 * What libbpf makes of an object, instruction by instruction: `libbpf OBJECT [BTF]`.
 *
 * It has libbpf load the object for the kernel with the types in BTF (the running kernel's, if none is named), and
 * stands between libbpf and the kernel: maps, types and programs are taken as if the kernel had accepted them, so that
 * no privilege is needed and nothing is left behind. Where libbpf gives up, it is asked again for one program after the
 * other. A line a program that libbpf would load, which may come twice:
 *
 *	program NAME INSTRUCTIONS [FUNCTION OFFSET]...
 *
 * with instructions in hexadecimal and offsets in slots; and `refused NAME` for one that libbpf does not load.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const struct btf *types;

static void print_program(const union bpf_attr *attr)
{
	const unsigned char *bytes = (const void *)(unsigned long)attr->insns;
	const char *info = (const void *)(unsigned long)attr->func_info;
	unsigned int i;

	printf("program %s ", attr->prog_name);
	for (i = 0; i < attr->insn_cnt * 8; i++)
		printf("%02x", bytes[i]);
	for (i = 0; i < attr->func_info_cnt; i++) {
		const struct bpf_func_info *func = (const void *)(info + i * attr->func_info_rec_size);
		const struct btf_type *type = btf__type_by_id(types, func->type_id);

		printf(" %s %u", type ? btf__name_by_offset(types, type->name_off) : "?", func->insn_off);
	}
	printf("\n");
}

/* libbpf calls bpf(2) by this function of the C library; the program's own comes first. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf) {
		const union bpf_attr *attr = (const void *)a[1];

		/* Programs that probe for features name no functions, or have no room to. */
		if (a[0] == BPF_PROG_LOAD && a[2] > (long)offsetof(union bpf_attr, line_info_rec_size) &&
		    attr->func_info_cnt)
			print_program(attr);
		if (a[0] == BPF_PROG_LOAD || a[0] == BPF_MAP_CREATE || a[0] == BPF_BTF_LOAD)
			return open("/dev/null", O_RDWR | O_CLOEXEC);
		if (a[0] == BPF_MAP_UPDATE_ELEM || a[0] == BPF_MAP_FREEZE || a[0] == BPF_PROG_BIND_MAP)
			return 0;
	}
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list list)
{
	return getenv("VERBOSE") ? vfprintf(stderr, format, list) : 0;
}

/*
 * Loads the program of this name, or all. Whatever a program is for, its instructions are the same: what only some
 * kernels have to attach to is left out.
 */
static int load(const char *path, const struct bpf_object_open_opts *options, const char *name)
{
	struct bpf_object *object = bpf_object__open_file(path, options);
	struct bpf_program *prog;
	struct bpf_map *map;
	int error;

	if (!object)
		exit(1);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
	bpf_object__for_each_program(prog, object) {
		bpf_program__set_autoload(prog, !name || !strcmp(bpf_program__name(prog), name));
		if (bpf_program__type(prog) == BPF_PROG_TYPE_TRACING)
			bpf_program__set_attach_target(prog, 0, "vfs_read");
		if (bpf_program__type(prog) == BPF_PROG_TYPE_UNSPEC)
			bpf_program__set_type(prog, BPF_PROG_TYPE_SOCKET_FILTER);
	}
	types = bpf_object__btf(object);
	error = bpf_object__load(object);
	bpf_object__close(object);
	return error;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	struct bpf_object *object;
	struct bpf_program *prog;

	if (argc < 2)
		return 2;
	if (argc > 2)
		options.btf_custom_path = argv[2];
	libbpf_set_print(quiet);
	if (!load(argv[1], &options, NULL))
		return 0;
	object = bpf_object__open_file(argv[1], &options);
	bpf_object__for_each_program(prog, object) {
		if (load(argv[1], &options, bpf_program__name(prog)))
			printf("refused %s\n", bpf_program__name(prog));
	}
	bpf_object__close(object);
	return 0;
}
