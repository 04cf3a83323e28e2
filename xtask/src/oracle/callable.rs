//! `cargo xtask oracle callable`: which helpers and kernel functions the running kernel lets each kind of program call.
//!
//! A line a place that programs attach to, between tabs: the kind, the attach type, `helper` or `kfunc`, and the names of
//! those that may be called. Each is asked about by a program that calls it without having set its arguments: a kernel
//! that does not know of the call says so first.

use std::io::{self, Write as _};

use skep::LinuxHost;
use skep_abi::{AttachType, Function, ProgType};
use skep_host::HostError;
use skep_isa::{Callee, FormId, Insn, Op, Reg};
use skep_obj::{KernelSymbol, ProgFlags, ProgFunction, Program};

use crate::error::Error;

/// What programs of kinds that need something of the kernel are written for.
const TARGETS: &[(ProgType, AttachType, &str)] = &[
    (ProgType::Tracing, AttachType::TRACE_RAW_TP, "btf_trace_sched_switch"),
    (ProgType::Tracing, AttachType::TRACE_FENTRY, "bpf_fentry_test1"),
    (ProgType::Tracing, AttachType::TRACE_FEXIT, "bpf_fentry_test1"),
    (ProgType::Tracing, AttachType::MODIFY_RETURN, "bpf_modify_return_test"),
    (ProgType::Tracing, AttachType::TRACE_ITER, "bpf_iter_task"),
    (ProgType::Lsm, AttachType::LSM_MAC, "bpf_lsm_file_open"),
    (ProgType::Lsm, AttachType::LSM_CGROUP, "bpf_lsm_socket_bind"),
    // The first member that programs stand in for.
    (ProgType::StructOps, AttachType(0), "tcp_congestion_ops"),
];

/// What kernels say of calls that programs may not make.
const NOT_CALLABLE: &[&str] = &["unknown func", "cannot use helper", "is not allowed"];

/// A call of a kernel function.
const KFUNC: FormId = FormId::of(Op::Call(Callee::Kfunc)).expect("the table has calls of kernel functions");

/// Asks, and prints.
pub(super) fn run() -> Result<(), Error> {
    let mut host = LinuxHost::new();
    for kind in ProgType::ALL.iter().filter(|kind| ![ProgType::Unspec, ProgType::Ext].contains(kind)) {
        let types = kind.attach_types().unwrap_or(&[AttachType(0)]);
        for attach_type in types {
            let targets = TARGETS.iter().find(|(of, at, _)| (of, at) == (kind, attach_type));
            let program = |insns, symbols| program(*kind, *attach_type, targets.map(|t| t.2), insns, symbols);
            if kind.needs_target() && targets.is_none() {
                continue;
            }
            for (what, by_name) in [("helper", false), ("kfunc", true)] {
                let functions = Function::all().filter(|function| function.id.is_none() == by_name);
                let callable = functions.filter(|function| {
                    let (call, symbols) = match function.id {
                        Some(id) => (Insn::call_helper(id), Vec::new()),
                        None => (Insn { form: KFUNC, ..Insn::call_helper(0) }, vec![symbol(function)]),
                    };
                    may_call(&mut host, &program(vec![call, Insn::exit()], symbols))
                });
                let names: Vec<&str> = callable.map(|function| function.name).collect();
                print(*kind, *attach_type, what, &names)?;
            }
        }
    }
    Ok(())
}

/// A function of the kernel's, as programs name it.
fn symbol(function: &Function) -> KernelSymbol {
    KernelSymbol { name: function.name.to_owned(), btf_id: None, weak: false }
}

fn print(kind: ProgType, attach_type: AttachType, what: &str, names: &[&str]) -> Result<(), Error> {
    let line = format!("{kind}\t{}\t{what}\t{}", attach_type.name(), names.join(" "));
    writeln!(io::stdout(), "{line}").map_err(|error| Error::File { path: "standard output".into(), error })
}

/// Whether the kernel objects to the call itself.
fn may_call(host: &mut LinuxHost, program: &Program) -> bool {
    match host.judge(program, &[]) {
        Ok(judged) if judged.errno.is_none() => true,
        Ok(judged) => !judged.log.is_empty() && !NOT_CALLABLE.iter().any(|words| judged.log.contains(words)),
        Err(HostError::Unsupported { .. }) => false,
        Err(_) => false,
    }
}

/// A program of these instructions.
fn program(
    prog_type: ProgType,
    attach_type: AttachType,
    target: Option<&str>,
    mut insns: Vec<Insn>,
    kernel_symbols: Vec<KernelSymbol>,
) -> Program {
    insns.insert(1, Insn::mov_imm(Reg::R0, 0));
    let function =
        ProgFunction { name: "ask".to_owned(), start: 0, end: insns.len(), global: true, btf_id: None };
    let sleepable = prog_type == ProgType::Syscall;
    Program {
        name: "ask".to_owned(),
        prog_type,
        attach_type,
        flags: if sleepable { ProgFlags::SLEEPABLE } else { ProgFlags::default() },
        attach_to: target.map(str::to_owned),
        license: "GPL".to_owned(),
        kern_version: 0,
        functions: vec![function],
        insns,
        maps: Vec::new().into(),
        lines: Vec::new(),
        core_relos: Vec::new(),
        kernel_symbols,
        btf: None,
    }
}
