//! `skep asm`: assembly to an ELF object.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::from_log;
use crate::output::Output;
use crate::rows::Rows;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep asm firewall.s                  write firewall.o
  skep asm firewall.s -o fw.o --json   say what is in it, as JSON
  skep asm --from-log verifier.log     print the program in a verifier's log")]
pub(crate) struct Options {
    /// The source file
    source: PathBuf,

    /// The object to write [default: the source's name with .o]
    #[arg(short, long, value_name = "OBJ")]
    output: Option<PathBuf>,

    /// Say what was written, as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    rows: Rows,

    /// The source is a log of Linux's verifier: print the program in it as assembly, or write that to OBJ
    #[arg(long, conflicts_with = "json")]
    from_log: bool,
}

pub(crate) fn assemble(options: &Options) -> Result<(), Failure> {
    if options.from_log {
        return from_log::print(&options.source, options.output.as_deref());
    }
    let assembly = skep::asm::Options {
        isa: options.rows.read()?,
        ..skep::source::assembly_options()
    };
    let compile = skep::compile::CompileOptions::default();
    let object = skep::source::read_with(&options.source, &compile, &assembly)?;
    let elf = object.to_elf()?;
    let output = options
        .output
        .clone()
        .unwrap_or_else(|| options.source.with_extension("o"));
    if output == options.source {
        return Err(Failure::Message(format!(
            "{} would overwrite its own source: give another name with -o",
            output.display()
        )));
    }
    std::fs::write(&output, &elf)
        .map_err(|error| Failure::Message(format!("can't write {}: {error}", output.display())))?;
    if options.json {
        let programs: Vec<&str> = object.programs().map(|(_, f)| f.name.as_str()).collect();
        let maps: Vec<&str> = object.maps.iter().map(|m| m.name.as_str()).collect();
        let slots: usize = object.functions.iter().map(|f| f.insns.len()).sum();
        let said = serde_json::json!({
            "output": output.to_string_lossy(), "bytes": elf.len(), "insns": slots,
            "programs": programs, "maps": maps,
        });
        let mut out = Output::new();
        out.json(&said)?;
        out.finish()?;
    }
    Ok(())
}
