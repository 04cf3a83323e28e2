//! What programs may call, described once: arguments, result, effects, and where.
//!
//! A helper is a [`Function`] with a number; a kernel function (kfunc) has none, and is called by its name. They are
//! described alike: what Linux says of kernel functions by endings of parameters' names and by flags, and of helpers in
//! structures of C, the rows say in one grammar. Whoever checks a call, documents it, or implements it reads this
//! table; an implementation finds its function by name. Rows stand in files by family; a row that other kinds of
//! program call with other arguments has variants. An application's own functions are rows of its own.
//! Source: the `struct bpf_func_proto` of kernel/bpf, kernel/trace and net/core, and the comments of
//! include/uapi/linux/bpf.h, Linux 6.18; who may call what was measured on Linux 6.18.

mod arg;
mod effect;
mod later;
mod own;
mod programs;
mod table_core;
mod table_kernel_core;
mod table_kernel_cpumask;
mod table_kernel_net;
mod table_kernel_object;
mod table_kernel_task;
mod table_packet;
mod table_socket;
mod table_trace;
mod text;

pub use arg::{Access, Arg, Callback, CallbackArg, Dynptr, Graph, LockUse, Runs, Step};
pub use effect::{Effect, Ret};
pub use own::{FunctionTable, MAX_OWN_FUNCTIONS, TableError};
pub use programs::{Attach, Place, Programs};

/// What rows say of memory: its access, with the index of the argument that is its size; and of sizes, whether they
/// may be 0.
pub mod words {
    pub use super::arg::{SIZE, SIZE0, bytes, read, read_or_null, update, write, write_or_null};
}

use crate::{AttachType, ProgType};

/// A function that programs may call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Function {
    /// Its name, as C programs call it.
    pub name: &'static str,
    /// The number in `call`, for helpers. Functions without one are called by name.
    pub id: Option<u32>,
    /// Its arguments in r1 to r5.
    pub args: &'static [Arg],
    /// What C programs declare it as.
    pub prototype: Prototype,
    /// Its result.
    pub ret: Ret,
    /// Its effects.
    pub effects: &'static [Effect],
    /// Who may call it, with these arguments.
    pub programs: Programs,
    /// The first Linux version that has it; (0, 0) if none has.
    pub since: (u8, u8),
    /// One line for the manual.
    pub doc: &'static str,
}

/// A function's C types, in the words of the UAPI headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// The type of its result.
    pub result: &'static str,
    /// The declarations of its parameters; one more than arguments where C has something that no rule is for.
    pub params: &'static [&'static str],
}

impl Function {
    /// The helper with this number.
    pub fn by_id(id: u32) -> Option<&'static Function> {
        HELPERS.get((id as usize).checked_sub(1)?).copied()
    }

    /// The helper or kernel function with this name.
    pub fn by_name(name: &str) -> Option<&'static Function> {
        Function::all().find(|f| f.name == name)
    }

    /// The kernel function with this name.
    pub fn kernel(name: &str) -> Option<&'static Function> {
        kernel_functions().find(|f| f.name == name)
    }

    /// The same as [`Function::by_name`], for constants.
    pub const fn find(name: &str) -> Option<&'static Function> {
        let mut at = 0;
        while at < HELPERS.len() {
            if is_same(HELPERS[at].name, name) {
                return Some(HELPERS[at]);
            }
            at += 1;
        }
        let mut family = 0;
        while family < KERNEL_FAMILIES.len() {
            let found = Function::find_in(KERNEL_FAMILIES[family], name);
            if found.is_some() {
                return found;
            }
            family += 1;
        }
        None
    }

    /// The row with this name, for constants.
    pub const fn find_in(rows: &'static [Function], name: &str) -> Option<&'static Function> {
        let mut at = 0;
        while at < rows.len() {
            if is_same(rows[at].name, name) {
                return Some(&rows[at]);
            }
            at += 1;
        }
        None
    }

    /// All helpers by number, then all kernel functions.
    pub fn all() -> impl Iterator<Item = &'static Function> {
        HELPERS.into_iter().chain(kernel_functions())
    }

    /// The function as programs of this kind call it, attached so; `None` if they may not.
    pub fn called_from(
        &'static self,
        prog_type: ProgType,
        attach_type: AttachType,
    ) -> Option<&'static Function> {
        if self.has(Effect::Configured) {
            return None;
        }
        // A variant is asked as its main row is.
        let main = self.id.and_then(Function::by_id).unwrap_or(self);
        [main].into_iter().chain(self.variants()).find(|f| f.programs.contain(prog_type, attach_type))
    }

    /// What it is to kinds of program that call it with other arguments.
    pub fn variants(&self) -> impl Iterator<Item = &'static Function> {
        let id = self.id;
        let variants = VARIANTS.iter().flat_map(|family| family.iter());
        variants.filter(move |f| id.is_some() && f.id == id)
    }

    /// The first Linux version that lets a program of this kind, attached so, call it, if the latest does.
    ///
    /// ```
    /// use skep_abi::{AttachType, Function, ProgType};
    /// let comm = Function::by_name("bpf_get_current_comm").unwrap();
    /// assert_eq!(comm.since_in(ProgType::Kprobe, AttachType(0)), (4, 2));
    /// assert_eq!(comm.since_in(ProgType::Xdp, AttachType::XDP), (6, 16));
    /// ```
    pub fn since_in(&self, prog_type: ProgType, attach_type: AttachType) -> (u8, u8) {
        let later = later::LATER
            .iter()
            .filter(|row| row.functions.contains(&self.name) && row.programs.contain(prog_type, attach_type));
        let since = later.map(|row| row.since).fold(self.since, Ord::max);
        // Until then, of functions without a number, only those that programs of every kind may call.
        let by_name = self.id.is_none() && self.programs != Programs::All;
        if by_name && prog_type == ProgType::SockOps { since.max((6, 15)) } else { since }
    }

    /// Whether it has this effect.
    pub fn has(&self, effect: Effect) -> bool {
        self.effects.contains(&effect)
    }
}

macro_rules! functions {
    ($table:ident: $(
        $id:tt $result:literal $name:ident($($param:literal: $arg:expr),* $(; $more:literal)?)
        -> $ret:ident $(($of:literal))? [$($effect:ident)*] $programs:ident $since:literal . $minor:literal $doc:literal;
    )*) => {
        pub(super) static $table: &[super::Function] = &[$(super::Function {
            name: stringify!($name),
            id: super::number!($id),
            args: &[$($arg),*],
            prototype: super::Prototype { result: $result, params: &[$($param,)* $($more)?] },
            ret: $ret $(($of))?,
            effects: &[$($effect),*],
            programs: $programs,
            since: ($since, $minor),
            doc: $doc,
        }),*];
    };
}
/// A row's first column: a helper's number, or nothing.
macro_rules! number {
    (_) => {
        None
    };
    ($id:literal) => {
        Some($id)
    };
}
use {functions, number};

/// What `==` is to strings in constants.
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

static FAMILIES: [&[Function]; 4] =
    [table_core::ROWS, table_packet::ROWS, table_socket::ROWS, table_trace::ROWS];

static VARIANTS: [&[Function]; 3] = [table_core::VARIANTS, table_socket::VARIANTS, table_trace::VARIANTS];

static KERNEL_FAMILIES: [&[Function]; 5] = [
    table_kernel_core::ROWS,
    table_kernel_cpumask::ROWS,
    table_kernel_net::ROWS,
    table_kernel_object::ROWS,
    table_kernel_task::ROWS,
];

/// Every kernel function of Linux 6.18 that is built in.
pub fn kernel_functions() -> impl Iterator<Item = &'static Function> {
    KERNEL_FAMILIES.iter().flat_map(|family| family.iter())
}

/// How many helpers there are; numbers start at 1 and leave none out.
const COUNT: usize = 211;

/// Every helper, by number.
pub static HELPERS: [&Function; COUNT] = by_number();

/// The rows of all families, each in the place of its number; a number that is missing, or there twice, is an error
/// when this is compiled.
const fn by_number() -> [&'static Function; COUNT] {
    let mut rows: [Option<&'static Function>; COUNT] = [None; COUNT];
    let mut family = 0;
    while family < FAMILIES.len() {
        let mut row = 0;
        while row < FAMILIES[family].len() {
            let function = &FAMILIES[family][row];
            let place = match function.id {
                Some(id) => id as usize - 1,
                None => panic!("a helper has no number"),
            };
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

    fn every_row() -> impl Iterator<Item = &'static Function> {
        Function::all().chain(VARIANTS.iter().flat_map(|family| family.iter()))
    }

    #[test]
    fn arguments_refer_to_each_other() {
        for f in every_row() {
            for (i, arg) in f.args.iter().enumerate() {
                let arg = if let Arg::OrNull(arg) = arg { arg } else { arg };
                match *arg {
                    Arg::MapKey(map) | Arg::MapValue(map) | Arg::MapValueOut(map) => {
                        assert!(matches!(f.args[map as usize], Arg::Map(_)), "{}", f.name);
                    }
                    Arg::Memory { size, .. } => {
                        assert_eq!(size as usize, i + 1, "{}", f.name);
                        let size = f.args[size as usize];
                        assert!(matches!(size, Arg::Size { .. } | Arg::ConstSize), "{}", f.name);
                    }
                    Arg::OrNull(_) => panic!("{}: null or null", f.name),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn arguments_are_what_their_c_types_can_be() {
        for f in every_row() {
            let Prototype { result, params } = f.prototype;
            assert!([0, 1].contains(&(params.len() - f.args.len())), "{}", f.name);
            for (arg, param) in f.args.iter().zip(params) {
                let arg = if let Arg::OrNull(arg) = arg { arg } else { arg };
                let fits = match arg {
                    Arg::Size { .. } | Arg::ConstSize | Arg::Scalar | Arg::Constant => !param.contains('*'),
                    Arg::Anything | Arg::Ignored | Arg::Implicit => true,
                    Arg::Object(names) => param.contains('*') && (f.id.is_some() || param.contains(names[0])),
                    _ => param.contains('*'),
                };
                assert!(fits, "{}: {arg:?} as {param}", f.name);
            }
            let fits = match f.ret {
                // Linux declares a number of helpers of which it leaves nothing in r0.
                Ret::Void => result == "void" || f.id.is_some(),
                Ret::Integer | Ret::Filled => !result.contains('*'),
                // A helper may return an address as a number.
                _ => result.contains('*') || f.id.is_some(),
            };
            assert!(fits, "{}: {:?} as {result}", f.name, f.ret);
        }
    }

    #[test]
    fn names_are_unique_and_iterators_are_whole() {
        let all: Vec<&Function> = Function::all().collect();
        for (index, f) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other.name != f.name), "{}", f.name);
            if let Some(&Arg::Iterator { name, bytes, step: Step::Begins }) = f.args.first() {
                for (ending, step) in [("next", Step::Steps), ("destroy", Step::Ends)] {
                    let other = Function::kernel(&format!("{name}_{ending}")).expect("a function");
                    assert_eq!(other.args, [Arg::Iterator { name, bytes, step }], "{name}");
                    assert_eq!(other.ret.is_nullable(), step == Step::Steps, "{name}");
                }
            }
        }
    }

    #[test]
    fn every_variant_is_what_some_program_calls() {
        for variant in VARIANTS.iter().flat_map(|family| family.iter()) {
            let main = variant.id.and_then(Function::by_id).expect("a function");
            assert_eq!(main.name, variant.name);
            let mut places = ProgType::ALL.iter().flat_map(|k| AttachType::ALL.iter().map(move |a| (*k, *a)));
            let called = places.any(|(kind, attach)| {
                main.called_from(kind, attach).is_some_and(|f| std::ptr::eq(f, variant))
            });
            assert!(called, "{}", variant.name);
        }
    }
}
