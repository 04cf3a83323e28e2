//! What kernels of earlier versions said to the recorded programs: `golden/linux-VERSION.tsv.gz`, a line a case, as
//! `cargo xtask oracle judge` prints it.

use std::collections::HashMap;

use serde_json::{Value, json};
use skep_verify::Level;

use crate::golden::inflate;

/// The verdicts of a version.
pub(super) struct Recorded {
    pub(super) level: Level,
    /// Verdict and last words, by case.
    verdicts: HashMap<String, (String, String)>,
}

impl Recorded {
    /// Those of this version, if a kernel of it was asked.
    pub(super) fn of(level: Level) -> Option<Recorded> {
        let bytes: &[u8] = match level {
            Level::V6_1 => include_bytes!("../../../golden/linux-6.1.tsv.gz"),
            Level::V6_12 => include_bytes!("../../../golden/linux-6.12.tsv.gz"),
            _ => return None,
        };
        let text = inflate::gzip(bytes)?;
        let text = String::from_utf8_lossy(&text);
        let verdict = |line: &str| {
            let mut parts = line.splitn(3, '\t').map(str::to_owned);
            let (verdict, id) = (parts.next()?, parts.next()?);
            Some((id, (verdict, parts.next().unwrap_or_default())))
        };
        Some(Recorded { level, verdicts: text.lines().filter_map(verdict).collect() })
    }

    /// The verdict on a case, as cases carry that of the latest version.
    pub(super) fn verdict(&self, id: &str) -> Value {
        match self.verdicts.get(id) {
            Some((verdict, words)) => json!({ "verdict": verdict, "error": words }),
            None => Value::Null,
        }
    }
}
