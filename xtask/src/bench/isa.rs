//! Instructions to text and back, beside LLVM's and GNU's tools.
//!
//! Ours runs in this process, on bytes in memory; the peers are whole processes that read and write files, less their
//! start. Whole files (labels, sections, symbols, source lines) are skep's assembler and disassembler on the same program.
//! bpftool, which disassembles only what the running kernel has loaded, has a program of its own ([`loaded`]). Before
//! anything is measured, answers are compared: a fast wrong answer is no benchmark.

mod loaded;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use skep_isa::text::{Dialect, Reader, Writer};
use skep_isa::{Cpu, Endian, Op, SLOT_BYTES, Selector, decode_all, encode_all, table};
use skep_testkit::tool;

use super::timing::{Benchmark, Peer, Work};
use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// How long the program is. Long enough that a process spends most of its time on it.
const INSNS: u32 = 100_000;

/// The benchmarks of this module.
pub(super) fn benchmarks(workspace: &Workspace) -> Result<Vec<Benchmark<'static>>, Error> {
    let dir = workspace.target_dir.join("bench");
    let file = |error| Error::File { path: dir.clone(), error };
    fs::create_dir_all(&dir).map_err(file)?;
    let code: Rc<[u8]> = program(INSNS).into();
    // Whole for what is measured, one instruction for what is taken off.
    let inputs = [("whole", &code[..]), ("one", &code[..SLOT_BYTES])];
    for (name, code) in inputs {
        fs::write(dir.join(name).with_extension("bin"), code).map_err(file)?;
        fs::write(dir.join(name).with_extension("hex"), hex(code)).map_err(file)?;
    }
    let source = llvm_text(&dir)?;
    let peers = vec![llvm_disassembler(&dir), llvm_objdump(&dir)];
    let mut benchmarks = vec![disassemble("isa/disassemble pseudoc", Writer::pseudoc(), &code, peers)];
    let peers = vec![gnu_disassembler(&dir)];
    benchmarks.push(disassemble("isa/disassemble normal", Writer::normal(), &code, peers));
    let normal = gnu_text(&dir, &code)?;
    let peers = vec![gnu_assembler(&dir)];
    benchmarks.push(assemble("isa/assemble normal", Reader::normal(), normal, &code, peers));
    // What is assembled in pseudo-C is LLVM's own text, which takes LLVM to write it.
    if let Some(source) = source {
        let peers = vec![llvm("llvm-mc 19", &dir, "s", &["-filetype=obj", "-o", "/dev/null"])];
        benchmarks.push(assemble("isa/assemble pseudoc", Reader::pseudoc(), source, &code, peers));
    }
    benchmarks.push(loaded::benchmark());
    benchmarks.extend(files(&code));
    Ok(benchmarks)
}

fn disassemble(
    name: &'static str,
    writer: Writer,
    code: &Rc<[u8]>,
    peers: Vec<Result<Peer<'static>, String>>,
) -> Benchmark<'static> {
    let code = Rc::clone(code);
    let mut text = String::new();
    let ours = move || {
        let insns = decode_all(&code, Endian::Little).expect("whole slots");
        text.clear();
        writer.write_lines(&mut text, &insns);
        black_box(&text);
    };
    Benchmark { name, count: INSNS, unit: "insn", ours: Box::new(ours), peers }
}

fn assemble(
    name: &'static str,
    reader: Reader,
    source: String,
    code: &[u8],
    peers: Vec<Result<Peer<'static>, String>>,
) -> Benchmark<'static> {
    let mut insns = Vec::new();
    let mut assembled = move || {
        insns.clear();
        insns.extend(reader.lines(&source).map(|line| line.expect("the text is read").insn));
        encode_all(&insns, Endian::Little)
    };
    assert!(assembled() == code, "a text must be read as what it was written from");
    let ours = Box::new(move || drop(black_box(assembled())));
    Benchmark { name, count: INSNS, unit: "insn", ours, peers }
}

/// A whole file, of one function in which jumps lead to labels, and back.
fn files(code: &[u8]) -> Vec<Benchmark<'static>> {
    let mut insns = decode_all(code, Endian::Little).expect("whole slots");
    for (at, insn) in insns.iter_mut().enumerate() {
        if insn.target().is_some() {
            // A short way, forwards, that stays in the function.
            insn.off = (insn.off & 63).min((code.len() / SLOT_BYTES - at - 1) as i16 & i16::MAX) / 2;
        }
    }
    let raw = encode_all(&insns, Endian::Little);
    let mut benchmarks = Vec::new();
    let names = [
        (Dialect::Pseudoc, "isa/assemble file pseudoc", "isa/dis file pseudoc"),
        (Dialect::Normal, "isa/assemble file normal", "isa/dis file normal"),
    ];
    for (dialect, assemble, dis) in names {
        let source = skep::asm::disassemble_raw(&raw, Endian::Little, dialect);
        let object = skep::asm::assemble(&source, "bench.s").expect("what is written is read");
        assert!(object.functions.iter().map(|f| f.insns.len()).sum::<usize>() == insns.len());
        let ours = Box::new(move || drop(black_box(skep::asm::assemble(&source, "bench.s"))));
        benchmarks.push(Benchmark { name: assemble, count: INSNS, unit: "insn", ours, peers: Vec::new() });
        let ours = Box::new(move || drop(black_box(skep::asm::disassemble(&object, dialect))));
        benchmarks.push(Benchmark { name: dis, count: INSNS, unit: "insn", ours, peers: Vec::new() });
    }
    benchmarks
}

/// What we write in GNU's mnemonics, a statement a line, for both readers; it stays in the directory.
fn gnu_text(dir: &Path, code: &[u8]) -> Result<String, Error> {
    let writer = Writer::normal();
    let mut whole = String::new();
    for (name, code) in [("one", &code[..SLOT_BYTES]), ("whole", code)] {
        whole.clear();
        for insn in decode_all(code, Endian::Little).expect("whole slots") {
            writer.write_to(&mut whole, &insn);
            whole.push('\n');
        }
        let path = dir.join(name).with_extension("gnu.s");
        fs::write(&path, &whole).map_err(|error| Error::File { path, error })?;
    }
    Ok(whole)
}

fn gnu_assembler(dir: &Path) -> Result<Peer<'static>, String> {
    let path: PathBuf = tool("bpf-as").ok_or("bpf-as is not installed")?;
    let works = Command::new(&path).args(["-o", "/dev/null"]).arg(dir.join("whole.gnu.s")).output();
    if !works.is_ok_and(|output| output.status.success()) {
        return Err("this bpf-as does not read all of it".to_owned());
    }
    let work = |name: &str| -> Work<'static> {
        let (path, input) = (path.clone(), dir.join(name).with_extension("gnu.s"));
        Box::new(move || quietly(Command::new(&path).args(["-o", "/dev/null"]).arg(&input)))
    };
    Ok(Peer { name: "bpf-as", work: work("whole"), idle: work("one") })
}

/// What LLVM writes for the whole program, a statement a line; `None` without LLVM. It stays in the directory as the
/// source that LLVM's assembler reads.
fn llvm_text(dir: &Path) -> Result<Option<String>, Error> {
    let Some(llvm_mc) = tool(LLVM_MC) else { return Ok(None) };
    let mut whole = String::new();
    for name in ["one", "whole"] {
        let input = dir.join(name).with_extension("hex");
        let output =
            command::output(Command::new(&llvm_mc).args(["-triple=bpfel", "--disassemble"]).arg(input))?;
        let text = String::from_utf8_lossy(&output);
        whole = text.lines().map(str::trim).filter(|line| !line.starts_with('.')).fold(
            String::new(),
            |all, line| {
                if line.is_empty() { all } else { all + line + "\n" }
            },
        );
        let path = dir.join(name).with_extension("s");
        fs::write(&path, &whole).map_err(|error| Error::File { path, error })?;
    }
    Ok(Some(whole))
}

const LLVM_MC: &str = "llvm-mc-19";

fn llvm_disassembler(dir: &Path) -> Result<Peer<'static>, String> {
    llvm("llvm-mc 19 --disassemble", dir, "hex", &["--disassemble"])
}

/// LLVM's other disassembler, on an object that its assembler makes.
fn llvm_objdump(dir: &Path) -> Result<Peer<'static>, String> {
    let name = "llvm-objdump-19";
    let path = tool(name).ok_or_else(|| format!("{name} is not installed"))?;
    let assembler = tool(LLVM_MC).ok_or_else(|| format!("{LLVM_MC} is not installed"))?;
    for name in ["whole", "one"] {
        let (source, object) = (dir.join(name).with_extension("s"), dir.join(name).with_extension("o"));
        let mut command = Command::new(&assembler);
        quietly(command.args(["-triple=bpfel", "-mcpu=v3", "-filetype=obj", "-o"]).arg(object).arg(source));
    }
    let work = |name: &str| -> Work<'static> {
        let (path, input) = (path.clone(), dir.join(name).with_extension("o"));
        Box::new(move || quietly(Command::new(&path).args(["-d", "--mcpu=v3"]).arg(&input)))
    };
    Ok(Peer { name, work: work("whole"), idle: work("one") })
}

/// The peer `name`, which is LLVM's machine code tool on the files of this extension.
fn llvm(
    name: &'static str,
    dir: &Path,
    extension: &str,
    arguments: &'static [&'static str],
) -> Result<Peer<'static>, String> {
    let path = tool(LLVM_MC).ok_or_else(|| format!("{LLVM_MC} is not installed"))?;
    let work = |name: &str| -> Work<'static> {
        let (path, input) = (path.clone(), dir.join(name).with_extension(extension));
        Box::new(move || {
            quietly(Command::new(&path).args(["-triple=bpfel", "-mcpu=v3"]).args(arguments).arg(&input));
        })
    };
    Ok(Peer { name, work: work("whole"), idle: work("one") })
}

fn gnu_disassembler(dir: &Path) -> Result<Peer<'static>, String> {
    let path: PathBuf = tool("bpf-objdump").ok_or("bpf-objdump is not installed")?;
    let work = |name: &str| -> Work<'static> {
        let (path, input) = (path.clone(), dir.join(name).with_extension("bin"));
        Box::new(move || quietly(Command::new(&path).args(["-D", "-b", "binary", "-m", "bpf"]).arg(&input)))
    };
    Ok(Peer { name: "bpf-objdump", work: work("whole"), idle: work("one") })
}

/// Runs a peer, whose output nobody reads.
fn quietly(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
}

/// The plain forms of one slot that every peer knows, with operands that look like a compiler's: registers that exist,
/// and small numbers more often than large ones. The same at each call.
fn program(insns: u32) -> Vec<u8> {
    let is_plain = |op: Op| {
        matches!(
            op,
            Op::Alu { .. } | Op::Neg { .. } | Op::Jump { .. } | Op::Load { .. } | Op::Store { .. } | Op::Exit
        )
    };
    let rows: Vec<_> = table::ROWS
        .iter()
        .filter(|row| row.cpu <= Cpu::V3 && is_plain(row.op) && matches!(row.selector, Selector::None))
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut code = Vec::with_capacity(insns as usize * SLOT_BYTES);
    for _ in 0..insns {
        let row = rows[random.below(rows.len() as u64) as usize];
        let registers = random.below(10) | random.below(10) << 4;
        let offset = random.mostly_small(15);
        let imm = random.mostly_small(31);
        let slot = u64::from(row.opcode) | registers << 8 | offset << 16 | imm << 32;
        code.extend((slot & !row.reserved()).to_le_bytes());
    }
    code
}

/// Numbers that look random: xorshift64 of George Marsaglia's "Xorshift RNGs" (2003).
struct Random(u64);

impl Random {
    /// A number less than `end`, which is not zero.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A number of less than `bits` bits, each length as likely as any other.
    fn mostly_small(&mut self, bits: u64) -> u64 {
        let length = self.below(bits);
        self.below(1 << length)
    }
}

/// The code as LLVM's disassembler takes it: an instruction a line.
fn hex(code: &[u8]) -> String {
    let slots = code
        .chunks(SLOT_BYTES)
        .map(|slot| slot.iter().map(|byte| format!("{byte:#04x}")).collect::<Vec<_>>());
    slots.map(|bytes| bytes.join(" ") + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_one_of_known_instructions() {
        let code = program(1000);
        let insns = decode_all(&code, Endian::Little).expect("whole slots");
        assert_eq!(insns.len(), 1000);
        assert!(insns.iter().all(|insn| insn.row().is_some()));
        assert_eq!(code, program(1000));
    }

    #[test]
    fn hex_is_a_line_an_instruction() {
        assert_eq!(hex(&[1, 0, 0, 0, 0, 0, 0, 0xff]), "0x01 0x00 0x00 0x00 0x00 0x00 0x00 0xff\n");
    }
}
