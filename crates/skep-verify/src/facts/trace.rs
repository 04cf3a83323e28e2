//! What a walk over all paths meets, written down as it goes: the graph of its paths, and what registers held.
//!
//! A vertex is a stretch of a path without a branch; edges lead to where the path goes on, also where it is covered by an
//! earlier one: what that one executes from there, this one may execute too. Each run of the program follows a way through
//! the graph, because paths that are covered differ only in what decided nothing.

use skep_abi::Context;
use skep_isa::Op;
use skep_obj::Program;

use super::effects::Effects;
use super::longest::{Edge, Place, VertexId};
use super::loops::Loops;
use super::seen::Seen;
use crate::exception::throws;
use crate::explore::{NodeId, Passed, Way};
use crate::flow::{Flow, successors};
use crate::state::{Role, State};
use crate::value::Value;

/// What a vertex is besides a stretch of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    None,
    /// A loop is entered, by index.
    Enter(u32),
    /// A loop comes round.
    Round(u32),
}

/// A stretch of a path.
#[derive(Clone, Copy)]
pub(crate) struct Vertex {
    /// Where it begins.
    pub(crate) place: Place,
    /// Instructions that are executed.
    pub(crate) insns: u32,
    pub(crate) event: Event,
}

/// Where the kernel starts something, or a global function begins.
#[derive(Clone, Copy)]
pub(crate) struct Root {
    pub(crate) function: usize,
    pub(crate) vertex: VertexId,
    /// Whether nobody but the kernel calls it.
    pub(crate) is_async: bool,
}

/// A conditional jump was seen to go on here.
const FALLS: u8 = 1;
const JUMPS: u8 = 2;

/// What is written down of a walk.
pub(crate) struct Trace {
    pub(crate) loops: Loops,
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) edges: Vec<(VertexId, VertexId, Edge)>,
    /// Functions that are called from a vertex and walked elsewhere.
    pub(crate) calls: Vec<(VertexId, usize)>,
    /// How many of the calls came before the present instruction.
    earlier_calls: usize,
    pub(crate) roots: Vec<Root>,
    /// By slot, what registers held.
    pub(crate) seen: Vec<Vec<(u8, Seen)>>,
    /// By slot, the ways that a conditional jump went on.
    ways: Vec<u8>,
    pub(crate) effects: Effects,
    pub(crate) returned: Option<Seen>,
    /// By loop: whether it was entered in a function that was running already.
    pub(crate) nested: Vec<bool>,
    /// The vertex of the present path; none where there is no such path.
    current: Option<VertexId>,
    /// Whether the present path left another one at the last instruction.
    cut: bool,
    /// Where the branches that are kept for later go on.
    pending: Vec<Option<VertexId>>,
    /// The vertices of kept states.
    kept: Vec<Option<VertexId>>,
    later: Vec<usize>,
}

impl Trace {
    pub(crate) fn new(program: &Program, flow: &Flow) -> Trace {
        let slots = program.insns.len();
        let loops = Loops::new(program, flow);
        Trace {
            nested: vec![false; loops.all.len()],
            loops,
            vertices: Vec::new(),
            edges: Vec::new(),
            calls: Vec::new(),
            earlier_calls: 0,
            roots: Vec::new(),
            seen: vec![Vec::new(); slots],
            ways: vec![0; slots],
            effects: Effects::default(),
            returned: None,
            current: None,
            cut: false,
            pending: Vec::new(),
            kept: Vec::new(),
            later: Vec::new(),
        }
    }

    /// Whether a conditional jump was seen not to jump, and to jump.
    pub(crate) fn ways(&self, slot: usize) -> (bool, bool) {
        (self.ways[slot] & FALLS != 0, self.ways[slot] & JUMPS != 0)
    }

    /// A walk begins at a function.
    pub(crate) fn begin(&mut self, function: usize, start: usize, is_async: bool) {
        let vertex = self.vertex((start as u32, 0), Event::None);
        self.roots.push(Root { function, vertex, is_async });
        self.current = Some(vertex);
        self.cut = false;
    }

    fn vertex(&mut self, place: Place, event: Event) -> VertexId {
        self.vertices.push(Vertex { place, insns: 0, event });
        (self.vertices.len() - 1) as VertexId
    }

    /// The present path goes on in a vertex of its own.
    fn go_on(&mut self, place: Place, event: Event) {
        let Some(before) = self.current else { return };
        let vertex = self.vertex(place, event);
        self.edges.push((before, vertex, Edge::On));
        self.current = Some(vertex);
    }

    /// The path arrives at an instruction, and counts as if it was carried out.
    pub(crate) fn arrive(
        &mut self,
        program: &Program,
        flow: &Flow,
        at: usize,
        last: Option<&Passed>,
        state: &State,
    ) {
        if self.current.is_none() {
            return;
        }
        let place = (at as u32, state.depth() as u8);
        if std::mem::take(&mut self.cut) {
            self.go_on(place, Event::None);
        }
        self.loop_events(at, place, last, state);
        if let Some(last) = last.filter(|last| last.way == Way::Plain) {
            self.note_way(program, last.insn as usize, at);
        }
        if let Some(current) = self.current {
            self.vertices[current as usize].insns += 1;
        }
        let live = flow.live[at];
        let seen = &mut self.seen[at];
        let regs = &state.frame().regs;
        if seen.is_empty() {
            let held = (0..regs.len()).filter(|r| live & 1 << r != 0);
            seen.extend(held.map(|r| (r as u8, Seen::of(&regs[r]))));
        } else {
            for (register, seen) in seen {
                seen.join(&regs[*register as usize]);
            }
        }
    }

    /// Notes which loops the path enters or comes round in.
    fn loop_events(&mut self, at: usize, place: Place, last: Option<&Passed>, state: &State) {
        let from_callback = last.is_some_and(|last| last.way == Way::OutOfCallback);
        for index in self.loops.at(at) {
            let head = &self.loops.all[index];
            let comes_round = if head.is_callback() {
                from_callback
            } else if from_callback {
                // Its instruction was never left.
                continue;
            } else {
                last.is_some_and(|l| l.way == Way::Plain && head.backs.contains(&(l.insn as usize)))
            };
            if !comes_round {
                let function = state.frame().function;
                self.nested[index] |= state.frames.iter().filter(|f| f.function == function).count() > 1;
            }
            self.go_on(
                place,
                if comes_round { Event::Round(index as u32) } else { Event::Enter(index as u32) },
            );
        }
    }

    fn note_way(&mut self, program: &Program, jump: usize, at: usize) {
        let [Some(next), Some(target)] = successors(&program.insns[jump], jump) else { return };
        if at == next {
            self.ways[jump] |= FALLS;
        }
        if at == target {
            self.ways[jump] |= JUMPS;
        }
    }

    /// Notes what the instruction does that the path arrived at, and calls. If the path ends there, because an earlier
    /// one covers it, that one did the same.
    pub(crate) fn carry_out(
        &mut self,
        program: &Program,
        flow: &Flow,
        context: Option<&Context>,
        at: usize,
        (callee, handler): (Option<usize>, Option<usize>),
        state: &State,
    ) {
        let Some(current) = self.current else { return };
        self.earlier_calls = self.calls.len();
        let insn = &program.insns[at];
        if callee.is_some() || !matches!(insn.op(), Op::Call(skep_isa::Callee::Local)) {
            self.effects.note(program, context, insn, state);
        }
        self.calls.extend(callee.map(|callee| (current, callee)));
        // Where a call runs callbacks, its rounds and what follows them are told apart.
        self.cut |= flow.calls_back[at];
        let is_entry = state.frame().function == 0 || Some(state.frame().function) == handler;
        match insn.op() {
            Op::Exit if state.depth() == 0 && is_entry && state.frame().role == Role::Called => {
                self.returns(state.reg(skep_isa::Reg::R0));
            }
            // Where there is no such packet, the program ends and returns 0.
            Op::LoadPacket { .. } => self.returns(&Value::constant(0)),
            Op::Call(_) if throws(program, insn) => match handler {
                Some(handler) => self.calls.push((current, handler)),
                None => self.returns(state.reg(skep_isa::Reg::R1)),
            },
            _ => {}
        }
    }

    fn returns(&mut self, value: &Value) {
        match &mut self.returned {
            Some(seen) => seen.join(value),
            None => self.returned = Some(Seen::of(value)),
        }
    }

    /// A branch is kept for later.
    pub(crate) fn push(&mut self, insn: usize, state: &State) {
        let vertex = match self.current {
            Some(current) if !state.speculative => {
                let vertex = self.vertex((insn as u32, state.depth() as u8), Event::None);
                self.edges.push((current, vertex, Edge::On));
                self.cut = true;
                Some(vertex)
            }
            _ => None,
        };
        self.pending.push(vertex);
    }

    /// The branch that was kept last is followed.
    pub(crate) fn pop(&mut self) {
        self.current = self.pending.pop().flatten();
        self.cut = false;
    }

    /// A function is kept that the kernel starts later.
    pub(crate) fn push_later(&mut self, function: usize) {
        self.later.push(function);
    }

    /// The function that was kept last is followed.
    pub(crate) fn pop_later(&mut self, start: usize) {
        let function = self.later.pop().unwrap_or_default();
        self.begin(function, start, true);
    }

    /// The state is kept in which the path arrived.
    pub(crate) fn keep(&mut self, node: NodeId, at: usize, state: &State) {
        if self.kept.len() <= node {
            self.kept.resize(node + 1, None);
        }
        self.kept[node] = None;
        if state.speculative {
            return;
        }
        let calls = self.take_back();
        self.go_on((at as u32, state.depth() as u8), Event::None);
        if let Some(current) = self.current {
            self.vertices[current as usize].insns += 1;
            self.calls.extend(calls.into_iter().map(|(_, callee)| (current, callee)));
        }
        self.kept[node] = self.current;
    }

    /// The path ends, because a kept state covers it.
    pub(crate) fn join(&mut self, node: NodeId, comes_round: bool, state: &State) {
        if state.speculative {
            return;
        }
        self.take_back();
        let kept = self.kept.get(node).copied().flatten();
        if let (Some(current), Some(kept)) = (self.current, kept) {
            self.edges.push((current, kept, if comes_round { Edge::Round } else { Edge::On }));
        }
        self.current = None;
    }

    /// The instruction that the path arrived at counts elsewhere; gives what it calls.
    fn take_back(&mut self) -> Vec<(VertexId, usize)> {
        if let Some(current) = self.current {
            self.vertices[current as usize].insns -= 1;
        }
        self.calls.split_off(self.earlier_calls)
    }
}
