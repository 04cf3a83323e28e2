//! Every form with random operands through every text there is: our two dialects, and the assemblers and
//! disassemblers of LLVM and GNU in their own spelling.
//!
//! A tool's row counts forms by what became of their bytes on the way to text and back: the same bytes, other
//! bytes without a word, or refused. Ours must all be the same; and whatever a tool can read of its own text, we
//! read too, to the same bytes.

mod oracle_tools;

use std::collections::BTreeSet;

use oracle_tools::{Tool, gnu, libllvm, llvm_mc};
use skep_isa::text::foreign::{self, Language};
use skep_isa::text::{Dialect, Reader, Writer};
use skep_isa::{Endian, FormId, ImmUse, OffUse, Op, Row, Selector, Wide, decode_all, encode_all, table};
use skep_testkit::skip;

/// Draws of operands for each form.
const DRAWS: usize = 4;

/// Deterministic numbers: the same run twice, and on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // Knuth's MMIX generator; its high bits are good enough for operands.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }
}

/// Little-endian bytes of a form with random operands: registers that exist, every reserved field zero.
fn draw(row: &Row, numbers: &mut Numbers) -> Vec<u8> {
    let mut code = vec![row.opcode, 0];
    let mut register = |used: bool| if used { (numbers.next() % 11) as u8 } else { 0 };
    let (dst, src) = (register(row.dst != skep_isa::Role::None), register(row.src != skep_isa::Role::None));
    code[1] = src << 4 | dst;
    let off = if row.off == OffUse::None { 0 } else { numbers.next() as i16 };
    let mut imm = if row.imm == ImmUse::None { 0 } else { numbers.next() as i32 };
    if row.op == Op::AddrSpaceCast {
        imm &= 0x0001_0001;
    }
    code.extend(off.to_le_bytes());
    code.extend(imm.to_le_bytes());
    match row.selector {
        Selector::None => {}
        Selector::Off(off) => code[2..4].copy_from_slice(&off.to_le_bytes()),
        Selector::Imm(imm) => code[4..8].copy_from_slice(&imm.to_le_bytes()),
        Selector::Src(src) => code[1] = dst | src << 4,
    }
    if row.slots == 2 {
        let high = if row.imm == ImmUse::WideLow { 0 } else { numbers.next() as u32 };
        code.extend((u64::from(high) << 32).to_le_bytes());
    }
    code
}

/// All forms, drawn: the row's index and the bytes in this order.
fn draws(endian: Endian) -> Vec<(usize, Vec<u8>)> {
    let mut numbers = Numbers(1);
    let mut out = Vec::new();
    for _ in 0..DRAWS {
        for (index, row) in table::ROWS.iter().enumerate() {
            let insns = decode_all(&draw(row, &mut numbers), Endian::Little).expect("whole slots");
            assert_eq!(insns[0].form, FormId::by_name(row.name).expect("a name"), "{}", row.name);
            out.push((index, encode_all(&insns, endian)));
        }
    }
    out
}

/// How the forms fared; a form is what its worst draw was.
#[derive(Default)]
struct Count {
    different: BTreeSet<usize>,
    refused: BTreeSet<usize>,
}

impl Count {
    fn of<'a>(outcomes: impl Iterator<Item = (usize, &'a [u8], Option<Vec<u8>>)>) -> Count {
        let mut count = Count::default();
        for (form, code, back) in outcomes {
            match back {
                Some(back) if back == code => {}
                Some(_) => drop(count.different.insert(form)),
                None => drop(count.refused.insert(form)),
            }
        }
        count.refused.retain(|form| !count.different.contains(form));
        count
    }

    fn numbers(&self) -> (usize, usize, usize) {
        let lost = self.different.len() + self.refused.len();
        (table::ROWS.len() - lost, self.different.len(), self.refused.len())
    }

    fn print(&self, what: &str) {
        let (same, different, refused) = self.numbers();
        println!("{what:<44} {same:>5} {different:>10} {refused:>8}  {}", names(&self.different).join(" "));
    }
}

/// Reads a text of this language to bytes.
fn read(language: Language, reader: &Reader, text: &str, endian: Endian) -> Option<Vec<u8>> {
    let parsed = foreign::read(language, reader, text, &|_| None).ok()?;
    let insns = [parsed.insn, skep_isa::Insn::TAIL];
    parsed.reference.is_none().then(|| encode_all(&insns[..parsed.insn.slots()], endian))
}

#[test]
fn all_182_forms_survive_both_dialects_in_both_byte_orders() {
    println!("{:<44} {:>5} {:>10} {:>8}", "bytes to text and back", "same", "different", "refused");
    for endian in [Endian::Little, Endian::Big] {
        let draws = draws(endian);
        for dialect in [Dialect::Pseudoc, Dialect::Normal] {
            let (writer, reader) = (Writer::new(dialect), Reader::new(dialect));
            let count = Count::of(draws.iter().map(|(form, code)| {
                let insns = decode_all(code, endian).expect("whole slots");
                let text = writer.insn(&insns[0]);
                (*form, code.as_slice(), read(dialect.into(), &reader, &text, endian))
            }));
            count.print(&format!("skep {} {endian:?}", dialect.name()));
            assert_eq!(count.numbers(), (182, 0, 0));
        }
    }
}

/// Puts a tool beside us, and prints its rows.
fn compare(tool: &dyn Tool, endian: Endian, language: Language) -> Count {
    let draws = draws(endian);
    let codes: Vec<&[u8]> = draws.iter().map(|(_, code)| code.as_slice()).collect();
    let reader = Reader::new(language.dialect());
    let texts = tool.disassemble(&codes, endian);
    assert_eq!(texts.len(), codes.len());
    let of = |backs: Vec<Option<Vec<u8>>>| {
        Count::of(draws.iter().zip(backs).map(|((form, code), back)| (*form, code.as_slice(), back)))
    };
    // What it can't show it isn't asked to read.
    let shown: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
    let mut assembled = tool.assemble(&shown, endian).into_iter();
    let own = of(texts.iter().map(|text| text.as_ref().and_then(|_| assembled.next().flatten())).collect());
    let ours = of(texts.iter().map(|text| read(language, &reader, text.as_ref()?, endian)).collect());
    let writer = Writer::new(language.dialect());
    let written: Vec<String> =
        codes.iter().map(|code| writer.insn(&decode_all(code, endian).expect("whole slots")[0])).collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let theirs = of(tool.assemble(&written, endian));
    let name = tool.name();
    own.print(&format!("{name} {endian:?}, its text read by itself"));
    ours.print(&format!("{name} {endian:?}, its text read by skep"));
    theirs.print(&format!("{name} {endian:?}, skep's text read by it"));
    // What a tool takes of ours, it takes as it is meant; `pc` is a symbol to all of them, left to a linker.
    assert!(
        names(&theirs.different).iter().all(|name| *name == "call_local"),
        "{:?}",
        names(&theirs.different)
    );
    // What a tool reads back itself, so do we.
    let lost =
        |count: &Count| -> BTreeSet<usize> { count.different.union(&count.refused).copied().collect() };
    let only_theirs: Vec<_> =
        lost(&ours).difference(&lost(&own)).map(|&form| table::ROWS[form].name).collect();
    assert_eq!(only_theirs, Vec::<&str>::new(), "{name} reads these of its own texts, and skep doesn't");
    own
}

fn names(forms: &BTreeSet<usize>) -> Vec<&'static str> {
    forms.iter().map(|&form| table::ROWS[form].name).collect()
}

#[test]
fn llvm_22_agrees_but_for_the_forms_that_it_loses() {
    let Some(tool) = libllvm() else {
        skip!("no C compiler, or the Rust toolchain has no libLLVM of its own")
    };
    println!("{:<44} {:>5} {:>10} {:>8}", "", "same", "different", "refused");
    for endian in [Endian::Little, Endian::Big] {
        let own = compare(&tool, endian, Language::Pseudoc);
        // `call n` for three kinds of call, no second number in wide loads, no immediate in indirect packet loads,
        // and no long distance in numbers.
        assert_eq!(
            names(&own.different),
            [
                "call_local",
                "call_kfunc",
                "ldindb",
                "ldindh",
                "ldindw",
                "lddw_map_value",
                "lddw_btf_id",
                "lddw_map_idx_value"
            ]
        );
        assert_eq!(names(&own.refused), ["gotol"]);
    }
}

#[test]
fn llvm_19_agrees_on_what_it_knows() {
    let Some(tool) = llvm_mc() else { skip!("llvm-mc-19 is not installed") };
    println!("{:<44} {:>5} {:>10} {:>8}", "", "same", "different", "refused");
    for endian in [Endian::Little, Endian::Big] {
        let own = compare(&tool, endian, Language::Pseudoc);
        assert!(own.numbers().0 >= 160, "{:?}", own.numbers());
    }
}

#[test]
fn gnu_2_40_agrees_on_what_it_knows() {
    let Some(tool) = gnu() else { skip!("bpf-as, bpf-objdump or bpf-objcopy is not installed") };
    println!("{:<44} {:>5} {:>10} {:>8}", "", "same", "different", "refused");
    for endian in [Endian::Little, Endian::Big] {
        let own = compare(&tool, endian, Language::Normal);
        assert!(own.numbers().0 >= 120, "{:?}", own.numbers());
    }
}

/// The two-slot kinds of other tools are wide loads of some number: none of them may be taken for an instruction
/// of one slot, or the reverse.
#[test]
fn a_draw_has_the_slots_of_its_row() {
    for (form, code) in draws(Endian::Little) {
        let row = &table::ROWS[form];
        assert_eq!(code.len(), usize::from(row.slots) * 8, "{}", row.name);
        assert_eq!(matches!(row.op, Op::Wide(_)), row.slots == 2);
        assert!(!matches!(row.op, Op::Wide(Wide::MapFd)) || code[12..] == [0; 4]);
    }
}
