//! `cargo xtask oracle judge FILE…`: recorded programs, and what the verifier of the running kernel says to them.
//!
//! A line a case, to be kept: the verdict, the case, and the kernel's last words, between tabs. Maps are made with what
//! they hold at the load; programs in program arrays are not, for no verdict depends on them.

use std::io::{self, BufWriter, Write as _};

use serde_json::Value;
use skep::{Judgement, LinuxHost};
use skep_abi::{Errno, MapDef, MapFlags, MapType};
use skep_host::{Host as _, HostError, MapId};
use skep_obj::{MapInit, MapSpec, Program};

use super::JudgeArguments as Arguments;
use crate::error::Error;
use crate::golden::case::{self, Types};

/// Most bytes of the last words that are kept.
const WORDS: usize = 160;

/// Flags of a load that only tests of the verifier itself give, and kernels before them don't know.
const TESTS_ONLY: u32 = 1 << 7;

/// Asks, and prints.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut types = Types::new(&arguments.btf)?;
    let mut out = BufWriter::new(io::stdout());
    for file in &arguments.files {
        for line in case::lines(file)?.lines() {
            let case: Value = serde_json::from_str(line).unwrap_or_default();
            let id = case["id"].as_str().unwrap_or_default();
            let (verdict, words) = match case::program(&case, &mut types) {
                // A host of its own: hosts keep every map, and some cases have large ones.
                Ok(program) => judge(&mut LinuxHost::new(), program),
                Err(why) => ("untold", why.to_string()),
            };
            let words: String = words.chars().map(|c| if c == '\t' { ' ' } else { c }).take(WORDS).collect();
            writeln!(out, "{verdict}\t{id}\t{words}")
                .and_then(|()| out.flush())
                .map_err(|error| Error::File { path: "standard output".into(), error })?;
        }
    }
    Ok(())
}

/// The verdict on a program, with the kernel's last words.
fn judge(host: &mut LinuxHost, mut program: Program) -> (&'static str, String) {
    program.flags.0 &= !TESTS_ONLY;
    // A call of what was never there: the kernel minds only where it is reached.
    let nameless = program.kernel_symbols.iter_mut().filter(|symbol| symbol.name.is_empty());
    nameless.for_each(|symbol| symbol.weak = true);
    let maps: Result<Vec<MapId>, HostError> =
        program.maps.iter().map(|spec| make(host, spec, &program)).collect();
    let judged = maps.and_then(|maps| host.judge(&program, &maps));
    match judged {
        Ok(Judgement { errno: None, .. }) => ("accept", String::new()),
        Ok(Judgement { errno: Some(errno), log }) => match last_words(&log) {
            Some(words) => ("reject", words.to_owned()),
            // The kernel forbids the kind of program, or lacks what the load names.
            None if errno == Errno::EPERM => ("untold", errno.to_string()),
            None => ("reject", errno.to_string()),
        },
        Err(error) => ("reject", error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// Where an arena is for programs, if its map does not say; any address does that nothing else has.
const ARENA: u64 = 1 << 44;

/// Makes a map with what it holds. No program looks into the maps that stand for structures of functions, which are
/// made in terms of the kernel's types: an array stands in.
fn make(host: &mut LinuxHost, spec: &MapSpec, program: &Program) -> Result<MapId, HostError> {
    let mut spec = spec.clone();
    match spec.def.map_type {
        MapType::StructOps => spec.def = MapDef { map_type: MapType::Array, flags: MapFlags(0), ..spec.def },
        MapType::Arena if spec.extra == 0 => spec.extra = ARENA,
        _ => {}
    }
    let map = host.create_map(&spec, program.btf.as_deref())?;
    match &spec.init {
        MapInit::Data(data) => {
            host.update(map, &[0; 4], &data.bytes, 0)?;
            if data.frozen {
                host.freeze(map)?;
            }
        }
        MapInit::Maps(inner) => {
            for (key, at) in inner {
                let Some(spec) = program.maps.get(*at) else { continue };
                let inner = host.create_map(spec, program.btf.as_deref())?;
                host.set_map(map, *key, inner)?;
            }
        }
        _ => {}
    }
    Ok(map)
}

/// The last line of a log that is not about what the verification took.
fn last_words(log: &str) -> Option<&str> {
    let statistics = ["processed ", "verification time ", "stack depth "];
    log.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !statistics.iter().any(|start| line.starts_with(start)))
}
