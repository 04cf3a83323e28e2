//! The claims of `xtask/prove/claims.rs` by name, and the root of the crate that asks about them.
//!
//! Each claim becomes a function of plain numbers for the solver, and loops over all values for the exhaustive check.

use std::fmt::Write as _;
use std::path::Path;

/// A claim.
pub(super) struct Claim {
    /// The function's name.
    pub(super) name: &'static str,
    pub(super) takes: &'static [Takes],
    /// Whether it is about two widths, full and half.
    two_widths: bool,
}

/// What a claim takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Tnum,
    /// A tnum of the half width.
    HalfTnum,
    Range,
    /// A range of the half width.
    HalfRange,
    Word,
    Number,
    /// A plain number.
    Plain,
}

use Takes::{HalfRange, HalfTnum, Number, Plain, Range, Tnum, Word};

/// The control, which is to be refuted: that carries do not matter.
pub(super) const CONTROL: &str = "wrong_add";

/// Claims about what has one width.
const ONE_WIDTH: [(&[&str], &[Takes]); 10] = [
    (
        &[CONTROL, "tnum_add", "tnum_sub", "tnum_and", "tnum_or", "tnum_xor", "tnum_mul"],
        &[Tnum, Tnum, Plain, Plain],
    ),
    (&["tnum_shl", "tnum_shr", "tnum_sar", "tnum_sign_extend_from"], &[Tnum, Plain, Plain]),
    (&["tnum_range"], &[Plain, Plain, Plain]),
    (&["tnum_union_left", "tnum_union_right", "tnum_intersect", "tnum_includes"], &[Tnum, Tnum, Plain]),
    (&["range_union_left", "range_union_right", "range_intersect", "range_includes"], &[Range, Range, Plain]),
    (&["range_deduce_signs"], &[Range, Plain]),
    (&["word_deduce"], &[Word, Plain]),
    (&["word_add", "word_sub", "word_and", "word_or", "word_xor"], &[Word, Word, Plain, Plain]),
    (
        &[
            "word_shl_constant",
            "word_shr_constant",
            "word_sar_constant",
            "word_div_constant",
            "word_rem_constant",
            "word_sdiv_constant",
            "word_srem_constant",
        ],
        &[Word, Plain, Plain],
    ),
    (&["word_mul", "word_div", "word_rem", "word_shl", "word_shr", "word_sar"], &[Word, Word, Plain, Plain]),
];

/// Claims about what has two widths.
const TWO_WIDTHS: [(&[&str], &[Takes]); 8] = [
    (&["tnum_narrow"], &[Tnum, Plain]),
    (&["tnum_zero_extend"], &[HalfTnum, Plain]),
    (&["range_low"], &[Range, Plain]),
    (&["range_tighten_by_low"], &[Range, HalfRange, Plain]),
    (&["number_deduce", "number_truncated", "neg64", "neg32"], &[Number, Plain]),
    (&["number_union_left", "number_union_right", "number_intersect"], &[Number, Number, Plain]),
    (&["number_sign_extend", "number_low_bits"], &[Number, Plain, Plain]),
    (
        &[
            "assume64_eq",
            "assume64_ne",
            "assume64_gt",
            "assume64_ge",
            "assume64_lt",
            "assume64_le",
            "assume64_set",
            "assume64_sgt",
            "assume64_sge",
            "assume64_slt",
            "assume64_sle",
            "assume32_eq",
            "assume32_ne",
            "assume32_gt",
            "assume32_ge",
            "assume32_lt",
            "assume32_le",
            "assume32_set",
            "assume32_sgt",
            "assume32_sge",
            "assume32_slt",
            "assume32_sle",
            "alu64_mov",
            "alu64_add",
            "alu64_sub",
            "alu64_and",
            "alu64_or",
            "alu64_xor",
            "alu64_div",
            "alu64_mod",
            "alu64_sdiv",
            "alu64_smod",
            "alu64_mul",
            "alu64_lsh",
            "alu64_rsh",
            "alu64_arsh",
            "alu32_mov",
            "alu32_add",
            "alu32_sub",
            "alu32_and",
            "alu32_or",
            "alu32_xor",
            "alu32_div",
            "alu32_mod",
            "alu32_sdiv",
            "alu32_smod",
            "alu32_mul",
            "alu32_lsh",
            "alu32_rsh",
            "alu32_arsh",
        ],
        &[Number, Number, Plain, Plain],
    ),
];

/// All claims, the simplest first.
pub(super) fn all() -> Vec<Claim> {
    let named = |two_widths| {
        move |(names, takes): &(&'static [&'static str], &'static [Takes])| {
            let takes = *takes;
            names.iter().map(move |name| Claim { name, takes, two_widths }).collect::<Vec<_>>()
        }
    };
    let mut claims: Vec<Claim> = ONE_WIDTH.iter().flat_map(named(false)).collect();
    claims.extend(TWO_WIDTHS.iter().flat_map(named(true)));
    claims
}

impl Claim {
    /// The widths at which the solver is asked: those of registers and of their halves.
    pub(super) fn widths(&self) -> &'static [u32] {
        if self.two_widths { &[64] } else { &[64, 32] }
    }

    /// The width at which all values are tried: what takes seconds, not minutes.
    pub(super) fn small_width(&self) -> u32 {
        let operands = self.takes.iter().filter(|takes| **takes != Plain).count();
        match (self.takes.first(), operands) {
            (Some(Tnum | Plain), 0 | 1) => 6,
            (Some(Tnum), _) if self.two_widths => 6,
            (Some(Tnum), _) => 5,
            (Some(Range | Word), 2..) if !self.takes.contains(&HalfRange) => 3,
            _ => 4,
        }
    }

    /// Whether at that width a sample of abstract values is tried and not all of them.
    pub(super) fn is_sampled(&self) -> bool {
        self.takes.contains(&Number) || self.takes.iter().filter(|takes| **takes == Word).count() == 2
    }

    /// The claim's instance at a width.
    fn instance(&self, width: u32) -> String {
        if self.two_widths {
            format!("claims::{}::<{width}, {}>", self.name, width / 2)
        } else {
            format!("claims::{}::<{width}>", self.name)
        }
    }

    /// A function of plain numbers, each an argument, of the name that [`symbol`](Claim::symbol) gives.
    fn function(&self, width: u32) -> String {
        let mut count = 0;
        let mut next = || {
            count += 1;
            format!("p{}", count - 1)
        };
        let mut arguments = Vec::new();
        for takes in self.takes {
            let mut tnum = || format!("Tnum {{ value: {}, mask: {} }}", next(), next());
            arguments.push(match takes {
                Tnum | HalfTnum => tnum(),
                Plain => next(),
                Range | HalfRange => range(&mut next),
                Word => {
                    let bits = tnum();
                    format!("Word {{ bits: {bits}, range: {} }}", range(&mut next))
                }
                Number => {
                    let bits = tnum();
                    let full = range(&mut next);
                    format!("Number {{ bits: {bits}, full: {full}, half: {} }}", range(&mut next))
                }
            });
        }
        let parameters: Vec<String> = (0..count).map(|n| format!("p{n}: u64")).collect();
        format!(
            "#[unsafe(no_mangle)]\npub fn {}({}) -> bool {{ {}({}) }}\n",
            self.symbol(width),
            parameters.join(", "),
            self.instance(width),
            arguments.join(", ")
        )
    }

    /// The name of the claim's function at a width.
    pub(super) fn symbol(&self, width: u32) -> String {
        format!("{}_{width}", self.name)
    }

    /// What each argument of the function is, in words.
    pub(super) fn parameters(&self) -> Vec<String> {
        const RANGE: [&str; 4] = ["umin", "umax", "smin", "smax"];
        let mut names = Vec::new();
        let (mut operands, mut plain) = (["a", "b"].iter(), ["x", "y", "z"].iter());
        for takes in self.takes {
            let fields: &[&[&str]] = match takes {
                Tnum | HalfTnum => &[&["value", "mask"]],
                Range | HalfRange => &[&RANGE],
                Word => &[&["value", "mask"], &RANGE],
                Number => &[&["value", "mask"], &RANGE, &["umin32", "umax32", "smin32", "smax32"]],
                Plain => {
                    names.extend(plain.next().map(|name| (*name).to_owned()));
                    continue;
                }
            };
            let operand = operands.next().copied().unwrap_or("c");
            names.extend(fields.concat().iter().map(|field| format!("{operand}.{field}")));
        }
        names
    }

    /// Loops over all values at the small width that report the first with which the claim fails.
    fn loops(&self) -> String {
        let width = self.small_width();
        let half = width / 2;
        let mut text = String::new();
        let mut lists = String::new();
        let mut close = 0;
        let mut names = Vec::new();
        let is_binary = self.takes.iter().filter(|takes| matches!(takes, Word | Number)).count() == 2;
        for (index, takes) in self.takes.iter().enumerate() {
            let of = match takes {
                Tnum => format!("values::tnums::<{width}>()"),
                HalfTnum => format!("values::tnums::<{half}>()"),
                Range => format!("values::ranges::<{width}>()"),
                HalfRange => format!("values::ranges::<{half}>()"),
                Word if is_binary => format!("values::some_words::<{width}>()"),
                Word => format!("values::words::<{width}>()"),
                Number if is_binary => format!("values::some_numbers::<{width}, {half}>()"),
                Number => format!("values::numbers::<{width}, {half}>()"),
                Plain => format!("(0..=domain::ones({width})).collect()"),
            };
            let _ = write!(lists, "let all{index}: Vec<_> = {of}; ");
            let _ = write!(text, "for &v{index} in &all{index} {{ ");
            names.push(format!("v{index}"));
            close += 1;
        }
        let arguments = names.join(", ");
        let shown: Vec<String> = names.iter().map(|name| format!("{{{name}:?}}")).collect();
        let shown = shown.join(" ");
        format!(
            "fn try_{name}() -> Result<u64, String> {{ let mut tried = 0; {lists} {text} tried += 1; \
             if !{instance}({arguments}) {{ return Err(format!(\"{shown}\")); }} {close} Ok(tried) }}\n",
            name = self.name,
            instance = self.instance(width),
            close = "} ".repeat(close),
        )
    }
}

/// The four bounds.
fn range(next: &mut impl FnMut() -> String) -> String {
    format!(
        "Range {{ umin: {}, umax: {}, smin: {} as i64, smax: {} as i64 }}",
        next(),
        next(),
        next(),
        next()
    )
}

/// A path as a string of Rust source.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

/// What stands before everything in both crates.
fn head(root: &Path) -> String {
    let module = |name: &str, file: &str| format!("#[path = {}]\nmod {name};\n", quoted(&root.join(file)));
    format!(
        "#![allow(warnings)]\n{}{}{}use domain::{{Number, Range, Tnum, Word}};\n",
        module("domain", "crates/skep-verify/src/domain/mod.rs"),
        module("concrete", "crates/skep-verify/tests/concrete/mod.rs"),
        module("claims", "xtask/prove/claims.rs"),
    )
}

/// The crate whose functions the solver is asked about.
pub(super) fn functions(root: &Path, claims: &[Claim]) -> String {
    let functions = claims.iter().flat_map(|claim| claim.widths().iter().map(|width| claim.function(*width)));
    head(root) + &functions.collect::<String>()
}

/// The program that tries all values: a line a claim, its name, then how many were tried or with which it fails.
pub(super) fn program(root: &Path, claims: &[Claim]) -> String {
    let mut text = head(root);
    let _ = writeln!(text, "#[path = {}]\nmod values;", quoted(&root.join("xtask/prove/values.rs")));
    text.extend(claims.iter().map(Claim::loops));
    text.push_str("fn main() {\n");
    for Claim { name, .. } in claims {
        let _ = writeln!(
            text,
            "match try_{name}() {{ Ok(n) => println!(\"{name}\\tholds\\t{{n}}\"), \
             Err(e) => println!(\"{name}\\tfails\\t{{e}}\") }}"
        );
    }
    text + "}\n"
}
