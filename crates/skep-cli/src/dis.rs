//! `skep dis`: an object to assembly that assembles to the same instructions.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use skep::isa::text::{Dialect, Writer};
use skep::isa::{Endian, encode};
use skep::obj::{Function, RefTarget};

use crate::failure::Failure;
use crate::output::Output;
use crate::programs::Source;

#[derive(Clone, Copy, ValueEnum)]
enum DialectChoice {
    /// `mov %r0,1`
    Normal,
    /// `r0 = 1`
    Pseudoc,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep dis firewall.o                    pseudo-C, as LLVM writes it
  skep dis firewall.o --dialect normal   mnemonics, as GNU writes them
  skep dis firewall.o --json             one object an instruction")]
pub(crate) struct Options {
    #[command(flatten)]
    source: Source,

    /// The language
    #[arg(long, value_enum, default_value = "pseudoc")]
    dialect: DialectChoice,

    /// One JSON object an instruction: section, function, slot, bytes, text, form, and where it comes from
    #[arg(long)]
    json: bool,
}

pub(crate) fn disassemble(options: &Options) -> Result<(), Failure> {
    let object = options.source.read()?;
    let dialect = match options.dialect {
        DialectChoice::Normal => Dialect::Normal,
        DialectChoice::Pseudoc => Dialect::Pseudoc,
    };
    let mut out = Output::new();
    if !options.json {
        out.write_all(skep::asm::disassemble(&object, dialect).as_bytes())?;
        return out.finish();
    }
    let writer = Writer::new(dialect);
    for function in &object.functions {
        let target = |f: &RefTarget| match f {
            RefTarget::Map(map) | RefTarget::MapValue(map, _) => object.maps[*map].name.clone(),
            RefTarget::Function(function) => object.functions[*function].name.clone(),
            RefTarget::Extern { name, .. } => name.clone(),
        };
        instructions(&mut out, function, &writer, object.endian, target)?;
    }
    out.finish()
}

fn instructions(
    out: &mut Output,
    function: &Function,
    writer: &Writer,
    endian: Endian,
    target: impl Fn(&RefTarget) -> String,
) -> Result<(), Failure> {
    for (slot, insn) in function.insns.iter().enumerate() {
        if insn.form == skep::isa::FormId::TAIL {
            continue;
        }
        let reference = function.references.iter().find(|r| r.insn == slot).map(|r| target(&r.target));
        let line = function.lines.iter().rfind(|l| l.insn <= slot);
        let bytes: String = skep::isa::encode_all(&function.insns[slot..slot + insn.slots()], endian)
            .iter()
            .map(hex)
            .collect();
        debug_assert!(bytes.starts_with(&encode(insn, endian).iter().map(hex).collect::<String>()));
        out.json(&serde_json::json!({
            "section": function.section, "function": function.name, "insn": slot, "bytes": bytes,
            "text": writer.insn(insn), "form": insn.row().map(|row| row.name), "reference": reference,
            "file": line.map(|l| l.file.as_ref()), "line": line.map(|l| l.line),
        }))?;
    }
    Ok(())
}

/// A byte as two digits.
fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}
