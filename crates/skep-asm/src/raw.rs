//! The bare bytes of a source's instructions.

use skep_isa::{Insn, Op, SLOT_BYTES, Wide, decode, encode_all};

use crate::assembler::Assembler;
use crate::error::{Cause, Problem, Span};
use crate::resolve::{Resolved, Target};
use crate::section::{Origin, Purpose};

/// The bytes of the one section of code. Problems are added to the assembler's.
pub(crate) fn bytes(asm: &mut Assembler<'_>, resolved: &Resolved) -> Option<Vec<u8>> {
    let mut code = None;
    for (index, section) in asm.sections.iter().enumerate() {
        if section.bytes.is_empty() || section.purpose == Purpose::Ignored {
            continue;
        }
        if section.purpose != Purpose::Code || code.is_some() {
            let cause = Cause::NotRaw(format!("section `{}`", section.name));
            asm.problems.push(Problem::new(Span::default(), cause));
            return None;
        }
        code = Some(index);
    }
    let Some(section) = code else { return Some(Vec::new()) };
    let mut bytes = std::mem::take(&mut asm.sections[section].bytes);
    for (offset, target) in &resolved.references[section] {
        let at = *offset as usize;
        let slots =
            || bytes.get(at..)?.first_chunk::<SLOT_BYTES>().map(|slot| (slot, bytes.get(at + SLOT_BYTES..)));
        let (Target::Function(function), Some((slot, rest))) = (target, slots()) else {
            asm.problems.push(outside(asm, section, *offset));
            continue;
        };
        let function = &resolved.functions[*function];
        if function.section != section {
            asm.problems.push(outside(asm, section, *offset));
            continue;
        }
        let distance = (function.start as i64 - *offset as i64) / SLOT_BYTES as i64 - 1;
        let next = rest.and_then(|rest| rest.first_chunk::<SLOT_BYTES>()).copied();
        let insn = decode(*slot, next, asm.options.endian);
        let insn = match insn.op() {
            Op::Wide(_) => Insn::new(Op::Wide(Wide::Func)).dst(insn.dst).imm(distance),
            _ => insn.imm(distance),
        };
        let patched = encode_all(&[insn, Insn::TAIL][..insn.slots()], asm.options.endian);
        bytes[at..at + patched.len()].copy_from_slice(&patched);
    }
    Some(bytes)
}

fn outside(asm: &Assembler<'_>, section: usize, offset: u64) -> Problem {
    let marks = &asm.sections[section].marks;
    let mark =
        marks.partition_point(|mark| mark.offset <= offset).checked_sub(1).map(|index| marks[index].origin);
    let at = if let Some(Origin::Here(at)) = mark { at } else { 0 };
    let cause = Cause::NotRaw("a map, a variable or a function of another section".to_owned());
    Problem::new(Span { at, len: 0 }, cause)
}
