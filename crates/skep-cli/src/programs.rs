//! What the verbs share: a PROG to an object, the choice of a program in it, the choice of a host.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use skep::compile::CompileOptions;
use skep::host::{Engine, Host};
use skep::isa::rowset::Isa;
use skep::obj::Object;
use skep::{LinuxHost, UserConfig, UserHost};

use crate::failure::Failure;
use crate::rows::Rows;

/// Where programs come from.
#[derive(Args, Clone)]
pub(crate) struct Source {
    /// An ELF object, an assembly file, or C source (by the name's ending `.c`)
    pub(crate) prog: PathBuf,

    /// The program's name, where the file has several
    #[arg(long = "prog", value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// The compiler for C source [default: the newest clang, else bpf-gcc]
    #[arg(long, value_name = "COMPILER")]
    cc: Option<OsString>,

    #[command(flatten)]
    rows: Rows,
}

impl Source {
    /// Another file, to be read as this one is.
    pub(crate) fn like(&self, prog: PathBuf) -> Source {
        Source { prog, ..self.clone() }
    }

    /// Reads the file.
    pub(crate) fn read(&self) -> Result<Object, Failure> {
        self.read_from(&self.prog, Vec::new())
    }

    /// Reads another file in its place, with further arguments for the compiler.
    pub(crate) fn read_from(&self, path: &Path, arguments: Vec<OsString>) -> Result<Object, Failure> {
        let options = CompileOptions { compiler: self.cc.clone(), arguments };
        let assembly = skep::asm::Options { isa: self.rows.read()?, ..skep::source::assembly_options() };
        Ok(skep::source::read_with(path, &options, &assembly)?)
    }

    /// The rows given with `--isa`.
    pub(crate) fn isa(&self) -> Result<Option<Arc<Isa>>, Failure> {
        self.rows.read()
    }

    /// Reads the file as what can be verified and run: instructions of `--isa` expanded.
    pub(crate) fn read_expanded(&self) -> Result<Object, Failure> {
        let object = self.read()?;
        let Some(isa) = self.isa()? else { return Ok(object) };
        skep::obj::expand_extensions(&object, &isa)
            .map_err(|error| Failure::Message(format!("{}: {error}", self.prog.display())))
    }

    /// The programs asked for, by function index: the one with the name, or all.
    pub(crate) fn programs(&self, object: &Object) -> Result<Vec<usize>, Failure> {
        let all: Vec<usize> = object.programs().map(|(index, _)| index).collect();
        let file = self.prog.display();
        if all.is_empty() {
            return Err(Failure::Message(format!(
                "{file}: no section announces a program, such as `xdp`, `tc` or `socket`"
            )));
        }
        let Some(name) = &self.name else { return Ok(all) };
        let named: Vec<usize> = all.iter().copied().filter(|&i| object.functions[i].name == *name).collect();
        if named.is_empty() {
            return Err(Failure::Message(format!(
                "{file}: no program is named `{name}`; there are: {}",
                names(object, &all)
            )));
        }
        Ok(named)
    }

    /// The one program asked for.
    pub(crate) fn program(&self, object: &Object) -> Result<usize, Failure> {
        match self.programs(object)?[..] {
            [one] => Ok(one),
            ref several => Err(Failure::Message(format!(
                "{}: choose a program with --prog: {}",
                self.prog.display(),
                names(object, several)
            ))),
        }
    }
}

/// The names of functions, for messages.
fn names(object: &Object, indices: &[usize]) -> String {
    indices.iter().map(|&i| object.functions[i].name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Which host.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostChoice {
    /// In this process: no privilege, any machine
    User,
    /// The running kernel, by bpf(2): as root
    Linux,
}

impl HostChoice {
    /// Opens the host.
    pub(crate) fn open(self) -> Result<Box<dyn Host>, Failure> {
        Ok(match self {
            HostChoice::User => Box::new(UserHost::new(UserConfig::default())),
            HostChoice::Linux => Box::new(LinuxHost::new()),
        })
    }
}

/// How the user host runs programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// Native code
    Jit,
    /// The interpreter that checks every access
    Interp,
}

impl EngineChoice {
    /// The engine for a choice; without one, native code where this machine has it.
    pub(crate) fn engine(choice: Option<EngineChoice>) -> Engine {
        match choice {
            None => Engine::Best,
            Some(EngineChoice::Jit) => Engine::Jit,
            Some(EngineChoice::Interp) => Engine::Interp,
        }
    }
}
