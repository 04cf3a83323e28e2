//! `skep verify --stats`, `--compare` and `--replay`: what verifications took, as veristat lists it.

mod column;
mod list;
mod print;
mod select;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use skep::host::VerifierStats;
use skep::obj::Program;

use crate::failure::Failure;
use crate::output::Output;
use column::{COLUMNS, Cell, ColumnId, SHOWN, SHOWN_TWICE};
use select::{Asked, Filters};

pub(crate) use column::Row;
pub(crate) use print::Format;
use print::{FILES, HOSTS, Sides};
use select::Subject;

/// Which statistics are printed, and how.
#[derive(Args)]
pub(crate) struct Selection {
    /// How statistics are printed [default: csv; a table with --compare and --replay]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT", requires = "statistics")]
    output_format: Option<Format>,

    /// The columns, separated by commas
    #[arg(long, short = 'e', value_name = "COLUMNS", value_parser = columns, requires = "statistics")]
    emit: Option<Columns>,

    /// The order, by columns separated by commas; `^` behind one for least first, `v` for most first
    #[arg(long, short = 's', value_name = "COLUMNS", value_parser = columns, requires = "statistics")]
    sort: Option<Columns>,

    /// Only rows that fit: `COLUMN>NUMBER`, a glob, `FILE/PROG`, `!` before what is not wanted, `@FILE` with one a line
    #[arg(long, short = 'f', value_name = "FILTER", requires = "statistics")]
    filter: Vec<String>,

    /// Only the first N rows
    #[arg(long, short = 'n', value_name = "N", requires = "statistics")]
    top_n: Option<usize>,
}

/// Columns, as they were asked for.
#[derive(Clone)]
struct Columns(Vec<Asked>);

fn columns(text: &str) -> Result<Columns, String> {
    select::columns(text).map(Columns)
}

impl Selection {
    /// Prints rows; the columns are those asked for, or these.
    fn print(
        &self,
        mut subjects: Vec<Subject>,
        columns: &[ColumnId],
        format: Format,
        sides: Option<&Sides>,
    ) -> Result<(), Failure> {
        let filters = Filters::new(&self.filter).map_err(Failure::Message)?;
        subjects.retain(|subject| filters.want(subject));
        select::sort(&mut subjects, self.sort.as_ref().map_or(&[], |sort| &sort.0));
        subjects.truncate(self.top_n.unwrap_or(usize::MAX));
        let columns = match &self.emit {
            Some(asked) => asked.0.iter().map(|asked| asked.column).collect(),
            None if format == Format::Table => {
                // Each column becomes three where there are two lists: less fits.
                let shown = if sides.is_some() { &SHOWN[..SHOWN_TWICE] } else { &SHOWN[..] };
                columns.iter().copied().filter(|column| shown.contains(column)).collect()
            }
            None => columns.to_vec(),
        };
        let mut out = Output::new();
        print::print(&mut out, &subjects, &columns, format, sides)?;
        out.finish()
    }

    /// Prints what one judge took, or, side by side, what two took.
    pub(crate) fn print_rows(&self, rows: Vec<(Row, Option<Row>)>, json: bool) -> Result<(), Failure> {
        let default = if json { Format::Json } else { Format::Csv };
        let all: Vec<ColumnId> = (0..COLUMNS.len()).collect();
        let two = rows.iter().any(|(_, other)| other.is_some());
        let subject = |(row, other): (Row, Option<Row>)| match other {
            None => Subject::One(row),
            other => Subject::Two(Some(row), other),
        };
        let subjects = rows.into_iter().map(subject).collect();
        self.print(subjects, &all, self.output_format.unwrap_or(default), two.then_some(&HOSTS))
    }

    /// Prints a list that was written before.
    pub(crate) fn replay(&self, list: &Path, json: bool) -> Result<(), Failure> {
        let (columns, rows) = list::read(list)?;
        self.print(rows.into_iter().map(Subject::One).collect(), &columns, self.table_or(json), None)
    }

    /// Prints two lists side by side. Programs are the same that have the same name in files of the same name.
    pub(crate) fn compare(&self, a: &Path, b: &Path, json: bool) -> Result<(), Failure> {
        let ((columns, a), (columns_b, b)) = (list::read(a)?, list::read(b)?);
        let columns: Vec<ColumnId> = columns.into_iter().filter(|c| columns_b.contains(c)).collect();
        let mut both: BTreeMap<(String, String), (Option<Row>, Option<Row>)> = BTreeMap::new();
        for row in a {
            let key = row.key();
            both.entry(key).or_default().0 = Some(row);
        }
        for row in b {
            let key = row.key();
            both.entry(key).or_default().1 = Some(row);
        }
        let subjects = both.into_values().map(|(a, b)| Subject::Two(a, b)).collect();
        self.print(subjects, &columns, self.table_or(json), Some(&FILES))
    }

    fn table_or(&self, json: bool) -> Format {
        self.output_format.unwrap_or(if json { Format::Json } else { Format::Table })
    }
}

/// The row of a program. What its judge does not count is left blank.
pub(crate) fn row(
    file: &Path,
    program: &Program,
    accepted: bool,
    (time, stats): (Duration, &VerifierStats),
    code_bytes: Option<u64>,
) -> Row {
    let file = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let micros = u64::try_from(time.as_micros()).ok();
    let mut row = Row::default();
    for (column, cell) in [
        (column::FILE, Cell::Text(file)),
        (column::PROG, Cell::Text(program.name.clone())),
        (column::VERDICT, Cell::verdict(accepted)),
        (column::DURATION, Cell::count(micros)),
        (column::INSNS, Cell::count(stats.insns)),
        (column::STATES, Cell::count(stats.states)),
        (column::PEAK_STATES, Cell::count(stats.peak_states)),
        (column::MAX_STATES, Cell::count(stats.max_states_per_insn)),
        (column::MARK_READ, Cell::count(stats.mark_read)),
        (column::SIZE, Cell::count(Some(program.insns.len() as u64))),
        (column::JITED_SIZE, Cell::count(code_bytes)),
        (column::PROG_TYPE, Cell::Text(program.prog_type.to_string())),
        (column::ATTACH_TYPE, Cell::Text(format!("{:?}", program.attach_type).to_lowercase())),
        (column::STACK, Cell::count(stats.stack_bytes)),
    ] {
        row.set(column, cell);
    }
    row
}
