//! The columns of statistics: veristat's, by its names, in its order; and rows of them.
//! Source: tools/testing/selftests/bpf/veristat.c, Linux 6.18.

/// A column.
pub(crate) struct Column {
    /// Its heading in a table.
    pub(crate) header: &'static str,
    /// Its name in CSV and JSON, then others by which it can be asked for.
    pub(crate) names: &'static [&'static str],
    /// Whether it holds words; all others hold numbers.
    pub(crate) is_text: bool,
}

/// Index of a column.
pub(crate) type ColumnId = usize;

pub(crate) const FILE: ColumnId = 0;
pub(crate) const PROG: ColumnId = 1;
pub(crate) const VERDICT: ColumnId = 2;
pub(crate) const DURATION: ColumnId = 3;
pub(crate) const INSNS: ColumnId = 4;
pub(crate) const STATES: ColumnId = 5;
pub(crate) const PEAK_STATES: ColumnId = 6;
pub(crate) const MAX_STATES: ColumnId = 7;
pub(crate) const MARK_READ: ColumnId = 8;
pub(crate) const SIZE: ColumnId = 9;
pub(crate) const JITED_SIZE: ColumnId = 10;
pub(crate) const PROG_TYPE: ColumnId = 11;
pub(crate) const ATTACH_TYPE: ColumnId = 12;
pub(crate) const STACK: ColumnId = 13;

/// Every column.
pub(crate) const COLUMNS: [Column; 15] = [
    text("File", &["file_name", "filename", "file"]),
    text("Program", &["prog_name", "progname", "prog"]),
    text("Verdict", &["verdict"]),
    number("Duration (us)", &["duration", "dur"]),
    number("Insns", &["total_insns", "insns"]),
    number("States", &["total_states", "states"]),
    number("Peak states", &["peak_states"]),
    number("Max states per insn", &["max_states_per_insn"]),
    number("Max mark read length", &["max_mark_read_len", "mark_read"]),
    number("Program size", &["prog_size"]),
    number("Jited size", &["prog_size_jited"]),
    text("Program type", &["prog_type"]),
    text("Attach type", &["attach_type"]),
    number("Stack depth", &["stack_depth", "stack"]),
    number("Peak memory (MiB)", &["mem_peak"]),
];

/// What a table shows unless it is told otherwise.
pub(crate) const SHOWN: [ColumnId; 8] = [FILE, PROG, VERDICT, DURATION, INSNS, STATES, SIZE, JITED_SIZE];

/// How many of those it shows of two lists.
pub(crate) const SHOWN_TWICE: usize = 6;

const fn text(header: &'static str, names: &'static [&'static str]) -> Column {
    Column { header, names, is_text: true }
}

const fn number(header: &'static str, names: &'static [&'static str]) -> Column {
    Column { header, names, is_text: false }
}

/// The column with this name.
pub(crate) fn by_name(name: &str) -> Option<ColumnId> {
    COLUMNS.iter().position(|column| column.names.contains(&name))
}

/// The names of all columns, for messages.
pub(crate) fn names() -> String {
    COLUMNS.iter().map(|column| column.names[0]).collect::<Vec<_>>().join(", ")
}

/// What a row has in a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Cell {
    /// There is no such thing where the row is from.
    #[default]
    Blank,
    Number(i64),
    Text(String),
}

impl Cell {
    /// A number that may be absent.
    pub(crate) fn count(number: Option<u64>) -> Cell {
        number.map_or(Cell::Blank, |n| Cell::Number(i64::try_from(n).unwrap_or(i64::MAX)))
    }

    pub(crate) fn verdict(accepted: bool) -> Cell {
        Cell::Text(if accepted { "success" } else { "failure" }.to_owned())
    }

    /// The number that filters and orders see: a verdict is 1 for success.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Cell::Number(number) => Some(*number),
            Cell::Text(text) if text == "success" => Some(1),
            Cell::Text(text) if text == "failure" => Some(0),
            Cell::Text(_) | Cell::Blank => None,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Cell::Blank => String::new(),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
        }
    }
}

/// Statistics of one program.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row(Box<[Cell; COLUMNS.len()]>);

impl Row {
    pub(crate) fn cell(&self, column: ColumnId) -> &Cell {
        &self.0[column]
    }

    pub(crate) fn set(&mut self, column: ColumnId, cell: Cell) {
        self.0[column] = cell;
    }

    /// What makes it the same program as in another list: file and name.
    pub(crate) fn key(&self) -> (String, String) {
        (self.0[FILE].text(), self.0[PROG].text())
    }
}
