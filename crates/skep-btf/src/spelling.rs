//! A type as a C programmer would write it, in one line: `struct flow *`, `const char[16]`, `int (*)(void *)`.
//!
//! For messages and tables. It shows no bodies and leaves out type tags; what has no name is `(anon)`.

use crate::btf::Btf;
use crate::query::MAX_DEPTH;
use crate::types::{Type, TypeId};

/// Most types that one spelling looks at; the rest is an ellipsis. Prototypes can hold prototypes.
const MAX_PARTS: u32 = 256;

impl Btf {
    /// The type in C, without a declared name: `unsigned int`, `struct flow *`, `int (*)(void *)`.
    ///
    /// A variable or function gives its declaration. Never fails: what is wrong or endless is `...`.
    pub fn type_name(&self, id: TypeId) -> String {
        Spelling { btf: self, parts_left: MAX_PARTS }.declare(id, String::new(), 0)
    }
}

struct Spelling<'a> {
    btf: &'a Btf,
    parts_left: u32,
}

impl Spelling<'_> {
    /// The declaration of `declarator` with the type: C declarators are written from the inside out.
    fn declare(&mut self, mut id: TypeId, mut declarator: String, depth: u32) -> String {
        let mut qualifiers = String::new();
        // The last thing added on the left was a pointer: arrays and functions on the right bind tighter.
        let mut pointer_open = false;
        for _ in 0..MAX_DEPTH {
            if depth > MAX_DEPTH || self.parts_left == 0 {
                break;
            }
            self.parts_left -= 1;
            let Ok(ty) = self.btf.get(id) else { break };
            let named = |keyword: &str| {
                let name = self.btf.name(ty.name());
                format!("{keyword}{}", if name.is_empty() { "(anon)" } else { name })
            };
            let base = match ty {
                Type::Void => "void".to_owned(),
                Type::Int(_) | Type::Float(_) | Type::Typedef(_) => named(""),
                Type::DataSec(_) | Type::DeclTag(_) => named(""),
                Type::Struct(_) => named("struct "),
                Type::Union(_) => named("union "),
                Type::Enum(_) | Type::Enum64(_) => named("enum "),
                Type::Fwd(fwd) => named(if fwd.union { "union " } else { "struct " }),
                Type::Const(to) => {
                    qualify(&mut qualifiers, "const");
                    id = to;
                    continue;
                }
                Type::Volatile(to) => {
                    qualify(&mut qualifiers, "volatile");
                    id = to;
                    continue;
                }
                Type::Restrict(to) => {
                    qualify(&mut qualifiers, "restrict");
                    id = to;
                    continue;
                }
                Type::TypeTag(tag) => {
                    id = tag.ty;
                    continue;
                }
                Type::Ptr(to) => {
                    let space = if qualifiers.is_empty() || declarator.is_empty() { "" } else { " " };
                    declarator = format!("*{qualifiers}{space}{declarator}");
                    qualifiers.clear();
                    pointer_open = true;
                    id = to;
                    continue;
                }
                Type::Array(array) => {
                    let len = if array.len == 0 { String::new() } else { array.len.to_string() };
                    declarator = format!("{}[{len}]", close(declarator, &mut pointer_open));
                    id = array.elem;
                    continue;
                }
                Type::FuncProto(proto) => {
                    let params = self.params(proto, depth + 1);
                    declarator = format!("{}({params})", close(declarator, &mut pointer_open));
                    // A function can't be const; qualifiers of its type mean nothing.
                    qualifiers.clear();
                    id = proto.result;
                    continue;
                }
                Type::Func(func) => {
                    declarator.insert_str(0, self.btf.name(func.name));
                    id = func.proto;
                    continue;
                }
                Type::Var(var) => {
                    declarator.insert_str(0, self.btf.name(var.name));
                    id = var.ty;
                    continue;
                }
            };
            return finish(&qualifiers, &base, &declarator);
        }
        finish(&qualifiers, "...", &declarator)
    }

    fn params(&mut self, proto: crate::types::FuncProto<'_>, depth: u32) -> String {
        if proto.params.is_empty() {
            return "void".to_owned();
        }
        let last = proto.params.len() - 1;
        let mut spelled = Vec::new();
        for (index, param) in proto.params.iter().enumerate() {
            if self.parts_left == 0 || (index == last && param.ty == TypeId::VOID) {
                spelled.push("...".to_owned());
                break;
            }
            spelled.push(self.declare(param.ty, String::new(), depth));
        }
        spelled.join(", ")
    }
}

fn qualify(qualifiers: &mut String, word: &str) {
    if !qualifiers.is_empty() {
        qualifiers.push(' ');
    }
    qualifiers.push_str(word);
}

fn close(declarator: String, pointer_open: &mut bool) -> String {
    if std::mem::take(pointer_open) { format!("({declarator})") } else { declarator }
}

/// `const` + `char` + `*[4]`, with spaces where C wants them: none before brackets.
fn finish(qualifiers: &str, base: &str, declarator: &str) -> String {
    let mut out = qualifiers.to_owned();
    qualify(&mut out, base);
    if !declarator.is_empty() && !declarator.starts_with('[') {
        out.push(' ');
    }
    out + declarator
}
