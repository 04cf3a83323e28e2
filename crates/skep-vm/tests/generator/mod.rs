//! Random programs that a verifier passes: arithmetic, memory, atomics, branches forwards and calls, over memory in r1.
//!
//! The same generator feeds a property test and a fuzz target. Every register that can be read has a number in it, r6 is
//! the only pointer, accesses lie at constant offsets, and jumps only go forwards, so programs end and stay inside.

use arbitrary::{Result, Unstructured};
use skep_isa::{AluOp, AtomicOp, Callee, Cond, Insn, Op, Order, Reg, Size, Src, Wide, Width};

/// Bytes of memory that a program needs.
pub(crate) const MEMORY: usize = 64;

/// Bytes of stack that each function uses, all of them written first.
const STACK: i16 = 64;

/// Most instructions of the body of a function.
const BODY: usize = 60;

/// Registers with numbers in them.
const DATA: [Reg; 9] = [Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5, Reg::R7, Reg::R8, Reg::R9];
const SIZES: [Size; 4] = [Size::B, Size::H, Size::W, Size::Dw];
const WIDTHS: [Width; 2] = [Width::W32, Width::W64];

/// Makes a program of random bytes: an entry function, and perhaps one that it calls.
pub(crate) fn program(u: &mut Unstructured<'_>) -> Result<Vec<Insn>> {
    let has_callee = u.ratio(1, 3)?;
    let mut insns = function(u, has_callee, true)?;
    let entry = insns.len();
    if has_callee {
        insns.extend(function(u, false, false)?);
    }
    for (at, insn) in insns[..entry].iter_mut().enumerate() {
        if insn.op() == Op::Call(Callee::Local) {
            insn.imm = (entry - at - 1) as i64;
        }
    }
    Ok(insns)
}

/// A statement: what stays together, and how many statements a jump in it skips.
struct Statement {
    insns: Vec<Insn>,
    skips: usize,
}

fn function(u: &mut Unstructured<'_>, calls: bool, entry: bool) -> Result<Vec<Insn>> {
    let mut insns = Vec::new();
    // Entry functions find memory in r1, others numbers in r1 to r5.
    let given = if entry { &[Reg::R2][..] } else { &DATA[1..6] };
    if entry {
        insns.push(Insn::mov_reg(Reg::R6, Reg::R1));
    }
    for reg in DATA.into_iter().filter(|reg| !given.contains(reg)) {
        insns.extend(Insn::wide(Wide::Imm, reg, number(u)?));
    }
    for slot in 1..=STACK / 8 {
        insns.push(Insn::store_reg(Size::Dw, Reg::R10, -8 * slot, *u.choose(&DATA)?));
    }
    let mut body = Vec::new();
    while body.len() < BODY && !u.is_empty() {
        body.push(statement(u, calls, entry)?);
    }
    let mut starts = Vec::new();
    let mut slots = 0;
    for statement in &body {
        starts.push(slots);
        slots += statement.insns.len();
    }
    starts.push(slots);
    for (index, mut statement) in body.into_iter().enumerate() {
        if statement.skips > 0 {
            let to = starts[(index + statement.skips).min(starts.len() - 1)];
            let jump = statement.insns.last_mut().expect("a jump");
            jump.off = (to - starts[index + 1]) as i16;
        }
        insns.extend(statement.insns);
    }
    // Whatever a register holds shows in the result.
    for reg in &DATA[1..] {
        insns.push(Insn::alu_imm(AluOp::Mul, Width::W64, Reg::R0, 0x5851_f42d));
        insns.push(Insn::alu_reg(AluOp::Xor, Width::W64, Reg::R0, *reg));
    }
    insns.push(Insn::exit());
    Ok(insns)
}

/// A number, of those at which arithmetic changes, or any.
fn number(u: &mut Unstructured<'_>) -> Result<i64> {
    const BORDERS: [i64; 10] =
        [0, 1, -1, i64::MIN, i64::MAX, i32::MIN as i64, i32::MAX as i64, 0x8000_0000, 0xffff_ffff, 1 << 32];
    if u.ratio(1, 2)? { Ok(*u.choose(&BORDERS)?) } else { u.arbitrary() }
}

fn immediate(u: &mut Unstructured<'_>) -> Result<i32> {
    Ok(match u.int_in_range(0..=3)? {
        0 => number(u)? as i32,
        1 => u.int_in_range(-130..=130)?,
        2 => 1 << u.int_in_range(0..=31)?,
        _ => u.arbitrary()?,
    })
}

fn statement(u: &mut Unstructured<'_>, calls: bool, entry: bool) -> Result<Statement> {
    let (dst, src, width) = (*u.choose(&DATA)?, *u.choose(&DATA)?, *u.choose(&WIDTHS)?);
    let size = *u.choose(&SIZES)?;
    let one = |insn: Insn| Ok(Statement { insns: vec![insn], skips: 0 });
    match u.int_in_range(0..=22)? {
        0..=4 => {
            let op = *u.choose(&AluOp::ALL)?;
            one(Insn::alu_reg(op, width, dst, src))
        }
        5..=8 => {
            let (op, imm) = (*u.choose(&AluOp::ALL)?, immediate(u)?);
            // Shifts by any constant: what is beyond the width is masked.
            one(Insn::alu_imm(
                op,
                width,
                dst,
                match op {
                    AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod if imm == 0 => 7,
                    _ => imm,
                },
            ))
        }
        9 => one(Insn::new(Op::Neg { width }).dst(dst)),
        10 => {
            let from = *u.choose(&SIZES[..if width == Width::W64 { 3 } else { 2 }])?;
            one(Insn::new(Op::MovSx { width, from }).dst(dst).src(src))
        }
        11 => {
            let order = *u.choose(&[Order::Little, Order::Big, Order::Swap])?;
            one(Insn::end(order, *u.choose(&SIZES[1..])?, dst))
        }
        12 => Ok(Statement { insns: Insn::wide(Wide::Imm, dst, number(u)?).to_vec(), skips: 0 }),
        13..=15 => {
            let (cond, skips) = (*u.choose(&Cond::ALL)?, u.int_in_range(1..=6)?);
            let insn = if u.arbitrary()? {
                Insn::jump_reg(cond, width, dst, src, 0)
            } else {
                Insn::jump_imm(cond, width, dst, immediate(u)?, 0)
            };
            Ok(Statement { insns: vec![insn], skips })
        }
        16..=18 => one(access(u, dst, src, size, entry)?),
        19 | 20 => Ok(Statement { insns: rotate(u, dst, src, width)?, skips: 0 }),
        21 if entry => Ok(Statement { insns: indexed(u, dst, src, size)?, skips: 0 }),
        _ if calls => {
            // The callee gets numbers, and leaves none in the registers that calls don't keep.
            let mut insns = vec![Insn::new(Op::Call(Callee::Local))];
            insns.extend((1..=5).map(|reg| Insn::mov_imm(Reg(reg), i32::from(reg))));
            Ok(Statement { insns, skips: 0 })
        }
        _ => one(Insn::mov_reg(dst, src)),
    }
}

/// Two shifts and an `or`, as compilers write rotates, or nearly so: emitters look for them.
fn rotate(u: &mut Unstructured<'_>, t: Reg, x: Reg, width: Width) -> Result<Vec<Insn>> {
    let bits = if width == Width::W64 { 64 } else { 32 };
    let count = u.int_in_range(1..=bits - 1)?;
    let (first, second) = if u.arbitrary()? { (AluOp::Rsh, AluOp::Lsh) } else { (AluOp::Lsh, AluOp::Rsh) };
    let other_count = if u.ratio(1, 8)? { count } else { bits - count };
    let mov = |to, from| Insn::alu_reg(AluOp::Mov, width, to, from);
    let mut insns = vec![mov(t, x), Insn::alu_imm(first, width, t, count)];
    let mut other = x;
    if u.arbitrary()? {
        other = *u.choose(&DATA)?;
        insns.push(mov(other, x));
    }
    insns.push(Insn::alu_imm(second, width, other, other_count));
    let join = *u.choose(&[AluOp::Or, AluOp::Add, AluOp::Xor])?;
    let join_width = if u.ratio(1, 4)? { *u.choose(&WIDTHS)? } else { width };
    let (to, from) = if u.arbitrary()? { (t, other) } else { (other, t) };
    insns.push(Insn::alu_reg(join, join_width, to, from));
    // What is left over is dead if it is overwritten before anything reads it.
    if u.arbitrary()? {
        insns.push(Insn::mov_imm(from, 3));
    }
    Ok(insns)
}

/// An access to the memory at a bounded index, by way of a pointer that is used once or twice.
fn indexed(u: &mut Unstructured<'_>, index: Reg, value: Reg, size: Size) -> Result<Vec<Insn>> {
    let pointer = *u.choose(&DATA)?;
    if pointer == index {
        return Ok(vec![Insn::mov_reg(value, index)]);
    }
    let off = u.int_in_range(0..=MEMORY as i16 / 2 - 8)?;
    let mut insns = vec![
        Insn::alu_imm(AluOp::And, Width::W64, index, MEMORY as i32 / 2 - 1),
        Insn::mov_reg(pointer, Reg::R6),
        Insn::alu_reg(AluOp::Add, Width::W64, pointer, index),
    ];
    let mut alive = true;
    for _ in 0..u.int_in_range(1..=2)? {
        if !alive {
            break;
        }
        insns.push(match u.int_in_range(0..=3)? {
            0 if value != pointer => Insn::store_reg(size, pointer, off, value),
            1 => Insn::store_imm(size, pointer, off, immediate(u)?),
            2 if size != Size::Dw => {
                alive = value != pointer;
                Insn::new(Op::Load { size, signed: true }).dst(value).src(pointer).off(off)
            }
            _ => {
                alive = value != pointer;
                Insn::load(size, value, pointer, off)
            }
        });
    }
    // The pointer becomes a number again, as every register but r6 is one.
    if alive {
        insns.push(Insn::mov_imm(pointer, immediate(u)?));
    }
    Ok(insns)
}

/// An access to the memory or the stack, aligned as far as atomics need it.
fn access(u: &mut Unstructured<'_>, dst: Reg, src: Reg, size: Size, entry: bool) -> Result<Insn> {
    let in_memory = entry && u.arbitrary()?;
    let (base, start, len) = if in_memory { (Reg::R6, 0, MEMORY as i16) } else { (Reg::R10, -STACK, STACK) };
    let bytes = size.bytes() as i16;
    let off = start + u.int_in_range(0..=len / bytes - 1)? * bytes;
    let wide = if size.bytes() < 4 { Size::Dw } else { size };
    let wide_off = if size.bytes() < 4 { off & !7 } else { off };
    Ok(match u.int_in_range(0..=7)? {
        0 | 1 => Insn::load(size, dst, base, off),
        2 if size != Size::Dw => Insn::new(Op::Load { size, signed: true }).dst(dst).src(base).off(off),
        3 => Insn::store_imm(size, base, off, immediate(u)?),
        4 => {
            let op = *u.choose(&[
                AtomicOp::Add,
                AtomicOp::Or,
                AtomicOp::And,
                AtomicOp::Xor,
                AtomicOp::Xchg,
                AtomicOp::CmpXchg,
            ])?;
            let fetch = matches!(op, AtomicOp::Xchg | AtomicOp::CmpXchg) || u.arbitrary()?;
            Insn::atomic(op, wide, fetch, base, wide_off, src)
        }
        5 => Insn::new(Op::LoadAcquire { size }).dst(dst).src(base).off(off),
        6 => Insn::new(Op::StoreRelease { size }).dst(base).src(src).off(off),
        _ => Insn::new(Op::Store { size, src: Src::Reg }).dst(base).src(src).off(off),
    })
}
