//! What is counted over the cases of a file.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skep_verify::Reason;

use super::{Match, Ours, Outcome};

/// How many examples of a class of differences are named.
const EXAMPLES: usize = 3;

/// Counts over cases.
#[derive(Default)]
pub(super) struct Tally {
    equal: usize,
    accepted_against: usize,
    refused_against: usize,
    unsupported: usize,
    untold: usize,
    /// Cases that Linux accepts, and those of them that are accepted here.
    accepted_by_linux: usize,
    both_accept: usize,
    /// Equal, and all, by kind of program.
    kinds: BTreeMap<String, (usize, usize)>,
    /// Differing cases by class: how many, and some.
    classes: BTreeMap<String, (usize, Vec<String>)>,
    /// Where both accept: instructions, ours and Linux's; and microseconds, where Linux's are recorded.
    insns: (u64, u64),
    micros: (u64, u64),
    /// The sum of the logarithms of Linux's time over ours, and of how many cases.
    ratio: (f64, usize),
}

impl Tally {
    /// Counts a case.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let found = outcome.compare();
        match found {
            Match::Equal => self.equal += 1,
            Match::AcceptedHere => self.accepted_against += 1,
            Match::RefusedHere => self.refused_against += 1,
            Match::Unsupported => self.unsupported += 1,
            Match::Untold => self.untold += 1,
        }
        if found == Match::Untold {
            return;
        }
        let kind = self.kinds.entry(outcome.kind.clone()).or_default();
        kind.0 += usize::from(found == Match::Equal);
        kind.1 += 1;
        if outcome.expected == Some(true) {
            self.accepted_by_linux += 1;
        }
        match &outcome.ours {
            Ours::Accepted(insns) if found == Match::Equal => {
                self.both_accept += 1;
                self.insns.0 += insns;
                self.insns.1 += outcome.linux_insns;
                if outcome.linux_us > 0 {
                    self.micros.0 += outcome.micros;
                    self.micros.1 += outcome.linux_us;
                    self.ratio.0 += (float(outcome.linux_us) / float(outcome.micros.max(1))).ln();
                    self.ratio.1 += 1;
                }
            }
            _ if found != Match::Equal => {
                let (count, examples) = self.classes.entry(class(outcome)).or_default();
                *count += 1;
                if examples.len() < EXAMPLES {
                    examples.push(outcome.id.clone());
                }
            }
            _ => {}
        }
    }

    /// Counts what another has counted.
    pub(super) fn join(&mut self, other: Tally) {
        self.equal += other.equal;
        self.accepted_against += other.accepted_against;
        self.refused_against += other.refused_against;
        self.unsupported += other.unsupported;
        self.untold += other.untold;
        self.accepted_by_linux += other.accepted_by_linux;
        self.both_accept += other.both_accept;
        for (kind, (equal, all)) in other.kinds {
            let counts = self.kinds.entry(kind).or_default();
            counts.0 += equal;
            counts.1 += all;
        }
        for (class, (count, more)) in other.classes {
            let (counted, examples) = self.classes.entry(class).or_default();
            *counted += count;
            let room = EXAMPLES.saturating_sub(examples.len());
            examples.extend(more.into_iter().take(room));
        }
        self.insns = (self.insns.0 + other.insns.0, self.insns.1 + other.insns.1);
        self.micros = (self.micros.0 + other.micros.0, self.micros.1 + other.micros.1);
        self.ratio = (self.ratio.0 + other.ratio.0, self.ratio.1 + other.ratio.1);
    }

    /// The counts as one object.
    pub(super) fn summary(&self, file: &str) -> Value {
        let told = self.equal + self.accepted_against + self.refused_against + self.unsupported;
        json!({
            "file": file,
            "cases": told + self.untold,
            "untold": self.untold,
            "equal": self.equal,
            "equal_percent": percent(self.equal, told),
            "accepted_against_linux": self.accepted_against,
            "refused_against_linux": self.refused_against,
            "not_supported": self.unsupported,
            "accepted_percent_of_linux": percent(self.both_accept, self.accepted_by_linux),
            "both_accept": {
                "cases": self.both_accept,
                "processed_insns": self.insns.0,
                "processed_insns_linux": self.insns.1,
                "verify_us": self.micros.0,
                "verify_us_linux": self.micros.1,
                "timed_cases": self.ratio.1,
                "times_as_fast_geometric_mean": (self.ratio.0 / float(self.ratio.1 as u64)).exp(),
            },
            "equal_by_kind": self
                .kinds
                .iter()
                .map(|(kind, (equal, all))| (kind.clone(), json!([equal, all])))
                .collect::<serde_json::Map<_, _>>(),
        })
    }

    /// The differing cases by class, the most frequent first.
    pub(super) fn differences(&self) -> Value {
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        let class = |(class, (count, examples)): &(&String, &(usize, Vec<String>))| json!({ "class": class, "cases": count, "examples": examples });
        json!({ "differences": classes.iter().map(class).collect::<Vec<_>>() })
    }
}

/// With one digit after the point.
fn percent(part: usize, all: usize) -> f64 {
    (float(part as u64) * 1000.0 / float(all.max(1) as u64)).round() / 10.0
}

/// Counts and microseconds are far below what a float has digits for.
#[allow(clippy::cast_precision_loss)]
fn float(number: u64) -> f64 {
    number as f64
}

/// What a differing case has in common with others: the reason without its numbers.
fn class(outcome: &Outcome) -> String {
    match &outcome.ours {
        Ours::Accepted(_) => format!("accepted; Linux: {}", without_numbers(&outcome.linux)),
        Ours::Malformed(why) => why.to_string(),
        Ours::Refused(error) => match &error.reason {
            Reason::Unsupported { what } => format!("not supported: {what}"),
            Reason::UnknownFunction { id } => format!("not supported: helper {id}"),
            reason => {
                let name = format!("{reason:?}");
                let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
                format!("refused: {name}: {}", without_numbers(&reason.to_string()))
            }
        },
    }
}

/// The text with every number as one `#`.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(120) {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}
