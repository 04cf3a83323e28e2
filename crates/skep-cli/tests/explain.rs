//! The rules' pages: each rule has one, its bad example is refused by that rule and its good one accepted; and the
//! messages of Linux that have been seen each have a rule.

use std::collections::HashSet;
use std::sync::Arc;

use skep::verify::report::{RULES, Report, Rule};
use skep::verify::{Options, verify};
use skep_testkit::{shared_data, skip};

const PAGE: &str = include_str!("../../../docs/src/rules.md");

/// The sections, by heading.
fn sections() -> Vec<(&'static str, &'static str)> {
    PAGE.split("\n## ").skip(1).map(|section| section.split_once('\n').expect("a heading")).collect()
}

/// The programs of a section, in order.
fn programs(section: &str) -> Vec<&str> {
    section.split("```asm\n").skip(1).map(|rest| rest.split("```").next().expect("an end")).collect()
}

/// The report of the first program in a source, or none if it is accepted.
fn judge(name: &str, source: &str) -> Option<Report> {
    let object =
        skep::asm::assemble(source, "example.s").unwrap_or_else(|e| panic!("{name}: {e:?}\n{source}"));
    let function = object.functions.iter().position(|f| f.name == "prog").expect("a program `prog`");
    let program = Arc::new(object.program(function).expect("it links"));
    let error = verify(program.clone(), &Options::default()).err()?;
    Some(Report::new(&error, &program))
}

#[test]
fn every_rule_has_a_page_under_its_title() {
    let sections = sections();
    for rule in RULES {
        let (_, text) = sections
            .iter()
            .find(|(name, _)| *name == rule.name)
            .unwrap_or_else(|| panic!("no page of {}", rule.name));
        assert_eq!(text.trim().lines().next(), Some(rule.title), "{}", rule.name);
    }
    assert_eq!(sections.len(), RULES.len());
}

#[test]
fn bad_examples_are_refused_by_their_rule_and_good_ones_accepted() {
    let mut wrong = Vec::new();
    for (name, section) in sections() {
        let [bad, good] = programs(section)[..] else {
            assert!(programs(section).is_empty(), "{name}: expected two programs or none");
            continue;
        };
        match judge(name, bad) {
            Some(report) if report.rule.name == name => {}
            Some(report) => wrong.push(format!("{name}: the bad one breaks another rule:\n{report}")),
            None => wrong.push(format!("{name}: the bad one is accepted")),
        }
        if let Some(report) = judge(name, good) {
            wrong.push(format!("{name}: the good one is refused:\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_message_of_linux_that_was_seen_has_a_rule() {
    let Some(data) = shared_data("verifier") else { skip!("the messages are not there") };
    let text = std::fs::read_to_string(data.join("kernel-error-messages-seen.json")).expect("the messages");
    let shapes: Vec<(String, u64)> = serde_json::from_str(&text).expect("pairs");
    let mut rules = HashSet::new();
    let mut without = Vec::new();
    for (shape, _) in &shapes {
        // The shapes have `#` and `N` for numbers.
        let message = shape.replace("R#", "R1");
        match Rule::of_message(&message) {
            Some(rule) => drop(rules.insert(rule.name)),
            None => without.push(shape.as_str()),
        }
    }
    println!("{} messages, {} rules", shapes.len(), rules.len());
    assert!(without.is_empty(), "no rule for:\n{}", without.join("\n"));
}
