//! Standard output: line by line to a terminal, in blocks to anything else, so that a capture of a million
//! packets is not a million writes.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use serde_json::Value as Json;

use crate::failure::Failure;

/// Bytes of a block.
const BLOCK: usize = 64 << 10;

/// Standard output, for as long as a verb writes to it.
pub(crate) struct Output(Box<dyn Write>);

impl Output {
    pub(crate) fn new() -> Output {
        let out = io::stdout().lock();
        if out.is_terminal() {
            Output(Box::new(out))
        } else {
            Output(Box::new(BufWriter::with_capacity(BLOCK, out)))
        }
    }

    /// Writes one JSON value as a line.
    pub(crate) fn json(&mut self, value: &Json) -> Result<(), Failure> {
        writeln!(self.0, "{value}")?;
        Ok(())
    }

    /// Writes what is still in the block: dropping it would lose the error.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.0.flush()?;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
