//! [`Executable`]: a verified program in the form that one of the engines runs.
//!
//! # Why running one is sound
//!
//! Native code does what the program says without asking. That is sound because
//!
//! - only the verifier makes a [`Verified`], and an executable is made of nothing else; what the proof was made for is
//!   compared with what is here: the maps with their definitions, frozen data with its contents (of which the program
//!   gets a copy), the context with the program's kind, given memory with its size;
//! - functions are called by the descriptions that the verifier held the calls to: both find them by number;
//! - everything that an address in the code points to lives as long as the executable: it holds the maps, whose values
//!   never move, and its code;
//! - world and context are borrowed exclusively for the run, and every way by which a called function could move the
//!   memory under the program is checked after the call ([`crate::Call::context`]);
//! - code pages are never writable and executable at once.
//!
//! The interpreter trusts none of the proofs about memory: it finds every access in the memory model first.

use std::sync::Arc;

use skep_abi::{Context, MapDef, MapFlags, ProgType};
use skep_map::{BPF_ANY, Map};
use skep_obj::{MapInit, MapSpec};
use skep_verify::Verified;

use crate::context::{KINDS, RunContext};
use crate::error::{CompileError, Trap, TrapKind};
use crate::function::Functions;
use crate::interp::Image;
use crate::lower::{Proof, lower};
#[cfg(all(target_arch = "x86_64", unix))]
use crate::native::{Features, Native};
use crate::runtime::{Runtime, World};

/// What runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Native code: fast, without checks.
    Jit,
    /// The interpreter that checks every access.
    Interp,
}

impl Engine {
    /// `jit` or `interp`.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Jit => "jit",
            Engine::Interp => "interp",
        }
    }

    /// Native code where this machine has it, else the interpreter.
    pub fn best() -> Engine {
        if jit_available() { Engine::Jit } else { Engine::Interp }
    }
}

/// Whether this crate writes native code for the machine it was compiled for.
pub const fn jit_available() -> bool {
    cfg!(all(target_arch = "x86_64", unix))
}

/// A program ready to be run, by any number of threads at once.
pub struct Executable<W: World> {
    prog_type: ProgType,
    /// Bytes of memory that a program of kind `unspec` was verified for.
    memory: u32,
    maps: Box<[Arc<Map>]>,
    code: Code<W>,
}

enum Code<W: World> {
    Interp(Image<W>),
    #[cfg(all(target_arch = "x86_64", unix))]
    Native(Native<W>),
}

impl<W: World> Executable<W> {
    /// Makes a verified program executable: with these maps, by index into the program's, and these functions.
    pub fn compile(
        verified: &Verified,
        maps: &[Arc<Map>],
        functions: &Functions<W>,
        engine: Engine,
    ) -> Result<Executable<W>, CompileError> {
        for map in 0..verified.program().maps.len() {
            if let Some(field) = verified.special_field(map) {
                return Err(CompileError::SpecialField { map, field });
            }
        }
        let memory = verified.memory_bytes().unwrap_or(0);
        Executable::from_proof(verified, memory, maps, functions, engine)
    }

    pub(crate) fn from_proof(
        proof: &impl Proof,
        memory: u32,
        maps: &[Arc<Map>],
        functions: &Functions<W>,
        engine: Engine,
    ) -> Result<Executable<W>, CompileError> {
        let program = proof.program();
        let prog_type = program.prog_type;
        if !KINDS.contains(&prog_type) {
            return Err(CompileError::NoContext { prog_type });
        }
        // Maps that no instruction uses may be absent.
        let specs = program.maps.iter().zip(maps).enumerate();
        let maps =
            specs.map(|(index, (spec, map))| bind(index, spec, map)).collect::<Result<Box<[_]>, _>>()?;
        let lowered = lower(proof, &maps, functions)?;
        let code = match engine {
            Engine::Interp => Code::Interp(Image::new(lowered)),
            #[cfg(all(target_arch = "x86_64", unix))]
            Engine::Jit => Code::Native(Native::new(&lowered, &maps, Features::of_this_machine())?),
            #[cfg(not(all(target_arch = "x86_64", unix)))]
            Engine::Jit => return Err(CompileError::NoNative { arch: std::env::consts::ARCH }),
        };
        Ok(Executable { prog_type, memory, maps, code })
    }

    /// Native code as a machine without any features beyond the first x86-64 gets it.
    #[cfg(all(test, target_arch = "x86_64", unix))]
    pub(crate) fn with_no_features(
        proof: &impl Proof,
        functions: &Functions<W>,
    ) -> Result<Executable<W>, CompileError> {
        let native = Native::new(&lower(proof, &[], functions)?, &[], Features { bmi2: false })?;
        let prog_type = proof.program().prog_type;
        Ok(Executable { prog_type, memory: 0, maps: [].into(), code: Code::Native(native) })
    }

    /// Runs the program on this context: what it left in r0.
    pub fn run(&self, world: &mut W, context: &mut RunContext) -> Result<u64, Trap> {
        self.admits(context)?;
        let mut run = Runtime::new(world, context, &self.maps, self.prog_type);
        let result = self.run_in(&mut run)?;
        match run.trap {
            None => Ok(result),
            Some(trap) => Err(trap),
        }
    }

    /// Runs it as part of a run that has begun, whose context it admits and whose maps are its own.
    #[inline(always)]
    pub(crate) fn run_in(&self, run: &mut Runtime<W>) -> Result<u64, Trap> {
        match &self.code {
            Code::Interp(image) => image.run::<false>(run),
            // SAFETY: the code was made of a proof, the context is of the kind and size it holds for, and the run
            // has the maps of this executable.
            #[cfg(all(target_arch = "x86_64", unix))]
            Code::Native(native) => Ok(unsafe { native.run(run) }),
        }
    }

    /// Whether this context is one that the program was verified for.
    #[inline]
    pub(crate) fn admits(&self, context: &RunContext) -> Result<(), Trap> {
        if self.prog_type != context.prog_type() && !same_layout(self.prog_type, context) {
            let what = TrapKind::Context { expected: self.prog_type, found: context.prog_type() };
            return Err(Trap { insn: 0, what });
        }
        let found = context.packet().len();
        if found < self.memory as usize {
            return Err(Trap { insn: 0, what: TrapKind::Memory { expected: self.memory, found } });
        }
        Ok(())
    }

    /// The kind of program.
    pub fn prog_type(&self) -> ProgType {
        self.prog_type
    }

    /// The maps, by index into the program's.
    pub(crate) fn maps(&self) -> &[Arc<Map>] {
        &self.maps
    }

    /// What runs it.
    pub fn engine(&self) -> Engine {
        match &self.code {
            Code::Interp(_) => Engine::Interp,
            #[cfg(all(target_arch = "x86_64", unix))]
            Code::Native(_) => Engine::Jit,
        }
    }

    /// Bytes of native code; 0 if it is interpreted.
    pub fn code_bytes(&self) -> usize {
        self.code().len()
    }

    /// The native code, for disassemblers; empty if it is interpreted.
    pub fn code(&self) -> &[u8] {
        match &self.code {
            Code::Interp(_) => &[],
            #[cfg(all(target_arch = "x86_64", unix))]
            Code::Native(native) => native.code(),
        }
    }
}

/// The map that a program has by this index: the given one if it is what the program was verified with.
///
/// What frozen data holds was part of the proof. So the program gets a copy of its own, which nobody else can write.
pub(crate) fn bind(index: usize, spec: &MapSpec, map: &Arc<Map>) -> Result<Arc<Map>, CompileError> {
    let (expected, found) = (spec.def, *map.def());
    if !stands_for(&expected, &found) {
        return Err(CompileError::MapMismatch { map: index, expected, found });
    }
    match &spec.init {
        MapInit::Data(data) if data.frozen && expected.flags.contains(MapFlags::RDONLY_PROG) => {
            let key = 0_u32.to_ne_bytes();
            let copy = Map::new(&expected, map.cpus(), 0)
                .map_err(|error| CompileError::MapCopy { map: index, error })?;
            let is_filled = copy.write(&key, &data.bytes, BPF_ANY).is_ok();
            if !is_filled || map.read(&key).as_ref() != Ok(&data.bytes) {
                return Err(CompileError::MapContents { map: index });
            }
            Ok(Arc::new(copy))
        }
        _ => Ok(map.clone()),
    }
}

/// Whether a map is as good as the one that a program was verified with: not smaller, and the same in everything else.
fn stands_for(expected: &MapDef, found: &MapDef) -> bool {
    found.max_entries >= expected.max_entries
        && MapDef { max_entries: expected.max_entries, ..*found } == *expected
}

/// Whether the context is laid out as those of programs of this kind, by some other kind's name.
fn same_layout(prog_type: ProgType, context: &RunContext) -> bool {
    match (prog_type.context(), context.layout()) {
        (Some(a), Some(b)) => std::ptr::eq::<Context>(a, b),
        _ => false,
    }
}

impl<W: World> std::fmt::Debug for Executable<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executable")
            .field("prog_type", &self.prog_type)
            .field("engine", &self.engine())
            .field("code_bytes", &self.code_bytes())
            .finish_non_exhaustive()
    }
}
