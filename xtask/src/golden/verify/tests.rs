//! The recorded programs against the lists of what is known to differ. `UPDATE_EXPECT=1` rewrites the lists: cases
//! that don't differ any more go, new ones come with what was said of them as their reason, to be examined.

use std::fmt::Write as _;
use std::path::Path;

use skep_testkit::{shared_data, skip};
use skep_verify::Level;

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
fn judge_all(judges: &Judges, data: &Path, kernel: Option<Arc<Btf>>) -> Vec<Outcome> {
    let options = judges.options(kernel);
    let mut types = Types::new(&data.join("btf.tar.xz")).expect("the types unpack");
    let mut outcomes = Vec::new();
    for file in FILES {
        let file = data.join(format!("{file}.jsonl.gz"));
        let (text, mut tally) = (case::lines(&file).expect("a corpus"), Tally::default());
        for line in text.lines() {
            // Most cases were recorded in one mode only.
            if let Judges::Latest(mode) = judges
                && !line.contains(&format!("\"{}\"", mode.name()))
            {
                continue;
            }
            let outcome = judge(line, judges, &mut types, &options);
            assert!(!matches!(outcome.ours, Ours::Malformed(_)), "{}: {}", outcome.id, outcome.error());
            tally.add(&outcome);
            outcomes.push(outcome);
        }
        println!("{}", tally.summary(&file.file_name().unwrap_or_default().to_string_lossy()));
    }
    outcomes
}

fn differences_are_known(judges: &Judges) {
    let Some(data) = shared_data("verifier") else { skip!("the recorded programs are not there") };
    let kernel = match judges {
        Judges::Latest(_) => match kernel_types(Path::new(KERNEL_BTF)) {
            Ok(kernel) => Some(kernel),
            Err(_) => skip!("no types of the running kernel"),
        },
        // Whoever has such a kernel gives its types to the task.
        Judges::Earlier(_) => None,
    };
    let outcomes = judge_all(judges, &data, kernel);
    let known = Known::of(judges);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = package.join(format!("golden/verify-{}.txt", judges.name()));
        std::fs::write(&file, list(&outcomes, &known, judges)).expect("the list can be written");
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
    // Where a kernel's types are not at hand, nothing is known of what needs them.
    let undecided: std::collections::HashSet<&str> = outcomes
        .iter()
        .filter(|outcome| is_undecided(judges, outcome))
        .map(|outcome| outcome.id.as_str())
        .collect();
    let gone = known.ids().filter(|id| !found.contains(id) && !undecided.contains(id));
    wrong.extend(gone.map(|id| format!("listed, and does not differ any more: {id}")));
    assert!(
        wrong.is_empty(),
        "{}\n{} in all; UPDATE_EXPECT=1 rewrites xtask/golden/verify-{}.txt",
        wrong.join("\n"),
        wrong.len(),
        judges.name()
    );
}

/// Whether nothing can be said of the case without the types of the kernel that judged it.
fn is_undecided(judges: &Judges, outcome: &Outcome) -> bool {
    let lacks = matches!(&outcome.ours, Ours::Refused(error) if is_lack(&error.reason));
    matches!(judges, Judges::Earlier(_)) && lacks
}

/// The list of what differs, with the reasons that are known.
fn list(outcomes: &[Outcome], known: &Known, judges: &Judges) -> String {
    let level = judges.options(None).linux;
    let mut text = format!(
        "# Recorded programs on which this verifier and that of Linux {level} differ, each with why.\n\
        # One a line: id — reason. What is refused as not supported, by name, is not listed.\n"
    );
    let directions = [
        (Match::AcceptedHere, "Accepted here, refused by Linux."),
        (Match::RefusedHere, "Refused here, accepted by Linux."),
    ];
    for (direction, heading) in directions {
        let _ = write!(text, "\n# {heading}\n");
        let stays = |outcome: &&Outcome| {
            let accepts = direction == Match::AcceptedHere;
            is_undecided(judges, outcome) && known.has(&outcome.id) && outcome.expected == Some(!accepts)
        };
        for outcome in outcomes.iter().filter(|outcome| outcome.compare() == direction || stays(outcome)) {
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
    differences_are_known(&Judges::Latest(Mode::Priv));
}

#[test]
fn verdicts_without_privileges_are_those_of_linux_or_known_to_differ() {
    differences_are_known(&Judges::Latest(Mode::BpfCapOnly));
}

fn differences_from_earlier_are_known(level: Level) {
    let recorded = Recorded::of(level).expect("verdicts");
    differences_are_known(&Judges::Earlier(recorded));
}

#[test]
fn verdicts_for_6_1_are_those_of_linux_6_1_or_known_to_differ() {
    differences_from_earlier_are_known(Level::V6_1);
}

#[test]
fn verdicts_for_6_12_are_those_of_linux_6_12_or_known_to_differ() {
    differences_from_earlier_are_known(Level::V6_12);
}
