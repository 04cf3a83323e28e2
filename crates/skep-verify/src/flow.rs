//! Control flow, before anything is known of values: instructions decode, jumps land on instructions of their own
//! function, functions end, everything is reached, and no function calls itself.
//! Source: `check_subprogs`, `check_cfg` of kernel/bpf/verifier.c, Linux 6.18; like Linux's, a program with
//! instructions that no jump leads to is refused, because nobody compiled them on purpose.

use skep_abi::{Arg, Step};
use skep_isa::{Callee, Insn, Op, Role, Wide};
use skep_obj::{MAX_FUNCTIONS, MAX_SLOTS, Program};

use crate::callback::calls_back;
use crate::error::Reason;
use crate::kernel::kernel_function;
use crate::level::Level;
use crate::liveness;
use crate::options::Rules;

/// What control flow tells of each slot.
pub(crate) struct Flow {
    /// Index of the function.
    pub(crate) function: Vec<u16>,
    /// Whether paths meet here or part here: states are compared.
    pub(crate) meets: Vec<bool>,
    /// Calls that run a callback, maybe again and again.
    pub(crate) calls_back: Vec<bool>,
    /// Registers whose value here may still be read, by bit.
    pub(crate) live: Vec<u16>,
    /// Registers whose number here may matter, by bit; empty where nobody asks: in programs without loops that
    /// are bounded at run time.
    pub(crate) relevant: Vec<u16>,
    /// Functions called by each function, with the slot of a call.
    pub(crate) calls: Vec<Vec<(usize, usize)>>,
}

/// A refusal: slot and reason.
type Refused = (usize, Reason);

impl Flow {
    pub(crate) fn new(
        program: &Program,
        rules: Rules,
        linux: Level,
        handler: Option<usize>,
    ) -> Result<Flow, Refused> {
        let slots = program.insns.len();
        let mut flow = Flow {
            function: vec![0; slots],
            meets: vec![false; slots],
            calls_back: vec![false; slots],
            live: Vec::new(),
            relevant: Vec::new(),
            calls: vec![Vec::new(); program.functions.len()],
        };
        flow.lay_out(program)?;
        for (at, insn) in program.insns.iter().enumerate() {
            decodable(program, at, insn, linux)?;
        }
        for index in 0..program.functions.len() {
            flow.edges(program, index, rules)?;
        }
        if rules == Rules::Linux {
            reach(program, handler)?;
        }
        flow.no_recursion(program, handler)?;
        flow.live = liveness::live_before(program);
        if program.insns.iter().any(|insn| bounds_loop(program, insn)) || flow.calls_back.contains(&true) {
            flow.relevant = liveness::relevant_before(program);
        }
        Ok(flow)
    }

    /// Checks that the functions divide the instructions among them.
    fn lay_out(&mut self, program: &Program) -> Result<(), Refused> {
        let bad = |at: usize, why: &str| Err((at, Reason::BadLayout { why: why.to_owned() }));
        if program.insns.is_empty() {
            return bad(0, "the program has no instructions");
        }
        if program.insns.len() > MAX_SLOTS {
            return bad(
                0,
                &format!("{} instruction slots, expected at most {MAX_SLOTS}", program.insns.len()),
            );
        }
        if program.functions.len() > MAX_FUNCTIONS {
            let found = program.functions.len();
            return bad(0, &format!("{found} functions, expected at most {MAX_FUNCTIONS}"));
        }
        let mut next = 0;
        for (index, function) in program.functions.iter().enumerate() {
            if function.start != next || function.end <= function.start || function.end > program.insns.len()
            {
                return bad(next, "the functions don't follow each other");
            }
            next = function.end;
            self.function[function.start..function.end].fill(index as u16);
        }
        if next != program.insns.len() {
            return bad(next, "instructions outside every function");
        }
        Ok(())
    }

    /// Checks every jump and call of a function, and marks where paths meet.
    fn edges(&mut self, program: &Program, index: usize, rules: Rules) -> Result<(), Refused> {
        let function = &program.functions[index];
        for at in function.start..function.end {
            let insn = &program.insns[at];
            let target = insn.target().map(|distance| at as i64 + 1 + distance);
            match insn.op() {
                Op::Ja { .. } | Op::Jump { .. } | Op::MayGoto => {
                    let to = inside(program, at, target.unwrap_or_default(), function.start..function.end)?;
                    self.meets[to] = true;
                    if !matches!(insn.op(), Op::Ja { .. }) {
                        self.meets[at] = true;
                    }
                }
                Op::Call(Callee::Local) | Op::Wide(Wide::Func) => {
                    let to = target.unwrap_or_default();
                    let Some(callee) = program.functions.iter().position(|f| f.start as i64 == to) else {
                        return Err((at, Reason::BadCall { to }));
                    };
                    self.calls[index].push((callee, at));
                    self.meets[program.functions[callee].start] = true;
                    self.meets[at] |= matches!(insn.op(), Op::Call(_));
                }
                Op::Call(Callee::Kfunc) if bounds_loop(program, insn) => self.meets[at] = true,
                Op::Call(_) if calls_back(program, insn) => {
                    self.calls_back[at] = true;
                    self.meets[at] = true;
                }
                _ => {}
            }
            if matches!(insn.op(), Op::Call(_))
                && let Some(after) = self.meets.get_mut(at + 1)
            {
                *after = true;
            }
        }
        let last = function.end - 1;
        match program.insns[last].op() {
            Op::Exit | Op::Ja { .. } => Ok(()),
            // Whether the end is ever reached, the walk finds out.
            _ if rules == Rules::Safety => Ok(()),
            _ => Err((last, Reason::FallsOffFunction)),
        }
    }

    /// The functions that a function's calls lead to, itself first, each after all that call it.
    pub(crate) fn callers_first(&self, root: usize) -> Vec<usize> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.calls.len()];
        // A function and how many of its calls have been followed.
        let mut chain = vec![(root, 0usize)];
        seen[root] = true;
        while let Some((function, followed)) = chain.last_mut() {
            match self.calls[*function].get(*followed) {
                Some(&(callee, _)) => {
                    *followed += 1;
                    if !std::mem::replace(&mut seen[callee], true) {
                        chain.push((callee, 0));
                    }
                }
                None => {
                    order.push(*function);
                    chain.pop();
                }
            }
        }
        order.reverse();
        order
    }

    /// Whether something holds of each function's own instructions, or of those of a function that it calls.
    pub(crate) fn with_callees(
        &self,
        program: &Program,
        holds: impl Fn(&Program, usize) -> bool,
    ) -> Vec<bool> {
        let mut found: Vec<bool> = (0..self.calls.len()).map(|function| holds(program, function)).collect();
        for root in 0..found.len() {
            for function in self.callers_first(root).into_iter().rev() {
                found[function] |= self.calls[function].iter().any(|(callee, _)| found[*callee]);
            }
        }
        found
    }

    /// Checks that calls form no circle.
    fn no_recursion(&self, program: &Program, handler: Option<usize>) -> Result<(), Refused> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; program.functions.len()];
        // A function and how many of its calls have been followed.
        let mut chain: Vec<(usize, usize)> = handler.into_iter().chain([0]).map(|root| (root, 0)).collect();
        marks[0] = Mark::Open;
        while let Some((function, followed)) = chain.last_mut() {
            let Some(&(callee, at)) = self.calls[*function].get(*followed) else {
                marks[*function] = Mark::Done;
                chain.pop();
                continue;
            };
            *followed += 1;
            // Addresses may form circles: timers set themselves up again.
            if matches!(program.insns[at].op(), Op::Wide(_)) {
                continue;
            }
            match marks[callee] {
                Mark::Done => {}
                Mark::Open => {
                    return Err((at, Reason::Recursion { function: program.functions[callee].name.clone() }));
                }
                Mark::New => {
                    marks[callee] = Mark::Open;
                    chain.push((callee, 0));
                }
            }
        }
        Ok(())
    }
}

/// Checks that every instruction is reached by some way from the entry.
fn reach(program: &Program, handler: Option<usize>) -> Result<(), Refused> {
    let mut reached = vec![false; program.insns.len()];
    let handler = handler.map(|function| program.functions[function].start);
    let mut work: Vec<usize> = handler.into_iter().chain([0]).collect();
    while let Some(at) = work.pop() {
        if std::mem::replace(&mut reached[at], true) {
            continue;
        }
        let insn = &program.insns[at];
        reached[at..at + insn.slots()].fill(true);
        for next in successors(insn, at).into_iter().flatten() {
            work.push(next);
        }
        if matches!(insn.op(), Op::Call(Callee::Local) | Op::Wide(Wide::Func)) {
            work.push((at as i64 + 1 + insn.target().unwrap_or_default()) as usize);
        }
    }
    match reached.iter().position(|r| !r) {
        Some(at) => Err((at, Reason::UnreachableCode)),
        None => Ok(()),
    }
}

/// Whether loops through an instruction end at run time, whatever is known of numbers: `may_goto`, and steps of an
/// iterator.
pub(crate) fn bounds_loop(program: &Program, insn: &Insn) -> bool {
    match insn.op() {
        Op::MayGoto => true,
        Op::Call(Callee::Kfunc) => {
            let steps = |arg: &Arg| matches!(arg, Arg::Iterator { step: Step::Steps, .. });
            kernel_function(program, insn).is_some_and(|function| function.args.iter().any(steps))
        }
        _ => false,
    }
}

/// Whether an instruction counts as a jump where it is decided how often states are kept: as in Linux, calls and ends of
/// functions do.
pub(crate) fn is_jump(insn: &Insn) -> bool {
    matches!(insn.op(), Op::Ja { .. } | Op::Jump { .. } | Op::MayGoto | Op::Call(_) | Op::CallX | Op::Exit)
}

/// Where an instruction goes on in its function: the next slot, and a jump's target.
pub(crate) fn successors(insn: &Insn, at: usize) -> [Option<usize>; 2] {
    let next = at + insn.slots();
    let target = insn.target().map(|distance| (at as i64 + 1 + distance) as usize);
    match insn.op() {
        Op::Exit => [None, None],
        Op::Ja { .. } => [target, None],
        Op::Jump { .. } | Op::MayGoto => [Some(next), target],
        _ => [Some(next), None],
    }
}

/// The target of a jump, if it is an instruction of the function.
fn inside(
    program: &Program,
    at: usize,
    target: i64,
    function: std::ops::Range<usize>,
) -> Result<usize, Refused> {
    let to = usize::try_from(target).ok().filter(|to| function.contains(to));
    match to {
        None => Err((at, Reason::JumpOutOfFunction { to: target })),
        Some(to) if program.insns[to].op() == Op::Tail => Err((at, Reason::JumpIntoWide { to })),
        Some(to) => Ok(to),
    }
}

/// Checks that a slot is an instruction with registers that exist.
fn decodable(program: &Program, at: usize, insn: &Insn, linux: Level) -> Result<(), Refused> {
    let in_wide = at > 0 && program.insns[at - 1].slots() == 2;
    match insn.op() {
        Op::Tail if in_wide => return Ok(()),
        Op::Tail => {
            return Err((at, Reason::Undecodable { why: "the second slot of nothing".to_owned() }));
        }
        Op::Raw => {
            let why = skep_isa::explain(insn).unwrap_or_default();
            return Err((at, Reason::Undecodable { why }));
        }
        _ => {}
    }
    if in_wide || insn.slots() == 2 && program.insns.get(at + 1).is_none_or(|next| next.op() != Op::Tail) {
        return Err((at, Reason::Undecodable { why: "a wide load lacks its second slot".to_owned() }));
    }
    let Some(row) = insn.row() else { return Ok(()) };
    linux.requires(row.linux, || format!("the instruction `{}`", row.name)).map_err(|reason| (at, reason))?;
    for (role, reg) in [(row.dst, insn.dst), (row.src, insn.src)] {
        if role != Role::None && reg.index() >= skep_isa::Reg::COUNT {
            return Err((at, Reason::BadRegister { register: reg.0 }));
        }
    }
    Ok(())
}
