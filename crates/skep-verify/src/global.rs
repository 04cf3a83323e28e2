//! Global functions: verified once, for whatever their types allow, and only checked against their types where they are
//! called. What is proved of their instructions then holds for every caller.
//!
//! Those that no path calls are not looked at. Functions without types, and static ones, are walked at each call.
//! Source: `check_func_call`, `btf_check_func_arg_match`, `do_check_common`, `do_check_subprogs` of
//! kernel/bpf/verifier.c, Linux 6.18.

use std::rc::Rc;

use skep_abi::{Effect, Function};
use skep_isa::{Callee, Op, Reg};
use skep_obj::Program;

use crate::dynptr::fills_no_dynptr;
use crate::error::Reason;
use crate::exception::{THROWN, check_handler, may_throw};
use crate::explore::{Explorer, Next};
use crate::flow::Flow;
use crate::kernel::kernel_function;
use crate::leave::may_leave;
use crate::level::{Judgement, Judgements};
use crate::pointer::{Access, stack_span, unmodified};
use crate::signature::{Param, signature};
use crate::state::{Frame, Hold, State};
use crate::value::{Flags, Kind, Value};

/// What is known of the functions that are verified by their types.
pub(crate) struct Globals {
    functions: Vec<Option<Global>>,
}

/// A global function.
#[derive(Clone, Default)]
struct Global {
    /// What it takes, once it was asked; or why that can't be told.
    params: Option<Result<Rc<[Param]>, String>>,
    /// Whether a path calls it.
    called: bool,
    /// Whether it has been walked.
    walked: bool,
    /// Whether packet pointers taken before a call are invalid after it.
    moves_packet: bool,
    /// Whether a call may throw.
    throws: bool,
    /// Whether a call may sleep.
    sleeps: bool,
}

impl Globals {
    pub(crate) fn new(program: &Program, flow: &Flow, judges: Judgements) -> Globals {
        let is_global = |index: usize| {
            let function = &program.functions[index];
            index > 0 && function.global && function.btf_id.is_some() && program.btf.is_some()
        };
        let called = !judges.has(Judgement::UncalledGlobals);
        let global = |index| is_global(index).then(|| Global { called, ..Global::default() });
        let mut functions: Vec<Option<Global>> = (0..program.functions.len()).map(global).collect();
        if functions.iter().any(Option::is_some) {
            let moves = flow.with_callees(program, moves_packet);
            let throws = flow.with_callees(program, may_throw);
            let sleeps = flow.with_callees(program, sleeps);
            for (index, global) in functions.iter_mut().enumerate() {
                if let Some(global) = global {
                    (global.moves_packet, global.throws) = (moves[index], throws[index]);
                    global.sleeps = sleeps[index];
                }
            }
        }
        Globals { functions }
    }

    /// Whether a function is verified by its types.
    pub(crate) fn has(&self, function: usize) -> bool {
        self.functions.get(function).is_some_and(Option::is_some)
    }

    /// Notes that a function must be walked, as if it was called.
    pub(crate) fn call(&mut self, function: usize) {
        if let Some(Some(global)) = self.functions.get_mut(function) {
            global.called = true;
        }
    }

    /// A function that is called, and has not been walked; from now on it counts as walked.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let waits = |global: &Option<Global>| global.as_ref().is_some_and(|g| g.called && !g.walked);
        let index = self.functions.iter().position(waits)?;
        if let Some(global) = &mut self.functions[index] {
            global.walked = true;
        }
        Some(index)
    }
}

/// Whether a function's own instructions may move the packet.
fn moves_packet(program: &Program, function: usize) -> bool {
    calls(program, function, |called| called.has(Effect::MovesPacket) || called.has(Effect::TailCall))
}

/// Whether a function's own instructions may sleep.
fn sleeps(program: &Program, function: usize) -> bool {
    calls(program, function, |called| called.has(Effect::Sleeps))
}

/// Whether a function's own instructions may call a helper, or a function of the kernel, of which something holds.
fn calls(program: &Program, function: usize, holds: impl Fn(&Function) -> bool) -> bool {
    let function = &program.functions[function];
    program.insns[function.start..function.end].iter().any(|insn| match insn.op() {
        Op::Call(Callee::Helper) => Function::by_id(insn.imm as u32).is_some_and(&holds),
        Op::Call(Callee::Kfunc) => kernel_function(program, insn).is_some_and(&holds),
        // Which function it calls is known only where it is walked.
        Op::CallX => true,
        _ => false,
    })
}

impl Explorer<'_> {
    /// What a global function takes.
    fn params(&mut self, function: usize) -> Result<Rc<[Param]>, Reason> {
        let program = self.program;
        let judges = self.judges;
        let params = match self.globals.functions.get_mut(function) {
            Some(Some(global)) => global
                .params
                .get_or_insert_with(|| signature(program, function, judges).map(Into::into))
                .clone(),
            _ => signature(program, function, judges).map(Into::into),
        };
        params
            .map_err(|why| Reason::GlobalFunction { function: program.functions[function].name.clone(), why })
    }

    /// A call of a global function: its arguments are checked, and it is not entered.
    pub(crate) fn call_global(
        &mut self,
        at: usize,
        function: usize,
        state: &mut State,
    ) -> Result<Next, Reason> {
        if state.is_locked() {
            return Err(Reason::GlobalFunction {
                function: self.program.functions[function].name.clone(),
                why: "global function calls are not allowed while holding a lock: use a static one"
                    .to_owned(),
            });
        }
        if state.sections.preempt > 0 && !self.judges.has(Judgement::GlobalCallsInSections) {
            return Err(Reason::GlobalFunction {
                function: self.program.functions[function].name.clone(),
                why: "global function calls are not allowed with preemption disabled: use a static one"
                    .to_owned(),
            });
        }
        let params = self.params(function)?;
        for (index, param) in params.iter().enumerate() {
            self.global_argument(function, index, param, state)?;
        }
        self.globals.call(function);
        let global = self.globals.functions[function].clone().unwrap_or_default();
        if global.throws {
            may_leave(state, THROWN)?;
        }
        let sections = &state.sections;
        let irq_off = state.held.iter().any(|held| held.what == Hold::Irq);
        let may_sleep = sections.sleepable && !sections.rcu && sections.preempt == 0 && !irq_off;
        if global.sleeps && !may_sleep {
            return Err(Reason::GlobalFunction {
                function: self.program.functions[function].name.clone(),
                why: "global functions that may sleep are not allowed in non-sleepable context".to_owned(),
            });
        }
        if global.moves_packet {
            state.forget_packet();
        }
        state.clobber();
        state.set(Reg::R0, Value::UNKNOWN);
        Ok(Next::Slot(at + 1))
    }

    /// Whether the instruction calls a global function.
    pub(crate) fn is_global_call(&self, at: usize) -> bool {
        self.global_callee(at).is_some()
    }

    /// The global function that the instruction calls.
    pub(crate) fn global_callee(&self, at: usize) -> Option<usize> {
        let insn = &self.program.insns[at];
        if insn.op() != Op::Call(Callee::Local) {
            return None;
        }
        let start = (at as i64 + 1 + insn.target()?) as usize;
        Some(self.flow.function[start] as usize).filter(|callee| self.globals.has(*callee))
    }

    /// Checks an argument.
    fn global_argument(
        &mut self,
        function: usize,
        index: usize,
        param: &Param,
        state: &mut State,
    ) -> Result<(), Reason> {
        let reg = Reg(index as u8 + 1);
        let value = state.read(reg)?;
        let program = self.program;
        let invalid = |why: &str| {
            let function = program.functions[function].name.clone();
            let why = format!("Caller passes invalid args: {why}, found {value} in R{}", reg.0);
            Err(Reason::GlobalFunction { function, why })
        };
        match param {
            Param::Number if value.is_scalar() => Ok(()),
            Param::Number => invalid(&format!("R{} is not a scalar", reg.0)),
            Param::Context if value.kind == Kind::Context => unmodified(reg, &value),
            Param::Context => invalid(&format!("arg#{index} expects pointer to ctx")),
            Param::Memory { size, nullable } => {
                if value.is_null_constant() {
                    self.need_precise(state, reg);
                }
                if (value.nullable || value.is_null_constant()) && !nullable {
                    return invalid(&format!("arg#{index} is expected to be non-NULL"));
                }
                if value.is_null_constant() {
                    return Ok(());
                }
                self.global_memory(reg, *size, state)
            }
            Param::Trusted { name, nullable } => {
                if value.is_null_constant() && *nullable {
                    self.need_precise(state, reg);
                    return Ok(());
                }
                let is_it = self.is_kernel_object(&value, name) && value.is_trusted();
                if !is_it || value.nullable && !nullable {
                    return invalid(&format!("arg#{index} expects a trusted pointer to {name}"));
                }
                unmodified(reg, &value)
            }
            Param::Untrusted { .. } => Ok(()),
            Param::Arena if value.is_scalar() || value.kind == Kind::Arena => Ok(()),
            Param::Arena => invalid(&format!("R{} is not a pointer to arena or scalar", reg.0)),
            Param::Dynptr => self.use_dynptr(reg, false, state).map(|_| ()),
        }
    }

    /// Checks memory that a global function may read and write, all of it or any part.
    fn global_memory(&mut self, reg: Reg, size: u32, state: &mut State) -> Result<(), Reason> {
        let pointer = Value { nullable: false, ..state.read(reg)? };
        let bytes = i64::from(size);
        match pointer.kind {
            Kind::Stack { frame } => {
                let span = stack_span(reg, &pointer, 0, bytes)?;
                if size > 0 {
                    self.note_stack(state.frames[frame as usize].function, span.min);
                    fills_no_dynptr(reg, frame, span, state)?;
                    self.read_stack(frame, span, state);
                    self.store_somewhere(frame, span, false, state);
                }
                Ok(())
            }
            Kind::Object { .. } => Err(Reason::Forbidden {
                register: reg.0,
                what: format!(
                    "only read is supported of {}, and the function may write through R{}",
                    self.describe(&pointer),
                    reg.0
                ),
            }),
            _ => {
                self.within(reg, &pointer, 0, bytes, Access::Read)?;
                self.within(reg, &pointer, 0, bytes, Access::Write)
            }
        }
    }

    /// What is known where a global function begins.
    pub(crate) fn global_entry(&mut self, function: usize) -> Result<Frame, Reason> {
        let params = self.params(function)?;
        if self.handler == Some(function) {
            check_handler(&params)?;
        }
        let mut frame = Frame::new(function, 0, 0);
        for (index, param) in params.iter().enumerate() {
            let or_null = |value: Value, nullable: bool, id| if nullable { value.or_null(id) } else { value };
            frame.regs[index + 1] = match param {
                Param::Number => Value::UNKNOWN,
                Param::Context => Value::pointer(Kind::Context),
                Param::Memory { size, nullable } => {
                    let memory = Value::pointer(Kind::Memory { size: *size });
                    let memory = Value { flags: Flags::ARGUMENT, ..memory };
                    or_null(memory, *nullable, self.new_id())
                }
                Param::Trusted { name, nullable } => {
                    or_null(self.kernel_object(name, Flags::TRUSTED)?, *nullable, self.new_id())
                }
                Param::Untrusted { name: Some(name) } => self.kernel_object(name, Flags::UNTRUSTED)?,
                Param::Untrusted { name: None } => Value::unknown_bytes(),
                Param::Dynptr => self.constant_dynptr(),
                Param::Arena => Value::UNKNOWN,
            };
        }
        Ok(frame)
    }
}
