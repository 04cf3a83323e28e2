/* Integers of a fixed width, under the kernel's names. Beside a vmlinux.h or <linux/types.h> they are the same types
 * again, which C allows. */
#ifndef SKEP_TYPES_H
#define SKEP_TYPES_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;

#endif
