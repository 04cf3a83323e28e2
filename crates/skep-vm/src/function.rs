//! The functions that programs may call here, by the names of their descriptions.

use std::collections::BTreeMap;

use skep_abi::{Effect, FUNCTIONS, Function};

use crate::call::Call;
use crate::runtime::{Runtime, Shim, World, tail_call};
use crate::standard;

/// An implementation of a described function, for programs that run in worlds of this kind.
///
/// ```
/// use skep_vm::{Call, HostFunction, World};
///
/// struct Ktime;
///
/// impl<W: World> HostFunction<W> for Ktime {
///     const NAME: &'static str = "bpf_ktime_get_ns";
///
///     fn call(_: &mut Call<'_, W>) -> u64 {
///         1_000_000_000
///     }
/// }
/// ```
pub trait HostFunction<W: World>: 'static {
    /// The name of its description in [`skep_abi::FUNCTIONS`]. Naming none is an error when it is compiled.
    const NAME: &'static str;

    /// Does the call: its result is what the program finds in r0. A panic aborts the process, as the program's frames
    /// can't be unwound.
    fn call(call: &mut Call<'_, W>) -> u64;
}

/// The functions that a program may be compiled against.
pub struct Functions<W: World> {
    by_id: BTreeMap<u32, Entry<W>>,
}

/// An implementation, and whether it is one of this crate's.
type Entry<W> = (Shim<W>, bool);

impl<W: World> Functions<W> {
    /// No functions.
    pub fn new() -> Functions<W> {
        Functions { by_id: BTreeMap::new() }
    }

    /// The functions that need nothing of the world but its CPU and its programs: those of maps and ring buffers, tail
    /// calls, the CPU's number.
    pub fn with_standard() -> Functions<W> {
        let mut functions = Functions::new();
        standard::add_to(&mut functions);
        for function in FUNCTIONS.iter().filter(|f| f.has(Effect::TailCall)) {
            functions.by_id.insert(function.id, (tail_call::<W>, true));
        }
        for (_, standard) in functions.by_id.values_mut() {
            *standard = true;
        }
        functions
    }

    /// Adds a function, in place of the one that had its name.
    pub fn add<F: HostFunction<W>>(&mut self) -> &mut Functions<W> {
        self.by_id.insert(const { describe(F::NAME) }.id, (shim::<W, F>, false));
        self
    }

    /// The described functions that are implemented.
    pub fn iter(&self) -> impl Iterator<Item = &'static Function> {
        self.by_id.keys().filter_map(|id| Function::by_id(*id))
    }

    pub(crate) fn get(&self, id: u32) -> Option<Entry<W>> {
        self.by_id.get(&id).copied()
    }
}

impl<W: World> Default for Functions<W> {
    fn default() -> Functions<W> {
        Functions::with_standard()
    }
}

impl<W: World> Clone for Functions<W> {
    fn clone(&self) -> Functions<W> {
        Functions { by_id: self.by_id.clone() }
    }
}

/// The description with this name.
const fn describe(name: &str) -> &'static Function {
    let mut at = 0;
    while at < FUNCTIONS.len() {
        if same(FUNCTIONS[at].name.as_bytes(), name.as_bytes()) {
            return FUNCTIONS[at];
        }
        at += 1;
    }
    panic!("no function of this name is described")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
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
    // that the verifier, or the interpreter before the call, held against this description: it is found by its number,
    // and so is this shim.
    let mut call = unsafe { Call::new([r1, r2, r3, r4, r5], const { describe(F::NAME) }, &mut *run) };
    let result = F::call(&mut call);
    call.settle();
    result
}
