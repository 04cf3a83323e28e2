//! The loops of a program's control flow: instructions that are reached again from behind, and calls that run a
//! callback again and again.

use skep_obj::Program;

use crate::flow::{Flow, successors};

/// Loops, in the order of their heads.
pub(crate) struct Loops {
    pub(crate) all: Vec<Head>,
    /// By slot: the first loop whose head is there or behind.
    first: Vec<u32>,
}

/// Where a loop begins.
pub(crate) struct Head {
    pub(crate) slot: usize,
    /// Jumps that lead back to it; none if it is a call that runs a callback.
    pub(crate) backs: Vec<usize>,
}

impl Head {
    /// Whether a round of the loop is one of a callback that the instruction calls.
    pub(crate) fn is_callback(&self) -> bool {
        self.backs.is_empty()
    }
}

impl Loops {
    pub(crate) fn new(program: &Program, flow: &Flow) -> Loops {
        let mut backs: Vec<Vec<usize>> = vec![Vec::new(); program.insns.len()];
        let mut marks = vec![Mark::New; program.insns.len()];
        for function in &program.functions {
            going_back(program, function.start, &mut marks, &mut backs);
        }
        let mut all = Vec::new();
        let mut first = Vec::with_capacity(program.insns.len() + 1);
        for (slot, backs) in backs.into_iter().enumerate() {
            first.push(all.len() as u32);
            if flow.calls_back[slot] {
                all.push(Head { slot, backs: Vec::new() });
            }
            if !backs.is_empty() {
                all.push(Head { slot, backs });
            }
        }
        first.push(all.len() as u32);
        Loops { all, first }
    }

    /// The loops whose head this slot is.
    pub(crate) fn at(&self, slot: usize) -> std::ops::Range<usize> {
        self.first[slot] as usize..self.first[slot + 1] as usize
    }
}

/// How far a search in depth is with an instruction.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Notes, by target, the instructions of a function from which a search in depth gets back to where it is in.
fn going_back(program: &Program, start: usize, marks: &mut [Mark], backs: &mut [Vec<usize>]) {
    // An instruction, and how many of its ways have been followed.
    let mut chain = vec![(start, 0usize)];
    marks[start] = Mark::Open;
    while let Some((at, followed)) = chain.last_mut() {
        let at = *at;
        let ways = successors(&program.insns[at], at);
        let Some(way) = ways.get(*followed) else {
            marks[at] = Mark::Done;
            chain.pop();
            continue;
        };
        *followed += 1;
        // Under the rules of safety alone, what is never reached may lead anywhere.
        let Some(to) = way.filter(|to| *to < program.insns.len()) else { continue };
        match marks[to] {
            Mark::New => {
                marks[to] = Mark::Open;
                chain.push((to, 0));
            }
            Mark::Open if !backs[to].contains(&at) => backs[to].push(at),
            Mark::Open | Mark::Done => {}
        }
    }
}
