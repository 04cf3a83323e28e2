//! Jumps to labels beyond 16 bits, in longer forms: `goto` becomes `gotol`, and a condition, inverted, jumps over
//! one. Below cpu v4 there is no `gotol`; such jumps are refused with their distance.
//!
//! A longer form moves what stands behind it, so the source is read again with the places of the jumps that were
//! too far, until none is. A place stays long once it was: that ends.

use std::collections::HashSet;

use skep_isa::text::Field;
use skep_isa::{Cpu, Insn, Op, SLOT_BYTES};

use crate::assembler::Assembler;
use crate::resolve;
use crate::section::{FixupKind, Purpose};
use crate::symbol::Meaning;

/// How often a source is read again because longer jumps pushed labels out of reach.
pub const MAX_RELAX_ROUNDS: usize = 64;

/// Whether the source may use jumps of 32 bits.
pub(crate) fn allowed(asm: &Assembler<'_>) -> bool {
    asm.options.cpu.is_none_or(|cpu| cpu >= Cpu::V4)
}

/// Reads the source again until every jump reaches its label, as far as there are forms for that.
pub(crate) fn relax(asm: &mut Assembler<'_>) {
    for _ in 0..MAX_RELAX_ROUNDS {
        if !asm.problems.is_empty() || !allowed(asm) {
            return;
        }
        let far = far_jumps(asm);
        if far.is_empty() {
            return;
        }
        let mut relaxed = std::mem::take(&mut asm.relaxed);
        relaxed.extend(far);
        asm.restart(relaxed);
        asm.read();
    }
}

/// The places of conditional jumps that don't reach their labels.
fn far_jumps(asm: &Assembler<'_>) -> HashSet<usize> {
    let reach = i16::MAX as usize * SLOT_BYTES;
    let mut far = HashSet::new();
    for (index, section) in asm.sections.iter().enumerate() {
        // Where everything is near, there is nothing to look at.
        if section.purpose != Purpose::Code || section.bytes.len() <= reach {
            continue;
        }
        for fixup in &section.fixups {
            let FixupKind::Insn { insn, field: Field::Target, symbol, .. } = fixup.what else { continue };
            if !matches!(insn.op(), Op::Jump { .. } | Op::MayGoto) {
                continue;
            }
            let Meaning::Label(to, offset) = resolve::meaning(asm, symbol, fixup.span.at) else { continue };
            let slot = SLOT_BYTES as u64;
            let distance = (offset / slot) as i64 - (fixup.offset / slot) as i64 - 1;
            if to == index && i16::try_from(distance).is_err() {
                far.insert(fixup.span.at);
            }
        }
    }
    far
}

/// A jump as the instructions that do the same, the last of them one of 32 bits that has the label.
pub(crate) fn long_form(insn: Insn) -> Vec<Insn> {
    let long = Insn::new(Op::Ja { long: true });
    match insn.op() {
        Op::Jump { cond, width, src } => match cond.opposite() {
            Some(cond) => {
                let inverted = Insn::new(Op::Jump { cond, width, src });
                vec![Insn { form: inverted.form, off: 1, ..insn }, long]
            }
            None => vec![insn.off(1), Insn::ja(1), long],
        },
        // There is no opposite of it.
        _ => vec![insn.off(1), Insn::ja(1), long],
    }
}
