//! Native code for x86-64, System V: the first tier, one pass over the lowered program.
//!
//! It checks nothing: what the verifier proved is taken for true. Whole functions of the program become native
//! functions with frames on the native stack, and called functions are called directly.
//!
//! The native stack a run can need is bounded: [`crate::MAX_FRAMES`] frames of at most [`crate::MAX_STACK`] bytes of
//! the program's and some 100 of ours each, for each of the at most [`crate::MAX_TAIL_CALLS`] nested runs: below
//! 200 KiB.
//! Sources: Intel's manual (asm.rs); System V Application Binary Interface, AMD64, 1.0; semantics from RFC 9669.

mod arith;
mod asm;
mod emit;
mod fuse;
mod liveness;
mod memory;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use skep_map::Map;

use crate::error::CompileError;
use crate::lower::Lowered;
use crate::runtime::{Runtime, World};

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
    pub(crate) fn new(lowered: &Lowered<W>, maps: &[Arc<Map>]) -> Result<Native<W>, CompileError> {
        Native::with(lowered, maps, std::arch::is_x86_feature_detected!("bmi2"))
    }

    /// With or without the instructions of BMI2.
    pub(crate) fn with(
        lowered: &Lowered<W>,
        maps: &[Arc<Map>],
        bmi2: bool,
    ) -> Result<Native<W>, CompileError> {
        let code = emit::emit(lowered, maps, bmi2)?;
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

/// Emits a program and forgets the code, to be measured.
#[cfg(test)]
#[allow(dead_code)]
pub(crate) fn emit_only(proof: &impl crate::lower::Proof) -> usize {
    let lowered =
        crate::lower::lower(proof, &[], &crate::Functions::<crate::tests::Nowhere>::with_standard());
    emit::emit(&lowered.unwrap_or_else(|error| panic!("{error}")), &[], true).map_or(0, |code| code.len())
}
