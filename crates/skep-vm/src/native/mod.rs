//! Native code, System V: the first tier, one pass over the lowered program. The machine is x86-64 ([`x64`]); another
//! one would be another directory beside it.
//!
//! It checks nothing: what the verifier proved is taken for true. Functions of the program become native functions with
//! frames on the native stack, and called functions are called directly.
//!
//! The native stack a run can need is bounded: [`crate::MAX_FRAMES`] frames of at most [`crate::MAX_STACK`] bytes of
//! the program's and some 100 of ours each, for each of the at most [`crate::MAX_TAIL_CALLS`] nested runs: below
//! 200 KiB.

mod memory;
mod x64;

use std::marker::PhantomData;
use std::sync::Arc;

use skep_map::Map;

use crate::error::CompileError;
use crate::lower::Lowered;
use crate::runtime::{Runtime, World};
pub(crate) use x64::Features;

/// A program as native code.
pub(crate) struct Native<W> {
    memory: memory::CodeMemory,
    /// Whether r1 points to fields, rather than to memory.
    has_fields: bool,
    world: PhantomData<fn(&mut W)>,
}

/// The entry: r1, r2, and the run.
type Entry<W> = unsafe extern "C" fn(u64, u64, *mut Runtime<W>) -> u64;

impl<W: World> Native<W> {
    /// Emits a program for a machine with these features.
    pub(crate) fn new(
        lowered: &Lowered<W>,
        maps: &[Arc<Map>],
        features: Features,
    ) -> Result<Native<W>, CompileError> {
        let code = x64::emit(lowered, maps, features)?;
        Ok(Native {
            memory: memory::CodeMemory::new(&code)?,
            has_fields: lowered.context_bytes > 0,
            world: PhantomData,
        })
    }

    /// Runs the program.
    ///
    /// # Safety
    /// The program must have been verified, for contexts such as the run's, and the run must have its maps.
    #[inline(always)]
    pub(crate) unsafe fn run(&self, run: &mut Runtime<W>) -> u64 {
        let (r1, r2) = if self.has_fields {
            (run.fields, 0)
        } else {
            let (memory, _) = run.context().spans();
            (memory.start, memory.end - memory.start)
        };
        // SAFETY: the code starts with the entry function, which keeps to the calling convention of this type.
        let entry: Entry<W> = unsafe { std::mem::transmute(self.memory.start().as_ptr()) };
        // SAFETY: as the caller promises; the code accesses nothing but what the program was proved to.
        unsafe { entry(r1, r2, run) }
    }

    pub(crate) fn code(&self) -> &[u8] {
        self.memory.code()
    }
}
