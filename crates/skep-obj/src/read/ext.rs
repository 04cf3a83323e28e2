//! `.BTF.ext`: which function type begins, which source line stands, and which kernel type is asked for at an
//! instruction; each record goes to the function that its instruction is in.
//!
//! Records that point at no instruction of a function are dropped: they change nothing that runs.

use std::collections::HashMap;
use std::sync::Arc;

use skep_btf::{Btf, BtfExt, ExtSection, StrId};
use skep_isa::SLOT_BYTES;

use crate::object::{CoreRelo, Function, Line};

/// Hands out the records.
pub(super) fn attach(functions: &mut [Function], btf: &Btf, records: &BtfExt) {
    let mut by_section: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, function) in functions.iter().enumerate() {
        by_section.entry(function.section.clone()).or_default().push(index);
    }
    let places = Places { by_section, btf };
    places.each(
        functions,
        &records.funcs,
        |r| r.insn_off,
        |function, slot, record| {
            if slot == 0 {
                function.btf_id = Some(record.type_id);
            }
        },
    );
    let mut texts = Texts { btf, known: HashMap::new() };
    places.each(
        functions,
        &records.lines,
        |r| r.insn_off,
        |function, slot, record| {
            // A function has no more lines than instructions, however often a file says them.
            if function.lines.len() == function.insns.len() {
                return;
            }
            function.lines.push(Line {
                insn: slot,
                file: texts.get(record.file),
                text: texts.get(record.line_text),
                line: record.line,
                column: record.col,
            });
        },
    );
    places.each(
        functions,
        &records.core_relos,
        |r| r.insn_off,
        |function, slot, record| {
            if function.core_relos.len() == function.insns.len() {
                return;
            }
            function.core_relos.push(CoreRelo {
                insn: slot,
                type_id: record.type_id,
                access: btf.text(record.access).into_owned(),
                kind: record.kind,
                failure: None,
            });
        },
    );
    for function in functions {
        function.lines.sort_by_key(|line| line.insn);
        function.lines.dedup_by_key(|line| line.insn);
        function.core_relos.sort_by_key(|relo| relo.insn);
    }
}

/// Finds the functions of an instruction.
struct Places<'a> {
    /// Functions by section name, ascending by offset.
    by_section: HashMap<String, Vec<usize>>,
    btf: &'a Btf,
}

impl Places<'_> {
    /// Gives each record to each function that has its instruction (two, if a function has two names).
    fn each<T>(
        &self,
        functions: &mut [Function],
        sections: &[ExtSection<T>],
        offset: impl Fn(&T) -> u32,
        mut give: impl FnMut(&mut Function, usize, &T),
    ) {
        for section in sections {
            let Some(indices) = self.by_section.get(self.btf.name(section.name)) else { continue };
            let end = |f: &Function| f.offset + (f.insns.len() * SLOT_BYTES) as u64;
            for record in &section.records {
                let at = u64::from(offset(record));
                let first = indices.partition_point(|&f| end(&functions[f]) <= at);
                for &index in &indices[first..] {
                    let function = &mut functions[index];
                    if function.offset > at {
                        break;
                    }
                    // Sections of one name have functions at the same offsets, and then ends do not ascend.
                    if end(function) <= at {
                        continue;
                    }
                    let bytes = at - function.offset;
                    if bytes.is_multiple_of(SLOT_BYTES as u64) {
                        give(function, bytes as usize / SLOT_BYTES, record);
                    }
                }
            }
        }
    }
}

/// Strings that many records share.
struct Texts<'a> {
    btf: &'a Btf,
    known: HashMap<StrId, Arc<str>>,
}

impl Texts<'_> {
    fn get(&mut self, id: StrId) -> Arc<str> {
        self.known.entry(id).or_insert_with(|| Arc::from(self.btf.text(id))).clone()
    }
}
