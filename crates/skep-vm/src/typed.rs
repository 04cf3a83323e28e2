//! Arguments and results of functions as Rust types, held against a function's row when the Rust is compiled.
//!
//! Each type says by its [`Shape`] which arguments it is for; `functions!` writes the shapes of a signature down, and
//! adding a function compares them with its row. So a function can't ask for memory as a number, forget an argument, or
//! return an address where programs expect none.

use std::marker::PhantomData;
use std::ptr::NonNull;

use skep_abi::{Access, Arg, Errno, Function, Ret};

/// What sort of argument a type is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number.
    Number,
    /// The context.
    Context,
    /// Memory that is read.
    Input,
    /// Memory that is filled.
    Output,
    /// A map.
    MapArg,
    /// A record of a ring buffer.
    Record,
    /// An object, by its handle.
    Object,
    /// The same, or null.
    ObjectOrNull,
}

/// A Rust type that arguments can be taken as.
pub trait Argument {
    /// The arguments it is for.
    const SHAPE: Shape;

    /// The argument with this index, which holds this.
    fn of(index: u8, raw: u64) -> Self;
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl Argument for $number {
                const SHAPE: Shape = Shape::Number;

                #[inline(always)]
                fn of(_: u8, raw: u64) -> $number {
                    raw as $number
                }
            }
        )*
    };
}

numbers! { u8 u16 u32 u64 i8 i16 i32 i64 }

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name(pub(crate) u8);

            impl Argument for $name {
                const SHAPE: Shape = Shape::$name;

                #[inline(always)]
                fn of(index: u8, _: u64) -> $name {
                    $name(index)
                }
            }
        )*
    };
}

places! {
    /// The context: [`crate::Call::context`] is what it leads to.
    Context
    /// Memory that the function reads: [`crate::Call::bytes`].
    Input
    /// Memory that the function fills: [`crate::Call::bytes_mut`].
    Output
    /// A map: [`crate::Call::map`].
    MapArg
}

/// A record of a ring buffer.
#[derive(Clone, Copy, Debug)]
pub struct Record(pub(crate) u64);

impl Argument for Record {
    const SHAPE: Shape = Shape::Record;

    fn of(_: u8, raw: u64) -> Record {
        Record(raw)
    }
}

/// An object of the application's, as programs hold it: a number that is never 0 and that they can do nothing with but
/// pass it on. [`crate::Objects`] makes them.
#[derive(Debug)]
pub struct Handle<T> {
    pub(crate) raw: u64,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Handle<T> {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> Handle<T> {
    pub(crate) const fn new(raw: u64) -> Handle<T> {
        Handle { raw, of: PhantomData }
    }
}

impl<T> Argument for Handle<T> {
    const SHAPE: Shape = Shape::Object;

    fn of(_: u8, raw: u64) -> Handle<T> {
        Handle::new(raw)
    }
}

impl<T> Argument for Option<Handle<T>> {
    const SHAPE: Shape = Shape::ObjectOrNull;

    fn of(_: u8, raw: u64) -> Option<Handle<T>> {
        (raw != 0).then(|| Handle::new(raw))
    }
}

/// What sort of result a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// A number.
    Number,
    /// Nothing.
    Nothing,
    /// An object.
    Object,
    /// An object, or null.
    ObjectOrNull,
    /// The address of a map's value or record, or null.
    Address,
}

/// A Rust type that functions return.
pub trait Outcome {
    /// The results it is for.
    const GIVES: Gives;

    /// What the program finds in r0.
    fn into_r0(self) -> u64;
}

macro_rules! number_results {
    ($($number:ty)*) => {
        $(
            impl Outcome for $number {
                const GIVES: Gives = Gives::Number;

                #[inline(always)]
                fn into_r0(self) -> u64 {
                    self as u64
                }
            }

            /// A negative error number where it fails.
            impl Outcome for Result<$number, Errno> {
                const GIVES: Gives = Gives::Number;

                #[inline(always)]
                fn into_r0(self) -> u64 {
                    match self {
                        Ok(number) => number as u64,
                        Err(errno) => errno.negated() as u64,
                    }
                }
            }
        )*
    };
}

number_results! { bool u8 u16 u32 u64 i8 i16 i32 i64 }

impl Outcome for () {
    const GIVES: Gives = Gives::Nothing;

    fn into_r0(self) -> u64 {
        0
    }
}

/// Zero, or a negative error number.
impl Outcome for Result<(), Errno> {
    const GIVES: Gives = Gives::Number;

    #[inline(always)]
    fn into_r0(self) -> u64 {
        self.map(|()| 0_u64).into_r0()
    }
}

impl<T> Outcome for Handle<T> {
    const GIVES: Gives = Gives::Object;

    fn into_r0(self) -> u64 {
        self.raw
    }
}

impl<T> Outcome for Option<Handle<T>> {
    const GIVES: Gives = Gives::ObjectOrNull;

    fn into_r0(self) -> u64 {
        self.map_or(0, |handle| handle.raw)
    }
}

/// The address of memory that the program may access, or null: only this crate's own functions return one, as the
/// program follows it without asking.
#[derive(Debug)]
pub struct Address(Option<NonNull<u8>>);

impl Address {
    #[inline(always)]
    pub(crate) fn new(found: Option<NonNull<u8>>) -> Address {
        Address(found)
    }
}

impl Outcome for Address {
    const GIVES: Gives = Gives::Address;

    #[inline(always)]
    fn into_r0(self) -> u64 {
        self.0.map_or(0, |at| at.as_ptr().expose_provenance() as u64)
    }
}

/// Whether a Rust signature is what a row says: as many arguments, each of a type for its kind, and a result for its
/// kind.
#[allow(clippy::match_like_matches_macro)] // a table, a row a line
pub const fn fits(row: &Function, takes: &[Shape], gives: Gives) -> bool {
    if row.args.len() != takes.len() {
        return false;
    }
    let mut index = 0;
    while index < takes.len() {
        if !argument_fits(takes[index], &row.args[index]) {
            return false;
        }
        index += 1;
    }
    match (&row.ret, gives) {
        (Ret::Integer | Ret::Filled, Gives::Number) | (Ret::Void, Gives::Nothing) => true,
        (Ret::Object(_), Gives::Object) | (Ret::ObjectOrNull(_), Gives::Object | Gives::ObjectOrNull) => true,
        (Ret::MapValueOrNull | Ret::RecordOrNull, Gives::Address) => true,
        _ => false,
    }
}

#[allow(clippy::match_like_matches_macro)] // as above
const fn argument_fits(shape: Shape, arg: &Arg) -> bool {
    use Access::{Read, Update, Write};
    match (shape, arg) {
        (Shape::Number, Arg::Anything | Arg::Scalar | Arg::Constant | Arg::Size { .. } | Arg::ConstSize) => {
            true
        }
        (Shape::Context, Arg::Context | Arg::ContextOf(_)) => true,
        (Shape::Input, Arg::MapKey(_) | Arg::MapValue(_)) => true,
        (
            Shape::Input,
            Arg::Memory { access: Read | Update, .. } | Arg::Fixed { access: Read | Update, .. },
        ) => true,
        (
            Shape::Output,
            Arg::MapValueOut(_)
            | Arg::Memory { access: Write | Update, .. }
            | Arg::Fixed { access: Write | Update, .. },
        ) => true,
        (Shape::MapArg, Arg::Map(_)) | (Shape::Record, Arg::Record) => true,
        (Shape::Object | Shape::ObjectOrNull, Arg::Object(_)) => true,
        (Shape::ObjectOrNull, Arg::OrNull(Arg::Object(_))) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn row(name: &str) -> &'static Function {
        crate::function::describe(name)
    }

    #[test]
    fn signatures_are_held_against_rows() {
        let lookup = row("bpf_map_lookup_elem");
        assert!(fits(lookup, &[Shape::MapArg, Shape::Input], Gives::Address));
        assert!(!fits(lookup, &[Shape::MapArg], Gives::Address), "an argument is missing");
        assert!(!fits(lookup, &[Shape::MapArg, Shape::Output], Gives::Address), "a key is only read");
        assert!(!fits(lookup, &[Shape::MapArg, Shape::Number], Gives::Address), "memory is no number");
        assert!(!fits(lookup, &[Shape::MapArg, Shape::Input], Gives::Number), "a made up address");
        let task = row("bpf_task_from_pid");
        assert!(fits(task, &[Shape::Number], Gives::ObjectOrNull));
        assert!(!fits(task, &[Shape::Number], Gives::Number));
    }
}
