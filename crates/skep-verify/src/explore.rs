//! The walk over every path: one instruction after another, the branches not taken kept for later, and a path ends
//! early where it arrives with nothing that an earlier one did not have there.
//!
//! Paths are followed depth first, so what leads to the present point is always one sequence: `history` has its
//! instructions, `path` the states kept on it. A kept state is *finished* once all that follows from it has been
//! walked: that is when the path falls back behind it.
//! Source of the limits: `BPF_COMPLEXITY_LIMIT_*` of kernel/bpf/verifier.c, Linux 6.18.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use skep_abi::{Context, MapDef, MapFlags, ProgType};
use skep_btf::{Btf, TypeId};
use skep_isa::{Reg, text::Writer};
use skep_obj::Program;

use crate::arena::has_arena;
use crate::domain::Scalar;
use crate::error::{Decision, PATH_SHOWN, Place, Reason, VerifyError};
use crate::exception::{check_calls, handler};
use crate::facts::Trace;
use crate::field::Record;
use crate::flow::{Flow, successors};
use crate::global::Globals;
use crate::kernel::own_types;
use crate::kfunc::Prototype;
use crate::kptr::{Records, records};
use crate::level::{Judgement, Judgements};
use crate::liveness;
use crate::options::{Options, Rules};
use crate::privilege::kind_allowed;
use crate::prog::check_load;
use crate::prune::Node;
use crate::report::{Answer, Question, register_of, source_of};
use crate::speculation::Speculation;
use crate::state::{Frame, MAX_FRAMES, Role, Sections, State};
use crate::target::Target;
use crate::value::{Id, Kind, Value};
use crate::verified::{Fact, Stats, Verified};
use crate::watch::Visit;

/// Index of a kept state.
pub(crate) type NodeId = usize;

/// One instruction of the path, with what going back over it needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) insn: u32,
    /// The stack slot that it spilled a register to or filled one from: frame and slot.
    pub(crate) slot: Option<(u8, u8)>,
    /// A branch's linked registers: index into `links`, plus one.
    pub(crate) links: u32,
    /// How the path goes on from here.
    pub(crate) way: Way,
}

/// How a path goes on from an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As the instruction says.
    Plain,
    /// A tail call ended its function here.
    Returned,
    /// A call runs the callback that it was given.
    IntoCallback,
    /// A callback ends, and the call that runs it is reached again.
    OutOfCallback,
}

impl Passed {
    pub(crate) fn of(insn: usize) -> Passed {
        Passed { insn: insn as u32, slot: None, links: 0, way: Way::Plain }
    }
}

/// A place that holds a value: a register or a stack slot of a frame.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Holder {
    pub(crate) frame: u8,
    pub(crate) slot: bool,
    pub(crate) index: u8,
}

/// A kept state on the path, and how long the history was when it was kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) node: NodeId,
    pub(crate) passed: usize,
}

/// A branch to be followed later.
struct Pending {
    insn: usize,
    state: State,
    path: usize,
    passed: usize,
    links: usize,
    /// How the path left the instruction before, where that one did not lead here by itself.
    mark: Option<Passed>,
}

/// What follows an instruction on the path.
pub(crate) enum Next {
    /// This slot.
    Slot(usize),
    /// Nothing: the path ends.
    End,
}

/// The maps that a call is given over all paths.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum CallMap {
    One(u32),
    Several,
}

/// What every part of the walk works on.
pub(crate) struct Explorer<'a> {
    pub(crate) program: &'a Arc<Program>,
    pub(crate) options: &'a Options,
    /// The kernel's types, or those of the functions' objects where there is no kernel.
    pub(crate) kernel: Option<&'a Btf>,
    /// What the Linux that is asked for judges as later ones do.
    pub(crate) judges: Judgements,
    pub(crate) context: Option<&'static Context>,
    /// What of the kernel the program is written for.
    pub(crate) target: Option<Target>,
    pub(crate) flow: Flow,
    pub(crate) globals: Globals,
    /// The function that handles what the program throws.
    pub(crate) handler: Option<usize>,
    pub(crate) facts: Vec<Fact>,
    /// The maps that calls are given, by slot of the call.
    pub(crate) call_maps: HashMap<usize, CallMap>,
    /// The functions that indirect calls call, by slot of the call.
    pub(crate) callees: HashMap<usize, u32>,
    /// The special fields of the values of the maps.
    pub(crate) records: Records,
    /// Whether one of the maps is an arena.
    pub(crate) has_arena: bool,
    /// Bytes of stack used, by function.
    pub(crate) stacks: Vec<u32>,
    /// The kernel functions that were called, by index of the symbol.
    pub(crate) prototypes: HashMap<i64, Rc<Prototype>>,
    /// The special fields of objects, by type of the program's.
    pub(crate) object_records: HashMap<TypeId, Rc<Record>>,
    /// Whether a frame of the function may be read where nothing was written.
    pub(crate) reads_uninit: Vec<bool>,
    pub(crate) nodes: Vec<Node>,
    /// Kept states to compare with, by slot, with the slot of the call that the function was walked for.
    pub(crate) kept: Vec<Vec<(usize, NodeId)>>,
    pub(crate) free: Vec<NodeId>,
    pub(crate) path: Vec<Kept>,
    pub(crate) history: Vec<Passed>,
    pub(crate) links: Vec<Vec<Holder>>,
    pending: Vec<Pending>,
    /// Functions that the kernel runs later, with what they start from.
    later: Vec<(usize, State)>,
    /// Which functions those are.
    pub(crate) async_functions: Vec<bool>,
    /// What mispredicted paths need, where they matter.
    pub(crate) speculation: Option<Box<Speculation>>,
    last_id: Id,
    pub(crate) processed: u64,
    pub(crate) jumps: u64,
    pub(crate) kept_at: (u64, u64),
    pub(crate) stats: Stats,
    pub(crate) log: String,
    /// Bytes of stack that the deepest chain of calls needs.
    pub(crate) chain_bytes: u32,
    /// Whether paths count as one only if all numbers of the later are among the earlier's.
    pub(crate) exact: bool,
    /// Whether anybody looks on: whoever watches, or a trace.
    observed: bool,
    pub(crate) watch: Option<&'a mut dyn FnMut(&Visit<'_>)>,
    pub(crate) trace: Option<Box<Trace>>,
}

/// Registers that every program finds something in: r1 and r10.
const GIVEN: u16 = 1 << 1 | 1 << 10;

/// Verifies a program.
///
/// What is proved: on every path, instructions read only initialised registers, access only memory that is there,
/// call functions only with what they take, and end. [`Options`] says how much work that may be.
pub fn verify(program: Arc<Program>, options: &Options) -> Result<Verified, VerifyError> {
    with_facts(program, options, None)
}

/// [`verify`], calling `watch` at each visit of an instruction with what is known before it.
pub fn verify_watched(
    program: Arc<Program>,
    options: &Options,
    watch: &mut dyn FnMut(&Visit<'_>),
) -> Result<Verified, VerifyError> {
    with_facts(program, options, Some(watch))
}

/// Judges a program, and walks it again for what only closer comparison tells, if the options ask for it. That walk
/// may be too much work: then what the first one found is all there is.
fn with_facts(
    program: Arc<Program>,
    options: &Options,
    watch: Option<&mut dyn FnMut(&Visit<'_>)>,
) -> Result<Verified, VerifyError> {
    let mut verified = judge(program.clone(), options, watch, false)?;
    if options.facts {
        let quiet = Options { log: false, ..options.clone() };
        if let Ok(exact) = judge(program, &quiet, None, true) {
            verified.whole = exact.whole;
        }
    }
    Ok(verified)
}

/// Judges a program, by one walk over all paths; with `exact`, numbers are compared as closely as pointers are.
fn judge(
    program: Arc<Program>,
    options: &Options,
    watch: Option<&mut dyn FnMut(&Visit<'_>)>,
    exact: bool,
) -> Result<Verified, VerifyError> {
    let own_types = if options.kernel.is_none() { own_types(&options.functions) } else { None };
    let kernel = options.kernel.as_deref().or(own_types.as_ref());
    let mut explorer = Explorer::new(&program, options, kernel, watch.map(|watch| watch as _), exact)?;
    explorer.run()?;
    Ok(explorer.verified())
}

/// A refusal with its source line.
fn error(program: &Program, insn: usize, reason: Reason, place: Place) -> VerifyError {
    let function = program.function_at(insn).map(|f| f.name.clone()).unwrap_or_default();
    let text = program.insns.get(insn).map(|i| Writer::pseudoc().insn(i)).unwrap_or_default();
    let source = source_of(program, insn);
    VerifyError { insn, reason, place: Box::new(Place { function, text, source, ..place }) }
}

impl<'a> Explorer<'a> {
    /// Before the first instruction; what can be refused without a walk is refused. `kernel` has the types that functions
    /// are found in by name.
    pub(crate) fn new(
        program: &'a Arc<Program>,
        options: &'a Options,
        kernel: Option<&'a Btf>,
        watch: Option<&'a mut dyn FnMut(&Visit<'_>)>,
        exact: bool,
    ) -> Result<Explorer<'a>, VerifyError> {
        let bare = |insn: usize, reason| error(program, insn, reason, Place::default());
        kind_allowed(program.prog_type, options.privileges).map_err(|reason| bare(0, reason))?;
        let context = program.prog_type.context();
        let judges = Judgements::of(options.linux);
        let handles = judges.has(Judgement::Exceptions);
        let handler = if handles { handler(program).map_err(|reason| bare(0, reason))? } else { None };
        let flow = Flow::new(program, options.rules, options.linux, handler)
            .map_err(|(insn, reason)| bare(insn, reason))?;
        crate::maps::check(program, options.privileges, options.linux)
            .map_err(|(insn, reason)| bare(insn, reason))?;
        check_load(program, options.rules, options.linux).map_err(|(insn, reason)| bare(insn, reason))?;
        let target = Target::of(program, options).map_err(|reason| bare(0, reason))?;
        if context.is_none() && target.is_none() && program.prog_type != ProgType::Unspec {
            return Err(bare(0, Reason::ProgramType { prog_type: program.prog_type.to_string() }));
        }
        check_calls(program, &flow, handler).map_err(|(insn, reason)| bare(insn, reason))?;
        let records = records(program).map_err(|(insn, reason)| bare(insn, reason))?;
        let slots = program.insns.len();
        let functions = program.functions.len();
        let trace = options.facts.then(|| Box::new(Trace::new(program, &flow)));
        Ok(Explorer {
            program,
            options,
            kernel,
            judges,
            context,
            target,
            globals: Globals::new(program, &flow, judges),
            handler,
            flow,
            facts: vec![Fact::Unreachable; slots],
            call_maps: HashMap::new(),
            callees: HashMap::new(),
            records,
            has_arena: has_arena(program),
            stacks: vec![0; functions],
            prototypes: HashMap::new(),
            object_records: HashMap::new(),
            reads_uninit: vec![false; functions],
            nodes: Vec::new(),
            kept: vec![Vec::new(); slots],
            free: Vec::new(),
            path: Vec::new(),
            history: Vec::new(),
            links: Vec::new(),
            pending: Vec::new(),
            later: Vec::new(),
            async_functions: vec![false; functions],
            speculation: Speculation::new(options.privileges, slots),
            last_id: 0,
            processed: 0,
            jumps: 0,
            kept_at: (0, 0),
            stats: Stats::default(),
            log: String::new(),
            chain_bytes: 0,
            exact,
            observed: watch.is_some() || trace.is_some(),
            watch,
            trace,
        })
    }

    /// For each map, a part of its values that has rules of its own.
    pub(crate) fn special_of_maps(&self) -> Vec<Option<&'static str>> {
        self.records.iter().map(|record| Some(record[0].as_ref()?.fields.first()?.kind.name())).collect()
    }

    /// The functions that calls name, by their index into the program's symbols.
    pub(crate) fn named_functions(&self) -> HashMap<i64, &'static skep_abi::Function> {
        self.prototypes.iter().map(|(symbol, prototype)| (*symbol, prototype.function)).collect()
    }

    /// What is proved, after every path was followed.
    fn verified(self) -> Verified {
        let whole = self.trace.as_ref().map(|trace| Arc::new(self.facts(trace, self.exact)));
        let (special, named) = (self.special_of_maps(), self.named_functions());
        let Explorer {
            program,
            options,
            flow,
            mut facts,
            call_maps,
            callees,
            stacks,
            reads_uninit,
            stats,
            log,
            ..
        } = self;
        for (at, map) in call_maps {
            if let CallMap::One(map) = map
                && facts[at] != Fact::Unreachable
            {
                facts[at] = Fact::CallWithMap(map);
            }
        }
        let stacks: Vec<u32> = stacks.iter().map(|bytes| bytes.next_multiple_of(8)).collect();
        let memory = (program.prog_type == ProgType::Unspec).then(|| options.memory.unwrap_or(0));
        let log = options.log.then_some(log);
        let given = if program.prog_type == ProgType::Unspec { GIVEN | 1 << 2 } else { GIVEN };
        let zero_registers = flow.live.first().map_or(0, |live| live & !given);
        Verified {
            program: program.clone(),
            facts,
            callees,
            named,
            stacks,
            reads_uninit,
            zero_registers,
            memory,
            special,
            stats,
            log,
            whole,
        }
    }
}

impl Explorer<'_> {
    /// Follows every path, of the entry and of each global function that is called, then checks the stacks of all
    /// chains of calls.
    pub(crate) fn run(&mut self) -> Result<(), VerifyError> {
        let frame = self.entry();
        self.walk(0, frame)?;
        if let Some(handler) = self.handler {
            self.globals.call(handler);
        }
        while let Some(function) = self.globals.next() {
            let start = self.program.functions[function].start;
            let refused = |reason| error(self.program, start, reason, Place::default());
            let frame = self.global_entry(function).map_err(refused)?;
            self.walk(start, frame)?;
        }
        self.stats.insns_processed = self.processed;
        self.tail_calls_allowed()
            .map_err(|(insn, reason)| error(self.program, insn, reason, Place::default()))?;
        // What the kernel runs later starts a chain of its own.
        let laters = (0..self.async_functions.len()).filter(|function| self.async_functions[*function]);
        for root in [0].into_iter().chain(self.handler).chain(laters) {
            let refused = |(insn, reason)| error(self.program, insn, reason, Place::default());
            let bytes = self.check_stacks(root).map_err(refused)?;
            self.chain_bytes = self.chain_bytes.max(bytes);
        }
        Ok(())
    }

    /// Follows every path from an instruction.
    fn walk(&mut self, start: usize, frame: Frame) -> Result<(), VerifyError> {
        // Nothing is known of one function in the states of another.
        self.nodes.clear();
        self.free.clear();
        self.kept.iter_mut().for_each(Vec::clear);
        self.history.clear();
        self.links.clear();
        if self.options.log && start != 0 {
            let _ = writeln!(self.log, "\n{}:", self.program.functions[frame.function].name);
        }
        let mut state = State {
            frames: vec![Rc::new(frame)],
            held: Vec::new(),
            sections: Sections { sleepable: self.is_sleepable(), ..Sections::default() },
            written: [0; MAX_FRAMES],
            speculative: false,
            may_leak: self.may_leak(),
            may_gotos: 0,
        };
        if let Some(trace) = &mut self.trace {
            trace.begin(state.frame().function, start, false);
        }
        let mut at = start;
        loop {
            match self.advance(at, &mut state) {
                Ok(Next::Slot(next)) => at = next,
                Ok(Next::End) => match self.pending.pop() {
                    Some(pending) => {
                        self.fall_back(pending.path);
                        self.history.truncate(pending.passed);
                        self.links.truncate(pending.links);
                        self.history.extend(pending.mark);
                        (at, state) = (pending.insn, pending.state);
                        if let Some(trace) = &mut self.trace {
                            trace.pop();
                        }
                        if self.options.log {
                            let _ = writeln!(self.log, "\nfrom a branch to {at}:");
                        }
                    }
                    None => {
                        self.fall_back(0);
                        self.history.clear();
                        self.links.clear();
                        let Some((insn, later)) = self.later.pop() else { break };
                        (at, state) = (insn, later);
                        if let Some(trace) = &mut self.trace {
                            trace.pop_later(at);
                        }
                    }
                },
                Err(reason) => return Err(self.refuse(at, &state, reason)),
            }
        }
        self.fall_back(0);
        Ok(())
    }

    /// What is known where the program starts.
    fn entry(&self) -> Frame {
        let mut frame = Frame::new(0, 0, 0);
        if self.program.prog_type == ProgType::Unspec {
            let size = self.options.memory.unwrap_or(0);
            frame.regs[1] = Value::pointer(Kind::Given);
            // The memory is at least so large: nothing more is promised of its size.
            let size = Scalar::unsigned(u64::from(size), u64::from(u32::MAX));
            frame.regs[2] = Value::scalar(size);
        } else {
            frame.regs[1] = Value::pointer(Kind::Context);
        }
        if self.options.rules == Rules::Safety {
            frame.regs.iter_mut().filter(|r| r.kind == Kind::Uninit).for_each(|r| *r = Value::constant(0));
        }
        frame
    }

    /// One instruction of the path.
    fn advance(&mut self, at: usize, state: &mut State) -> Result<Next, Reason> {
        if self.processed >= self.options.limits.insns {
            return Err(Reason::TooComplex { limit: self.options.limits.insns });
        }
        self.processed += 1;
        if self.flow.function.get(at) != Some(&(state.frame().function as u16)) {
            return Err(Reason::FallsOffFunction);
        }
        if self.observed && !state.speculative {
            self.observe(at, state);
        }
        if self.flow.meets[at] && self.meet(at, state)? {
            if self.options.log {
                let _ = writeln!(self.log, "{at}: safe");
            }
            return Ok(Next::End);
        }
        if self.is_fenced(at, state) {
            return Ok(Next::End);
        }
        let insn = self.program.insns[at];
        self.history.push(Passed::of(at));
        let fact = self.facts[at];
        if fact == Fact::Unreachable {
            self.facts[at] = Fact::Plain;
        }
        let mut next = self.step(at, &insn, state);
        if state.speculative {
            self.facts[at] = fact;
            next = self.behind_barrier(at, next);
        }
        if self.options.log {
            self.log_step(at, &insn, state);
        }
        next
    }

    /// Keeps a branch for later.
    pub(crate) fn push(&mut self, insn: usize, state: State) -> Result<(), Reason> {
        self.push_from(None, self.history.len(), insn, state)
    }

    /// A tail call in a function that is not the entry: where the other program was run in its place, it is as if
    /// the function had returned what that program did.
    pub(crate) fn push_returned(&mut self, call: usize, state: &State) -> Result<(), Reason> {
        if state.frame().role != Role::Called {
            let what = "tail_call in a callback: what the other program returns is not known".to_owned();
            return Err(Reason::Forbidden { register: 1, what });
        }
        let mut after = state.clone();
        let call_site = after.frame().call_site;
        after.frames.pop();
        // The other program may have moved the packet.
        after.forget_packet();
        after.set(Reg::R0, Value::scalar(Scalar::UNKNOWN));
        // The call itself is noted again, as the function's end.
        let mark = Passed { way: Way::Returned, ..Passed::of(call) };
        self.push_from(Some(mark), self.history.len() - 1, call_site + 1, after)
    }

    pub(crate) fn push_from(
        &mut self,
        mark: Option<Passed>,
        passed: usize,
        insn: usize,
        state: State,
    ) -> Result<(), Reason> {
        if self.pending.len() >= self.options.limits.branches {
            return Err(Reason::TooManyBranches { limit: self.options.limits.branches });
        }
        let (path, links) = (self.path.len(), self.links.len());
        if let Some(trace) = &mut self.trace {
            trace.push(insn, &state);
        }
        self.pending.push(Pending { insn, state, path, passed, links, mark });
        Ok(())
    }

    /// Keeps a function to be followed by itself, once no path leads on.
    pub(crate) fn push_later(&mut self, insn: usize, state: State) -> Result<(), Reason> {
        if self.later.len() >= self.options.limits.branches {
            return Err(Reason::TooManyBranches { limit: self.options.limits.branches });
        }
        if let Some(trace) = &mut self.trace {
            trace.push_later(state.frame().function);
        }
        self.later.push((insn, state));
        Ok(())
    }

    /// A name that nothing has yet.
    pub(crate) fn new_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    /// The definition of a map.
    pub(crate) fn map(&self, map: u32) -> Result<MapDef, Reason> {
        match self.map_spec(map) {
            Some(spec) => Ok(spec.def),
            None => {
                let maps = self.program.maps.len();
                Err(Reason::BadOperand { why: format!("map {map} of {maps}: there is no such map") })
            }
        }
    }

    /// Whether programs may do this to the values of a map.
    pub(crate) fn map_allows(&self, map: u32, register: u8, write: bool) -> Result<(), Reason> {
        let (flag, what) = if write {
            (MapFlags::RDONLY_PROG, "write into map forbidden: its values are read-only to programs")
        } else {
            (MapFlags::WRONLY_PROG, "read from map forbidden: its values are write-only to programs")
        };
        if self.map(map)?.flags.contains(flag) {
            return Err(Reason::Forbidden { register, what: what.to_owned() });
        }
        Ok(())
    }

    /// Notes that a frame's function uses its stack down to this (negative) offset.
    pub(crate) fn note_stack(&mut self, function: usize, off: i64) {
        let bytes = (-off).max(0) as u32;
        self.stacks[function] = self.stacks[function].max(bytes);
    }

    /// The error for a reason found at an instruction.
    fn refuse(&self, at: usize, state: &State, reason: Reason) -> VerifyError {
        // What runs off a function's end is at fault, not what stands behind it.
        let at = if reason == Reason::FallsOffFunction { at - 1 } else { at };
        let insn = &self.program.insns[at];
        let (reads, _) = liveness::uses(insn);
        let registers = (0..Reg::COUNT)
            .filter(|r| reads & (1 << r) != 0)
            .map(|r| (r as u8, self.describe(&state.frame().regs[r])))
            .collect();
        let mut path = Vec::new();
        let mut omitted = 0;
        for pair in self.history.windows(2).rev() {
            let (here, next) = (pair[0].insn as usize, pair[1].insn as usize);
            let [Some(_), Some(target)] = successors(&self.program.insns[here], here) else { continue };
            if path.len() == PATH_SHOWN {
                omitted += 1;
                continue;
            }
            path.push(Decision {
                insn: here,
                text: Writer::pseudoc().insn(&self.program.insns[here]),
                taken: next == target,
                source: source_of(self.program, here),
            });
        }
        path.reverse();
        let registers: Vec<(u8, String)> = registers;
        let Answer { causes, class } = self.explain(at, &reason, &registers);
        let stats = Stats { insns_processed: self.processed, ..self.stats };
        let place =
            Place { registers, path, path_omitted: omitted, causes, class, stats, ..Place::default() };
        error(self.program, at, reason, place)
    }

    /// How it came to a refusal.
    fn explain(&self, at: usize, reason: &Reason, registers: &[(u8, String)]) -> Answer {
        let mut path: Vec<usize> = self.history.iter().map(|passed| passed.insn as usize).collect();
        if path.last() != Some(&at) {
            path.push(at);
        }
        let acquired = match reason {
            Reason::Unreleased { acquired, .. } => Some(*acquired),
            _ => None,
        };
        Question {
            program: self.program,
            path: &path,
            rule: reason.rule().name,
            register: register_of(&reason.to_string(), self.program.insns.get(at)),
            registers,
            acquired,
        }
        .answer()
    }
}
