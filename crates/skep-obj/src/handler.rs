//! Exception handlers: the function that runs where a program throws (`bpf_throw`), named by a tag on its entry.
//! Nothing in the instructions refers to it. Source: `bpf_find_exception_callback_insn_off` of kernel/bpf/btf.c,
//! Linux 6.18.

use skep_btf::{Btf, Type, TypeId};

/// What the tag begins with; the handler's name follows.
const TAG: &str = "exception_callback:";

/// The handlers that the tags on a function name. A program may have one.
pub fn exception_handlers(btf: &Btf, entry: TypeId) -> Vec<String> {
    let handler = |ty: Type<'_>| match ty {
        Type::DeclTag(tag) if tag.ty == entry && tag.component.is_none() => {
            btf.text(tag.name).strip_prefix(TAG).map(str::to_owned)
        }
        _ => None,
    };
    btf.types().filter_map(|(_, ty)| handler(ty)).collect()
}
