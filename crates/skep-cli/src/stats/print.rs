//! Statistics as a table, as CSV, or as JSON; of one list, or of two side by side.

use std::io::Write as _;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::column::{COLUMNS, Cell, ColumnId, FILE, PROG};
use super::select::{Subject, percent};
use crate::failure::Failure;
use crate::output::Output;

/// How statistics are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned, for people
    Table,
    /// With a line of names
    Csv,
    /// An object a line
    Json,
}

/// What two lists are called: in headings, and in names of columns.
pub(crate) struct Sides {
    pub(crate) headers: [&'static str; 3],
    pub(crate) names: [&'static str; 3],
}

/// Two files: veristat's words.
pub(crate) const FILES: Sides = Sides { headers: ["A", "B", "DIFF"], names: ["base", "comp", "diff"] };

/// Two judges.
pub(crate) const HOSTS: Sides =
    Sides { headers: ["user", "linux", "DIFF"], names: ["user", "linux", "diff"] };

/// A column as it is printed: one of a list, or one of the three that two lists make of it.
#[derive(Clone, Copy)]
struct Printed {
    column: ColumnId,
    side: Option<usize>,
}

impl Printed {
    fn header(self, sides: &Sides) -> String {
        let header = COLUMNS[self.column].header;
        self.side.map_or_else(|| header.to_owned(), |side| format!("{header} ({})", sides.headers[side]))
    }

    fn name(self, sides: &Sides) -> String {
        let name = COLUMNS[self.column].names[0];
        self.side.map_or_else(|| name.to_owned(), |side| format!("{name}_{}", sides.names[side]))
    }

    /// What stands there, as text; `absent` for what the row does not have.
    fn text(self, subject: &Subject, absent: &str) -> String {
        let word = |cell: Option<&Cell>| match cell {
            None => "N/A".to_owned(),
            Some(Cell::Blank) => absent.to_owned(),
            Some(cell) => cell.text(),
        };
        let (a, b) = subject.cells(self.column);
        match self.side {
            // File and program are the same in both.
            None => word(a.or(b)),
            Some(0) => word(a),
            Some(1) => word(b),
            Some(_) => match (a, b) {
                (Some(Cell::Number(a)), Some(Cell::Number(b))) => {
                    format!("{:+} ({:+.2}%)", b.saturating_sub(*a), percent(*a, *b))
                }
                (Some(Cell::Text(a)), Some(Cell::Text(b))) => {
                    if a == b { "MATCH" } else { "MISMATCH" }.to_owned()
                }
                _ => "N/A".to_owned(),
            },
        }
    }

    fn json(self, subject: &Subject) -> Value {
        let value = |cell: Option<&Cell>| match cell {
            None | Some(Cell::Blank) => Value::Null,
            Some(Cell::Number(number)) => json!(number),
            Some(Cell::Text(text)) => json!(text),
        };
        let (a, b) = subject.cells(self.column);
        match self.side {
            None => value(a.or(b)),
            Some(0) => value(a),
            Some(1) => value(b),
            Some(_) => match (a, b) {
                (Some(Cell::Number(a)), Some(Cell::Number(b))) => json!(b.saturating_sub(*a)),
                (Some(Cell::Text(a)), Some(Cell::Text(b))) => json!(a == b),
                _ => Value::Null,
            },
        }
    }
}

/// Prints rows with these columns.
pub(crate) fn print(
    out: &mut Output,
    subjects: &[Subject],
    columns: &[ColumnId],
    format: Format,
    sides: Option<&Sides>,
) -> Result<(), Failure> {
    let three = |column: ColumnId| sides.is_some() && column != FILE && column != PROG;
    let printed: Vec<Printed> = columns
        .iter()
        .flat_map(|&column| {
            let all = if three(column) { vec![Some(0), Some(1), Some(2)] } else { vec![None] };
            all.into_iter().map(move |side| Printed { column, side })
        })
        .collect();
    let sides = sides.unwrap_or(&FILES);
    match format {
        Format::Table => table(out, subjects, &printed, sides),
        Format::Csv => csv(out, subjects, &printed, sides),
        Format::Json => {
            for subject in subjects {
                let pairs = printed.iter().map(|p| (p.name(sides), p.json(subject)));
                out.json(&Value::Object(pairs.collect::<Map<String, Value>>()))?;
            }
            Ok(())
        }
    }
}

/// Words to the left, numbers to the right, a line under the headings and one at the end.
fn table(out: &mut Output, subjects: &[Subject], printed: &[Printed], sides: &Sides) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> =
        subjects.iter().map(|subject| printed.iter().map(|p| p.text(subject, "-")).collect()).collect();
    let headers: Vec<String> = printed.iter().map(|p| p.header(sides)).collect();
    let width = |index: usize| {
        let cells = rows.iter().map(|row| row[index].chars().count());
        cells.chain([headers[index].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..printed.len()).map(width).collect();
    let line = |cells: &[String], aligned: bool| {
        let cells = cells.iter().zip(&widths).zip(printed).map(|((cell, width), printed)| {
            if aligned && !COLUMNS[printed.column].is_text {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    writeln!(out, "{}\n{}", line(&headers, false), line(&rule, false))?;
    for row in &rows {
        writeln!(out, "{}", line(row, true))?;
    }
    writeln!(out, "{}", line(&rule, false))?;
    Ok(())
}

fn csv(out: &mut Output, subjects: &[Subject], printed: &[Printed], sides: &Sides) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(out);
    let fail = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Failure::from(error),
        other => Failure::Message(format!("can't write: {other:?}")),
    };
    writer.write_record(printed.iter().map(|p| p.name(sides))).map_err(fail)?;
    for subject in subjects {
        writer.write_record(printed.iter().map(|p| p.text(subject, ""))).map_err(fail)?;
    }
    writer.flush()?;
    Ok(())
}
