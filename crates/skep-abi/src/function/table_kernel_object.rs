//! The kernel's functions on objects that programs allocate, and the lists and trees that they put them into.
//! Source: kernel/bpf/helpers.c, Linux 6.18.

use super::Arg::{Allocated, Constant, Ignored, Refcounted, Scalar};
use super::Effect::*;
use super::Ret::*;
use super::arg::*;
use super::functions;
use super::programs::*;

functions! {
    ROWS:
    _ "struct bpf_list_node *" bpf_list_back("struct bpf_list_head *head": LIST) -> NodeOrNull
        [] GENERIC 6 . 16
        "the last object of a list, which stays there";
    _ "struct bpf_list_node *" bpf_list_front("struct bpf_list_head *head": LIST) -> NodeOrNull
        [] GENERIC 6 . 16
        "the first object of a list, which stays there";
    _ "struct bpf_list_node *" bpf_list_pop_back("struct bpf_list_head *head": LIST) -> NodeOrNull
        [Acquires] GENERIC 6 . 2
        "take the last object out of a list";
    _ "struct bpf_list_node *" bpf_list_pop_front("struct bpf_list_head *head": LIST) -> NodeOrNull
        [Acquires] GENERIC 6 . 2
        "take the first object out of a list";
    _ "int" bpf_list_push_back_impl(
        "struct bpf_list_head *head": LIST, "struct bpf_list_node *node": INTO_LIST, "void *meta": Ignored,
        "__u64 off": Scalar
    ) -> Integer [] GENERIC 6 . 2
        "put an object at the end of a list";
    _ "int" bpf_list_push_front_impl(
        "struct bpf_list_head *head": LIST, "struct bpf_list_node *node": INTO_LIST, "void *meta": Ignored,
        "__u64 off": Scalar
    ) -> Integer [] GENERIC 6 . 2
        "put an object at the start of a list";
    _ "void" bpf_obj_drop_impl("void *p": Allocated, "void *meta": Ignored) -> Void [Releases] GENERIC 6 . 2
        "free an object that the program allocated";
    _ "void *" bpf_obj_new_impl("__u64 local_type_id": Constant, "void *meta": Ignored) -> NewObjectOrNull
        [Acquires] GENERIC 6 . 2
        "allocate an object of a type of the program's";
    _ "void" bpf_percpu_obj_drop_impl("void *p": Allocated, "void *meta": Ignored) -> Void
        [Releases] GENERIC 6 . 7
        "free an object that each CPU has its own of";
    _ "void *" bpf_percpu_obj_new_impl(
        "__u64 local_type_id": Constant, "void *meta": Ignored
    ) -> NewPercpuObjectOrNull [Acquires] GENERIC 6 . 7
        "allocate an object of a type of the program's, one for each CPU";
    _ "int" bpf_rbtree_add_impl(
        "struct bpf_rb_root *root": TREE, "struct bpf_rb_node *node": INTO_TREE,
        "_Bool (*less)(struct bpf_rb_node *a, const struct bpf_rb_node *b)": LESS_CALLBACK,
        "void *meta": Ignored, "__u64 off": Scalar
    ) -> Integer [] GENERIC 6 . 3
        "put an object into a tree, in the order that a function says";
    _ "struct bpf_rb_node *" bpf_rbtree_first("struct bpf_rb_root *root": TREE) -> NodeOrNull [] GENERIC 6 . 3
        "the first object of a tree, which stays there";
    _ "struct bpf_rb_node *" bpf_rbtree_left(
        "struct bpf_rb_root *root": TREE, "struct bpf_rb_node *node": IN_TREE
    ) -> NodeOrNull [] GENERIC 6 . 16
        "what is to the left below an object in a tree";
    _ "struct bpf_rb_node *" bpf_rbtree_remove(
        "struct bpf_rb_root *root": TREE, "struct bpf_rb_node *node": IN_TREE
    ) -> NodeOrNull [Acquires] GENERIC 6 . 3
        "take an object out of a tree";
    _ "struct bpf_rb_node *" bpf_rbtree_right(
        "struct bpf_rb_root *root": TREE, "struct bpf_rb_node *node": IN_TREE
    ) -> NodeOrNull [] GENERIC 6 . 16
        "what is to the right below an object in a tree";
    _ "struct bpf_rb_node *" bpf_rbtree_root("struct bpf_rb_root *root": TREE) -> NodeOrNull [] GENERIC 6 . 16
        "the object at the root of a tree, which stays there";
    _ "void *" bpf_refcount_acquire_impl("void *p": Refcounted, "void *meta": Ignored) -> SameObjectOrNull
        [Acquires RcuObjects UnderLock] GENERIC 6 . 4
        "another reference to an object that counts them";
}
