//! Assembly to and from objects: whole programs in one `.s` file.
//!
//! Instructions are read and written by [`skep_isa::text`], in both dialects. This crate adds what makes a file
//! of them: sections, labels, functions, data, maps with typed keys and values, and the places of errors.
//!
//! ```
//! let source = r#"
//! .license "GPL"
//! .map counts, type=hash, key=u32, value=u64, max_entries=1024
//!
//! .section xdp
//! count:                          # the first label of a section is a function
//!     r1 = *(u32 *)(r1 + xdp_md.ingress_ifindex)
//!     *(u32 *)(r10 - 4) = r1
//!     r2 = r10
//!     r2 += -4
//!     r1 = counts ll
//!     call bpf_map_lookup_elem
//!     if r0 == 0 goto out
//!     r1 = 1
//!     lock *(u64 *)(r0 + 0) += r1
//! out:
//!     r0 = XDP_PASS
//!     exit
//! "#;
//! let object = skep_asm::assemble(source, "count.s")?;
//! assert_eq!(object.maps[0].name, "counts");
//! assert_eq!(object.functions[0].insns.len(), 12);
//!
//! // An object as text assembles to the same instructions.
//! let text = skep_asm::disassemble(&object, skep_isa::text::Dialect::Normal);
//! let again = skep_asm::assemble(&text, "again.s")?;
//! assert_eq!(again.functions[0].insns, object.functions[0].insns);
//!
//! // Errors have places and suggestions.
//! let errors = skep_asm::assemble("gtoo out", "a.s").unwrap_err();
//! assert_eq!(errors.to_string(), "a.s:1:1: no instruction starts with `gtoo` (did you mean `goto`?)");
//! # Ok::<(), skep_asm::AsmErrors>(())
//! ```
//!
//! # The language
//!
//! **Statements** end with their line, or at `;` in pseudo-C (the normal dialect, in which `;` starts a comment,
//! has the backquote for that). Comments are `#`, `//` and `/* */`. A label is `NAME:` or `N:`, which `Nb` and
//! `Nf` refer to backward and forward. `.dialect normal` or `.dialect pseudoc` changes the language of the
//! instructions that follow. In which language a file starts is told from its lines: [`skep_isa::text::detect`].
//!
//! **Sections** are entered by `.section NAME`, `.text`, `.data`, `.rodata`, `.bss`. A name that isn't a data
//! section's announces a kind of program (`xdp`, `tc`, `socket`…), as libbpf reads it. `.text` holds the
//! functions that programs call.
//!
//! **Functions**: the first label of a section is one, and every label that is called, `.globl`, or said to be
//! one by `.func NAME` or `.type NAME, @function`. It ends where the next begins. Functions of program sections
//! are global (as GNU has it, not those of `.type` without `.globl`), others local unless `.globl`. `.func u64 NAME(u32 a, struct flow *b)` gives it a signature, by
//! which the verifier checks a global function on its own; without one it is checked where it is called.
//!
//! **Names in instructions**: `call NAME` is a function of the file, else a helper (`bpf_map_lookup_elem`), else
//! what `.extern NAME` declares; `rN = NAME ll` loads a map, the address of a variable (`NAME + 8` within it) or
//! of a function. Where a number stands, a constant may: `.set LIMIT, 16` or `LIMIT = 16`, `STRUCT.MEMBER` (its
//! offset; also of `xdp_md` and `__sk_buff`), `STRUCT.sizeof`, `XDP_PASS`, `TC_ACT_OK`, `BPF_NOEXIST`.
//!
//! **Data**: the directives of LLVM and GNU (`.byte`, `.quad`, `.asciz`, `.zero`, `.balign`…). A label in a data
//! section is a variable; its type follows from how it is written, or is said by `.type NAME, TYPE`.
//!
//! **Types and maps**:
//!
//! ```text
//! .struct flow { u32 saddr, daddr
//!                u16 sport, dport
//!                u8  proto }
//! .map flows, type=lru_hash, key=flow, value=u64[4], max_entries=4096, flags=no_common_lru, pinning=by_name
//! .map jumps, type=prog_array, max_entries=4, values=[parse_ip, 3: parse_arp]
//! .map outer, type=array_of_maps, max_entries=2, inner=counts, values=[counts]
//! ```
//!
//! Types are C's (`unsigned long`, `char[16]`, `struct flow *`) and the kernel's short ones (`u8` to `s64`,
//! `__be32`, `bool`). `.license "GPL"` states the licence.
//!
//! What `clang -S` and `bpf-gcc -S` print (the latter in the normal dialect) assembles to what they emit. With
//! `-g` or `-gbtf` such a source brings its types along, and its maps, lines and CO-RE records with them; without,
//! `.loc` alone is kept of its debug information. `.align` counts bytes in pseudo-C, as LLVM has it, and bits in the
//! normal dialect, as GNU has it.
//!
//! **Macros and the like**, as both assemblers have them: `.macro NAME a, b=8, c:req, d:vararg` to `.endm`, used by
//! position or as `b=9`, with `\a`, `\@` (a number of each use's own) and `\()` (nothing, which ends a name) in them,
//! `.exitm`, `.purgem`; `.rept`, `.irp`, `.irpc` to `.endr`; `.if`, `.ifdef`, `.ifb`, `.ifc` and theirs, `.elseif`, `.else`,
//! `.endif`; `.include "FILE"`, which [`Options::include`] reads. All of them are bounded by named limits.
//!
//! **Jumps** to labels beyond 16 bits become `gotol`, or a jump over one, unless [`Options::cpu`] forbids it.
//!
//! It touches no file.
#![forbid(unsafe_code)]

mod assembler;
mod build;
mod constant;
mod ctype;
mod cursor;
mod data;
mod dialect;
mod directive;
mod disassemble;
mod error;
mod expand;
mod format;
mod fragment;
mod function;
mod include;
mod language;
mod layout;
mod macros;
mod map;
mod nearest;
mod operands;
mod origin;
mod outline;
mod raw;
mod relax;
mod resolve;
mod rewrite;
mod section;
mod source;
mod spelling;
mod symbol;
mod typed;

use std::sync::Arc;

use skep_isa::rowset::Isa;
use skep_isa::text::Dialect;
use skep_isa::text::foreign::Language;
use skep_isa::{Cpu, Endian};
use skep_obj::Object;

pub use build::MAX_LINE_TEXT;
pub use ctype::{MAX_MEMBERS, MAX_STRUCTS, MAX_TYPE_BYTES, MAX_TYPE_DEPTH};
pub use cursor::MAX_EXPRESSION_DEPTH;
pub use disassemble::{DisOptions, disassemble, disassemble_raw, disassemble_with};
pub use error::{AsmError, AsmErrors, Cause, MAX_ERRORS, Use};
pub use expand::{MAX_EXPANSION_BYTES, MAX_EXPANSION_DEPTH, MAX_EXPANSIONS};
pub use format::format;
pub use include::{Include, Included};
pub use map::{MAX_INITIAL_SLOT, MAX_MAPS};
pub use outline::{
    Definition, Name, Outline, Part, PartKind, Role, constant_names, constant_value, directives,
    instruction_words, map_attributes, outline,
};
pub use relax::MAX_RELAX_ROUNDS;
pub use rewrite::{RewriteError, rewrite};
pub use section::{MAX_OBJECT_BYTES, MAX_SECTIONS};
pub use source::{MAX_LINES, MAX_SOURCE_BYTES};
pub use symbol::MAX_SYMBOLS;

/// How a source is to be read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The byte order of the object.
    pub endian: Endian,
    /// The dialect in which a source starts that has no mark of any language.
    pub dialect: Dialect,
    /// The language that the source is in; told from the source itself if none is given.
    pub language: Option<Language>,
    /// Whether instructions remember their source lines.
    pub lines: bool,
    /// The highest cpu level that instructions may need; all of them if there is none.
    pub cpu: Option<Cpu>,
    /// Rows beside the built-in table.
    pub isa: Option<Arc<Isa>>,
    /// What reads the files that `.include` names; without it there are none.
    pub include: Option<Include>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            endian: Endian::Little,
            dialect: Dialect::Pseudoc,
            language: None,
            lines: true,
            cpu: None,
            isa: None,
            include: None,
        }
    }
}

/// Assembles a source; `name` is what errors and source lines call it.
pub fn assemble(source: &str, name: &str) -> Result<Object, AsmErrors> {
    assemble_with(source, name, &Options::default())
}

/// [`assemble`], as `options` say.
pub fn assemble_with(source: &str, name: &str, options: &Options) -> Result<Object, AsmErrors> {
    passes(source, name, options, false, |asm, resolved| {
        build::build(asm, resolved, &name.replace('\0', "?"))
    })
}

/// The bare bytes of a source's instructions: no sections, no symbols, no types. There is one section of code
/// at most, and it refers to nothing outside of itself.
///
/// ```
/// let options = skep_asm::Options::default();
/// let bytes = skep_asm::assemble_raw("r0 = 2\nexit", "two.s", &options)?;
/// assert_eq!(bytes, [0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
/// # Ok::<(), skep_asm::AsmErrors>(())
/// ```
pub fn assemble_raw(source: &str, name: &str, options: &Options) -> Result<Vec<u8>, AsmErrors> {
    passes(source, name, options, true, raw::bytes)
}

/// Reads a source, resolves its symbols, and makes something of it by `last`.
fn passes<T>(
    source: &str,
    name: &str,
    options: &Options,
    raw: bool,
    last: impl Fn(&mut assembler::Assembler<'_>, &resolve::Resolved) -> Option<T>,
) -> Result<T, AsmErrors> {
    language::with(source, name, options, |source, options| dialect_passes(source, name, options, raw, last))
}

/// [`passes`] over a source that starts in `options.dialect`.
fn dialect_passes<T>(
    source: &str,
    name: &str,
    options: &Options,
    raw: bool,
    last: impl Fn(&mut assembler::Assembler<'_>, &resolve::Resolved) -> Option<T>,
) -> Result<T, AsmErrors> {
    let (plain, problems) = source::Source::new(source, options.dialect);
    let mut asm = assembler::Assembler::new(&plain, options);
    (asm.problems, asm.raw) = (problems, raw);
    asm.read();
    if !asm.expands {
        return finish(asm, name, last);
    }
    let expand::Expanded { source, problems } = expand::expand(source, name, options);
    if !problems.is_empty() {
        return Err(errors(&source, name, problems));
    }
    let mut asm = assembler::Assembler::new(&source, options);
    asm.raw = raw;
    asm.read();
    finish(asm, name, last)
}

/// The passes that come after a source was read.
fn finish<T>(
    mut asm: assembler::Assembler<'_>,
    name: &str,
    last: impl Fn(&mut assembler::Assembler<'_>, &resolve::Resolved) -> Option<T>,
) -> Result<T, AsmErrors> {
    relax::relax(&mut asm);
    let mut made = None;
    // What a broken statement would have defined is missing afterwards: those errors would mislead.
    if asm.problems.is_empty() {
        let resolved = resolve::resolve(&mut asm);
        if asm.problems.is_empty() {
            made = last(&mut asm, &resolved);
        }
    }
    let problems = std::mem::take(&mut asm.problems);
    match made {
        Some(made) if problems.is_empty() => Ok(made),
        _ => Err(errors(asm.source, name, problems)),
    }
}

/// Problems with their places in lines and columns, in order.
fn errors(source: &source::Source<'_>, name: &str, mut problems: Vec<error::Problem>) -> AsmErrors {
    problems.sort_by_key(|problem| problem.span.at);
    problems.truncate(MAX_ERRORS);
    let error = |problem: error::Problem| {
        let source::Place { file, line, column, .. } = source.place(problem.span.at);
        let cause = match *problem.cause {
            Cause::Redefined { symbol, first } => {
                Cause::Redefined { symbol, first: source.place(first as usize).line }
            }
            cause => cause,
        };
        let uses = source.uses(problem.span.at).into_iter().map(|(what, place)| Use {
            what,
            file: place.file.map(str::to_owned),
            line: place.line,
            column: place.column,
        });
        let (len, message, help) = (problem.span.len as u32, cause.to_string(), problem.help);
        let file = file.map(str::to_owned);
        AsmError { line, column, len, cause, message, help, file, uses: uses.collect() }
    };
    AsmErrors { file: name.to_owned(), errors: problems.into_iter().map(error).collect() }
}
