//! `skep asm --from-log`: the program in a log of Linux's verifier, as assembly.

use std::io::Write as _;
use std::path::Path;

use skep::isa::text::Reader;
use skep::isa::text::foreign::log;

use crate::failure::Failure;
use crate::output::Output;

/// Most bytes of a log: what the kernel writes at most, four times over.
const MAX_LOG_BYTES: u64 = 4 << 30;

/// Prints the program, or writes it to `output`; says on standard error what the log lacks.
pub(crate) fn print(path: &Path, output: Option<&Path>) -> Result<(), Failure> {
    let file = path.display();
    let bytes =
        |bytes: u64| Failure::Message(format!("{file} has {bytes} bytes, expected at most {MAX_LOG_BYTES}"));
    let io = |error: std::io::Error| Failure::Message(format!("can't read {file}: {error}"));
    let len = std::fs::metadata(path).map_err(io)?.len();
    if len > MAX_LOG_BYTES {
        return Err(bytes(len));
    }
    let text = std::fs::read(path).map_err(io)?;
    let text = String::from_utf8_lossy(&text);
    let listing = log::read(&text, &Reader::pseudoc())
        .map_err(|error| Failure::Message(format!("{file}:{}: {error}", error.line())))?;
    let source = listing.source();
    match output {
        Some(output) => std::fs::write(output, source)
            .map_err(|error| Failure::Message(format!("can't write {}: {error}", output.display())))?,
        None => {
            let mut out = Output::new();
            out.write_all(source.as_bytes())?;
            out.finish()?;
        }
    }
    for gap in listing.gaps() {
        match gap.end - gap.start {
            1 => eprintln!("skep: slot {} is not in the log", gap.start),
            _ => eprintln!("skep: slots {} to {} are not in the log", gap.start, gap.end - 1),
        }
    }
    for slot in &listing.addresses {
        eprintln!("skep: slot {slot} loads a map's address, and the log does not say which map");
    }
    Ok(())
}
