//! What the kernel's disassembler prints, in bpftool's dumps and in the verifier's log: pseudo-C behind the number
//! of the slot and the opcode byte, with some words of its own.
//!
//! The opcode byte tells what the text alone does not: that a load is wide, and whether the reader understood the
//! line at all. What the text leaves out it can't: the kind of a wide load, a kernel function's BTF, the register
//! of `callx`.
//!
//! Source: kernel/bpf/disasm.c, Linux 6.18; the `(u32)` of 32-bit operations is that of Linux before 5.1.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::rewrite::{Rewritten, after_words, blanks, word_at};
use crate::insn::{FormId, Insn};
use crate::row::{Op, Wide};
use crate::text::{Cause, TextError};

/// The least number after a function's name that is a BTF id. Helpers count from 1 and are some two hundred; the
/// types that a kernel's functions follow are tens of thousands.
pub const FIRST_BTF_ID: u32 = 4096;

/// A line taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The slot it is about, where the line says so.
    pub slot: Option<u32>,
    /// The opcode byte, where the line says so.
    pub opcode: Option<u8>,
    /// The instruction, without what follows a semicolon.
    pub statement: &'a str,
    /// Where that starts, in bytes.
    pub at: usize,
}

/// Takes a line apart.
pub fn split(line: &str) -> Line<'_> {
    let mut at = blanks(line);
    let digits = line[at..].bytes().take_while(u8::is_ascii_digit).count();
    let mut slot = None;
    if digits > 0 && line[at + digits..].starts_with(':') {
        slot = line[at..at + digits].parse().ok();
        at += digits + 1;
        at += blanks(&line[at..]);
    }
    let mut opcode = None;
    if let [b'(', high, low, b')', ..] = line.as_bytes()[at..] {
        let digit = |b: u8| char::from(b).to_digit(16);
        if let (Some(high), Some(low)) = (digit(high), digit(low)) {
            opcode = Some((high << 4 | low) as u8);
            at += 4;
            at += blanks(&line[at..]);
        }
    }
    let statement = &line[at..];
    let end = statement.find(';').unwrap_or(statement.len());
    let end = state_behind(&statement[..end]).unwrap_or(end);
    Line { slot, opcode, statement: statement[..end].trim_end(), at }
}

/// Where the state starts that stands behind a jump: `if r1 != 0x0 goto pc+1 22: R0=1`.
fn state_behind(statement: &str) -> Option<usize> {
    let at = statement.find("goto ")?;
    let words = statement[at..].match_indices(' ').map(|(space, _)| at + space);
    words.into_iter().find(|space| {
        let digits = statement[space + 1..].bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && statement[space + 1 + digits..].starts_with(':')
    })
}

/// The statement in pseudo-C, where that differs.
pub(super) fn rewrite(line: &str) -> Option<Rewritten> {
    let Line { opcode, statement, at, .. } = split(line);
    let whole = || Rewritten::default().piece(line, at..at + statement.len());
    let is_wide = opcode.is_some() && opcode == wide_opcode();
    let other = if is_wide { wide(line, at, statement) } else { None };
    let other = other.or_else(|| call(line, at, statement)).or_else(|| narrow(line, at, statement));
    // With nothing in front and behind, it is pseudo-C already.
    other.or_else(|| (statement.len() != line.len()).then(whole))
}

/// The opcode byte of loads that take two slots.
fn wide_opcode() -> Option<u8> {
    Some(FormId::of(Op::Wide(Wide::Imm))?.row()?.opcode)
}

/// `r1 = 0x1122`, wide by its opcode alone, and bpftool's `r1 = subprog[+3]`.
fn wide(line: &str, at: usize, statement: &str) -> Option<Rewritten> {
    let end = at + statement.len();
    if statement.ends_with(" ll") || statement.contains('(') {
        return None;
    }
    let subprog = "subprog[";
    if let Some(found) = statement.find(subprog).filter(|_| statement.ends_with(']')) {
        let distance = at + found + subprog.len()..end - 1;
        let out = Rewritten::default().piece(line, at..at + found).word("func(pc");
        return Some(out.piece(line, distance).word(") ll"));
    }
    Some(Rewritten::default().piece(line, at..end).word(" ll"))
}

/// `call NAME#1`, `call kernel-function#77`, `call pc+3#NAME`.
fn call(line: &str, at: usize, statement: &str) -> Option<Rewritten> {
    let operand = after_words(statement, "call")?;
    let hash = statement.find('#')?;
    if word_at(statement, operand) == "pc" {
        return Some(Rewritten::default().piece(line, at..at + hash));
    }
    let number = at + hash + 1..at + statement.len();
    let id: Option<u32> = line[number.clone()].trim().parse().ok();
    let kfunc =
        statement[operand..hash].trim() == "kernel-function" || id.is_some_and(|id| id >= FIRST_BTF_ID);
    let out = Rewritten::default();
    Some(if kfunc {
        out.word("call kfunc(").piece(line, number).word(")")
    } else {
        out.word("call ").piece(line, number)
    })
}

/// `(u32) r0 += (u32) r1`, as old kernels have it: `w0 += w1`.
fn narrow(line: &str, at: usize, statement: &str) -> Option<Rewritten> {
    const CAST: &str = "(u32) ";
    if !statement.contains(CAST) {
        return None;
    }
    let mut out = Rewritten::default();
    let (mut from, end) = (at, at + statement.len());
    let mut here = at;
    while here < end {
        let word = word_at(line, here);
        if line[here..end].starts_with(CAST) {
            out = out.piece(line, from..here);
            here += CAST.len();
            from = here;
        } else if word.len() > 1 && word.starts_with('r') && word[1..].bytes().all(|b| b.is_ascii_digit()) {
            out = out.piece(line, from..here).word("w");
            from = here + 1;
            here += word.len();
        } else {
            here += word.len().max(line[here..].chars().next().map_or(1, char::len_utf8));
        }
    }
    Some(out.piece(line, from..end))
}

/// Compares what was read with the opcode byte that the line shows.
pub(super) fn check(line: &str, insn: &Insn) -> Result<(), TextError> {
    let Line { opcode: Some(opcode), statement, at, .. } = split(line) else { return Ok(()) };
    match insn.row() {
        Some(row) if row.opcode != opcode => Err(TextError {
            at,
            len: statement.len(),
            cause: Cause::Expected {
                expected: format!("an instruction of opcode {opcode:#04x}"),
                found: format!("one of opcode {:#04x}", row.opcode),
            },
        }),
        _ => Ok(()),
    }
}

/// The text with everything blanked that is neither an instruction, a label, a directive nor a comment: numbers
/// of slots, the heads of functions, the bytes that bpftool shows between lines. Every byte stays in its place.
pub fn only_insns(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = out.len();
        out.extend_from_slice(line.as_bytes());
        let bare = line.trim();
        let Line { slot, opcode, at, .. } = split(line);
        let insn = if opcode.is_some() { at.saturating_sub(1) } else { at };
        let blanked = if is_bytes(bare) || is_head(bare) {
            line.trim_end_matches(['\n', '\r']).len()
        } else if slot.is_some() {
            // Up to the colon; the opcode is for the reader.
            line[..insn].find(':').map_or(0, |colon| colon + 1)
        } else {
            0
        };
        out[start..start + blanked].fill(b' ');
    }
    // Only whole characters were blanked.
    String::from_utf8(out).unwrap_or_default()
}

/// `b7 00 00 00 01 00 00 00`
fn is_bytes(line: &str) -> bool {
    let mut words = 0;
    let all = line.split(' ').all(|word| {
        words += 1;
        word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit())
    });
    all && words >= 8
}

/// `int prog(struct xdp_md * ctx):`
fn is_head(line: &str) -> bool {
    line.ends_with("):") && line.contains('(')
}
