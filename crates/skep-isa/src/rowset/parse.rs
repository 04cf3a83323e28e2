//! The text of a row set to rows, with all that must hold between them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::error::{RowSetCause as Cause, RowSetError};
use super::text::{self, Template};
use super::{
    ExtensionOperand, ExtensionRow, MAX_BYTES, MAX_EXPANSION, MAX_OPERANDS, MAX_ROWS, MAX_SLOTS, OperandKind,
};
use crate::row::Selector;
use crate::table::ROWS;
use crate::text::{Dialect, Reader};

/// A row whose lines have been read so far.
struct Draft {
    line: usize,
    name: String,
    doc: Option<String>,
    opcode: Option<u8>,
    selector: Option<Selector>,
    slots: Option<usize>,
    operands: Vec<ExtensionOperand>,
    pseudoc: Option<String>,
    normal: Option<String>,
    expansion: Vec<String>,
}

/// All rows of a text.
pub(super) fn rows(text: &str, readers: &[Reader; 2]) -> Result<Vec<ExtensionRow>, RowSetError> {
    if text.len() > MAX_BYTES {
        return Err(RowSetError { line: 1, cause: Cause::Limit { what: "bytes", limit: MAX_BYTES } });
    }
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    let mut draft: Option<Draft> = None;
    for (index, whole) in text.lines().enumerate() {
        let line = index + 1;
        let content = whole.split('#').next().unwrap_or_default().trim();
        let (word, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
        let fail = |cause| RowSetError { line, cause };
        match (word, &mut draft) {
            ("", _) => {}
            ("row", _) => {
                if let Some(done) = draft.take() {
                    rows.push(finish(done, &rows, readers)?);
                }
                if rows.len() == MAX_ROWS {
                    return Err(fail(Cause::Limit { what: "rows", limit: MAX_ROWS }));
                }
                draft = Some(Draft::new(line, name(rest).map_err(fail)?));
                lines.push(line);
            }
            (_, Some(draft)) => draft.line(word, rest.trim()).map_err(fail)?,
            (_, None) => return Err(fail(Cause::Expected { expected: "`row`", found: word.to_string() })),
        }
    }
    if let Some(done) = draft {
        rows.push(finish(done, &rows, readers)?);
    }
    for dialect in [Dialect::Pseudoc, Dialect::Normal] {
        unlike(&rows, &lines, dialect)?;
    }
    Ok(rows)
}

/// Whether no statement may be of two rows. Each template is taken apart once: there are many pairs of them.
fn unlike(rows: &[ExtensionRow], lines: &[usize], dialect: Dialect) -> Result<(), RowSetError> {
    let templates: Vec<_> =
        rows.iter().map(|row| Template::parse(text::template(row, dialect), row).ok()).collect();
    for (at, template) in templates.iter().enumerate() {
        let Some(template) = template else { continue };
        if let Some(by) =
            templates[..at].iter().position(|other| other.as_ref().is_some_and(|o| o.is_like(template)))
        {
            let cause = Cause::Taken { row: rows[at].name.clone(), by: rows[by].name.clone() };
            return Err(RowSetError { line: lines[at], cause });
        }
    }
    Ok(())
}

/// A name: letters, digits and `_`, no digit first.
fn name(text: &str) -> Result<String, Cause> {
    let text = text.trim();
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if starts && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(text.to_string());
    }
    Err(Cause::Expected { expected: "a name", found: text.to_string() })
}

/// A decimal or hexadecimal number.
fn number(text: &str) -> Result<i64, Cause> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = match digits.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    match value {
        Ok(value) if !digits.starts_with(['+', '-']) => Ok(if negative { -value } else { value }),
        _ => Err(Cause::Expected { expected: "a number", found: text.to_string() }),
    }
}

impl Draft {
    fn new(line: usize, name: String) -> Draft {
        Draft {
            line,
            name,
            doc: None,
            opcode: None,
            selector: None,
            slots: None,
            operands: Vec::new(),
            pseudoc: None,
            normal: None,
            expansion: Vec::new(),
        }
    }

    fn line(&mut self, word: &str, rest: &str) -> Result<(), Cause> {
        let once = |word, before| {
            if before { Err(Cause::Count { row: self.name.clone(), word }) } else { Ok(()) }
        };
        let expected = |expected| Cause::Expected { expected, found: rest.to_string() };
        match word {
            "doc" => {
                once("doc", self.doc.is_some())?;
                self.doc = Some(rest.to_string());
            }
            "opcode" => {
                once("opcode", self.opcode.is_some())?;
                let byte = u8::try_from(number(rest)?).map_err(|_| expected("an opcode byte"))?;
                self.opcode = Some(byte);
            }
            "selector" => {
                once("selector", self.selector.is_some())?;
                self.selector =
                    Some(selector(rest).ok_or_else(|| expected("`off`, `imm` or `src` and its value"))?);
            }
            "slots" => {
                once("slots", self.slots.is_some())?;
                let slots = usize::try_from(number(rest)?).unwrap_or(0);
                if slots == 0 {
                    return Err(expected("a number of slots"));
                }
                if slots > MAX_SLOTS {
                    return Err(Cause::Limit { what: "slots", limit: MAX_SLOTS });
                }
                self.slots = Some(slots);
            }
            "operand" => {
                if self.operands.len() == MAX_OPERANDS {
                    return Err(Cause::Limit { what: "operands", limit: MAX_OPERANDS });
                }
                self.operands.push(operand(rest)?);
            }
            "pseudoc" => {
                once("pseudoc", self.pseudoc.is_some())?;
                self.pseudoc = Some(rest.to_string());
            }
            "normal" => {
                once("normal", self.normal.is_some())?;
                self.normal = Some(rest.to_string());
            }
            "expand" => {
                if self.expansion.len() == MAX_EXPANSION {
                    return Err(Cause::Limit { what: "instructions in an expansion", limit: MAX_EXPANSION });
                }
                self.expansion.push(rest.to_string());
            }
            _ => return Err(Cause::Expected { expected: "a word of a row", found: word.to_string() }),
        }
        Ok(())
    }
}

fn selector(text: &str) -> Option<Selector> {
    let (field, value) = text.split_once(char::is_whitespace)?;
    let value = number(value.trim()).ok()?;
    match field {
        "off" => i16::try_from(value).ok().map(Selector::Off),
        "imm" => i32::try_from(value).ok().map(Selector::Imm),
        "src" => u8::try_from(value).ok().filter(|&src| src < 16).map(Selector::Src),
        _ => None,
    }
}

fn operand(text: &str) -> Result<ExtensionOperand, Cause> {
    let expected = || Cause::Expected {
        expected: "name, kind, slot, first bit and number of bits",
        found: text.to_string(),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let [operand, kind, slot, first_bit, bits] = words[..] else { return Err(expected()) };
    let kind = match kind {
        "register" => OperandKind::Register,
        "signed" => OperandKind::Signed,
        "unsigned" => OperandKind::Unsigned,
        _ => return Err(expected()),
    };
    let field = |text| number(text).ok().and_then(|n| u32::try_from(n).ok()).ok_or_else(expected);
    let (slot, first_bit, bits) = (field(slot)? as usize, field(first_bit)?, field(bits)?);
    let name = name(operand)?;
    let fits = (1..=64).contains(&bits) && first_bit < 64 && first_bit + bits <= 64;
    if !fits || kind == OperandKind::Register && bits != 4 {
        return Err(Cause::Place { operand: name });
    }
    Ok(ExtensionOperand { name, kind, slot, first_bit, bits })
}

/// A whole row, which agrees with itself, the table and the rows before it.
fn finish(draft: Draft, before: &[ExtensionRow], readers: &[Reader; 2]) -> Result<ExtensionRow, RowSetError> {
    let line = draft.line;
    let fail = |cause| RowSetError { line, cause };
    let lacks = |word| fail(Cause::Count { row: draft.name.clone(), word });
    let row = ExtensionRow {
        doc: draft.doc.ok_or_else(|| lacks("doc"))?,
        opcode: draft.opcode.ok_or_else(|| lacks("opcode"))?,
        selector: draft.selector.unwrap_or(Selector::None),
        slots: draft.slots.ok_or_else(|| lacks("slots"))?,
        operands: draft.operands,
        pseudoc: draft.pseudoc.ok_or_else(|| lacks("pseudoc"))?,
        normal: draft.normal.ok_or_else(|| lacks("normal"))?,
        expansion: draft.expansion,
        name: draft.name,
    };
    distinct(&row, before).and_then(|()| layout(&row)).map_err(fail)?;
    for (template, mnemonics) in [(&row.pseudoc, false), (&row.normal, true)] {
        let why = |why: String| fail(Cause::Template { row: row.name.clone(), why });
        let parsed = Template::parse(template, &row).map_err(why)?;
        let dialect = if mnemonics { Dialect::Normal } else { Dialect::Pseudoc };
        parsed.check(&row, dialect, readers).map_err(why)?;
    }
    text::check_expansion(&row, &readers[0])
        .map_err(|why| fail(Cause::Expansion { row: row.name.clone(), why }))?;
    Ok(row)
}

/// Whether a row can be told from the others by name and encoding.
fn distinct(row: &ExtensionRow, before: &[ExtensionRow]) -> Result<(), Cause> {
    let taken = |by: &str| Err(Cause::Taken { row: row.name.clone(), by: by.to_string() });
    if let Some(built_in) = ROWS.iter().find(|other| other.opcode == row.opcode || other.name == row.name) {
        return taken(built_in.name);
    }
    for other in before {
        let same_field = core::mem::discriminant(&other.selector) == core::mem::discriminant(&row.selector)
            && other.selector != Selector::None;
        let overlaps = other.opcode == row.opcode && (!same_field || other.selector == row.selector);
        if overlaps || other.name == row.name {
            return taken(&other.name);
        }
    }
    Ok(())
}

/// Whether each operand has bits of its own.
fn layout(row: &ExtensionRow) -> Result<(), Cause> {
    let mut taken = [0u64; MAX_SLOTS];
    taken[0] = row.identity().1;
    for (index, operand) in row.operands.iter().enumerate() {
        let twice = row.operands[..index].iter().any(|other| other.name == operand.name);
        if operand.slot >= row.slots || taken[operand.slot] & operand.mask() != 0 || twice {
            return Err(Cause::Place { operand: operand.name.clone() });
        }
        taken[operand.slot] |= operand.mask();
    }
    Ok(())
}
