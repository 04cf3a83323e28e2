//! bpftool, which disassembles nothing but programs that the running kernel has loaded: so one is loaded that any kernel
//! takes, straight-line arithmetic, and both write it.
//!
//! The kernel keeps its instructions as they are: no division by a register, which it would guard. There is no `and` and
//! `or` either, at which its verifier goes on along two paths where a number is zero or all ones. The program is loaded as
//! long as the benchmark lives.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use skep::LinuxHost;
use skep::abi::ProgType;
use skep::asm::{Options, assemble_raw};
use skep::host::{Host, LoadOptions, ProgId};
use skep::obj::Program;
use skep_isa::text::Writer;
use skep_isa::text::foreign::Language;
use skep_isa::{AluOp, Cpu, Endian, Insn, Op, Reg, Src, encode_all, table};
use skep_testkit::{CAP_BPF, capable, tool};

use super::{INSNS, Random, disassemble, quietly};
use crate::bench::timing::{Benchmark, Peer, Work};
use crate::command;

/// The benchmark.
pub(super) fn benchmark() -> Benchmark<'static> {
    let insns = program(INSNS);
    let code: Rc<[u8]> = encode_all(&insns, Endian::Little).into();
    let peers = vec![bpftool(insns, &code)];
    disassemble("isa/disassemble loaded", Writer::pseudoc(), &code, peers)
}

fn bpftool(insns: Vec<Insn>, code: &[u8]) -> Result<Peer<'static>, String> {
    let path = tool("bpftool").ok_or("bpftool is not installed")?;
    if !capable(CAP_BPF) {
        return Err("bpftool: programs can't be loaded without CAP_BPF".to_owned());
    }
    let host = Rc::new(RefCell::new(LinuxHost::new()));
    let load = |insns: Vec<Insn>| {
        let program = Program::from_insns("skep_bench", ProgType::SocketFilter, insns);
        let loaded = host.borrow_mut().load(&program, &[], &LoadOptions::default());
        loaded.map(|(id, _)| id).map_err(|error| format!("bpftool: the kernel refuses the program: {error}"))
    };
    let (whole, one) = (load(insns)?, load(program(0))?);
    let text = command::output(&mut dump(&path, whole)).map_err(|error| error.to_string())?;
    let options = Options { language: Some(Language::Kernel), ..Options::default() };
    let read = assemble_raw(&String::from_utf8_lossy(&text), "bpftool", &options);
    if read.as_deref() != Ok(code) {
        return Err("bpftool: what it writes of the program is another".to_owned());
    }
    // Each holds the host, and with it the program.
    let work = |id| -> Work<'static> {
        let (path, host) = (path.clone(), Rc::clone(&host));
        Box::new(move || {
            let _loaded = &host;
            quietly(&mut dump(&path, id));
        })
    };
    Ok(Peer { name: "bpftool", work: work(whole), idle: work(one) })
}

fn dump(bpftool: &Path, id: ProgId) -> Command {
    let mut command = Command::new(bpftool);
    command.args(["prog", "dump", "xlated", "id"]).arg(id.0.to_string());
    command
}

/// Registers that get a number first, some arithmetic on them, and the end; `insns` slots, or as few as it takes.
fn program(insns: u32) -> Vec<Insn> {
    let forms: Vec<_> = table::ROWS
        .iter()
        .filter(|row| row.cpu <= Cpu::V3)
        .filter_map(|row| match row.op {
            Op::Alu { op: AluOp::Div | AluOp::Mod, src: Src::Reg, .. } => None,
            Op::Alu { op: AluOp::And | AluOp::Or, .. } => None,
            Op::Alu { op, width, src } => Some((op, width, src)),
            _ => None,
        })
        .collect();
    let mut program: Vec<Insn> = (0..10).map(|dst| Insn::mov_imm(Reg(dst), 1)).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    while program.len() + 1 < insns as usize {
        let (op, width, src) = forms[random.below(forms.len() as u64) as usize];
        let [dst, from] = [(); 2].map(|()| Reg(random.below(10) as u8));
        // Shifts go less far than a register is wide, and nothing is divided by zero.
        let imm = match op {
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => random.below(32),
            AluOp::Div | AluOp::Mod => 1 + random.mostly_small(30),
            _ => random.mostly_small(31),
        };
        program.push(match src {
            Src::Imm => Insn::alu_imm(op, width, dst, imm as i32),
            Src::Reg => Insn::alu_reg(op, width, dst, from),
        });
    }
    program.push(Insn::exit());
    program
}
