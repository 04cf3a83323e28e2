//! Functions of the program that calls are given: those that the call itself runs, maybe again and again, and those
//! that the kernel runs later.
//!
//! A callback of the first kind is walked from the state at its call, and then the call is reached again, with what the
//! callback did to the caller's stack: until nothing new comes of that. The way on from the call is walked from each of
//! these states: it may have run any number of times, and not at all. One of the second kind is walked by itself.
//! Source: `push_callback_call`, `prepare_func_exit`, `push_async_cb` and the `set_*_callback_state` of
//! kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{Arg, Callback, CallbackArg, Function, Runs};
use skep_isa::{Callee, Insn, Op, Reg};
use skep_obj::Program;

use crate::domain::Scalar;
use crate::error::Reason;
use crate::explore::{Explorer, Next, Passed, Way};
use crate::kernel::kernel_function;
use crate::state::{Frame, MAX_FRAMES, Role, Sections, State};
use crate::value::{Flags, Kind, Value};

/// Whether an instruction is a call that runs a callback itself.
pub(crate) fn calls_back(program: &Program, insn: &Insn) -> bool {
    let function = match insn.op() {
        Op::Call(Callee::Helper) => Function::by_id(insn.imm as u32),
        Op::Call(Callee::Kfunc) => kernel_function(program, insn),
        _ => None,
    };
    let runs = |arg: &Arg| matches!(arg, Arg::Callback(callback) if callback.runs != Runs::Later);
    function.is_some_and(|function| function.args.iter().any(runs))
}

/// What a callback finds in r1 to r5.
pub(crate) type Arguments = [Value; 5];

impl Explorer<'_> {
    /// The address of a function, which must be one that nobody else calls.
    pub(crate) fn function_address(&self, at: usize, insn: &Insn) -> Result<Value, Reason> {
        let start = at as i64 + 1 + insn.target().unwrap_or_default();
        let bad = |why: &str| Err(Reason::BadOperand { why: why.to_owned() });
        let Some(index) = self.program.functions.iter().position(|f| f.start as i64 == start) else {
            return bad("the address of no function");
        };
        let function = &self.program.functions[index];
        if self.program.functions.iter().all(|f| f.btf_id.is_none()) {
            return bad("missing btf func_info: the functions of the program have no types");
        }
        if function.global {
            return bad("callback function not static: whoever else calls it gives it other arguments");
        }
        Ok(Value::pointer(Kind::Function(index as u32)))
    }

    /// The function that a call is given.
    pub(crate) fn callback_argument(
        &self,
        reg: Reg,
        function: &'static str,
        state: &State,
    ) -> Result<usize, Reason> {
        let value = state.reg(reg);
        match value.kind {
            Kind::Function(index) if value.is_unmodified() => Ok(index as usize),
            _ => {
                let (expected, found) = ("func".to_owned(), self.describe(value));
                Err(Reason::Argument { register: reg.0, function, expected, found })
            }
        }
    }

    /// A helper is given a function of the program.
    #[allow(clippy::too_many_arguments)] // a call has that many parts
    pub(crate) fn call_back(
        &mut self,
        at: usize,
        function: &'static Function,
        callback: &Callback,
        callee: usize,
        map: Option<u32>,
        state: &mut State,
    ) -> Result<(), Reason> {
        let arguments = self.callback_arguments(function, callback, map, state)?;
        let ret = (0, i64::from(callback.ret_max));
        if callback.runs == Runs::Later {
            return self.push_async(at, callee, arguments, ret, callback.sleeps);
        }
        if function.name == "bpf_loop" {
            // Whether it runs again is decided by how often it is to.
            self.need_precise(state, Reg::R1);
            if u64::from(state.frame().rounds) >= state.reg(Reg::R1).num.full.umax {
                state.frame_mut().rounds = 0;
                return Ok(());
            }
        }
        self.push_callback(at, callee, arguments, ret, false, state)
    }

    /// What the function table says a callback is given.
    fn callback_arguments(
        &mut self,
        function: &Function,
        callback: &Callback,
        map: Option<u32>,
        state: &State,
    ) -> Result<Arguments, Reason> {
        let mut arguments = [Value::UNINIT; 5];
        let context = function
            .args
            .iter()
            .position(|arg| matches!(arg, Arg::CallbackContext | Arg::OrNull(Arg::CallbackContext)));
        let map = map.unwrap_or_default();
        for (index, (argument, what)) in arguments.iter_mut().zip(callback.args).enumerate() {
            *argument = match what {
                CallbackArg::Scalar => Value::UNKNOWN,
                CallbackArg::Map => Value::pointer(Kind::Map(map)),
                CallbackArg::MapKey => Value::pointer(Kind::MapKey { map }),
                CallbackArg::MapValue => Value::pointer(Kind::MapValue { map }),
                CallbackArg::Context => {
                    context.map_or(Value::UNKNOWN, |index| *state.reg(Reg(index as u8 + 1)))
                }
                // What the call itself is given first, it passes on.
                CallbackArg::Object(_) if index == 0 => *state.reg(Reg::R1),
                CallbackArg::Object(name) => self.kernel_object(name, Flags::NONE)?,
                CallbackArg::Dynptr => self.constant_dynptr(),
                // Lists and trees are the kernel's functions', which find their nodes elsewhere.
                CallbackArg::Node => Value::UNINIT,
            };
        }
        Ok(arguments)
    }

    /// Has a callback that the present call runs followed later; the present path goes on as if it never ran again.
    pub(crate) fn push_callback(
        &mut self,
        at: usize,
        callee: usize,
        arguments: Arguments,
        ret: (i64, i64),
        compares: bool,
        state: &mut State,
    ) -> Result<(), Reason> {
        let limit = self.options.limits.frames.min(MAX_FRAMES);
        if state.frames.len() >= limit {
            return Err(Reason::TooManyFrames { limit });
        }
        let mut inside = state.clone();
        inside.may_gotos += 1;
        inside.frame_mut().rounds += 1;
        let depth = inside.frames.len();
        inside.written[depth] = u64::MAX;
        let mut frame = Frame::new(callee, depth, at);
        frame.regs[1..=5].copy_from_slice(&arguments);
        frame.role = Role::Callback { ret, compares };
        inside.frames.push(frame.into());
        let start = self.program.functions[callee].start;
        let mark = Passed { way: Way::IntoCallback, ..Passed::of(at) };
        self.push_from(Some(mark), self.history.len() - 1, start, inside)?;
        state.frame_mut().rounds = 0;
        Ok(())
    }

    /// Has a callback that the kernel runs later followed, by itself.
    pub(crate) fn push_async(
        &mut self,
        at: usize,
        callee: usize,
        arguments: Arguments,
        ret: (i64, i64),
        sleepable: bool,
    ) -> Result<(), Reason> {
        self.async_functions[callee] = true;
        let mut frame = Frame::new(callee, 0, at);
        frame.regs[1..=5].copy_from_slice(&arguments);
        frame.role = Role::Async { ret };
        let sections = Sections { sleepable, ..Sections::default() };
        let state = State {
            frames: vec![frame.into()],
            held: Vec::new(),
            sections,
            written: [u64::MAX; MAX_FRAMES],
            speculative: false,
            may_leak: self.may_leak(),
            may_gotos: 0,
        };
        self.push_later(self.program.functions[callee].start, state)
    }

    /// The end of a callback that a call runs: the call is reached again.
    pub(crate) fn end_callback(&mut self, ret: (i64, i64), state: &mut State) -> Result<Next, Reason> {
        self.returns_within(ret, "At callback return", state)?;
        if let Some(passed) = self.history.last_mut() {
            passed.way = Way::OutOfCallback;
        }
        let call_site = state.frame().call_site;
        state.frames.pop();
        self.widen_from(call_site, 0, state);
        Ok(Next::Slot(call_site))
    }

    /// Checks that what a callback returns is a number that it may return.
    pub(crate) fn returns_within(
        &mut self,
        (least, most): (i64, i64),
        when: &str,
        state: &State,
    ) -> Result<(), Reason> {
        let value = state.read(Reg::R0)?;
        let refuse = |what: String| Err(Reason::Forbidden { register: 0, what });
        if !value.is_scalar() {
            return refuse(format!("{when}, R0 not a scalar value: it is {}", self.describe(&value)));
        }
        self.need_precise(state, Reg::R0);
        let Scalar { full, .. } = value.num;
        if full.smin < least || full.smax > most {
            let found = self.describe(&value);
            return refuse(format!(
                "{when} the register R0 has {found} should have been in [{least}, {most}]"
            ));
        }
        Ok(())
    }
}
