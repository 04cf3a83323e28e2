//! An input that breaks a refused program, if one can be found: then the refusal is of a true bug, and not of what the
//! verifier could not prove.
//!
//! The path to the refusal is walked with numbers as expressions of the input ([`walk`]), the conditions on it are solved
//! ([`symbol`]), and the program is tried on what comes out, in the checked interpreter alone ([`skep_vm::Trial`]).
//! What counts is only that it traps there: a wrong guess costs a try. If nothing is found, nothing is said.

mod symbol;
mod walk;

use std::fmt;

use skep_abi::{FieldKind, Function, MapType, ProgType};
use skep_host::{Host, HostError, MapId};
use skep_isa::Op;
use skep_obj::{MapInit, Program};
use skep_user::{TRIAL_DATA_MAX, TrialInput, UserConfig, UserHost};
use skep_verify::Suspect;
use skep_vm::{Fault, TrapKind};

use symbol::{Assignment, Constraint, Place, solve};
use walk::Walk;

/// Most inputs that are tried.
pub const MAX_TRIES: usize = 64;

/// Most bytes of maps that are made for a try.
pub const MAX_MAP_BYTES: u64 = 64 << 20;

/// Fewest bytes of a packet: a link layer header.
const PACKET_MIN: u64 = 14;

/// Rules whose break an input can show: those about memory. Of others, the program does not do wrong when it runs, or what
/// it does wrong is not seen in its memory.
const SHOWN: [&str; 12] = [
    "packet-bounds",
    "map-value-bounds",
    "memory-bounds",
    "stack-bounds",
    "unbounded-index",
    "negative-index",
    "pointer-arithmetic",
    "null-check",
    "not-a-pointer",
    "argument-size",
    "argument-type",
    "map-kind",
];

/// An input of a program, with what its maps hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The packet, and fields of the context.
    pub given: TrialInput,
    /// Elements of maps: the map's index, key and value.
    pub elements: Vec<(usize, Vec<u8>, Vec<u8>)>,
}

/// An input that breaks a program, and how.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The input.
    pub input: Input,
    /// How the program ended.
    pub fault: Fault,
    /// What it did, in words: `instruction 5 reads byte 20 of a packet whose last is 13`.
    pub what: String,
    /// What it was given, in words.
    pub with: String,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "with {}, {}", self.with, self.what)
    }
}

/// Looks for an input that breaks a refused program.
pub fn find(suspect: &Suspect) -> Option<Counterexample> {
    let program = suspect.program();
    let bytes = |map: &skep_obj::MapSpec| {
        u64::from(map.def.max_entries) * (u64::from(map.def.key_size) + u64::from(map.def.value_size))
    };
    let is_shown = SHOWN.contains(&suspect.error().reason.rule().name);
    if !is_shown || program.maps.iter().map(bytes).sum::<u64>() > MAX_MAP_BYTES {
        return None;
    }
    let walk = Walk::of(suspect);
    let mut tried: Vec<Input> = Vec::new();
    for assignment in candidates(&walk).take(MAX_TRIES) {
        let input = input(&walk, program, &assignment);
        if tried.contains(&input) {
            continue;
        }
        if let Ok(Err(fault)) = replay(suspect, &input)
            && fault.is_real()
        {
            let (what, with) = (describe(suspect, &fault), with(program, &input));
            return Some(Counterexample { input, fault, what, with });
        }
        tried.push(input);
    }
    None
}

/// Runs a refused program on an input: what it returned, or how it ended early.
pub fn replay(suspect: &Suspect, input: &Input) -> Result<Result<u64, Fault>, HostError> {
    let program = suspect.program();
    let mut host = UserHost::new(UserConfig::default());
    let mut maps: Vec<MapId> = Vec::new();
    for spec in program.maps.iter() {
        let map = host.create_map(spec, program.btf.as_deref())?;
        if let MapInit::Data(data) = &spec.init {
            host.update(map, &0u32.to_ne_bytes(), &data.bytes, 0)?;
        }
        maps.push(map);
    }
    for (map, key, value) in &input.elements {
        if let Some(map) = maps.get(*map) {
            host.update(*map, key, value, 0)?;
        }
    }
    host.try_suspect(suspect, &maps, &input.given)
}

/// Inputs to try: those that take the path and break its end, those that take the path, and bare ones.
fn candidates<'w>(walk: &'w Walk<'_>) -> impl Iterator<Item = Assignment> + 'w {
    let starts = [0, 1500].map(|length| {
        let mut start = Assignment::default();
        start.places.insert(Place::Length, length.max(PACKET_MIN));
        start
    });
    let aims = walk.aims();
    let solved = starts.clone().into_iter().flat_map(move |start| {
        let aimed: Vec<Assignment> = aims
            .iter()
            .map(|aim| {
                let with_aim: Vec<Constraint> = walk.constraints.iter().chain([aim]).cloned().collect();
                solve(&with_aim, start.clone())
            })
            .collect();
        aimed.into_iter().chain([solve(&walk.constraints, start)]).collect::<Vec<_>>()
    });
    solved.chain(starts)
}

/// The input that an assignment stands for.
fn input(walk: &Walk<'_>, program: &Program, assignment: &Assignment) -> Input {
    let most = TRIAL_DATA_MAX as u64;
    let length = match program.prog_type {
        ProgType::Unspec => assignment.length().min(most),
        _ => assignment.length().clamp(PACKET_MIN, most),
    };
    let mut given = TrialInput { data: vec![0; length as usize], fields: Vec::new() };
    let mut fields = std::collections::BTreeMap::<u16, u64>::new();
    for (place, byte) in &assignment.places {
        match place {
            Place::Packet(at) => {
                if let Some(there) = given.data.get_mut(*at as usize) {
                    *there = *byte as u8;
                }
            }
            Place::Field(index, at) if *at < 8 => *fields.entry(*index).or_default() |= byte << (8 * at),
            _ => {}
        }
    }
    given.fields = fields.into_iter().map(|(index, value)| (index as usize, value)).collect();
    Input { given, elements: elements(walk, program, assignment) }
}

/// The elements that the path's lookups find.
fn elements(walk: &Walk<'_>, program: &Program, assignment: &Assignment) -> Vec<(usize, Vec<u8>, Vec<u8>)> {
    let mut elements: Vec<(usize, Vec<u8>, Vec<u8>)> = Vec::new();
    for lookup in walk.lookups.iter().filter(|lookup| lookup.found == Some(true)) {
        let Some(spec) = program.maps.get(lookup.map as usize) else { continue };
        let mut value = vec![0; spec.def.value_size as usize];
        for (place, byte) in &assignment.places {
            if let Place::Value(map, at) = place
                && *map == lookup.map
                && let Some(there) = value.get_mut(*at as usize)
            {
                *there = *byte as u8;
            }
        }
        // Elements of arrays are there anyway, as zeroes.
        let is_there = spec.def.map_type == MapType::Array && value.iter().all(|byte| *byte == 0);
        if let (Some(key), MapInit::Empty, false) = (lookup.key(assignment), &spec.init, is_there)
            && !elements.iter().any(|(map, known, _)| *map == lookup.map as usize && *known == key)
        {
            elements.push((lookup.map as usize, key, value));
        }
    }
    elements
}

/// The input, in words.
fn with(program: &Program, input: &Input) -> String {
    let length = input.given.data.len();
    let kind = if program.prog_type == ProgType::Unspec { "memory" } else { "a packet" };
    let mut words = format!("{kind} of {length} bytes");
    let layout = program.prog_type.context();
    for (index, value) in &input.given.fields {
        let field = layout.and_then(|layout| layout.fields.get(*index));
        if let Some(field) = field.filter(|field| field.kind == FieldKind::Scalar) {
            words.push_str(&format!(", `{}` {value}", field.name));
        }
    }
    for (map, key, _) in &input.elements {
        if let Some(spec) = program.maps.get(*map) {
            words.push_str(&format!(", an element of map `{}` with key {}", spec.name, hex(key)));
        }
    }
    words
}

/// Bytes as pairs of hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// What a fault is, in words.
pub fn describe(suspect: &Suspect, fault: &Fault) -> String {
    let insn = fault.trap.insn;
    match fault.trap.what {
        TrapKind::Read { len, .. } => format!("instruction {insn} reads {}", memory(suspect, fault, len)),
        TrapKind::Write { len, .. } => format!("instruction {insn} writes {}", memory(suspect, fault, len)),
        TrapKind::Argument { arg, .. } => {
            let called = suspect.program().insns.get(insn).map(|insn| insn.imm as u32);
            let name = called.and_then(Function::by_id).map_or("a function", |function| function.name);
            format!(
                "instruction {insn} calls `{name}` with an argument {} that is not what it takes, or not all of it the \
                 program's",
                arg + 1
            )
        }
        other => format!("instruction {insn}: {other}"),
    }
}

/// Which bytes of what were accessed.
fn memory(suspect: &Suspect, fault: &Fault, len: u64) -> String {
    let (program, error) = (suspect.program(), suspect.error());
    let bytes = |first: i64| match len {
        1 => format!("byte {first}"),
        _ => format!("bytes {first} to {}", first.wrapping_add(len as i64 - 1)),
    };
    let plain = if len == 1 { "1 byte".to_owned() } else { format!("{len} bytes") };
    if fault.address().is_some_and(|addr| addr < 4096) {
        return format!("{plain} through a pointer that is null");
    }
    // The verifier knows what kind of memory was meant.
    let kind = pointer_kind(suspect, fault.trap.insn);
    let is_given = error.insn == fault.trap.insn && program.prog_type == ProgType::Unspec;
    if let (true, Some((at, size))) =
        (kind.starts_with("pkt") || is_given && kind.starts_with("mem"), fault.in_packet())
    {
        return format!("{} of a packet whose last is {}", bytes(at), size as i64 - 1);
    }
    if let (true, Some(at)) = (kind.starts_with("fp"), fault.in_frame()) {
        return format!("{plain} at r10{at:+}, expected r10-512 to r10-1");
    }
    if let (true, Some((map, at))) = (kind.starts_with("map_value"), fault.by_value_end())
        && let Some(spec) = program.maps.get(map)
    {
        let size = i64::from(spec.def.value_size);
        let (bytes, last) = (bytes(at + size), size - 1);
        return format!("{bytes} of a value of map `{}` whose last is {last}", spec.name);
    }
    format!("{plain} where the program has no memory")
}

/// What kind of pointer the verifier knew there, in Linux's notation; empty if it is of another access.
fn pointer_kind(suspect: &Suspect, insn: usize) -> &str {
    let error = suspect.error();
    let register = suspect.program().insns.get(error.insn).map(|insn| match insn.op() {
        Op::Load { .. } => insn.src.0,
        _ => insn.dst.0,
    });
    let is_last = suspect.path().last() == Some(&insn);
    let found = error.place.registers.iter().find(|(at, _)| is_last && Some(*at) == register);
    found.map_or("", |(_, text)| text.as_str())
}
