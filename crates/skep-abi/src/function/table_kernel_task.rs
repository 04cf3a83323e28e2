//! The kernel's functions on its own objects: tasks, control groups, keys, files, and iterators over them.
//! Source: kernel/bpf/helpers.c, kernel/bpf/task_iter.c, kernel/bpf/cgroup_iter.c, fs/bpf_fs_kfuncs.c,
//! kernel/trace/bpf_trace.c, mm/bpf_memcontrol.c, Linux 6.18.

use super::Arg::{ConstStr, Object, OrNull, Scalar};
use super::Effect::*;
use super::Programs::All;
use super::Ret::{DoubtfulObjectOrNull, Integer, ObjectOrNull, Void};
use super::Step;
use super::arg::*;
use super::functions;
use super::programs::*;

functions! {
    ROWS:
    _ "struct cgroup *" bpf_cgroup_acquire(
        "struct cgroup *cgrp": Object(&["cgroup"])
    ) -> ObjectOrNull("cgroup") [Acquires RcuObjects] GENERIC 6 . 2
        "another reference to a cgroup, to be released";
    _ "struct cgroup *" bpf_cgroup_ancestor(
        "struct cgroup *cgrp": Object(&["cgroup"]), "int level": Scalar
    ) -> ObjectOrNull("cgroup") [Acquires RcuObjects] GENERIC 6 . 2
        "the ancestor of a cgroup at this level, to be released";
    _ "struct cgroup *" bpf_cgroup_from_id("__u64 cgid": Scalar) -> ObjectOrNull("cgroup")
        [Acquires] GENERIC 6 . 3
        "the cgroup of this number, to be released";
    _ "int" bpf_cgroup_read_xattr(
        "struct cgroup *cgroup": Object(&["cgroup"]), "const char *name": ConstStr,
        "struct bpf_dynptr *value_p": USES
    ) -> Integer [RcuObjects Reads] All 6 . 17
        "read an extended attribute of a cgroup's directory into what a dynptr leads to";
    _ "void" bpf_cgroup_release("struct cgroup *cgrp": Object(&["cgroup"])) -> Void [Releases] GENERIC 6 . 2
        "give a cgroup back";
    _ "int" bpf_get_dentry_xattr(
        "struct dentry *dentry": Object(&["dentry"]), "const char *name": ConstStr,
        "struct bpf_dynptr *value_p": USES
    ) -> Integer [Sleeps TrustedObjects] LSM 6 . 12
        "read an extended attribute of a directory entry into what a dynptr leads to";
    _ "int" bpf_get_file_xattr(
        "struct file *file": Object(&["file"]), "const char *name": ConstStr,
        "struct bpf_dynptr *value_p": USES
    ) -> Integer [Sleeps TrustedObjects] LSM 6 . 8
        "read an extended attribute of a file into what a dynptr leads to";
    _ "struct kmem_cache *" bpf_get_kmem_cache("__u64 addr": Scalar) -> DoubtfulObjectOrNull("kmem_cache")
        [Reads] All 6 . 13
        "the cache of the kernel's allocator that an address is of";
    _ "struct file *" bpf_get_task_exe_file(
        "struct task_struct *task": Object(&["task_struct"])
    ) -> ObjectOrNull("file") [Acquires TrustedObjects] LSM 6 . 12
        "the file that a task runs, to be released";
    _ "void" bpf_iter_css_destroy("struct bpf_iter_css *it": iterator("bpf_iter_css", 24, Step::Ends)) -> Void
        [Reads] All 6 . 7
        "end an iterator";
    _ "int" bpf_iter_css_new(
        "struct bpf_iter_css *it": iterator("bpf_iter_css", 24, Step::Begins),
        "struct cgroup_subsys_state *start": Object(&["cgroup_subsys_state"]), "unsigned int flags": Scalar
    ) -> Integer [NeedsRcu TrustedObjects Reads] All 6 . 7
        "begin to iterate over a cgroup's descendants";
    _ "struct cgroup_subsys_state *" bpf_iter_css_next(
        "struct bpf_iter_css *it": iterator("bpf_iter_css", 24, Step::Steps)
    ) -> ObjectOrNull("cgroup_subsys_state") [Reads] All 6 . 7
        "the next descendant, or null";
    _ "void" bpf_iter_css_task_destroy(
        "struct bpf_iter_css_task *it": iterator("bpf_iter_css_task", 8, Step::Ends)
    ) -> Void [Reads] All 6 . 7
        "end an iterator";
    _ "int" bpf_iter_css_task_new(
        "struct bpf_iter_css_task *it": iterator("bpf_iter_css_task", 8, Step::Begins),
        "struct cgroup_subsys_state *css": Object(&["cgroup_subsys_state"]), "unsigned int flags": Scalar
    ) -> Integer [TrustedObjects Reads] All 6 . 7
        "begin to iterate over a cgroup's tasks";
    _ "struct task_struct *" bpf_iter_css_task_next(
        "struct bpf_iter_css_task *it": iterator("bpf_iter_css_task", 8, Step::Steps)
    ) -> ObjectOrNull("task_struct") [Reads] All 6 . 7
        "the next task, or null";
    _ "void" bpf_iter_dmabuf_destroy(
        "struct bpf_iter_dmabuf *it": iterator("bpf_iter_dmabuf", 8, Step::Ends)
    ) -> Void [Sleeps Reads] All 6 . 16
        "end an iterator";
    _ "int" bpf_iter_dmabuf_new(
        "struct bpf_iter_dmabuf *it": iterator("bpf_iter_dmabuf", 8, Step::Begins)
    ) -> Integer [Sleeps Reads] All 6 . 16
        "begin to iterate over the buffers that devices share";
    _ "struct dma_buf *" bpf_iter_dmabuf_next(
        "struct bpf_iter_dmabuf *it": iterator("bpf_iter_dmabuf", 8, Step::Steps)
    ) -> ObjectOrNull("dma_buf") [Sleeps Reads] All 6 . 16
        "the next buffer, or null";
    _ "void" bpf_iter_kmem_cache_destroy(
        "struct bpf_iter_kmem_cache *it": iterator("bpf_iter_kmem_cache", 8, Step::Ends)
    ) -> Void [Sleeps Reads] All 6 . 13
        "end an iterator";
    _ "int" bpf_iter_kmem_cache_new(
        "struct bpf_iter_kmem_cache *it": iterator("bpf_iter_kmem_cache", 8, Step::Begins)
    ) -> Integer [Sleeps Reads] All 6 . 13
        "begin to iterate over the caches of the kernel's allocator";
    _ "struct kmem_cache *" bpf_iter_kmem_cache_next(
        "struct bpf_iter_kmem_cache *it": iterator("bpf_iter_kmem_cache", 8, Step::Steps)
    ) -> ObjectOrNull("kmem_cache") [Sleeps Reads] All 6 . 13
        "the next cache, or null";
    _ "void" bpf_iter_task_destroy(
        "struct bpf_iter_task *it": iterator("bpf_iter_task", 24, Step::Ends)
    ) -> Void [Reads] All 6 . 7
        "end an iterator";
    _ "int" bpf_iter_task_new(
        "struct bpf_iter_task *it": iterator("bpf_iter_task", 24, Step::Begins),
        "struct task_struct *task": OrNull(&Object(&["task_struct"])), "unsigned int flags": Scalar
    ) -> Integer [NeedsRcu TrustedObjects Reads] All 6 . 7
        "begin to iterate over processes, their threads, or the threads of one process";
    _ "struct task_struct *" bpf_iter_task_next(
        "struct bpf_iter_task *it": iterator("bpf_iter_task", 24, Step::Steps)
    ) -> ObjectOrNull("task_struct") [Reads] All 6 . 7
        "the next task, or null";
    _ "void" bpf_iter_task_vma_destroy(
        "struct bpf_iter_task_vma *it": iterator("bpf_iter_task_vma", 8, Step::Ends)
    ) -> Void [Reads] All 6 . 7
        "end an iterator";
    _ "int" bpf_iter_task_vma_new(
        "struct bpf_iter_task_vma *it": iterator("bpf_iter_task_vma", 8, Step::Begins),
        "struct task_struct *task": Object(&["task_struct"]), "__u64 addr": Scalar
    ) -> Integer [RcuObjects Reads] All 6 . 7
        "begin to iterate over the areas of a task's memory, from an address on";
    _ "struct vm_area_struct *" bpf_iter_task_vma_next(
        "struct bpf_iter_task_vma *it": iterator("bpf_iter_task_vma", 8, Step::Steps)
    ) -> ObjectOrNull("vm_area_struct") [Reads] All 6 . 7
        "the next area, or null";
    _ "void" bpf_key_put("struct bpf_key *bkey": Object(&["bpf_key"])) -> Void [Releases] GENERIC 6 . 1
        "give a keyring back";
    _ "void" bpf_kfunc_call_memb_release("struct prog_test_member *p": Object(&["prog_test_member"])) -> Void
        [Releases] TEST_OBJECTS 5 . 18
        "give an object of the kernel's own tests back";
    _ "void" bpf_kfunc_call_test_release(
        "struct prog_test_ref_kfunc *p": Object(&["prog_test_ref_kfunc"])
    ) -> Void [Releases] TEST_OBJECTS 5 . 18
        "give an object of the kernel's own tests back";
    _ "struct bpf_key *" bpf_lookup_system_key("__u64 id": Scalar) -> ObjectOrNull("bpf_key")
        [Acquires] GENERIC 6 . 1
        "one of the system's keyrings, to be given back";
    _ "struct bpf_key *" bpf_lookup_user_key(
        "__s32 serial": Scalar, "__u64 flags": Scalar
    ) -> ObjectOrNull("bpf_key") [Acquires Sleeps] GENERIC 6 . 1
        "a keyring by its serial number, to be given back";
    _ "int" bpf_path_d_path(
        "const struct path *path": Object(&["path"]), "char *buf": update(2), "__u64 buf_size": SIZE0
    ) -> Integer [TrustedObjects] LSM 6 . 12
        "the full name of a path; returns its bytes";
    _ "void" bpf_put_file("struct file *file": Object(&["file"])) -> Void [Releases] LSM 6 . 12
        "give a file back";
    _ "int" bpf_remove_dentry_xattr(
        "struct dentry *dentry": Object(&["dentry"]), "const char *name": ConstStr
    ) -> Integer [Sleeps TrustedObjects] LSM 6 . 15
        "remove an extended attribute of a directory entry";
    _ "int" bpf_send_signal_task(
        "struct task_struct *task": Object(&["task_struct"]), "int sig": Scalar, "enum pid_type type": Scalar,
        "__u64 value": Scalar
    ) -> Integer [TrustedObjects] GENERIC 6 . 13
        "send a signal to a task or its process";
    _ "int" bpf_set_dentry_xattr(
        "struct dentry *dentry": Object(&["dentry"]), "const char *name": ConstStr,
        "const struct bpf_dynptr *value_p": USES, "int flags": Scalar
    ) -> Integer [Sleeps TrustedObjects] LSM 6 . 15
        "set an extended attribute of a directory entry";
    _ "struct task_struct *" bpf_task_acquire(
        "struct task_struct *p": Object(&["task_struct"])
    ) -> ObjectOrNull("task_struct") [Acquires RcuObjects] GENERIC 6 . 2
        "another reference to a task, to be released";
    _ "struct task_struct *" bpf_task_from_pid("__s32 pid": Scalar) -> ObjectOrNull("task_struct")
        [Acquires] GENERIC 6 . 2
        "the task of this number, to be released";
    _ "struct task_struct *" bpf_task_from_vpid("__s32 vpid": Scalar) -> ObjectOrNull("task_struct")
        [Acquires] GENERIC 6 . 14
        "the task of this number in the running task's namespace, to be released";
    _ "struct cgroup *" bpf_task_get_cgroup1(
        "struct task_struct *task": Object(&["task_struct"]), "int hierarchy_id": Scalar
    ) -> ObjectOrNull("cgroup") [Acquires RcuObjects] GENERIC 6 . 8
        "the task's cgroup in a hierarchy of version 1, to be released";
    _ "void" bpf_task_release("struct task_struct *p": Object(&["task_struct"])) -> Void
        [Releases] GENERIC 6 . 2
        "give a task back";
    _ "long" bpf_task_under_cgroup(
        "struct task_struct *task": Object(&["task_struct"]), "struct cgroup *ancestor": Object(&["cgroup"])
    ) -> Integer [RcuObjects] GENERIC 6 . 5
        "whether a task is in a cgroup, or below it";
    _ "void" css_rstat_flush("struct cgroup_subsys_state *css": Object(&["cgroup_subsys_state"])) -> Void
        [Sleeps] OBSERVERS 6 . 16
        "bring a cgroup's statistics up to date";
    _ "void" css_rstat_updated(
        "struct cgroup_subsys_state *css": Object(&["cgroup_subsys_state"]), "int cpu": Scalar
    ) -> Void [] OBSERVERS 6 . 16
        "note that a cgroup's statistics changed on a CPU";
}
