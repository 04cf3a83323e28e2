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
use skep_isa::{AluOp, AtomicOp, Cond, Order, Size, Src, Width};
use skep_map::Map;

use super::asm::*;
use crate::error::CompileError;
use crate::lower::{Low, LowFunction, LowOp, Lowered};
use crate::runtime::{MAY_GOTO, TAIL_RESULT, World, load_packet};
use crate::{MAX_CODE_BYTES, runtime};

/// Where the registers of a program live.
const REGS: [Gpr; 11] = [RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15, RBP];

/// Where the address of the run is kept.
const RUN: Gpr = R12;

/// The registers that native functions keep for their callers.
const KEPT: [Gpr; 6] = [RBP, RBX, R12, R13, R14, R15];

/// Bytes below the stack pointer that signal handlers leave alone.
const RED_ZONE: u32 = 128;

/// Emits a program: its entry function first.
pub(super) fn emit<W: World>(lowered: &Lowered<W>, maps: &[Arc<Map>]) -> Result<Vec<u8>, CompileError> {
    let mut emitter = Emitter {
        asm: Asm::with_capacity(lowered.insns.len() * 6 + 64),
        lowered,
        maps,
        bmi2: std::arch::is_x86_feature_detected!("bmi2"),
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
    Ok(emitter.asm.code().to_vec())
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

struct Emitter<'a, W> {
    asm: Asm,
    lowered: &'a Lowered<W>,
    maps: &'a [Arc<Map>],
    bmi2: bool,
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
        self.prologue(index, &function);
        let mut at = function.start;
        while at < function.end {
            self.places[at] = self.asm.here() as u32;
            let low = self.lowered.insns[at];
            self.insn(at, &low);
            at += if low.op == LowOp::Const { 2 } else { 1 };
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
        let insns = &self.lowered.insns[function.start..function.end];
        let used = insns.iter().fold(0_u16, |used, low| used | 1 << low.dst | 1 << low.src);
        let calls = insns.iter().any(calls);
        let is_entry = index == 0;
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
            self.asm.store_xmm0(Mem { base: RBP, disp });
        }
        if disp > end {
            self.asm.store_imm(Size::Dw, Mem { base: RBP, disp: end }, 0);
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

    fn insn(&mut self, at: usize, low: &Low) {
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
            LowOp::Jump { cond, width, src: from } => {
                let src = (from == Src::Reg).then_some(src);
                self.branch(at, cond, width, dst, src, imm, low.target);
            }
            LowOp::MayGoto => {
                let count = Mem { base: RUN, disp: MAY_GOTO };
                self.asm.alu_mi(Alu::Cmp, count, 0);
                self.jump(at, Some(Cc::Equal), low.target);
                self.asm.alu_mi(Alu::Sub, count, 1);
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
                self.asm.load(Size::Dw, RAX, Mem { base: RUN, disp: TAIL_RESULT });
                self.epilogue();
                self.asm.land(missed);
            }
            LowOp::Exit => self.epilogue(),
            LowOp::Load { size, signed } | LowOp::LoadField { size, signed } => {
                let mem = Mem { base: src, disp: low.disp };
                if signed { self.asm.load_signed(size, dst, mem) } else { self.asm.load(size, dst, mem) }
            }
            LowOp::Store { size, src: from } | LowOp::StoreField { size, src: from } => {
                let mem = Mem { base: dst, disp: low.disp };
                match from {
                    Src::Imm => self.asm.store_imm(size, mem, imm),
                    Src::Reg => self.asm.store(size, mem, src),
                }
            }
            LowOp::LoadPacket { size, indirect } => self.load_packet(size, indirect.then_some(src), imm),
            LowOp::Atomic { op, size, fetch } => {
                let width = if size == Size::Dw { Width::W64 } else { Width::W32 };
                self.atomic(op, width, fetch, Mem { base: dst, disp: low.disp }, src);
            }
            // Plain moves have this order already on this machine.
            LowOp::LoadAcquire { size } => self.asm.load(size, dst, Mem { base: src, disp: low.disp }),
            LowOp::StoreRelease { size } => self.asm.store(size, Mem { base: dst, disp: low.disp }, src),
        }
    }

    /// Code for the first of some unreachable instructions: should a proof be wrong, the process ends here.
    fn dead(&mut self, at: usize) {
        if at == 0 || self.lowered.insns[at - 1].op != LowOp::Dead {
            self.asm.ud2();
        }
    }

    fn alu_imm(&mut self, op: AluOp, width: Width, dst: Gpr, imm: i32) {
        let (asm, count) = (&mut self.asm, (imm & if width == Width::W64 { 63 } else { 31 }) as u8);
        match op {
            AluOp::Mov => {
                let value = if width == Width::W64 { i64::from(imm) } else { i64::from(imm as u32) };
                asm.mov_ri(dst, value);
            }
            AluOp::Add => asm.alu_ri(Alu::Add, width, dst, imm),
            AluOp::Sub => asm.alu_ri(Alu::Sub, width, dst, imm),
            AluOp::Or => asm.alu_ri(Alu::Or, width, dst, imm),
            AluOp::Xor => asm.alu_ri(Alu::Xor, width, dst, imm),
            AluOp::And => match imm {
                0xff => asm.zero_extend(Size::B, dst, dst),
                0xffff => asm.zero_extend(Size::H, dst, dst),
                // Without a sign, the high half becomes zero either way.
                0.. => asm.alu_ri(Alu::And, Width::W32, dst, imm),
                _ => asm.alu_ri(Alu::And, width, dst, imm),
            },
            AluOp::Mul => match imm as u32 {
                power if power.is_power_of_two() && imm > 0 => {
                    asm.shift_ri(Shift::Shl, width, dst, power.trailing_zeros() as u8);
                }
                _ => asm.imul_rri(width, dst, dst, imm),
            },
            AluOp::Lsh => asm.shift_ri(Shift::Shl, width, dst, count),
            AluOp::Rsh => asm.shift_ri(Shift::Shr, width, dst, count),
            AluOp::Arsh => asm.shift_ri(Shift::Sar, width, dst, count),
            AluOp::Div | AluOp::Mod => self.divide_unsigned_imm(op == AluOp::Mod, width, dst, imm),
            AluOp::Sdiv | AluOp::Smod => {
                self.asm.mov_ri(R11, imm.into());
                self.divide(op, width, dst, R11, imm == 0, imm == -1);
            }
        }
    }

    fn alu_reg(&mut self, op: AluOp, width: Width, dst: Gpr, src: Gpr) {
        let asm = &mut self.asm;
        match op {
            AluOp::Mov if dst == src && width == Width::W64 => {}
            AluOp::Mov => asm.mov_rr(width, dst, src),
            AluOp::Add => asm.alu_rr(Alu::Add, width, dst, src),
            AluOp::Sub => asm.alu_rr(Alu::Sub, width, dst, src),
            AluOp::Or => asm.alu_rr(Alu::Or, width, dst, src),
            AluOp::Xor => asm.alu_rr(Alu::Xor, width, dst, src),
            AluOp::And => asm.alu_rr(Alu::And, width, dst, src),
            AluOp::Mul => asm.imul_rr(width, dst, src),
            AluOp::Lsh => self.shift(Shift::Shl, width, dst, src),
            AluOp::Rsh => self.shift(Shift::Shr, width, dst, src),
            AluOp::Arsh => self.shift(Shift::Sar, width, dst, src),
            AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod => {
                self.divide(op, width, dst, src, true, true)
            }
        }
    }

    /// A shift by a register. The machine masks the count as RFC 9669 wants it.
    fn shift(&mut self, op: Shift, width: Width, dst: Gpr, src: Gpr) {
        let asm = &mut self.asm;
        if self.bmi2 {
            asm.shift_rr(op, width, dst, dst, src);
        } else if src == RCX && dst != RCX {
            asm.shift_cl(op, width, dst);
        } else {
            // The count has to be in cl, whose register is one of the program's.
            let shifted = if dst == RCX { R10 } else { dst };
            asm.mov_rr(Width::W64, R11, RCX);
            if dst == RCX {
                asm.mov_rr(Width::W64, R10, RCX);
            }
            asm.mov_rr(Width::W64, RCX, src);
            asm.shift_cl(op, width, shifted);
            asm.mov_rr(Width::W64, RCX, if dst == RCX { R10 } else { R11 });
        }
    }

    /// Unsigned division by a constant.
    fn divide_unsigned_imm(&mut self, remainder: bool, width: Width, dst: Gpr, imm: i32) {
        let divisor = if width == Width::W64 { i64::from(imm) as u64 } else { u64::from(imm as u32) };
        let asm = &mut self.asm;
        if divisor == 0 {
            match (remainder, width) {
                (false, _) => asm.mov_ri(dst, 0),
                (true, Width::W32) => asm.mov_rr(Width::W32, dst, dst),
                (true, Width::W64) => {}
            }
        } else if divisor.is_power_of_two() {
            match i32::try_from(divisor - 1) {
                Ok(0) if remainder => asm.mov_ri(dst, 0),
                Ok(mask) if remainder => asm.alu_ri(Alu::And, Width::W32, dst, mask),
                _ if remainder => {
                    asm.mov_ri(R11, (divisor - 1) as i64);
                    asm.alu_rr(Alu::And, width, dst, R11);
                }
                _ if divisor == 1 && width == Width::W64 => {}
                _ if divisor == 1 => asm.mov_rr(Width::W32, dst, dst),
                _ => asm.shift_ri(Shift::Shr, width, dst, divisor.trailing_zeros() as u8),
            }
        } else if self.bmi2 && width == Width::W32 {
            self.multiply_to_divide(remainder, dst, divisor as u32);
        } else {
            asm.mov_ri(R11, divisor as i64);
            self.divide(if remainder { AluOp::Mod } else { AluOp::Div }, width, dst, R11, false, false);
        }
    }

    /// Division of 32 bits by a constant that is no power of two: the high half of a product with the reciprocal,
    /// scaled to 64 bits and rounded up, is the quotient, exactly.
    /// Source: Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019, theorem 1.
    fn multiply_to_divide(&mut self, remainder: bool, dst: Gpr, divisor: u32) {
        let asm = &mut self.asm;
        let reciprocal = u64::MAX / u64::from(divisor) + 1;
        // rdx is an operand of the multiplication, and of the program.
        let saved = (dst != RDX).then_some(R9);
        if let Some(saved) = saved {
            asm.mov_rr(Width::W64, saved, RDX);
        }
        asm.mov_rr(Width::W32, RDX, dst);
        asm.mov_ri(R11, reciprocal as i64);
        asm.mulx(Width::W64, R10, R11, R11);
        if remainder {
            asm.imul_rri(Width::W32, R10, R10, divisor as i32);
            // rdx still has the dividend; where it is the destination, so does that.
            asm.alu_rr(Alu::Sub, Width::W32, RDX, R10);
            asm.mov_rr(Width::W32, R10, RDX);
        }
        if let Some(saved) = saved {
            asm.mov_rr(Width::W64, RDX, saved);
        }
        asm.mov_rr(Width::W32, dst, R10);
    }

    /// Division by a register, which may be zero or -1 as far as it is said; r11 may be the divisor.
    fn divide(&mut self, op: AluOp, width: Width, dst: Gpr, src: Gpr, zero: bool, minus_one: bool) {
        let signed = matches!(op, AluOp::Sdiv | AluOp::Smod);
        let remainder = matches!(op, AluOp::Mod | AluOp::Smod);
        let asm = &mut self.asm;
        let mut ends = Vec::new();
        let divisor = if src == RAX || src == RDX {
            asm.mov_rr(Width::W64, R11, src);
            R11
        } else {
            src
        };
        if zero {
            asm.test_rr(width, divisor, divisor);
            let other = asm.jump_short(Some(Cc::NotEqual));
            if !remainder {
                asm.mov_ri(dst, 0);
            } else if width == Width::W32 {
                asm.mov_rr(Width::W32, dst, dst);
            }
            ends.push(asm.jump_short(None));
            asm.land(other);
        }
        if signed && minus_one {
            // The machine faults on the quotient of the smallest number by -1, which has no positive counterpart.
            asm.alu_ri(Alu::Cmp, width, divisor, -1);
            let other = asm.jump_short(Some(Cc::NotEqual));
            if remainder {
                asm.mov_ri(dst, 0);
            } else {
                asm.unary(Unary::Neg, width, dst);
            }
            ends.push(asm.jump_short(None));
            asm.land(other);
        }
        // Dividend and results are in rax and rdx, which are registers of the program.
        if dst != RAX {
            asm.mov_rr(Width::W64, R10, RAX);
            asm.mov_rr(Width::W64, RAX, dst);
        }
        if dst != RDX {
            asm.mov_rr(Width::W64, R9, RDX);
        }
        if signed {
            asm.sign_to_rdx(width);
            asm.unary(Unary::Idiv, width, divisor);
        } else {
            asm.mov_ri(RDX, 0);
            asm.unary(Unary::Div, width, divisor);
        }
        let result = if remainder { RDX } else { RAX };
        if dst != result {
            asm.mov_rr(width, dst, result);
        }
        if dst != RDX {
            asm.mov_rr(Width::W64, RDX, R9);
        }
        if dst != RAX {
            asm.mov_rr(Width::W64, RAX, R10);
        }
        for end in ends {
            asm.land(end);
        }
    }

    fn byte_order(&mut self, order: Order, size: Size, dst: Gpr) {
        let swaps = order != Order::Little;
        match size {
            Size::H | Size::B => {
                if swaps {
                    self.asm.swap_low_bytes(dst);
                }
                self.asm.zero_extend(Size::H, dst, dst);
            }
            Size::W if swaps => self.asm.bswap(Width::W32, dst),
            Size::W => self.asm.mov_rr(Width::W32, dst, dst),
            Size::Dw if swaps => self.asm.bswap(Width::W64, dst),
            Size::Dw => {}
        }
    }

    /// A conditional jump; `src` is the right side, or the immediate if there is none.
    #[allow(clippy::too_many_arguments)] // they are the fields of one instruction
    fn branch(
        &mut self,
        at: usize,
        cond: Cond,
        width: Width,
        dst: Gpr,
        src: Option<Gpr>,
        imm: i32,
        target: u32,
    ) {
        // Where one side is unreachable, the condition is known.
        if target as usize == at + 1 || self.lowered.insns[target as usize].op == LowOp::Dead {
            return;
        }
        if self.lowered.insns[at + 1].op == LowOp::Dead {
            return self.jump(at, None, target);
        }
        match (cond, src) {
            (Cond::Set, Some(src)) => self.asm.test_rr(width, dst, src),
            (Cond::Set, None) => self.asm.test_ri(width, dst, imm),
            (_, Some(src)) => self.asm.alu_rr(Alu::Cmp, width, dst, src),
            // It leaves the flags that a comparison with zero would.
            (_, None) if imm == 0 => self.asm.test_rr(width, dst, dst),
            (_, None) => self.asm.alu_ri(Alu::Cmp, width, dst, imm),
        }
        let cc = match cond {
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
        };
        self.jump(at, Some(cc), target);
    }

    /// A jump from this slot to another.
    fn jump(&mut self, at: usize, cc: Option<Cc>, target: u32) {
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
        asm.load(Size::W, RAX, Mem { base: RSI, disp: 0 });
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

/// Whether an instruction becomes a call.
fn calls(low: &Low) -> bool {
    matches!(low.op, LowOp::CallLocal | LowOp::Call { .. } | LowOp::TailCall | LowOp::LoadPacket { .. })
}

/// Whether an instruction's code uses the run.
fn uses_run(low: &Low) -> bool {
    matches!(low.op, LowOp::Call { .. } | LowOp::TailCall | LowOp::LoadPacket { .. } | LowOp::MayGoto)
}
