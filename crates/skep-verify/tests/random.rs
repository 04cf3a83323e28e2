//! Random programs: whatever is accepted runs without reading what is not there, and all that the verifier says of the
//! program holds of the run: what is never reached, how branches go on, what registers hold, how often loops come round
//! and how many instructions are executed.
//!
//! Programs are made of what verifiers get wrong: comparisons that bound an index, arithmetic between comparison and
//! use, spills and fills, loops, functions; many are one constant away from being right. They run in an interpreter
//! of their own, which knows nothing of verification: it checks each access and each register.
//! `SKEP_RANDOM_MS` is for how many milliseconds, 1500 unless it is set.

mod concrete;

use std::cell::Cell;
use std::sync::Arc;

use arbtest::arbitrary::{Result, Unstructured};
use skep_abi::{AttachType, ProgType};
use skep_isa::{AluOp, Callee, Cond, FormId, Insn, Op, Order, Reg, Size, Src, Width};
use skep_obj::{ProgFunction, Program};
use skep_verify::facts::{Bound, Branch, Facts, Known};
use skep_verify::{Fact, Limits, Options, Shifts, Verified, verify};

use concrete::{compute, cut, holds};

/// Bytes of memory that programs are given.
const MEMORY: usize = 64;

/// Registers that programs compute in; r6 keeps the memory.
const NUMBERS: [Reg; 8] = [Reg::R0, Reg::R2, Reg::R3, Reg::R4, Reg::R5, Reg::R7, Reg::R8, Reg::R9];

/// Constants near which bounds go wrong.
const CONSTANTS: [i32; 18] = [0, 1, -1, 2, 3, 7, 8, 31, 32, 56, 57, 60, 63, 64, 255, i32::MAX, i32::MIN, -8];

const OPS: [AluOp; 13] = [
    AluOp::Add,
    AluOp::Sub,
    AluOp::Mul,
    AluOp::Div,
    AluOp::Or,
    AluOp::And,
    AluOp::Lsh,
    AluOp::Rsh,
    AluOp::Mod,
    AluOp::Xor,
    AluOp::Arsh,
    AluOp::Sdiv,
    AluOp::Smod,
];

const SIZES: [Size; 4] = [Size::B, Size::H, Size::W, Size::Dw];
const WIDTHS: [Width; 2] = [Width::W32, Width::W64];

/// A program that is being made.
struct Maker<'u, 'd> {
    u: &'u mut Unstructured<'d>,
    insns: Vec<Insn>,
}

impl Maker<'_, '_> {
    fn number(&mut self) -> Result<Reg> {
        self.u.choose(&NUMBERS).copied()
    }

    fn constant(&mut self) -> Result<i32> {
        self.u.choose(&CONSTANTS).copied()
    }

    fn width(&mut self) -> Result<Width> {
        self.u.choose(&WIDTHS).copied()
    }

    fn size(&mut self) -> Result<Size> {
        self.u.choose(&SIZES).copied()
    }

    /// Gives every register a number out of the memory.
    fn prologue(&mut self) -> Result<()> {
        self.insns.push(Insn::mov_reg(Reg::R6, Reg::R1));
        for (index, reg) in NUMBERS.into_iter().enumerate() {
            let size = self.size()?;
            self.insns.push(Insn::load(size, reg, Reg::R6, index as i16 * 8));
        }
        for slot in 1..=4 {
            let reg = self.number()?;
            self.insns.push(Insn::store_reg(Size::Dw, Reg::R10, slot * -8, reg));
        }
        Ok(())
    }

    /// Sets the distance of a jump to lead here.
    fn land(&mut self, jump: usize) {
        let here = self.insns.len();
        self.insns[jump].off = (here - jump - 1) as i16;
    }

    /// A condition on a register; gives the slot of the jump, which has no target yet.
    fn jump(&mut self, reg: Reg) -> Result<usize> {
        let cond = *self.u.choose(&Cond::ALL)?;
        let width = self.width()?;
        let (other, constant) = (self.number()?, self.constant()?);
        let jump_reg = Insn::jump_reg(cond, width, reg, other, 0);
        let jump_imm = Insn::jump_imm(cond, width, reg, constant, 0);
        self.insns.push(if self.u.ratio(1u8, 4u8)? { jump_reg } else { jump_imm });
        Ok(self.insns.len() - 1)
    }

    fn arithmetic(&mut self) -> Result<()> {
        let (dst, src, width) = (self.number()?, self.number()?, self.width()?);
        let op = *self.u.choose(&OPS)?;
        let constant = match op {
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh if self.u.ratio(1u8, 4u8)? => {
                self.u.int_in_range(-70..=140)?
            }
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => self.u.int_in_range(0..=31)?,
            AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod => self.constant()? | 1,
            _ => self.constant()?,
        };
        let choice = self.u.int_in_range(0..=9u8)?;
        self.insns.push(match choice {
            0 => Insn::new(Op::Neg { width }).dst(dst),
            1 => {
                let from = *self.u.choose(&[Size::B, Size::H])?;
                Insn::new(Op::MovSx { width, from }).dst(dst).src(src)
            }
            2 => Insn::end(*self.u.choose(&[Order::Big, Order::Swap])?, *self.u.choose(&SIZES[1..])?, dst),
            3 | 4 => Insn::alu_reg(AluOp::Mov, width, dst, src),
            5 => Insn::alu_reg(op, width, dst, src),
            _ => Insn::alu_imm(op, width, dst, constant),
        });
        Ok(())
    }

    /// A slot of the stack is stored to or loaded from, or an atomic operation does both.
    fn stack(&mut self) -> Result<()> {
        let (reg, size) = (self.number()?, self.size()?);
        let slot = self.u.int_in_range(1..=4i16)? * -8;
        let inner =
            if self.u.ratio(1u8, 3u8)? { size.bytes() as i16 * self.u.int_in_range(0..=1)? } else { 0 };
        let off = slot + inner % 8;
        let (choice, constant) = (self.u.int_in_range(0..=6u8)?, self.constant()?);
        self.insns.push(match choice {
            0 => Insn::store_imm(size, Reg::R10, off, constant),
            1..=3 => Insn::store_reg(size, Reg::R10, off, reg),
            _ => Insn::load(size, reg, Reg::R10, off),
        });
        Ok(())
    }

    /// An access to the memory at a register's number.
    fn access(&mut self) -> Result<()> {
        let (index, size) = (self.number()?, self.size()?);
        let mut jumps = Vec::new();
        // Most indices are bounded before, somehow.
        match self.u.int_in_range(0..=8u8)? {
            6..=8 => jumps.push(self.bound_by_copy(index)?),
            0 => {
                let mask = *self.u.choose(&[7, 15, 31, 56, 60, 63])?;
                let width = self.width()?;
                self.insns.push(Insn::alu_imm(AluOp::And, width, index, mask));
            }
            1 => jumps.push(self.jump(index)?),
            2 | 3 => {
                let limit = *self.u.choose(&[8, 32, 56, 57, 60, 63, 64])?;
                let cond = *self.u.choose(&[Cond::Gt, Cond::Ge, Cond::Sgt, Cond::Sge])?;
                let width = self.width()?;
                self.insns.push(Insn::jump_imm(cond, width, index, limit, 0));
                jumps.push(self.insns.len() - 1);
                if self.u.ratio(1u8, 2u8)? {
                    let width = self.width()?;
                    self.insns.push(Insn::jump_imm(Cond::Slt, width, index, 0, 0));
                    jumps.push(self.insns.len() - 1);
                }
            }
            _ => {}
        }
        for _ in 0..self.u.int_in_range(0..=2u8)? {
            let choice = self.u.int_in_range(0..=2u8)?;
            if choice == 0 { self.arithmetic()? } else { self.stack()? }
        }
        if self.u.ratio(1u8, 4u8)? {
            self.insns.push(Insn::alu_reg(AluOp::Mov, Width::W32, index, index));
        }
        // r1 is the pointer: into the memory, or into the stack.
        let stack = self.u.ratio(1u8, 5u8)?;
        self.insns.push(Insn::mov_reg(Reg::R1, if stack { Reg::R10 } else { Reg::R6 }));
        self.insns.push(Insn::alu_reg(AluOp::Add, Width::W64, Reg::R1, index));
        let off = if stack { -64 } else { *self.u.choose(&[0, 0, 0, 1, -1, 8])? };
        let value = self.number()?;
        self.insns.push(if self.u.ratio(1u8, 3u8)? {
            Insn::store_reg(size, Reg::R1, off, value)
        } else {
            Insn::load(size, value, Reg::R1, off)
        });
        for jump in jumps {
            self.land(jump);
        }
        Ok(())
    }

    /// A comparison of a copy of a register, which may have been taken on one way only, and be a constant away. Gives
    /// the slot of the jump.
    fn bound_by_copy(&mut self, index: Reg) -> Result<usize> {
        let (copy, other) = (self.number()?, self.number()?);
        let wide = if self.u.ratio(1u8, 3u8)? { Width::W32 } else { Width::W64 };
        let on_stack = self.u.ratio(1u8, 4u8)?;
        let skipped = self.u.ratio(1u8, 2u8)?.then(|| self.jump(other)).transpose()?;
        if wide == Width::W32 && self.u.ratio(2u8, 3u8)? {
            self.insns.push(Insn::alu_reg(AluOp::Mov, wide, index, index));
        }
        self.insns.push(Insn::alu_reg(AluOp::Mov, wide, copy, index));
        if on_stack {
            self.insns.push(Insn::store_reg(Size::Dw, Reg::R10, -8, copy));
        }
        if self.u.ratio(1u8, 3u8)? {
            let distance = *self.u.choose(&[1, -1, 8, -8])?;
            self.insns.push(Insn::alu_imm(AluOp::Add, wide, copy, distance));
        }
        if let Some(skipped) = skipped {
            self.land(skipped);
        }
        if self.u.ratio(1u8, 3u8)? {
            self.statements(0)?;
        }
        if on_stack {
            self.insns.push(Insn::load(Size::Dw, copy, Reg::R10, -8));
        }
        let limit = *self.u.choose(&[7, 32, 55, 56, 57, 63, 64])?;
        let cond = *self.u.choose(&[Cond::Gt, Cond::Ge, Cond::Gt, Cond::Ne])?;
        let width = if self.u.ratio(1u8, 4u8)? { Width::W32 } else { wide };
        self.insns.push(Insn::jump_imm(cond, width, copy, limit, 0));
        Ok(self.insns.len() - 1)
    }

    /// A few statements; `depth` bounds nesting.
    fn statements(&mut self, depth: u8) -> Result<()> {
        for _ in 0..self.u.int_in_range(1..=5u8)? {
            match self.u.int_in_range(0..=9u8)? {
                0..=2 => self.arithmetic()?,
                3 | 4 => self.stack()?,
                5 | 6 => self.access()?,
                7 | 8 if depth > 0 => {
                    let reg = self.number()?;
                    let jump = self.jump(reg)?;
                    self.statements(depth - 1)?;
                    self.land(jump);
                }
                9 if depth > 0 => self.rounds(depth - 1)?,
                _ => self.arithmetic()?,
            }
        }
        Ok(())
    }

    /// A loop with its counter on the stack, below what statements use.
    fn rounds(&mut self, depth: u8) -> Result<()> {
        let counter = -72 - i16::from(depth) * 8;
        let limit = self.u.int_in_range(1..=5)?;
        self.insns.push(Insn::store_imm(Size::Dw, Reg::R10, counter, 0));
        let start = self.insns.len();
        self.statements(depth)?;
        self.insns.push(Insn::load(Size::Dw, Reg::R1, Reg::R10, counter));
        self.insns.push(Insn::alu_imm(AluOp::Add, Width::W64, Reg::R1, 1));
        self.insns.push(Insn::store_reg(Size::Dw, Reg::R10, counter, Reg::R1));
        let back = start as i64 - self.insns.len() as i64 - 1;
        self.insns.push(Insn::jump_imm(Cond::Lt, Width::W64, Reg::R1, limit, back as i16));
        Ok(())
    }

    /// The end of a function; what it returns is the memory's first number or r0.
    fn end(&mut self) {
        self.insns.push(Insn::exit());
    }
}

fn make(u: &mut Unstructured<'_>) -> Result<Program> {
    let mut maker = Maker { u, insns: Vec::new() };
    maker.prologue()?;
    maker.statements(3)?;
    let call = maker.u.ratio(1u8, 2u8)?.then(|| {
        maker.insns.push(Insn::mov_reg(Reg::R1, Reg::R6));
        maker.insns.push(Insn::new(Op::Call(Callee::Local)));
        maker.insns.len() - 1
    });
    if call.is_some() {
        // What a call leaves in r1 to r5 is nothing: take numbers again.
        for reg in [Reg::R2, Reg::R3, Reg::R4, Reg::R5] {
            maker.insns.push(Insn::mov_reg(reg, Reg::R0));
        }
        maker.statements(1)?;
    }
    maker.end();
    let mut starts = vec![0];
    if let Some(call) = call {
        let start = maker.insns.len();
        maker.insns[call].imm = (start - call - 1) as i64;
        starts.push(start);
        maker.prologue()?;
        maker.statements(2)?;
        maker.end();
    }
    let insns = maker.insns;
    let ends = starts.iter().skip(1).copied().chain([insns.len()]);
    let function = |(&start, end): (&usize, usize)| ProgFunction {
        name: format!("f{start}"),
        start,
        end,
        global: false,
        btf_id: None,
    };
    Ok(Program {
        name: "random".to_owned(),
        prog_type: ProgType::Unspec,
        attach_type: AttachType(0),
        license: String::new(),
        kern_version: 0,
        functions: starts.iter().zip(ends).map(function).collect(),
        insns,
        maps: Vec::new().into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        flags: skep_obj::ProgFlags::default(),
        attach_to: None,
        kernel_symbols: Vec::new(),
        btf: None,
    })
}

const MEMORY_AT: u64 = 0x7000_0000_1000;
const STACK_AT: u64 = 0x7000_4000_0000;
const FRAME: u64 = 512;

/// A run: registers without a value are `None`.
struct Machine<'v> {
    verified: &'v Verified,
    memory: [u8; MEMORY],
    stack: Vec<u8>,
    regs: [Option<u64>; Reg::COUNT],
    /// Return slots and the registers that a call keeps.
    calls: Vec<(usize, [Option<u64>; 4])>,
}

type Broken = std::result::Result<u64, String>;

impl Machine<'_> {
    fn get(&self, reg: Reg) -> Broken {
        self.regs[reg.index()].ok_or_else(|| format!("{reg} has no value"))
    }

    /// The bytes at an address.
    fn at(&mut self, address: u64, size: usize) -> std::result::Result<&mut [u8], String> {
        let depth = self.calls.len() as u64;
        let (start, bytes): (u64, &mut [u8]) = if address < STACK_AT - FRAME * 8 {
            (MEMORY_AT, &mut self.memory)
        } else {
            // Frames lie one below the other; the present and all before it can be accessed.
            let start = STACK_AT - FRAME * (depth + 1);
            (start, &mut self.stack[..(FRAME * (depth + 1)) as usize])
        };
        let off = address.wrapping_sub(start);
        match usize::try_from(off).ok().and_then(|off| bytes.get_mut(off..off.checked_add(size)?)) {
            Some(found) => Ok(found),
            None => Err(format!("{size} bytes at {address:#x} are not there")),
        }
    }

    fn load(&mut self, address: u64, size: usize) -> Broken {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.at(address, size)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// Runs to the end, or to what must not happen; gives the number of instructions.
    fn run(&mut self) -> std::result::Result<u64, String> {
        let program = self.verified.program().clone();
        let facts = self.verified.facts().expect("they were asked for").clone();
        let mut rounds = vec![0; facts.loops().len()];
        let (mut last, mut at) = (None, 0);
        for executed in 1..100_000 {
            let insn = program.insns[at];
            let wrong = |why: String| format!("instruction {at}: {why}");
            if self.verified.fact(at) == Fact::Unreachable {
                return Err(wrong("it was found unreachable".to_owned()));
            }
            come_round(&facts, last, at, &mut rounds).map_err(wrong)?;
            for (register, known) in facts.registers(at) {
                self.holds(*register, known).map_err(wrong)?;
            }
            let next = self.step(at, &insn).map_err(wrong)?;
            if let (Op::Jump { .. }, Some(next)) = (insn.op(), next) {
                goes_on(&facts, at, insn.off, next).map_err(wrong)?;
            }
            last = Some(at);
            match (next, facts.cost()) {
                (_, Bound::AtMost(most)) if executed > most => {
                    return Err(wrong(format!("{executed} were executed, expected at most {most}")));
                }
                (_, Bound::Unbounded(why)) => return Err(format!("there is no bound: {why:?}")),
                (Some(next), _) => at = next,
                (None, _) => {
                    return match facts.returns() {
                        Some(known) => self.holds(0, known).map(|()| executed),
                        None => Err("it was found to return nothing".to_owned()),
                    };
                }
            }
        }
        Err("it does not end".to_owned())
    }

    /// Checks what is known of a register against what is in it.
    fn holds(&self, register: u8, known: &Known) -> std::result::Result<(), String> {
        let wrong = |what: String| Err(format!("r{register} is {what}, and known to be {known}"));
        let Some(value) = self.regs[register as usize] else {
            return if *known == Known::Mixed { Ok(()) } else { wrong("nothing".to_owned()) };
        };
        let fits = match known {
            Known::Mixed => true,
            Known::Number(number) => number.contains(value),
            Known::Pointer(pointer) if pointer.nullable && value == 0 => true,
            Known::Pointer(pointer) => {
                let frames = 0..=self.calls.len() as u64;
                let starts: Vec<u64> = match &*pointer.kind {
                    "mem" => vec![MEMORY_AT],
                    "fp" => frames.map(|frame| STACK_AT - FRAME * frame).collect(),
                    other => return wrong(format!("no {other}")),
                };
                starts.iter().any(|start| pointer.offset.contains(value.wrapping_sub(*start)))
            }
        };
        if fits { Ok(()) } else { wrong(format!("{value:#x}")) }
    }

    fn step(&mut self, at: usize, insn: &Insn) -> std::result::Result<Option<usize>, String> {
        let operand = |machine: &Machine<'_>, src| match src {
            Src::Imm => Ok(insn.imm as u64),
            Src::Reg => machine.get(insn.src),
        };
        match insn.op() {
            Op::Alu { op, width, src } => {
                let b = operand(self, src)?;
                let a = if op == AluOp::Mov { 0 } else { self.get(insn.dst)? };
                self.regs[insn.dst.index()] = Some(compute(op, width, a, b));
            }
            Op::Neg { width } => {
                let a = self.get(insn.dst)?;
                self.regs[insn.dst.index()] = Some(compute(AluOp::Sub, width, 0, a));
            }
            Op::MovSx { width, from } => {
                let a = self.get(insn.src)?;
                let unused = 64 - from.bits();
                let extended = ((a << unused) as i64 >> unused) as u64;
                self.regs[insn.dst.index()] = Some(cut(width, extended));
            }
            Op::End { order, size } => {
                let a = self.get(insn.dst)?;
                let unused = 64 - size.bits();
                let low = a << unused >> unused;
                let swapped = if order == Order::Little { low } else { (low << unused).swap_bytes() };
                self.regs[insn.dst.index()] = Some(swapped);
            }
            Op::Jump { cond, width, src } => {
                let (a, b) = (self.get(insn.dst)?, operand(self, src)?);
                if holds(cond, width, a, b) {
                    return Ok(Some((at as i64 + 1 + i64::from(insn.off)) as usize));
                }
            }
            Op::Load { size, .. } => {
                let address = self.get(insn.src)?.wrapping_add(insn.off as u64);
                self.regs[insn.dst.index()] = Some(self.load(address, size.bytes() as usize)?);
            }
            Op::Store { size, src } => {
                let value = operand(self, src)?.to_le_bytes();
                let address = self.get(insn.dst)?.wrapping_add(insn.off as u64);
                let size = size.bytes() as usize;
                self.at(address, size)?.copy_from_slice(&value[..size]);
            }
            Op::Call(Callee::Local) => {
                let kept = [6, 7, 8, 9].map(|r: usize| self.regs[r]);
                self.calls.push((at + 1, kept));
                self.regs[0] = None;
                self.regs[6..10].fill(None);
                self.regs[10] = Some(STACK_AT - FRAME * self.calls.len() as u64);
                // A new frame holds zeroes, at the front: frames grow down.
                self.stack.splice(0..0, [0; FRAME as usize]);
                return Ok(Some((at as i64 + 1 + insn.imm) as usize));
            }
            Op::Exit => {
                let Some((next, kept)) = self.calls.pop() else {
                    self.get(Reg::R0)?;
                    return Ok(None);
                };
                self.stack.drain(..FRAME as usize);
                self.regs[1..6].fill(None);
                self.regs[6..10].copy_from_slice(&kept);
                self.regs[10] = Some(STACK_AT - FRAME * self.calls.len() as u64);
                return Ok(Some(next));
            }
            other => return Err(format!("{other:?} was not generated")),
        }
        Ok(Some(at + 1))
    }
}

/// Counts the rounds of the loops that an instruction is the head of.
fn come_round(
    facts: &Facts,
    last: Option<usize>,
    at: usize,
    rounds: &mut [u64],
) -> std::result::Result<(), String> {
    for (index, found) in facts.loops().iter().enumerate().filter(|(_, found)| found.head == at) {
        let comes_round = last.is_some_and(|last| found.jumps.contains(&last));
        rounds[index] = if comes_round { rounds[index] + 1 } else { 0 };
        if found.rounds.most().is_none_or(|most| rounds[index] > most) {
            return Err(format!("round {} of a loop that makes {:?}", rounds[index], found.rounds));
        }
    }
    Ok(())
}

/// Checks how a conditional jump goes on.
fn goes_on(facts: &Facts, at: usize, off: i16, next: usize) -> std::result::Result<(), String> {
    let target = (at as i64 + 1 + i64::from(off)) as usize;
    let fits = match facts.branch(at) {
        Branch::Both => true,
        Branch::Always => next == target,
        Branch::Never => next == at + 1,
        Branch::None => false,
    };
    if fits { Ok(()) } else { Err(format!("it goes on at {next}, found {:?}", facts.branch(at))) }
}

/// Memory with numbers that comparisons are about.
fn memory(u: &mut Unstructured<'_>) -> Result<[u8; MEMORY]> {
    let mut memory = [0; MEMORY];
    for chunk in memory.chunks_mut(8) {
        let number = match u.int_in_range(0..=3u8)? {
            0 => u.arbitrary::<u64>()?,
            1 => u.int_in_range(0..=80u64)?,
            2 => i64::from(*u.choose(&CONSTANTS)?) as u64,
            _ => u64::from(u.arbitrary::<u32>()?),
        };
        chunk.copy_from_slice(&number.to_le_bytes());
    }
    Ok(memory)
}

#[test]
fn accepted_programs_do_nothing_that_must_not_happen() {
    let (made, accepted, runs) = (Cell::new(0u32), Cell::new(0u32), Cell::new(0u32));
    let (exact, reached) = (Cell::new(0u32), Cell::new(0u32));
    let budget = std::env::var("SKEP_RANDOM_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(1500);
    arbtest::arbtest(|u| {
        let program = Arc::new(make(u)?);
        assert!(program.insns.iter().all(|i| i.form != FormId::RAW));
        made.set(made.get() + 1);
        let limits = Limits { insns: 20_000, ..Limits::LINUX };
        let shifts = Shifts::Rfc9669;
        let memory_bytes = Some(MEMORY as u32);
        let options = Options { memory: memory_bytes, limits, shifts, facts: true, ..Options::default() };
        let Ok(verified) = verify(program.clone(), &options) else { return Ok(()) };
        accepted.set(accepted.get() + 1);
        let facts = verified.facts().expect("they were asked for");
        exact.set(exact.get() + u32::from(facts.knows_numbers()));
        let mut most = 0;
        for _ in 0..6 {
            let memory = memory(u)?;
            let mut regs = [None; Reg::COUNT];
            regs[1] = Some(MEMORY_AT);
            regs[2] = Some(MEMORY as u64);
            regs[10] = Some(STACK_AT);
            let stack = vec![0; FRAME as usize];
            let mut machine = Machine { verified: &verified, memory, stack, regs, calls: Vec::new() };
            match machine.run() {
                Ok(executed) => most = most.max(executed),
                Err(why) => {
                    let text = program.insns.iter().enumerate().map(|(at, insn)| format!("{at}: {insn:?}"));
                    let text: Vec<String> = text.collect();
                    panic!("{why}\nmemory {memory:?}\n{}", text.join("\n"));
                }
            }
            runs.set(runs.get() + 1);
        }
        reached.set(reached.get() + u32::from(facts.cost() == Bound::AtMost(most)));
        Ok(())
    })
    .budget_ms(budget)
    .size_min(1 << 9)
    .size_max(1 << 13)
    .run();
    println!("{} programs, {} accepted, {} runs", made.get(), accepted.get(), runs.get());
    println!("numbers known of {}; as many instructions as there may be in {}", exact.get(), reached.get());
    assert!(accepted.get() * 50 > made.get(), "too few programs are accepted for the test to mean anything");
    assert!(exact.get() * 10 > accepted.get() * 9, "too few programs have numbers that are known");
    assert!(reached.get() * 20 > accepted.get(), "bounds are too far from what is executed");
}
