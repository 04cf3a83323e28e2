//! `--isa FILE`: rows of instruction classes that the table does not have.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use skep::isa::rowset::{Isa, MAX_BYTES};

use crate::failure::Failure;

#[derive(Args, Clone)]
pub(crate) struct Rows {
    /// Rows of further instructions (the format: `examples/extension/mac.isa`)
    #[arg(long = "isa", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Rows {
    /// Reads the file, if one was given.
    pub(crate) fn read(&self) -> Result<Option<Arc<Isa>>, Failure> {
        let Some(file) = &self.file else { return Ok(None) };
        let fail = |why: String| Failure::Message(format!("{}: {why}", file.display()));
        let bytes = std::fs::metadata(file).map_err(|error| fail(error.to_string()))?.len();
        if bytes > MAX_BYTES as u64 {
            return Err(fail(format!("{bytes} bytes, expected at most {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
        let isa = Isa::parse(&text).map_err(|error| fail(error.to_string()))?;
        Ok(Some(Arc::new(isa)))
    }
}
