//! Assemblers and disassemblers of others, behind one interface: many instructions in, as many answers out.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use skep_isa::Endian;
use skep_testkit::{TempDir, tool};

/// An assembler and a disassembler.
pub(crate) trait Tool {
    /// What it is called in tables.
    fn name(&self) -> &'static str;
    /// The text of each instruction; none where it knows of no such instruction.
    fn disassemble(&self, codes: &[&[u8]], endian: Endian) -> Vec<Option<String>>;
    /// The bytes of each statement; none where it refuses.
    fn assemble(&self, texts: &[&str], endian: Endian) -> Vec<Option<Vec<u8>>>;
}

fn hex(code: &[u8]) -> String {
    code.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.len().is_multiple_of(2).then_some(text)?;
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

/// Runs a command with this input; its output and what it complained of.
fn run(command: &mut Command, input: &str) -> (String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the tool ends");
    // A tool that stopped reading has said why.
    let _ = writer.join();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// The LLVM that the Rust compiler was built with, driven by a C program that is built here.
pub(crate) struct LibLlvm {
    /// The C program is in here.
    dir: TempDir,
    library: PathBuf,
}

/// LLVM 22, where a Rust toolchain with a shared libLLVM and a C compiler are.
pub(crate) fn libllvm() -> Option<LibLlvm> {
    let output = Command::new(tool("rustc")?).args(["--print", "sysroot"]).output().ok()?;
    let libraries = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("lib");
    let is_llvm = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libLLVM.so")
    };
    let library = std::fs::read_dir(libraries).ok()?.flatten().map(|entry| entry.path()).find(is_llvm)?;
    let dir = TempDir::new("libllvm");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle_tools/libllvm.c");
    let mut compiler = Command::new(tool("gcc")?);
    compiler.args(["-w", "-std=gnu11", "-o"]).arg(dir.join("libllvm")).arg(source).arg("-ldl");
    let built = compiler.output().expect("gcc starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(LibLlvm { dir, library })
}

impl LibLlvm {
    fn ask(&self, questions: &[String]) -> Vec<Option<String>> {
        let mut command = Command::new(self.dir.join("libllvm"));
        let (output, complaints) = run(command.arg(&self.library), &(questions.join("\n") + "\n"));
        let answers: Vec<_> =
            output.lines().map(|line| (line != "!").then(|| line.trim().to_owned())).collect();
        assert_eq!(answers.len(), questions.len(), "{complaints}");
        answers
    }
}

fn order(endian: Endian) -> &'static str {
    match endian {
        Endian::Little => "el",
        Endian::Big => "eb",
    }
}

impl Tool for LibLlvm {
    fn name(&self) -> &'static str {
        "LLVM 22"
    }

    fn disassemble(&self, codes: &[&[u8]], endian: Endian) -> Vec<Option<String>> {
        let ask = |code: &&[u8]| format!("D {} {}", order(endian), hex(code));
        self.ask(&codes.iter().map(ask).collect::<Vec<_>>())
    }

    fn assemble(&self, texts: &[&str], endian: Endian) -> Vec<Option<Vec<u8>>> {
        let ask = |text: &&str| format!("A {} {text}", order(endian));
        let answers = self.ask(&texts.iter().map(ask).collect::<Vec<_>>());
        answers.into_iter().map(|answer| from_hex(&answer?)).collect()
    }
}

/// `llvm-mc-19`.
pub(crate) struct LlvmMc(PathBuf);

/// LLVM 19, as Debian has it.
pub(crate) fn llvm_mc() -> Option<LlvmMc> {
    tool("llvm-mc-19").map(LlvmMc)
}

/// What stands between instructions, so that answers are told apart: text, and bytes in both orders.
const BETWEEN: &str = "r0 = 424242";
const BETWEEN_LITTLE: &[u8] = &[0xb7, 0, 0, 0, 0x32, 0x79, 0x06, 0];
const BETWEEN_BIG: &[u8] = &[0xb7, 0, 0, 0, 0, 0x06, 0x79, 0x32];

fn between(endian: Endian) -> &'static [u8] {
    match endian {
        Endian::Little => BETWEEN_LITTLE,
        Endian::Big => BETWEEN_BIG,
    }
}

impl LlvmMc {
    fn run(&self, options: &[&str], endian: Endian, input: &str) -> Vec<Option<String>> {
        let mut command = Command::new(&self.0);
        command.args([&format!("-triple=bpf{}", order(endian)), "-mcpu=v4"]).args(options);
        let (output, _) = run(&mut command, input);
        let mut answers = vec![None];
        for line in output.lines().map(|line| line.trim().replace('\t', " ")) {
            if line.starts_with(BETWEEN) {
                answers.push(None);
            } else if !line.is_empty() && !line.starts_with('.') {
                *answers.last_mut().expect("never empty") = Some(line);
            }
        }
        answers.pop();
        answers
    }
}

impl Tool for LlvmMc {
    fn name(&self) -> &'static str {
        "LLVM 19"
    }

    fn disassemble(&self, codes: &[&[u8]], endian: Endian) -> Vec<Option<String>> {
        let line =
            |code: &[u8]| code.iter().map(|byte| format!("{byte:#04x}")).collect::<Vec<_>>().join(" ") + "\n";
        let input: String = codes.iter().map(|code| line(code) + &line(between(endian))).collect();
        self.run(&["--disassemble"], endian, &input)
    }

    fn assemble(&self, texts: &[&str], endian: Endian) -> Vec<Option<Vec<u8>>> {
        let lines: Vec<String> = texts.iter().map(|text| format!("{text}\n{BETWEEN}\n")).collect();
        let encoding = |line: String| {
            let (_, bytes) = line.split_once("encoding: [")?;
            let (bytes, _) = bytes.split_once(']')?;
            // What a relocation fills in is a letter: bytes nobody asked for.
            let byte = |text: &str| u8::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(0xee);
            Some(bytes.split(',').map(byte).collect())
        };
        let answers = self.run(&["-show-encoding"], endian, &lines.concat());
        answers.into_iter().map(|answer| encoding(answer?)).collect()
    }
}

/// GNU's assembler and disassembler.
pub(crate) struct Gnu {
    assembler: PathBuf,
    disassembler: PathBuf,
    copier: PathBuf,
}

/// binutils, as Debian has them.
pub(crate) fn gnu() -> Option<Gnu> {
    Some(Gnu { assembler: tool("bpf-as")?, disassembler: tool("bpf-objdump")?, copier: tool("bpf-objcopy")? })
}

impl Gnu {
    /// Assembles lines to an object, without those that it complains of: their numbers, from 0.
    fn object(&self, lines: &[String], endian: Endian, object: &Path) -> Vec<usize> {
        let mut refused: Vec<usize> = Vec::new();
        loop {
            let line = |(at, line): (usize, &String)| {
                if refused.contains(&at) { "\n".to_owned() } else { format!("{line}\n") }
            };
            let input: String = lines.iter().enumerate().map(line).collect();
            let order = if endian == Endian::Little { "-EL" } else { "-EB" };
            let (_, complaints) = run(Command::new(&self.assembler).args([order, "-o"]).arg(object), &input);
            let number = |line: &str| {
                let (_, rest) = line.split_once("{standard input}:")?;
                rest.split_once(": Error")?.0.parse::<usize>().ok()
            };
            let more: Vec<usize> = complaints.lines().filter_map(number).map(|line| line - 1).collect();
            if more.iter().all(|line| refused.contains(line)) {
                assert!(object.exists(), "{complaints}");
                return refused;
            }
            refused.extend(more);
        }
    }
}

impl Tool for Gnu {
    fn name(&self) -> &'static str {
        "GNU 2.40"
    }

    fn disassemble(&self, codes: &[&[u8]], endian: Endian) -> Vec<Option<String>> {
        let dir = TempDir::new("bpf-objdump");
        let object = dir.join("a.o");
        let directive = |code: &&[u8]| {
            let bytes: Vec<String> = code.iter().map(u8::to_string).collect();
            format!(".byte {}", bytes.join(","))
        };
        let refused = self.object(&codes.iter().map(directive).collect::<Vec<_>>(), endian, &object);
        assert_eq!(refused, [0; 0]);
        let mut command = Command::new(&self.disassembler);
        let (output, complaints) = run(command.args(["-d", "-z"]).arg(&object), "");
        let mut texts = std::collections::HashMap::new();
        for line in output.lines() {
            let Some((address, rest)) = line.trim_start().split_once(":\t") else { continue };
            let Ok(address) = usize::from_str_radix(address, 16) else { continue };
            let Some((_, text)) = rest.split_once('\t') else { continue };
            // The name of a place follows in angle brackets.
            let text = text.split(" <").next().unwrap_or(text).trim().replace('\t', " ");
            texts.insert(address, text);
        }
        assert!(!texts.is_empty(), "{complaints}");
        let mut address = 0;
        let mut text = |code: &&[u8]| {
            let found = texts.get(&address).filter(|text| !text.starts_with('*')).cloned();
            address += code.len();
            found
        };
        codes.iter().map(&mut text).collect()
    }

    fn assemble(&self, texts: &[&str], endian: Endian) -> Vec<Option<Vec<u8>>> {
        let dir = TempDir::new("bpf-as");
        let (object, flat) = (dir.join("a.o"), dir.join("a.bin"));
        // After each statement, a number that tells it from the next.
        let separator = "lddw %r0,0x1122334455667799".to_owned();
        let lines: Vec<String> =
            texts.iter().flat_map(|text| [(*text).to_owned(), separator.clone()]).collect();
        let refused = self.object(&lines, endian, &object);
        let mut copier = Command::new(&self.copier);
        let (_, complaints) = run(copier.args(["-O", "binary", "-j", ".text"]).arg(&object).arg(&flat), "");
        let bytes = std::fs::read(&flat).unwrap_or_else(|error| panic!("{error}: {complaints}"));
        let mark: Vec<u8> = bytes[bytes.len() - 16..].to_vec();
        let mut rest = bytes.as_slice();
        let mut next = || {
            let at = rest
                .chunks(8)
                .zip(rest.chunks(8).skip(1))
                .position(|(a, b)| *a == mark[..8] && *b == mark[8..]);
            let at = at.expect("a separator after each statement") * 8;
            let code = rest[..at].to_vec();
            rest = &rest[at + 16..];
            code
        };
        let mut answers = Vec::new();
        for index in 0..texts.len() {
            let code = next();
            answers.push((!refused.contains(&(index * 2))).then_some(code));
        }
        answers
    }
}
