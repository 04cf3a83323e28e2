//! What programs may call, described once: arguments, result, effects, and where.
//!
//! A helper is a [`Function`] with a number. Whoever checks a call, documents it, or implements it reads this
//! table; an implementation finds its function by name. Rows stand in files by family; a row that other kinds of
//! program call with other arguments has variants. Kfuncs are not here: the kernel's BTF describes them.
//! Source: the `struct bpf_func_proto` of kernel/bpf, kernel/trace and net/core, and the comments of
//! include/uapi/linux/bpf.h, Linux 6.18; who may call what was measured on Linux 6.18.

mod arg;
mod effect;
mod programs;
mod table_core;
mod table_packet;
mod table_socket;
mod table_trace;

pub use arg::{Access, Arg, Callback, CallbackArg, Dynptr, Runs};
pub use effect::{Effect, Ret};
pub use programs::{Attach, Place, Programs};

use crate::{AttachType, ProgType};

/// A function that programs may call.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name, as C programs call it.
    pub name: &'static str,
    /// The number in `call`, for helpers.
    pub id: u32,
    /// Its arguments in r1 to r5.
    pub args: &'static [Arg],
    /// Its result.
    pub ret: Ret,
    /// Its effects.
    pub effects: &'static [Effect],
    /// Who may call it, with these arguments.
    pub programs: Programs,
    /// The first Linux version that has it.
    pub since: (u8, u8),
    /// One line for the manual.
    pub doc: &'static str,
}

impl Function {
    /// The helper with this number.
    pub fn by_id(id: u32) -> Option<&'static Function> {
        FUNCTIONS.get((id as usize).checked_sub(1)?).copied()
    }

    /// The function with this name.
    pub fn by_name(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|f| f.name == name).copied()
    }

    /// The function as programs of this kind call it, attached so; `None` if they may not.
    pub fn called_from(&self, prog_type: ProgType, attach_type: AttachType) -> Option<&'static Function> {
        if self.has(Effect::Configured) {
            return None;
        }
        let main = Function::by_id(self.id).into_iter();
        main.chain(self.variants()).find(|f| f.programs.contain(prog_type, attach_type))
    }

    /// What it is to kinds of program that call it with other arguments.
    pub fn variants(&self) -> impl Iterator<Item = &'static Function> {
        let id = self.id;
        VARIANTS.iter().flat_map(|family| family.iter()).filter(move |f| f.id == id)
    }

    /// Whether it has this effect.
    pub fn has(&self, effect: Effect) -> bool {
        self.effects.contains(&effect)
    }
}

macro_rules! functions {
    ($table:ident: $($id:literal $name:ident($($arg:expr),*) -> $ret:ident [$($effect:ident)*] $programs:ident $since:literal . $minor:literal $doc:literal;)*) => {
        pub(super) static $table: &[super::Function] = &[$(super::Function {
            name: concat!("bpf_", stringify!($name)),
            id: $id,
            args: &[$($arg),*],
            ret: $ret,
            effects: &[$($effect),*],
            programs: $programs,
            since: ($since, $minor),
            doc: $doc,
        }),*];
    };
}
use functions;

static FAMILIES: [&[Function]; 4] =
    [table_core::ROWS, table_packet::ROWS, table_socket::ROWS, table_trace::ROWS];

static VARIANTS: [&[Function]; 3] = [table_core::VARIANTS, table_socket::VARIANTS, table_trace::VARIANTS];

/// How many there are; numbers start at 1 and leave none out.
const COUNT: usize = 211;

/// Every described function, by number.
pub static FUNCTIONS: [&Function; COUNT] = by_number();

/// The rows of all families, each in the place of its number; a number that is missing, or there twice, is an error
/// when this is compiled.
const fn by_number() -> [&'static Function; COUNT] {
    let mut rows: [Option<&'static Function>; COUNT] = [None; COUNT];
    let mut family = 0;
    while family < FAMILIES.len() {
        let mut row = 0;
        while row < FAMILIES[family].len() {
            let function = &FAMILIES[family][row];
            let place = function.id as usize - 1;
            assert!(rows[place].is_none(), "two functions have one number");
            rows[place] = Some(function);
            row += 1;
        }
        family += 1;
    }
    let mut all = [&FAMILIES[0][0]; COUNT];
    let mut place = 0;
    while place < COUNT {
        match rows[place] {
            Some(function) => all[place] = function,
            None => panic!("a number has no function"),
        }
        place += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_refer_to_each_other() {
        let variants = VARIANTS.iter().flat_map(|family| family.iter());
        for f in FUNCTIONS.into_iter().chain(variants) {
            for (i, arg) in f.args.iter().enumerate() {
                let arg = if let Arg::OrNull(arg) = arg { arg } else { arg };
                match *arg {
                    Arg::MapKey(map) | Arg::MapValue(map) | Arg::MapValueOut(map) => {
                        assert!(matches!(f.args[map as usize], Arg::Map(_)), "{}", f.name);
                    }
                    Arg::Memory { size, .. } => {
                        assert_eq!(size as usize, i + 1, "{}", f.name);
                        assert!(matches!(f.args[size as usize], Arg::Size { .. }), "{}", f.name);
                    }
                    Arg::OrNull(_) => panic!("{}: null or null", f.name),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn every_variant_is_what_some_program_calls() {
        for variant in VARIANTS.iter().flat_map(|family| family.iter()) {
            let main = Function::by_id(variant.id).expect("a function");
            assert_eq!(main.name, variant.name);
            let mut places = ProgType::ALL.iter().flat_map(|k| AttachType::ALL.iter().map(move |a| (*k, *a)));
            let called = places.any(|(kind, attach)| {
                main.called_from(kind, attach).is_some_and(|f| std::ptr::eq(f, variant))
            });
            assert!(called, "{}", variant.name);
        }
    }
}
