//! Exceptions: `bpf_throw` ends the program from any depth of calls. The program's handler, if a tag on its entry names
//! one, then says what it returns; without one, it returns what was thrown.
//! Source: `check_resource_leak`, `do_check` and `check_max_stack_depth` of kernel/bpf/verifier.c,
//! `bpf_find_exception_callback_insn_off` of kernel/bpf/btf.c, Linux 6.18.

use skep_abi::Effect;
use skep_btf::{Kind as TypeKind, Linkage, Type};
use skep_isa::{Callee, Insn, Op, Reg, Wide};
use skep_obj::{Program, exception_handlers};

use crate::error::Reason;
use crate::explore::{Explorer, Next};
use crate::flow::Flow;
use crate::kernel::kernel_function;
use crate::leave::may_leave;
use crate::signature::Param;
use crate::state::State;

/// How a path leaves the program that throws.
pub(crate) const THROWN: &str = "bpf_throw, which would lead to reference leak";

/// The function that handles what the program throws, if it has one; or what is wrong with it.
pub(crate) fn handler(program: &Program) -> Result<Option<usize>, Reason> {
    let entry = program.functions.first().and_then(|entry| entry.btf_id);
    let Some((btf, entry)) = program.btf.as_deref().zip(entry) else { return Ok(None) };
    let names = exception_handlers(btf, entry);
    let name = match &names[..] {
        [] => return Ok(None),
        [name] => name,
        _ => return Err(bad("multiple exception callback tags for main subprog")),
    };
    let about = |why: &str| bad(&format!("exception callback '{name}' {why}"));
    let id = btf.find(name, TypeKind::Func).ok_or_else(|| about("could not be found in BTF"))?;
    if !matches!(btf.get(id), Ok(Type::Func(func)) if func.linkage == Linkage::GLOBAL) {
        return Err(about("must have global linkage"));
    }
    let function = program.functions.iter().position(|function| function.btf_id == Some(id));
    match function {
        Some(0) | None => Err(about("is not among the program's functions")),
        function => Ok(function),
    }
}

/// Checks that functions call the handler nowhere, and that nothing throws that is called back or handles.
pub(crate) fn check_calls(
    program: &Program,
    flow: &Flow,
    handler: Option<usize>,
) -> Result<(), (usize, Reason)> {
    if let Some(handler) = handler
        && let Some((_, at)) = flow.calls.iter().flatten().find(|(callee, _)| *callee == handler)
    {
        return Err((*at, bad("cannot call exception cb directly")));
    }
    let mut roots: Vec<usize> = handler.into_iter().collect();
    for (at, insn) in program.insns.iter().enumerate() {
        if insn.op() == Op::Wide(Wide::Func) {
            let start = at as i64 + 1 + insn.target().unwrap_or_default();
            roots.extend(flow.function.get(start as usize).map(|function| *function as usize));
        }
    }
    for function in roots.into_iter().flat_map(|root| flow.callers_first(root)) {
        let function = &program.functions[function];
        let slots = function.start..function.end;
        if let Some(at) = slots.into_iter().find(|at| throws(program, &program.insns[*at])) {
            let why = format!("bpf_throw cannot be called from callback subprog {}", function.name);
            return Err((at, bad(&why)));
        }
    }
    Ok(())
}

/// Whether the instruction throws.
pub(crate) fn throws(program: &Program, insn: &Insn) -> bool {
    insn.op() == Op::Call(Callee::Kfunc)
        && kernel_function(program, insn).is_some_and(|function| function.has(Effect::Throws))
}

/// Whether one of a function's own instructions throws.
pub(crate) fn may_throw(program: &Program, function: usize) -> bool {
    let function = &program.functions[function];
    program.insns[function.start..function.end].iter().any(|insn| throws(program, insn))
}

fn bad(why: &str) -> Reason {
    Reason::Exception { why: why.to_owned() }
}

impl Explorer<'_> {
    /// The program throws what r1 holds: it ends, whatever functions are running.
    pub(crate) fn throw(&mut self, call: &Insn, state: &mut State) -> Result<Next, Reason> {
        let Some(function) = kernel_function(self.program, call) else {
            return Err(bad("nothing throws here"));
        };
        self.callable_here(function)?;
        let cookie = state.read(Reg::R1)?;
        if !cookie.is_scalar() {
            return Err(Reason::Argument {
                register: 1,
                function: function.name,
                expected: "a number".to_owned(),
                found: cookie.to_string(),
            });
        }
        may_leave(state, THROWN)?;
        if self.handler.is_none() {
            // What is thrown is what the program returns.
            self.check_returned(Reg::R1, state)?;
        }
        Ok(Next::End)
    }
}

/// Checks that a handler is a function of one number.
pub(crate) fn check_handler(params: &[Param]) -> Result<(), Reason> {
    if params == [Param::Number] {
        Ok(())
    } else {
        Err(bad("exception cb only supports single integer argument"))
    }
}
