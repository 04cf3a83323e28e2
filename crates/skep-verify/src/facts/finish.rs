//! From what a walk met to what is true of the program.

use skep_abi::Function;
use skep_isa::{Callee, Op, Reg};
use skep_obj::Program;

use super::longest::{Cycle, Edge, Graph, Longest, Place, VertexId};
use super::seen::Seen;
use super::trace::{Event, Trace};
use super::{Bound, Branch, Cost, Facts, Known, Loop, Pointer, Unbounded};
use crate::domain::Scalar;
use crate::explore::Explorer;
use crate::flow::successors;
use crate::value::{Kind, Value};

/// Most vertices and edges that are looked at, counting each time, to find how often loops come round: all of a large
/// program's loops, or some thousand loops of a small one.
const LOOP_WORK: usize = 200_000_000;

/// Rounds that `bpf_loop` makes at most; it refuses to make more (`BPF_MAX_LOOPS`).
const MAX_LOOPS: u64 = 8 << 20;

impl Explorer<'_> {
    /// What is true of the program.
    pub(crate) fn facts(&self, trace: &Trace, knows_numbers: bool) -> Facts {
        let answers = Answers::new(self.program, trace);
        let known = |seen: &Seen| self.known(seen, knows_numbers);
        let registers = trace.seen.iter().map(|slot| slot.iter().map(|(r, s)| (*r, known(s))).collect());
        let mut returns = trace.returned.as_ref().map(known);
        if trace.effects.tail_calls {
            // What the other program returns is not known.
            returns = match returns {
                Some(Known::Number(_)) | None => Some(Known::Number(Scalar::UNKNOWN)),
                other => other,
            };
        }
        Facts {
            registers: registers.collect(),
            branches: (0..self.program.insns.len()).map(|slot| branch(self.program, trace, slot)).collect(),
            loops: answers.loops(),
            costs: answers.costs(),
            stack_bytes: self.chain_bytes,
            effects: trace.effects.clone(),
            returns,
            knows_numbers,
        }
    }

    /// What was seen, in words that others understand.
    fn known(&self, seen: &Seen, knows_numbers: bool) -> Known {
        match seen {
            Seen::Number(number) if knows_numbers => Known::Number(*number),
            Seen::Number(_) => Known::Number(Scalar::UNKNOWN),
            Seen::Mixed => Known::Mixed,
            Seen::Pointer(value) => {
                let kind = Value { nullable: false, ..*value }.kind_name();
                let kind = match value.kind {
                    Kind::Object { types, ty } => format!("{kind}{}", self.type_name(types, ty)).into(),
                    _ => kind,
                };
                let map = match value.kind {
                    Kind::Map(map) | Kind::MapValue { map } | Kind::MapKey { map } => Some(map),
                    _ => None,
                };
                Known::Pointer(Pointer { kind, map, nullable: value.nullable, offset: value.num })
            }
        }
    }
}

/// How a jump goes on.
fn branch(program: &Program, trace: &Trace, slot: usize) -> Branch {
    let [Some(_), Some(_)] = successors(&program.insns[slot], slot) else { return Branch::None };
    match trace.ways(slot) {
        (true, true) => Branch::Both,
        (true, false) => Branch::Never,
        (false, true) => Branch::Always,
        (false, false) => Branch::None,
    }
}

/// Answers to questions about the graph of a walk.
struct Answers<'a> {
    program: &'a Program,
    trace: &'a Trace,
    graph: Graph,
}

impl<'a> Answers<'a> {
    fn new(program: &'a Program, trace: &'a Trace) -> Answers<'a> {
        let mut edges = trace.edges.clone();
        for &(vertex, function) in &trace.calls {
            let callee = trace.roots.iter().find(|root| root.function == function && !root.is_async);
            edges.extend(callee.map(|root| (vertex, root.vertex, Edge::Call)));
        }
        let places = trace.vertices.iter().map(|vertex| vertex.place).collect();
        Answers { program, trace, graph: Graph::new(places, &edges) }
    }

    /// How many instructions are executed from where the kernel starts something.
    fn costs(&self) -> Vec<Cost> {
        let weight = |v: VertexId| Bound::AtMost(u64::from(self.trace.vertices[v as usize].insns));
        let cycle = |members: &[VertexId], places: &[Place]| self.cycle(members, places);
        let question = Longest {
            graph: &self.graph,
            weight: &weight,
            with_calls: true,
            is_cut: &|_| false,
            cycle: &cycle,
        };
        let most = question.answer();
        let mut costs: Vec<Cost> = Vec::new();
        for root in self.trace.roots.iter().filter(|root| root.is_async || root.function == 0) {
            let insns = most[root.vertex as usize];
            match costs.iter_mut().find(|cost| cost.function == root.function) {
                Some(cost) => cost.insns = cost.insns.max(insns),
                None => costs.push(Cost { function: root.function, insns }),
            }
        }
        costs
    }

    /// How often loops come round.
    fn loops(&self) -> Vec<Loop> {
        let heads = &self.trace.loops.all;
        let too_much = heads.len().saturating_mul(self.graph.size()) > LOOP_WORK;
        let rounds = |index: usize| {
            let head = &heads[index];
            if too_much {
                return Bound::Unbounded(Unbounded { insn: head.slot, gave_up: true });
            }
            let found = self.rounds(index as u32);
            match self.callback_rounds(head.slot) {
                Some(most) if head.is_callback() => match found {
                    Bound::AtMost(found) => Bound::AtMost(found.min(most)),
                    Bound::Unbounded(_) => Bound::AtMost(most),
                },
                _ => found,
            }
        };
        let with_rounds = |(index, head): (usize, &super::loops::Head)| Loop {
            head: head.slot,
            jumps: head.backs.clone(),
            rounds: rounds(index),
        };
        heads.iter().enumerate().map(with_rounds).collect()
    }

    /// How often a loop comes round, each time that it is entered.
    fn rounds(&self, index: u32) -> Bound {
        let event = |v: VertexId| self.trace.vertices[v as usize].event;
        let enters = |v: VertexId| event(v) == Event::Enter(index);
        let nested = self.trace.nested[index as usize];
        let weight = |v: VertexId| Bound::AtMost(u64::from(event(v) == Event::Round(index)));
        let is_cut = |v: VertexId| enters(v) && !nested;
        let cycle = |members: &[VertexId], places: &[Place]| self.cycle(members, places);
        let question = Longest {
            graph: &self.graph,
            weight: &weight,
            with_calls: false,
            is_cut: &is_cut,
            cycle: &cycle,
        };
        let most = question.answer();
        let roots = self.trace.roots.iter().map(|root| root.vertex);
        let starts = roots.chain((0..self.graph.len() as VertexId).filter(|v| enters(*v)));
        starts.map(|v| most[v as usize]).fold(Bound::AtMost(0), Bound::max)
    }

    /// What is known of a cycle: if it is that of a call of `bpf_loop` and nothing but its callback, so often as that is told
    /// to. Others end at run time, when nobody knows.
    fn cycle(&self, members: &[VertexId], places: &[Place]) -> Cycle {
        let Some(&place) = places.iter().min_by_key(|(slot, depth)| (*depth, *slot)) else {
            let slot = members.first().map_or(0, |v| self.graph.place(*v).0);
            return Cycle::Unbounded(Unbounded::at(slot));
        };
        let (slot, depth) = place;
        let inside = |v: &VertexId| self.graph.place(*v).1 > depth || self.graph.place(*v) == place;
        match self.callback_rounds(slot as usize) {
            Some(times) if members.iter().all(inside) => Cycle::Rounds { place, times },
            _ => Cycle::Unbounded(Unbounded::at(slot)),
        }
    }

    /// How often a call of `bpf_loop` runs its callback at most; `None` if it is no such call.
    fn callback_rounds(&self, slot: usize) -> Option<u64> {
        let insn = self.program.insns.get(slot)?;
        let is_loop = insn.op() == Op::Call(Callee::Helper)
            && Function::by_id(insn.imm as u32).is_some_and(|f| f.name == "bpf_loop");
        if !is_loop {
            return None;
        }
        // How often it is to run is a number that matters: it is known on paths that are covered by others too.
        let told = self.trace.seen[slot].iter().find(|(register, _)| *register == Reg::R1.0);
        match told {
            Some((_, Seen::Number(number))) => Some(number.full.umax.min(MAX_LOOPS)),
            _ => Some(MAX_LOOPS),
        }
    }
}
