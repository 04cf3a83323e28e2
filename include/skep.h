/* All that a BPF program in C needs: integers, macros, kinds of map, contexts, functions. No other header, neither the
 * kernel's nor libbpf's, must be there; where a vmlinux.h was included before, its contexts are used.
 *
 * Beyond it: skep/core.h (what the kernel's types look like), skep/map.h (maps with types), skep/packet.h. */
#ifndef SKEP_H
#define SKEP_H

#include <skep/types.h>
#include <skep/macros.h>
#include <skep/contexts.h>
#include <skep/helpers.h>
#include <skep/kfuncs.h>

#endif
