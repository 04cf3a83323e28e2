//! What reading costs in memory, as the book's page on limits states it: so many times the input, and some room.
//!
//! Measured is what Linux says was resident at most (`VmHWM` of proc_pid_status(5)), from a mark that `clear_refs` of
//! proc_pid_clear_refs(5) sets. The inputs are large, and of the kinds that take the most to keep.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use skep::asm::{Options, assemble, assemble_raw, disassemble_raw};
use skep::btf::Btf;
use skep::isa::rowset::Isa;
use skep::isa::text::{Dialect, Reader};
use skep::isa::{Endian, decode_all};
use skep::obj::Object;
use skep_testkit::{TempDir, skip};

/// Bytes of room beside the multiple: tables that are made once, and what an allocator keeps.
const ROOM: u64 = 8 << 20;

/// A line of the process's status that counts kilobytes, in bytes.
fn status(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

/// How many bytes more were resident while `work` ran; `None` where the system does not tell.
fn peak<T>(work: impl FnOnce() -> T) -> Option<(u64, T)> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = status("VmRSS:")?;
    let result = work();
    Some((status("VmHWM:")?.saturating_sub(before), result))
}

/// Holds reading of `input` to `multiple` times its size.
fn hold<T>(input: &[u8], multiple: u64, work: impl FnOnce() -> T) {
    let size = input.len() as u64;
    let (used, _) = peak(work).expect("the caller has asked whether the system tells");
    println!("{used} bytes for {size}, {} times", used.div_ceil(size));
    assert!(used <= multiple * size + ROOM, "{used} bytes for {size}");
}

/// The readers, and the multiple of the input that each may take.
const CASES: [(&str, fn()); 8] = [
    ("instruction slots", || {
        let code = vec![0xb7; 8 << 20];
        hold(&code, 4, || decode_all(&code, Endian::Little));
    }),
    ("statements", || {
        let text = "exit\n".repeat(1 << 20);
        let insns = || Reader::pseudoc().lines(&text).map(|line| line.map(|line| line.insn)).collect();
        hold(text.as_bytes(), 8, || -> Result<Vec<_>, _> { insns() });
    }),
    ("assembly, bare", || {
        let text = "exit\n".repeat(1 << 20);
        hold(text.as_bytes(), 32, || assemble_raw(&text, "a.s", &Options::default()));
    }),
    ("assembly", || {
        let text = labels();
        hold(text.as_bytes(), 64, || assemble(&text, "a.s"));
    }),
    ("slots to assembly", || {
        let code = vec![0xb7; 8 << 20];
        hold(&code, 16, || disassemble_raw(&code, Endian::Little, Dialect::Pseudoc));
    }),
    ("types", || {
        let btf = fs::read(file("btf")).expect("written before");
        hold(&btf, 8, || Btf::parse(&btf));
    }),
    ("object files", || {
        let elf = fs::read(file("elf")).expect("written before");
        hold(&elf, 16, || Object::from_elf(&elf));
    }),
    ("row sets", || {
        let filler = "a + ".repeat(110);
        let row = |row: usize| {
            let text = format!("word {filler}x{row}");
            format!(
                "row r{row}\ndoc d\nopcode 0xff\nselector imm {row}\nslots 1\npseudoc {text}\nnormal {text}\n"
            )
        };
        let rows: String = (0..1024).map(row).collect();
        hold(rows.as_bytes(), 64, || Isa::parse(&rows));
    }),
];

/// A label an instruction: what takes the most to keep.
fn labels() -> String {
    (0..1 << 18).fold(String::new(), |text, label| text + &format!("a{label:x}:exit\n"))
}

/// A file in the directory that the parent made for its children.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env::var_os(DIR).unwrap_or_default()).join(name)
}

/// What says to a child which case is its own, and where the files are.
const CASE: &str = "SKEP_MEMORY_CASE";
const DIR: &str = "SKEP_MEMORY_DIR";

/// Each case runs in a process of its own: what one frees, an allocator would give to the next.
#[test]
fn readers_take_no_more_memory_than_is_stated() {
    if let Ok(case) = env::var(CASE) {
        let (_, run) = CASES.iter().find(|(name, _)| *name == case).expect("a case");
        return run();
    }
    if peak(|| ()).is_none() {
        skip!("the system does not tell how much memory was resident");
    }
    let dir = TempDir::new("memory");
    let object = assemble(&labels(), "a.s").expect("good assembly");
    let btf = object.btf.as_ref().expect("types").to_bytes(skep::btf::Endian::Little);
    fs::write(dir.join("btf"), btf).expect("writable");
    fs::write(dir.join("elf"), object.to_elf().expect("an object")).expect("writable");
    for (name, _) in CASES {
        let mut child = Command::new(env::current_exe().expect("this program"));
        child.args(["--exact", "readers_take_no_more_memory_than_is_stated", "--nocapture"]);
        let output = child.env(CASE, name).env(DIR, dir.path()).output().expect("a process");
        let text = String::from_utf8_lossy(&output.stdout);
        println!("{name}: {}", text.lines().find(|line| line.contains(" times")).unwrap_or_default());
        assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
}
