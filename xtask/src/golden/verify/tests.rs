//! The recorded programs against the lists of what is known to differ. `UPDATE_EXPECT=1` rewrites the lists: cases
//! that don't differ any more go, new ones come with what was said of them as their reason, to be examined.

use std::fmt::Write as _;
use std::path::Path;

use skep_testkit::{shared_data, skip};

use super::super::KERNEL_BTF;
use super::*;

/// The files of cases.
const FILES: [&str; 5] = [
    "linux-6.1-verifier",
    "linux-6.12-verifier",
    "linux-6.12-progs-annotated",
    "ebpf-samples",
    "bpfix-bench",
];

/// Every case of every file, judged.
fn judge_all(mode: Mode, data: &Path, kernel: &Arc<Btf>) -> Vec<Outcome> {
    let options = mode.options(Some(kernel.clone()));
    let mut types = Types::new(&data.join("btf.tar.xz")).expect("the types unpack");
    let mut outcomes = Vec::new();
    for file in FILES {
        let file = data.join(format!("{file}.jsonl.gz"));
        let (text, mut tally) = (case::lines(&file).expect("a corpus"), Tally::default());
        for line in text.lines() {
            // Most cases were recorded in one mode only.
            if !line.contains(&format!("\"{}\"", mode.name())) {
                continue;
            }
            let outcome = judge(line, mode, &mut types, &options);
            assert!(!matches!(outcome.ours, Ours::Malformed(_)), "{}: {}", outcome.id, outcome.error());
            tally.add(&outcome);
            outcomes.push(outcome);
        }
        println!("{}", tally.summary(&file.file_name().unwrap_or_default().to_string_lossy()));
    }
    outcomes
}

fn differences_are_known(mode: Mode) {
    let Some(data) = shared_data("verifier") else { skip!("the recorded verdicts are not there") };
    let Ok(kernel) = kernel_types(Path::new(KERNEL_BTF)) else { skip!("no types of the running kernel") };
    let outcomes = judge_all(mode, &data, &kernel);
    let known = Known::of(mode);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = package.join(format!("golden/verify-{}.txt", mode.name()));
        std::fs::write(&file, list(&outcomes, &known)).expect("the list can be written");
        return;
    }
    let differs = |outcome: &&Outcome| matches!(outcome.compare(), Match::AcceptedHere | Match::RefusedHere);
    let mut wrong: Vec<String> = outcomes
        .iter()
        .filter(differs)
        .filter(|outcome| !known.has(&outcome.id))
        .map(|outcome| match outcome.compare() {
            Match::AcceptedHere => format!("accepted against Linux: {}: {}", outcome.id, outcome.linux),
            _ => format!("refused against Linux: {}: {}", outcome.id, outcome.error()),
        })
        .collect();
    let found: std::collections::HashSet<&str> =
        outcomes.iter().filter(differs).map(|outcome| outcome.id.as_str()).collect();
    let gone = known.ids().filter(|id| !found.contains(id));
    wrong.extend(gone.map(|id| format!("listed, and does not differ any more: {id}")));
    assert!(
        wrong.is_empty(),
        "{}\n{} in all; UPDATE_EXPECT=1 rewrites xtask/golden/verify-{}.txt",
        wrong.join("\n"),
        wrong.len(),
        mode.name()
    );
}

/// The list of what differs, with the reasons that are known.
fn list(outcomes: &[Outcome], known: &Known) -> String {
    let mut text =
        "# Recorded programs on which this verifier and that of Linux 6.18 differ, each with why.\n\
        # One a line: id — reason. What is refused as not supported, by name, is not listed.\n"
            .to_owned();
    let directions = [
        (Match::AcceptedHere, "Accepted here, refused by Linux."),
        (Match::RefusedHere, "Refused here, accepted by Linux."),
    ];
    for (direction, heading) in directions {
        let _ = write!(text, "\n# {heading}\n");
        for outcome in outcomes.iter().filter(|outcome| outcome.compare() == direction) {
            let id = &outcome.id;
            let examined = known.reason(id).filter(|reason| !reason.starts_with("not examined"));
            let reason = match (examined, direction) {
                (Some(reason), _) => reason.to_owned(),
                (None, Match::AcceptedHere) => format!("not examined; Linux says: {}", outcome.linux),
                (None, _) => format!("not examined; here: {}", outcome.error()),
            };
            let _ = writeln!(text, "{id} — {}", reason.replace('\n', " "));
        }
    }
    text
}

#[test]
fn verdicts_are_those_of_linux_or_known_to_differ() {
    differences_are_known(Mode::Priv);
}

#[test]
fn verdicts_without_privileges_are_those_of_linux_or_known_to_differ() {
    differences_are_known(Mode::BpfCapOnly);
}
