//! Programs in skep's engines, beside the same C compiled for this machine and the running kernel's own code.
//!
//! Every kernel in `xtask/bench/vm` is one C file that is compiled twice, by the same compiler at the same level. All
//! ways must give the same result. Ratios are to the machine's own code: 1.00 is as fast as that.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use skep::compile::CompileOptions;
use skep::host::{Engine, Host, HostError, LoadOptions, Loaded, TestRun};
use skep::{LinuxHost, UserConfig, UserHost};
use skep_testkit::tool;

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// The compiler of both sides.
const CLANG: &str = "clang-19";

/// The kernels: files in `xtask/bench/vm`.
const KERNELS: [&str; 8] = ["arith", "csum", "parse", "siphash", "strmatch", "befields", "calls", "chacha"];

/// Bytes that are long enough for every kernel.
const DATA_BYTES: usize = 1500;

/// Runs in a measurement, and measurements of which the fastest counts.
const RUNS: u32 = 2_000;
const ROUNDS: usize = 200;

/// Measures the kernels with `part` in their name, and lays out what they took; `None` if there are none.
pub(super) fn table(workspace: &Workspace, part: &str) -> Result<Option<String>, Error> {
    let chosen: Vec<&str> = KERNELS.into_iter().filter(|name| format!("vm/{name}").contains(part)).collect();
    if chosen.is_empty() {
        return Ok(None);
    }
    if tool(CLANG).is_none() {
        return Ok(Some(format!("vm/*: skipped: {CLANG} is not installed\n")));
    }
    let mut table = format!(
        "{:<14} {:>10} {:>8} {:>8} {:>8} {:>8} {:>12}\n",
        "benchmark", "native", "jit", "interp", "kernel", "slots", "compile us"
    );
    let mut logs = [(0.0, 0u32); 3];
    for name in chosen {
        let kernel = Kernel::build(workspace, name)?;
        let native = kernel.native()?;
        let ways = [kernel.user(Engine::Best), kernel.user(Engine::Interp), kernel.linux()];
        let mut cells = Vec::new();
        for (way, log) in ways.iter().zip(&mut logs) {
            cells.push(match way {
                Ok(measured) => {
                    assert_eq!(measured.result, native.result, "{name}: a fast wrong answer is no benchmark");
                    let ratio = measured.ns / native.ns;
                    *log = (log.0 + ratio.ln(), log.1 + 1);
                    format!("{ratio:.2}")
                }
                Err(_) => "-".to_owned(),
            });
        }
        let compile = ways[0].as_ref().map_or(0.0, |way| way.compile_us);
        let _ = writeln!(
            table,
            "{:<14} {:>7.1} ns {:>8} {:>8} {:>8} {:>8} {compile:>12.1}",
            format!("vm/{name}"),
            native.ns,
            cells[0],
            cells[1],
            cells[2],
            kernel.slots,
        );
    }
    let means: Vec<String> = logs
        .iter()
        .map(|&(sum, n)| if n == 0 { "-".to_owned() } else { format!("{:.2}", (sum / f64::from(n)).exp()) })
        .collect();
    let _ = writeln!(
        table,
        "{:<14} {:>10} {:>8} {:>8} {:>8}",
        "geometric mean", "", means[0], means[1], means[2]
    );
    let _ = writeln!(table, "ratios to the same C by {CLANG} -O2 for this machine, fastest of all rounds");
    Ok(Some(table))
}

/// A kernel, compiled both ways.
struct Kernel {
    object: skep::obj::Object,
    native: PathBuf,
    slots: u32,
}

/// What a way took, and what came out.
struct Measured {
    ns: f64,
    result: u32,
    compile_us: f64,
}

impl Kernel {
    fn build(workspace: &Workspace, name: &str) -> Result<Kernel, Error> {
        let source = workspace.root.join("xtask/bench/vm").join(name).with_extension("c");
        let dir = workspace.target_dir.join("bench");
        std::fs::create_dir_all(&dir).map_err(|error| Error::File { path: dir.clone(), error })?;
        let native = dir.join(name);
        command::run(Command::new(CLANG).args(["-O2", "-o"]).arg(&native).arg(&source))?;
        let options = CompileOptions { compiler: Some(CLANG.into()), arguments: Vec::new() };
        let object = read(&source, &options);
        let slots = object.functions.iter().map(|f| f.insns.len() as u32).sum();
        Ok(Kernel { object, native, slots })
    }

    /// The machine's own code times itself.
    fn native(&self) -> Result<Measured, Error> {
        let output = command::output(&mut Command::new(&self.native))?;
        let text = String::from_utf8_lossy(&output);
        let mut words = text.split_whitespace();
        let ns = words.next().and_then(|word| word.parse().ok()).expect("a time");
        let result = words.next().and_then(|word| word.parse().ok()).expect("a result");
        Ok(Measured { ns, result, compile_us: 0.0 })
    }

    fn user(&self, engine: Engine) -> Result<Measured, HostError> {
        let mut host = UserHost::new(UserConfig::default());
        self.on(&mut host, &LoadOptions { engine, ..LoadOptions::default() })
    }

    fn linux(&self) -> Result<Measured, HostError> {
        self.on(&mut LinuxHost::new(), &LoadOptions::default())
    }

    fn on(&self, host: &mut dyn Host, options: &LoadOptions) -> Result<Measured, HostError> {
        let data: Vec<u8> = (0..DATA_BYTES).map(|i| (i * 7 + 13) as u8).collect();
        let mut compile = Duration::MAX;
        let mut program = None;
        // The first of a process pays for pages that later ones find there.
        for _ in 0..20 {
            let loaded = Loaded::new(host, &self.object, &[], options)?;
            compile = compile.min(loaded.programs[0].info.compile);
            program = Some(loaded.programs[0].id);
        }
        let program = program.expect("loaded above");
        let test = TestRun { data: &data, repeat: RUNS, ..TestRun::default() };
        let mut fastest = Duration::MAX;
        let mut result = 0;
        for _ in 0..ROUNDS {
            let ran = host.test_run(program, &test)?;
            fastest = fastest.min(ran.duration);
            result = ran.retval;
        }
        Ok(Measured { ns: fastest.as_secs_f64() * 1e9, result, compile_us: compile.as_secs_f64() * 1e6 })
    }
}

/// The kernel for BPF.
pub(super) fn read(source: &Path, options: &CompileOptions) -> skep::obj::Object {
    skep::source::read(source, options).unwrap_or_else(|error| panic!("{error}"))
}
