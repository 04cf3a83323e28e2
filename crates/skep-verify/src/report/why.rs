//! Why a register holds what it holds: back along the path to where its value came from, and to what was forgotten of
//! it on the way.
//!
//! It works on the path alone, slot by slot, and on what the last state says of registers: so that a path out of a
//! kernel's log is explained like one of our own.

use skep_abi::{Arg, Effect, Function};
use skep_isa::{AluOp, Callee, Insn, Op, Reg, Size, Src, Wide, Width};
use skep_obj::Program;

use super::packet::{Compared, Packet, Trail};
use super::rules::Class;
use crate::error::Source;
use crate::liveness::uses;

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Slot of the instruction.
    pub insn: usize,
    /// What happens there, in words.
    pub what: String,
    /// Its source line.
    pub source: Option<Source>,
}

/// What is to be explained.
pub(crate) struct Question<'a> {
    pub(crate) program: &'a Program,
    /// The path's slots, oldest first; the last is the instruction that is refused.
    pub(crate) path: &'a [usize],
    /// The rule that it breaks.
    pub(crate) rule: &'static str,
    /// The register that it breaks it with.
    pub(crate) register: Option<u8>,
    /// What is known of registers there.
    pub(crate) registers: &'a [(u8, String)],
    /// Slot of the call that acquired what is not released.
    pub(crate) acquired: Option<usize>,
}

/// An explanation: its steps, oldest first, and whose fault it is, if it is another's than the rule says.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) causes: Vec<Cause>,
    pub(crate) class: Option<Class>,
}

/// Most steps of an explanation.
const MAX_CAUSES: usize = 10;

/// The bits of a packet pointer's variable part beyond which comparisons with the end teach nothing
/// (`MAX_PACKET_OFF`).
const MAX_PACKET_OFFSET: u64 = 0xffff;

/// How a value came to be: what is left to follow.
enum Follow {
    /// This register, before this step.
    Register(u8),
    /// Nothing: here it starts.
    Start,
}

impl Question<'_> {
    /// The explanation.
    pub(crate) fn answer(&self) -> Answer {
        let Some(last) = self.path.len().checked_sub(1) else { return Answer::default() };
        let mut answer = Answer::default();
        let mut steps: Vec<(usize, String)> = Vec::new();
        if let Some(step) = self.acquired.and_then(|call| self.path.iter().rposition(|at| *at == call))
            && let Some(insn) = self.insn(step)
        {
            let callee = self.callee(step, insn);
            steps.push((step, format!("{callee} acquires what has to be released")));
        } else if let Some(register) = self.register {
            self.origin(register, last, &mut steps);
        }
        if matches!(self.rule, "packet-bounds" | "not-a-pointer" | "argument-type" | "mixed-pointers") {
            self.packet(&mut steps, &mut answer);
        }
        if matches!(self.rule, "map-value-bounds" | "memory-bounds") && self.two_variables(last) {
            answer.class = Some(Class::VerifierLimit);
            steps.push((
                last,
                "offset and length each have a bound, but that their sum has one is not something that is kept"
                    .to_owned(),
            ));
        }
        self.constant_in_place(last, &mut answer);
        steps.sort_by_key(|(at, _)| *at);
        steps.dedup();
        let skip = steps.len().saturating_sub(MAX_CAUSES);
        answer.causes =
            steps.into_iter().skip(skip).map(|(at, what)| self.cause(self.path[at], what)).collect();
        answer
    }

    /// Whether a pointer was expected and there is a constant. Nobody compares a constant with the packet's end, and
    /// reads through it: the compiler joined a branch in which there is no packet pointer with one in which there is. As a map, it is what an object has before its
    /// loader puts the map there.
    fn constant_in_place(&self, last: usize, answer: &mut Answer) {
        let Some(register) = self.register else { return };
        let mut made = self.last_write(register, last);
        while let Some(insn) = made.and_then(|step| self.insn(step))
            && matches!(insn.op(), Op::Alu { op: AluOp::Add, src: Src::Imm, .. })
        {
            made = made.and_then(|step| self.last_write(register, step));
        }
        let insn = made.and_then(|step| self.insn(step)).map(Insn::op);
        if !matches!(insn, Some(Op::Alu { op: AluOp::Mov, src: Src::Imm, .. })) {
            return;
        }
        match self.rule {
            "not-a-pointer" if Trail::follow(self.program, self.path).end_seen => {
                answer.class = Some(Class::CompilerArtefact);
            }
            "argument-type" if self.expects_map(last, register) => answer.class = Some(Class::Environment),
            _ => {}
        }
    }

    /// Whether the function that is called takes a map in this register.
    fn expects_map(&self, last: usize, register: u8) -> bool {
        let Some(insn) = self.insn(last).filter(|insn| insn.op() == Op::Call(Callee::Helper)) else {
            return false;
        };
        let function = Function::by_id(insn.imm as u32);
        let argument = function.and_then(|f| f.args.get((register as usize).checked_sub(1)?));
        matches!(argument, Some(Arg::Map(_)))
    }

    fn cause(&self, insn: usize, what: String) -> Cause {
        Cause { insn, what, source: super::source_of(self.program, insn) }
    }

    fn insn(&self, step: usize) -> Option<&Insn> {
        self.program.insns.get(*self.path.get(step)?)
    }

    /// The step before this one that wrote a register of the same frame.
    fn last_write(&self, register: u8, before: usize) -> Option<usize> {
        let bit = 1u16 << register;
        // Functions that were called and have returned since.
        let mut inside = 0;
        for step in (0..before).rev() {
            let insn = self.insn(step)?;
            match insn.op() {
                Op::Exit => inside += 1,
                Op::Call(Callee::Local) if inside > 0 => {
                    inside -= 1;
                    if inside == 0 && register <= 5 {
                        return Some(step);
                    }
                }
                // The function's own call: its arguments are the caller's registers.
                Op::Call(Callee::Local) if !(1..=5).contains(&register) => return None,
                Op::Call(Callee::Local) => {}
                _ if inside > 0 => {}
                _ if uses(insn).1 & bit != 0 => return Some(step),
                _ => {}
            }
        }
        None
    }

    /// The step before this one that stored to this place of the frame.
    fn last_store(&self, off: i16, before: usize) -> Option<usize> {
        let mut inside = 0;
        for step in (0..before).rev() {
            let insn = self.insn(step)?;
            match insn.op() {
                Op::Exit => inside += 1,
                Op::Call(Callee::Local) if inside > 0 => inside -= 1,
                Op::Call(Callee::Local) => return None,
                Op::Store { .. } if inside == 0 && insn.dst == Reg::R10 && insn.off == off => {
                    return Some(step);
                }
                _ => {}
            }
        }
        None
    }

    /// Follows a register back to where its value starts.
    fn origin(&self, register: u8, before: usize, steps: &mut Vec<(usize, String)>) {
        let (mut register, mut before) = (register, before);
        let mut index = None;
        while steps.len() < MAX_CAUSES {
            let Some(step) = self.last_write(register, before) else {
                if self.rule == "uninit-register" && register != 10 {
                    steps.push((0, format!("nothing on this path gives r{register} a value")));
                }
                break;
            };
            let Some(insn) = self.insn(step) else { break };
            if let Op::Alu { op, src: Src::Reg, .. } = insn.op()
                && op != AluOp::Mov
                && index.is_none()
            {
                index = Some((insn.src.0, step));
            }
            let (what, follow) = self.made(register, step, insn);
            steps.push((step, what));
            match follow {
                Follow::Register(next) => (register, before) = (next, step),
                Follow::Start => break,
            }
        }
        // What was added to a pointer is what most refusals are about.
        if let Some((register, before)) = index
            && steps.len() < MAX_CAUSES
        {
            self.origin(register, before, steps);
        }
    }

    /// What a step makes of a register, and where that came from.
    fn made(&self, register: u8, step: usize, insn: &Insn) -> (String, Follow) {
        let source = insn.src.0;
        match insn.op() {
            Op::Alu { op: AluOp::Mov, width: Width::W64, src: Src::Reg } => {
                (format!("r{register} is a copy of r{source}"), Follow::Register(source))
            }
            Op::Alu { op: AluOp::Mov, width: Width::W32, src: Src::Reg } => (
                format!("r{register} is the low 32 bits of r{source}: a pointer becomes a number here"),
                Follow::Register(source),
            ),
            Op::Alu { op: AluOp::Mov, src: Src::Imm, .. } => {
                (format!("r{register} is set to {}", insn.imm), Follow::Start)
            }
            Op::Alu { op: AluOp::Add, src: Src::Imm, .. } => {
                (format!("r{register} moves by {}", insn.imm), Follow::Register(register))
            }
            Op::Alu { op: AluOp::Add, src: Src::Reg, .. } => {
                (format!("r{source} is added to r{register}"), Follow::Register(register))
            }
            Op::Alu { .. } | Op::Neg { .. } | Op::End { .. } | Op::MovSx { .. } => {
                (format!("r{register} is computed"), Follow::Register(register))
            }
            Op::Wide(wide) => (self.constant(register, wide, insn), Follow::Start),
            Op::Load { .. } if insn.src == Reg::R10 => {
                let what = format!("r{register} is read back from the stack at fp{:+}", insn.off);
                let stored = self.last_store(insn.off, step).and_then(|at| self.insn(at));
                match stored.map(|store| (store.op(), store.src.0)) {
                    Some((Op::Store { src: Src::Reg, .. }, kept)) => (what, Follow::Register(kept)),
                    _ => (what, Follow::Start),
                }
            }
            Op::Load { size, .. } => (self.loaded(register, step, insn, size), Follow::Start),
            Op::Call(_) | Op::CallX if register == 0 => {
                (format!("r0 is what {} returns", self.callee(step, insn)), Follow::Start)
            }
            Op::Call(_) | Op::CallX | Op::LoadPacket { .. } => {
                let callee = self.callee(step, insn);
                (format!("{callee} leaves r1 to r5 without a value"), Follow::Start)
            }
            _ => (format!("r{register} is written"), Follow::Start),
        }
    }

    /// What a wide load loads.
    fn constant(&self, register: u8, wide: Wide, insn: &Insn) -> String {
        let map = || usize::try_from(insn.imm & 0xffff_ffff).ok().and_then(|i| self.program.maps.get(i));
        match wide {
            Wide::MapIdx => match map() {
                Some(map) => format!("r{register} is the map `{}`", map.name),
                None => format!("r{register} is a map"),
            },
            Wide::MapIdxValue => match map() {
                Some(map) => format!("r{register} points into `{}`", map.name),
                None => format!("r{register} points into a map's value"),
            },
            Wide::Imm => format!("r{register} is set to {:#x}", insn.imm),
            _ => format!("r{register} is an address"),
        }
    }

    /// What a load reads, where a name for it is known.
    fn loaded(&self, register: u8, step: usize, insn: &Insn, size: Size) -> String {
        let base = insn.src.0;
        if self.is_context(base, step)
            && let Some(context) = self.program.prog_type.context()
        {
            let off = i64::from(insn.off);
            let inside =
                |f: &&skep_abi::Field| i64::from(f.off) <= off && off < i64::from(f.off) + i64::from(f.size);
            return match context.fields.iter().find(inside) {
                Some(field) => format!("r{register} is `{}` of `struct {}`", field.name, context.name),
                None => format!("r{register} is read from the context"),
            };
        }
        let bytes = size.bytes();
        format!("r{register} is a number of {bytes} bytes that is read from r{base}{:+}", insn.off)
    }

    /// Whether a register is the context as the program was given it.
    fn is_context(&self, register: u8, before: usize) -> bool {
        let (mut register, mut before) = (register, before);
        loop {
            let Some(step) = self.last_write(register, before) else { return register == 1 };
            let Some(insn) = self.insn(step) else { return false };
            match insn.op() {
                Op::Alu { op: AluOp::Mov, width: Width::W64, src: Src::Reg } => register = insn.src.0,
                Op::Load { .. } if insn.src == Reg::R10 => {
                    let Some(store) = self.last_store(insn.off, step).and_then(|at| self.insn(at)) else {
                        return false;
                    };
                    register = store.src.0;
                }
                _ => return false,
            }
            before = step;
        }
    }

    /// The name of what is called, with the map that it is given.
    fn callee(&self, step: usize, insn: &Insn) -> String {
        let name = match insn.op() {
            Op::Call(Callee::Helper) => Function::by_id(insn.imm as u32).map(|f| f.name.to_owned()),
            Op::Call(Callee::Kfunc) => self.program.kernel_symbol(insn.imm).map(|symbol| symbol.name.clone()),
            Op::Call(Callee::Local) => insn.target().and_then(|distance| {
                let to = self.path.get(step).map(|at| *at as i64 + 1 + distance)?;
                let function = self.program.functions.iter().find(|f| f.start as i64 == to)?;
                Some(function.name.clone())
            }),
            Op::LoadPacket { .. } => return "the packet load".to_owned(),
            _ => None,
        };
        let Some(name) = name else { return "the call".to_owned() };
        let map = self.last_write(1, step).and_then(|at| self.insn(at)).and_then(|load| match load.op() {
            Op::Wide(Wide::MapIdx) => self.program.maps.get(usize::try_from(load.imm & 0xffff_ffff).ok()?),
            _ => None,
        });
        match map {
            Some(map) if insn.op() == Op::Call(Callee::Helper) => {
                format!("`{name}` of map `{}`", map.name)
            }
            _ => format!("`{name}`"),
        }
    }

    /// What of the packet was known, and what became of it.
    fn packet(&self, steps: &mut Vec<(usize, String)>, answer: &mut Answer) {
        let trail = Trail::follow(self.program, self.path);
        let Some(register) = self.register else { return };
        match trail.now(register) {
            Some(Packet::Lost { by }) => {
                let callee = self.insn(by).map(|insn| self.callee(by, insn)).unwrap_or_default();
                let what =
                    format!("{callee} may move the packet: pointers into it from before are numbers now");
                steps.push((by, what));
            }
            Some(Packet::Narrowed { at }) => {
                answer.class = Some(Class::CompilerArtefact);
                steps.push((at, "only the low half of a packet pointer is kept here".to_owned()));
            }
            Some(Packet::Data { name, .. }) if self.rule == "packet-bounds" => {
                self.compared(&trail, register, name, steps, answer);
            }
            _ => {}
        }
    }

    /// Which comparison with the packet's end there was, and why it does not help.
    fn compared(
        &self,
        trail: &Trail,
        register: u8,
        name: usize,
        steps: &mut Vec<(usize, String)>,
        answer: &mut Answer,
    ) {
        let same = trail.compared.iter().rev().find(|c| c.name == name && !c.narrow);
        let wide = self.bound(register).is_some_and(|max| max >= MAX_PACKET_OFFSET);
        match (same, trail.compared.last()) {
            (Some(Compared { step, .. }), _) if wide => {
                answer.class = Some(Class::VerifierLimit);
                steps.push((
                    *step,
                    format!(
                        "this comparison teaches nothing: what was added to r{register} may be {MAX_PACKET_OFFSET:#x} \
                         or more, which is further than packets are followed"
                    ),
                ));
            }
            (Some(Compared { step, off, .. }), _) => {
                let covers = format!("the last comparison with the packet's end covers up to {off} bytes");
                steps.push((*step, covers));
            }
            (None, Some(Compared { step, narrow: true, .. })) => {
                answer.class = Some(Class::CompilerArtefact);
                steps.push((
                    *step,
                    "this comparison is of the low halves of pointers, and teaches nothing".to_owned(),
                ));
            }
            (None, Some(Compared { step, register: other, name: compared, .. })) => {
                // Both vary: it is the compiler that computed one pointer twice. If one does not, it is another one in
                // the source, too.
                if name != 0 && *compared != 0 {
                    answer.class = Some(Class::CompilerArtefact);
                }
                steps.push((
                    *step,
                    format!(
                        "the last comparison with the packet's end is of r{other}, which is another pointer"
                    ),
                ));
            }
            (None, None) => {
                steps.push((
                    self.path.len() - 1,
                    "nothing on this path compares with the packet's end".to_owned(),
                ));
            }
        }
    }

    /// The greatest value of a register's variable part, if the state says.
    fn bound(&self, register: u8) -> Option<u64> {
        let (_, text) = self.registers.iter().find(|(r, _)| *r == register)?;
        super::greatest(text)
    }

    /// Whether a call is given a pointer and a length that both vary within bounds.
    fn two_variables(&self, last: usize) -> bool {
        let Some(Op::Call(Callee::Helper)) = self.insn(last).map(Insn::op) else { return false };
        let bounded = |register| self.bound(register).is_some();
        self.register.is_some_and(|r| bounded(r) && bounded(r + 1))
    }
}

/// Whether a function may move the packet.
pub(super) fn moves_packet(insn: &Insn) -> bool {
    insn.op() == Op::Call(Callee::Helper)
        && Function::by_id(insn.imm as u32).is_some_and(|function| function.has(Effect::MovesPacket))
}
