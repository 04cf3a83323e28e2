//! What the kind of a program asks of it as a whole: how it may be loaded, and what it may return.
//! Source: `bpf_prog_load_check_attach` of kernel/bpf/syscall.c; `check_attach_btf_id`, `check_abnormal_return`,
//! `check_return_code` of kernel/bpf/verifier.c, Linux 6.18.

use skep_abi::{AttachType, Effect, Function, ProgType, Returns};
use skep_btf::{Btf, Type, TypeId};
use skep_isa::{Callee, Op, Reg, Width};
use skep_obj::{ProgFlags, Program};

use crate::error::Reason;
use crate::explore::Explorer;
use crate::level::Level;
use crate::options::Rules;
use crate::state::State;

/// Checks how a program is to be loaded. A refusal names the slot that it speaks of.
pub(crate) fn check_load(program: &Program, rules: Rules, linux: Level) -> Result<(), (usize, Reason)> {
    let kind = program.prog_type;
    let attach_type = kind.settle(program.attach_type);
    let refuse = |why: String| Err((0, Reason::Load { why }));
    is_there(program, attach_type, linux).map_err(|reason| (0, reason))?;
    if kind.attach_types().is_some_and(|types| !types.contains(&attach_type)) {
        return refuse(format!("programs of kind {kind} don't attach to {}", attach_type.name()));
    }
    let sleepable = program.flags.contains(ProgFlags::SLEEPABLE);
    if sleepable && !kind.may_sleep(attach_type) {
        return refuse(
            "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable"
                .to_owned(),
        );
    }
    if kind == ProgType::Syscall && !sleepable {
        return refuse("Syscall programs can only be sleepable".to_owned());
    }
    if rules == Rules::Linux { check_abnormal_return(program) } else { Ok(()) }
}

/// Checks that the Linux that is asked for has the kind of program, and what it attaches to.
fn is_there(program: &Program, attach_type: AttachType, linux: Level) -> Result<(), Reason> {
    let kind = program.prog_type;
    linux.requires(kind.since(), || format!("the kind of program {kind}"))?;
    // Of struct_ops programs it is the number of a member; of classifiers Linux does not look at it where it is new.
    let is_place = !matches!(kind, ProgType::StructOps | ProgType::SchedCls);
    let since = if is_place { attach_type.since() } else { (0, 0) };
    linux.requires(since, || format!("attaching to {}", attach_type.name()))?;
    for (flag, name, since) in ProgFlags::SINCE {
        if program.flags.contains(*flag) {
            linux.requires(*since, || format!("the flag {name}"))?;
        }
    }
    Ok(())
}

/// Functions that may end where no `exit` stands must be known to return a number: then they return one there, too.
fn check_abnormal_return(program: &Program) -> Result<(), (usize, Reason)> {
    for function in program.functions.iter().skip(1) {
        if function.btf_id.is_some_and(|id| returns_number(program, id)) {
            continue;
        }
        for (at, insn) in program.insns.iter().enumerate().take(function.end).skip(function.start) {
            let what = match insn.op() {
                Op::LoadPacket { .. } => "LD_ABS",
                Op::Call(Callee::Helper) if is_tail_call(insn.imm) => "tail_call",
                _ => continue,
            };
            let why = match function.btf_id {
                None => format!("{what} is not allowed in subprogs without BTF"),
                Some(_) => format!("{what} is only allowed in functions that return 'int'"),
            };
            return Err((at, Reason::Load { why }));
        }
    }
    Ok(())
}

/// Whether a function of the program returns a number that fits a register.
fn returns_number(program: &Program, function: TypeId) -> bool {
    let result = |btf: &Btf| {
        let Type::Func(function) = btf.get(function).ok()? else { return None };
        let Type::FuncProto(proto) = btf.get(function.proto).ok()? else { return None };
        Some(match btf.get_resolved(proto.result).ok()? {
            Type::Int(int) => int.size <= 8,
            Type::Enum(_) | Type::Enum64(_) => true,
            _ => false,
        })
    };
    program.btf.as_deref().and_then(result).unwrap_or_default()
}

/// Whether the helper with this number runs another program in place of this one.
fn is_tail_call(id: i64) -> bool {
    u32::try_from(id).ok().and_then(Function::by_id).is_some_and(|function| function.has(Effect::TailCall))
}

impl Explorer<'_> {
    /// Checks what the program returns where it ends: what a register holds.
    pub(crate) fn check_returned(&mut self, reg: Reg, state: &mut State) -> Result<(), Reason> {
        let kind = self.program.prog_type;
        let returns = kind.returns(kind.settle(self.program.attach_type));
        let as_target = self.target.as_ref().and_then(|target| target.returns);
        // Nobody looks at it.
        if returns == Returns::AsTarget && as_target.is_none() {
            return Ok(());
        }
        let value = state.read(reg)?;
        let (min, max) = match (returns, as_target) {
            (Returns::Range(min, max), _) => (min, max),
            (Returns::AsTarget, Some((min, max))) if (min, max) != (i32::MIN, i32::MAX) => (min, max),
            _ => return Ok(()),
        };
        let refuse = |found| Err(Reason::Returned { found, min, max });
        if !value.is_scalar() {
            return refuse(self.describe(&value));
        }
        self.need_precise(state, reg);
        // Hooks return an `int`: the upper half is nobody's.
        let num = if kind == ProgType::Lsm { value.num.sign_extend(32, Width::W64) } else { value.num };
        if num.full.smin < i64::from(min) || num.full.smax > i64::from(max) {
            return refuse(value.to_string());
        }
        Ok(())
    }
}
