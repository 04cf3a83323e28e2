//! Functions that an application describes itself: programs call them by name, as they call those of the kernel, and
//! the verifier holds the calls to the rows.
//!
//! What rows can say here is a part of the grammar: numbers, memory, maps, the context, and objects that only the
//! application can look into. Objects have a type by name; those with [`Effect::Acquires`] must be released by a
//! function with [`Effect::Releases`], and none can be passed on after that, or before it was compared with null.

use std::fmt;

use super::{Arg, Effect, Function, Ret};

/// Most functions that an application describes.
pub const MAX_OWN_FUNCTIONS: usize = 1024;

/// The functions that an application describes itself, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionTable {
    rows: Vec<&'static Function>,
}

/// Why rows make no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// More than [`MAX_OWN_FUNCTIONS`].
    TooMany,
    /// A row has a name that another row, or a function of Linux has.
    Taken(&'static str),
    /// A row says what only Linux's own functions can: see [`Function::is_own`].
    Unusable(&'static str),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableError::TooMany => write!(f, "expected at most {MAX_OWN_FUNCTIONS} functions"),
            TableError::Taken(name) => {
                write!(f, "`{name}` is there twice, or a function of Linux: name it otherwise")
            }
            TableError::Unusable(name) => write!(
                f,
                "`{name}` takes, returns or does what only functions of Linux can; expected numbers, memory, maps, the \
                 context and objects"
            ),
        }
    }
}

impl std::error::Error for TableError {}

impl FunctionTable {
    /// A table of these rows.
    pub fn new(rows: impl IntoIterator<Item = &'static Function>) -> Result<FunctionTable, TableError> {
        let mut table = FunctionTable::default();
        for row in rows {
            if table.rows.len() == MAX_OWN_FUNCTIONS {
                return Err(TableError::TooMany);
            }
            if !row.is_own() {
                return Err(TableError::Unusable(row.name));
            }
            if table.get(row.name).is_some() || Function::by_name(row.name).is_some() {
                return Err(TableError::Taken(row.name));
            }
            table.rows.push(row);
        }
        Ok(table)
    }

    /// The function with this name.
    pub fn get(&self, name: &str) -> Option<&'static Function> {
        self.rows.iter().find(|row| row.name == name).copied()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static Function> {
        self.rows.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Function {
    /// Whether an application can have such a function: without a number, of at most five arguments that are numbers,
    /// memory before its size, maps, the context, or objects of one type; with a result that is a number, nothing or an
    /// object; and with effects that need no kernel.
    pub const fn is_own(&self) -> bool {
        if self.id.is_some() || self.args.len() > 5 {
            return false;
        }
        let mut index = 0;
        while index < self.args.len() {
            let usable = match &self.args[index] {
                Arg::Memory { size, .. } => *size as usize == index + 1 && self.is_size(index + 1),
                Arg::Size { .. } | Arg::ConstSize => {
                    index > 0 && matches!(self.args[index - 1], Arg::Memory { .. })
                }
                Arg::Scalar | Arg::Constant | Arg::Fixed { .. } | Arg::Map(_) | Arg::Context => true,
                Arg::Object(names) | Arg::OrNull(Arg::Object(names)) => names.len() == 1,
                _ => false,
            };
            if !usable {
                return false;
            }
            index += 1;
        }
        let returns = matches!(self.ret, Ret::Integer | Ret::Void | Ret::Object(_) | Ret::ObjectOrNull(_));
        returns && self.has_own_effects()
    }

    const fn is_size(&self, index: usize) -> bool {
        index < self.args.len() && matches!(self.args[index], Arg::Size { .. } | Arg::ConstSize)
    }

    /// Whether its effects need no kernel; only objects can be acquired, and exactly one be released.
    const fn has_own_effects(&self) -> bool {
        let mut objects = 0;
        let mut index = 0;
        while index < self.args.len() {
            if matches!(self.args[index], Arg::Object(_)) {
                objects += 1;
            }
            index += 1;
        }
        index = 0;
        while index < self.effects.len() {
            let usable = match self.effects[index] {
                Effect::Acquires => matches!(self.ret, Ret::Object(_) | Ret::ObjectOrNull(_)),
                Effect::Releases => objects == 1,
                Effect::TrustedObjects | Effect::Gpl | Effect::Sleeps => true,
                _ => false,
            };
            if !usable {
                return false;
            }
            index += 1;
        }
        true
    }
}

/// Describes functions of an application: a static table of [`Function`]s, in the grammar that those of Linux are
/// described in.
///
/// A row is the result's C type, the name, for each argument its C declaration and its kind, the kind of the result,
/// effects, the kinds of program that may call it (after `for`; every kind if there is none), and one line that
/// documents it. What rows can't say is an error of the Rust compiler.
///
/// ```
/// skep_abi::rows! {
///     /// What programs may do with sessions.
///     pub static SESSIONS;
///
///     "struct session *" session_open("__u32 user": Scalar) -> ObjectOrNull("session") [Acquires]
///         "open the session of a user, or null";
///     "int" session_read(
///         "struct session *session": Object(&["session"]), "void *to": write(2), "__u32 size": SIZE
///     ) -> Integer []
///         "copy what is there to read; returns how many bytes";
///     "void" session_close("struct session *session": Object(&["session"])) -> Void [Releases] for [Xdp SchedCls]
///         "close a session";
/// }
///
/// assert_eq!(SESSIONS[0].declaration(), "struct session *session_open(__u32 user)");
/// let header = skep_abi::c_declarations("SESSIONS_H", &SESSIONS);
/// assert!(header.contains("extern void session_close(struct session *session) __ksym;"));
/// ```
///
/// ```compile_fail
/// skep_abi::rows! {
///     static LOCKS;
///
///     // Only the kernel has spin locks.
///     "void" my_lock("struct bpf_spin_lock *lock": SpinLock) -> Void [] "take a lock";
/// }
/// ```
#[macro_export]
macro_rules! rows {
    (
        $(#[$meta:meta])* $vis:vis static $table:ident;
        $(
            $result:literal $name:ident($($param:literal: $arg:expr),* $(,)?)
            -> $ret:ident $(($of:literal))? [$($effect:ident)*] $(for [$($kind:ident)*])? $doc:literal;
        )*
    ) => {
        $(#[$meta])*
        $vis static $table: [$crate::Function; const { [$(stringify!($name)),*].len() }] = {
            #[allow(unused_imports)] // not every table has all kinds of argument
            use $crate::{Arg::*, words::*};
            [$($crate::Function {
                name: stringify!($name),
                id: None,
                args: &[$($arg),*],
                prototype: $crate::Prototype { result: $result, params: &[$($param),*] },
                ret: $crate::Ret::$ret $(($of))?,
                effects: &[$($crate::Effect::$effect,)* $crate::Effect::TrustedObjects],
                programs: $crate::programs!($([$($kind)*])?),
                since: (0, 0),
                doc: $doc,
            }),*]
        };

        const _: () = {
            let mut row = 0;
            while row < $table.len() {
                assert!(
                    $table[row].is_own(),
                    "a row takes, returns or does what only functions of Linux can: see `Function::is_own`"
                );
                row += 1;
            }
        };
    };
}

/// The kinds of program of a row of [`rows!`].
#[doc(hidden)]
#[macro_export]
macro_rules! programs {
    () => {
        $crate::Programs::All
    };
    ([$($kind:ident)*]) => {
        $crate::Programs::Only(&[$($crate::ProgType::$kind),*])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::rows! {
        static ROWS;

        "struct thing *" thing_make("__u32 size": Scalar) -> ObjectOrNull("thing") [Acquires] "a thing";
        "void" thing_drop("struct thing *thing": Object(&["thing"])) -> Void [Releases] "give a thing back";
    }

    crate::rows! {
        static TAKEN;

        "void" bpf_key_put("struct thing *thing": Object(&["thing"])) -> Void [] "a name of the kernel's";
    }

    #[test]
    fn a_name_is_there_once_and_not_one_of_linux() {
        assert_eq!(FunctionTable::new(&ROWS).map(|table| table.iter().count()), Ok(2));
        assert_eq!(FunctionTable::new(ROWS.iter().chain(&ROWS)), Err(TableError::Taken("thing_make")));
        assert_eq!(FunctionTable::new(&TAKEN), Err(TableError::Taken("bpf_key_put")));
        let linux = Function::kernel("bpf_rcu_read_lock");
        assert_eq!(FunctionTable::new(linux), Err(TableError::Unusable("bpf_rcu_read_lock")));
        let many = std::iter::repeat_n(&ROWS[0], MAX_OWN_FUNCTIONS + 1);
        assert_eq!(FunctionTable::new(many), Err(TableError::Taken("thing_make")));
    }
}
