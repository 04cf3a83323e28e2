//! The log of Linux's verifier, pasted whole: the program in it, slot by slot.
//!
//! The verifier prints an instruction each time that it comes by, and what it knows of registers in between. An
//! instruction that it never came to is in no log: such slots are gaps, and named. So is what the text leaves out;
//! an address that was a map's is only a number there.
//!
//! Source: kernel/bpf/log.c and verifier.c, Linux 6.18, at log levels 1 and 2.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::ops::Range;

use super::kernel::{self, Line};
use super::{Language, read as read_statement};
use crate::insn::{FormId, Insn};
use crate::row::Op;
use crate::text::{Reader, TextError, Writer};

/// Most slots of a program in a log: what Linux takes.
pub const MAX_SLOTS: usize = 1_000_000;

/// A program, as far as a log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The slots; none where the log has no instruction.
    pub slots: Vec<Option<Insn>>,
    /// Slots of loads of a map's or a map value's address: the log has the address instead of the map.
    pub addresses: Vec<usize>,
}

/// Why a log is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogError {
    /// A line whose instruction can't be read.
    Insn {
        /// The line, from 1.
        line: usize,
        /// Where the complaint is, and what it is; places are in the line.
        error: TextError,
    },
    /// A slot that is shown twice, and differently: the logs of two programs.
    Conflict {
        /// The later line, from 1.
        line: usize,
        /// The slot.
        slot: usize,
        /// The line that has shown it first.
        first: usize,
    },
    /// A slot beyond [`MAX_SLOTS`].
    Slot {
        /// The line, from 1.
        line: usize,
        /// The slot.
        slot: usize,
    },
    /// No line has an instruction.
    Empty,
}

impl LogError {
    /// The line it is about, from 1.
    pub fn line(&self) -> usize {
        match self {
            LogError::Insn { line, .. } | LogError::Conflict { line, .. } | LogError::Slot { line, .. } => {
                *line
            }
            LogError::Empty => 1,
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Insn { error, .. } => error.fmt(f),
            LogError::Conflict { slot, first, .. } => {
                write!(f, "slot {slot} is another instruction in line {first}: the logs of two programs")
            }
            LogError::Slot { slot, .. } => {
                write!(f, "slot {slot} is beyond the {MAX_SLOTS} that Linux takes")
            }
            LogError::Empty => write!(f, "no line of the log has an instruction"),
        }
    }
}

impl core::error::Error for LogError {}

/// Reads a log, with a reader of pseudo-C.
pub fn read(text: &str, reader: &Reader) -> Result<Listing, LogError> {
    let mut listing = Listing { slots: Vec::new(), addresses: Vec::new() };
    let mut shown: Vec<usize> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        // Registers are also listed as `3: R0=1`, and what is looked at backwards as `before 3: (b7) …`.
        let Line { slot: Some(slot), opcode: Some(_), .. } = kernel::split(line) else { continue };
        let slot = slot as usize;
        if slot >= MAX_SLOTS {
            return Err(LogError::Slot { line: number, slot });
        }
        let parsed = read_statement(Language::Log, reader, line, &|_| None);
        let insn = match parsed {
            Ok(parsed) if parsed.reference.is_none() => parsed.insn,
            Ok(parsed) => {
                let reference = parsed.reference.as_ref();
                let (at, len) = reference.map_or((0, 0), |r| (r.at, r.symbol.len()));
                let name = reference.map_or("", |r| r.symbol);
                let cause = crate::text::Cause::Symbol(name.into());
                return Err(LogError::Insn { line: number, error: TextError { at, len, cause } });
            }
            Err(error) => return Err(LogError::Insn { line: number, error }),
        };
        listing.place(slot, insn, &mut shown, number)?;
        let state = line.split_once(';').map_or("", |(_, state)| state);
        if matches!(insn.op(), Op::Wide(_)) && (state.contains("=map_ptr(") || state.contains("=map_value("))
        {
            listing.addresses.push(slot);
        }
    }
    if listing.slots.is_empty() {
        return Err(LogError::Empty);
    }
    listing.addresses.sort_unstable();
    listing.addresses.dedup();
    listing.reach();
    Ok(listing)
}

impl Listing {
    fn place(
        &mut self,
        slot: usize,
        insn: Insn,
        shown: &mut Vec<usize>,
        line: usize,
    ) -> Result<(), LogError> {
        let end = slot + insn.slots();
        if self.slots.len() < end {
            self.slots.resize(end, None);
            shown.resize(end, 0);
        }
        for (at, part) in [insn, Insn::TAIL].into_iter().take(insn.slots()).enumerate() {
            match self.slots[slot + at] {
                Some(before) if before != part => {
                    return Err(LogError::Conflict { line, slot: slot + at, first: shown[slot + at] });
                }
                Some(_) => {}
                None => {
                    self.slots[slot + at] = Some(part);
                    shown[slot + at] = line;
                }
            }
        }
        Ok(())
    }

    /// A program goes at least as far as its instructions jump, and as one that does not end it falls through.
    fn reach(&mut self) {
        let mut end = self.slots.len();
        for (slot, insn) in self.slots.iter().enumerate() {
            let Some(distance) = insn.as_ref().and_then(Insn::target) else { continue };
            let target = slot as i64 + 1 + distance;
            if let Ok(target) = usize::try_from(target)
                && target < MAX_SLOTS
            {
                end = end.max(target + 1);
            }
        }
        let ends = |insn: &Insn| matches!(insn.op(), Op::Exit | Op::Ja { .. } | Op::GotoX);
        let last = self.slots.iter().flatten().rfind(|insn| insn.form != FormId::TAIL);
        if end == self.slots.len() && last.is_some_and(|insn| !ends(insn)) {
            end += 1;
        }
        self.slots.resize(end, None);
    }

    /// The slots that the log does not show.
    pub fn gaps(&self) -> Vec<Range<usize>> {
        let mut gaps: Vec<Range<usize>> = Vec::new();
        for slot in (0..self.slots.len()).filter(|&slot| self.slots[slot].is_none()) {
            match gaps.last_mut() {
                Some(gap) if gap.end == slot => gap.end += 1,
                _ => gaps.push(slot..slot + 1),
            }
        }
        gaps
    }

    /// The program as a source in pseudo-C. A gap's slots jump to themselves, as Linux has it where the verifier
    /// never came by, and say so.
    pub fn source(&self) -> String {
        let writer = Writer::pseudoc();
        let nowhere = writer.insn(&Insn::ja(-1));
        let mut out = String::new();
        for (slot, insn) in self.slots.iter().enumerate() {
            let written = match insn {
                Some(insn) if insn.form == FormId::TAIL => continue,
                Some(insn) => writer.insn(insn),
                None => nowhere.clone(),
            };
            let note = match insn {
                None => format!("  # slot {slot}: not in the log"),
                Some(_) if self.addresses.binary_search(&slot).is_ok() => {
                    format!("  # slot {slot}: a map's address; the log does not say which map")
                }
                Some(_) => String::new(),
            };
            let _ = writeln!(out, "    {written}{note}");
        }
        out
    }
}
