//! The kernel's functions that most kinds of program may call: dynptrs, strings, sections, locks, iterators over numbers,
//! work queues, arenas, memory of tasks and of the kernel.
//! Source: kernel/bpf/helpers.c, kernel/bpf/rqspinlock.c, kernel/bpf/arena.c, kernel/bpf/stream.c, kernel/trace/bpf_trace.c,
//! Linux 6.18.

use super::Arg::{
    ConstSize, ConstStr, Constant, Context, Ignored, Implicit, Object, Scalar, TaskWork, Workqueue,
};
use super::Effect::*;
use super::Programs::All;
use super::Ret::*;
use super::Step;
use super::arg::*;
use super::effect::{INT_OR_NULL, LONG_MEMORY};
use super::functions;
use super::programs::*;

functions! {
    ROWS:
    _ "void" __bpf_trap() -> Void [Traps] All 6 . 17
        "what compilers put where a program's behaviour is undefined; the verifier refuses to reach it";
    _ "void *" bpf_arena_alloc_pages(
        "void *p": ANY_MAP, "void *addr": Ignored, "__u32 page_cnt": Scalar, "int node_id": Scalar,
        "__u64 flags": Scalar
    ) -> ArenaPages [Sleeps TrustedObjects] All 6 . 9
        "pages of an arena, at this address or anywhere; null where there are none";
    _ "void" bpf_arena_free_pages("void *p": ANY_MAP, "void *ptr": Ignored, "__u32 page_cnt": Scalar) -> Void
        [Sleeps TrustedObjects] All 6 . 9
        "give pages of an arena back";
    _ "int" bpf_arena_reserve_pages(
        "void *p": ANY_MAP, "void *ptr": Ignored, "__u32 page_cnt": Scalar
    ) -> Integer [TrustedObjects] All 6 . 17
        "keep pages of an arena from being allocated";
    _ "void *" bpf_cast_to_kern_ctx("void *obj": Context) -> KernelContext [Fastcall Reads] All 6 . 2
        "the kernel's structure behind the context";
    _ "int" bpf_copy_from_user_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored
    ) -> Integer [Sleeps Reads] All 6 . 16
        "copy memory of the running task into what a dynptr leads to";
    _ "int" bpf_copy_from_user_str(
        "void *dst": update(1), "__u32 dst_size": SIZE0, "const void *unsafe_ptr": Ignored, "__u64 flags": Scalar
    ) -> Integer [Sleeps Reads] All 6 . 12
        "copy a string of the running task, which is fetched if it is not there";
    _ "int" bpf_copy_from_user_str_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored
    ) -> Integer [Sleeps Reads] All 6 . 16
        "copy a string of the running task into what a dynptr leads to";
    _ "int" bpf_copy_from_user_task_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored, "struct task_struct *tsk": Object(&["task_struct"])
    ) -> Integer [Sleeps TrustedObjects Reads] All 6 . 16
        "copy memory of another task into what a dynptr leads to";
    _ "int" bpf_copy_from_user_task_str(
        "void *dst": update(1), "__u32 dst_size": SIZE0, "const void *unsafe_ptr": Ignored,
        "struct task_struct *tsk": Object(&["task_struct"]), "__u64 flags": Scalar
    ) -> Integer [Sleeps Reads] All 6 . 15
        "copy a string of another task";
    _ "int" bpf_copy_from_user_task_str_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored, "struct task_struct *tsk": Object(&["task_struct"])
    ) -> Integer [Sleeps TrustedObjects Reads] All 6 . 16
        "copy a string of another task into what a dynptr leads to";
    _ "int" bpf_dynptr_adjust(
        "const struct bpf_dynptr *p": USES, "__u32 start": Scalar, "__u32 end": Scalar
    ) -> Integer [Reads] All 6 . 5
        "narrow a dynptr to a part of what it leads to";
    _ "int" bpf_dynptr_clone(
        "const struct bpf_dynptr *p": USES, "struct bpf_dynptr *clone": CLONES
    ) -> Integer [Reads] All 6 . 5
        "make another dynptr that leads where this one does";
    _ "int" bpf_dynptr_copy(
        "struct bpf_dynptr *dst_ptr": USES, "__u32 dst_off": Scalar, "struct bpf_dynptr *src_ptr": USES,
        "__u32 src_off": Scalar, "__u32 size": Scalar
    ) -> Integer [] All 6 . 15
        "copy from what one dynptr leads to into another";
    _ "_Bool" bpf_dynptr_is_null("const struct bpf_dynptr *p": USES) -> Integer [Reads] All 6 . 5
        "whether a dynptr leads nowhere";
    _ "_Bool" bpf_dynptr_is_rdonly("const struct bpf_dynptr *p": USES) -> Integer [Reads] All 6 . 5
        "whether what a dynptr leads to can only be read";
    _ "int" bpf_dynptr_memset(
        "struct bpf_dynptr *p": USES, "__u32 offset": Scalar, "__u32 size": Scalar, "__u8 val": Scalar
    ) -> Integer [] All 6 . 17
        "fill part of what a dynptr leads to with a byte";
    _ "__u32" bpf_dynptr_size("const struct bpf_dynptr *p": USES) -> Integer [Reads] All 6 . 5
        "how many bytes a dynptr leads to";
    _ "void *" bpf_dynptr_slice(
        "const struct bpf_dynptr *p": USES, "__u32 offset": Scalar, "void *buffer": update_or_null(3),
        "__u32 buffer_size": ConstSize
    ) -> DynptrReadonlyMemoryOrNull [Reads] All 6 . 4
        "so many bytes of what a dynptr leads to, to be read: in place, or copied into a buffer";
    _ "void *" bpf_dynptr_slice_rdwr(
        "const struct bpf_dynptr *p": USES, "__u32 offset": Scalar, "void *buffer": update_or_null(3),
        "__u32 buffer_size": ConstSize
    ) -> DynptrMemoryOrNull [] All 6 . 4
        "so many bytes of what a dynptr leads to: in place, or copied into a buffer";
    _ "int" bpf_fentry_test1("int a": Scalar) -> Integer [Sleeps] NOBODY 6 . 1
        "nothing: it is there to be traced by tests";
    _ "void" bpf_iter_bits_destroy(
        "struct bpf_iter_bits *it": iterator("bpf_iter_bits", 16, Step::Ends)
    ) -> Void [Reads] All 6 . 11
        "end an iterator";
    _ "int" bpf_iter_bits_new(
        "struct bpf_iter_bits *it": iterator("bpf_iter_bits", 16, Step::Begins),
        "const __u64 *unsafe_ptr": Ignored, "__u32 nr_words": Scalar
    ) -> Integer [Reads] All 6 . 11
        "begin to iterate over the bits that are set in memory";
    _ "int *" bpf_iter_bits_next(
        "struct bpf_iter_bits *it": iterator("bpf_iter_bits", 16, Step::Steps)
    ) -> INT_OR_NULL [Reads] All 6 . 11
        "the number of the next bit, or null";
    _ "void" bpf_iter_num_destroy("struct bpf_iter_num *it": iterator("bpf_iter_num", 8, Step::Ends)) -> Void
        [Reads UnderLock] All 6 . 4
        "end an iterator";
    _ "int" bpf_iter_num_new(
        "struct bpf_iter_num *it": iterator("bpf_iter_num", 8, Step::Begins), "int start": Scalar,
        "int end": Scalar
    ) -> Integer [Reads UnderLock] All 6 . 4
        "begin to count from one number up to another, which is left out";
    _ "int *" bpf_iter_num_next(
        "struct bpf_iter_num *it": iterator("bpf_iter_num", 8, Step::Steps)
    ) -> INT_OR_NULL [Reads UnderLock] All 6 . 4
        "the next number, or null";
    _ "void" bpf_local_irq_restore("unsigned long *flags": RESTORES_IRQ) -> Void [] All 6 . 14
        "let interrupts through again, if they were before";
    _ "void" bpf_local_irq_save("unsigned long *flags": SAVES_IRQ) -> Void [] All 6 . 14
        "keep interrupts off, and remember whether they were";
    _ "__s64" bpf_map_sum_elem_count("const struct bpf_map *map": Object(&["bpf_map"])) -> Integer
        [TrustedObjects Reads] All 6 . 6
        "how many elements a map has";
    _ "int" bpf_modify_return_test("int a": Scalar, "int *b": in_place(4)) -> Integer [] NOBODY 6 . 0
        "nothing: it is there to be traced by tests";
    _ "int" bpf_modify_return_test2(
        "int a": Scalar, "int *b": in_place(4), "short c": Scalar, "int d": Scalar, "void *e": Ignored,
        "char f": Scalar, "int g": Scalar
    ) -> Integer [] NOBODY 6 . 5
        "nothing: it is there to be traced by tests";
    _ "int" bpf_modify_return_test_tp("int nonce": Scalar) -> Integer [] All 6 . 11
        "nothing: it is there to be traced by tests";
    _ "void" bpf_preempt_disable() -> Void [Reads DisablesPreemption] All 6 . 10
        "keep other tasks off this CPU";
    _ "void" bpf_preempt_enable() -> Void [Reads EnablesPreemption] All 6 . 10
        "let other tasks onto this CPU again";
    _ "int" bpf_probe_read_kernel_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored
    ) -> Integer [Reads] All 6 . 16
        "copy memory of the kernel into what a dynptr leads to";
    _ "int" bpf_probe_read_kernel_str_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored
    ) -> Integer [Reads] All 6 . 16
        "copy a string of the kernel into what a dynptr leads to";
    _ "int" bpf_probe_read_user_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored
    ) -> Integer [Reads] All 6 . 16
        "copy memory of the running task into what a dynptr leads to, if it is there";
    _ "int" bpf_probe_read_user_str_dynptr(
        "struct bpf_dynptr *dptr": USES, "__u32 off": Scalar, "__u32 size": Scalar,
        "const void *unsafe_ptr": Ignored
    ) -> Integer [Reads] All 6 . 16
        "copy a string of the running task into what a dynptr leads to, if it is there";
    _ "void" bpf_rcu_read_lock() -> Void [Reads LocksRcu] All 6 . 2
        "begin a section in which what RCU protects stays alive";
    _ "void" bpf_rcu_read_unlock() -> Void [Reads UnlocksRcu] All 6 . 2
        "end that section";
    _ "void *" bpf_rdonly_cast("const void *obj": Ignored, "__u32 btf_id": Constant) -> AnyObject
        [Fastcall Reads] All 6 . 2
        "any address as a pointer to a type of the kernel's, to be read";
    _ "int" bpf_res_spin_lock("struct bpf_res_spin_lock *lock": TAKES) -> Integer [UnderLock] All 6 . 15
        "take a lock, if it is to be had without a deadlock and in time";
    _ "int" bpf_res_spin_lock_irqsave(
        "struct bpf_res_spin_lock *lock": TAKES_IRQ, "unsigned long *flags": SAVES_IRQ_LOCKING
    ) -> Integer [UnderLock] All 6 . 15
        "take a lock with interrupts off, if it is to be had without a deadlock and in time";
    _ "void" bpf_res_spin_unlock("struct bpf_res_spin_lock *lock": GIVES) -> Void [UnderLock] All 6 . 15
        "give a lock back";
    _ "void" bpf_res_spin_unlock_irqrestore(
        "struct bpf_res_spin_lock *lock": GIVES_IRQ, "unsigned long *flags": RESTORES_IRQ_UNLOCKING
    ) -> Void [UnderLock] All 6 . 15
        "give a lock back, and let interrupts through again if they were before";
    _ "__u64 *" bpf_session_cookie() -> LONG_MEMORY [] SESSION 6 . 10
        "a place for a number that the program at the function's end finds again";
    _ "_Bool" bpf_session_is_return() -> Integer [] SESSION 6 . 10
        "whether the probed function has returned";
    _ "int" bpf_strcasecmp("const char *s1": Ignored, "const char *s2": Ignored) -> Integer [Reads] All 6 . 18
        "compare two strings, not minding case";
    _ "int" bpf_strchr("const char *s": Ignored, "char c": Scalar) -> Integer [Reads] All 6 . 17
        "where a character is first in a string";
    _ "int" bpf_strchrnul("const char *s": Ignored, "char c": Scalar) -> Integer [Reads] All 6 . 17
        "where a character is first in a string, or the string's end";
    _ "int" bpf_strcmp("const char *s1": Ignored, "const char *s2": Ignored) -> Integer [Reads] All 6 . 17
        "compare two strings";
    _ "int" bpf_strcspn("const char *s": Ignored, "const char *reject": Ignored) -> Integer [Reads] All 6 . 17
        "how many characters a string begins with that are not among others";
    _ "int" bpf_stream_vprintk_impl(
        "int stream_id": Scalar, "const char *fmt": ConstStr, "const void *args": update(3),
        "__u32 len_size": SIZE0, "void *aux": Implicit
    ) -> Integer [TrustedObjects UnderLock] All 6 . 18
        "print an array of 64-bit values to a stream of the program's";
    _ "int" bpf_strlen("const char *s": Ignored) -> Integer [Reads] All 6 . 17
        "the length of a string";
    _ "int" bpf_strnchr("const char *s": Ignored, "__u64 count": Scalar, "char c": Scalar) -> Integer
        [Reads] All 6 . 17
        "where a character is first in the beginning of a string";
    _ "int" bpf_strnlen("const char *s": Ignored, "__u64 count": Scalar) -> Integer [Reads] All 6 . 17
        "the length of a string, up to a limit";
    _ "int" bpf_strnstr("const char *s1": Ignored, "const char *s2": Ignored, "__u64 len": Scalar) -> Integer
        [Reads] All 6 . 17
        "where a string is first in the beginning of another";
    _ "int" bpf_strrchr("const char *s": Ignored, "int c": Scalar) -> Integer [Reads] All 6 . 17
        "where a character is last in a string";
    _ "int" bpf_strspn("const char *s": Ignored, "const char *accept": Ignored) -> Integer [Reads] All 6 . 17
        "how many characters a string begins with that are among others";
    _ "int" bpf_strstr("const char *s1": Ignored, "const char *s2": Ignored) -> Integer [Reads] All 6 . 17
        "where a string is first in another";
    _ "int" bpf_task_work_schedule_resume_impl(
        "struct task_struct *task": Object(&["task_struct"]), "struct bpf_task_work *tw": TaskWork,
        "void *map": ANY_MAP, "int (*callback)(struct bpf_map *map, void *key, void *value)": WORK_CALLBACK,
        "void *aux": Implicit
    ) -> Integer [TrustedObjects] All 6 . 18
        "have a task run a function before it goes back to user space";
    _ "int" bpf_task_work_schedule_signal_impl(
        "struct task_struct *task": Object(&["task_struct"]), "struct bpf_task_work *tw": TaskWork,
        "void *map": ANY_MAP, "int (*callback)(struct bpf_map *map, void *key, void *value)": WORK_CALLBACK,
        "void *aux": Implicit
    ) -> Integer [TrustedObjects] All 6 . 18
        "have a task run a function at once, as for a signal";
    _ "void" bpf_throw("__u64 cookie": Scalar) -> Void [Throws] GENERIC 6 . 7
        "end the program from any depth of calls, with this result";
    _ "int" bpf_wq_init(
        "struct bpf_wq *wq": Workqueue, "void *p": ANY_MAP, "unsigned int flags": Scalar
    ) -> Integer [] All 6 . 10
        "make a value's work queue entry ready";
    _ "int" bpf_wq_set_callback_impl(
        "struct bpf_wq *wq": Workqueue, "int (*callback_fn)(void *map, int *key, void *value)": WORK_CALLBACK,
        "unsigned int flags": Scalar, "void *aux": Implicit
    ) -> Integer [] All 6 . 10
        "say which function a work queue entry runs";
    _ "int" bpf_wq_start("struct bpf_wq *wq": Workqueue, "unsigned int flags": Scalar) -> Integer
        [] All 6 . 10
        "have a work queue entry run";
}
