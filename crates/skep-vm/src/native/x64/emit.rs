//! The one-pass emitter: lowered instructions to machine code, each by itself.
//!
//! | BPF | x86-64 | |
//! |---|---|---|
//! | r0 | rax | result |
//! | r1-r5 | rdi rsi rdx rcx r8 | arguments, as native functions take them |
//! | r6-r9 | rbx r13 r14 r15 | kept by callees |
//! | r10 | rbp | end of the frame |
//! | | r12 | the run |
//! | | r9 r10 r11 | scratch, within one instruction |
//!
//! So a call moves no arguments: it puts the run into r9, the sixth argument, and calls. Functions save those registers
//! that they use of the kept ones, and make a frame only where the program has one.
//!
//! Jumps backwards are as short as they can be; jumps forwards are short where a bound on the code between says so
//! beforehand ([`code_bound`]), as there is no second pass to shorten them.

use std::sync::Arc;

use skep_abi::MapType;
use skep_isa::{AluOp, AtomicOp, Cond, Size, Src, Width};
use skep_map::Map;

use super::Features;
use super::asm::*;
use super::liveness::Liveness;
use super::operand::*;
use crate::error::CompileError;
use crate::lower::{Low, LowFunction, LowOp, Lowered};
use crate::runtime::{MAY_GOTO, TAIL_RESULT, World, load_packet};
use crate::{MAX_CODE_BYTES, runtime};

/// Where the registers of a program live.
pub(super) const REGS: [Gpr; 11] = [RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15, RBP];

/// Where the address of the run is kept.
const RUN: Gpr = R12;

/// The registers that native functions keep for their callers.
const KEPT: [Gpr; 6] = [RBP, RBX, R12, R13, R14, R15];

/// Bytes below the stack pointer that signal handlers leave alone.
const RED_ZONE: u32 = 128;

/// Emits a program: its entry function first.
pub(in crate::native) fn emit<W: World>(
    lowered: &Lowered<W>,
    maps: &[Arc<Map>],
    features: Features,
) -> Result<Vec<u8>, CompileError> {
    let mut emitter = Emitter {
        asm: Asm::with_capacity(lowered.insns.len() * 6 + 64),
        lowered,
        maps,
        features,
        live: Liveness::default(),
        places: vec![0; lowered.insns.len()],
        bounds: Vec::with_capacity(lowered.insns.len() + 1),
        jumps: Vec::new(),
        calls: Vec::new(),
        entries: Vec::with_capacity(lowered.functions.len()),
        kept: Vec::with_capacity(KEPT.len()),
        frame: 0,
    };
    let mut bound = 0_u32;
    emitter.bounds.push(0);
    for low in &lowered.insns {
        bound = bound.saturating_add(code_bound(low));
        emitter.bounds.push(bound);
    }
    for index in 0..lowered.functions.len() {
        emitter.function(index)?;
    }
    for (at, function) in std::mem::take(&mut emitter.calls) {
        let to = emitter.entries[function as usize];
        emitter.asm.patch_near(at, to);
    }
    Ok(emitter.asm.into_code())
}

/// A bound on the bytes that an instruction becomes, with room to spare.
fn code_bound(low: &Low) -> u32 {
    match low.op {
        LowOp::Dead => 2,
        LowOp::Const => 10,
        LowOp::Alu { op: AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod, .. } => 80,
        LowOp::Alu { .. } => 16,
        LowOp::Neg { .. } | LowOp::MovSx { .. } | LowOp::End { .. } => 12,
        LowOp::Ja | LowOp::Jump { .. } | LowOp::MayGoto => 26,
        LowOp::CallLocal => 5,
        LowOp::Call { map: None } => 16,
        LowOp::Call { map: Some(_) } => 56,
        LowOp::TailCall | LowOp::LoadPacket { .. } => 80,
        LowOp::Exit => 24,
        LowOp::Load { .. } | LowOp::LoadField { .. } | LowOp::LoadAcquire { .. } => 10,
        LowOp::Store { .. } | LowOp::StoreField { .. } | LowOp::StoreRelease { .. } => 13,
        LowOp::Atomic { .. } => 48,
    }
}

/// A jump whose target has no code yet.
enum Forward {
    Short(Short),
    Near(usize),
}

pub(super) struct Emitter<'a, W> {
    pub(super) asm: Asm,
    pub(super) lowered: &'a Lowered<W>,
    maps: &'a [Arc<Map>],
    pub(super) features: Features,
    pub(super) live: Liveness,
    /// Where the code of each slot is, as far as there is some.
    places: Vec<u32>,
    /// Bounds on the code before each slot, in their order.
    bounds: Vec<u32>,
    /// Jumps to later slots of the function, by slot.
    jumps: Vec<(Forward, u32)>,
    /// Calls of the program's functions: where their distances are, and which function.
    calls: Vec<(usize, u32)>,
    /// Where the code of each function is.
    entries: Vec<usize>,
    /// What the current function saves, in the order in which it does.
    kept: Vec<Gpr>,
    /// What it takes off the stack pointer.
    frame: u32,
}

impl<W: World> Emitter<'_, W> {
    fn function(&mut self, index: usize) -> Result<(), CompileError> {
        let function = self.lowered.functions[index];
        self.entries.push(self.asm.here());
        self.live.look_at(self.lowered, &function);
        self.prologue(index, &function);
        let mut at = function.start;
        while at < function.end {
            self.places[at] = self.asm.here() as u32;
            at += self.fused(at, function.end).unwrap_or_else(|| self.insn(at));
            if self.asm.here() > MAX_CODE_BYTES {
                return Err(CompileError::TooLarge { bytes: self.asm.here() });
            }
        }
        for (jump, target) in std::mem::take(&mut self.jumps) {
            let to = self.places[target as usize] as usize;
            match jump {
                Forward::Near(at) => self.asm.patch_near(at, to),
                Forward::Short(short) => {
                    let reaches = self.asm.patch_short(short, to);
                    assert!(reaches, "the code between is longer than its bound");
                }
            }
        }
        Ok(())
    }

    /// Saves what the function may not lose, and makes its frame.
    fn prologue(&mut self, index: usize, function: &LowFunction) {
        let (used, calls, is_entry) = (self.live.used, self.live.calls, index == 0);
        self.kept.clear();
        for reg in KEPT {
            let needed = match REGS.iter().position(|r| *r == reg) {
                Some(bpf) => used >> bpf & 1 == 1,
                // Only the entry sets it; the others are called with it set.
                None => is_entry && self.lowered.insns.iter().any(uses_run),
            };
            if needed {
                self.kept.push(reg);
                self.asm.push(reg);
            }
        }
        let has_frame = self.kept.contains(&RBP);
        if has_frame {
            self.asm.mov_rr(Width::W64, RBP, RSP);
        }
        if is_entry && self.kept.contains(&RUN) {
            self.asm.mov_rr(Width::W64, RUN, RDX);
        }
        let stack = if has_frame { function.stack } else { 0 };
        // A callee finds the stack pointer eight bytes off a multiple of sixteen: those of the return address.
        let pushed = 8 + 8 * self.kept.len() as u32;
        self.frame = if calls { (pushed + stack).next_multiple_of(16) - pushed } else { stack };
        if !calls && stack <= RED_ZONE {
            self.frame = 0;
        }
        if self.frame > 0 {
            self.asm.alu_ri(Alu::Sub, Width::W64, RSP, self.frame as i32);
        }
        if function.zeroed {
            self.zero(stack);
        }
        if is_entry {
            for (bpf, reg) in REGS.into_iter().enumerate() {
                if self.lowered.zeroed & used & 1 << bpf != 0 {
                    self.asm.mov_ri(reg, 0);
                }
            }
        }
    }

    /// Fills the frame with zeroes.
    fn zero(&mut self, bytes: u32) {
        let end = -(bytes as i32);
        if bytes >= 16 {
            self.asm.zero_xmm0();
        }
        let mut disp = 0;
        while disp - 16 >= end {
            disp -= 16;
            self.asm.store_xmm0(memory_at(RBP, disp));
        }
        if disp > end {
            self.asm.store_imm(Size::Dw, memory_at(RBP, end), 0);
        }
    }

    /// Leaves the function.
    fn epilogue(&mut self) {
        if self.frame > 0 {
            self.asm.alu_ri(Alu::Add, Width::W64, RSP, self.frame as i32);
        }
        for at in (0..self.kept.len()).rev() {
            self.asm.pop(self.kept[at]);
        }
        self.asm.ret();
    }

    /// Emits one instruction: how many slots it has.
    fn insn(&mut self, at: usize) -> usize {
        let low = &self.lowered.insns[at];
        let (dst, src) = (REGS[low.dst as usize], REGS[low.src as usize]);
        let imm = low.imm as i32;
        match low.op {
            LowOp::Dead => self.dead(at),
            LowOp::Const => self.asm.mov_ri(dst, low.imm),
            LowOp::Alu { op, width, src: from } => match from {
                Src::Imm => self.alu_imm(op, width, dst, imm),
                Src::Reg => self.alu_reg(op, width, dst, src),
            },
            LowOp::Neg { width } => self.asm.unary(Unary::Neg, width, dst),
            LowOp::MovSx { width, from } => self.asm.sign_extend(from, width, dst, src),
            LowOp::End { order, size } => self.byte_order(order, size, dst),
            LowOp::Ja => self.jump(at, None, low.target),
            LowOp::Jump { .. } => self.branch(at, low),
            LowOp::MayGoto => {
                let count = memory_at(RUN, MAY_GOTO);
                self.asm.alu_mi(Alu::Cmp, Size::W, count, 0);
                self.jump(at, Some(Cc::Equal), low.target);
                self.asm.alu_mi(Alu::Sub, Size::W, count, 1);
            }
            LowOp::CallLocal => {
                let distance = self.asm.call_near();
                self.calls.push((distance, low.target));
            }
            LowOp::Call { map } => {
                let site = &self.lowered.calls[low.target as usize];
                let array = map.filter(|_| site.is_standard_lookup()).and_then(|map| self.array(map));
                match array {
                    Some(array) => self.array_lookup(&array),
                    None => self.call(site.shim as usize as u64),
                }
            }
            LowOp::TailCall => {
                self.call(runtime::tail_call::<W> as *const () as u64);
                self.asm.test_rr(Width::W32, RAX, RAX);
                let missed = self.asm.jump_short(Some(Cc::Equal));
                self.asm.load(Size::Dw, RAX, memory_at(RUN, TAIL_RESULT));
                self.epilogue();
                self.asm.land(missed);
            }
            LowOp::Exit => self.epilogue(),
            LowOp::Load { size, signed } | LowOp::LoadField { size, signed } => {
                let mem = memory_at(src, low.disp);
                if signed { self.asm.load_signed(size, dst, mem) } else { self.asm.load(size, dst, mem) }
            }
            LowOp::Store { size, src: from } | LowOp::StoreField { size, src: from } => {
                let mem = memory_at(dst, low.disp);
                match from {
                    Src::Imm => self.asm.store_imm(size, mem, imm),
                    Src::Reg => self.asm.store(size, mem, src),
                }
            }
            LowOp::LoadPacket { size, indirect } => self.load_packet(size, indirect.then_some(src), imm),
            LowOp::Atomic { op, size, fetch } => {
                let width = if size == Size::Dw { Width::W64 } else { Width::W32 };
                self.atomic(op, width, fetch, memory_at(dst, low.disp), src);
            }
            // Plain moves have this order already on this machine.
            LowOp::LoadAcquire { size } => self.asm.load(size, dst, memory_at(src, low.disp)),
            LowOp::StoreRelease { size } => self.asm.store(size, memory_at(dst, low.disp), src),
        }
        if matches!(low.op, LowOp::Const) { 2 } else { 1 }
    }

    /// Whether the verifier proved that this slot is never reached.
    pub(super) fn is_dead(&self, slot: usize) -> bool {
        matches!(self.lowered.insns[slot].op, LowOp::Dead)
    }

    /// Code for the first of some unreachable instructions: should a proof be wrong, the process ends here.
    fn dead(&mut self, at: usize) {
        if at == 0 || !self.is_dead(at - 1) {
            self.asm.ud2();
        }
    }

    /// A conditional jump; `src` is the right side, or the immediate if there is none.
    fn branch(&mut self, at: usize, low: &Low) {
        let LowOp::Jump { cond, width, src } = low.op else { return };
        // Where one side is unreachable, the condition is known.
        if low.target as usize == at + 1 || self.is_dead(low.target as usize) {
            return;
        }
        if self.is_dead(at + 1) {
            return self.jump(at, None, low.target);
        }
        self.compare(cond, width, src, low);
        self.jump(at, Some(condition(cond)), low.target);
    }

    /// Sets the flags for a conditional jump.
    pub(super) fn compare(&mut self, cond: Cond, width: Width, src: Src, low: &Low) {
        let (dst, imm) = (REGS[low.dst as usize], low.imm as i32);
        match (cond, src) {
            (Cond::Set, Src::Reg) => self.asm.test_rr(width, dst, REGS[low.src as usize]),
            (Cond::Set, Src::Imm) => self.asm.test_ri(width, dst, imm),
            (_, Src::Reg) => self.asm.alu_rr(Alu::Cmp, width, dst, REGS[low.src as usize]),
            // It leaves the flags that a comparison with zero would.
            (_, Src::Imm) if imm == 0 => self.asm.test_rr(width, dst, dst),
            (_, Src::Imm) => self.asm.alu_ri(Alu::Cmp, width, dst, imm),
        }
    }

    /// A jump from this slot to another.
    pub(super) fn jump(&mut self, at: usize, cc: Option<Cc>, target: u32) {
        let to = target as usize;
        if to <= at {
            let place = self.places[to] as usize;
            // Two bytes: opcode and distance.
            if self.asm.here() + 2 - place <= 128 {
                let jump = self.asm.jump_short(cc);
                self.asm.land_at(jump, place);
            } else {
                let jump = self.asm.jump_near(cc);
                self.asm.patch_near(jump, place);
            }
        } else if to == at + 1 && cc.is_none() {
            // The next instruction is where it leads anyway.
        } else {
            // The bound of the jump itself covers what is emitted after it for the same instruction.
            let between = self.bounds[to].saturating_sub(self.bounds[at]);
            let jump = if between < 128 && self.bounds[to] != u32::MAX {
                Forward::Short(self.asm.jump_short(cc))
            } else {
                Forward::Near(self.asm.jump_near(cc))
            };
            self.jumps.push((jump, target));
        }
    }

    /// Calls a native function with r1 to r5, which are where its arguments belong, and the run.
    fn call(&mut self, function: u64) {
        self.asm.mov_rr(Width::W64, R9, RUN);
        self.asm.mov_ri(RAX, function as i64);
        self.asm.call_reg(RAX);
    }

    fn load_packet(&mut self, size: Size, index: Option<Gpr>, imm: i32) {
        match index {
            Some(index) => {
                self.asm.mov_rr(Width::W32, RSI, index);
                self.asm.alu_ri(Alu::Add, Width::W32, RSI, imm);
            }
            None => self.asm.mov_ri(RSI, i64::from(imm as u32)),
        }
        self.asm.mov_rr(Width::W64, RDI, RUN);
        let function = match size {
            Size::B => load_packet::<W, 1> as *const (),
            Size::H => load_packet::<W, 2> as *const (),
            Size::W | Size::Dw => load_packet::<W, 4> as *const (),
        };
        self.asm.mov_ri(RAX, function as i64);
        self.asm.call_reg(RAX);
        // `NO_PACKET` is the only result with all bits set.
        self.asm.alu_ri(Alu::Cmp, Width::W64, RAX, -1);
        let inside = self.asm.jump_short(Some(Cc::NotEqual));
        self.asm.mov_ri(RAX, 0);
        self.epilogue();
        self.asm.land(inside);
    }

    fn atomic(&mut self, op: AtomicOp, width: Width, fetch: bool, mem: Mem, src: Gpr) {
        let asm = &mut self.asm;
        let alu = match op {
            AtomicOp::Add if fetch => return asm.lock_xadd(width, mem, src),
            AtomicOp::Xchg => return asm.xchg(width, mem, src),
            AtomicOp::CmpXchg => {
                asm.lock_cmpxchg(width, mem, src);
                if width == Width::W32 {
                    // On success the machine leaves rax, and its high half, as it was.
                    asm.mov_rr(Width::W32, RAX, RAX);
                }
                return;
            }
            AtomicOp::Add => Alu::Add,
            AtomicOp::Or => Alu::Or,
            AtomicOp::And => Alu::And,
            AtomicOp::Xor => Alu::Xor,
        };
        if !fetch {
            return asm.lock_alu(alu, width, mem, src);
        }
        // The machine has no such operation that returns the old value: compare and exchange until nobody came between.
        // That needs rax, which the program may have as operand, address, or for something else.
        let (value, next) = if src == RAX { (R10, R11) } else { (src, R10) };
        let mem = if mem.base == RAX { Mem { base: R9, ..mem } } else { mem };
        if mem.base == R9 {
            asm.mov_rr(Width::W64, R9, RAX);
        }
        asm.mov_rr(Width::W64, if src == RAX { R10 } else { R11 }, RAX);
        asm.load(if width == Width::W64 { Size::Dw } else { Size::W }, RAX, mem);
        let again = asm.here();
        asm.mov_rr(width, next, RAX);
        asm.alu_rr(alu, width, next, value);
        asm.lock_cmpxchg(width, mem, next);
        let lost = asm.jump_short(Some(Cc::NotEqual));
        asm.land_at(lost, again);
        if src != RAX {
            asm.mov_rr(width, src, RAX);
            asm.mov_rr(Width::W64, RAX, R11);
        }
    }

    /// A map as an array whose values the code can find by itself.
    fn array(&self, index: u32) -> Option<InlineArray> {
        let map = self.maps.get(index as usize)?;
        let def = map.def();
        if def.map_type != MapType::Array {
            return None;
        }
        let entries = i32::try_from(def.max_entries).ok()?;
        let value = |index: u32| map.lookup(&index.to_ne_bytes(), 0).map(|at| at.as_ptr() as u64);
        let base = value(0)?;
        let stride = if entries > 1 { i32::try_from(value(1)? - base).ok()? } else { 8 };
        Some(InlineArray { base, stride, entries })
    }

    /// `bpf_map_lookup_elem` on an array: the key is behind r2.
    fn array_lookup(&mut self, array: &InlineArray) {
        let asm = &mut self.asm;
        asm.load(Size::W, RAX, memory_at(RSI, 0));
        asm.alu_ri(Alu::Cmp, Width::W32, RAX, array.entries);
        let outside = asm.jump_short(Some(Cc::AboveEqual));
        if array.stride.count_ones() == 1 {
            asm.shift_ri(Shift::Shl, Width::W64, RAX, array.stride.trailing_zeros() as u8);
        } else {
            asm.imul_rri(Width::W64, RAX, RAX, array.stride);
        }
        asm.mov_ri(R11, array.base as i64);
        asm.alu_rr(Alu::Add, Width::W64, RAX, R11);
        let end = asm.jump_short(None);
        asm.land(outside);
        asm.mov_ri(RAX, 0);
        asm.land(end);
    }
}

/// An array of values beside each other.
struct InlineArray {
    /// Where the first value is.
    base: u64,
    /// Bytes from one to the next.
    stride: i32,
    /// How many there are.
    entries: i32,
}

/// Whether an instruction's code uses the run.
fn uses_run(low: &Low) -> bool {
    matches!(low.op, LowOp::Call { .. } | LowOp::TailCall | LowOp::LoadPacket { .. } | LowOp::MayGoto)
}

/// The machine's name for a condition, after [`Emitter::compare`].
pub(super) const fn condition(cond: Cond) -> Cc {
    match cond {
        Cond::Eq => Cc::Equal,
        Cond::Ne | Cond::Set => Cc::NotEqual,
        Cond::Gt => Cc::Above,
        Cond::Ge => Cc::AboveEqual,
        Cond::Lt => Cc::Below,
        Cond::Le => Cc::BelowEqual,
        Cond::Sgt => Cc::Greater,
        Cond::Sge => Cc::GreaterEqual,
        Cond::Slt => Cc::Less,
        Cond::Sle => Cc::LessEqual,
    }
}
