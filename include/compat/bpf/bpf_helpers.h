/* libbpf's name for the functions that programs call and the macros that they are written with, so that sources which
 * include it build unchanged. Contexts come from the source's own vmlinux.h or <linux/bpf.h>, as with libbpf. */
#ifndef SKEP_COMPAT_BPF_HELPERS_H
#define SKEP_COMPAT_BPF_HELPERS_H

#include <skep/types.h>
#include <skep/macros.h>
#include <skep/helpers.h>


#endif
