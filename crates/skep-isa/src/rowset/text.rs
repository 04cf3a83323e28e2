//! Registered forms as text, both ways, and their expansions.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::error::ExpandError;
use super::{ExtensionOperand, ExtensionRow, FIRST_FORM, Isa, OperandKind, head, tail};
use crate::insn::{FormId, Insn};
use crate::text::{Cause, Dialect, Kind, Reader, TextError, Token, tokens};

/// A row's template of one dialect, as tokens.
pub(super) struct Template<'r> {
    text: &'r str,
    tokens: Vec<Token<'r>>,
}

impl<'r> Template<'r> {
    /// Takes a template apart; the error says what is wrong with it.
    pub(super) fn parse(text: &'r str, row: &'r ExtensionRow) -> Result<Template<'r>, String> {
        if !text.is_ascii() {
            return Err("expected ASCII characters only".to_string());
        }
        let tokens = tokens(text, true).map_err(|error| error.to_string())?;
        let tags = || {
            tokens.iter().filter_map(|token| if let Kind::Tag(tag) = token.kind { Some(tag) } else { None })
        };
        if let Some(unknown) = tags().find(|tag| row.operands.iter().all(|o| o.name != *tag)) {
            return Err(format!("there is no operand `{unknown}`"));
        }
        if let Some(missing) = row.operands.iter().find(|o| tags().all(|tag| tag != o.name)) {
            return Err(format!("operand `{}` is missing", missing.name));
        }
        if !tokens.iter().any(|token| matches!(token.kind, Kind::Word(_))) {
            return Err("expected a word, by which it can be known".to_string());
        }
        // A number after a number would be read as one sum.
        let number = |token: &Token<'_>| match token.kind {
            Kind::Tag(tag) => row.operands.iter().any(|o| o.name == tag && o.kind != OperandKind::Register),
            Kind::Num(_) => true,
            _ => false,
        };
        if tokens.windows(2).any(|pair| number(&pair[0]) && number(&pair[1])) {
            return Err("expected a separator between two numbers".to_string());
        }
        Ok(Template { text, tokens })
    }

    /// Whether what the row writes is read as what was written, and as nothing else; tried at the ends of its operands'
    /// ranges.
    pub(super) fn check(
        &self,
        row: &ExtensionRow,
        dialect: Dialect,
        readers: &[Reader; 2],
    ) -> Result<(), String> {
        // Characters that end or quote statements in assembly files.
        if self.text.contains([';', ':', '"', '\'', '\\'])
            || self.text.contains("//")
            || self.text.contains("/*")
        {
            return Err("expected no `;`, `:`, quotes, `\\`, or start of a comment".to_string());
        }
        for end in [false, true] {
            let mut slots = vec![0u64; row.slots];
            slots[0] = row.identity().0;
            for operand in &row.operands {
                let (min, max) = operand.range();
                let value = if end { max } else { min };
                slots[operand.slot] |= ((value as u64) << operand.first_bit) & operand.mask();
            }
            let text = self.write(row, &slots, dialect);
            let read = tokens(&text, false).ok().and_then(|tokens| {
                Attempt { row, tokens: &tokens, end: text.len(), constant: &|_| None }.run(self).ok()
            });
            if read.as_deref() != Some(&slots) {
                return Err(format!("`{text}` is not read as it was written"));
            }
            if text.starts_with('.') || readers.iter().any(|reader| reader.insn(&text).is_ok()) {
                return Err(format!("`{text}` has another meaning already"));
            }
        }
        Ok(())
    }

    /// The text of the instruction of these slots.
    fn write(&self, row: &ExtensionRow, slots: &[u64], dialect: Dialect) -> String {
        let mut out = String::new();
        let mut at = 0;
        for token in &self.tokens {
            if let Kind::Tag(tag) = token.kind
                && let Some(operand) = row.operands.iter().find(|operand| operand.name == tag)
            {
                out.push_str(&self.text[at..token.at]);
                out.push_str(&spelled(operand, operand.value(slots), dialect == Dialect::Normal, false));
                at = token.at + token.len;
            }
        }
        out + &self.text[at..]
    }

    /// Whether a statement may be of both: they have the same tokens but for names of operands.
    pub(super) fn is_like(&self, other: &Template<'_>) -> bool {
        self.tokens.len() == other.tokens.len()
            && self.tokens.iter().zip(&other.tokens).all(|(a, b)| match (a.kind, b.kind) {
                (Kind::Tag(_), _) | (_, Kind::Tag(_)) => true,
                (a, b) => a == b,
            })
    }
}

impl Isa {
    /// The text of an instruction of a registered form with its tails; `None` if it is none.
    pub fn text(&self, dialect: Dialect, insn: &[Insn]) -> Option<String> {
        let row = self.row(insn.first()?.form)?;
        let template = Template::parse(template(row, dialect), row).ok()?;
        Some(template.write(row, &self.bits(insn), dialect))
    }

    /// Reads a statement of a registered form: the instruction with its tails. `None` if no registered template starts
    /// like it; `constant` gives the values of names that are plain numbers.
    pub fn read(
        &self,
        dialect: Dialect,
        statement: &str,
        constant: &dyn Fn(&str) -> Option<i64>,
    ) -> Option<Result<Vec<Insn>, TextError>> {
        let statement_tokens = tokens(statement, false).ok()?;
        let mut best: Option<TextError> = None;
        for (index, row) in self.rows.iter().enumerate() {
            let Ok(template) = Template::parse(template(row, dialect), row) else { continue };
            let attempt = Attempt { row, tokens: &statement_tokens, end: statement.len(), constant };
            match attempt.run(&template) {
                Ok(slots) => {
                    let first = slots.first().copied().unwrap_or(0);
                    let identity = row.identity().1;
                    let mut insns = vec![head(FIRST_FORM + index, first & !identity)];
                    insns.extend(slots.iter().skip(1).map(|&bits| tail(bits)));
                    return Some(Ok(insns));
                }
                // Only a statement with the template's word in it is meant to be this form.
                Err((error, true)) if best.as_ref().is_none_or(|best| error.at > best.at) => {
                    best = Some(error);
                }
                Err(_) => {}
            }
        }
        best.map(Err)
    }
}

/// What a row is written as.
pub(super) fn template(row: &ExtensionRow, dialect: Dialect) -> &str {
    match dialect {
        Dialect::Pseudoc => &row.pseudoc,
        Dialect::Normal => &row.normal,
    }
}

/// An operand's value in a statement.
fn spelled(operand: &ExtensionOperand, value: i128, percent: bool, narrow: bool) -> String {
    match (operand.kind, narrow, percent) {
        (OperandKind::Register, true, _) => format!("w{value}"),
        (OperandKind::Register, false, true) => format!("%r{value}"),
        (OperandKind::Register, false, false) => format!("r{value}"),
        _ => value.to_string(),
    }
}

/// One attempt to read a statement by a template.
struct Attempt<'t> {
    row: &'t ExtensionRow,
    tokens: &'t [Token<'t>],
    end: usize,
    constant: &'t dyn Fn(&str) -> Option<i64>,
}

impl Attempt<'_> {
    /// The slots' bits; or the error, and whether the template's word had been seen.
    fn run(&self, template: &Template<'_>) -> Result<Vec<u64>, (TextError, bool)> {
        let mut slots = vec![0u64; self.row.slots];
        slots[0] = self.row.identity().0;
        let mut set = vec![None; self.row.operands.len()];
        let mut seen = false;
        let mut at = 0;
        for token in &template.tokens {
            let found = self.tokens.get(at);
            let Kind::Tag(tag) = token.kind else {
                if found.map(|found| found.kind) != Some(token.kind) {
                    return Err((TextError::expected(token.describe(), found, self.end), seen));
                }
                seen |= matches!(token.kind, Kind::Word(_));
                at += 1;
                continue;
            };
            let Some(index) = self.row.operands.iter().position(|o| o.name == tag) else { continue };
            let operand = &self.row.operands[index];
            let (value, taken) = self.operand(operand, at).map_err(|error| (error, seen))?;
            if set[index].is_some_and(|before| before != value) {
                return Err((TextError::expected("the same operand again", found, self.end), seen));
            }
            set[index] = Some(value);
            slots[operand.slot] |= ((value as u64) << operand.first_bit) & operand.mask();
            at += taken;
        }
        match self.tokens.get(at) {
            None => Ok(slots),
            found => Err((TextError::expected("end of line", found, self.end), seen)),
        }
    }

    /// The value of the operand at a token, and how many tokens it has.
    fn operand(&self, operand: &ExtensionOperand, at: usize) -> Result<(i128, usize), TextError> {
        let found = self.tokens.get(at);
        if operand.kind == OperandKind::Register {
            return match found.map(|token| token.kind) {
                Some(Kind::Reg64(number)) => Ok((i128::from(number), 1)),
                _ => Err(TextError::expected("a register (r0-r10)", found, self.end)),
            };
        }
        let sign = match found.map(|token| token.kind) {
            Some(Kind::Punct(sign @ ("+" | "-"))) => Some(sign),
            _ => None,
        };
        let digits = self.tokens.get(at + usize::from(sign.is_some()));
        let number = match digits.map(|token| token.kind) {
            Some(Kind::Num(number)) => Some(number),
            Some(Kind::Word(word)) => (self.constant)(word).map(i128::from),
            _ => None,
        };
        let (Some(digits), Some(number)) = (digits, number) else {
            return Err(TextError::expected("a number", digits, self.end));
        };
        let value = if sign == Some("-") { -number } else { number };
        let (min, max) = operand.range();
        if value < min || value > max {
            let first = found.unwrap_or(digits).at;
            let len = digits.at + digits.len - first;
            return Err(TextError { at: first, len, cause: Cause::Range { value, min, max } });
        }
        Ok((value, 1 + usize::from(sign.is_some())))
    }
}

/// The expansion of an instruction, by its slots' bits.
pub(super) fn expand(row: &ExtensionRow, slots: &[u64], reader: &Reader) -> Result<Vec<Insn>, ExpandError> {
    if row.expansion.is_empty() {
        return Err(ExpandError::NoMeaning { row: row.name.clone() });
    }
    instructions(row, reader, &|operand| operand.value(slots))
        .map_err(|why| ExpandError::Operands { row: row.name.clone(), why })
}

/// Whether a row's expansion is one, at both ends of its operands' ranges.
pub(super) fn check_expansion(row: &ExtensionRow, reader: &Reader) -> Result<(), String> {
    instructions(row, reader, &|operand| operand.range().0)?;
    instructions(row, reader, &|operand| operand.range().1)?;
    Ok(())
}

fn instructions(
    row: &ExtensionRow,
    reader: &Reader,
    value: &dyn Fn(&ExtensionOperand) -> i128,
) -> Result<Vec<Insn>, String> {
    let mut insns = Vec::new();
    for line in &row.expansion {
        let statement = substituted(line, row, value)?;
        let parsed = reader.insn(&statement).map_err(|error| format!("`{statement}`: {error}"))?;
        if let Some(reference) = parsed.reference {
            return Err(format!("`{statement}`: there is no operand or constant `{}`", reference.symbol));
        }
        insns.push(parsed.insn);
        insns.extend((1..parsed.insn.slots()).map(|_| Insn::TAIL));
    }
    for (at, insn) in insns.iter().enumerate() {
        if let Some(distance) = insn.target() {
            let to = usize::try_from(at as i64 + 1 + distance).ok();
            let inside = to.is_some_and(|to| {
                to == insns.len() || insns.get(to).is_some_and(|insn| insn.form != FormId::TAIL)
            });
            if !inside {
                return Err(format!("`{insn:?}` leaves the expansion"));
            }
        }
    }
    Ok(insns)
}

/// A line of an expansion with operands for their names.
fn substituted(
    line: &str,
    row: &ExtensionRow,
    value: &dyn Fn(&ExtensionOperand) -> i128,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else {
            return Err(format!("`{line}`: expected `}}`"));
        };
        let (name, narrow) = name.strip_suffix(":w").map_or((name, false), |name| (name, true));
        let operand = row.operands.iter().find(|operand| operand.name == name);
        let Some(operand) = operand else { return Err(format!("there is no operand `{name}`")) };
        out.push_str(before);
        out.push_str(&spelled(operand, value(operand), false, narrow));
        rest = after;
    }
    Ok(out + rest)
}
