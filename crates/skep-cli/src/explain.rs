//! `skep explain`: what a rule of the verifier is, with a program that breaks it and one that keeps it. The text is a
//! page of the book, cut at its headings.

use std::io::Write as _;

use clap::Args;
use skep::verify::report::{RULES, Rule};

use crate::failure::Failure;
use crate::output::Output;

/// The page.
const PAGE: &str = include_str!("../../../docs/src/rules.md");

#[derive(Args)]
#[command(after_help = "\
Examples:
  skep explain                   every rule, in a line
  skep explain packet-bounds     one, with examples")]
pub(crate) struct Options {
    /// The rule, as refusals name it: error[RULE]
    rule: Option<String>,
}

pub(crate) fn explain(options: &Options) -> Result<(), Failure> {
    let mut out = Output::new();
    match &options.rule {
        None => {
            let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
            for rule in RULES {
                writeln!(out, "{:width$}  {}", rule.name, rule.title)?;
            }
        }
        Some(name) => {
            let rule = Rule::by_name(name).ok_or_else(|| {
                Failure::Message(format!("there is no rule `{name}`; `skep explain` lists them"))
            })?;
            writeln!(
                out,
                "{}: usually {}\n\n{}",
                rule.name,
                rule.class,
                section(rule).unwrap_or(rule.title)
            )?;
        }
    }
    out.finish()
}

/// A rule's part of the page, without the heading.
fn section(rule: &Rule) -> Option<&'static str> {
    let heading = format!("\n## {}\n", rule.name);
    let rest = &PAGE[PAGE.find(&heading)? + heading.len()..];
    let end = rest.find("\n## ").unwrap_or(rest.len());
    Some(rest[..end].trim())
}
