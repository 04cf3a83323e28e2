//! Where the work of a verification goes: visits by source line, the most first.

use std::collections::HashMap;
use std::sync::Arc;

use skep_obj::Program;

use super::source_of;
use crate::error::Source;
use crate::explore::verify_watched;
use crate::options::Options;

/// A source line, or an instruction without one, and how often it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat {
    /// Slot of its first instruction.
    pub insn: usize,
    /// The line.
    pub source: Option<Source>,
    /// Visits of its instructions.
    pub visits: u64,
    /// The part of all visits, in thousandths.
    pub permille: u64,
}

/// A file and a line.
type Place = (Arc<str>, u32);

/// How many lines are listed.
const SHOWN: usize = 10;

/// Looks at a program once more, and counts.
pub(super) fn measure(program: &Arc<Program>, options: &Options) -> Vec<Heat> {
    let mut visits = vec![0u64; program.insns.len()];
    let options = Options { log: false, ..options.clone() };
    // The verdict is known: only the visits are asked for.
    let _ = verify_watched(program.clone(), &options, &mut |visit| visits[visit.insn()] += 1);
    hottest(program, &visits)
}

/// The lines with most visits.
pub(super) fn hottest(program: &Program, visits: &[u64]) -> Vec<Heat> {
    let total: u64 = visits.iter().sum();
    let mut lines: HashMap<(Option<Place>, usize), Heat> = HashMap::new();
    for (insn, &count) in visits.iter().enumerate().filter(|(_, count)| **count > 0) {
        let source = source_of(program, insn);
        let key = source.as_ref().map(|source| (source.file.clone(), source.line));
        // Instructions without a line stand for themselves.
        let alone = if key.is_none() { insn } else { 0 };
        let heat = lines.entry((key, alone)).or_insert(Heat { insn, source, visits: 0, permille: 0 });
        heat.visits += count;
        heat.permille = heat.visits * 1000 / total;
    }
    let mut lines: Vec<Heat> = lines.into_values().collect();
    lines.sort_by_key(|heat| (std::cmp::Reverse(heat.visits), heat.insn));
    lines.truncate(SHOWN);
    lines
}
