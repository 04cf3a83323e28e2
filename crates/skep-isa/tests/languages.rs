//! The languages of others against their own tools' texts: all programs of bpf_conformance and uBPF (`isa/*.jsonl`)
//! and all 182 forms as seven tools print them (`isa/forms_182.tsv`).

use std::collections::{BTreeMap, HashMap};
use std::fs;

use skep_isa::text::foreign::{self, Language};
use skep_isa::text::{Reader, detect};
use skep_isa::{Callee, Endian, Insn, Op, decode_all, encode_all};
use skep_testkit::{shared_data, skip};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

/// The strings of one JSON object, as these files have them: a line an object, values without nesting but `seen`.
fn strings(line: &str) -> HashMap<String, String> {
    let mut out = HashMap::new();
    let mut rest = line;
    let mut key: Option<String> = None;
    while let Some(start) = rest.find('"') {
        let mut text = String::new();
        let mut chars = rest[start + 1..].char_indices();
        let end = loop {
            match chars.next().expect("a closed string") {
                (at, '"') => break start + 2 + at,
                (_, '\\') => match chars.next().expect("an escape").1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    other => text.push(other),
                },
                (_, c) => text.push(c),
            }
        };
        rest = &rest[end..];
        match key.take() {
            Some(key) => {
                out.insert(key, text);
            }
            // A value that is an object has keys of its own.
            None if rest.starts_with(": \"") => key = Some(text),
            None => {}
        }
    }
    out
}

/// Labels and jumps to them: what a file of statements takes beside a reader.
fn assemble(language: Language, source: &str) -> Result<Vec<u8>, String> {
    let reader = Reader::new(language.dialect());
    let mut labels = BTreeMap::new();
    let mut insns: Vec<Insn> = Vec::new();
    let mut targets = Vec::new();
    for line in source.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        let statement = match line.split_once(':') {
            Some((label, rest)) => {
                labels.insert(label, insns.len());
                rest.trim()
            }
            None => line,
        };
        if statement.is_empty() {
            continue;
        }
        let parsed = foreign::read(language, &reader, statement, &|_| None)
            .map_err(|error| format!("{statement:?}: {error}"))?;
        let mut insn = parsed.insn;
        if let Some(reference) = parsed.reference {
            if insn.op() == Op::Call(Callee::Helper) {
                insn = Insn::new(Op::Call(Callee::Local));
            }
            targets.push((insns.len(), reference.symbol));
        }
        insns.push(insn);
        insns.extend([Insn::TAIL].iter().take(insn.slots() - 1));
    }
    // The first `exit`, unless a label says otherwise.
    let first = insns.iter().position(|insn| insn.op() == Op::Exit);
    labels.entry("exit").or_insert(first.unwrap_or(insns.len()));
    for (slot, symbol) in targets {
        let target = labels.get(symbol).ok_or_else(|| format!("no label {symbol}"))?;
        let distance = *target as i64 - slot as i64 - 1;
        let insn = &mut insns[slot];
        match insn.op() {
            Op::Call(_) | Op::Ja { long: true } => insn.imm = distance,
            _ => insn.off = distance as i16,
        }
    }
    Ok(encode_all(&insns, Endian::Little))
}

#[test]
fn every_program_of_bpf_conformance_and_ubpf_gives_the_recorded_bytes() {
    for (file, expected) in [("isa/conformance.jsonl", 313), ("isa/ubpf_tests.jsonl", 47)] {
        let Some(path) = shared_data(file) else { skip!("no shared data") };
        let text = fs::read_to_string(path).expect("readable");
        let (mut count, mut skipped) = (0, 0);
        let mut wrong = Vec::new();
        for line in text.lines() {
            let row = strings(line);
            if row["asm"].is_empty() {
                skipped += 1;
                continue;
            }
            count += 1;
            match assemble(Language::Ubpf, &row["asm"]) {
                Ok(code) if code == bytes(&row["hex"]) => {}
                Ok(_) => wrong.push(format!("{}: other bytes", row["name"])),
                Err(error) => wrong.push(format!("{}: {error}", row["name"])),
            }
            // GNU's reader must do for what is taken for GNU's.
            let language = detect(&row["asm"]).language;
            assert!(matches!(language, Language::Ubpf | Language::Normal), "{}: {language:?}", row["name"]);
            if language == Language::Normal {
                assert_eq!(assemble(language, &row["asm"]), Ok(bytes(&row["hex"])), "{}", row["name"]);
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(count + skipped, expected, "{file}");
        println!("{file}: {count} programs, {skipped} given as numbers only");
    }
}

/// The rows of the measured table.
fn measured() -> Option<Vec<HashMap<String, String>>> {
    let text = fs::read_to_string(shared_data("isa/forms_182.tsv")?).expect("readable");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a heading").split('\t').collect();
    Some(
        lines
            .map(|line| names.iter().zip(line.split('\t')).map(|(n, v)| ((*n).into(), v.into())).collect())
            .collect(),
    )
}

/// Reads all forms as a tool printed them: those that come out as they were, those that come out as another form
/// or with other operands, and those that are not read.
fn outcome(column: &str, language: Language) -> Option<[Vec<String>; 3]> {
    let reader = Reader::new(language.dialect());
    let mut out = [Vec::new(), Vec::new(), Vec::new()];
    for row in measured()? {
        let insn = decode_all(&bytes(&row["hex_le"]), Endian::Little).expect("whole slots")[0];
        let kind = match foreign::read(language, &reader, &row[column], &|_| None) {
            Ok(parsed) if (parsed.insn, &parsed.reference) == (insn, &None) => 0,
            Ok(_) => 1,
            Err(_) => 2,
        };
        out[kind].push(row["name"].clone());
    }
    Some(out)
}

/// A tool's column, its language, and what can't be read back from its text: forms and why.
type Tool = (&'static str, Language, &'static [(&'static str, &'static str)]);

const SIGNED: &str =
    "sdiv64_imm sdiv64_reg sdiv32_imm sdiv32_reg smod64_imm smod64_reg smod32_imm smod32_reg";
const MOVSX: &str = "movsx8_64 movsx16_64 movsx32_64 movsx8_32 movsx16_32 addr_space_cast";
const WIDE: &str = "lddw_map_fd lddw_map_value lddw_btf_id lddw_func lddw_map_idx lddw_map_idx_value";
const ATOMICS: &str = "fetch_add32 lock_or32 fetch_or32 lock_and32 fetch_and32 lock_xor32 fetch_xor32 xchg32 \
    cmpxchg32 fetch_add64 lock_or64 fetch_or64 lock_and64 fetch_and64 lock_xor64 fetch_xor64 xchg64 cmpxchg64 \
    load_acquire_w store_release_w load_acquire_dw store_release_dw";
const NARROW: &str = "load_acquire_b store_release_b load_acquire_h store_release_h";
const SWAPS: &str = "bswap16 bswap32 bswap64 ldxsb ldxsh ldxsw";
const LLVM22: &[(&str, &str)] = &[
    ("call_local call_kfunc", "`call n` is every kind of call"),
    ("ldindb ldindh ldindw", "no place for the immediate"),
    ("lddw_map_value lddw_map_idx_value", "no place for the second number"),
];

const TOOLS: [Tool; 8] = [
    ("llvm22", Language::Pseudoc, LLVM22),
    (
        "llvm19",
        Language::Pseudoc,
        &[
            LLVM22[0],
            LLVM22[1],
            LLVM22[2],
            ("load_acquire_w load_acquire_dw", "printed as an addition"),
            ("gotox load_acquire_b load_acquire_h", "not known"),
            ("store_release_b store_release_h store_release_w store_release_dw", "not known"),
        ],
    ),
    (
        "llvm14",
        Language::Pseudoc,
        &[
            LLVM22[0],
            LLVM22[1],
            LLVM22[2],
            (SIGNED, "printed without the sign, or not known"),
            (MOVSX, "printed as a plain move"),
            ("callx", "always of r0"),
            ("load_acquire_w load_acquire_dw", "printed as an addition"),
            ("load_acquire_b load_acquire_h", "not known"),
            ("store_release_b store_release_h store_release_w store_release_dw", "not known"),
            (SWAPS, "not known"),
            ("mod64_imm mod64_reg mod32_imm mod32_reg jset_imm jset_reg jset32_imm jset32_reg", "not known"),
            ("gotol may_goto gotox stb sth stw stdw", "not known"),
        ],
    ),
    (
        "kernel_disasm_c",
        Language::Kernel,
        &[(WIDE, "every kind of wide load is a number"), ("callx", "printed as a call of `bpf_unspec`")],
    ),
    ("gnu2.40_normal", Language::Normal, GNU),
    ("gnu2.40_xbpf", Language::Normal, GNU_XBPF),
    (
        "bpf_conformance_disasm",
        Language::Ubpf,
        &[
            (WIDE, "every kind of wide load is a number"),
            ("ldabsb ldabsh ldabsw ldindb ldindh ldindw", "printed as a wide load"),
            ("load_acquire_b load_acquire_h load_acquire_w load_acquire_dw", "printed as an addition"),
            ("store_release_b store_release_h store_release_w store_release_dw", "not known"),
            ("addr_space_cast may_goto gotox", "not known"),
        ],
    ),
    (
        "rbpf0.4.1",
        Language::Rbpf,
        &[
            (SIGNED, "printed without the sign"),
            (MOVSX, "printed as a plain move"),
            (ATOMICS, "printed as an addition"),
            (WIDE, "every kind of wide load is a number"),
            (NARROW, "panics"),
            (SWAPS, "panics"),
            ("gotol may_goto gotox call_kfunc", "panics"),
            ("callx", "printed as `tail_call`"),
        ],
    ),
];

const GNU: &[(&str, &str)] = &[
    GNU_XBPF[0],
    GNU_XBPF[1],
    GNU_XBPF[2],
    GNU_XBPF[3],
    GNU_XBPF[4],
    GNU_XBPF[5],
    GNU_XBPF[6],
    GNU_XBPF[7],
    ("callx", "not known without -mxbpf"),
];
const GNU_XBPF: &[(&str, &str)] = &[
    (SIGNED, "printed without the sign"),
    (MOVSX, "printed as a plain move"),
    (ATOMICS, "printed as an addition"),
    (WIDE, "every kind of wide load is a number"),
    (NARROW, "not known"),
    (SWAPS, "not known"),
    ("call_local call_kfunc", "`call n` is every kind of call"),
    ("gotol may_goto gotox", "not known"),
];

#[test]
fn what_a_tools_text_keeps_is_read_and_what_it_loses_is_known() {
    if measured().is_none() {
        skip!("no shared data");
    }
    println!("{:<24} {:>5} {:>9} {:>8}", "text of", "same", "different", "refused");
    for (column, language, lost) in TOOLS {
        let [same, different, refused] = outcome(column, language).expect("measured");
        println!("{column:<24} {:>5} {:>9} {:>8}", same.len(), different.len(), refused.len());
        for (forms, why) in lost {
            println!("    {why}: {}", forms.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let mut found: Vec<&str> = different.iter().chain(&refused).map(String::as_str).collect();
        let mut known: Vec<&str> = lost.iter().flat_map(|(forms, _)| forms.split_whitespace()).collect();
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known, "{column}");
        assert_eq!(same.len() + known.len(), 182, "{column}");
    }
}

/// Pieces that statements of all languages are made of.
const PIECES: [&str; 40] = [
    "r1",
    "%r2",
    "w3",
    "lock",
    "fetch",
    "add",
    "add64",
    "xadddw",
    "call",
    "local",
    "runtime",
    "pc+",
    "#",
    "12:",
    "(b7)",
    "(18)",
    "(u32) ",
    "subprog[",
    "]",
    "[",
    "+",
    "-",
    "8",
    "0x7",
    ",",
    " ",
    " ",
    "=",
    "; R1=ctx()",
    "goto",
    "exit",
    "be16",
    "movsx864",
    "callx",
    "ll",
    "\u{e9}",
    "R1=",
    "from 1 to 2:",
    "\n",
    "sym",
];

#[test]
fn no_text_makes_a_reader_panic_and_errors_stand_in_the_text() {
    let readers = [Reader::pseudoc(), Reader::normal()];
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=24)? {
            text += u.choose(&PIECES)?;
        }
        let told = detect(&text);
        assert!(told.votes.0 > 0 || told.evidence.is_none());
        let _ = foreign::log::read(&text, &readers[0]);
        assert_eq!(foreign::kernel::only_insns(&text).len(), text.len());
        for language in Language::ALL {
            let reader = &readers[language.dialect() as usize];
            for statement in text.lines().map(str::trim) {
                match foreign::read(language, reader, statement, &|_| None) {
                    Ok(parsed) => {
                        let reference = parsed.reference.iter();
                        reference
                            .for_each(|r| assert!(statement[r.at..].starts_with(r.symbol), "{statement:?}"));
                    }
                    Err(error) => {
                        assert!(error.at + error.len <= statement.len(), "{statement:?}: {error:?}");
                    }
                }
            }
        }
        Ok(())
    })
    .budget_ms(1_000);
}
