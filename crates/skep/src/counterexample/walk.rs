//! The path to a refusal once more, with numbers as expressions of the input: which input takes it, and which makes of its
//! last instruction what it may not be.

use std::collections::BTreeMap;
use std::rc::Rc;

use skep_abi::{Arg, Context, FieldKind, Function, ProgType, Ret};
use skep_isa::{AluOp, Callee, Cond, Insn, Op, Order, Size, Src, Wide, Width};
use skep_obj::Program;
use skep_verify::{Fact, Suspect};

use super::symbol::{Constraint, Expr, Place};

/// Bytes of a link layer header, which socket filters don't see.
const HEADER: u64 = 14;

/// What a register holds.
#[derive(Clone, Debug)]
enum Held {
    Number(Rc<Expr>),
    Context,
    /// Into the packet; its end is the packet's length.
    Packet(Rc<Expr>),
    /// So far from the frame pointer of the frame with this depth.
    Stack(usize, Rc<Expr>),
    Map(u32),
    /// Into what the lookup with this number found, which may be nothing.
    Value(usize, Rc<Expr>),
    Unknown,
}

/// A lookup of a value on the path.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) map: u32,
    /// The bytes of the key, where they are known.
    key: Option<Vec<Rc<Expr>>>,
    /// Whether the path needs it to find something; none if it does not matter so far.
    pub(super) found: Option<bool>,
}

impl Lookup {
    /// The key, for an input.
    pub(super) fn key(&self, input: &super::symbol::Assignment) -> Option<Vec<u8>> {
        Some(self.key.as_ref()?.iter().map(|byte| byte.value(input) as u8).collect())
    }
}

/// A path, walked.
pub(super) struct Walk<'a> {
    suspect: &'a Suspect,
    program: &'a Program,
    context: Option<&'static Context>,
    frames: Vec<[Held; 11]>,
    /// Bytes of the stack, by frame and offset; whole pointers by where they start.
    stack: BTreeMap<(usize, i64), Rc<Expr>>,
    spilled: BTreeMap<(usize, i64), Held>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) lookups: Vec<Lookup>,
}

fn constant(value: u64) -> Rc<Expr> {
    Rc::new(Expr::Const(value))
}

fn add(a: &Rc<Expr>, b: &Rc<Expr>) -> Rc<Expr> {
    Expr::alu(AluOp::Add, Width::W64, a.clone(), b.clone())
}

/// An operation on what two registers hold: numbers are computed, pointers moved.
fn alu(op: AluOp, width: Width, a: Held, b: Held) -> Held {
    use Held::{Number, Packet, Stack, Value};
    let wide = width == Width::W64;
    match (op, a, b) {
        (AluOp::Mov, _, Number(b)) => Number(if wide { b } else { Rc::new(Expr::Extend(4, false, b)) }),
        (AluOp::Mov, _, b) if wide => b,
        (_, Number(a), Number(b)) => Number(Expr::alu(op, width, a, b)),
        (AluOp::Add, Packet(a), Number(b)) | (AluOp::Add, Number(a), Packet(b)) if wide => {
            Packet(add(&a, &b))
        }
        (AluOp::Add, Stack(f, a), Number(b)) | (AluOp::Add, Number(b), Stack(f, a)) if wide => {
            Stack(f, add(&a, &b))
        }
        (AluOp::Add, Value(n, a), Number(b)) | (AluOp::Add, Number(b), Value(n, a)) if wide => {
            Value(n, add(&a, &b))
        }
        (AluOp::Sub, Packet(a), Number(b)) if wide => Packet(Expr::alu(op, width, a, b)),
        (AluOp::Sub, Packet(a), Packet(b)) if wide => Number(Expr::alu(op, width, a, b)),
        (AluOp::Sub, Stack(f, a), Number(b)) if wide => Stack(f, Expr::alu(op, width, a, b)),
        (AluOp::Sub, Value(n, a), Number(b)) if wide => Value(n, Expr::alu(op, width, a, b)),
        _ => Held::Unknown,
    }
}

impl<'a> Walk<'a> {
    /// Walks the path up to its last instruction.
    pub(super) fn of(suspect: &'a Suspect) -> Walk<'a> {
        let program = suspect.program();
        let mut registers = [const { Held::Unknown }; 11];
        registers[10] = Held::Stack(0, constant(0));
        registers[1] = Held::Context;
        if program.prog_type == ProgType::Unspec {
            registers[1] = Held::Packet(constant(0));
            registers[2] = Held::Number(Rc::new(Expr::Load(Place::Length, 8)));
        }
        let mut walk = Walk {
            suspect,
            program,
            context: program.prog_type.context(),
            frames: vec![registers],
            stack: BTreeMap::new(),
            spilled: BTreeMap::new(),
            constraints: Vec::new(),
            lookups: Vec::new(),
        };
        for pair in suspect.path().windows(2) {
            if let Some(insn) = program.insns.get(pair[0]) {
                walk.step(pair[0], insn, pair[1]);
            }
        }
        walk
    }

    fn register(&self, index: u8) -> Held {
        let frame = self.frames.last();
        frame.and_then(|frame| frame.get(index as usize)).cloned().unwrap_or(Held::Unknown)
    }

    fn set(&mut self, index: u8, held: Held) {
        if let Some(place) = self.frames.last_mut().and_then(|frame| frame.get_mut(index as usize)) {
            *place = held;
        }
    }

    fn operand(&self, insn: &Insn, src: Src) -> Held {
        match src {
            Src::Imm => Held::Number(constant(insn.imm as u64)),
            Src::Reg => self.register(insn.src.0),
        }
    }

    fn step(&mut self, at: usize, insn: &Insn, next: usize) {
        let (dst, src) = (insn.dst.0, insn.src.0);
        match insn.op() {
            Op::Alu { op, width, src } => {
                let held = alu(op, width, self.register(dst), self.operand(insn, src));
                self.set(dst, held);
            }
            Op::Neg { width } => {
                let zero = Held::Number(constant(0));
                let held = alu(AluOp::Sub, width, zero, self.register(dst));
                self.set(dst, held);
            }
            Op::MovSx { width, from } => {
                let held = match self.register(src) {
                    Held::Number(a) => {
                        let wide = Rc::new(Expr::Extend(from.bytes(), true, a));
                        Held::Number(if width == Width::W64 {
                            wide
                        } else {
                            Rc::new(Expr::Extend(4, false, wide))
                        })
                    }
                    _ => Held::Unknown,
                };
                self.set(dst, held);
            }
            Op::End { order, size } => {
                let swaps = match order {
                    Order::Swap => true,
                    Order::Big => cfg!(target_endian = "little"),
                    Order::Little => cfg!(target_endian = "big"),
                };
                let held = match self.register(dst) {
                    Held::Number(a) if swaps => Held::Number(Rc::new(Expr::Swap(size.bytes(), a))),
                    Held::Number(a) => Held::Number(Rc::new(Expr::Extend(size.bytes(), false, a))),
                    _ => Held::Unknown,
                };
                self.set(dst, held);
            }
            Op::Jump { cond, width, src } => {
                let taken = insn.target().is_some_and(|distance| at as i64 + 1 + distance == next as i64);
                let falls = at + 1 == next;
                if taken != falls {
                    self.branch(cond, width, self.register(dst), self.operand(insn, src), taken);
                }
            }
            Op::Load { size, signed } => {
                let held = self.load(at, insn, size);
                let held = match held {
                    Held::Number(a) if signed => Held::Number(Rc::new(Expr::Extend(size.bytes(), true, a))),
                    other => other,
                };
                self.set(dst, held);
            }
            Op::Store { size, src } => self.store(insn, size, src),
            Op::Wide(kind) => {
                let held = match kind {
                    Wide::Imm => Held::Number(constant(insn.imm as u64)),
                    Wide::MapIdx => Held::Map(insn.imm as u32),
                    _ => Held::Unknown,
                };
                self.set(dst, held);
            }
            Op::Call(Callee::Local) => {
                let mut frame = [const { Held::Unknown }; 11];
                for (register, held) in (1..=5).zip(&mut frame[1..]) {
                    *held = self.register(register);
                }
                frame[10] = Held::Stack(self.frames.len(), constant(0));
                self.frames.push(frame);
            }
            Op::Call(Callee::Helper) => self.call(insn),
            Op::Exit if self.frames.len() > 1 => {
                let result = self.register(0);
                self.frames.pop();
                self.forget_arguments();
                self.set(0, result);
            }
            Op::Call(_) | Op::CallX | Op::LoadPacket { .. } => {
                self.forget_arguments();
                self.set(0, Held::Unknown);
            }
            Op::Atomic { .. } => {
                self.set(src, Held::Unknown);
                self.set(0, Held::Unknown);
            }
            Op::LoadAcquire { .. } => self.set(dst, Held::Unknown),
            _ => {}
        }
    }

    fn forget_arguments(&mut self) {
        (1..=5).for_each(|register| self.set(register, Held::Unknown));
    }

    fn branch(&mut self, cond: Cond, width: Width, a: Held, b: Held, taken: bool) {
        match (a, b) {
            (Held::Number(left), Held::Number(right)) | (Held::Packet(left), Held::Packet(right)) => {
                self.constraints.push(Constraint { cond, width, left, right, wanted: taken });
            }
            (Held::Value(number, _), Held::Number(zero)) if matches!(*zero, Expr::Const(0)) => {
                self.lookups[number].found = match cond {
                    Cond::Eq => Some(!taken),
                    Cond::Ne => Some(taken),
                    _ => return,
                };
            }
            _ => {}
        }
    }

    fn load(&mut self, at: usize, insn: &Insn, size: Size) -> Held {
        let (off, bytes) = (constant(insn.off as i64 as u64), size.bytes());
        match self.register(insn.src.0) {
            Held::Context => self.field(at, bytes),
            Held::Packet(base) => match *add(&base, &off) {
                Expr::Const(at) if at < u64::from(u16::MAX) => {
                    Held::Number(Rc::new(Expr::Load(Place::Packet(at as u32), bytes)))
                }
                _ => Held::Unknown,
            },
            Held::Value(number, base) => {
                self.lookups[number].found = Some(true);
                let map = self.lookups[number].map;
                match *add(&base, &off) {
                    Expr::Const(at) if at < u64::from(u32::MAX) => {
                        Held::Number(Rc::new(Expr::Load(Place::Value(map, at as u32), bytes)))
                    }
                    _ => Held::Unknown,
                }
            }
            Held::Stack(frame, base) => match *add(&base, &off) {
                Expr::Const(at) => self.stacked(frame, at as i64, bytes),
                _ => Held::Unknown,
            },
            _ => Held::Unknown,
        }
    }

    /// A field of the context.
    fn field(&self, at: usize, bytes: u32) -> Held {
        let Fact::Context { field: index, byte } = self.suspect.fact(at) else { return Held::Unknown };
        let Some(field) = self.context.and_then(|context| context.fields.get(index as usize)) else {
            return Held::Unknown;
        };
        let is_socket_filter = self.program.prog_type == ProgType::SocketFilter;
        match (field.kind, field.name) {
            (FieldKind::PacketData | FieldKind::PacketMeta, _) => Held::Packet(constant(0)),
            (FieldKind::PacketEnd, _) => Held::Packet(Rc::new(Expr::Load(Place::Length, 8))),
            (FieldKind::Scalar, "len") if is_socket_filter => {
                let length = Rc::new(Expr::Load(Place::Length, 8));
                Held::Number(Expr::alu(AluOp::Sub, Width::W64, length, constant(HEADER)))
            }
            (FieldKind::Scalar, "len") if byte == 0 && bytes == 4 => {
                Held::Number(Rc::new(Expr::Load(Place::Length, 8)))
            }
            (FieldKind::Scalar, "protocol") if byte == 0 => {
                Held::Number(Rc::new(Expr::Load(Place::Packet(12), bytes.min(2))))
            }
            (FieldKind::Scalar, _) => Held::Number(Rc::new(Expr::Load(Place::Field(index, byte), bytes))),
            _ => Held::Unknown,
        }
    }

    fn store(&mut self, insn: &Insn, size: Size, src: Src) {
        let held = self.operand(insn, src);
        match self.register(insn.dst.0) {
            Held::Stack(frame, base) => {
                let Expr::Const(at) = *add(&base, &constant(insn.off as i64 as u64)) else { return };
                self.put(frame, at as i64, size.bytes(), held);
            }
            Held::Value(number, _) => self.lookups[number].found = Some(true),
            _ => {}
        }
    }

    /// Puts a value on the stack, byte by byte if it is a number.
    fn put(&mut self, frame: usize, at: i64, bytes: u32, held: Held) {
        self.spilled.retain(|(f, from), _| *f != frame || *from + 8 <= at || *from >= at + i64::from(bytes));
        for byte in 0..bytes {
            let part = match &held {
                Held::Number(value) => {
                    let shifted =
                        Expr::alu(AluOp::Rsh, Width::W64, value.clone(), constant(u64::from(8 * byte)));
                    Some(Rc::new(Expr::Extend(1, false, shifted)))
                }
                _ => None,
            };
            match part {
                Some(part) => self.stack.insert((frame, at + i64::from(byte)), part),
                None => self.stack.remove(&(frame, at + i64::from(byte))),
            };
        }
        if bytes == 8 {
            self.spilled.insert((frame, at), held);
        } else if let (Held::Number(value), true) = (&held, bytes == 4) {
            let low = Held::Number(Rc::new(Expr::Extend(4, false, value.clone())));
            self.spilled.insert((frame, at), low);
        }
    }

    /// What is on the stack.
    fn stacked(&self, frame: usize, at: i64, bytes: u32) -> Held {
        match self.spilled.get(&(frame, at)) {
            Some(held) if bytes == 8 => return held.clone(),
            Some(Held::Number(value)) => {
                return Held::Number(Rc::new(Expr::Extend(bytes, false, value.clone())));
            }
            _ => {}
        }
        let parts: Option<Vec<_>> =
            (0..bytes).map(|byte| self.stack.get(&(frame, at + i64::from(byte))).cloned()).collect();
        let Some(parts) = parts else { return Held::Unknown };
        let joined = parts.into_iter().enumerate().fold(constant(0), |whole, (byte, part)| {
            let moved = Expr::alu(AluOp::Lsh, Width::W64, part, constant(8 * byte as u64));
            Expr::alu(AluOp::Or, Width::W64, whole, moved)
        });
        Held::Number(joined)
    }

    /// A helper: lookups are followed, of others the result is not known.
    fn call(&mut self, insn: &Insn) {
        let function = Function::by_id(insn.imm as u32);
        let result = match (function.map(|f| f.ret), self.register(1)) {
            (Some(Ret::MapValueOrNull | Ret::MapValue), Held::Map(map)) => {
                let spec = self.program.maps.get(map as usize);
                let size = spec.map_or(0, |spec| spec.def.key_size);
                let key = match self.register(2) {
                    Held::Stack(frame, at) => match *at {
                        Expr::Const(at) => self.bytes_at(frame, at as i64, size),
                        _ => None,
                    },
                    _ => None,
                };
                self.lookups.push(Lookup { map, key, found: None });
                Held::Value(self.lookups.len() - 1, constant(0))
            }
            _ => Held::Unknown,
        };
        // What a function fills is not known afterwards.
        let filled: Vec<(usize, i64)> = (1..=5)
            .filter(|r| {
                matches!(function.and_then(|f| f.args.get(*r as usize - 1)), Some(Arg::Memory { .. }))
            })
            .filter_map(|register| match self.register(register) {
                Held::Stack(frame, at) => match *at {
                    Expr::Const(at) => Some((frame, at as i64)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let reads_only = |f: &Function| {
            f.args
                .iter()
                .all(|arg| !matches!(arg, Arg::Memory { access, .. } if *access != skep_abi::Access::Read))
        };
        if !function.is_some_and(reads_only) {
            for (frame, at) in filled {
                self.stack.retain(|(f, from), _| *f != frame || *from < at);
                self.spilled.retain(|(f, from), _| *f != frame || *from < at);
            }
        }
        self.forget_arguments();
        self.set(0, result);
    }

    fn bytes_at(&self, frame: usize, at: i64, len: u32) -> Option<Vec<Rc<Expr>>> {
        let byte = |at: i64| match self.stacked(frame, at, 1) {
            Held::Number(value) => Some(value),
            _ => None,
        };
        (0..i64::from(len)).map(|i| byte(at + i)).collect()
    }

    /// What would make the last instruction break the rules, each by itself.
    pub(super) fn aims(&self) -> Vec<Constraint> {
        let Some(insn) = self.suspect.path().last().and_then(|at| self.program.insns.get(*at)) else {
            return Vec::new();
        };
        let (register, size) = match insn.op() {
            Op::Load { size, .. } => (insn.src.0, size),
            Op::Store { size, .. } | Op::Atomic { size, .. } => (insn.dst.0, size),
            Op::Call(Callee::Helper) => return self.call_aims(insn),
            _ => return Vec::new(),
        };
        self.outside(
            &self.register(register),
            &constant(insn.off as i64 as u64),
            &constant(size.bytes().into()),
        )
    }

    /// Memory arguments that are too long.
    fn call_aims(&self, insn: &Insn) -> Vec<Constraint> {
        let Some(function) = Function::by_id(insn.imm as u32) else { return Vec::new() };
        let sized = function.args.iter().enumerate().filter_map(|(index, arg)| match arg {
            Arg::Memory { size, .. } => Some((index as u8 + 1, *size + 1)),
            _ => None,
        });
        sized
            .flat_map(|(memory, size)| match self.register(size) {
                Held::Number(size) => self.outside(&self.register(memory), &constant(0), &size),
                _ => Vec::new(),
            })
            .collect()
    }

    /// What leads an access of so many bytes, so far from a pointer, out of its memory.
    fn outside(&self, held: &Held, off: &Rc<Expr>, size: &Rc<Expr>) -> Vec<Constraint> {
        let (start, end, low) = match held {
            Held::Packet(at) => (add(at, off), Rc::new(Expr::Load(Place::Length, 8)), 0),
            Held::Stack(_, at) => (add(at, off), constant(0), -512i64),
            Held::Value(number, at) => {
                let map = self.lookups[*number].map as usize;
                let size = self.program.maps.get(map).map_or(0, |map| map.def.value_size);
                (add(at, off), constant(size.into()), 0)
            }
            _ => return Vec::new(),
        };
        let past = add(&start, size);
        let aim = |cond, left: &Rc<Expr>, right: Rc<Expr>| Constraint {
            cond,
            width: Width::W64,
            left: left.clone(),
            right,
            wanted: true,
        };
        let mut aims = vec![aim(Cond::Sgt, &past, end), aim(Cond::Slt, &start, constant(low as u64))];
        // Behind a value of an array there may be another value.
        if let Held::Value(number, _) = held
            && let Some(spec) = self.program.maps.get(self.lookups[*number].map as usize)
        {
            let all = u64::from(spec.def.value_size) * u64::from(spec.def.max_entries);
            aims.push(aim(Cond::Sgt, &past, constant(all)));
        }
        aims
    }
}
