//! From a verified program to what the engines run: every index and distance replaced by what it stands for here.
//!
//! - Accesses to the context go to the field's place in the run-time context, and whole addresses where the program
//!   sees 32-bit pointers;
//! - maps become addresses, as do places inside their values;
//! - jumps and local calls get absolute targets, helper calls the function's address;
//! - what the verifier proved unreachable becomes [`LowOp::Dead`].
//!
//! Both engines start from this, so that they can't differ in what a program means. Nothing here is trusted to be well
//! formed but the proofs: a target outside of its function is an error, not a wild jump.

use std::sync::Arc;

use skep_abi::{Context, Effect, Field, FieldKind, Function};
use skep_isa::{AluOp, AtomicOp, Callee, Cond, FormId, Insn, Op, Order, Size, Src, Wide, Width};
use skep_map::Map;
use skep_obj::Program;
use skep_verify::{Fact, Region, Verified};

use crate::error::CompileError;
use crate::function::{Entry, Functions};
use crate::runtime::{Shim, World};

/// A program as the engines take it.
pub(crate) struct Lowered<W> {
    /// One a slot.
    pub(crate) insns: Vec<Low>,
    /// The entry first.
    pub(crate) functions: Vec<LowFunction>,
    /// What [`LowOp::Call`] calls.
    pub(crate) calls: Vec<CallSite<W>>,
    /// Registers that must be 0 at the start, by bit.
    pub(crate) zeroed: u16,
    /// Bytes of the run-time context.
    pub(crate) context_bytes: u32,
}

/// A function of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LowFunction {
    /// Slot of its first instruction.
    pub(crate) start: usize,
    /// One past the slot of its last.
    pub(crate) end: usize,
    /// Bytes of its stack frame, a multiple of eight.
    pub(crate) stack: u32,
    /// Whether it may read bytes of its frame that it has not written: they are zero.
    pub(crate) zeroed: bool,
}

/// A function that is not the program's.
pub(crate) struct CallSite<W> {
    pub(crate) function: &'static Function,
    pub(crate) shim: Shim<W>,
    /// Whether the implementation is this crate's own, so that an engine may do without calling it.
    pub(crate) standard: bool,
}

impl<W> CallSite<W> {
    /// Whether it looks up a map's value and does nothing else.
    pub(crate) fn is_standard_lookup(&self) -> bool {
        self.standard && self.function.name == "bpf_map_lookup_elem"
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Low {
    pub(crate) op: LowOp,
    pub(crate) dst: u8,
    pub(crate) src: u8,
    /// Bytes added to an address.
    pub(crate) disp: i32,
    /// Slot jumped to; function called, local or not, by index.
    pub(crate) target: u32,
    /// The immediate, sign-extended, or an address.
    pub(crate) imm: i64,
}

/// What an instruction does. The variants that [`skep_isa::Op`] has, too, mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LowOp {
    /// Unreachable, or the second slot of a wide load.
    Dead,
    /// `dst = imm`, all 64 bits; takes two slots.
    Const,
    Alu {
        op: AluOp,
        width: Width,
        src: Src,
    },
    Neg {
        width: Width,
    },
    MovSx {
        width: Width,
        from: Size,
    },
    End {
        order: Order,
        size: Size,
    },
    Ja,
    Jump {
        cond: Cond,
        width: Width,
        src: Src,
    },
    MayGoto,
    /// A function of the program.
    CallLocal,
    /// A function outside it, with the map that its first argument always is, where that is one map.
    Call {
        map: Option<u32>,
    },
    TailCall,
    Exit,
    Load {
        size: Size,
        signed: bool,
    },
    Store {
        size: Size,
        src: Src,
    },
    /// Of the context: `disp` is from the pointer in the program's register; `target` from the start of the run-time
    /// context.
    LoadField {
        size: Size,
        signed: bool,
    },
    StoreField {
        size: Size,
        src: Src,
    },
    LoadPacket {
        size: Size,
        indirect: bool,
    },
    Atomic {
        op: AtomicOp,
        size: Size,
        fetch: bool,
    },
    LoadAcquire {
        size: Size,
    },
    StoreRelease {
        size: Size,
    },
}

/// What is known of a program's instructions and functions.
pub(crate) trait Proof {
    fn program(&self) -> &Program;
    fn fact(&self, insn: usize) -> Fact;
    /// What an indirect call calls, by the function's number.
    fn callee(&self, insn: usize) -> Option<u32>;
    /// The function that calls name by this index, as they were held to it.
    fn named(&self, symbol: i64) -> Option<&'static Function>;
    fn stack_bytes(&self, function: usize) -> u32;
    /// Whether the function may read bytes of its frame that it has not written.
    fn reads_uninit(&self, function: usize) -> bool;
    /// The registers that must be 0 at the start, by bit.
    fn zero_registers(&self) -> u16;
}

impl Proof for Verified {
    fn program(&self) -> &Program {
        Verified::program(self)
    }

    fn fact(&self, insn: usize) -> Fact {
        Verified::fact(self, insn)
    }

    fn callee(&self, insn: usize) -> Option<u32> {
        Verified::callee(self, insn)
    }

    fn named(&self, symbol: i64) -> Option<&'static Function> {
        Verified::named(self, symbol)
    }

    fn stack_bytes(&self, function: usize) -> u32 {
        Verified::stack_bytes(self, function)
    }

    fn reads_uninit(&self, function: usize) -> bool {
        self.stack_needs_zero(function)
    }

    fn zero_registers(&self) -> u16 {
        Verified::zero_registers(self)
    }
}

/// Lowers a program.
pub(crate) fn lower<W: World>(
    proof: &impl Proof,
    maps: &[Arc<Map>],
    functions: &Functions<W>,
) -> Result<Lowered<W>, CompileError> {
    let program = proof.program();
    let context = program.prog_type.context();
    let mut lowering = Lowering { proof, program, context, maps, functions, calls: Vec::new() };
    let mut insns = vec![DEAD; program.insns.len()];
    let mut low_functions = Vec::with_capacity(program.functions.len());
    for (index, function) in program.functions.iter().enumerate() {
        let bounds = LowFunction {
            start: function.start,
            end: function.end.min(insns.len()),
            stack: proof.stack_bytes(index).next_multiple_of(8),
            zeroed: proof.reads_uninit(index),
        };
        if bounds.start >= bounds.end {
            return Err(CompileError::Flow { insn: bounds.start });
        }
        for (low, at) in insns[bounds.start..bounds.end].iter_mut().zip(bounds.start..) {
            lowering.insn(at, &bounds, low)?;
        }
        low_functions.push(bounds);
    }
    if low_functions.is_empty() {
        return Err(CompileError::Flow { insn: 0 });
    }
    let context_bytes = context.map_or(0, Context::run_time_size);
    Ok(Lowered {
        insns,
        functions: low_functions,
        calls: lowering.calls,
        zeroed: proof.zero_registers(),
        context_bytes,
    })
}

const DEAD: Low = Low { op: LowOp::Dead, dst: 0, src: 0, disp: 0, target: 0, imm: 0 };

struct Lowering<'a, P, W: World> {
    proof: &'a P,
    program: &'a Program,
    context: Option<&'static Context>,
    maps: &'a [Arc<Map>],
    functions: &'a Functions<W>,
    calls: Vec<CallSite<W>>,
}

impl<P: Proof, W: World> Lowering<'_, P, W> {
    /// Lowers the instruction in this slot of this function.
    fn insn(&mut self, at: usize, bounds: &LowFunction, low: &mut Low) -> Result<(), CompileError> {
        let insn = &self.program.insns[at];
        let (fact, op) = (self.proof.fact(at), insn.op());
        if matches!(fact, Fact::Unreachable) || insn.form == FormId::TAIL {
            return Ok(());
        }
        if let Fact::Memory(Region::Kernel | Region::Socket(_)) = fact {
            return Err(CompileError::KernelMemory { insn: at });
        }
        // Registers above r10 can be encoded; a row that reads or writes one is never verified.
        if insn.dst.0 > 10 || insn.src.0 > 10 {
            return Err(self.unsupported(at));
        }
        (low.dst, low.src, low.disp, low.imm) = (insn.dst.0, insn.src.0, insn.off.into(), insn.imm);
        let mut next = at + 1;
        low.op = match op {
            Op::Alu { op, width, src } => {
                if let (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, Src::Imm) = (op, src) {
                    low.imm &= if width == Width::W64 { 63 } else { 31 };
                }
                LowOp::Alu { op, width, src }
            }
            Op::Neg { width } => LowOp::Neg { width },
            Op::MovSx { width, from } => LowOp::MovSx { width, from },
            Op::End { order, size } => LowOp::End { order, size },
            Op::Ja { long } => {
                low.target = self.jump_target(at, insn, long, bounds)?;
                next = low.target as usize;
                LowOp::Ja
            }
            Op::MayGoto => {
                low.target = self.jump_target(at, insn, false, bounds)?;
                LowOp::MayGoto
            }
            Op::Jump { cond, width, src } => {
                low.target = self.jump_target(at, insn, false, bounds)?;
                LowOp::Jump { cond, width, src }
            }
            Op::Call(Callee::Local) => {
                low.target = self.local_function(at, insn)?;
                LowOp::CallLocal
            }
            Op::Call(Callee::Helper) => self.helper(at, insn.imm as u32, fact, low)?,
            Op::CallX => {
                let id = self.proof.callee(at).ok_or_else(|| self.unsupported(at))?;
                self.helper(at, id, fact, low)?
            }
            Op::Call(Callee::Kfunc) => self.named(at, insn, low)?,
            Op::Wide(Wide::BtfId) => return Err(self.kernel_symbol(at, insn)),
            Op::Exit => {
                next = at;
                LowOp::Exit
            }
            Op::Load { size, signed } => self.load(at, size, signed, fact, low)?,
            Op::Store { size, src } => self.store(size, src, fact, low),
            // Where there is no such packet, a called function ends, but the engines end the program.
            Op::LoadPacket { .. } if bounds.start > 0 => return Err(self.unsupported(at)),
            Op::LoadPacket { size, indirect } => LowOp::LoadPacket { size, indirect },
            Op::Atomic { op, size, fetch } => LowOp::Atomic { op, size, fetch },
            Op::LoadAcquire { size } => LowOp::LoadAcquire { size },
            Op::StoreRelease { size } => LowOp::StoreRelease { size },
            Op::Wide(kind) => {
                low.imm = self.wide(at, insn, kind)?;
                next = at + 2;
                LowOp::Const
            }
            _ => return Err(self.unsupported(at)),
        };
        if next >= bounds.end {
            // A jump at the end was proved to jump always.
            let LowOp::Jump { .. } = low.op else { return Err(CompileError::Flow { insn: at }) };
            low.op = LowOp::Ja;
        }
        Ok(())
    }

    /// A refusal of something of the kernel's by its name.
    fn kernel_symbol(&self, at: usize, insn: &Insn) -> CompileError {
        let symbol = self.program.kernel_symbol(insn.imm);
        CompileError::KernelSymbol { insn: at, name: symbol.map(|s| s.name.clone()).unwrap_or_default() }
    }

    fn unsupported(&self, at: usize) -> CompileError {
        let form = self.program.insns[at].row().map_or("raw", |row| row.name);
        CompileError::Unsupported { insn: at, form }
    }

    fn jump_target(
        &self,
        at: usize,
        insn: &Insn,
        is_long: bool,
        bounds: &LowFunction,
    ) -> Result<u32, CompileError> {
        let distance = if is_long { insn.imm } else { insn.off.into() };
        let to = (at as i64).wrapping_add(1).wrapping_add(distance);
        let inside = to >= bounds.start as i64 && to < bounds.end as i64;
        if !inside || self.program.insns[to as usize].form == FormId::TAIL {
            return Err(CompileError::Flow { insn: at });
        }
        Ok(to as u32)
    }

    /// The index of the function called.
    fn local_function(&self, at: usize, insn: &Insn) -> Result<u32, CompileError> {
        let to = insn.target().and_then(|distance| (at as i64 + 1).checked_add(distance));
        let found = self.program.functions.iter().position(|f| Some(f.start as i64) == to);
        // The entry is entered from outside only: it finds other things in its registers.
        let found = found.filter(|index| *index > 0);
        Ok(found.ok_or(CompileError::Flow { insn: at })? as u32)
    }

    fn helper(&mut self, at: usize, id: u32, fact: Fact, low: &mut Low) -> Result<LowOp, CompileError> {
        let function = Function::by_id(id).ok_or(CompileError::UnknownFunction { insn: at, id })?;
        // An implementation of another row takes other arguments.
        let entry = self.functions.get(id).filter(|entry| entry.row == function);
        let missing = CompileError::MissingFunction { insn: at, name: function.name };
        low.target = self.call_site(entry.ok_or(missing)?);
        if function.has(Effect::TailCall) {
            return Ok(LowOp::TailCall);
        }
        let map = match fact {
            Fact::CallWithMap(map) => Some(map).filter(|map| (*map as usize) < self.maps.len()),
            _ => None,
        };
        Ok(LowOp::Call { map })
    }

    /// A call of a function by its name: the one that the verifier held it to.
    fn named(&mut self, at: usize, insn: &Insn, low: &mut Low) -> Result<LowOp, CompileError> {
        let verified = self.proof.named(insn.imm);
        let entry = verified.and_then(|row| self.functions.named(row.name));
        let entry = entry.filter(|entry| verified == Some(entry.row));
        let Some(entry) = entry else { return Err(self.kernel_symbol(at, insn)) };
        low.target = self.call_site(entry);
        Ok(LowOp::Call { map: None })
    }

    /// The number of the function among those that the program calls.
    fn call_site(&mut self, Entry { row, shim, standard }: Entry<W>) -> u32 {
        let known = self.calls.iter().position(|call| call.function == row);
        if known.is_none() {
            self.calls.push(CallSite { function: row, shim, standard });
        }
        known.unwrap_or(self.calls.len() - 1) as u32
    }

    fn load(
        &self,
        at: usize,
        size: Size,
        signed: bool,
        fact: Fact,
        low: &mut Low,
    ) -> Result<LowOp, CompileError> {
        let Some(field) = self.field(fact, low) else { return Ok(LowOp::Load { size, signed }) };
        match field.kind {
            FieldKind::Scalar => Ok(LowOp::LoadField { size, signed }),
            FieldKind::PacketMeta | FieldKind::PacketData | FieldKind::PacketEnd => {
                Ok(LowOp::LoadField { size: Size::Dw, signed: false })
            }
            _ => Err(CompileError::KernelField { insn: at, field: field.name }),
        }
    }

    fn store(&self, size: Size, src: Src, fact: Fact, low: &mut Low) -> LowOp {
        match self.field(fact, low) {
            // What Linux does not keep stays zero, as the place was made.
            Some(field) => LowOp::StoreField { size: narrower(size, field.kept), src },
            None => LowOp::Store { size, src },
        }
    }

    /// Moves an access to the context to where the field is. The pointer may have been moved by a constant, which is
    /// what the field's UAPI offset and the instruction's differ by.
    fn field(&self, fact: Fact, low: &mut Low) -> Option<&'static Field> {
        let Fact::Context { field, byte } = fact else { return None };
        let context = self.context?;
        let described = context.fields.get(field as usize)?;
        let moved = (described.off + u32::from(byte)) as i32 - low.disp;
        low.target = context.place(field as usize) + u32::from(byte);
        low.disp = low.target as i32 - moved;
        Some(described)
    }

    fn wide(&self, at: usize, insn: &Insn, kind: Wide) -> Result<i64, CompileError> {
        let (low, high) = insn.wide_halves();
        let map = |index: i32| {
            let no_map = CompileError::NoMap { insn: at, map: index as u32 };
            self.maps.get(index as u32 as usize).ok_or(no_map)
        };
        match kind {
            Wide::Imm => Ok(insn.imm),
            Wide::MapIdx => Ok(map_address(map(low)?) as i64),
            Wide::MapIdxValue => {
                let (map, off) = (map(low)?, high as u32);
                let none = CompileError::NoDirectValue { insn: at, map: low as u32, off };
                let addr = map.direct_value(off).ok_or(none)?;
                Ok(addr.as_ptr().expose_provenance() as i64)
            }
            _ => Err(self.unsupported(at)),
        }
    }
}

/// What programs see of a map.
pub(crate) fn map_address(map: &Arc<Map>) -> u64 {
    Arc::as_ptr(map).expose_provenance() as u64
}

/// The size of a store, or of what is kept of it.
fn narrower(size: Size, kept: u32) -> Size {
    match kept {
        2 if size > Size::H => Size::H,
        _ => size,
    }
}
