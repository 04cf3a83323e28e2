//! The second pass: every symbol gets its value or becomes a reference.

use std::collections::BTreeMap;

use skep_abi::Function as Helper;
use skep_isa::text::Field;
use skep_isa::{Callee, Insn, Op, SLOT_BYTES, Wide, encode};

use crate::assembler::{Assembler, Result};
use crate::cursor::{Cursor, Term, Value, is_local_reference};
use crate::data::number_bytes;
use crate::error::{Cause, MAX_ERRORS, Problem, Span};
use crate::function::{Function, find_calls, function_at, functions};
use crate::nearest::nearest;
use crate::relax;
use crate::section::{Fixup, FixupKind, Purpose};
use crate::symbol::{Binding, Meaning, SymbolIndex};

/// What an instruction refers to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Map(usize),
    /// The map that a compiler defined at this place of `.maps`.
    MapAt(u64),
    /// A place in a data section.
    Value(usize, u32),
    /// A function, by index.
    Function(usize),
    Extern(SymbolIndex),
}

/// What the second pass found.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) functions: Vec<Function>,
    /// References of each section's instructions, by offset, ascending.
    pub(crate) references: Vec<Vec<(u64, Target)>>,
}

/// The number that a value is, if labels cancel out; `None` if a symbol in it isn't known, or one label is left.
pub(crate) fn number(asm: &Assembler<'_>, value: &Value<'_>) -> Result<Option<i128>> {
    Ok(match sum(asm, value) {
        Sum { number, label: None, unknown: None } => Some(number),
        _ => None,
    })
}

/// A value with what is known taken together.
struct Sum<'v, 'a> {
    number: i128,
    /// A label that nothing cancels, of this section; its offset is in the number.
    label: Option<usize>,
    /// The first symbol that is neither number nor label, or can't be added up.
    unknown: Option<&'v Term<'a>>,
}

fn sum<'v, 'a>(asm: &Assembler<'_>, value: &'v Value<'a>) -> Sum<'v, 'a> {
    let mut number = value.number;
    let mut unknown = None;
    let mut counts: BTreeMap<usize, i64> = BTreeMap::new();
    for term in &value.terms {
        let sign = if term.negative { -1 } else { 1 };
        let offset = match meaning(asm, term.symbol, term.span.at) {
            Meaning::Number(n) => i128::from(n),
            Meaning::Label(section, offset) => {
                *counts.entry(section).or_default() += sign;
                i128::from(offset)
            }
            Meaning::Unknown | Meaning::Map(_) => {
                unknown = unknown.or(Some(term));
                continue;
            }
        };
        number = number.saturating_add(i128::from(sign) * offset);
    }
    counts.retain(|_, count| *count != 0);
    let label = match counts.iter().next() {
        Some((&section, 1)) if counts.len() == 1 => Some(section),
        Some(_) => {
            unknown = unknown.or(value.terms.first());
            None
        }
        None => None,
    };
    Sum { number, label, unknown }
}

/// What a name stands for, at a byte of the source: numeric local labels depend on that, and so does `.`.
pub(crate) fn meaning(asm: &Assembler<'_>, name: &str, at: usize) -> Meaning {
    if name == "." {
        return asm.here();
    }
    if is_local_reference(name) {
        let (digits, direction) = name.split_at(name.len() - 1);
        let Some(places) = asm.locals.get(digits.trim_start_matches('0')) else { return Meaning::Unknown };
        let after = places.partition_point(|place| place.0 <= at);
        let place = if direction == "f" { places.get(after) } else { places[..after].last() };
        return place.map_or(Meaning::Unknown, |&(_, section, offset)| Meaning::Label(section, offset));
    }
    match asm.symbols.find(name) {
        Some(index) => asm.symbols[index].meaning,
        None => asm.constant(name).map_or(Meaning::Unknown, Meaning::Number),
    }
}

/// Resolves everything. Problems are added to the assembler's.
pub(crate) fn resolve(asm: &mut Assembler<'_>) -> Resolved {
    assign(asm);
    find_calls(asm);
    let functions = functions(asm);
    let mut resolved = Resolved { functions, references: Vec::new() };
    for section in 0..asm.sections.len() {
        let fixups = std::mem::take(&mut asm.sections[section].fixups);
        let mut references = Vec::new();
        for fixup in &fixups {
            match apply(asm, &resolved.functions, section, fixup) {
                Ok(target) => references.extend(target.map(|target| (fixup.offset, target))),
                Err(problem) => asm.problems.push(problem),
            }
            if asm.problems.len() >= MAX_ERRORS {
                break;
            }
        }
        resolved.references.push(references);
    }
    resolved
}

/// `.set` of what was defined after it.
fn assign(asm: &mut Assembler<'_>) {
    for (name, span, value) in std::mem::take(&mut asm.sets) {
        let meaning = match sum(asm, &value) {
            Sum { unknown: Some(term), .. } => Err(undefined(asm, "symbol", term.symbol, term.span)),
            Sum { number, label, .. } => match (i64::try_from(number), label) {
                (Ok(number), None) => Ok(Meaning::Number(number)),
                (Ok(offset @ 0..), Some(section)) => Ok(Meaning::Label(section, offset as u64)),
                _ => {
                    let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
                    Err(Problem::new(span, Cause::Range { value: number, min, max }))
                }
            },
        };
        let defined = meaning.and_then(|meaning| asm.symbols.define(name, span, meaning));
        match defined {
            Ok(index) => asm.symbols[index].alias = true,
            Err(problem) => asm.problems.push(problem),
        }
    }
}

/// Fills one fixup in.
fn apply(
    asm: &mut Assembler<'_>,
    functions: &[Function],
    section: usize,
    fixup: &Fixup<'_>,
) -> Result<Option<Target>> {
    let endian = asm.options.endian;
    let (bytes, target) = match fixup.what {
        FixupKind::Data { text, base, width } => {
            let value = Cursor::new(text, base).expression(&|name| asm.constant(name).map(i128::from))?;
            match asm.sections[section].purpose {
                // Addresses count from their sections there; what has none is for the loader to fill in.
                Purpose::Types => {
                    let number = sum(asm, &value);
                    let number = if number.unknown.is_some() { 0 } else { number.number };
                    (number_bytes(number, width, endian, fixup.span)?, None)
                }
                Purpose::Maps => {
                    (vec![0; width as usize], Some(initial_value(asm, functions, &value, fixup.span)?))
                }
                _ => (number_bytes(data_number(asm, &value, fixup.span)?, width, endian, fixup.span)?, None),
            }
        }
        FixupKind::Insn { insn, field, symbol, addend } => {
            let place = Place { asm, functions, section, fixup, symbol, addend };
            let (insn, target) = match (insn.op(), field) {
                (Op::Call(Callee::Helper), Field::Imm) => place.call(insn)?,
                (Op::Wide(Wide::Imm), Field::Imm64) => place.address(insn)?,
                (_, Field::Target) => (place.jump(insn)?, None),
                _ => (place.number(insn, field)?, None),
            };
            if insn.slots() == 2 {
                // The second slot holds the high half of a number that is known only now.
                let both = skep_isa::encode_all(&[insn, Insn::TAIL], endian);
                (both, target)
            } else {
                (encode(&insn, endian).to_vec(), target)
            }
        }
    };
    let at = fixup.offset as usize;
    asm.sections[section].bytes[at..at + bytes.len()].copy_from_slice(&bytes);
    Ok(target)
}

fn data_number(asm: &Assembler<'_>, value: &Value<'_>, span: Span) -> Result<i128> {
    match sum(asm, value) {
        Sum { unknown: Some(term), .. } => match meaning(asm, term.symbol, term.span.at) {
            Meaning::Unknown => Err(undefined(asm, "symbol", term.symbol, term.span)),
            other => Err(bad(term.symbol, term.span, &describe(asm, other), "a number")),
        },
        Sum { label: Some(_), .. } => {
            let help = "data can hold the distance of two labels; an instruction can load an address";
            Err(Problem::expected(span, "a number", "an address, which is known when it is loaded")
                .help(help))
        }
        Sum { number, .. } => Ok(number),
    }
}

/// What a slot of a map definition is filled with at the start: a program or a map.
fn initial_value(
    asm: &Assembler<'_>,
    functions: &[Function],
    value: &Value<'_>,
    span: Span,
) -> Result<Target> {
    let sum = sum(asm, value);
    let place = sum.label.filter(|_| sum.unknown.is_none()).zip(u64::try_from(sum.number).ok());
    let found = place.and_then(|(section, offset)| match asm.sections[section].purpose {
        Purpose::Maps => Some(Target::MapAt(offset)),
        _ => function_at(functions, section, offset).map(Target::Function),
    });
    found.ok_or_else(|| Problem::expected(span, "a program or a map", "something else"))
}

/// An instruction's reference to a symbol.
struct Place<'p, 'a> {
    asm: &'p Assembler<'a>,
    functions: &'p [Function],
    section: usize,
    fixup: &'p Fixup<'p>,
    symbol: &'p str,
    addend: i64,
}

impl Place<'_, '_> {
    fn span(&self) -> Span {
        self.fixup.span
    }

    fn meaning(&self) -> Meaning {
        meaning(self.asm, self.symbol, self.fixup.span.at)
    }

    fn bad(&self, expected: &'static str) -> Problem {
        bad(self.symbol, self.span(), &describe(self.asm, self.meaning()), expected)
    }

    /// The symbol, if it is said to be defined elsewhere.
    fn external(&self) -> Option<SymbolIndex> {
        let index = self.asm.symbols.find(self.symbol)?;
        let symbol = &self.asm.symbols[index];
        (symbol.meaning == Meaning::Unknown && (symbol.external || symbol.binding == Binding::Weak))
            .then_some(index)
    }

    /// Nothing may be added to this symbol.
    fn alone(&self, what: &'static str) -> Result<()> {
        if self.addend == 0 {
            return Ok(());
        }
        Err(Problem::expected(self.span(), what, format!("`{}` and a number", self.symbol)))
    }

    /// A function of the source, else a helper, else one that is defined elsewhere.
    fn call(&self, insn: Insn) -> Result<(Insn, Option<Target>)> {
        let local = Insn::new(Op::Call(Callee::Local)).imm(-1);
        match self.meaning() {
            Meaning::Label(section, offset) => {
                self.alone("a function alone")?;
                let function = self.function(section, offset)?;
                Ok((local, Some(Target::Function(function))))
            }
            Meaning::Number(number) => {
                Ok((insn.imm(self.fit(number, i32::MIN.into(), u32::MAX.into())? as i32 as i64), None))
            }
            Meaning::Map(_) => Err(self.bad("a function")),
            Meaning::Unknown => {
                self.alone("a function alone")?;
                if let Some(index) = self.external() {
                    return Ok((local, Some(Target::Extern(index))));
                }
                match Helper::by_name(self.symbol).and_then(|helper| helper.id) {
                    Some(id) => Ok((insn.imm(i64::from(id)), None)),
                    None => Err(self.unknown_function()),
                }
            }
        }
    }

    fn unknown_function(&self) -> Problem {
        let problem =
            Problem::new(self.span(), Cause::Undefined { what: "function", symbol: self.symbol.to_owned() });
        if Helper::kernel(self.symbol).is_some() {
            let help = format!("it is a function of the kernel: `.extern {}` names it", self.symbol);
            return problem.help(help);
        }
        let own = self.functions.iter().map(|f| f.name.as_str());
        let helpers = skep_abi::HELPERS.iter().map(|f| f.name);
        let with_prefix = format!("bpf_{}", self.symbol);
        if Helper::by_name(&with_prefix).is_some() {
            return problem.did_you_mean(Some(&with_prefix));
        }
        match nearest(self.symbol, own.chain(helpers)) {
            Some(nearest) => problem.did_you_mean(Some(nearest)),
            None => problem.help(format!("`.extern {}` says that it is defined elsewhere", self.symbol)),
        }
    }

    fn function(&self, section: usize, offset: u64) -> Result<usize> {
        function_at(self.functions, section, offset)
            .filter(|&index| self.functions[index].start == offset)
            .ok_or_else(|| self.bad("a function"))
    }

    /// A two-slot load: of a map, of an address in a data section, of a function, or of a number.
    fn address(&self, insn: Insn) -> Result<(Insn, Option<Target>)> {
        match self.meaning() {
            Meaning::Number(number) => {
                let number = number.checked_add(self.addend);
                let number = number.ok_or_else(|| Problem::new(self.span(), Cause::Arithmetic))?;
                Ok((insn.imm(number), None))
            }
            Meaning::Map(map) => {
                self.alone("a map alone")?;
                Ok((insn, Some(Target::Map(map))))
            }
            Meaning::Label(section, offset) => match self.asm.sections[section].purpose {
                Purpose::Code => {
                    self.alone("a function alone")?;
                    Ok((insn, Some(Target::Function(self.function(section, offset)?))))
                }
                Purpose::Maps if self.asm.has_types() => {
                    self.alone("a map alone")?;
                    Ok((insn, Some(Target::MapAt(offset))))
                }
                Purpose::Maps => Err(self
                    .bad("a map that has a type")
                    .help("`.map` defines maps; a compiler that is to do so needs `-g`")),
                _ if self.asm.sections[section].is_data() => self.value(insn, section, offset),
                _ => Err(self
                    .bad("a map, a variable or a function")
                    .help("maps are defined by `.map`, variables stand in `.data`, `.rodata` or `.bss`")),
            },
            Meaning::Unknown => {
                if let Some(index) = self.external() {
                    self.alone("a symbol alone")?;
                    return Ok((insn, Some(Target::Extern(index))));
                }
                match self.asm.data_section(self.symbol) {
                    Some(section) => self.value(insn, section, 0),
                    None => Err(undefined(self.asm, "map or variable", self.symbol, self.span())),
                }
            }
        }
    }

    fn value(&self, insn: Insn, section: usize, offset: u64) -> Result<(Insn, Option<Target>)> {
        let size = self.asm.sections[section].offset();
        let place = i128::from(offset) + i128::from(self.addend);
        if size == 0 {
            return Err(self.bad("a variable with a value"));
        }
        if place < 0 || place > i128::from(size) {
            let cause = Cause::Range {
                value: i128::from(self.addend),
                min: -i128::from(offset),
                max: i128::from(size) - i128::from(offset),
            };
            return Err(Problem::new(self.span(), cause));
        }
        Ok((insn, Some(Target::Value(section, place as u32))))
    }

    /// A jump to a label of the same function.
    fn jump(&self, insn: Insn) -> Result<Insn> {
        let offset = match self.meaning() {
            Meaning::Label(section, offset) if section == self.section => offset,
            Meaning::Number(number) => {
                let number = self.fit(number, i32::MIN.into(), i32::MAX.into())?;
                return self.with_distance(insn, number);
            }
            Meaning::Unknown => return Err(undefined(self.asm, "label", self.symbol, self.span())),
            _ => return Err(self.bad("a label of this function")),
        };
        self.alone("a label alone")?;
        let slot = SLOT_BYTES as u64;
        if !offset.is_multiple_of(slot) {
            let what = format!("label `{}`", self.symbol);
            return Err(Problem::new(self.span(), Cause::Misaligned { what, offset, align: slot }));
        }
        let own = function_at(self.functions, self.section, self.fixup.offset);
        if function_at(self.functions, self.section, offset) != own {
            let function = own.map_or(String::new(), |index| self.functions[index].name.clone());
            let cause = Cause::LeavesFunction { symbol: self.symbol.to_owned(), function };
            return Err(Problem::new(self.span(), cause).help("another function can be called"));
        }
        self.with_distance(insn, (offset / slot) as i64 - (self.fixup.offset / slot) as i64 - 1)
    }

    fn with_distance(&self, insn: Insn, distance: i64) -> Result<Insn> {
        let long = matches!(insn.op(), Op::Ja { long: true } | Op::Call(_) | Op::Wide(_));
        let max = if long { i64::from(i32::MAX) } else { i64::from(i16::MAX) };
        if distance > max || distance < -max - 1 {
            let wide = Insn::new(Op::Ja { long: true });
            if matches!(insn.op(), Op::Ja { .. })
                && relax::allowed(self.asm)
                && i32::try_from(distance).is_ok()
            {
                return Ok(wide.imm(distance));
            }
            let cause = Cause::Distance { symbol: self.symbol.to_owned(), distance, max };
            let problem = Problem::new(self.span(), cause);
            return Err(match insn.op() {
                Op::Ja { .. } => problem.help("`gotol` reaches further (cpu v4)"),
                _ => problem.help("jump over a `gotol` (cpu v4) on the inverted condition"),
            });
        }
        Ok(if long { insn.imm(distance) } else { insn.off(distance as i16) })
    }

    /// A plain number, which only symbols of numbers are.
    fn number(&self, insn: Insn, field: Field) -> Result<Insn> {
        let number = match self.meaning() {
            Meaning::Number(number) => number,
            Meaning::Unknown => return Err(undefined(self.asm, "constant", self.symbol, self.span())),
            _ => {
                let problem = self.bad("a number");
                return Err(problem.help(format!("an address is loaded by `rN = {} ll`", self.symbol)));
            }
        };
        Ok(match field {
            Field::Offset => insn.off(self.fit(number, i16::MIN.into(), i16::MAX.into())? as i16),
            Field::Imm64 => insn.imm(number.wrapping_add(self.addend)),
            _ => insn.imm(i64::from(self.fit(number, i32::MIN.into(), u32::MAX.into())? as i32)),
        })
    }

    /// A number with what is added to it, within its field.
    fn fit(&self, number: i64, min: i64, max: i64) -> Result<i64> {
        let value = i128::from(number) + i128::from(self.addend);
        if value < i128::from(min) || value > i128::from(max) {
            let (min, max) = (i128::from(min), i128::from(max));
            return Err(Problem::new(self.span(), Cause::Range { value, min, max }));
        }
        Ok(value as i64)
    }
}

fn bad(symbol: &str, span: Span, is: &str, expected: &'static str) -> Problem {
    Problem::new(span, Cause::BadSymbol { symbol: symbol.to_owned(), is: is.to_owned(), expected })
}

/// What a symbol is, in words.
fn describe(asm: &Assembler<'_>, meaning: Meaning) -> String {
    match meaning {
        Meaning::Unknown => "not defined".to_owned(),
        Meaning::Number(number) => format!("the number {number}"),
        Meaning::Label(section, _) => format!("a label in section `{}`", asm.sections[section].name),
        Meaning::Map(_) => "a map".to_owned(),
    }
}

/// An undefined symbol, and the defined one that was probably meant.
pub(crate) fn undefined(asm: &Assembler<'_>, what: &'static str, symbol: &str, span: Span) -> Problem {
    let known = asm.symbols.iter().filter(|(_, s)| s.meaning != Meaning::Unknown).map(|(_, s)| s.name);
    let constants: Vec<String> = crate::constant::names().collect();
    let near = nearest(symbol, known.chain(constants.iter().map(String::as_str)));
    Problem::new(span, Cause::Undefined { what, symbol: symbol.to_owned() }).did_you_mean(near)
}
