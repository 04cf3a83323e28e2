//! The functions that programs may call here, by the rows that describe them.

use std::collections::BTreeMap;

use skep_abi::{Effect, Function, FunctionTable, HELPERS, TableError};

use crate::call::Call;
use crate::runtime::{Runtime, Shim, World, tail_call};
use crate::standard;
use crate::typed::{Outcome, Shape, fits};

/// An implementation of a described function, for programs that run in worlds of this kind. [`functions!`] writes these.
///
/// [`functions!`]: crate::functions
pub trait HostFunction<W: World>: 'static {
    /// What it returns.
    type Result: Outcome;
    /// Its description.
    const ROW: &'static Function;
    /// What its arguments are taken as.
    const TAKES: &'static [Shape];

    /// Does the call. A panic aborts the process, as the program's frames can't be unwound.
    fn call(call: &mut Call<'_, W>) -> Self::Result;
}

/// Implements described functions as Rust functions with typed arguments.
///
/// The first line names the function that adds them all to a [`Functions`], and the world that they are for; `rows` is
/// the table that an application described its own functions in, else they are those of [`skep_abi`]. Each function has
/// its row's name and, after the call itself, an argument for each of the row's: a number of any size, or a type of this
/// crate ([`Input`], [`Output`], [`MapArg`], [`Context`], [`Handle`], [`Record`]). A signature that does not fit the row is
/// an error of the Rust compiler.
///
/// ```
/// use skep_vm::{Call, Functions, World};
/// # use std::sync::Arc;
///
/// struct Clock(u64);
///
/// impl World for Clock {
///     # fn program(&self, _: u32) -> Option<Arc<skep_vm::Executable<Clock>>> { None }
///     # fn cpu(&self) -> u32 { 0 }
///     // …
/// }
///
/// skep_vm::functions! {
///     fn add_clock for Clock;
///
///     fn bpf_ktime_get_ns(call) -> u64 {
///         call.world().0 += 1;
///         call.world().0
///     }
/// }
///
/// let mut functions = Functions::with_standard();
/// add_clock(&mut functions);
/// ```
///
/// ```compile_fail
/// # struct Clock;
/// # impl skep_vm::World for Clock {
/// #     fn program(&self, _: u32) -> Option<std::sync::Arc<skep_vm::Executable<Clock>>> { None }
/// #     fn cpu(&self) -> u32 { 0 }
/// # }
/// skep_vm::functions! {
///     fn add_clock for Clock;
///
///     // It takes no argument.
///     fn bpf_ktime_get_ns(call, base: u64) -> u64 {
///         base
///     }
/// }
/// ```
///
/// [`Input`]: crate::Input
/// [`Output`]: crate::Output
/// [`MapArg`]: crate::MapArg
/// [`Context`]: crate::Context
/// [`Handle`]: crate::Handle
/// [`Record`]: crate::Record
#[macro_export]
macro_rules! functions {
    (
        $(#[$meta:meta])* $vis:vis fn $add:ident for every $world:ident;
        $($(#[$doc:meta])* fn $name:ident($call:ident $(, $arg:ident: $kind:ty)* $(,)?) $(-> $result:ty)? $body:block)*
    ) => {
        $(#[$meta])*
        $vis fn $add<$world: $crate::World>(functions: &mut $crate::Functions<$world>) {
            $($crate::function!([$world] $world, functions, [] $name($call $(, $arg: $kind)*) [$($result)?] $body);)*
        }
    };
    (
        $(#[$meta:meta])* $vis:vis fn $add:ident for $world:ty;
        $($(#[$doc:meta])* fn $name:ident($call:ident $(, $arg:ident: $kind:ty)* $(,)?) $(-> $result:ty)? $body:block)*
    ) => {
        $(#[$meta])*
        $vis fn $add(functions: &mut $crate::Functions<$world>) {
            $($crate::function!([] $world, functions, [] $name($call $(, $arg: $kind)*) [$($result)?] $body);)*
        }
    };
    (
        $(#[$meta:meta])* $vis:vis fn $add:ident for $world:ty, rows $rows:path;
        $($(#[$doc:meta])* fn $name:ident($call:ident $(, $arg:ident: $kind:ty)* $(,)?) $(-> $result:ty)? $body:block)*
    ) => {
        $(#[$meta])*
        $vis fn $add(functions: &mut $crate::Functions<$world>) {
            $($crate::function!([] $world, functions, [$rows] $name($call $(, $arg: $kind)*) [$($result)?] $body);)*
        }
    };
}

/// One function of [`functions!`]: a type that stands for it, and that type added.
///
/// [`functions!`]: crate::functions
#[doc(hidden)]
#[macro_export]
macro_rules! function {
    ([$($every:ident)?] $world:ty, $functions:ident, [$($rows:path)?] $name:ident($call:ident $(, $arg:ident: $kind:ty)*)
        [$($result:ty)?] $body:block) => {{
        #[allow(non_camel_case_types)] // it is the function's name that errors should show
        struct $name;

        impl$(<$every: $crate::World>)? $crate::HostFunction<$world> for $name {
            type Result = $crate::result_type!($($result)?);
            const ROW: &'static $crate::Function = $crate::find_row!([$($rows)?] $name);
            const TAKES: &'static [$crate::Shape] = &[$(<$kind as $crate::Argument>::SHAPE),*];

            #[inline(always)]
            #[allow(unused_variables, unused_mut, unused_assignments)] // not every function looks at all it is given
            fn call($call: &mut $crate::Call<'_, $world>) -> Self::Result {
                let mut index = 0_u8;
                $(
                    let $arg = <$kind as $crate::Argument>::of(index, $call.arg(index as usize));
                    index += 1;
                )*
                $body
            }
        }

        $crate::check_now!([$($every)?] $world, $name);
        $functions.add::<$name>();
    }};
}

/// Compares a function with its row as soon as the crate is checked. One for every world is compared when there is a world.
#[doc(hidden)]
#[macro_export]
macro_rules! check_now {
    ([] $world:ty, $name:ident) => {
        const _: () = $crate::assert_fits::<$world, $name>();
    };
    ([$every:ident] $world:ty, $name:ident) => {};
}

/// Fails to compile if a function is not what its row says.
#[doc(hidden)]
pub const fn assert_fits<W: World, F: HostFunction<W>>() {
    assert!(fits(F::ROW, F::TAKES, F::Result::GIVES), "the Rust signature is not what the row says");
}

/// The result of a function that names none.
#[doc(hidden)]
#[macro_export]
macro_rules! result_type {
    () => {
        ()
    };
    ($result:ty) => {
        $result
    };
}

/// The row of a function, in this table or in those of `skep-abi`.
#[doc(hidden)]
#[macro_export]
macro_rules! find_row {
    ([] $name:ident) => {
        $crate::describe(stringify!($name))
    };
    ([$rows:path] $name:ident) => {
        $crate::described_in(&$rows, stringify!($name))
    };
}

/// The functions that a program may be compiled against.
pub struct Functions<W: World> {
    by_id: BTreeMap<u32, Entry<W>>,
    /// Those without a number.
    by_name: BTreeMap<&'static str, Entry<W>>,
}

/// An implementation.
pub(crate) struct Entry<W: World> {
    pub(crate) row: &'static Function,
    pub(crate) shim: Shim<W>,
    /// Whether it is one of this crate's.
    pub(crate) standard: bool,
}

impl<W: World> Clone for Entry<W> {
    fn clone(&self) -> Entry<W> {
        *self
    }
}

impl<W: World> Copy for Entry<W> {}

impl<W: World> Functions<W> {
    /// No functions.
    pub fn new() -> Functions<W> {
        Functions { by_id: BTreeMap::new(), by_name: BTreeMap::new() }
    }

    /// The functions that need nothing of the world but its CPU and its programs: those of maps and ring buffers, tail
    /// calls, the CPU's number.
    pub fn with_standard() -> Functions<W> {
        let mut functions = Functions::new();
        standard::add_to(&mut functions);
        for row in HELPERS.into_iter().filter(|row| row.has(Effect::TailCall)) {
            functions.insert(Entry { row, shim: tail_call::<W>, standard: true });
        }
        for entry in functions.by_id.values_mut() {
            entry.standard = true;
        }
        functions
    }

    /// Adds a function, in place of the one that had its name. That its signature is what its row says is checked when
    /// this is compiled.
    pub fn add<F: HostFunction<W>>(&mut self) -> &mut Functions<W> {
        const { assert_fits::<W, F>() };
        self.insert(Entry { row: F::ROW, shim: shim::<W, F>, standard: false });
        self
    }

    fn insert(&mut self, entry: Entry<W>) {
        match entry.row.id {
            Some(id) => self.by_id.insert(id, entry),
            None => self.by_name.insert(entry.row.name, entry),
        };
    }

    /// The functions that are implemented.
    pub fn iter(&self) -> impl Iterator<Item = &'static Function> {
        self.by_id.values().chain(self.by_name.values()).map(|entry| entry.row)
    }

    /// The functions that are neither Linux's helpers nor its kernel's: what the verifier must be told of, too.
    pub fn own(&self) -> Result<FunctionTable, TableError> {
        let rows = self.by_name.values().map(|entry| entry.row);
        FunctionTable::new(rows.filter(|row| Function::kernel(row.name) != Some(*row)))
    }

    pub(crate) fn get(&self, id: u32) -> Option<Entry<W>> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn named(&self, name: &str) -> Option<Entry<W>> {
        self.by_name.get(name).copied()
    }
}

impl<W: World> Default for Functions<W> {
    fn default() -> Functions<W> {
        Functions::with_standard()
    }
}

impl<W: World> Clone for Functions<W> {
    fn clone(&self) -> Functions<W> {
        Functions { by_id: self.by_id.clone(), by_name: self.by_name.clone() }
    }
}

/// The description with this name. Naming none is an error when it is compiled.
#[doc(hidden)]
pub const fn describe(name: &str) -> &'static Function {
    match Function::find(name) {
        Some(row) => row,
        None => panic!("no function of this name is described"),
    }
}

/// The row with this name in an application's table.
#[doc(hidden)]
pub const fn described_in(rows: &'static [Function], name: &str) -> &'static Function {
    match Function::find_in(rows, name) {
        Some(row) => row,
        None => panic!("no row has this name"),
    }
}

/// A host function as engines call it.
extern "C" fn shim<W: World, F: HostFunction<W>>(
    r1: u64,
    r2: u64,
    r3: u64,
    r4: u64,
    r5: u64,
    run: *mut Runtime<W>,
) -> u64 {
    // SAFETY: only engines call this, with the run they are in, which nothing else uses meanwhile, and with arguments
    // that the verifier, or the interpreter before the call, held against this description: an executable calls a shim
    // for no other row.
    let mut call = unsafe { Call::new([r1, r2, r3, r4, r5], F::ROW, &mut *run) };
    let result = F::call(&mut call).into_r0();
    call.settle();
    result
}
