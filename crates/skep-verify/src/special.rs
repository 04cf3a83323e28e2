//! Maps whose values have parts with rules of their own: locks, timers, kernel pointers, lists. They are not described
//! yet, and to treat them as plain bytes would let programs overwrite them; so programs that touch such maps are
//! refused. Source: `btf_parse_fields` of kernel/bpf/btf.c, Linux 6.18.

use skep_btf::{Btf, Type, TypeId};
use skep_obj::{MapSpec, Program};

/// Types of which a value has at most one, or which only functions may touch.
const TYPES: &[&str] = &[
    "bpf_spin_lock",
    "bpf_res_spin_lock",
    "bpf_timer",
    "bpf_wq",
    "bpf_task_work",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_rb_root",
    "bpf_rb_node",
    "bpf_refcount",
];

/// Tags of pointers that the kernel owns.
const TAGS: &[&str] = &["kptr", "kptr_untrusted", "percpu_kptr", "uptr"];

/// How deep structures in structures are looked into; Linux goes less deep.
const MAX_NESTING: usize = 16;

/// How many members are looked at in all: a value's type may name the same large structure again and again.
const MAX_MEMBERS: usize = 1 << 16;

/// The first part of a map's values that has rules of its own, by name; `None` if there is none, or no type tells.
pub(crate) fn special_field(program: &Program, map: &MapSpec) -> Option<String> {
    let btf = program.btf.as_deref()?;
    let value = map.value_type?;
    let mut left = MAX_MEMBERS;
    find(btf, value, MAX_NESTING, &mut left)
}

fn find(btf: &Btf, id: TypeId, nesting: usize, left: &mut usize) -> Option<String> {
    if nesting == 0 || *left == 0 {
        return None;
    }
    *left -= 1;
    match btf.get_resolved(id).ok()? {
        Type::Struct(composite) | Type::Union(composite) => {
            let name = btf.text(composite.name);
            if TYPES.contains(&&*name) {
                return Some(name.into_owned());
            }
            composite.members.iter().find_map(|member| find(btf, member.ty, nesting - 1, left))
        }
        Type::Array(array) => find(btf, array.elem, nesting - 1, left),
        Type::DataSec(section) => section.vars.iter().find_map(|var| find(btf, var.ty, nesting - 1, left)),
        Type::Var(var) => find(btf, var.ty, nesting - 1, left),
        Type::Ptr(target) => match btf.get(target).ok()? {
            Type::TypeTag(tag) => {
                let name = btf.text(tag.name);
                TAGS.contains(&&*name).then(|| name.into_owned())
            }
            _ => None,
        },
        _ => None,
    }
}
