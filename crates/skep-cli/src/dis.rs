//! `skep dis`: an object to assembly that assembles to the same instructions.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use skep::asm::DisOptions;
use skep::isa::rowset::Isa;
use skep::isa::text::{Dialect, Writer};
use skep::isa::{Endian, encode_all};
use skep::obj::{Function, RefTarget};

use crate::failure::Failure;
use crate::output::Output;
use crate::programs::Source;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum DialectChoice {
    /// `mov %r0,1`
    Normal,
    /// `r0 = 1`
    Pseudoc,
}

impl From<DialectChoice> for Dialect {
    fn from(choice: DialectChoice) -> Dialect {
        match choice {
            DialectChoice::Normal => Dialect::Normal,
            DialectChoice::Pseudoc => Dialect::Pseudoc,
        }
    }
}

/// The order of the bytes in a number.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EndianChoice {
    /// As on x86-64
    Little,
    /// As on s390x
    Big,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep dis firewall.o                    pseudo-C, as LLVM writes it
  skep dis firewall.o --dialect normal   mnemonics, as GNU writes them
  skep dis firewall.o --json             one object an instruction
  skep dis --raw code.bin --endian big   bare instruction bytes")]
pub(crate) struct Options {
    #[command(flatten)]
    source: Source,

    /// The language
    #[arg(long, value_enum, default_value = "pseudoc")]
    dialect: DialectChoice,

    /// The file holds bare instruction bytes
    #[arg(long, conflicts_with_all = ["json", "name", "cc"])]
    raw: bool,

    /// The byte order of bare bytes
    #[arg(long, value_enum, default_value = "little", requires = "raw")]
    endian: EndianChoice,

    /// One JSON object an instruction: section, function, slot, bytes, text, form, and where it comes from
    #[arg(long)]
    json: bool,
}

pub(crate) fn disassemble(options: &Options) -> Result<(), Failure> {
    let dialect = options.dialect.into();
    if options.raw {
        let path = &options.source.prog;
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::Message(format!("can't read {}: {error}", path.display())))?;
        let mut out = Output::new();
        out.write_all(skep::asm::disassemble_raw(&bytes, options.endian.into(), dialect).as_bytes())?;
        return out.finish();
    }
    let object = options.source.read()?;
    let isa = options.source.isa()?;
    let mut out = Output::new();
    if !options.json {
        let options = DisOptions { dialect, lines: false, isa };
        out.write_all(skep::asm::disassemble_with(&object, &options).as_bytes())?;
        return out.finish();
    }
    let writer = Writer::new(dialect);
    for function in &object.functions {
        let target = |f: &RefTarget| match f {
            RefTarget::Map(map) | RefTarget::MapValue(map, _) => object.maps[*map].name.clone(),
            RefTarget::Function(function) => object.functions[*function].name.clone(),
            RefTarget::Extern { name, .. } => name.clone(),
        };
        instructions(&mut out, function, &writer, isa.as_deref(), object.endian, target)?;
    }
    out.finish()
}

fn instructions(
    out: &mut Output,
    function: &Function,
    writer: &Writer,
    isa: Option<&Isa>,
    endian: Endian,
    target: impl Fn(&RefTarget) -> String,
) -> Result<(), Failure> {
    let lifted = isa.map(|isa| isa.lift(&function.insns));
    let insns = lifted.as_deref().unwrap_or(&function.insns);
    for (slot, insn) in insns.iter().enumerate() {
        if insn.form == skep::isa::FormId::TAIL {
            continue;
        }
        let reference = function.references.iter().find(|r| r.insn == slot).map(|r| target(&r.target));
        let line = function.lines.iter().rfind(|l| l.insn <= slot);
        let row = isa.and_then(|isa| isa.row(insn.form));
        let whole = &insns[slot..slot + row.map_or(insn.slots(), |row| row.slots)];
        let code = isa.map_or_else(|| encode_all(whole, endian), |isa| isa.encode_all(whole, endian));
        let bytes: String = code.iter().map(hex).collect();
        let text = isa.and_then(|isa| isa.text(writer.dialect(), whole));
        let form = row.map(|row| row.name.as_str()).or_else(|| insn.row().map(|row| row.name));
        out.json(&serde_json::json!({
            "section": function.section, "function": function.name, "insn": slot, "bytes": bytes,
            "text": text.unwrap_or_else(|| writer.insn(insn)), "form": form, "reference": reference,
            "file": line.map(|l| l.file.as_ref()), "line": line.map(|l| l.line),
        }))?;
    }
    Ok(())
}

/// A byte as two digits.
fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}
