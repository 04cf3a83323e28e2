//! `skep conformance-plugin`: one program for bpf_conformance, by the protocol of its plugins.
//!
//! The memory is hex digits in the first argument, the program hex digits on standard input; r0 is printed as hex
//! digits without a prefix, and what goes wrong is a message on standard error and a status that is not 0.
//!
//! In the process a program is a function over memory, with the shifts of RFC 9669. On Linux, which has no such
//! programs, it is a function that an XDP program calls with the packet as its memory: the caller checks the packet's
//! bounds first, and leaves all 64 bits of r0 in the packet, of which a test run returns 32 otherwise.
//! Source of the protocol: the README of bpf_conformance.

use std::io::{Read as _, Write as _};

use clap::Args;
use skep::abi::{ProgType, XDP_MD};
use skep::host::{LoadOptions, TestRun};
use skep::isa::{AluOp, Callee, Cond, Endian, Insn, Op, Reg, Size, Width, decode_all};
use skep::obj::{Object, Program};
use skep::verify::Shifts;

use crate::failure::Failure;
use crate::output::Output;
use crate::programs::{EngineChoice, HostChoice};

#[derive(Args)]
#[command(after_help = "\
Examples:
  echo b700000007000000 9500000000000000 | skep conformance-plugin
  bpf_conformance_runner --test_file_directory tests --plugin_path skep \\
      --plugin_options conformance-plugin")]
pub(crate) struct Options {
    /// The memory that r1 points to and r2 is the size of, as hex digits
    #[arg(default_value = "", hide_default_value = true)]
    memory: String,

    /// Where the program runs
    #[arg(long, value_enum, default_value = "user")]
    host: HostChoice,

    /// How the user host runs it [default: native code where this machine has it]
    #[arg(long, value_enum)]
    engine: Option<EngineChoice>,

    /// The program is the first function of an ELF object, not bare instructions
    #[arg(long)]
    elf: bool,
}

/// Most hex digits of a program that are read: those of the largest program.
const INPUT_MAX: u64 = 64 << 20;

/// Fewest bytes of a packet that a kernel takes.
const PACKET_MIN: usize = 14;

pub(crate) fn plugin(options: &Options) -> Result<(), Failure> {
    let memory = hex(&options.memory, "memory")?;
    let mut text = String::new();
    std::io::stdin()
        .take(INPUT_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Message(format!("can't read the program: {error}")))?;
    let bytes = hex(&text, "program")?;
    let insns = if options.elf { first_function(&bytes)? } else { bare(&bytes)? };
    let r0 = match options.host {
        HostChoice::User => on_user(options, insns, &memory)?,
        HostChoice::Linux => on_linux(insns, &memory)?,
    };
    let mut out = Output::new();
    writeln!(out, "{r0:x}")?;
    out.finish()
}

/// Bytes from hex digits, however they are grouped.
fn hex(text: &str, what: &str) -> Result<Vec<u8>, Failure> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let odd = || Failure::Message(format!("{what}: expected pairs of hex digits"));
    if !digits.len().is_multiple_of(2) {
        return Err(odd());
    }
    let byte = |pair: &[char]| {
        let digit = |c: char| c.to_digit(16).ok_or_else(odd);
        Ok((digit(pair[0])? << 4 | digit(pair[1])?) as u8)
    };
    digits.chunks(2).map(byte).collect()
}

fn bare(bytes: &[u8]) -> Result<Vec<Insn>, Failure> {
    if bytes.is_empty() {
        return Err(Failure::Message("expected a program on standard input, found nothing".into()));
    }
    decode_all(bytes, Endian::Little).map_err(|error| Failure::Message(error.to_string()))
}

/// The instructions of an object's first function and of all that it calls. It becomes a program of a kind that needs
/// no types, whatever its section announces.
fn first_function(elf: &[u8]) -> Result<Vec<Insn>, Failure> {
    let mut object = Object::from_elf(elf).map_err(|error| Failure::Message(error.to_string()))?;
    let Some(function) = object.functions.first_mut() else {
        return Err(Failure::Message("the object has no function".into()));
    };
    function.section = "xdp".into();
    let program = object.program(0)?;
    if !program.maps.is_empty() {
        return Err(Failure::Message("the object has maps: expected a program over memory alone".into()));
    }
    Ok(program.insns)
}

fn on_user(options: &Options, insns: Vec<Insn>, memory: &[u8]) -> Result<u64, Failure> {
    let engine = EngineChoice::engine(options.engine);
    let load = LoadOptions {
        engine,
        memory_bytes: memory.len() as u32,
        shifts: Shifts::Rfc9669,
        ..LoadOptions::default()
    };
    let mut host = HostChoice::User.open()?;
    let program = Program::from_insns("conformance", ProgType::Unspec, insns);
    let (prog, _) = host.load(&program, &[], &load)?;
    let result = host.test_run(prog, &TestRun { data: memory, ..TestRun::default() })?;
    Ok(result.r0.unwrap_or(result.retval.into()))
}

fn on_linux(insns: Vec<Insn>, memory: &[u8]) -> Result<u64, Failure> {
    let mut packet = memory.to_vec();
    packet.resize(memory.len().max(PACKET_MIN), 0);
    let mut host = HostChoice::Linux.open()?;
    let program = called_by_xdp(insns, memory.len(), packet.len());
    let (prog, _) = host.load(&program, &[], &LoadOptions::default())?;
    let result = host.test_run(prog, &TestRun { data: &packet, ..TestRun::default() })?;
    match (result.retval, result.data.first_chunk()) {
        (DONE, Some(r0)) => Ok(u64::from_ne_bytes(*r0)),
        (retval, _) => Err(Failure::Message(format!("the caller returned {retval}, expected {DONE}"))),
    }
}

/// What the XDP program returns when the function has run.
const DONE: u32 = 1;

/// An XDP program that calls the instructions as a function, with its packet as their memory, and stores what they
/// return at the packet's start.
fn called_by_xdp(insns: Vec<Insn>, memory: usize, packet: usize) -> Program {
    let [start, end] = ["data", "data_end"].map(|name| {
        let index = XDP_MD.index_of(name).unwrap_or_default();
        XDP_MD.fields[index].off as i16
    });
    let add = |dst, imm| Insn::alu_imm(AluOp::Add, Width::W64, dst, imm);
    let mut all = vec![
        Insn::load(Size::W, Reg::R2, Reg::R1, end),
        Insn::load(Size::W, Reg::R6, Reg::R1, start),
        Insn::mov_reg(Reg::R3, Reg::R6),
        add(Reg::R3, packet as i32),
        Insn::mov_imm(Reg::R0, 0),
        Insn::jump_reg(Cond::Gt, Width::W64, Reg::R3, Reg::R2, 5),
        Insn::mov_reg(Reg::R1, Reg::R6),
        Insn::mov_imm(Reg::R2, memory as i32),
        // Over the three instructions that are left.
        Insn::new(Op::Call(Callee::Local)).imm(3),
        Insn::store_reg(Size::Dw, Reg::R6, 0, Reg::R0),
        Insn::mov_imm(Reg::R0, DONE as i32),
        Insn::exit(),
    ];
    all.extend(insns);
    Program::from_insns("conformance", ProgType::Xdp, all)
}
