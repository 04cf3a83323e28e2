/* libbpf's names for programs whose context is an array of arguments or a set of registers:
 *
 *	SEC("tp_btf/task_newtask")
 *	int BPF_PROG(on_fork, struct task_struct *task, unsigned long long flags) { ... }
 *
 *	SEC("kprobe/do_unlinkat")
 *	int BPF_KPROBE(unlink, int dfd, struct filename *name) { ... }
 *
 * Registers are those of the machine that the program traces: __TARGET_ARCH_x86, _arm64, _riscv, or _s390 says which, and
 * without any the machine that compiles. struct pt_regs comes from the source's vmlinux.h or the kernel's headers.
 */
#ifndef SKEP_COMPAT_BPF_TRACING_H
#define SKEP_COMPAT_BPF_TRACING_H

#include <skep/types.h>
#include <skep/macros.h>
#include <skep/helpers.h>

#if !defined(__TARGET_ARCH_x86) && !defined(__TARGET_ARCH_arm64) && !defined(__TARGET_ARCH_riscv) &&               \
	!defined(__TARGET_ARCH_s390)
#if defined(__x86_64__)
#define __TARGET_ARCH_x86
#elif defined(__aarch64__)
#define __TARGET_ARCH_arm64
#elif defined(__riscv)
#define __TARGET_ARCH_riscv
#elif defined(__s390x__)
#define __TARGET_ARCH_s390
#endif
#endif

/* The calling convention, by the members of struct pt_regs (x86 and riscv) or of the part of it that user space knows. */
#if defined(__TARGET_ARCH_x86)
#define __skep_regs(ctx) ((const struct pt_regs *)(ctx))
#if defined(__KERNEL__) || defined(__VMLINUX_H__)
#define __skep_reg_1 di
#define __skep_reg_2 si
#define __skep_reg_3 dx
#define __skep_reg_4 cx
#define __skep_reg_4_syscall r10
#define __skep_reg_5 r8
#define __skep_reg_6 r9
#define __skep_reg_result ax
#define __skep_reg_sp sp
#define __skep_reg_ip ip
#define __skep_reg_fp bp
#else
#define __skep_reg_1 rdi
#define __skep_reg_2 rsi
#define __skep_reg_3 rdx
#define __skep_reg_4 rcx
#define __skep_reg_4_syscall r10
#define __skep_reg_5 r8
#define __skep_reg_6 r9
#define __skep_reg_result rax
#define __skep_reg_sp rsp
#define __skep_reg_ip rip
#define __skep_reg_fp rbp
#endif
#elif defined(__TARGET_ARCH_arm64)
#define __skep_regs(ctx) ((const struct user_pt_regs *)(ctx))
#define __skep_reg_1 regs[0]
#define __skep_reg_2 regs[1]
#define __skep_reg_3 regs[2]
#define __skep_reg_4 regs[3]
#define __skep_reg_5 regs[4]
#define __skep_reg_6 regs[5]
#define __skep_reg_result regs[0]
#define __skep_reg_sp sp
#define __skep_reg_ip pc
#define __skep_reg_fp regs[29]
#elif defined(__TARGET_ARCH_riscv)
#define __skep_regs(ctx) ((const struct user_regs_struct *)(ctx))
#define __skep_reg_1 a0
#define __skep_reg_2 a1
#define __skep_reg_3 a2
#define __skep_reg_4 a3
#define __skep_reg_5 a4
#define __skep_reg_6 a5
#define __skep_reg_result a0
#define __skep_reg_sp sp
#define __skep_reg_ip pc
#define __skep_reg_fp s0
#elif defined(__TARGET_ARCH_s390)
#define __skep_regs(ctx) ((const user_pt_regs *)(ctx))
#define __skep_reg_1 gprs[2]
#define __skep_reg_2 gprs[3]
#define __skep_reg_3 gprs[4]
#define __skep_reg_4 gprs[5]
#define __skep_reg_5 gprs[6]
#define __skep_reg_6 gprs[7]
#define __skep_reg_result gprs[2]
#define __skep_reg_sp gprs[15]
#define __skep_reg_ip psw.addr
#define __skep_reg_fp gprs[11]
#endif
#if defined(__skep_regs) && !defined(__skep_reg_4_syscall)
#define __skep_reg_4_syscall __skep_reg_4
#endif

#ifdef __skep_regs
#define PT_REGS_PARM1(ctx) (__skep_regs(ctx)->__skep_reg_1)
#define PT_REGS_PARM2(ctx) (__skep_regs(ctx)->__skep_reg_2)
#define PT_REGS_PARM3(ctx) (__skep_regs(ctx)->__skep_reg_3)
#define PT_REGS_PARM4(ctx) (__skep_regs(ctx)->__skep_reg_4)
#define PT_REGS_PARM5(ctx) (__skep_regs(ctx)->__skep_reg_5)
#define PT_REGS_PARM6(ctx) (__skep_regs(ctx)->__skep_reg_6)
#define PT_REGS_PARM4_SYSCALL(ctx) (__skep_regs(ctx)->__skep_reg_4_syscall)
#define PT_REGS_RC(ctx) (__skep_regs(ctx)->__skep_reg_result)
#define PT_REGS_SP(ctx) (__skep_regs(ctx)->__skep_reg_sp)
#define PT_REGS_IP(ctx) (__skep_regs(ctx)->__skep_reg_ip)
#define PT_REGS_FP(ctx) (__skep_regs(ctx)->__skep_reg_fp)
/* From registers that are not the context: read, since a load from them is not allowed. */
#define __skep_reg_read(ctx, reg) ({                                                                              \
	unsigned long __skep_reg_value = 0;                                                                       \
	bpf_probe_read_kernel(&__skep_reg_value, sizeof(__skep_reg_value), &__skep_regs(ctx)->reg);               \
	__skep_reg_value;                                                                                         \
})
#define PT_REGS_PARM1_CORE(ctx) __skep_reg_read(ctx, __skep_reg_1)
#define PT_REGS_PARM2_CORE(ctx) __skep_reg_read(ctx, __skep_reg_2)
#define PT_REGS_PARM3_CORE(ctx) __skep_reg_read(ctx, __skep_reg_3)
#define PT_REGS_PARM4_CORE(ctx) __skep_reg_read(ctx, __skep_reg_4)
#define PT_REGS_PARM5_CORE(ctx) __skep_reg_read(ctx, __skep_reg_5)
#define PT_REGS_PARM6_CORE(ctx) __skep_reg_read(ctx, __skep_reg_6)
#endif

/* A program whose arguments have names: the function that the section names takes the context apart and calls the
 * one that is written below it. Arguments are words of the context, or registers. */
#define BPF_PROG(name, ...) __skep_taken_apart(unsigned long long, name, __skep_words, ##__VA_ARGS__)
#define BPF_KPROBE(name, ...) __skep_taken_apart(struct pt_regs, name, __skep_params, ##__VA_ARGS__)
#define BPF_UPROBE BPF_KPROBE
#define BPF_KRETPROBE(name, ...) __skep_taken_apart(struct pt_regs, name, __skep_results, ##__VA_ARGS__)
#define BPF_URETPROBE BPF_KRETPROBE
#define __skep_taken_apart(context, name, parts, ...)                                                             \
	name(context *ctx);                                                                                       \
	static __always_inline typeof(name(0)) __skep_body_of_##name(context *ctx, ##__VA_ARGS__);                \
	typeof(name(0)) name(context *ctx)                                                                        \
	{                                                                                                         \
		_Pragma("GCC diagnostic push")                                                                    \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                                            \
		return __skep_body_of_##name(__skep_by_count(parts##_, ##__VA_ARGS__)(ctx));                      \
		_Pragma("GCC diagnostic pop")                                                                     \
	}                                                                                                         \
	static __always_inline typeof(name(0)) __skep_body_of_##name(context *ctx, ##__VA_ARGS__)

#define __skep_words_0(ctx) ctx
#define __skep_words_1(ctx) __skep_words_0(ctx), (void *)ctx[0]
#define __skep_words_2(ctx) __skep_words_1(ctx), (void *)ctx[1]
#define __skep_words_3(ctx) __skep_words_2(ctx), (void *)ctx[2]
#define __skep_words_4(ctx) __skep_words_3(ctx), (void *)ctx[3]
#define __skep_words_5(ctx) __skep_words_4(ctx), (void *)ctx[4]
#define __skep_words_6(ctx) __skep_words_5(ctx), (void *)ctx[5]
#define __skep_words_7(ctx) __skep_words_6(ctx), (void *)ctx[6]
#define __skep_words_8(ctx) __skep_words_7(ctx), (void *)ctx[7]
#define __skep_words_9(ctx) __skep_words_8(ctx), (void *)ctx[8]
#define __skep_words_10(ctx) __skep_words_9(ctx), (void *)ctx[9]
#define __skep_words_11(ctx) __skep_words_10(ctx), (void *)ctx[10]
#define __skep_words_12(ctx) __skep_words_11(ctx), (void *)ctx[11]
#define __skep_params_0(ctx) ctx
#define __skep_params_1(ctx) __skep_params_0(ctx), (void *)PT_REGS_PARM1(ctx)
#define __skep_params_2(ctx) __skep_params_1(ctx), (void *)PT_REGS_PARM2(ctx)
#define __skep_params_3(ctx) __skep_params_2(ctx), (void *)PT_REGS_PARM3(ctx)
#define __skep_params_4(ctx) __skep_params_3(ctx), (void *)PT_REGS_PARM4(ctx)
#define __skep_params_5(ctx) __skep_params_4(ctx), (void *)PT_REGS_PARM5(ctx)
#define __skep_params_6(ctx) __skep_params_5(ctx), (void *)PT_REGS_PARM6(ctx)
#define __skep_results_0(ctx) ctx
#define __skep_results_1(ctx) ctx, (void *)PT_REGS_RC(ctx)

#endif
