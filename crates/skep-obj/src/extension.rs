//! Instructions of a row set, as the known instructions that their rows say they are.
//!
//! It is a function from one object to another, before anything is linked: what verifies and runs programs knows the
//! built-in table only. Jumps, references, source lines and records of types move with the code.

use std::fmt;

use skep_isa::rowset::{ExpandError, Isa};
use skep_isa::{Insn, Op};

use crate::object::{Function, Object};
use crate::program::MAX_SLOTS;

/// Why an object's extensions can't be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionError {
    /// An instruction has no expansion.
    Expand {
        /// The function.
        function: String,
        /// The instruction's slot.
        insn: usize,
        /// Why it has none.
        error: ExpandError,
    },
    /// A jump leads between the slots of an instruction, or out of its function.
    Target {
        /// The function.
        function: String,
        /// The jump's slot.
        insn: usize,
    },
    /// A jump is too far once the code between is longer.
    Far {
        /// The function.
        function: String,
        /// The jump's slot.
        insn: usize,
        /// The distance in slots that it would need.
        distance: i64,
    },
    /// A function becomes longer than [`MAX_SLOTS`].
    Long {
        /// The function.
        function: String,
    },
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtensionError::Expand { function, insn, error } => {
                write!(f, "{function}: instruction {insn}: {error}")
            }
            ExtensionError::Target { function, insn } => {
                write!(f, "{function}: instruction {insn} jumps between instructions, or out of the function")
            }
            ExtensionError::Far { function, insn, distance } => write!(
                f,
                "{function}: instruction {insn} would have to jump {distance} slots once extensions are expanded"
            ),
            ExtensionError::Long { function } => {
                write!(f, "{function} is longer than {MAX_SLOTS} slots once extensions are expanded")
            }
        }
    }
}

impl std::error::Error for ExtensionError {}

/// The object with the extensions of a row set expanded.
pub fn expand_extensions(object: &Object, isa: &Isa) -> Result<Object, ExtensionError> {
    let functions = object.functions.iter().map(|f| function(f, isa)).collect::<Result<_, _>>()?;
    Ok(Object { functions, ..object.clone() })
}

fn function(f: &Function, isa: &Isa) -> Result<Function, ExtensionError> {
    let lifted = isa.lift(&f.insns);
    if lifted.iter().all(|insn| isa.row(insn.form).is_none()) {
        return Ok(f.clone());
    }
    let mut insns = Vec::with_capacity(lifted.len());
    // Where each slot's code is now; none for the further slots of an extension.
    let mut places = Vec::with_capacity(lifted.len() + 1);
    // Old slots of what stands at a new one, but for code of an expansion, whose jumps are right as they are.
    let mut origins = Vec::with_capacity(lifted.len());
    while let Some(insn) = lifted.get(places.len()) {
        let at = places.len();
        places.push(Some(insns.len()));
        if isa.row(insn.form).is_none() {
            insns.push(*insn);
            origins.push(Some(at));
        } else {
            let slots = isa.slots(insn);
            if let Some(expansion) = isa.expand(&lifted[at..at + slots]) {
                let fail = |error| ExtensionError::Expand { function: f.name.clone(), insn: at, error };
                insns.extend(expansion.map_err(fail)?);
            }
            origins.resize(insns.len(), None);
            places.resize(at + slots, None);
        }
        if insns.len() > MAX_SLOTS {
            return Err(ExtensionError::Long { function: f.name.clone() });
        }
    }
    places.push(Some(insns.len()));
    for (at, origin) in origins.iter().enumerate() {
        if let Some(origin) = *origin {
            insns[at] = moved_jump(&insns[at], origin, at, &places, f)?;
        }
    }
    let place =
        |slot: usize| places[..=slot.min(lifted.len())].iter().rev().find_map(|place| *place).unwrap_or(0);
    let mut out = Function { insns, ..f.clone() };
    out.references.iter_mut().for_each(|r| r.insn = place(r.insn));
    out.lines.iter_mut().for_each(|line| line.insn = place(line.insn));
    out.core_relos.iter_mut().for_each(|relo| relo.insn = place(relo.insn));
    Ok(out)
}

/// A jump that was at slot `origin` and is now at `at`. Calls and addresses of functions are references, not distances.
fn moved_jump(
    insn: &Insn,
    origin: usize,
    at: usize,
    places: &[Option<usize>],
    f: &Function,
) -> Result<Insn, ExtensionError> {
    let long = match insn.op() {
        Op::Ja { long } => long,
        Op::Jump { .. } | Op::MayGoto => false,
        _ => return Ok(*insn),
    };
    let fail = || ExtensionError::Target { function: f.name.clone(), insn: origin };
    let to = insn.target().map(|distance| origin as i64 + 1 + distance).ok_or_else(fail)?;
    let to = usize::try_from(to).ok().and_then(|to| *places.get(to)?).ok_or_else(fail)?;
    let distance = to as i64 - (at as i64 + 1);
    let far = || ExtensionError::Far { function: f.name.clone(), insn: origin, distance };
    if long {
        let distance = i32::try_from(distance).map_err(|_| far())?;
        return Ok(insn.imm(i64::from(distance)));
    }
    Ok(insn.off(i16::try_from(distance).map_err(|_| far())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Line;

    const ROWS: &str = "
row     triple
doc     dst = 3 * dst
opcode  0xff
slots   3
operand d register 0 8 4
pseudoc {d} = triple({d})
normal  triple {d}
expand  r0 = {d}
expand  {d} += r0
expand  {d} += r0
expand  if {d} == 0 goto +0
row     silent
doc     no meaning
opcode  0xf7
slots   1
pseudoc silent
normal  silent
";

    fn written(insns: &[Insn]) -> Vec<String> {
        insns.iter().map(|insn| format!("{insn:?}")).collect()
    }

    fn with(insns: Vec<Insn>) -> Function {
        Function {
            name: "f".into(),
            section: "xdp".into(),
            offset: 0,
            global: true,
            insns,
            references: Vec::new(),
            lines: Vec::new(),
            core_relos: Vec::new(),
            btf_id: None,
        }
    }

    fn extension(isa: &Isa, text: &str) -> Vec<Insn> {
        let read = isa.read(skep_isa::text::Dialect::Pseudoc, text, &|_| None).expect(text).expect(text);
        isa.lower(&read)
    }

    #[test]
    fn jumps_and_lines_move_with_the_code() {
        let isa = Isa::parse(ROWS).expect("rows");
        let mut insns = vec![Insn::ja(4), Insn::ja(0)];
        insns.extend(extension(&isa, "r1 = triple(r1)"));
        insns.extend([Insn::ja(-4), Insn::exit()]);
        let line = |insn| Line { insn, file: "f".into(), text: "".into(), line: 1, column: 0 };
        let f = Function { lines: vec![line(0), line(2), line(5), line(6)], ..with(insns) };
        let expanded = function(&f, &isa).expect("an expansion");
        assert_eq!(
            written(&expanded.insns),
            [
                "goto +5",
                "goto +0",
                "r0 = r1",
                "r1 += r0",
                "r1 += r0",
                "if r1 == 0 goto +0",
                "goto -5",
                "exit"
            ]
        );
        assert_eq!(expanded.lines.iter().map(|line| line.insn).collect::<Vec<_>>(), [0, 2, 6, 7]);
    }

    #[test]
    fn what_cannot_be_expanded_is_named() {
        let isa = Isa::parse(ROWS).expect("rows");
        let error = |insns| function(&with(insns), &isa).expect_err("no expansion").to_string();
        assert_eq!(
            error([vec![Insn::exit()], extension(&isa, "silent")].concat()),
            "f: instruction 1: `silent` has no expansion into known instructions: it can't be verified or run"
        );
        let into = [vec![Insn::ja(1)], extension(&isa, "r1 = triple(r1)")].concat();
        assert_eq!(error(into), "f: instruction 0 jumps between instructions, or out of the function");
        let mut far = vec![Insn::ja(i16::MAX)];
        far.extend(extension(&isa, "r1 = triple(r1)"));
        far.resize(40_000, Insn::exit());
        assert_eq!(
            error(far),
            "f: instruction 0 would have to jump 32768 slots once extensions are expanded"
        );
    }

    #[test]
    fn a_function_without_extensions_stays_as_it_is() {
        let isa = Isa::parse(ROWS).expect("rows");
        let f = with(vec![Insn::ja(77), Insn::raw(3), Insn::exit()]);
        assert_eq!(function(&f, &isa), Ok(f));
    }
}
