//! Inputs that break refused programs: searched for after a refusal, written where `--counterexample` says, and run again
//! by `--run-input`. The program runs in the checked interpreter alone; it stays refused.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use skep::TrialInput;
use skep::abi::Context;
use skep::counterexample::{self, Counterexample, Input, hex};
use skep::obj::Program;
use skep::verify::Suspect;

use crate::failure::Failure;
use crate::output::Output;
use crate::verify::{Examined, Options, examine};

/// Most bytes of a file with an input.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// An input that breaks a refused program, if one is found.
pub(crate) fn search(examined: &Examined) -> Option<Counterexample> {
    counterexample::find(&examined.suspect()?)
}

/// The input, for files and for programs to read.
pub(crate) fn input_json(program: &Program, input: &Input) -> Value {
    let layout = program.prog_type.context();
    let name = |index: usize| layout.and_then(|layout| layout.fields.get(index)).map(|field| field.name);
    let fields: Map<String, Value> = input
        .given
        .fields
        .iter()
        .filter_map(|(index, value)| Some((name(*index)?.to_owned(), json!(value))))
        .collect();
    let maps: Vec<Value> = input
        .elements
        .iter()
        .filter_map(|(map, key, value)| {
            let map = program.maps.get(*map)?;
            Some(json!({"map": map.name, "key": hex(key), "value": hex(value)}))
        })
        .collect();
    json!({"packet": hex(&input.given.data), "context": fields, "maps": maps})
}

/// A counterexample, for programs to read.
pub(crate) fn explained(program: &Program, found: &Counterexample) -> Value {
    json!({"insn": found.fault.trap.insn, "what": found.to_string(), "input": input_json(program, &found.input)})
}

/// Writes an input to a file.
pub(crate) fn write(path: &Path, program: &Program, found: &Counterexample) -> Result<(), Failure> {
    let text = format!("{:#}\n", input_json(program, &found.input));
    std::fs::write(path, text)
        .map_err(|error| Failure::Message(format!("can't write {}: {error}", path.display())))
}

/// Runs a refused program on the input in a file, and says what it does there; a failure if it breaks.
pub(crate) fn replay(options: &Options, file: &Path) -> Result<(), Failure> {
    let object = options.source.read_expanded()?;
    let function = options.source.program(&object)?;
    let examined = examine(&object, function, options)?;
    let program = &examined.program;
    let Some(suspect) = examined.suspect() else {
        return Err(Failure::Message(format!(
            "`{}` is accepted, or refused before it is looked at: `skep run` runs what is accepted",
            program.name
        )));
    };
    let input = read(file, program)?;
    let ended = counterexample::replay(&suspect, &input)?;
    let what = match &ended {
        Ok(r0) => format!("it ends with {r0:#x} in r0"),
        Err(fault) => counterexample::describe(&suspect, fault),
    };
    let mut out = Output::new();
    if options.json {
        let insn = ended.as_ref().err().map(|fault| fault.trap.insn);
        out.json(&json!({"prog": program.name, "breaks": ended.is_err(), "insn": insn, "what": what}))?;
    } else {
        writeln!(out, "{}: {what}", program.name)?;
        place(&mut out, &suspect, ended.as_ref().err().map(|fault| fault.trap.insn))?;
    }
    out.finish()?;
    if ended.is_err() { Err(Failure::Said) } else { Ok(()) }
}

/// The source line of an instruction.
fn place(out: &mut Output, suspect: &Suspect, insn: Option<usize>) -> Result<(), Failure> {
    if let Some(line) = insn.and_then(|insn| suspect.program().line_at(insn)) {
        writeln!(out, "  --> {}:{}: {}", line.file, line.line, line.text.trim())?;
    }
    Ok(())
}

fn read(file: &Path, program: &Program) -> Result<Input, Failure> {
    let name = file.display();
    let bad = |why: String| Failure::Message(format!("{name}: {why}"));
    let io = |error: std::io::Error| Failure::Message(format!("can't read {name}: {error}"));
    let bytes = std::fs::metadata(file).map_err(io)?.len();
    if bytes > MAX_INPUT_BYTES {
        return Err(bad(format!("expected at most {MAX_INPUT_BYTES} bytes, found {bytes}")));
    }
    let text = std::fs::read_to_string(file).map_err(io)?;
    let json: Value = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    parse(&json, program).map_err(bad)
}

fn parse(json: &Value, program: &Program) -> Result<Input, String> {
    let hex_of = |value: &Value, what: &str| {
        let text = value.as_str().ok_or_else(|| format!("expected {what} in hexadecimal digits"))?;
        unhex(text).ok_or_else(|| format!("{what}: expected pairs of hexadecimal digits, found `{text}`"))
    };
    let data = hex_of(&json["packet"], "`packet`")?;
    let mut input = Input { given: TrialInput { data, fields: Vec::new() }, elements: Vec::new() };
    for (name, value) in json["context"].as_object().into_iter().flatten() {
        let index = program.prog_type.context().and_then(|context| Context::index_of(context, name));
        let index = index.ok_or_else(|| format!("`{name}` is no field of this kind of program's context"))?;
        let value = value.as_u64().ok_or_else(|| format!("`{name}`: expected a number"))?;
        input.given.fields.push((index, value));
    }
    for element in json["maps"].as_array().into_iter().flatten() {
        let name = element["map"].as_str().unwrap_or_default();
        let map = program.maps.iter().position(|map| map.name == name);
        let map = map.ok_or_else(|| format!("the program has no map `{name}`"))?;
        input.elements.push((map, hex_of(&element["key"], "`key`")?, hex_of(&element["value"], "`value`")?));
    }
    Ok(input)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| Some(c.to_digit(16)? as u8)).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
