//! The kernel's functions on sets of CPUs.
//! Source: kernel/bpf/cpumask.c, Linux 6.18.

use super::Arg::{Object, Scalar};
use super::Effect::*;
use super::Ret::{self, Integer, ObjectOrNull, Void};
use super::arg::*;
use super::functions;
use super::programs::*;

const SAME_MASK: Ret = Ret::Object("bpf_cpumask");

functions! {
    ROWS:
    _ "struct bpf_cpumask *" bpf_cpumask_acquire(
        "struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])
    ) -> SAME_MASK [Acquires TrustedObjects] CPUMASK 6 . 3
        "another reference to a set of CPUs, to be released";
    _ "_Bool" bpf_cpumask_and(
        "struct bpf_cpumask *dst": Object(&["bpf_cpumask"]),
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "the CPUs that are in both sets; whether there are any";
    _ "__u32" bpf_cpumask_any_and_distribute(
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 5
        "some CPU that is in both sets, another one each time";
    _ "__u32" bpf_cpumask_any_distribute("const struct cpumask *cpumask": Object(&["cpumask"])) -> Integer
        [RcuObjects] CPUMASK 6 . 5
        "some CPU of a set, another one each time";
    _ "void" bpf_cpumask_clear("struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])) -> Void
        [RcuObjects] CPUMASK 6 . 3
        "take all CPUs out of a set";
    _ "void" bpf_cpumask_clear_cpu(
        "__u32 cpu": Scalar, "struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])
    ) -> Void [RcuObjects] CPUMASK 6 . 3
        "take a CPU out of a set";
    _ "void" bpf_cpumask_copy(
        "struct bpf_cpumask *dst": Object(&["bpf_cpumask"]), "const struct cpumask *src": Object(&["cpumask"])
    ) -> Void [RcuObjects] CPUMASK 6 . 3
        "copy a set of CPUs";
    _ "struct bpf_cpumask *" bpf_cpumask_create() -> ObjectOrNull("bpf_cpumask") [Acquires] CPUMASK 6 . 3
        "a new, empty set of CPUs, to be released";
    _ "_Bool" bpf_cpumask_empty("const struct cpumask *cpumask": Object(&["cpumask"])) -> Integer
        [RcuObjects] CPUMASK 6 . 3
        "whether a set has no CPU";
    _ "_Bool" bpf_cpumask_equal(
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "whether two sets have the same CPUs";
    _ "__u32" bpf_cpumask_first("const struct cpumask *cpumask": Object(&["cpumask"])) -> Integer
        [RcuObjects] CPUMASK 6 . 3
        "the first CPU of a set";
    _ "__u32" bpf_cpumask_first_and(
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 5
        "the first CPU that is in both sets";
    _ "__u32" bpf_cpumask_first_zero("const struct cpumask *cpumask": Object(&["cpumask"])) -> Integer
        [RcuObjects] CPUMASK 6 . 3
        "the first CPU that is not in a set";
    _ "_Bool" bpf_cpumask_full("const struct cpumask *cpumask": Object(&["cpumask"])) -> Integer
        [RcuObjects] CPUMASK 6 . 3
        "whether a set has all CPUs";
    _ "_Bool" bpf_cpumask_intersects(
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "whether any CPU is in both sets";
    _ "void" bpf_cpumask_or(
        "struct bpf_cpumask *dst": Object(&["bpf_cpumask"]),
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Void [RcuObjects] CPUMASK 6 . 3
        "the CPUs that are in either set";
    _ "int" bpf_cpumask_populate(
        "struct cpumask *cpumask": Object(&["cpumask"]), "void *src": update(2), "__u64 src_size": SIZE0
    ) -> Integer [RcuObjects] CPUMASK 6 . 15
        "fill a set of CPUs from bits in memory";
    _ "void" bpf_cpumask_release("struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])) -> Void
        [Releases] CPUMASK 6 . 3
        "give a set of CPUs back";
    _ "void" bpf_cpumask_set_cpu(
        "__u32 cpu": Scalar, "struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])
    ) -> Void [RcuObjects] CPUMASK 6 . 3
        "put a CPU into a set";
    _ "void" bpf_cpumask_setall("struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])) -> Void
        [RcuObjects] CPUMASK 6 . 3
        "put all CPUs into a set";
    _ "_Bool" bpf_cpumask_subset(
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "whether all CPUs of the one set are in the other";
    _ "_Bool" bpf_cpumask_test_and_clear_cpu(
        "__u32 cpu": Scalar, "struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "take a CPU out of a set; whether it was there";
    _ "_Bool" bpf_cpumask_test_and_set_cpu(
        "__u32 cpu": Scalar, "struct bpf_cpumask *cpumask": Object(&["bpf_cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "put a CPU into a set; whether it was there";
    _ "_Bool" bpf_cpumask_test_cpu(
        "__u32 cpu": Scalar, "const struct cpumask *cpumask": Object(&["cpumask"])
    ) -> Integer [RcuObjects] CPUMASK 6 . 3
        "whether a CPU is in a set";
    _ "__u32" bpf_cpumask_weight("const struct cpumask *cpumask": Object(&["cpumask"])) -> Integer
        [RcuObjects] CPUMASK 6 . 8
        "how many CPUs a set has";
    _ "void" bpf_cpumask_xor(
        "struct bpf_cpumask *dst": Object(&["bpf_cpumask"]),
        "const struct cpumask *src1": Object(&["cpumask"]), "const struct cpumask *src2": Object(&["cpumask"])
    ) -> Void [RcuObjects] CPUMASK 6 . 3
        "the CPUs that are in one of two sets";
}
