//! The cases that are known to differ, each with its reason: one list a mode, `golden/verify-MODE.txt`, and one a version
//! of Linux, `golden/verify-linux-VERSION.txt`.

use std::collections::BTreeMap;

use skep_verify::Level;

use super::Judges;
use crate::golden::Mode;

/// A list of cases that differ: `ID — REASON`, one a line. Lines that begin with `#` are for readers.
pub(super) struct Known {
    reasons: BTreeMap<String, String>,
}

impl Known {
    /// The list for these judges.
    pub(super) fn of(judges: &Judges) -> Known {
        Known::parse(match judges {
            Judges::Latest(Mode::Priv) => include_str!("../../../golden/verify-priv.txt"),
            Judges::Latest(Mode::BpfCapOnly) => include_str!("../../../golden/verify-bpf_cap_only.txt"),
            Judges::Earlier(recorded) => match recorded.level {
                Level::V6_1 => include_str!("../../../golden/verify-linux-6.1.txt"),
                _ => include_str!("../../../golden/verify-linux-6.12.txt"),
            },
        })
    }

    fn parse(text: &str) -> Known {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        // A line without a reason names a case that none is given for.
        let split = |line: &str| {
            let (id, reason) = line.split_once(" — ").unwrap_or((line, ""));
            (id.to_owned(), reason.to_owned())
        };
        Known { reasons: lines.map(split).collect() }
    }

    /// Whether the case is in the list.
    pub(super) fn has(&self, id: &str) -> bool {
        self.reasons.contains_key(id)
    }
}

#[cfg(test)]
impl Known {
    /// The reason that is given for the case.
    pub(super) fn reason(&self, id: &str) -> Option<&str> {
        self.reasons.get(id).map(String::as_str)
    }

    /// The cases in the list.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.reasons.keys().map(String::as_str)
    }
}
