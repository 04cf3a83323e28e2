//! Packet pointers along a path: which registers point into the packet, what they have in common, and which
//! comparisons with the packet's end there were.

use std::collections::HashMap;

use skep_abi::{Field, FieldKind};
use skep_isa::{AluOp, Callee, Insn, Op, Reg, Size, Src, Width};
use skep_obj::Program;

use super::why::moves_packet;
use crate::liveness::uses;

/// What a register has to do with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// The context, out of which packet pointers come.
    Context,
    /// A pointer into the packet: what was added that is not constant, by the step that did; and the constant part.
    Data { name: usize, off: i64 },
    /// The packet's end.
    End,
    /// It pointed into the packet before the call at this step.
    Lost { by: usize },
    /// The low half of such a pointer, taken at this step.
    Narrowed { at: usize },
}

/// A comparison of a packet pointer with the packet's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    pub(super) step: usize,
    pub(super) register: u8,
    pub(super) name: usize,
    pub(super) off: i64,
    /// Whether only the low halves are compared.
    pub(super) narrow: bool,
}

/// What a frame has to do with the packet.
#[derive(Clone, Default)]
struct Frame {
    registers: [Option<Packet>; Reg::COUNT],
    stack: HashMap<i16, Packet>,
}

/// A path, as far as the packet is concerned.
pub(super) struct Trail {
    frames: Vec<Frame>,
    pub(super) compared: Vec<Compared>,
    /// Whether anything was compared with the packet's end.
    pub(super) end_seen: bool,
}

impl Trail {
    /// Follows a path up to its last step, which is not carried out.
    pub(super) fn follow(program: &Program, path: &[usize]) -> Trail {
        let mut entry = Frame::default();
        entry.registers[1] = Some(Packet::Context);
        let mut trail = Trail { frames: vec![entry], compared: Vec::new(), end_seen: false };
        for (step, at) in path[..path.len().saturating_sub(1)].iter().enumerate() {
            if let Some(insn) = program.insns.get(*at) {
                trail.step(program, step, insn);
            }
        }
        trail
    }

    /// What a register is at the path's end.
    pub(super) fn now(&self, register: u8) -> Option<Packet> {
        *self.frames.last()?.registers.get(register as usize)?
    }

    fn step(&mut self, program: &Program, step: usize, insn: &Insn) {
        let Some(frame) = self.frames.last_mut() else { return };
        let (dst, src) = (insn.dst.index().min(10), insn.src.index().min(10));
        let (left, right) = (frame.registers[dst], frame.registers[src]);
        match insn.op() {
            Op::Alu { op: AluOp::Mov, width: Width::W64, src: Src::Reg } => frame.registers[dst] = right,
            Op::Alu { op: AluOp::Mov, width: Width::W32, src: Src::Reg } => {
                frame.registers[dst] = match right {
                    Some(Packet::Data { .. } | Packet::End) => Some(Packet::Narrowed { at: step }),
                    other => other,
                };
            }
            Op::Alu { op: AluOp::Add, width: Width::W64, src: Src::Imm } => {
                if let Some(Packet::Data { name, off }) = left {
                    frame.registers[dst] = Some(Packet::Data { name, off: off.wrapping_add(insn.imm) });
                }
            }
            Op::Alu { op: AluOp::Add | AluOp::Sub, width: Width::W64, src: Src::Reg } => {
                frame.registers[dst] = match (left, right) {
                    (Some(Packet::Data { off, .. }), None) | (None, Some(Packet::Data { off, .. })) => {
                        Some(Packet::Data { name: step + 1, off })
                    }
                    _ => None,
                };
            }
            Op::Alu { op: AluOp::Add, width: Width::W32, .. }
                if matches!(left, Some(Packet::Narrowed { .. })) => {}
            Op::Jump { width, src: Src::Reg, .. } => {
                self.end_seen |= [left, right].contains(&Some(Packet::End));
                let narrow = width == Width::W32;
                let compared = match (left, right) {
                    (Some(Packet::Data { name, off }), Some(Packet::End)) => (insn.dst.0, name, off, narrow),
                    (Some(Packet::End), Some(Packet::Data { name, off })) => (insn.src.0, name, off, narrow),
                    (Some(Packet::Narrowed { .. }), Some(Packet::End | Packet::Narrowed { .. }))
                    | (Some(Packet::End), Some(Packet::Narrowed { .. })) => (insn.dst.0, usize::MAX, 0, true),
                    _ => return,
                };
                let (register, name, off, narrow) = compared;
                self.compared.push(Compared { step, register, name, off, narrow });
            }
            Op::Load { .. } if insn.src == Reg::R10 => {
                frame.registers[dst] = frame.stack.get(&insn.off).copied();
            }
            Op::Load { .. } => {
                let field = (right == Some(Packet::Context)).then(|| field_kind(program, insn.off)).flatten();
                frame.registers[dst] = match field {
                    Some(FieldKind::PacketData) => Some(Packet::Data { name: 0, off: 0 }),
                    Some(FieldKind::PacketEnd) => Some(Packet::End),
                    _ => None,
                };
            }
            Op::Store { size: Size::Dw, src: Src::Reg } if insn.dst == Reg::R10 => match right {
                Some(packet) => drop(frame.stack.insert(insn.off, packet)),
                None => drop(frame.stack.remove(&insn.off)),
            },
            Op::Call(Callee::Local) => {
                let mut callee = Frame::default();
                callee.registers[1..=5].copy_from_slice(&frame.registers[1..=5]);
                self.frames.push(callee);
            }
            Op::Exit => {
                let result = frame.registers[0];
                if self.frames.len() > 1 {
                    self.frames.pop();
                    if let Some(frame) = self.frames.last_mut() {
                        frame.registers[..=5].fill(None);
                        frame.registers[0] = result;
                    }
                }
            }
            _ => {
                let (_, writes) = uses(insn);
                for (register, value) in frame.registers.iter_mut().enumerate() {
                    if writes & (1 << register) != 0 {
                        *value = None;
                    }
                }
                if moves_packet(insn) {
                    self.lose(step);
                }
            }
        }
    }

    /// The packet may be elsewhere.
    fn lose(&mut self, by: usize) {
        for frame in &mut self.frames {
            let held = frame.registers.iter_mut().flatten().chain(frame.stack.values_mut());
            for packet in held {
                if matches!(packet, Packet::Data { .. } | Packet::End) {
                    *packet = Packet::Lost { by };
                }
            }
        }
        self.compared.clear();
    }
}

/// What kind of field the context has at an offset.
fn field_kind(program: &Program, off: i16) -> Option<FieldKind> {
    let context = program.prog_type.context()?;
    let at = |field: &&Field| i64::from(field.off) == i64::from(off);
    context.fields.iter().find(at).map(|field| field.kind)
}
